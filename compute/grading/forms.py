"""The forms in which people write the same tensor: with other axes, transposed, heads side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph
from compute.primitives.band_products import inside_band
from compute.primitives.bands import band as band_of_pairs

MAX_TRANSPOSED = 2  # axes of a tensor that people transpose


class Form(NamedTuple):
    """A way to write a tensor.

    name: its public name; "" for the expected form.
    loses_nothing: whether it is right without being listed as accepted.
    """

    name: str = ""
    loses_nothing: bool = True


EXPECTED = Form()
AXES = Form("axes")
SIDE_BY_SIDE = Form("heads_side_by_side")
ALL_PAIRS = Form("all_pairs")
TRANSPOSED = Form("transposed", loses_nothing=False)
FROM_ONE = Form("counted_from_one", loses_nothing=False)
PLACES = Form("row_and_column")
PLACES_FROM_ONE = Form("row_and_column_from_one", loses_nothing=False)


class Fitted(NamedTuple):
    """A tensor in the expected shape, and the form that it was written in.

    blank: entries that the form does not have, which are taken as right.
    """

    array: Array
    form: Form
    blank: Array | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The shape and kind of an expected tensor.

    band: for the stages of windowed attention: the numbers of queries and keys, and of keys before and after.
    image: for the winners of pooling: the last axes of the input, in which they are places.
    """

    shape: tuple[int, ...]
    is_index: bool = False
    band: tuple[int, int, int, int] | None = None
    image: tuple[int, ...] | None = None


def fit(written: Array, expected: Expected) -> Iterator[Fitted]:
    """Yield the readings of a written tensor in the expected shape, the most likely first."""
    shape = expected.shape
    if written.shape == shape:
        yield Fitted(written, EXPECTED)
    if expected.band is not None and (banded := _from_all_pairs(written, shape, expected.band)) is not None:
        yield banded
    if written.shape != shape and _without_ones(written.shape) == _without_ones(shape):
        yield Fitted(written.reshape(shape), AXES)
    if (heads := _from_side_by_side(written, shape)) is not None:
        yield Fitted(heads, SIDE_BY_SIDE)
    yield from _places(written, expected)
    if len(shape) >= MAX_TRANSPOSED and written.ndim == len(shape):
        turned = np.swapaxes(written, -1, -2)
        if turned.shape == shape:
            yield Fitted(turned, TRANSPOSED)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([size for size in shape if size != 1])


def _from_side_by_side(written: Array, shape: tuple[int, ...]) -> Array | None:
    """Split the columns of (..., n, heads d) into (..., heads, n, d)."""
    if len(shape) < 3 or written.ndim != len(shape) - 1 or shape[-3] == 1:
        return None
    *outer, heads, rows, width = shape
    if written.shape != (*outer, rows, heads * width):
        return None
    return np.moveaxis(written.reshape(*outer, rows, heads, width), -2, -3)


def _from_all_pairs(written: Array, shape: tuple[int, ...], band: tuple[int, int, int, int]) -> Fitted | None:
    """Return the band of a matrix of all queries and keys; entries for no key count as right."""
    queries, keys, left, right = band
    if written.shape != (*shape[:-2], queries, keys) or shape[-2:] != (queries, left + right + 1):
        return None
    result = band_of_pairs.forward(
        FLOAT64, written, queries=queries, keys=keys, left=left, right=right, key_first=False
    )
    return Fitted(result, ALL_PAIRS, np.broadcast_to(~inside_band(queries, keys, left, right), shape))


def _places(written: Array, expected: Expected) -> Iterator[Fitted]:
    """Yield indices that are counted from 1, or written as row and column."""
    if not expected.is_index:
        return
    if written.shape == expected.shape:
        yield Fitted(written - 1, FROM_ONE)
    image = expected.image
    if image is not None and written.shape == (*expected.shape, len(image)):
        for form, first in ((PLACES, 0), (PLACES_FROM_ONE, 1)):
            places = np.zeros(expected.shape)
            for axis, size in enumerate(image):
                places = places * size + (written[..., axis] - first)
            yield Fitted(places, form)


def describe_expected(graph: Graph, name: str, shape: tuple[int, ...]) -> Expected:
    """Return the shape and kind of a named value."""
    value = graph.names[name]
    band = image = None
    if value.declared is not None and value.declared.banded and len(shape) >= 2:
        band = _band_of(graph, value.name or name, shape)
    if value.kind == "index" and "x" in graph.names:
        image = tuple([size for size in graph.names["x"].shape[-2:] if isinstance(size, int)])
    return Expected(shape, value.kind == "index", band, image if image and len(image) == 2 else None)


def _band_of(graph: Graph, name: str, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return the band of a stage of attention with a window; None without one."""
    window = graph.conventions.get("window")
    key = graph.names.get(name.rpartition(".")[0] + "." * ("." in name) + "key")
    if window is None or key is None or not isinstance(key.shape[-2], int):
        return None
    left, right = window
    return (shape[-2], key.shape[-2], left, right) if shape[-1] == left + right + 1 else None
