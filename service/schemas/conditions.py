"""Constraints between the fields of a request, as JSON schemas.

They stand in `allOf` of a request's schema. Client generators and the 3.0 rendition of the document leave
them out; validators of JSON Schema do not.
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
DEPTH = 2  # of tensors in objects, as in given and in a part; deeper ones are rare


def idle(value: Any) -> Schema:
    """Return the schema of a field that asks for nothing: it has this value, or is empty as this value is."""
    if value == {}:
        return {"maxProperties": 0}
    return {"maxItems": 0} if value == [] else {"const": value}


def _without_symbols(depth: int) -> Schema:
    schema: Schema = {"not": {"type": "object", "required": ["shape", "symbol"]}}
    if depth:
        schema["items"] = schema["additionalProperties"] = _without_symbols(depth - 1)
    return schema


def _named(name: str, description: str, schema: Schema) -> Any:
    """Return a named type of the document, which client generators do not take for a model."""
    constraint: Schema = {"if": {"type": "object"}, "then": schema}
    return TypeAliasType(name, Annotated[Any, Field(description=description, json_schema_extra=constraint)])


FloatingQuestion = _named(
    "FloatingQuestion",
    "A question in floats: without free symbols and fields about exact numbers.",
    {
        "properties": {name: idle(value) for name, value in EXACT_ONLY.items()},
        "additionalProperties": _without_symbols(DEPTH),
    },
)
ExactQuestion = _named(
    "ExactQuestion",
    "A question in exact arithmetic: without fields about floats.",
    {"properties": {name: idle(value) for name, value in FLOATS_ONLY.items()}},
)


def of_arithmetic(handler: GetJsonSchemaHandler) -> Schema:
    """Return the constraints that follow from the kind of number."""
    exact, floating = (schema_of(one, handler) for one in (ExactQuestion, FloatingQuestion))
    return {"if": IS_EXACT, "then": exact, "else": floating}


def needs(names: Iterable[str], *in_place: str) -> Schema:
    """Require fields unless one of others, which may take their place, is there and not empty."""
    absent = {"properties": {name: {"maxProperties": 0} for name in in_place}}
    return {"if": absent, "then": {"required": sorted(names)}}


def of_operation(operation: Operation) -> list[Schema]:
    """Return the constraints that an operation declares: required inputs, and rules for its settings."""
    found: list[Schema] = []
    in_state = _stored(operation)
    for names, in_place in (
        (operation.required - in_state, ("given",)),
        (operation.required & in_state, ("given", FIELD)),
    ):
        if names:
            found.append(needs(names, *in_place))
    found += [of_rule(one, operation) for one in operation.rules]
    return found


def _stored(operation: Operation) -> frozenset[str]:
    """The operation's own inputs that a state dict may hold."""
    if not has_state_dict(operation):
        return frozenset()
    return frozenset(name for one in operation.stored for name in one.inputs)


def of_rule(rule: Rule, operation: Operation) -> Schema:
    """Return the constraint that a rule of an operation stands for."""
    defaults = {name: one.default for name, one in operation.attributes.items()}
    alternatives = [_alternative(one, defaults) for one in rule.requires]
    if rule.unless_given:
        alternatives.append(_filled("given"))
    if has_state_dict(operation) and any(SENT in one.values() for one in rule.requires):
        alternatives.append(_filled(FIELD))
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


def _filled(name: str) -> Schema:
    return {"properties": {name: {"minProperties": 1}}, "required": [name]}


def _alternative(beside: Mapping[str, Any], defaults: Mapping[str, Any]) -> Schema:
    """Fields that are sent, left out, or have one of several values, perhaps by default."""
    required: list[str] = []
    properties: Schema = {}
    for name, wanted in beside.items():
        default = defaults.get(name)
        if wanted is SENT:
            required.append(name)
        elif wanted is None:
            properties[name] = NEVER if default in (None, ...) else {"const": default}
        else:
            properties[name] = {"enum": list(wanted)}
            if default not in wanted:
                required.append(name)
    return {
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }
