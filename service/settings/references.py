"""Finds names in a config that point nowhere, however faulty the rest of it is."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

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
    """Yield every name that points to a section that is not there, and every name given twice."""
    sections = [str(name) for name in _mapping(tree.get("sections"))]
    if VACUUM in sections:
        yield (
            ("sections", VACUUM),
            "is what hatches call the outside",
            "give the section another name",
        )
    for path, name in _section_names(tree):
        outside = path[0] == "hatches" and name == VACUUM
        if sections and name not in sections and not outside:
            yield path, f"there is no section {name!r}", did_you_mean(name, sections)
    seen: set[str] = set()
    for i, rule in enumerate(_sequence(tree.get("rules"))):
        title = _mapping(rule).get("name")
        if isinstance(title, str):
            if title in seen:
                yield ("rules", i, "name"), f"two rules are named {title!r}", "rename one of them"
            seen.add(title)


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
