"""Grades as marked scripts."""

from typing import Any

import pytest

from tests.conftest import EXAM, Client
from tests.service.pages.documents import Outline

WRITTEN = "about 2,5 <b>x</b>"
BODY: dict[str, Any] = {
    "question": {name: EXAM[name] for name in ("x", "w_q", "w_k", "w_v")} | {"operation": "self_attention"},
    "answer": {
        "query": ["√2", "-√2"],
        "key": [[1], [1]],
        "value": WRITTEN,
        "output": [0.3944, 0.3056],
    },
    "marks": {"query": 0.5, "key": 0.5, "value": 0.5, "output": 1, "weights": 1.5},
}
FOR_GRADERS = "For the grader alone"


def show(client: Client, feedback: str, form: str = "html") -> str:
    response = client.post(f"/v1/grade?format={form}", json={**BODY, "feedback": feedback})
    assert response.status_code == 200, response.text
    return response.text


def read_marks(page: Outline) -> list[list[str]]:
    return [row for row in page.tables[0] if row and any(row)]


def test_the_script_has_marks_and_verdicts(client: Client) -> None:
    text = show(client, "hint")
    assert "Score: 1.75 of 4." in text
    assert read_marks(Outline(text)) == [
        ["0.5 of 0.5", "Right."],
        ["0.25 of 0.5", "Not right."],
        ["open, of 0.5", "Not graded."],
        ["1 of 1", "Right."],
        ["0 of 1.5", "There is no answer."],
    ]
    assert '<p class="wrong"><strong>Not right.</strong> The sign of one entry is wrong.</p>' in text


def test_what_cannot_be_graded_is_not_zero(client: Client) -> None:
    text = show(client, "hint")
    assert text.count("Not graded, which is not zero.") == 2, "once for the score and once for the item"
    assert "0 of 0.5" not in text


def test_the_students_part_shows_no_more_than_its_level(client: Client) -> None:
    for level, shown in (
        ("none", set()),
        ("verdict", {"Not right."}),
        ("location", {"Not right.", "Wrong entries: (0, 0)."}),
        ("hint", {"Not right.", "The sign of one entry is wrong."}),
        ("full", {"Not right.", "Wrong entries: (0, 0).", "The sign of one entry is wrong.", "expected"}),
    ):
        students, _, graders = show(client, level).partition(FOR_GRADERS)
        sentences = {
            "Not right.",
            "Wrong entries: (0, 0).",
            "The sign of one entry is wrong.",
            "expected",
        }
        assert {sentence for sentence in sentences if sentence in students} == shown, level
        assert "compared with" in graders


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("html", "<code>about 2,5 &lt;b&gt;x&lt;/b&gt;</code>"),
        ("markdown", f"`{WRITTEN}`"),
        ("tex", r"\texttt{about 2,5 \textless{}b\textgreater{}x\textless{}/b\textgreater{}}"),
    ],
)
def test_written_text_stays_text(client: Client, form: str, expected: str) -> None:
    assert expected in show(client, "hint", form).replace(r"\allowbreak{}", "")


def test_an_exam_shows_its_questions(client: Client) -> None:
    first = {"name": "a", **BODY, "marks": {"output": 2}, "answer": {"output": [0.3944, 0.3056]}}
    swapped: dict[str, Any] = {
        "name": "b",
        "question": {"operation": "graph", "program": ["z = flip(y)"], "inputs": {}},
        "takes": {"y": {"question": "a", "name": "output"}},
        "answer": {"z": [[0.3056], [9]]},
        "marks": {"z": 4},
    }
    response = client.post("/v1/grade?format=html", json={"questions": [first, swapped]})
    assert response.status_code == 200, response.text
    page = Outline(response.text)
    assert [row for row in page.tables[1] if any(row)] == [["2 of 2", "yes"], ["2 of 4", "yes"]]
    titles = [title for _, title in page.headings]
    assert "a: output" in titles
    assert "b: z" in titles
