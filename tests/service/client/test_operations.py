"""The types of the client's methods: what is checked in is what is generated, and type checkers use it."""

import inspect
import os
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

from compute.operations import CATALOGUE
from service.client_types import OTHERS, write_module
from service.endpoints import ENDPOINTS
from service.export import CLIENT_TYPES
from workings import Client
from workings.methods import PATHS

ROOT = CLIENT_TYPES.parents[3]
RIGHT = """\
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from workings import AsyncClient, Client

client = Client()
answer = client.self_attention(
    x=[[1, 2]], w_q=np.eye(2), w_k=[["sqrt(2)", 0], [0, 1]], heads=2, causal=True,
    rotary="interleaved", select=["weights"], upstream={"output": np.ones((1, 2))},
)
assert_type(answer.weights, NDArray[Any])
client.graph(program=["z = x + 1"], inputs={"x": 1}).z
client.check(question={}, marks={"output": 1}).document


async def ask(client: AsyncClient) -> None:
    assert_type((await client.linear(x=[1], w=np.eye(1))).output, NDArray[Any])
"""
WRONG = {
    "client.self_attention(x=[1], head=2)": 'Unexpected keyword argument "head"',
    "client.self_atention(x=[1])": 'no attribute "self_atention"',
    'client.self_attention(x=[1], heads="two")': 'expected "int"',
    'client.self_attention(x=[1], rotary="interleave")': "expected \"Literal['interleaved', 'half_split']\"",
    'client.self_attention(x=[1], arithmetic="float16")': "expected \"Literal['float64', 'float32', 'exact']",
    "client.self_attention(x=[1]).wieghts": 'no attribute "wieghts"',
    "client.solve(start={})": 'Missing named argument',
}  # fmt: skip


def test_the_checked_in_module_is_what_the_code_generates() -> None:
    assert CLIENT_TYPES.read_text(encoding="utf-8") == write_module(), "run `python -m service.export`"


def test_the_module_stays_small_enough_to_read_at_once() -> None:
    assert CLIENT_TYPES.stat().st_size < 250_000


def test_a_type_checker_knows_fields_and_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # where mypy has its settings, and its cache
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(
        "from workings import Client\n\nclient = Client()\n" + "\n".join(WRONG)
    )
    printed, problems, _ = api.run([str(tmp_path / "right.py"), str(tmp_path / "wrong.py")])
    assert not problems
    errors = [line for line in printed.splitlines() if ": error: " in line]
    assert [line.split(":")[-3] for line in errors if "right.py" in line] == []
    assert len(errors) == len(WRONG)
    for error, (code, message) in zip(errors, WRONG.items(), strict=True):
        assert message in error, code


def test_methods_with_other_names_are_sent_to_their_paths() -> None:
    assert {name: path for name, path in OTHERS.items() if name != path} == PATHS
    assert set(OTHERS.values()) < set(ENDPOINTS)


def test_methods_are_listed_and_explained() -> None:
    client = Client()
    assert {*CATALOGUE, *OTHERS, "ask", "grade_batch"} <= set(dir(client))
    text = pydoc.plain(pydoc.render_doc(client.linear))
    assert "x: A vector, or vectors as rows. Shape (..., d)." in text and "weights: " in text
    assert client.linear.__doc__ and client.linear.__doc__.startswith("A linear layer")
    assert [*inspect.signature(client.linear).parameters][:3] == ["x", "w", "b"]
    assert repr(client.of_a_newer_service) == "of_a_newer_service(**fields: Any) -> Any"  # type: ignore[attr-defined]


def test_the_types_are_imported_for_help_alone() -> None:
    code = "import workings, sys; workings.Client().linear; print('workings.operations' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment) == "False\n"
