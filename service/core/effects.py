"""Works out what closing a hatch would leave, were the leak behind it and were it not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.doors import DoorPlan
from service.core.physics import time_to_floor_s
from service.core.suggestions import Door
from service.core.views import ClosureEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaking:
    """An atmosphere that leaks: `old_kg_per_s` of it is lost everywhere, the rest in one place."""

    mass_kg: float
    pressure_pa: float
    rate_kg_per_s: float
    old_kg_per_s: float
    floor_pa: float

    def reserve_s(self, share: float, *, holds_leak: bool) -> float | None:
        """Return how long a part of its volume lasts on its own, None = for ever."""
        rate = self.rate(share, holds_leak=holds_leak)
        return time_to_floor_s(share * self.mass_kg, rate, self.pressure_pa, self.floor_pa)

    def rate(self, share: float, *, holds_leak: bool) -> float:
        """Return what a part of its volume loses on its own."""
        old = min(max(self.old_kg_per_s, 0.0), max(self.rate_kg_per_s, 0.0))
        return share * old + (self.rate_kg_per_s - old if holds_leak else 0.0)


def effects_of(
    doors: Sequence[Door], plan: DoorPlan, leaking: Leaking, suspects: Mapping[int, float]
) -> list[ClosureEffect]:
    """Return what closing each hatch would do, the one behind which the leak is likeliest first."""
    found = []
    for door in doors:
        small, large = door.sides
        share = plan.volume_m3(small) / (plan.volume_m3(small) + plan.volume_m3(large))
        weights = [sum(suspects.get(i, 0.0) for i in side) for side in door.sides]
        found.append(
            ClosureEffect(
                hatch=door.hatch,
                sections=plan.names(small),
                probability=weights[0] / sum(weights) if sum(weights) > 0.0 else None,
                rest_rate_kg_per_s=leaking.rate(1.0 - share, holds_leak=False),
                rest_reserve_s=leaking.reserve_s(1.0 - share, holds_leak=False),
                shut_reserve_s=leaking.reserve_s(share, holds_leak=True),
                missed_rate_kg_per_s=leaking.rate(1.0 - share, holds_leak=True),
                missed_reserve_s=leaking.reserve_s(1.0 - share, holds_leak=True),
            )
        )
    return sorted(found, key=lambda effect: (-(effect.probability or 0.0), effect.hatch))
