"""Draws from the other stages what is known of an atmosphere: its air, its leak, the time left."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol, TypeVar

import numpy as np

from service.core.air import Readings
from service.core.air_reading import AirReading
from service.core.closures import ClosureBook
from service.core.conditions import Conditions
from service.core.events import Severity
from service.core.falls import RAPID_PA_PER_S, FallWatch
from service.core.faults import DAEMON, DAEMON_NAME, Faults
from service.core.growth import TWO_SIDED_95
from service.core.growths import Growth
from service.core.hatches import UnknownHatches
from service.core.isolation import at_old_leak
from service.core.laws import LawBook
from service.core.leaks import LeakBook
from service.core.loops import Loops
from service.core.outlooks import outlook_of_air, outlook_of_loop
from service.core.physics import time_to_floor_s
from service.core.rules import Figure
from service.core.station import Group, Station, atmospheres
from service.core.views import (
    LOOP_FLOOR,
    AtmosphereView,
    EstimateQuality,
    GrowthEstimate,
    Insight,
    LeakEstimate,
    Outlook,
)
from service.core.volumes import FreeVolumes

LEADS: Final = 1.5  # times as likely as the usual place, for a growth to be laid to another

Place = TypeVar("Place", int, Group)


class EstimatePolicy(Protocol):
    """What of the policy matters here."""

    @property
    def stale_s(self) -> float:
        """Age from which readings count as unknown."""

    @property
    def floors_pa(self) -> Mapping[str, float]:
        """Named pressures."""

    @property
    def single_sensor_emergency(self) -> bool:
        """Whether one sensor may raise an emergency."""


class Estimates:
    """Reads the state of the other stages; holds none itself."""

    def __init__(
        self,
        *,
        station: Station,
        policy: EstimatePolicy,
        readings: Readings,
        conditions: Conditions,
        leaks: LeakBook,
        falls: FallWatch,
        closures: ClosureBook,
        hatches: UnknownHatches,
        volumes: FreeVolumes,
        loops: Loops,
        laws: LawBook,
        faults: Faults,
    ) -> None:
        self._station = station
        self._policy = policy
        self._readings = readings
        self._conditions = conditions
        self._leaks = leaks
        self._falls = falls
        self._closures = closures
        self._hatches = hatches
        self._volumes = volumes
        self._loops = loops
        self._laws = laws
        self._faults = faults
        self._volume_m3 = sum(section.volume_m3 for section in station.sections)

    def sections(self, group: Group) -> tuple[str, ...]:
        """Return the names of the sections of an atmosphere."""
        return tuple(self._station.volumes[i].name for i in group)

    def name(self, group: Group) -> str:
        """Return the name of an atmosphere: that of its largest section."""
        if group == DAEMON:
            return DAEMON_NAME
        return self._station.volumes[self._station.largest(group)].name

    def growths_in(self, group: Group) -> list[Growth]:
        """Return the growths whose likeliest section is in a group, oldest first."""
        return [g for g in self._leaks.growths if self._likeliest(g) in group]

    def atmosphere(self, group: Group, air: AirReading | None, at_s: float) -> AtmosphereView:
        """Return all that is known of an atmosphere; of the daemon, nothing."""
        if group == DAEMON:
            return _nothing(at_s)
        leak = self._leak(group, air, at_s)
        account = self._leaks.account(group)
        fresh = self._is_fresh(air, at_s)
        if not fresh or (leak is None and _is_unweighed(air)):
            quality = EstimateQuality.STALE
        elif account is None or not account.is_armed:
            quality = EstimateQuality.LEARNING
        else:
            quality = EstimateQuality.GOOD
        reserve_time_s = self._reserve_times(group, air, leak.rate_kg_per_s if leak else None)
        view = AtmosphereView(
            time_s=at_s,
            name=self.name(group),
            sections=self.sections(group),
            volume_m3=None,
            pressure_pa=air.pressure_pa if air is not None and fresh else None,
            temperature_k=air.temperature_k if air is not None and fresh else None,
            air_mass_kg=None,
            balance=account.balance if account is not None else None,
            quality=quality,
            leak=leak,
            growth=self._growth_estimate(group),
            reserve_time_s=reserve_time_s,
            law=self._laws.law(group),
            outlook=None if leak is None or air is None else self._outlook(group, air, leak),
        )
        if self._station.loop_of(group) is not None:
            return replace(view, coolant=self._loops.view(group, air if fresh else None))
        return self._of_air(view, group, air)

    def insight(self, group: Group, at_s: float) -> Insight | None:
        """Return what the detector saw last of an atmosphere, None if it has weighed nothing."""
        account = self._leaks.account(group)
        if account is None or account.measured_kg is None:
            return None
        gas_kg, gas_sd_kg, oxygen_kg = self._leaks.gas(account)
        scale = self._scale(group)
        weighing = self._leaks.weighing_of(group)
        surprise, oxygen_surprise = (s if np.isfinite(s) else None for s in account.surprises)
        return Insight(
            time_s=at_s,
            atmosphere=self.name(group),
            sections=self.sections(group),
            balance=account.balance,
            measured_kg=scale * account.measured_kg,
            model_kg=scale * gas_kg,
            model_sd_kg=scale * gas_sd_kg,
            oxygen_kg=scale * oxygen_kg,
            surprise=surprise,
            oxygen_surprise=oxygen_surprise,
            log_odds={} if weighing is None else weighing.log_odds,
        )

    def _of_air(self, view: AtmosphereView, group: Group, air: AirReading | None) -> AtmosphereView:
        """Return a view with what only air has."""
        scale = self._volumes.scale(group)
        free_m3, free_sd_m3 = self._volumes.of(group)
        docked_m3 = float(self._conditions.added_m3[list(group)].sum())
        configured_m3 = self._station.volume_m3(group)
        fresh = None if view.quality is EstimateQuality.STALE else air
        return replace(
            view,
            volume_m3=configured_m3 if air is None else air.volume_m3,
            air_mass_kg=None if fresh is None else _times(scale, fresh.air_mass_kg),
            air_mass_sd_kg=None if fresh is None else _times(scale, fresh.air_mass_sd_kg),
            free_volume_m3=free_m3 + docked_m3,
            free_volume_sd_m3=free_sd_m3,
            assumed=self._hatches.assumed(group, self._conditions.hatches),
        )

    def _reserve_times(
        self, group: Group, air: AirReading | None, rate_kg_per_s: float | None
    ) -> dict[str, float | None]:
        if self._station.loop_of(group) is not None:
            return {LOOP_FLOOR: self._loops.time_left_s(group, air, rate_kg_per_s)}
        return {
            floor: self._time_to(floor_pa, rate_kg_per_s, group, air)
            for floor, floor_pa in self._policy.floors_pa.items()
        }

    def _outlook(self, group: Group, air: AirReading, leak: LeakEstimate) -> Outlook | None:
        """Return what follows from a leak rate, None where it is not known how much there is."""
        loop = self._station.loop_of(group)
        if loop is not None:
            held_kg = air.liquid.held_kg if air.liquid is not None else None
            density = loop.density_kg_per_m3
            if held_kg is None:
                return None
            return outlook_of_loop(leak, held_kg, loop.floor_kg, air.pressure_pa, density)
        mass_kg = _times(self._scale(group), air.air_mass_kg)
        if mass_kg is None or air.pressure_pa is None:
            return None
        return outlook_of_air(
            leak, mass_kg, air.pressure_pa, air.temperature_k, self._policy.floors_pa
        )

    def _scale(self, group: Group) -> float:
        """Return by how much the figures of an atmosphere exceed those of the configured volume."""
        return 1.0 if self._station.loop_of(group) is not None else self._volumes.scale(group)

    def _is_fresh(self, air: AirReading | None, at_s: float) -> bool:
        return air is not None and at_s - air.time_s <= self._policy.stale_s

    def _leak(self, group: Group, air: AirReading | None, at_s: float) -> LeakEstimate | None:
        """Return the leak rate; a rapid fall outruns the slow estimate."""
        slow = None if _is_unweighed(air) else self._slow_leak(group)
        rapid = self._rapid_leak(group, air, at_s)
        if rapid is None or (slow is not None and rapid.low_kg_per_s <= slow.high_kg_per_s):
            return slow
        return rapid

    def _rapid_leak(self, group: Group, air: AirReading | None, at_s: float) -> LeakEstimate | None:
        if self._station.loop_of(group) is not None:
            fall, per_unit = self._loops.rapid_loss(group, at_s), 1.0
        elif air is None or not air.pressure_pa or not air.air_mass_kg:
            return None
        else:
            fall, per_unit = (
                self._fall(group, at_s),
                self._scale(group) * air.air_mass_kg / air.pressure_pa,
            )
            fall = fall if fall is not None and fall.low >= RAPID_PA_PER_S else None
        if fall is None:
            return None
        return LeakEstimate(
            rate_kg_per_s=fall.value * per_unit,
            low_kg_per_s=fall.low * per_unit,
            high_kg_per_s=fall.high * per_unit,
        )

    def _slow_leak(self, group: Group) -> LeakEstimate | None:
        account = self._leaks.account(group)
        known = self._leaks.leak(account.key) if account is not None else None
        if known is None:
            return None
        low, rate, high = (self._scale(group) * figure for figure in known)
        return LeakEstimate(rate_kg_per_s=rate, low_kg_per_s=low, high_kg_per_s=high)

    def _growth_estimate(self, group: Group) -> GrowthEstimate | None:
        scores = [self._leaks.scores.get(a.key, 0.0) for a in self._leaks.accounts_of(group)]
        growths = self.growths_in(group)
        if not scores and not growths:
            return None
        ratio = max([0.0, *scores, *([1.0] if growths else [])])
        if not growths:
            return GrowthEstimate(statistic_ratio=ratio)
        newest = growths[-1]
        size, error = (self._scale(group) * f for f in self._leaks.grown(growths))
        low = size - TWO_SIDED_95 * error
        return GrowthEstimate(
            statistic_ratio=ratio,
            growth_kg_per_s=size,
            # What has grown has not shrunk, however little is known of its size.
            growth_low_kg_per_s=max(low, 0.0) if size > 0.0 else low,
            growth_high_kg_per_s=size + TWO_SIDED_95 * error,
            onset_s=newest.onset_s,
            onset_low_s=newest.onset_low_s,
            onset_high_s=newest.onset_high_s,
        )

    def _fall(self, group: Group, at_s: float) -> Figure | None:
        """Return how fast the pressure falls for certain, by the second steepest gauge."""
        bounds, slopes = self._falls.falls(self._readings.gauges(group), at_s)
        if not len(bounds):
            return None
        if self._is_drained(group, at_s):
            return Figure.exact(0.0)
        second = min(1, len(bounds) - 1)
        if not np.isfinite(bounds[second]) or bounds[second] <= 0.0:
            return Figure.exact(0.0)
        alone = len(bounds) == 1 and not self._policy.single_sensor_emergency
        low, slope = float(bounds[second]), float(slopes[second])
        return Figure(
            value=slope,
            low=low,
            high=2.0 * slope - low,
            most_severe=Severity.WARNING if alone else Severity.EMERGENCY,
        )

    def _is_drained(self, group: Group, at_s: float) -> bool:
        """Say whether a declared activity takes gas away there, as in an airlock for an EVA."""
        drained = self._conditions.drained(at_s)
        return any(self._conditions.reaches(place, group) for place in drained)

    def _time_to(
        self, floor_pa: float, rate_kg_per_s: float | None, group: Group, air: AirReading | None
    ) -> float | None:
        if rate_kg_per_s is None or air is None:
            return None
        mass = _times(self._scale(group), air.air_mass_kg)
        if mass is None or air.pressure_pa is None:
            return None
        return time_to_floor_s(mass, rate_kg_per_s, air.pressure_pa, floor_pa)

    def _suspects(self, growth: Growth) -> dict[int, float]:
        if self._station.loop_of(growth.group) is not None:
            return growth.suspects
        return at_old_leak(growth.suspects, self._closures.chances())

    def _likeliest(self, growth: Growth) -> int:
        """Return the likeliest section in the air that a growth is laid to.

        That is the air of the largest section, and in it the largest, unless another leads.
        """
        suspects = self._suspects(growth)
        largest = self._station.largest(tuple(suspects))
        airs = atmospheres(self._station, self._hatches.taken(self._conditions.hatches))
        shares = {air: sum(suspects.get(section, 0.0) for section in air) for air in airs}
        laid_to = _leading(shares, next(air for air in airs if largest in air))
        inside = {section: p for section, p in suspects.items() if section in laid_to}
        return _leading(inside, self._station.largest(tuple(inside)))


def _leading(shares: Mapping[Place, float], usual: Place) -> Place:
    """Return the one with the largest share if it leads over the usual one, else that."""
    most = max(shares, key=lambda one: shares[one])
    return most if shares[most] >= LEADS * shares[usual] else usual


def _nothing(at_s: float) -> AtmosphereView:
    """Return the view of what has no air."""
    return AtmosphereView(
        time_s=at_s,
        name=DAEMON_NAME,
        sections=(),
        volume_m3=None,
        pressure_pa=None,
        temperature_k=None,
        air_mass_kg=None,
        balance=None,
        quality=EstimateQuality.STALE,
        leak=None,
        growth=None,
        reserve_time_s={},
    )


def _times(scale: float, mass_kg: float | None) -> float | None:
    return None if mass_kg is None else scale * mass_kg


def _is_unweighed(air: AirReading | None) -> bool:
    """Say whether a loop was heard and its balance is still unknown."""
    return air is not None and air.liquid is not None and air.liquid.mass_kg is None
