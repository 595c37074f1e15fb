"""Documents as Markdown, as GitHub and Jupyter render it: formulas between dollar signs."""

import re

from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Code,
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
from service.pages.pictures.charts import FlowChart
from service.pages.pictures.words import write_words
from service.pages.text import replace_controls

ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|$~&])")
LINKED = re.compile(r"(:(?=//)|(?<=www)\.|@)", re.IGNORECASE)  # of addresses that GitHub makes links of
# At the start of a block: lists, rules and headings.
LISTED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^()([-+=])(?=[-=\s]|$)")
ALERTS = {"warning": "WARNING", "note": "NOTE", "right": "TIP", "wrong": "CAUTION"}


def write_markdown(page: Page) -> str:
    """Return a document as Markdown."""
    blocks = [f"# {_escape(page.title)}", *(_write_block(block, 2) for block in page.blocks)]
    return "\n\n".join(blocks) + "\n"


def _write_block(block: Block, level: int) -> str:
    match block:
        case Paragraph(content):
            return _start(content)
        case Equation(lines):
            first, *others = lines
            written = [first, *(rf"\quad {line}" for line in others)]
            return "\n\n".join(f"$$\n{line}\n$$" for line in written)
        case Program(lines):
            return _write_fence("", replace_controls("\n".join(lines)))
        case Table():
            return _write_table(block)
        case Facts(items):
            return "\n".join(f"- {_start([name])}: {_write_inlines(meaning)}" for name, meaning in items)
        case Listing(items):
            return "\n".join(f"- {_start(item)}" for item in items)
        case Callout(kind, word, content):
            return f"> [!{ALERTS[kind]}]\n> **{_escape(word)}** {_write_inlines(content)}".rstrip()
        case Beside(blocks):
            return "\n\n".join(_write_block(inner, level) for inner in blocks)
        case Picture(FlowChart(title=title, mermaid=mermaid)):
            return f"**{_escape(title)}.**\n\n{_write_fence('mermaid', mermaid)}"
        case Picture(chart):
            return f"**{_escape(chart.title)}.** {_escape(write_words(chart))}"
        case Section(title, blocks):
            heading = f"{'#' * min(level, 6)} {_write_inlines(title)}"
            return "\n\n".join([heading, *(_write_block(inner, level + 1) for inner in blocks)])


def _write_fence(language: str, text: str) -> str:
    """Return text as a block of code, between fences that are longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _write_inlines(content: Inlines) -> str:
    return "".join(map(_write_inline, content))


def _write_inline(inline: Inline) -> str:
    match inline:
        case Code(text):
            fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
            space = " " if text.startswith("`") or text.endswith("`") else ""
            return f"{fence}{space}{' '.join(replace_controls(text).split())}{space}{fence}".replace(
                "|", r"\|"
            )
        case Math(latex):
            return f"${latex}$".replace("|", r"\vert ")
        case _:
            return _escape(inline)


def _escape(text: str) -> str:
    written = ACTIVE.sub(r"\\\1", replace_controls(" ".join(text.split())))
    space = " " if text[:1].isspace() else "", " " if text[-1:].isspace() else ""
    return f"{space[0]}{LINKED.sub(_put_backslash, written)}{space[1]}" if written else space[0]


def _put_backslash(match: "re.Match[str]") -> str:
    """Return a match with a backslash before its first character."""
    return f"\\{match[0]}"


def _start(content: Inlines) -> str:
    """Return inlines at the start of a block, where digits and dashes could make a list or a heading."""
    written = _write_inlines(content).lstrip()
    return LISTED.sub(r"\1\3\\\2\4", written)


def _write_table(table: Table) -> str:
    head = [*table.head, *[""] * (table.width - len(table.columns))]
    words = table.words
    sides = [":--" if place in words else "--:" for place in range(table.width)]
    lines = [[_write_inline(name) for name in head], [":--"] * table.has_names + sides]
    for name, cells in table.rows:
        header = [_write_inline(name)] if table.has_names else []
        lines.append([*header, *(_write_inline(cell.content) for cell in cells)])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_start(table.caption)}\n\n{rows}"
