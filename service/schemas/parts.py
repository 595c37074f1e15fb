"""Schemas of what is sent for the parts of operations, derived from their declarations."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from compute.operations.declaration import INDEX, Input, Operation, Sublayer
from service.schemas.references import Reference, camel, dims_text

NESTED = " Nested by part, or behind its name and a dot: `attention.w_q`, `layer[0].attention.w_q`."


def part_field(operation: str, name: str, part: Sublayer, shapes_only: bool) -> tuple[Any, Any]:
    """The field of a request for one part."""
    return Annotated[Any, Reference(_title(operation, name, part, shapes_only))], Field(
        None, description=part.meaning + NESTED
    )


def full_names(parts: Mapping[str, Sublayer], shapes_only: bool) -> dict[str, Any]:
    """The part of a request's schema for tensors by full name, such as `layer[0].attention.w_q`."""
    tensor = _reference("Shape" if shapes_only else "Tensor")
    patterns = {rf"^{name}{INDEX if one.several else ''}\.": tensor for name, one in parts.items()}
    return {"patternProperties": patterns} if patterns else {}


def state_dict_field(shapes_only: bool) -> tuple[Any, Any]:
    """The field for weights by PyTorch's names."""
    words = (
        "Weights by PyTorch's names and as it keeps them, (out, in), in the place of the fields above. What a"
        " state dict does not hold (heads, activation, norm_first) is said by the other fields."
    )
    return (
        Annotated[dict[str, Any], Reference("NamedShapes" if shapes_only else "NamedTensors")],
        Field(default_factory=dict, description=words),
    )


def part_schemas(catalogue: Mapping[str, Operation]) -> dict[str, Any]:
    """The named schemas of all parts of all operations, for tensors and for shapes."""
    found: dict[str, Any] = {}
    for operation in catalogue.values():
        for name, part in operation.parts.items():
            for shapes_only in (False, True):
                found |= _schemas(operation, name, part, shapes_only)
    return found


def _schemas(operation: Operation, name: str, part: Sublayer, shapes_only: bool) -> dict[str, Any]:
    tensor = _reference("Shape" if shapes_only else "Tensor")
    properties = {
        one: {**tensor, "description": _words(declared, operation)} for one, declared in part.inputs.items()
    }
    for inner, one in part.parts.items():  # whose schemas are those of the operation that this part is
        properties[inner] = _reference(_title(part.operations[0].name, inner, one, shapes_only))
    title = _title(operation.name, name, part, shapes_only)
    single = {
        "type": "object",
        "description": part.meaning,
        "additionalProperties": False,
        "properties": properties,
    }
    if part.several:
        single = {"type": "array", "description": part.meaning, "items": single}
    return {title: {"title": title, **single}}


def _words(declared: Input, operation: Operation) -> str:
    """What is sent; the whole may not have all settings of the part, and may require more."""
    words = f"{declared.meaning} Shape {dims_text(declared, operation.attributes)}."
    left_out = f" Optional; if left out: {declared.optional}."
    return words + left_out if declared.is_bias or declared.mask else words


def _reference(title: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{title}"}


def _title(operation: str, name: str, part: Sublayer, shapes_only: bool) -> str:
    several = "s" if part.several else ""
    return camel(operation) + "Of" + camel(name) + several + ("Shapes" if shapes_only else "")
