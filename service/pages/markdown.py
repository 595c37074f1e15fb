"""Documents as Markdown, as GitHub and Jupyter render it: formulas between dollar signs."""

import re

from service.pages.blocks import (
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
    Section,
    Table,
)

ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|$~])")
ALERTS = {"warning": "WARNING", "note": "NOTE", "right": "TIP", "wrong": "CAUTION"}


def write_markdown(page: Page) -> str:
    """Return a document as Markdown."""
    blocks = [f"# {_escape(page.title)}", *(_write_block(block, 2) for block in page.blocks)]
    return "\n\n".join(blocks) + "\n"


def _write_block(block: Block, level: int) -> str:
    match block:
        case Paragraph(content):
            return _write_inlines(content)
        case Equation(lines):
            first, *others = lines
            written = [first, *(rf"\quad {line}" for line in others)]
            return "\n\n".join(f"$$\n{line}\n$$" for line in written)
        case Table():
            return _write_table(block)
        case Facts(items):
            return "\n".join(f"- {_write_inline(name)}: {_write_inlines(meaning)}" for name, meaning in items)
        case Listing(items):
            return "\n".join(f"- {_write_inlines(item)}" for item in items)
        case Callout(kind, word, content):
            return f"> [!{ALERTS[kind]}]\n> **{_escape(word)}** {_write_inlines(content)}".rstrip()
        case Picture(_, text):
            return f"*{_escape(text)}*"
        case Section(title, blocks):
            heading = f"{'#' * min(level, 6)} {_write_inlines(title)}"
            return "\n\n".join([heading, *(_write_block(inner, level + 1) for inner in blocks)])


def _write_inlines(content: Inlines) -> str:
    return "".join(map(_write_inline, content))


def _write_inline(inline: Inline) -> str:
    match inline:
        case Code(text):
            fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
            space = " " if text.startswith("`") or text.endswith("`") else ""
            return f"{fence}{space}{' '.join(text.split())}{space}{fence}".replace("|", r"\|")
        case Math(latex):
            return f"${latex}$".replace("|", r"\vert ")
        case _:
            return _escape(inline)


def _escape(text: str) -> str:
    return ACTIVE.sub(r"\\\1", " ".join(text.splitlines()))


def _write_table(table: Table) -> str:
    head = [*table.head, *[""] * (table.width - len(table.columns))]
    words = table.words
    sides = [":--" if place in words else "--:" for place in range(table.width)]
    lines = [[_write_inline(name) for name in head], [":--"] * table.has_names + sides]
    for name, cells in table.rows:
        header = [_write_inline(name)] if table.has_names else []
        lines.append([*header, *(_write_inline(cell.content) for cell in cells)])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_write_inlines(table.caption)}\n\n{rows}"
