"""The routes of the explorer: its page, its scripts and styles, and the data that they load.

Nothing of it is read before the first request for it.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.document import load_document, load_examples
from service.endpoints import ENDPOINTS
from service.explorer.forms import describe_form
from service.explorer.index import describe_index
from service.http.problems import Problem
from service.http.representations import JSON, Representation
from service.pages.html import STYLE, STYLE_SOURCE

HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
SHEET = "text/css; charset=utf-8"
STATIC = {
    "explorer.css": SHEET,
    **dict.fromkeys(
        (
            "address.js", "answer.js", "documents.js", "editors.js", "explorer.js", "form.js", "key.js",
            "picker.js",
            "snippets.js", "tags.js", "tensors.js", "vendor/hooks.js", "vendor/preact.js",
        ),
        SCRIPT,
    ),
}  # fmt: skip
POLICY = (
    # The documents that the page takes in bring their style with them.
    f"default-src 'none'; script-src 'self'; style-src 'self' {STYLE_SOURCE}; connect-src 'self';"
    " img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
MINUTES = "public, max-age=300"


def add_explorer(app: FastAPI) -> None:
    """Add the explorer at `/` and all that it loads, below `/explorer`."""

    async def page(request: Request) -> Response:
        response = (await run_in_threadpool(_static, "explorer.html", HTML)).respond(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise Problem("not_found", "the explorer is at /")
        return (await run_in_threadpool(_static, name, STATIC[name])).respond(request)

    async def style(request: Request) -> Response:
        return _document_style().respond(request)

    async def index(request: Request) -> Response:
        return (await run_in_threadpool(_index)).respond(request)

    async def form(request: Request) -> Response:
        return (await run_in_threadpool(_form, request.path_params["name"])).respond(request)

    async def example(request: Request) -> Response:
        examples = await run_in_threadpool(_examples)
        name = request.path_params["name"]
        if name not in examples:
            raise Problem("not_found", "no example has this name")
        return examples[name].respond(request)

    for path, endpoint in {
        "/": page,
        "/explorer/document.css": style,
        "/explorer/index.json": index,
        "/explorer/forms/{name:path}.json": form,
        "/explorer/examples/{name}.json": example,
        "/explorer/{name:path}": static,
    }.items():
        app.add_route(path, endpoint, include_in_schema=False)


@cache
def _static(name: str, media_type: str) -> Representation:
    return _compressed(files(__package__).joinpath("static", name).read_bytes(), media_type)


@cache
def _document_style() -> Representation:
    return _compressed(STYLE.encode(), SHEET)


@cache
def _index() -> Representation:
    return _write(describe_index())


@cache
def _form(name: str) -> Representation:
    if name not in ENDPOINTS:
        raise Problem("not_found", "no computation has this name")
    return _write(describe_form(load_document(), ENDPOINTS[name]))


@cache
def _examples() -> dict[str, Representation]:
    return {
        example["name"]: Representation(orjson.dumps(example["request"]), cache_control=MINUTES)
        for example in load_examples()
    }


def _write(data: Any) -> Representation:
    return _compressed(orjson.dumps(data), JSON)


def _compressed(body: bytes, media_type: str) -> Representation:
    """Return a representation that is compressed already, in the current thread."""
    representation = Representation(body, media_type, MINUTES)
    assert representation.compressed
    return representation
