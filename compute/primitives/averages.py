"""Averages over several axes at once."""

import math
from itertools import groupby
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, product, show
from compute.graph.axis_windows import reduced_reads
from compute.graph.primitive import Cost, Primitive
from compute.latex import Formula, axes_latex


def _average(xp: Arithmetic, a: Array, *, axes: tuple[int, ...]) -> Array:
    """Return the mean over `axes`. Neighbouring axes are summed as one: many short sums are slower."""
    result_shape: Any = _without(a.shape, axes=axes)
    runs = [
        (averaged, math.prod(a.shape[axis] for axis in run))
        for averaged, run in groupby(range(a.ndim), lambda axis: axis - a.ndim in axes)
    ]
    total = a.reshape([size for _, size in runs])
    for position, (averaged, _) in enumerate(runs):
        if averaged:
            total = xp.sum(total, position - len(runs))
    return xp.divide(total, _count(xp, a.shape, axes)).reshape(result_shape)


def _count(xp: Arithmetic, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    return xp.whole(np.array(math.prod(shape[axis] for axis in axes)))


def _gradient(xp: Arithmetic, g: Array, axes: tuple[int, ...], shapes: list[tuple[int, ...]]) -> Array:
    [shape] = shapes
    share = xp.divide(g, _count(xp, shape, axes))
    return np.broadcast_to(np.expand_dims(share, axes), shape)


def _without(a: Shape, *, axes: tuple[int, ...]) -> Shape:
    if len(a) < -min(axes):
        raise ShapeError(f"{show(a)} has fewer than {-min(axes)} axes")
    return tuple(size for axis, size in enumerate(a) if axis - len(a) not in axes)


def _latex(a: Formula, axes: tuple[int, ...] | None) -> Formula:
    if axes is None:  # all entries
        return Formula(rf"\operatorname{{mean}}\left({a.text}\right)")
    return Formula(rf"\operatorname{{mean}}_{{{axes_latex(axes)}}}\left({a.text}\right)")


# The mean over axes, counted from the last; the result does not have these axes.
average = Primitive(
    "average",
    forward=_average,
    gradients={"a": _gradient},
    tangents="linear",
    moments="mean",
    shape=_without,
    latex=_latex,
    cost=lambda shape, a, axes: Cost(elementwise=product(a)),
    reads=lambda place, shape, a, axes: reduced_reads(shape, a, axes),
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)
