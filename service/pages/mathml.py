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
SINGLE = re.compile(r"<mrow>(<(m[in]|mtext)>[^<]*</\2>)</mrow>")  # which needs no row around it
ROW = re.compile(r"(<math[^>]*>)<mrow>(.*)</mrow>(?=</math>$)", re.DOTALL)  # the one around the whole formula
WORD = re.compile("<mo>([A-Za-z]{2,})</mo>")  # which browsers part from its argument
FUNCTION = re.compile(
    "(?<=[>])(?<!<msub>|<msup>)<mi>(cos|sin|tan|tanh|log|exp|ln)</mi>(?=<(?!/|(?:mrow><)*mo))"
)
THIN = '<mspace width="0.17em"></mspace>'  # after a function without parentheses
FENCE = re.compile(' stretchy="true" fence="true" form="(?:prefix|postfix)"')  # as browsers assume
SMALL = re.compile(
    r'<mrow><mo stretchy="true" fence="true" form="prefix">([^<]*</mo>)'
    r'((?:(?!<mo stretchy="true"|<mfrac|<mtable|<munder|<mover|<msqrt|<mroot)[^∑∏\ue000-\uf8ff])*?)'
    r'<mo stretchy="true" fence="true" form="postfix">([^<]*</mo>)(?=</mrow>)'
)  # parentheses around nothing that is tall, such as a fraction or a letter that stands for a matrix
ENTITY = re.compile(r"&#x([0-9A-Fa-f]+);")
CASES = re.compile(r"(<mo[^>]*>\{</mo>\s*(?:<mrow>)?)<mtable>")
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
        written = ROW.sub(r"\1\2", SINGLE.sub(r"\1", written))
        written = FUNCTION.sub(r"\g<0>" + THIN, WORD.sub(r"<mi>\1</mi>", written))
        written = written.replace(r"\_", "_")  # in the text of subscripts, which is copied
        written = ENTITY.sub(lambda match: escape(chr(int(match[1], 16))), written)
        written = FENCE.sub("", _keep_small(written))
        return CASES.sub(r'\1<mtable class="cases">', written)  # without the parentheses of matrices
    except UNREADABLE:
        return f"<code>{escape(latex)}</code>"


def _keep_small(written: str) -> str:
    """Return a formula whose parentheses stretch around tall parts alone.

    Browsers give parentheses that may stretch the room of the largest ones, also around a single letter.
    """
    found = 1
    while found:  # from the inside to the outside
        written, found = SMALL.subn(r'<mrow><mo stretchy="false">\1\2<mo stretchy="false">\3', written)
    return written


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
