"""Estimates mass and leak rate of many sealed volumes at once by a Kalman filter.

Two measurements of one air: its whole mass, and its oxygen as far as oxygen is measured. A leak
takes both in proportion; breathing and oxygen generation move both alike; an error of temperature
scales both; an error of the oxygen sensor shows in one. So the filter weighs what used to be two
accounts, of the total and of nitrogen, as one.
"""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.noise import CORRELATION_S, IMBALANCE_S, AirNoise
from service.core.tables import Table
from service.core.units import S_PER_DAY

Rows = NDArray[np.float64]

# MASS of air but for what oxygen has come or gone (kg); RATE of the leak (kg/s, positive = loss);
# DISTURBANCE that sensors show but that is no gas (kg); OXYGEN gained beyond what is booked (kg);
# IMBALANCE, a loss of oxygen that lasts for half a day (kg/s); LAG of the oxygen sensor for some
# hours (kg) and its OFFSET (kg); DEFICIT, a loss of oxygen that stays (kg/s).
MASS, RATE, DISTURBANCE, OXYGEN, IMBALANCE, LAG, OFFSET, DEFICIT = range(8)
STATES: Final = 8
OXYGEN_SHARE: Final = 0.235  # of the pressure that is not nitrogen; `air.NITROGEN_SHARE`
# A leak that nothing happens to stays as it is; it may creep by 0.01 kg/day in a day, so that
# years of slow change (0.023 kg/day a year, ISS 2004 to 2011) are followed and not alarmed.
CREEP_VAR_PER_S: Final = (0.01 / S_PER_DAY) ** 2 / S_PER_DAY
OUTLIER: Final = 5.0  # standard deviations; a single balance further off is not believed
UNKNOWN_SHARE: Final = 0.1  # of the mass: how far the oxygen in it may be from `OXYGEN_SHARE`


def _look(*parts: tuple[int, float]) -> NDArray[np.float64]:
    row = np.zeros(STATES)
    for part, weight in parts:
        row[part] = weight
    return row


TOTAL, OXYGEN_IN_IT = range(2)  # what is measured
LOOKS: Final = (
    _look((MASS, 1.0), (DISTURBANCE, 1.0), (OXYGEN, 1.0)),
    _look(
        (MASS, OXYGEN_SHARE), (DISTURBANCE, OXYGEN_SHARE), (OXYGEN, 1.0), (LAG, 1.0), (OFFSET, 1.0)
    ),
)


class LeakFilter(Table):
    """A table of filters, one row a volume, advanced together by array operations.

    Attributes
    ----------
    state : ndarray, shape (n, 8)
        See the names of the places above.
    covariance : ndarray, shape (n, 8, 8)
        Of the state.
    time_s : ndarray, shape (n,)
        Event time of the newest balance used.
    white_var, ... : ndarray, shape (n,)
        The parts of an `AirNoise`.
    doubted : ndarray, shape (n, 2)
        Sign of the newest measurement, total and oxygen, where it was an outlier; else 0.
    """

    COLUMNS: ClassVar = {
        "state": ((STATES,), 0.0),
        "covariance": ((STATES, STATES), 0.0),
        "time_s": ((), 0.0),
        "white_var": ((), 0.0),
        "correlated_var": ((), 0.0),
        "walk_var_per_s": ((), 0.0),
        "imbalance_var": ((), 0.0),
        "oxygen_walk_var_per_s": ((), 0.0),
        "sensor_white_var": ((), 0.0),
        "sensor_correlated_var": ((), 0.0),
        "sensor_walk_var_per_s": ((), 0.0),
        "doubted": ((2,), 0.0),
    }
    state: Rows
    covariance: Rows
    time_s: Rows
    white_var: Rows
    correlated_var: Rows
    walk_var_per_s: Rows
    imbalance_var: Rows
    oxygen_walk_var_per_s: Rows
    sensor_white_var: Rows
    sensor_correlated_var: Rows
    sensor_walk_var_per_s: Rows
    doubted: Rows

    def start(
        self, time_s: float, mass_kg: float, rate_kg_per_s: float, rate_sd: float, noise: AirNoise
    ) -> int:
        """Append a row that starts from a first balance and a belief about the rate."""
        row = self.append(time_s=time_s)
        self.set_noise(row, noise)
        self._begin(row, mass_kg, rate_kg_per_s, rate_sd**2)
        return row

    def set_noise(self, row: int, noise: AirNoise) -> None:
        """Let a row work with another noise model from now on."""
        for name, strength in noise.parts().items():
            getattr(self, name)[row] = strength

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
        ndarray, shape (n, 8, 8)
            How a deviation of the state moved.
        """
        span_s = np.where(used, time_s - self.time_s, 0.0)
        decay = np.exp(-span_s / CORRELATION_S)
        fade = np.exp(-span_s / IMBALANCE_S)
        move = np.zeros((len(span_s), STATES, STATES))
        move[:] = np.eye(STATES)
        move[:, MASS, RATE] = -span_s
        move[:, OXYGEN, IMBALANCE] = -IMBALANCE_S * (1.0 - fade)
        move[:, OXYGEN, DEFICIT] = -span_s
        move[:, DISTURBANCE, DISTURBANCE] = decay
        move[:, LAG, LAG] = decay
        move[:, IMBALANCE, IMBALANCE] = fade
        self.state = (move @ self.state[:, :, None])[:, :, 0]
        self.state[:, OXYGEN] += np.where(used, gained_kg, 0.0)
        spread = move @ self.covariance @ move.transpose(0, 2, 1)
        settled = 1.0 - decay * decay
        spread[:, MASS, MASS] += self.walk_var_per_s * span_s
        spread[:, RATE, RATE] += CREEP_VAR_PER_S * span_s
        spread[:, DISTURBANCE, DISTURBANCE] += self.correlated_var * settled
        spread[:, OXYGEN, OXYGEN] += self.oxygen_walk_var_per_s * span_s
        spread[:, IMBALANCE, IMBALANCE] += self.imbalance_var * (1.0 - fade * fade)
        spread[:, LAG, LAG] += self.sensor_correlated_var * settled
        spread[:, OFFSET, OFFSET] += self.sensor_walk_var_per_s * span_s
        self.covariance = spread
        self.time_s = np.where(used, time_s, self.time_s)
        return move

    def weigh(
        self, what: int, balance_kg: Rows, used: NDArray[np.bool_]
    ) -> tuple[Rows, Rows, Rows, NDArray[np.bool_]]:
        """Take in one measurement of the used rows; the others stay as they are.

        A lone outlier is left out. A second one on the same side is believed as it stands, so that
        a jump is seen whole, one balance late.

        Parameters
        ----------
        what : int
            `TOTAL` or `OXYGEN_IN_IT`.
        balance_kg : ndarray, shape (n,)
            The measurement.

        Returns
        -------
        gain : ndarray, shape (n, 8)
            Kalman gain, 0 in rows not used.
        innovation, variance : ndarray, shape (n,)
            Measured less predicted balance (0 in rows not used), and its variance.
        believed : ndarray of bool, shape (n,)
            The rows that were used.
        """
        look = LOOKS[what]
        seen = self.covariance @ look
        variance = seen @ look + (self.white_var if what == TOTAL else self.sensor_white_var)
        innovation = balance_kg - self.state @ look
        side = np.where(np.abs(innovation) > OUTLIER * np.sqrt(variance), np.sign(innovation), 0.0)
        believed = used & ((side == 0.0) | (side == self.doubted[:, what]))
        self.doubted[:, what] = np.where(used, side, self.doubted[:, what])
        gain = np.where(believed[:, None], seen / variance[:, None], 0.0)
        innovation = np.where(believed, innovation, 0.0)
        self.state = self.state + gain * innovation[:, None]
        spread = self.covariance - gain[:, :, None] * gain[:, None, :] * variance[:, None, None]
        self.covariance = 0.5 * (spread + spread.transpose(0, 2, 1))
        return gain, innovation, variance, believed

    def reopen(
        self, row: int, *, mass_var: float = 0.0, rate_var: float = 0.0, lag_var: float = 0.0,
        deficit_var: float = 0.0,
    ) -> None:  # fmt: skip
        """Admit that parts of the state of a row may have jumped, by the given variances."""
        for part, var in (
            (MASS, mass_var),
            (RATE, rate_var),
            (LAG, lag_var),
            (DEFICIT, deficit_var),
        ):
            self.covariance[row, part, part] += var

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
        hidden = self.correlated_var[row]
        self.state[row] = 0.0
        self.state[row, MASS], self.state[row, RATE] = balance_kg, rate_kg_per_s
        self.covariance[row] = 0.0
        for part, var in (
            (MASS, self.white_var[row] + hidden),
            (RATE, rate_var),
            (DISTURBANCE, hidden),
            (IMBALANCE, self.imbalance_var[row]),
            (LAG, self.sensor_correlated_var[row]),
            (OFFSET, (UNKNOWN_SHARE * balance_kg) ** 2),
        ):
            self.covariance[row, part, part] = var

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
