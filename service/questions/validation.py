"""Validation of documents, with errors that say how to correct them."""

import re
from itertools import islice
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from typing_extensions import TypeAliasType

from compute.errors import LISTED, Path, QuestionError, QuestionErrors, at, hint, unknown_name
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from service.http.problems import describe, describe_integers
from service.schemas.types import MAX_NAMES

QUOTED = re.compile(r"'([^']*)'")


def validate(model: type[BaseModel], document: dict[str, Any]) -> BaseModel:
    """Return the document as its model. Raises QuestionErrors listing every invalid field."""
    if len(document) > MAX_NAMES:
        received = f"an object with {len(document)} fields"
        raise at((), "has too many fields", f"at most {MAX_NAMES} fields", received)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = _by_path(error.errors(include_url=False), document)
        listed = [_to_error(path, forms, model) for path, forms in islice(details.items(), LISTED)]
        raise QuestionErrors(listed, len(details)) from None


def sent_attributes(operation: Operation, request: BaseModel) -> dict[str, Any]:
    """Return the settings that a request sends. A default that is written out counts as left out, since
    generated clients send every default that the document names.
    """
    sent, fields = request.__pydantic_fields_set__, request.__dict__
    return {
        name: fields[name]
        for name, attribute in operation.attributes.items()
        if name in sent and (attribute.required or fields[name] != attribute.default)
    }


def read_operation(document: dict[str, Any]) -> str:
    """Return the operation that a document names. Raises QuestionErrors if there is no such operation."""
    operation = document.get("operation")
    if not isinstance(operation, str) or operation not in CATALOGUE:
        if isinstance(operation, str):
            raise QuestionErrors([unknown_name(("operation",), "operation", operation, CATALOGUE)])
        known = "one of: " + ", ".join(CATALOGUE)
        received = "nothing" if operation is None else describe(operation)
        raise at(("operation",), "has to be the name of an operation", known, received)
    return operation


_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "an object",
    "list_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "greater_than_equal": "an integer of at least {ge}",
    "less_than_equal": "an integer of at most {le}",
    "literal_error": "{expected}",
    "value": "{expected}",
    "too_short": "at least {min_length} in number",
    "too_long": "at most {max_length} in number",
    "string_too_long": "text of at most {max_length} characters",
    "string_unicode": "well-formed Unicode text",
}


def _by_path(details: list[ErrorDetails], document: dict[str, Any]) -> dict[Path, list[ErrorDetails]]:
    """Return errors by their paths. A field of several forms, such as a boolean or an object, has an error
    for each; errors within one of them leave out the others.
    """
    found: dict[Path, list[ErrorDetails]] = {}
    for detail in details:
        found.setdefault(_path_in(document, detail), []).append(detail)
    within = {path[:length] for path in found for length in range(len(path))}
    return {path: forms for path, forms in found.items() if path not in within}


def _path_in(document: dict[str, Any], error: ErrorDetails) -> Path:
    """Return the path of an error without the names of types, which pydantic puts into it."""
    node: Any = document  # what the steps so far lead to
    path: list[str | int] = []
    for step in error["loc"]:
        is_inside = (
            step in node if isinstance(node, dict) else isinstance(node, list) and step in range(len(node))
        )
        if is_inside:
            node = node[step]
            path.append(step)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _to_error(path: Path, forms: list[ErrorDetails], model: type[BaseModel]) -> QuestionError:
    """Return the error at a path. forms: those of the forms that the field may have."""
    error = forms[0]
    kind = error["type"]
    if kind == "extra_forbidden":
        return unknown_name(path, "field", str(path[-1]), _fields(_model_at(path[:-1], model)))
    if kind == "missing":
        return QuestionError(path, "is required", _expected_at(path, model), "nothing")
    expected = ", or ".join(dict.fromkeys(map(_expected, forms)))
    received = describe_integers(error["input"]) if "integer" in expected else describe(error["input"])
    suggested = hint(error["input"], QUOTED.findall(expected)) if _is_misspelt(error) else ""
    return QuestionError(path, f"has to be {expected}{suggested}", expected, received)


def _expected(error: ErrorDetails) -> str:
    bounds = error.get("ctx", {})
    expected = _EXPECTED.get(error["type"], error["msg"])
    if any(isinstance(bound, float) for bound in bounds.values()):  # of a number, not of an integer
        bounds = {name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in bounds.items()}
        expected = expected.replace("an integer", "a number")
    return expected.format(**bounds)


def _expected_at(path: Path, model: type[BaseModel]) -> str:
    """Describe what a required field expects: by its model's error for null, or by its description."""
    name, owner = str(path[-1]), _model_at(path[:-1], model)
    details: list[ErrorDetails] = []
    try:
        owner.model_validate({name: None})
    except ValidationError as errors:
        details = [detail for detail in errors.errors(include_url=False) if detail["loc"][0] == name]
    described = (_fields(owner)[name].description or "a value").removesuffix(".")
    expected = "; or ".join(dict.fromkeys(map(_expected, details)))
    return expected or described[0].lower() + described[1:]


def _is_misspelt(error: ErrorDetails) -> bool:
    return error["type"] == "literal_error" and isinstance(error["input"], str)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names that they have in documents."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(path: Path, model: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the object at a path. model: that of the whole document."""
    for name in path:
        if isinstance(name, str):
            # The names of an object without a model of its own lead to the model of its values.
            kinds: list[Any] = [field.annotation] if (field := _fields(model).get(name)) else []
            while kinds:
                kind = kinds.pop()
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    model = kind
                    break
                kinds += [kind.__value__] if isinstance(kind, TypeAliasType) else get_args(kind)
    return model
