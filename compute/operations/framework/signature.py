"""Binding an operation's signature to the shapes of a question: every dimension name gets its size.

Sizes that nothing determines stay symbols.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from compute.budgets.planning import spend
from compute.dimensions import Polynomial, Shape, ShapeError, Size, outer_axes
from compute.errors import Path, QuestionErrors
from compute.graph.graph import Graph, Value
from compute.graph.spec import Kind, Tensor, ValueSpec
from compute.operations.framework.declaration import AttributeField, Operation
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
"""By dimension name: its required size, and the source of that size for messages."""
Assumed: TypeAlias = Mapping[str, Callable[[Mapping[str, Size]], Size]]
"""By dimension name: a function from the known sizes to the size to assume if nothing determines it."""


class InputShape(NamedTuple):
    """The shape of an operation's input.

    shape: the shape.
    path: the request field that it came from, for errors.
    name: the name of the input in messages.
    """

    shape: Shape
    path: Path
    name: str


class SizesResolved(Exception):
    """Sizes discovered while building.

    sizes: by the symbol that was a placeholder for it, each size with its source.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes


class Bound(NamedTuple):
    """An operation's declarations for one question.

    settings: all settings, with defaults and bound dimensions.
    inputs: the dims of each input, transposed if a setting asks for it.
    values: the spec of each value, likewise.
    dimensions: the sizes of dimension names.
    """

    settings: dict[str, Any]
    inputs: dict[str, str]
    values: dict[str, ValueSpec]
    dimensions: Dimensions


def sizes_from_settings(**dimensions: tuple[str, Size | None]) -> dict[str, tuple[Size, str]]:
    """Return the sizes that settings determine, without those that are None.

    dimensions: by dimension name, the name of the setting and its value.
    """
    return {
        name: (size, f"the attribute {setting}")
        for name, (setting, size) in dimensions.items()
        if size is not None
    }


@dataclass(frozen=True, slots=True)
class SymbolicSize:
    """An undetermined size, as a symbol with the outer operation's name for it. For `Assumed`."""

    name: str

    def __call__(self, _: Mapping[str, Size]) -> Size:
        return Polynomial.symbol(self.name)


def bind(
    operation: Operation,
    shapes: Mapping[str, InputShape],
    settings: Mapping[str, Any],
    given: Mapping[str, Shape],
    *,
    prefix: str = "",
    sizes: Sizes | None = None,
    assumed: Assumed | None = None,
    required: Collection[str] | None = None,
    resolving: bool = False,
) -> Bound:
    """Bind an operation's dimension names to the shapes and settings of a question.

    shapes: of the inputs, by name.
    settings: those that are set; others have their defaults.
    given: the shapes of given values, by name.
    prefix: the scope of given values, for messages.
    sizes: required sizes.
    assumed: sizes for dimensions that nothing determines.
    required: names of inputs that exist even if no shape is known; by default the operation's required ones.
    resolving: as for `Dimensions`.

    Raises QuestionErrors if shapes disagree, and SizesResolved if they determine the number of a symbol.
    """
    spend(BINDING)
    own = {name: attribute for name, attribute in operation.attributes.items() if not attribute.is_inherited}
    changed = operation.changed_settings(settings)
    inputs = {
        name: transposed_dims(declared.dims) if declared.transposed_by in changed else declared.dims
        for name, declared in operation.inputs.items()
    }
    values = {name: _arrange_value(spec, changed) for name, spec in operation.values.items()}
    constraints = [
        DimConstraint(shapes[name].path, shapes[name].name, dims, shapes[name].shape)
        for name, dims in inputs.items()
        if name in shapes and not operation.inputs[name].broadcast
    ] + [
        DimConstraint(
            ("given", prefix + name), f"the given {prefix}{name}", values[name].dims, shape, given=True
        )
        for name, shape in given.items()
        if name in values
    ]
    dimensions = Dimensions(resolving=resolving)
    for name, (size, why) in (sizes or {}).items():
        dimensions.bind(name, size, why)
    _unify(own, constraints, settings, dimensions)
    if dimensions.resolved:
        raise SizesResolved(dimensions.resolved)
    _infer_from_masks(operation, inputs, shapes, dimensions)
    for name, size_of in (assumed or {}).items():
        if name not in dimensions.sizes:
            dimensions.bind(name, size_of(dimensions.sizes), "what is usual")
    for name in operation.required if required is None else required:
        for factors in match_dims(inputs[name], None):
            for factor in factors:
                if factor != LEADING and not factor.isdecimal():
                    dimensions.sizes.setdefault(factor, Polynomial.symbol(factor))
    bound = {name: attribute.default for name, attribute in own.items()} | dict(settings)
    for name, attribute in own.items():
        if attribute.declared.dimension:
            bound[name] = dimensions.sizes.get(name)
    return Bound(bound, inputs, values, dimensions)


def _arrange_value(spec: ValueSpec, changed: Collection[str]) -> ValueSpec:
    """Return a value's spec with the axes that it has if these settings are not at their defaults."""
    if spec.banded in changed:
        axes, dims = (text.rpartition(" ")[0] for text in (spec.axes, spec.dims))
        spec = spec._replace(axes=f"{axes} offset", dims=f"{dims} band")
    if spec.transposed_by in changed:
        spec = spec._replace(axes=transposed_dims(spec.axes), dims=transposed_dims(spec.dims))
    return spec


def _unify(
    attributes: Mapping[str, AttributeField],
    constraints: list[DimConstraint],
    settings: Mapping[str, Any],
    dimensions: Dimensions,
) -> None:
    """Bind all dimension names whose size is determined. attributes: the operation's own."""
    defaults: dict[str, int | str] = {}
    for name, attribute in attributes.items():
        if attribute.declared.dimension:
            default = attribute.declared.follows or attribute.default
            if default is not None and not attribute.required:
                defaults[name] = default
            if name in settings:
                dimensions.bind(name, settings[name], f"the attribute {name}")
    if errors := unify(constraints, dimensions, defaults):
        raise QuestionErrors(errors)


def _infer_from_masks(
    operation: Operation, inputs: Mapping[str, str], shapes: Mapping[str, InputShape], dimensions: Dimensions
) -> None:
    """Bind names that are still free to the sizes of masks. A mask's axis of size 1 says nothing."""
    for name, declared in operation.inputs.items():
        if not (declared.mask and declared.broadcast and name in shapes):
            continue
        shape = shapes[name].shape
        axes = [factors for factors in match_dims(inputs[name], None) if factors != (LEADING,)][::-1]
        for axis, (factors, size) in enumerate(zip(axes, shape[::-1], strict=False)):
            if len(factors) == 1 and size != 1:
                origin = f"axis {len(shape) - 1 - axis} of {shapes[name].name}"
                if factors[0] not in dimensions.sizes:
                    dimensions.bind(factors[0], size, origin)


def add_input(graph: Graph, operation: Operation, name: str, tensor: Tensor | None, bound: Bound) -> Value:
    """Add an input of the operation to the graph. tensor: None for an input that is assumed to exist."""
    declared, dims = operation.inputs[name], bound.inputs[name]
    shape = tensor.shape if tensor else tuple(
        bound.dimensions.size(factors) for factors in match_dims(dims, None) if factors != (LEADING,)
    )  # fmt: skip
    labels = _axis_labels(dims, len(shape))
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


def _axis_labels(dims: str, rank: int) -> list[str]:
    """Return the labels of an input's last axes; an input that broadcasts may have fewer than it declares."""
    try:
        axes = match_dims(dims, rank)
    except ShapeError:
        axes = match_dims(dims, None)
    labels = ["*".join(factors) for factors in axes if factors != (LEADING,)]
    return labels[len(labels) - min(rank, len(labels)) :]
