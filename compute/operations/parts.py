"""Operations that others are made of: what the whole hands over to them, and what the question has."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compute.dimensions import Shape, Size, symbols
from compute.errors import Path, QuestionError, QuestionErrors, at, unknown_name
from compute.graph import Graph
from compute.operations.bound import Assumed, Bound, Came, admit, bind
from compute.operations.declaration import INDEX, Input, Operation, Sublayer
from compute.value import Value, nearest_names


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an operation that is being built, or all those of a list."""

    name: str
    declared: Sublayer
    graph: Graph

    def __getitem__(self, index: int | str) -> "Part":
        """One of a list."""
        return replace(self, name=f"{self.name}[{index}]")

    @property
    def is_sent(self) -> bool:
        """Whether the question has anything for it."""
        prefix = self.graph.prefix(self.name)
        return any(name.startswith(prefix) for name in self.graph.supply)

    def has(self, name: str) -> bool:
        """Whether the question has this input for it."""
        return self.graph.prefix(self.name) + name in self.graph.supply

    @property
    def count(self) -> int:
        """Of a list: how many the question has weights or values for, those left out between included."""
        pattern = re.compile(re.escape(self.graph.full_name(self.name)) + INDEX)
        found = [pattern.match(name) for name in (*self.graph.supply, *self.graph.given)]
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
        sizes: Mapping[str, tuple[Size, str]] | None = None,
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
        graph, declared = self.graph, self.declared
        operation = next(one for one in declared.operations if which in (None, one.name))
        said = {name: one for name, one in settings.items() if name in operation.attributes}
        said |= {name: one for name, one in handed.items() if name in operation.attributes}
        handles = {name: one for name, one in handed.items() if isinstance(one, Value)}
        prefix = graph.prefix(self.name)
        supplied = {
            name: graph.supply[prefix + name] for name in declared.inputs if prefix + name in graph.supply
        }
        wanted = self._wanted(operation, {*operation.required, *needs}, {*handed, *without}, biases)
        if graph.absent == "refused" and (missing := [one for one in wanted if one not in supplied]):
            raise QuestionErrors(_missing(prefix + name, operation, name) for name in missing)
        for name, tensor in supplied.items():
            if operation.inputs[name].is_bias and biases is False:
                raise QuestionErrors([unused(prefix + name, "biases are off")])
            if tensor.kind == "boolean" and not operation.inputs[name].mask:
                raise QuestionErrors(
                    at((prefix + name,), f"{name} cannot hold booleans", "numbers", "booleans").errors
                )
        came = {name: _handed(name, one) for name, one in handles.items()}
        came |= {name: Came(one.shape, (prefix + name,), prefix + name) for name, one in supplied.items()}
        taken = {
            name.removeprefix(prefix): shape for name, shape in graph.given.items() if name.startswith(prefix)
        }
        names = {*wanted, *supplied}
        bound = bind(operation, came, said, taken, prefix, sizes, assumed, names, graph.settling)
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
        has_biases = self.graph.absent == "usual" if biases is None else biases
        return [
            name
            for name, one in operation.inputs.items()
            if name not in {*self.declared.hands, *without}
            and (name in names or (one.is_bias and has_biases))
        ]


def run(operation: Operation, graph: Graph, handles: Mapping[str, Value], bound: Bound) -> Value:
    """Build an operation on its handles, inside its scope."""
    parts = {name: Part(name, one, graph) for name, one in operation.parts.items()}
    graph_itself = {"graph": graph} if operation.takes_graph else {}
    return operation.function(**graph_itself, **handles, **parts, **bound.settings)


def _state(graph: Graph, name: str, part: str, size: Size) -> None:
    """State a size as it was used: once where all parts have the same, else by the names of the parts."""
    if graph.absent == "unknown" and symbols(size):
        return  # nothing is known of this part's
    found = graph.stated.setdefault(name, {})
    found[part] = size
    graph.conventions[name] = dict(found) if any(one != size for one in found.values()) else size


def own_input(graph: Graph, name: str, declared: Input, shape: Shape, axes: tuple[str, ...]) -> Value:
    """An input of the operation that is being built, which its settings require and which did not come.

    Raises QuestionErrors where tensors have to be there; elsewhere it is of the shape that it must have.
    """
    if graph.absent == "refused":
        raise QuestionErrors([_required(graph.full_name(name), ", ".join(axes))])
    value = graph.input(graph.full_name(name), shape, symbol=declared.symbol, axes=axes)
    value.is_assumed, value.is_parameter = True, declared.parameter
    return value


def check_supply(graph: Graph, operation: Operation) -> None:
    """Raise QuestionErrors for what came under a name of no part, or of one that has no use for it."""
    for name in graph.supply:
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


def _missing(full: str, operation: Operation, name: str) -> QuestionError:
    return _required(full, ", ".join(operation.inputs[name].dims.split("|")[0].split()))


def _required(full: str, dims: str) -> QuestionError:
    return QuestionError(
        (full,), f"{full} is required, unless values that take its place are given", f"a tensor ({dims})",
        "nothing",
    )  # fmt: skip


def _handed(name: str, value: Value) -> Came:
    """What the whole hands over: called by its own name, and found at the inputs that it is made of."""
    near = nearest_names(value)
    own = "/".join(near) or name
    inputs = [one for one in near if value.graph.names[one].is_input]
    return Came(value.shape, (inputs[-1] if inputs else own,), own)


def _placed(error: QuestionError, came: Mapping[str, Came], called: Mapping[str, str]) -> QuestionError:
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
