"""The routes. All that can be asked by POST goes through one, so that many operations cost no time."""

import hashlib
from contextlib import ExitStack
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response

from compute.operations import CATALOGUE
from service.bodies import receive
from service.catalogue import describe_all, describe_operation
from service.posts import POSTS, Job
from service.problems import Problem
from service.reader import read
from service.settings import Settings
from service.work import Workshop


def add_routes(app: FastAPI, settings: Settings, workshop: Workshop) -> None:
    """All routes of the API, the busiest first."""
    _add_posts(app, settings, workshop)
    _add_health(app, workshop)
    _add_catalogue(app)


def _add_posts(app: FastAPI, settings: Settings, workshop: Workshop) -> None:
    limits = settings.limits

    async def ask(request: Request) -> Response:
        post = POSTS.get(request.path_params["name"])
        if post is None:
            raise Problem("not_found", "the names are: " + ", ".join(POSTS))

        def understand(body: bytes) -> Job:
            return post.understand(read(body), limits)

        with ExitStack() as held:

            def hold_place() -> None:
                held.enter_context(workshop.place())

            body = await receive(request, settings, hold_place)
            if len(body) > settings.inline_bytes:
                return _json(await workshop.run(lambda: understand(body).answer()))
            # What is tiny is done where it stands: the hop to a thread would cost more than the work.
            job = understand(body)
            if job.work <= settings.inline_work:
                return _json(job.answer())
            hold_place()
            return _json(await workshop.run(job.answer))

    # A plain route: everything FastAPI could check or convert here is checked in `service.questions`.
    app.add_route("/v1/{name}", ask, methods=["POST"], include_in_schema=False)


def _add_catalogue(app: FastAPI) -> None:
    listing = orjson.dumps(describe_all())
    entries = {name: orjson.dumps(describe_operation(name)) for name in CATALOGUE}

    async def list_operations() -> Response:
        return _json(listing)

    async def get_operation(name: str) -> Response:
        if name not in entries:
            raise Problem("not_found", "the operations are: " + ", ".join(CATALOGUE))
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
        app.add_api_route(
            path,
            endpoint,
            operation_id=endpoint.__name__,
            summary=summary,
            tags=["catalogue"],
            openapi_extra={"x-response": schema},
        )


def _add_health(app: FastAPI, workshop: Workshop) -> None:
    async def live() -> Response:
        return _plain({"status": "live"})

    async def ready() -> Response:
        return _plain({"status": "ready", "occupied": workshop.occupied, "capacity": workshop.capacity})

    for path, endpoint, summary in (
        ("/health/live", live, "Whether the service runs"),
        ("/health/ready", ready, "Whether the service takes requests, and how full it is"),
    ):
        app.add_api_route(
            path,
            endpoint,
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
