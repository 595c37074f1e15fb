"""From bytes to a JSON object, strictly: no duplicate keys, no NaN, nothing too deep.

Small bodies go through the standard library, whose word on what is wrong is also the last for large
ones. Large bodies go through simdjson where it is installed: arrays of numbers become NumPy arrays
without a Python object for each number.
"""

import json
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np

from compute.arithmetic.namespace import Array
from service.problems import Problem, describe

simdjson: Any = None
with suppress(ImportError):  # there is no wheel for every Python yet
    simdjson = import_module("simdjson")

LARGE = 32_768
MAX_OBJECT_DEPTH = 6
WORTHWHILE = 64


def read(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body. Raises Problem 400 where there is none.

    In a large body an array of numbers alone may come as a NumPy array.
    """
    document = _read_fast(body) if len(body) > LARGE and simdjson is not None else None
    if document is None:
        document = _read_strictly(body)
    if not isinstance(document, dict):
        raise Problem("unreadable", f"the body has to be a JSON object and is {describe(document)}")
    return document


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise Problem("unreadable", "a key stands twice in one object of the body")
    return result


def _not_json(_: str) -> NoReturn:
    raise Problem("unreadable", 'NaN and Infinity are no JSON; write them as text: "NaN", "-Infinity"')


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_not_json)


def _read_strictly(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("unreadable", f"the body is not UTF-8 from byte {error.start} on") from None
    if not text.strip():
        raise Problem("unreadable", "the body is empty; it has to be a JSON object")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("unreadable", f"the body is no JSON at {where}: {error.msg}") from None
    except RecursionError:
        raise Problem("unreadable", "the body is nested too deeply") from None
    except ValueError:
        raise Problem("unreadable", "the body holds an integer of too many digits") from None


def _read_fast(body: bytes) -> Any:
    """The document, or None where only the strict reader can say what it is."""
    try:
        root = simdjson.Parser().parse(body)
        return _object(root, MAX_OBJECT_DEPTH) if isinstance(root, simdjson.Object) else None
    except (ValueError, RuntimeError, RecursionError, UnicodeDecodeError):
        return None


def _object(source: Any, depth: int) -> dict[str, Any]:
    if depth == 0:
        raise ValueError("nested too deeply")
    return _pairs([(key, _convert(value, depth)) for key, value in source.items()])


def _convert(value: Any, depth: int) -> Any:
    if isinstance(value, simdjson.Object):
        return _object(value, depth - 1)
    if isinstance(value, simdjson.Array):
        numbers = _numbers(value)
        if numbers is not None and numbers.size >= WORTHWHILE:
            return numbers
        if any(isinstance(entry, simdjson.Object) for entry in value):
            return [_convert(entry, depth - 1) for entry in value]
        return value.as_list()
    return value


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
        lengths = [len(row) for row in level]
        if any(one != other for one, other in pairwise(lengths)):
            return None
        shape.append(lengths[0])
    return flat.reshape(shape) if flat.size == np.prod(shape) else None
