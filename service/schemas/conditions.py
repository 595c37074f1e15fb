"""Constraints between the fields of a request, as JSON schemas.

A request's schema has them in `allOf`. Validators of JSON Schema apply them; client generators and the 3.0
rendition of the document ignore them.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetJsonSchemaHandler
from typing_extensions import TypeAliasType

from compute.operations.framework.declaration import Operation
from compute.operations.framework.rules import SENT, Rule
from compute.operations.framework.state_dicts import FIELD, has_state_dict
from service.schemas.computation import EXACT_ONLY, FLOATS_ONLY
from service.schemas.deferred import schema_of
from service.schemas.types import NEVER

Schema: TypeAlias = dict[str, Any]
IS_EXACT: Schema = {"properties": {"arithmetic": {"const": "exact"}}, "required": ["arithmetic"]}
DEPTH = 2  # levels of objects searched for tensors, as in `given` and in parts; deeper nesting is rare


def unused_schema(value: Any) -> Schema:
    """Return the schema of an unused field: it has this default, or is empty if the default is."""
    if value == {}:
        return {"maxProperties": 0}
    return {"maxItems": 0} if value == [] else {"const": value}


def _without_symbols(depth: int) -> Schema:
    """Exclude tensors of free symbols, in lists and objects nested up to a depth."""
    schema: Schema = {"not": {"type": "object", "required": ["shape", "symbol"]}}
    if depth:
        schema["items"] = schema["additionalProperties"] = _without_symbols(depth - 1)
    return schema


def _named_type(name: str, description: str, schema: Schema) -> Any:
    """Return a type that the document names, in a form for which client generators make no model."""
    constraint: Schema = {"if": {"type": "object"}, "then": schema}
    return TypeAliasType(name, Annotated[Any, Field(description=description, json_schema_extra=constraint)])


FloatingQuestion = _named_type(
    "FloatingQuestion",
    "A question in floats: without free symbols and fields about exact numbers.",
    {
        "properties": {name: unused_schema(value) for name, value in EXACT_ONLY.items()},
        "additionalProperties": _without_symbols(DEPTH),
    },
)
ExactQuestion = _named_type(
    "ExactQuestion",
    "A question in exact arithmetic: without fields about floats.",
    {"properties": {name: unused_schema(value) for name, value in FLOATS_ONLY.items()}},
)


def of_arithmetic(handler: GetJsonSchemaHandler) -> Schema:
    """Return the constraints that depend on `arithmetic`."""
    exact, floating = (schema_of(kind, handler) for kind in (ExactQuestion, FloatingQuestion))
    return {"if": IS_EXACT, "then": exact, "else": floating}


def require_fields(names: Iterable[str], *, unless: Iterable[str]) -> Schema:
    """Return the constraint that fields are required unless at least one of certain objects is not empty."""
    absent = {"properties": {name: {"maxProperties": 0} for name in unless}}
    return {"if": absent, "then": {"required": sorted(names)}}


def of_operation(operation: Operation) -> list[Schema]:
    """Return the constraints that an operation declares: required inputs, and rules for its settings."""
    conditions: list[Schema] = []
    stored = _stored_inputs(operation)
    for names, substitutes in (
        (operation.required - stored, ("given",)),
        (operation.required & stored, ("given", FIELD)),
    ):
        if names:
            conditions.append(require_fields(names, unless=substitutes))
    conditions += [of_rule(rule, operation) for rule in operation.rules]
    return conditions


def _stored_inputs(operation: Operation) -> frozenset[str]:
    """Return the operation's own inputs that a state dict may hold."""
    if not has_state_dict(operation):
        return frozenset()
    return frozenset(name for tensor in operation.stored for name in tensor.inputs)


def of_rule(rule: Rule, operation: Operation) -> Schema:
    """Return a rule of an operation as a constraint."""
    defaults = {name: attribute.default for name, attribute in operation.attributes.items()}
    alternatives = [_required_fields(fields, defaults) for fields in rule.requires]
    if rule.unless_given:
        alternatives.append(_require_nonempty("given"))
    if has_state_dict(operation) and any(SENT in fields.values() for fields in rule.requires):
        alternatives.append(_require_nonempty(FIELD))
    then: Schema = alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
    if rule.field is None:
        return {"if": {"type": "object"}, "then": then}
    condition: Schema = {"required": [rule.field]}
    default = defaults.get(rule.field)
    if rule.values:
        condition["properties"] = {rule.field: {"enum": list(rule.values)}}
    elif default not in (None, ...):
        condition["properties"] = {rule.field: {"not": {"const": default}}}
    return {"if": condition, "then": then}


def _require_nonempty(name: str) -> Schema:
    return {"properties": {name: {"minProperties": 1}}, "required": [name]}


def _required_fields(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> Schema:
    """Return the constraint that each field is sent, left out, or has one of several values.

    fields: by name SENT, None or the allowed values, of which the default may be one.
    """
    required: list[str] = []
    properties: Schema = {}
    for name, allowed in fields.items():
        default = defaults.get(name)
        if allowed is SENT:
            required.append(name)
        elif allowed is None:
            properties[name] = NEVER if default in (None, ...) else {"const": default}
        else:
            properties[name] = {"enum": list(allowed)}
            if default not in allowed:
                required.append(name)
    return {
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }
