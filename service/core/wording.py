"""Says what an alert means, in one short paragraph that a tired person understands."""

from collections.abc import Mapping, Sequence
from math import isinf
from typing import Final

import numpy as np

from service.core.causes import Cause, likely
from service.core.events import RuleKind
from service.core.rules import Figure, Rule, Side
from service.core.station import ChannelKind, HatchState
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import AtmosphereView, ClosureEffect, ClosureView, GrowthEstimate

MOST_CERTAIN: Final = 0.99  # that is ever claimed; what nobody thought of is not counted
LASTING: Final = frozenset({RuleKind.LEAK_GROWTH, RuleKind.LEAK_RATE})
LEAST_NAMED: Final = 0.01  # probability of a cause that is named
CAUSES_NAMED: Final = 3
MOST_NAMED: Final = 6  # sections of a side; more are counted

OF_INSTRUMENTS: Final = frozenset(
    {
        RuleKind.SILENCE,
        RuleKind.FROZEN_VALUE,
        RuleKind.SENSOR_DISAGREEMENT,
        RuleKind.DAEMON_HEALTH,
    }
)  # what they say of the leak is said by other rules
_STATES: Final = {
    HatchState.OPEN: "open",
    HatchState.CLOSED: "shut, for the pressures on its sides differ",
}


def utc(time_s: float) -> str:
    """Return a time as people write it.

    Examples
    --------
    >>> utc(1707372000.0)
    '2024-02-08 06:00 UTC'
    """
    stamp = np.datetime_as_string(np.datetime64(round(time_s), "s"), unit="m")
    return str(stamp).replace("T", " ") + " UTC"


def span(seconds: float) -> str:
    """Return a span of time in the unit that suits it.

    Examples
    --------
    >>> span(50), span(5400), span(36 * 3600), span(30 * 86400), span(3 * 365.25 * 86400)
    ('50 s', '90 min', '36 h', '30 days', '3.0 years')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 3 * S_PER_DAY:
        return f"{seconds / 3600:.0f} h"
    if seconds < 731 * S_PER_DAY:
        return f"{seconds / S_PER_DAY:.0f} days"
    return f"{seconds / (365.25 * S_PER_DAY):.1f} years"


def named(sections: Sequence[str]) -> str:
    """Return sections as people list them.

    Examples
    --------
    >>> named(("a",)), named(tuple("abcdefgh"))
    ('a', 'a, b, c, d, e and 3 more')
    """
    if len(sections) <= MOST_NAMED:
        return ", ".join(sections)
    first = sections[: MOST_NAMED - 1]
    return f"{', '.join(first)} and {len(sections) - len(first)} more"


def to_shut(suggestion: ClosureView) -> str:
    """Return which hatch to close, for how long, and what to mind."""
    certainty = min(suggestion.probability, MOST_CERTAIN)
    return (
        f"Shut {suggestion.hatch} for {span(3600.0 * suggestion.hours)}: which side then loses "
        f"pressure tells with {certainty:.0%} certainty whether the leak is in "
        f"{named(suggestion.sections)}. Check visiting vehicles first, and cut nobody off from "
        "theirs."
    )


CAUSE_WORDS: Final = {
    Cause.NOTHING: "no change at all",
    Cause.LEAK_GROWTH: "a leak that grew",
    Cause.LEAK_DECREASE: "a leak that shrank",
    Cause.GAS_AT_ONCE: "gas moved at once",
    Cause.GAS_10_MIN: "gas moved for 10 min",
    Cause.GAS_30_MIN: "gas moved for 30 min",
    Cause.GAS_90_MIN: "gas moved for 90 min",
    Cause.OXYGEN_AT_ONCE: "oxygen moved at once",
    Cause.OXYGEN_BALANCE: "a changed oxygen balance",
    Cause.GAS_SOURCE: "gas that comes in",
    Cause.TEMPERATURE: "a thermometer that moved",
    Cause.SENSOR_FAULT: "a faulty sensor",
}


def weighed(hypotheses: Mapping[Cause, float]) -> str:
    """Return the likeliest causes with their probabilities, those beyond mention left out.

    Examples
    --------
    >>> weighed({Cause.LEAK_GROWTH: 0.9994, Cause.OXYGEN_BALANCE: 0.0006})
    'a leak that grew (99%)'
    """
    named = list(likely(hypotheses, LEAST_NAMED).items())[:CAUSES_NAMED]
    return ", ".join(f"{CAUSE_WORDS[c]} ({min(p, MOST_CERTAIN):.0%})" for c, p in named)


def headline(
    rule: Rule,
    figure: Figure | None,
    atmosphere: AtmosphereView,
    suspects: Mapping[str, float],
    excluded: str,
    *,
    hypotheses: Mapping[Cause, float] | None = None,
    doubts: Sequence[str] = (),
    closure: ClosureView | None = None,
    effect: ClosureEffect | None = None,
) -> str:
    """Return what is wrong, where, since when, how fast, how long it lasts and what to do."""
    parts = [f"{_claim(rule, figure, atmosphere)}."]
    if atmosphere.sections:
        parts.append(f"{_place(atmosphere)}.")
    if rule.kind not in OF_INSTRUMENTS:
        parts += _leak_sentences(rule, atmosphere)
    if suspects and rule.kind is RuleKind.LEAK_GROWTH:
        ranked = sorted(suspects.items(), key=lambda item: -item[1])[:3]
        named = ", ".join(f"{name} {share:.0%}" for name, share in ranked)
        parts.append(f"Likeliest: {named}.")
    parts += _taken_for(hypotheses or {}, atmosphere)
    parts += [
        f"Hatch {hatch} is unknown and taken as {_STATES[state]}."
        for hatch, state in atmosphere.assumed.items()
    ]
    if excluded:
        parts.append(f"Known and not the cause: {excluded}.")
    parts += doubts
    parts.append(f"Next: {rule.response}")
    if closure is not None:
        parts.append(to_shut(closure))
    if effect is not None:
        parts.append(_left(effect))
    return " ".join(parts)


def _left(effect: ClosureEffect) -> str:
    """Return what is left open and what is shut off, if the leak is behind the hatch."""

    def lasts(reserve_s: float | None) -> str:
        return "for ever" if reserve_s is None else span(reserve_s)

    return (
        f"If it is there, the rest then loses {effect.rest_rate_kg_per_s * S_PER_DAY:.2f} kg/day and "
        f"lasts {lasts(effect.rest_reserve_s)}, and what is shut off {lasts(effect.shut_reserve_s)}."
    )


def _taken_for(hypotheses: Mapping[Cause, float], atmosphere: AtmosphereView) -> list[str]:
    growth = atmosphere.growth
    if growth is not None and growth.onset_s is not None:
        return [f"When found it was taken for {weighed(hypotheses)}."] if hypotheses else []
    likeliest = next(iter(hypotheses), Cause.NOTHING)
    return [] if likeliest is Cause.NOTHING else [f"Lately seen: {weighed(hypotheses)}."]


def _claim(rule: Rule, figure: Figure | None, atmosphere: AtmosphereView) -> str:
    name = atmosphere.name
    if figure is None:
        return f"{name}: {rule.name} is unknown, for there is no recent data"
    value = figure.value
    match rule.kind:
        case RuleKind.LIMIT:
            return f"{name}: {rule.quantity.value} is {_limit(rule, value)}"
        case RuleKind.PRESSURE_RATE:
            rate = value / PA_PER_MMHG * 60.0
            return f"{name}: pressure falls by {rate:.2f} mmHg/min"
        case RuleKind.LEAK_RATE:
            return f"{name}: the leak is {_flow(atmosphere, value)} above what is accepted"
        case RuleKind.LEAK_GROWTH:
            growth = atmosphere.growth
            if growth is None or growth.onset_s is None:
                return f"{name}: no growth of the leak is left"
            return f"{name}: the leak {_grown(atmosphere, growth)}"
        case RuleKind.RESERVE_TIME:
            least = "least quantity of its accumulator"
            floor = f"{rule.floor} pressure" if atmosphere.coolant is None else least
            return f"{name}: {span(value)} are left to the {floor}"
        case _:
            return f"{name}: {figure.claim}"


def _limit(rule: Rule, value: float) -> str:
    """Return a value and the limit that it is beyond, the worst of them."""
    is_mass = rule.quantity is ChannelKind.QUANTITY
    scale, unit = (1.0, "kg") if is_mass else (PA_PER_MMHG, "mmHg")
    measured = f"{value / scale:.{2 if is_mass else 1}f} {unit}"
    below = rule.side is Side.BELOW
    beyond = [t for t in rule.thresholds.values() if (value <= t if below else value >= t)]
    if not beyond:
        return f"{measured}, within its limits"
    worst = min(beyond) if below else max(beyond)
    return f"{measured}, {rule.side.value} {worst / scale:.{1 if is_mass else 0}f} {unit}"


def _flow(atmosphere: AtmosphereView, *rates_kg_per_s: float) -> str:
    """Return a rate, with its interval where one follows; of a liquid by the hour, as crews count it."""
    per_s, digits, unit = (
        (S_PER_DAY, 2, "kg/day") if atmosphere.coolant is None else (3600.0, 3, "kg/h")
    )
    rate, *interval = (f"{rate * per_s:.{digits}f}" for rate in rates_kg_per_s)
    return f"{rate} {unit} ({' to '.join(interval)})" if interval else f"{rate} {unit}"


def _grown(atmosphere: AtmosphereView, growth: GrowthEstimate) -> str:
    size = _flow(
        atmosphere,
        growth.growth_kg_per_s or 0.0,
        growth.growth_low_kg_per_s or 0.0,
        growth.growth_high_kg_per_s or 0.0,
    )
    onset = utc(growth.onset_s or 0.0)
    first, last = utc(growth.onset_low_s or 0.0), utc(growth.onset_high_s or 0.0)
    return f"grew by {size} about {onset} (between {first} and {last})"


def _place(atmosphere: AtmosphereView) -> str:
    if atmosphere.coolant is not None:
        held_kg = atmosphere.coolant.held_kg
        held = "" if held_kg is None else f", {held_kg:.2f} kg in its accumulator"
        return f"Coolant of {atmosphere.name}{held}"
    if len(atmosphere.sections) == 1:
        return f"Air of {atmosphere.sections[0]} alone, hatch shut"
    return f"Air of {len(atmosphere.sections)} sections that share it: {', '.join(atmosphere.sections)}"


def _leak_sentences(rule: Rule, atmosphere: AtmosphereView) -> list[str]:
    sentences = []
    leak = atmosphere.leak
    if leak is not None:
        rates = leak.rate_kg_per_s, leak.low_kg_per_s, leak.high_kg_per_s
        sentences.append(f"Leak now {_flow(atmosphere, *rates)}{_hole(atmosphere)}.")
    if rule.kind is not RuleKind.RESERVE_TIME:
        sentences += _reserve(atmosphere)
    law, outlook = atmosphere.law, atmosphere.outlook
    if leak is not None and law is not None:
        sentences.append(
            f"It goes with the pressure to the power {law.exponent:.1f} ({law.low:.1f} to "
            f"{law.high:.1f}; a hole 1, a crack up to 2)."
        )
    if rule.kind in LASTING and outlook is not None and (outlook.gas_kg_per_month or 0.0) > 0.0:
        gas = outlook.gas_kg_per_month, outlook.gas_low_kg_per_month, outlook.gas_high_kg_per_month
        value, low, high = (max(kg or 0.0, 0.0) for kg in gas)
        sentences.append(
            f"Holding it takes {value:.0f} kg of gas a month ({low:.0f} to {high:.0f})."
        )
    return sentences


def _reserve(atmosphere: AtmosphereView) -> list[str]:
    """Return how long it lasts, with the band, and when it passes what comes before."""
    reserve_s, band_s = atmosphere.reserve_s, atmosphere.reserve_band_s
    if reserve_s is None:
        return []
    floor = "evacuation pressure" if atmosphere.coolant is None else "least quantity"
    told = f"Time to the {floor}: {span(reserve_s)}{_within(band_s)}"
    before = [
        f"{name.replace('_', ' ')} pressure in {span(time_s)}"
        for name, time_s in sorted(atmosphere.reserve_time_s.items(), key=lambda f: f[1] or 0.0)
        if name != atmosphere.reserve_floor and time_s and time_s < reserve_s
    ]
    return [f"{told}; {', '.join(before)}." if before else f"{told}."]


def _within(band_s: tuple[float, float] | None) -> str:
    if band_s is None:
        return ""
    low_s, high_s = band_s
    return f" ({span(low_s)} to {'never' if isinf(high_s) else span(high_s)})"


def _hole(atmosphere: AtmosphereView) -> str:
    outlook = atmosphere.outlook
    if outlook is None or outlook.hole_low_m is None or outlook.hole_high_m is None:
        return ""
    least, most = (f"{1000.0 * m:.2f}" for m in (outlook.hole_low_m, outlook.hole_high_m))
    return (
        f", like a hole of {least} mm"
        if least == most
        else f", like a hole of {least} to {most} mm"
    )
