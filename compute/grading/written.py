"""Tensors as students write them. Nothing raises here: what cannot be read is a result that says why."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import MAX_LENGTH, ExpressionError, parse
from compute.arithmetic.namespace import Array
from compute.grading.notation import Notation, NotationError, is_plain_number, normalize

MAX_AXES = 8
MAX_EXPRESSIONS = 2_000  # different ones in a tensor
LONGEST_EXACT = 10_000
NUMBERS = {int, float}
SPECIAL = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan, "Infinity": np.inf, "-Infinity": -np.inf,
           "NaN": np.nan}  # fmt: skip
_ROWS = re.compile(r"\]\s*[,;]?\s*\[")


@dataclass(frozen=True)
class Written:
    """A tensor as a student wrote it.

    array: float64, booleans, or exact numbers.
    was_text: whether an entry was text, so that it is worth showing how it was read.
    units: half a unit of the last digit of each entry that was text, by its place in row-major order.
    """

    array: Array
    was_text: bool = False
    units: dict[int, float] | None = None

    @cached_property
    def half_units(self) -> Array:
        """Half a unit of the last digit of each entry as written; 0 for expressions and what is no number."""
        if self.array.dtype != np.float64:
            return np.zeros(self.array.shape)
        known = self.units or {}
        flat = [known[at] if at in known else half_unit(repr(entry).removesuffix(".0"))
                for at, entry in enumerate(self.array.reshape(-1).tolist())]  # fmt: skip
        return np.array(flat, dtype=np.float64).reshape(self.array.shape)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tensor that cannot be read. code: public; message: for the student; at: the entry."""

    code: str
    message: str
    at: tuple[int, ...] | None = None


def half_unit(text: str) -> float:
    """Return half a unit of the last digit of a decimal number; 0 for NaN and infinities."""
    digits, _, power = text.lower().lstrip("+-").partition("e")
    if not digits or not (digits[0].isdigit() or digits[0] == "."):
        return 0.0
    decimals = len(digits.partition(".")[2])
    exponent = int(power or 0) - decimals
    return 0.5 * 10.0**exponent if -300 < exponent < 300 else 0.0


def read_written(
    raw: Any, notation: Notation, decode_exact: Callable[[Any], Any] | None = None
) -> Written | Unreadable:
    """Read a tensor that a student wrote: any JSON value, or an array that was read already.

    decode_exact: reads one entry, a number or normalized text, in exact arithmetic.
    """
    try:
        return _read(raw, notation, decode_exact)
    except NotationError as error:
        return Unreadable(error.code, str(error))
    except ExpressionError:
        return Unreadable("unreadable", "The text is not a number or an expression without unknown names.")
    except (ValueError, OverflowError, ZeroDivisionError, RecursionError, MemoryError):
        return Unreadable("unreadable", "The text has no value that is a number.")


def _read(raw: Any, notation: Notation, decode_exact: Callable[[Any], Any] | None) -> Written | Unreadable:
    if isinstance(raw, np.ndarray) and decode_exact is None:
        return Written(raw if raw.dtype == bool else raw.astype(np.float64))
    if isinstance(raw, np.ndarray):
        raw = raw.tolist()
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        raw = _split_matrix(raw)
    flattened = _flatten(raw) if isinstance(raw, list) else ([raw], ())
    if isinstance(flattened, Unreadable):
        return flattened
    flat, shape = flattened
    kinds = set(map(type, flat))
    if kinds == {bool}:
        return Written(np.array(flat, dtype=bool).reshape(shape))
    if kinds <= NUMBERS and decode_exact is None:
        return _from_numbers(flat, shape)
    if (fault := _find_fault(flat, shape)) is not None:
        return fault
    if decode_exact is not None:
        entries = np.empty(len(flat), dtype=object)
        for at, entry in enumerate(flat):
            text = normalize(entry, notation, LONGEST_EXACT) if isinstance(entry, str) else entry
            entries[at] = decode_exact(text)
        return Written(entries.reshape(shape), was_text=str in kinds)
    return _from_texts(flat, shape, notation)


def _from_numbers(flat: list[Any], shape: tuple[int, ...]) -> Written | Unreadable:
    try:
        return Written(np.array(flat, dtype=np.float64).reshape(shape))
    except OverflowError:
        return Unreadable("too_large", "An entry is beyond the largest number that can be held.")


def _from_texts(flat: list[Any], shape: tuple[int, ...], notation: Notation) -> Written | Unreadable:
    """Read entries of which some are text."""
    known: dict[str, tuple[float, float]] = {}
    numbers, units = np.empty(len(flat)), {}
    for at, entry in enumerate(flat):
        if not isinstance(entry, str):
            numbers[at] = float(entry)
            continue
        if entry not in known:
            if len(known) >= MAX_EXPRESSIONS:
                message = f"The tensor has more than {MAX_EXPRESSIONS} different expressions."
                return Unreadable("too_many_expressions", message)
            known[entry] = _read_text(entry, notation)
        numbers[at], units[at] = known[entry]
    return Written(numbers.reshape(shape), was_text=True, units=units)


def _read_text(text: str, notation: Notation) -> tuple[float, float]:
    """Return the number of a text, and half a unit of its last digit. Raises NotationError and others."""
    plain = normalize(text, notation, MAX_LENGTH)
    if plain in SPECIAL:
        return SPECIAL[plain], 0.0
    with np.errstate(all="ignore"):
        number = float(evaluate(parse(plain)))
    if not np.isfinite(number):
        raise NotationError("too_large", "An entry is beyond the largest number that can be held.")
    return number, half_unit(plain) if is_plain_number(plain) else 0.0


def _find_fault(flat: list[Any], shape: tuple[int, ...]) -> Unreadable | None:
    """Return the fault of the first entry that is neither a number nor text."""
    for place, entry in enumerate(flat):
        if isinstance(entry, bool) or not isinstance(entry, int | float | str):
            at = tuple(int(index) for index in np.unravel_index(place, shape)) if shape else ()
            if entry is None:
                return Unreadable("blank", "An entry is empty.", at)
            if isinstance(entry, bool):
                return Unreadable("mixed_kinds", "Expected numbers, or true and false throughout.", at)
            return Unreadable("not_a_tensor", "Expected numbers, or lists of numbers.", at)
    return None


def _flatten(raw: list[Any]) -> tuple[list[Any], tuple[int, ...]] | Unreadable:
    """Return the entries of nested lists in row-major order, and their shape. It does not recurse."""
    level, shape = raw, [len(raw)]
    while level and any(type(entry) is list for entry in level):
        if len(shape) == MAX_AXES:
            return Unreadable("too_deep", f"The lists are nested more than {MAX_AXES} deep.")
        lengths = {len(entry) if type(entry) is list else -1 for entry in level}
        if len(lengths) != 1:
            return Unreadable("ragged", "The rows differ in length.")
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    if not level:
        return Unreadable("blank", "The tensor has no entries.")
    return level, tuple(shape)


def _split_matrix(text: str) -> Any:
    """Return a vector or matrix that was written as one text: `[1, 2]`, `[[1, 2], [3, 4]]`, `[1 2; 3 4]`.

    Raises NotationError.
    """
    if len(text) > LONGEST_EXACT:
        raise NotationError("too_long", f"The text is longer than {LONGEST_EXACT} characters.")
    inner = text.strip()
    if not inner.endswith("]"):
        raise NotationError("unreadable", "A bracket is not closed.")
    is_matrix = inner.startswith("[[") or inner[1:].lstrip().startswith("[") or ";" in inner
    inner = inner[1:-1].strip()
    rows = _ROWS.split(inner.removeprefix("[").removesuffix("]")) if "[" in inner else inner.split(";")
    split = [[entry for entry in re.split(r"\s*,\s*|\s+", row.strip()) if entry] for row in rows]
    return split if is_matrix else split[0]
