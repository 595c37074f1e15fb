"""Model answers of published exams and homeworks: their marks, and the mistakes that they hold."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from service.document import load_examples, load_exams, url_of
from tests.conftest import Client
from tests.service.test_document import DOCUMENT, same

GRADED = {one["name"]: one for one in load_examples() if url_of(one) == "/v1/grade"}
EXAMS = {one["name"]: one for one in load_exams()}

# Score, highest score, and what is not right: question, name, verdict and the known mistakes that fit.
EXPECTED: dict[str, tuple[float, float, list[tuple[str | None, str, str, list[str]]]]] = {
    "000_0_1_1_graded": (4, 4, []),
    "000_0_1_1_graded_scaled": (4, 4, []),  # the second scaling is accepted
    "000_0_2_5_graded": (4, 4, []),
    "000_exam_graded": (7, 8, [("0.1.1", "output", "incorrect", [])]),  # a slip put in
    "001_1c_graded": (3, 3, []),
    "002_1_1_graded": (2, 4, [(None, "weights", "incorrect", ["attention.sign_of_scale"])]),
    "003_1_graded": (3, 3, []),
    "004_5_graded": (0.17, 1, [(None, "adjusted_w", "incorrect", ["dropout.weights_divided_by_keep"])]),
    "000_0_1": (12, 12, []),
    "000_0_2": (14, 14, []),
    "001_1": (7, 7, []),
    "001_2": (4, 4, []),
    # e^(-beta z), a beta of 1 that concentrates, and a factor left out of one numerator of 1.1e
    "002_1_1": (3, 7, [
        ("1.1b", "weights", "incorrect", ["attention.sign_of_scale"]),
        ("1.1c", "weights", "incorrect", []),
        ("1.1e", "weights", "incorrect", []),
        ("1.1f", "weights", "incorrect", ["attention.sign_of_scale"]),
    ]),
    "002_1_2": (7, 8, [("1.3d", "output", "incorrect", [])]),  # beta = 0 averages all positions
    "003_1_paths": (50, 50, []),
    "004": (25, 25, []),
    "004_5_exact": (0, 2, [(None, "adjusted_w", "incorrect", ["dropout.weights_divided_by_keep"])]),
}  # fmt: skip


def not_right(answer: Any) -> list[tuple[str | None, str, str, list[str]]]:
    return [
        (item.get("question"), item["name"], item["verdict"],
         [one["code"] for one in item.get("misconceptions", ())])
        for item in answer["items"]
        if item["verdict"] not in ("correct", "accepted", "follow_through")
    ]  # fmt: skip


def test_every_graded_example_is_listed() -> None:
    assert {*GRADED, *EXAMS} == {*EXPECTED}
    assert not {*GRADED} & {*EXAMS}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_model_answer_gets_what_it_deserves(name: str) -> None:
    answer = {**GRADED, **EXAMS}[name]["response"]
    score, max_score, wrong = EXPECTED[name]
    assert (answer["score"], answer["max_score"], answer["gradable"]) == (score, max_score, True)
    assert not_right(answer) == wrong


@pytest.mark.parametrize("name", EXAMS)
def test_each_exam_replays(client: Client, name: str) -> None:
    exam = EXAMS[name]
    assert exam["summary"] and exam["source"]
    response = client.post(exam["path"], json=exam["request"])
    assert response.status_code == 200
    same(response.json(), exam["response"])
    shown = DOCUMENT["paths"][exam["path"]]["post"]
    for body, document in (
        (exam["request"], shown["requestBody"]), (exam["response"], shown["responses"]["200"]),
    ):  # fmt: skip
        schema = document["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(body)
