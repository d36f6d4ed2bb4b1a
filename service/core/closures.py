"""Follows the hatches: every closure that parts an atmosphere is a test of where the leak is.

While the atmospheres stay as they are, what each has lost since is weighed. When a hatch moves, the
result is added to what is known, and counting begins anew, so that nothing counts twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core import findings
from service.core.accounts import RATE_PRIOR_SD, Ledger
from service.core.air import Readings
from service.core.doors import DoorPlan
from service.core.doubts import DoubtBook
from service.core.effects import Leaking, effects_of
from service.core.events import ClosedSide, Event, IsolationTestBegan, IsolationTestJudged
from service.core.isolation import Side, Whole, evidence, gathered, posterior
from service.core.spells import Air, Spell
from service.core.station import Group, HatchState, Station
from service.core.suggestions import APART, RIGHT, suggest
from service.core.units import S_PER_DAY
from service.core.views import ClosureEffect, ClosureView, IsolationView
from service.core.wording import MOST_CERTAIN, named, span

JUDGE_EVERY_S: Final = 600.0
LEAST_S: Final = 3600.0  # before it, heat and air of the closing itself are still on the move
LONGEST_S: Final = 4 * S_PER_DAY  # rates are taken as constant for no longer
EMPTIED: Final = 0.85  # of the pressure at the closing; below it, the flow is no longer the same
DRIFT_SD: Final = 0.1 / S_PER_DAY  # kg/s; by which the loss of the station may change in a day
OWN_ODDS: Final = float(np.log(3.0))  # that a test itself must give to what it is said to show
UNREAD: Final = 0.3  # probability of sections without a gauge that makes a test inconclusive
ALIKE: Final = 0.5  # probability of no one section from which on it is said to be so
POSSIBLE: Final = 0.05  # probability below which a section is not what keeps a test from an answer
TWO_SIDED_95: Final = 1.959964  # standard errors, of a normal distribution

Hatches = Mapping[str, HatchState]
Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class RunningTest:
    """Hatches that were closed, one after the other, to see what happens."""

    hatches: tuple[str, ...]
    since_s: float  # of the last closing
    is_judged: bool = False
    news: Group | None = None  # where it showed the leak to be, unless that was known before


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the closed hatches of now have shown that was not known before."""

    group: Group
    probability: float
    hatches: tuple[str, ...]


class ClosureBook:
    """What closures have told of where the leak is."""

    def __init__(self, station: Station, readings: Readings, ledger: Ledger) -> None:
        self._station = station
        self._plan = DoorPlan(station, readings)
        self._ledger = ledger
        self._doubts = DoubtBook(self._plan, ledger)
        self._count = len(station.sections)
        # Log-likelihoods of each section and of none: by former closures, by this one, by all.
        self._known = np.zeros(self._count + 1)
        self._own = np.zeros(self._count + 1)
        self._now = np.zeros(self._count + 1)
        self._has_told = False
        self._spell = Spell(groups=self._plan.first_groups)
        self._test: RunningTest | None = None
        self._sides: list[Side] = []
        self._whole = Whole(rate_kg_per_s=station.accepted_leak_kg_per_s, error=RATE_PRIOR_SD)
        self._whole_s: float | None = None
        self._whole_pa: float | None = None
        self._widest_m3 = 0.0

    def regroup(self, groups: tuple[Group, ...], at_s: float, moved: str) -> list[Event]:
        """Take note that a hatch has moved; to be told before the accounts are regrouped."""
        events: list[Event] = []
        groups = self._station.of_air(groups)
        is_parted = len(groups) > len(self._spell.groups)
        test = self._test
        if test is not None and not test.is_judged and not is_parted:
            events.append(self._verdict(test, at_s))
        self._begin(groups, at_s)
        self._doubts.regroup(groups)
        self._test = None
        if is_parted:
            running = () if test is None or test.is_judged else test.hatches
            self._test = RunningTest(hatches=(*running, moved), since_s=at_s)
            names = tuple(self._plan.names(group) for group in groups)
            events.append(IsolationTestBegan(time_s=at_s, hatch=moved, atmospheres=names))
        return events

    def judge(self, hatches: Hatches, air: Air, at_s: float) -> list[Event]:
        """Weigh what the atmospheres have shown so far; return what is new."""
        spell = self._spell
        spell.look(self._ledger, air, at_s)
        self._measure_whole(air, at_s)
        since_s = at_s if spell.since_s is None else spell.since_s
        if len(spell.groups) < 2 or at_s - since_s < LEAST_S:
            return []
        neighbours = self._plan.neighbours(spell.groups, hatches)
        whole = self._whole_at(at_s)
        self._sides = spell.sides(self._plan, neighbours, air, self._whole_pa, at_s)
        if self._sides:
            self._own = evidence(self._count, whole, self._sides)
            self._now = gathered(self._known, self._own)
            self._has_told = True
        events: list[Event] = list(
            self._doubts.judge(spell, self._sides, whole, neighbours, air, at_s)
        )
        test = self._test
        answer = self._answer()
        if test is not None and not test.is_judged and answer is not None:
            test.is_judged = True
            was_known = posterior(self._known)[list(answer)].sum() >= RIGHT
            test.news = None if was_known else answer
            events.append(self._verdict(test, at_s))
        is_emptied = any(spell.driven(group, air) < EMPTIED for group in spell.groups)
        if is_emptied or at_s - since_s >= LONGEST_S:
            self._begin(spell.groups, at_s)
        return events

    # -------------------------------------------------------------------- shown

    def suspects(self) -> dict[str, float]:
        """Return the probability of each section by name; empty before any closure has told."""
        return self._named_chances() if self._has_told else {}

    def result(self) -> Shown | None:
        """Return where the leak is, as the closed hatches of now have shown; None = no news."""
        test = self._test
        if test is None or test.news is None:
            return None
        chance = float(self.chances()[list(test.news)].sum())
        return Shown(group=test.news, probability=chance, hatches=test.hatches)

    def chances(self) -> Floats:
        """Return the probability of each section, and last that of no one section."""
        return posterior(self._now)

    def doubts(self, group: Group) -> tuple[str, ...]:
        """Return why what an atmosphere shows may have another explanation."""
        return self._doubts.texts(group)

    def suggestion(
        self,
        group: Group,
        hatches: Hatches,
        air: Air,
        at_s: float,
        suspects: Mapping[int, float] | None = None,
        size_kg_per_s: float | None = None,
    ) -> ClosureView | None:
        """Return the closure in an atmosphere that tells most per hour; None if none does.

        Without suspects and size, it looks for all that the station loses, where closures point.
        """
        account = self._ledger.account(group)
        rate = self._ledger.rate(account.key) if account is not None else None
        reading = air.get(group)
        fall = 0.0
        if rate is not None and reading is not None and reading.pressure_pa and reading.air_mass_kg:
            fall = max(rate[0], 0.0) * reading.pressure_pa / reading.air_mass_kg
        best = suggest(
            self._plan.doors(group, hatches, at_s, knows_oxygen=self._ledger.knows_oxygen),
            dict(enumerate(self.chances()[:-1].tolist())) if suspects is None else suspects,
            self._whole.rate_kg_per_s if size_kg_per_s is None else size_kg_per_s,
            fall,
        )
        if best is None:
            return None
        return ClosureView(
            hatch=best.hatch,
            hours=best.hours,
            probability=best.probability,
            sections=self._plan.names(best.sections),
        )

    def effects(
        self,
        group: Group,
        hatches: Hatches,
        leaking: Leaking,
        at_s: float,
        suspects: Mapping[int, float] | None = None,
    ) -> list[ClosureEffect]:
        """Return what closing each hatch of an atmosphere would leave.

        Without suspects, what closures have told is taken.
        """
        doors = self._plan.doors(group, hatches, at_s, knows_oxygen=self._ledger.knows_oxygen)
        known = dict(enumerate(self.chances()[:-1].tolist())) if self._has_told else {}
        return effects_of(doors, self._plan, leaking, known if suspects is None else suspects)

    def view(self, hatches: Hatches, air: Air, at_s: float) -> IsolationView:
        """Show where the leak is, as far as is known, and which hatch would tell most."""
        widest = max(self._spell.groups, key=self._plan.volume_m3)
        return IsolationView(
            suspects=self.suspects(),
            running=self._test.hatches if self._test is not None else (),
            doubts=self._doubts.all(),
            suggestion=self.suggestion(widest, hatches, air, at_s),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "known": self._known.copy(),
            "own": self._own.copy(),
            "now": self._now.copy(),
            "has_told": self._has_told,
            "spell": self._spell.copy(),
            "test": None if self._test is None else replace(self._test),
            "sides": list(self._sides),
            "whole": (self._whole, self._whole_s, self._whole_pa, self._widest_m3),
            "doubts": self._doubts.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._known, self._own, self._now = (state[k].copy() for k in ("known", "own", "now"))
        self._has_told = state["has_told"]
        self._spell = state["spell"].copy()
        self._test = None if state["test"] is None else replace(state["test"])
        self._sides = list(state["sides"])
        self._whole, self._whole_s, self._whole_pa, self._widest_m3 = state["whole"]
        self._doubts.restore(state["doubts"])

    # ------------------------------------------------------------------ weighing

    def _begin(self, groups: tuple[Group, ...], at_s: float) -> None:
        """Keep what the atmospheres have shown, and start anew."""
        self._known = self._now.copy()
        self._own = np.zeros(self._count + 1)
        self._sides = []
        self._spell = Spell(groups=groups, since_s=at_s)

    def _measure_whole(self, air: Air, at_s: float) -> None:
        """Learn what the station loses while it is as whole as it has ever been."""
        widest = max(self._spell.groups, key=self._plan.volume_m3)
        volume_m3 = self._plan.volume_m3(widest)
        account = self._ledger.account(widest)
        if volume_m3 < self._widest_m3 or account is None or not account.is_armed:
            return
        rate, error = self._ledger.rate(account.key) or (0.0, RATE_PRIOR_SD)
        self._widest_m3 = volume_m3
        self._whole = Whole(rate_kg_per_s=rate, error=error)
        self._whole_s = at_s
        self._whole_pa = air[widest].pressure_pa if widest in air else self._whole_pa

    def _whole_at(self, at_s: float) -> Whole:
        if self._whole_s is None:
            return self._whole
        days = (at_s - self._whole_s) / S_PER_DAY
        error = float(np.hypot(self._whole.error, DRIFT_SD * np.sqrt(days)))
        return replace(self._whole, error=error)

    def _named_chances(self) -> dict[str, float]:
        names = self._plan.names(tuple(range(self._count)))
        return dict(zip(names, self.chances().tolist(), strict=False))

    # ------------------------------------------------------------------- answers

    def _answer(self) -> Group | None:
        """Return the atmosphere in which the leak surely is, None while that is not known.

        The closure itself must say so, not only what was known before.
        """
        chances = self.chances()
        for group in self._spell.groups:
            places = list(group)
            own = self._own[places].max() - np.delete(self._own, places).max()
            if own >= OWN_ODDS and chances[places].sum() >= RIGHT:
                return group
        return None

    def _verdict(self, test: RunningTest, at_s: float) -> IsolationTestJudged:
        answer, suspects = self._answer(), self._named_chances()
        hours = (at_s - test.since_s) / 3600.0
        if answer is None:
            reason = self._why_not(hours)
            result = f"Inconclusive: {reason}. Likeliest: {findings.ranked(suspects)}."
        else:
            chance = min(float(self.chances()[list(answer)].sum()), MOST_CERTAIN)
            reason = f"the leak is in {named(self._plan.names(answer))}"
            result = f"The leak is in {named(self._plan.names(answer))} ({chance:.0%})."
        sides = tuple(self._told(group) for group in self._spell.groups)
        return IsolationTestJudged(
            time_s=at_s,
            hatches=test.hatches,
            hours=hours,
            sides=sides,
            suspects=suspects,
            is_conclusive=answer is not None,
            reason=reason,
            text=f"{findings.seen(sides, test.hatches, hours)} {result}",
        )

    def _told(self, group: Group) -> ClosedSide:
        names = self._plan.names(group)
        for side in self._sides:
            if side.sections == group:
                rate = side.rate_kg_per_s * S_PER_DAY
                reach = TWO_SIDED_95 * side.error * S_PER_DAY
                return ClosedSide(
                    sections=names,
                    leak_rate_kg_per_day=rate,
                    leak_rate_low=rate - reach,
                    leak_rate_high=rate + reach,
                )
        return ClosedSide(sections=names)

    def _why_not(self, hours: float) -> str:
        if not self._sides:
            return f"nothing could be read in {span(3600.0 * hours)}"
        chances = self.chances()
        read = {section for side in self._sides for section in side.sections}
        unread = tuple(i for i in range(self._count) if i not in read)
        if chances[list(unread)].sum() >= UNREAD:
            return f"{named(self._plan.names(unread))} could not be read"
        if chances[-1] > ALIKE:
            return "no section loses clearly more than its share"
        possible = [s for s in self._sides if chances[list(s.sections)].sum() >= POSSIBLE]
        blurred = max(possible or self._sides, key=lambda side: side.error)
        return findings.too_small(
            self._whole.rate_kg_per_s * S_PER_DAY,
            APART * blurred.error * S_PER_DAY,
            self._plan.volume_m3(blurred.sections),
            hours,
        )
