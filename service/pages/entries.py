"""Numbers and tensors as blocks: rounded, shaded by value, and folded if they are long."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from service.arrays import FIELDS, unpack_arrays
from service.pages.blocks import Beside, Block, Cell, Code, Inline, Inlines, Math, Paragraph, Source, Table
from service.pages.formulas import write_formula

DIGITS = 4  # significant digits of floats
SHADES = 8  # levels of either sign
ROWS, COLUMNS, TABLES = 24, 16, 4  # of the largest tensor that is shown in full
WORDS = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}
UNNAMED = re.compile(r"axis_\d+")  # an axis that is known by its place alone
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
RAISE, LOWER = str.maketrans("0123456789-", RAISED), str.maketrans(RAISED, "0123456789-")
SCIENTIFIC = re.compile(rf"(.*?)(·?)10([{RAISED}]+)")
SPECIAL = {"NaN": "NaN", "Infinity": "∞", "-Infinity": "−∞"}  # as JSON has them


def write_number(number: float) -> str:
    """Return a number with four significant digits, and a minus sign that is as wide as a digit."""
    text = f"{number + 0.0:.{DIGITS}g}"
    if text in WORDS:
        return WORDS[text]
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.replace("-", "−")
    if not exponent:
        return mantissa
    power = f"10{str(int(exponent)).translate(RAISE)}"
    return f"{mantissa.removesuffix('1')}{power}" if mantissa in ("1", "−1") else f"{mantissa}·{power}"


def write_entry(entry: Any) -> Inline:
    """Return an entry of a tensor: a number, or mathematics for text such as `2*sqrt(2)`."""
    if isinstance(entry, bool | np.bool_):
        return "true" if entry else "false"
    if isinstance(entry, int | float | np.integer | np.floating):
        return write_number(float(entry))
    if isinstance(entry, Math | Code):
        return entry
    text = str(entry)
    if text in SPECIAL:
        return SPECIAL[text]
    return write_formula(text)


def join_entries(entries: Sequence[Inline]) -> Inline:
    """Return the entries of a vector in parentheses, as one formula if one of them is a formula."""
    if any(isinstance(entry, Code) for entry in entries):
        return Code(f"({', '.join(_as_text(entry) for entry in entries)})")
    if any(isinstance(entry, Math) for entry in entries):
        written = (entry.latex if isinstance(entry, Math) else _as_latex(entry) for entry in entries)
        return Math(rf"\left({', '.join(written)}\right)")
    return f"({', '.join(map(str, entries))})"


def _as_text(entry: Inline) -> str:
    return entry.text if isinstance(entry, Code) else entry.latex if isinstance(entry, Math) else entry


def _as_latex(number: Inline) -> str:
    """Return a number or a word that `write_entry` wrote, within a formula."""
    text = str(number).replace("−", "-").replace("∞", r"\infty")
    match = SCIENTIFIC.fullmatch(text)
    if match is not None:
        times = r" \cdot " if match[2] else ""
        return f"{match[1]}{times}10^{{{match[3].translate(LOWER)}}}"
    return rf"\text{{{text}}}" if text.isalpha() else text


def as_math(latex: Any) -> Any:
    """Return nested lists of LaTeX as nested lists of formulas."""
    return [as_math(item) for item in latex] if isinstance(latex, list) else Math(str(latex))


def as_array(tensor: Any) -> "np.ndarray[Any, Any] | None":
    """Return a tensor of a document as an array, of floats or of entries as they are; None if it is none."""
    if isinstance(tensor, dict) and tensor.keys() == FIELDS:
        tensor = unpack_arrays(tensor)
    if isinstance(tensor, np.ndarray):
        return tensor
    if isinstance(tensor, bool | int | float):
        return np.array(tensor)
    if isinstance(tensor, str | Math | Code):
        return np.array(tensor, dtype=object)
    if not isinstance(tensor, list) or not tensor:
        return None
    shape, first = [], tensor
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else 0
    entries = list(_flatten(tensor))
    if any(isinstance(entry, dict) or entry is None for entry in entries) or len(entries) != math.prod(shape):
        return None
    array: np.ndarray[Any, Any] = np.empty(len(entries), dtype=object)
    array[:] = entries
    if all(isinstance(entry, bool) for entry in entries):
        array = array.astype(bool)
    elif all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in entries):
        array = array.astype(float)
    return array.reshape(shape)


def _flatten(tensor: Any) -> Iterator[Any]:
    if isinstance(tensor, list):
        for item in tensor:
            yield from _flatten(item)
    elif isinstance(tensor, np.ndarray):
        yield from tensor.flat
    else:
        yield tensor


def show_tensor(
    caption: Inlines, tensor: Any, axes: Sequence[str] = (), source: Source | None = None
) -> list[Block]:
    """Return the blocks of a tensor as `list_matrices` does, with several matrices side by side."""
    blocks = list_matrices(caption, tensor, axes, source)
    return [Beside(blocks)] if len(blocks) > 1 else blocks


def list_matrices(
    caption: Inlines,
    tensor: Any,
    axes: Sequence[str] = (),
    source: Source | None = None,
    scale: float | None = None,
) -> list[Block]:
    """Return the blocks of a tensor: a table for each matrix, or its shape, range and norm if it is long.

    caption: its title. axes: the names of its last axes.
    source: the value or gradient that it is, if it is one of an answer.
    scale: the magnitude that is shaded most; by default the largest in the tensor.
    """
    array = as_array(tensor)
    if array is None:
        return []
    if array.ndim == 0:
        return [Paragraph([*caption, " = ", write_entry(array[()])], source)]
    rows = array.reshape(-1, *(array.shape[-2:] if array.ndim > 1 else (1, *array.shape)))
    known = ["" if UNNAMED.fullmatch(axis) else axis for axis in axes[-array.ndim :]]
    named = [*[""] * (array.ndim - len(known)), *known]
    if len(rows) > TABLES or rows.shape[1] > ROWS or rows.shape[2] > COLUMNS or not array.size:
        return [Paragraph([*caption, ": ", _describe_tensor(array)])]
    scale = largest_entry(array) if scale is None else scale
    blocks: list[Block] = []
    for place, matrix in enumerate(rows):
        within = list(caption)
        index = tuple(map(int, np.unravel_index(place, array.shape[:-2])))
        shown = source and replace(source, index=index, is_vector=array.ndim == 1)
        if len(rows) > 1:
            names = named[:-2]
            where = ", ".join(f"{name or 'index'} {at}" for name, at in zip(names, index, strict=True))
            within.append(f", {where}")
        axis = named[-2] if array.ndim > 1 else ""
        blocks.append(replace(_show_matrix(within, matrix, axis, named[-1], scale), source=shown))
    return blocks


def _describe_tensor(array: "np.ndarray[Any, Any]") -> str:
    """Return the shape of a tensor and, of floats, its range and its norm."""
    shape = " × ".join(map(str, array.shape))
    if array.dtype.kind != "f" or not array.size:
        return f"{shape} entries"
    finite = array[np.isfinite(array)]
    if not finite.size:
        return f"{shape} entries, none of them finite"
    norm = float(np.sqrt(np.square(finite, dtype=np.float64).sum()))
    low, high = write_number(float(finite.min())), write_number(float(finite.max()))
    lost = array.size - finite.size
    more = f", {lost} not finite" if lost else ""
    return f"{shape} entries from {low} to {high}, norm {write_number(norm)}{more}"


def largest_entry(array: "np.ndarray[Any, Any]") -> float:
    """Return the largest finite magnitude of floats; 0 if there are none."""
    if array.dtype.kind != "f":
        return 0.0
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _show_matrix(
    caption: Inlines, matrix: "np.ndarray[Any, Any]", row_axis: str, column_axis: str, scale: float
) -> Table:
    rows = []
    for place, row in enumerate(matrix):
        header = f"{row_axis} {place}" if row_axis else (str(place) if len(matrix) > 1 else "")
        rows.append((header, [_show_cell(entry, scale) for entry in row.tolist()]))
    columns = [f"{column_axis} {place}" if column_axis else str(place) for place in range(matrix.shape[1])]
    return Table(caption, columns, rows)


def _show_cell(entry: Any, scale: float) -> Cell:
    if not isinstance(entry, float):
        return Cell(write_entry(entry))
    digits = repr(entry)
    return Cell(write_number(entry), find_shade(entry, scale), digits if len(digits) > DIGITS + 2 else "")


def find_shade(entry: float, scale: float) -> int:
    """Return the level of an entry from -8 to 8, relative to the largest entry; 0 for zero and NaN."""
    if not scale or not math.isfinite(entry) or not entry:
        return 0
    return max(1, round(abs(entry) / scale * SHADES)) * (1 if entry > 0 else -1)
