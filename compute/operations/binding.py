"""From shapes to a graph: dimension names are unified over all inputs, then the operation is run on
handles. Sizes that nothing says stay symbols, so the same code answers for numbers and for letters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from compute.dimensions import Polynomial, Shape, ShapeError, Size, divide, product, show, symbols
from compute.errors import QuestionError, QuestionErrors
from compute.graph import Graph, Kind
from compute.operations.declaration import Operation

LEADING = "..."


class Tensor(NamedTuple):
    """What is known of a tensor before its entries: shape and kind."""

    shape: Shape
    kind: Kind = "real"


@dataclass
class Dimensions:
    """Dimension names with their sizes, and where each size was first seen."""

    sizes: dict[str, Size] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def bind(self, name: str, size: Size, origin: str) -> bool:
        """Whether the size agrees with what is known; a new name is taken over."""
        if name not in self.sizes:
            self.sizes[name], self.origins[name] = size, origin
        return self.sizes[name] == size

    def size(self, factors: tuple[str, ...]) -> Size:
        return product(
            int(one) if one.isdecimal() else self.sizes.get(one, Polynomial.symbol(one)) for one in factors
        )


def build(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    attributes: Mapping[str, Any],
    bound: Dimensions | None = None,
) -> Graph:
    """The graph of an operation for inputs of these shapes.

    attributes: those that were said. Required inputs that are missing get symbolic shapes.
    Raises QuestionErrors where shapes disagree.
    """
    settings = {name: one.default for name, one in operation.attributes.items()}
    settings.update(attributes)
    dimensions = _unify(operation, tensors, attributes, settings, bound or Dimensions())
    graph = Graph(declared=operation.values, dimensions=dimensions.sizes)
    handles = {}
    for name, declared in operation.inputs.items():
        if name not in tensors and name not in operation.required:
            continue
        axes = _axes(declared.dims_for(settings), None)
        shape = tuple(dimensions.size(factors) for factors in axes if factors != (LEADING,))
        tensor = tensors.get(name, Tensor(shape))
        axes = _axes(declared.dims_for(settings), len(tensor.shape))
        leading = len(tensor.shape) - len(axes) + 1 if (LEADING,) in axes else 0
        labels = ("batch",) * leading + tuple("*".join(factors) for factors in axes if factors != (LEADING,))
        handles[name] = graph.input(name, tensor.shape, symbol=declared.symbol, axes=labels, kind=tensor.kind)
        handles[name].is_parameter = declared.parameter
        handles[name].may_be_infinite = declared.mask
    for name, attribute in operation.attributes.items():
        if attribute.declared.dimension:
            settings[name] = dimensions.sizes[name]
    try:
        operation.function(**handles, **settings)
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    return graph


def _unify(
    operation: Operation,
    tensors: Mapping[str, Tensor],
    said: Mapping[str, Any],
    settings: Mapping[str, Any],
    dimensions: Dimensions,
) -> Dimensions:
    errors: list[QuestionError] = []
    counted = [name for name, one in operation.attributes.items() if one.declared.dimension]
    for name in counted:
        if name in said:
            dimensions.bind(name, said[name], f"the attribute {name}")
    present = [
        (name, declared.dims_for(settings), tensors[name].shape)
        for name, declared in operation.inputs.items()
        if name in tensors and not (declared.broadcast and name in tensors)
    ]
    fitting = []
    for name, dims, shape in present:
        try:
            fitting.append((name, dims, shape, list(_pair(dims, shape))))
        except ShapeError as error:
            errors.append(_misfit(name, dims, shape, dimensions, str(error)))
    for name, dims, shape, pairs in fitting:
        for axis, factors, size in pairs:
            if len(factors) == 1:
                [one] = factors
                if not dimensions.bind(one, size, f"axis {axis} of {name}"):
                    why = f"{one} is {size} here and {dimensions.sizes[one]} elsewhere"
                    errors.append(_misfit(name, dims, shape, dimensions, why))
    for name in counted:
        follows = operation.attributes[name].declared.follows
        default = dimensions.sizes[follows] if follows else settings[name]
        dimensions.bind(name, default, f"the default of {name}")
    for name, dims, shape, pairs in fitting:
        for axis, factors, size in pairs:
            if len(factors) > 1 and (why := _bind_product(dimensions, factors, size, name, axis)):
                errors.append(_misfit(name, dims, shape, dimensions, why))
    if errors:
        raise QuestionErrors(errors)
    for name, declared in operation.inputs.items():
        if name in operation.required:
            for factors in _axes(declared.dims_for(settings), None):
                for one in factors:
                    if one != LEADING and not one.isdecimal():
                        dimensions.sizes.setdefault(one, Polynomial.symbol(one))
    return dimensions


def _bind_product(dimensions: Dimensions, factors: tuple[str, ...], size: Size, name: str, axis: int) -> str:
    """Bind the one unknown factor of a product; what is wrong, or nothing."""
    open_factors = [one for one in factors if one not in dimensions.sizes]
    known = [one for one in factors if one in dimensions.sizes]
    expected = dimensions.size(tuple(known))
    if not open_factors:
        if expected == size:
            return ""
        return f"axis {axis} is {size} and not {'*'.join(factors)} = {expected}"
    try:
        quotient = divide(size, expected)
    except ShapeError:
        return f"axis {axis} is {size}, no multiple of {'*'.join(known)} = {expected}"
    dimensions.bind(open_factors[0], quotient, f"axis {axis} of {name}")
    return ""


def _axes(dims: str, rank: int | None) -> list[tuple[str, ...]]:
    """The axes of the alternative that a rank fits, each as its factors; the first for no rank."""
    alternatives = [[tuple(axis.split("*")) for axis in one.split()] for one in dims.split("|")]
    if rank is None:
        return alternatives[0]
    for axes in alternatives:
        if len(axes) == rank or (axes[0] == (LEADING,) and rank >= len(axes) - 1):
            return axes
    raise ShapeError(f"it has {rank} axes")


def _pair(dims: str, shape: Shape) -> Iterator[tuple[int, tuple[str, ...], Size]]:
    """Each axis of a shape with its factors; leading batch axes are passed over."""
    axes = [one for one in _axes(dims, len(shape)) if one != (LEADING,)]
    first = len(shape) - len(axes)
    return iter([(first + at, one, shape[first + at]) for at, one in enumerate(axes)])


def _misfit(name: str, dims: str, shape: Shape, dimensions: Dimensions, why: str) -> QuestionError:
    wanted = " or ".join("(" + ", ".join(one.split()) + ")" for one in dims.split("|"))
    mentioned = {one for axis in dims.replace("|", " ").split() for one in axis.split("*")}
    known = [
        f"{one} = {dimensions.sizes[one]} from {dimensions.origins[one]}"
        for one in dimensions.sizes
        if one in mentioned and not dimensions.origins[one].endswith(f" of {name}")
    ]
    return QuestionError(
        (name,),
        f"the shape of {name} does not fit: {why}",
        f"shape {wanted}" + (f", where {', '.join(known)}" if known else ""),
        f"shape {show(shape)}",
    )


def bind_given(graph: Graph, given: Mapping[str, Tensor]) -> Dimensions:
    """The sizes that given values settle for dimensions that no input does."""
    dimensions = Dimensions()
    for name, tensor in given.items():
        expected = graph.names[name].shape
        if len(expected) == len(tensor.shape):
            for axis, (wanted, size) in enumerate(zip(expected, tensor.shape, strict=True)):
                if isinstance(wanted, Polynomial) and wanted == Polynomial.symbol(str(wanted)):
                    dimensions.bind(str(wanted), size, f"axis {axis} of the given {name}")
    return dimensions


def check_shapes(graph: Graph, field_name: str, tensors: Mapping[str, Tensor]) -> None:
    """Raise QuestionErrors where tensors do not have the shapes of the values they are for."""
    errors = []
    for name, tensor in tensors.items():
        value = graph.names[name]
        if value.shape != tensor.shape and not any(symbols(size) for size in value.shape):
            axes = ", ".join(f"{label} = {size}" for label, size in zip(value.axes, value.shape, strict=True))
            errors.append(
                QuestionError(
                    (field_name, name),
                    f"the shape does not fit {name}",
                    f"shape {show(value.shape)}" + (f": {axes}" if axes else ""),
                    f"shape {show(tensor.shape)}",
                )
            )
    if errors:
        raise QuestionErrors(errors)
