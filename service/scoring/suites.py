"""Reads a suite: scenario families, each at several noise levels, as cases to be drawn by seed."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import ConfigError, Fault, InputError

GIVE_ONE: Final = "give a suite such as config/suites/growth.yaml"

Tree = dict[str, Any]


class Family(BaseModel):
    """A kind of case: the parts that it is made of, and what it lays over them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: tuple[str, ...] = ()
    scenario: Tree = Field(default={})


class Suite(BaseModel):
    """All families of a file; each is scored at each level."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    levels: dict[str, Tree] = Field(min_length=1)
    parts: dict[str, Tree] = Field(default={})
    families: dict[str, Family] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run to be scored: the keys of its scenario, in which the seed has still to choose."""

    family: str
    level: str
    seed: int
    tree: Tree

    @property
    def name(self) -> str:
        """Name the case within its suite."""
        return f"{self.family}-{self.level}-{self.seed}"

    @property
    def draw_seed(self) -> int:
        """Give the seed of all its draws, the same at every level and another for each family."""
        return zlib.crc32(f"{self.family} {self.seed}".encode())


def read_suite(path: Path) -> Suite:
    """Return the suite of a file.

    Raises
    ------
    InputError
        If the file cannot be read or is no suite.
    ConfigError
        If anything in it is wrong.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(str(path), f"cannot be read: {error}", GIVE_ONE) from error
    if not isinstance(found, dict):
        raise InputError(str(path), "is no mapping of keys", GIVE_ONE)
    try:
        suite = Suite.model_validate(found)
    except ValidationError as error:
        faults = [
            Fault(
                f"{path}: {'.'.join(map(str, fault['loc']))}", fault["msg"], "see a shipped suite"
            )
            for fault in error.errors()
        ]
        raise ConfigError(faults) from error
    unknown = [
        Fault(
            f"{path}: families.{name}.parts",
            f"there is no part {part!r}",
            f"use one of {', '.join(suite.parts) or 'none is defined'}",
        )
        for name, family in suite.families.items()
        for part in family.parts
        if part not in suite.parts
    ]
    if unknown:
        raise ConfigError(unknown)
    return suite


def cases_of(suite: Suite, seeds: int, families: Sequence[str] = ()) -> list[Case]:
    """List the cases of a suite, seed by seed, so that what is done first tells of every family.

    Raises
    ------
    InputError
        If there is no such family.
    """
    for name in families:
        if name not in suite.families:
            known = ", ".join(suite.families)
            raise InputError("--family", f"there is no family {name!r}", f"use one of {known}")
    return [
        Case(family=name, level=level, seed=seed, tree=_tree(suite, name, level))
        for seed in range(seeds)
        for name in families or suite.families
        for level in suite.levels
    ]


def _tree(suite: Suite, name: str, level: str) -> Tree:
    family = suite.families[name]
    tree: Tree = {}
    for layer in (*(suite.parts[part] for part in family.parts), suite.levels[level]):
        tree = laid_over(tree, layer)
    return laid_over(tree, family.scenario)


def laid_over(below: Tree, above: Tree) -> Tree:
    """Give a tree with another laid over it: mappings merge, lists join, else the upper holds.

    A mapping with one key of a draw is a value like any other.

    Examples
    --------
    >>> laid_over({"a": {"x": 1}, "b": [1]}, {"a": {"y": 2}, "b": [2]})
    {'a': {'x': 1, 'y': 2}, 'b': [1, 2]}
    """
    joined = dict(below)
    for key, value in above.items():
        old = joined.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not (_is_draw(old, value)):
            joined[key] = laid_over(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            joined[key] = old + value
        else:
            joined[key] = value
    return joined


DRAWS = frozenset({"uniform", "log_uniform", "choice", "sum", "product", "let", "after", "maybe"})


def _is_draw(*trees: Tree) -> bool:
    return any(key in DRAWS for tree in trees if len(tree) <= 2 for key in tree)
