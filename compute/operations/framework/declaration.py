"""How an operation is declared: one function, whose signature and docstring say everything about it.

A parameter annotated with `Input` is a tensor, with its dimensions by name; a keyword parameter annotated
with `Attribute` is a setting. The names that the operation gives to what it computes are listed in the
decorator. Schemas, documentation, the catalogue and cost follow from these.

A parameter annotated with `Sublayer` is another operation that this one is made of. What it takes that this
one does not hand over comes from the question, behind the part's name: `attention.w_q`, `layer[0].norm.gain`.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from compute.dimensions import Size
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec, has_positions
from compute.graph.value import Value
from compute.operations.framework.rules import Rule, inherited

Constant: TypeAlias = int | float | str
"""A number, or a constant expression as text that may use the operation's dimension names."""
Sides: TypeAlias = Size | tuple[Size, Size]
"""A whole number for both sides, or one for each; letters where only cost is asked."""
Padding: TypeAlias = Size | tuple[Size, Size] | tuple[tuple[Size, Size], ...] | Literal["same", "valid"]
"""What is added around an input: one number, two, two pairs, or in words."""
Padding1d: TypeAlias = Size | tuple[Size, Size] | Literal["same", "valid"]
"""The padding of an input with one axis: one number, two, or in words."""
Axes: TypeAlias = int | tuple[int, ...]
"""One axis or several of them, counted from the first, or from the last where they are negative."""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that an operation takes.

    dims: its axes by dimension name, such as `... n d`, where `...` stands for leading batch axes and
    `heads*d_k` for a product; alternatives are separated by `|`. turns: the attribute that, set to other
    than its default, exchanges the last two axes. parameter: whether it is learned. mask: it may hold
    booleans. boolean: its numbers stand for booleans, and nothing is differentiated by it. broadcast: it
    may have any shape that broadcasts to its dims. optional: what it stands for when left out. is_bias: it is
    one of those that layers without biases go without.
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
    is_bias: bool = False


@dataclass(frozen=True)
class Sublayer:
    """An operation that another is made of.

    operations: what it may be, of which a setting may choose, all taking the same from outside; hands: inputs
    that the whole hands over or rules out; several: whether there is a list of them, `layer[0]` and so on;
    stored: what stands before its own names in PyTorch's state dicts, `{}` for a place in a list.
    """

    operations: "tuple[Operation, ...]"
    meaning: str
    hands: tuple[str, ...] = ("x",)
    several: bool = False
    stored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.hands:
            if not any(name in one.inputs for one in self.operations):
                raise TypeError(f"{self.operations[0].name} takes no {name}")

    @cached_property
    def inputs(self) -> "dict[str, Input]":
        """What it takes from outside."""
        return {
            name: one
            for operation in self.operations
            for name, one in operation.inputs.items()
            if name not in self.hands
        }

    @cached_property
    def parts(self) -> "dict[str, Sublayer]":
        """What it is made of itself."""
        return {name: one for operation in self.operations for name, one in operation.parts.items()}


@dataclass(frozen=True, slots=True)
class SettingsOf:
    """Takes over the settings of these sublayers, or of all; but for some, and for those of its own."""

    but: tuple[str, ...] = ()
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of PyTorch's state dict: the inputs that it holds, side by side along its first axis.

    turned: it is (out, in), and its inputs are (in, out); rank: how many axes an input has, others in front
    of them being of size 1.
    """

    name: str
    inputs: tuple[str, ...]
    turned: bool = False
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A setting of an operation.

    minimum bounds a number; maximum and below bound a constant that is no text from above, below without the
    bound itself. dimension: it is also a dimension name, settled by the shapes where they say
    it, and may be in letters where only cost is asked. follows: the dimension it then equals if nothing
    says it.
    """

    meaning: str
    minimum: int | None = None
    maximum: int | None = None
    below: int | None = None
    dimension: bool = False
    follows: str = ""


@dataclass(frozen=True, slots=True)
class AttributeField:
    """An attribute as the signature declares it. default: `...` where it has to be said; passed: it is one of
    a sublayer, and handed on where it is said.
    """

    declared: Attribute
    annotation: Any
    default: Any
    passed: bool = False

    @property
    def required(self) -> bool:
        return self.default is ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the catalogue. required, masks: names of inputs that cannot be left out, or are masks.

    parts: the operations that it is made of; stored: its own tensors in PyTorch's state dicts; rules: which
    fields go together, its own and those of parts whose settings it takes over; takes_graph:
    the function is handed the graph itself; has_positions: whether a tensor of it has an axis of positions.
    """

    name: str
    function: Callable[..., Value]
    summary: str
    description: str
    inputs: Mapping[str, Input]
    attributes: Mapping[str, AttributeField]
    values: Mapping[str, ValueSpec]
    required: frozenset[str]
    masks: frozenset[str]
    parts: Mapping[str, Sublayer] = field(default_factory=dict)
    stored: tuple[Stored, ...] = ()
    rules: tuple[Rule, ...] = ()
    takes_graph: bool = False
    has_positions: bool = False

    def changed(self, said: Mapping[str, Any]) -> set[str]:
        """Its own settings that are said to be other than their defaults."""
        own = {name: one for name, one in self.attributes.items() if name in said and not one.passed}
        return {name for name, one in own.items() if said[name] != one.default}

    def accepts(self, name: str) -> Input | None:
        """What it or one of its parts takes under this name, such as `layer[0].attention.w_q`."""
        scope, _, last = name.rpartition(".")
        found = self.part(scope.split(".") if scope else ())
        return None if found is None else found.inputs.get(last)

    def part(self, scopes: Sequence[str]) -> "Operation | Sublayer | None":
        """The part that is found by these names, such as `layer[0]` and `attention`; by none, itself."""
        found: Operation | Sublayer = self
        for scope in scopes:
            match = INDEXED.fullmatch(scope)
            part = None if match is None else found.parts.get(match[1])
            if match is None or part is None or part.several != (match[2] is not None):
                return None
            found = part
        return found

    def takes_mask(self, name: str) -> bool:
        """Whether what it or one of its parts takes under this name may hold booleans."""
        if "." not in name:
            return name in self.masks
        taken = self.accepts(name)
        return taken is not None and taken.mask


PLACE = "(0|[1-9][0-9]{0,3})"
INDEX = rf"\[{PLACE}\]"
INDEXED = re.compile(rf"(\w+?)(?:{INDEX})?", re.ASCII)


def operation(
    values: Sequence[ValueSpec], stored: Sequence[Stored] = (), rules: Sequence[Rule] = ()
) -> Callable[[Callable[..., Value]], Operation]:
    """Declare the decorated function an operation that names these values.

    stored: its tensors as PyTorch's state dicts have them; rules: which fields go together.
    """

    def declare(function: Callable[..., Value]) -> Operation:
        inputs: dict[str, Input] = {}
        attributes: dict[str, AttributeField] = {}
        parts: dict[str, Sublayer] = {}
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
            elif isinstance(declared, Sublayer):
                parts[name] = declared
            elif isinstance(declared, SettingsOf):
                passing = [parts[one] for one in declared.of or parts]
                attributes |= _passed(passing, {*declared.but, *attributes})
            elif isinstance(declared, Attribute):
                attributes[name] = AttributeField(
                    declared, annotation, ... if parameter.default is parameter.empty else parameter.default
                )
            else:
                raise TypeError(f"{function.__name__}: {name} is neither Input nor Attribute")
        inner_rules = [one for part in parts.values() for inner in part.operations for one in inner.rules]
        passed = {name for name, one in attributes.items() if one.passed}
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n")
        positions = has_positions([one.dims for one in inputs.values()] + [one.dims for one in values])
        return Operation(
            name=function.__name__,
            function=function,
            summary=summary.rstrip("."),
            description=description.strip(),
            inputs=inputs,
            attributes=attributes,
            values={value.name: value.with_batch(positions) for value in values},
            required=frozenset(required),
            masks=frozenset(name for name, one in inputs.items() if one.mask),
            parts=parts,
            stored=tuple(stored),
            rules=(*rules, *inherited(inner_rules, passed)),
            takes_graph=Graph in hints.values(),
            has_positions=positions,
        )

    return declare


def _passed(parts: Iterable[Sublayer], but: Collection[str]) -> dict[str, AttributeField]:
    """The settings of sublayers; what two of them call the same has to be the same."""
    found: dict[str, AttributeField] = {}
    for part in parts:
        for operation in part.operations:
            for name, one in operation.attributes.items():
                if name not in but and found.setdefault(name, replace(one, passed=True)) != replace(
                    one, passed=True
                ):
                    raise TypeError(f"two sublayers differ in {name}")
    return found


def _split(hint: Any) -> tuple[Any, Any]:
    """The plain type and the declaration of `Annotated[type, declaration]`."""
    if get_origin(hint) is not Annotated:
        return hint, None
    annotation, declared = get_args(hint)[:2]
    return annotation, declared
