"""Gives the threshold of the growth test for a stated interval between false alarms."""

from typing import Final

import numpy as np

from service.core.views import Balance

# Level and rise per e-fold of the interval in days, for noise that matches the model:
# `python -m tests.detection.calibrate` prints how often each level is passed by chance.
LINE: Final[dict[Balance, tuple[float, float]]] = {
    Balance.NITROGEN: (0.1, 1.33),
    Balance.TOTAL: (5.4, 1.2),
    Balance.PRESSURE: (5.4, 1.2),
}


def threshold(balance: Balance, false_alarm_interval_s: float, tests: int) -> float:
    """Return the log-likelihood ratio that `tests` tests together pass by chance once an interval.

    Examples
    --------
    >>> quarter_s = 90 * 86400.0
    >>> one, four = (threshold(Balance.TOTAL, quarter_s, tests) for tests in (1, 4))
    >>> one < four, threshold(Balance.TOTAL, quarter_s / 9.0, 1) < one
    (True, True)
    """
    level, rise = LINE[balance]
    return level + rise * float(np.log(false_alarm_interval_s / 86400.0 * tests))
