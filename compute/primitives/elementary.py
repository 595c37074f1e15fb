"""Elementary functions of each entry, and steps between whole numbers, from one table each."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.expressions import HALF, Expression, number_expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import UnfitEntries
from compute.graph.numerics import LOGARITHM, NO_HAZARD, ROOT, Hazard
from compute.graph.primitive import Primitive, identity_gradient, no_cost
from compute.latex import ATOM, PRODUCT, Formula
from compute.primitives.scalars import count, gradient_rule


def _square(xp: Arithmetic, a: Array) -> Array:
    return xp.multiply(a, a)


def _one_minus_square(xp: Arithmetic, a: Array) -> Array:
    return xp.subtract(count(xp, 1), _square(xp, a))


def _inverse_root(xp: Arithmetic, a: Array) -> Array:
    return xp.power(a, Expression("negative", (HALF,)))


def _over_logarithm(base: int) -> Callable[..., Array]:
    """Return the derivative of the logarithm to a base."""

    def slope(xp: Arithmetic, a: Array) -> Array:
        return xp.divide(
            count(xp, 1), xp.multiply(a, xp.constant(Expression("log", (number_expression(base),)), {}))
        )

    return slope


class _Function(NamedTuple):
    """One elementary function. slope(xp, a): its derivative. latex: its sign before the operand."""

    name: str
    meaning: str
    latex: str
    slope: Callable[..., Array]
    hazard: Hazard = NO_HAZARD


_ELEMENTARY = (
    _Function("log2", "The logarithm to base 2.", r"\log_{2}", _over_logarithm(2), LOGARITHM),
    _Function("log10", "The logarithm to base 10.", r"\log_{10}", _over_logarithm(10), LOGARITHM),
    _Function("tan", "The tangent of an angle in radians.", r"\tan",
              lambda xp, a: xp.add(count(xp, 1), _square(xp, xp.elementary("tan", a)))),
    _Function("sinh", "The hyperbolic sine.", r"\sinh", lambda xp, a: xp.elementary("cosh", a)),
    _Function("cosh", "The hyperbolic cosine.", r"\cosh", lambda xp, a: xp.elementary("sinh", a)),
    _Function("arcsin", "The angle in radians whose sine is given.", r"\arcsin",
              lambda xp, a: _inverse_root(xp, _one_minus_square(xp, a)), ROOT),
    _Function("arccos", "The angle in radians whose cosine is given.", r"\arccos",
              lambda xp, a: xp.negative(_inverse_root(xp, _one_minus_square(xp, a))), ROOT),
    _Function("arctan", "The angle in radians whose tangent is given.", r"\arctan",
              lambda xp, a: xp.divide(count(xp, 1), xp.add(count(xp, 1), _square(xp, a)))),
    _Function("arcsinh", "The inverse of the hyperbolic sine.", r"\operatorname{arsinh}",
              lambda xp, a: _inverse_root(xp, xp.add(_square(xp, a), count(xp, 1)))),
    _Function("arccosh", "The inverse of the hyperbolic cosine.", r"\operatorname{arcosh}",
              lambda xp, a: _inverse_root(xp, xp.subtract(_square(xp, a), count(xp, 1))), ROOT),
    _Function("arctanh", "The inverse of the hyperbolic tangent.", r"\operatorname{artanh}",
              lambda xp, a: xp.divide(count(xp, 1), _one_minus_square(xp, a)), LOGARITHM),
)  # fmt: skip


def _declare(function: _Function) -> Primitive:
    return Primitive(
        function.name,
        forward=lambda xp, a: xp.elementary(function.name, a),
        gradients={"a": gradient_rule(function.slope)},
        tangents="symmetric",
        shape=lambda a: a,
        latex=lambda a: Formula(f"{function.latex} {a.at(ATOM)}", PRODUCT),
        expects="any shape",
        hazard=function.hazard,
        meaning=function.meaning,
    )


for _function in _ELEMENTARY:
    _declare(_function)


def _ceil(xp: Arithmetic, a: Array) -> Array:
    return xp.negative(xp.floor(xp.negative(a)))


def _trunc(xp: Arithmetic, a: Array) -> Array:
    return xp.multiply(xp.sign(a), xp.floor(xp.absolute(a)))


def no_gradient(xp: Arithmetic, g: Array) -> Array:
    return xp.zeros(g.shape)


def _declare_step(
    name: str, meaning: str, forward: Callable[..., Array], latex: Callable[[str], str]
) -> Primitive:
    """Declare a function that is constant between its jumps: its derivative is 0 everywhere."""
    return Primitive(
        name,
        forward=lambda xp, a: forward(xp, a),
        gradients={"a": no_gradient},
        tangents=lambda xp, tangent, y, a: xp.zeros(y.shape),
        shape=lambda a: a,
        latex=lambda a: Formula(latex(a.text)),
        expects="any shape",
        convention={f"derivative_of_{name}": "0, also at its jumps, where it has none"},
        meaning=meaning,
    )


_declare_step("sign", "The sign: -1, 0 or 1.", lambda xp, a: xp.sign(a),
              lambda a: rf"\operatorname{{sign}}\left({a}\right)")  # fmt: skip
_declare_step("floor", "The largest whole number that is not above the entry.", lambda xp, a: xp.floor(a),
              lambda a: rf"\lfloor {a} \rfloor")  # fmt: skip
_declare_step("ceil", "The smallest whole number that is not below the entry.", _ceil,
              lambda a: rf"\lceil {a} \rceil")  # fmt: skip
_declare_step("trunc", "The entry without its fraction.", _trunc,
              lambda a: rf"\operatorname{{trunc}}\left({a}\right)")  # fmt: skip
_declare_step("round", "",
              lambda xp, a: xp.rint(a), lambda a: rf"\operatorname{{round}}\left({a}\right)")  # fmt: skip

STRAIGHT_THROUGH = {"gradient_of_rounding": "straight-through: as if nothing were rounded"}


def _straight_through(**attributes: Any) -> str:
    return "the gradient of the rounding, which is 0, is replaced by that of the identity"


# Rounding whose gradient passes as if it were the identity.
round_straight_through = Primitive(
    "round_straight_through",
    forward=lambda xp, a: xp.rint(a),
    gradients={"a": identity_gradient},
    tangents=lambda xp, tangent, y, a: tangent,
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\operatorname{{round}}\left({a.text}\right)"),
    expects="any shape",
    convention=STRAIGHT_THROUGH,
    withheld_gradient=_straight_through,
    meaning="The nearest whole number, with the gradient of the identity (straight-through).",
)


class Format(NamedTuple):
    """A floating-point format.

    digits: bits of a significand.
    least: exponent of the least normal number.
    beyond: what larger numbers than the largest become.
    """

    digits: int
    least: int
    largest: float
    beyond: float = math.inf


FORMATS = {
    "float32": Format(24, -126, float(np.finfo(np.float32).max)),
    "float16": Format(11, -14, 65504.0),
    "bfloat16": Format(8, -126, (2 - 2**-7) * 2.0**127),
    "float8_e4m3": Format(4, -6, 448.0, math.nan),  # it has no infinity
    "float8_e5m2": Format(3, -14, 57344.0),
}


def _round_to(xp: Arithmetic, a: Array, *, format: str) -> Array:  # noqa: A002 - its name in programs
    try:
        return xp.round_to(a, *FORMATS[format])
    except TypeError:
        raise UnfitEntries(
            "a", f"holds symbols, which cannot be rounded to {format}", "numbers", "symbols"
        ) from None


def _format_latex(a: Formula, format: str) -> Formula:  # noqa: A002 - its name in programs
    name = format.replace("_", r"\_")
    return Formula(rf"\operatorname{{round}}_{{\text{{{name}}}}}\left({a.text}\right)")


# The nearest number of a format, to even if two are as near. Beyond its largest number infinity, or NaN if it
# has none.
round_to = Primitive(
    "round_to",
    forward=_round_to,
    gradients={"a": identity_gradient},
    tangents=lambda xp, tangent, y, a, **attributes: tangent,
    shape=lambda a, **attributes: a,
    latex=_format_latex,
    expects="any shape",
    convention=STRAIGHT_THROUGH,
    withheld_gradient=_straight_through,
)

# The entries as constants, through which no gradient passes.
stop_gradient = Primitive(
    "stop_gradient",
    forward=lambda xp, a: a,
    gradients={"a": no_gradient},
    tangents=lambda xp, tangent, y, a: xp.zeros(y.shape),
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\operatorname{{stop}}\left({a.text}\right)"),
    cost=no_cost,
    expects="any shape",
    withheld_gradient=lambda: "stop_gradient passes no gradient",
    meaning="The entries as they are; no gradient passes.",
)
