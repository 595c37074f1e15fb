"""Tables: the side on which their columns start."""

from typing import Any

import pytest

from service.pages.blocks import Cell, Code, Math, Page, Table
from service.pages.html import write_html
from service.pages.markdown import write_markdown
from service.pages.tex import write_tex


@pytest.mark.parametrize(
    ("cells", "is_text"),
    [
        (["Right.", "2 of 2"], True),
        ([Code("x"), "no"], True),
        (["Right.", "−1.5"], False),
        (["1.5·10⁻⁶", "∞"], False),
        (["NaN", "true"], False),
        ([Math("x")], False),
    ],
)
def test_columns_of_text_are_found_and_start_at_the_left(cells: list[Any], is_text: bool) -> None:
    table = Table([], ["number", "column"], [("", [Cell("1", 3), Cell(cell, 2)]) for cell in cells])
    assert table.words == ({1} if is_text else set())
    page = Page("x", [table])
    assert ('<th scope="col" class="t">column' in write_html(page)) == is_text
    assert write_html(page).count('<td class="t p2">') == (len(cells) if is_text else 0)
    assert ("| --: | :-- |" in write_markdown(page)) == is_text
    assert (r"{tabular}{rl}" in write_tex(page)) == is_text
