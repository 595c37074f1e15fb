"""Formulas as MathML: parentheses as high as what they enclose."""

import pytest

from service.pages.mathml import write_mathml

LOW, HIGH = '<mo stretchy="false">(</mo>', "<mo>(</mo>"


@pytest.mark.parametrize("inside", ["3", "-2.5", "x + 1", r"\eta"])
def test_parentheses_in_a_line_do_not_stretch(inside: str) -> None:
    written = write_mathml(rf"\log\left({inside}\right)")
    assert LOW in written
    assert HIGH not in written


@pytest.mark.parametrize(
    "inside", [r"\frac{1}{2}", r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}", "x^{2}", r"\sqrt{2}"]
)
def test_parentheses_around_high_parts_stretch(inside: str) -> None:
    written = write_mathml(rf"\log\left({inside}\right)")
    assert HIGH in written
    assert LOW not in written


def test_only_the_outer_ones_of_nested_parentheses_stretch() -> None:
    written = write_mathml(r"\left(\frac{\left(x + 1\right)}{2}\right)")
    assert written.count(LOW) == written.count(HIGH) == 1


def test_an_unreadable_formula_is_code() -> None:
    assert write_mathml("a^b^<") == "<code>a^b^&lt;</code>"
