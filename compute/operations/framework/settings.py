"""Checks of literals as values of settings, for operations that a program calls by name."""

from typing import Any, Literal, get_args, get_origin

from compute.dimensions import Polynomial, Size
from compute.integers import with_integers
from compute.operations.framework.declaration import AttributeField
from compute.operations.framework.setting_types import (
    allowed_types,
    is_axes,
    is_constant,
    is_padding,
    is_padding_1d,
    is_sides,
    is_size,
)

LARGEST = 2**31 - 1


def with_integral_floats(attribute: AttributeField, value: Any) -> Any:
    """Make 2.0 the integer 2, unless the attribute takes constants."""
    if is_constant(attribute.annotation):
        return value
    # A padding may be two pairs.
    return tuple(map(with_integers, value)) if type(value) is tuple else with_integers(value)


def fits(attribute: AttributeField, value: Any) -> bool:
    """Return whether the value has a type of the attribute and is not below its minimum."""
    annotation, least = attribute.annotation, attribute.declared.minimum
    if is_constant(annotation):
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    if is_sides(annotation):
        return _are_sides(value, least or 0)
    if is_padding(annotation):
        pairs = (
            isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, tuple) for side in value)
        )
        pairs = pairs and not is_padding_1d(annotation)
        return value in ("same", "valid") or (
            all(_are_sides(side, 0) and isinstance(side, tuple) for side in value)
            if pairs
            else _are_sides(value, 0)
        )
    if is_size(annotation):
        return _is_whole(value, least or 0)
    if is_axes(annotation):
        return all(_is_whole(axis, -LARGEST) for axis in (value if isinstance(value, tuple) else (value,)))
    return any(_is_of_type(kind, value, least) for kind in allowed_types(annotation))


def describe_expected(attribute: AttributeField) -> str:
    """Describe the values that fit, for messages."""
    least = attribute.declared.minimum
    whole = "a whole number" if least in (None, -LARGEST) else f"a whole number of at least {least}"
    words: dict[Any, str] = {
        bool: "True or False", int: whole, float: "a number", str: "text",
        tuple[int, ...]: f"{whole} or a list of them",
        tuple[Size, ...]: f"{whole} or a list of them",
        tuple[tuple[int, ...], ...]: "a list of pairs",
    }  # fmt: skip
    if is_constant(attribute.annotation):
        return "a number or a constant expression"
    if is_sides(attribute.annotation) or is_padding(attribute.annotation):
        words_too = ", same or valid" if is_padding(attribute.annotation) else ""
        return f"{whole} or a list of two{words_too}"
    if is_size(attribute.annotation):
        return whole
    if is_axes(attribute.annotation):
        return "a whole number or a list of them"
    return " or ".join(
        ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else words.get(kind, "a value")
        for kind in allowed_types(attribute.annotation)
    )


def _is_of_type(kind: Any, value: Any, least: int | None) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is bool:
        return isinstance(value, bool)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if get_origin(inner) is tuple:
            return isinstance(value, tuple) and all(_is_of_type(inner, entry, least) for entry in value)
        entries = value if isinstance(value, tuple) else (value,)
        return all(
            _is_whole(entry, least or 0) or (is_size(inner) and isinstance(entry, Polynomial))
            for entry in entries
        )
    if kind is str:
        return isinstance(value, str)
    return kind is int and _is_whole(value, -LARGEST if least is None else least)


def _are_sides(value: Any, least: int) -> bool:
    entries = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    return all(_is_whole(entry, least) for entry in entries)


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= LARGEST
