"""Functions that programs can call beside the operations of the catalogue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compute.arithmetic.expressions import Expression, evaluate, number, parse
from compute.dimensions import ShapeError, product, show
from compute.graph import Value, apply
from compute.primitives.windows import Layout

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one value. settings: its keywords with their defaults; meaning: a line for people."""

    build: Callable[..., Value]
    meaning: str
    settings: Settings = field(default_factory=dict)


def _plain(primitive: str) -> Callable[[Value], Value]:
    return lambda a: apply(primitive, a)


def _axis(a: Value, axis: Any) -> int:
    """An axis counted from the end."""
    if type(axis) is not int or not -a.rank <= axis < a.rank:
        raise ShapeError(f"an axis of {show(a.shape)} is a whole number from {-a.rank} to {a.rank - 1}")
    return axis if axis < 0 else axis - a.rank


def _flat(a: Value) -> Value:
    return apply("reshape", a, to=(product(a.shape),))


def _sum(a: Value, axis: Any) -> Value:
    if axis is None:
        return apply("sum_over", _flat(a), axis=-1)
    return apply("sum_over", a, axis=_axis(a, axis))


def _mean(a: Value, axis: Any) -> Value:
    total = _sum(a, axis)
    count = product(a.shape) if axis is None else a.shape[_axis(a, axis)]
    expression = number(count) if isinstance(count, int) else Expression("symbol", text=str(count))
    return total / apply("constant", graph=a.graph, expression=expression, sizes={})


def _max(a: Value, axis: Any) -> Value:
    if axis is not None and _axis(a, axis) != -1:
        raise ShapeError("max and min are taken over the last axis, or over all")
    outer = () if axis is None else a.shape[:-1]
    size = product(a.shape) if axis is None else a.shape[-1]
    rows = apply("reshape", a, to=(*outer, 1, size))
    where = apply("winners", rows, layout=Layout(), window=(1, size), output=(1, 1))
    return apply("reshape", apply("gather", rows, where), to=outer)


def _min(a: Value, axis: Any) -> Value:
    return apply("negative", _max(apply("negative", a), axis))


def _constant(value: Any) -> Expression:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ShapeError("a slope is a number or a constant expression")
    parsed = parse(value) if isinstance(value, str) else number(value)
    evaluate(parsed)
    return parsed


def _reshape(a: Value, shape: Any) -> Value:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if not all(type(one) is int and 1 <= one < 2**31 for one in sizes):
        raise ShapeError("a shape is a list of whole numbers from 1 on")
    return apply("reshape", a, to=sizes)


FUNCTIONS: dict[str, Function] = {
    "abs": Function(_plain("absolute"), "The magnitude of each entry."),
    "cos": Function(_plain("cos"), "The cosine of each entry."),
    "exp": Function(_plain("exp"), "The exponential of each entry."),
    "flatten": Function(_flat, "All entries in a row."),
    "leaky_relu": Function(
        lambda a, slope: apply("leaky_relu", a, slope=_constant(slope)),
        "Each entry above zero, and slope times it elsewhere.",
        {"slope": 0.01},
    ),
    "log": Function(_plain("log"), "The natural logarithm of each entry."),
    "max": Function(_max, "The largest entry, or along the last axis.", {"axis": None}),
    "mean": Function(_mean, "The mean of all entries, or along an axis.", {"axis": None}),
    "min": Function(_min, "The smallest entry, or along the last axis.", {"axis": None}),
    "relu": Function(
        lambda a: apply("leaky_relu", a, slope=number(0)), "Each entry above zero, and zero elsewhere."
    ),
    "reshape": Function(_reshape, "The same entries, row by row, in another shape.", {"shape": ()}),
    "sigmoid": Function(_plain("sigmoid"), "1/(1 + exp(-a)) of each entry."),
    "sin": Function(_plain("sin"), "The sine of each entry."),
    "softmax": Function(
        lambda a, axis: apply("softmax", a, axis=_axis(a, axis)),
        "exp(a)/sum(exp(a)) along an axis.",
        {"axis": -1},
    ),
    "sqrt": Function(lambda a: apply("power", a, exponent=parse("1/2")), "The square root of each entry."),
    "sum": Function(_sum, "The sum of all entries, or along an axis.", {"axis": None}),
    "tanh": Function(_plain("tanh"), "The hyperbolic tangent of each entry."),
    "transpose": Function(_plain("transpose"), "The last two axes exchanged, as .T does."),
}
