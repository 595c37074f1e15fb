"""Start worker processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.workers.process import _search_path
from tests.service.servers import ROOT

ASKING = """
import sys
from starlette.testclient import TestClient
from service.app import app
sys.path.insert(0, "")  # as uvicorn does
question = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
with TestClient(app) as client:
    response = client.post("/v1/graph", json=question)
assert (response.status_code, response.json()["values"]) == (200, {"y": "a**2"}), response.text
"""
STRANGER = "open('executed', 'w').close(); raise ImportError('a stranger')"


@pytest.mark.parametrize("name", ["service.py", "json.py"])
def test_files_of_the_current_directory_are_not_executed(tmp_path: Path, name: str) -> None:
    scripts, current = tmp_path / "scripts", tmp_path / "current"
    scripts.mkdir()
    current.mkdir()
    script = scripts / "asking.py"  # Python puts this folder on the path, and not the current one
    script.write_text(ASKING, encoding="utf-8")
    (current / name).write_text(STRANGER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WORKINGS_EXACT_WORKERS": "1"}
    environment["WORKINGS_EXACT_SECONDS"] = "60"  # a worker may be slow to start on a busy machine
    done = subprocess.run(
        [sys.executable, script], cwd=current, env=environment, capture_output=True, text=True, check=False
    )
    assert not (current / "executed").exists()
    assert done.returncode == 0, done.stderr


def test_a_worker_finds_our_packages_where_this_process_found_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if this process imported them from its current directory."""
    others = [entry for entry in sys.path if entry not in ("", str(ROOT))]
    monkeypatch.setattr(sys, "path", ["", *others])
    assert _search_path().split(os.pathsep) == [str(ROOT), *others]
    monkeypatch.setattr(sys, "path", [*others, str(ROOT)])
    assert _search_path().split(os.pathsep) == [*others, str(ROOT)]
