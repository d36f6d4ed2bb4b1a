"""Says what changed the air, in words for tired people."""

from typing import Final

from service.core.causes import Cause
from service.core.events import CauseNamed
from service.core.wording import CAUSE_WORDS, MOST_CERTAIN, utc

SMALL: Final = 0.1  # kg or kg/day; below it, one more digit is shown
# What a person looks for first, where no message explains it.
NEXT: Final = {
    Cause.LEAK_DECREASE: "Ask whether it was repaired, or only shut off.",
    Cause.GAS_SOURCE: "Look for an open valve or a repressurisation.",
    Cause.OXYGEN_BALANCE: "Look at the oxygen generators, the crew count and the stores.",
    Cause.TEMPERATURE: "Compare the thermometers.",
}


def told(event: CauseNamed) -> str:
    """Return what happened, how much, when, and what else it might have been."""
    parts = [f"{event.atmosphere}: {_what(event)}."]
    if event.declared_as is not None:
        parts.append(f"Near it was declared: {event.declared_as.replace('_', ' ')}.")
    elif event.cause is not Cause.LEAK_GROWTH:
        parts.append("Nobody declared it.")
    parts.append(_evidence(event))
    parts.append(NEXT.get(event.cause, ""))
    return " ".join(part for part in parts if part)


def _what(event: CauseNamed) -> str:
    rate = _interval(event.rate_kg_per_day, event.rate_low, event.rate_high, "kg/day")
    since = f"since {utc(event.since_s)}"
    match event.cause:
        case Cause.LEAK_GROWTH:
            return f"the leak has grown by {rate} {since}"
        case Cause.LEAK_DECREASE:
            return f"the leak has shrunk by {rate} {since}"
        case Cause.GAS_SOURCE:
            return f"gas comes in, {rate} {since}"
        case Cause.OXYGEN_BALANCE:
            lost = (event.rate_kg_per_day or 0.0) > 0.0
            return f"an oxygen {'deficit' if lost else 'surplus'} of {rate} {since}"
        case Cause.TEMPERATURE:
            return (
                f"the thermometers make it {rate} that is lost more {since}, of which the bare "
                "pressure shows nothing: a temperature moved, or a thermometer is at fault"
            )
        case _:
            return _moved(event)


def _moved(event: CauseNamed) -> str:
    mass = _interval(event.mass_kg, event.mass_low_kg, event.mass_high_kg, "kg")
    gas = "oxygen" if event.cause is Cause.OXYGEN_AT_ONCE else "air"
    word = "repressurisation" if (event.mass_kg or 0.0) > 0.0 else "venting"
    until_s = event.since_s if event.until_s is None else event.until_s
    if until_s > event.since_s:
        when = f"from {utc(event.since_s)} to {utc(until_s)}"
    else:
        when = f"within minutes about {utc(event.since_s)}"
    step = "" if until_s > event.since_s or gas == "oxygen" else ", or a step of volume"
    return f"{word} of {mass} of {gas} {when}{step}"


def _evidence(event: CauseNamed) -> str:
    likeliest = event.hypotheses[event.cause.value]
    return (
        f"Taken for {CAUSE_WORDS[event.cause]} with {min(likeliest, MOST_CERTAIN):.0%}; next comes "
        f"{CAUSE_WORDS[event.rival]}, by a log-likelihood ratio of {event.lead:.1f}."
    )


def _interval(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    """Return an amount without its sign, and its interval from the smaller end.

    Examples
    --------
    >>> _interval(-0.5, -0.62, -0.38, "kg")
    '0.50 kg (0.38 to 0.62)'
    """
    if value is None or low is None or high is None:
        return "an unknown amount"
    sign = -1.0 if value < 0.0 else 1.0
    first, last = sorted((sign * low, sign * high))
    digits = 2 if abs(value) >= SMALL else 3
    return f"{sign * value:.{digits}f} {unit} ({first:.{digits}f} to {last:.{digits}f})"
