"""From bytes to a JSON object, strictly: no duplicate keys, no NaN, nothing too deep.

Small bodies go through the standard library, whose word on what is wrong is also the last for large
ones. Large bodies go through simdjson where it is installed: arrays of numbers become NumPy arrays
without a Python object for each number.
"""

import json
import math
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import numpy as np

from compute.arithmetic.namespace import Array
from service.http.problems import Problem, describe

simdjson: Any = None
with suppress(ImportError):  # there is no wheel for every Python yet
    simdjson = import_module("simdjson")

LARGE = 32_768
MAX_DEPTH = 640  # well below the depth at which Python gives up, which depends on the stack of the caller
MAX_OBJECT_DEPTH = 8
WORTHWHILE = 64
MOST_SEARCHED = 2**25
NESTS = frozenset((list, dict))
ESCAPED_BRACKETS = (b"\\u005b", b"\\u005B")


def read(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body. Raises Problem 400 where there is none.

    In a large body an array of numbers alone may come as a NumPy array.
    """
    document = _read_fast(body) if is_large(body) else None
    return read_strictly(body) if document is None else document


def is_large(body: bytes) -> bool:
    """Return whether `read` tries simdjson on a body."""
    return len(body) > LARGE and simdjson is not None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise Problem("unreadable", "a key stands twice in one object of the body")
    return result


def _not_json(_: str) -> NoReturn:
    raise Problem("unreadable", 'NaN and Infinity are no JSON; write them as text: "NaN", "-Infinity"')


class Decimal(float):
    """A number of the body with the text that it came as."""

    def __new__(cls, text: str) -> "Decimal":
        found = super().__new__(cls, text)
        found.text = text
        return found

    text: str

    def __str__(self) -> str:
        return self.text


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_not_json)
_DECIMALS = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_not_json, parse_float=Decimal)


def read_decimals(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body, with numbers that keep their digits. Raises Problem 400."""
    return read_strictly(body, _DECIMALS)


def read_strictly(body: bytes, decoder: json.JSONDecoder = _DECODER) -> dict[str, Any]:
    """Return the JSON object of a request body, in lists and plain numbers. Raises Problem 400."""
    try:
        text = body.decode("utf-8-sig")  # a byte order mark is no part of JSON, and some clients send one
    except UnicodeDecodeError as error:
        raise Problem("unreadable", f"the body is not UTF-8 from byte {error.start} on") from None
    if not text.strip():
        raise Problem("unreadable", "the body is empty; it has to be a JSON object")
    try:
        document = decoder.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("unreadable", f"the body is no JSON at {where}: {error.msg}") from None
    except RecursionError:
        raise Problem("unreadable", "the body is nested too deeply") from None
    except ValueError:
        raise Problem("unreadable", "the body holds an integer of too many digits") from None
    if not isinstance(document, dict):
        raise Problem("unreadable", f"the body has to be a JSON object and is {describe(document)}")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(document):
        raise Problem("unreadable", "the body is nested too deeply")
    return document


def _is_deep(document: dict[str, Any]) -> bool:
    level: list[Any] = [document.values()]
    for _ in range(MAX_DEPTH):
        level = [
            one.values() if type(one) is dict else one
            for entries in level
            if not NESTS.isdisjoint(map(type, entries))
            for one in entries
            if type(one) in NESTS
        ]
        if not level:
            return False
    return True


def _read_fast(body: bytes) -> dict[str, Any] | None:
    """The document, or None where only the strict reader can say what it is."""
    if any(bracket in body for bracket in ESCAPED_BRACKETS):  # the count of brackets below would be wrong
        return None
    try:
        root = simdjson.Parser().parse(body)
        if not isinstance(root, simdjson.Object):
            return None
        document, lists = _object(root, MAX_OBJECT_DEPTH, _Searches())
    except (ValueError, RuntimeError, RecursionError, Problem):
        return None
    # A number in brackets of its own, [1, [2]], is the one thing that lengths do not show.
    return document if lists == body.count(b"[") else None


class _Searches:
    """How much may still be searched: simdjson looks for a name from the first on."""

    def __init__(self) -> None:
        self.left = MOST_SEARCHED

    def spend(self, names: int) -> None:
        """Look for each of so many names. Raises ValueError where the strict reader is faster."""
        self.left -= names**2
        if self.left < 0:
            raise ValueError("too many names")


def _object(source: Any, depth: int, searches: _Searches) -> tuple[dict[str, Any], int]:
    """A plain object, and how many lists it has been found to hold, lists within lists and brackets in names
    such as `layer[0].output` included.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    keys = list(source)
    if any("\0" in key for key in keys):  # simdjson looks for the name up to the NUL
        raise ValueError("a NUL in a name")
    searches.spend(len(keys))
    converted = [(key, *_convert(source[key], depth, searches)) for key in keys]
    opened = sum(lists + key.count("[") for key, _, lists in converted)
    return _pairs([(key, value) for key, value, _ in converted]), opened


def _convert(value: Any, depth: int, searches: _Searches) -> tuple[Any, int]:
    if isinstance(value, simdjson.Object):
        return _object(value, depth - 1, searches)
    if not isinstance(value, simdjson.Array):
        return value, value.count("[") if isinstance(value, str) else 0
    if depth == 0:
        raise ValueError("nested too deeply")
    numbers = _numbers(value)
    if numbers is not None and numbers.size >= WORTHWHILE:
        return numbers, sum(math.prod(numbers.shape[:axis]) for axis in range(numbers.ndim))
    if len(value) > WORTHWHILE:
        raise ValueError("a long list of something other than numbers")
    entries = [_convert(entry, depth - 1, searches) for entry in value]
    if any(isinstance(entry, np.ndarray) for entry, _ in entries):
        raise ValueError("rows that make no rectangle")
    return [entry for entry, _ in entries], 1 + sum(lists for _, lists in entries)


def _numbers(value: Any) -> Array | None:
    """A rectangular array of numbers, or None."""
    try:
        flat = np.frombuffer(value.as_buffer(of_type="d"), dtype=np.float64)
    except TypeError:
        return None
    shape, level = [len(value)], [value]
    while level and len(level[0]) and isinstance(level[0][0], simdjson.Array):
        level = [row for outer in level for row in outer]
        if any(not isinstance(row, simdjson.Array) for row in level):
            return None
        lengths = set(map(len, level))
        if len(lengths) > 1:
            return None
        shape.extend(lengths)
    return flat.reshape(shape) if flat.size == math.prod(shape) else None
