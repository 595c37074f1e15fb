"""Answers in the caller's process."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient

import compute
from service import in_process
from service.app import create_app
from service.exceptions import Refused
from service.questions.operations import EXACT_WORK

X, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5], [-1.0]])


def test_arrays_go_in_and_come_out() -> None:
    answer = compute.answer("linear", x=X, w=W, upstream={"output": np.ones((2, 1))})
    np.testing.assert_array_equal(answer["output"], X @ W)
    assert answer.output is answer.values["output"]
    np.testing.assert_array_equal(answer.gradients["w"], X.T @ np.ones((2, 1)))


@pytest.mark.parametrize("x", [X[:, ::-1], X.T, X.astype(">f8"), X.astype(np.int64), X.astype(np.float32)])
def test_an_array_of_any_layout_is_read_as_it_is(x: np.ndarray) -> None:
    np.testing.assert_array_equal(compute.answer("linear", x=x, w=W)["output"], x @ W)


def test_the_answer_is_that_of_the_service() -> None:
    question = {"x": X.tolist(), "w": W.tolist(), "encoding": "nested", "upstream": {"output": [[1], [2]]}}
    served = TestClient(create_app()).post("/v1/linear", json=question).json()
    assert compute.answer("linear", **question).document == served


def test_exact_arithmetic_is_answered_and_leaves_no_trace() -> None:
    before = signal.getsignal(signal.SIGPROF)
    answer = compute.answer("linear", x=[["sqrt(2)"]], w=[["sqrt(8)"]], arithmetic="exact")
    assert answer["output"] == [["4"]]
    assert not EXACT_WORK.is_done_here
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_exact_arithmetic_is_answered_in_a_thread() -> None:
    found = []
    ask = lambda: found.append(compute.answer("linear", x=[["1/3"]], w=[[3]], arithmetic="exact"))  # noqa: E731
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found[0]["output"] == [["1"]]


def test_exact_work_that_runs_out_of_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object) -> None:
        while True:
            pass

    monkeypatch.setenv("WORKINGS_EXACT_SECONDS", "0.05")
    monkeypatch.setattr(in_process, "understand", work)
    with pytest.raises(Refused, match="took too long"):
        compute.answer("linear", x=[[1]], w=[[1]], arithmetic="exact")


def test_errors_point_to_their_fields() -> None:
    with pytest.raises(Refused) as caught:
        compute.answer("linear", x=X, w=[["one"]])
    assert [error["pointer"] for error in caught.value.errors] == ["/w/0/0"]


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(Refused, match="no computation"):
        compute.answer("lineal", x=X)
    with pytest.raises(Refused, match="JSON"):
        compute.answer("linear", x=object(), w=W)


def test_infinity_is_a_number() -> None:
    assert compute.answer("linear", x=[[np.inf]], w=[[1.0]])["output"] == np.inf


def test_importing_compute_loads_neither_the_service_nor_numpy() -> None:
    code = "import compute, sys; print({'service', 'numpy', 'fastapi'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
