"""Primitives that mask scores and entries, and that combine masks.

What is masked touches nothing, NaN and infinity included: neither the result nor a gradient.
"""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, show
from compute.graph.numerics import Hazard
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, SUM, Formula
from compute.primitives.dropout_masks import as_numbers
from compute.primitives.elementwise import BROADCASTABLE
from compute.primitives.masked_products import bad_entries
from compute.primitives.scalars import count, known


def _broadcast(*shapes: Shape) -> Shape:
    return broadcast(*shapes)


# Where `allowed` is false: -infinity, whatever was there, and no gradient.
masked_fill = Primitive(
    "masked_fill",
    forward=lambda xp, a, allowed: xp.where(allowed, a, xp.negative_infinity),
    gradients={"a": lambda xp, g, allowed: xp.where(allowed, g, 0)},
    tangents="symmetric",
    shape=_broadcast,
    latex=lambda a, allowed: Formula(
        rf"\operatorname{{where}}\left({allowed.text},\ {a.text},\ -\infty\right)"
    ),
    operand_kinds={"allowed": ("boolean",)},
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=Hazard(meant=True),
)


def _excluded(xp: Arithmetic, mask: Array) -> Array:
    """Return the entries at which a mask of numbers is -infinity, as booleans."""
    return np.asarray(xp.outlines(mask) == -np.inf)


def _add_mask(xp: Arithmetic, a: Array, mask: Array) -> Array:
    found = xp.add(a, mask)
    return found if xp.is_finite(a) else xp.where(_excluded(xp, mask), xp.negative_infinity, found)


def _add_mask_gradient(xp: Arithmetic, g: Array, mask: Array) -> Array:
    return g if xp.is_finite(g) else xp.where(_excluded(xp, mask), xp.zeros(()), g)


# Scores plus a mask of numbers. Where that is -infinity: -infinity, whatever was there, and no gradient that
# is not finite.
add_mask = Primitive(
    "add_mask",
    forward=_add_mask,
    gradients={"a": _add_mask_gradient, "mask": _add_mask_gradient},
    tangents="symmetric",
    shape=_broadcast,
    latex=lambda a, mask: Formula(f"{a.text} + {mask.at(SUM)}", SUM),
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=Hazard(meant=True),
)

# Where a mask of numbers that is added to scores lets a query attend: everywhere but at -infinity.
mask_admits = Primitive(
    "mask_admits",
    forward=lambda xp, mask: ~_excluded(xp, mask),
    shape=lambda mask: mask,
    latex=lambda mask: Formula(rf"\left[{mask.text} > -\infty\right]"),
    cost=no_cost,
    kind="boolean",
    expects="a mask of numbers",
)


def _both(xp: Arithmetic, a: Array, b: Array) -> Array:
    if a.dtype == b.dtype == np.bool_:
        return a & b
    return np.asarray(a.astype(object) & b.astype(object))  # conditions that symbols leave open


# Where two masks are both true.
and_masks = Primitive(
    "and_masks",
    forward=_both,
    shape=_broadcast,
    latex=lambda a, b: Formula(rf"{a.at(PRODUCT)} \wedge {b.at(PRODUCT)}", PRODUCT),
    cost=no_cost,
    operand_kinds={"a": ("boolean",), "b": ("boolean",)},
    kind="boolean",
    expects=BROADCASTABLE,
)


def _cleared(xp: Arithmetic, a: Array, of: Array, allowed: Array) -> Array:
    """An array, with 0 where another is not finite and masked."""
    if xp.is_finite(of):
        return a
    return xp.where(known(allowed, False) & bad_entries(xp, of), xp.zeros(()), a)


def _clear_shape(a: Shape, allowed: Shape) -> Shape:
    if broadcast(a, allowed) != a:
        raise ShapeError(f"the mask {show(allowed)} is not one of {show(a)}")
    return a


# The entries, with 0 in the place of those that are not finite where `allowed` is false, which pass no
# gradient.
clear_masked = Primitive(
    "clear_masked",
    forward=lambda xp, a, allowed: _cleared(xp, a, a, allowed),
    gradients={"a": lambda xp, g, a, allowed: _cleared(xp, g, a, allowed)},
    tangents="symmetric",
    shape=_clear_shape,
    latex=lambda a, allowed: a,
    cost=no_cost,
    operand_kinds={"allowed": ("boolean",)},
    hidden_operands=("allowed",),
    expects="entries, and a mask that broadcasts to them",
)


def _kept(xp: Arithmetic, a: Array, mask: Array) -> Array:
    if mask.dtype != np.bool_:
        mask = xp.equal(as_numbers.forward(xp, mask), count(xp, 1))
    return xp.where(mask, a, xp.zeros(()))


def _kept_latex(a: Formula, mask: Formula) -> Formula:
    sign = r"\cdot" if a.scalar or mask.scalar else r"\odot"
    return Formula(rf"{a.at(PRODUCT)} {sign} {mask.at(PRODUCT)}", PRODUCT)


# The entries where a mask of booleans, or of 0 and 1, is true, and 0 elsewhere, whatever was there.
keep_where = Primitive(
    "keep_where",
    forward=_kept,
    gradients={"a": lambda xp, g, mask: _kept(xp, g, mask)},
    tangents="symmetric",
    shape=_broadcast,
    latex=_kept_latex,
    operand_kinds={"mask": ("boolean", "real")},
    expects=BROADCASTABLE,
    broadcasts=True,
)
