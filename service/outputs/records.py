"""Renders facts and estimates as the records of the file, log and API contracts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import orjson

from service.core.events import (
    ActivityNoted,
    AlertEvent,
    AtmospheresChanged,
    CauseNamed,
    ClosedSide,
    CommandTaken,
    Event,
    FreeVolumeEstimated,
    IncidentChanged,
    IsolationDoubted,
    IsolationTestBegan,
    IsolationTestJudged,
    SensorDoubted,
    SensorTrusted,
)
from service.core.units import S_PER_DAY
from service.core.views import AlertView, AtmosphereView

SIGNIFICANT_DIGITS: Final = 7  # 0.1 Pa of an atmosphere, finer than any cabin sensor
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ESTIMATE_COLUMNS: Final = (
    "time",
    "atmosphere",
    "sections",
    "leak_rate_kg_per_day",
    "low",
    "high",
    "pressure_pa",
    "reserve_time_s",
    "quality",
    "reserve_low_s",
    "reserve_high_s",
    "to_flight_rule_s",
    "to_certification_s",
    "gas_kg_per_month",
    "hole_low_mm",
    "hole_high_mm",
    "flow_exponent",
)


def timestamp(time_s: float) -> str:
    """Return the time as RFC 3339 in UTC with milliseconds.

    Examples
    --------
    >>> timestamp(1707782400.0006)
    '2024-02-13T00:00:00.001Z'
    """
    moment = EPOCH + timedelta(milliseconds=round(time_s * 1000.0))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def figure(value: float | None) -> float | None:
    """Return the value with `SIGNIFICANT_DIGITS`, None where it is unknown or not finite.

    Examples
    --------
    >>> figure(1.08862168800001), figure(float("nan")), figure(None)
    (1.088622, None, None)
    """
    if value is None or not isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def alert_record(event: AlertEvent) -> dict[str, Any]:
    """Return the contract fields of an alert event; what is not known is None."""
    return {
        "time": timestamp(event.time_s),
        "alert_id": event.alert_id,
        "rule": event.rule,
        "kind": event.kind.value,
        "severity": event.severity.value,
        "event": event.event.value,
        "state": event.state.value,
        "atmosphere": event.atmosphere,
        "sections": list(event.sections),
        "suspects": _likeliest_first(event.suspects),
        "hypotheses": _likeliest_first(event.hypotheses),
        "leak_rate_kg_per_day": figure(event.leak_rate_kg_per_day),
        "leak_rate_low": figure(event.leak_rate_low),
        "leak_rate_high": figure(event.leak_rate_high),
        "growth_kg_per_day": figure(event.growth_kg_per_day),
        "onset_time": _optional_timestamp(event.onset_time_s),
        "onset_low": _optional_timestamp(event.onset_low_s),
        "onset_high": _optional_timestamp(event.onset_high_s),
        "reserve_time_s": figure(event.reserve_time_s),
        "reserve_low_s": figure(event.reserve_low_s),
        "reserve_high_s": figure(event.reserve_high_s),
        "reason": event.reason,
        "text": event.text,
    }


def alert_line(event: AlertEvent) -> bytes:
    """Return one line of `alerts.jsonl`, its line feed included."""
    return orjson.dumps(alert_record(event), option=orjson.OPT_APPEND_NEWLINE)


def alert_summary(alert: AlertView) -> dict[str, Any]:
    """Return an alert as it stands now, in the words of the alert events."""
    until_s = alert.shelved_until_s
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "atmosphere": alert.atmosphere,
        "sections": list(alert.sections),
        "since": timestamp(alert.since_s),
        "shelved_until": None if until_s is None else timestamp(until_s),
        "text": alert.text,
        "told": timestamp(alert.told_s),
    }


def estimate_record(estimate: AtmosphereView) -> dict[str, Any]:
    """Return the contract fields of an estimate; what never comes is None too."""
    leak, outlook, floors = estimate.leak, estimate.outlook, estimate.reserve_time_s
    low_s, high_s = estimate.reserve_band_s or (None, None)
    return {
        "time": timestamp(estimate.time_s),
        "atmosphere": estimate.name,
        "sections": " ".join(estimate.sections),
        "leak_rate_kg_per_day": figure(leak.rate_kg_per_s * S_PER_DAY) if leak else None,
        "low": figure(leak.low_kg_per_s * S_PER_DAY) if leak else None,
        "high": figure(leak.high_kg_per_s * S_PER_DAY) if leak else None,
        "pressure_pa": figure(estimate.pressure_pa),
        "reserve_time_s": figure(estimate.reserve_s),
        "quality": estimate.quality.value,
        "reserve_low_s": figure(low_s),
        "reserve_high_s": figure(high_s),
        "to_flight_rule_s": figure(floors.get("flight_rule")),
        "to_certification_s": figure(floors.get("certification")),
        "gas_kg_per_month": figure(outlook.gas_kg_per_month) if outlook else None,
        "hole_low_mm": _millimetres(outlook.hole_low_m if outlook else None),
        "hole_high_mm": _millimetres(outlook.hole_high_m if outlook else None),
        "flow_exponent": figure(estimate.law.exponent if estimate.law else None),
    }


def estimate_row(estimate: AtmosphereView) -> list[str]:
    """Return the cells of a row of `estimates.csv`, in the order of `ESTIMATE_COLUMNS`."""
    record = estimate_record(estimate)
    return ["" if record[column] is None else str(record[column]) for column in ESTIMATE_COLUMNS]


def event_record(event: Event) -> dict[str, Any]:
    """Return the fields of any fact, as a log line carries them."""
    match event:
        case AlertEvent():
            return alert_record(event)
        case AtmospheresChanged():
            return {
                "time": timestamp(event.time_s),
                "atmospheres": [list(sections) for sections in event.atmospheres],
                "reason": event.reason,
            }
        case CauseNamed():
            return cause_record(event)
        case ActivityNoted():
            return {
                "time": timestamp(event.time_s),
                "activity": event.name,
                "place": event.place,
                "understood": event.understood,
                "reason": event.reason,
                "state": event.state,
                "value": figure(event.value),
                "unit": event.unit,
                "allowed_kg": figure(event.mass_sd_kg),
                "allowed_kg_per_day": figure(event.rate_sd_kg_per_day),
            }
        case CommandTaken():
            return command_record(event)
        case IncidentChanged():
            return {
                "time": timestamp(event.time_s),
                "incident_id": event.incident_id,
                "severity": event.severity.value,
                "sections": list(event.sections),
                "alerts": list(event.alerts),
                "text": event.headline,
            }
        case IsolationTestBegan() | IsolationTestJudged() | IsolationDoubted():
            return _isolation_record(event)
        case SensorDoubted() | SensorTrusted():
            return _sensor_record(event)
        case FreeVolumeEstimated():
            return {
                "time": timestamp(event.time_s),
                "atmosphere": event.atmosphere,
                "mass_kg": figure(event.mass_kg),
                "rise_pa": figure(event.rise_pa),
                "measured_m3": figure(event.measured_m3),
                "measured_sd_m3": figure(event.measured_sd_m3),
                "free_volume_m3": figure(event.free_volume_m3),
                "free_volume_sd_m3": figure(event.free_volume_sd_m3),
                "believed": event.is_believed,
            }


def cause_record(event: CauseNamed) -> dict[str, Any]:
    """Return what changed the air, with its evidence; what is not known is None."""
    return {
        "time": timestamp(event.time_s),
        "atmosphere": event.atmosphere,
        "sections": list(event.sections),
        "cause": event.cause.value,
        "since": timestamp(event.since_s),
        "since_low": timestamp(event.since_low_s),
        "since_high": timestamp(event.since_high_s),
        "until": _optional_timestamp(event.until_s),
        "mass_kg": figure(event.mass_kg),
        "mass_low_kg": figure(event.mass_low_kg),
        "mass_high_kg": figure(event.mass_high_kg),
        "rate_kg_per_day": figure(event.rate_kg_per_day),
        "rate_low": figure(event.rate_low),
        "rate_high": figure(event.rate_high),
        "rival": event.rival.value,
        "lead": figure(event.lead),
        "hypotheses": _likeliest_first(event.hypotheses),
        "declared_as": event.declared_as,
        "text": event.text,
    }


def _isolation_record(
    event: IsolationTestBegan | IsolationTestJudged | IsolationDoubted,
) -> dict[str, Any]:
    match event:
        case IsolationTestBegan():
            return {
                "time": timestamp(event.time_s),
                "hatch": event.hatch,
                "atmospheres": [list(sections) for sections in event.atmospheres],
            }
        case IsolationTestJudged():
            return {
                "time": timestamp(event.time_s),
                "hatches": list(event.hatches),
                "hours": figure(event.hours),
                "sides": [_side_record(side) for side in event.sides],
                "suspects": _likeliest_first(event.suspects),
                "conclusive": event.is_conclusive,
                "reason": event.reason,
                "text": event.text,
            }
        case IsolationDoubted():
            return {
                "time": timestamp(event.time_s),
                "atmosphere": event.atmosphere,
                "sections": list(event.sections),
                "doubt": event.doubt.value,
                "text": event.text,
            }


def _sensor_record(event: SensorDoubted | SensorTrusted) -> dict[str, Any]:
    match event:
        case SensorDoubted():
            return {
                "time": timestamp(event.time_s),
                "channel": event.channel,
                "fault": event.fault.value,
                "named": event.is_named,
                "against": list(event.against),
                "difference_pa": figure(event.difference_pa),
                "since": timestamp(event.since_s),
            }
        case SensorTrusted():
            return {
                "time": timestamp(event.time_s),
                "channel": event.channel,
                "doubted_since": timestamp(event.since_s),
            }


def command_record(event: CommandTaken) -> dict[str, Any]:
    """Return who did what to which alert, and what became of it; `refused` is empty if it was done.

    The modes are empty where it was about an alert.
    """
    return {
        "time": timestamp(event.time_s),
        "command_id": event.command_id,
        "command": event.order.value,
        "who": event.who,
        "why": event.why,
        "alert_id": event.alert_id,
        "rule": event.rule,
        "atmosphere": event.atmosphere,
        "old_state": event.old_state.value,
        "new_state": event.new_state.value,
        "refused": event.refused,
        "old_mode": event.old_mode,
        "new_mode": event.new_mode,
    }


def _millimetres(metres: float | None) -> float | None:
    return None if metres is None else figure(1000.0 * metres)


def _optional_timestamp(time_s: float | None) -> str | None:
    return None if time_s is None or not isfinite(time_s) else timestamp(time_s)


def _side_record(side: ClosedSide) -> dict[str, Any]:
    return {
        "sections": list(side.sections),
        "leak_rate_kg_per_day": figure(side.leak_rate_kg_per_day),
        "leak_rate_low": figure(side.leak_rate_low),
        "leak_rate_high": figure(side.leak_rate_high),
    }


def _likeliest_first(suspects: Mapping[str, float]) -> dict[str, float | None]:
    ranked = sorted(suspects.items(), key=lambda suspect: (-suspect[1], suspect[0]))
    return {section: figure(probability) for section, probability in ranked}
