"""What is reported of who breathes, what makes oxygen and whether carbon dioxide is taken out."""

from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final

from service.core.physics import MOLAR_KG
from service.core.units import S_PER_DAY

OXYGEN_PER_CREW: Final = 0.84 / S_PER_DAY  # kg/s a person; NASA BVAD, 0.5 to 1.3 with work
CO2_PER_CREW: Final = 1.0 / S_PER_DAY  # kg/s a person; NASA BVAD
# How long it stays in the air: where machines that take out 7 kg/day hold 3 mmHg, 0.9 days in 916 m3, and
# 0.3 in 300 m3; [estimate].
CO2_STAYS_S: Final = 0.6 * S_PER_DAY
AIR_PER_CO2: Final = MOLAR_KG["air"] / MOLAR_KG["CO2"]  # mass of air that is as many moles
USUAL_CREW: Final = 4.0  # where nobody says how many there are
PEOPLE_DIFFER: Final = 0.15  # from one another in the oxygen they use; [estimate]
UNSURE: Final = 0.1  # of what is breathed or made; people differ, machines drift; [estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeSupport:
    """The reported state of life support; None = not reported.

    Examples
    --------
    >>> usual = LifeSupport(crew=7.0, oxygen_kg_per_s=6e-5)
    >>> failed = LifeSupport(crew=7.0, oxygen_kg_per_s=0.0)
    >>> round(usual.apart_kg_per_s(failed) / 6e-5, 3)
    0.1
    """

    crew: float | None = None
    oxygen_kg_per_s: float | None = None
    removes_co2: bool = True

    @property
    def gain_kg_per_s(self) -> float | None:
        """Oxygen made less oxygen breathed; None unless both are reported."""
        if self.crew is None or self.oxygen_kg_per_s is None:
            return None
        return self.oxygen_kg_per_s - self.crew * OXYGEN_PER_CREW

    @property
    def gain_sd_kg_per_s(self) -> float:
        """Return by how much the gain that is booked may be wrong for as long as the same people live there.

        Examples
        --------
        >>> six = LifeSupport(crew=6.0, oxygen_kg_per_s=6e-5)
        >>> round(six.gain_sd_kg_per_s * S_PER_DAY, 2)
        0.31
        """
        crew = 0.0 if self.gain_kg_per_s is None else self.crew or 0.0
        return PEOPLE_DIFFER * OXYGEN_PER_CREW * sqrt(crew)

    def apart_kg_per_s(self, now: "LifeSupport") -> float:
        """Return by how much the gas gained beside the books may differ now, one standard error.

        Of what is booked a share stays open; where booking begins or ends, all of it. What is told
        for the first time is taken to have been there all along, and what is told no more may have
        gone.
        """
        left = self.co2_left_kg_per_s - now.co2_left_kg_per_s
        gains = self.gain_kg_per_s, now.gain_kg_per_s
        if (gains[0] is None) != (gains[1] is None):
            return hypot(gains[0] or gains[1] or 0.0, left)
        share = UNSURE if gains[0] is not None else 1.0
        return hypot(share * self.moved_kg_per_s(now), left)

    def moved_kg_per_s(self, now: "LifeSupport") -> float:
        """Return by how much what is made and what is breathed differ now, taken together."""
        made = _less(self.oxygen_kg_per_s, now.oxygen_kg_per_s)
        return hypot(made, _less(self.crew, now.crew) * OXYGEN_PER_CREW)

    @property
    def co2_left_kg_per_s(self) -> float:
        """Carbon dioxide breathed out that nothing takes out."""
        if self.removes_co2:
            return 0.0
        return (USUAL_CREW if self.crew is None else self.crew) * CO2_PER_CREW


def _less(before: float | None, now: float | None) -> float:
    return 0.0 if before is None else before - (now or 0.0)
