"""Text in TeX, for fonts that have few letters; tests/tex compiles it."""

from service.pages.blocks import Code, Page, Paragraph
from service.pages.tex import write_tex


def test_letters_are_written_with_what_the_fonts_have() -> None:
    text = write_tex(Page("n⁻⁴ + é²·Λ ₁", [Paragraph(["漢\0\n x"])]))
    assert r"{\LARGE n\textsuperscript{$-$}\textsuperscript{4} + é\textsuperscript{2}$\cdot$$\Lambda$" in text
    assert "\n??  x\n" in text


def test_code_may_be_broken() -> None:
    parts = write_tex(Page("", [Paragraph([Code("a_b " + "c" * 100)])])).split(r"\texttt{")[1]
    pieces = parts.partition("}\n")[0].split(r"\allowbreak{}")
    assert "".join(pieces) == r"a\_b " + "c" * 100
    assert max(map(len, pieces)) < 30
