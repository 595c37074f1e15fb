"""Functions that programs can call beside the operations of the catalogue.

A primitive can be called by its own name where it takes nothing but values and plain settings. What a setting
may be follows from its name, which means the same in every primitive. The others, made of layouts of windows
or sizes of other values, are reached through the operations that build these.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.dimensions import ShapeError, from_last, product, show
from compute.graph.graph import Graph
from compute.graph.primitive import REGISTRY, Primitive
from compute.graph.value import Kind, Value, apply
from compute.operations import CATALOGUE
from compute.operations.framework.constants import size_of
from compute.operations.framework.declaration import Attribute, AttributeField, Constant
from compute.operations.layers.activation import activate
from compute.operations.losses.reductions import flat, mean, total
from compute.primitives.activations.declaration import ACTIVATIONS, Activation
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
    found = from_last(axis, rank)
    if found is None:
        raise ShapeError(f"an axis of {show(value.shape)} is a whole number from {-rank} to {rank - 1}")
    return found


def _constant(value: Any) -> Expression:
    parsed = parse(value) if isinstance(value, str) else number_expression(value)
    evaluate(parsed)
    return parsed


def _sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an attribute of primitives may be in a program, and how what is written is turned into it."""

    kind: Any
    default: Any = ...
    least: int | None = None
    turned: Callable[[Any], Any] | None = None

    def field(self, optional: bool) -> AttributeField:
        """The setting of a primitive that may do without it, or may not."""
        return AttributeField(Attribute("", self.least), self.kind, None if optional else self.default)


SETTINGS = {
    "axis": _Setting(int, -1),
    "exponent": _Setting(Constant, turned=_constant),
    "expression": _Setting(Constant, turned=_constant),
    "to": _Setting(tuple[int, ...], least=1, turned=_sizes),
    "start": _Setting(int, least=0),
    "stop": _Setting(int, least=1),
    "parts": _Setting(int, least=1),
    "times": _Setting(int, least=1),
    "at": _Setting(int, least=0),
    "steps": _Setting(int, least=1),
    "left": _Setting(int),
    "right": _Setting(int),
    "queries": _Setting(int, least=1),
    "keys": _Setting(int, least=1),
    "key_first": _Setting(bool, False),
    "alignment": _Setting(Literal["upper_left", "lower_right"], "upper_left"),
    "count": _Setting(int, least=1),
    "first": _Setting(int, 0),
    "pairs": _Setting(int, least=1),
    "width": _Setting(int, least=1),
    "rotated": _Setting(int, least=2),
    "pairing": _Setting(Literal["interleaved", "half_split"]),
    "classes": _Setting(int, least=1),
    "ignored": _Setting(int),
    "some": _Setting(bool, False),
    "padding": _Setting(int, least=0),
    "delta": _Setting(Constant, 1, turned=_constant),
    "least": _Setting(Constant, turned=_constant),
    "complement": _Setting(bool, False),
    "only": _Setting(Literal["probabilities", "signs", "variances", "weights", "directions"]),
}
WORDS = {"to": "shape", "expression": "base"}  # where a program's word for an attribute is another
NEW_AXES = {"expand": 1, "one_hot": 1}


def _applied(primitive: str, graph: Graph, *values: Value) -> Value:
    return apply(primitive, *values, graph=graph)


def _called_by_name(primitive: Primitive) -> Function | None:
    """The primitive as a function of its settings; None where one of them is no plain one."""
    parameters = inspect.signature(primitive.forward).parameters
    keywords = {name: one for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}
    if primitive.is_variadic or not keywords.keys() <= SETTINGS.keys():
        return None
    takes: tuple[Kind, ...] = ("real", "boolean", "index") if primitive.kind == "same" else ("real",)
    inputs = {name: primitive.operand_kinds.get(name, takes) for name in primitive.operands}
    if not keywords:
        return Function(primitive.name, partial(_applied, primitive.name), inputs)
    words = {name: WORDS.get(name, name) for name in keywords}
    new = NEW_AXES.get(primitive.name, 0)

    def build(graph: Graph, *values: Value, **said: Any) -> Value:
        settings = {}
        for name, word in words.items():
            value, turned = said[word], SETTINGS[name].turned
            if name == "axis":
                value = _axis(value, values[0], new)
            settings[name] = value if turned is None or value is None else turned(value)
        return apply(primitive.name, *values, graph=graph, **settings)

    fields = {
        word: SETTINGS[name].field(type(None) in get_args(keywords[name].annotation))
        for name, word in words.items()
    }
    return Function(primitive.name, build, inputs, fields)


def _activation(entry: Activation) -> Function:
    """An activation as a function of its settings."""

    def build(graph: Graph, a: Value, **said: Any) -> Value:
        name: Any = entry.name
        return activate(a, name, **said)

    def kind(setting: str) -> Any:
        return Literal[entry.words[setting]] if setting in entry.words else Constant | None

    fields = {
        setting: AttributeField(Attribute(""), kind(setting), default)
        for setting, default in entry.settings.items()
    }
    return Function(entry.name, build, {"a": ("real",)}, fields)


def _sum(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is None:
        return total(a)
    return apply("sum_over", a, axis=_axis(axis, a))


def _mean(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is None:
        return mean(a)
    count = size_of(a.shape[_axis(axis, a)])
    return _sum(graph, a, axis) / apply("constant", graph=a.graph, **count)


def _max(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is not None and _axis(axis, a) != -1:
        raise ShapeError("max and min are taken over the last axis, or over all")
    outer = () if axis is None else a.shape[:-1]
    size = product(a.shape) if axis is None else a.shape[-1]
    rows = apply("reshape", a, to=(*outer, 1, size))
    where = apply("winners", rows, layout=Layout(), window=(1, size), output=(1, 1))
    return apply("reshape", apply("gather", rows, where), to=outer)


def _min(graph: Graph, a: Value, axis: int | None) -> Value:
    return apply("negative", _max(graph, apply("negative", a), axis))


def _composed() -> dict[str, Function]:
    """What is made of several primitives, or is one of them under its usual name."""
    real: dict[str, tuple[Kind, ...]] = {"a": ("real",)}
    along = {"axis": AttributeField(Attribute(""), int | None, None)}
    functions = [
        Function(name, build, real, along)
        for name, build in (("sum", _sum), ("mean", _mean), ("max", _max), ("min", _min))
    ]
    functions.append(Function("flatten", lambda graph, a: flat(a), real))
    return {one.name: one for one in functions}


FUNCTIONS: dict[str, Function] = dict(
    sorted(
        (
            _composed()
            | {
                name: _activation(one)
                for name, one in ACTIVATIONS.items()
                if name not in REGISTRY or one.settings
            }
            | {
                name: function
                for name, primitive in REGISTRY.items()
                if name not in CATALOGUE  # operations do the same and name more
                and (name not in ACTIVATIONS or not ACTIVATIONS[name].settings)
                and (function := _called_by_name(primitive)) is not None
            }
        ).items()
    )
)
