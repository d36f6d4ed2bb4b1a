"""Checks the names by which the parts of a scenario speak of each other."""

from collections.abc import Collection, Iterator

from simulators import entries
from simulators.schema import VACUUM, Scenario

SECTION_KEYS = (entries.GasEntry, entries.DryOutEntry)


def unknown_sections(scenario: Scenario) -> Iterator[str]:
    """Tell every place that names a section, or where it may a loop, that there is not."""
    air, sealed = list(scenario.sections), [*scenario.sections, *scenario.loops]
    for path, section, known in _sections_named(scenario, air, sealed):
        if section not in known:
            named = ", ".join(scenario.sections) or "none is defined"
            yield f"{path}: no section {section!r}; use one of {named}"


def _sections_named(  # noqa: C901 one loop for each part of the file
    scenario: Scenario, air: list[str], sealed: list[str]
) -> Iterator[tuple[str, str, Collection[str]]]:
    """List every place that names a section: its path, the name and what it could be."""
    yield "life_support.section", scenario.life_support.section, air
    for name, hatch in scenario.hatches.items():
        outside = [VACUUM] if hatch.between[0] != hatch.between[1] else []
        for side in hatch.between:
            yield f"hatches.{name}.between", side, air + outside
    for name, channel in scenario.channels.items():
        yield f"channels.{name}.section", channel.section, sealed
    for name, leak in scenario.leaks.items():
        if isinstance(leak.section, str):
            yield f"leaks.{name}.section", leak.section, sealed if leak.into is None else air
        else:
            yield from ((f"leaks.{name}.section", section, air) for section in leak.section)
        if leak.into is not None:
            yield f"leaks.{name}.into", leak.into, air
    for name, vehicle in scenario.vehicles.items():
        yield f"vehicles.{name}.port", vehicle.port, air
    for i, entry in enumerate(scenario.timeline):
        if isinstance(entry, SECTION_KEYS):
            yield f"timeline.{i}.section", entry.section, air
        elif isinstance(entry, entries.ThermalEntry | entries.BetaSwingEntry):
            yield from ((f"timeline.{i}.sections", section, sealed) for section in entry.sections)


def unknown_names(entry: entries.AnyEntry, scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Tell every hatch, leak, vehicle or channel that an entry names and there is not."""
    for key, kind, known in (
        ("hatch", "hatch", scenario.hatches),
        ("outer_hatch", "hatch", scenario.hatches),
        ("leak", "leak", scenario.leaks),
        ("vehicle", "vehicle", scenario.vehicles),
        ("channel", "channel", scenario.channels),
    ):
        used = getattr(entry, key, None)
        for name in [used] if used is None or isinstance(used, str) else used:
            if name is not None and name not in known:
                named = ", ".join(known) or "none is defined"
                yield f".{key}", f"no {kind} {name!r}; use one of {named}"


def airlock_of(scenario: Scenario, entry: entries.EvaEntry) -> str | None:
    """Name the section between the two hatches of an outing, None if they do not fit."""
    if not {entry.hatch, entry.outer_hatch} <= scenario.hatches.keys():
        return None
    outer = set(scenario.hatches[entry.outer_hatch].between)
    inside = outer & set(scenario.hatches[entry.hatch].between)
    if VACUUM in outer and len(inside) == 1 and VACUUM not in inside:
        return inside.pop()
    return None
