"""Strict JSON reader: no duplicate keys, no NaN, limited nesting.

The standard library reads small bodies, and decides about errors in large ones too. simdjson, if installed,
reads large bodies: arrays of numbers become NumPy arrays without a Python object for each number.
"""

import json
import math
import re
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
MAX_DEPTH = 640  # well below Python's recursion limit, which depends on the stack of the caller
MAX_OBJECT_DEPTH = 8
MIN_ARRAY_SIZE = 64
MAX_LOOKUPS = 2**25
NESTS = frozenset((list, dict))
MAX_INTEGER_DIGITS = 400
SHALLOW = 64  # levels that no tensor has
_NESTS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
ESCAPED_BRACKETS = (b"\\u005b", b"\\u005B")


def read(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body. Raises Problem 400 if it is not one.

    In a large body, arrays that contain only numbers may be NumPy arrays.
    """
    document = _read_fast(body) if is_large(body) else None
    return read_strictly(body) if document is None else document


def is_large(body: bytes) -> bool:
    """Return whether `read` tries simdjson on a body."""
    return len(body) > LARGE and simdjson is not None


def _object_from_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise Problem("unreadable", "an object in the body has the same key twice")
    return result


def _refuse_constant(_: str) -> NoReturn:
    raise Problem("unreadable", 'NaN and Infinity are not JSON; write them as text: "NaN", "-Infinity"')


class Decimal(float):
    """A number of the body that keeps its decimal text."""

    def __new__(cls, text: str) -> "Decimal":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text


_DECODER = json.JSONDecoder(object_pairs_hook=_object_from_pairs, parse_constant=_refuse_constant)
_DECIMALS = json.JSONDecoder(
    object_pairs_hook=_object_from_pairs, parse_constant=_refuse_constant, parse_float=Decimal
)


def read_decimals(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body, with numbers that keep their digits. Raises Problem 400."""
    return read_strictly(body, _DECIMALS)


def _read_integer(digits: str) -> int | float:
    return (
        int(digits)
        if len(digits) <= MAX_INTEGER_DIGITS
        else math.copysign(math.inf, -(digits[0] == "-") or 1)
    )


_LENIENT = json.JSONDecoder(object_pairs_hook=_object_from_pairs, parse_int=_read_integer)
_LENIENT_DECIMALS = json.JSONDecoder(
    object_pairs_hook=_object_from_pairs, parse_int=_read_integer, parse_float=Decimal
)


def read_leniently(body: bytes, *, keeps_digits: bool = False) -> dict[str, Any]:
    """Return the JSON object of a body that holds what somebody else wrote. Raises Problem 400.

    NaN and Infinity are numbers, an integer of very many digits is an infinity, and what is nested too deeply
    becomes null: nobody else's tensor makes the body unreadable.

    keeps_digits: whether numbers keep their decimal text.
    """
    if body.count(b"[") + body.count(b"{") > SHALLOW:
        body = _cut_nests(body)
    return read_strictly(body, _LENIENT_DECIMALS if keeps_digits else _LENIENT)


def _cut_nests(body: bytes) -> bytes:
    """Return a body with null in the place of what is nested deeper than any tensor."""
    kept, depth, begin = bytearray(), 0, 0
    for found in _NESTS.finditer(body):
        mark = found[0]
        if mark[:1] == b'"':
            continue
        if mark in b"[{":
            depth += 1
            if depth == SHALLOW:
                kept += body[begin : found.start()] + b"null"
        else:
            if depth == SHALLOW:
                begin = found.end()
            depth -= 1
    return bytes(kept + body[begin:]) if depth < SHALLOW else body


def read_strictly(body: bytes, decoder: json.JSONDecoder = _DECODER) -> dict[str, Any]:
    """Return the JSON object of a request body, with lists and Python numbers. Raises Problem 400."""
    try:
        text = body.decode("utf-8-sig")  # some clients send a byte order mark, which JSON does not allow
    except UnicodeDecodeError as error:
        raise Problem("unreadable", f"the body is not UTF-8 from byte {error.start} on") from None
    if not text.strip():
        raise Problem("unreadable", "the body is empty; expected a JSON object")
    try:
        document = decoder.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("unreadable", f"the body is not valid JSON at {where}: {error.msg}") from None
    except RecursionError:
        raise Problem("unreadable", "the body is nested too deeply") from None
    except ValueError:
        raise Problem("unreadable", "the body holds an integer of too many digits") from None
    if not isinstance(document, dict):
        raise Problem("unreadable", f"expected a JSON object as the body; received {describe(document)}")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(document):
        raise Problem("unreadable", "the body is nested too deeply")
    return document


def _is_deep(document: dict[str, Any]) -> bool:
    level: list[Any] = [document.values()]
    for _ in range(MAX_DEPTH):
        level = [
            entry.values() if type(entry) is dict else entry
            for entries in level
            if not NESTS.isdisjoint(map(type, entries))
            for entry in entries
            if type(entry) in NESTS
        ]
        if not level:
            return False
    return True


def _read_fast(body: bytes) -> dict[str, Any] | None:
    """Return the document, or None if only the strict reader can decide."""
    if any(bracket in body for bracket in ESCAPED_BRACKETS):  # they would spoil the count of brackets below
        return None
    try:
        root = simdjson.Parser().parse(body)
        if not isinstance(root, simdjson.Object):
            return None
        document, lists = _convert_object(root, MAX_OBJECT_DEPTH, _LookupBudget())
    except (ValueError, RuntimeError, RecursionError, Problem):
        return None
    # The number of brackets detects ragged lists such as [1, [2]], whose lengths look rectangular.
    return document if lists == body.count(b"[") else None


class _LookupBudget:
    """A limit on lookups of names, since simdjson searches an object linearly for each name."""

    def __init__(self) -> None:
        self.left = MAX_LOOKUPS

    def spend(self, names: int) -> None:
        """Count the lookups of all `names` names of an object. Raises ValueError beyond the limit."""
        self.left -= names**2
        if self.left < 0:
            raise ValueError("too many names")


def _convert_object(source: Any, depth: int, searches: _LookupBudget) -> tuple[dict[str, Any], int]:
    """Return a dict, and the number of opening brackets in it, also of nested lists and in names such as
    `layer[0].output`.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    keys = list(source)
    if any("\0" in key for key in keys):  # simdjson would look up the name only up to the NUL
        raise ValueError("a NUL in a name")
    searches.spend(len(keys))
    converted = [(key, *_convert(source[key], depth, searches)) for key in keys]
    opened = sum(lists + key.count("[") for key, _, lists in converted)
    return _object_from_pairs([(key, value) for key, value, _ in converted]), opened


def _convert(value: Any, depth: int, searches: _LookupBudget) -> tuple[Any, int]:
    if isinstance(value, simdjson.Object):
        return _convert_object(value, depth - 1, searches)
    if not isinstance(value, simdjson.Array):
        return value, value.count("[") if isinstance(value, str) else 0
    if depth == 0:
        raise ValueError("nested too deeply")
    numbers = _number_array(value)
    if numbers is not None and numbers.size >= MIN_ARRAY_SIZE:
        return numbers, sum(math.prod(numbers.shape[:axis]) for axis in range(numbers.ndim))
    if len(value) > MIN_ARRAY_SIZE:
        raise ValueError("a long list of something other than numbers")
    entries = [_convert(entry, depth - 1, searches) for entry in value]
    if any(isinstance(entry, np.ndarray) for entry, _ in entries):
        raise ValueError("rows that make no rectangle")
    return [entry for entry, _ in entries], 1 + sum(lists for _, lists in entries)


def _number_array(value: Any) -> Array | None:
    """Return a rectangular array of numbers, or None if the value is not one."""
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
