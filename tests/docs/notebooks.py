"""Execute the notebooks of docs/: `python -m tests.docs.notebooks` stores their outputs anew."""

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.docs.blocks import ROOT
from tests.docs.listening import server

ADDRESS = "127.0.0.1:8000"
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def read(path: Path) -> Any:
    """Return a notebook as it is stored."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def execute(path: Path, address: str) -> Any:
    """Return a notebook with the outputs of its cells. address: the server that its code asks."""
    notebook = read(path)
    for cell in notebook.cells:
        cell.source = cell.source.replace(ADDRESS, address)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # of the kernel, a process of its own
    NotebookClient(
        notebook, timeout=600, coalesce_streams=True, resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    for cell in notebook.cells:
        cell.source = cell.source.replace(address, ADDRESS)
        cell.metadata.pop("execution", None)  # times
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


if __name__ == "__main__":
    with server() as at:
        for each in NOTEBOOKS:
            nbformat.write(execute(each, at), each)  # type: ignore[no-untyped-call]
