"""The documents of platforms: their form, and what they say of answers that cannot be graded."""

import copy
import csv
import io
import json
from fractions import Fraction
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from service.grading.envelopes.catalogue import CLASS_ENVELOPES, ENVELOPES
from service.grading.envelopes.declaration import write_table
from service.grading.envelopes.parts import describe_tensor, read_parts
from tests.service.grading.envelopes.grades import LEVELS, MARKER, PROGRAM, QUESTION, RIGHT, cases, grade
from tests.service.grading.envelopes.schemas import SCHEMAS

CASES = cases()
UNGRADABLE = [name for name, graded in CASES.items() if not graded["gradable"]]
GRADABLE = [name for name, graded in CASES.items() if graded["gradable"]]


def render(envelope: str, case: str) -> Any:
    return ENVELOPES[envelope].render(CASES[case])


def table(envelope: str, case: str, student: str = "7") -> list[list[str]]:
    text = write_table(CLASS_ENVELOPES[envelope], "Exam, part 1", [(student, CASES[case])])
    return list(csv.reader(io.StringIO(text)))


def test_every_envelope_has_a_schema_and_a_media_type_of_its_own() -> None:
    assert SCHEMAS.keys() == ENVELOPES.keys()
    assert len({one.media_type for one in ENVELOPES.values()}) == len(ENVELOPES)
    assert len(UNGRADABLE) == len(LEVELS) + 1
    assert len(GRADABLE) > 15


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_each_document_fits_its_schema_and_repeats_nothing(envelope: str, case: str) -> None:
    before = copy.deepcopy(CASES[case])
    document = render(envelope, case)
    assert CASES[case] == before
    Draft202012Validator(SCHEMAS[envelope]).validate(document)
    assert MARKER not in json.dumps(document)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("envelope", [*ENVELOPES, *CLASS_ENVELOPES])
def test_students_never_see_the_part_for_the_grader(envelope: str, case: str) -> None:
    """Every text and number of it is replaced, and what students see stays the same."""
    graded = copy.deepcopy(CASES[case])
    for item in graded["grader"]["items"]:
        item |= {"note": item["note"] if "unknown_name," in item["note"] else "SECRET", "expected": "SECRET"}
        item |= {"misconceptions": [{"code": "SECRET"}], "matched": {"scale": "SECRET"}}
    graded["grader"]["codes"] = "SECRET"
    if envelope in CLASS_ENVELOPES:
        documents: list[Any] = [write_table(CLASS_ENVELOPES[envelope], "t", [("7", one)])
                                for one in (graded, CASES[case])]  # fmt: skip
    else:
        documents = [visible(ENVELOPES[envelope].render(one)) for one in (graded, CASES[case])]
    assert "SECRET" not in json.dumps(documents)
    assert documents[0] == documents[1]


def visible(document: Any) -> Any:
    if isinstance(document, dict):
        document = {name: part for name, part in document.items() if name != "instructorhtml"}
    if isinstance(document, dict) and "tests" in document:
        shown = [test for test in document["tests"] if test.get("visibility") != "hidden"]
        return {**document, "tests": shown}
    return document


def test_instructors_see_the_notes_on_gradescope() -> None:
    *_, notes = render("gradescope", "slipped-none")["tests"]
    assert notes["visibility"] == "hidden"
    assert "one wrong entry (sign)" in notes["output"]
    without = {name: part for name, part in CASES["slipped-none"].items() if name != "grader"}
    assert len(ENVELOPES["gradescope"].render(without)["tests"]) == 3


@pytest.mark.parametrize("case", UNGRADABLE)
def test_what_cannot_be_graded_has_no_score_anywhere(case: str) -> None:
    gradescope, otter = render("gradescope", case), render("otter", case)
    for document in (gradescope, otter):
        assert "score" not in document
        assert "a person" in document["output"]
        failed = [test for test in visible(document)["tests"] if "score" not in test]
        assert failed and all(test["status"] == "failed" and test["output"] for test in failed)
    prairielearn = render("prairielearn", case)
    assert prairielearn["gradable"] is False
    assert len(prairielearn["format_errors"]) == len(failed)
    lti = render("lti_ags", case)
    assert lti["gradingProgress"] == "PendingManual"
    assert "a person" in lti["comment"]
    assert "result" not in render("lambda_feedback", case)
    coderunner = render("coderunner", case)
    assert coderunner["showoutputonly"] is True and "fraction" not in coderunner
    assert "a person" in coderunner["prologuehtml"]
    first, *others = render("mued", case)
    assert "a person" in first["message"]
    assert sum("awardedPoints" not in one for one in others) == len(failed)


@pytest.mark.parametrize("case", UNGRADABLE)
@pytest.mark.parametrize(("envelope", "column", "comment"), [("moodle_csv", 1, 3), ("canvas_csv", 6, 5)])
def test_a_table_has_an_empty_cell_and_a_comment(case: str, envelope: str, column: int, comment: int) -> None:
    row = table(envelope, case)[-1]
    assert row[column] == ""
    assert "a person has to look" in row[comment]


@pytest.mark.parametrize("case", GRADABLE)
def test_scores_are_those_of_the_grade(case: str) -> None:
    graded = CASES[case]
    score, most = Fraction(str(graded["score"])), Fraction(str(graded["max_score"]))
    assert render("gradescope", case)["score"] == render("otter", case)["score"] == graded["score"]
    share = float(score / most) if most else 0
    assert render("prairielearn", case)["score"] == render("coderunner", case)["fraction"] == share
    if most:
        lti = render("lti_ags", case)
        assert (lti["scoreGiven"], lti["scoreMaximum"]) == (graded["score"], graded["max_score"])
        assert lti["gradingProgress"] == "FullyGraded"
    awarded = [Fraction(str(one.get("awardedPoints", 0))) for one in render("mued", case)]
    assert sum(awarded) == score
    assert table("moodle_csv", case)[-1][1] == table("canvas_csv", case)[-1][6] == str(graded["score"])


def test_right_and_wrong_answers_are_told_apart() -> None:
    for level in LEVELS:
        right, wrong = (
            render("lambda_feedback", f"right-{level}"),
            render("lambda_feedback", f"empty-{level}"),
        )
        assert right["result"]["is_correct"] is True
        assert wrong["result"]["is_correct"] is False
        statuses = [test["status"] for test in visible(render("gradescope", f"right-{level}"))["tests"]]
        assert statuses == ["passed"] * 3


def test_coderunner_ticks_what_is_right_unless_the_level_hides_it() -> None:
    header, *rows = render("coderunner", "slipped-verdict")["testresults"]
    assert header[0] == "iscorrect" and [row[0] for row in rows] == [0, 1, 1]
    assert [row[1:4] for row in rows] == [["query", "0.5", "1"], ["weights", "2", "2"], ["output", "2", "2"]]
    hidden, *_ = render("coderunner", "worthless-none")["testresults"]
    assert "iscorrect" not in hidden
    assert "0.5 for incorrect" in render("coderunner", "penalty")["epiloguehtml"]
    assert "one wrong entry (sign)" in render("coderunner", "slipped-none")["instructorhtml"]


def test_no_marks_divide_nothing() -> None:
    assert render("prairielearn", "worthless-full")["score"] == 0
    assert {test["max_points"] for test in render("prairielearn", "worthless-full")["tests"]} == {0}
    lti = render("lti_ags", "worthless-full")
    assert lti["gradingProgress"] == "NotReady"
    assert "scoreGiven" not in lti
    assert render("lambda_feedback", "worthless-full")["result"]["is_correct"] is False
    statuses = [test.get("status") for test in visible(render("gradescope", "worthless-full"))["tests"]]
    assert statuses == ["failed", "passed", "passed"]
    hidden = visible(render("gradescope", "worthless-none"))["tests"]  # the level reveals no verdict
    assert all("status" not in test and "output" not in test for test in hidden)


def test_a_part_without_marks_that_cannot_be_graded_switches_all_points_off() -> None:
    document = render("prairielearn", "worthless-unreadable")
    assert document["gradable"] is True
    assert not any("points" in test or "max_points" in test for test in document["tests"])


def test_forty_nine_parts_of_a_forty_ninth_are_one() -> None:
    names = [f"v{at}" for at in range(49)]
    program = {"operation": "graph", "program": [f"v{at} = x + {at}" for at in range(49)], "inputs": {"x": 1}}
    answer = {name: at + 1 for at, name in enumerate(names)}
    graded = grade(question=program, answer=answer, marks=dict.fromkeys(names, 1 / 49), misconceptions=False)
    assert sum([1 / 49] * 49) != 1
    document = ENVELOPES["prairielearn"].render(graded)
    assert document["score"] == 1
    points = [Fraction(str(test["points"])) for test in document["tests"]]
    most = [Fraction(str(test["max_points"])) for test in document["tests"]]
    assert sum(points) == sum(most) == 1
    assert all(one <= other for one, other in zip(points, most, strict=True))
    assert ENVELOPES["lambda_feedback"].render(graded)["result"]["is_correct"] is True


@pytest.mark.parametrize("wrong", [0, 1, 0.5, "all"])
@pytest.mark.parametrize(
    "marks",
    [[1 / 49] * 49, [1 / 6] * 6, [1 / 3] * 3, [1 / 7, 2 / 7, 4 / 7], [0.005] * 4, [0.004, 1], [2, 1, 0]],
)
def test_points_of_parts_add_up(marks: list[float], wrong: Any) -> None:
    count = len(marks)
    names = [f"v{at}" for at in range(count)]
    first_right = count if wrong == "all" else int(count * wrong) if isinstance(wrong, float) else wrong
    graded = grade(
        question={
            "operation": "graph", "program": [f"v{at} = x + {at}" for at in range(count)], "inputs": {"x": 1},
        },
        answer={name: at + 1 + 100 * (at < first_right) for at, name in enumerate(names)},
        marks=dict(zip(names, marks, strict=True)), misconceptions=False,
    )  # fmt: skip
    parts = read_parts(graded)
    assert all(part.score is not None and 0 <= part.score <= part.max_score for part in parts)
    assert sum(part.max_score for part in parts) == Fraction(str(graded["max_score"]))
    assert sum(part.score or 0 for part in parts) == Fraction(str(graded["score"]))
    right = list(zip(parts, marks, strict=True))[first_right:]
    assert all(part.is_right for part, mark in right if mark > 0.01)


def test_scores_have_no_float_dirt() -> None:
    marks = {"query": "0.1", "weights": "0.2", "output": "0.3"}
    graded = grade(question=QUESTION, answer=RIGHT, marks={name: float(one) for name, one in marks.items()})
    assert ENVELOPES["gradescope"].render(graded)["score"] == 0.6
    tests = visible(ENVELOPES["otter"].render(graded))["tests"]
    assert [test["score"] for test in tests] == [0.1, 0.2, 0.3]


def text_of(level: str) -> str:
    return json.dumps(visible(render("gradescope", f"slipped-{level}")))


def test_levels_of_feedback_are_kept() -> None:
    sign, place, right = "The sign of one entry is wrong.", "Wrong entries: [1, 0].", "Expected:"
    assert not any("output" in test for test in visible(render("gradescope", "slipped-none"))["tests"])
    assert "Not right." in text_of("verdict") and place not in text_of("verdict")
    assert place in text_of("location") and sign not in text_of("location")
    assert sign in text_of("hint") and place not in text_of("hint") and right not in text_of("hint")
    assert sign in text_of("full") and place in text_of("full")
    assert f"{right} [[1.41421], [-1.41421]]." in text_of("full")
    assert "target" in render("mued", "slipped-location")[0]
    assert not any("target" in one or "response" in one for one in render("mued", "slipped-verdict"))
    assert render("mued", "slipped-hint")[0]["response"] == {"numbers": "[1.41421, 1.41421]"}
    assert "comment" not in render("lti_ags", "slipped-none")


def test_html_of_a_question_is_text() -> None:
    for case in ("exam", "exam-unreadable"):
        document = render("prairielearn", case)
        assert document["tests"][0]["name"] == "&lt;i&gt;1a: z"
        assert "<i>" not in json.dumps(document)
        assert "<i>" not in json.dumps(render("lambda_feedback", case))
        outcome = render("coderunner", case)
        assert "<i>" not in "".join(part for name, part in outcome.items() if name.endswith("html"))
        assert "<i>" not in table("moodle_csv", case)[-1][3]
    assert render("gradescope", "exam")["test_output_format"] == "text"
    assert render("gradescope", "exam")["test_name_format"] == "text"
    assert [one["title"] for one in render("mued", "exam")] == ["<i>1a: z", "1b: y"]


def test_penalties_and_choices_are_explained() -> None:
    assert "0.5 for incorrect" in render("gradescope", "penalty")["output"]
    assert "0.5 for incorrect" in render("lti_ags", "penalty")["comment"]
    assert render("gradescope", "penalty-verdict")["output"] == "Points taken off: 0.5."
    assert render("mued", "penalty")[-1]["awardedPoints"] == -0.5
    assert "Only the best" in render("prairielearn", "best")["message"]


def test_gradients_and_unknown_names_are_called_as_such() -> None:
    graded = grade(question={**PROGRAM, "upstream": {"z": [1, 1]}}, answer={"z": [2, 4]},
                   gradients={"x": [2, 2]})  # fmt: skip
    assert [part.title for part in read_parts(graded)] == ["z", "gradient of x"]
    assert [part.id for part in read_parts(graded)] == ["z", "gradients.x"]
    without_marks = grade(question=PROGRAM, answer={MARKER: [2], "z": MARKER}, feedback="none")
    assert [part.id for part in read_parts(without_marks)] == ["", "z"]
    titles = [part.title for part in read_parts(CASES["unreadable-none"])]
    assert titles == ["query", "weights", "output", *["a name that the question does not have"] * 2]


def test_a_class_is_a_table_with_a_row_for_each_student() -> None:
    grades = [("11", CASES["right-hint"]), ('a,"b"', CASES["empty-hint"])]
    canvas = list(csv.reader(io.StringIO(write_table(CLASS_ENVELOPES["canvas_csv"], "Exam, 1", grades))))
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", "Exam, 1"]
    assert canvas[1] == ["    Points Possible", "", "", "", "", "", "5"]
    assert [(row[1], row[6]) for row in canvas[2:]] == [("11", "5"), ('a,"b"', "0")]
    moodle = list(csv.reader(io.StringIO(write_table(CLASS_ENVELOPES["moodle_csv"], "", grades))))
    assert moodle[0] == ["Identifier", "Grade", "Maximum Grade", "Feedback comments"]
    assert [row[:3] for row in moodle[1:]] == [["11", "5", "5"], ['a,"b"', "0", "5"]]
    with pytest.raises(ValueError, match="at least one grade"):
        write_table(CLASS_ENVELOPES["moodle_csv"], "", [])


def test_expressions_of_students_are_not_repeated() -> None:
    graded = copy.deepcopy(CASES["slipped-hint"])
    for reading, shown in (([MARKER, "b*a"], None), (["NaN", [1.5]], "[NaN, [1.5]]")):
        graded["items"][0]["reading"] = reading
        assert ENVELOPES["mued"].render(graded)[0].get("response", {}).get("numbers") == shown


def test_long_values_are_cut() -> None:
    assert len(describe_tensor([[1 / 3] * 200])) == 403
    assert describe_tensor([1, 2.0, "NaN", [True]]) == "[1, 2, NaN, [True]]"
