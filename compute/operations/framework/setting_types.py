"""Which kinds of values an attribute takes, by its annotation."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

from compute.dimensions import Size
from compute.operations.framework.declaration import Axes, Constant, Padding, Padding1d, Sides


def kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that an attribute may have, without None."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for one in get_args(annotation) if one is not type(None))
    return (annotation,)


def is_size(annotation: Any) -> bool:
    """Whether an attribute takes a whole number, or letters where only cost is asked."""
    return set(kinds(annotation)) == set(get_args(Size))


def is_padding(annotation: Any) -> bool:
    """Whether an attribute takes a padding, of one axis or of two."""
    return set(kinds(annotation)) == set(get_args(Padding)) or is_padding_1d(annotation)


def is_padding_1d(annotation: Any) -> bool:
    """Whether an attribute takes the padding of one axis."""
    return set(kinds(annotation)) == set(get_args(Padding1d))


def is_sides(annotation: Any) -> bool:
    """Whether an attribute takes a number or a pair of them."""
    return set(kinds(annotation)) == set(get_args(Sides))


def is_axes(annotation: Any) -> bool:
    """Whether an attribute takes an axis or a list of them."""
    return set(kinds(annotation)) == set(get_args(Axes))


def is_constant(annotation: Any) -> bool:
    """Whether an attribute takes a constant expression."""
    return set(kinds(annotation)) == set(get_args(Constant))
