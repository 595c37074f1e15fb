"""Functions that programs can call beside the operations of the catalogue.

A primitive can be called by its own name where it takes nothing but values and plain settings. What a setting
may be follows from its name, which means the same in every primitive. The others, made of layouts of windows
or sizes of other values, are reached through the operations that build these.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from compute.arithmetic.expressions import Expression, evaluate, number, parse
from compute.dimensions import ShapeError, product, show
from compute.graph import Kind, Value, apply
from compute.operations.declaration import Attribute, AttributeField, Constant
from compute.primitive import REGISTRY, Primitive
from compute.primitives.windows import Layout


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values. inputs: what each of them may hold, by its name; none can be left out.

    build(graph, *values, **settings) takes every setting that `attributes` declare; raises ShapeError.
    """

    name: str
    build: Callable[..., Value]
    inputs: Mapping[str, tuple[Kind, ...]]
    attributes: Mapping[str, AttributeField] = field(default_factory=dict)
    required: frozenset[str] = field(init=False)
    defaults: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "required", frozenset(self.inputs))
        defaults = {name: one.default for name, one in self.attributes.items() if not one.required}
        object.__setattr__(self, "defaults", defaults)

    @property
    def signature(self) -> str:
        """How it is called, such as `softmax(a, axis=-1)`."""
        settings = (
            name if one.required else f"{name}={one.default}" for name, one in self.attributes.items()
        )
        return f"{self.name}({', '.join((*self.inputs, *settings))})"


def _axis(axis: int, value: Value, new: int = 0) -> int:
    """An axis counted from the end. new: how many axes the result has that the value does not."""
    rank = value.rank + new
    if not -rank <= axis < rank:
        raise ShapeError(f"an axis of {show(value.shape)} is a whole number from {-rank} to {rank - 1}")
    return axis if axis < 0 else axis - rank


def _constant(value: Any) -> Expression:
    parsed = parse(value) if isinstance(value, str) else number(value)
    evaluate(parsed)
    return parsed


def _sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an attribute of primitives is to a program: its word, what it may be, how it is turned into it."""

    word: str
    attribute: AttributeField
    turned: Callable[..., Any] | None = None
    of_value: bool = False


def _setting(
    word: str,
    kind: Any,
    default: Any = ...,
    least: int | None = None,
    turned: Callable[..., Any] | None = None,
    of_value: bool = False,
) -> _Setting:
    return _Setting(word, AttributeField(Attribute("", least), kind, default), turned, of_value)


SETTINGS = {
    "axis": _setting("axis", int, -1, turned=_axis, of_value=True),
    "slope": _setting("slope", Constant, 0.01, turned=_constant),
    "exponent": _setting("exponent", Constant, turned=_constant),
    "expression": _setting("base", Constant, turned=_constant),
    "to": _setting("shape", tuple[int, ...], least=1, turned=_sizes),
    "start": _setting("start", int, least=0),
    "stop": _setting("stop", int, least=1),
    "parts": _setting("parts", int, least=1),
    "times": _setting("times", int, least=1),
    "left": _setting("left", int, least=0),
    "right": _setting("right", int, least=0),
    "queries": _setting("queries", int, least=1),
    "keys": _setting("keys", int, least=1),
    "key_first": _setting("key_first", bool, False),
    "count": _setting("count", int, least=1),
    "first": _setting("first", int, 0),
    "pairs": _setting("pairs", int, least=1),
    "width": _setting("width", int, least=1),
    "rotated": _setting("rotated", int, least=2),
    "pairing": _setting("pairing", Literal["interleaved", "half_split"]),
}
NEW_AXES = {"expand": 1}


def _called_by_name(primitive: Primitive) -> Function | None:
    """The primitive as a function of its settings; None where one of them is no plain one."""
    parameters = inspect.signature(primitive.forward).parameters
    keywords = [one for one in parameters.values() if one.kind is one.KEYWORD_ONLY]
    if any(one.name not in SETTINGS for one in keywords):
        return None
    attributes = {}
    for one in keywords:
        attribute = SETTINGS[one.name].attribute
        if one.annotation == int | None:  # what may be left out of the primitive may be left out here
            attribute = AttributeField(attribute.declared, attribute.annotation, None)
        attributes[SETTINGS[one.name].word] = attribute
    new = NEW_AXES.get(primitive.name, 0)
    turned = [(one.name, SETTINGS[one.name]) for one in keywords]

    def build(graph: Any, *values: Value, **said: Any) -> Value:
        settings = {}
        for name, setting in turned:
            value = said[setting.word]
            if setting.turned is not None:
                value = setting.turned(value, values[0], new) if setting.of_value else setting.turned(value)
            settings[name] = value
        return apply(primitive.name, *values, graph=graph, **settings)

    takes: tuple[Kind, ...] = ("real", "boolean", "index") if primitive.kind == "same" else ("real",)
    inputs = {name: primitive.takes.get(name, takes) for name in primitive.operands}
    return Function(primitive.name, build, inputs, attributes)


def _flat(a: Value) -> Value:
    return apply("reshape", a, to=(product(a.shape),))


def _sum(graph: Any, a: Value, axis: int | None) -> Value:
    if axis is None:
        return apply("sum_over", _flat(a), axis=-1)
    return apply("sum_over", a, axis=_axis(axis, a))


def _mean(graph: Any, a: Value, axis: int | None) -> Value:
    count = product(a.shape) if axis is None else a.shape[_axis(axis, a)]
    expression = number(count) if isinstance(count, int) else Expression("symbol", text=str(count))
    return _sum(graph, a, axis) / apply("constant", graph=a.graph, expression=expression, sizes={})


def _max(graph: Any, a: Value, axis: int | None) -> Value:
    if axis is not None and _axis(axis, a) != -1:
        raise ShapeError("max and min are taken over the last axis, or over all")
    outer = () if axis is None else a.shape[:-1]
    size = product(a.shape) if axis is None else a.shape[-1]
    rows = apply("reshape", a, to=(*outer, 1, size))
    where = apply("winners", rows, layout=Layout(), window=(1, size), output=(1, 1))
    return apply("reshape", apply("gather", rows, where), to=outer)


def _min(graph: Any, a: Value, axis: int | None) -> Value:
    return apply("negative", _max(graph, apply("negative", a), axis))


def _composed() -> dict[str, Function]:
    """What is made of several primitives, or is one of them under its usual name."""
    real: dict[str, tuple[Kind, ...]] = {"a": ("real",)}
    along = {"axis": AttributeField(Attribute(""), int | None, None)}
    half, zero = parse("1/2"), number(0)
    functions = [
        Function(name, build, real, along)
        for name, build in (("sum", _sum), ("mean", _mean), ("max", _max), ("min", _min))
    ]
    for name, build in {
        "abs": lambda graph, a: apply("absolute", a),
        "relu": lambda graph, a: apply("leaky_relu", a, slope=zero),
        "sqrt": lambda graph, a: apply("power", a, exponent=half),
        "flatten": lambda graph, a: _flat(a),
    }.items():
        functions.append(Function(name, build, real))
    return {one.name: one for one in functions}


FUNCTIONS: dict[str, Function] = dict(
    sorted(
        (
            _composed()
            | {
                name: function
                for name, primitive in REGISTRY.items()
                if (function := _called_by_name(primitive)) is not None
            }
        ).items()
    )
)
