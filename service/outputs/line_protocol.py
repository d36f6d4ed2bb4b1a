"""Renders readings, estimates and alert events as InfluxDB line protocol in microseconds."""

from collections.abc import Mapping
from typing import Any, Final

from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from service.core.events import AlertEvent
from service.core.samples import SampleBatch
from service.core.station import Station
from service.core.views import AtmosphereView
from service.outputs.records import alert_record, estimate_record, figure

ALERT_TAGS: Final = ("rule", "atmosphere", "event")  # two events of one tick must not overwrite


class LineProtocol:
    """Renders the records of one station; the escaping is all the library's own."""

    def __init__(self, station: Station) -> None:
        self._tags = {"station": station.name}
        self._sample_heads = [
            _head("sample", {"channel": channel.name, "section": channel.section, **self._tags})
            for channel in station.channels
        ]

    def samples(self, samples: SampleBatch) -> list[bytes]:
        """Return one line a reading: value in SI, quality as its number (0 = good)."""
        columns = zip(
            samples.channel.tolist(),
            samples.value.tolist(),
            samples.quality.tolist(),
            samples.time_s.tolist(),
            strict=True,
        )
        return [
            b"%b value=%r,quality=%di %d"
            % (self._sample_heads[channel], value, quality, microseconds(time_s))
            for channel, value, quality, time_s in columns
        ]

    def estimate(self, estimate: AtmosphereView) -> bytes:
        """Return the line of an estimate, with more of the model than the table has."""
        record = estimate_record(estimate)
        fields = {
            **record,
            "temperature_k": figure(estimate.temperature_k),
            "air_mass_kg": figure(estimate.air_mass_kg),
            "coolant_mass_kg": figure(estimate.coolant.mass_kg if estimate.coolant else None),
            "growth_statistic_ratio": figure(
                estimate.growth.statistic_ratio if estimate.growth else None
            ),
        }
        return self._line("estimate", ("atmosphere",), fields, estimate.time_s)

    def alert_event(self, event: AlertEvent) -> bytes:
        """Return the line of an alert event; lists become text."""
        fields = alert_record(event)
        fields["sections"] = " ".join(event.sections)
        for name in ("suspects", "hypotheses"):
            fields[name] = " ".join(f"{what}={p}" for what, p in fields[name].items())
        return self._line("alert_event", ALERT_TAGS, fields, event.time_s)

    def _line(
        self, measurement: str, tags: tuple[str, ...], fields: dict[str, Any], time_s: float
    ) -> bytes:
        return point_line(
            measurement,
            {**self._tags, **{name: fields[name] for name in tags}},
            {name: value for name, value in fields.items() if name not in {"time", *tags}},
            time_s,
        )


def point_line(
    measurement: str, tags: Mapping[str, str], fields: Mapping[str, Any], time_s: float
) -> bytes:
    """Return one line as the library escapes it, without the fields that are None."""
    point: Any = Point(measurement)  # type: ignore[no-untyped-call]
    for name, value in tags.items():
        point.tag(name, value)
    for name, value in fields.items():
        point.field(name, value)
    line: str = point.time(microseconds(time_s), WritePrecision.US).to_line_protocol()
    return line.encode()


def microseconds(time_s: float) -> int:
    """Return whole microseconds; a float64 of Unix seconds holds no finer time."""
    return round(time_s * 1e6)


def _head(measurement: str, tags: Mapping[str, str]) -> bytes:
    """Return measurement and tags as the library escapes them."""
    return point_line(measurement, tags, {"marker": 1}, 0.0).rpartition(b" marker=")[0]
