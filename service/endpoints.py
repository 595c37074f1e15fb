"""The routes: one for each operation of the catalogue, and the few that are about all of them."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from compute.operations import CATALOGUE
from service.bodies import receive
from service.catalogue import describe_all, describe_operation
from service.problems import Problem, at, describe
from service.questions import Question, cost_of, understand
from service.reader import read
from service.schemas import camel
from service.settings import Settings
from service.work import Workshop

Endpoint = Callable[[Request], Awaitable[Response]]


def router(settings: Settings, workshop: Workshop) -> APIRouter:
    """All routes of the API."""
    routes = APIRouter()
    for name, operation in CATALOGUE.items():
        routes.add_api_route(
            f"/v1/{name}",
            _computation(name, settings, workshop),
            methods=["POST"],
            operation_id=name,
            summary=operation.summary,
            description=operation.description,
            tags=["operations"],
            openapi_extra={
                "x-request": f"{camel(name)}Request",
                "x-response": f"{camel(name)}Response",
            },
        )
    _add_cost(routes, settings, workshop)
    _add_catalogue(routes)
    _add_health(routes, workshop)
    return routes


def _computation(name: str, settings: Settings, workshop: Workshop) -> Endpoint:
    def ask(body: bytes) -> Question:
        return understand(name, read(body), settings.limits)

    async def compute(request: Request) -> Response:
        with ExitStack() as held:

            def hold_place() -> None:
                held.enter_context(workshop.place())

            body = await receive(request, settings, hold_place)
            if len(body) > settings.inline_bytes:
                return _json(await workshop.run(lambda: ask(body).answer()))
            # What is tiny is done where it stands: the hop to a thread would cost more than the work.
            question = ask(body)
            prepared = question.prepared
            if max(prepared.work, prepared.answer_entries * 10) <= settings.inline_work:
                return _json(question.answer())
            hold_place()
            return _json(await workshop.run(question.answer))

    return compute


def _add_cost(routes: APIRouter, settings: Settings, workshop: Workshop) -> None:
    def answer(body: bytes) -> bytes:
        document = read(body)
        name = document.get("operation")
        if not isinstance(name, str) or name not in CATALOGUE:
            known = "one of: " + ", ".join(CATALOGUE)
            received = "nothing" if name is None else describe(name)
            raise at(("operation",), "there is no operation of this name", known, received)
        return cost_of(name, document)

    async def cost(request: Request) -> Response:
        with ExitStack() as held:
            body = await receive(request, settings, lambda: held.enter_context(workshop.place()) or None)
            if len(body) > settings.inline_bytes:
                return _json(await workshop.run(lambda: answer(body)))
            return _json(answer(body))

    routes.add_api_route(
        "/v1/cost",
        cost,
        methods=["POST"],
        operation_id="cost",
        summary="What an operation costs, from shapes alone",
        description="Multiply-adds, comparisons, parameters and memory, in numbers, or as polynomials in"
        ' the dimension names where a shape is given in letters: `{"shape": ["n", "d"]}`.',
        tags=["readings"],
        openapi_extra={"x-request": "CostRequest", "x-response": "CostResponse"},
    )


def _add_catalogue(routes: APIRouter) -> None:
    listing = orjson.dumps(describe_all())
    entries = {name: orjson.dumps(describe_operation(name)) for name in CATALOGUE}

    async def list_operations() -> Response:
        return _json(listing)

    async def get_operation(name: str) -> Response:
        if name not in entries:
            raise Problem("not_found", f"the operations are: {', '.join(CATALOGUE)}")
        return _json(entries[name])

    for path, endpoint, schema, summary in (
        ("/v1/operations", list_operations, "Operations", "All operations"),
        (
            "/v1/operations/{name}",
            get_operation,
            "OperationDescription",
            "One operation: inputs, settings, values",
        ),
    ):
        routes.add_api_route(
            path,
            endpoint,
            methods=["GET"],
            operation_id=endpoint.__name__,
            summary=summary,
            tags=["catalogue"],
            openapi_extra={"x-response": schema},
        )


def _add_health(routes: APIRouter, workshop: Workshop) -> None:
    async def live() -> Response:
        return _plain({"status": "live"})

    async def ready() -> Response:
        return _plain({"status": "ready", "occupied": workshop.occupied, "capacity": workshop.capacity})

    for path, endpoint, summary in (
        ("/health/live", live, "Whether the service runs"),
        ("/health/ready", ready, "Whether the service takes requests, and how full it is"),
    ):
        routes.add_api_route(
            path,
            endpoint,
            methods=["GET"],
            operation_id=endpoint.__name__,
            summary=summary,
            tags=["health"],
            openapi_extra={"x-response": "Health"},
        )


def _json(body: bytes) -> Response:
    """A reproducible answer: its ETag is a digest of its bytes."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Response(body, headers={"ETag": etag}, media_type="application/json")


def _plain(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
