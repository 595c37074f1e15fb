"""The declaration of activation functions. The other modules of this package declare the functions.

A declaration names the primitive that computes the function, its settings, and its second derivative. The
first derivative is the primitive's gradient rule for an upstream gradient of 1, so it is written only once.
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
from compute.graph.primitive import KEPT, REGISTRY, RESULT, Cost, Moments, Primitive
from compute.latex import ATOM, PRODUCT, Formula, constant_latex
from compute.primitives.scalars import Rule, count, gradient_rule, multiply_weights

Settings: TypeAlias = Mapping[str, Any]
"""Settings by name: constant expressions, words, or None for an optional setting."""


@dataclass(frozen=True, eq=False)
class Activation:
    """One activation function, computed by a primitive.

    name: its name in requests.
    primitive: the name of the primitive.
    meaning: one sentence, in which a is an entry; by default that of the primitive.
    settings: the default of each setting.
    rounded: defaults that differ for floating-point numbers.
    words: the allowed words of settings that are words.
    attributes: converts settings to attributes of the primitive.
    check: takes numeric settings; returns an invalid setting and what is expected of it, or None.
    slope: the derivative in LaTeX, as for `template`.
    curvature(xp, a, **attributes): the second derivative; None if it is zero everywhere.
    inner: the activation that is applied before the primitive, for a composition of two.
    """

    name: str
    primitive: str
    meaning: str = ""
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
        if not self.meaning:
            object.__setattr__(self, "meaning", REGISTRY[self.primitive].meaning)
        ACTIVATIONS[self.name] = self


ACTIVATIONS: dict[str, Activation] = {}


def declare(
    name: str,
    forward: Rule,
    derivative: Rule,
    latex: str | Callable[..., Formula],
    slope: str,
    *,
    meaning: str,
    operations: int = 1,
    moments: Moments = "function",
    keeping: Callable[..., tuple[Array, Array]] | None = None,
    convention: Mapping[str, Any] | None = None,
    diagnosis: Callable[..., Finding | None] | None = None,
    **more: Any,
) -> Activation:
    """Declare an activation and a primitive of the same name.

    forward(xp, a, *, settings), derivative(xp, a, settings): the function and its derivative, elementwise.
    latex: the function in LaTeX, as for `template`.
    slope, meaning, more: as for `Activation`.
    operations: the number of elementary operations per entry.
    moments, keeping, convention, diagnosis: as for `Primitive`; the derivative takes the kept value after a.
    """
    Primitive(
        name,
        forward=_in_blocks(forward) if operations > 1 else forward,
        gradients={"a": gradient_rule(derivative)},
        keeping=keeping,
        tangents="symmetric",
        moments=moments,
        shape=lambda a, **attributes: a,
        latex=template(latex) if isinstance(latex, str) else latex,
        cost=lambda shape, a, **attributes: Cost(elementwise=operations * product(shape)),
        expects="any shape",
        convention=convention,
        diagnosis=diagnosis,
    )
    return Activation(name, name, meaning, slope=slope, **more)


def declare_gated(name: str, gate: Rule, derivative: Rule, *latex: Any, **more: Any) -> Activation:
    """Declare an activation a * gate(a) that keeps the gate for the backward pass.

    The product is 0 if the gate is 0, even if the operand is infinite.

    gate(xp, a, *, settings), derivative(xp, a, kept, settings): the gate, and the derivative of the product.
    latex, more: as for `declare`.
    """

    @wraps(gate)
    def forward(xp: Arithmetic, a: Array, **attributes: Any) -> Array:
        return multiply_weights(xp, gate(xp, a, **attributes), a)

    def keeping(xp: Arithmetic, a: Array, **attributes: Any) -> tuple[Array, Array]:
        kept = xp.entrywise(lambda a: gate(xp, a, **attributes), a)
        return multiply_weights(xp, kept, a), kept

    return declare(name, forward, derivative, *latex, keeping=keeping, **more)


def _in_blocks(rule: Rule) -> Rule:
    """Return the rule applied block by block, with the same signature."""

    @wraps(rule)
    def in_blocks(xp: Arithmetic, a: Array, **attributes: Any) -> Array:
        return xp.entrywise(lambda a: rule(xp, a, **attributes), a)

    return in_blocks


_PLACEHOLDER = re.compile(r"<([-+/]?)(\w+)([:*]?)>")


def template(text: str, binding: int = PRODUCT) -> Callable[..., Formula]:
    """Return a LaTeX rule from a text with placeholders.

    <a>, <alpha>: the operand or a setting, in parentheses unless it is a single symbol.
    <a:>, <alpha:>: the same without parentheses.
    <alpha*>, </alpha>, <+alpha>, <-alpha>: a setting as a factor, divisor, summand or subtrahend; left out if
        it is neutral (1 or 0).
    """

    def latex(a: Formula, **attributes: Any) -> Formula:
        def substitute(placeholder: re.Match[str]) -> str:
            before, name, after = placeholder.groups()
            if name == "a":
                return a.text if after else a.at(ATOM)
            setting = attributes[name]
            if (before or after == "*") and is_number(setting, 0 if before in ("+", "-") else 1):
                return ""
            constant = constant_latex(setting)
            if after:
                return rf"{constant.at(PRODUCT)} \cdot " if after == "*" else constant.text
            return f" {before} {constant.at(PRODUCT)}" if before in ("+", "-") else before + constant.at(ATOM)

        return Formula(_PLACEHOLDER.sub(substitute, text), binding)

    return latex


def is_number(setting: Expression, value: int) -> bool:
    """Return whether a constant is written as this whole number."""
    return setting == number_expression(value) or setting == number_expression(float(value))


def times(xp: Arithmetic, a: Array, setting: Expression) -> Array:
    """Return the array times a constant; the array itself if the constant is 1, to save a pass over it."""
    return a if is_number(setting, 1) else xp.multiply(a, xp.constant(setting, {}))


def one_minus(xp: Arithmetic, a: Array) -> Array:
    """Return 1 - a."""
    return xp.subtract(count(xp, 1), a)


def twice(xp: Arithmetic, a: Array) -> Array:
    """Return 2 a."""
    return xp.multiply(a, count(xp, 2))


def cases(*branches: tuple[str, str], otherwise: str = "0") -> str:
    """Return a template with cases. branches: pairs of a value and its condition."""
    rows = [rf"{value} & \text{{if }} {condition} \\" for value, condition in branches]
    return rf"\begin{{cases}} {' '.join(rows)} {otherwise} & \text{{otherwise}} \end{{cases}}"


def _derivative(xp: Arithmetic, a: Array, *, function: str, attributes: Settings) -> Array:
    primitive = REGISTRY[ACTIVATIONS[function].primitive]
    [rule] = primitive.rules
    assert rule is not None  # every activation has a gradient
    arguments: dict[int, Any] = {0: a}
    if KEPT in rule.needs and primitive.keeping is not None:
        arguments[KEPT] = primitive.keeping(xp, a, **attributes)[1]
    if RESULT in rule.needs:
        arguments[RESULT] = primitive.forward(xp, a, **attributes)
    settings = {name: attributes[name] for name in rule.attributes}
    ones = xp.whole(np.ones(a.shape, dtype=int))
    return rule.function(xp, ones, *(arguments[place] for place in rule.needs), **settings)


def _curvature(xp: Arithmetic, g: Array, a: Array, function: str, attributes: Settings) -> Array:
    rule = ACTIVATIONS[function].curvature
    return xp.zeros(a.shape) if rule is None else xp.multiply(g, rule(xp, a, **attributes))


def _slope_latex(a: Formula, function: str, attributes: Settings) -> Formula:
    entry = ACTIVATIONS[function]
    if not entry.slope:
        return Formula(rf"\operatorname{{{function}}}'\left({a.text}\right)".replace("_", r"\_"), PRODUCT)
    return template(entry.slope)(a, **attributes)


def _slope_hazard(function: str, attributes: Settings) -> Hazard:
    """Return the hazard of the function's gradient as that of the derivative, and of its own gradient."""
    hazard = REGISTRY[ACTIVATIONS[function].primitive].hazard_of(attributes)
    remedy = hazard.slope_remedy or hazard.remedy
    return Hazard(hazard.slope, remedy, hazard.slope, remedy)


# The derivative of an activation at each entry. attributes: those of the activation's primitive.
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
