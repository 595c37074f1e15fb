"""The application: routes, error answers and documentation put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from compute.errors import QuestionErrors
from service.endpoints import add_routes
from service.exact.pool import ExactPool
from service.http.documentation import add_documentation
from service.http.problems import INTERNAL, Problem, from_question
from service.http.work import Workshop
from service.memory import keep_freed_memory
from service.schemas.openapi import document
from service.settings import Settings
from service.version import VERSION


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service with these settings, or those of the environment."""
    settings = settings or Settings()
    workshop = Workshop(settings.workers, settings.queue)
    exact = ExactPool(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keep_freed_memory(settings.kept_bytes)
        exact.start()
        yield
        await exact.close()
        workshop.close()

    app = FastAPI(
        title="Workings",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.state.workshop, app.state.exact = workshop, exact
    add_routes(app, settings, workshop, exact)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(QuestionErrors, _question)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _internal)
    add_documentation(app, lambda: document(app.routes))
    return app


async def _problem(_: Request, error: Any) -> Response:
    problem: Problem = error
    return problem.response()


async def _question(_: Request, error: Any) -> Response:
    return from_question(error).response()


async def _http(request: Request, error: Any) -> Response:
    if error.status_code == 405:
        detail = f"{request.method} is not answered here"
        return Problem("method_not_allowed", detail, headers=error.headers).response()
    return Problem("not_found", "see /docs for what there is").response()


async def _internal(_: Request, __: Exception) -> Response:
    return Problem("internal", INTERNAL).response()


app = create_app()
