"""The scripts for platforms grade a submission, and never give a zero to one that they cannot read."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.docs.blocks import ROOT

FOLDER = ROOT / "docs" / "integrations"
SCRIPTS = {
    "gradescope": ("gradescope/run_autograder", "AUTOGRADER", "source", "submission"),
    "prairielearn": ("prairielearn/run.sh", "GRADE", "tests", "student"),
}
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
[SHOWN] = re.findall(r'^\{"query".*$', PAGE, flags=re.MULTILINE)


def run(platform: str, root: Path, submission: str | None) -> Any:
    """Return the results of a submission, run as the platform would."""
    script, variable, rubrics, submissions = SCRIPTS[platform]
    for name in (rubrics, submissions):
        (root / name).mkdir()
    shutil.copy(FOLDER / "rubric.json", root / rubrics)
    if submission is not None:
        (root / submissions / "answers.json").write_text(submission, encoding="utf-8")
    command = root / "workings"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {
        **os.environ,
        variable: str(root),
        "GRADER": str(command),
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run(["bash", FOLDER / script], env=environment, cwd=root, check=True, capture_output=True)
    return orjson.loads((root / "results" / "results.json").read_bytes())


@pytest.mark.skipif(sys.platform == "win32", reason="the platforms run Linux")
def test_gradescope_gets_its_results(tmp_path: Path) -> None:
    results = run("gradescope", tmp_path, SHOWN)
    assert results["score"] == 4.5
    assert [test["score"] for test in results["tests"] if test["visibility"] == "visible"] == [0.5, 2, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="the platforms run Linux")
def test_prairielearn_gets_its_results(tmp_path: Path) -> None:
    results = run("prairielearn", tmp_path, SHOWN)
    assert results["gradable"] is True and results["score"] == 0.9


@pytest.mark.skipif(sys.platform == "win32", reason="the platforms run Linux")
@pytest.mark.parametrize("platform", SCRIPTS)
@pytest.mark.parametrize("submission", [None, "{", '{"query": "?"}'])
def test_a_submission_that_cannot_be_read_has_no_score(
    tmp_path: Path, platform: str, submission: str | None
) -> None:
    results = run(platform, tmp_path, submission)
    assert "score" not in results
    assert results.get("gradable") is not True


def test_the_page_names_every_script() -> None:
    for script in FOLDER.rglob("*"):
        if script.is_file():
            assert f"](integrations/{script.relative_to(FOLDER)})" in PAGE
