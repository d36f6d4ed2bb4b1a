"""Keeps what belongs to one account of air beside its filter, above all what noise is learned from."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from service.core.air import NITROGEN_SHARE
from service.core.life_support import LifeSupport
from service.core.memory import Key
from service.core.noise import BREAK
from service.core.units import S_PER_DAY
from service.core.views import Balance

STEP_S: Final = 60.0
HISTORY: Final = 23040  # balances kept to learn noise from: 16 days at one a minute
LEARN_AFTER: Final = (20, 60, 120, 240, 480)  # balances; then every 480
ARM_STEPS: Final = 60  # balances before the noise model is trusted for a test
GAP_SPACINGS: Final = 5.0  # balances come evenly enough while they are no farther apart
LONGEST_SPACING_S: Final = 3600.0  # a longer one is a gap, and tells little of how often they come
# Noise is compared across shorter gaps than this; in longer ones too much may have happened that
# nobody saw; [estimate].
LONGEST_GAP_S: Final = 21600.0
STIRRED_S: Final = 7200.0  # composition mixes in about 2 h; SAE 951631, Columbus 2015 data
LEAST_GROWTH_MMHG_PER_DAY: Final = 0.07  # 0.1 kg/day on the whole station; a fifth of February 2024


@dataclass(slots=True, kw_only=True)
class Account:
    """What belongs to a row beside its arrays.

    `per_mmhg_kg` is the air in 1 mmHg; of a loop, the liquid in a hundredth of its accumulator.
    """

    key: Key
    volume_m3: float
    per_mmhg_kg: float
    belief: tuple[float, float]  # of the rate before anything was seen, and its error
    life_support: LifeSupport  # under which the loss of oxygen is what it is
    opened_s: float
    pressure_pa: float = 0.0
    noise_pa: float = 0.0  # at which the noise was seen, on the whole
    seen: int = 0
    spacing_s: float = STEP_S
    history: list[float] = field(default_factory=list)  # masses less what was booked
    nitrogen: list[float] = field(default_factory=list)  # likewise where oxygen was new
    oxygen: list[float] = field(default_factory=list)  # of the same moments
    nitrogen_spacing_s: float = STEP_S
    # How often neighbouring blocks of each length, an octave apart, were compared to learn noise.
    compared: tuple[float, ...] = ()
    nitrogen_s: float | None = None  # when oxygen was new last
    inflow_kg: float = 0.0  # gas booked since the newest balance
    booked_kg: float = 0.0  # gas booked since the account was opened
    changes: int = 0  # of the rate, that have been entered
    changed_s: float = -np.inf  # the earliest moment at which the newest of them may have begun
    # Since when the bank has seen nothing that counts, and not been told: a rest, or the first hour.
    unseen_from_s: float | None = None
    measured_kg: float | None = None  # the newest balance
    surprises: tuple[float, float] = (np.nan, np.nan)  # its innovations, total and oxygen, in sd
    quiet_until_s: float = -np.inf  # no test before; gas is being moved
    is_dry: bool = False  # vapour or CO2 is measured and taken out
    sees_co2: bool = False  # the latter is
    unseen: float = 0.0  # share of a section without a thermometer that wanders like all of them
    settles_until_s: float = -np.inf  # air of other temperature and pressure still mixes in
    mixes_until_s: float = -np.inf  # an oxygen sensor tells of gas that was moved elsewhere
    # When life support changed last, and by how much oxygen, kg/s.
    stirred: tuple[float, float] = (-np.inf, 0.0)
    # What the loss of oxygen beside the books was under other life support, and its variance.
    deficits: dict[LifeSupport, tuple[float, float]] = field(default_factory=dict)

    @property
    def sees_oxygen(self) -> bool:
        """Whether nitrogen tells a leak from what is breathed and made."""
        return len(self.nitrogen) > 0

    @property
    def balance(self) -> Balance:
        """What the estimate rests on."""
        if self.key[1] is not Balance.TOTAL:
            return self.key[1]
        if self.sees_oxygen:
            return Balance.NITROGEN
        return Balance.DRY if self.is_dry else Balance.TOTAL

    @property
    def least_growth_kg_per_s(self) -> float:
        """The smallest growth that is looked for."""
        return LEAST_GROWTH_MMHG_PER_DAY * self.per_mmhg_kg / S_PER_DAY

    @property
    def is_armed(self) -> bool:
        """Whether it has seen enough for a test of its noise model to mean something."""
        return self.seen >= ARM_STEPS

    def stir(self, moved_kg_per_s: float, at_s: float) -> None:
        """Let oxygen be made or breathed otherwise from now on, far from where it is measured.

        Until the air is mixed, an oxygen sensor may tell nothing of it.
        """
        since_s, stirred = self.stirred
        if at_s <= since_s + STIRRED_S:
            moved_kg_per_s = float(np.hypot(moved_kg_per_s, stirred))
        self.stirred = at_s, moved_kg_per_s

    def astray_var(self, before_s: float, now_s: float) -> float:
        """Return by how much an oxygen sensor may have come to be wrong between two times, kg2.

        It comes to lag by what is made or breathed within the time constant of the mixing.
        """
        since_s, moved_kg_per_s = self.stirred
        was, now = (-np.expm1(-max(at_s - since_s, 0.0) / STIRRED_S) for at_s in (before_s, now_s))
        return float((STIRRED_S * moved_kg_per_s) ** 2 * (now**2 - was**2))

    def compared_over(self, span_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how often spans of such a length were compared when noise was learned last."""
        if not self.compared:
            return np.zeros_like(span_s)
        octave = np.log2(np.fmax(span_s / self.spacing_s, 1.0))
        found: NDArray[np.float64] = np.interp(
            octave, np.arange(len(self.compared)), self.compared, right=0.0
        )
        return found

    def is_unsettled(self, at_s: float) -> bool:
        """Say whether gas is being moved or still mixes in, so that nothing is told of a leak."""
        return at_s <= max(self.quiet_until_s, self.settles_until_s)

    def enlarge(self, factor: float) -> None:
        """Let the noise that was seen so far count for so many times as much."""
        for kept in (self.history, self.nitrogen, self.oxygen):
            kept[:] = [value * factor for value in kept]
        self.interrupt()

    def excise(self, span_s: float) -> None:
        """Take the newest balances out of what noise is learned from: something happened then."""
        for kept, spacing_s in (
            (self.history, self.spacing_s),
            (self.nitrogen, self.nitrogen_spacing_s),
            (self.oxygen, self.nitrogen_spacing_s),
        ):
            count = min(int(span_s / spacing_s) + 1, len(kept))
            kept[len(kept) - count :] = [BREAK] * count

    def interrupt(self) -> None:
        """Compare nothing across this moment when noise is learned."""
        self.history.append(BREAK)
        if self.nitrogen:
            self.nitrogen.append(BREAK)
            self.oxygen.append(BREAK)

    def record(self, now_s: float, before_s: float, mass_kg: float, oxygen_kg: float) -> None:
        """Keep a new balance, to learn noise from; the oxygen of it is NaN where it is not new."""
        span_s = now_s - before_s
        self.history += _unheard(span_s, self.spacing_s)
        self.history.append(mass_kg - self.booked_kg)
        self.seen += 1
        self.noise_pa += (self.pressure_pa - self.noise_pa) / min(self.seen, HISTORY)
        self.spacing_s = _nearer(self.spacing_s, span_s, self.seen)
        if np.isfinite(oxygen_kg):
            apart_s = now_s - (self.nitrogen_s or now_s - self.nitrogen_spacing_s)
            unheard = _unheard(apart_s, self.nitrogen_spacing_s)
            self.nitrogen += [*unheard, (mass_kg - oxygen_kg) / NITROGEN_SHARE]
            self.oxygen += [*unheard, oxygen_kg - self.booked_kg]
            self.nitrogen_s = now_s
            self.nitrogen_spacing_s = _nearer(self.nitrogen_spacing_s, apart_s, len(self.nitrogen))

    def is_due_to_learn(self) -> bool:
        """Say whether noise is to be learned from the newest balance on."""
        return self.seen in LEARN_AFTER or self.seen % LEARN_AFTER[-1] == 0

    def trim(self) -> None:
        """Drop what is too old to learn noise from."""
        for kept in (self.history, self.nitrogen, self.oxygen):
            del kept[:-HISTORY]

    def copy(self) -> Self:
        """Return an account that changes by itself."""
        return replace(
            self,
            history=list(self.history),
            nitrogen=list(self.nitrogen),
            oxygen=list(self.oxygen),
            deficits=dict(self.deficits),
        )


def _unheard(span_s: float, spacing_s: float) -> list[float]:
    """Return what stands in a record for the balances that did not come in a span of time."""
    if span_s <= GAP_SPACINGS * spacing_s:
        return []
    return [BREAK] if span_s > LONGEST_GAP_S else [np.nan] * (round(span_s / spacing_s) - 1)


def _nearer(spacing_s: float, span_s: float, heard: int) -> float:
    """Return the mean time between balances, of the newest hundred or so, with one more."""
    return spacing_s + (min(span_s, LONGEST_SPACING_S) - spacing_s) / min(heard, 100)
