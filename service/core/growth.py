"""Weighs, for each volume, whether its leak has changed, of unknown size and at an unknown time.

Every candidate onset carries how a unit change since then would have shown in the innovations of
the Kalman filter, and so the likelihood of every size of it (Willsky and Jones, 1976). The evidence
is the sum over onsets of likelihood ratios, averaged over the plausible sizes: the statistic of
Shiryaev and Roberts, in seconds. While nothing changes, its mean grows by one second a second, so
that a threshold of T seconds is passed by chance once in T or more (Pollak, 1985); no threshold
has to be found by trial.

The same is done for what is no leak: gas that went or came at once, gas that was moved for a while
and stopped, and oxygen that is made or breathed otherwise than booked. Candidates lie at
octave-spaced ages from one step to months, so the cost does not grow with time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core import estimators as state
from service.core.estimators import DEFICIT, MASS, RATE, STATES, Rows
from service.core.tables import Table
from service.core.units import S_PER_DAY

OCTAVES: Final = 14  # of steps of a minute: to 68 days
PER_OCTAVE: Final = 4
CANDIDATES: Final = OCTAVES * PER_OCTAVE
# How long gas is moved in one go: airlocks and vestibules 10 to 30 min, repressurisations 1.5 to
# 3 h (Columbus 2015, Astro Pi 2016).
PULSES_S: Final = (600.0, 1800.0, 5400.0)
# What jumps in each hypothesis, and the places of the first of each.
KINDS: Final = (RATE, MASS, state.OXYGEN, DEFICIT, *(RATE for _ in PULSES_S))
LEAK, JUMP, OXYGEN_JUMP, OXYGEN, PULSE = range(5)
MOST: Final = ("deviation", "correlation", "information")  # of what a bank keeps
STAYING: Final = (RATE, DEFICIT)  # of the filter's state, when the mass is measured anew
STIRRED: Final = 5.0  # log-likelihood ratio of a leak from which on a row is looked at closely
HAPPENED: Final = 10.0  # likewise of what is no leak; below it nothing is sure
RUMOUR: Final = 1.0  # likewise of a leak, from which on the rate may be another
LOOKED_EVERY: Final = 10.0  # steps, at which every row is looked at closely
QUIET_LOG_S: Final = 6.0  # evidence over the highest ratio where it is not; ten minutes' worth
TWO_SIDED_95: Final = 1.959964  # standard errors, of a normal distribution
REACH: Final = 4.0  # standard errors of a normal distribution that are looked at
GRID: Final = 400  # points at which a mixed distribution is known
NEGLIGIBLE: Final = 8.0  # log-likelihood below the best from which on a candidate is left out
PAUSE_S: Final = 3600.0  # a longer time between balances is a time nothing is known of
LASTING: Final = 256.0  # steps; a candidate at a multiple of it is kept for days


class Sizes:
    """Plausible sizes of a change, as cells even in their logarithm, each with its share.

    Parameters
    ----------
    least, most, favoured : float
        In kg/day; the sizes about the favoured count most, those `width` times larger or smaller
        half as much.
    """

    def __init__(
        self, least: float, most: float, cells: int, favoured: float, width: float
    ) -> None:
        edges = np.geomspace(least, most, cells + 1) / S_PER_DAY
        self.low, self.high = edges[:-1], edges[1:]
        middle = np.sqrt(self.low * self.high)
        favour = 1.0 / (1.0 + np.square(np.log(middle * S_PER_DAY / favoured) / np.log(width)))
        self.log_shares: NDArray[np.float64] = np.log(favour / favour.sum())

    def ratios(self, c: Rows, info: Rows) -> tuple[Rows, Rows]:
        """Return log-likelihood ratio and likeliest size in each cell, shapes (..., cells).

        Parameters
        ----------
        c, info : ndarray, shape (..., 1)
            Correlation and information of the candidates.
        """
        size = np.clip(c / info, self.low, self.high)
        # Where the likelihood is narrower than the cell, only so much of the cell is likely.
        narrow = 0.5 * np.log(TWO_PI / info) - np.log(self.high - self.low)
        return size * (c - 0.5 * info * size) + np.minimum(narrow, 0.0) + self.log_shares, size


TWO_PI: Final = 2.0 * np.pi
# Published changes of a leak are 0.1 to 27 kg/day (ISS, 2003 to 2026); a hole of 13 mm loses 2000.
LEAK_SIZES: Final = Sizes(0.05, 2000.0, 24, favoured=0.5, width=4.0)
# An airlock of 4 m3 that is emptied within half an hour moves 200 kg/day, a vestibule of 1 m3 in
# as long 60; what is slower than 25 is a leak to whoever is not told of it.
PULSE_SIZES: Final = Sizes(25.0, 1200.0, 6, favoured=100.0, width=10.0)
# What seven breathe is 6 kg/day; a repressurisation with oxygen of 8 mmHg (2005) 150 kg/day.
OXYGEN_SIZES: Final = Sizes(0.4, 300.0, 10, favoured=3.0, width=3.0)
SIZES: Final = {LEAK: LEAK_SIZES, OXYGEN: OXYGEN_SIZES}
JUMP_SHARE: Final = 0.003  # of the mass: a vestibule or an airlock on a station of 900 m3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a rate (or one jump of mass) and how well it is known.

    Attributes
    ----------
    size, size_sd : float
        kg/s for a rate and kg for a mass, positive = more leak or more mass.
    onset_s, onset_low_s, onset_high_s : float
        Median and 95 % interval, Unix UTC.
    shift, spread : ndarray, shape (20,) and (20, 20)
        What the filter's state still lacks for want of knowing of it, and the covariance of that.
    onsets : tuple of (float, float)
        Onsets that are likely, Unix UTC, and how likely each is beside the likeliest.
    """

    size: float
    size_sd: float
    onset_s: float
    onset_low_s: float
    onset_high_s: float
    shift: NDArray[np.float64]
    spread: NDArray[np.float64]
    onsets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Logarithms of the evidence of each row for each hypothesis, in seconds; each shape (n,).

    Where a row was not looked at (`is_exact`), all six are the same rough value; where it is not
    `is_stirred`, they are to be shown and decide nothing.
    """

    is_exact: NDArray[np.bool_]
    is_stirred: NDArray[np.bool_]
    growth: Rows
    decrease: Rows
    jump: Rows
    oxygen_jump: Rows
    oxygen: Rows
    pulse: Rows


class ChangeBank(Table):
    """Candidates of all rows of a `LeakFilter`, advanced with it.

    Attributes
    ----------
    deviation : ndarray, shape (n, 20, 7 * CANDIDATES)
        What a unit change since the candidate's onset still lacks in the filter's state, one
        hypothesis of `KINDS` after the other.
    correlation, information : ndarray, shape (n, 7 * CANDIDATES)
        Sums over the innovations: signature times innovation, and signature squared, both over
        their variance.
    born_s, before_s : ndarray, shape (n, CANDIDATES)
        The change lies after `before_s` (the balance before the candidate) and at or before
        `born_s`; NaN where there is no candidate yet.
    steps : ndarray, shape (n,)
        Balances seen since the row was cleared.
    jump_share : ndarray, shape (n,)
        What jumps, over the mass; it stays when the row is cleared.
    """

    COLUMNS: ClassVar = {
        "deviation": ((STATES, len(KINDS) * CANDIDATES), 0.0),
        "correlation": ((len(KINDS) * CANDIDATES,), 0.0),
        "information": ((len(KINDS) * CANDIDATES,), 0.0),
        "born_s": ((CANDIDATES,), np.nan),
        "before_s": ((CANDIDATES,), np.nan),
        "steps": ((), 0.0),
        "jump_share": ((), JUMP_SHARE),
    }
    deviation: Rows
    correlation: Rows
    information: Rows
    born_s: Rows
    before_s: Rows
    steps: Rows
    jump_share: Rows

    def clear(self, row: int) -> None:
        """Drop all candidates of a row."""
        jump_share = self.jump_share[row]
        super().clear(row)
        self.jump_share[row] = jump_share

    def rest(self, row: int) -> dict[str, Rows]:
        """Return what stays of a row that stops being followed: all but what its mass was.

        In single precision where that is most of it, for many are kept.
        """
        stays = {**self.take(row), "deviation": self.deviation[row, STAYING]}
        return stays | {name: stays[name].astype(np.float32) for name in MOST}

    def wake(self, resting: Mapping[str, Rows]) -> int:
        """Append a row that has rested; the filter has just measured all but its rates anew."""
        deviation = np.zeros(self.COLUMNS["deviation"][0])
        deviation[list(STAYING)] = resting["deviation"]
        return self.append(**{**resting, "deviation": deviation})

    def speaks_since(self, row: int, resting: Mapping[str, Rows]) -> bool:
        """Say whether what a row saw since it was as it rests here speaks for another leak."""
        now = {"correlation": self.correlation[row], "information": self.information[row]}
        return _leak_peak(now) - _leak_peak(resting) >= STIRRED

    def unsee(self, row: int, resting: Mapping[str, Rows]) -> None:
        """Let a row's candidates have seen nothing since it was as it rests here.

        Those placed since then are dropped.
        """
        stayed = self.born_s[row] == resting["born_s"]
        places = np.tile(stayed, len(KINDS))
        self.deviation[row, :, ~places] = 0.0
        self.correlation[row] = np.where(places, resting["correlation"], 0.0)
        self.information[row] = np.where(places, resting["information"], 0.0)
        self.born_s[row, ~stayed] = np.nan
        self.before_s[row, ~stayed] = np.nan

    def restate_deficit(self, row: int) -> None:
        """Let the filter have followed no candidate with the loss of oxygen, which is known anew."""
        self.deviation[row, DEFICIT] = 0.0
        self.deviation[row, DEFICIT, _block(OXYGEN)] = np.isfinite(self.born_s[row])

    def advance(self, move: Rows, time_s: Rows, before_s: Rows) -> None:
        """Let all candidates move on with the filter, and stop those that stand for a while."""
        self.deviation = move @ self.deviation
        for place, pulse_s in enumerate(PULSES_S, PULSE):
            ends_s = self.born_s + pulse_s
            over = (ends_s > before_s[:, None]) & (ends_s <= time_s[:, None])
            self.deviation[:, RATE, _block(place)] -= over

    def see(
        self,
        look: Rows,
        gain: Rows,
        innovation: Rows,
        variance: Rows,
        used: NDArray[np.bool_],
    ) -> None:
        """Let all candidates of the used rows see one more innovation."""
        signature = (look[:, None, :] @ self.deviation)[:, 0]
        self.deviation -= gain[:, :, None] * signature[:, None, :]
        scaled = np.where(used, 1.0 / variance, 0.0)
        self.correlation += signature * (innovation * scaled)[:, None]
        self.information += np.square(signature) * scaled[:, None]

    def breed(self, time_s: Rows, before_s: Rows, used: NDArray[np.bool_]) -> None:
        """Place a fresh candidate at the newest balance of each used row.

        The octave of a candidate is how often two divides its step; each octave keeps its newest.
        """
        for row in np.flatnonzero(used):
            if time_s[row] - before_s[row] > PAUSE_S:
                # The candidate of a pause stands for much, so it goes where it lasts long.
                self.steps[row] = np.ceil(self.steps[row] / LASTING) * LASTING
            step = int(self.steps[row])
            self.steps[row] = step + 1
            octave = min((step & -step).bit_length() - 1, OCTAVES - 1) if step else OCTAVES - 1
            slot = octave * PER_OCTAVE + (step >> (octave + 1)) % PER_OCTAVE
            places = slot + CANDIDATES * np.arange(len(KINDS))
            self.deviation[row, :, places] = 0.0
            self.deviation[row, KINDS, places] = 1.0
            self.correlation[row, places] = 0.0
            self.information[row, places] = 0.0
            self.born_s[row, slot] = time_s[row]
            self.before_s[row, slot] = before_s[row]

    def evidence(self, mass_kg: Rows, trust: Rows, asked: NDArray[np.bool_]) -> Evidence:
        """Return what speaks for each hypothesis.

        Parameters
        ----------
        mass_kg : ndarray, shape (n,)
            Mass of each volume.
        trust : ndarray, shape (n, CANDIDATES)
            The variance of the noise over the one to reckon with, 0 to 1; below one where it is not
            yet well known.
        asked : ndarray of bool, shape (n,)
            Rows of which it matters.
        """
        ratios = _ratios(self.correlation, self.information)
        peaks = trust[:, None] * ratios.reshape(len(self), len(KINDS), CANDIDATES)
        leak = peaks[:, LEAK].max(axis=1, initial=0.0)
        other = peaks[:, JUMP:].max(axis=(1, 2), initial=0.0)
        found = np.stack([leak + QUIET_LOG_S] * 6)
        is_stirred = asked & ((leak >= STIRRED) | (other >= HAPPENED))
        is_exact = is_stirred | asked & (self.steps % LOOKED_EVERY == 0.0)
        rows = np.flatnonzero(is_exact)
        if len(rows):
            found[:, rows] = self._weighed(rows, mass_kg[rows], trust[rows])
        return Evidence(is_exact, is_stirred, *found)

    def _weighed(self, rows: NDArray[np.intp], mass_kg: Rows, trust: Rows) -> Rows:
        """Return the evidence of some rows for all hypotheses, in the order of `Evidence`."""
        c, info = self._believed(rows, trust)
        span = _log_spans(self.born_s[rows], self.before_s[rows])

        def summed(places: Sequence[int], sizes: Sizes, *signs: float) -> Rows:
            return _summed(c[:, places], info[:, places], span, sizes, *signs)

        jump, _ = self._jumps(rows, c[:, JUMP], info[:, JUMP], mass_kg)
        oxygen_jump, _ = self._jumps(rows, c[:, OXYGEN_JUMP], info[:, OXYGEN_JUMP], mass_kg)
        return np.stack(
            [
                summed([LEAK], LEAK_SIZES, 1.0),
                summed([LEAK], LEAK_SIZES, -1.0),
                _log_sum(jump + span),
                _log_sum(oxygen_jump + span),
                summed([OXYGEN], OXYGEN_SIZES, 1.0, -1.0),
                summed(range(PULSE, len(KINDS)), PULSE_SIZES, 1.0, -1.0),
            ]
        )

    def weighed(self, row: int, mass_kg: float, trust: Rows) -> list[float]:
        """Return the log of the evidence of a row in seconds, in the order of `Evidence`.

        In place of its last, that of gas moved for each of `PULSES_S`; together they are as much.
        """
        only = np.array([row])
        found: list[float] = self._weighed(only, np.array([mass_kg]), trust[None])[:-1, 0].tolist()
        span = _log_spans(self.born_s[only], self.before_s[only])
        c, info = self._believed(only, trust[None])
        for place in range(PULSE, len(KINDS)):
            alone = _summed(c[:, [place]], info[:, [place]], span, PULSE_SIZES, 1.0, -1.0)
            found.append(float(alone[0]) - float(np.log(len(PULSES_S))))
        return found

    def rate_change(self, row: int, least: float, *, growth: bool) -> Change:
        """Return the change of leak of a row, averaged over all onsets by their probability.

        The best onset alone would be the one that noise flatters most: late and too large. The
        size has a prior that is even in its logarithm.
        """
        chosen = np.argsort(self.born_s[row])
        chosen = chosen[np.isfinite(self.born_s[row, chosen])]
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
        times, earliest = self.born_s[row, chosen], self.before_s[row, chosen]
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
            onsets=tuple(zip(times.tolist(), (density / density.max()).tolist(), strict=True)),
        )

    def event(self, row: int, kind: int) -> tuple[Change, int]:
        """Return the likeliest single event of a row that is no leak, and its place in `KINDS`.

        `kind` is the place of any but a leak; for `PULSE` the likeliest of all lengths.
        """
        places = range(PULSE, len(KINDS)) if kind == PULSE else (kind,)
        scores = [_ratios(self._linear(p)[row], self._quadratic(p)[row]) for p in places]
        place, slot = np.unravel_index(int(np.argmax(scores)), (len(scores), CANDIDATES))
        kind = kind + int(place)
        column = kind * CANDIDATES + int(slot)
        information = float(self.information[row, column]) + 1e-300
        size = float(self.correlation[row, column]) / information
        deviation = self.deviation[row, :, column]
        change = Change(
            size=size,
            size_sd=float(1.0 / np.sqrt(information)),
            onset_s=float(self.born_s[row, slot]),
            onset_low_s=float(self.before_s[row, slot]),
            onset_high_s=float(self.born_s[row, slot]),
            shift=deviation * size,
            spread=np.outer(deviation, deviation) / information,
        )
        return change, kind

    def _believed(self, rows: NDArray[np.intp], trust: Rows) -> tuple[Rows, Rows]:
        """Return correlation and information of some rows, as with noise so much larger, (n, K, C, 1)."""
        shape = (len(rows), len(KINDS), CANDIDATES, 1)
        c, info = (seen[rows].reshape(shape) for seen in (self.correlation, self.information))
        power = trust[:, None, :, None]
        return power * c, power * info + 1e-300

    def _jumps(
        self, rows: NDArray[np.intp], c: Rows, info: Rows, mass_kg: Rows
    ) -> tuple[Rows, Rows]:
        """Return log-likelihood ratio and likeliest size of a jump at each candidate, (n, C, 1)."""
        var = np.square(self.jump_share[rows] * mass_kg)[:, None, None]
        seen = 1.0 + info * var
        return 0.5 * np.square(c) * var / seen - 0.5 * np.log(seen), c * var / seen

    def possible_rates(
        self, row: int, rate: float, mass_kg: float, odds_per_s: Mapping[int, float], trust: Rows
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the rates that a row may have, were each change true, and their probabilities.

        `odds_per_s` is how often what happens, 1/s, by the places of `KINDS` but for `PULSE`, which
        stands for all lengths. What is no leak has told of no rate, and bent the one that is known
        until it is booked. The first rate is that of no change, and the only one where nothing stirs.
        """
        ratios = _ratios(self.correlation[row], self.information[row])
        peaks = trust * ratios.reshape(len(KINDS), CANDIDATES)
        if float(peaks[LEAK].max()) < RUMOUR:
            return np.array([rate]), np.ones(1)
        spans = _log_spans(self.born_s[[row]], self.before_s[[row]])[0]
        logs, rates = [np.zeros(1)], [np.array([rate])]
        for place, odds in _each_place(odds_per_s):
            if place != LEAK and float(peaks[place].max()) < STIRRED:
                continue
            ratio, size = self._possible(row, place, mass_kg, trust)
            log = ratio + spans + np.log(odds)
            shifted = rate + self.deviation[row, RATE, _block(place), None] * size
            if place == LEAK:
                log = np.where(shifted >= min(rate, 0.0), log, -np.inf)  # nothing leaks inwards
            logs.append(log.ravel())
            rates.append(shifted.ravel())
        joint = np.concatenate(logs)
        weight = np.exp(joint - joint.max())
        weight[weight < 1e-5] = 0.0
        kept = np.flatnonzero(weight)
        return np.concatenate(rates)[kept], weight[kept] / weight.sum()

    def _possible(self, row: int, place: int, mass_kg: float, trust: Rows) -> tuple[Rows, Rows]:
        """Return log-likelihood ratio and size of each plausible change, (CANDIDATES, cells)."""
        only = np.array([row])
        c, info = (seen[:, place] for seen in self._believed(only, trust[None]))
        if place in (JUMP, OXYGEN_JUMP):
            ratio, size = self._jumps(only, c, info, np.array([mass_kg]))
            return ratio[0], size[0]
        sizes = SIZES.get(place, PULSE_SIZES)
        more, less = sizes.ratios(c[0], info[0]), sizes.ratios(-c[0], info[0])
        ratios = np.concatenate([more[0], less[0]], axis=1) - np.log(2.0)
        return ratios, np.concatenate([more[1], -less[1]], axis=1)

    def _linear(self, place: int) -> Rows:
        return self.correlation[:, _block(place)]

    def _quadratic(self, place: int) -> Rows:
        return self.information[:, _block(place)] + 1e-300


def _log_spans(born_s: Rows, before_s: Rows) -> Rows:
    """Return the logarithm of the time that each candidate stands for, shape (n, C, 1)."""
    born = np.where(np.isfinite(born_s), born_s, np.inf)
    order = np.argsort(born, axis=1)
    ascending = np.take_along_axis(born, order, axis=1)
    first = np.take_along_axis(before_s, order[:, :1], axis=1)
    elder = np.concatenate([first, ascending[:, :-1]], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spans = np.log(np.where(np.isfinite(ascending), ascending - elder, 0.0))
    log_spans = np.empty_like(spans)
    np.put_along_axis(log_spans, order, spans, axis=1)
    return log_spans[:, :, None]


def _summed(c: Rows, info: Rows, span: Rows, sizes: Sizes, *signs: float) -> Rows:
    """Return the log of the mean over places and signs of what is summed over onsets and sizes.

    `c` and `info` have the shape (n, places, CANDIDATES, 1).
    """
    parts = [
        sizes.ratios(sign * c[:, place], info[:, place])[0] + span
        for place in range(c.shape[1])
        for sign in signs
    ]
    return _log_sum(np.concatenate(parts, axis=2)) - float(np.log(len(parts)))


def _leak_peak(seen: Mapping[str, Rows]) -> float:
    """Return the log-likelihood ratio of the likeliest change of leak of a row."""
    # In single precision what next to nothing was seen of would be divided by nothing.
    linear, quadratic = (seen[name].astype(np.float64) for name in ("correlation", "information"))
    return float(_ratios(linear, quadratic)[_block(LEAK)].max())


def _ratios(correlation: Rows, information: Rows) -> Rows:
    """Return the log-likelihood ratio of each candidate, were its change as large as is likeliest."""
    found: Rows = 0.5 * np.square(correlation) / (information + 1e-300)
    return found


def _each_place(odds_per_s: Mapping[int, float]) -> list[tuple[int, float]]:
    """Return the odds of every place of `KINDS`; those of `PULSE` are shared by all lengths."""
    odds = {place: each for place, each in odds_per_s.items() if place != PULSE}
    if PULSE in odds_per_s:
        share = odds_per_s[PULSE] / len(PULSES_S)
        odds |= dict.fromkeys(range(PULSE, len(KINDS)), share)
    return list(odds.items())


def _block(place: int) -> slice:
    return slice(place * CANDIDATES, (place + 1) * CANDIDATES)


def _log_sum(logs: Rows) -> Rows:
    flat = logs.reshape(len(logs), -1)
    top = np.maximum(flat.max(axis=1, initial=-1e3), -1e3)
    total: Rows = top + np.log(np.exp(flat - top[:, None]).sum(axis=1) + 1e-300)
    return total


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


def mixture_interval(
    centres: NDArray[np.float64], weights: NDArray[np.float64], sd: float
) -> tuple[float, float, float]:
    """Return the 2.5 % point, the mean and the 97.5 % point of normal distributions mixed together.

    Examples
    --------
    >>> low, mean, high = mixture_interval(np.array([0.0, 10.0]), np.array([0.5, 0.5]), 1.0)
    >>> round(low, 1), mean, round(high, 1)
    (-1.6, 5.0, 11.6)
    """
    mean = float(weights @ centres)
    if len(centres) == 1:
        return mean - TWO_SIDED_95 * sd, mean, mean + TWO_SIDED_95 * sd
    first = float(centres.min()) - REACH * sd
    step = (float(centres.max()) + REACH * sd - first) / (GRID - 1)
    # Each centre is shared out to the points of an even grid beside it.
    place, along = np.divmod((centres - first) / step, 1.0)
    shares = np.bincount(place.astype(np.intp), weights * (1.0 - along), GRID)
    shares[1:] += np.bincount(place.astype(np.intp), weights * along, GRID)[:-1]
    reach = int(np.ceil(REACH * sd / step))
    z = np.clip(np.arange(-reach, reach + 1) * (step / sd), -8.0, 8.0)
    # Within 2e-4 of the normal distribution; Page (1977), Applied Statistics 26, 75.
    below_one = 1.0 / (1.0 + np.exp(-z * (1.5976 + 0.070566 * z * z)))
    kernel = np.diff(below_one, prepend=0.0, append=1.0)
    below = np.cumsum(np.convolve(shares, kernel))[reach : reach + GRID]
    low, high = np.interp((0.025, 0.975), below, first + step * np.arange(GRID))
    return float(low), mean, float(high)
