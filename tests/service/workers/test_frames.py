"""Frames between a worker and the pool."""

import pytest

from compute.errors import LISTED, QuestionError
from service.http.problems import Problem
from service.workers.frames import dump_problem, load_problem

ERROR = QuestionError(("inputs", 3, "a/b~"), "has to be λ", "a number", "text of 3 characters")


@pytest.mark.parametrize(
    "problem",
    [
        Problem("refused", "no", [ERROR]),
        Problem("too_large", "too much", [ERROR] * (LISTED + 5)),
        Problem("internal", "a defect"),
        Problem("refused", "half a pair \ud800", [QuestionError(("\udfff",), "half \ud800", "a", "b")]),
    ],
    ids=["one", "many", "no errors", "surrogates"],
)
def test_a_problem_survives_a_frame(problem: Problem) -> None:
    written, read = problem.response("/below"), load_problem(dump_problem(problem)).response("/below")
    assert (read.status_code, read.body) == (written.status_code, written.body)
