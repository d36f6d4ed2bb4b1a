"""Tells what is wrong with a value, and what to do about it, in the words of the config file."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic_core import ErrorDetails

from service.settings.document import KeyPath
from service.settings.references import Finding, did_you_mean, likeliest
from service.settings.schema import PREFIX, Settings

LONGEST_SHOWN: Final = 40  # characters of a wrong value; more would hide the message
PLAIN_WORDS: Final = (
    (r"^Input should", "must"),
    (r"^(String|List|Tuple|Dictionary) should", "must"),
    (r" be a valid dictionary( or instance of \w+)?", " be a mapping of keys"),
    (r" be a valid (list|tuple)", " be a list"),
    (r" be a valid ", " be a "),
    (r" be a (integer)", r" be an \1"),
    (r", unable to parse string as an? \w+$", ""),
    (r" after validation, not \d+$", ""),
)


def secret_paths(tree: Mapping[str, Any]) -> tuple[KeyPath, ...]:
    """List the keys that hold secrets, with those of the parts that a config names itself."""
    return tuple(_secrets_below(_schema(), (), tree))


def secret_file(path: KeyPath) -> str:
    """Name the file of a secret in the secrets directory."""
    return "_".join(map(str, path)).lower()


def variable(path: KeyPath) -> str:
    """Name the environment variable that overrides the key."""
    return PREFIX + "__".join(map(str, path)).upper()


def secret_remedy(path: KeyPath) -> str:
    """Tell where a secret belongs."""
    return f"put it into the secret file {secret_file(path)} or into {variable(path)}"


def explained(errors: Iterable[ErrorDetails], tree: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield each error of the schema as key path, problem and remedy.

    Parameters
    ----------
    errors : iterable of dict
        As pydantic reports them.
    tree : mapping
        What was checked.
    """
    errors = list(errors)
    misspelt = {_meant(error, tree) for error in errors if error["type"] == "extra_forbidden"}
    for error in errors:
        path = _key_path(error["loc"], tree)
        about = error.get("ctx", {})
        given = error["input"]
        match error["type"]:
            case "config":
                yield path, about["problem"], about["remedy"]
            case "missing" if path in misspelt:
                pass  # said once, at the key as it is spelt
            case "missing":
                add = f"add it: {_description(path, tree)}"
                secret = path in secret_paths(tree)
                yield path, "is missing", secret_remedy(path) if secret else add
            case "extra_forbidden":
                known = _properties(path[:-1], tree)
                yield path, "there is no such key", did_you_mean(str(path[-1]), known)
            case "too_short":
                yield path, "is empty", f"needed here: {_description(path, tree)}"
            case "literal_error" | "enum":
                words = re.findall(r"'([^']*)'", about["expected"])
                remedy = did_you_mean(str(given), words)
                yield path, f"{_shown(given)} is not possible here", remedy
            case "union_tag_invalid":
                words = re.findall(r"'([^']*)'", about["expected_tags"])
                remedy = did_you_mean(str(about["tag"]), words)
                yield (*path, "kind"), f"there is no kind {about['tag']!r}", remedy
            case "union_tag_not_found":
                yield (*path, "kind"), "is missing", f"add it: {', '.join(_kinds())}"
            case _:
                value = "" if path in secret_paths(tree) else f", not {_shown(given)}"
                yield path, _plain(error["msg"]) + value, f"needed here: {_description(path, tree)}"


def _meant(error: ErrorDetails, tree: Mapping[str, Any]) -> KeyPath:
    """Return the key path that an unknown key was probably meant to be."""
    path = _key_path(error["loc"], tree)
    return (*path[:-1], likeliest(str(path[-1]), _properties(path[:-1], tree)) or "")


def _key_path(loc: tuple[int | str, ...], tree: Mapping[str, Any]) -> KeyPath:
    """Leave out of pydantic's location what does not stand in the file."""
    path: list[int | str] = []
    here: Any = tree
    for part in loc:
        is_kind = isinstance(here, Mapping) and part not in here and part == here.get("kind")
        if is_kind or part == "[key]":
            continue
        path.append(part)
        here = _child(here, part)
    return tuple(path)


def _child(here: Any, part: int | str) -> Any:
    if isinstance(here, Mapping):
        return here.get(part)
    if isinstance(here, list) and isinstance(part, int) and part < len(here):
        return here[part]
    return None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping of keys"
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _plain(message: str) -> str:
    for pattern, words in PLAIN_WORDS:
        message = re.sub(pattern, words, message)
    return message


@cache
def _schema() -> dict[str, Any]:
    return Settings.model_json_schema()


def _kinds() -> list[str]:
    return list(_schema()["properties"]["rules"]["items"]["discriminator"]["mapping"])


def _resolved(node: dict[str, Any], here: Any) -> dict[str, Any]:
    """Follow references and choices to the node that describes the keys of a mapping."""
    if "discriminator" in node:
        kind = here.get("kind") if isinstance(here, Mapping) else None
        reference = node["discriminator"]["mapping"].get(kind)
        return _resolved({"$ref": reference}, here) if reference else {}
    if "anyOf" in node:
        return _resolved(node["anyOf"][0], here)  # the other is null
    if "$ref" in node:
        target: dict[str, Any] = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
        return _resolved(target, here)
    return node


def _nodes(path: KeyPath, tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schema of the top level and of each key of the path, as far as it is known."""
    node: dict[str, Any] = _schema()
    here: Any = tree
    yield node
    for part in path:
        keys = _resolved(node, here)
        found = keys.get("properties", {}).get(part)
        node = found or keys.get("items") or keys.get("additionalProperties") or {}
        here = _child(here, part)
        yield node


def _description(path: KeyPath, tree: Mapping[str, Any]) -> str:
    """Return what the key, or the nearest above it that says so, is for."""
    said = [str(node["description"]) for node in _nodes(path, tree) if "description" in node]
    return said[-1]  # the first is that of the whole config


def _properties(path: KeyPath, tree: Mapping[str, Any]) -> list[str]:
    here: Any = tree
    for part in path:
        here = _child(here, part)
    nodes = list(_nodes(path, tree))
    return list(_resolved(nodes[-1], here).get("properties", {}))


def _secrets_below(node: dict[str, Any], path: KeyPath, here: Any) -> Iterator[KeyPath]:
    children = dict(node.get("properties", {}))
    named = node.get("additionalProperties")
    if isinstance(named, dict) and isinstance(here, Mapping):
        children |= dict.fromkeys(map(str, here), named)
    for key, child in children.items():
        below = _resolved(child, None)
        if below.get("writeOnly"):
            yield (*path, key)
        yield from _secrets_below(below, (*path, key), _child(here, key))
