"""Matrix products from which a mask takes entries out, also where these are NaN or infinite.

0 times NaN is NaN: a weight of 0 does not take a masked value out of a sum, nor does a gradient of 0 take out
what it is multiplied by. Where all numbers are finite these primitives are plain matrix products.
"""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, product, show
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
from compute.primitives.scalars import known


def zeros_of(a: Array) -> Array:
    """Return the entries that are exactly 0, as booleans."""
    return np.asarray(a == 0, dtype=bool)


def bad_entries(xp: Arithmetic, a: Array) -> Array:
    """Return the entries that are NaN or infinite, as booleans."""
    return np.asarray(~np.isfinite(xp.outlines(a)))


def transposed(a: Array) -> Array:
    """The last two axes exchanged."""
    return a.swapaxes(-1, -2)


def multiply_taken(xp: Arithmetic, a: Array, b: Array, skipped: Array) -> Array:
    """The matrix product a b without the terms of skipped entries of a, all of which are 0.

    b is not finite; where it is, a plain product does. skipped: which entries of a these are.
    """
    bad = bad_entries(xp, b).any(axis=-1)
    places = np.flatnonzero(bad.reshape(-1, bad.shape[-1]).any(axis=0))
    is_bad, zero = np.zeros(b.shape[-2], dtype=bool), xp.zeros(())
    is_bad[places] = True
    result = xp.matmul(xp.where(is_bad, zero, a), xp.where(is_bad[:, None], zero, b))
    for at in places:
        reached = xp.where(skipped[..., :, at, None], zero, b[..., None, at, :])
        result = xp.add(result, xp.multiply(a[..., :, at, None], reached))
    return result


def masked_zeros(a: Array, allowed: Array) -> Array:
    """Return the entries of a that are 0 because of the mask, as booleans."""
    return zeros_of(a) & known(allowed, False)


def without_masked(xp: Arithmetic, gradient: Array, masked: Array) -> Array:
    """A gradient, with 0 in the place of what is not finite because of a masked entry."""
    return xp.where(masked & bad_entries(xp, gradient), xp.zeros(()), gradient)


def _gradient_of_weights(xp: Arithmetic, g: Array, a: Array, b: Array, allowed: Array) -> Array:
    found = xp.matmul(g, transposed(b))
    return found if xp.is_finite(b) else without_masked(xp, found, masked_zeros(a, allowed))


def _masked_shape(a: Shape, b: Shape, allowed: Shape) -> Shape:
    if broadcast(allowed, a) != a:
        raise ShapeError(f"the mask {show(allowed)} is not one of {show(a)}")
    return matmul.shape(a, b)


def _masked_product(xp: Arithmetic, a: Array, b: Array, allowed: Array) -> Array:
    return xp.matmul(a, b) if xp.is_finite(b) else multiply_taken(xp, a, b, masked_zeros(a, allowed))


def _gradient_of_values(xp: Arithmetic, g: Array, a: Array, allowed: Array) -> Array:
    if xp.is_finite(g):
        return xp.matmul(transposed(a), g)
    return multiply_taken(xp, transposed(a), g, transposed(masked_zeros(a, allowed)))


# The matrix product, from which 0 at a masked entry takes out what it would be multiplied by.
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
    expects="matrices (..., n, k) and (..., k, m), and a mask that broadcasts to the first",
    broadcasts=True,
    hazard=SUMS,
    diagnosis=lambda y, a, b, allowed, absorbed: find_cancellation(y, np.abs(a) @ np.abs(b)),
)


def _guarded_left(xp: Arithmetic, g: Array, b: Array) -> Array:
    if xp.is_finite(b):
        return xp.matmul(g, transposed(b))
    return multiply_taken(xp, g, transposed(b), zeros_of(g))


def _guarded_right(xp: Arithmetic, g: Array, a: Array) -> Array:
    if xp.is_finite(a):
        return xp.matmul(transposed(a), g)
    return transposed(multiply_taken(xp, transposed(g), a, transposed(zeros_of(g))))


# The matrix product of what masks may take out behind it: a gradient that is exactly 0 passes nothing,
# whatever it would be multiplied by.
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
    expects=matmul.expects,
    broadcasts=True,
    propagates_nonfinite=True,
    hazard=SUMS,
    diagnosis=matmul.diagnosis,
)
