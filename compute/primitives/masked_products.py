"""Matrix products that exclude masked entries, even if these are NaN or infinite.

0 times NaN is NaN: a weight of 0 does not exclude a masked value from a sum, nor does a gradient of 0 exclude
the factor it is multiplied by. If all numbers are finite, these primitives are plain matrix products.
"""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, product, show
from compute.graph.axis_windows import product_reads
from compute.graph.numerics import SUMS, find_cancellation
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import CALL, copy_work
from compute.latex import JOINED, Formula
from compute.primitives.contractions import (
    matmul,
    product_gradient_scratch,
    product_gradient_work,
    product_work,
)
from compute.primitives.scalars import is_known


def is_exact_zero(a: Array) -> Array:
    """Return which entries are exactly 0."""
    return np.asarray(a == 0, dtype=bool)


def is_nonfinite(xp: Arithmetic, a: Array) -> Array:
    """Return which entries are NaN or infinite."""
    return np.asarray(~np.isfinite(xp.outlines(a)))


def transpose(a: Array) -> Array:
    """Swap the last two axes."""
    return a.swapaxes(-1, -2)


def multiply_unskipped(xp: Arithmetic, a: Array, b: Array, skipped: Array) -> Array:
    """Return the matrix product a b without the terms of skipped entries of a, all of which are 0.

    Needed only if b is not finite; otherwise a plain product gives the same. skipped: which entries of a.
    """
    bad = is_nonfinite(xp, b).any(axis=-1)
    bad_rows = np.flatnonzero(bad.reshape(-1, bad.shape[-1]).any(axis=0))
    is_bad, zero = np.zeros(b.shape[-2], dtype=bool), xp.zeros(())
    is_bad[bad_rows] = True
    result = xp.matmul(xp.where(is_bad, zero, a), xp.where(is_bad[:, None], zero, b))
    for row in bad_rows:
        terms = xp.where(skipped[..., :, row, None], zero, b[..., None, row, :])
        result = xp.add(result, xp.multiply(a[..., :, row, None], terms))
    return result


def masked_zeros(a: Array, allowed: Array) -> Array:
    """Return which entries of a are 0 because of the mask."""
    return is_exact_zero(a) & is_known(allowed, False)


def zero_masked(xp: Arithmetic, gradient: Array, masked: Array) -> Array:
    """Return a gradient with 0 in place of masked entries that are not finite."""
    return xp.where(masked & is_nonfinite(xp, gradient), xp.zeros(()), gradient)


def _gradient_of_weights(xp: Arithmetic, g: Array, a: Array, b: Array, allowed: Array) -> Array:
    gradient = xp.matmul(g, transpose(b))
    return gradient if xp.is_finite(b) else zero_masked(xp, gradient, masked_zeros(a, allowed))


def _masked_shape(a: Shape, b: Shape, allowed: Shape) -> Shape:
    if broadcast(allowed, a) != a:
        raise ShapeError(f"the mask {show(allowed)} does not broadcast to {show(a)}")
    return matmul.shape(a, b)


def _masked_product(xp: Arithmetic, a: Array, b: Array, allowed: Array) -> Array:
    return xp.matmul(a, b) if xp.is_finite(b) else multiply_unskipped(xp, a, b, masked_zeros(a, allowed))


def _gradient_of_values(xp: Arithmetic, g: Array, a: Array, allowed: Array) -> Array:
    if xp.is_finite(g):
        return xp.matmul(transpose(a), g)
    return multiply_unskipped(xp, transpose(a), g, transpose(masked_zeros(a, allowed)))


masked_matmul = Primitive(
    "masked_matmul",
    forward=_masked_product,
    gradients={"a": _gradient_of_weights, "b": _gradient_of_values},
    tangents="product",
    shape=_masked_shape,
    latex=lambda a, b, allowed: Formula(f"{a.at(JOINED)} {b.at(JOINED)}", JOINED),
    cost=lambda shape, a, b, allowed: Cost(multiply_adds=product(shape) * a[-1]),
    work=lambda shape, a, b, allowed: 2 * product_work(shape, a, b) + 5 * CALL * a[-1] + copy_work(a),
    gradient_work=lambda place, shape, a, b, allowed: (
        2 * product_gradient_work(place, shape, a, b) + 5 * CALL * shape[-2] * place + copy_work(a)
    ),
    gradient_scratch=lambda place, shape, a, b, allowed: product_gradient_scratch(place, shape, a, b),
    operand_kinds={"allowed": ("boolean",)},
    hidden_operands=("allowed",),
    reads=product_reads,
    expects="matrices (..., n, k) and (..., k, m), and a mask that broadcasts to the first",
    broadcasts=True,
    hazard=SUMS,
    diagnosis=lambda y, a, b, allowed, absorbed: find_cancellation(y, np.abs(a) @ np.abs(b)),
    meaning="The matrix product in which a weight of 0 at a masked entry excludes its value, even if that is"
    " NaN.",
)


def _guarded_left(xp: Arithmetic, g: Array, b: Array) -> Array:
    if xp.is_finite(b):
        return xp.matmul(g, transpose(b))
    return multiply_unskipped(xp, g, transpose(b), is_exact_zero(g))


def _guarded_right(xp: Arithmetic, g: Array, a: Array) -> Array:
    if xp.is_finite(a):
        return xp.matmul(transpose(a), g)
    return transpose(multiply_unskipped(xp, transpose(g), a, transpose(is_exact_zero(g))))


guarded_matmul = Primitive(
    "guarded_matmul",
    forward=lambda xp, a, b: xp.matmul(a, b),
    gradients={"a": _guarded_left, "b": _guarded_right},
    tangents="product",
    shape=matmul.shape,
    latex=matmul.latex,
    cost=matmul.cost,
    work=product_work,
    gradient_work=lambda place, shape, a, b: (
        2 * product_gradient_work(place, shape, a, b) + 5 * CALL * shape[-2 if place else -1]
    ),
    gradient_scratch=product_gradient_scratch,
    reads=product_reads,
    expects=matmul.expects,
    broadcasts=True,
    propagates_nonfinite=True,
    hazard=SUMS,
    diagnosis=matmul.diagnosis,
    meaning="A matrix product whose result may be masked later: a gradient that is exactly 0 passes nothing,"
    " even if the other factor is NaN or infinite.",
)
