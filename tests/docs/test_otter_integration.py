"""The Otter assignment: its format, its tests on variables of students, and results without a false zero."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml

from tests.docs import notebooks
from tests.docs.test_integrations import FOLDER, call

OTTER = FOLDER / "otter"
CELLS = notebooks.read(OTTER / "attention.ipynb").cells
NAMES = ["query", "weights", "output"]
RESULTS: dict[str, Any] = {
    "stdout_visibility": "hidden",
    "tests": [
        {"name": "Public Tests", "visibility": "visible", "output": "", "status": "passed"},
        {"name": "query", "score": 1.0, "max_score": 1.0, "visibility": "hidden", "output": "passed"},
        {"name": "output", "score": 0, "max_score": 2.0, "visibility": "hidden", "output": "Not right."},
    ],
}


def sections() -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield the configuration, the solution and the test of each question. Fails if one is out of order."""
    parts = [cell.source if cell.cell_type == "raw" else cell.cell_type for cell in CELLS[3:]]
    for at in range(0, len(parts), 9):
        begin, *rest = parts[at : at + 9]
        assert begin.startswith("# BEGIN QUESTION\n")
        assert rest == [
            "markdown", "# BEGIN SOLUTION", "code", "# END SOLUTION",
            "# BEGIN TESTS", "code", "# END TESTS", "# END QUESTION",
        ]  # fmt: skip
        cells = CELLS[3 + at :]
        yield yaml.safe_load(begin), cells[3].source, cells[6].source


@pytest.fixture
def solved() -> dict[str, Any]:
    """The variables of the notebook with its own solutions."""
    variables: dict[str, Any] = {}
    for source in (CELLS[2].source, *(solution for _, solution, _ in sections())):
        exec(source, variables)
    return variables


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], dict[str, str]]:
    """Run the tests of the notebook as Otter does, beside the files for the autograder."""
    for file in (OTTER / "assignment_grading.py", FOLDER / "rubric.json"):
        shutil.copy(file, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(variables: dict[str, Any]) -> dict[str, str]:
        messages = {}
        for question, _, test in sections():
            defined: dict[str, Any] = {}
            exec(test, defined)
            try:
                defined[f"test_{question['name']}"](variables)
            except AssertionError as error:
                messages[question["name"]] = str(error)
        return messages

    return run


def test_the_notebook_has_the_format_of_otter_assign() -> None:
    assert CELLS[0].cell_type == "raw" and CELLS[0].source.startswith("# ASSIGNMENT CONFIG\n")
    assignment = yaml.safe_load(CELLS[0].source)
    assert assignment["tests"] == {"ok_format": False}
    assert "workings" in assignment["requirements"]
    for name in assignment["autograder_files"]:
        assert (OTTER / name).exists() or name == "rubric.json"
    marks = orjson.loads((FOLDER / "rubric.json").read_bytes())["marks"]
    assert {one["name"]: one["points"] for one, _, _ in sections()} == marks
    for _, solution, test in sections():
        assert all(line.endswith("# SOLUTION") for line in solution.splitlines())
        config = re.match(r'""" # BEGIN TEST CONFIG\n(.*?)\n"""\s+# END TEST CONFIG\n', test, flags=re.DOTALL)
        assert config is not None and yaml.safe_load(config[1]) == {"hidden": True}


def test_solutions_pass_and_a_slip_costs_itself(solved: dict[str, Any], judge: Any) -> None:
    assert judge(solved) == {}
    wrong = -solved["query"]
    scores = wrong @ (solved["x"] @ solved["w_k"]).T
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    output = weights @ (solved["x"] @ solved["w_v"])
    assert list(judge({**solved, "query": wrong, "weights": weights, "output": output})) == ["query"]


def test_what_is_not_solved_is_missing(solved: dict[str, Any], judge: Any) -> None:
    assert judge({**solved, "output": ...}) == {"output": "There is no answer."}
    assert list(judge({})) == NAMES


@pytest.mark.parametrize("value", ["?", print, {1: 2}])
def test_what_is_no_tensor_needs_a_person(solved: dict[str, Any], judge: Any, value: Any) -> None:
    assert judge({**solved, "query": value})["query"].startswith("A person has to look")


def correct(results: Any, folder: Path) -> Any:
    (folder / "results.json").write_bytes(orjson.dumps(results))
    call("python3", OTTER / "needs_a_person.py", "results.json", at=folder)
    return orjson.loads((folder / "results.json").read_bytes())


def test_results_keep_their_zeros_unless_a_person_has_to_look(tmp_path: Path) -> None:
    assert correct(RESULTS, tmp_path) == RESULTS
    *others, last = RESULTS["tests"]
    unread = {**last, "output": "AssertionError: A person has to look at this answer. The text ..."}
    crashed = {"score": 0, "tests": [{"name": "Autograder Failed", "output": "", "status": "failed"}]}
    for results in ({**RESULTS, "tests": [*others, unread]}, crashed):
        corrected = correct(results, tmp_path)
        assert corrected["output"].startswith("A person has to look")
        assert "score" not in corrected and not any("score" in test for test in corrected["tests"])


def test_the_messages_of_both_files_agree() -> None:
    files = [OTTER / "assignment_grading.py", OTTER / "needs_a_person.py"]
    messages = {re.search(r'^NEEDS_A_PERSON = (".*?")', file.read_text(), flags=re.MULTILINE)[1]  # type: ignore[index]
                for file in files}  # fmt: skip
    assert len(messages) == 1


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs zip and unzip")
def test_the_zip_of_the_autograder_corrects_results(tmp_path: Path) -> None:
    """A program stands for Otter here, and writes a zip where Otter does."""
    shutil.copytree(FOLDER, tmp_path / "integrations")
    otter = tmp_path / "otter"
    otter.write_text(
        "#!/bin/sh\nset -e\ntest -f rubric.json\nmkdir -p dist/autograder\necho first > run_autograder\n"
        "zip -q dist/autograder/attention.zip run_autograder rubric.json\nrm run_autograder\n",
        encoding="utf-8",
    )
    otter.chmod(0o755)
    for _ in range(2):  # a second call starts afresh
        call("bash", "integrations/otter/make_autograder.sh", at=tmp_path, OTTER=otter)
    made = tmp_path / "integrations" / "otter" / "dist" / "autograder" / "attention.zip"
    with zipfile.ZipFile(made) as opened:
        first, second = opened.read("run_autograder").decode().splitlines()
    assert first == "first"
    assert second.split()[-2:] == [
        "/autograder/source/files/needs_a_person.py",
        "/autograder/results/results.json",
    ]
    assert not (tmp_path / "integrations" / "otter" / "rubric.json").exists()
