"""Whether a literal can be an attribute's value, for operations that are called by name."""

from typing import Any, Literal, get_args, get_origin

from compute.integers import with_integers
from compute.operations.framework.declaration import AttributeField
from compute.operations.framework.setting_types import (
    is_axes,
    is_constant,
    is_padding,
    is_padding_1d,
    is_sides,
    is_size,
    kinds,
)

LARGEST = 2**31 - 1


def with_integral_floats(attribute: AttributeField, value: Any) -> Any:
    """Make 2.0 the integer 2, unless the attribute takes constants."""
    if is_constant(attribute.annotation):
        return value
    # A padding may be two pairs.
    return tuple(map(with_integers, value)) if type(value) is tuple else with_integers(value)


def fits(attribute: AttributeField, value: Any) -> bool:
    """Whether the value is of the attribute's kind and not below its minimum."""
    annotation, least = attribute.annotation, attribute.declared.minimum
    if is_constant(annotation):
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    if is_sides(annotation):
        return _sides(value, least or 0)
    if is_padding(annotation):
        pairs = isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, tuple) for one in value)
        pairs = pairs and not is_padding_1d(annotation)
        return value in ("same", "valid") or (
            all(_sides(one, 0) and isinstance(one, tuple) for one in value) if pairs else _sides(value, 0)
        )
    if is_size(annotation):
        return _whole(value, least or 0)
    if is_axes(annotation):
        return all(_whole(one, -LARGEST) for one in (value if isinstance(value, tuple) else (value,)))
    return any(_of_kind(kind, value, least) for kind in kinds(annotation))


def expected(attribute: AttributeField) -> str:
    """What fits, in words."""
    words: dict[Any, str] = {
        bool: "True or False", int: "a whole number", float: "a number", str: "text",
        tuple[int, ...]: "a whole number or a list of them",
    }  # fmt: skip
    if is_constant(attribute.annotation):
        return "a number or a constant expression"
    if is_sides(attribute.annotation) or is_padding(attribute.annotation):
        more = ", same or valid" if is_padding(attribute.annotation) else ""
        return f"a whole number or a list of two{more}"
    if is_size(attribute.annotation):
        return "a whole number"
    if is_axes(attribute.annotation):
        return "a whole number or a list of them"
    return " or ".join(
        ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else words.get(kind, "a value")
        for kind in kinds(attribute.annotation)
    )


def _of_kind(kind: Any, value: Any, least: int | None) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is bool:
        return isinstance(value, bool)
    if get_origin(kind) is tuple:
        return all(_whole(one, least or 0) for one in (value if isinstance(value, tuple) else (value,)))
    return kind is int and _whole(value, -LARGEST if least is None else least)


def _sides(value: Any, least: int) -> bool:
    entries = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    return all(_whole(one, least) for one in entries)


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= LARGEST
