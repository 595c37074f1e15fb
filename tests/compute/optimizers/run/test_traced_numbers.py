"""Numbers that record their formulas."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.latex import ATOM, PRODUCT, SUM
from compute.optimizers.run.traced_numbers import (
    TracedNumber,
    TracingNamespace,
    float_formula,
    setting_formula,
    trace_number,
)
from tests.compute.optimizers.run.latex import evaluate

TRACING = TracingNamespace(FLOAT64, float_formula)


def w(number: float) -> TracedNumber:
    return trace_number(number, float_formula)


@pytest.mark.parametrize(
    ("number", "text", "binding"),
    [
        (0.5, "0.5", ATOM),
        (3, "3", ATOM),
        (-2.0, "-2", SUM),
        (1234567.0, r"1.23457 \cdot 10^{6}", PRODUCT),
        (-1.5e-9, r"-1.5 \cdot 10^{-9}", SUM),
        (math.inf, r"\infty", ATOM),
        (-math.inf, r"-\infty", SUM),
        (math.nan, r"\mathrm{NaN}", ATOM),
        (np.float32(0.1), "0.1", ATOM),
        (True, "true", ATOM),
    ],
)
def test_float_formulas(number: Any, text: str, binding: int) -> None:
    assert float_formula(number)[:2] == (text, binding)


def test_a_power_of_ten_has_no_factor_of_one() -> None:
    assert float_formula(1e-8).text == "10^{-8}"


def test_vectors_and_matrices_row_by_row() -> None:
    assert float_formula(np.array([1.0, -2.0])).text == r"\begin{pmatrix} 1 \\ -2 \end{pmatrix}"
    assert float_formula(np.eye(2)).text == r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}"


A, B, MINUS, ZERO, ONE = w(2.5), w(3.0), w(-4.0), w(0.0), w(1.0)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (A + B, "2.5 + 3"),
        (A - B, "2.5 - 3"),
        (A + MINUS, "2.5 - 4"),
        (A - MINUS, r"2.5 - \left(-4\right)"),
        (MINUS + A, "-4 + 2.5"),
        (A * MINUS, r"2.5 \cdot \left(-4\right)"),
        (MINUS * A, r"-4 \cdot 2.5"),
        (A * (A + B), r"2.5 \cdot \left(2.5 + 3\right)"),
        (A - (A - B), r"2.5 - \left(2.5 - 3\right)"),
        (A / B, r"\frac{2.5}{3}"),
        (MINUS / B, r"-\frac{4}{3}"),
        (A**2, "2.5^{2}"),
        (MINUS**2, r"\left(-4\right)^{2}"),
        ((A / B) ** 2, r"\left(\frac{2.5}{3}\right)^{2}"),
        (-A, "-2.5"),
        (A.__neg__().__neg__(), "2.5"),
        (-MINUS, "4"),
        (-(A + B), r"-\left(2.5 + 3\right)"),
        (ZERO + A, "2.5"),
        (A + ZERO, "2.5"),
        (A - ZERO, "2.5"),
        (ZERO - A, "-2.5"),
        (A * ZERO, "0"),
        (A * ONE, "2.5"),
        (A / ONE, "2.5"),
        (A**ONE, "2.5"),
        (1 - A, "1 - 2.5"),
        (2 * A, r"2 \cdot 2.5"),
        (2 / A, r"\frac{2}{2.5}"),
        (TRACING.sqrt(A + B), r"\sqrt{2.5 + 3}"),
        (TRACING.absolute(MINUS), r"\left|-4\right|"),
        (TRACING.maximum(A, MINUS), r"\max\left(2.5, -4\right)"),
        (TRACING.sign(MINUS), r"\operatorname{sign}\left(-4\right)"),
    ],
)
def test_parentheses(found: TracedNumber, text: str) -> None:
    assert found.text == text


OPERANDS = [2.5, -4.0, 0.0, 1.0, -1.0, 1.5e-9, -2.5e12, -0.0]


@pytest.mark.parametrize("a", OPERANDS)
@pytest.mark.parametrize("b", OPERANDS)
def test_formulas_have_the_value_of_their_numbers(a: float, b: float) -> None:
    for found, worth in (
        (w(a) + w(b), a + b),
        (w(a) - w(b), a - b),
        (w(a) * w(b), a * b),
        (-(w(a) * w(b)), -a * b),
        (w(a) - w(b) * w(a), a - b * a),
        (w(a) * (w(b) + w(2)), a * (b + 2)),
        ((w(a) - w(b)) ** 2, (a - b) ** 2),
        (w(a) / (w(b) * w(b) + 2), a / (b * b + 2)),
    ):
        scale = max(abs(a), abs(b), abs(a * b), 1e-20)
        assert float(found.value) == pytest.approx(worth, rel=1e-15, abs=0), found.text
        assert evaluate(found.text) == pytest.approx(worth, rel=1e-5, abs=1e-5 * scale), found.text


@pytest.mark.parametrize("near", [0.9999999999, 1.0000000001, 0.99999996])
def test_numbers_next_to_one_are_written(near: float) -> None:
    """Six digits would round them to 1; settings keep all their digits."""
    one = trace_number(near, setting_formula)
    for found, worth in (
        (one * w(2.5), near * 2.5),
        (w(2.5) / one, 2.5 / near),
        (1 - one, 1 - near),
        (w(2.5) ** one, 2.5**near),
    ):
        assert float(found.value) == pytest.approx(worth, rel=1e-15, abs=0), found.text
        assert evaluate(found.text) == pytest.approx(worth, rel=1e-5), found.text


def test_a_sum_of_long_terms_in_a_system_of_equations_has_parentheses() -> None:
    matrix = w(np.eye(2)) + w(2.0) * w(np.eye(2))  # type: ignore[arg-type]
    found = TRACING.solve(matrix, w(np.array([3.0, 6.0])))  # type: ignore[arg-type]
    assert found.text.startswith(r"\left(")
    assert found.value.tolist() == [1, 2]


def test_decided_conditions_leave_one_case() -> None:
    assert TRACING.where(TRACING.greater(A, MINUS), A, B) is A
    assert TRACING.where(TRACING.greater(MINUS, A), A, B) is B
