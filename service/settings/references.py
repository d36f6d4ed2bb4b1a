"""Finds names in a config that point nowhere, however faulty the rest of it is."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from service.core.faults import DAEMON_NAME
from service.core.station import VACUUM
from service.settings.document import KeyPath

Finding = tuple[KeyPath, str, str]  # where, what is wrong, what to do


def likeliest(name: str, known: Sequence[str]) -> str | None:
    """Return the known word that was probably meant, None if none is near."""
    by_small = {word.lower(): word for word in known}
    close = get_close_matches(name.lower(), by_small, n=1)
    return by_small[close[0]] if close else None


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Ask for the likeliest of the known words, or else name all of them."""
    meant = likeliest(name, known)
    return f"did you mean {meant!r}?" if meant else f"use one of {', '.join(known)}"


def dangling(tree: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every name that points to a section or hatch that is not there, or is given twice."""
    sections = [str(name) for name in _mapping(tree.get("sections"))]
    loops = [str(name) for name in _mapping(tree.get("loops"))]
    yield from _taken_names(sections, loops)
    for path, name in _section_names(tree):
        outside = path[0] == "hatches" and name == VACUUM
        known = sections if path[0] == "hatches" else [*sections, *loops]
        if sections and name not in known and not outside:
            yield path, f"there is no section {name!r}", did_you_mean(name, known)
    for name in loops:
        if name in sections:
            yield ("loops", name), "is the name of a section too", "rename one of them"
    yield from unweighable(tree)
    yield from _lost_hatches(tree)
    yield from _lost_modes(tree)
    seen: set[str] = set()
    for i, rule in enumerate(_sequence(tree.get("rules"))):
        title = _mapping(rule).get("name")
        if isinstance(title, str):
            if title in seen:
                yield ("rules", i, "name"), f"two rules are named {title!r}", "rename one of them"
            seen.add(title)


def _taken_names(sections: Sequence[str], loops: Sequence[str]) -> Iterator[Finding]:
    """Yield every place whose name means something else."""
    if VACUUM in sections:
        problem, remedy = "is what hatches call the outside", "give the section another name"
        yield ("sections", VACUUM), problem, remedy
    for key, names in (("sections", sections), ("loops", loops)):
        if DAEMON_NAME in names:
            problem = "is what alerts call the daemon itself"
            yield (key, DAEMON_NAME), problem, "give it another name"


def unweighable(tree: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every loop that none of its channels can weigh, and every channel that needs more."""
    weighed = set()
    loops = {str(name): _mapping(loop) for name, loop in _mapping(tree.get("loops")).items()}
    for name, settings in _mapping(tree.get("channels")).items():
        channel = _mapping(settings)
        place, kind = str(channel.get("section")), channel.get("kind")
        loop = loops.get(place, {})
        if kind == "quantity":
            weighed.add(place)
            is_share = str(channel.get("unit")) in {"percent", "ratio"}
            if is_share and "accumulator_l" not in loop:
                problem = "a share of the accumulator says nothing while its volume is unknown"
                yield ("channels", name), problem, "measure it in a loop with accumulator_l"
        elif kind == "pressure" and {"accumulator_l", "precharge_kpa"} <= set(loop):
            weighed.add(place)
    remedy = (
        "add a channel of kind quantity, or one of kind pressure with accumulator_l and "
        "precharge_kpa"
    )
    for name in loops:
        if name not in weighed:
            yield ("loops", name), "no channel tells what it holds", remedy


def _lost_hatches(tree: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every hatch that a rule looks at and that is not there."""
    hatches = [str(name) for name in _mapping(tree.get("hatches"))]
    for i, rule in enumerate(_sequence(tree.get("rules"))):
        for name in map(str, _mapping(_mapping(rule).get("suppressed_while"))):
            if name not in hatches:
                remedy = did_you_mean(name, hatches) if hatches else "leave it out"
                path = ("rules", i, "suppressed_while", name)
                yield path, f"there is no hatch {name!r}", remedy


def _lost_modes(tree: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every mode of the station that a rule names and that is not there."""
    modes = [str(name) for name in _sequence(tree.get("modes"))]
    for i, rule in enumerate(_sequence(tree.get("rules"))):
        for j, name in enumerate(_sequence(_mapping(rule).get("modes"))):
            if name not in modes:
                remedy = did_you_mean(str(name), modes) if modes else "list it under modes"
                yield ("rules", i, "modes", j), f"there is no mode {name!r}", remedy


def _section_names(tree: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for hatch, settings in _mapping(tree.get("hatches")).items():
        for i, side in enumerate(_sequence(_mapping(settings).get("between"))):
            if isinstance(side, str):
                yield ("hatches", hatch, "between", i), side
    for channel, settings in _mapping(tree.get("channels")).items():
        section = _mapping(settings).get("section")
        if isinstance(section, str):
            yield ("channels", channel, "section"), section
    for i, rule in enumerate(_sequence(tree.get("rules"))):
        for j, section in enumerate(_sequence(_mapping(rule).get("sections"))):
            if isinstance(section, str):
                yield ("rules", i, "sections", j), section


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
