"""What may lie behind a change of a mass of air, and how well each of it explains what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp, fsum


class Cause(StrEnum):
    """What changes the mass of air in a place, or seems to."""

    NOTHING = "nothing"  # it went on as before, and noise did the rest
    LEAK_GROWTH = "leak_growth"
    LEAK_DECREASE = "leak_decrease"
    GAS_AT_ONCE = "gas_at_once"  # within minutes: a vent, a vestibule, an airlock
    GAS_10_MIN = "gas_for_10_min"
    GAS_30_MIN = "gas_for_30_min"
    GAS_90_MIN = "gas_for_90_min"
    OXYGEN_AT_ONCE = "oxygen_at_once"
    OXYGEN_BALANCE = "oxygen_balance"  # made or breathed otherwise than booked, and goes on
    GAS_SOURCE = "gas_source"  # gas comes in that nobody told of, and goes on
    TEMPERATURE = "temperature"  # the thermometer moved, the bare pressure did not
    SENSOR_FAULT = "sensor_fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """Logarithm of the odds of each cause against `NOTHING`, whose own is 0.

    Odds are those after the data: what speaks for a cause since every moment at which it may have
    begun, times how often such things happen.
    """

    log_odds: dict[Cause, float]

    def probabilities(self) -> dict[Cause, float]:
        """Return the probability of each cause, likeliest first; they add up to 1.

        Examples
        --------
        >>> weighing = Weighing(log_odds={Cause.NOTHING: 0.0, Cause.LEAK_GROWTH: 3.0})
        >>> {cause.value: round(p, 3) for cause, p in weighing.probabilities().items()}
        {'leak_growth': 0.953, 'nothing': 0.047}
        """
        top = max(self.log_odds.values())
        odds = {cause: exp(log - top) for cause, log in self.log_odds.items()}
        whole = fsum(odds.values())
        return dict(
            sorted(((c, o / whole) for c, o in odds.items()), key=lambda item: (-item[1], item[0]))
        )

    def read_as(self, weighed: Cause, meant: Cause) -> "Weighing":
        """Return the same odds, with one cause under another name."""
        return Weighing(
            log_odds={meant if c is weighed else c: o for c, o in self.log_odds.items()}
        )

    def rival(self, cause: Cause) -> tuple[Cause, float]:
        """Return the next best explanation, and by how much (log) a cause leads over it."""
        others = {c: log for c, log in self.log_odds.items() if c is not cause}
        best = max(others, key=lambda c: others[c])
        return best, self.log_odds[cause] - others[best]


def likely(probabilities: Mapping[Cause, float], least: float) -> dict[Cause, float]:
    """Return the causes of at least so much probability, in their order."""
    return {cause: p for cause, p in probabilities.items() if p >= least}
