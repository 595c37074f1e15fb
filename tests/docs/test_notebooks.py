"""The notebooks run, and their outputs are what is stored."""

from pathlib import Path

import pytest

from tests.docs import notebooks
from tests.docs.blocks import ROOT
from tests.docs.listening import server

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [pytest.param(one, id=one.name) for one in notebooks.NOTEBOOKS])
def test_outputs_are_what_is_stored(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "")  # restored in the end
    with server() as address:
        executed = notebooks.execute(path, address)
    stored = notebooks.read(path)
    assert [cell.source for cell in executed.cells] == [cell.source for cell in stored.cells]
    for new, old in zip(executed.cells, stored.cells, strict=True):
        assert new.get("outputs") == old.get("outputs"), f"{new.source}\nrun `python -m tests.docs.notebooks`"
    assert f"](docs/notebooks/{path.name})" in README


def test_there_is_a_notebook() -> None:
    assert notebooks.NOTEBOOKS
