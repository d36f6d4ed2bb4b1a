"""Reads YAML into plain values, and remembers the line of each key."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from service.errors import Fault, InputError

KeyPath = tuple[str | int, ...]

TEXT: Final = "tag:yaml.org,2002:str"
MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of a YAML file whose top level is a mapping.

    `lines` holds the line of every key and list item, counted from one. A file that is not YAML
    has no content and one fault.
    """

    name: str
    content: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, path: KeyPath) -> int:
        """Return the line of the key or of the nearest one above it, 0 if there is none."""
        known = (path[:n] for n in range(len(path), 0, -1) if path[:n] in self.lines)
        return self.lines.get(next(known, ()), 0)

    def place(self, path: KeyPath) -> str:
        """Name the file, the line and the key path."""
        line = f":{self.line(path)}" if self.line(path) else ""
        return f"{self.name}{line}: {'.'.join(map(str, path)) or 'top level'}"


def read_file(path: Path, remedy: str) -> Document:
    """Parse a file.

    Raises
    ------
    InputError
        If it cannot be read; holds the remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(str(path), f"cannot be read: {reason}", remedy) from error
    return read(text, str(path))


def read(text: str, name: str) -> Document:
    """Parse the text; what is wrong with it as YAML is in the faults of the document."""
    document = Document(name=name)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            problem = "is empty" if node is None else "is not a mapping of keys"
            remedy = "write keys such as station:, sections: and channels:"
            return replace(document, faults=(Fault(document.place(()), problem, remedy),))
        faults = tuple(_index(document, node, (), frozenset()))
        return replace(document, content=loader.construct_document(node), faults=faults)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, for one
        return replace(document, faults=(_syntax_fault(error, name),))


def _syntax_fault(error: Exception, name: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Fault(
        f"{name}{line}",
        f"is not YAML: {problem}",
        "check indentation, colons and quotes at and just above this line; no tabs",
    )


def _index(
    document: Document, node: yaml.Node, path: KeyPath, above: frozenset[int]
) -> Iterator[Fault]:
    """Note the line of every key below the node, and yield the keys that cannot be meant."""
    if id(node) in above:
        place = document.place(path)
        yield Fault(place, "refers to itself by an alias", "write the values out")
        return
    above |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            document.lines[(*path, i)] = item.start_mark.line + 1
            yield from _index(document, item, (*path, i), above)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue  # construction refuses the one and resolves the other
            here = (*path, key.value)
            first = document.lines.get(here)
            document.lines[here] = key.start_mark.line + 1
            # Of YAML 1.1 a bare on or off is a truth value, which no key of ours can be.
            if key.tag != TEXT and key.value not in {"on", "off"}:
                yield Fault(
                    document.place(here),
                    f"YAML reads this key as {key.tag.rpartition(':')[2]}, not as text",
                    f'put it in quotes: "{key.value}"',
                )
            key.tag = TEXT  # so that the rest can be checked
            if key.value in seen:
                yield Fault(
                    document.place(here),
                    f"the key stands in line {first} already, and only one can hold",
                    "remove one of the two",
                )
            seen.add(key.value)
            yield from _index(document, value, here, above)
