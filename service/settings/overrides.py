"""Lays the overrides of a config over its rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from service.settings.document import KeyPath
from service.settings.references import Finding, did_you_mean
from service.settings.rules import Override, Rule
from service.settings.schema import Settings

IDENTITY: Final = frozenset({"name", "kind", "medium"})  # keys that make a rule the one it is
ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(Rule)


@dataclass(frozen=True, slots=True)
class Overridden:
    """A rule as it holds everywhere, None = nowhere, and as it holds within some sections."""

    rule: Rule | None
    within: tuple[tuple[frozenset[str], Rule | None], ...]


def overridden(settings: Settings) -> list[Overridden]:
    """Return the rules of the settings with their overrides; the last one that fits holds."""
    found = []
    for rule in settings.rules:
        everywhere: Rule | None = rule
        within: list[tuple[frozenset[str], Rule | None]] = []
        for override in settings.rule_overrides:
            if override.rule != rule.name:
                continue
            changed = None if override.disabled else _changed(everywhere or rule, override)
            if override.within:
                within.insert(0, (frozenset(override.within), changed))
            else:
                everywhere = changed
        found.append(Overridden(everywhere, tuple(within)))
    return found


def misplaced(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the overrides as key path, problem and remedy."""
    rules = {rule.name: rule for rule in settings.rules}
    for i, override in enumerate(settings.rule_overrides):
        here = ("rule_overrides", i)
        rule = rules.get(override.rule)
        if rule is None:
            remedy = did_you_mean(override.rule, list(rules))
            yield (*here, "rule"), f"there is no rule {override.rule!r}", remedy
            continue
        places = [*settings.sections, *settings.loops]
        for j, section in enumerate(override.within):
            if section not in places:
                remedy = did_you_mean(section, places)
                yield (*here, "within", j), f"there is no section {section!r}", remedy
        yield from _lost(settings, override, (*here, "change"))
        if override.disabled == bool(override.change):
            yield here, "needs either disabled: true or a change", "keep one of the two"
        for path, problem, remedy in _unfit(rule, override):
            yield (*here, "change", *path), problem, remedy


def _lost(settings: Settings, override: Override, here: KeyPath) -> Iterator[Finding]:
    """Yield every hatch and mode that a change names and that is not there."""
    for name in _hatches(override):
        if name not in settings.hatches:
            remedy = did_you_mean(name, list(settings.hatches))
            yield (*here, "suppressed_while", name), f"there is no hatch {name!r}", remedy
    for j, name in enumerate(_modes(override)):
        if name not in settings.modes:
            known = list(settings.modes)
            remedy = did_you_mean(name, known) if known else "list it under modes"
            yield (*here, "modes", j), f"there is no mode {name!r}", remedy


def _hatches(override: Override) -> list[str]:
    named = override.change.get("suppressed_while")
    return [name for name in named if isinstance(name, str)] if isinstance(named, dict) else []


def _modes(override: Override) -> list[str]:
    named = override.change.get("modes")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _unfit(rule: Rule, override: Override) -> Iterator[Finding]:
    """Yield what is wrong with a change, as key path below it, problem and remedy."""
    known = [key for key in type(rule).model_fields if key not in IDENTITY]
    for key in override.change:
        if key not in known:
            yield (key,), "there is no such key", did_you_mean(key, known)
    try:
        _changed(rule, override)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if one["type"] == "extra_forbidden":
                continue
            path = tuple(part for part in one["loc"] if part != rule.kind)
            about = one.get("ctx", {})
            problem = about.get("problem") or one["msg"]
            yield path, problem, about.get("remedy") or "write it as in the rule itself"


def _changed(rule: Rule, override: Override) -> Rule:
    changed: Rule = ADAPTER.validate_python({**rule.model_dump(), **override.change})
    return changed
