"""Operations made of others: inputs that the outer operation provides, and inputs from the question."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compute.dimensions import Shape, Size, symbols
from compute.errors import Path, QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph, Value, nearest_names
from compute.graph.spec import Tensor
from compute.operations.framework.declaration import INDEX, Input, Operation, Sublayer
from compute.operations.framework.signature import (
    Assumed,
    Bound,
    InputShape,
    Sizes,
    SymbolicSize,
    add_input,
    bind,
)


@dataclass(frozen=True, slots=True)
class Submodule:
    """A sublayer of an operation that is being built, or a list of them."""

    name: str
    declared: Sublayer
    graph: Graph

    def __getitem__(self, index: int | str) -> "Submodule":
        """Return one of a list of sublayers."""
        return replace(self, name=f"{self.name}[{index}]")

    @property
    def prefix(self) -> str:
        """The prefix of all names inside it."""
        return self.graph.prefix(self.name)

    @property
    def is_sent(self) -> bool:
        """True if the question has any input or value for it."""
        return self.graph.has_inputs_under(self.prefix)

    def sent_input(self, name: str) -> Tensor | None:
        """Return the question's tensor for one of its inputs."""
        return self.graph.sent_inputs.get(self.prefix + name)

    def has_sent(self, sublayer: str) -> bool:
        """Return whether the question has any input or value for one of its own sublayers."""
        return self.graph.has_inputs_under(f"{self.prefix}{sublayer}.")

    def value(self, name: str) -> Value:
        """Return one of its values, once it is built."""
        return self.graph.names[self.prefix + name]

    @property
    def count(self) -> int:
        """For a list: one more than the largest index with an input or a given value in the question."""
        pattern = re.compile(re.escape(self.graph.full_name(self.name)) + INDEX)
        matches = [pattern.match(name) for name in (*self.graph.sent_inputs, *self.graph.given)]
        return 1 + max((int(match[1]) for match in matches if match is not None), default=-1)

    def __call__(
        self,
        settings: Mapping[str, Any],
        /,
        *,
        which: str | None = None,
        required: Collection[str] = (),
        optional: Collection[str] = (),
        biases: bool | None = None,
        sizes: Sizes | None = None,
        assumed: Assumed | None = None,
        setting_names: Mapping[str, str] | None = None,
        **provided: Any,
    ) -> Value:
        """Build the sublayer and return its output. Raises QuestionErrors.

        settings: the outer operation's; those that the sublayer does not have are skipped.
        which: the name of the operation, if the sublayer is declared with several.
        required: inputs that are required here in addition to the operation's own.
        optional: inputs that exist only if they are sent.
        biases: whether it has biases; None: those that are sent.
        sizes, assumed: as for `bind`.
        setting_names: the outer operation's names of provided settings that have another name there.
        provided: handles for inputs, and settings.
        """
        graph = self.graph
        operation = next(one for one in self.declared.operations if which in (None, one.name))
        settings = {
            name: value for name, value in {**settings, **provided}.items() if name in operation.attributes
        }
        handles = {name: value for name, value in provided.items() if isinstance(value, Value)}
        sent = {
            name: tensor for name in self.declared.inputs if (tensor := self.sent_input(name)) is not None
        }
        expected = self._expected_inputs(
            operation, {*operation.required, *required}, {*provided, *optional}, biases
        )
        dim_names = {
            dim: size.name for dim, size in (assumed or {}).items() if isinstance(size, SymbolicSize)
        }
        self._check(operation, sent, expected, biases, dim_names)
        shapes = {name: _provided_shape(name, value) for name, value in handles.items()}
        for name, tensor in sent.items():
            full = self.prefix + name
            shapes[name] = InputShape(tensor.shape, (full,), full)
        bound = bind(
            operation, shapes, settings, graph.given_shapes_in(self.name), prefix=self.prefix, sizes=sizes,
            assumed=assumed, required={*expected, *sent}, resolving=graph.may_resolve,
        )  # fmt: skip
        for name, attribute in operation.attributes.items():
            if attribute.declared.dimension and name in bound.dimensions.sizes:
                _state_size(graph, name, graph.full_name(self.name), bound.dimensions.sizes[name])
        with graph.scope(self.name, bound.values, bound.dimensions.sizes):
            for name in operation.inputs:
                if name in sent or name in expected:
                    handles[name] = add_input(graph, operation, name, sent.get(name), bound)
            try:
                return run_operation(operation, graph, handles, bound)
            except QuestionError as error:
                raise _relocate_error(error, shapes, setting_names or {}) from None

    def _expected_inputs(
        self, operation: Operation, required: Collection[str], absent: Collection[str], biases: bool | None
    ) -> list[str]:
        """Return the inputs that the question has to send: the required ones, and biases if it has them."""
        has_biases = self.graph.missing_policy == "usual" if biases is None else biases
        return [
            name
            for name, declared in operation.inputs.items()
            if name not in {*self.declared.provided, *absent}
            and (name in required or (declared.is_bias and has_biases))
        ]

    def _check(
        self,
        operation: Operation,
        sent: Mapping[str, Tensor],
        expected: Collection[str],
        biases: bool | None,
        dim_names: Mapping[str, str],
    ) -> None:
        """Raise QuestionErrors for missing inputs, and for biases or booleans that are not allowed.

        dim_names: the outer operation's names of dimensions.
        """
        prefix, inputs = self.prefix, operation.inputs
        absent = [name for name in expected if name not in sent]
        if lacking := [missing_error(prefix + name, inputs[name], dim_names) for name in absent]:
            if self.graph.missing_policy == "refused":
                raise MissingInputs(lacking)
            if self.graph.missing_errors is not None:
                self.graph.missing_errors += lacking
        for name, tensor in sent.items():
            if inputs[name].is_bias and biases is False:
                raise QuestionErrors([unused_error(prefix + name, "biases are off")])
            if tensor.kind == "boolean" and not inputs[name].mask:
                raise at((prefix + name,), f"{name} cannot hold booleans", "numbers", "booleans")


def run_operation(operation: Operation, graph: Graph, handles: Mapping[str, Value], bound: Bound) -> Value:
    """Call an operation's function with handles, sublayers and settings, inside its scope."""
    parts = {name: Submodule(name, declared, graph) for name, declared in operation.parts.items()}
    graph_argument = {"graph": graph} if operation.takes_graph else {}
    with graph.building(operation.name, bound.settings, handles):
        return operation.function(**graph_argument, **handles, **parts, **bound.settings)


def _state_size(graph: Graph, name: str, part: str, size: Size) -> None:
    """State a size in the conventions: once if all sublayers share it, otherwise by sublayer."""
    if graph.missing_policy == "unknown" and symbols(size):
        return  # the size of this sublayer is unknown
    stated = graph.stated_sizes.setdefault(name, {})
    stated[part] = size
    graph.conventions[name] = dict(stated) if any(other != size for other in stated.values()) else size


def add_required_input(graph: Graph, name: str, declared: Input, shape: Shape) -> Value:
    """Add a missing input that the operation's settings require, with the shape that it must have.

    Raises QuestionErrors if missing inputs are refused.
    """
    full = graph.full_name(name)
    if graph.missing_policy == "refused":
        raise MissingInputs([missing_error(full, declared)])
    if graph.missing_errors is not None:
        graph.missing_errors.append(missing_error(full, declared))
    value = graph.input(full, shape, symbol=declared.symbol, axes=tuple(declared.dims.split()))
    value.is_assumed, value.is_parameter = True, declared.parameter
    return value


def check_sent_inputs(graph: Graph, operation: Operation) -> None:
    """Raise QuestionErrors for a sent input that no sublayer has, or that no sublayer used."""
    for name in graph.sent_inputs:
        if operation.find_input(name) is None:
            raise QuestionErrors([unknown_input_error((name,), operation, name)])
        if name not in graph.names:
            raise QuestionErrors([unused_error(name, "nothing here takes it")])


def unknown_input_error(path: Path, operation: Operation, name: str, prefix: str = "") -> QuestionError:
    """Return the error for a dotted name that no sublayer has; it suggests names of the last known scope.

    prefix: the prefix of all names of the operation.
    """
    scopes = name.split(".")[:-1]
    while (part := operation.find_part(scopes)) is None:
        scopes.pop()
    inner = [f"{name}[0]" if sublayer.is_list else name for name, sublayer in part.parts.items()]
    inputs = part.inputs if scopes else ()  # the operation's own inputs have no dot
    start = prefix + "".join(f"{scope}." for scope in scopes)
    return unknown_name(path, "input", prefix + name, [start + known for known in (*inputs, *inner)])


def unused_error(name: str, why: str) -> QuestionError:
    """Return the error for a tensor that would be ignored."""
    return QuestionError((name,), f"{name} has no use here: {why}", f"no {name}", "a tensor")


class MissingInputs(QuestionErrors):
    """Required inputs are missing. It lists the first ones only; `find_missing` finds the others."""


def missing_error(full: str, declared: Input, dim_names: Mapping[str, str] | None = None) -> QuestionError:
    """Return the error for a missing input. dim_names: the outer operation's names of its dimensions."""
    dims = ", ".join((dim_names or {}).get(dim, dim) for dim in declared.dims.split("|")[0].split())
    return QuestionError(
        (full,), f"{full} is required, unless values that take its place are given", f"a tensor ({dims})",
        "nothing",
    )  # fmt: skip


def _provided_shape(name: str, value: Value) -> InputShape:
    """Return the shape of a provided input, with its nearest names and the request field of one of them."""
    near = nearest_names(value)
    own = "/".join(near) or name
    inputs = [other for other in near if value.graph.names[other].is_input]
    return InputShape(value.shape, (inputs[-1] if inputs else own,), own)


def _relocate_error(
    error: QuestionError, shapes: Mapping[str, InputShape], setting_names: Mapping[str, str]
) -> QuestionError:
    """Re-point a sublayer's error at the request field that its input or setting came from."""
    name, message = str(error.path[0]) if error.path else "", error.message
    if name in setting_names:
        path: Path = (setting_names[name], *error.path[1:])
        return type(error)(path, message, error.expected, error.received)
    if name not in shapes:
        return error
    _, path, full = shapes[name]
    if message.startswith(f"{name} "):
        message = full + message.removeprefix(name)
    return type(error)((*path, *error.path[1:]), message, error.expected, error.received)
