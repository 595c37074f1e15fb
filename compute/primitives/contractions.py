"""Primitives that sum products over a shared axis."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, product, show
from compute.graph.axis_windows import product_reads, project_reads
from compute.graph.numerics import SUMS, find_cancellation
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import count_entries, matmul_work
from compute.latex import JOINED, Formula


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if len(a) < 2 or len(b) < 2:
        vector = show(a if len(a) < 2 else b)
        size = vector.strip("()")
        advice = f"send it as a row (1, {size}) or as a column ({size}, 1)"
        if len(a) == len(b) == 1:
            advice = "the dot product of two vectors is sum(a * b)"
        elif not (a and b):
            advice = "multiply by a number with *"
        raise ShapeError(f"{vector} is not a matrix; {advice}")
    if a[-1] != b[-2]:
        raise ShapeError(f"the inner sizes {a[-1]} and {b[-2]} differ")
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


def _matmul_cost(shape: Shape, a: Shape, b: Shape, **attributes: Any) -> Cost:
    return Cost(multiply_adds=product(shape) * a[-1])


def product_work(shape: Shape, a: Any, b: Any, **attributes: Any) -> int:
    """Return the work of a batched matrix product."""
    return matmul_work(shape, a[-1])


def _broadcast_gradient_shape(place: int, shape: Any, a: Any, b: Any) -> Shape:
    """Return the shape of an operand's gradient before the sum over broadcast axes."""
    return (*shape[:-2], *(b if place else a)[-2:])


def product_gradient_work(place: int, shape: Any, a: Any, b: Any, **attributes: Any) -> int:
    """Return the work of a gradient of a matrix product, which is a matrix product too."""
    gradient_shape = _broadcast_gradient_shape(place, shape, a, b)
    return matmul_work(gradient_shape, shape[-2 if place else -1]) + count_entries(gradient_shape)


def product_gradient_scratch(place: int, shape: Any, a: Any, b: Any, **attributes: Any) -> int:
    """Return the number of temporary entries of a gradient."""
    return count_entries(_broadcast_gradient_shape(place, shape, a, b))


# The matrix product over the last two axes; leading axes broadcast.
matmul = Primitive(
    "matmul",
    forward=lambda xp, a, b: xp.matmul(a, b),
    gradients={
        "a": lambda xp, g, b: xp.matmul(g, b.swapaxes(-1, -2)),
        "b": lambda xp, g, a: xp.matmul(a.swapaxes(-1, -2), g),
    },
    tangents="product",
    moments="product",
    shape=_matmul_shape,
    latex=lambda a, b: Formula(f"{a.at(JOINED)} {b.at(JOINED)}", JOINED),
    cost=_matmul_cost,
    work=product_work,
    gradient_work=product_gradient_work,
    gradient_scratch=product_gradient_scratch,
    reads=product_reads,
    expects="matrices (..., n, k) and (..., k, m)",
    broadcasts=True,
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    hazard=SUMS,
    diagnosis=lambda y, a, b, absorbed: find_cancellation(y, np.abs(a) @ np.abs(b)),
)


def _flatten_leading(a: Array) -> Array:
    """Flatten all leading axes into one."""
    return a.reshape(-1, a.shape[-1])


def _project(xp: Arithmetic, a: Array, w: Array) -> Array:
    return xp.matmul(_flatten_leading(a), w).reshape(*a.shape[:-1], w.shape[-1])


def _project_shape(a: Shape, w: Shape) -> Shape:
    if not a or len(w) != 2:
        raise ShapeError(f"{show(w if a else a)} is not a {'matrix' if a else 'vector'}")
    if a[-1] != w[0]:
        raise ShapeError(f"the inner sizes {a[-1]} and {w[0]} differ")
    return (*a[:-1], w[1])


project = Primitive(
    "project",
    forward=_project,
    gradients={
        "a": lambda xp, g, w, shapes: xp.matmul(_flatten_leading(g), w.T).reshape(shapes[0]),
        "w": lambda xp, g, a: xp.matmul(_flatten_leading(a).T, _flatten_leading(g)),
    },
    tangents="product",
    moments="product",
    shape=_project_shape,
    latex=lambda a, w: Formula(f"{a.at(JOINED)} {w.at(JOINED)}", JOINED),
    cost=_matmul_cost,
    reads=project_reads,
    expects="vectors (..., k) and a matrix (k, m)",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    hazard=SUMS,
    diagnosis=lambda y, a, w, absorbed: find_cancellation(y, np.abs(a) @ np.abs(w)),
    meaning="Each vector along the last axis times one matrix.",
)
