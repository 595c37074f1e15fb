"""Elementwise arithmetic with broadcasting."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.dimensions import Shape, broadcast
from compute.graph.axis_windows import elementwise_reads
from compute.graph.numerics import QUOTIENT, Finding, find_cancellation, find_underflow
from compute.graph.primitive import Primitive, identity_gradient, no_cost
from compute.latex import PRODUCT, SUM, Formula, add_latex

BROADCASTABLE = "shapes that broadcast: from the last axis on, equal or 1"


def _broadcast(*shapes: Shape, **attributes: Any) -> Shape:
    return broadcast(*shapes)


def _product(a: Formula, b: Formula) -> Formula:
    sign = r"\cdot" if a.scalar or b.scalar else r"\odot"
    return Formula(f"{a.at(PRODUCT)} {sign} {b.at(PRODUCT)}", PRODUCT)


def _cancellation(y: Array, a: Array, b: Array, *, absorbed: Callable[[int], Array]) -> Finding | None:
    size: Array = np.maximum(np.abs(a), np.abs(b))
    equal = y == 0
    return find_cancellation(
        y, size, equal & (absorbed(0) | absorbed(1)) if a is not b and equal.any() else equal & False
    )


identity = Primitive(
    "identity",
    forward=lambda xp, a: a,
    gradients={"a": identity_gradient},
    tangents="linear",
    moments="moved",
    shape=lambda a: a,
    latex=lambda a: a,
    cost=no_cost,
    kind="same",
    reads=elementwise_reads,
    expects="any shape",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The entries as they are.",
)

add = Primitive(
    "add",
    forward=lambda xp, a, b: xp.add(a, b),
    gradients={"a": identity_gradient, "b": identity_gradient},
    tangents="linear",
    moments="sum",
    shape=_broadcast,
    latex=add_latex,
    expects=BROADCASTABLE,
    broadcasts=True,
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    diagnosis=_cancellation,
    meaning="The sum of two values: a + b.",
)

subtract = Primitive(
    "subtract",
    forward=lambda xp, a, b: xp.subtract(a, b),
    gradients={"a": identity_gradient, "b": lambda xp, g: xp.negative(g)},
    tangents="linear",
    moments="difference",
    shape=_broadcast,
    latex=lambda a, b: Formula(f"{a.text} - {b.at(PRODUCT)}", SUM),
    expects=BROADCASTABLE,
    broadcasts=True,
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    diagnosis=_cancellation,
    meaning="The difference of two values: a - b.",
)

multiply = Primitive(
    "multiply",
    forward=lambda xp, a, b: xp.multiply(a, b),
    gradients={
        "a": lambda xp, g, b: xp.multiply(g, b),
        "b": lambda xp, g, a: xp.multiply(g, a),
    },
    tangents="product",
    moments="product",
    shape=_broadcast,
    latex=_product,
    expects=BROADCASTABLE,
    broadcasts=True,
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    diagnosis=lambda y, a, b, absorbed: find_underflow(y, (a != 0) & (b != 0)),
    meaning="The product of two values, entry by entry: a * b.",
)

divide = Primitive(
    "divide",
    forward=lambda xp, a, b: xp.divide(a, b),
    gradients={
        "a": lambda xp, g, b: xp.divide(g, b),
        "b": lambda xp, g, y, b: xp.negative(xp.divide(xp.multiply(g, y), b)),
    },
    tangents="symmetric",
    moments="quotient",
    shape=_broadcast,
    latex=lambda a, b: Formula(rf"\frac{{{a.text}}}{{{b.text}}}"),
    expects=BROADCASTABLE,
    broadcasts=True,
    hazard=QUOTIENT,
    diagnosis=lambda y, a, b, absorbed: find_underflow(y, (a != 0) & np.isfinite(b)),
    meaning="The quotient of two values: a / b.",
)

negative = Primitive(
    "negative",
    forward=lambda xp, a: xp.negative(a),
    gradients={"a": lambda xp, g: xp.negative(g)},
    tangents="linear",
    moments="rectifier",
    shape=lambda a: a,
    latex=lambda a: Formula(f"-{a.at(PRODUCT)}", SUM),
    reads=elementwise_reads,
    expects="any shape",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The entries with the other sign: -a.",
)
