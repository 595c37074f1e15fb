"""From shapes to a graph: dimension names are unified over all that came, then the operation is run on
handles. The same code answers for numbers and for letters.
"""

from collections.abc import Collection, Mapping
from typing import Any

from compute.dimensions import Size, show, symbols
from compute.errors import QuestionError, QuestionErrors
from compute.graph.graph import Graph, MissingPolicy
from compute.graph.value import Tensor, Value
from compute.operations.framework.declaration import Operation
from compute.operations.framework.signature import InputShape, Sizes, SizesResolved, admit, bind
from compute.operations.framework.submodules import MissingInputs, check_supply, run


def build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    given: Mapping[str, Tensor] | None = None,
    requested: Collection[str] = (),
    everything: bool = True,
    symbolic: bool = False,
    missing_policy: MissingPolicy = "unknown",
) -> Graph:
    """The graph of an operation for inputs of these shapes, those of its parts by their full names.

    said: attributes; others have their defaults. given: values that are taken instead of computed.
    requested, everything, symbolic, missing_policy: as for `Graph`. Required inputs that are missing get
    symbolic shapes. Raises QuestionErrors where shapes disagree.
    """
    try:
        return _settled(
            operation, tensors, said, given or {}, requested, None,
            everything=everything, symbolic=symbolic, missing_policy=missing_policy,
        )  # fmt: skip
    except MissingInputs as error:
        raise QuestionErrors(all_missing(operation, tensors, said, error.errors, symbolic=symbolic)) from None


def all_missing(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    first: list[QuestionError],
    *,
    symbolic: bool = False,
) -> list[QuestionError]:
    """The faults of all inputs that did not come, once some are known: it is built on assumed ones."""
    lacking: list[QuestionError] = []
    try:
        _settled(
            operation,
            tensors,
            said,
            {},
            (),
            lacking,
            everything=True,
            symbolic=symbolic,
            missing_policy="unknown",
        )
    except QuestionErrors as errors:  # what is wrong, and not just missing, is told once the rest is there
        lacking += [error for error in errors.errors if error.received == "nothing"]
    return [*{error.path: error for error in (*first, *lacking)}.values()]


def _settled(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    given: Mapping[str, Tensor],
    requested: Collection[str],
    lacking: list[QuestionError] | None,
    *,
    everything: bool,
    symbolic: bool,
    missing_policy: MissingPolicy,
) -> Graph:
    """The graph with all sizes that its parts tell. lacking: see `Graph`."""
    sizes: dict[str, tuple[Size, str]] = {}
    settling = missing_policy == "unknown" and bool(operation.parts)
    while True:
        if lacking is not None:
            lacking.clear()
        try:
            return _build(
                operation, tensors, said, given, requested, sizes, lacking,
                everything=everything, symbolic=symbolic, missing_policy=missing_policy, settling=settling,
            )  # fmt: skip
        except SizesResolved as found:
            settling = not found.sizes.keys() <= sizes.keys()
            sizes |= found.sizes


def _build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    given: Mapping[str, Tensor],
    requested: Collection[str],
    sizes: Sizes,
    lacking: list[QuestionError] | None,
    *,
    everything: bool,
    symbolic: bool,
    missing_policy: MissingPolicy,
    settling: bool,
) -> Graph:
    """The same for what is known of the sizes that no input of its own says.

    Raises Settled where parts tell more of them.
    """
    taken = {name: tensor.shape for name, tensor in given.items()}
    own = {name: tensor for name, tensor in tensors.items() if name in operation.inputs}
    came = {name: InputShape(tensor.shape, (name,), name) for name, tensor in own.items()}
    bound = bind(operation, came, said, taken, sizes=sizes)
    names = frozenset(requested) | taken.keys()
    graph = Graph(bound.values, bound.dimensions.sizes, taken, requested=names, everything=everything)
    graph.symbolic, graph.missing_policy, graph.may_resolve, graph.missing_errors = (
        symbolic,
        missing_policy,
        settling,
        lacking,
    )
    graph.sent_inputs = {name: tensor for name, tensor in tensors.items() if name not in own}
    handles = {
        name: admit(graph, operation, name, own.get(name), bound)
        for name in operation.inputs
        if name in own or name in operation.required
    }
    try:
        run(operation, graph, handles, bound)
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    check_supply(graph, operation)
    return graph


def call(operation: Operation, scope: str, graph: Graph | None = None, /, **arguments: Any) -> Value:
    """An operation as a part of another: its values are named behind the scope and a dot.

    graph: where they are put, if no input says it; arguments: handles for inputs (None for those left out),
    and attributes that are said.
    """
    if unknown := set(arguments) - set(operation.inputs) - set(operation.attributes):
        raise TypeError(f"{operation.name} takes no {', '.join(sorted(unknown))}")
    handles = {name: one for name, one in arguments.items() if isinstance(one, Value)}
    said = {name: one for name, one in arguments.items() if name in operation.attributes}
    graph = graph or next(iter(handles.values())).graph
    came = {name: InputShape(handle.shape, (name,), name) for name, handle in handles.items()}
    bound = bind(operation, came, said, graph.given_shapes_in(scope), prefix=graph.prefix(scope))
    with graph.scope(scope, bound.values, bound.dimensions.sizes):
        return run(operation, graph, handles, bound)


def check_upstream(graph: Graph, tensors: Mapping[str, Tensor]) -> None:
    """Raise QuestionErrors where upstream gradients do not have the shapes of their values."""
    errors = []
    for name, tensor in tensors.items():
        value = graph.names[name]
        if value.shape != tensor.shape and not any(symbols(size) for size in value.shape):
            sizes = zip(value.axes, value.shape, strict=True)
            axes = ", ".join(f"{label} = {size}" for label, size in sizes)
            errors.append(
                QuestionError(
                    ("upstream", name),
                    f"the shape does not fit {name}",
                    f"shape {show(value.shape)}" + (f": {axes}" if axes else ""),
                    f"shape {show(tensor.shape)}",
                )
            )
    if errors:
        raise QuestionErrors(errors)
