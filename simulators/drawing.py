"""Draws by seed what a scenario file leaves open, before its keys are checked."""

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np


class DrawError(ValueError):
    """A choice cannot be drawn; the message names its key path."""


def drawn(tree: Any, seed: int) -> tuple[Any, dict[str, Any]]:
    """Give the same tree with every choice made, and what was drawn, by key path.

    A choice is `{uniform: [low, high]}`, `{choice: [...]}`, or for a time
    `{at: TIME, jitter_h: HOURS}`, up to so much earlier or later. Each depends on the seed and its
    place alone.

    Examples
    --------
    >>> tree, choices = drawn({"crew": {"choice": [3, 3]}, "leaks": [{"uniform": [0.5, 0.5]}]}, 1)
    >>> tree, choices
    ({'crew': 3, 'leaks': [0.5]}, {'crew': 3, 'leaks.0': 0.5})
    """
    choices: dict[str, Any] = {}
    return _resolved(tree, seed, (), choices), choices


def _resolved(tree: Any, seed: int, path: tuple[str, ...], choices: dict[str, Any]) -> Any:
    place = ".".join(path)
    if isinstance(tree, list):
        return [_resolved(v, seed, (*path, str(i)), choices) for i, v in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() not in ({"uniform"}, {"choice"}, {"at", "jitter_h"}):
        return {k: _resolved(v, seed, (*path, str(k)), choices) for k, v in tree.items()}
    rng = np.random.default_rng([seed, zlib.crc32(place.encode())])
    try:
        found = _draw(tree, rng)
    except (TypeError, ValueError, IndexError) as exc:
        raise DrawError(
            f"{place}: {tree} cannot be drawn; use uniform: [low, high], choice: [one, another] "
            "or at: TIME with jitter_h: HOURS"
        ) from exc
    choices[place] = found
    return found


def _draw(choice: dict[str, Any], rng: np.random.Generator) -> Any:
    if "uniform" in choice:
        low, high = choice["uniform"]
        if not low <= high:
            raise ValueError(choice)
        return float(rng.uniform(low, high))
    if "choice" in choice:
        return choice["choice"][int(rng.integers(len(choice["choice"])))]
    at = choice["at"]
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    shift = rng.uniform(-1.0, 1.0) * choice["jitter_h"]
    return (moment + timedelta(hours=shift)).replace(microsecond=0)
