"""From shapes to a graph: dimension names are unified over all that came, then the operation is run on
handles. Sizes that nothing says stay symbols, so the same code answers for numbers and for letters.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from compute.dimensions import Polynomial, Shape, ShapeError, outer_axes, show, symbols
from compute.errors import QuestionError, QuestionErrors
from compute.graph import Graph
from compute.named import Named
from compute.operations.declaration import Operation
from compute.operations.unification import LEADING, Claim, Dimensions, fitting, turned, unify
from compute.value import Kind, Value


class Tensor(NamedTuple):
    """What is known of a tensor before its entries: shape and kind."""

    shape: Shape
    kind: Kind = "real"


def build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    given: Mapping[str, Tensor] | None = None,
    requested: Collection[str] = (),
    everything: bool = True,
    symbolic: bool = False,
) -> Graph:
    """The graph of an operation for inputs of these shapes.

    said: attributes; others have their defaults. given: values that are taken instead of computed.
    requested, everything, symbolic: as for `Graph`. Required inputs that are missing get symbolic shapes.
    Raises QuestionErrors where shapes disagree.
    """
    taken = {name: tensor.shape for name, tensor in (given or {}).items()}
    bound = _bind(operation, {name: tensor.shape for name, tensor in tensors.items()}, said, taken)
    names = frozenset(requested) | taken.keys()
    graph = Graph(bound.values, bound.dimensions.sizes, taken, requested=names, everything=everything)
    graph.symbolic = symbolic
    handles = {}
    for name, declared in operation.inputs.items():
        if name in tensors or name in operation.required:
            dims = bound.inputs[name]
            standard = [bound.dimensions.size(one) for one in fitting(dims, None) if one != (LEADING,)]
            tensor = tensors.get(name, Tensor(tuple(standard)))
            labels = _labels(dims, len(tensor.shape))
            outer = len(tensor.shape) - len(labels)
            kind: Kind = "boolean" if declared.boolean else tensor.kind
            handle = graph.input(
                name,
                tensor.shape,
                symbol=declared.symbol,
                axes=(*outer_axes(dims, outer), *labels),
                kind=kind,
            )
            handle.is_assumed = name not in tensors
            handle.has_open_batch = handle.is_assumed and LEADING in dims
            handle.is_parameter, handle.may_be_infinite = declared.parameter, declared.mask
            handles[name] = handle
    graph_itself = {"graph": graph} if operation.takes_graph else {}
    try:
        operation.function(**graph_itself, **handles, **bound.settings)
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    return graph


def _labels(dims: str, rank: int) -> list[str]:
    """What the last axes of an input run over; one that broadcasts may have fewer than it declares."""
    try:
        axes = fitting(dims, rank)
    except ShapeError:
        axes = fitting(dims, None)
    labels = ["*".join(one) for one in axes if one != (LEADING,)]
    return labels[len(labels) - min(rank, len(labels)) :]


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
    prefix = graph.prefix(scope)
    taken = {name.removeprefix(prefix): one for name, one in graph.given.items() if name.startswith(prefix)}
    bound = _bind(operation, {name: handle.shape for name, handle in handles.items()}, said, taken, prefix)
    with graph.scope(scope, bound.values, bound.dimensions.sizes):
        graph_itself = {"graph": graph} if operation.takes_graph else {}
        return operation.function(**graph_itself, **handles, **bound.settings)


class _Bound(NamedTuple):
    """An operation's declarations, turned as its settings say, and its dimensions."""

    settings: dict[str, Any]
    inputs: dict[str, str]
    values: dict[str, Named]
    dimensions: Dimensions


def _bind(
    operation: Operation,
    shapes: Mapping[str, Shape],
    said: Mapping[str, Any],
    given: Mapping[str, Shape],
    prefix: str = "",
) -> _Bound:
    settings = {name: one.default for name, one in operation.attributes.items()} | dict(said)
    changed = {name for name, one in operation.attributes.items() if settings[name] != one.default}
    inputs = {
        name: turned(one.dims) if one.turns in changed else one.dims for name, one in operation.inputs.items()
    }
    values = {name: _arranged(one, changed) for name, one in operation.values.items()}
    claims = [
        Claim((name,), name, dims, shapes[name])
        for name, dims in inputs.items()
        if name in shapes and not operation.inputs[name].broadcast
    ] + [
        Claim(("given", prefix + name), f"the given {prefix}{name}", values[name].dims, shape, given=True)
        for name, shape in given.items()
        if name in values
    ]
    dimensions = _dimensions(operation, inputs, claims, said)
    for name, attribute in operation.attributes.items():
        if attribute.declared.dimension:
            settings[name] = dimensions.sizes[name]
    return _Bound(settings, inputs, values, dimensions)


def _arranged(declared: Named, changed: Collection[str]) -> Named:
    """A value as it stands with these settings other than their defaults."""
    if declared.banded in changed:
        axes, dims = (text.rpartition(" ")[0] for text in (declared.axes, declared.dims))
        declared = declared._replace(axes=f"{axes} offset", dims=f"{dims} band")
    if declared.turns in changed:
        declared = declared._replace(axes=turned(declared.axes), dims=turned(declared.dims))
    return declared


def _dimensions(
    operation: Operation, inputs: Mapping[str, str], claims: list[Claim], said: Mapping[str, Any]
) -> Dimensions:
    """All dimension names of the operation, bound where something says their size."""
    dimensions = Dimensions()
    defaults: dict[str, int | str] = {}
    for name, attribute in operation.attributes.items():
        if attribute.declared.dimension:
            if not attribute.required:
                defaults[name] = attribute.declared.follows or attribute.default
            if name in said:
                dimensions.bind(name, said[name], f"the attribute {name}")
    if errors := unify(claims, dimensions, defaults):
        raise QuestionErrors(errors)
    for name in operation.required:
        for factors in fitting(inputs[name], None):
            for one in factors:
                if one != LEADING and not one.isdecimal():
                    dimensions.sizes.setdefault(one, Polynomial.symbol(one))
    return dimensions


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
