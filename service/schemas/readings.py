"""Request and answer fields of declared readings, derived from their declarations."""

import dataclasses
from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import Field, StrictBool, create_model
from typing_extensions import TypeAliasType

from compute.arithmetic.namespace import Array
from compute.graph.spec import Tensor as SentTensor
from compute.question.declared_readings.catalogue import READINGS
from compute.question.declared_readings.declaration import AnswerPart, Reading, RequestField
from compute.readings.described import Entry
from service.schemas.naming import camel_case
from service.schemas.types import (
    INTEGRAL,
    LEFT_OUT,
    AnswerEntry,
    AnswerTensor,
    AnswerTensors,
    Name,
    Request,
    Size,
    Tensor,
    Wire,
)

SYMBOLIC_SIZE = int | str
FLOATS_ONLY: dict[str, Any] = {
    reading.field.name: reading.field.idle for reading in READINGS if reading.floats_only
}
EXACT_ONLY: dict[str, Any] = {
    reading.field.name: reading.field.idle for reading in READINGS if reading.exact_only
}


def request_fields(*, program: bool = False, comparison: bool = False) -> dict[str, Any]:
    """Return the request fields of the readings, as `create_model` takes them."""
    return {
        reading.field.name: _request_field(reading)
        for reading in READINGS
        if program or not reading.programs_only
        if reading.compared or not comparison
    }


def answer_fields(*, program: bool = False) -> dict[str, Any]:
    """Return the answer fields of the readings, as `create_model` takes them."""
    return {
        reading.part.name: _answer_field(reading.part)
        for reading in READINGS
        if reading.part is not None
        if program or not reading.programs_only
    }


@cache
def _request_field(reading: Reading) -> tuple[Any, Any]:
    field = reading.field
    options: dict[str, Any] = {} if field.most is None else {"max_length": field.most}
    kind = _wire_type(_without_none(field.kind), Request)
    if not field.type_name:
        return kind, _field_with_default(field.idle, field.description)
    described = Annotated[kind, Field(description=field.description, **options)]  # type: ignore[valid-type]
    return TypeAliasType(field.type_name, described), _field_with_default(field.idle)


@cache
def _answer_field(part: AnswerPart) -> tuple[Any, Any]:
    kind = _wire_type(part.kind, Wire)
    if not _is_list(part.kind):
        return kind, _field_with_default(LEFT_OUT, part.description)
    described = Annotated[kind, Field(description=part.description)]  # type: ignore[valid-type]
    return TypeAliasType(camel_case(part.name), described), _field_with_default([])


def _field_with_default(value: Any, description: str | None = None) -> Any:
    if isinstance(value, list | dict):
        return Field(default_factory=type(value), description=description)
    return Field(value, description=description)


def item_type(field: RequestField) -> type[Any] | None:
    """Return the dataclass of a request field or of its list items, which may be plain text instead.

    None for plain types.
    """
    kind = _without_none(field.kind)
    kind = get_args(kind)[0] if _is_list(kind) else kind
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next((one for one in kinds if dataclasses.is_dataclass(one) and isinstance(one, type)), None)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return reduce(or_, (member for member in get_args(kind) if member is not NoneType))
    return kind


def _wire_type(kind: Any, base: type[Wire]) -> Any:
    """Return the wire type of a declared type. base: the base of models made for dataclasses."""
    if kind in _TYPES:
        return _TYPES[kind]
    if kind is str and base is Request:
        return Name
    if kind is bool and base is Request:
        return StrictBool
    if kind is int and base is Request:
        return Annotated[int, INTEGRAL]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _wire_model(kind, base)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list:
        return list[_wire_type(arguments[0], base)]  # type: ignore[misc]
    if origin is dict:
        return dict[arguments[0], _wire_type(arguments[1], base)]  # type: ignore[valid-type,misc]
    if origin in (Union, UnionType):
        return reduce(
            or_, (member if member is NoneType else _wire_type(member, base) for member in arguments)
        )
    return kind


# Declared types with a named wire type.
_TYPES: dict[Any, Any] = {
    SentTensor: Tensor,
    Array: AnswerTensor,
    dict[str, Array]: AnswerTensors,
    Entry: AnswerEntry,
    SYMBOLIC_SIZE: Size,
}


@cache
def _wire_model(declared: Any, base: type[Wire]) -> type[Wire]:
    """Return a model with the fields, defaults and descriptions of a dataclass."""
    types = get_type_hints(declared)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(declared):
        description = field.metadata.get("description")
        kind = types[field.name] if base is not Request else _without_none(types[field.name])
        options: dict[str, Any] = {"description": description} if description else {}
        options.update(field.metadata.get("bounds", {}))
        if field.default_factory is not dataclasses.MISSING:
            options["default_factory"] = field.default_factory
        elif field.default is not dataclasses.MISSING:
            options["default"] = field.default
        fields[field.name] = (_wire_type(kind, base), Field(**options))
    return create_model(declared.__name__, __base__=base, __doc__=declared.__doc__, **fields)
