"""Declaring an operation: one function, whose signature and docstring are the whole declaration.

A parameter annotated with `Input` is a tensor with named dimensions; a keyword parameter annotated with
`Attribute` is a setting. The decorator lists the values that the operation names. Schemas, documentation, the
catalogue and cost are derived from these.

A parameter annotated with `Sublayer` is another operation that this one calls. Inputs that this one does not
provide come from the question, prefixed with the sublayer's name: `attention.w_q`, `layer[0].norm.gain`.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from compute.dimensions import Size
from compute.graph.graph import Graph, Value
from compute.graph.spec import ValueSpec, has_positions
from compute.operations.framework.rules import Rule, inherit_rules

Constant: TypeAlias = int | float | str
"""A number, or a constant expression as text that may use the operation's dimension names."""
Sides: TypeAlias = Size | tuple[Size, Size]
"""A whole number for both sides, or one for each; symbols if only cost is asked for."""
Padding: TypeAlias = Size | tuple[Size, Size] | tuple[tuple[Size, Size], ...] | Literal["same", "valid"]
"""Padding around an input: one number, two, two pairs, or a word."""
Padding1d: TypeAlias = Size | tuple[Size, Size] | Literal["same", "valid"]
"""Padding of an input with one axis: one number, two, or a word."""
Axes: TypeAlias = int | tuple[int, ...]
"""One axis or several, counted from the first, or from the last if negative."""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that an operation takes.

    dims: its axes by dimension name, such as `... n d`, where `...` stands for leading batch axes and
        `heads*d_k` for a product; alternatives are separated by `|`.
    meaning, symbol: one sentence for readers, and its LaTeX.
    transposed_by: the setting that, set to other than its default, swaps the last two axes.
    parameter: it is learned.
    mask: it may hold booleans.
    boolean: its numbers stand for booleans, and it has no gradient.
    broadcast: it may have any shape that broadcasts to its dims.
    optional: the value that replaces it if it is left out, in words.
    is_bias: layers without biases do without it.
    """

    dims: str
    meaning: str
    symbol: str
    transposed_by: str = ""
    parameter: bool = False
    mask: bool = False
    boolean: bool = False
    broadcast: bool = False
    optional: str = ""
    is_bias: bool = False


@dataclass(frozen=True)
class Sublayer:
    """An operation that is part of another.

    operations: the operations that it may be, with the same inputs from the question; a setting chooses.
    provided: inputs that the outer operation provides or rules out.
    is_list: it is a list of sublayers, `layer[0]` and so on.
    stored: the prefixes of its names in PyTorch's state dicts, with `{}` for an index.
    """

    operations: "tuple[Operation, ...]"
    meaning: str
    provided: tuple[str, ...] = ("x",)
    is_list: bool = False
    stored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.provided:
            if not any(name in operation.inputs for operation in self.operations):
                raise TypeError(f"{self.operations[0].name} takes no {name}")

    @cached_property
    def inputs(self) -> "dict[str, Input]":
        """The inputs that the question may send."""
        return {
            name: declared
            for operation in self.operations
            for name, declared in operation.inputs.items()
            if name not in self.provided
        }

    @cached_property
    def parts(self) -> "dict[str, Sublayer]":
        """Its own sublayers, by name."""
        return {name: part for operation in self.operations for name, part in operation.parts.items()}


@dataclass(frozen=True, slots=True)
class SettingsOf:
    """Inherit the settings of sublayers, except those that the operation declares itself.

    exclude: settings that are not inherited.
    sublayers: the sublayers to inherit from; all if empty.
    """

    exclude: tuple[str, ...] = ()
    sublayers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of PyTorch's state dict.

    inputs: those that it holds, concatenated along its first axis.
    transposed: it is (out, in) and its inputs are (in, out).
    rank: the number of axes of an input; further axes in front have size 1.
    """

    name: str
    inputs: tuple[str, ...]
    transposed: bool = False
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A setting of an operation.

    minimum: the least number.
    maximum: the largest constant, unless it is text.
    below: an exclusive upper bound of a constant, unless it is text.
    dimension: it is also a dimension name, bound by shapes, and may be symbolic if only cost is asked for.
    follows: the dimension that it equals by default.
    """

    meaning: str
    minimum: int | None = None
    maximum: int | None = None
    below: int | None = None
    dimension: bool = False
    follows: str = ""


@dataclass(frozen=True, slots=True)
class AttributeField:
    """A setting as the signature declares it.

    annotation: its plain type.
    default: `...` if it is required.
    is_inherited: it belongs to a sublayer, and is passed on if it is set.
    """

    declared: Attribute
    annotation: Any
    default: Any
    is_inherited: bool = False

    @property
    def required(self) -> bool:
        return self.default is ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the catalogue.

    summary, description: the first line of its docstring, and the rest.
    inputs, attributes, values: its declarations, by name.
    required, masks: names of inputs that cannot be left out, or are masks.
    parts: its sublayers, by name.
    stored: its own tensors in PyTorch's state dicts.
    rules: its own rules, and those of sublayers about inherited settings.
    takes_graph: the function has the graph as an argument.
    has_positions: one of its tensors has an axis of positions.
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
    stored: tuple[StoredTensor, ...] = ()
    rules: tuple[Rule, ...] = ()
    takes_graph: bool = False
    has_positions: bool = False

    def changed_settings(self, settings: Mapping[str, Any]) -> set[str]:
        """Return the names of its own settings that are set to other than their defaults."""
        return {
            name
            for name, attribute in self.attributes.items()
            if name in settings and not attribute.is_inherited and settings[name] != attribute.default
        }

    def find_input(self, name: str) -> Input | None:
        """Return the declaration of an input by its full name, such as `layer[0].attention.w_q`."""
        scope, _, last = name.rpartition(".")
        part = self.find_part(scope.split(".") if scope else ())
        return None if part is None else part.inputs.get(last)

    def find_part(self, scopes: Sequence[str]) -> "Operation | Sublayer | None":
        """Return the sublayer at a path such as `layer[0]`, `attention`; at the empty path, the operation."""
        part: Operation | Sublayer = self
        for scope in scopes:
            match = INDEXED.fullmatch(scope)
            inner = None if match is None else part.parts.get(match[1])
            if match is None or inner is None or inner.is_list != (match[2] is not None):
                return None
            part = inner
        return part

    def takes_mask(self, name: str) -> bool:
        """Return whether the input of this full name may hold booleans."""
        if "." not in name:
            return name in self.masks
        declared = self.find_input(name)
        return declared is not None and declared.mask


PLACE = "(0|[1-9][0-9]{0,3})"
INDEX = rf"\[{PLACE}\]"
INDEXED = re.compile(rf"(\w+?)(?:{INDEX})?", re.ASCII)


def operation(
    values: Sequence[ValueSpec], stored: Sequence[StoredTensor] = (), rules: Sequence[Rule] = ()
) -> Callable[[Callable[..., Value]], Operation]:
    """Declare the decorated function an operation that names these values.

    stored, rules: as for `Operation`.
    """

    def declare(function: Callable[..., Value]) -> Operation:
        inputs: dict[str, Input] = {}
        attributes: dict[str, AttributeField] = {}
        parts: dict[str, Sublayer] = {}
        required = set()
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            annotation, declared = _split_annotation(hints[name])
            if annotation is Graph:
                continue
            if isinstance(declared, Input):
                inputs[name] = declared
                if parameter.default is parameter.empty:
                    required.add(name)
            elif isinstance(declared, Sublayer):
                parts[name] = declared
            elif isinstance(declared, SettingsOf):
                sources = [parts[part] for part in declared.sublayers or parts]
                attributes |= _inherit_settings(sources, {*declared.exclude, *attributes})
            elif isinstance(declared, Attribute):
                attributes[name] = AttributeField(
                    declared, annotation, ... if parameter.default is parameter.empty else parameter.default
                )
            else:
                raise TypeError(f"{function.__name__}: {name} is neither Input nor Attribute")
        inner_rules = [rule for part in parts.values() for inner in part.operations for rule in inner.rules]
        inherited = {name for name, attribute in attributes.items() if attribute.is_inherited}
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n")
        positions = has_positions(
            [*(declared.dims for declared in inputs.values()), *(spec.dims for spec in values)]
        )
        return Operation(
            name=function.__name__,
            function=function,
            summary=summary.rstrip("."),
            description=description.strip(),
            inputs=inputs,
            attributes=attributes,
            values={spec.name: spec.with_positions(positions) for spec in values},
            required=frozenset(required),
            masks=frozenset(name for name, declared in inputs.items() if declared.mask),
            parts=parts,
            stored=tuple(stored),
            rules=(*rules, *inherit_rules(inner_rules, inherited)),
            takes_graph=Graph in hints.values(),
            has_positions=positions,
        )

    return declare


def _inherit_settings(parts: Iterable[Sublayer], exclude: Collection[str]) -> dict[str, AttributeField]:
    """Return the settings of sublayers. Raises TypeError if two declare one name differently."""
    inherited: dict[str, AttributeField] = {}
    for part in parts:
        for operation in part.operations:
            for name, attribute in operation.attributes.items():
                passed_on = replace(attribute, is_inherited=True)
                if name not in exclude and inherited.setdefault(name, passed_on) != passed_on:
                    raise TypeError(f"two sublayers differ in {name}")
    return inherited


def _split_annotation(hint: Any) -> tuple[Any, Any]:
    """Return the plain type and the declaration of `Annotated[type, declaration]`."""
    if get_origin(hint) is not Annotated:
        return hint, None
    annotation, declared = get_args(hint)[:2]
    return annotation, declared
