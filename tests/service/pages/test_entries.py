"""Numbers and tensors of documents."""

import pytest

from service.pages.blocks import Beside, Math, Table
from service.pages.entries import join_entries, show_tensor, write_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e-6, "10⁻⁶"), (-1e-6, "−10⁻⁶"), (8.804e-12, "8.804·10⁻¹²"), (-2.5e20, "−2.5·10²⁰"),
        (1e100, "10¹⁰⁰"), (11e-6, "1.1·10⁻⁵"), (0.25, "0.25"), (-3.0, "−3"), (float("inf"), "∞"),
        (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_powers_of_ten_are_raised(number: float, text: str) -> None:
    assert write_number(number) == text


@pytest.mark.parametrize(
    ("number", "latex"), [("10⁻⁶", "10^{-6}"), ("−2.5·10²⁰", r"-2.5 \cdot 10^{20}"), ("−10⁵", "-10^{5}")]
)
def test_numbers_within_formulas_are_latex(number: str, latex: str) -> None:
    assert join_entries([Math("x"), number]) == Math(rf"\left(x, {latex}\right)")


def test_matrices_of_a_tensor_stand_side_by_side() -> None:
    [beside] = show_tensor(["x"], [[[1.0, 2.0]], [[3.0, 4.0]]], ["batch", "axis_1", "axis_2"])
    assert isinstance(beside, Beside)
    first, second = beside.blocks
    assert isinstance(first, Table) and isinstance(second, Table)
    assert (first.caption, second.caption) == (["x", ", batch 0"], ["x", ", batch 1"])
    assert first.columns == ["0", "1"]  # names such as `axis_2` tell nothing
