"""The same answers without routes: a middleware with a table of paths, without dependencies or documentation.

The baseline of `benchmarks.routes`.
"""

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from compute.errors import QuestionErrors
from service.answering import Answerer
from service.endpoints import find_endpoint
from service.http.problems import Problem, from_question
from service.settings import Settings
from service.workers.choice import exact_workers, float_workers


class Table:
    """Answers POST /v1/{name} before the router."""

    def __init__(self, app: ASGIApp, answerer: Answerer) -> None:
        self.app = app
        self.answerer = answerer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            endpoint = find_endpoint(scope.get("path", ""))
        except KeyError:
            await self.app(scope, receive, send)
            return
        try:
            response = await self.answerer.respond(endpoint, Request(scope, receive))
        except Problem as problem:
            response = problem.response()
        except QuestionErrors as errors:
            response = from_question(errors).response()
        await response(scope, receive, send)


settings = Settings()
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
app.add_middleware(Table, answerer=Answerer(settings, float_workers(settings), exact_workers(settings)))
