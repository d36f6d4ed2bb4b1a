"""Says in words what sensors, closed hatches and the daemon itself were found to do."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.core.events import SensorDoubted, SensorFault
from service.core.rules import Part
from service.core.station import Channel, dimension_of
from service.core.units import PA_PER_MMHG, unit_of
from service.core.wording import MOST_CERTAIN, named, span, utc

MOST_TOLD: Final = 3  # sensors of one alert in full; more are counted


def silent_claim(silences_s: Mapping[str, float]) -> str:
    """Return which channels have said nothing, and for how long.

    Examples
    --------
    >>> silent_claim({"a.pressure": 3600.0, "b.pressure": 5400.0})
    'a.pressure, b.pressure: nothing said for up to 90 min'
    """
    if not silences_s:
        return "every channel has spoken"
    longest = span(max(silences_s.values()))
    if len(silences_s) == 1:
        return f"{next(iter(silences_s))} has said nothing for {longest}"
    return f"{named(sorted(silences_s))}: nothing said for up to {longest}"


def frozen_claim(channel: Channel, value: float, since_s: float, lasts_s: float, why: str) -> str:
    """Return which channel repeats which value since when, and why that is no good sign.

    Examples
    --------
    >>> from service.core.station import ChannelKind
    >>> gauge = Channel(name="a.p", section="a", kind=ChannelKind.PRESSURE, unit="mmHg")
    >>> frozen_claim(gauge, 745.2 * PA_PER_MMHG, 1707372000.0, 5400.0, "longer than it ever did")
    'a.p has stood at 745.2 mmHg since 2024-02-08 06:00 UTC (90 min), longer than it ever did'
    """
    unit = unit_of(channel.unit, dimension_of(channel.kind, channel.unit))
    written = (value - unit.offset) / unit.scale
    shown = f"{round(written, 3):g} {channel.unit}"
    return f"{channel.name} has stood at {shown} since {utc(since_s)} ({span(lasts_s)}), {why}"


def apart_claim(doubted: SensorDoubted) -> str:
    """Return which sensor differs from which others, by how much and since when.

    Of two that differ neither is to be named.
    """
    size = abs(doubted.difference_pa) / PA_PER_MMHG
    since = utc(doubted.since_s)
    if not doubted.is_named:
        pair = " and ".join(sorted((doubted.channel, *doubted.against)))
        return f"{pair} part by {size:.1f} mmHg since {since}, and either may be wrong"
    side = "above" if doubted.difference_pa > 0.0 else "below"
    if doubted.fault is SensorFault.DRIFTING:
        way = "up" if doubted.difference_pa > 0.0 else "down"
        others = named(doubted.against)
        return f"{doubted.channel} drifted {way} by {size:.1f} mmHg in a week against {others}"
    others = named(doubted.against)
    return f"{doubted.channel} is {size:.1f} mmHg {side} {others} since {since}"


def isolation_claim(sections: Sequence[str], chance: float, hatches: Sequence[str]) -> str:
    """Return where closed hatches have shown the leak to be, and how surely.

    Examples
    --------
    >>> isolation_claim(("prk",), 1.0, ("prk-zvezda",))
    'the leak is in prk (99%), as prk-zvezda shut has shown'
    """
    certainty = min(chance, MOST_CERTAIN)
    return f"the leak is in {named(sections)} ({certainty:.0%}), as {named(hatches)} shut has shown"


def daemon_claim(part: Part, since_s: Mapping[str, float]) -> str:
    """Return which sources are down, or which outputs fail, and since when.

    Examples
    --------
    >>> daemon_claim(Part.SOURCES, {"mqtt": 1707372000.0})
    'the source mqtt is down since 2024-02-08 06:00 UTC'
    >>> daemon_claim(Part.OUTPUTS, {})
    'every output works'
    """
    is_source = part is Part.SOURCES
    word = "source" if is_source else "output"
    if not since_s:
        return f"every {word} {'is connected' if is_source else 'works'}"
    since = utc(min(since_s.values()))
    names = named(sorted(since_s))
    if len(since_s) == 1:
        return f"the {word} {names} {'is down' if is_source else 'fails'} since {since}"
    return f"the {word}s {names} {'are down' if is_source else 'fail'}, the first since {since}"


def together(claims: Sequence[str]) -> str:
    """Return the first few of several claims as one, and how many more there are."""
    told = "; ".join(claims[:MOST_TOLD])
    rest = len(claims) - MOST_TOLD
    return f"{told}; and {rest} more" if rest > 0 else told
