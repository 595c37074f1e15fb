"""Documents in Markdown, read by a parser of CommonMark with tables."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import compute
from service.endpoints import ENDPOINTS
from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Equation,
    Facts,
    Inline,
    Inlines,
    Listing,
    Math,
    Page,
    Paragraph,
    Picture,
    Program,
    Section,
    Table,
)
from service.pages.markdown import write_markdown
from service.pages.pictures.charts import FlowChart
from service.pages.solutions import build_solution
from tests.conftest import Client
from tests.service.pages.documents import HOSTILE, grade_hostile, read_examples

PARSER = MarkdownIt("commonmark").enable("table")
PAGES = {endpoint.path: endpoint.page for endpoint in ENDPOINTS.values()}
DISPLAYED = re.compile(r"\$\$\n[^\n]*\n\$\$")


def build_page(client: Client, path: str, question: dict[str, Any]) -> Page:
    build = PAGES[path]
    assert build is not None
    asked = question | ({"workings": True} if build is build_solution else {})
    return build(question, client.post(path, json=asked).json())


def list_blocks(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield blocks with those in sections."""
    for block in blocks:
        yield block
        if isinstance(block, Section | Beside):
            yield from list_blocks(block.blocks)


def list_inlines(block: Block) -> Iterator[Inline]:
    """Yield text and formulas of a block itself."""
    parts: list[Inlines]
    match block:
        case Paragraph(content) | Callout(_, _, content):
            parts = [content]
        case Listing(items):
            parts = list(items)
        case Facts(items):
            parts = [part for name, meaning in items for part in ([name], meaning)]
        case Section(title):
            parts = [title]
        case Table():
            cells = [[name, *(cell.content for cell in cells)] for name, cells in block.rows]
            parts = [block.caption, block.head, *cells]
        case _:
            parts = []
    for part in parts:
        yield from part


def count_blocks(page: Page) -> Counter[str]:
    """Return how many elements of each kind a page should have, by the parser's names for them."""
    found = Counter(heading_open=1)
    for block in list_blocks(page.blocks):
        found["formula"] += sum(isinstance(inline, Math) for inline in list_inlines(block))
        match block:
            case Table():
                found["table_open"] += 1
                found["tr_open"] += 1 + len(block.rows)
                found["td_open"] += len(block.rows) * (block.width + block.has_names)
            case Equation(lines):
                found["displayed"] += len(lines)
            case Facts(items) | Listing(items):
                found["list_item_open"] += len(items)
            case Program():
                found["fence"] += 1
            case Section():
                found["heading_open"] += 1
            case Callout():
                found["blockquote_open"] += 1
            case Picture(FlowChart()):
                found["fence"] += 1
    return +found


def count_elements(text: str, kinds: Iterable[str]) -> Counter[str]:
    """Return how many elements of these kinds a parser finds. Formulas are text to it."""
    tokens = PARSER.parse(text)
    found = Counter(token.type for token in tokens)
    inlines = [token for token in tokens if token.type == "inline"]
    displayed = [token for token in inlines if DISPLAYED.fullmatch(token.content)]
    found["displayed"] = len(displayed)
    rest = [re.sub(r"(`+).*?\1|\\\$", "", token.content) for token in inlines if token not in displayed]
    assert all(part.count("$") % 2 == 0 for part in rest)
    found["formula"] = sum(part.count("$") // 2 for part in rest)
    return +Counter({kind: found[kind] for kind in kinds})


@pytest.mark.parametrize("example", [pytest.param(one, id=name) for name, one in read_examples()])
def test_a_parser_finds_every_block(client: Client, example: dict[str, Any]) -> None:
    page = build_page(client, example["path"], example["request"])
    expected = count_blocks(page)
    kinds = {*expected, "table_open", "displayed", "html_block", "code_block", "fence", "hr"}
    assert count_elements(write_markdown(page), kinds) == expected


def list_leaves(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from token.children or [token]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_to_a_parser(client: Client, text: str) -> None:
    page = build_page(client, "/v1/grade", grade_hostile(text))
    tokens = PARSER.parse(write_markdown(page))
    assert Counter(token.type for token in tokens)["heading_open"] == count_blocks(page)["heading_open"]
    leaves = list(list_leaves(tokens))
    assert not [leaf for leaf in leaves if leaf.type.startswith(("html", "link", "image", "em_"))]
    written = "".join(leaf.content for leaf in leaves if leaf.type in ("text", "code_inline"))
    assert " ".join(re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text).split()) in written


def test_notebooks_get_the_same_blocks(client: Client) -> None:
    question: dict[str, Any] = {"x": [[0, 1.5]], "upstream": {"output": [[1, 0]]}}
    text = compute.answer("softmax", **question, workings=True)._repr_markdown_()
    assert text is not None
    expected = count_blocks(build_page(client, "/v1/softmax", question))
    assert expected["table_open"] > 3
    assert count_elements(text, expected) == expected
