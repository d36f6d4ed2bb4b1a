"""Says what the detector saw about an alert, from what a replay has kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.causes import Cause
from service.core.units import S_PER_DAY
from service.core.wording import CAUSE_WORDS, span, utc
from service.evidence import Columns, Exhibit

NEAR_S: Final = 2 * S_PER_DAY  # activities within this of an onset or of the alert are listed
MOST_KNOWN: Final = 20  # of them, the nearest to the onset
LEAST_FIT: Final = 30  # innovations from which their spread is worth telling
LEAST_ODDS: Final = 1e-6  # probability below which a cause is as good as excluded
UNMOVED: Final = frozenset({"note", "signal"})  # they move no air
NEWS: Final = frozenset({"raised", "escalated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A cause, its probability, and the log of its odds against nothing at all."""

    cause: Cause
    probability: float
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Something declared near the onset, and what was allowed for it."""

    time_s: float
    name: str
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How the innovations before the onset spread; white ones of a right model: 0, 1, 0 and 5 %."""

    count: int
    mean: float
    sd: float
    lag_one: float
    beyond_two: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to say of an alert; None = it was not seen.

    Attributes
    ----------
    alert : dict
        The event by which it was raised last, as in `alerts.jsonl`.
    growths : tuple of dict
        The growths behind it, as `cause.named` told them, in order of time.
    weighed_s : float or None
        When the hypotheses were weighed.
    warming_k, warming_kg : float or None
        Change of temperature from the onset to the alert, and the mass that the pressure alone
        would have made of it.
    """

    exhibit: Exhibit
    alert: dict[str, Any]
    raised_s: float
    series: Columns | None
    growths: tuple[dict[str, Any], ...]
    onset_s: tuple[float, float, float] | None
    hypotheses: tuple[Hypothesis, ...]
    weighed_s: float | None
    known: tuple[Known, ...]
    fit: Fit | None
    warming_k: float | None
    warming_kg: float | None


def explained(exhibit: Exhibit) -> Explanation:
    """Draw from an exhibit what it shows."""
    alert = [event for event in exhibit.events if event["event"] in NEWS][-1]
    raised_s = seconds(alert["time"])
    series = exhibit.series.get(" ".join(alert["sections"]))
    told = {event["onset_time"] for event in exhibit.events if event["onset_time"]}
    growths = tuple(
        fact
        for fact in exhibit.facts
        if fact["what"] == "cause.named"
        and fact["cause"] == Cause.LEAK_GROWTH
        and fact["since"] in told
    )
    onset_s = None
    if alert["onset_time"] is not None:
        low, middle, high = (seconds(alert[k]) for k in ("onset_low", "onset_time", "onset_high"))
        onset_s = low, middle, high
    hypotheses, weighed_s = _hypotheses(alert, growths, raised_s)
    warming_k, warming_kg = _warming(series, onset_s, raised_s)
    return Explanation(
        exhibit=exhibit,
        alert=alert,
        raised_s=raised_s,
        series=series,
        growths=growths,
        onset_s=onset_s,
        hypotheses=hypotheses,
        weighed_s=weighed_s,
        known=_known(exhibit.facts, onset_s, raised_s),
        fit=None if series is None else _fit(series, onset_s[0] if onset_s else raised_s),
        warming_k=warming_k,
        warming_kg=warming_kg,
    )


def seconds(written: str) -> float:
    """Return a written time in Unix seconds."""
    return datetime.fromisoformat(written).timestamp()


def lines(explanation: Explanation) -> list[str]:
    """Return what there is to say, for a terminal."""
    alert = explanation.alert
    told = [
        f"{alert['alert_id']}: {alert['severity']}, {alert['event']} {utc(explanation.raised_s)}",
        alert["text"],
    ]
    if explanation.hypotheses:
        assert explanation.weighed_s is not None
        told += ["", f"Hypotheses, weighed {utc(explanation.weighed_s)}:"]
        told += [
            f"  {CAUSE_WORDS[h.cause]:<28} {share(h.probability):>8}   log-odds {h.log_odds:6.1f}"
            for h in explanation.hypotheses
        ]
    if explanation.known:
        told += ["", "Known and allowed for:"]
        told += [f"  {utc(k.time_s)}  {k.name}: {k.allowed}" for k in explanation.known]
    told += [f"  {line}" for line in [warming(explanation)] if line]
    if explanation.fit is not None:
        told += ["", fit_line(explanation.fit)]
    return told


def share(probability: float) -> str:
    """Return a probability as people read it.

    Examples
    --------
    >>> share(0.853), share(0.0004), share(1e-9)
    ('85.3 %', '0.04 %', '< 0.01 %')
    """
    if probability < 1e-4:
        return "< 0.01 %"
    return f"{100 * probability:.1f} %" if probability >= 0.01 else f"{100 * probability:.2f} %"


def fit_line(fit: Fit) -> str:
    """Return how well the model fitted before the onset."""
    return (
        f"Fit before the onset: {fit.count} innovations, mean {fit.mean:.2f} and standard deviation "
        f"{fit.sd:.2f} (0 and 1 if the model is right), {fit.lag_one:.2f} correlated with the next (0), "
        f"{fit.beyond_two:.0%} beyond 2 (5%)"
    )


def warming(explanation: Explanation) -> str:
    """Return what temperature did from the onset to the alert, empty if that is not known."""
    if explanation.warming_k is None or explanation.warming_kg is None:
        return ""
    return (
        f"temperature moved by {explanation.warming_k:+.2f} K from the onset to the alert; by the "
        f"pressure alone that would pass for {explanation.warming_kg:+.2f} kg, and was taken out"
    )


def _hypotheses(
    alert: Mapping[str, Any], growths: Sequence[Mapping[str, Any]], raised_s: float
) -> tuple[tuple[Hypothesis, ...], float | None]:
    found = growths[-1] if growths else alert
    shares = {Cause(name): p for name, p in found["hypotheses"].items()}
    if not shares:
        return (), None
    nothing = max(shares.get(Cause.NOTHING, 0.0), 1e-300)
    told = tuple(
        Hypothesis(cause=cause, probability=p, log_odds=log(max(p, 1e-300) / nothing))
        for cause, p in shares.items()
    )
    return told, growths[-1]["time_s"] if growths else raised_s


def _known(
    facts: Sequence[Mapping[str, Any]],
    onset_s: tuple[float, float, float] | None,
    raised_s: float,
) -> tuple[Known, ...]:
    """Return what was declared near, the nearest to the onset if that is too much, in order of time."""
    first_s, about_s = (onset_s[0], onset_s[1]) if onset_s else (raised_s, raised_s)
    near = [
        fact
        for fact in facts
        if fact["what"] == "activity.noted"
        and fact["understood"]
        and fact["activity"] not in UNMOVED
        and first_s - NEAR_S <= fact["time_s"] <= raised_s
    ]
    nearest = sorted(near, key=lambda fact: abs(fact["time_s"] - about_s))[:MOST_KNOWN]
    return tuple(
        Known(time_s=fact["time_s"], name=_activity(fact), allowed=_allowed(fact))
        for fact in sorted(nearest, key=lambda fact: fact["time_s"])
    )


def _activity(fact: Mapping[str, Any]) -> str:
    words = [fact["activity"].replace("_", " "), fact["place"]]
    if fact["state"]:
        words.append(fact["state"])
    if fact["value"] is not None:
        value, unit = fact["value"], fact["unit"] or ""
        if unit == "kg/s":
            value, unit = value * S_PER_DAY, "kg/day"
        words.append(f"{value:.4g} {unit}".rstrip())
    return " ".join(words)


def _allowed(fact: Mapping[str, Any]) -> str:
    allowed = []
    if fact["allowed_kg"]:
        allowed.append(f"{fact['allowed_kg']:.3g} kg of gas may have come or gone")
    if fact["allowed_kg_per_day"]:
        allowed.append(f"{fact['allowed_kg_per_day']:.2f} kg/day of oxygen may have changed")
    if fact["activity"] == "hatch":
        allowed.append("an account of its own for each side")
    return ", ".join(allowed) or "nothing that the balance notices"


def _fit(series: Columns, until_s: float) -> Fit | None:
    surprise = series["surprise"][series["time_s"] < until_s]
    seen: NDArray[np.float64] = surprise[np.isfinite(surprise)]
    if len(seen) < LEAST_FIT:
        return None
    apart = seen - seen.mean()
    square = float(apart @ apart)
    return Fit(
        count=len(seen),
        mean=float(seen.mean()),
        sd=float(seen.std(ddof=1)),
        lag_one=float(apart[1:] @ apart[:-1]) / square if square > 0.0 else 0.0,
        beyond_two=float((np.abs(seen) > 2.0).mean()),
    )


def _warming(
    series: Columns | None, onset_s: tuple[float, float, float] | None, raised_s: float
) -> tuple[float | None, float | None]:
    if series is None or onset_s is None:
        return None, None
    inside = (series["time_s"] >= onset_s[1]) & (series["time_s"] <= raised_s)
    known = np.flatnonzero(inside & np.isfinite(series["temperature_k"]))
    if len(known) < 2:
        return None, None
    first, last = (float(series["temperature_k"][row]) for row in (known[0], known[-1]))
    mass_kg = float(series["model_kg"][known[-1]])
    return last - first, mass_kg * (last - first) / last


def onset_words(explanation: Explanation) -> str:
    """Return how long the onset was before the alert, empty if there is none."""
    if explanation.onset_s is None:
        return ""
    return f"{span(explanation.raised_s - explanation.onset_s[1])} before the alert"
