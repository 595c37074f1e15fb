"""Read tensors as students wrote them: numbers, nested lists, and text, with the digits that were written.

Nothing that a student writes raises an exception: what cannot be read is returned as `Unreadable`, with a
reason that does not repeat it.
"""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import ExpressionError
from compute.arithmetic.namespace import Array
from compute.errors import describe
from compute.grading.matrix_text import MAX_RANK, is_tensor_text, split_tensor
from compute.grading.notation import (
    FORMS,
    Limits,
    Notation,
    UnreadableEntry,
    UnreadableText,
    check_length,
    clean,
    read_expression,
)

MOST_EXPRESSIONS = 20_000  # different ones in an answer, each of which takes about 100 microseconds to read
FEW = 64  # entries, for which Python is faster than NumPy
BEYOND = 'the number is beyond float64; write "inf" for infinity'
_NUMBERS = {int, float}
_HALVES = [float(f"5e{-decimals - 1}") for decimals in range(40)]
_DECIMALS = {
    ".": re.compile(r"[-+]?(?:0|[1-9]\d{0,16})(?:\.\d{0,17})?(?:[eE][-+]?\d{1,2})?", re.ASCII),
    ",": re.compile(r"[-+]?(?:0|[1-9]\d{0,16})(?:,\d{1,17})?(?:[eE][-+]?\d{1,2})?", re.ASCII),
}
_WRITTEN_DECIMAL = re.compile(
    r"([-+]?\s*(?:\d+(?:\.\d*)?|\.\d+))(?:[eE]([-+]?\d{1,9})|\s*\*\s*10(?:\^|\*\*)\(?([-+]?\d{1,9})\)?)?",
    re.ASCII,
)
_WORD = re.compile(
    r"([-+]?)\s*(?:(?:np|numpy|math)\.|\\)?(infinity|infty|inf|∞|nan|true|false)", re.IGNORECASE
)
_RAISED = re.compile(r"10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")
_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a tensor cannot be read. code: a word for the reason; message: for the student; at: the entry."""

    code: str
    message: str
    at: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Written:
    """A tensor as a student wrote it.

    array: float64 entries, booleans if all entries are, or exact numbers.
    was_text: whether any entry was text, so that a reading is worth showing.
    measure: returns half units of the last digits of all entries in row-major order.
    """

    array: Array
    was_text: bool
    measure: Callable[[], Array]

    @cached_property
    def half_units(self) -> Array:
        """Half a unit of the last digit of each entry as written.

        0 for expressions, NaN, infinity and booleans, which are not rounded.
        """
        return self.measure().reshape(self.array.shape)


class Texts(Protocol):
    """Reads the entries of one student's answer, with one kind of number."""

    notation: Notation

    def read_text(self, text: str) -> tuple[Any, float]:
        """Return the value of a text, and half a unit of its last digit. Raises UnreadableText."""

    def read_number(self, number: float) -> Any:
        """Return the value of a number. Raises UnreadableText."""

    def collect(self, values: Sequence[Any]) -> Array:
        """Return a vector of values."""


class CachedTexts:
    """A cache of the texts of one student's answer, which limits the number of different expressions."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self._known: dict[str, tuple[Any, float]] = {}

    def recall(self, text: str, read: Callable[[str], tuple[Any, float]]) -> tuple[Any, float]:
        """Return what a text was read as before, or else read it."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= MOST_EXPRESSIONS:
                raise UnreadableText(
                    "too_many_expressions",
                    f"is one of more than {MOST_EXPRESSIONS:,} different expressions; send numbers",
                )
            found = self._known[text] = read(text)
        return found


class FloatTexts(CachedTexts):
    """Reads entries as float64 numbers."""

    def __init__(self, notation: Notation) -> None:
        super().__init__(notation)
        self._decimal = _DECIMALS[notation.decimal]

    def read_text(self, text: str) -> tuple[Any, float]:
        if self._decimal.fullmatch(text):  # cheap, and there may be many
            decimal = text.replace(",", ".")
            return float(decimal), half_unit(decimal)
        check_length(text, Limits().longest)
        return self.recall(text, self._read_expression)

    def read_number(self, number: float) -> float:
        try:
            return float(number)
        except OverflowError:
            raise UnreadableEntry("too_large", BEYOND) from None

    def collect(self, values: Sequence[Any]) -> Array:
        return np.array(values, dtype=np.float64)

    def _read_expression(self, text: str) -> tuple[Any, float]:
        word = read_word(text)
        if word is not None:
            return word, 0.0
        expression = read_expression(text, self.notation)
        decimal = find_decimal(text, self.notation)
        try:
            if decimal is None:
                return evaluate(expression), 0.0
        except ExpressionError as error:
            raise UnreadableText("no_value", str(error)) from None
        value = float(decimal)
        if math.isinf(value):
            raise UnreadableText("too_large", "holds a number beyond float64")
        return value, half_unit(decimal)


def read_word(text: str) -> float | bool | None:
    """Return the value of a word for a whole entry, such as `-inf`, `NaN` or `true`; None for other text."""
    found = _WORD.fullmatch(clean(text))
    if found is None:
        return None
    word = found[2].lower()
    if word in ("true", "false"):
        return None if found[1] else word == "true"
    if word == "nan":
        return math.nan
    return -math.inf if found[1] == "-" else math.inf


def find_decimal(text: str, notation: Notation) -> str | None:
    """Return the decimal that a text is, such as 1.38e-1 for `1.38·10⁻¹`; None for other expressions."""
    cleaned = clean(text)
    raised = _RAISED.search(cleaned)
    if raised:
        cleaned = f"{cleaned[: raised.start()]}10^{raised[1].translate(_SUPERSCRIPTS)}"
    found = _WRITTEN_DECIMAL.fullmatch(cleaned.replace(notation.decimal, "."))
    if found is None:
        return None
    return f"{''.join(found[1].split())}e{found[2] or found[3] or 0}"


def half_unit(decimal: str) -> float:
    """Return half a unit of the last digit of a decimal: 0.005 for 0.30, 0.5 for 3, 0 for NaN."""
    last = decimal[-1:]
    if not (last.isdigit() or last == "."):
        return 0.0
    if "e" not in decimal and "E" not in decimal:
        point = decimal.find(".")
        decimals = len(decimal) - point - 1 if point >= 0 else 0
        return _HALVES[decimals] if decimals < len(_HALVES) else float(f"5e{-decimals - 1}")
    digits, _, exponent = decimal.lower().partition("e")
    unit = int(exponent) - len(digits.partition(".")[2])
    if not digits.strip("-+0."):
        unit = min(unit, 0)  # 0e9 is 0, and not rounded to billions
    return float(f"5e{unit - 1}")


def half_units(array: Array) -> Array:
    """Return half a unit of the last digit of each float in its shortest decimal form."""
    flat = array.reshape(-1)
    if flat.size <= FEW:
        return np.array([half_unit(repr(entry)) for entry in flat.tolist()])
    found = np.zeros(flat.size)
    left = np.flatnonzero(np.isfinite(flat))
    sizes = np.abs(flat[left])
    with np.errstate(all="ignore"):
        for decimals in range(1, 18):
            # Both are exact where the numerator is below 2**53, so that the quotient is the nearest float.
            numerators = np.rint(sizes * 10.0**decimals)
            fits = (numerators / 10.0**decimals == sizes) & (numerators < 2**53)
            found[left[fits]] = float(f"5e{-decimals - 1}")
            left, sizes = left[~fits], sizes[~fits]
        # The rest has 16 or 17 digits, unless it is very large or small.
        usual = (sizes > 1e-300) & (sizes < 1e16)
        found[left[usual]] = 5 * 10.0 ** (np.floor(np.log10(sizes[usual])) - 17)
    for place in left[~usual]:
        found[place] = half_unit(repr(float(flat[place])))
    return found


def read_written(raw: Any, texts: Texts) -> Written | Unreadable:
    """Read a tensor: a number, nested lists, text in place of numbers or of the tensor, or an array.

    texts: reads the entries; it can be shared by all tensors of an answer. Packed tensors must be unpacked
    before, and the number of entries limited.
    """
    try:
        return _read(raw, texts)
    except UnreadableEntry as error:
        return Unreadable(error.code, str(error))


def _read(raw: Any, texts: Texts) -> Written | Unreadable:
    if isinstance(raw, np.ndarray):
        return _read_array(raw, texts)
    if isinstance(raw, str) and is_tensor_text(raw):
        raw = split_tensor(raw, texts.notation)
    if not isinstance(raw, list):
        return _read_entries([raw], (), texts)
    if isinstance(texts, FloatTexts):
        plain = _read_plain(raw)
        if plain is not None:
            return plain
    flattened = _flatten(raw)
    if isinstance(flattened, Unreadable):
        return flattened
    return _read_entries(*flattened, texts)


def _read_plain(raw: list[Any]) -> Written | None:
    """Return a matrix of plain numbers at once; None for anything else."""
    with suppress(TypeError, ValueError, OverflowError):
        kinds = set(map(type, chain.from_iterable(raw)))
        if kinds and kinds <= _NUMBERS:
            matrix = np.array(raw, dtype=np.float64)
            if np.isfinite(matrix).all():
                if kinds == {float}:
                    return Written(matrix, False, lambda: half_units(matrix))
                return Written(matrix, False, lambda: _measure(list(chain.from_iterable(raw))))
    return None


def _measure(numbers: Sequence[Any]) -> Array:
    """Return half units of numbers of a body, which may keep their decimal text."""
    return np.array([half_unit(str(number)) for number in numbers])


def _read_array(array: Array, texts: Texts) -> Written | Unreadable:
    if array.dtype.kind not in "bfiu":
        return Unreadable("not_a_number", f"the array holds something other than numbers; expected {FORMS}")
    if array.ndim > MAX_RANK:
        return _too_many_axes()
    if not array.size:
        return Unreadable("no_entries", "the list has no entries; expected at least one along every axis")
    if array.dtype == np.bool_:
        return Written(array, False, lambda: np.zeros(array.size))
    if array.dtype.kind != "f":
        array, halves = array.astype(np.float64), lambda: np.full(array.size, 0.5)
    else:
        # The shortest text of a float32 has fewer digits.
        is_short = array.dtype.itemsize < 8
        shown = [str(entry) for entry in array.reshape(-1)] if is_short else []
        array = array.astype(np.float64)
        halves = (lambda: _measure(shown)) if is_short else (lambda: half_units(array))
    if isinstance(texts, FloatTexts):
        return Written(array, False, halves)
    values = []
    for index, number in enumerate(array.reshape(-1).tolist()):
        try:
            values.append(texts.read_number(number))
        except UnreadableEntry as error:
            return Unreadable(error.code, str(error), _unravel(index, array.shape))
    return Written(texts.collect(values).reshape(array.shape), False, halves)


def _flatten(raw: list[Any]) -> tuple[list[Any], tuple[int, ...]] | Unreadable:
    """Return the entries of nested lists in row-major order, and their shape."""
    level: list[Any] = raw
    shape = [len(raw)]
    while level and isinstance(level[0], list):
        if len(shape) == MAX_RANK:
            return _too_many_axes()
        length = len(level[0])
        for index, row in enumerate(level):
            if not isinstance(row, list) or len(row) != length:
                received = f"a row of {len(row)}" if isinstance(row, list) else "a single entry"
                message = f"the rows differ in length: the first has {length}; received {received}"
                return Unreadable("ragged", message, _unravel(index, shape))
        shape.append(length)
        level = list(chain.from_iterable(level))
    if not level:
        return Unreadable("no_entries", "the list has no entries; expected at least one along every axis")
    return level, tuple(shape)


def _too_many_axes() -> Unreadable:
    return Unreadable("too_many_axes", f"the lists are nested too deeply; expected at most {MAX_RANK} axes")


def _unravel(index: int, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(at) for at in np.unravel_index(index, tuple(shape))) if shape else ()


def _read_entries(flat: list[Any], shape: tuple[int, ...], texts: Texts) -> Written | Unreadable:
    """Read single entries."""
    if isinstance(texts, FloatTexts) and set(map(type, flat)) <= _NUMBERS:
        with suppress(OverflowError):
            array: Array = np.array(flat, dtype=np.float64)
            if np.isfinite(array).all():
                return Written(array.reshape(shape), False, lambda: _measure(flat))
    values: list[Any] = []
    halves: list[float] = []
    try:
        for entry in flat:
            value, half = _read_entry(entry, texts)
            values.append(value)
            halves.append(half)
    except UnreadableEntry as error:
        return Unreadable(error.code, str(error), _unravel(len(values), shape))
    was_text = any(isinstance(entry, str) for entry in flat)
    are_booleans = [isinstance(value, bool) for value in values]
    if all(are_booleans):
        array = np.array(values, dtype=np.bool_)
    elif any(are_booleans):
        odd = are_booleans.index(not are_booleans[0])
        message = "the lists hold both numbers and booleans; expected one or the other"
        return Unreadable("mixed", message, _unravel(odd, shape))
    else:
        array = texts.collect(values)
    return Written(array.reshape(shape), was_text, lambda: np.array(halves))


def _read_entry(entry: Any, texts: Texts) -> tuple[Any, float]:
    """Return the value of an entry and half a unit of its last digit. Raises UnreadableText."""
    if isinstance(entry, str):
        return texts.read_text(entry)
    if isinstance(entry, bool):
        return entry, 0.0
    if isinstance(entry, int):
        # Python refuses to write an integer of more than 4,300 digits.
        return texts.read_number(entry), 0.5
    if isinstance(entry, float):
        return texts.read_number(entry), half_unit(str(entry))
    if entry is None:
        raise UnreadableEntry("blank", f"the entry is blank; expected {FORMS}")
    received = describe(entry) if isinstance(entry, list | dict) else "something else"
    raise UnreadableEntry("not_a_number", f"the entry is no number; expected {FORMS}; received {received}")
