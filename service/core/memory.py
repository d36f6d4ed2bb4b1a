"""Keeps what was known of accounts: of those that rest, and of live ones some time ago."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from service.core.estimators import DEFICIT, RATE
from service.core.station import Group
from service.core.views import Balance

Key = tuple[Group, Balance]

EVERY_S: Final = 600.0
KEPT: Final = 15  # 2.5 h; gas that is moved for 1.5 h is known for it half an hour after it ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Rows of `LeakFilter` and `ChangeBank`, the latter without what its mass was; never changed."""

    filter: Mapping[str, NDArray[np.float64]]
    bank: Mapping[str, NDArray[np.float64]]
    pressure_pa: float

    @property
    def time_s(self) -> float:
        """The newest balance."""
        return float(self.filter["time_s"])

    @property
    def rate(self) -> tuple[float, float]:
        """Leak rate and its standard error, kg/s."""
        variance = self.filter["covariance"][RATE, RATE]
        return float(self.filter["state"][RATE]), float(np.sqrt(variance))

    def noise_of(self, now: Self) -> Self:
        """Return the same with the noise that was learned since, and no surer of the loss of oxygen."""
        covariance = self.filter["covariance"].copy()
        doubt = now.filter["covariance"][DEFICIT, DEFICIT]
        covariance[DEFICIT, DEFICIT] = max(covariance[DEFICIT, DEFICIT], doubt)
        kept = {"state": self.filter["state"], "time_s": self.filter["time_s"]}
        return replace(self, filter={**now.filter, **kept, "covariance": covariance})

    def corrected(self, shift: float, variance: float) -> Self:
        """Return the same with another rate and more doubt of it, kg/s and its square."""
        state, covariance = self.filter["state"].copy(), self.filter["covariance"].copy()
        state[RATE] += shift
        covariance[RATE, RATE] += variance
        return replace(self, filter={**self.filter, "state": state, "covariance": covariance})


class Recent:
    """What was known of each live account of late, the oldest first."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Known, ...]] = {}

    def is_due(self, key: Key, now_s: float) -> bool:
        """Say whether it is time to keep what is known now."""
        return key not in self._known or now_s - self._known[key][-1].time_s >= EVERY_S

    def keep(self, key: Key, now: Known) -> None:
        """Keep what is known now."""
        self._known[key] = (*self._known.get(key, ()), now)[-KEPT:]

    def before(self, key: Key, time_s: float) -> Known | None:
        """Return the newest that was known before a time, None if nothing is kept of then."""
        older = reversed(self._known.get(key, ()))
        return next((known for known in older if known.time_s <= time_s), None)

    def newest(self, key: Key, time_s: float) -> Known | None:
        """Return the newest that was known before a time, else the oldest; None if nothing is kept."""
        oldest = next(iter(self._known.get(key, ())), None)
        return self.before(key, time_s) or oldest

    def forget(self, key: Key, since_s: float) -> None:
        """Drop what was known after a time, because it has turned out to be otherwise."""
        before = tuple(one for one in self._known.pop(key, ()) if one.time_s <= since_s)
        if before:
            self._known[key] = before

    def take(self, key: Key, before_s: float, now: Known) -> Known:
        """Return the newest that was known before a time, else the oldest; drop all of the account."""
        found = now if now.time_s <= before_s else self.newest(key, before_s)
        self._known.pop(key, None)
        return found or now

    def snapshot(self) -> dict[Key, tuple[Known, ...]]:
        """Return all state."""
        return dict(self._known)

    def restore(self, state: Mapping[Key, tuple[Known, ...]]) -> None:
        """Take over a snapshot."""
        self._known = dict(state)
