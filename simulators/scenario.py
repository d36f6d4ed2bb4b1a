"""Finds and reads scenario files, and tells every fault of one with its key path."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from simulators import entries, gas, loops, references, schema
from simulators.drawing import DrawError, drawn
from simulators.schema import Scenario

__all__ = ["Scenario", "ScenarioError", "config_of", "load", "made", "names"]

LOOP_KINDS = ("quantity", "pressure", "temperature")
AIR_KINDS = tuple(kind for kind in schema.UNITS if kind != "quantity")

_SHIPPED = Path(__file__).parent / "scenarios"


class ScenarioError(ValueError):
    """The scenario cannot be used; the message lists every fault with file and key path."""


def names() -> list[str]:
    """List the scenarios that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def load(name_or_path: str | Path, seed: int = 0) -> Scenario:
    """Read a shipped scenario by its name, or any by the path of its file.

    Parameters
    ----------
    seed : int
        Chooses where the file leaves a choice.

    Raises
    ------
    ScenarioError
        If there is no such scenario or it has faults.
    """
    path = Path(name_or_path)
    if str(name_or_path) in names():
        path = _SHIPPED / f"{name_or_path}.yaml"
    elif not path.is_file():
        raise ScenarioError(
            f"no scenario {str(name_or_path)!r}; use one of {', '.join(names())} "
            "or the path of a scenario file"
        )
    return made(_read(path), seed, str(path))


def made(tree: dict[str, Any], seed: int, place: str) -> Scenario:
    """Make a scenario of the keys of a file, `place` in messages about it.

    `based_on` in it is a shipped scenario.

    Raises
    ------
    ScenarioError
        If it has faults.
    """
    if "based_on" in tree:
        parent = _SHIPPED / f"{tree['based_on']}.yaml"
        tree = _laid_on(
            parent, {key: value for key, value in tree.items() if key != "based_on"}, place
        )
    try:
        found, choices = drawn(tree, seed)
        scenario = Scenario.model_validate(found | {"drawn": choices})
    except DrawError as exc:
        raise ScenarioError(_listed(place, [str(exc)])) from exc
    except ValidationError as exc:
        faults = [
            f"{'.'.join(str(key) for key in fault['loc']) or 'the file'}: {fault['msg']}"
            for fault in exc.errors()
        ]
        raise ScenarioError(_listed(place, faults)) from exc
    faults = list(_contradictions(scenario))
    if faults:
        raise ScenarioError(_listed(place, faults))
    return scenario


def config_of(scenario: Scenario) -> dict[str, Any]:
    """Describe the station of a scenario in the keys of a Hullwatch configuration file."""
    channels: dict[str, dict[str, Any]] = {}
    for name, channel in scenario.channels.items():
        row = {"section": channel.section, "kind": channel.kind, "unit": channel.unit}
        hints = {"noise": channel.noise, "step": channel.step, "period_s": channel.period_s}
        channels[name] = row | {key: value for key, value in hints.items() if value}
    return {
        "station": scenario.station,
        "clock": "event",
        "accepted_leak_kg_per_day": scenario.accepted_leak_kg_per_day,
        "sections": {
            name: {"volume_m3": round(scenario.free_volume_m3(name), 3)}
            for name in scenario.sections
        },
        **({"loops": _loops(scenario)} if scenario.loops else {}),
        "hatches": {
            name: {"between": list(hatch.between), "state": hatch.state}
            for name, hatch in scenario.hatches.items()
        },
        "channels": channels,
    }


def _loops(scenario: Scenario) -> dict[str, dict[str, float]]:
    """Describe the loops; that a pump needs a tenth of its accumulator is an estimate."""
    described = {}
    for name, loop in scenario.loops.items():
        warm = (loop.temperature_degc + gas.ZERO_CELSIUS_K) / loops.DENSITY_AT_K
        full_kg = loop.accumulator_m3 * loop.density_kg_per_m3
        described[name] = {
            "floor_kg": round(0.1 * full_kg, 3),
            "coolant_kg": round(loop.volume_m3 * loop.density_kg_per_m3 + loop.fill * full_kg, 3),
            "accumulator_l": round(loop.accumulator_m3 * 1000, 3),
            "precharge_kpa": round(loop.pressure_kpa * (1 - loop.fill) / warm, 3),
            "density_kg_per_m3": loop.density_kg_per_m3,
            "expansion_per_k": loop.expansion_per_k,
        }
    return described


def _listed(place: str, faults: list[str]) -> str:
    return "\n".join(f"{place}: {fault}" for fault in faults)


def _read(path: Path) -> dict[str, Any]:
    """Read one file, laid over the one that its `based_on` names beside it."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}: this is not YAML: {exc}") from exc
    if not isinstance(found, dict):
        raise ScenarioError(f"{path}: a scenario is a mapping of keys; see the shipped ones")
    parent = found.pop("based_on", None)
    if parent is None:
        return found
    below = path.parent / f"{parent}.yaml"
    if below == path:
        raise ScenarioError(f"{path}: based_on: is this file itself")
    return _laid_on(below, found, str(path))


def _laid_on(below: Path, found: dict[str, Any], place: str) -> dict[str, Any]:
    if not below.is_file():
        raise ScenarioError(f"{place}: based_on: there is no scenario {below.stem!r} there")
    return _read(below) | found


def _contradictions(scenario: Scenario) -> Iterator[str]:
    """Tell what is wrong between the parts of a scenario whose parts are right."""
    if scenario.end <= scenario.start:
        yield "end: is not after start"
    for kind, named in (("vehicles", scenario.vehicles), ("loops", scenario.loops)):
        both = scenario.sections.keys() & named.keys()
        yield from (f"{kind}.{name}: a section has this name too" for name in sorted(both))
    yield from references.unknown_sections(scenario)
    for name, channel in scenario.channels.items():
        units = schema.UNITS[channel.kind]
        if channel.unit not in units:
            yield (
                f"channels.{name}.unit: {channel.unit!r} does not measure {channel.kind}; "
                f"use one of {', '.join(units)}"
            )
        if (channel.period_s or 0.0) % scenario.step_s:
            yield f"channels.{name}.period_s: is no multiple of step_s, {scenario.step_s:g}"
        if channel.jitter_s * 2 >= (channel.period_s or scenario.step_s) > 0 < channel.jitter_s:
            yield f"channels.{name}.jitter_s: must be less than half of period_s"
        in_loop = channel.section in scenario.loops
        if channel.kind not in (LOOP_KINDS if in_loop else AIR_KINDS):
            place = "a loop" if in_loop else "air"
            yield f"channels.{name}.kind: {channel.kind} is nothing that {place} has"
    for i, entry in enumerate(scenario.timeline):
        for key, fault in _faults_of(entry, scenario):
            yield f"timeline.{i}{key}: {fault}"


def _faults_of(entry: entries.AnyEntry, scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Tell what is wrong with one entry of the timeline: key within it, fault."""
    yield from references.unknown_names(entry, scenario)
    if entry.at < scenario.start:
        yield ".at", "is before start; say in `air`, `hatches` or `leaks` how things begin"
    until = getattr(entry, "until", None)
    if until is not None and until <= entry.at:
        yield ".until", "is not after `at`"
    if isinstance(entry, entries.LeakEntry):
        sizes = (entry.kg_per_day, entry.kg_per_h, entry.hole_mm)
        if sum(size is not None for size in sizes) != 1:
            yield "", "give one of kg_per_day, kg_per_h and hole_mm"
    if isinstance(entry, entries.UndockingEntry) and (entry.closes or entry.at) > entry.at:
        yield ".closes", "is after the undocking; close the hatch before"
    if isinstance(entry, entries.EvaEntry) and references.airlock_of(scenario, entry) is None:
        yield "", "an airlock lies between `hatch` and an `outer_hatch` to vacuum"
