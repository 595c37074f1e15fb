"""Operations that others are made of: what the whole hands over to them, and what the question has."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compute.dimensions import Shape, Size, symbols
from compute.errors import Path, QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph
from compute.graph.value import Tensor, Value, nearest_names
from compute.operations.framework.declaration import INDEX, Input, Operation, Sublayer
from compute.operations.framework.signature import Assumed, Bound, InputShape, Letter, Sizes, admit, bind


@dataclass(frozen=True, slots=True)
class Submodule:
    """One part of an operation that is being built, or all those of a list."""

    name: str
    declared: Sublayer
    graph: Graph

    def __getitem__(self, index: int | str) -> "Submodule":
        """One of a list."""
        return replace(self, name=f"{self.name}[{index}]")

    @property
    def prefix(self) -> str:
        """What stands before the names inside it."""
        return self.graph.prefix(self.name)

    @property
    def is_sent(self) -> bool:
        """Whether the question has anything for it."""
        return self.graph.has_inputs_under(self.prefix)

    def sent(self, name: str) -> Tensor | None:
        """What the question has for this input of it."""
        return self.graph.sent_inputs.get(self.prefix + name)

    def sends(self, part: str) -> bool:
        """Return whether the question has anything for a part of it."""
        return self.graph.has_inputs_under(f"{self.prefix}{part}.")

    def built(self, name: str) -> Value:
        """A value of it, once it is built."""
        return self.graph.names[self.prefix + name]

    @property
    def count(self) -> int:
        """Of a list: how many the question has weights or values for, those left out between included."""
        pattern = re.compile(re.escape(self.graph.full_name(self.name)) + INDEX)
        found = [pattern.match(name) for name in (*self.graph.sent_inputs, *self.graph.given)]
        return 1 + max((int(one[1]) for one in found if one is not None), default=-1)

    def __call__(
        self,
        settings: Mapping[str, Any],
        /,
        *,
        which: str | None = None,
        needs: Collection[str] = (),
        without: Collection[str] = (),
        biases: bool | None = None,
        sizes: Sizes | None = None,
        assumed: Assumed | None = None,
        called: Mapping[str, str] | None = None,
        **handed: Any,
    ) -> Value:
        """Build it on what the whole hands over: handles for inputs, and attributes.

        settings: of the whole; those that this part has are taken. which: the operation, where there are
        several. needs: inputs that it cannot do without here; without: those that it has only where they are
        sent. biases: whether it has biases; None: those that came. sizes, assumed: as for `bind`. called:
        what the whole calls attributes that it hands over under other names. Raises QuestionErrors.
        """
        graph = self.graph
        operation = next(one for one in self.declared.operations if which in (None, one.name))
        said = {name: one for name, one in {**settings, **handed}.items() if name in operation.attributes}
        handles = {name: one for name, one in handed.items() if isinstance(one, Value)}
        supplied = {name: one for name in self.declared.inputs if (one := self.sent(name)) is not None}
        wanted = self._wanted(operation, {*operation.required, *needs}, {*handed, *without}, biases)
        letters = {dim: one.name for dim, one in (assumed or {}).items() if isinstance(one, Letter)}
        self._check(operation, supplied, wanted, biases, letters)
        came = {name: _handed(name, one) for name, one in handles.items()}
        for name, tensor in supplied.items():
            full = self.prefix + name
            came[name] = InputShape(tensor.shape, (full,), full)
        bound = bind(
            operation, came, said, graph.given_shapes_in(self.name), prefix=self.prefix, sizes=sizes,
            assumed=assumed, wanted={*wanted, *supplied}, settling=graph.may_resolve,
        )  # fmt: skip
        for name, attribute in operation.attributes.items():
            if attribute.declared.dimension and name in bound.dimensions.sizes:
                _state(graph, name, graph.full_name(self.name), bound.dimensions.sizes[name])
        with graph.scope(self.name, bound.values, bound.dimensions.sizes):
            for name in operation.inputs:
                if name in supplied or name in wanted:
                    handles[name] = admit(graph, operation, name, supplied.get(name), bound)
            try:
                return run(operation, graph, handles, bound)
            except QuestionError as error:
                raise _placed(error, came, called or {}) from None

    def _wanted(
        self, operation: Operation, names: Collection[str], without: Collection[str], biases: bool | None
    ) -> list[str]:
        """The inputs that have to be there."""
        has_biases = self.graph.missing_policy == "usual" if biases is None else biases
        return [
            name
            for name, one in operation.inputs.items()
            if name not in {*self.declared.hands, *without}
            and (name in names or (one.is_bias and has_biases))
        ]

    def _check(
        self,
        operation: Operation,
        supplied: Mapping[str, Tensor],
        wanted: Collection[str],
        biases: bool | None,
        letters: Mapping[str, str],
    ) -> None:
        """Raise QuestionErrors for inputs that are missing, and for those that cannot be here.

        letters: the whole's names of dimensions.
        """
        prefix, inputs = self.prefix, operation.inputs
        absent = [name for name in wanted if name not in supplied]
        if lacking := [missing(prefix + name, inputs[name], letters) for name in absent]:
            if self.graph.missing_policy == "refused":
                raise MissingInputs(lacking)
            if self.graph.missing_errors is not None:
                self.graph.missing_errors += lacking
        for name, tensor in supplied.items():
            if inputs[name].is_bias and biases is False:
                raise QuestionErrors([unused(prefix + name, "biases are off")])
            if tensor.kind == "boolean" and not inputs[name].mask:
                raise at((prefix + name,), f"{name} cannot hold booleans", "numbers", "booleans")


def run(operation: Operation, graph: Graph, handles: Mapping[str, Value], bound: Bound) -> Value:
    """Build an operation on its handles, inside its scope."""
    parts = {name: Submodule(name, one, graph) for name, one in operation.parts.items()}
    graph_itself = {"graph": graph} if operation.takes_graph else {}
    return operation.function(**graph_itself, **handles, **parts, **bound.settings)


def _state(graph: Graph, name: str, part: str, size: Size) -> None:
    """State a size as it was used: once where all parts have the same, else by the names of the parts."""
    if graph.missing_policy == "unknown" and symbols(size):
        return  # nothing is known of this part's
    found = graph.stated_sizes.setdefault(name, {})
    found[part] = size
    graph.conventions[name] = dict(found) if any(one != size for one in found.values()) else size


def own_input(graph: Graph, name: str, declared: Input, shape: Shape) -> Value:
    """An input of the operation that is being built, which its settings require and which did not come.

    Raises QuestionErrors where tensors have to be there; elsewhere it is of the shape that it must have.
    """
    full = graph.full_name(name)
    if graph.missing_policy == "refused":
        raise MissingInputs([missing(full, declared)])
    if graph.missing_errors is not None:
        graph.missing_errors.append(missing(full, declared))
    value = graph.input(full, shape, symbol=declared.symbol, axes=tuple(declared.dims.split()))
    value.is_assumed, value.is_parameter = True, declared.parameter
    return value


def check_supply(graph: Graph, operation: Operation) -> None:
    """Raise QuestionErrors for what came under a name of no part, or of one that has no use for it."""
    for name in graph.sent_inputs:
        if operation.accepts(name) is None:
            raise QuestionErrors([unknown_input((name,), operation, name)])
        if name not in graph.names:
            raise QuestionErrors([unused(name, "nothing here takes it")])


def unknown_input(path: Path, operation: Operation, name: str, prefix: str = "") -> QuestionError:
    """The fault of a name behind a dot that no part takes, with what is taken where it goes astray.

    prefix: what stands before all names of the operation.
    """
    scopes = name.split(".")[:-1]
    while (found := operation.part(scopes)) is None:
        scopes.pop()
    inner = [f"{one}[0]" if part.several else one for one, part in found.parts.items()]
    inputs = found.inputs if scopes else ()  # the operation's own stand without a dot
    start = prefix + "".join(f"{scope}." for scope in scopes)
    return unknown_name(path, "input", prefix + name, [start + one for one in (*inputs, *inner)])


def unused(name: str, why: str) -> QuestionError:
    """The fault of a tensor that would be ignored."""
    return QuestionError((name,), f"{name} has no use here: {why}", f"no {name}", "a tensor")


class MissingInputs(QuestionErrors):
    """Inputs that did not come: the first that were found."""


def missing(full: str, declared: Input, letters: Mapping[str, str] | None = None) -> QuestionError:
    """Return the fault of an input that did not come. letters: the whole's names of its dimensions."""
    dims = ", ".join((letters or {}).get(dim, dim) for dim in declared.dims.split("|")[0].split())
    return QuestionError(
        (full,), f"{full} is required, unless values that take its place are given", f"a tensor ({dims})",
        "nothing",
    )  # fmt: skip


def _handed(name: str, value: Value) -> InputShape:
    """What the whole hands over: called by its own name, and found at the inputs that it is made of."""
    near = nearest_names(value)
    own = "/".join(near) or name
    inputs = [one for one in near if value.graph.names[one].is_input]
    return InputShape(value.shape, (inputs[-1] if inputs else own,), own)


def _placed(error: QuestionError, came: Mapping[str, InputShape], called: Mapping[str, str]) -> QuestionError:
    """A fault inside a part, at the field that its input or attribute came from, and called as that is."""
    name, message = str(error.path[0]) if error.path else "", error.message
    if name in called:
        return type(error)((called[name], *error.path[1:]), message, error.expected, error.received)
    if name not in came:
        return error
    _, path, full = came[name]
    if message.startswith(f"{name} "):
        message = full + message.removeprefix(name)
    return type(error)((*path, *error.path[1:]), message, error.expected, error.received)
