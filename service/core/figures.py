"""Draws from the estimates what rules judge and what alerts say beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.air_reading import AirReading
from service.core.causes import Cause
from service.core.effects import Leaking
from service.core.estimates import Estimates
from service.core.events import CauseNamed, RuleKind, Severity
from service.core.explanations import told
from service.core.faults import DAEMON
from service.core.growth import TWO_SIDED_95
from service.core.growths import Explained
from service.core.rules import Figure, Rule
from service.core.station import ChannelKind, Group, Medium
from service.core.units import S_PER_DAY
from service.core.views import (
    AtmosphereView,
    Balance,
    ClosureEffect,
    ClosureView,
)
from service.core.wording import utc

LEAKS: Final = frozenset({RuleKind.LEAK_GROWTH, RuleKind.LEAK_RATE})
ABOUT_LEAKS: Final = LEAKS | {RuleKind.RESERVE_TIME, RuleKind.ISOLATION_RESULT}
NEAR_ONSET_S: Final = 2 * S_PER_DAY  # declared activities within this of an onset are weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What was last read: air by atmosphere, and how long each channel has been unusually silent."""

    air: Mapping[Group, AirReading]
    silences_s: NDArray[np.float64]


class Figures(Estimates):
    """What rules judge, and why."""

    def places(self, rule: Rule, groups: Iterable[Group]) -> list[Group]:
        """Return where a rule is judged: in the air of sections, in loops, or the daemon itself."""
        if rule.kind is RuleKind.DAEMON_HEALTH:
            return [DAEMON]
        is_of_loops = rule.medium is Medium.LIQUID
        return [g for g in groups if (self._station.loop_of(g) is not None) is is_of_loops]

    def home(self, rule: Rule, group: Group) -> int:
        """Return the section that an alert on a group stays with when the group splits."""
        if rule.kind is RuleKind.ISOLATION_RESULT:
            return group[0]
        if rule.kind in LEAKS:
            growths = self.growths_in(group)
            if growths:
                return self._likeliest(growths[-1])
        own = tuple(i for i in group if self._station.volumes[i].name in rule.sections)
        return self._station.largest(own or group)

    def is_alone(self, group: Group) -> bool:
        """Say whether an atmosphere is one section behind closed hatches, and not where people are."""
        is_loop = self._station.loop_of(group) is not None
        return len(group) == 1 and not is_loop and self._conditions.home not in group

    def suspects(self, rule: Rule, group: Group) -> dict[str, float]:
        """Return the probability of each section to be the leaking one, as far as it is known."""
        names = [volume.name for volume in self._station.volumes]
        growths = self.growths_in(group)
        if growths and rule.kind in LEAKS:
            return {names[i]: round(p, 4) for i, p in self._suspects(growths[-1]).items()}
        return {names[group[0]]: 1.0} if len(group) == 1 else {}

    def doubts(self, rule: Rule, group: Group) -> tuple[str, ...]:
        """Return why what a closed atmosphere shows may have another explanation."""
        return self._closures.doubts(group) if rule.kind in ABOUT_LEAKS else ()

    def hypotheses(self, rule: Rule, group: Group) -> dict[Cause, float]:
        """Return how likely each cause of what an alert is about is; empty where none is weighed.

        Of the newest growth as it was when it was found, else of what is seen now.
        """
        if rule.kind not in LEAKS:
            return {}
        growths = self.growths_in(group)
        weighing = growths[-1].weighing if growths else self._leaks.weighing_of(group)
        return {} if weighing is None else weighing.probabilities()

    def cause(self, found: Explained, at_s: float) -> CauseNamed:
        """Tell what explains a change of mass, in the figures that are shown."""
        scale = self._scale(found.group)
        size, reach = scale * found.size, scale * TWO_SIDED_95 * found.size_sd
        low, middle, high = size - reach, size, size + reach
        rival, lead = found.weighing.rival(found.cause)
        event = CauseNamed(
            time_s=at_s,
            atmosphere=self.name(found.group),
            sections=self.sections(found.group),
            cause=found.cause,
            since_s=found.since_s,
            since_low_s=found.since_low_s,
            since_high_s=found.since_high_s,
            until_s=None if found.lasts_s is None else found.since_s + found.lasts_s,
            rival=rival,
            lead=lead,
            hypotheses={c.value: p for c, p in found.weighing.probabilities().items()},
            declared_as=self._conditions.declared_near(found.since_s),
            text="",
            onsets=found.onsets,
        )
        if found.lasts_s is None:
            event = replace(
                event,
                rate_kg_per_day=middle * S_PER_DAY,
                rate_low=low * S_PER_DAY,
                rate_high=high * S_PER_DAY,
            )
        else:
            event = replace(event, mass_kg=middle, mass_low_kg=low, mass_high_kg=high)
        return replace(event, text=told(event))

    def next_closure(
        self, rule: Rule, group: Group, now: Situation, at_s: float
    ) -> ClosureView | None:
        """Return the hatch whose closing tells most of where the leak of an alert is."""
        has_place = rule.kind in ABOUT_LEAKS - {RuleKind.RESERVE_TIME}
        if not has_place or len(group) == 1:
            return None
        growths = self.growths_in(group)
        leak = self._leak(group, now.air.get(group), at_s)
        return self._closures.suggestion(
            group,
            self._hatches.taken(self._conditions.hatches),
            now.air,
            at_s,
            self._suspects(growths[-1]) if growths else None,
            growths[-1].size if growths else leak.rate_kg_per_s if leak else None,
        )

    def effects(self, group: Group, now: Situation, at_s: float) -> list[ClosureEffect]:
        """Return what closing each hatch of an atmosphere would leave, as far as its leak is known."""
        air = now.air.get(group)
        leak = self._leak(group, air, at_s)
        if len(group) == 1 or leak is None or air is None or not self._is_fresh(air, at_s):
            return []
        if air.air_mass_kg is None or air.pressure_pa is None:
            return []
        volume_m3 = self._station.volume_m3(group)
        old = self._station.accepted_leak_kg_per_s * volume_m3 / self._volume_m3
        growths = self.growths_in(group)
        return self._closures.effects(
            group,
            self._hatches.taken(self._conditions.hatches),
            Leaking(
                mass_kg=self._scale(group) * air.air_mass_kg,
                pressure_pa=air.pressure_pa,
                rate_kg_per_s=leak.rate_kg_per_s,
                old_kg_per_s=old,
                floor_pa=self._policy.floors_pa["evacuation"],
            ),
            at_s,
            self._suspects(growths[-1]) if growths else None,
        )

    def excluded(self, rule: Rule, group: Group, view: AtmosphereView) -> str:
        """Name the declared activities near an onset that were weighed and found not to be it."""
        growth = view.growth
        if rule.kind is not RuleKind.LEAK_GROWTH or growth is None or growth.onset_s is None:
            return ""
        if view.coolant is not None:
            return ""
        first_s = (growth.onset_low_s or growth.onset_s) - NEAR_ONSET_S
        last_s = (growth.onset_high_s or growth.onset_s) + NEAR_ONSET_S
        near = [a for a in self._conditions.recent if first_s <= a.time_s <= last_s]
        if not near:
            return ""
        named = ", ".join(
            dict.fromkeys(f"{a.name.replace('_', ' ')} of {utc(a.time_s)}" for a in near[-6:])
        )
        elsewhere = not any(
            place is None or place in group for place in map(self._conditions.place, near)
        )
        if elsewhere:
            return f"{named} (outside of this air)"
        if view.balance is Balance.NITROGEN:
            return f"{named} (nitrogen is neither breathed nor made)"
        return f"{named} (the gas it moves was allowed for)"

    def of(self, rule: Rule, group: Group, now: Situation, at_s: float) -> Figure | None:
        """Return what a rule judges on an atmosphere, None = unknown."""
        air = now.air.get(group)
        match rule.kind:
            case RuleKind.PRESSURE_RATE:
                return self._fall(group, at_s)
            case RuleKind.LEAK_GROWTH:
                return self._growth(group, air, at_s)
            case RuleKind.LIMIT:
                return self._limit(rule, group, air, at_s)
            case RuleKind.LEAK_RATE:
                return self._excess(group, air, at_s)
            case RuleKind.RESERVE_TIME:
                return self._reserve(rule, group, air, at_s)
            case _:
                return self._faults.of(rule, group, now.silences_s, at_s)

    def _growth(self, group: Group, air: AirReading | None, at_s: float) -> Figure | None:
        """Return the size of the growths that have been found and have not gone, kg/s.

        That they are is sure; so it is their likeliest size that has to breach, and they have gone
        back only when the largest that they may be has.
        """
        growths = self.growths_in(group)
        if not growths:
            account = self._leaks.account(group)
            if account is None or not self._is_fresh(air, at_s):
                return None
            return Figure.exact(0.0)
        size = self._scale(group) * sum(g.size for g in growths)
        error = self._scale(group) * float(np.hypot.reduce([g.size_sd for g in growths]))
        most = size + TWO_SIDED_95 * error
        return Figure(value=most, low=size, high=most)

    def _limit(
        self, rule: Rule, group: Group, air: AirReading | None, at_s: float
    ) -> Figure | None:
        if rule.quantity is ChannelKind.PRESSURE:
            if air is None or air.pressure_pa is None or not self._is_fresh(air, at_s):
                return None
            alone = self._is_alone(group, air, at_s)
            cap = Severity.WARNING if alone else Severity.EMERGENCY
            return Figure.exact(air.pressure_pa, cap)
        if rule.quantity is ChannelKind.QUANTITY:
            held_kg = air.liquid.held_kg if air is not None and air.liquid is not None else None
            if held_kg is None or not self._is_fresh(air, at_s):
                return None
            return Figure.exact(held_kg, Severity.WARNING)
        channels = self._readings.alive(self._readings.channels(group, rule.quantity), at_s)
        if not len(channels):
            return None
        return Figure.exact(float(np.median(self._readings.value[channels])), Severity.WARNING)

    def _excess(self, group: Group, air: AirReading | None, at_s: float) -> Figure | None:
        leak = self._leak(group, air, at_s)
        account = self._leaks.account(group)
        if leak is None or account is None or not self._is_fresh(air, at_s):
            return None
        if not account.is_armed:
            return None
        accepted = 0.0  # of a loop; the accepted leak is one of air
        if self._station.loop_of(group) is None:
            volume = self._station.volume_m3(group)
            accepted = self._station.accepted_leak_kg_per_s * volume / self._volume_m3
        return Figure(
            value=leak.rate_kg_per_s - accepted,
            low=leak.low_kg_per_s - accepted,
            high=leak.high_kg_per_s - accepted,
        )

    def _reserve(
        self, rule: Rule, group: Group, air: AirReading | None, at_s: float
    ) -> Figure | None:
        leak = self._leak(group, air, at_s)
        account = self._leaks.account(group)
        if air is None or not self._is_fresh(air, at_s):
            return None
        is_armed = account is not None and account.is_armed
        if self._station.loop_of(group) is not None:
            sure = leak if is_armed else self._rapid_leak(group, air, at_s)
            return self._loops.reserve(group, air, sure, at_s)
        if leak is None or not is_armed or self._is_drained(group, at_s):
            return None
        floor_pa = self._policy.floors_pa[rule.floor]
        rates = (leak.rate_kg_per_s, leak.high_kg_per_s, leak.low_kg_per_s)
        value, low, high = (self._time_to(floor_pa, rate, group, air) for rate in rates)
        endless = float("inf")
        alone = self._is_alone(group, air, at_s)
        return Figure(
            value=endless if value is None else value,
            low=endless if low is None else low,
            high=endless if high is None else high,
            most_severe=Severity.WARNING if alone else Severity.EMERGENCY,
        )

    def _is_alone(self, group: Group, air: AirReading, at_s: float) -> bool:
        """Return whether no two gauges agree on the pressure, so that one might be lying."""
        gauges = self._readings.alive(self._readings.gauges(group), at_s)
        return min(len(gauges), air.agreeing) < 2 and not self._policy.single_sensor_emergency
