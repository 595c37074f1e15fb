"""The routes: every computation by POST, the catalogue, and health."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeAlias

import orjson
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from compute.operations import CATALOGUE
from service.answering import Answerer
from service.catalogue import OperationDescription, OperationList, describe_all, describe_operation
from service.endpoints import ENDPOINTS, Endpoint
from service.exact.pool import ExactPool
from service.http.problems import Problem, problem_responses
from service.http.representations import Representation, Resource
from service.http.work import Workshop
from service.schemas.deferred import Deferred
from service.schemas.health import Health


class QuestionRoute(APIRoute):
    """A route whose endpoint reads the body itself.

    FastAPI documents the body by the endpoint's signature. Reading it is left to `service.http.reader`, which
    bounds size and time, refuses what JSON does not allow, and makes arrays without a Python object for each
    number; validating it is left to `service.questions`, which says what was expected and what came.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if not self.dependencies:
            self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer without the stacks that FastAPI keeps for dependencies: there are none."""
        response: Response = await self.endpoint(Request(scope, receive), None)
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own handler, which solves dependencies, and keep it from reading the body."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            return await handle(_WithoutBody(request.scope, request.receive))

        return guarded


class _WithoutBody(Request):
    """A request that shows FastAPI an empty object in place of its body, which stays to be received."""

    async def body(self) -> bytes:
        return b"{}"

    async def json(self) -> Any:
        return {}


class RouteTable:
    """The way to the routes of questions: one look into a table, however many there are.

    All other requests go to the router, whose list holds the same routes.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._routes = {route.path: route for route in router.routes if isinstance(route, QuestionRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A request that FastAPI's own telemetry watches goes to the router, which names it there.
        if scope["type"] == "http" and scope["method"] == "POST" and "fastapi.telemetry" not in scope:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if (route := self._routes.get(path)) is not None:
                scope.update(router=self._router, route=route, endpoint=route.endpoint, path_params={})
                await route.app(scope, receive, send)
                return
        await self._router.app(scope, receive, send)


def add_routes(app: FastAPI, answerer: Answerer) -> None:
    """Add every route of the service to an application."""
    for endpoint in ENDPOINTS.values():
        app.router.add_api_route(
            endpoint.path,
            _ask(endpoint, answerer),
            methods=["POST"],
            operation_id=endpoint.name.replace("/", "_"),
            summary=endpoint.summary,
            description=endpoint.description,
            tags=[endpoint.tag],
            response_model=Annotated[Any, Deferred(endpoint.response)],
            response_description="The answer.",
            responses=problem_responses(400, 408, 413, 415, 422, 501, 503),
            route_class_override=QuestionRoute,
        )
    _add_catalogue(app)
    _add_health(app, answerer.workshop, answerer.exact)
    app.router.middleware_stack = RouteTable(app.router)


def _ask(endpoint: Endpoint, answerer: Answerer) -> Callable[..., Awaitable[Response]]:
    """Make the endpoint function of a computation. FastAPI documents its second parameter and its name."""
    body: TypeAlias = Annotated[Any, Deferred(endpoint.request), Body()]

    async def ask(request: Request, question: body) -> Response:
        return await answerer.respond(endpoint, request)

    ask.__name__ = endpoint.name.replace("/", "_")
    return ask


def _add_get(app: FastAPI, path: str, endpoint: Callable[..., Any], **documentation: Any) -> None:
    """Add a route for GET, and for HEAD, which the document need not repeat."""
    app.add_api_route(path, endpoint, operation_id=endpoint.__name__, **documentation)
    app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_catalogue(app: FastAPI) -> None:
    listing = Representation(orjson.dumps(describe_all()))
    entries = {name: Representation(orjson.dumps(describe_operation(name))) for name in CATALOGUE}

    async def list_operations(request: Request) -> Response:
        return listing.respond(request)

    async def get_operation(request: Request, name: str) -> Response:
        if name not in entries:
            raise Problem("not_found", "the operations are: " + ", ".join(CATALOGUE))
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
        "/v1/operations/{name}",
        get_operation,
        summary="One operation: inputs, settings, values",
        tags=["catalogue"],
        response_model=OperationDescription,
        responses=problem_responses(404),
    )


def _add_health(app: FastAPI, workshop: Workshop, exact: ExactPool) -> None:
    async def live() -> Response:
        return _current({"status": "live"})

    async def ready() -> Response:
        threads, processes = (
            {"occupied": places.occupied, "capacity": places.capacity} for places in (workshop, exact)
        )
        return _current({"status": "ready", **threads, "exact": {**processes, "workers": len(exact.workers)}})

    for path, endpoint, summary in (
        ("/health/live", live, "Whether the service runs"),
        ("/health/ready", ready, "Whether the service takes requests, and how full it is"),
    ):
        _add_get(app, path, endpoint, summary=summary, tags=["health"], response_model=Health)


def _current(body: dict[str, Any]) -> Response:
    """A response that describes this moment and is not to be kept."""
    return Resource(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
