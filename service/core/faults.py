"""Draws what rules judge of sensors, of closed hatches and of the daemon itself."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.air import Readings
from service.core.claims import (
    apart_claim,
    frozen_claim,
    isolation_claim,
    silent_claim,
    together,
)
from service.core.closures import ClosureBook
from service.core.events import RuleKind, SensorFault
from service.core.health import HealthBook
from service.core.rules import Figure, Rule
from service.core.station import Group, Station
from service.core.stillness import Stillness

DAEMON: Final[Group] = ()  # stands for the daemon where others stand for an atmosphere
DAEMON_NAME: Final = "hullwatch"


class Faults:
    """Reads the state of the other stages; holds none itself."""

    def __init__(
        self,
        *,
        station: Station,
        readings: Readings,
        closures: ClosureBook,
        stillness: Stillness,
        health: HealthBook,
    ) -> None:
        self._station = station
        self._readings = readings
        self._closures = closures
        self._stillness = stillness
        self._health = health

    def of(
        self, rule: Rule, group: Group, silences_s: NDArray[np.float64], at_s: float
    ) -> Figure | None:
        """Return what a rule of these kinds judges, None = unknown."""
        match rule.kind:
            case RuleKind.FROZEN_VALUE:
                return self._frozen(group, at_s, min(rule.thresholds.values()))
            case RuleKind.SENSOR_DISAGREEMENT:
                return self._apart(group)
            case RuleKind.ISOLATION_RESULT:
                return self._result(group)
            case RuleKind.DAEMON_HEALTH:
                return self._health.figure(rule.part, at_s)
            case _:  # silence
                return self._silence(group, silences_s, min(rule.thresholds.values()))

    def _silence(
        self, group: Group, silences_s: NDArray[np.float64], least_s: float
    ) -> Figure | None:
        channels = self._readings.of(group)
        if not len(channels):
            return None
        silent = channels[silences_s[channels] >= least_s].tolist()
        silent_s = {self._name(c): float(silences_s[c]) for c in silent}
        return _figure(float(silences_s[channels].max()), silent_s, silent_claim(silent_s))

    def _frozen(self, group: Group, at_s: float, least_s: float) -> Figure | None:
        channels = self._readings.of(group)
        stillness, votes = self._stillness, self._readings.votes
        if not np.isfinite(stillness.since_s[channels]).any():
            return None
        longest_s = 0.0
        claims: dict[str, str] = {}
        stand = stillness.stand(channels, least_s) | votes.is_doubted(channels)
        for i in channels[stand].tolist():
            channel = self._station.channels[i]
            doubted = votes.doubt(i)
            is_stuck = doubted is not None and doubted.fault is SensorFault.STUCK
            lasts_s = stillness.still_s(i)
            since_s, why = stillness.stopped_s(i), "longer than its noise and its habit allow"
            if stillness.is_held(i):
                why = "and its sender marks it as held"
            elif is_stuck and doubted is not None:
                since_s = min(since_s, doubted.since_s)
                lasts_s = at_s - since_s
                why = "while the others of its air moved"
            if lasts_s is not None and lasts_s >= least_s:
                longest_s = max(longest_s, lasts_s)
                value = float(stillness.value[i])
                claims[channel.name] = frozen_claim(channel, value, since_s, lasts_s, why)
        claim = together(list(claims.values())) or "every value moves as it should"
        return _figure(longest_s, claims, claim)

    def _apart(self, group: Group) -> Figure | None:
        """Return how far the sensor that is furthest from the others is from them, Pa."""
        votes, channels = self._readings.votes, self._readings.of(group)
        if not votes.compared[channels].any():
            return None
        found = map(votes.doubt, channels[votes.is_doubted(channels)].tolist())
        doubted = [d for d in found if d is not None and d.fault is not SensorFault.STUCK]
        doubted.sort(key=lambda d: -abs(d.difference_pa))
        if not doubted:
            return _figure(0.0, {}, "the sensors of one gas agree")
        # Of two that part each is doubted for the other's sake, which is one fact.
        claims = dict.fromkeys(map(apart_claim, doubted))
        subjects = {d.channel: d.channel for d in doubted}
        return _figure(abs(doubted[0].difference_pa), subjects, together(list(claims)))

    def _result(self, group: Group) -> Figure | None:
        result = self._closures.result()
        if result is None or result.group != group:
            return _figure(0.0, {}, "no closed hatch shows where the leak is")
        names = tuple(self._station.volumes[i].name for i in group)
        claim = isolation_claim(names, result.probability, result.hatches)
        return _figure(result.probability, {}, claim)

    def _name(self, channel: int) -> str:
        return self._station.channels[channel].name


def _figure(value: float, subjects: Mapping[str, object], claim: str) -> Figure:
    return Figure(value=value, low=value, high=value, subjects=frozenset(subjects), claim=claim)
