"""Formulas as MathML: short, and with the room of print."""

import pytest

from service.pages.mathml import write_mathml
from tests.service.pages.documents import Outline

SMALL, TALL = '<mo stretchy="false">(</mo>', "<mo>(</mo>"


@pytest.mark.parametrize(
    ("latex", "small", "tall"),
    [
        (r"\left(x\right)", 1, 0),
        (r"\left(x_1 - \left(a + 1\right)\right)^{2}", 2, 0),
        (r"\left(\frac{1}{2}\right) \left(x\right)", 1, 1),
        (r"\left(\left(x\right) \frac{1}{2}\right)", 1, 1),
        (r"\operatorname{softmax}\left(\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}\right)", 0, 1),
        (r"\left(\sum x\right)", 0, 1),
        (r"\left(\sqrt{2}\right)", 0, 1),
        (r"\left(\frac{\left(x + 1\right)}{2}\right)", 1, 1),
    ],
)
def test_parentheses_stretch_around_tall_parts_alone(latex: str, small: int, tall: int) -> None:
    written = write_mathml(latex)
    assert (written.count(SMALL), written.count(TALL)) == (small, tall)
    assert Outline(written).tags["math"] == 1


def test_words_are_identifiers_and_functions_are_apart_from_their_argument() -> None:
    assert write_mathml(r"\operatorname{softmax}\left(z\right)").startswith("<math><mi>softmax</mi><mrow>")
    assert "<mi>tanh</mi><mspace" in write_mathml(r"\tanh z")
    assert "mspace" not in write_mathml(r"\log\left(3\right)")
    assert "mspace" not in write_mathml(r"\log_2\left(3\right)")


def test_underscores_are_shown_as_they_are() -> None:
    assert "query_rotation" in write_mathml(r"c_{\text{query\_rotation}}")


@pytest.mark.parametrize("latex", [r"\frac{a}{b_{i}}", r"x + \begin{cases}1 & x\\2 & y\end{cases}", "x"])
def test_rows_around_one_thing_are_left_out(latex: str) -> None:
    written = write_mathml(latex)
    assert not written.endswith("</mrow></math>") or "cases" in latex  # whose brace is in a row of its own
    assert "<mrow><mi>" not in written
    assert Outline(written).tags["math"] == 1


def test_an_unreadable_formula_is_code() -> None:
    assert write_mathml("a^b^<") == "<code>a^b^&lt;</code>"
