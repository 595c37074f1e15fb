"""Documents as LaTeX that compiles by itself, with pdfTeX, XeTeX and LuaTeX."""

import unicodedata

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
from service.pages.pictures.words import write_words

HEAD = r"""\documentclass[11pt]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\usepackage{lmodern}\fi
\usepackage{amsmath,amssymb,longtable,array,graphicx}
\usepackage[table]{xcolor}
\usepackage[margin=2.2cm]{geometry}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}
\sloppy\setlength{\emergencystretch}{3em}
\newsavebox{\whole}
\newcommand{\fit}[1]{\sbox{\whole}{#1}%
  \ifdim\wd\whole>\linewidth\resizebox{\linewidth}{!}{\usebox{\whole}}\else\usebox{\whole}\fi}
\newcommand{\tight}{\setlength{\itemsep}{0pt}\setlength{\parskip}{1pt}}
"""  # \fit makes what is wider than the lines as wide as these
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_",
    "%": r"\%", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "−": "$-$", "∞": r"$\infty$", "×": r"$\times$", "·": r"$\cdot$", "µ": r"$\mu$", "≈": r"$\approx$",
    "→": r"$\to$", "⊙": r"$\odot$", "–": "--", "’": "'", "…": r"\dots{}", "√": r"$\surd$", "≤": r"$\le$",
    "≥": r"$\ge$", "≠": r"$\ne$", "∑": r"$\sum$", "∂": r"$\partial$", "[": "{[}", "]": "{]}", "*": "{*}",
}  # fmt: skip
GREEK = frozenset("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ")
RAISED = {"<super>": r"\textsuperscript", "<sub>": r"\textsubscript"}
LATIN = 0x180  # the end of the letters of Latin alphabets that the fonts have, but for LACKING
LACKING = frozenset("ĦħĸĿŀŉŦŧſ\N{SOFT HYPHEN}")
UNBROKEN = 20  # letters of code in a line that may not end between them
LONG = 24  # rows of a table above which it may end on a later page
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
            return "\n".join(rf"\[ \fit{{$\displaystyle {line}$}} \]" for line in lines)
        case Program(lines):
            return "\\\\\n".join(_write_inline(Code(line)) for line in lines if line.strip())
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
    return "\n".join([rf"\begin{{{kind}}}\tight", *items, rf"\end{{{kind}}}"]) if items else ""


def _write_inlines(content: Inlines) -> str:
    return "".join(map(_write_inline, content))


def _write_inline(inline: Inline) -> str:
    match inline:
        case Code(text):
            return rf"\texttt{{{_write_code(text)}}}"
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
    if letter in GREEK:
        name = unicodedata.name(letter).rpartition(" ")[2].replace("LAMDA", "LAMBDA")
        return rf"$\{name.capitalize() if letter.isupper() else name.lower()}$"
    if letter.isspace():
        return " "
    kind, _, base = unicodedata.decomposition(letter).partition(" ")
    if kind in RAISED:
        return rf"{RAISED[kind]}{{{''.join(_escape_letter(chr(int(code, 16))) for code in base.split())}}}"
    is_known = letter.isprintable() and ord(letter) < LATIN and letter not in LACKING
    return letter if is_known else "?"


def _write_code(text: str) -> str:
    """Return text that may be broken after each sign and in long words, but has no hyphens for that."""
    written, unbroken = [], 0
    for letter in text:
        unbroken = unbroken + 1 if letter.isalnum() and unbroken < UNBROKEN else 0
        may_end = not unbroken and not letter.isspace()
        written.append(_escape_letter(letter) + (r"\allowbreak{}" if may_end else ""))
    return "".join(written)


def _write_table(table: Table) -> str:
    lines = []
    if any(table.columns):
        lines.append(" & ".join(map(_write_header, table.head)) + r" \\ \hline")
    for name, cells in table.rows:
        header = [_write_header(name)] if table.has_names else []
        written = (_shade(cell.shade) + _write_inline(cell.content) for cell in cells)
        lines.append(" & ".join([*header, *written]) + r" \\")
    body = "\n".join(lines)
    words = table.words
    form = "l|" * table.has_names + "".join("l" if place in words else "r" for place in range(table.width))
    if len(table.rows) > LONG:
        written_table = f"\\begin{{longtable}}{{{form}}}\n{body}\n\\end{{longtable}}"
    else:
        written_table = f"\\fit{{\\begin{{tabular}}{{{form}}}\n{body}\n\\end{{tabular}}}}\\par\\smallskip"
    return f"{_write_inlines(table.caption)}\n\n{written_table}"


def _write_header(name: Inline) -> str:
    return rf"{{\footnotesize {_write_inline(name)}}}"


def _shade(level: int) -> str:
    if not level:
        return ""
    return rf"\cellcolor{{{'blue' if level > 0 else 'red'}!{5 * abs(level)}}}"
