"""Expressions, conditions and growths as mathematics."""

import pytest

from service.pages.blocks import Code, Math
from service.pages.formulas import write_formula, write_growth, write_relation


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("3*d**2*n + 2*d*n**2", "3 d^{2} n + 2 d n^{2}"),
        ("2*sqrt(2)", r"2 \sqrt{2}"),
        ("3*(1/2)", r"3 \cdot \frac{1}{2}"),
        ("x*2", r"x \cdot 2"),
        ("-a*eta + 1", r"-a \eta + 1"),
        ("-x*y/2", r"-\frac{x y}{2}"),
        ("-(a + b)*c", r"-\left(a + b\right) c"),
        ("2*(-3)", r"2 \left(-3\right)"),
        ("width*n", r"\mathrm{width} \, n"),
        ("lambda**2 - 1", r"\lambda^{2} - 1"),
        ("eta != 0", r"\eta \ne 0"),
        ("eta == beta/2", r"\eta = \frac{\beta}{2}"),
        ("abs(x) < 1", r"\left|x\right| < 1"),
        ("x > 1 or x < -1", r"\left(x > 1\right) \lor \left(x < -1\right)"),
        ("0 < eta and eta < 4", r"0 < \eta < 4"),
        ("eta < 4 and eta >= 0", r"0 \le \eta < 4"),
        ("x > 4", "x > 4"),
        (
            "beta > -1 and 4*beta + 4 > eta and 0 < eta and beta < 1",
            r"-1 < \beta < 1 \quad\text{and}\quad 0 < \eta < 4 \beta + 4",
        ),
    ],
)
def test_expressions_and_conditions_are_mathematics(text: str, latex: str) -> None:
    assert write_formula(text) == Math(latex)


@pytest.mark.parametrize("text", ["x[0]", r"\input{a}", "False", "", "a < b < c", "x y", "x" * 5_000])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert write_formula(text) == Code(text)


def test_conditions_that_hold_together_are_one_formula() -> None:
    written = write_relation(["eta > 0", "eta < 20/9", "eta > 0", "4*eta > 0"])
    assert written == Math(r"0 < \eta < \frac{20}{9} \quad\text{and}\quad 0 < 4 \eta")


def test_a_long_sum_is_written() -> None:
    assert write_formula("+".join(["x"] * 1_900)) == Math(" + ".join(["x"] * 1_900))


@pytest.mark.parametrize(
    ("growth", "latex"),
    [
        ("O(1)", "O(1)"),
        ("O(d²n + n²d)", "O(d^{2} n + n^{2} d)"),
        ("O(d_model²·n + n¹²)", r"O(d_{model}^{2} \, n + n^{12})"),
        ("O(d_model)", "O(d_{model})"),
    ],
)
def test_growths_are_mathematics(growth: str, latex: str) -> None:
    assert write_growth(growth) == Math(latex)
