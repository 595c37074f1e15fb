"""The same questions to a server and to the service in this process, by both clients."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from tests.docs.listening import server
from workings import AsyncClient, Client, Refused

X, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5], [-1.0]])
TRACE: dict[str, Any] = {
    "program": ["f = w**2"],
    "start": {"w": 1},
    "optimizer": {"name": "gradient_descent", "learning_rate": 0.1},
    "steps": 2,
}
QUESTION = {"operation": "softmax", "x": [1, 2]}
RIGHT = {"output": [0.2689, 0.7311]}
BATCH: list[dict[str, Any]] = [
    {"rubric": "q", "question": QUESTION, "marks": {"output": 2}},
    *({"id": number, "rubric": "q", "answer": RIGHT} for number in range(3)),
    {"id": None, "rubric": "q", "answer": {}},
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as found:
        yield f"http://{found}"


def connect(kind: type[Any], address: str, place: str) -> Any:
    return kind(address) if place == "server" else kind.in_process()


def check(linear: Any, large: Any, exact: Any, steps: list[Any], graded: list[Any]) -> None:
    np.testing.assert_array_equal(linear.output, X @ W)
    np.testing.assert_allclose(large.output, np.full((300, 300), 300.0))
    assert exact.output == ["1/4", "3/4"]
    assert [line["parameters"]["w"] for line in steps[1:-1]] == pytest.approx([1, 0.8, 0.64])
    assert [line.get("score") for line in graded] == [None, 2, 2, 2, None, None]
    assert "problem" in graded[4] and graded[5]["summary"]["count"] == 3


EXACT: dict[str, Any] = {"x": ["log(1)", "log(3)"], "arithmetic": "exact"}
LARGE: dict[str, Any] = {"x": np.ones((300, 300)), "w": np.ones((300, 300))}


@pytest.mark.parametrize("place", ["server", "process"])
def test_the_synchronous_client(address: str, place: str) -> None:
    with connect(Client, address, place) as client:
        check(
            client.linear(x=X, w=W),
            client.linear(**LARGE),
            client.softmax(**EXACT),
            [*client.trace(**TRACE)],
            [*client.grade_batch(BATCH)],
        )
        with pytest.raises(Refused) as caught:
            client.linear(x=X, w=[["one"]])
        assert [error["pointer"] for error in caught.value.errors] == ["/w/0/0"]
        with pytest.raises(Refused):
            next(client.trace(**{**TRACE, "every": 0}))


@pytest.mark.parametrize("place", ["server", "process"])
def test_the_asynchronous_client(address: str, place: str) -> None:
    async def collect(lines: AsyncIterator[Any]) -> list[Any]:
        return [line async for line in lines]

    async def ask() -> None:
        async with connect(AsyncClient, address, place) as client:
            check(
                await client.linear(x=X, w=W),
                await client.linear(**LARGE),
                await client.softmax(**EXACT),
                await collect(client.trace(**TRACE)),
                await collect(client.grade_batch(BATCH)),
            )
            with pytest.raises(Refused):
                await client.linear(x=X, w=[["one"]])

    asyncio.run(ask())


def test_a_synchronous_client_answers_where_an_event_loop_runs() -> None:
    async def ask() -> Any:
        with Client.in_process() as client:
            return client.linear(x=X, w=W)

    np.testing.assert_array_equal(asyncio.run(ask()).output, X @ W)
