"""Grading in exact arithmetic: what a student wrote, and its comparison with exact numbers."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.exact.algebra import Symbols, symbols_in
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.arithmetic.namespace import Array
from compute.grading.comparison import FLOATS, Entries, Tolerance, Undecided
from compute.grading.exact_texts import ExactTexts
from compute.grading.notation import Notation
from compute.readings.closed_forms import measure


def texts(notation: Notation, values: Mapping[str, Array], others: Iterable[Array]) -> ExactTexts:
    """Return the reader of the entries of one submission.

    values: of the question, by name. others: its inputs and gradients, whose symbols it has as well.
    """
    known = symbols_in([*values.values(), *others]) | _scalars(values).keys()
    return ExactTexts(notation, Symbols(), known=known)


def replace_names(written: Array, values: Mapping[str, Array]) -> Array:
    """Return what a student wrote with the values of the question in the place of their names.

    values: by name; scalars alone can be meant by a name. Inputs that are symbols stay.
    """
    scalars = _scalars(values)
    result = written.copy()
    for at, entry in np.ndenumerate(written):
        symbols = getattr(entry, "free_symbols", ())
        meant = {symbol: scalars[symbol.name] for symbol in symbols if symbol.name in scalars}
        if meant:
            result[at] = entry.xreplace(meant)
    return result


def _scalars(values: Mapping[str, Array]) -> dict[str, Any]:
    return {name: value[()] for name, value in values.items() if value.shape == ()}


class ExactNumbers:
    """The comparison of exact numbers: by value where no symbol is free, otherwise by proof."""

    def __init__(self) -> None:
        self._arithmetic = get_arithmetic(EXACT)

    def allowed(self, expected: Array, tolerance: Tolerance) -> Array:
        """Return the allowed deviation of each entry; 0 for entries with free symbols."""
        if expected.dtype != object:
            return FLOATS.allowed(expected, tolerance)
        return tolerance.allowed(np.nan_to_num(_measure(expected), posinf=0.0, neginf=0.0))

    def right(self, written: Array, expected: Array, allowed: Array) -> Entries:
        """Return which entries are right. Raises Undecided."""
        if object not in (written.dtype, expected.dtype):
            return FLOATS.right(written, expected, allowed)
        if bool in (written.dtype, expected.dtype):
            return np.zeros(expected.shape, dtype=bool)
        left, right = _measure(written), _measure(expected)
        known = np.vectorize(_is_number, otypes=[bool])
        numbers = known(written) & known(expected)
        result = np.where(numbers, FLOATS.right(left, right, allowed), False)
        undecided = False
        for at in np.argwhere(~numbers):
            place = tuple(at)
            holds = self._arithmetic.equality(_single(written[place]), _single(expected[place])).holds
            undecided = undecided or holds is None
            result[place] = bool(holds)
        if undecided and bool(result.any() or result.size == 1):
            raise Undecided
        return np.asarray(result, dtype=bool)


def _single(entry: Any) -> Array:
    array = np.empty((), dtype=object)
    array[()] = entry
    return array


def _is_number(entry: Any) -> bool:
    return not getattr(entry, "free_symbols", None)


def _measure(array: Array) -> Array:
    """Return entries as floats; NaN where symbols are free."""
    result = np.empty(array.shape)
    for at, entry in np.ndenumerate(array):
        number = measure(entry) if _is_number(entry) else None
        result[at] = np.nan if number is None else number
    return result
