"""Tensors on the wire.

Requests: a number, nested lists, text in place of a number (a constant expression, "NaN", "Infinity",
"-Infinity"), packed bytes, or a shape if only the cost is requested. Responses: nested lists or packed.
"""

import base64
import binascii
import math
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
import orjson

from compute.arithmetic.expressions import ExpressionError
from compute.arithmetic.floating import FLOAT64, Floating
from compute.arithmetic.namespace import Array
from compute.dimensions import Shape, Size
from compute.errors import Path, QuestionErrors, at, describe_entry
from compute.integers import with_integers
from service.http.problems import describe, describe_integers
from service.questions.texts import Texts, TooManyExpressions
from service.schemas.formats import MAX_RANK, PACKED_DTYPES, read_size

NUMBERS = {int, float}
A_TENSOR = "a number, nested lists of numbers, or a packed tensor"
A_NUMBER = 'a number, a constant expression such as "2*sqrt(2)", "NaN", "Infinity" or "-Infinity"'


def decode(
    raw: Any, path: Path, arithmetic: Floating, *, booleans: bool = False, texts: Texts | None = None
) -> Array:
    """Decode a tensor. Raises QuestionErrors that point to the invalid entry.

    booleans: whether it may hold true and false, in all entries or none.
    texts: the cache of constant expressions of its document.
    """
    texts = texts or Texts()
    if isinstance(raw, list):
        array = _decode_nested(raw, path, texts, booleans=booleans)
    elif isinstance(raw, np.ndarray):
        if raw.ndim > MAX_RANK:
            raise _depth_error(path, raw.ndim)
        array = raw
    elif isinstance(raw, dict):
        array = unpack(raw, path, booleans=booleans)
    else:
        array = _decode_entries([raw], (), path, texts, booleans=booleans)
    if array.dtype == np.bool_:
        return array
    try:
        return arithmetic.cast(array)
    except OverflowError:
        unfit = np.isfinite(array) & (np.abs(array) > np.finfo(np.float32).max)
        raise at(path, f"holds a number beyond {arithmetic.name}", f"numbers that {arithmetic.name} can hold",
                 describe_entry(array, unfit)) from None  # fmt: skip


def decode_shape(raw: Any, path: Path) -> Shape:
    """Decode a shape: `{"shape": [...]}` with numbers and dimension names, or the shape of a tensor."""
    if not (isinstance(raw, dict) and "data" not in raw):
        return decode(raw, path, FLOAT64, booleans=True).shape
    sizes = raw.get("shape")
    if set(raw) != {"shape"} or not isinstance(sizes, list) or len(sizes) > MAX_RANK:
        raise at(path, "is no shape", '{"shape": [...]} with at most 8 sizes', describe(raw))
    return tuple(_decode_size(size, (*path, "shape", index)) for index, size in enumerate(sizes))


def encode(array: Array, encoding: str, *, finite: bool = False) -> Any:
    """Encode an array for orjson: nested or packed. Exact numbers are text already.

    finite: whether all entries are known to be finite.
    """
    if array.dtype == object:
        return array.tolist()
    if encoding == "packed":
        name = "bool" if array.dtype == np.bool_ else array.dtype.name
        data = np.ascontiguousarray(array, dtype=PACKED_DTYPES[name])
        return {
            "dtype": name,
            "shape": list(array.shape),
            "data": base64.b64encode(data.tobytes()).decode("ascii"),
        }
    contiguous = array if array.flags.c_contiguous else np.ascontiguousarray(array)
    if finite or array.dtype == np.bool_ or np.isfinite(contiguous).all():
        return contiguous if array.ndim else array.item()
    return orjson.Fragment(_with_special(contiguous))


def _with_special(array: Array) -> bytes:
    """Return nested lists with text for NaN and infinities, for which orjson writes null."""
    flat = array.reshape(-1)
    bad = flat[~np.isfinite(flat)]
    names = [b'"NaN"' if math.isnan(entry) else b'"Infinity"' if entry > 0 else b'"-Infinity"'
             for entry in bad.tolist()]  # fmt: skip
    if array.ndim == 0:
        return names[0]
    parts = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY).split(b"null")
    return b"".join(chain.from_iterable(zip(parts, [*names, b""], strict=True)))


def _decode_nested(raw: list[Any], path: Path, texts: Texts, *, booleans: bool) -> Array:
    """Decode nested lists; those of a plain matrix at once."""
    with suppress(TypeError, ValueError, OverflowError):  # the checks below report the error and its path
        kinds = set(map(type, chain.from_iterable(raw)))
        if kinds and kinds <= NUMBERS:
            matrix = np.array(raw, dtype=np.float64)
            if float not in kinds or FLOAT64.is_finite(matrix):
                return matrix
    flat, shape = flatten(raw, path)
    return _decode_entries(flat, shape, path, texts, booleans=booleans)


def flatten(raw: list[Any], path: Path) -> tuple[list[Any], tuple[int, ...]]:
    """Return the entries of nested lists in row-major order, and their shape.

    Raises QuestionErrors if rows differ in length.
    """
    level: list[Any] = raw
    shape = [len(raw)]
    while level and isinstance(level[0], list):
        if len(shape) == MAX_RANK:
            raise _depth_error(path, _depth(raw))
        length = len(level[0])
        if set(map(type, level)) != {list} or set(map(len, level)) != {length}:
            raise _ragged_error(level, length, shape, path)
        shape.append(length)
        level = list(chain.from_iterable(level))
    if not level:
        raise at(path, "is empty", "at least one entry along every axis",
                 f"shape ({', '.join(map(str, shape))})")  # fmt: skip
    return level, tuple(shape)


def _depth_error(path: Path, rank: int) -> QuestionErrors:
    return at(path, "is nested too deeply", f"at most {MAX_RANK} axes", f"{rank} axes")


def _depth(raw: Any) -> int:
    """Return the depth of nested lists, along their first entries."""
    rank = 0
    while isinstance(raw, list):
        rank, raw = rank + 1, raw[0] if raw else None
    return rank


def _ragged_error(level: list[Any], length: int, shape: list[int], path: Path) -> QuestionErrors:
    """Return the error of the first row that is not a list, or not as long as the first row."""
    index, row = next(
        (index, row) for index, row in enumerate(level) if not isinstance(row, list) or len(row) != length
    )
    received = f"a row of {len(row)}" if isinstance(row, list) else describe(row)
    expected = f"a row of {length}, as the first has"
    return at((*path, *unravel_index(index, shape)), "the rows differ in length", expected, received)


def _decode_entries(
    flat: list[Any], shape: tuple[int, ...], path: Path, texts: Texts, *, booleans: bool
) -> Array:
    """Decode single entries as an array of numbers, or of booleans if all are."""
    kinds = set(map(type, flat))
    if any(kind is not float and issubclass(kind, float) for kind in kinds):
        # Numbers keep their decimal text if another question of the same exam is exact.
        flat = [float(entry) if isinstance(entry, float) else entry for entry in flat]
        kinds = set(map(type, flat))
    if kinds == {bool} and booleans:
        return np.array(flat, dtype=np.bool_).reshape(shape)
    if not kinds <= NUMBERS:
        number = texts.number
        numbers: list[Any] = []
        try:
            numbers.extend(entry if type(entry) in NUMBERS else number(entry) for entry in flat)
        except TooManyExpressions as fault:
            raise fault.at(path) from None
        except (ExpressionError, TypeError) as fault:
            index = len(numbers)
            raise _entry_error(flat[index], (*path, *unravel_index(index, shape)), booleans, fault) from None
        flat = numbers
    try:
        array = np.array(flat, dtype=np.float64)
    except OverflowError:
        array = np.array([_float_or_infinity(entry) for entry in flat])
    if kinds <= NUMBERS and not FLOAT64.is_finite(array):
        index = int(np.argmin(np.isfinite(array)))
        raise at((*path, *unravel_index(index, shape)), "is a number beyond float64",
                 "a number that float64 can hold", _describe_beyond(flat[index]))  # fmt: skip
    return array.reshape(shape)


def _describe_beyond(entry: float) -> str:
    if isinstance(entry, float) and math.isnan(entry):
        return 'NaN, which is text in JSON: "NaN"'
    return "a number above 1.8e308" if entry > 0 else "a number below -1.8e308"


def _float_or_infinity(entry: float) -> float:
    try:
        return float(entry)
    except OverflowError:
        return math.inf


def _entry_error(entry: Any, path: Path, booleans: bool, fault: Exception) -> QuestionErrors:
    """Return the error of an entry that is not a number."""
    if isinstance(entry, str):
        return at(path, f"the text {fault}", A_NUMBER, describe(entry))
    expected = A_NUMBER + ("; or booleans throughout" if booleans else "")
    return at(path, "is no number", expected, describe(entry))


def unravel_index(index: int, shape: tuple[int, ...] | list[int]) -> tuple[int, ...]:
    """Return the index along each axis of an entry, given its row-major index."""
    return tuple(int(at) for at in np.unravel_index(index, tuple(shape))) if shape else ()


def unpack(raw: dict[str, Any], path: Path, *, booleans: bool) -> Array:
    """Decode a packed tensor: dtype, shape and base64 of little-endian, row-major bytes."""
    if set(raw) == {"shape"}:
        raise at(path, "holds a shape and no entries", A_TENSOR + "; only /v1/cost takes shapes alone",
                 "a shape alone")  # fmt: skip
    if set(raw) != {"dtype", "shape", "data"}:
        raise at(path, "is no packed tensor", "exactly the fields dtype, shape and data", describe(raw))
    dtype, sizes, data = raw["dtype"], with_integers(raw["shape"]), raw["data"]
    if not isinstance(dtype, str) or dtype not in PACKED_DTYPES or (dtype == "bool" and not booleans):
        known = [name for name in PACKED_DTYPES if booleans or name != "bool"]
        raise at((*path, "dtype"), "is no dtype that can be taken here", ", ".join(known), describe(dtype))
    if isinstance(sizes, np.ndarray):
        sizes = with_integers(sizes.tolist())
    is_valid = isinstance(sizes, list) and all(type(size) is int and 1 <= size < 2**31 for size in sizes)
    if not is_valid or len(sizes) > MAX_RANK:
        expected = "a list of at most 8 positive integers"
        raise at((*path, "shape"), "is no shape", expected, describe_integers(sizes))
    entries = math.prod(sizes)
    kind = np.dtype(PACKED_DTYPES[dtype])
    expected = entries * kind.itemsize
    characters = -(-expected // 3) * 4
    if not isinstance(data, str) or len(data) != characters:
        raise at((*path, "data"), "has the wrong length",
                 f"base64 of {expected} bytes, which is {characters} characters", describe(data))  # fmt: skip
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != expected:
        raise at((*path, "data"), "is no base64", "the standard alphabet A-Z a-z 0-9 + / with = at the end",
                 describe(data))  # fmt: skip
    array = np.frombuffer(content, dtype=np.uint8 if dtype == "bool" else kind)
    if dtype == "bool":
        if (array > 1).any():
            received = f"the byte {array[array > 1][0]}"
            raise at((*path, "data"), "holds bytes that are no booleans", "bytes 0 and 1", received)
        return array.astype(np.bool_).reshape(sizes)
    return array.astype(np.float64 if dtype != "float32" else np.float32).reshape(sizes)


def _decode_size(raw: Any, path: Path) -> Size:
    wanted = "a positive integer, a dimension name such as n, or an expression such as 4*d or n+1"
    try:
        size = read_size(raw)
    except ExpressionError as error:
        raise at(path, f"the text {error}", wanted, describe(raw)) from None
    if size is None:
        raise at(path, "is no size", wanted, describe(raw))
    return size
