"""The routes: computations by POST, the catalogue, and health."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import lru_cache
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeAlias, cast

import orjson
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi import Path as PathParameter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from compute.errors import QuestionErrors, hint
from compute.operations import CATALOGUE
from service.answering import Answerer
from service.catalogue import (
    OperationDescription,
    OperationList,
    describe_all,
    describe_operation,
    describe_programs,
)
from service.endpoints import ENDPOINTS, Endpoint
from service.functions import FunctionList, describe_functions, list_functions
from service.grading.batches.outputs import Document, JsonLines, Table
from service.grading.envelopes.choice import TABLE_PARAMETER, choose_table
from service.grading.protocols import mued
from service.health import readiness
from service.http.bodies import Replay
from service.http.problems import Problem, from_question, not_acceptable, problem_responses
from service.http.representations import Representation, Resource
from service.http.watch import STATE as WATCH
from service.pages.formats import FORMAT_CONTENT, FORMAT_PARAMETER, FORMATS, Format, choose_format
from service.pages.summaries import build_summary
from service.questions.programs import GRAPH
from service.schemas.deferred import Deferred
from service.schemas.health import Health
from service.telemetry.metrics import Metrics
from service.telemetry.records import note_reason

# Any text is accepted, so that the response to an unknown name can suggest a known one.
OperationName: TypeAlias = Annotated[str, PathParameter(json_schema_extra={"enum": [*CATALOGUE, GRAPH]})]


class QuestionRoute(APIRoute):
    """A route whose endpoint reads the body itself.

    FastAPI documents the body from the endpoint's signature. `service.http.reader` reads it: it limits size
    and time, refuses invalid JSON, and builds arrays without a Python object for each number.
    `service.questions` validates it, with errors that have the expected and the received value.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if not self.dependencies:
            self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond without the exit stacks that FastAPI opens for dependencies: there are none."""
        response: Response = await self.endpoint(Request(scope, receive), None)
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler in which FastAPI solves the dependencies and the endpoint reads the body.

        Raises TypeError if another router includes this route, because the application's error handlers and
        shared responses would be missing there.
        """
        if hasattr(self, "app"):
            raise TypeError("mount the application; its routes cannot be included in another router")
        guarded = APIRoute(
            self.path,
            self._answer_guarded,
            dependencies=self.dependencies,
            dependency_overrides_provider=self.dependency_overrides_provider,
            response_model=None,
        ).get_route_handler()

        async def handle(request: Request) -> Response:
            return await guarded(Request(request.scope, Replay(request.receive)))

        return handle

    async def _answer_guarded(self, request: Request) -> Response:
        receive: Any = request.receive
        response: Response = await self.endpoint(Request(request.scope, receive.again()), None)
        return response


class ReadRoute(APIRoute):
    """A route for GET that also answers HEAD, without a second entry in the document."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match HEAD as GET."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to both methods; refuse others with an Allow header."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        await self.app(scope, receive, send)


class RouteTable:
    """Finds the route of a question by one table lookup, however many routes there are.

    All other requests go to the router, whose list has the same routes.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._routes: dict[str, QuestionRoute] = {}
        self._count = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI's own telemetry needs the router, which names the route in it.
        if scope["type"] == "http" and scope["method"] == "POST" and "fastapi.telemetry" not in scope:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if (route := self._table().get(path)) is not None:
                scope.update(router=self._router, route=route, endpoint=route.endpoint, path_params={})
                await route.app(scope, receive, send)
                return
        if scope["type"] == "http" and scope["path"].endswith("/") and self._is_only_without_slash(scope):
            query = scope.get("query_string", b"").decode("latin-1")
            location = scope["path"].rstrip("/") + (f"?{query}" if query else "")
            await RedirectResponse(location)(scope, receive, send)
            return
        await self._router.app(scope, receive, send)

    def _is_only_without_slash(self, scope: Scope) -> bool:
        """Return whether a route matches the path without its trailing slash, and none matches it with one.

        Starlette would redirect to an absolute URL built from the Host header, which is wrong behind a proxy.
        """
        without_slash = {**scope, "path": scope["path"].rstrip("/")}
        return not self._has_match(scope) and self._has_match(without_slash)

    def _has_match(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] != Match.NONE for route in self._router.routes)

    def _table(self) -> dict[str, QuestionRoute]:
        """Return the routes by path; rebuild the table if routes were added or removed."""
        routes = self._router.routes
        if len(routes) != self._count:
            self._count = len(routes)
            self._routes = {route.path: route for route in routes if isinstance(route, QuestionRoute)}
        return self._routes


def add_routes(app: FastAPI, answerer: Answerer, metrics: Metrics) -> None:
    """Add every route of the service to an application."""
    for endpoint in ENDPOINTS.values():
        app.router.add_api_route(
            endpoint.path,
            _make_endpoint(endpoint, answerer),
            methods=["POST"],
            operation_id=endpoint.name.replace("/", "_"),
            summary=endpoint.summary,
            description=endpoint.description,
            tags=[endpoint.tag],
            response_model=Annotated[Any, Deferred(endpoint.response)],
            response_description="The answer.",
            responses=_document_responses(endpoint),
            route_class_override=QuestionRoute,
        )
    _add_batches(app, answerer)
    _add_catalogue(app)
    _add_health(app, answerer)
    _add_metrics(app, metrics)
    _add_evaluation_health(app, answerer)
    app.router.middleware_stack = RouteTable(app.router)  # Starlette's routers have it since 0.33


def _document_responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a computation beside its answer, and other media types of that."""
    responses = problem_responses(400, 408, 413, 415, 422, 501, 503)
    if endpoint.errors is not None:
        responses = {"default": {"model": endpoint.errors.model, "description": "An error."}}
    if endpoint.content:
        responses[200] = {"description": "The answer.", "content": endpoint.content}
    if endpoint.is_negotiated:
        responses[406] = not_acceptable()
    return responses


def _add_batches(app: FastAPI, answerer: Answerer) -> None:
    """Add the routes that take and send lines. They read the body themselves, while they answer."""

    async def grade_batch(request: Request) -> Response:
        table = choose_table(request)
        output = JsonLines(shows_grades=True) if table is None else Table(table)
        return answerer.respond_in_lines(request, output, grades=True)

    async def grade_summary(request: Request) -> Response:
        name = choose_format(request)
        output = _lay_out(FORMATS[name]) if name else JsonLines(shows_grades=False)
        return answerer.respond_in_lines(request, output, grades=False)

    schema = {"schema": {"type": "string", "format": "binary"}}
    rubric = '{"rubric":"q1","question":{"operation":"activation","function":"relu","x":[-1,2]}}'
    submission = '{"id":"s-17","rubric":"q1","answer":{"output":[0,2]}}'
    graded = (
        '{"problem":{"type":"/problems/unreadable","title":"The body cannot be read","status":400,'
        '"detail":"expected one JSON object on each line","errors":[]}}'
    )
    json_lines = {"application/x-ndjson": schema}
    table = {"text/csv": {"schema": {"type": "string"}}}
    for path, endpoint, summary, description, example, content, parameters in (
        ("/v1/grade/batch", grade_batch, "Grades of many submissions, line by line",
         "A line with `rubric` and the fields of `/v1/grade` defines a shared rubric; a line with `id`,"
         " `rubric`, `answer` and `gradients` is a submission. Answers come in order, and a `summary` last."
         " With `envelope` the answer is a CSV table, in which a line that cannot be graded has no grade.",
         f"{rubric}\n{submission}\n", json_lines | table, {"parameters": [TABLE_PARAMETER]}),
        ("/v1/grade/summary", grade_summary, "The summary of lines that were graded earlier",
         "Takes lines that `/v1/grade/batch` sent, and sends the `summary` of all, or a document of it.",
         f"{graded}\n", json_lines | FORMAT_CONTENT, {"parameters": [FORMAT_PARAMETER]}),
    ):  # fmt: skip
        examples = {"lines": {"summary": "Lines", "value": example}}
        app.router.add_api_route(
            path, endpoint, methods=["POST"], operation_id=endpoint.__name__, summary=summary,
            description=description, tags=["grading"], response_class=Response,
            responses={200: {"description": "The answers.", "content": content},
                       **problem_responses(400, 408, 413, 415, 422, 501, 503)},
            openapi_extra={**parameters, "requestBody": {"required": True, "content": {
                "application/x-ndjson": {**schema, "examples": examples}}}},
        )  # fmt: skip


def _lay_out(form: Format) -> Document:
    """Return the form of a summary that is a document."""
    headers = {"content-type": f"{form.media_type}; charset=utf-8", **form.headers}
    return Document(headers, lambda summary: form.write(build_summary(summary)))


def _make_endpoint(endpoint: Endpoint, answerer: Answerer) -> Callable[..., Awaitable[Response]]:
    """Return the endpoint function of a computation. FastAPI documents it from its name and its signature."""
    body: TypeAlias = Annotated[Any, Deferred(endpoint.documented_request), Body()]

    async def ask(request: Request, question: body) -> Response:
        return await answerer.respond(endpoint.chosen_by(request), request)

    async def ask_in_protocol(request: Request, question: body) -> Response:
        errors = endpoint.errors
        assert errors is not None
        try:
            return await ask(request, question)
        except QuestionErrors as error:
            refused = from_question(error)
        except Problem as problem:
            refused = problem
        note_reason(refused.kind)
        response = errors.render(refused)
        response.headers.update(endpoint.headers)
        return response

    function: Any = ask if endpoint.errors is None else ask_in_protocol
    function.__name__ = endpoint.name.replace("/", "_")
    function.__signature__ = _add_parameters(signature(function), endpoint.parameters)
    return cast("Callable[..., Awaitable[Response]]", function)


def _add_parameters(of: Signature, parameters: Mapping[str, Any]) -> Signature:
    """Return a signature with optional parameters, by name and type."""
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in parameters.items()
    ]
    return of.replace(parameters=[*of.parameters.values(), *added])


def _add_get(app: FastAPI, path: str, endpoint: Callable[..., Any], **documentation: Any) -> None:
    """Add a route for GET and HEAD."""
    app.router.add_api_route(
        path, endpoint, operation_id=endpoint.__name__, route_class_override=ReadRoute, **documentation
    )


def _add_catalogue(app: FastAPI) -> None:
    entries = {name: Representation(orjson.dumps(describe_operation(name))) for name in CATALOGUE}
    entries[GRAPH] = Representation(orjson.dumps(describe_programs()))
    functions = Representation(orjson.dumps(describe_functions()))

    @lru_cache(maxsize=16)
    def listing(root_path: str) -> Representation:
        return Representation(orjson.dumps(describe_all(root_path)))

    async def list_operations(request: Request) -> Response:
        return listing(request.scope.get("root_path", "")).respond(request)

    async def get_functions(request: Request) -> Response:
        return functions.respond(request)

    async def get_operation(request: Request, name: OperationName) -> Response:
        if name not in entries:
            known = "the operations are: " + ", ".join(CATALOGUE)
            raise Problem("not_found", known + hint(name, CATALOGUE))
        return entries[name].respond(request)

    _add_get(
        app,
        "/v1/operations",
        list_operations,
        summary="All operations by family",
        tags=["catalogue"],
        response_model=OperationList,
    )
    _add_get(
        app,
        "/v1/functions",
        get_functions,
        summary="All functions of programs by family",
        description=f"The functions that lines of `POST /v1/graph` can call.\n\n{list_functions()}",
        tags=["catalogue"],
        response_model=FunctionList,
    )
    _add_get(
        app,
        "/v1/operations/{name}",
        get_operation,
        summary="One operation: inputs, settings, values",
        tags=["catalogue"],
        response_model=OperationDescription,
        responses=problem_responses(404, 422),
    )


def _add_health(app: FastAPI, answerer: Answerer) -> None:
    async def live() -> Response:
        return _uncached_response({"status": "live"})

    async def ready(request: Request) -> Response:
        for workers in (answerer.floats, answerer.exact):
            workers.recover()
        health = readiness(answerer, request.scope.get("state", {}).get(WATCH))
        return _uncached_response(health, 200 if health["status"] == "ready" else 503)

    for path, endpoint, summary in (
        ("/health/live", live, "Liveness of the service"),
        ("/health/ready", ready, "Readiness of the service, and how full it is"),
    ):
        _add_get(app, path, endpoint, summary=summary, tags=["health"], response_model=Health)


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    async def get_metrics(request: Request) -> Response:
        body, media_type = metrics.render(request.headers.get("accept", ""))
        headers = {"Cache-Control": "no-store"}
        return Resource(body, headers=headers, media_type=media_type)

    _add_get(
        app,
        "/metrics",
        get_metrics,
        summary="Metrics for Prometheus",
        tags=["health"],
        response_class=PlainTextResponse,
        response_description="The metrics as text.",
    )


def _add_evaluation_health(app: FastAPI, answerer: Answerer) -> None:
    async def evaluate_health(request: Request, x_api_version: mued.ApiVersion = None) -> Response:
        try:
            mued.check_version(request)
        except Problem as problem:
            return mued.render_error(problem)
        is_ready = answerer.floats.is_ready
        headers = {"Cache-Control": "no-store", mued.VERSION_HEADER: mued.API_VERSION}
        body = mued.describe_health(is_ready)
        return Resource(body, 200 if is_ready else 503, headers=headers, media_type="application/json")

    _add_get(
        app,
        "/evaluate/health",
        evaluate_health,
        summary="The health and capabilities of grading in µEd's protocol",
        tags=["health"],
        response_model=mued.MuedHealth,
        responses={"default": {"model": mued.MuedError, "description": "An error."}},
    )


def _uncached_response(body: dict[str, Any], status: int = 200) -> Response:
    """Return a response that must not be cached."""
    headers = {"Cache-Control": "no-store"}
    return Resource(orjson.dumps(body), status, headers=headers, media_type="application/json")
