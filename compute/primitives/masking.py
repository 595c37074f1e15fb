"""Primitives that mask scores and entries, and that combine masks.

Masked entries never affect the result or a gradient, even if they are NaN or infinite.
"""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, show
from compute.graph.numerics import Hazard
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, SUM, Formula
from compute.primitives.comparisons import mask_to_numbers
from compute.primitives.elementwise import BROADCASTABLE
from compute.primitives.masked_products import is_nonfinite
from compute.primitives.scalars import count, is_known

masked_fill = Primitive(
    "masked_fill",
    forward=lambda xp, a, allowed: xp.where(allowed, a, xp.negative_infinity),
    gradients={"a": lambda xp, g, allowed: xp.where(allowed, g, 0)},
    tangents="symmetric",
    shape=broadcast,
    latex=lambda a, allowed: Formula(
        rf"\operatorname{{where}}\left({allowed.text},\ {a.text},\ -\infty\right)"
    ),
    operand_kinds={"allowed": ("boolean",)},
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=Hazard(meant=True),
    meaning="-infinity where `allowed` is false, whatever the entry, and no gradient there.",
)


def _excluded(xp: Arithmetic, mask: Array) -> Array:
    """Return which entries of a mask of numbers are -infinity."""
    return np.asarray(xp.outlines(mask) == -np.inf)


def _add_mask(xp: Arithmetic, a: Array, mask: Array) -> Array:
    total = xp.add(a, mask)
    return total if xp.is_finite(a) else xp.where(_excluded(xp, mask), xp.negative_infinity, total)


def _add_mask_gradient(xp: Arithmetic, g: Array, mask: Array) -> Array:
    return g if xp.is_finite(g) else xp.where(_excluded(xp, mask), xp.zeros(()), g)


# Where the mask is -infinity the result is too, whatever the score, and a gradient that is not finite becomes
# 0.
add_mask = Primitive(
    "add_mask",
    forward=_add_mask,
    gradients={"a": _add_mask_gradient, "mask": _add_mask_gradient},
    tangents="symmetric",
    shape=broadcast,
    latex=lambda a, mask: Formula(f"{a.text} + {mask.at(SUM)}", SUM),
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=Hazard(meant=True),
    meaning="Scores plus a mask of numbers.",
)

mask_admits = Primitive(
    "mask_admits",
    forward=lambda xp, mask: ~_excluded(xp, mask),
    shape=lambda mask: mask,
    latex=lambda mask: Formula(rf"\left[{mask.text} > -\infty\right]"),
    cost=no_cost,
    kind="boolean",
    expects="a mask of numbers",
    meaning="Where an additive mask of numbers lets a query attend: everywhere but at -infinity.",
)


def _clear(xp: Arithmetic, a: Array, source: Array, allowed: Array) -> Array:
    """Return `a` with 0 where `source` is masked and not finite."""
    if xp.is_finite(source):
        return a
    return xp.where(is_known(allowed, False) & is_nonfinite(xp, source), xp.zeros(()), a)


def _clear_shape(a: Shape, allowed: Shape) -> Shape:
    if broadcast(a, allowed) != a:
        raise ShapeError(f"the mask {show(allowed)} does not broadcast to {show(a)}")
    return a


# These pass no gradient.
clear_masked = Primitive(
    "clear_masked",
    forward=lambda xp, a, allowed: _clear(xp, a, a, allowed),
    gradients={"a": lambda xp, g, a, allowed: _clear(xp, g, a, allowed)},
    tangents="symmetric",
    shape=_clear_shape,
    latex=lambda a, allowed: a,
    cost=no_cost,
    operand_kinds={"allowed": ("boolean",)},
    hidden_operands=("allowed",),
    expects="entries, and a mask that broadcasts to them",
    meaning="The entries, with 0 in place of those that are not finite where `allowed` is false.",
)


def _keep(xp: Arithmetic, a: Array, mask: Array) -> Array:
    if mask.dtype != np.bool_:
        mask = xp.equal(mask_to_numbers(xp, mask), count(xp, 1))
    return xp.where(mask, a, xp.zeros(()))


def _keep_latex(a: Formula, mask: Formula) -> Formula:
    sign = r"\cdot" if a.scalar or mask.scalar else r"\odot"
    return Formula(rf"{a.at(PRODUCT)} {sign} {mask.at(PRODUCT)}", PRODUCT)


keep_where = Primitive(
    "keep_where",
    forward=_keep,
    gradients={"a": lambda xp, g, mask: _keep(xp, g, mask)},
    tangents="symmetric",
    moments="product",
    shape=broadcast,
    latex=_keep_latex,
    operand_kinds={"mask": ("boolean", "real")},
    expects=BROADCASTABLE,
    broadcasts=True,
    meaning="The entries where a mask of booleans, or of 0 and 1, is true; 0 elsewhere, whatever the entry.",
)
