"""Serve the OpenAPI document, its interactive page and the problem pages, without external resources."""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from importlib.resources import files
from threading import Lock
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.docs import get_swagger_ui_html

from service.document import add_document, load_document, load_examples, problems_of, require_keys
from service.endpoints import ENDPOINTS
from service.http.problems import KINDS, Problem
from service.http.representations import Representation
from service.schemas.openapi30 import downgrade

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_LOCK = Lock()
MINUTES = "public, max-age=300"
DAY = "public, max-age=86400"
HTML = "text/html; charset=utf-8"
PAGE_SETTINGS = {
    "deepLinking": True,
    "defaultModelsExpandDepth": -1,
    "displayRequestDuration": True,
    "docExpansion": "list",
    "filter": True,
    "tryItOutEnabled": True,
}


def add_documentation(app: FastAPI) -> None:
    """Add routes for the document, its interactive page, the examples and the problem pages."""
    add_document(app)
    current = _Rendered(lambda: app.openapi(), lambda schema: schema)
    for_page = _Rendered(lambda: app.openapi(), lambda schema: _link_explorer(downgrade(schema)))
    app.state.documents = current, for_page

    async def openapi(request: Request) -> Response:
        return (await run_in_threadpool(current.representation)).respond(request)

    async def openapi_30(request: Request) -> Response:
        return (await run_in_threadpool(for_page.representation)).respond(request)

    async def docs(request: Request) -> Response:
        return _docs(app.title).respond(request)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise Problem("not_found", "the page is at /docs")
        return (await run_in_threadpool(_asset, name)).respond(request)

    async def example(request: Request) -> Response:
        answers = _example_answers()
        name = request.path_params["name"]
        if name not in answers:
            raise Problem("not_found", "no example has this name")
        return answers[name].respond(request)

    async def problem(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise Problem("not_found", "the kinds of problems are: " + ", ".join(KINDS))
        return _problem_page(kind).respond(request)

    # Plain routes: they answer HEAD as well, and dependencies such as an API key do not guard documentation.
    for path, endpoint in {
        "/openapi.json": openapi,
        "/openapi-3.0.json": openapi_30,
        "/docs": docs,
        "/docs/{name}": asset,
        "/examples/{name}.json": example,
        "/problems/{kind}": problem,
    }.items():
        app.add_route(path, endpoint, include_in_schema=False)


def prepare_documentation(app: FastAPI) -> None:
    """Render the document of an unmodified application before the first request for it.

    Generating it takes seconds, so the document stored in the package is used; a test keeps that up to date.
    """
    stored = load_document()
    app.openapi_schema = require_keys(stored) if app.state.has_keys else stored
    for document in app.state.documents:
        document.representation()


def _link_explorer(document: dict[str, Any]) -> dict[str, Any]:
    """End the description of each operation that has documents with a link to it in the explorer.

    The link is relative to the page, which cannot resolve one among the external documents of an operation.
    """
    for endpoint in ENDPOINTS.values():
        operation = document["paths"].get(endpoint.path, {}).get("post")
        if operation is not None and endpoint.page is not None:
            link = f"[Open in the explorer](./#{endpoint.name})"
            operation["description"] = f"{operation.get('description', '')}\n\n{link}".strip()
    return document


class _Rendered:
    """A rendition of the document, rendered again only when the document has changed.

    Rendering takes seconds, so it runs in a thread, one rendition at a time.
    """

    def __init__(
        self, openapi: Callable[[], dict[str, Any]], rendition: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        self._openapi, self._rendition = openapi, rendition
        self._schema: dict[str, Any] | None = None

    def representation(self) -> Representation:
        """Return the rendition of the current document."""
        with _LOCK, _without_collection():
            schema = self._openapi()
            if schema is not self._schema:
                body = orjson.dumps(self._rendition(schema))
                self._representation = _compressed(Representation(body, cache_control=MINUTES))
                self._schema = schema
            return self._representation


@contextmanager
def _without_collection() -> Iterator[None]:
    """Disable garbage collection: building models triggers full collections, which block requests."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def _docs(title: str) -> Representation:
    page = get_swagger_ui_html(
        openapi_url="openapi-3.0.json",
        title=title,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters=PAGE_SETTINGS,
    )
    return Representation(bytes(page.body), HTML, MINUTES)


@cache
def _asset(name: str) -> Representation:
    body = files("fastapi_swagger.resources").joinpath(name).read_bytes()
    return _compressed(Representation(body, ASSETS[name], DAY))


def _compressed(representation: Representation) -> Representation:
    """Compress the body now, in the current thread, rather than at the first request."""
    assert representation.compressed
    return representation


@cache
def _example_answers() -> dict[str, Representation]:
    return {
        example["name"]: Representation(orjson.dumps(example["response"]), cache_control=MINUTES)
        for example in load_examples()
    }


PROBLEM_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: Workings</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>Status {status}, type <code>/problems/{kind}</code>.</p>
<p>{meaning}</p>
<h2>Remedy</h2>
<p>{remedy}</p>
<h2>Example</h2>
{examples}
<p><a href="../docs">All operations</a></p>
</main>
</body>
</html>
"""
EXAMPLE = """<h3>{summary}</h3>
<pre><code>{request}</code></pre>
<pre><code>{response}</code></pre>
"""


@cache
def _problem_page(kind: str) -> Representation:
    problem = KINDS[kind]
    page = PROBLEM_PAGE.format(
        kind=kind,
        title=escape(problem.title),
        status=problem.status,
        meaning=_prose(problem.meaning),
        remedy=_prose(problem.remedy),
        examples="".join(map(_example, problems_of(kind))),
    )
    return Representation(page.encode(), HTML, MINUTES)


def _prose(text: str) -> str:
    """Return text as HTML, with text between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _example(problem: dict[str, Any]) -> str:
    head = [f"{problem['method']} {problem['path']}"]
    head += [f"{name}: {value}" for name, value in problem["headers"].items()]
    request = "\n".join(head) + (f"\n\n{problem['body']}" if problem["body"] else "")
    response = orjson.dumps(problem["response"], option=orjson.OPT_INDENT_2).decode()
    return EXAMPLE.format(
        summary=escape(problem["summary"]), request=escape(request), response=escape(response)
    )
