"""The OpenAPI document, put together from the routes, the schemas and the examples."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import orjson
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from compute.operations import CATALOGUE
from service.catalogue import OperationDescription, Operations
from service.http.problems import MEDIA_TYPE, ProblemDetail
from service.optimizers.responses import SolveResponse, TraceResponse
from service.optimizers.schemas import named_schemas, request_models
from service.posts import POSTS, Post
from service.questions.programs import MODEL
from service.schemas.comparison_responses import CompareResponse
from service.schemas.cost_responses import CostResponse
from service.schemas.parts import part_schemas
from service.schemas.references import camel
from service.schemas.requests import SUFFIXES, request_model
from service.schemas.responses import GraphResponse, Health, response_model
from service.schemas.types import FORMS, one_of
from service.version import VERSION

DESCRIPTION = """Send the matrices of a deep-learning question and get the answer **with every
intermediate value, every gradient and every step named**.

`POST /v1/{operation}` computes; `upstream` asks for gradients, `given` takes values instead of computing
them, `select` returns only some. A tensor is a number, nested lists (entries may be constant text such as
`"2*sqrt(2)"`), or packed base64. `"arithmetic": "exact"` answers in closed form,
free symbols included. Every error is one `application/problem+json` answer that says which
field, what was expected and what came."""

TAGS = [
    {"name": "operations", "description": "Layers, computed forward and backward."},
    {"name": "readings", "description": "Other questions about an operation."},
    {"name": "optimizers", "description": "Update rules step by step, and which settings reach a target."},
    {"name": "catalogue", "description": "What there is."},
    {"name": "health", "description": "For whoever runs the service."},
]

PROBLEMS = {
    "400": "The body cannot be read as a JSON object.",
    "408": "The body did not arrive in time.",
    "413": "Too large: bytes, numbers, or predicted work.",
    "415": "The body is not sent as application/json.",
    "422": "Wrong shape, type, value or name; `errors` says where.",
    "503": "Full; `Retry-After` says when to try again.",
}


class _Schemas(GenerateJsonSchema):
    """JSON schemas without a title for each field, which only repeats the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic hands it
        return False


def document(routes: Sequence[Any]) -> dict[str, Any]:
    """The whole document: what can be asked by POST, and these routes."""
    result = get_openapi(title="Workings", version=VERSION, description=DESCRIPTION, routes=routes, tags=TAGS)
    gets = {
        path: {method: _get(operation) for method, operation in methods.items()}
        for path, methods in result["paths"].items()
    }
    examples = load_examples()
    posts = {
        path: {"post": _post(post, [one for one in examples if one["path"] == path])}
        for path, post in ((f"/v1/{name}", post) for name, post in POSTS.items())
    }
    return {**result, "paths": {**posts, **gets}, "components": {"schemas": _schemas()}}


def load_examples() -> list[dict[str, Any]]:
    """The request and response pairs of openapi/examples, by file name."""
    folder = files("openapi").joinpath("examples")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [
        {"name": entry.name.removesuffix(".json"), **orjson.loads(entry.read_bytes())}
        for entry in entries
        if entry.name.endswith(".json")
    ]


def _schemas() -> dict[str, Any]:
    models: list[type[BaseModel]] = [
        CompareResponse, CostResponse, GraphResponse, MODEL, Operations, OperationDescription, Health,
        ProblemDetail, TraceResponse, SolveResponse, *request_models(),
    ]  # fmt: skip
    for name in CATALOGUE:
        models += [request_model(name, asks) for asks in SUFFIXES] + [response_model(name)]
    _, generated = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    chosen = {
        title: one_of(title, words, "operation", {name: camel(name) + suffix for name in CATALOGUE})
        for title, suffix, words in (
            ("CostRequest", "Shapes", "An operation and the shapes of its inputs."),
            ("CompareRequest", "Comparison", "A question and what is changed in it."),
        )
    }
    everything = {**generated["$defs"], **FORMS, **chosen, **named_schemas(), **part_schemas(CATALOGUE)}
    return {name: _tidy(schema) for name, schema in sorted(everything.items())}


def _tidy(schema: Any) -> Any:
    """References resolved to named schemas; no default of null, which no field accepts."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {
        key: _tidy(value)
        for key, value in schema.items()
        if not (key == "default" and value in (None, {}, [])) and key != "x-schema"
    }
    if "x-schema" in schema:
        return {"$ref": f"#/components/schemas/{schema['x-schema']}", **tidied}
    choices = [one for one in tidied.get("anyOf", []) if one != {"type": "null"}]
    if len(choices) == 1:
        del tidied["anyOf"]
        tidied = {**choices[0], **tidied}
    return tidied


def _get(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation as FastAPI describes it, with its answer named."""
    answer = {"schema": _reference(operation.pop("x-response"))}
    missing = {"404": "There is nothing of this name."} if operation.get("parameters") else {}
    return {**operation, "responses": _responses(answer, missing)}


def _post(post: Post, examples: list[dict[str, Any]]) -> dict[str, Any]:
    requests = {
        one["name"]: {"summary": one["summary"], "description": one["source"], "value": one["request"]}
        for one in examples
    }
    responses = {one["name"]: {"summary": one["summary"], "value": one["response"]} for one in examples}
    body = {"schema": _reference(post.request), "examples": requests}
    answers = _responses({"schema": _reference(post.response), "examples": responses}, PROBLEMS)
    if post.streams:
        answers["200"]["content"]["application/x-ndjson"] = {"schema": _reference("Lines")}
    return {
        "tags": [post.tag],
        "summary": post.summary,
        "description": post.description,
        "operationId": post.name.replace("/", "_"),
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": answers,
    }


def _responses(answer: dict[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": _reference("ProblemDetail")}}
    tag = {"description": "A digest of the answer.", "schema": {"type": "string"}}
    return {
        "200": {
            "description": "The answer.",
            "headers": {"ETag": tag},
            "content": {"application/json": answer},
        },
        **{code: {"description": words, "content": problem} for code, words in problems.items()},
    }


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}
