"""The graph of named values: what is computed from what, before anything is evaluated.

A `Graph` is built by running an operation on `Value` handles. Each value knows its shape, in numbers or
in dimension names, and nothing of the entries it will have. Readings of the graph (evaluation,
differentiation, cost, formulas) are modules of their own.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array
from compute.budgets.planning import look_through
from compute.dimensions import Shape, Size, outer_axes, product, show, symbols
from compute.errors import QuestionError
from compute.graph.primitive import Application, Primitive
from compute.graph.spec import ValueSpec
from compute.graph.value import NO_ATTRIBUTES, Kind, Tensor, Value

INDEX = re.compile(r"\[\d+\]")
DOT = re.compile(r"\.")
MAX_SCOPES = 16  # dots of a name that are looked at: parts are not nested so deeply
REPEATED_INDEX = "l"  # the place in a list of what stands for all of it
MissingPolicy: TypeAlias = Literal["refused", "unknown", "usual"]
"""What becomes of an input that is required and did not come: it is refused; it stays unknown, since values
that are given may take its place; or it and all that is usual is there, since only shapes are asked for."""


class Invariant(NamedTuple):
    """An equation that holds of a value by what it is: in words, and its two sides, built where asked for."""

    value: "Value"
    statement: str
    sides: "Callable[[], tuple[Value, Value]]"


@dataclass
class Graph:
    """All values of one computation, in an order in which they can be computed.

    declared: the names its operation promises; dimensions: what each dimension name stands for;
    given: shapes of the named values that are taken and not computed; names: public names, aliases included;
    on_request: those of them that are returned only where the question asks for them by name;
    requested: names that the question speaks of; everything: whether it asks for all standard values;
    symbolic: whether settings may hold free symbols; unnamed: names of which nothing is known, not even a
    shape; masks: inputs that a program uses as masks; invariants: what operations promise of their values;
    sent_inputs: inputs of submodules that the question sent, by full name; missing_policy: what becomes of
    inputs that did not come; settling: whether sizes of what is unknown may still be found; lacking: if
    they are collected, the faults of inputs that did not come; stated: sizes that parts state as settings, by
    setting and part; repeats: from one index to another, values that stand for so many like them;
    added_masks: masks whose numbers are added to scores; remarks: what there is to say before there are
    entries, as code, name and sentence; entry_checks: for names that are given, what raises QuestionError for
    entries that cannot be meant.
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
    added_masks: list[Value] = field(default_factory=list)
    static_notes: list[tuple[str, str, str]] = field(default_factory=list)
    entry_checks: dict[str, Callable[[Arithmetic, Array], None]] = field(default_factory=dict)
    _shared: dict[tuple[Primitive, tuple[Shape, ...]], Application] = field(default_factory=dict)
    _scope: str = ""
    _quiet: bool = False

    def input(
        self, name: str, shape: Shape, *, symbol: str, axes: tuple[str, ...], kind: Kind = "real"
    ) -> Value:
        """A value that comes from outside."""
        value = Value(self, shape)
        value.name, value.symbol, value.axes, value.kind = name, symbol, axes, kind
        self.names[name] = value
        return value

    def name(self, name: str, value: Value, leading: tuple[str, ...] = ()) -> Value:
        if self._quiet:
            return value
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
            # What comes out of a part is called and written as the whole calls it; its own name is an alias.
            value.name, value.symbol, value.declared = full, declared.symbol, declared
            value.axes = (*_outer(declared, value.rank - len(labels)), *labels)
        return value

    def _take_shape(self, name: str, value: Value, shape: Shape, labelled: int) -> None:
        """Go on with the shape of a given value; it may say what could not be inferred.

        labelled: how many of its last axes are no batch axes.
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
        if value.name is not None:  # its labels came with its first name
            more = len(shape) - len(value.axes)
            outer = _outer(value.declared, more) if value.declared else ("batch",) * more
            value.axes = (*outer, *value.axes[max(0, -more) :])

    def promise(self, value: Value, statement: str, sides: Callable[[], tuple[Value, Value]]) -> None:
        """Promise an equation of a value, such as that a normalized row has mean 0.

        sides: builds what is compared, of values of one shape; called only where it is to be verified.
        """
        self.invariants.append(Invariant(value, statement, sides))

    def add_note(self, code: str, name: str, message: str) -> None:
        """Remark something of a named value; once, if it is the same of several."""
        if all(one[::2] != (code, message) for one in self.static_notes):
            self.static_notes.append((code, name, message))

    def prefix(self, scope: str) -> str:
        """What stands before the names given inside a scope."""
        return f"{self._scope}{scope}."

    def given_shapes_in(self, scope: str) -> dict[str, Shape]:
        """The shapes of what is given inside a scope, by the names that it has there."""
        prefix = self.prefix(scope)
        return {name.removeprefix(prefix): self.given[name] for name in self._given_by_scope.get(prefix, ())}

    @contextmanager
    def scope(
        self, name: str, declared: Mapping[str, ValueSpec], dimensions: dict[str, Size]
    ) -> Iterator[None]:
        """A part of a composite: names are prefixed (`attention.weights`), declarations are its own."""
        outer = self._scope, self.declared, self.dimensions
        self._scope, self.declared, self.dimensions = self.prefix(name), declared, dimensions
        try:
            yield
        finally:
            self._scope, self.declared, self.dimensions = outer

    def was_sent(self, name: str) -> bool:
        """Whether a value came with the question under this name: an input, or one that is given."""
        return name in self.given or (self.names[name].is_input and self.names[name].name == name)

    def aliases(self) -> dict[str, str]:
        """Names of values that are known by another name first."""
        return {
            name: value.name
            for name, value in self.names.items()
            if value.name is not None and value.name != name
        }

    @contextmanager
    def repeated(self, count: Size) -> Iterator[None]:
        """Values that are built once and stand for as many as a size in letters says."""
        first = len(self.values)
        yield
        self.repeats.append((first, len(self.values), count))

    def times_repeated(self, index: int) -> Size:
        """How many values the one of this index stands for, itself included."""
        return product(count for first, last, count in self.repeats if first <= index < last)

    @contextmanager
    def without_names(self) -> Iterator[None]:
        """A part whose values get no names of their own."""
        outer, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = outer

    def needs_value(self, name: str) -> bool:
        """Whether a value is asked for, so that it has to stand on the way and cannot be passed over."""
        return not self._quiet and (self.everything or self._scope + name in self.requested)

    @property
    def needs_all_values(self) -> bool:
        """Whether every standard value is asked for."""
        return self.everything and not self._quiet

    def requested_in_scope(self) -> set[str]:
        """The names inside this scope that the question speaks of, given ones included."""
        if self._quiet:
            return set()
        length = len(self._scope)
        return {name[length:] for name in self._requested_by_scope.get(self._scope, ())}

    def is_given(self, name: str) -> bool:
        """Whether a value is given, and not computed."""
        return not self._quiet and self._scope + name in self.given

    def full_name(self, name: str) -> str:
        """A name inside this scope as the question has it."""
        return self._scope + name

    def has_inputs_under(self, prefix: str) -> bool:
        """Whether the question has anything for a part, of which this stands before all names."""
        return prefix in self._supply_by_scope

    @cached_property
    def _given_by_scope(self) -> dict[str, list[str]]:
        return _by_scope(self.given)

    @cached_property
    def _requested_by_scope(self) -> dict[str, list[str]]:
        return _by_scope(self.requested)

    @cached_property
    def _supply_by_scope(self) -> dict[str, list[str]]:
        return _by_scope(self.sent_inputs)

    def is_requested(self, name: str) -> bool:
        """Whether a value is asked for by its name."""
        return self._scope + name in self.requested

    def application(
        self, primitive: Primitive, operands: tuple[Value, ...], attributes: Mapping[str, Any]
    ) -> Application:
        """A primitive applied to operands; where it has no attributes, shared by all of the same shapes."""
        shapes = tuple([operand.shape for operand in operands])
        if attributes:
            return Application(primitive, shapes, attributes)
        found = self._shared.get((primitive, shapes))
        if found is None:
            found = self._shared[primitive, shapes] = Application(primitive, shapes, NO_ATTRIBUTES)
        return found

    @cached_property
    def shared_symbols(self) -> frozenset[str]:
        """What several named values are written as, once all are there."""
        written = Counter(value.symbol for value in self.named_values())
        return frozenset(symbol for symbol, count in written.items() if count > 1)

    def named_values(self) -> list[Value]:
        """Values that have a name, in order of computation."""
        return [value for value in self.values if value.name is not None]

    def standard_names(self) -> dict[str, Value]:
        """The names that need not be asked for, or that are given, in order of computation.

        Every name of a value is among them: the one it is known by first, then its aliases.
        """
        named = sorted(self.names.items(), key=lambda pair: (pair[1].index, pair[0] != pair[1].name))
        return {name: one for name, one in named if name not in self.on_request or name in self.given}

    def standard_values(self) -> list[Value]:
        """The values that have such a name, in order of computation."""
        return list({value.index: value for value in self.standard_names().values()}.values())


def scopes_of(name: str) -> list[str]:
    """What stands before each dot of a name, the dot included: `layer[0].` of `layer[0].w`."""
    return [name[: dot.end()] for dot in islice(DOT.finditer(name), MAX_SCOPES)]


def _by_scope(names: Iterable[str]) -> dict[str, list[str]]:
    """Full names by each scope that they are in; all of them by the empty one."""
    found: dict[str, list[str]] = {"": list(names)}
    look_through(len(found[""]))
    for name in found[""]:
        for scope in scopes_of(name):
            found.setdefault(scope, []).append(name)
    return found


def _outer(declared: ValueSpec, count: int) -> tuple[str, ...]:
    """Label so many axes before those that a value declares."""
    return outer_axes(declared.dims, count, is_batch=declared.has_batch)
