"""Grades that tests make envelopes of: real ones, at every level of feedback."""

from functools import cache
from typing import Any

import orjson

from service.endpoints import ENDPOINTS
from service.settings import Settings

LIMITS = Settings().limits
LEVELS = ("none", "verdict", "location", "hint", "full")
QUESTION = {
    "operation": "self_attention", "x": [[0, 1], [-1, 1]], "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]], "w_v": [[-0.1], [0.3]],
}  # fmt: skip
MARKER = "zzqy"  # which students write
RUBRIC: dict[str, Any] = {"question": QUESTION, "marks": {"query": 1, "weights": 2, "output": 2}}
RIGHT: dict[str, Any] = {
    "query": ["√2", "-√2"],
    "weights": [[0.056, 0.944], [0.944, 0.056]],
    "output": [0.3944, 0.3056],
}
SLIPPED: dict[str, Any] = {
    "query": ["√2", "√2"],
    "weights": [[0.056, 0.944], [0.056, 0.944]],
    "output": [0.394, 0.394],
}
UNREADABLE: dict[str, Any] = {**RIGHT, "output": MARKER, f"<b>{MARKER}": 1, MARKER: [2]}
PROGRAM = {"operation": "graph", "program": ["z = 2 * x"], "inputs": {"x": [1, 2]}}


def grade(**fields: Any) -> Any:
    """Return the body of POST /v1/grade."""
    return orjson.loads(ENDPOINTS["grade"].understand(fields, LIMITS).answer())


@cache
def cases() -> dict[str, Any]:
    """Return grades by name: each kind of answer at each level, without marks, and an exam."""
    answers = {"right": RIGHT, "slipped": SLIPPED, "unreadable": UNREADABLE, "empty": {}}
    found = {
        f"{name}-{level}": grade(**RUBRIC, answer=answer, feedback=level)
        for name, answer in answers.items()
        for level in LEVELS
    }
    worthless = {"question": QUESTION, "marks": dict.fromkeys(RIGHT, 0)}
    for level in ("none", "full"):
        found[f"worthless-{level}"] = grade(**worthless, answer=SLIPPED, feedback=level)
    found["worthless-unreadable"] = grade(**worthless, answer=UNREADABLE)
    found["penalty"] = grade(**RUBRIC, answer=SLIPPED, penalties=[{"when": "incorrect", "points": 0.5}])
    found["penalty-verdict"] = grade(
        **RUBRIC, answer=SLIPPED, penalties=[{"when": "incorrect", "points": 0.5}], feedback="verdict"
    )
    found["best"] = grade(**RUBRIC, answer=RIGHT, best_of=[{"names": ["query", "weights"], "count": 1}])
    found["exam"] = exam([2, 4])
    found["exam-unreadable"] = exam(MARKER)
    return found


def exam(first: Any) -> Any:
    questions = [
        {"name": "<i>1a", "question": PROGRAM, "answer": {"z": first}, "marks": {"z": 1}},
        {"name": "1b", "question": {"operation": "graph", "program": ["y = z + 1"]}, "answer": {"y": [3, 9]},
         "takes": {"z": {"question": "<i>1a", "name": "z"}}, "marks": {"y": 1}},
    ]  # fmt: skip
    return grade(questions=questions)
