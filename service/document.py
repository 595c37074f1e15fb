"""The OpenAPI document: FastAPI's own, with examples and shared problem responses added."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI, Request
from pydantic import TypeAdapter

import openapi
from compute.operations import FAMILIES
from service.endpoints import ENDPOINTS, Endpoint, find_endpoint
from service.guarding.guard import is_open
from service.http.problems import KINDS, MEDIA_TYPE, ProblemDetail, problem_responses
from service.http.streams import MEDIA_TYPE as LINES

DESCRIPTION = """Send the matrices of a deep-learning question and get the answer **with every
intermediate value, every gradient and every step named**.

`POST /v1/{operation}` computes; `upstream` asks for gradients, `given` takes values instead of computing
them, `select` returns only some. A tensor is a number, nested lists (entries may be constant text such as
`"2*sqrt(2)"`), or packed base64. `"arithmetic": "exact"` answers in closed form,
free symbols included. Every error is an `application/problem+json` answer that names the field, the
expected value and the value received. This document as [OpenAPI 3.1](openapi.json)."""

TAGS = [
    *({"name": family.name, "description": family.meaning} for family in FAMILIES),
    {"name": "programs", "description": "A network of your own, as a program."},
    {"name": "optimizers", "description": "Update rules step by step, and the settings that reach a target."},
    {"name": "readings", "description": "Comparisons and costs of operations."},
    {"name": "grading", "description": "Marks for what a student wrote, and the reason."},
    {"name": "catalogue", "description": "The operations, with their inputs, settings and values."},
    {"name": "health", "description": "For operators."},
]

GUARDED = ("unauthorized", "forbidden", "too_many_requests")  # problems of deployments with API keys
SHOWN_BYTES = 800  # longer answers are linked: the document is read by people and loaded by pages
REFERENCE = "#/components/schemas/{model}"
ENTITY_TAG = {"description": "A digest of the bytes of the answer.", "schema": {"type": "string"}}
LINE_BY_LINE = {
    "type": "string",
    "description": "One JSON object per line, sent as soon as it is computed: the opening, each step, the"
    ' end. If the computation fails on the way, the last line is {"problem": ...}.',
}


def complete_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with examples, shared problems, and the media type of lines."""
    components = document["components"]
    components["schemas"] |= _problem_schemas()
    components["responses"] = _problems(kind for kind in KINDS if kind not in GUARDED)
    examples = load_examples()
    for endpoint in ENDPOINTS.values():
        operation = document["paths"].get(endpoint.path, {}).get("post")
        if operation is None:  # an embedding application left it out of the document
            continue
        own = [example for example in examples if example["path"] == endpoint.path]
        operation["requestBody"]["content"]["application/json"]["examples"] = {
            example["name"]: _request_example(example) for example in own
        }
        answer = operation["responses"]["200"]
        answer["headers"] = {"ETag": ENTITY_TAG} | {
            name: {"schema": {"type": "string", "const": value}} for name, value in endpoint.headers.items()
        }
        for example in own:
            content = answer["content"][choose_endpoint(example).media_type]
            content.setdefault("examples", {})[example["name"]] = _response_example(example)
        if endpoint.streams:
            answer["content"][LINES.decode()] = {"schema": LINE_BY_LINE}
    _make_bounds_whole(components["schemas"])
    return {"security": [], **document}


def require_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Return a complete document with the API keys that are asked for, and the refusals without one."""
    components = document["components"]
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The API key."},
    }
    responses = components["responses"] | _problems(GUARDED)
    paths = {
        path: {method: _guard(path, operation) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    components = components | {"securitySchemes": schemes, "responses": responses}
    security: list[dict[str, list[str]]] = [{name: []} for name in schemes]
    return {**document, "components": components, "paths": paths, "security": security}


def _guard(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation with the responses of the guard; those that need no key say so."""
    if is_open(path):
        return {**operation, "security": []}
    refusals = {str(status): response for status, response in problem_responses(401, 403, 429).items()}
    return {**operation, "responses": operation["responses"] | refusals}


def _make_bounds_whole(node: Any) -> None:
    """Write bounds of integers as integers. FastAPI's model of a schema makes floats of all bounds."""
    if isinstance(node, list):
        for entry in node:
            _make_bounds_whole(entry)
    elif isinstance(node, dict):
        for bound in ("minimum", "maximum") if node.get("type") == "integer" else ():
            if bound in node:
                node[bound] = int(node[bound])
        for child in node.values():
            _make_bounds_whole(child)


def add_document(app: FastAPI) -> None:
    """Make `app.openapi()` return the complete document, built at the first call."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        schema = make()
        if "security" not in schema:
            schema = complete_document(schema)
            app.openapi_schema = schema = require_keys(schema) if app.state.has_keys else schema
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def load_document() -> dict[str, Any]:
    """Return the document stored in the package, which describes `create_app()`."""
    document: dict[str, Any] = orjson.loads(files(openapi).joinpath("openapi.json").read_bytes())
    return document


@cache
def load_examples() -> list[dict[str, Any]]:
    """Return the request and response pairs of openapi/examples, by file name.

    Pairs have a `path`, and a `query` and `headers` if a variant of the endpoint answers them.
    """
    return _load("examples")


@cache
def load_exams() -> list[dict[str, Any]]:
    """Return the graded exams of openapi/exams, by file name; the document does not show them."""
    return _load("exams")


@cache
def load_problems() -> list[dict[str, Any]]:
    """Return a real request and problem of each kind, by file name."""
    return _load("problems")


def problems_of(kind: str) -> list[dict[str, Any]]:
    """Return the requests and problems of one kind."""
    return [problem for problem in load_problems() if problem["response"]["type"] == f"/problems/{kind}"]


def choose_endpoint(example: dict[str, Any]) -> Endpoint:
    """Return the endpoint that answers an example, with the variant that its query and headers choose."""
    path, _, query = url_of(example).partition("?")
    headers = [(name.lower().encode(), value.encode()) for name, value in example.get("headers", {}).items()]
    request = Request({"type": "http", "query_string": query.encode(), "headers": headers})
    return find_endpoint(path).chosen_by(request)


def url_of(example: dict[str, Any]) -> str:
    """Return the path of an example with its query."""
    query = example.get("query")
    return f"{example['path']}?{urlencode(query)}" if query else example["path"]


def _load(folder: str) -> list[dict[str, Any]]:
    entries = sorted(files(openapi).joinpath(folder).iterdir(), key=lambda entry: entry.name)
    return [
        {"name": entry.name.removesuffix(".json"), **orjson.loads(entry.read_bytes())}
        for entry in entries
        if entry.name.endswith(".json")
    ]


def _request_example(example: dict[str, Any]) -> dict[str, Any]:
    sent = [f"`{name}: {value}`" for name, value in example.get("headers", {}).items()]
    if "query" in example:
        sent.append(f"`?{urlencode(example['query'])}`")
    description = " ".join([example["source"], *([f"Sent with {' and '.join(sent)}."] if sent else ())])
    return {"summary": example["summary"], "description": description, "value": example["request"]}


def _response_example(example: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(example["response"])) > SHOWN_BYTES:
        link = f"[The whole answer](examples/{example['name']}.json)"
        return {"summary": example["summary"], "description": link}
    return {"summary": example["summary"], "value": example["response"]}


def _problem_schemas() -> dict[str, Any]:
    schema = TypeAdapter(ProblemDetail).json_schema(ref_template=REFERENCE)
    return {**schema.pop("$defs"), "ProblemDetail": schema}


def _problems(names: Iterable[str]) -> dict[str, Any]:
    """Return the problem responses that routes refer to, with problems of real requests as examples."""
    return {
        name: {
            "description": KINDS[name].meaning,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemDetail"},
                    "examples": {
                        problem["name"]: {"summary": problem["summary"], "value": problem["response"]}
                        for problem in problems_of(name)
                    },
                }
            },
        }
        for name in names
    }
