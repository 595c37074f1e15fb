"""Functions of each entry that several primitives make up: bounds, roots, quantization."""

from typing import Literal

from compute.arithmetic.expressions import HALF, Expression
from compute.dimensions import ShapeError
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_literal
from compute.operations.framework.declaration import Axes
from compute.programs.declaration import Condition, function
from compute.programs.library.reductions import max_

MOST_DECIMALS, MOST_BITS = 30, 64
ELEMENTWISE, ROUNDING, CONDITIONS = "elementwise", "rounding", "conditions"


@function(ELEMENTWISE, "y = clip([-2, 0.5, 3], 0, 1)")
def clip(a: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """The entries kept between two bounds; the gradient passes inside them and at them."""
    bounded = a if low is None else apply("clip_below", a, low)
    return bounded if high is None else apply("clip_above", bounded, high)


@function(ELEMENTWISE, "y = sqrt([1, 4])")
def sqrt(a: Value) -> Value:
    """The square root."""
    return apply("power", a, exponent=HALF)


@function(ELEMENTWISE, "y = rsqrt([1, 4])")
def rsqrt(a: Value) -> Value:
    """One over the square root."""
    return apply("power", a, exponent=Expression("negative", (HALF,)))


@function(ELEMENTWISE, "y = reciprocal([1, 4])")
def reciprocal(a: Value) -> Value:
    """One over each entry."""
    return add_literal(a.graph, 1) / a


@function(ELEMENTWISE, "y = logit([0.25, 0.5])")
def logit(a: Value) -> Value:
    """The inverse of the sigmoid, log(a / (1 - a))."""
    return apply("log", a) - apply("log1p", apply("negative", a))


@function(ELEMENTWISE, "y = logaddexp([0, 1], [1, 1])")
def logaddexp(a: Value, b: Value) -> Value:
    """log(exp(a) + exp(b)), without overflow."""
    shape = apply("add", a, b).shape
    pair = [apply("broadcast_to", one, to=shape) if one.shape != shape else one for one in (a, b)]
    return apply("logsumexp_over", apply("stack", *pair, axis=-1), axis=-1)


@function(CONDITIONS, "y = where([1, -2] > 0, [1, -2], 0)")
def where(condition: Condition, a: Value, b: Value) -> Value:
    """The entries of a where a condition holds, and those of b elsewhere."""
    if _is_minus_infinity(b):  # a mask, whose infinities are meant
        return apply("masked_fill", a, condition)
    if _is_minus_infinity(a):
        return apply("masked_fill", b, apply("logical_not", condition))
    return apply("where", condition, a, b)


def _is_minus_infinity(a: Value) -> bool:
    return a.primitive is not None and a.primitive.name == "infinity" and a.attributes["sign"] < 0


@function(CONDITIONS, "y = logical_and([1, 2] > 1, [1, 2] < 3)")
def logical_and(a: Condition, b: Condition) -> Value:
    """Where both conditions hold: a & b."""
    return apply("logical_and", a, b)


@function(CONDITIONS, "y = logical_or([1, 2] > 1, [1, 2] < 1)")
def logical_or(a: Condition, b: Condition) -> Value:
    """Where at least one of two conditions holds: a | b."""
    return apply("logical_or", a, b)


@function(CONDITIONS, "y = logical_not([1, 2] > 1)")
def logical_not(a: Condition) -> Value:
    """Where a condition does not hold: ~a."""
    return apply("logical_not", a)


@function(CONDITIONS, "y = indicator([1, 2] > 1)")
def indicator(a: Condition) -> Value:
    """Conditions as numbers: 1 where they hold, 0 elsewhere."""
    return apply("indicator", a)


Format = Literal["float32", "float16", "bfloat16", "float8_e4m3", "float8_e5m2"]


@function(ROUNDING, "y = round([1.234, 2.5], 1)", name="round")
def round_(a: Value, decimals: int = 0) -> Value:
    """The nearest number with so many decimals, and the even one of two that are as near."""
    if decimals == 0:
        return apply("round", a)
    if abs(decimals) > MOST_DECIMALS:
        raise ShapeError(f"decimals are at most {MOST_DECIMALS}")
    factor = add_literal(a.graph, 10 ** abs(decimals))
    if decimals < 0:
        return apply("round", a / factor) * factor
    return apply("round", a * factor) / factor


@function(ROUNDING, "y = round_to([0.1, 1000.3], 'bfloat16')")
def round_to(a: Value, format: Format) -> Value:  # noqa: A002 - its name in programs
    """The nearest number of a floating-point format, with the gradient of the identity (straight-through)."""
    return apply("round_to", a, format=format)


@function(ROUNDING, "y = fake_quantize([0.1, -3, 0.7], 0.01)")
def fake_quantize(
    a: Value,
    scale: Value,
    zero_point: Value | None = None,
    quant_min: int = -128,
    quant_max: int = 127,
) -> Value:
    """Quantize and dequantize by a scale and a zero point; the gradient passes inside the range."""
    graph = a.graph
    levels = apply("round_straight_through", a / scale)
    levels = levels if zero_point is None else levels + zero_point
    levels = clip(levels, add_literal(graph, quant_min), add_literal(graph, quant_max))
    return (levels if zero_point is None else levels - zero_point) * scale


@function(ROUNDING, "y = quantize([0.1, -3, 0.7], bits=4)", minimum={"bits": 2})
def quantize(a: Value, bits: int = 8, axis: Axes | None = None) -> Value:
    """Round to n bits around 0, with the scale max |a| / (2^(n - 1) - 1) and the gradient of the identity.

    axis: the axes that share a scale; all by default.
    """
    if bits > MOST_BITS:
        raise ShapeError(f"bits are at most {MOST_BITS}")
    most = 2 ** (bits - 1) - 1
    largest = max_(apply("absolute", apply("stop_gradient", a)), axis, True)
    scale = largest / add_literal(a.graph, most)
    return fake_quantize(a, scale, None, -most, most)


@function(ELEMENTWISE, "y = heaviside([-1, 0, 2], 0.5)")
def heaviside(a: Value, at_zero: Value) -> Value:
    """0 below 0, 1 above, and a chosen value at 0."""
    zero = add_literal(a.graph, 0)
    above = apply("where", apply("greater", a, zero), add_literal(a.graph, 1), zero)
    return apply("where", apply("equal", a, zero), at_zero, above)
