"""Turns what state channels say of valves, pumps, vehicles, crew and oxygen into activities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.core.samples import Activity, Quality, SampleBatch
from service.core.station import Meaning, Station
from service.core.units import S_PER_DAY

# A smaller change of a rate cannot look like a growth that alerts: 0.1 kg/day, the shipped rule.
LEAST_CHANGE_KG_PER_S: Final = 0.1 / S_PER_DAY
MOST_OXYGEN_KG_PER_S: Final = 25.0 / S_PER_DAY  # three generators at 9 kg/day, the largest there is
MOST_CREW: Final = 20  # 13 were the most aboard the ISS
UNKNOWN_AFTER_S: Final = 600.0  # a single wrong reading does not stop the oxygen
STANDING: Final = frozenset({"docking"})  # at the first reading this is old, and no news

State = float | bool | None  # amount, on or off, or unknown


@dataclass(frozen=True, slots=True)
class _Known:
    """What a channel was last understood to say, when, and since when it says nothing sensible."""

    state: State
    time_s: float
    senseless_s: float | None = None


class Reports:
    """Remembers what each state channel said, for only changes are activities."""

    def __init__(self, station: Station) -> None:
        self._meanings = {
            i: (channel.name, channel.section, channel.means)
            for i, channel in enumerate(station.channels)
            if channel.means is not None
        }
        self._known: dict[int, _Known] = {}

    def activities(self, samples: SampleBatch) -> list[Activity]:
        """Return the changes that believed readings, in order of arrival, report."""
        if not self._meanings:
            return []
        found: list[Activity] = []
        good = samples.quality == Quality.GOOD
        for row in range(len(samples)):
            channel = int(samples.channel[row])
            if good[row] and channel in self._meanings:
                time_s, received_s = float(samples.time_s[row]), float(samples.received_s[row])
                found += self._hear(channel, float(samples.value[row]), time_s, received_s)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"known": dict(self._known)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._known = dict(state["known"])

    def _hear(self, channel: int, value: float, time_s: float, received_s: float) -> list[Activity]:
        name, section, meaning = self._meanings[channel]
        before = self._known.get(channel)
        if before is not None and time_s <= before.time_s:
            return []
        was = None if before is None else before.state
        now = _understood(meaning, value)
        if now is None:
            since_s = time_s if before is None or before.senseless_s is None else before.senseless_s
            # A valve that is under way or fails is where it was; only an amount is lost.
            is_amount = was is not None and not isinstance(was, bool)
            is_change = is_amount and time_s - since_s >= UNKNOWN_AFTER_S
            self._known[channel] = _Known(None if is_change else was, time_s, since_s)
        else:
            is_change = _differs(was, now, meaning, is_first=before is None)
            kept = now if is_change or was is None or isinstance(now, bool) else was
            self._known[channel] = _Known(kept, time_s)
        if not is_change:
            return []
        is_switch = isinstance(now, bool)
        activity = meaning.activity
        if is_switch and activity == "docking" and not now:
            activity, now = "undocking", True
        return [
            Activity(
                time_s=time_s,
                received_s=received_s,
                name=activity,
                section=section,
                state=("on" if now else "off") if is_switch else "value",
                value=None if now is None or is_switch else float(now),
                unit=None if is_switch else _unit(meaning),
                channel=name,
            )
        ]


def _understood(meaning: Meaning, value: float) -> State:
    """Return what a reading says, None if it says nothing that can be."""
    if meaning.on:
        return True if value in meaning.on else False if value in meaning.off else None
    amount = value * meaning.scale
    if meaning.activity == "crew":
        return float(amount) if 0 <= amount <= MOST_CREW and amount == round(amount) else None
    return amount if 0.0 <= amount <= MOST_OXYGEN_KG_PER_S else None


def _differs(was: State, now: State, meaning: Meaning, *, is_first: bool) -> bool:
    if now is None:
        return False
    if isinstance(now, bool):
        standing = is_first and meaning.activity in STANDING
        return now and not standing if was is None else now is not was
    if was is None or meaning.activity == "crew":
        return was is None or now != was
    return abs(now - was) >= LEAST_CHANGE_KG_PER_S


def _unit(meaning: Meaning) -> str:
    return "count" if meaning.activity == "crew" else "kg/s"
