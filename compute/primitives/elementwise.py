"""Primitives that work entry by entry, with broadcasting."""

from typing import Any

from compute.dimensions import Shape, broadcast
from compute.latex import ATOM, PRODUCT, SUM, Formula
from compute.primitive import Primitive, no_cost

BROADCASTABLE = "shapes that broadcast: from the last axis on, equal or 1"


def _broadcast(*shapes: Shape, **attributes: Any) -> Shape:
    return broadcast(*shapes)


def _product(a: Formula, b: Formula) -> Formula:
    sign = r"\cdot" if a.scalar or b.scalar else r"\odot"
    return Formula(f"{a.at(PRODUCT)} {sign} {b.at(PRODUCT)}", PRODUCT)


identity = Primitive(
    "identity",
    forward=lambda xp, a: a,
    gradients={"a": lambda xp, g: g},
    shape=lambda a: a,
    latex=lambda a: a,
    cost=no_cost,
    expects="any shape",
    spreads=True,
)

add = Primitive(
    "add",
    forward=lambda xp, a, b: xp.add(a, b),
    gradients={"a": lambda xp, g: g, "b": lambda xp, g: g},
    shape=_broadcast,
    latex=lambda a, b: Formula(f"{a.text} + {b.at(SUM)}", SUM),
    expects=BROADCASTABLE,
    broadcasts=True,
    spreads=True,
)

multiply = Primitive(
    "multiply",
    forward=lambda xp, a, b: xp.multiply(a, b),
    gradients={
        "a": lambda xp, g, b: xp.multiply(g, b),
        "b": lambda xp, g, a: xp.multiply(g, a),
    },
    shape=_broadcast,
    latex=_product,
    expects=BROADCASTABLE,
    broadcasts=True,
    spreads=True,
)

divide = Primitive(
    "divide",
    forward=lambda xp, a, b: xp.divide(a, b),
    gradients={
        "a": lambda xp, g, b: xp.divide(g, b),
        "b": lambda xp, g, y, b: xp.negative(xp.divide(xp.multiply(g, y), b)),
    },
    shape=_broadcast,
    latex=lambda a, b: Formula(rf"\frac{{{a.text}}}{{{b.text}}}"),
    expects=BROADCASTABLE,
    broadcasts=True,
)

tanh = Primitive(
    "tanh",
    forward=lambda xp, a: xp.tanh(a),
    gradients={"a": lambda xp, g, y: xp.subtract(g, xp.multiply(g, xp.multiply(y, y)))},
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\tanh {a.at(ATOM)}", PRODUCT),
    expects="any shape",
)

# Where `allowed` is false: -infinity, whatever was there, and no gradient.
masked_fill = Primitive(
    "masked_fill",
    forward=lambda xp, a, allowed: xp.where(allowed, a, xp.negative_infinity),
    gradients={"a": lambda xp, g, allowed: xp.where(allowed, g, 0)},
    shape=_broadcast,
    latex=lambda a, allowed: Formula(
        rf"\operatorname{{where}}\left({allowed.text},\ {a.text},\ -\infty\right)"
    ),
    expects=BROADCASTABLE,
    broadcasts=True,
)
