"""Functions that programs can call in addition to the operations of the catalogue.

A primitive can be called by name if it takes only values and plain settings. The type of a setting follows
from its name, which means the same in every primitive. Other primitives, which need window layouts or sizes
of other values, are available through the operations that use them.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.dimensions import ShapeError, from_last, product, show
from compute.graph.graph import Graph, Value, apply
from compute.graph.primitive import REGISTRY, Primitive
from compute.graph.spec import Kind
from compute.operations import CATALOGUE
from compute.operations.framework.constants import size_expression
from compute.operations.framework.declaration import Attribute, AttributeField, Constant
from compute.operations.layers.activation import activate
from compute.operations.losses.reductions import average_entries, flatten, sum_entries
from compute.primitives.activations.declaration import ACTIVATIONS, Activation
from compute.primitives.windows import Layout


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values that programs can call.

    name: its name in programs.
    build(graph, *values, **settings): builds the result; takes every declared setting; raises ShapeError.
    inputs: the allowed kinds of each value, by name; all are required.
    attributes: the declared settings.
    """

    name: str
    build: Callable[..., Value]
    inputs: Mapping[str, tuple[Kind, ...]]
    attributes: Mapping[str, AttributeField] = field(default_factory=dict)
    required: frozenset[str] = field(init=False)
    defaults: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "required", frozenset(self.inputs))
        defaults = {
            name: setting.default for name, setting in self.attributes.items() if not setting.required
        }
        object.__setattr__(self, "defaults", defaults)

    @property
    def signature(self) -> str:
        """The call with all arguments, such as `softmax(a, axis=-1)`."""
        return call_signature(self.name, self.inputs, self.attributes)


def call_signature(name: str, inputs: Iterable[str], attributes: Mapping[str, AttributeField]) -> str:
    """Return a call with all arguments: `softmax(a, axis=-1)`, `linear(x, w, b, weights=in_out)`."""
    settings = (
        name if setting.required else f"{name}={setting.default}" for name, setting in attributes.items()
    )
    return f"{name}({', '.join((*inputs, *settings))})"


def _axis(axis: int, value: Value, new: int = 0) -> int:
    """Return an axis counted from the end. new: the number of axes that the result has in addition."""
    rank = value.rank + new
    negative_axis = from_last(axis, rank)
    if negative_axis is None:
        raise ShapeError(f"an axis of {show(value.shape)} is a whole number from {-rank} to {rank - 1}")
    return negative_axis


def _constant(value: Any) -> Expression:
    parsed = parse(value) if isinstance(value, str) else number_expression(value)
    evaluate(parsed)
    return parsed


def _sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True)
class _Setting:
    """An attribute of primitives as a setting in programs.

    kind: its type.
    default: ... if it is required.
    least: the smallest allowed number.
    convert: converts the sent setting to the attribute.
    """

    kind: Any
    default: Any = ...
    least: int | None = None
    convert: Callable[[Any], Any] | None = None

    def field(self, optional: bool) -> AttributeField:
        """Return the declared setting. optional: whether the primitive accepts None."""
        return AttributeField(Attribute("", self.least), self.kind, None if optional else self.default)


SETTINGS = {
    "axis": _Setting(int, -1),
    "exponent": _Setting(Constant, convert=_constant),
    "expression": _Setting(Constant, convert=_constant),
    "to": _Setting(tuple[int, ...], least=1, convert=_sizes),
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
    "delta": _Setting(Constant, 1, convert=_constant),
    "least": _Setting(Constant, convert=_constant),
    "complement": _Setting(bool, False),
    "only": _Setting(Literal["probabilities", "signs", "variances", "weights", "directions"]),
}
WORDS = {"to": "shape", "expression": "base"}  # attributes that have another name in programs
NEW_AXES = {"expand_dims": 1, "one_hot": 1}


def _apply(primitive: str, graph: Graph, *values: Value) -> Value:
    return apply(primitive, *values, graph=graph)


def _primitive_function(primitive: Primitive) -> Function | None:
    """Return the primitive as a function; None if programs cannot write one of its attributes."""
    parameters = inspect.signature(primitive.forward).parameters.items()
    keywords = {name: parameter for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    if primitive.is_variadic or not keywords.keys() <= SETTINGS.keys():
        return None
    takes: tuple[Kind, ...] = ("real", "boolean", "index") if primitive.kind == "same" else ("real",)
    inputs = {name: primitive.operand_kinds.get(name, takes) for name in primitive.operands}
    if not keywords:
        return Function(primitive.name, partial(_apply, primitive.name), inputs)
    words = {name: WORDS.get(name, name) for name in keywords}
    new = NEW_AXES.get(primitive.name, 0)

    def build(graph: Graph, *values: Value, **settings: Any) -> Value:
        attributes = {}
        for name, word in words.items():
            value, convert = settings[word], SETTINGS[name].convert
            if name == "axis":
                value = _axis(value, values[0], new)
            attributes[name] = value if convert is None or value is None else convert(value)
        return apply(primitive.name, *values, graph=graph, **attributes)

    fields = {
        word: SETTINGS[name].field(type(None) in get_args(keywords[name].annotation))
        for name, word in words.items()
    }
    return Function(primitive.name, build, inputs, fields)


def _activation_function(entry: Activation) -> Function:
    """Return an activation as a function."""

    def build(graph: Graph, a: Value, **settings: Any) -> Value:
        name: Any = entry.name
        return activate(a, name, **settings)

    def kind(setting: str) -> Any:
        return Literal[entry.words[setting]] if setting in entry.words else Constant | None

    fields = {
        setting: AttributeField(Attribute(""), kind(setting), default)
        for setting, default in entry.settings.items()
    }
    return Function(entry.name, build, {"a": ("real",)}, fields)


def _sum(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is None:
        return sum_entries(a)
    return apply("sum_over", a, axis=_axis(axis, a))


def _mean(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is None:
        return average_entries(a)
    count = size_expression(a.shape[_axis(axis, a)])
    return _sum(graph, a, axis) / apply("constant", graph=a.graph, **count)


def _max(graph: Graph, a: Value, axis: int | None) -> Value:
    if axis is not None and _axis(axis, a) != -1:
        raise ShapeError("max and min are taken over the last axis, or over all")
    outer = () if axis is None else a.shape[:-1]
    size = product(a.shape) if axis is None else a.shape[-1]
    rows = apply("reshape", a, to=(*outer, 1, size))
    winners = apply("winners", rows, layout=Layout(), window=(1, size), output=(1, 1))
    return apply("reshape", apply("gather", rows, winners), to=outer)


def _min(graph: Graph, a: Value, axis: int | None) -> Value:
    return apply("negative", _max(graph, apply("negative", a), axis))


def _composed_functions() -> dict[str, Function]:
    """Return functions that combine several primitives, or give one of them its usual name."""
    real: dict[str, tuple[Kind, ...]] = {"a": ("real",)}
    along = {"axis": AttributeField(Attribute(""), int | None, None)}
    functions = [
        Function(name, build, real, along)
        for name, build in (("sum", _sum), ("mean", _mean), ("max", _max), ("min", _min))
    ]
    functions.append(Function("flatten", lambda graph, a: flatten(a), real))
    return {function.name: function for function in functions}


# Names of functions before 0.11.0, which programs may use for one more version.
OLD_NAMES = {
    "admitted": "check_entries",
    "choose": "where",
    "expand": "expand_dims",
    "look_up": "embedding_lookup",
    "stretch": "broadcast_to",
    "surprise": "entropy_term",
    "turn_around": "flip",
    "unending": "always_true",
    "weigh": "weighted_product",
}
FUNCTIONS: dict[str, Function] = dict(
    sorted(
        (
            _composed_functions()
            | {
                name: _activation_function(entry)
                for name, entry in ACTIVATIONS.items()
                if name not in REGISTRY or entry.settings
            }
            | {
                name: function
                for name, primitive in REGISTRY.items()
                if name not in CATALOGUE  # the operation does the same and names more values
                and (name not in ACTIVATIONS or not ACTIVATIONS[name].settings)
                and (function := _primitive_function(primitive)) is not None
            }
        ).items()
    )
)
