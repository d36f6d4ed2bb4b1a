"""Draws by seed what a scenario file leaves open, before its keys are checked."""

import math
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

_NOTHING: Final = object()  # what stands where a `maybe` is not drawn


class DrawError(ValueError):
    """A choice cannot be drawn; the message names its key path."""


def drawn(tree: dict[str, Any], seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the same tree with every choice made, and what was drawn, by key path.

    A choice is one of these, and may hold others:

    - `{uniform: [low, high]}`, `{log_uniform: [low, high]}`, `{choice: [one, another]}`
    - `{at: TIME, jitter_h: HOURS}`: up to so much earlier or later
    - `{after: TIME, hours: HOURS}`
    - `{sum: [...]}`, `{product: [...]}`
    - `{maybe: CHANCE, then: VALUE}`: the value, or else neither it nor its key
    - `{repeat: COUNT, of: VALUE}` in a list: so many of them, each drawn for itself
    - `{let: NAME}`: what is drawn once under the key `let` of the tree; a TIME can be such a name

    Lists that are drawn in a list are joined with it. Each draw depends on the seed and its place
    alone.

    Examples
    --------
    >>> tree, choices = drawn({"crew": {"choice": [3, 3]}, "leaks": [{"uniform": [0.5, 0.5]}]}, 1)
    >>> tree, choices
    ({'crew': 3, 'leaks': [0.5]}, {'crew': 3, 'leaks.0': 0.5})
    >>> drawn({"let": {"n": 2}, "list": [{"repeat": {"let": "n"}, "of": "x"}]}, 1)[0]
    {'list': ['x', 'x']}
    """
    draw = _Draw(tree.get("let", {}), seed)
    found = draw.resolved({key: value for key, value in tree.items() if key != "let"}, ())
    return found, draw.choices


Path = tuple[str, ...]


class _Draw:
    """All choices of one seed."""

    def __init__(self, named: dict[str, Any], seed: int) -> None:
        self._named, self._seed = named, seed
        self._known: dict[str, Any] = {}
        self._under_way: set[str] = set()
        self.choices: dict[str, Any] = {}
        self._ways: dict[frozenset[str], Callable[[dict[str, Any], Path], Any]] = {
            frozenset({"uniform"}): self._uniform,
            frozenset({"log_uniform"}): self._log_uniform,
            frozenset({"choice"}): self._choice,
            frozenset({"at", "jitter_h"}): self._jitter,
            frozenset({"after", "hours"}): self._after,
            frozenset({"sum"}): lambda node, path: sum(self._numbers(node["sum"], path)),
            frozenset({"product"}): lambda n, path: math.prod(self._numbers(n["product"], path)),
            frozenset({"maybe", "then"}): self._maybe,
            frozenset({"repeat", "of"}): self._repeat,
            frozenset({"let"}): lambda node, _: self._let(node["let"]),
        }

    def resolved(self, node: Any, path: Path) -> Any:
        """Give a part of the tree with its choices made."""
        if isinstance(node, list):
            return self._list(node, path)
        if not isinstance(node, dict):
            return node
        way = self._ways.get(frozenset(node)) if all(isinstance(k, str) for k in node) else None
        if way is None:
            pairs = ((key, self.resolved(value, (*path, str(key)))) for key, value in node.items())
            return {key: value for key, value in pairs if value is not _NOTHING}
        try:
            return way(node, path)
        except DrawError:
            raise
        except (TypeError, ValueError, IndexError) as exc:
            raise DrawError(
                f"{'.'.join(path)}: {node} cannot be drawn; use uniform: [low, high], "
                "choice: [one, another] or at: TIME with jitter_h: HOURS"
            ) from exc

    def _list(self, node: list[Any], path: Path) -> list[Any]:
        found = []
        for i, item in enumerate(node):
            value = self.resolved(item, (*path, str(i)))
            if isinstance(item, dict) and isinstance(value, list):
                found += value
            elif value is not _NOTHING:
                found.append(value)
        return found

    def _rng(self, path: Path) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(".".join(path).encode())])

    def _noted(self, value: Any, path: Path) -> Any:
        self.choices[".".join(path)] = value
        return value

    def _numbers(self, nodes: list[Any], path: Path) -> list[Any]:
        return [self.resolved(node, (*path, str(i))) for i, node in enumerate(nodes)]

    def _bounds(self, node: list[Any], path: Path) -> tuple[float, float]:
        low, high = self._numbers(node, path)
        if not low <= high:
            raise ValueError(node)
        return low, high

    def _uniform(self, node: dict[str, Any], path: Path) -> float:
        low, high = self._bounds(node["uniform"], path)
        return float(self._noted(float(self._rng(path).uniform(low, high)), path))

    def _log_uniform(self, node: dict[str, Any], path: Path) -> float:
        low, high = self._bounds(node["log_uniform"], path)
        found = math.exp(self._rng(path).uniform(math.log(low), math.log(high)))
        return float(self._noted(found, path))

    def _choice(self, node: dict[str, Any], path: Path) -> Any:
        options = node["choice"]
        index = int(self._rng(path).integers(len(options)))
        found = self.resolved(options[index], (*path, str(index)))
        self._noted(index if isinstance(found, dict | list) else found, path)
        return found

    def _maybe(self, node: dict[str, Any], path: Path) -> Any:
        chance = self.resolved(node["maybe"], (*path, "maybe"))
        if not self._noted(bool(self._rng(path).uniform() < chance), path):
            return _NOTHING
        return self.resolved(node["then"], path)

    def _repeat(self, node: dict[str, Any], path: Path) -> list[Any]:
        count = round(self.resolved(node["repeat"], (*path, "repeat")))
        return self._list([node["of"]] * count, path)

    def _jitter(self, node: dict[str, Any], path: Path) -> datetime:
        hours = self.resolved(node["jitter_h"], (*path, "jitter_h"))
        moment = self._moment(node["at"], path)
        shift = self._rng(path).uniform(-1.0, 1.0) * hours
        found: datetime = self._noted(_whole_second(moment + timedelta(hours=shift)), path)
        return found

    def _after(self, node: dict[str, Any], path: Path) -> datetime:
        hours = self.resolved(node["hours"], (*path, "hours"))
        moment = self._moment(node["after"], path)
        return _whole_second(moment + timedelta(hours=hours))

    def _moment(self, node: Any, path: Path) -> datetime:
        if isinstance(node, str) and node in self._named:
            node = self._let(node)
        found = self.resolved(node, path)
        moment = found if isinstance(found, datetime) else datetime.fromisoformat(found)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _let(self, name: str) -> Any:
        if name in self._under_way:
            raise DrawError(f"let.{name}: rests on itself; give one of the names a value")
        if name not in self._named:
            known = ", ".join(self._named) or "none is defined"
            raise DrawError(f"let: no name {name!r}; use one of {known}")
        if name not in self._known:
            self._under_way.add(name)
            self._known[name] = self.resolved(self._named[name], ("let", name))
            self._under_way.remove(name)
        return self._known[name]


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
