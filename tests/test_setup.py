"""The wheel, used in a folder that has packages of the same names as ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from setup import NESTED, rewrite_imports
from tests.service.servers import LONG, ROOT, free_port, wait_until_it_answers

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", *NESTED)
BUILD = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"
STRANGER = "raise ImportError('a stranger was imported')"
SOFTMAX = {"x": ["log(1)", "log(3)"]}
CALM = {"WORKINGS_WORKERS": "1", "WORKINGS_EXACT_WORKERS": "1", "WORKINGS_EXACT_SECONDS": "60"}
IN_PROCESS = """
import sys
import workings
from workings import Client
assert "workings.compute.operations" not in sys.modules, "a client loads the operations"
from workings import Refused, answer
found = answer("softmax", x=["log(1)", "log(3)"], arithmetic="exact")
assert answer is workings.compute.answer
try:
    answer("softmax", x=[])
except Refused as refused:
    assert refused.errors
else:
    raise AssertionError("an empty tensor was accepted")
print(workings.__file__, found.output)
"""
SERVER = """
import sys
from workings.service import server
from workings.service.app import app
from workings.service.document import load_document
assert "httpx" not in sys.modules, "the server loads the client"
assert app.openapi() == load_document()
"""


def run(words: list[str], folder: Path, **options: Any) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an unpacked wheel, built from a source distribution."""
    checkout, built, unpacked = (tmp_path_factory.mktemp(name) for name in ("checkout", "built", "unpacked"))
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, checkout)
    run(["-c", BUILD.format("sdist"), str(built)], checkout)
    (archive,) = built.glob("*.tar.gz")
    shutil.unpack_archive(archive, built, filter="data")
    source = built / archive.name.removesuffix(".tar.gz")
    stale = source / "build" / "lib" / "compute"  # of an earlier build
    stale.mkdir(parents=True)
    (stale / "removed.py").touch()
    run(["-c", BUILD.format("wheel"), str(built)], source)
    (wheel,) = built.glob("*.whl")
    shutil.unpack_archive(wheel, unpacked, format="zip")
    return unpacked


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Return a folder with packages of the same names as ours, which must not be imported."""
    for name in NESTED:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(STRANGER, encoding="utf-8")
    return tmp_path


@pytest.fixture
def environment(unpacked: Path) -> dict[str, str]:
    """Return variables with which Python finds the wheel, before an editable installation of ours."""
    return {**os.environ, **CALM, "PYTHONPATH": str(unpacked)}


def test_the_wheel_has_one_name_at_the_top_level(unpacked: Path) -> None:
    (information,) = unpacked.glob("*.dist-info")
    assert {path.name for path in unpacked.iterdir()} == {"workings", information.name}
    assert (information / "top_level.txt").read_text(encoding="utf-8").split() == ["workings"]


def test_the_wheel_has_every_module_and_all_data(unpacked: Path) -> None:
    client = ROOT / "service" / "client"
    files = [path for name in NESTED for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".json")]
    ours = {Path("workings", path.relative_to(ROOT)) for path in files if not path.is_relative_to(client)}
    ours |= {path.relative_to(client) for path in client.rglob("*.py")}
    found = (unpacked / "workings").rglob("*")
    assert {path.relative_to(unpacked) for path in found if path.suffix in (".py", ".json")} == ours
    assert (unpacked / "workings" / "py.typed").exists()


def test_a_course_answers_in_process(unpacked: Path, course: Path, environment: dict[str, str]) -> None:
    printed = run(["-c", IN_PROCESS], course, env=environment)
    assert printed == f"{unpacked / 'workings' / '__init__.py'} ['1/4', '3/4']\n"
    run(["-c", SERVER], course, env=environment)


@pytest.mark.parametrize(("arithmetic", "output"), [("float64", [0.25, 0.75]), ("exact", ["1/4", "3/4"])])
def test_a_course_asks_by_the_command(
    course: Path, environment: dict[str, str], arithmetic: str, output: list[Any]
) -> None:
    question = json.dumps({**SOFTMAX, "arithmetic": arithmetic})
    printed = run(["-m", "workings", "ask", "softmax"], course, env=environment, input=question)
    answer = json.loads(printed)["values"]["output"]
    assert answer == (output if arithmetic == "exact" else pytest.approx(output))


@contextmanager
def served(words: list[str], course: Path, environment: dict[str, str]) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *words, "--port", str(port)], cwd=course, env=environment
    )
    try:
        wait_until_it_answers(port, process)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONG, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(LONG)


@pytest.mark.parametrize(
    "words",
    [["workings", "serve", "--workers", "2"], ["uvicorn", "workings.service.app:app"]],
    ids=["two processes", "uvicorn"],
)
def test_a_course_asks_a_server(words: list[str], course: Path, environment: dict[str, str]) -> None:
    with served(words, course, {**environment, "WORKINGS_INLINE_WORK": "0"}) as client:
        floats = client.post("/v1/softmax", json=SOFTMAX)
        exact = client.post("/v1/softmax", json={**SOFTMAX, "arithmetic": "exact"})
    assert floats.json()["values"]["output"] == pytest.approx([0.25, 0.75])
    assert exact.json()["values"]["output"] == ["1/4", "3/4"]


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ("import compute", "from workings import compute"),
        ("import service as ours", "from workings import service as ours"),
        ("from openapi import examples", "from workings.openapi import examples"),
        ("'é'; from compute import errors as e", "'é'; from workings.compute import errors as e"),
        ("from .compute import a", "from .compute import a"),
        ("import computer", "import computer"),
        ('"""See `compute.errors`."""', '"""See `compute.errors`."""'),
    ],
)  # fmt: skip
def test_import_statements_are_rewritten(source: str, rewritten: str) -> None:
    assert rewrite_imports(source.encode(), "module.py").decode() == rewritten


@pytest.mark.parametrize(
    "source",
    [
        "import compute.errors",
        "import os, compute",
        "import os; import compute; import service",
        'APP = "service.app:app"',
        'APP = f"service.{name}"',
        'import_module("compute")',
        'program = f"from service.workers.{name} import main"',
    ],
)
def test_a_module_that_cannot_be_rewritten_fails_the_build(source: str) -> None:
    with pytest.raises(ValueError, match=r"module\.py:1: expected"):
        rewrite_imports(source.encode(), "module.py")
