"""Problems as exceptions, the same from a service and from this process."""

import asyncio
import pickle

import httpx
import pytest

import compute
import workings
from service import exceptions
from service.app import create_app
from service.exceptions import Problem, Refused, make_problem
from service.http.problems import KINDS
from service.schemas.naming import camel_case


def test_each_kind_of_problem_is_an_exception_that_the_client_exports() -> None:
    kinds = {camel_case(name): kind.status for name, kind in KINDS.items()}
    assert {kind.__name__: kind.status for kind in exceptions.KINDS} == kinds
    assert {*kinds, "Problem", "Client", "AsyncClient", "answer"} == set(workings.__all__)


def test_a_status_of_no_kind_is_a_problem() -> None:
    problem = make_problem(502, {})
    assert type(problem) is Problem and problem.errors == []
    assert (problem.status, problem.type, str(problem)) == (
        502,
        "about:blank",
        "the server answered with status 502",
    )


def test_the_client_and_the_process_raise_the_same() -> None:
    async def ask() -> None:
        async with workings.AsyncClient(transport=httpx.ASGITransport(create_app())) as client:
            await client.linear(x=[1], w=[["one"]])

    with pytest.raises(Refused) as remote:
        asyncio.run(ask())
    with pytest.raises(Refused) as here:
        compute.answer("linear", x=[1], w=[["one"]])
    for caught in (remote.value, here.value, pickle.loads(pickle.dumps(here.value))):
        assert caught.document == here.value.document
        assert (caught.status, caught.kind, caught.type) == (422, "refused", "/problems/refused")
        [error] = caught.errors
        assert error["pointer"] == "/w/0/0" and error["expected"] and error["received"]
        assert str(caught).startswith("/w/0/0: ")
