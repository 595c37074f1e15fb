"""Models of the tensors that parts of operations take, derived from their declarations."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Annotated, Any

from pydantic import BaseModel, Field, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import INDEX, Input, Operation, Sublayer
from service.schemas.deferred import Deferred, schema_of
from service.schemas.naming import camel_case, format_dims
from service.schemas.types import MaskTensor, Request, Tensor

NESTED = " Nested by part, or by full name: `attention.w_q`, `layer[0].attention.w_q`."
StateDict = TypeAliasType(
    "StateDict",
    Annotated[
        dict[str, Tensor],
        Field(
            description="Weights by PyTorch's names and in its layout, (out, in), in place of the fields"
            " above. Settings that are not part of a state dict (heads, activation) are sent as usual.",
        ),
    ],
)


def part_field(operation: str, name: str, part: Sublayer) -> tuple[Any, Any]:
    """Return the request field of one part. It is not validated: its tensors are collected before that."""
    kind = Annotated[Any, Deferred(partial(part_type, operation, name))]
    return kind, Field(None, description=part.meaning + NESTED)


@cache
def part_type(operation: str, name: str) -> Any:
    """Return the type of one part of an operation: a model of its tensors and parts, or a list of them."""
    whole = CATALOGUE[operation]
    part = whole.parts[name]
    fields: dict[str, Any] = {
        field: (MaskTensor if declared.mask else Tensor, Field(None, description=_describe(declared, whole)))
        for field, declared in part.inputs.items()
    }
    for inner in part.parts:  # declared by the operation of the part
        fields[inner] = Annotated[Any, Deferred(partial(part_type, part.operations[0].name, inner))], None
    model: Any = create_model(
        camel_case(operation) + "Of" + camel_case(name), __base__=Request, __doc__=part.meaning, **fields
    )
    return list[model] if part.is_list else model


def model_with_parts(parts: Mapping[str, Sublayer]) -> type[BaseModel]:
    """Return the base of a request that also takes tensors by full name, such as `layer[0].attention.w_q`."""
    if not parts:
        return Request

    class WithParts(Request):
        @classmethod
        def __get_pydantic_json_schema__(
            cls, core: CoreSchema, handler: GetJsonSchemaHandler
        ) -> dict[str, Any]:
            reference = super().__get_pydantic_json_schema__(core, handler)
            tensor = schema_of(Tensor, handler)
            handler.resolve_ref_schema(reference)["patternProperties"] = {
                rf"^{name}{INDEX if part.is_list else ''}\.": tensor for name, part in parts.items()
            }
            return reference

    return WithParts


def _describe(declared: Input, operation: Operation) -> str:
    """Describe a tensor of a part, given the whole operation, which may lack some of the part's settings."""
    words = f"{declared.meaning} Shape {format_dims(declared, operation.attributes)}."
    left_out = f" Optional; by default: {declared.optional}."
    return words + left_out if declared.is_bias or declared.mask else words
