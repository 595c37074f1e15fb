"""Arrays as they are put into formulas: matrices of their entries, if they are small."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.latex import SUM, Formula, Latex, matrix_latex

ENTRIES, COLUMNS = 16, 6  # of the largest matrix that is put into a formula
LETTERS = 40  # of the longest exact entry
DIGITS = 4  # significant digits of floats
WORDS = {"nan": r"\mathrm{NaN}", "inf": r"\infty", "-inf": r"-\infty"}


class NoRoom(Exception):
    """An array is too large to be put into a formula."""


def write_numbers(array: Array, is_column: bool = False) -> Formula:
    """Return an array as a number, a row or a matrix. Raises NoRoom if it is large or has three axes.

    is_column: whether a vector is written as a column.
    """
    if is_column and array.ndim == 1:
        array = array[:, None]
    if array.ndim > 2 or array.size > ENTRIES or not array.size or array.shape[-1:] > (COLUMNS,):
        raise NoRoom
    if array.ndim == 0:
        return _write_entry(array[()])
    return matrix_latex([_write_entry(entry).text for entry in row] for row in np.atleast_2d(array))


def _write_entry(entry: Any) -> Formula:
    if isinstance(entry, bool | np.bool_):
        return Formula("1" if entry else "0", scalar=True)
    if isinstance(entry, np.generic | float | int):
        text = f"{float(entry) + 0.0:.{DIGITS}g}"
        if text in WORDS:
            return Formula(WORDS[text], SUM, scalar=True)
        return Latex().number(text)._replace(scalar=True)
    from compute.readings import closed_forms  # noqa: PLC0415 - loads SymPy

    written = closed_forms.write_formula(entry)
    if len(written.text) > LETTERS:
        raise NoRoom
    return written._replace(scalar=True)
