"""Turns the values a monitor remembers into bytes and back, and nothing else into an object.

Rule 1: decoding calls no constructor and no code that the bytes name. It makes plain values, arrays
of numbers, and the frozen records and words of the core, field by field. Bytes from a core with
other records are refused, because they might mean something else.
"""

import hashlib
import importlib
import json
import pkgutil
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from math import prod
from typing import Any, Final

import numpy as np

from service import core

MAGIC: Final = b"hullwatch state 1\n"  # the number is that of this format
NUMBERS: Final = frozenset("biuf")  # kinds of arrays that hold no objects
LENGTH_BYTES: Final = 8


class StateError(Exception):
    """Bytes that are no state of this version."""


def encode(value: object) -> bytes:
    """Return the value as bytes that `decode` of the same version gives back, floats to the bit.

    Examples
    --------
    >>> decode(encode({("a", 1): [np.array([1.0, np.nan]), None, float("inf")]}))
    {('a', 1): [array([ 1., nan]), None, inf]}
    """
    arrays: list[bytes] = []
    tree = json.dumps(_told(value, arrays), separators=(",", ":")).encode()
    body = len(tree).to_bytes(LENGTH_BYTES, "big") + tree + b"".join(arrays)
    return MAGIC + fingerprint() + hashlib.sha256(body).digest() + body


def decode(stored: bytes) -> Any:
    """Return the value that was encoded.

    Raises
    ------
    StateError
        If the bytes are damaged or from another version.
    """
    if not stored.startswith(MAGIC):
        raise StateError("it is of another format")
    rest = stored[len(MAGIC) :]
    if rest[:32] != fingerprint():
        raise StateError("it is from another version of this program")
    digest, body = rest[32:64], rest[64:]
    if hashlib.sha256(body).digest() != digest:
        raise StateError("it is damaged")
    length = int.from_bytes(body[:LENGTH_BYTES], "big")
    start = LENGTH_BYTES + length
    return _Reader(body[start:]).value(json.loads(body[LENGTH_BYTES:start]))


def structure(value: object) -> object:
    """Return the keys of mappings and the types below them, which tell two layouts of state apart."""
    match value:
        case dict():
            return {str(key): structure(item) for key, item in value.items()}
        case np.ndarray():
            return [value.dtype.str, value.ndim]
        case _:
            return type(value).__name__


@cache
def fingerprint() -> bytes:
    """Return what changes when a record or word of the core gains, loses or renames something."""
    shapes = []
    for name, kind in sorted(_records().items()):
        if issubclass(kind, Enum):
            shapes.append((name, sorted(str(member.value) for member in kind)))
        else:
            shapes.append((name, [f"{field.name}: {field.type}" for field in fields(kind)]))
    return hashlib.sha256(json.dumps(shapes).encode()).digest()


@cache
def _records() -> dict[str, type[Any]]:
    """Return the dataclasses and enumerations of the core by their full names."""
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(core.__path__, f"{core.__name__}."):
        for thing in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(thing, type)
                and thing.__module__ == module.name
                and (is_dataclass(thing) or issubclass(thing, Enum))
            ):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def _told(value: object, arrays: list[bytes]) -> object:
    """Return the value as JSON can hold it: anything but a plain value as [tag, ...]."""
    match value:
        case Enum():
            return ["e", _name(value), value.value]
        case np.generic():
            return ["n", value.dtype.str, value.item()]
        case None | bool() | str() | int() | float():
            return value
        case np.ndarray():
            if value.dtype.kind not in NUMBERS:
                raise TypeError(f"an array of {value.dtype} is no state")
            arrays.append(np.ascontiguousarray(value).tobytes())
            return ["a", value.dtype.str, list(value.shape)]
        case list() | tuple():
            tag = "l" if isinstance(value, list) else "t"
            return [tag, *(_told(item, arrays) for item in value)]
        case dict():
            return ["d", *([_told(k, arrays), _told(v, arrays)] for k, v in value.items())]
        case set() | frozenset():
            tag = "s" if isinstance(value, set) else "f"
            return [tag, *(_told(item, arrays) for item in sorted(value))]
        case _ if is_dataclass(value):
            names = (field.name for field in fields(value))
            return ["r", _name(value), *(_told(getattr(value, n), arrays) for n in names)]
        case _:
            raise TypeError(f"a {type(value).__name__} is no state")


def _name(value: object) -> str:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name not in _records():
        raise TypeError(f"{name} is no record of the core")
    return name


class _Reader:
    """Builds values in the order in which they were told, taking each array from the bytes."""

    def __init__(self, arrays: bytes) -> None:
        self._arrays = arrays
        self._at = 0

    def value(self, told: Any) -> Any:
        if not isinstance(told, list):
            return told
        tag, *rest = told
        match tag:
            case "l":
                return [self.value(item) for item in rest]
            case "t":
                return tuple(self.value(item) for item in rest)
            case "s":
                return {self.value(item) for item in rest}
            case "f":
                return frozenset(self.value(item) for item in rest)
            case "d":
                return {self.value(key): self.value(item) for key, item in rest}
            case "n":
                return np.dtype(rest[0]).type(rest[1])
            case "a":
                return self._array(np.dtype(rest[0]), rest[1])
            case "e":
                return _records()[rest[0]](rest[1])
            case _:
                return self._record(_records()[rest[0]], rest[1:])

    def _array(self, dtype: np.dtype[Any], shape: list[int]) -> np.ndarray[Any, Any]:
        size = prod(shape) * dtype.itemsize
        part = self._arrays[self._at : self._at + size]
        self._at += size
        return np.frombuffer(part, dtype).reshape(shape).copy()

    def _record(self, kind: type[Any], told: list[Any]) -> Any:
        record = object.__new__(kind)
        for field, item in zip(fields(kind), told, strict=True):
            object.__setattr__(record, field.name, self.value(item))
        return record
