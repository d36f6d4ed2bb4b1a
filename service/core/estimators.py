"""Estimates mass and leak rate of many sealed volumes at once by a Kalman filter.

Two measurements of one air: its whole mass, and its oxygen as far as oxygen is measured. A leak
takes both in proportion; breathing and oxygen generation move both alike; an error of temperature
scales both; an error of the oxygen sensor shows in one. So the filter weighs what used to be two
accounts, of the total and of nitrogen, as one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.noise import (
    BRIEF_S,
    CYCLE_MEMORY_S,
    DAILY_S,
    DAY_MEMORY_S,
    HOURLY_S,
    IMBALANCE_S,
    ORBIT_MEMORY_S,
    ORBIT_S,
    REMOVAL_CYCLE_S,
    AirNoise,
)
from service.core.rounding import cut_normal
from service.core.tables import Table
from service.core.units import S_PER_DAY

Rows = NDArray[np.float64]

# MASS of air but for what oxygen has come or gone (kg); RATE of the leak (kg/s, positive = loss).
# BRIEF, HOURLY and DAILY: what sensors show for so long but that is no gas (kg). OXYGEN gained
# beyond what is booked (kg); IMBALANCE, a loss of oxygen that lasts for half a day (kg/s); DEFICIT,
# one that stays (kg/s); the DAY of the crew (kg), its half, and a quarter turn of each. CYCLE of the
# carbon dioxide removal (kg) and its quarter turn. LAG of the oxygen sensor for some hours, and its
# OFFSET (kg). HEAT_DAY, what sensors show of the day of the crew that is no gas (kg), and its quarter
# turn. ORBIT, what they show of day and night outside (kg), and its quarter turn.
MASS, RATE, BRIEF, HOURLY, DAILY, OXYGEN, IMBALANCE, DEFICIT = range(8)
DAY, DAY_TURN, HALF_DAY, HALF_DAY_TURN, CYCLE, CYCLE_TURN, LAG, OFFSET = range(8, 16)
HEAT_DAY, HEAT_DAY_TURN, ORBIT, ORBIT_TURN = range(16, 20)
STATES: Final = 20
OXYGEN_SHARE: Final = 0.22  # of cabin air, 163 of 745 mmHg, until it is measured
# A leak that nothing happens to stays as it is; it may creep by 0.01 kg/day in a day, so that
# years of slow change (0.023 kg/day a year, ISS 2004 to 2011) are followed and not alarmed.
CREEP_VAR_PER_S: Final = (0.01 / S_PER_DAY) ** 2 / S_PER_DAY
# The flow out of a hole goes with the pressure, that out of a crack faster: 1.8 in the PrK of July
# 2021. So the rate of a volume that empties falls with what is left in it, as a power of it.
FLOW_EXPONENT: Final = 1.4
FLOW_EXPONENT_SD: Final = 0.4
EMPTYING: Final = 0.05  # share of the mass after which an error of the exponent counts in full
OUTLIER: Final = 5.0  # standard deviations; a single balance further off is not believed
LEAST_TOLD: Final = 1e-6  # share of the variance that an interval takes away; less is nothing
UNKNOWN_SHARE: Final = 0.1  # of the mass: how far the oxygen in it may be from `OXYGEN_SHARE`


def _look(*parts: tuple[int, float]) -> NDArray[np.float64]:
    row = np.zeros(STATES)
    for part, weight in parts:
        row[part] = weight
    return row


TOTAL, OXYGEN_IN_IT = range(2)  # what is measured
_SHOWN = [MASS, BRIEF, HOURLY, DAILY, HEAT_DAY, ORBIT]
LOOKS: Final = (
    _look(*((part, 1.0) for part in (*_SHOWN, OXYGEN, DAY, HALF_DAY, CYCLE))),
    # And a share of `_SHOWN`.
    _look(*((part, 1.0) for part in (OXYGEN, DAY, HALF_DAY, LAG, OFFSET))),
)
FADING: Final = {
    BRIEF: BRIEF_S,
    HOURLY: HOURLY_S,
    DAILY: DAILY_S,
    IMBALANCE: IMBALANCE_S,
    LAG: HOURLY_S,
}
TURNING: Final = {
    DAY: (S_PER_DAY, DAY_MEMORY_S),
    HALF_DAY: (S_PER_DAY / 2.0, DAY_MEMORY_S),
    CYCLE: (REMOVAL_CYCLE_S, CYCLE_MEMORY_S),
    HEAT_DAY: (S_PER_DAY, DAY_MEMORY_S),
    ORBIT: (ORBIT_S, ORBIT_MEMORY_S),
}
STRENGTHS: Final = {  # variance that a part comes back to, by its column
    BRIEF: "brief_var",
    HOURLY: "hourly_var",
    DAILY: "daily_var",
    IMBALANCE: "imbalance_var",
    LAG: "lag_var",
    DAY: "day_var",
    HALF_DAY: "half_day_var",
    CYCLE: "cycle_var",
    HEAT_DAY: "heat_day_var",
    ORBIT: "orbit_var",
}
WALKING: Final = {
    MASS: "walk_var_per_s",
    OXYGEN: "oxygen_walk_var_per_s",
    OFFSET: "offset_var_per_s",
}


# Column of the strength with which each part of the state is shaken anew.
SHAKEN: Final = {
    **WALKING,
    **STRENGTHS,
    **{part + 1: STRENGTHS[part] for part in TURNING},
}


@lru_cache(maxsize=16)
def _courses(spans_s: tuple[float, ...]) -> tuple[Rows, Rows]:
    """Return how a state moves within each time, and how much of each of `SHAKEN` comes anew.

    Shapes (n, 20, 20) and (n, 18); a leak rate stays as it is here. Telemetry is regular as a rule, so
    the same times come again and again.
    """
    span_s = np.array(spans_s)
    move = np.zeros((len(span_s), STATES, STATES))
    move[:] = np.eye(STATES)
    fresh = np.zeros((len(span_s), STATES))
    move[:, MASS, RATE] = move[:, OXYGEN, DEFICIT] = -span_s
    fresh[:, list(WALKING)] = span_s[:, None]
    for part, memory_s in FADING.items():
        kept = np.exp(-span_s / memory_s)
        move[:, part, part], fresh[:, part] = kept, 1.0 - kept * kept
    move[:, OXYGEN, IMBALANCE] = -IMBALANCE_S * (1.0 - move[:, IMBALANCE, IMBALANCE])
    for part, (period_s, memory_s) in TURNING.items():
        kept, angle = np.exp(-span_s / memory_s), 2.0 * np.pi * span_s / period_s
        turn = part + 1
        move[:, part, part] = move[:, turn, turn] = kept * np.cos(angle)
        move[:, part, turn], move[:, turn, part] = kept * np.sin(angle), -kept * np.sin(angle)
        fresh[:, part] = fresh[:, turn] = 1.0 - kept * kept
    return move, fresh[:, list(SHAKEN)]


class LeakFilter(Table):
    """A table of filters, one row a volume, advanced together by array operations.

    Attributes
    ----------
    state : ndarray, shape (n, 20)
        See the names of the places above.
    covariance : ndarray, shape (n, 20, 20)
        Of the state.
    time_s : ndarray, shape (n,)
        Event time of the newest balance used.
    white_var, ... : ndarray, shape (n,)
        The parts of an `AirNoise`.
    flow_exponent : ndarray, shape (n,)
        Power of the mass with which the leak rate falls as the volume empties; 0 for a liquid,
        which leaks all the same.
    oxygen_share : ndarray, shape (n,)
        Oxygen in the air, which a leak takes along, when it was measured first; it may not follow
        the measurements, or these would say nothing any more.
    doubted : ndarray, shape (n, 2)
        Sign of the newest measurement, total and oxygen, where it was an outlier; else 0.
    """

    COLUMNS: ClassVar = {
        "state": ((STATES,), 0.0),
        "covariance": ((STATES, STATES), 0.0),
        "time_s": ((), 0.0),
        "white_var": ((), 0.0),
        "brief_var": ((), 0.0),
        "hourly_var": ((), 0.0),
        "daily_var": ((), 0.0),
        "walk_var_per_s": ((), 0.0),
        "imbalance_var": ((), 0.0),
        "day_var": ((), 0.0),
        "half_day_var": ((), 0.0),
        "cycle_var": ((), 0.0),
        "heat_day_var": ((), 0.0),
        "orbit_var": ((), 0.0),
        "oxygen_walk_var_per_s": ((), 0.0),
        "sensor_white_var": ((), 0.0),
        "lag_var": ((), 0.0),
        "offset_var_per_s": ((), 0.0),
        "flow_exponent": ((), FLOW_EXPONENT),
        "oxygen_share": ((), OXYGEN_SHARE),
        "doubted": ((2,), 0.0),
    }
    state: Rows
    covariance: Rows
    time_s: Rows
    white_var: Rows
    brief_var: Rows
    hourly_var: Rows
    daily_var: Rows
    walk_var_per_s: Rows
    imbalance_var: Rows
    day_var: Rows
    half_day_var: Rows
    cycle_var: Rows
    heat_day_var: Rows
    orbit_var: Rows
    oxygen_walk_var_per_s: Rows
    sensor_white_var: Rows
    lag_var: Rows
    offset_var_per_s: Rows
    flow_exponent: Rows
    oxygen_share: Rows
    doubted: Rows

    def start(
        self,
        time_s: float,
        mass_kg: float,
        rate_kg_per_s: float,
        rate_sd: float,
        noise: AirNoise,
        *,
        flow_exponent: float = FLOW_EXPONENT,
    ) -> int:
        """Append a row that starts from a first balance and a belief about the rate."""
        row = self.append(time_s=time_s, flow_exponent=flow_exponent)
        self.set_noise(row, noise)
        self._begin(row, mass_kg, rate_kg_per_s, rate_sd**2)
        return row

    def set_noise(self, row: int, noise: AirNoise) -> None:
        """Let a row work with another noise model from now on."""
        for name, strength in noise.parts().items():
            getattr(self, name)[row] = strength

    def enlarge(self, row: int, factor: float) -> None:
        """Let the noise of a row be that of so many times as much air."""
        for name in (*STRENGTHS.values(), *WALKING.values(), "white_var", "sensor_white_var"):
            getattr(self, name)[row] *= factor * factor

    def advance(self, time_s: Rows, gained_kg: Rows, used: NDArray[np.bool_]) -> Rows:
        """Predict the used rows to a new time.

        Parameters
        ----------
        time_s, gained_kg : ndarray, shape (n,)
            The new time, and the oxygen known to have been added since the row's newest balance;
            entries of rows that are not used do not matter.
        used : ndarray of bool, shape (n,)

        Returns
        -------
        ndarray, shape (n, 20, 20)
            How a deviation of the state moved.
        """
        span_s = np.where(used, time_s - self.time_s, 0.0)
        move, fresh = _courses(tuple(span_s.tolist()))
        move = move.copy()
        rate = self.state[:, RATE]
        emptied = np.clip(rate * span_s / np.maximum(self.state[:, MASS], 1e-9), 0.0, EMPTYING)
        move[:, RATE, RATE] = 1.0 - self.flow_exponent * emptied
        is_flow = self.flow_exponent > 0.0
        bent = np.where(is_flow, FLOW_EXPONENT_SD * rate, 0.0)
        shake = np.zeros((len(span_s), STATES))
        shake[:, RATE] = CREEP_VAR_PER_S * span_s + np.square(bent) * EMPTYING * emptied
        strengths = np.stack([getattr(self, name) for name in SHAKEN.values()], axis=1)
        shake[:, list(SHAKEN)] = strengths * fresh
        self.state = (move @ self.state[:, :, None])[:, :, 0]
        self.state[:, OXYGEN] += np.where(used, gained_kg, 0.0)
        spread = move @ self.covariance @ move.transpose(0, 2, 1)
        places = np.arange(STATES)
        spread[:, places, places] += shake
        self.covariance = spread
        self.time_s = np.where(used, time_s, self.time_s)
        return move

    def weigh(
        self,
        what: int,
        balance_kg: Rows,
        used: NDArray[np.bool_],
        half_kg: Rows | float = 0.0,
    ) -> tuple[Rows, Rows, Rows, Rows, NDArray[np.bool_]]:
        """Take in one measurement of the used rows; the others stay as they are.

        A lone outlier is left out. A second one on the same side is believed as it stands, so that
        a jump is seen whole, one balance late.

        Parameters
        ----------
        what : int
            `TOTAL` or `OXYGEN_IN_IT`.
        balance_kg : ndarray, shape (n,)
            The measurement.
        half_kg : ndarray, shape (n,), or float
            How far rounding lets the truth be from it, to both sides alike. Such an interval enters
            as the measurement that leaves mean and variance of the distribution cut to it.

        Returns
        -------
        look : ndarray, shape (n, 20)
            What of the state was measured.
        gain : ndarray, shape (n, 20)
            Kalman gain, 0 in rows not used.
        innovation, variance : ndarray, shape (n,)
            Measured less predicted balance (0 in rows not used), and its variance.
        believed : ndarray of bool, shape (n,)
            The rows that were used.
        """
        look = LOOKS[what][None].repeat(len(self), axis=0)
        if what == OXYGEN_IN_IT:
            look[:, _SHOWN] = self.oxygen_share[:, None]
        seen = (self.covariance @ look[:, :, None])[:, :, 0]
        white_var = self.white_var if what == TOTAL else self.sensor_white_var
        # Rounding may leave less than nothing where masses of a thousand tons came in before.
        variance = np.maximum((seen * look).sum(axis=1), 0.0) + white_var
        innovation = balance_kg - (self.state * look).sum(axis=1)
        half_kg = np.broadcast_to(half_kg, innovation.shape)
        is_far = np.abs(innovation) > half_kg + OUTLIER * np.sqrt(variance)
        side = np.where(is_far, np.sign(innovation), 0.0)
        believed = used & ((side == 0.0) | (side == self.doubted[:, what]))
        self.doubted[:, what] = np.where(used, side, self.doubted[:, what])
        for row in np.flatnonzero(believed & (half_kg > 0.0) & ~is_far).tolist():
            sd = float(np.sqrt(variance[row]))
            middle, half = float(innovation[row]) / sd, float(half_kg[row]) / sd
            shift, left = cut_normal(middle - half, middle + half)
            told = max(1.0 - left, LEAST_TOLD)
            innovation[row] = sd * shift / told
            variance[row] /= told
        variance = variance + np.where(is_far, np.square(half_kg) / 3.0, 0.0)
        gain = np.where(believed[:, None], seen / variance[:, None], 0.0)
        innovation = np.where(believed, innovation, 0.0)
        self.state = self.state + gain * innovation[:, None]
        spread = self.covariance - gain[:, :, None] * gain[:, None, :] * variance[:, None, None]
        self.covariance = 0.5 * (spread + spread.transpose(0, 2, 1))
        return look, gain, innovation, variance, believed

    def reopen(
        self,
        row: int,
        *,
        mass_var: float = 0.0,
        oxygen_var: float = 0.0,
        rate_var: float = 0.0,
        lag_var: float = 0.0,
        offset_var: float = 0.0,
        deficit_var: float = 0.0,
    ) -> None:
        """Admit that parts of the state of a row may have jumped, by the given variances."""
        for part, var in (
            (MASS, mass_var),
            (OXYGEN, oxygen_var),
            (RATE, rate_var),
            (LAG, lag_var),
            (OFFSET, offset_var),
            (DEFICIT, deficit_var),
        ):
            if var:
                self.covariance[row, part, part] += var

    def restate_deficit(self, row: int, deficit: float, variance: float) -> None:
        """Let the lasting loss of oxygen of a row be what is known of it from elsewhere."""
        self.state[row, DEFICIT] = deficit
        self.covariance[row, DEFICIT, :] = self.covariance[row, :, DEFICIT] = 0.0
        self.covariance[row, DEFICIT, DEFICIT] = variance

    def relax(self, row: int, part: int, more_kg: float, sd_kg: float) -> None:
        """Let the mass of a row come to be so much more, give or take, as `part` of `FADING` fades."""
        step = np.zeros(STATES)
        step[MASS], step[part] = 1.0, -1.0
        self.state[row] += more_kg * step
        self.covariance[row] += sd_kg**2 * np.outer(step, step)

    def drive(self, row: int, pressure_ratio: float) -> None:
        """Let the leak of a row flow as its pressure is so many times what it was."""
        log_ratio = float(np.log(pressure_ratio))
        faster = float(np.exp(self.flow_exponent[row] * log_ratio))
        self.state[row, RATE] *= faster
        self.covariance[row, RATE, :] *= faster
        self.covariance[row, :, RATE] *= faster
        if self.flow_exponent[row] > 0.0:
            bent = FLOW_EXPONENT_SD * float(self.state[row, RATE]) * log_ratio
            self.covariance[row, RATE, RATE] += bent * bent

    def restart_mass(self, row: int, time_s: float, balance_kg: float) -> None:
        """Start the mass of a row anew from a balance; what is known of the rates stays."""
        deficit, doubt = self.state[row, DEFICIT], self.covariance[row, DEFICIT, DEFICIT]
        self._begin(row, balance_kg, self.state[row, RATE], self.covariance[row, RATE, RATE])
        self.state[row, DEFICIT], self.covariance[row, DEFICIT, DEFICIT] = deficit, doubt
        self.time_s[row] = time_s

    def restart_rate(self, row: int, rate_kg_per_s: float, rate_sd: float) -> None:
        """Forget all but the newest balance of a row, and start from a belief about its rate."""
        self._begin(row, self.balance(row), rate_kg_per_s, rate_sd**2)

    def _begin(self, row: int, balance_kg: float, rate_kg_per_s: float, rate_var: float) -> None:
        spread = np.zeros(STATES)
        for part, name in STRENGTHS.items():
            spread[part] = getattr(self, name)[row]
        for part in TURNING:
            spread[part + 1] = spread[part]
        hidden = float(LOOKS[TOTAL] @ spread)
        spread[MASS], spread[RATE] = self.white_var[row] + hidden, rate_var
        spread[OFFSET] = (UNKNOWN_SHARE * balance_kg) ** 2
        self.state[row] = 0.0
        self.state[row, MASS], self.state[row, RATE] = balance_kg, rate_kg_per_s
        self.covariance[row] = np.diag(spread)

    def recall(self, row: int, known: Mapping[str, Rows]) -> None:
        """Let a row have seen nothing since it was as is `known`, and predict from there to its time."""
        now_s = np.full(len(self), self.time_s[row])
        for name in ("state", "covariance", "time_s"):
            getattr(self, name)[row] = known[name]
        self.advance(now_s, np.zeros(len(self)), np.arange(len(self)) == row)

    def correct(self, row: int, shift: Rows, spread: Rows) -> None:
        """Shift the state of a row by what a change found means for it."""
        self.state[row] += shift
        self.covariance[row] += spread

    def balance(self, row: int) -> float:
        """Return the whole mass that the state of a row stands for, kg."""
        return float(self.state[row] @ LOOKS[TOTAL])

    def rate(self, row: int) -> tuple[float, float]:
        """Return leak rate and its standard error, kg/s."""
        return float(self.state[row, RATE]), float(np.sqrt(self.covariance[row, RATE, RATE]))

    def deficit(self, row: int) -> tuple[float, float]:
        """Return the lasting loss of oxygen and its variance, kg/s and its square."""
        return float(self.state[row, DEFICIT]), float(self.covariance[row, DEFICIT, DEFICIT])

    def change_error(self, row: int, *, sees_oxygen: bool) -> float:
        """Return the standard error of the leak rate beside one of the same account before, kg/s.

        Oxygen that is lost unseen is taken for a leak, but before as after.
        """
        parts = [RATE] if sees_oxygen else [RATE, DEFICIT]
        return float(np.sqrt(self.covariance[row][np.ix_(parts, parts)].sum()))
