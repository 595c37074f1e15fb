"""Tensors of answers as numbers and panels for charts, bounded in size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from service.pages.entries import SPECIAL, as_array
from service.pages.pictures.charts import Numbers, Panel

MOST_PLACES = 48  # rows or columns of a matrix that is drawn
MOST_PANELS = 8  # matrices of a tensor that are drawn
PLURALS = {"heads": "head"}  # axes that are named by several things


class NotDrawn(Exception):
    """A tensor is too large to be drawn. Its text is a sentence that says so."""


def read_numbers(tensor: Any) -> Numbers | None:
    """Return a tensor of a document as floats; None for text that stands for no number, and for objects."""
    array = as_array(tensor)
    if array is None:
        return None
    if array.dtype.kind in "fbiu":
        return array.astype(float)
    try:
        return np.array([_read_entry(entry) for entry in array.ravel()]).reshape(array.shape)
    except ValueError:
        return None


def _read_entry(entry: Any) -> float:
    """Return a number, or one that JSON writes as text. Raises ValueError for anything else."""
    if isinstance(entry, str) and entry not in SPECIAL:
        raise ValueError
    if isinstance(entry, str | int | float):
        return float(entry)
    raise ValueError


def split_panels(values: Numbers, axes: Sequence[str]) -> tuple[list[Panel], str]:
    """Return the matrices of a tensor of at least two axes, named by their places, and a remark.

    axes: the names of its last axes.

    Raises NotDrawn if a matrix is too large or has no entries.
    """
    rows, columns = values.shape[-2:]
    check_size(rows, columns)
    named = [*[""] * (values.ndim - len(axes)), *axes[-values.ndim :]]
    matrices = values.reshape(-1, rows, columns)
    outer = [(name, size) for name, size in zip(named[:-2], values.shape[:-2], strict=True)]
    panels = []
    for place, matrix in enumerate(matrices[:MOST_PANELS]):
        index = np.unravel_index(place, values.shape[:-2]) if outer else ()
        words = [
            f"{PLURALS.get(name, name) or 'index'} {at}"
            for (name, size), at in zip(outer, index, strict=True)
            if size > 1
        ]
        panels.append(Panel(", ".join(words), matrix))
    remark = ""
    if len(matrices) > MOST_PANELS:
        remark = f"The first {MOST_PANELS} of {len(matrices)} matrices are drawn"
    return panels, remark


def check_size(rows: int, columns: int) -> None:
    """Raise NotDrawn if a matrix is too large or has no entries."""
    if not 0 < rows <= MOST_PLACES or not 0 < columns <= MOST_PLACES:
        raise NotDrawn(
            f"There is no picture of {rows} × {columns} entries: at most {MOST_PLACES} × {MOST_PLACES} are"
            " drawn."
        )


def count_labels(count: int) -> list[str]:
    """Return the places along an axis as labels."""
    return [*map(str, range(count))]


def list_sent(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and tensors that a request sends, those of a program without `inputs.`."""
    yield from request.items()
    inputs = request.get("inputs")
    if isinstance(inputs, Mapping):
        yield from inputs.items()
