"""An operation's declarations for the shapes that came: turned as its settings say, and with every dimension
name bound. Sizes that nothing says stay symbols.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from compute.budgets.planning import spend
from compute.dimensions import Polynomial, Shape, ShapeError, Size, outer_axes
from compute.errors import Path, QuestionErrors
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec
from compute.graph.value import Kind, Tensor, Value
from compute.operations.framework.declaration import Operation
from compute.operations.framework.unification import (
    LEADING,
    DimConstraint,
    Dimensions,
    match_dims,
    transposed_dims,
    unify,
)

BINDING = 6  # units for the shapes and settings of one operation

Sizes: TypeAlias = Mapping[str, tuple[Size, str]]
"""By dimension name: what its size has to be, and why."""
Assumed: TypeAlias = Mapping[str, Callable[[Mapping[str, Size]], Size]]
"""By dimension name: its size where nothing says it, made of the sizes that are known."""


class InputShape(NamedTuple):
    """A tensor as an operation gets it: its shape, where it stands in the question, and what to call it."""

    shape: Shape
    path: Path
    name: str


class SizesResolved(Exception):
    """Sizes of what is unknown, by the letters that stood for them, and where these sizes were found."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes


class Bound(NamedTuple):
    """An operation's declarations, turned as its settings say, and its dimensions."""

    settings: dict[str, Any]
    inputs: dict[str, str]
    values: dict[str, ValueSpec]
    dimensions: Dimensions


def said_sizes(**dimensions: tuple[str, Size | None]) -> dict[str, tuple[Size, str]]:
    """What settings say of dimensions: by dimension name the setting, and its size or None for nothing."""
    return {
        name: (size, f"the attribute {setting}")
        for name, (setting, size) in dimensions.items()
        if size is not None
    }


@dataclass(frozen=True, slots=True)
class Letter:
    """A size that nothing says, under the name that the whole has for it. For `Assumed`."""

    name: str

    def __call__(self, _: Mapping[str, Size]) -> Size:
        return Polynomial.symbol(self.name)


def bind(
    operation: Operation,
    came: Mapping[str, InputShape],
    said: Mapping[str, Any],
    given: Mapping[str, Shape],
    *,
    prefix: str = "",
    sizes: Sizes | None = None,
    assumed: Assumed | None = None,
    wanted: Collection[str] | None = None,
    settling: bool = False,
) -> Bound:
    """Unify the dimension names of all that came with their declarations.

    prefix: stands before the names of given values; sizes: what dimensions have to be, and why; wanted:
    names of inputs that are there though they did not come; settling: as for `Dimensions`. Raises
    QuestionErrors where shapes disagree, and Settled where they tell what letters stand for.
    """
    spend(BINDING)
    own = {name: one for name, one in operation.attributes.items() if not one.passed}
    settings = {name: one.default for name, one in own.items()} | dict(said)
    changed = operation.changed(said)
    inputs = {
        name: transposed_dims(one.dims) if one.turns in changed else one.dims
        for name, one in operation.inputs.items()
    }
    values = {name: _arranged(one, changed) for name, one in operation.values.items()}
    claims = [
        DimConstraint(came[name].path, came[name].name, dims, came[name].shape)
        for name, dims in inputs.items()
        if name in came and not operation.inputs[name].broadcast
    ] + [
        DimConstraint(
            ("given", prefix + name), f"the given {prefix}{name}", values[name].dims, shape, given=True
        )
        for name, shape in given.items()
        if name in values
    ]
    dimensions = Dimensions(may_resolve=settling)
    for name, (size, why) in (sizes or {}).items():
        dimensions.bind(name, size, why)
    _unify(operation, claims, said, dimensions)
    if dimensions.settled:
        raise SizesResolved(dimensions.settled)
    _learn(operation, inputs, came, dimensions)
    for name, size_of in (assumed or {}).items():
        if name not in dimensions.sizes:
            dimensions.bind(name, size_of(dimensions.sizes), "what is usual")
    for name in operation.required if wanted is None else wanted:
        for factors in match_dims(inputs[name], None):
            for one in factors:
                if one != LEADING and not one.isdecimal():
                    dimensions.sizes.setdefault(one, Polynomial.symbol(one))
    for name, attribute in own.items():
        if attribute.declared.dimension:
            settings[name] = dimensions.sizes.get(name)
    return Bound(settings, inputs, values, dimensions)


def _arranged(declared: ValueSpec, changed: Collection[str]) -> ValueSpec:
    """A value as it stands with these settings other than their defaults."""
    if declared.banded in changed:
        axes, dims = (text.rpartition(" ")[0] for text in (declared.axes, declared.dims))
        declared = declared._replace(axes=f"{axes} offset", dims=f"{dims} band")
    if declared.turns in changed:
        declared = declared._replace(axes=transposed_dims(declared.axes), dims=transposed_dims(declared.dims))
    return declared


def _unify(
    operation: Operation, claims: list[DimConstraint], said: Mapping[str, Any], dimensions: Dimensions
) -> None:
    """Bind all dimension names of the operation where something says their size."""
    defaults: dict[str, int | str] = {}
    for name, attribute in operation.attributes.items():
        if attribute.declared.dimension and not attribute.passed:
            default = attribute.declared.follows or attribute.default
            if default is not None and not attribute.required:
                defaults[name] = default
            if name in said:
                dimensions.bind(name, said[name], f"the attribute {name}")
    if errors := unify(claims, dimensions, defaults):
        raise QuestionErrors(errors)


def _learn(
    operation: Operation, inputs: Mapping[str, str], came: Mapping[str, InputShape], dimensions: Dimensions
) -> None:
    """Sizes that nothing else says from masks, whose axes are of size 1 or as what they mask."""
    for name, one in operation.inputs.items():
        if not (one.mask and one.broadcast and name in came):
            continue
        shape = came[name].shape
        declared = [axis for axis in match_dims(inputs[name], None) if axis != (LEADING,)][::-1]
        for axis, (factors, size) in enumerate(zip(declared, shape[::-1], strict=False)):
            if len(factors) == 1 and size != 1:
                origin = f"axis {len(shape) - 1 - axis} of {came[name].name}"
                if factors[0] not in dimensions.sizes:
                    dimensions.bind(factors[0], size, origin)


def admit(graph: Graph, operation: Operation, name: str, tensor: Tensor | None, bound: Bound) -> Value:
    """An input of the operation as a value of the graph; of its usual shape where it did not come."""
    declared, dims = operation.inputs[name], bound.inputs[name]
    shape = tensor.shape if tensor else tuple(
        bound.dimensions.size(one) for one in match_dims(dims, None) if one != (LEADING,)
    )  # fmt: skip
    labels = _labels(dims, len(shape))
    kind: Kind = "boolean" if declared.boolean else tensor.kind if tensor else "real"
    value = graph.input(
        graph.full_name(name),
        shape,
        symbol=declared.symbol,
        axes=(*outer_axes(dims, len(shape) - len(labels), is_batch=operation.has_positions), *labels),
        kind=kind,
    )
    value.is_assumed = tensor is None
    value.has_open_batch = value.is_assumed and LEADING in dims
    value.is_parameter, value.may_be_infinite = declared.parameter, declared.mask
    return value


def _labels(dims: str, rank: int) -> list[str]:
    """What the last axes of an input run over; one that broadcasts may have fewer than it declares."""
    try:
        axes = match_dims(dims, rank)
    except ShapeError:
        axes = match_dims(dims, None)
    labels = ["*".join(one) for one in axes if one != (LEADING,)]
    return labels[len(labels) - min(rank, len(labels)) :]
