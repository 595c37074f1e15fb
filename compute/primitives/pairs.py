"""Elementwise functions of two arrays with broadcasting: extremes, bounds, powers, quotients, remainders."""

from collections.abc import Callable, Mapping
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import broadcast
from compute.graph.numerics import ROOT
from compute.graph.primitive import Primitive
from compute.latex import ATOM, POWER, PRODUCT, Formula
from compute.primitives.elementary import no_gradient
from compute.primitives.elementwise import BROADCASTABLE
from compute.primitives.scalars import count


def _chosen(xp: Arithmetic, condition: Array, g: Array) -> Array:
    return xp.where(condition, g, count(xp, 0))


def _shared(above: Callable[..., Array]) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """Return the gradient rules of a choice: to the chosen operand, and half to each if both are equal.

    above(xp, a, b): where a is chosen, and is not equal to b.
    """

    def of_first(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
        tied = xp.where(xp.equal(a, b), xp.divide(g, count(xp, 2)), count(xp, 0))
        return xp.where(above(xp, a, b), g, tied)

    def of_second(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
        return of_first(xp, g, b, a)

    return of_first, of_second


def _clipped(inside: Callable[..., Array]) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """Return the gradient rules of a bound: to the entry where it is inside or at the bound.

    inside(xp, a, b): where the entry a respects the bound b.
    """

    def of_entry(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
        return _chosen(xp, inside(xp, a, b), g)

    def of_bound(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
        return xp.where(inside(xp, a, b), count(xp, 0), g)

    return of_entry, of_bound


def _declare_choice(
    name: str,
    meaning: str,
    sign: str,
    forward: Callable[..., Array],
    rules: tuple[Callable[..., Array], Callable[..., Array]],
    convention: Mapping[str, Any],
) -> Primitive:
    return Primitive(
        name,
        forward=lambda xp, a, b: forward(xp, a, b),
        gradients={"a": rules[0], "b": rules[1]},
        tangents="symmetric",
        shape=broadcast,
        latex=lambda a, b: Formula(rf"\{sign}\left({a.text},\ {b.text}\right)"),
        expects=BROADCASTABLE,
        broadcasts=True,
        convention=convention,
        meaning=meaning,
    )


_TIES = "half to each"
maximum = _declare_choice(
    "maximum", "The larger of two values, entry by entry.", "max", lambda xp, a, b: xp.maximum(a, b),
    _shared(lambda xp, a, b: xp.greater(a, b)), {"gradient_of_maximum_at_ties": _TIES},
)  # fmt: skip
minimum = _declare_choice(
    "minimum", "The smaller of two values, entry by entry.", "min", lambda xp, a, b: xp.minimum(a, b),
    _shared(lambda xp, a, b: xp.greater(b, a)), {"gradient_of_minimum_at_ties": _TIES},
)  # fmt: skip
_BOUNDS = {"derivative_of_clip_at_its_bounds": 1}
clip_below = _declare_choice(
    "clip_below", "", "max",
    lambda xp, a, b: xp.maximum(a, b), _clipped(lambda xp, a, b: xp.greater_equal(a, b)), _BOUNDS,
)  # fmt: skip
clip_above = _declare_choice(
    "clip_above", "", "min",
    lambda xp, a, b: xp.minimum(a, b), _clipped(lambda xp, a, b: xp.greater_equal(b, a)), _BOUNDS,
)  # fmt: skip


def _of_base(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
    """Return the gradient of the base, which is 0 where the exponent is."""
    slope = xp.multiply(b, xp.power_of(a, xp.subtract(b, count(xp, 1))))
    return xp.multiply(g, xp.where(xp.equal(b, count(xp, 0)), count(xp, 0), slope))


def _of_exponent(xp: Arithmetic, g: Array, y: Array, a: Array) -> Array:
    """Return the gradient of the exponent, which is 0 where the power is."""
    is_zero = xp.equal(a, count(xp, 0))
    logarithm = xp.log(xp.where(is_zero, count(xp, 1), a))
    return xp.multiply(g, xp.multiply(y, logarithm))


# a^b for tensors a and b. The power of a constant exponent is a primitive of its own.
power_of = Primitive(
    "power_of",
    forward=lambda xp, a, b: xp.power_of(a, b),
    gradients={"a": _of_base, "b": _of_exponent},
    tangents="symmetric",
    shape=broadcast,
    latex=lambda a, b: Formula(
        (a._replace(binding=POWER) if a.text.startswith(r"\frac") else a).scripted("^", b.text), POWER
    ),
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=ROOT,
)


def _of_divisor(xp: Arithmetic, g: Array, y: Array, a: Array, b: Array) -> Array:
    """Return minus the whole quotient, which is constant between its jumps."""
    return xp.multiply(g, xp.divide(xp.subtract(y, a), b))


# The remainder has the sign of b, as in Python.
remainder = Primitive(
    "remainder",
    forward=lambda xp, a, b: xp.remainder(a, b),
    gradients={"a": lambda xp, g: g, "b": _of_divisor},
    tangents="symmetric",
    shape=broadcast,
    latex=lambda a, b: Formula(rf"{a.at(ATOM)} \bmod {b.at(ATOM)}", PRODUCT),
    expects=BROADCASTABLE,
    broadcasts=True,
    convention={"derivative_of_remainder_at_its_jumps": "that beside them"},
    meaning="The remainder of a divided by b, with the sign of b: a % b.",
)


def _floor_divide(xp: Arithmetic, a: Array, b: Array) -> Array:
    """Return the quotient rounded down; by 0 the quotient itself, as in NumPy.

    The floor of a rounded quotient can be too large by 1, so the remainder is subtracted before dividing.
    """
    if xp.simplifies:
        return xp.floor(xp.divide(a, b))
    rest = xp.where(xp.equal(b, count(xp, 0)), count(xp, 0), xp.remainder(a, b))
    return xp.rint(xp.divide(xp.subtract(a, rest), b))


floor_divide = Primitive(
    "floor_divide",
    forward=_floor_divide,
    gradients={"a": no_gradient, "b": no_gradient},
    tangents="symmetric",
    shape=broadcast,
    latex=lambda a, b: Formula(rf"\left\lfloor \frac{{{a.text}}}{{{b.text}}} \right\rfloor"),
    expects=BROADCASTABLE,
    broadcasts=True,
    convention={"derivative_of_floor_divide": "0, also at its jumps, where it has none"},
    meaning="The quotient rounded down to a whole number: a // b.",
)
