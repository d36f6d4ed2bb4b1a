"""Keeps the doubts about what closed sections show: phantoms, and seals that feed a section."""

from collections.abc import Sequence
from typing import Any, Final

from service.core import findings
from service.core.accounts import Ledger
from service.core.doors import DoorPlan
from service.core.events import Doubt, IsolationDoubted
from service.core.isolation import Side, Whole
from service.core.spells import Air, Pairs, Spell, lower_neighbours
from service.core.station import Group
from service.core.units import PA_PER_MMHG, S_PER_DAY

HELD_PA: Final = 3.0 * PA_PER_MMHG  # a day's swing of temperature (1 K) of a section that is shut
HELD_S: Final = S_PER_DAY
SMALL: Final = 0.5  # of the station; a side that is larger is the whole, rather than a part of it


class DoubtBook:
    """The doubts about the present atmospheres."""

    def __init__(self, plan: DoorPlan, ledger: Ledger) -> None:
        self._plan = plan
        self._ledger = ledger
        self._held: dict[Group, tuple[float, float]] = {}  # pressure that is held, and since when
        self._texts: dict[tuple[Doubt, Group], str] = {}

    def texts(self, group: Group) -> tuple[str, ...]:
        """Return what is doubted of an atmosphere."""
        return tuple(text for (_, where), text in self._texts.items() if where == group)

    def all(self) -> tuple[str, ...]:
        """Return what is doubted of any."""
        return tuple(self._texts.values())

    def regroup(self, groups: Sequence[Group]) -> None:
        """Forget the atmospheres that are no more."""
        self._held = {g: held for g, held in self._held.items() if g in groups}
        self._texts = {key: text for key, text in self._texts.items() if key[1] in groups}

    def judge(
        self,
        spell: Spell,
        sides: Sequence[Side],
        whole: Whole,
        neighbours: Pairs,
        air: Air,
        at_s: float,
    ) -> list[IsolationDoubted]:
        """Return the doubts that are new."""
        most = whole.rate_kg_per_s + 2.0 * whole.error
        found: list[IsolationDoubted] = []
        for side in sides:
            loss = spell.loss(side.sections)
            if self._may_have_grown_before(spell, side.sections):
                # It was no part yet of what the whole is known to have lost.
                self._texts.pop((Doubt.PHANTOM, side.sections), None)
                continue
            if loss is None or side.share > SMALL:
                continue
            is_seen = loss[0] - 2.0 * loss[1] > most
            if is_seen and side.rate_kg_per_s - 2.0 * side.error <= most:
                rates = loss[0] * S_PER_DAY, whole.rate_kg_per_s * S_PER_DAY
                text = findings.phantom(self._plan.name(side.sections), *rates)
                found += self._doubt(Doubt.PHANTOM, side.sections, text, at_s)
        self._follow(spell.groups, air, at_s)
        for low, high in lower_neighbours(spell.groups, neighbours, air):
            one, other = spell.groups[low], spell.groups[high]
            if at_s - self._held[one][1] < HELD_S or not self._loses(other):
                continue
            names = self._plan.name(one), self._plan.name(other)
            pressures = self._held[one][0], air[other].pressure_pa or 0.0
            text = findings.fed(names[0], pressures[0], names[1], pressures[1])
            found += self._doubt(Doubt.FED, one, text, at_s)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"held": dict(self._held), "texts": dict(self._texts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._held, self._texts = dict(state["held"]), dict(state["texts"])

    def _follow(self, groups: Sequence[Group], air: Air, at_s: float) -> None:
        for group in groups:
            pressure_pa = air[group].pressure_pa if group in air else None
            if pressure_pa is None:
                continue
            held_pa, since_s = self._held.setdefault(group, (pressure_pa, at_s))
            if abs(held_pa - pressure_pa) <= HELD_PA:
                continue
            self._held[group] = (pressure_pa, at_s)
            if at_s - since_s < HELD_S:  # slower than that, it is as good as steady
                self._texts.pop((Doubt.FED, group), None)

    def _may_have_grown_before(self, spell: Spell, group: Group) -> bool:
        """Say whether a change was found since the closure that may be older than it."""
        account, since_s = self._ledger.account(group), spell.since_s
        if account is None or since_s is None or not spell.has_changed(group):
            return False
        return account.changed_s < since_s

    def _loses(self, group: Group) -> bool:
        account = self._ledger.account(group)
        rate = self._ledger.rate(account.key) if account is not None else None
        return rate is not None and rate[0] > 2.0 * rate[1]

    def _doubt(self, doubt: Doubt, group: Group, text: str, at_s: float) -> list[IsolationDoubted]:
        if (doubt, group) in self._texts:
            return []
        self._texts[doubt, group] = text
        return [
            IsolationDoubted(
                time_s=at_s,
                atmosphere=self._plan.name(group),
                sections=self._plan.names(group),
                doubt=doubt,
                text=text,
            )
        ]
