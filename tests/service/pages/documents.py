"""The documents that tests look at: the examples that have some, hostile texts, and reading of pages."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from service.document import url_of
from service.endpoints import ENDPOINTS

EXAMPLES = Path(__file__).parents[3] / "openapi" / "examples"
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><script>", "{{7*7}}",
    "`code` **bold** [a](javascript:b)", "$x$ \\input{/etc/passwd}", "&lt;b&gt;", "a|b", "# heading",
    "\\end{document}", "x\ny", "'; drop table", "</code></td></table><h1>x</h1>", "<svg/onload=alert(1)>",
    "]]>--><!-- x", "%0a % \\% #1 ~^_&", "\u202egnirts\u2066\u0000\u0007", "ﷺ é 漢字 🙂 ½ ∂ \u0301",
    "x" * 80, "\\def\\x{\\x}\\x $$ \\[ \\] }{", "| --- |\n> [!NOTE]", "$$\n\\begin{longtable}{l}",
]  # fmt: skip
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Outline(HTMLParser):
    """The tags of a page, checked for balance, with the text of its tables and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.tables: list[list[list[str]]] = []
        self.headings: list[tuple[int, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag == "td":
            self.tables[-1][-1].append("")
        elif tag[0] == "h" and tag[1:].isdigit():
            self.headings.append((int(tag[1:]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "td" in self.open and "math" not in self.open:
            self.tables[-1][-1][-1] += data
        level = next((int(tag[1:]) for tag in self.open if tag[0] == "h" and tag[1:].isdigit()), 0)
        if level:
            self.headings[-1] = (level, self.headings[-1][1] + data)

    def numbers(self) -> list[list[list[float]]]:
        """Return the tables that hold numbers alone."""
        found = []
        for table in self.tables:
            rows = [[cell.replace("−", "-") for cell in row] for row in table if any(row)]
            try:
                found.append([[float(cell) for cell in row if cell] for row in rows])
            except ValueError:
                continue
        return found


def read_examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and content of each example whose answer has documents."""
    paths = {endpoint.path for endpoint in ENDPOINTS.values() if endpoint.page is not None}
    for file in sorted(EXAMPLES.glob("*.json")):
        example = json.loads(file.read_text(encoding="utf-8"))
        if url_of(example) in paths:  # an envelope is a document already
            yield file.stem, example


def grade_hostile(text: str) -> dict[str, Any]:
    """Return an exam for /v1/grade with a text as the name of a question, as an answer and as its name."""
    question = {"operation": "activation", "function": "relu", "x": [-1, 2]}
    return {"questions": [{"name": text, "question": question, "answer": {"output": text, text: [1]}}]}
