"""The right answers of the corpus agree with the service, and the corpus is what it promises to be."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from benchmarks.grading import figures, grade, graded
from benchmarks.grading_corpus.cases import assemble
from benchmarks.grading_corpus.corpus import cases, sheets
from benchmarks.grading_corpus.hostile import MARKER, hostile_cases
from benchmarks.grading_corpus.sheets import Sheet, items_of, work
from benchmarks.grading_corpus.students import KINDS, slipped
from service.endpoints import ENDPOINTS
from service.settings import Settings

LIMITS = Settings().limits
SHEETS = list(sheets())


def the_service_says(sheet: Sheet) -> dict[tuple[str, str], Any]:
    question = dict(sheet.question)
    endpoint = ENDPOINTS[question.pop("operation")]
    body = json.loads(endpoint.understand(question, LIMITS).answer())
    if "trace" in body:
        return {("value", name): found for name, found in flatten("trace", body["trace"])}
    return {
        (kind, name): found
        for kind, side in (("value", "values"), ("gradient", "gradients"))
        for name, found in body.get(side, {}).items()
    }


def flatten(path: str, found: Any) -> list[tuple[str, Any]]:
    """List the steps of a trace by their paths."""
    names: list[tuple[str, Any]] = []
    for step in found:
        for part, content in step.items():
            here = f"{path}[{step['step']}].{part}"
            if part == "state":
                names += [(f"{here}.{x}.{y}", a) for x, state in content.items() for y, a in state.items()]
            elif isinstance(content, dict):
                names += [(f"{here}.{x}", a) for x, a in content.items()]
            else:
                names.append((here, content))
    return names


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.family)
def test_right_answers_agree_with_the_service(sheet: Sheet) -> None:
    found, answer = the_service_says(sheet), work(sheet)
    for stacked in (True, False):
        for item, rows in items_of(sheet, answer, stacked).items():
            expected = assemble(answer, rows, item)
            theirs = np.array(found[item], dtype=float)
            assert theirs.shape == expected.shape, item
            np.testing.assert_allclose(theirs, expected, rtol=1e-9, atol=1e-9, err_msg=str(item))


def test_the_corpus_is_large_and_has_every_kind() -> None:
    kinds = Counter(case.kind for case in cases())
    assert sum(kinds.values()) >= 2000
    assert kinds.keys() == KINDS.keys()


def test_the_corpus_is_the_same_on_every_run() -> None:
    some = [SHEETS[0], SHEETS[-1]]
    first, second = (
        json.dumps([case.request for sheet in some for case in slipped(np.random.default_rng(3), sheet)])
        for _ in range(2)
    )
    assert first == second


def test_a_sample_meets_the_aims() -> None:
    """One answer of each kind to each worksheet, with numbers that the published figures do not use."""
    chosen = [
        case
        for place, sheet in enumerate(sheets(first=90))
        for students in KINDS.values()
        if (case := next(students(np.random.default_rng([place, 90]), sheet), None)) is not None
    ]
    found = {name: list(holds) for name, holds in figures([graded(case) for case in chosen]).items()}
    for name in (
        "right answers with full marks",
        "rounded answers with full marks",
        "follow-through granted",
    ):
        assert np.mean(found[name]) >= 0.99, name
    assert len(found["right answers with full marks"]) == len(list(sheets(first=90)))
    assert len(found["the mistake among those named"]) > 20
    assert np.mean(found["the mistake among those named"]) >= 0.97
    for name in ("false credit on wrong items", "false credit on noise", "mistakes named for noise"):
        assert not any(found[name]), name


def test_hostile_answers_cost_their_item_alone() -> None:
    for case in hostile_cases(SHEETS, 120):
        assert graded(case).faults() == [], case.variant
        item = [name for (_, name), expected in case.expect.items() if expected.full is False]
        assert MARKER not in json.dumps(grade(case.request)).replace(item[0], ""), case.variant
