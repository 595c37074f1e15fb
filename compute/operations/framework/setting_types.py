"""The types of values that a setting takes, by its annotation."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

from compute.dimensions import Size
from compute.operations.framework.declaration import Axes, Constant, Padding, Padding1d, Sides


def allowed_types(annotation: Any) -> tuple[Any, ...]:
    """Return the types of an annotation, without None."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(kind for kind in get_args(annotation) if kind is not type(None))
    return (annotation,)


def is_size(annotation: Any) -> bool:
    """Return whether a setting takes a whole number, or a symbol if only cost is asked for."""
    return set(allowed_types(annotation)) == set(get_args(Size))


def is_padding(annotation: Any) -> bool:
    """Return whether a setting takes a padding of one axis or two."""
    return set(allowed_types(annotation)) == set(get_args(Padding)) or is_padding_1d(annotation)


def is_padding_1d(annotation: Any) -> bool:
    """Return whether a setting takes the padding of one axis."""
    return set(allowed_types(annotation)) == set(get_args(Padding1d))


def is_sides(annotation: Any) -> bool:
    """Return whether a setting takes a number or a pair of numbers."""
    return set(allowed_types(annotation)) == set(get_args(Sides))


def is_axes(annotation: Any) -> bool:
    """Return whether a setting takes an axis or a list of axes."""
    return set(allowed_types(annotation)) == set(get_args(Axes))


def is_constant(annotation: Any) -> bool:
    """Return whether a setting takes a constant expression."""
    return set(allowed_types(annotation)) == set(get_args(Constant))
