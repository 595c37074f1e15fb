"""Comparisons, connectives of conditions, and conditions as numbers.

If the order of two exact numbers depends on symbols, a condition is an object that `where` of the namespace
takes. A condition passes no gradient.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import broadcast, product, without
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.latex import CONDITION, PRODUCT, SUM, Formula, axes_latex
from compute.primitives.elementwise import BROADCASTABLE
from compute.primitives.scalars import count, is_known


def decide(condition: Any) -> Array:
    """Return a condition as booleans, unless it depends on symbols or on unknown numbers."""
    found: Array = np.asarray(condition)
    if found.dtype == np.bool_:
        return found
    holds = is_known(found, True)
    return holds if (holds | is_known(found, False)).all() else found


def _declare_comparison(name: str, meaning: str, sign: str, holds: Callable[..., Array]) -> Primitive:
    return Primitive(
        name,
        forward=lambda xp, a, b: decide(holds(xp, a, b)),
        shape=broadcast,
        latex=lambda a, b: Formula(f"{a.at(SUM)} {sign} {b.at(SUM)}", CONDITION),
        kind="boolean",
        expects=BROADCASTABLE,
        meaning=meaning,
    )


greater = _declare_comparison(
    "greater", "Where a is larger than b: a > b.", ">", lambda xp, a, b: xp.greater(a, b)
)
greater_equal = _declare_comparison(
    "greater_equal", "Where a is at least b: a >= b.", r"\ge", lambda xp, a, b: xp.greater_equal(a, b)
)
less = _declare_comparison(
    "less", "Where a is smaller than b: a < b.", "<", lambda xp, a, b: xp.greater(b, a)
)
less_equal = _declare_comparison(
    "less_equal", "Where a is at most b: a <= b.", r"\le", lambda xp, a, b: xp.greater_equal(b, a)
)
equal = _declare_comparison("equal", "Where a and b are equal: a == b.", "=", lambda xp, a, b: xp.equal(a, b))
not_equal = _declare_comparison(
    "not_equal", "Where a and b differ: a != b.", r"\ne", lambda xp, a, b: ~xp.equal(a, b)
)


def _objects(*conditions: Array) -> list[Array]:
    """Return conditions as arrays of one type; as objects if one of them depends on symbols."""
    if all(np.asarray(condition).dtype == np.bool_ for condition in conditions):
        return [*conditions]
    return [np.asarray(condition).astype(object) for condition in conditions]


def both(a: Array, b: Array) -> Array:
    """Return where two conditions hold."""
    one, other = _objects(a, b)
    return decide(one & other)


def either(a: Array, b: Array) -> Array:
    """Return where at least one of two conditions holds."""
    one, other = _objects(a, b)
    return decide(one | other)


logical_and = Primitive(
    "logical_and",
    forward=lambda xp, a, b: both(a, b),
    shape=broadcast,
    latex=lambda a, b: Formula(rf"{a.at(PRODUCT)} \wedge {b.at(PRODUCT)}", PRODUCT),
    cost=no_cost,
    operand_kinds={"a": ("boolean",), "b": ("boolean",)},
    kind="boolean",
    expects=BROADCASTABLE,
)


logical_or = Primitive(
    "logical_or",
    forward=lambda xp, a, b: either(a, b),
    shape=broadcast,
    latex=lambda a, b: Formula(rf"{a.at(SUM)} \lor {b.at(SUM)}", CONDITION),
    operand_kinds={"a": ("boolean",), "b": ("boolean",)},
    kind="boolean",
    expects=BROADCASTABLE,
)


def mask_to_numbers(xp: Arithmetic, mask: Array) -> Array:
    """Return a mask as 0 and 1. Raises UnfitEntries for other numbers."""
    if mask.dtype == np.bool_:
        return xp.whole(mask.astype(np.intp))
    try:
        xp.places(mask, 1)
    except ValueError:
        raise UnfitEntries(
            "mask",
            "holds a number that is neither 0 nor 1",
            "booleans, or the numbers 0 and 1",
            describe_first_unfit(mask, lambda part: xp.places(part, 1)),
        ) from None
    return mask


def _negate(xp: Arithmetic, a: Array) -> Array:
    if a.dtype != np.bool_ and (a.dtype != object or _are_numbers(a)):
        found: Array = xp.places(mask_to_numbers(xp, a), 1) == 0
        return found
    return decide(~a)


# Masks may be written as 0 and 1.
logical_not = Primitive(
    "logical_not",
    forward=_negate,
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\neg {a.at(PRODUCT)}", PRODUCT, a.scalar),
    cost=no_cost,
    operand_kinds={"a": ("boolean", "real")},
    kind="boolean",
    expects="booleans, or a mask of 0 and 1",
)


def _declare_reduction(name: str, sign: str, combine: Callable[[Array, Array], Array]) -> Primitive:
    return Primitive(
        name,
        forward=lambda xp, a, *, axis: decide(reduce(combine, [*np.moveaxis(a, axis, 0)])),
        shape=lambda a, axis: without(a, axis),
        latex=lambda a, axis: Formula(rf"{sign}_{{{axes_latex([axis])}}} {a.at(SUM)}", CONDITION),
        cost=lambda shape, a, axis: Cost(elementwise=product(a)),
        operand_kinds={"a": ("boolean",)},
        kind="boolean",
        expects="booleans, and enough axes",
    )


any_over = _declare_reduction("any_over", r"\bigvee", either)
all_over = _declare_reduction("all_over", r"\bigwedge", both)


def _indicator(xp: Arithmetic, a: Array) -> Array:
    if a.dtype.kind in "iu":
        return xp.whole(a)
    if a.dtype.kind == "f" or (a.dtype == object and _are_numbers(a)):  # indices that are not known
        return a
    return xp.where(a, count(xp, 1), count(xp, 0))


def _are_numbers(a: Array) -> bool:
    return all(getattr(one, "is_number", False) or getattr(one, "is_Piecewise", False) for one in a.flat)


def _indicator_latex(a: Formula) -> Formula:
    if a.binding == CONDITION:
        return Formula(rf"\mathbb{{1}}\left\{{{a.text}\right\}}", scalar=a.scalar)
    return a


# Conditions as 1 where they hold and 0 elsewhere, and indices as numbers.
indicator = Primitive(
    "indicator",
    forward=_indicator,
    moments="moved",
    shape=lambda a: a,
    latex=_indicator_latex,
    cost=no_cost,
    operand_kinds={"a": ("boolean", "index")},
    expects="booleans or indices",
)
