"""LaTeX as MathML, which browsers and screen readers read without a script."""

import re
from functools import lru_cache
from typing import Literal

from latex2mathml import exceptions
from latex2mathml.converter import convert

from service.pages.text import escape

NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'
KEPT = 4_096  # formulas
FIRST = 0xE000  # the first letter of Unicode's private use, which stand for matrices
MATRIX = re.compile(r"\\begin\{pmatrix\}((?:(?!\\begin\{pmatrix\}|\\end\{pmatrix\}).)*)\\end\{pmatrix\}")
ENTITY = re.compile(r"&#x([0-9A-Fa-f]+);")
CASES = re.compile(r"(<mo[^>]*>\{</mo>\s*(?:<mrow>)?)<mtable>")
FENCE = re.compile(' stretchy="true" fence="true" form="(?:prefix|postfix)"')
LOW = re.compile(  # parentheses around no tall part, and no letter that stands for a matrix
    rf"<mo>\(</mo>((?:<(m[nio])[^>]*>[^<{chr(FIRST)}-\uf8ff]*</\2>)*)<mo>\)</mo>"
)
NUMBER = re.compile(r"(-?)(\d+(?:\.\d+)?)")
UNREADABLE: tuple[type[Exception], ...] = tuple(
    error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, Exception)
)


def write_mathml(latex: str, display: Literal["inline", "block"] = "inline") -> str:
    """Return a formula as MathML; as code, if it cannot be converted.

    Matrices of numbers are put into a converted formula that has letters in their places, since formulas of
    few forms differ in their numbers.
    """
    matrices: list[str] = []

    def put_letter(match: "re.Match[str]") -> str:
        matrices.append(match[1])
        return f"{{{chr(FIRST + len(matrices) - 1)}}}"

    text = MATRIX.sub(put_letter, latex)
    written = _convert(text, display)
    for place, matrix in enumerate(matrices):
        written = written.replace(f"<mi>{chr(FIRST + place)}</mi>", _write_matrix(matrix))
    return written


@lru_cache(maxsize=KEPT)
def _convert(latex: str, display: Literal["inline", "block"]) -> str:
    try:
        written = convert(latex, display=display)
        written = written.replace(NAMESPACE, "").replace(' display="inline"', "")  # as HTML assumes
        written = ENTITY.sub(lambda match: escape(chr(int(match[1], 16))), written)
        written = LOW.sub(_write_low, FENCE.sub("", written))
        return CASES.sub(r'\1<mtable class="cases">', written)  # without the parentheses of matrices
    except UNREADABLE:
        return f"<code>{escape(latex)}</code>"


def _write_low(match: "re.Match[str]") -> str:
    """Return parentheses of the height of a line: some fonts have wide ones where they may grow."""
    return f'<mo stretchy="false">(</mo>{match[1]}<mo stretchy="false">)</mo>'


def _write_matrix(text: str) -> str:
    rows = (
        "".join(f"<mtd>{_write_entry(entry.strip())}</mtd>" for entry in row.split("&"))
        for row in text.split(r"\\")
    )
    body = "".join(f"<mtr>{row}</mtr>" for row in rows)
    return f"<mtable>{body}</mtable>"  # with the parentheses of the style, which need no mathematical font


def _write_entry(latex: str) -> str:
    match = NUMBER.fullmatch(latex)
    if match is not None:
        return f"<mo>−</mo><mn>{match[2]}</mn>" if match[1] else f"<mn>{match[2]}</mn>"
    written = _convert(latex, "inline")
    return written[written.index(">") + 1 : -len("</math>")] if written.startswith("<math") else written
