"""The examples for platforms grade from an empty folder, and give no zero for what they cannot read."""

import csv
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from tests.docs.blocks import ROOT
from tests.service.grading.envelopes.schemas import SCHEMAS

FOLDER = ROOT / "docs" / "integrations"
SCRIPTS = {
    "gradescope": ("gradescope/run_autograder", "AUTOGRADER", "source", "submission"),
    "prairielearn": ("prairielearn/run.sh", "GRADE", "tests", "student"),
}
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
[SHOWN] = re.findall(r'^\{"query".*$', PAGE, flags=re.MULTILINE)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the platforms run Linux")


def make_command(folder: Path) -> Path:
    """Write a command that stands for the installed `workings`."""
    command = folder / "workings"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command


def call(*words: object, at: Path, **variables: object) -> bytes:
    """Return the output of a command in a folder in which nothing else is."""
    environment = {name: str(value) for name, value in variables.items()}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    listed = [str(word) for word in words]
    done = subprocess.run(listed, env=environment, cwd=at, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def run(platform: str, root: Path, submission: str | None, rubrics_from: Path = FOLDER) -> Any:
    """Return the results of a submission, run as the platform would."""
    script, variable, rubrics, submissions = SCRIPTS[platform]
    for name in (rubrics, submissions):
        (root / name).mkdir()
    shutil.copy(rubrics_from / "rubric.json", root / rubrics)
    if submission is not None:
        (root / submissions / "answers.json").write_text(submission, encoding="utf-8")
    call("bash", FOLDER / script, at=root, GRADER=make_command(root), **{variable: root})
    results = orjson.loads((root / "results" / "results.json").read_bytes())
    Draft202012Validator(SCHEMAS[platform] | {"required": []}).validate(results)
    return results


def test_gradescope_gets_its_results(tmp_path: Path) -> None:
    results = run("gradescope", tmp_path, SHOWN)
    assert results["score"] == 4.5
    assert [test["score"] for test in results["tests"] if test["visibility"] == "visible"] == [0.5, 2, 2]


def test_the_autograder_of_gradescope_is_made_by_the_command_of_the_page(tmp_path: Path) -> None:
    [command] = re.findall(r"^cd docs/integrations && (zip .*)$", PAGE, flags=re.MULTILINE)
    if shutil.which("zip") is None:
        pytest.skip("needs zip")
    shutil.copytree(FOLDER, tmp_path / "integrations")
    call("sh", "-c", command, at=tmp_path / "integrations")
    with zipfile.ZipFile(tmp_path / "integrations" / "autograder.zip") as made:
        assert sorted(made.namelist()) == ["rubric.json", "run_autograder", "setup.sh"]
        made.extractall(tmp_path / "unpacked")
    (tmp_path / "autograder").mkdir()
    assert run("gradescope", tmp_path / "autograder", SHOWN, tmp_path / "unpacked")["score"] == 4.5


def test_prairielearn_gets_its_results(tmp_path: Path) -> None:
    results = run("prairielearn", tmp_path, SHOWN)
    assert results["gradable"] is True and results["score"] == 0.9


@pytest.mark.parametrize("platform", SCRIPTS)
@pytest.mark.parametrize("submission", [None, "{", '{"query": "?"}'])
def test_a_submission_that_cannot_be_read_has_no_score(
    tmp_path: Path, platform: str, submission: str | None
) -> None:
    results = run(platform, tmp_path, submission)
    assert "score" not in results
    assert results.get("gradable") is not True


LINES = "query = [√2, √2]\nweights = [0.056 0.944; 0.056 0.944]\noutput = [0.394, 0.394]"
HOSTILE = '"""; open("executed", "w"); """\\'


def import_question(root: Path) -> ET.Element:
    """Return the question that the command of the page makes, as Moodle imports it."""
    command = ["coderunner/make_question.py", "rubric.json"]
    assert f"python3 {' '.join(command)} > question.xml" in PAGE
    shutil.copytree(FOLDER, root / "integrations")
    question = ET.fromstring(call(sys.executable, *command, at=root / "integrations")).find("question")
    assert question is not None
    return question


def run_coderunner(root: Path, submission: str, command: Path | None = None) -> Any:
    """Return the outcome of a submission, run as Jobe would, with the support files beside it."""
    question, sandbox = import_question(root), root / "sandbox"
    sandbox.mkdir()
    for file in question.findall("testcases/file"):
        (sandbox / file.attrib["name"]).write_bytes(b64decode(file.text or ""))
    template = question.findtext("template", "")
    escaped = submission.replace("\\", "\\\\").replace('"', '\\"')  # as Twig's e('py') of CodeRunner does
    assert template.count("{{") == template.count("{{ STUDENT_ANSWER | e('py') }}") == 1
    program = sandbox / "prog.py"
    program.write_text(template.replace("{{ STUDENT_ANSWER | e('py') }}", escaped), encoding="utf-8")
    outcome = orjson.loads(call(sys.executable, program, at=sandbox, GRADER=command or make_command(root)))
    Draft202012Validator(SCHEMAS["coderunner"]).validate(outcome)
    assert not (sandbox / "executed").exists()
    return outcome


def test_coderunner_gets_its_outcome(tmp_path: Path) -> None:
    outcome = run_coderunner(tmp_path, LINES)
    assert outcome["fraction"] == 0.9
    assert [row[:4] for row in outcome["testresults"][1:]] == [
        [0, "query", "0.5", "1"], [1, "weights", "2", "2"], [1, "output", "2", "2"],
    ]  # fmt: skip


@pytest.mark.parametrize("submission", ["?", "query = <b>x", HOSTILE, "query = '\\'", "{" * 10_000])
def test_coderunner_shows_what_cannot_be_read_and_executes_nothing(tmp_path: Path, submission: str) -> None:
    outcome = run_coderunner(tmp_path, submission)
    assert outcome["showoutputonly"] is True and "fraction" not in outcome
    assert "A person" in outcome["prologuehtml"] or "a person" in outcome["prologuehtml"]
    assert "<b>" not in str(outcome)


def test_coderunner_gives_nothing_for_a_blank_answer(tmp_path: Path) -> None:
    assert run_coderunner(tmp_path, " \n")["fraction"] == 0


def test_coderunner_gives_no_zero_without_a_grader(tmp_path: Path) -> None:
    outcome = run_coderunner(tmp_path, LINES, tmp_path / "nowhere")
    assert outcome["showoutputonly"] is True and "fraction" not in outcome


def test_the_question_has_the_fields_that_make_a_combinator_grader(tmp_path: Path) -> None:
    question = import_question(tmp_path)
    assert question.attrib["type"] == "coderunner"
    assert question.findtext("grader") == "TemplateGrader"
    assert question.findtext("iscombinatortemplate") == "1"
    assert question.findtext("extractcodefromjson") == "0"  # a student's JSON stays as it is


EXPORT = """\ufeff\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Quiz (71),Homework 1 (82),Current Score,Final Score
,,,,,,,Manual Posting,,
"    Points Possible",,,,,,3.00,5.00,(read only),(read only)
"Çelik, Ada",101,s-1,ada,"Group 1, Group 2",asked twice,2.00,,66.7,66.7
"Berg, Bo",102,s-2,bo,Group 1,,3.00,1.00,40,40
"Cho, Cy",103,,cy,Group 1,,1.00,,33.3,33.3
"Diaz, Di",104,s-4,di,Group 1,,,EX,,
"Student, Test",105,,d0f,Group 1,,,,,
"""
GRADES = "".join(
    f'{{"id": "{student}", "score": {score}, "max_score": 5, "gradable": {gradable}}}\n'
    for student, score, gradable in (
        (101, 4.5, "true"), (102, 2, "false"), (104, 5, "true"), (999, 5, "true"),
    )
)  # fmt: skip


def fill_gradebook(folder: Path, export: str, grades: str, title: str = "Homework 1") -> Any:
    """Return the completed process of the script for Canvas."""
    (folder / "export.csv").write_text(export, encoding="utf-8", newline="")
    return subprocess.run(
        [sys.executable, str(FOLDER / "canvas" / "fill_gradebook.py"), "export.csv", title],
        input=grades, cwd=folder, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip


@pytest.mark.parametrize("title", ["Homework 1", "Homework 1 (82)"])
def test_an_export_of_canvas_is_filled_in(tmp_path: Path, title: str) -> None:
    process = fill_gradebook(tmp_path, EXPORT, GRADES, title)
    assert [*csv.reader(process.stdout.splitlines())] == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework 1 (82)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "5.00"],
        ["Çelik, Ada", "101", "s-1", "ada", "Group 1, Group 2", "4.5"],
        ["Berg, Bo", "102", "s-2", "bo", "Group 1", "1.00"],
        ["Cho, Cy", "103", "", "cy", "Group 1", ""],
        ["Diaz, Di", "104", "s-4", "di", "Group 1", "EX"],
        ["Student, Test", "105", "", "d0f", "Group 1", ""],
    ]
    assert process.returncode == 1
    assert {*process.stderr.splitlines()} == {
        "102: a person has to look",
        "103: no grade",
        "104: marked EX in the gradebook",
        "105: no grade",
        "999: not in the export",
    }


def test_an_export_with_semicolons_and_commas_is_filled_in(tmp_path: Path) -> None:
    export = "Student;ID;SIS Login ID;Section;H (8)\n    Points Possible;;;;5,00\nÅs, Åke;101;å;1;0,50\n"
    process = fill_gradebook(tmp_path, export, GRADES.splitlines()[0], "H")
    assert process.stdout.splitlines()[2] == "Ås, Åke;101;å;1;4.5"
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize(
    ("export", "grades", "title", "message"),
    [
        (EXPORT, GRADES, "Homework", "expected one column 'Homework' in the export; found 0"),
        (EXPORT, GRADES, "Quiz", "expected 5 possible points in the export; found 3.00"),
        (EXPORT, GRADES + GRADES, "Homework 1", "expected one answer of each student; received two of 101"),
        ("", GRADES, "Homework 1", "expected an export of Canvas's gradebook"),
    ],
)
def test_canvas_gets_nothing_if_the_files_do_not_fit(
    tmp_path: Path, export: str, grades: str, title: str, message: str
) -> None:
    process = fill_gradebook(tmp_path, export, grades, title)
    assert (process.returncode, process.stdout) == (1, "")
    assert message in process.stderr


def test_the_command_writes_grades_for_canvas(tmp_path: Path) -> None:
    answers = [["id", "query", "weights", "output"]]
    answers += [["101", *(orjson.dumps(value).decode() for value in orjson.loads(SHOWN).values())]]
    answers += [["102", "?", "", ""]]
    with (tmp_path / "answers.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(answers)
    files = [str(FOLDER / "rubric.json"), str(tmp_path / "answers.csv")]
    command = [sys.executable, "-m", "service", "grade", *files]
    graded = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    process = fill_gradebook(tmp_path, EXPORT, graded.stdout)
    assert '"Çelik, Ada",101,s-1,ada,"Group 1, Group 2",4.5' in process.stdout
    assert "102: a person has to look" in process.stderr


def test_the_page_names_every_script() -> None:
    for script in FOLDER.rglob("*"):
        if script.is_file():
            assert f"](integrations/{script.relative_to(FOLDER)})" in PAGE
