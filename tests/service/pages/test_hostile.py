"""Text of requests that would be markup, links or commands if it were not escaped."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import pytest

from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Cell,
    Code,
    Facts,
    Inline,
    Listing,
    Page,
    Paragraph,
    Section,
    Table,
)
from service.pages.html import write_html
from service.pages.markdown import write_markdown
from service.pages.tex import write_tex
from tests.conftest import EXAM, Client
from tests.service.pages.documents import VOID

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>",
    "</title></details><svg onload=alert(1)>",
    "<!-- -->",
    "&lt;b&gt;&#60;i&#62;",
    "]]><math><mtext>",
    r"\input{/etc/passwd}",
    r"\href{javascript:alert(1)}{a}",
    r"\end{document}\write18{ls}",
    "$x$ ^^5cinput{a} % \\catcode",
    "[a](javascript:alert(1))",
    "![a](https://example.com/a.png)",
    "https://example.com www.example.com a@example.com",
    "`code` ``` **bold** _a_ ~~a~~",
    "# heading\n\n- item\n1. item\n===",
    "| a | b |\n|---|---|",
    "[*][a]",
    "1. item",
    "    indented",
    "a\x00b\x1bc\x7f\x85d",
    "\u202eabc\u2066\u200f",
    "w" * 3_000,
    "{{7*7}}${7*7}",
]
BENIGN = "benign"
TAGS = frozenset({
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "h4", "h5", "h6", "p",
    "code", "pre", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "ul",
    "li",
    "strong", "section", "details", "summary", "figure", "figcaption", "math", "mrow", "mi", "mn", "mo",
    "mtext", "mfrac", "msqrt", "msup", "msub", "msubsup", "mover", "munder", "munderover", "mtable", "mtr",
    "mtd", "mspace", "mstyle", "menclose", "mpadded", "svg", "g", "path", "text", "tspan", "desc",
})  # fmt: skip
ATTRIBUTES = frozenset({
    "lang", "charset", "name", "content", "class", "scope", "title", "tabindex", "role", "aria-label",
    "display", "stretchy", "fence", "form", "columnalign", "accent", "mathvariant", "minsize", "maxsize",
    "width", "movablelimits", "separator", "displaystyle", "scriptlevel", "open", "largeop", "symmetric",
    "lspace", "rspace", "notation", "height", "depth", "viewbox", "transform", "d", "x", "y", "cx", "cy", "r",
    "points", "x1", "x2", "y1", "y2", "data-value", "data-gradient", "data-at", "data-vector",
})  # fmt: skip
# What may follow a backslash in TeX of benign text, beside what formulas of answers have.
DANGEROUS = re.compile(
    r"\\(input|include|href|write|catcode|openin|openout|read|def|let|csname|immediate|special|url|usepackage)"
    r"(?![a-z])"
)


class Text(HTMLParser):
    """The elements and attributes of a page, and all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.open: list[str] = []
        self.text = ""
        self.titles: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.titles += [value or "" for name, value in attrs if name == "title"]
        self.elements.append((tag, tuple((name, "" if name == "title" else value) for name, value in attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def fill(text: str) -> Page:
    """Return a page with a text in every place that text can have."""
    inlines: list[Inline] = [text, Code(text), " and ", text]
    blocks: list[Block] = [
        Paragraph(inlines),
        Paragraph([Code(text), text]),
        Facts([(text, inlines), (Code(text), inlines)]),
        Listing([inlines]),
        *(Callout(kind, text, inlines) for kind in ("note", "warning", "right", "wrong")),
        Table(inlines, [text, Code(text)], [(text, [Cell(text, 3, text), Cell(Code(text))])], text),
        Table([text], [text], [("", [Cell(text)]), ("", [Cell(Code(text), -2, text)])]),
    ]
    return Page(text, [*blocks, Section(inlines, [*blocks, Beside(blocks)]), Section([text], blocks, True)])


def check_html(page: str) -> None:
    """Assert that a page has no elements or attributes but those of documents."""
    read = Text(page)
    assert {tag for tag, _ in read.elements} <= TAGS
    assert {name for _, attrs in read.elements for name, _ in attrs} <= ATTRIBUTES
    assert not read.open


def check_markdown(page: str) -> None:
    """Assert that no link, image or element is active in Markdown: outside of code all is escaped."""
    outside = re.sub(r"(?<![\\`])(`+)(?!`)(?:.|\n)*?(?<!`)\1(?!`)", "", page)  # code is shown as it is
    outside = re.sub(r"\$\$.*?\$\$|(?<!\\)\$[^$\n]*\$", "", outside, flags=re.DOTALL)  # formulas
    outside = re.sub(r"^> \[!(WARNING|NOTE|TIP|CAUTION)\]$", "", outside, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<\[\]]", outside), "an element or a link"
    assert not re.search(r"(?<!\\)&\w+;|(?<!\\)&#", outside), "an entity"
    assert not re.search(r"https?://|www\.|\w@\w", outside), "an address that becomes a link"
    assert "`" not in outside.replace(r"\`", ""), "open code"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)


def check_tex(page: str) -> None:
    """Assert that TeX has no command of its own."""
    body = page.partition(r"\begin{document}")[2]
    assert not DANGEROUS.search(body)
    assert body.count(r"\end{document}") == 1
    assert "^^" not in body
    assert len(re.findall(r"(?<!\\)\{", body)) == len(re.findall(r"(?<!\\)\}", body))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", body)


def as_shown(text: str) -> str:
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_the_text_and_the_elements_of_a_benign_one(text: str) -> None:
    page, benign = Text(write_html(fill(text))), Text(write_html(fill(BENIGN)))

    def structure(read: Text) -> list[Any]:  # but for the side to which a cell is aligned
        return [tag if tag in ("td", "th") else (tag, attrs) for tag, attrs in read.elements]

    assert structure(page) == structure(benign)
    assert page.text == benign.text.replace(BENIGN, as_shown(text))
    assert set(page.titles) == {as_shown(text)}
    check_html(write_html(fill(text)))


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_and_tex_have_nothing_active(text: str) -> None:
    check_markdown(write_markdown(fill(text)))
    check_tex(write_tex(fill(text)))
    lines = write_markdown(fill(text)).split("\n")
    assert sum(line.startswith("#") for line in lines) == 3, "headings are those of the page"
    assert not any(re.match(r"\d+[.)] |===|---|\+ |    ", line) for line in lines), "lists or code"


@pytest.mark.parametrize("text", HOSTILE)
def test_tex_has_the_commands_of_a_benign_text(text: str) -> None:
    """Beside those that stand for single letters, and places where a line may end."""
    letters = {"textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar",
               "textquotedbl", "textasciigrave", "dots", "allowbreak"}  # fmt: skip

    def commands(page: str) -> set[str]:
        return set(re.findall(r"\\([A-Za-z]+)", page)) - letters

    assert commands(write_tex(fill(text))) == commands(write_tex(fill(BENIGN)))


SOFTMAX: dict[str, Any] = {"operation": "softmax", "x": [[1, 2]]}
TRACE: dict[str, Any] = {
    "program": ["f = x**2"], "loss": "f", "inputs": {}, "start": {"x": 1}, "steps": 2,
    "optimizer": {"name": "gradient_descent", "learning_rate": "1/2", "schedule": {"name": "constant"}},
    "arithmetic": "float64", "encoding": "nested",
}  # fmt: skip
RUBRIC: dict[str, Any] = {
    "question": SOFTMAX, "answer": {"output": "text"}, "gradients": {"x": "text"},
    "marks": {"output": 1}, "gradient_marks": {}, "optional": ["output"],
    "tolerances": {"output": {"absolute": 0.1}}, "accept": [{"transposed": True}], "feedback": "full",
    "penalties": [{"when": "incorrect", "points": 0}], "best_of": [{"names": ["output"], "count": 1}],
}  # fmt: skip
EXAM_RUBRIC: dict[str, Any] = {
    "questions": [
        {"name": "a", "question": SOFTMAX, "answer": {"output": "text"}, "marks": {"output": 1}},
        {
            "name": "b", "question": {"operation": "graph", "program": ["z = y + 1"], "inputs": {}},
            "takes": {"y": {"question": "a", "name": "output"}}, "answer": {"z": "text"}, "marks": {"z": 1},
        },
    ]
}  # fmt: skip
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "operation": ("softmax", {"x": [["1", 2]], "upstream": {"output": [[1, 0]]}, "given": {}}),
    "attention": ("self_attention", {**EXAM, "layout": "rows"}),
    "program": ("graph", {"program": ["y = x + 1"], "inputs": {"x": [1, 2]}, "upstream": {"y": [1, 1]}}),
    "comparison": ("compare", {**SOFTMAX, "changes": {"x": {"at": [0], "add": "1/2"}}, "select": ["output"]}),
    "cost": ("cost", {"operation": "linear", "x": {"shape": ["n", "d"]}, "w": {"shape": ["d", "m"]}}),
    "moments": (
        "moments",
        {"program": ["y = x + 1"], "inputs": {"x": {"shape": ["n"]}}, "random": {"x": {"variance": "v"}}},
    ),
    "trace": ("optimizer/trace", TRACE),
    "substitute": ("optimizer/trace", {**TRACE, "substitute": {"trace[1].parameters.x": "1/3"}}),
    "grade": ("grade", RUBRIC),
    "exam": ("grade", EXAM_RUBRIC),
    "check": ("grade/check", {**RUBRIC, "total": 3}),
    "check_of_an_exam": ("grade/check", EXAM_RUBRIC),
    "variants": ("variants", {"question": SOFTMAX, "seed": 1, "vary": ["x"], "distinguishes": "none"}),
}  # fmt: skip


def replace_texts(document: Any, text: str) -> Iterator[Any]:
    """Yield copies of a document in which one text, or the name of one field, is another."""
    if isinstance(document, str):
        yield text
    elif isinstance(document, list):
        for place, item in enumerate(document):
            for other in replace_texts(item, text):
                yield [*document[:place], other, *document[place + 1 :]]
    elif isinstance(document, dict):
        for name, item in document.items():
            yield {text if key == name else key: deepcopy(value) for key, value in document.items()}
            for other in replace_texts(item, text):
                yield {**document, name: other}


@pytest.mark.parametrize("kind", REQUESTS)
def test_no_field_of_a_request_is_active_in_a_document(client: Client, kind: str) -> None:
    name, body = REQUESTS[kind]
    assert client.post(f"/v1/{name}?format=html", json=body).status_code == 200
    checks = {"html": check_html, "markdown": check_markdown, "tex": check_tex}
    for text in HOSTILE:
        for changed in replace_texts(body, text):
            content = json.dumps(changed).encode()
            for form, check in checks.items():
                response = client.post(
                    f"/v1/{name}?format={form}", content=content, headers={"content-type": "application/json"}
                )
                assert response.status_code in (200, 413, 422), (form, text, response.text)
                if response.status_code != 200:
                    break
                check(response.text)
