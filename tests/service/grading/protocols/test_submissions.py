"""Values of submissions by name, from objects and from text."""

import json
from typing import Any

import pytest

from compute.errors import QuestionErrors
from service.grading.protocols.submissions import fill

TWO = {"marks": {"a": 1}, "gradient_marks": {"w": 1}}
ONE = {"marks": {"a": 1}}
UNREADABLE: tuple[Any, Any] = ({"a": {}}, {"w": {}})
PACKED = {"dtype": "float64", "shape": [1], "data": "AAAAAAAA8D8="}


def split(rubric: dict[str, Any], submitted: Any) -> tuple[Any, Any]:
    filled = fill(rubric, submitted)
    return filled["answer"], filled["gradients"]


@pytest.mark.parametrize(
    ("rubric", "submitted", "expected"),
    [
        (TWO, {"a": [1], "gradients.w": "√2"}, ({"a": [1]}, {"w": "√2"})),
        (TWO, json.dumps({"a": [1], "gradients.w": 2}), ({"a": [1]}, {"w": 2})),
        (TWO, "a = [1, 2]\n\n gradients.w = 3", ({"a": "[1, 2]"}, {"w": "3"})),
        (TWO, [1, 2], UNREADABLE),
        (TWO, "no line of values", UNREADABLE),
        (TWO, "a = 1\nand more", UNREADABLE),
        (TWO, "a = 1\na = 2", UNREADABLE),
        (TWO, '{"a": ', UNREADABLE),
        (ONE, [[1, 2]], ({"a": [[1, 2]]}, {})),
        (ONE, "[1 2; 3 4]", ({"a": "[1 2; 3 4]"}, {})),
        (ONE, "a = 5", ({"a": "5"}, {})),
        (ONE, PACKED, ({"a": PACKED}, {})),
        (ONE, None, ({}, {})),
        (ONE, "", ({}, {})),
        ({"gradient_marks": {"w": 1}}, 3, ({}, {"w": 3})),
        ({}, 3, ({"": {}}, {})),
    ],
)
def test_values_are_named(rubric: dict[str, Any], submitted: Any, expected: tuple[Any, Any]) -> None:
    assert split(rubric, submitted) == expected


def test_each_question_of_an_exam_gets_its_own() -> None:
    exam = {"questions": [{"name": "1", "marks": {"a": 1}}, {"name": "2"}], "feedback": "none"}
    first, second = fill(exam, {"1": 5, "2": {"b": 6}})["questions"]
    assert (first["answer"], second["answer"]) == ({"a": 5}, {"b": 6})
    for submitted in ([1], {"3": {"a": 1}}, "text"):
        first, second = fill(exam, submitted)["questions"]
        assert (first["answer"], second["answer"]) == ({"a": {}}, {"": {}})
    first, second = fill(exam, "")["questions"]
    assert (first["answer"], second["answer"]) == ({}, {})
    assert fill({"questions": [3]}, {})["questions"] == [3]
    [unnamed] = fill({"questions": [{"name": [1]}]}, "text")["questions"]
    assert unnamed["name"] == [1]


def test_a_rubric_has_no_answers() -> None:
    with pytest.raises(QuestionErrors) as raised:
        fill({"questions": [{"name": "1", "gradients": {}}]}, {})
    assert raised.value.errors[0].path == ("questions", 0, "gradients")
