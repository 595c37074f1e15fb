"""Requests for declared readings, and the parts of an answer that they fill."""

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np
from pydantic import BaseModel

from compute.arithmetic.namespace import Array
from compute.errors import Path
from compute.graph.spec import Tensor
from compute.question.declared_readings.catalogue import READINGS
from compute.question.declared_readings.declaration import Reading
from service.questions.tensors import encode
from service.schemas.formats import SPECIAL
from service.schemas.readings import item_type

_WORDS = {repr(number): word for word, number in SPECIAL.items()}


def sent_tensors(request: BaseModel) -> dict[Path, dict[str, Any]]:
    """Return the tensors in the fields of readings, not yet decoded, by the path of their object."""
    sent: dict[Path, dict[str, Any]] = {}
    for reading, value in _requested_values(request):
        for path, item in _items(reading, value):
            fields = item.__dict__ if isinstance(item, BaseModel) else {}
            tensors = {name: fields[name] for name in _tensors_of(reading) if fields[name] is not None}
            if tensors:
                sent[path] = tensors
    return sent


def requested_readings(
    request: BaseModel, tensors: Mapping[Path, Mapping[str, Array]]
) -> tuple[tuple[str, Hashable], ...]:
    """Return the readings that a request asks for, as a question holds them.

    tensors: the decoded tensors of their fields, of which a question holds the shapes.
    """
    requested = []
    for reading, value in _requested_values(request):
        items = [_to_declared(reading, item, tensors.get(path, {})) for path, item in _items(reading, value)]
        requested.append((reading.field.name, tuple(items) if isinstance(value, list) else items[0]))
    return tuple(requested)


def tensors_by_field(tensors: Mapping[Path, Mapping[str, Array]]) -> dict[str, dict[str, Array]]:
    """Return decoded tensors by the field of their reading, and by their path in it."""
    by_field: dict[str, dict[str, Array]] = {}
    for path, arrays in tensors.items():
        within = ".".join(map(str, path[1:]))
        by_field.setdefault(str(path[0]), {}).update(
            {f"{within}.{name}" if within else name: array for name, array in arrays.items()}
        )
    return by_field


def _requested_values(request: BaseModel) -> Iterator[tuple[Reading, Any]]:
    fields = request.__dict__
    for reading in READINGS:
        value = fields.get(reading.field.name, reading.field.idle)
        if value != reading.field.idle:
            yield reading, value


def _items(reading: Reading, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list):
        yield from (((reading.field.name, at), item) for at, item in enumerate(value))
    else:
        yield (reading.field.name,), value


@cache
def _tensors_of(reading: Reading) -> list[str]:
    """Return the fields of a request's object that hold tensors."""
    declared = item_type(reading.field)
    types = {} if declared is None else get_type_hints(declared)
    return [name for name, kind in types.items() if kind is Tensor or Tensor in get_args(kind)]


def _to_declared(reading: Reading, item: Any, arrays: Mapping[str, Array]) -> Hashable:
    """Return an item of a request as its declared type, with shapes in place of tensors."""
    declared = item_type(reading.field)
    if declared is None or not isinstance(item, BaseModel):
        return item  # type: ignore[no-any-return]
    fields = {name: item.__dict__[name] for name in type(item).model_fields}
    return declared(**fields | {name: Tensor(array.shape) for name, array in arrays.items()})  # type: ignore[no-any-return]


def parts_json(parts: Mapping[str, Any], encoding: str, *, is_exact: bool) -> dict[str, Any]:
    """Return the parts of an answer as JSON holds them."""
    return {
        reading.part.name: _to_json(reading.document(parts[reading.part.name], is_exact), encoding)
        for reading in READINGS
        if reading.part is not None and reading.part.name in parts
    }


def _to_json(value: Any, encoding: str) -> Any:
    if isinstance(value, np.ndarray):
        return encode(value, encoding)
    if dataclasses.is_dataclass(value):
        return {
            field.name: _to_json(item, encoding)
            for field in dataclasses.fields(value)
            if not _is_default(field, item := getattr(value, field.name))
        }
    if isinstance(value, dict):
        return {name: _to_json(item, encoding) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item, encoding) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _WORDS[repr(value)]
    return value


def _is_default(field: "dataclasses.Field[Any]", value: Any) -> bool:
    """Return whether a field has its default, and is left out."""
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return field.default is not dataclasses.MISSING and value is field.default


def map_arrays(parts: Any, change: Callable[[Array], Array]) -> Any:
    """Return the parts of an answer with `change` applied to every array."""
    if isinstance(parts, np.ndarray):
        return change(parts)
    if isinstance(parts, dict):
        return {name: map_arrays(part, change) for name, part in parts.items()}
    if isinstance(parts, list):
        return [map_arrays(part, change) for part in parts]
    if dataclasses.is_dataclass(parts) and not isinstance(parts, type):
        fields = {field.name: getattr(parts, field.name) for field in dataclasses.fields(parts)}
        return dataclasses.replace(parts, **{name: map_arrays(part, change) for name, part in fields.items()})
    return parts
