"""Tests each volume for a change of its leak rate of unknown size at an unknown time.

Generalised likelihood ratio on the innovations of a Kalman filter (Willsky and Jones, 1976): for
every candidate onset the bank carries how a unit change since then would have shown in the
filter's innovations, and so the likelihood of the best size. Candidates lie at octave-spaced ages
from one step to months; each octave keeps the newest few, so the cost does not grow with time. A
second set of candidates asks whether the mass jumped once instead.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.estimators import DISTURBANCE, MASS, RATE, STATES, Rows
from service.core.tables import Table

OCTAVES: Final = 16
PER_OCTAVE: Final = 6
CANDIDATES: Final = OCTAVES * PER_OCTAVE
NEGLIGIBLE: Final = 8.0  # log-likelihood below the best from which on a candidate is left out
PAUSE_S: Final = 3600.0  # a longer time between balances is a time nothing is known of
LASTING: Final = 256.0  # steps; a candidate at a multiple of it is kept in nine octaves
DISCRIMINATION: Final = 3.0  # log-likelihood by which one hypothesis must beat the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of leak rate (or one jump of mass) and how well it is known.

    Attributes
    ----------
    size, size_sd : float
        kg/s for a rate and kg for a mass, positive = more leak or more mass.
    onset_s, onset_low_s, onset_high_s : float
        Median and 95 % interval, Unix UTC.
    shift, spread : ndarray, shape (4,) and (4, 4)
        What the filter's state still lacks for want of knowing of it, and the covariance of that.
    """

    size: float
    size_sd: float
    onset_s: float
    onset_low_s: float
    onset_high_s: float
    shift: NDArray[np.float64]
    spread: NDArray[np.float64]


class ChangeBank(Table):
    """Candidates of all rows of a `LeakFilter`, advanced with it.

    Attributes
    ----------
    deviation : ndarray, shape (n, 4, 2 * CANDIDATES)
        What a unit change since the candidate's onset still lacks in the filter's state; first
        all rate changes, then all jumps of mass.
    correlation, information : ndarray, shape (n, 2 * CANDIDATES)
        Sums over the innovations: signature times innovation, and signature squared, both over
        their variance.
    born_s, before_s : ndarray, shape (n, CANDIDATES)
        The change lies after `before_s` (the balance before the candidate) and at or before
        `born_s`; NaN where there is no candidate yet.
    steps : ndarray, shape (n,)
        Balances seen since the row was cleared.
    """

    COLUMNS: ClassVar = {
        "deviation": ((STATES, 2 * CANDIDATES), 0.0),
        "correlation": ((2 * CANDIDATES,), 0.0),
        "information": ((2 * CANDIDATES,), 0.0),
        "born_s": ((CANDIDATES,), np.nan),
        "before_s": ((CANDIDATES,), np.nan),
        "steps": ((), 0.0),
    }
    deviation: Rows
    correlation: Rows
    information: Rows
    born_s: Rows
    before_s: Rows
    steps: Rows

    def restart_mass(self, row: int) -> None:
        """Tell a row's candidates that the filter has just measured the mass anew."""
        self.deviation[row, MASS] = 0.0
        self.deviation[row, DISTURBANCE] = 0.0

    def update(
        self,
        transition: Rows,
        gain: Rows,
        innovation: Rows,
        variance: Rows,
        used: NDArray[np.bool_],
    ) -> None:
        """Let all candidates of the used rows see one more innovation."""
        moved = transition @ self.deviation
        signature = moved[:, MASS, :] + moved[:, DISTURBANCE, :]
        moved -= gain[:, :, None] * signature[:, None, :]
        self.deviation = moved
        scaled = np.where(used, 1.0 / variance, 0.0)
        self.correlation += signature * (innovation * scaled)[:, None]
        self.information += np.square(signature) * scaled[:, None]

    def breed(self, time_s: Rows, before_s: Rows, used: NDArray[np.bool_]) -> None:
        """Place a fresh candidate at the newest balance of each used row, in every octave due."""
        for row in np.flatnonzero(used):
            if time_s[row] - before_s[row] > PAUSE_S:
                # The candidate of a pause stands for much, so it goes where it lasts long.
                self.steps[row] = np.ceil(self.steps[row] / LASTING) * LASTING
            step = int(self.steps[row])
            self.steps[row] = step + 1
            octave = 0
            while octave < OCTAVES and step % (1 << octave) == 0:
                slot = octave * PER_OCTAVE + (step >> octave) % PER_OCTAVE
                for place, part in ((slot, RATE), (slot + CANDIDATES, MASS)):
                    self.deviation[row, :, place] = 0.0
                    self.deviation[row, part, place] = 1.0
                    self.correlation[row, place] = 0.0
                    self.information[row, place] = 0.0
                self.born_s[row, slot] = time_s[row]
                self.before_s[row, slot] = before_s[row]
                octave += 1

    def scores(self, least: Rows) -> tuple[Rows, Rows, Rows]:
        """Return the best log-likelihood ratios per row: growth, decrease, jump of mass.

        Parameters
        ----------
        least : ndarray, shape (n,)
            The smallest change of rate worth finding, kg/s.
        """
        correlation, information = self.correlation, self.information + 1e-300
        rate, jump = slice(0, CANDIDATES), slice(CANDIDATES, None)
        size = correlation[:, rate] / information[:, rate]
        floor = least[:, None]
        grown = np.maximum(size, floor)
        shrunk = np.minimum(size, -floor)
        up = grown * (correlation[:, rate] - 0.5 * information[:, rate] * grown)
        down = shrunk * (correlation[:, rate] - 0.5 * information[:, rate] * shrunk)
        jumps = 0.5 * np.square(correlation[:, jump]) / information[:, jump]
        return up.max(axis=1), down.max(axis=1), jumps.max(axis=1)

    def rate_change(self, row: int, least: float, *, growth: bool) -> Change:
        """Return the change of rate of a row, averaged over all onsets by their probability.

        The best onset alone would be the one that noise flatters most: late and too large. The
        size has a prior that is even in its logarithm.
        """
        born, before = self.born_s[row], self.before_s[row]
        _, chosen = np.unique(np.where(np.isfinite(born), born, np.inf), return_index=True)
        chosen = chosen[np.isfinite(born[chosen])]
        correlation = self.correlation[row, chosen]
        information = self.information[row, chosen] + 1e-300
        best = correlation / information
        size = np.maximum(best, least) if growth else np.minimum(best, -least)
        score = size * (correlation - 0.5 * information * size)
        likely = score >= score.max() - NEGLIGIBLE
        # One that has seen next to nothing says nothing of the size.
        likely &= information > 1e-4 * information[int(np.argmax(score))]
        chosen, size, score = chosen[likely], size[likely], score[likely]
        information = information[likely]
        sigmas = np.maximum(np.abs(size) * np.sqrt(information), 1.0)
        density = np.exp(score - score.max()) / sigmas
        times, earliest = born[chosen], before[chosen]
        # A candidate stands for half the way to its neighbours, and after a pause for all of it.
        elder = np.concatenate(([earliest[0]], times[:-1]))
        younger = np.concatenate((earliest[1:], [times[-1]]))
        span_s = (earliest - elder) / 2.0 + (times - earliest) + (younger - times) / 2.0
        weight = density * np.maximum(span_s, 1.0)
        weight /= weight.sum()
        mean = float(weight @ size)
        deviation = self.deviation[row][:, chosen]
        shifts = deviation * size
        shift = shifts @ weight
        apart = shifts - shift[:, None]
        spread = (deviation * (weight / information)) @ deviation.T + (apart * weight) @ apart.T
        low, middle, high = _quantiles(times, earliest, density)
        return Change(
            size=mean,
            size_sd=float(np.sqrt(weight @ (1.0 / information + np.square(size - mean)))),
            onset_s=middle,
            onset_low_s=low,
            onset_high_s=high,
            shift=shift,
            spread=spread,
        )

    def mass_jump(self, row: int) -> Change:
        """Return the likeliest single jump of the mass of a row."""
        correlation = self.correlation[row, CANDIDATES:]
        information = self.information[row, CANDIDATES:] + 1e-300
        best = int(np.argmax(np.square(correlation) / information))
        size = float(correlation[best] / information[best])
        deviation = self.deviation[row, :, CANDIDATES + best]
        return Change(
            size=size,
            size_sd=float(1.0 / np.sqrt(information[best])),
            onset_s=float(self.born_s[row, best]),
            onset_low_s=float(self.before_s[row, best]),
            onset_high_s=float(self.born_s[row, best]),
            shift=deviation * size,
            spread=np.outer(deviation, deviation) / information[best],
        )


def _quantiles(born_s: Rows, before_s: Rows, density: Rows) -> tuple[float, float, float]:
    """Return the 2.5, 50 and 97.5 % points of an onset with the given density at candidates.

    After a pause a change at any moment of it fits alike, so both its ends carry the density, and
    the interval does not end within it.
    """
    times, first = np.unique(np.concatenate([born_s, before_s]), return_index=True)
    if len(times) == 1:
        return float(times[0]), float(times[0]), float(times[0])
    height = np.tile(density, 2)[first]
    mass = 0.5 * (height[1:] + height[:-1]) * np.diff(times)
    total = np.concatenate(([0.0], np.cumsum(mass)))
    low, middle, high = np.interp(np.array([0.025, 0.5, 0.975]) * total[-1], total, times)
    first_end = int(np.searchsorted(born_s, low, "left"))
    last_end = int(np.searchsorted(born_s, high, "left"))
    if born_s[first_end] - before_s[first_end] > PAUSE_S:
        low = min(low, before_s[first_end])
    if last_end < len(born_s) and born_s[last_end] - before_s[last_end] > PAUSE_S:
        high = born_s[last_end]
    return float(low), float(middle), float(high)
