"""Building the graph of an operation from shapes: dimension names are unified, then the function is run.

The same code serves numbers and symbolic sizes.
"""

from collections.abc import Collection, Mapping
from typing import Any

from compute.dimensions import Size, show, symbols
from compute.errors import QuestionError, QuestionErrors
from compute.graph.graph import Graph, MissingPolicy, Replacement, Value
from compute.graph.spec import Tensor
from compute.operations.framework.declaration import Operation
from compute.operations.framework.signature import InputShape, Sizes, SizesResolved, add_input, bind
from compute.operations.framework.submodules import MissingInputs, check_sent_inputs, run_operation


def build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    given: Mapping[str, Tensor] | None = None,
    requested: Collection[str] = (),
    everything: bool = True,
    symbolic: bool = False,
    missing_policy: MissingPolicy = "unknown",
    replacement: Replacement | None = None,
) -> Graph:
    """Build the graph of an operation for inputs of these shapes.

    tensors: the inputs; those of sublayers by their full names.
    settings: the attributes that are set; others have their defaults.
    given: values that are given instead of computed.
    requested, everything, symbolic, missing_policy, replacement: as for `Graph`.

    Required inputs that are missing get symbolic shapes. Raises QuestionErrors if shapes disagree.
    """
    try:
        return _build_resolved(
            operation, tensors, settings, given or {}, requested, None,
            everything=everything, symbolic=symbolic, missing_policy=missing_policy,
            replacement=replacement,
        )  # fmt: skip
    except MissingInputs as error:
        errors = find_missing(operation, tensors, settings, error.errors, symbolic=symbolic)
        raise QuestionErrors(errors) from None


def find_missing(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    first: list[QuestionError],
    *,
    symbolic: bool = False,
) -> list[QuestionError]:
    """Return the errors of all missing inputs, by building on assumed ones.

    first: the errors that are known already; they come first.
    """
    lacking: list[QuestionError] = []
    try:
        _build_resolved(
            operation,
            tensors,
            settings,
            {},
            (),
            lacking,
            everything=True,
            symbolic=symbolic,
            missing_policy="unknown",
            replacement=None,
        )
    except QuestionErrors as errors:  # other errors are reported once nothing is missing
        lacking += [error for error in errors.errors if error.received == "nothing"]
    return [*{error.path: error for error in (*first, *lacking)}.values()]


def _build_resolved(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    given: Mapping[str, Tensor],
    requested: Collection[str],
    lacking: list[QuestionError] | None,
    *,
    everything: bool,
    symbolic: bool,
    missing_policy: MissingPolicy,
    replacement: Replacement | None,
) -> Graph:
    """Build the graph, again whenever sublayers resolve more sizes. lacking: see `Graph`."""
    sizes: dict[str, tuple[Size, str]] = {}
    resolving = missing_policy == "unknown" and bool(operation.parts)
    while True:
        if lacking is not None:
            lacking.clear()
        try:
            return _build(
                operation, tensors, settings, given, requested, sizes, lacking,
                everything=everything, symbolic=symbolic, missing_policy=missing_policy, resolving=resolving,
                replacement=replacement,
            )  # fmt: skip
        except SizesResolved as error:
            resolving = not error.sizes.keys() <= sizes.keys()
            sizes |= error.sizes


def _build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    given: Mapping[str, Tensor],
    requested: Collection[str],
    sizes: Sizes,
    lacking: list[QuestionError] | None,
    *,
    everything: bool,
    symbolic: bool,
    missing_policy: MissingPolicy,
    resolving: bool,
    replacement: Replacement | None,
) -> Graph:
    """Build the graph once. sizes: those resolved so far.

    Raises SizesResolved if sublayers determine more of them.
    """
    given_shapes = {name: tensor.shape for name, tensor in given.items()}
    own = {name: tensor for name, tensor in tensors.items() if name in operation.inputs}
    shapes = {name: InputShape(tensor.shape, (name,), name) for name, tensor in own.items()}
    bound = bind(operation, shapes, settings, given_shapes, sizes=sizes)
    names = frozenset(requested) | given_shapes.keys()
    graph = Graph(bound.values, bound.dimensions.sizes, given_shapes, requested=names, everything=everything)
    graph.symbolic, graph.missing_policy, graph.may_resolve, graph.missing_errors = (
        symbolic,
        missing_policy,
        resolving,
        lacking,
    )
    graph.replacement = replacement
    graph.sent_inputs = {name: tensor for name, tensor in tensors.items() if name not in own}
    handles = {
        name: add_input(graph, operation, name, own.get(name), bound)
        for name in operation.inputs
        if name in own or name in operation.required
    }
    try:
        run_operation(operation, graph, handles, bound)
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    check_sent_inputs(graph, operation)
    return graph


def call(operation: Operation, scope: str, graph: Graph | None = None, /, **arguments: Any) -> Value:
    """Call an operation inside another. Its values are named `scope.name`.

    graph: the graph to add them to, if no input determines it.
    arguments: handles of inputs (None for those left out), and settings.
    """
    if unknown := set(arguments) - set(operation.inputs) - set(operation.attributes):
        raise TypeError(f"{operation.name} takes no {', '.join(sorted(unknown))}")
    handles = {name: value for name, value in arguments.items() if isinstance(value, Value)}
    settings = {name: value for name, value in arguments.items() if name in operation.attributes}
    graph = graph or next(iter(handles.values())).graph
    shapes = {name: InputShape(handle.shape, (name,), name) for name, handle in handles.items()}
    bound = bind(operation, shapes, settings, graph.given_shapes_in(scope), prefix=graph.prefix(scope))
    with graph.scope(scope, bound.values, bound.dimensions.sizes):
        return run_operation(operation, graph, handles, bound)


def check_upstream(graph: Graph, tensors: Mapping[str, Tensor]) -> None:
    """Raise QuestionErrors if upstream gradients do not have the shapes of their values."""
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
