"""The graph of named values, built before anything is evaluated.

A `Graph` is built by running an operation on `Value` handles. Each value knows its shape, in numbers or
in dimension names, but not its entries. Readings of the graph (evaluation, differentiation, cost,
formulas) are modules of their own.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array
from compute.budgets.planning import look_through, spend
from compute.dimensions import Shape, ShapeError, Size, outer_axes, product, show, symbols
from compute.errors import Path, QuestionError
from compute.graph.primitive import REGISTRY, Application, Primitive
from compute.graph.spec import Kind, Tensor, ValueSpec

INDEX = re.compile(r"\[\d+\]")
MAX_DEPTH = 16  # dots of a name that are looked at: submodules are not nested deeper
REPEATED_INDEX = "l"  # the index of a list item that represents all of them
NO_ATTRIBUTES: Mapping[str, Any] = {}
SPEND_EVERY = 8  # values that are charged to the budget together, since charging each would be slow
MissingPolicy: TypeAlias = Literal["refused", "unknown", "usual"]
"""The treatment of a missing required input: refused; left unknown, since given values may take its place; or
assumed, with all inputs that are usually there, since only shapes are needed."""


class Value:
    """One value of a graph, not yet evaluated.

    applied: the primitive applied to its inputs; None for an input of the graph.
    """

    __slots__ = (
        "applied", "attributes", "axes", "declared", "graph", "has_open_batch", "index", "inputs",
        "is_assumed", "is_parameter", "kind", "may_be_infinite", "name", "primitive", "shape", "symbol",
    )  # fmt: skip

    def __init__(
        self,
        graph: "Graph",
        shape: Shape,
        applied: Application | None = None,
        inputs: "tuple[Value, ...]" = (),
    ) -> None:
        self.graph = graph
        self.index = len(graph.values)
        if self.index % SPEND_EVERY == 0:
            spend(SPEND_EVERY)
        self.applied = applied
        self.primitive: Primitive | None = None
        self.inputs = inputs
        self.attributes: Mapping[str, Any] = NO_ATTRIBUTES
        self.shape = shape
        self.kind: Kind = "real"
        if applied is not None:
            self.primitive, self.attributes = applied.primitive, applied.attributes
            kind = applied.primitive.kind
            self.kind = inputs[0].kind if kind == "same" else kind
        self.name: str | None = None
        self.symbol = ""
        self.axes: tuple[str, ...] = ()
        self.declared: ValueSpec | None = None
        self.is_parameter = False
        self.is_assumed = False  # its shape follows from a default, not from the request
        self.has_open_batch = False  # its batch axes are unknown
        for operand in inputs:
            if operand.has_open_batch:
                self.has_open_batch = True
        self.may_be_infinite = False
        graph.values.append(self)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_input(self) -> bool:
        return self.primitive is None

    @property
    def written_inputs(self) -> "tuple[Value, ...]":
        """The inputs that its formula shows."""
        if self.primitive is None or not self.primitive.hidden_operands:
            return self.inputs
        pairs = zip(self.inputs, self.primitive.operands, strict=True)
        return tuple([value for value, operand in pairs if operand not in self.primitive.hidden_operands])

    def named(self, name: str, *, leading: tuple[str, ...] = ()) -> "Value":
        """Give the value a public name and return it. A value that has a name already gets an alias.

        leading: labels of axes before those that the name declares; any others are batch axes.
        """
        return self.graph.name(name, self, leading)

    def __add__(self, other: "Value") -> "Value":
        return apply("add", self, other)

    def __sub__(self, other: "Value") -> "Value":
        return apply("subtract", self, other)

    def __mul__(self, other: "Value") -> "Value":
        return apply("multiply", self, other)

    def __truediv__(self, other: "Value") -> "Value":
        return apply("divide", self, other)

    def __matmul__(self, other: "Value") -> "Value":
        return apply("matmul", self, other)

    @property
    def T(self) -> "Value":  # noqa: N802 - the field's own notation
        """The value with its last two axes exchanged."""
        return apply("transpose", self)


class Replacement(Protocol):
    """A replacement of steps while a graph is built, such as those of a known mistake.

    The returned value is used in the place of the built one by everything that follows.
    """

    def at_name(self, value: "Value", name: str) -> "Value":
        """Return the value that gets this name, of the operation that is being built."""

    def at_application(self, value: "Value") -> "Value":
        """Return the value to use for an application of a primitive."""


class Invariant(NamedTuple):
    """An equation that holds for a value by construction; `sides` builds its two sides."""

    value: "Value"
    statement: str
    sides: "Callable[[], tuple[Value, Value]]"


class KeyValues(NamedTuple):
    """The keys and values that attention reads: (..., heads, tokens, width), without heads if there is one.

    scope: the full name of the attention.
    token_axis: their axis of tokens, -2 or -1.
    """

    scope: str
    key: "Value"
    value: "Value"
    token_axis: int


@dataclass
class Graph:
    """All values of one computation, in topological order.

    declared: the values that the operation promises, by name.
    dimensions: the size of each dimension name.
    given: shapes of the named values that are given instead of computed.
    names: values by public name, aliases included.
    on_request: names that are returned only if the question asks for them.
    requested: names that the question mentions; everything: whether it asks for all standard values.
    symbolic: whether settings may hold free symbols.
    unnamed: names of unknown values whose shape is unknown too.
    masks: inputs that a program uses as masks.
    invariants: equations that operations promise for their values.
    sent_inputs: inputs of submodules that the question sent, by full name.
    missing_policy: how missing required inputs are treated.
    may_resolve: whether unknown sizes may still be resolved.
    missing_errors: errors about missing inputs; None if they are raised instead of collected.
    stated_sizes: sizes that submodules state as settings, by setting and submodule.
    repeats: ranges of indices (first, last + 1) whose values represent several alike, with their count.
    lines: the line of a program, from 0, that assigns each name.
    places: where a program calls a function or takes an index, inner ones first: the indices (first,
        last + 1) of the values that this computes, the line, from 0, and the column, from 1.
    key_values: the keys and values of each attention.
    batch_statistics: indices of values that average over a batch, for which inference has constants.
    added_masks: masks whose numbers are added to scores.
    static_notes: notes that need no entries, as (code, name, message).
    entry_checks: for given names, functions that raise QuestionError for invalid entries.
    replacement: replaces steps while the graph is built.
    replaced: the indices of the values that it removed or added.
    replaceable: the number of steps that it concerns.
    operation, settings, arguments: the operation that is being built, its settings, and its inputs.
    """

    declared: Mapping[str, ValueSpec] = field(default_factory=dict)
    dimensions: dict[str, Size] = field(default_factory=dict)
    given: Mapping[str, Shape] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    names: dict[str, Value] = field(default_factory=dict)
    on_request: set[str] = field(default_factory=set)
    conventions: dict[str, Any] = field(default_factory=dict)
    requested: frozenset[str] = frozenset()
    everything: bool = True
    symbolic: bool = False
    unnamed: list[str] = field(default_factory=list)
    masks: set[str] = field(default_factory=set)
    invariants: list[Invariant] = field(default_factory=list)
    sent_inputs: Mapping[str, Tensor] = field(default_factory=dict)
    missing_policy: MissingPolicy = "unknown"
    may_resolve: bool = False
    missing_errors: list[QuestionError] | None = None
    stated_sizes: dict[str, dict[str, Size]] = field(default_factory=dict)
    repeats: list[tuple[int, int, Size]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    places: list[tuple[int, int, int, int]] = field(default_factory=list)
    key_values: list[KeyValues] = field(default_factory=list)
    batch_statistics: set[int] = field(default_factory=set)
    added_masks: list[Value] = field(default_factory=list)
    static_notes: list[tuple[str, str, str]] = field(default_factory=list)
    entry_checks: dict[str, Callable[[Arithmetic, Array], None]] = field(default_factory=dict)
    replacement: Replacement | None = None
    replaced: set[int] = field(default_factory=set)
    replaceable: int = 0
    operation: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Value] = field(default_factory=dict)
    _shared: dict[tuple[Primitive, tuple[Shape, ...]], Application] = field(default_factory=dict)
    _scope: str = ""
    _is_nameless: bool = False

    def input(
        self, name: str, shape: Shape, *, symbol: str, axes: tuple[str, ...], kind: Kind = "real"
    ) -> Value:
        """Add a value that comes from outside the graph."""
        value = Value(self, shape)
        value.name, value.symbol, value.axes, value.kind = name, symbol, axes, kind
        self.names[name] = value
        return value

    def name(self, name: str, value: Value, leading: tuple[str, ...] = ()) -> Value:
        """Give a value a public name in this scope; see `Value.named`."""
        if self._is_nameless:
            return value
        if self.replacement is not None:
            value = self.replacement.at_name(value, name)
        # hidden[3] is declared as hidden[t].
        declared = self.declared.get(name)
        if declared is None:
            declared, at = self.declared[INDEX.sub("[t]", name)], name.rpartition("[")[2][:-1]
            declared = declared._replace(symbol=declared.symbol.replace("_{t}", f"_{{{at}}}"))
        full = self._scope + name
        if full in self.names:
            raise ValueError(f"{full} is named twice")
        self.names[full] = value
        if declared.on_request:
            self.on_request.add(full)
        labels = (*leading, *declared.axes.split())
        if declared.dims.startswith("...") and len(labels) > value.rank:
            labels = labels[len(labels) - value.rank :]  # of a single token, say
        if full in self.given:
            self._take_shape(full, value, self.given[full], len(labels))
        if value.name is None:
            value.name, value.declared, value.symbol = full, declared, declared.symbol
            value.may_be_infinite = declared.may_be_infinite
            value.axes = (*_outer(declared, value.rank - len(labels)), *labels)
        elif value.name.startswith(self._scope) and "." in value.name[len(self._scope) :]:
            # A submodule's output gets the outer name and symbol; its own name becomes an alias.
            value.name, value.symbol, value.declared = full, declared.symbol, declared
            value.axes = (*_outer(declared, value.rank - len(labels)), *labels)
        return value

    def _take_shape(self, name: str, value: Value, shape: Shape, labelled: int) -> None:
        """Replace a value's shape by that of the given one, which may know sizes that were not inferred.

        labelled: how many trailing axes are not batch axes.
        """
        known = not value.is_assumed and not any(symbols(size) for size in value.shape)
        fits = value.shape == shape
        if value.has_open_batch:
            first = max(0, value.rank - labelled)
            fits = value.shape[first:] == shape[len(shape) - value.rank + first :]
        if known and not fits:
            raise QuestionError(
                ("given", name), f"the shape does not fit {name}", f"shape {show(value.shape)}",
                f"shape {show(shape)}",
            )  # fmt: skip
        value.shape, value.has_open_batch = shape, False
        if value.name is not None:  # it got its labels with its first name
            more = len(shape) - len(value.axes)
            outer = _outer(value.declared, more) if value.declared else ("batch",) * more
            value.axes = (*outer, *value.axes[max(0, -more) :])

    def promise(self, value: Value, statement: str, sides: Callable[[], tuple[Value, Value]]) -> None:
        """Promise an equation for a value, such as mean 0 for a normalized row.

        sides: builds both sides, of one shape; called only if the equation is verified.
        """
        self.invariants.append(Invariant(value, statement, sides))

    def add_note(self, code: str, name: str, message: str) -> None:
        """Add a note about a named value, unless another value has the same one already."""
        if all(note[::2] != (code, message) for note in self.static_notes):
            self.static_notes.append((code, name, message))

    def prefix(self, scope: str) -> str:
        """Return the prefix of full names inside a scope: `layer[0].attention.` for `attention`."""
        return f"{self._scope}{scope}."

    def given_shapes_in(self, scope: str) -> dict[str, Shape]:
        """Return the shapes of the values given inside a scope, by their names in that scope."""
        prefix = self.prefix(scope)
        return {name.removeprefix(prefix): self.given[name] for name in self._given_by_scope.get(prefix, ())}

    @contextmanager
    def scope(
        self, name: str, declared: Mapping[str, ValueSpec], dimensions: dict[str, Size]
    ) -> Iterator[None]:
        """Build a submodule: names are prefixed (`attention.weights`), declarations are its own."""
        outer = self._scope, self.declared, self.dimensions
        self._scope, self.declared, self.dimensions = self.prefix(name), declared, dimensions
        try:
            yield
        finally:
            self._scope, self.declared, self.dimensions = outer

    def was_sent(self, name: str) -> bool:
        """Return whether the question sent a value under this name: an input or a given value."""
        return name in self.given or (self.names[name].is_input and self.names[name].name == name)

    def aliases(self) -> dict[str, str]:
        """Return the alternative names of values, each with the value's own name."""
        return {
            name: value.name
            for name, value in self.names.items()
            if value.name is not None and value.name != name
        }

    def place_of(self, index: int) -> tuple[int, int] | None:
        """Return the line and the column of the call or index in a program that computes a value."""
        found = ((line, column) for first, end, line, column in self.places if first <= index < end)
        return next(found, None)

    def line_of(self, index: int) -> str:
        """Return the name that the line assigns which computes a value; empty for values of no line."""
        return next(
            (name for name in self.lines if name in self.names and self.names[name].index >= index), ""
        )

    def add_key_values(self, key: Value, value: Value, token_axis: int) -> None:
        """Record the keys and values that attention reads, before shared heads are repeated."""
        self.key_values.append(KeyValues(self._scope.strip("."), key, value, token_axis))

    @contextmanager
    def repeated(self, count: Size) -> Iterator[None]:
        """Build values once that represent a symbolic number of like values."""
        first = len(self.values)
        yield
        self.repeats.append((first, len(self.values), count))

    def multiplicity(self, index: int) -> Size:
        """Return how many values the one at this index represents, itself included."""
        return product(count for first, last, count in self.repeats if first <= index < last)

    @contextmanager
    def building(
        self, operation: str, settings: Mapping[str, Any], arguments: Mapping[str, Value]
    ) -> Iterator[None]:
        """Build the values of one operation, which a replacement may depend on."""
        outer = self.operation, self.settings, self.arguments
        self.operation, self.settings, self.arguments = operation, settings, arguments
        try:
            yield
        finally:
            self.operation, self.settings, self.arguments = outer

    @contextmanager
    def without_replacement(self) -> Iterator[None]:
        """Build values that are not replaced."""
        outer, self.replacement = self.replacement, None
        try:
            yield
        finally:
            self.replacement = outer

    @contextmanager
    def without_names(self) -> Iterator[None]:
        """Build values that get no names."""
        outer, self._is_nameless = self._is_nameless, True
        try:
            yield
        finally:
            self._is_nameless = outer

    def needs_value(self, name: str) -> bool:
        """Return whether a value is asked for, so that no faster path may skip it."""
        return not self._is_nameless and (self.everything or self._scope + name in self.requested)

    @property
    def needs_all_values(self) -> bool:
        """True if every standard value is requested."""
        return self.everything and not self._is_nameless

    def requested_in_scope(self) -> set[str]:
        """Return the names in this scope that the question mentions, given values included."""
        if self._is_nameless:
            return set()
        length = len(self._scope)
        return {name[length:] for name in self._requested_by_scope.get(self._scope, ())}

    def is_given(self, name: str) -> bool:
        """Return whether a value is given instead of computed."""
        return not self._is_nameless and self._scope + name in self.given

    def full_name(self, name: str) -> str:
        """Return the full name of a name in this scope."""
        return self._scope + name

    def has_inputs_under(self, prefix: str) -> bool:
        """Return whether the question sent any input whose full name has this prefix."""
        return prefix in self._inputs_by_scope

    @cached_property
    def _given_by_scope(self) -> dict[str, list[str]]:
        return _group_by_scope(self.given)

    @cached_property
    def _requested_by_scope(self) -> dict[str, list[str]]:
        return _group_by_scope(self.requested)

    @cached_property
    def _inputs_by_scope(self) -> dict[str, list[str]]:
        return _group_by_scope(self.sent_inputs)

    def is_requested(self, name: str) -> bool:
        """Return whether a value is asked for by name."""
        return self._scope + name in self.requested

    def application(
        self, primitive: Primitive, operands: tuple[Value, ...], attributes: Mapping[str, Any]
    ) -> Application:
        """Return the application of a primitive to operands; without attributes, one per tuple of shapes."""
        shapes = tuple([operand.shape for operand in operands])
        if attributes:
            return Application(primitive, shapes, attributes)
        shared = self._shared.get((primitive, shapes))
        if shared is None:
            shared = self._shared[primitive, shapes] = Application(primitive, shapes, NO_ATTRIBUTES)
        return shared

    @cached_property
    def shared_symbols(self) -> frozenset[str]:
        """The LaTeX symbols that several named values share; read it when the graph is complete."""
        counts = Counter(value.symbol for value in self.named_values())
        return frozenset(symbol for symbol, count in counts.items() if count > 1)

    def named_values(self) -> list[Value]:
        """Return the values that have a name, in order of computation."""
        return [value for value in self.values if value.name is not None]

    def standard_names(self) -> dict[str, Value]:
        """Return given and standard values by all their names, in order of computation, aliases last."""
        named = sorted(self.names.items(), key=lambda pair: (pair[1].index, pair[0] != pair[1].name))
        return {name: value for name, value in named if name not in self.on_request or name in self.given}

    def standard_values(self) -> list[Value]:
        """Return the values that have a standard name, in order of computation."""
        return list({value.index: value for value in self.standard_names().values()}.values())


def apply(name: str, *operands: Value, graph: "Graph | None" = None, **attributes: Any) -> Value:
    """Add a value to the graph: a primitive of the registry applied to operands.

    Raises QuestionError if the operands' shapes do not fit the primitive.
    """
    return apply_primitive(REGISTRY[name], *operands, graph=graph, **attributes)


def apply_primitive(
    primitive: Primitive, *operands: Value, graph: "Graph | None" = None, **attributes: Any
) -> Value:
    """Add a value to the graph: a primitive applied to operands; see `apply`."""
    if graph is None:
        graph = operands[0].graph
    try:
        applied = graph.application(primitive, operands, attributes)
    except ShapeError as error:
        path, shapes = _describe_operands(operands)
        raise QuestionError(
            path, f"{primitive.name} cannot combine {shapes}: {error}", primitive.expects, shapes
        ) from None
    if primitive.convention is not None:
        graph.conventions.update(primitive.convention_of(attributes))
    value = Value(graph, applied.shape, applied, operands)
    return value if graph.replacement is None else graph.replacement.at_application(value)


def _describe_operands(operands: tuple[Value, ...]) -> tuple[Path, str]:
    """Return the path of the last input among the operands, and their names and shapes in words."""
    names = [nearest_names(operand) for operand in operands]
    inputs = [name for operand, near in zip(operands, names, strict=True)
              for name in near if operand.graph.names[name].is_input]  # fmt: skip
    shapes = " and ".join(
        f"{'/'.join(near) or 'a value'} {show(operand.shape)}"
        for operand, near in zip(operands, names, strict=True)
    )
    return tuple(inputs[-1:]), shapes


def nearest_names(*values: Value) -> list[str]:
    """Return the values' own names, or those of their nearest named ancestors, each once."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    pending = [*reversed(values)]
    while pending:
        ancestor = pending.pop()
        if ancestor.name is not None:
            names.setdefault(ancestor.name)
        elif ancestor.inputs and ancestor.index not in seen:
            seen.add(ancestor.index)
            pending.extend(reversed(ancestor.written_inputs))
    return list(names)


def scopes_of(name: str) -> list[str]:
    """Return the prefix of a name up to each dot, the dot included: `layer[0].` of `layer[0].w`."""
    return [name[: dot.end()] for dot in islice(re.finditer(r"\.", name), MAX_DEPTH)]


def _group_by_scope(names: Iterable[str]) -> dict[str, list[str]]:
    """Group full names by every scope that contains them; the empty scope contains all."""
    groups: dict[str, list[str]] = {"": list(names)}
    look_through(len(groups[""]))
    for name in groups[""]:
        for scope in scopes_of(name):
            groups.setdefault(scope, []).append(name)
    return groups


def _outer(declared: ValueSpec, count: int) -> tuple[str, ...]:
    """Label `count` axes before those that a value declares."""
    return outer_axes(declared.dims, count, is_batch=declared.has_batch)
