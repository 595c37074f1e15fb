"""Failures of libraries are refused with the library's name; failures of our own are defects."""

import io
import json
import logging
from typing import Any

import mpmath
import pytest
import sympy

from compute.arithmetic.exact import algebra
from compute.arithmetic.exact.readable import _readable as readable
from service.exact.failures import refusal
from service.http.problems import Problem
from service.questions.operations import EXACT_WORK
from service.workers import exact, worker
from service.workers.frames import HEAD, LOG, PROBLEM, REACHED, load_problem

HEADER = {
    "name": "graph", "memory": 2**30, "seconds": 600, "lines": False, "request_id": "one",
    "is_gzipped": False, "accepts_gzip": False,
}  # fmt: skip


def refused(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> tuple[Problem, str]:
    """Return a worker's problem for a program, computed in this process, and its message for the log."""
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    body = {"program": ["half = x / 2", "y = log(half)"], "inputs": {"x": "a"}, "arithmetic": "exact"}
    frames = io.BytesIO()
    server = worker.Server(exact.Exact(), io.BytesIO(), frames)
    assert server.answer(HEADER, json.dumps(body | fields).encode()) == worker.NOTHING
    content = frames.getvalue()
    logged = ""
    while True:
        kind, length = HEAD.unpack(content[: HEAD.size])
        payload, content = content[HEAD.size :][:length], content[HEAD.size + length :]
        if kind == PROBLEM:
            return load_problem(payload), logged
        if kind == LOG:
            level, logged = json.loads(payload)
            assert level == logging.ERROR
        else:
            assert kind == REACHED


def failing(*_: Any) -> Any:
    """Fail in SymPy, with a message that contains its argument."""
    return sympy.Rational("x" * 1_000)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("together", "SymPy failed while simplifying (for the value half); it did not come as far"),
        ("log", "SymPy failed while computing (for the value y); it came as far as half"),
    ],
)
def test_the_step_is_named(monkeypatch: pytest.MonkeyPatch, function: str, words: str) -> None:
    readable.cache_clear()
    monkeypatch.setattr(sympy, function, failing)
    problem, log = refused(monkeypatch)
    assert problem.kind == "refused"
    assert words in problem.errors[0].message
    assert problem.errors[0].received == "a failure of the kind TypeError"
    assert log.startswith("Request one failed in a worker process") and "in failing" in log
    assert "x" * 400 in log and "x" * 501 not in log


def test_an_entry_that_cannot_be_read_is_pointed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sympy, "sqrt", failing)
    problem, _ = refused(monkeypatch, inputs={"x": [1, "sqrt(2)"]})
    assert "SymPy failed while reading numbers (at /inputs/x/1);" in problem.detail


def test_a_defect_of_ours_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: Any) -> Any:
        raise ValueError("ours")

    monkeypatch.setattr(algebra, "size", wrong)
    problem, log = refused(monkeypatch, inputs={"x": "1 + 1"})
    assert problem.kind == "internal"
    assert "ValueError: ours" in log


def no_convergence() -> None:
    mpmath.findroot(lambda x: x**2 + 1, 0.3)


def no_integer() -> None:
    sympy.Integer("a")


@pytest.mark.parametrize(("call", "library"), [(no_convergence, "mpmath"), (no_integer, "SymPy")])
def test_libraries_are_told_by_their_frames(call: Any, library: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - of any text
        call()
    problem = refusal(caught.value)
    assert problem is not None and f"{library} failed while computing" in problem.detail


def test_an_error_of_python_alone_is_a_defect() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 // int("0")
    assert refusal(caught.value) is None
