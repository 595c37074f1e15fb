"""Documents as HTML: one file without scripts that loads nothing, with formulas in MathML."""

import base64
import hashlib
from importlib.resources import files

from service.pages.blocks import (
    Beside,
    Block,
    Callout,
    Cell,
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
    Source,
    Table,
)
from service.pages.mathml import write_mathml
from service.pages.pictures.charts import FlowChart
from service.pages.pictures.svg import write_svg
from service.pages.pictures.words import write_words
from service.pages.text import escape

STYLE = files(__package__).joinpath("style.css").read_text(encoding="utf-8").replace("\n", "")
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
POLICY = (
    f"default-src 'none'; style-src {STYLE_SOURCE}; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'"
)
WIDE_FORMULA, WIDE_TABLE = 120, 6  # letters and columns that may be wider than a page
WIDE_PART = 60  # letters of a formula that may be wider than its part of a page
LEFT = "t"  # the class of columns of text
TOP = 2  # the level of the headings of a page's sections


def write_html(page: Page) -> str:
    """Return a document as a whole HTML page."""
    head = (
        f'<meta charset="utf-8"><title>{escape(page.title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
    )
    body = f'<main class="workings">{_write_body(page)}</main>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'


def write_fragment(page: Page) -> str:
    """Return a document as a part of another page, whose own elements keep their style."""
    style = STYLE[STYLE.index(".workings") :]
    return f'<style>{style}</style><div class="workings">{_write_body(page)}</div>'


def _write_body(page: Page) -> str:
    return f"<h1>{escape(page.title)}</h1>\n" + "".join(map(write_block, page.blocks))


def write_block(block: Block, level: int = TOP) -> str:
    """Return a block as HTML. level: the level of the headings of sections."""
    match block:
        case Paragraph(content, source):
            return f"<p{_write_source(source)}>{write_inlines(content)}</p>\n"
        case Equation(lines):
            written = "".join(write_mathml(line, "block") for line in lines)
            is_wide = max(map(len, lines)) > WIDE_FORMULA
            return f'<div class="eq"{_focusable("Formula") if is_wide else ""}>{written}</div>\n'
        case Program(lines):
            return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>\n"
        case Table():
            return _write_table(block)
        case Facts(items):
            return f"<dl>{''.join(_write_fact(name, meaning) for name, meaning in items)}</dl>\n"
        case Listing(items):
            return "<ul>" + "".join(f"<li>{write_inlines(item)}</li>" for item in items) + "</ul>\n"
        case Callout(kind, word, content):
            return f'<p class="{kind}"><strong>{escape(word)}</strong> {write_inlines(content)}</p>\n'
        case Beside(blocks):
            return f'<div class="beside">{"".join(write_block(inner, level) for inner in blocks)}</div>\n'
        case Picture(chart):
            caption = f"<strong>{escape(chart.title)}.</strong> {escape(write_words(chart))}"
            picture = write_svg(chart)
            if isinstance(chart, FlowChart):  # whose names would be too small to read
                picture = f'<div class="scroll"{_focusable("Graph")}>{picture}</div>'
            return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>\n"
        case Section(title, blocks, is_folded):
            inside = "".join(write_block(inner, min(level + 1, 6)) for inner in blocks)
            heading = f"<h{level}>{write_inlines(title)}</h{level}>"
            if is_folded:
                return f"<details><summary>{heading}</summary>{inside}</details>\n"
            return f"<section>{heading}{inside}</section>\n"


def _write_fact(name: Inline, meaning: Inlines) -> str:
    focusable = ' tabindex="0"' if any(map(_is_wide, meaning)) else ""
    return f"<dt>{_write_inline(name)}</dt><dd{focusable}>{write_inlines(meaning)}</dd>"


def _is_wide(inline: Inline) -> bool:
    return isinstance(inline, Math) and len(inline.latex) > WIDE_PART


def write_inlines(content: Inlines) -> str:
    """Return text, code and formulas as HTML."""
    return "".join(map(_write_inline, content))


def _write_inline(inline: Inline) -> str:
    match inline:
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Math(latex):
            return write_mathml(latex)
        case _:
            return escape(inline)


def _write_table(table: Table) -> str:
    words = table.words
    headers = "".join(
        f'<th scope="col"{_name_classes([LEFT] * (place in words))}>{_write_inline(column)}</th>'
        for place, column in enumerate(table.columns)
    )
    corner = f"<th>{_write_inline(table.corner)}</th>" if table.corner else "<td></td>"
    has_names = table.has_names
    rows = []
    for name, cells in table.rows:
        header = f'<th scope="row">{_write_inline(name)}</th>' if has_names else ""
        written = (_write_cell(cell, place in words) for place, cell in enumerate(cells))
        rows.append(f"<tr>{header}{''.join(written)}</tr>")
    head = f"<thead><tr>{corner if has_names else ''}{headers}</tr></thead>" if headers else ""
    caption = write_inlines(table.caption)
    inside = f"<caption>{caption}</caption>{head}<tbody>{''.join(rows)}</tbody>"
    body = f"<table{_write_source(table.source)}>{inside}</table>"
    is_wide = len(table.columns) > WIDE_TABLE or any(
        _is_wide(cell.content) for _, cells in table.rows for cell in cells
    )
    return f'<div class="scroll"{_focusable("Table") if is_wide else ""}>{body}</div>\n'


def _write_source(source: Source | None) -> str:
    """Return attributes by which scripts find the part of an answer that an element shows."""
    if source is None:
        return ""
    index = f' data-at="{" ".join(map(str, source.index))}"' if source.index else ""
    vector = " data-vector" if source.is_vector else ""
    return f' data-{source.kind}="{escape(source.name)}"{index}{vector}'


def _focusable(label: str) -> str:
    """Return attributes with which the keyboard scrolls an element."""
    return f' tabindex="0" role="group" aria-label="{label}"'


def _name_classes(names: list[str]) -> str:
    return f' class="{" ".join(names)}"' if names else ""


def _write_cell(cell: Cell, is_text: bool) -> str:
    shade = [f"{'p' if cell.shade > 0 else 'm'}{abs(cell.shade)}"] if cell.shade else []
    kind = _name_classes([LEFT] * is_text + shade)
    title = f' title="{escape(cell.title)}"' if cell.title else ""
    return f"<td{kind}{title}>{_write_inline(cell.content)}</td>"
