"""A check of the grader itself: questions whose grades are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from compute.question.limits import Limits
from service.grading.grading import understand_grading
from service.jobs import UNKNOWN_WORK
from service.questions.programs import GRAPH

QUESTION = {
    "operation": GRAPH,
    "program": ["output = x @ w"],
    "inputs": {"x": [[1, 2], [3, 4]], "w": [[1, 0], [0, 2]]},
}
# The verdict of each answer to this question.
CASES: Mapping[str, tuple[Any, str]] = {
    "a right answer": ([[1, 4], [3, 8]], "correct"),
    "a wrong answer": ([[1, 4], [3, -8]], "incorrect"),
    "a wrong shape": ([1, 4, 3], "incorrect"),
    "text for a number": ([["1", "2*2"], ["√9", "8"]], "correct"),
    "text that cannot be read": ("?", "ungradable"),
}


@dataclass(frozen=True, slots=True)
class SelfCheckJob:
    """The check, as the response to Lambda Feedback's command `healthcheck`."""

    limits: Limits

    @property
    def work(self) -> int:
        """Unknown, as of every grade."""
        return UNKNOWN_WORK

    def answer(self) -> bytes:
        """Return the body of the response."""
        verdicts = {name: self._grade(answer) for name, (answer, _) in CASES.items()}
        successes = [{"name": name} for name, verdict in verdicts.items() if verdict == CASES[name][1]]
        failures = [
            {"name": name, "message": f"expected {CASES[name][1]}; received {verdict}"}
            for name, verdict in verdicts.items()
            if verdict != CASES[name][1]
        ]
        result = {"tests_passed": not failures, "successes": successes, "failures": failures, "errors": []}
        return orjson.dumps({"command": "healthcheck", "result": result})

    def _grade(self, answer: Any) -> str:
        job = understand_grading({"question": QUESTION, "answer": {"output": answer}}, self.limits)
        return job.grade().items[0].verdict
