"""Documents as LaTeX that compiles by itself, with pdfTeX, XeTeX and LuaTeX."""

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
    Section,
    Table,
)
from service.pages.pictures.words import write_words

HEAD = r"""\documentclass[11pt]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\usepackage{lmodern}\fi
\usepackage{amsmath,amssymb,longtable,array}
\usepackage[table]{xcolor}
\usepackage[margin=2.2cm]{geometry}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}
\allowdisplaybreaks
"""
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_",
    "%": r"\%", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "−": "$-$", "∞": r"$\infty$", "×": r"$\times$", "·": r"$\cdot$", "µ": r"$\mu$", "≈": r"$\approx$",
    "→": r"$\to$", "⊙": r"$\odot$", "–": "--", "[": "{[}", "]": "{]}", "*": "{*}", "’": "'", "…": r"\dots{}",
}  # fmt: skip
LAST = "\u017f"  # of the letters of Latin that the fonts of every TeX have
HEADINGS = (r"\section*", r"\subsection*", r"\subsubsection*", r"\paragraph*")


def write_tex(page: Page) -> str:
    """Return a document as a LaTeX file."""
    body = "\n\n".join(_write_block(block, 0) for block in page.blocks)
    title = _escape(page.title)
    return f"{HEAD}\\begin{{document}}\n{{\\LARGE {title}\\par}}\n\n{body}\n\\end{{document}}\n"


def _write_block(block: Block, level: int) -> str:
    match block:
        case Paragraph(content):
            return _write_inlines(content)
        case Equation(lines):
            return "\n".join(rf"\[ {line} \]" for line in lines)
        case Table():
            return _write_table(block)
        case Facts(items):
            return _write_items(
                [rf"\item[{{{_write_inline(name)}}}] {_write_inlines(meaning)}" for name, meaning in items],
                "description",
            )
        case Listing(items):
            return _write_items([rf"\item {_write_inlines(item)}" for item in items], "itemize")
        case Callout(_, word, content):
            return rf"\textbf{{{_escape(word)}}} {_write_inlines(content)}"
        case Beside(blocks):
            return "\n\n".join(_write_block(inner, level) for inner in blocks)
        case Picture(chart):
            return rf"\textbf{{{_escape(chart.title)}.}} {_escape(write_words(chart))}"
        case Section(title, blocks):
            heading = f"{HEADINGS[min(level, len(HEADINGS) - 1)]}{{{_write_inlines(title)}}}"
            return "\n\n".join([heading, *(_write_block(inner, level + 1) for inner in blocks)])


def _write_items(items: list[str], kind: str) -> str:
    return "\n".join([rf"\begin{{{kind}}}", *items, rf"\end{{{kind}}}"]) if items else ""


def _write_inlines(content: Inlines) -> str:
    return "".join(map(_write_inline, content))


def _write_inline(inline: Inline) -> str:
    match inline:
        case Code(text):
            return rf"\texttt{{{_escape(text)}}}"
        case Math(latex):
            return f"${latex}$"
        case _:
            return _escape(inline)


def _escape(text: str) -> str:
    """Return text with every letter that TeX reads specially, or its fonts lack, written out."""
    return "".join(map(_escape_letter, text))


def _escape_letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter.isspace():  # two lines would end a paragraph, and with it the argument of a command
        return " "
    is_known = letter.isprintable() and (letter.isascii() or (letter <= LAST and letter.isalpha()))
    return letter if is_known else "?"


def _write_table(table: Table) -> str:
    lines = []
    if any(table.columns):
        lines.append(" & ".join(map(_write_header, table.head)) + r" \\ \hline")
    for name, cells in table.rows:
        header = [_write_header(name)] if table.has_names else []
        written = (_shade(cell.shade) + _write_inline(cell.content) for cell in cells)
        lines.append(" & ".join([*header, *written]) + r" \\")
    body = "\n".join(lines)
    form = "l|" * table.has_names + "r" * table.width
    return f"{_write_inlines(table.caption)}\n\n\\begin{{longtable}}{{{form}}}\n{body}\n\\end{{longtable}}"


def _write_header(name: Inline) -> str:
    return rf"{{\footnotesize {_write_inline(name)}}}"


def _shade(level: int) -> str:
    if not level:
        return ""
    return rf"\cellcolor{{{'blue' if level > 0 else 'red'}!{5 * abs(level)}}}"
