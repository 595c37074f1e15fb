"""How activation functions are declared: one entry of a table for each, in the modules beside this one.

An entry names the primitive that computes the function, the settings that it takes, and its second
derivative. The first derivative of an entry is the primitive's own gradient rule for an upstream gradient of
1, so that it is written nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias

import numpy as np

from compute.arithmetic.expressions import Expression, number_expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.numerics import Finding, Hazard
from compute.graph.primitive import KEPT, REGISTRY, RESULT, Cost, Primitive
from compute.latex import ATOM, PRODUCT, Formula, constant_latex
from compute.primitives.scalars import Rule, count, multiplied, weighed

Settings: TypeAlias = Mapping[str, Any]
"""Settings by name: constant expressions, words, or None where one may be left open."""


@dataclass(frozen=True, eq=False)
class Activation:
    """One activation function: how it follows from a primitive.

    settings: their defaults; rounded: other defaults, for floating-point numbers; words: those of them that
    are words, with what they may be; attributes: from settings to attributes of the primitive; check: from
    settings that are all numbers to the one that will not do and what is expected of it, or None; slope: the
    derivative in LaTeX, as for `template`; curvature(xp, a, **attributes): the second derivative, where it is
    not zero everywhere; inner: the activation that comes before the primitive, where a function is made of
    two.
    """

    name: str
    primitive: str
    settings: Mapping[str, int | float | str | None] = field(default_factory=dict)
    rounded: Mapping[str, int | float | str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Callable[[Settings], Settings] = dict
    check: Callable[[Mapping[str, float]], tuple[str, str] | None] = lambda settings: None
    slope: str = ""
    curvature: Rule | None = None
    inner: str = ""

    def __post_init__(self) -> None:
        if self.name in ACTIVATIONS:
            raise ValueError(f"activation {self.name} is declared twice")
        ACTIVATIONS[self.name] = self


ACTIVATIONS: dict[str, Activation] = {}


def declare(
    name: str,
    forward: Rule,
    derivative: Rule,
    latex: str | Callable[..., Formula],
    slope: str,
    *,
    operations: int = 1,
    keeping: Callable[..., tuple[Array, Array]] | None = None,
    convention: Mapping[str, Any] | None = None,
    diagnosis: Callable[..., Finding | None] | None = None,
    **more: Any,
) -> Activation:
    """An activation with a primitive of its own, of the same name.

    forward(xp, a, *, settings), derivative(xp, a, settings): the function and its derivative, entry by entry.
    latex: of the function, as for `template`. operations: how many elementary ones an entry takes. keeping,
    diagnosis: as for `Primitive`; the derivative takes what is kept behind a. more: as for `Activation`.
    """
    Primitive(
        name,
        forward=_in_blocks(forward) if operations > 1 else forward,
        gradients={"a": multiplied(derivative)},
        keeping=keeping,
        tangents="symmetric",
        shape=lambda a, **attributes: a,
        latex=template(latex) if isinstance(latex, str) else latex,
        cost=lambda shape, a, **attributes: Cost(elementwise=operations * product(shape)),
        expects="any shape",
        convention=convention,
        diagnosis=diagnosis,
    )
    return Activation(name, name, slope=slope, **more)


def declare_gated(name: str, gate: Rule, derivative: Rule, *latex: Any, **more: Any) -> Activation:
    """An activation that multiplies its operand with a gate, which is kept for the way back.

    Where the gate is 0 so is the product, at an infinite operand too.

    gate(xp, a, *, settings), derivative(xp, a, kept, settings): the gate, and the derivative of a times it.
    latex, more: as for `declare`.
    """

    @wraps(gate)
    def forward(xp: Arithmetic, a: Array, **attributes: Any) -> Array:
        return weighed(xp, gate(xp, a, **attributes), a)

    def keeping(xp: Arithmetic, a: Array, **attributes: Any) -> tuple[Array, Array]:
        kept = xp.entrywise(lambda a: gate(xp, a, **attributes), a)
        return weighed(xp, kept, a), kept

    return declare(name, forward, derivative, *latex, keeping=keeping, **more)


def _in_blocks(rule: Rule) -> Rule:
    """A rule of several steps, with the signature that it has."""

    @wraps(rule)
    def in_blocks(xp: Arithmetic, a: Array, **attributes: Any) -> Array:
        return xp.entrywise(lambda a: rule(xp, a, **attributes), a)

    return in_blocks


_PLACES = re.compile(r"<([-+/]?)(\w+)([:*]?)>")


def template(text: str, binding: int = PRODUCT) -> Callable[..., Formula]:
    """A rule for LaTeX from text with places in it.

    <a>: the operand, in parentheses if it is not one symbol; <a:>: as it is. So are settings: <alpha>,
    <alpha:>. <alpha*>, </alpha>, <+alpha>, <-alpha>: a setting as a factor, or as what is divided by, added
    or taken away; these vanish where they would do nothing.
    """

    def latex(a: Formula, **attributes: Any) -> Formula:
        def put(found: re.Match[str]) -> str:
            before, name, behind = found.groups()
            if name == "a":
                return a.text if behind else a.at(ATOM)
            setting = attributes[name]
            if (before or behind == "*") and is_number(setting, 0 if before in ("+", "-") else 1):
                return ""
            written = constant_latex(setting)
            if behind:
                return rf"{written.at(PRODUCT)} \cdot " if behind == "*" else written.text
            return f" {before} {written.at(PRODUCT)}" if before in ("+", "-") else before + written.at(ATOM)

        return Formula(_PLACES.sub(put, text), binding)

    return latex


def is_number(setting: Expression, worth: int) -> bool:
    """Whether a constant is written as this whole number."""
    return setting == number_expression(worth) or setting == number_expression(float(worth))


def times(xp: Arithmetic, a: Array, setting: Expression) -> Array:
    """The array times a constant; itself where that is 1, which saves a pass over it."""
    return a if is_number(setting, 1) else xp.multiply(a, xp.constant(setting, {}))


def one_less(xp: Arithmetic, a: Array) -> Array:
    """1 - a."""
    return xp.subtract(count(xp, 1), a)


def twice(xp: Arithmetic, a: Array) -> Array:
    """2 a."""
    return xp.multiply(a, count(xp, 2))


def cases(*found: tuple[str, str], otherwise: str = "0") -> str:
    """A template with cases: what it is, and where."""
    rows = [rf"{what} & \text{{if }} {where} \\" for what, where in found]
    return rf"\begin{{cases}} {' '.join(rows)} {otherwise} & \text{{otherwise}} \end{{cases}}"


def _derivative(xp: Arithmetic, a: Array, *, function: str, attributes: Settings) -> Array:
    primitive = REGISTRY[ACTIVATIONS[function].primitive]
    [rule] = primitive.rules
    assert rule is not None  # every activation has a gradient
    found: dict[int, Any] = {0: a}
    if KEPT in rule.needs and primitive.keeping is not None:
        found[KEPT] = primitive.keeping(xp, a, **attributes)[1]
    if RESULT in rule.needs:
        found[RESULT] = primitive.forward(xp, a, **attributes)
    bound = {name: attributes[name] for name in rule.attributes}
    ones = xp.whole(np.ones(a.shape, dtype=int))
    return rule.function(xp, ones, *(found[place] for place in rule.needs), **bound)


def _curvature(xp: Arithmetic, g: Array, a: Array, function: str, attributes: Settings) -> Array:
    rule = ACTIVATIONS[function].curvature
    return xp.zeros(a.shape) if rule is None else xp.multiply(g, rule(xp, a, **attributes))


def _slope_latex(a: Formula, function: str, attributes: Settings) -> Formula:
    entry = ACTIVATIONS[function]
    if not entry.slope:
        return Formula(rf"\operatorname{{{function}}}'\left({a.text}\right)".replace("_", r"\_"), PRODUCT)
    return template(entry.slope)(a, **attributes)


def _slope_hazard(function: str, attributes: Settings) -> Hazard:
    """Of the derivative what is said of the function's gradient, and the same of its own."""
    whole = REGISTRY[ACTIVATIONS[function].primitive].hazard_of(attributes)
    remedy = whole.slope_remedy or whole.remedy
    return Hazard(whole.slope, remedy, whole.slope, remedy)


# The derivative of an activation, for each entry; attributes: those of its primitive.
derivative = Primitive(
    "derivative",
    forward=_derivative,
    gradients={"a": _curvature},
    tangents="symmetric",
    shape=lambda a, function, attributes: a,
    latex=_slope_latex,
    cost=lambda shape, a, function, attributes: REGISTRY[ACTIVATIONS[function].primitive].cost(
        shape, a, **attributes
    ),
    expects="any shape",
    hazard=_slope_hazard,
)
