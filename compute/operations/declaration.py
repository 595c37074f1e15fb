"""How an operation is declared: one function, whose signature and docstring say everything about it.

A parameter annotated with `Input` is a tensor, with its dimensions by name; a keyword parameter annotated
with `Attribute` is a setting. The names that the operation gives to what it computes are listed in the
decorator. Schemas, documentation, the catalogue and cost follow from these.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from compute.dimensions import Size
from compute.graph import Graph
from compute.named import Named
from compute.value import Value

Constant: TypeAlias = int | float | str
"""A number, or a constant expression as text that may use the operation's dimension names."""
Sides: TypeAlias = Size | tuple[Size, Size]
"""A whole number for both sides, or one for each; letters where only cost is asked."""
Padding: TypeAlias = Size | tuple[Size, Size] | tuple[tuple[Size, Size], ...] | Literal["same", "valid"]
"""What is added around an input: one number, two, two pairs, or in words."""
Axes: TypeAlias = int | tuple[int, ...]
"""One axis or several of them, counted from the first, or from the last where they are negative."""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that an operation takes.

    dims: its axes by dimension name, such as `... n d`, where `...` stands for leading batch axes and
    `heads*d_k` for a product; alternatives are separated by `|`. turns: the attribute that, set to other
    than its default, exchanges the last two axes. parameter: whether it is learned. mask: it may hold
    booleans. boolean: its numbers stand for booleans, and nothing is differentiated by it. broadcast: it
    may have any shape that broadcasts to its dims. optional: what it stands for when left out.
    """

    dims: str
    meaning: str
    symbol: str
    turns: str = ""
    parameter: bool = False
    mask: bool = False
    boolean: bool = False
    broadcast: bool = False
    optional: str = ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A setting of an operation.

    minimum bounds a number. dimension: it is also a dimension name, settled by the shapes where they say
    it, and may be in letters where only cost is asked. follows: the dimension it then equals if nothing
    says it.
    """

    meaning: str
    minimum: int | None = None
    dimension: bool = False
    follows: str = ""


@dataclass(frozen=True, slots=True)
class AttributeField:
    """An attribute as the signature declares it. default: `...` where it has to be said."""

    declared: Attribute
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the catalogue. required, masks: names of inputs that cannot be left out, or are masks.

    takes_graph: the function has no tensors to build on and is handed the graph itself.
    """

    name: str
    function: Callable[..., Value]
    summary: str
    description: str
    inputs: Mapping[str, Input]
    attributes: Mapping[str, AttributeField]
    values: Mapping[str, Named]
    required: frozenset[str]
    masks: frozenset[str]
    takes_graph: bool = False


def operation(values: Sequence[Named]) -> Callable[[Callable[..., Value]], Operation]:
    """Declare the decorated function an operation that names these values."""

    def declare(function: Callable[..., Value]) -> Operation:
        inputs: dict[str, Input] = {}
        attributes: dict[str, AttributeField] = {}
        required = set()
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            annotation, declared = _split(hints[name])
            if annotation is Graph:
                continue
            if isinstance(declared, Input):
                inputs[name] = declared
                if parameter.default is parameter.empty:
                    required.add(name)
            elif isinstance(declared, Attribute):
                attributes[name] = AttributeField(
                    declared, annotation, ... if parameter.default is parameter.empty else parameter.default
                )
            else:
                raise TypeError(f"{function.__name__}: {name} is neither Input nor Attribute")
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n")
        return Operation(
            name=function.__name__,
            function=function,
            summary=summary.rstrip("."),
            description=description.strip(),
            inputs=inputs,
            attributes=attributes,
            values={value.name: value for value in values},
            required=frozenset(required),
            masks=frozenset(name for name, one in inputs.items() if one.mask),
            takes_graph=Graph in hints.values(),
        )

    return declare


def _split(hint: Any) -> tuple[Any, Any]:
    """The plain type and the declaration of `Annotated[type, declaration]`."""
    if get_origin(hint) is not Annotated:
        return hint, None
    annotation, declared = get_args(hint)[:2]
    return annotation, declared


def kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that an attribute may have, without None."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for one in get_args(annotation) if one is not type(None))
    return (annotation,)


def is_size(annotation: Any) -> bool:
    """Whether an attribute takes a whole number, or letters where only cost is asked."""
    return set(kinds(annotation)) == set(get_args(Size))


def is_padding(annotation: Any) -> bool:
    """Whether an attribute takes a padding."""
    return set(kinds(annotation)) == set(get_args(Padding))


def is_sides(annotation: Any) -> bool:
    """Whether an attribute takes a number or a pair of them."""
    return set(kinds(annotation)) == set(get_args(Sides))


def is_axes(annotation: Any) -> bool:
    """Whether an attribute takes an axis or a list of them."""
    return set(kinds(annotation)) == set(get_args(Axes))


def is_constant(annotation: Any) -> bool:
    """Whether an attribute takes a constant expression."""
    return set(kinds(annotation)) == set(get_args(Constant))
