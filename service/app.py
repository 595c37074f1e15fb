"""The application: routes, error handlers, middleware and documentation."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends
from starlette.exceptions import HTTPException

from compute.errors import QuestionErrors, hint
from compute.question.plan import prepare
from service.answering import Answerer
from service.document import DESCRIPTION, TAGS
from service.documentation import add_documentation
from service.endpoints import ENDPOINTS
from service.explorer.routes import add_explorer
from service.guarding.guard import make_guard
from service.guarding.quotas import Quotas
from service.http.middleware import Listener, add_middleware
from service.http.problems import INTERNAL, Problem, busy, from_http, from_question, from_validation
from service.http.watch import STATE as WATCH
from service.http.watch import Watch
from service.routes import add_routes
from service.settings import Settings
from service.telemetry.logs import request_lines
from service.telemetry.metrics import Metrics
from service.telemetry.records import note_reason
from service.version import VERSION
from service.workers.choice import exact_workers, float_workers


def create_app(settings: Settings | None = None, *, dependencies: Sequence[Depends] = ()) -> FastAPI:
    """Make the application.

    settings: limits and sizes; by default, read from the environment.
    dependencies: FastAPI dependencies that guard every route but the documentation, an API key for example.
    """
    settings = settings or Settings()
    floats, exact = float_workers(settings), exact_workers(settings)
    quotas = Quotas(settings.redis)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        floats.start()
        exact.start()
        watch = metrics.watch = Watch(settings)
        reading = asyncio.create_task(metrics.keep_reading())
        yield {WATCH: watch}
        reading.cancel()
        await asyncio.gather(floats.close(), exact.close(), quotas.close())

    app = FastAPI(
        title="Workings",
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": ".", "description": "where this document comes from"}],
        separate_input_output_schemas=False,
        dependencies=dependencies,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    prepare.cache.budget = settings.plan_bytes
    answerer = Answerer(settings, floats, exact)
    app.state.answerer = answerer
    metrics = Metrics(answerer)
    for error, handler in (
        (Problem, _problem),
        (QuestionErrors, _question),
        (RequestValidationError, _validation),
        (HTTPException, _http),
        (MemoryError, _memory),
        (Exception, _internal),
    ):
        app.add_exception_handler(error, handler)
    listeners: list[Listener] = [metrics.observe, *request_lines(settings.log_requests)]
    add_documentation(app)
    add_explorer(app)
    add_routes(app, answerer, metrics)
    app.state.has_keys = settings.key_file is not None
    add_middleware(app, settings.cors_origins, listeners, make_guard(settings, list_paths(app), quotas))
    return app


def list_paths(app: FastAPI) -> list[str]:
    """Return the paths of the routes."""
    return [path for route in app.routes if (path := getattr(route, "path", ""))]


async def _problem(request: Request, error: Any) -> Response:
    problem: Problem = error
    note_reason(problem.kind)
    return problem.response(request.scope.get("root_path", ""))


async def _question(request: Request, error: Any) -> Response:
    return await _problem(request, from_question(error))


async def _validation(request: Request, error: Any) -> Response:
    return await _problem(request, from_validation(error.errors()))


async def _http(request: Request, error: Any) -> Response:
    problem = from_http(error, request.method)
    if problem.kind == "not_found":
        problem.detail += hint(request.scope["path"].rpartition("/v1/")[2], ENDPOINTS)
    return await _problem(request, problem)


async def _memory(request: Request, _: Exception) -> Response:
    return await _problem(request, busy("the serving process is short of memory; try again in a moment"))


async def _internal(request: Request, __: Exception) -> Response:
    """Respond to a defect in middleware that an embedding application added outside the service's own."""
    return await _problem(request, Problem("internal", INTERNAL))


app = create_app()
