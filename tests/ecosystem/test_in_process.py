"""The application called in the same process, with and without its lifespan, as tests of others call it."""

import asyncio

import httpx
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import EXACT, PATIENT, SELF_ATTENTION, check_exact, check_floats


def test_starlettes_client_without_a_context_manager() -> None:
    client = TestClient(create_app(Settings(**PATIENT)))  # raises what the application raises
    for _ in range(2):
        check_floats(client.post(SELF_ATTENTION, json=EXAM))
        check_exact(client.post(SELF_ATTENTION, json=EXACT))


def test_starlettes_client_as_a_context_manager() -> None:
    with TestClient(create_app(Settings(**PATIENT))) as client:
        for _ in range(2):
            check_floats(client.post(SELF_ATTENTION, json=EXAM))
            check_exact(client.post(SELF_ATTENTION, json=EXACT))


def test_httpxs_transport_in_one_event_loop_after_another() -> None:
    app = create_app(Settings(**PATIENT))

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            floats, exact = await asyncio.gather(
                client.post(SELF_ATTENTION, json=EXAM), client.post(SELF_ATTENTION, json=EXACT)
            )
            check_floats(floats)
            check_exact(exact)

    for _ in range(2):
        asyncio.run(ask())
