"""A few documents compiled; `make tex` compiles all."""

from pathlib import Path
from typing import Any

import pytest

from service.pages.blocks import Cell, Code, Equation, Math, Page, Paragraph, Section, Table
from service.pages.tex import write_tex
from tests.conftest import Client
from tests.service.pages.documents import HOSTILE, read_examples
from tests.tex.compiling import LETTERS, TexError, compile_tex, find_programs

PROGRAM = next(iter(find_programs()), "")
needs_tex = pytest.mark.skipif(not PROGRAM, reason="LaTeX is not installed")
WIDE = Page(
    "Wide",
    [
        Table(["wide"], [Code(f"column {place}") for place in range(40)], [("a", [Cell("0.1234", 8)] * 40)]),
        Table(["long"], ["x"], [(str(place), [Cell("1", -3)]) for place in range(90)]),
        Equation(["y = " + " + ".join(f"x_{{{place}}}" for place in range(200))]),
        Paragraph([Code("name_" * 60), Code("x" * 500)]),
    ],
)


@needs_tex
def test_nothing_is_wider_than_a_page(tmp_path: Path) -> None:
    assert compile_tex(write_tex(WIDE), tmp_path, PROGRAM) == 0


@needs_tex
def test_every_letter_compiles(tmp_path: Path) -> None:
    cells = [Cell(Code(text)) for text in HOSTILE]
    hostile = [*HOSTILE, LETTERS]
    blocks = [Paragraph([text, Code(text)]) for text in hostile]
    page = Page(HOSTILE[0], [*blocks, Section([Code(HOSTILE[3])], [Table(hostile[:3], [], [("a", cells)])])])
    compile_tex(write_tex(page), tmp_path, PROGRAM)


@needs_tex
def test_an_example_compiles(client: Client, tmp_path: Path) -> None:
    example: dict[str, Any] = dict(read_examples())["000_0_1_1_exact"]
    text = client.post(f"{example['path']}?format=tex", json=example["request"]).text
    assert compile_tex(text, tmp_path, PROGRAM) == 0


@needs_tex
def test_faults_are_found(tmp_path: Path) -> None:
    with pytest.raises(TexError, match="Undefined control sequence"):
        compile_tex(write_tex(Page("x", [Paragraph([Math(r"\nothing")])])), tmp_path, PROGRAM)
