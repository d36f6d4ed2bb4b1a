"""Estimates mass and leak rate of many sealed volumes at once by a Kalman filter.

State of a row: mass (a random walk less the leak and the imbalance), leak rate, a correlated
disturbance that the sensors show but that is no gas, and the imbalance, a loss that comes and goes
by the half day. The measured balance is mass + disturbance + white noise.
"""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.noise import CORRELATION_S, IMBALANCE_S, NoiseModel
from service.core.tables import Table
from service.core.units import S_PER_DAY

Rows = NDArray[np.float64]

MASS, RATE, DISTURBANCE, IMBALANCE = range(4)
STATES: Final = 4
# A leak that nothing happens to stays as it is; it may creep by 0.01 kg/day in a day, so that
# years of slow change (0.023 kg/day a year, ISS 2004 to 2011) are followed and not alarmed.
CREEP_VAR_PER_S: Final = (0.01 / S_PER_DAY) ** 2 / S_PER_DAY


class LeakFilter(Table):
    """A table of filters, one row a volume, advanced together by array operations.

    Attributes
    ----------
    state : ndarray, shape (n, 4)
        Mass (kg), leak rate (kg/s, positive = loss), disturbance (kg), imbalance (kg/s).
    covariance : ndarray, shape (n, 4, 4)
        Of the state.
    time_s : ndarray, shape (n,)
        Event time of the newest balance used.
    """

    COLUMNS: ClassVar = {
        "state": ((STATES,), 0.0),
        "covariance": ((STATES, STATES), 0.0),
        "time_s": ((), 0.0),
        "white_var": ((), 0.0),
        "correlated_var": ((), 0.0),
        "walk_var_per_s": ((), 0.0),
        "imbalance_var": ((), 0.0),
    }
    state: Rows
    covariance: Rows
    time_s: Rows
    white_var: Rows
    correlated_var: Rows
    walk_var_per_s: Rows
    imbalance_var: Rows

    def start(
        self, time_s: float, mass_kg: float, rate_kg_per_s: float, rate_sd: float, noise: NoiseModel
    ) -> int:
        """Append a row that starts from a first balance and a belief about the rate."""
        row = self.append(time_s=time_s)
        self.set_noise(row, noise)
        self._begin(row, mass_kg, rate_kg_per_s, rate_sd**2)
        return row

    def noise(self, row: int) -> NoiseModel:
        """Return the noise model a row works with."""
        return NoiseModel(
            white_var=float(self.white_var[row]),
            correlated_var=float(self.correlated_var[row]),
            walk_var_per_s=float(self.walk_var_per_s[row]),
            imbalance_var=float(self.imbalance_var[row]),
        )

    def set_noise(self, row: int, noise: NoiseModel) -> None:
        """Let a row work with another noise model from now on."""
        self.white_var[row] = noise.white_var
        self.correlated_var[row] = noise.correlated_var
        self.walk_var_per_s[row] = noise.walk_var_per_s
        self.imbalance_var[row] = noise.imbalance_var

    def update(
        self,
        time_s: Rows,
        balance_kg: Rows,
        gained_kg: Rows,
        used: NDArray[np.bool_],
    ) -> tuple[Rows, Rows, Rows, Rows]:
        """Advance the used rows to their new balance.

        Parameters
        ----------
        time_s, balance_kg : ndarray, shape (n,)
            The new balances; entries of rows that are not used do not matter.
        gained_kg : ndarray, shape (n,)
            Gas known to have been added since the row's last balance.
        used : ndarray of bool, shape (n,)
            Rows that have a new balance; the others stay as they are.

        Returns
        -------
        transition : ndarray, shape (n, 4, 4)
            How a deviation of the state moved.
        gain : ndarray, shape (n, 4)
            Kalman gain, 0 in rows not used.
        innovation, variance : ndarray, shape (n,)
            Measured less predicted balance (0 in rows not used), and its variance.
        """
        span_s = np.where(used, time_s - self.time_s, 0.0)
        decay = np.exp(-span_s / CORRELATION_S)
        fade = np.exp(-span_s / IMBALANCE_S)
        transition = np.zeros((len(span_s), STATES, STATES))
        transition[:, MASS, MASS] = 1.0
        transition[:, RATE, RATE] = 1.0
        transition[:, MASS, RATE] = -span_s
        transition[:, MASS, IMBALANCE] = -IMBALANCE_S * (1.0 - fade)
        transition[:, DISTURBANCE, DISTURBANCE] = decay
        transition[:, IMBALANCE, IMBALANCE] = fade
        state = (transition @ self.state[:, :, None])[:, :, 0]
        state[:, MASS] += np.where(used, gained_kg, 0.0)
        covariance = transition @ self.covariance @ transition.transpose(0, 2, 1)
        covariance[:, MASS, MASS] += self.walk_var_per_s * span_s
        covariance[:, RATE, RATE] += CREEP_VAR_PER_S * span_s
        covariance[:, DISTURBANCE, DISTURBANCE] += self.correlated_var * (1.0 - decay * decay)
        covariance[:, IMBALANCE, IMBALANCE] += self.imbalance_var * (1.0 - fade * fade)

        seen = covariance[:, :, MASS] + covariance[:, :, DISTURBANCE]
        variance = seen[:, MASS] + seen[:, DISTURBANCE] + self.white_var
        gain = np.where(used[:, None], seen / variance[:, None], 0.0)
        predicted = state[:, MASS] + state[:, DISTURBANCE]
        innovation = np.where(used, balance_kg - predicted, 0.0)
        # An outlier moves the filter no further than four standard deviations would.
        innovation = np.clip(innovation, -4.0 * np.sqrt(variance), 4.0 * np.sqrt(variance))
        self.state = state + gain * innovation[:, None]
        covariance = covariance - gain[:, :, None] * gain[:, None, :] * variance[:, None, None]
        self.covariance = 0.5 * (covariance + covariance.transpose(0, 2, 1))
        self.time_s = np.where(used, time_s, self.time_s)
        return transition, gain, innovation, variance

    def reopen(self, row: int, *, mass_var: float = 0.0, rate_var: float = 0.0) -> None:
        """Admit that the mass or the rate of a row may have jumped, by the given variances."""
        self.covariance[row, MASS, MASS] += mass_var
        self.covariance[row, RATE, RATE] += rate_var

    def restart_mass(self, row: int, time_s: float, balance_kg: float) -> None:
        """Start the mass of a row anew from a balance; what is known of the rate stays."""
        self._begin(row, balance_kg, self.state[row, RATE], self.covariance[row, RATE, RATE])
        self.time_s[row] = time_s

    def restart_rate(self, row: int, rate_kg_per_s: float, rate_sd: float) -> None:
        """Forget all but the newest balance of a row, and start from a belief about its rate."""
        self._begin(row, self.balance(row), rate_kg_per_s, rate_sd**2)

    def _begin(self, row: int, balance_kg: float, rate_kg_per_s: float, rate_var: float) -> None:
        hidden = self.correlated_var[row]
        self.state[row] = [balance_kg, rate_kg_per_s, 0.0, 0.0]
        self.covariance[row] = np.diag(
            [self.white_var[row] + hidden, rate_var, hidden, self.imbalance_var[row]]
        )

    def correct(self, row: int, shift: Rows, spread: Rows) -> None:
        """Shift the state of a row by what a change found means for it."""
        self.state[row] += shift
        self.covariance[row] += spread

    def balance(self, row: int) -> float:
        """Return the balance that the state of a row stands for, kg."""
        return float(self.state[row, MASS] + self.state[row, DISTURBANCE])

    def rate(self, row: int) -> tuple[float, float]:
        """Return leak rate and its standard error, kg/s."""
        return float(self.state[row, RATE]), float(np.sqrt(self.covariance[row, RATE, RATE]))
