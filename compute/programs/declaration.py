"""Declaring a function that programs can call: its signature and docstring are the whole declaration.

A parameter annotated with `Value` or one of its kinds below is a value; any other is a setting. The order of
parameters is that of arguments by position. The first sentence of the docstring documents the function.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.dimensions import ShapeError, Size, from_last, show
from compute.graph.graph import Graph, Value
from compute.graph.spec import Kind
from compute.operations.framework.declaration import Attribute, AttributeField, Constant

ANY: tuple[Kind, ...] = ("real", "boolean", "index")
Entries: TypeAlias = Annotated[Value, ANY]
"""A value of any kind, whose entries are moved and not changed."""
Condition: TypeAlias = Annotated[Value, ("boolean",)]
"""Booleans, or numbers of which all but 0 are true."""
Indices: TypeAlias = Annotated[Value, ("real", "index")]
Extents: TypeAlias = tuple[Size, ...]
"""The sizes of axes, by number or by letter."""


@dataclass(frozen=True, slots=True)
class Several:
    """Several values, as those of a split: an index or an assignment to several names takes them apart."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values that programs can call.

    name: its name in programs.
    build(graph, *values, **settings): builds the result; takes every declared setting; raises ShapeError.
    inputs: the allowed kinds of each value, by name.
    attributes: the declared settings.
    optional: the values that may be left out.
    parameters: the names of values and settings, in the order of arguments by position.
    variadic: whether it takes any number of values of its first input, also as a list.
    values_first: whether its values come before its settings, and it takes a fixed number of them.
    family, meaning, example: its family, one sentence, and a line that calls it, for readers.
    """

    name: str
    build: Callable[..., Value | Several]
    inputs: Mapping[str, tuple[Kind, ...]]
    attributes: Mapping[str, AttributeField] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    parameters: tuple[str, ...] = ()
    variadic: bool = False
    family: str = ""
    meaning: str = ""
    example: str = ""
    values_first: bool = field(init=False)
    required: frozenset[str] = field(init=False)
    defaults: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "required", frozenset(self.inputs) - self.optional)
        object.__setattr__(self, "parameters", self.parameters or (*self.inputs, *self.attributes))
        first = self.parameters[: len(self.inputs)] == tuple(self.inputs)
        object.__setattr__(self, "values_first", first and not self.variadic)
        defaults = {
            name: setting.default for name, setting in self.attributes.items() if not setting.required
        }
        object.__setattr__(self, "defaults", defaults)

    @property
    def signature(self) -> str:
        """The call with all arguments, such as `softmax(a, axis=-1)`."""
        return call_signature(self.name, self.parameters, self.attributes, self.optional, self.variadic)


def call_signature(
    name: str,
    parameters: Iterable[str],
    attributes: Mapping[str, AttributeField],
    optional: Iterable[str] = (),
    variadic: bool = False,
) -> str:
    """Return a call with all arguments: `softmax(a, axis=-1)`, `linear(x, w, b, weights=in_out)`."""
    written = []
    for at, parameter in enumerate(parameters):
        setting = attributes.get(parameter)
        if setting is not None:
            written.append(parameter if setting.required else f"{parameter}={setting.default}")
        elif parameter in optional:
            written.append(f"{parameter}=None")
        else:
            written.append(f"[{parameter}, ...]" if variadic and at == 0 else parameter)
    return f"{name}({', '.join(written)})"


Build = TypeVar("Build", bound=Callable[..., Value | Several])
LIBRARY: dict[str, Function] = {}


def function(
    family: str, example: str, *, name: str = "", minimum: Mapping[str, int] | None = None
) -> Callable[[Build], Build]:
    """Declare a function by its signature and docstring.

    example: a line of a program that calls it, and needs no inputs.
    name: its name in programs, if it is not that of the Python function.
    minimum: the smallest numbers of settings.
    A first parameter named `graph` gets the graph, and `*values` any number of values.
    """

    def declare(build: Build) -> Build:
        chosen = name or build.__name__.rstrip("_")
        hints = get_type_hints(build, include_extras=True)
        inputs: dict[str, tuple[Kind, ...]] = {}
        attributes: dict[str, AttributeField] = {}
        optional, takes_graph = set(), False
        leading: list[str] | None = None
        parameters = inspect.signature(build).parameters
        for parameter in parameters.values():
            annotation = hints[parameter.name]
            kinds = _kinds(annotation)
            if annotation is Graph:
                takes_graph = True
            elif kinds is None:
                default = ... if parameter.default is parameter.empty else parameter.default
                least = (minimum or {}).get(parameter.name)
                attributes[parameter.name] = AttributeField(Attribute("", least), annotation, default)
            else:
                inputs[parameter.name] = kinds
                if parameter.kind is parameter.VAR_POSITIONAL:
                    leading = [*takewhile(lambda name: name not in inputs, parameters)]
                if parameter.default is None:
                    optional.add(parameter.name)
        if chosen in LIBRARY:
            raise ValueError(f"the function {chosen} is declared twice")
        LIBRARY[chosen] = Function(
            chosen, partial(_build, build, takes_graph, tuple(inputs), leading), inputs, attributes,
            frozenset(optional), tuple(one for one in hints if one not in ("graph", "return")),
            leading is not None, family, first_sentence(build.__doc__ or ""), example,
        )  # fmt: skip
        return build

    return declare


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring on one line."""
    return " ".join(text.strip().partition("\n\n")[0].split())


def _build(
    build: Callable[..., Value | Several],
    takes_graph: bool,
    names: tuple[str, ...],
    leading: Sequence[str] | None,
    graph: Graph,
    *values: Value,
    **settings: Any,
) -> Value | Several:
    """Call a declared function with its values and settings by name.

    leading: the settings before its values if it takes any number of them; otherwise None.
    """
    if takes_graph:
        settings["graph"] = graph
    if leading is None:
        return build(**dict(zip(names, values, strict=True)), **settings)
    return build(*[settings.pop(name) for name in leading], *values, **settings)


def _kinds(annotation: Any) -> tuple[Kind, ...] | None:
    """Return the kinds of values that a parameter takes; None if it is a setting."""
    if get_origin(annotation) in (Union, UnionType):
        found = [_kinds(one) for one in get_args(annotation) if one is not type(None)]
        return found[0] if len(found) == 1 else None
    if get_origin(annotation) is Annotated and get_args(annotation)[0] is Value:
        kinds: tuple[Kind, ...] = get_args(annotation)[1]
        return kinds
    return ("real",) if annotation is Value else None


def read_constant(value: Constant) -> Expression:
    """Return a number, or the text of a constant expression. Raises ExpressionError if it has no value."""
    parsed = parse(value) if isinstance(value, str) else number_expression(value)
    evaluate(parsed)
    return parsed


def axis_of(axis: int, value: Value, new: int = 0) -> int:
    """Return an axis counted from the end. new: the number of axes that the result has in addition."""
    rank = value.rank + new
    negative_axis = from_last(axis, rank)
    if negative_axis is None:
        if not rank:
            raise ShapeError("a number has no axis")
        raise ShapeError(f"an axis of {show(value.shape)} is a whole number from {-rank} to {rank - 1}")
    return negative_axis


def axes_of(axis: "int | tuple[int, ...] | None", value: Value) -> tuple[int, ...]:
    """Return axes counted from the end, in order; all axes for None. Raises ShapeError."""
    if axis is None:
        return tuple(range(-value.rank, 0))
    axes = [axis_of(one, value) for one in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(axes)) < len(axes):
        raise ShapeError("an axis is named twice")
    return tuple(sorted(axes))
