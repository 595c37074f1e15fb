"""Arrays of which only the formula is known, and numbers put into formulas."""

from typing import Any

import numpy as np
import pytest

import compute
from compute.arithmetic.expressions import parse
from compute.latex import SUM, Formula
from compute.readings.formulas import LONGEST
from compute.readings.numbers import COLUMNS, ENTRIES, NoRoom, write_numbers
from compute.readings.written_arrays import FormulaWriter, NotWritten, WrittenArray

WRITER: Any = FormulaWriter()


def written(text: str, *shape: int, binding: int = 4) -> Any:
    return WrittenArray(Formula(text, binding), shape)


def test_products_transpose_factor_by_factor() -> None:
    product = WRITER.matmul(written("A", 2, 3), written("B", 3, 4).swapaxes(-1, -2).T)
    assert product.formula.text == "A B"
    assert product.T.formula.text == r"B^{\top} A^{\top}"
    assert product.T.T.formula.text == "A B"
    assert product.T.shape == (4, 2)


def test_new_shapes_are_mentioned_if_rows_change() -> None:
    a = written("A", 2, 3)
    assert a.reshape(2, 1, 3).formula.text == a.reshape((-1, 3)).formula.text == "A"
    assert a.reshape(6).formula.text == r"\operatorname{reshape}\left(A\right)"
    assert np.expand_dims(written("v", 2), 1).squeeze(1).shape == (2,)


def test_repeated_formulas_are_counted() -> None:
    repeated: Any = np.broadcast_to(written("g"), (2, 3))
    assert WRITER.sum(repeated, -1).formula.text == r"3 \cdot g"
    assert repeated.sum_to(()).formula.text == r"6 \cdot g"
    assert (
        WRITER.matmul(written("A", 4, 2), repeated).formula.text
        == r"A \left(g \odot \mathbf{1}_{2 \times 3}\right)"
    )
    column: Any = np.broadcast_to(np.expand_dims(written("v", 2), 1), (2, 3))
    assert column.sum_to((1,)).formula.text == r"3 \cdot \left(\sum_{\text{columns}} v\right)"
    assert repeated.T.formula.text == "g"


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((3,), r"\sum_{\text{columns}} A"),
        ((2, 1), r"\sum_{\text{rows}} A"),
        ((), r"\sum A"),
        ((1, 1), r"\sum A"),
        ((2, 3), "A"),
    ],
)
def test_sums_over_the_axes_of_a_repeated_operand(shape: tuple[int, ...], text: str) -> None:
    total = written("A", 2, 3).sum_to(shape)
    assert (total.formula.text, total.shape) == (text, shape)


def test_neutral_numbers_disappear() -> None:
    a = written("A", 2, 3)
    assert WRITER.multiply(WRITER.whole(np.array(1)), a).formula.text == "A"
    zero = WRITER.multiply(a, WRITER.zeros((3,)))
    assert (zero.formula.text, zero.shape) == ("0", (2, 3))
    assert WRITER.sum(zero, -1).formula.text == "0"


def test_small_constants_are_powers_of_ten() -> None:
    assert WRITER.multiply(WRITER.whole(1e-5), written("A", 2)).formula.text == r"1 \cdot 10^{-5} \cdot A"


@pytest.mark.parametrize(
    ("exponent", "text"),
    [("p - 1", "A^{p - 1}"), ("1", "A"), ("2.0", "A^{2}"), ("3/2", r"A^{\frac{3}{2}}")],
)
def test_exponents(exponent: str, text: str) -> None:
    assert WRITER.power(written("A", 2), parse(exponent, len(exponent))).formula.text == text


def test_single_entries_are_refused() -> None:
    a = written("A", 2, 3)
    with pytest.raises(NotWritten):
        a[0]
    with pytest.raises(NotWritten):
        np.asarray(a)
    with pytest.raises(NotWritten):
        a + a
    with pytest.raises(NotWritten):
        np.concatenate([a, a])
    with pytest.raises(NotWritten):
        WRITER.take(a, a)
    with pytest.raises(NotWritten):
        written("A", 2, 3, 4).swapaxes(0, 1)
    with pytest.raises(NotWritten):
        WRITER.multiply(a, np.ones(3))


def test_long_formulas_are_refused() -> None:
    assert written("A" * LONGEST).formula.text
    with pytest.raises(NotWritten):
        written("A" * (LONGEST + 1))


def test_numbers_have_four_digits() -> None:
    assert write_numbers(np.array(-1.23456)) == Formula("-1.235", SUM, scalar=True)
    assert write_numbers(np.array([1e-5, np.nan, -np.inf, True])).text == (
        r"\begin{pmatrix} 1 \cdot 10^{-5} & \mathrm{NaN} & -\infty & 1 \end{pmatrix}"
    )
    assert write_numbers(np.array([1.0, 2.0]), is_column=True).text == r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"
    assert write_numbers(np.array(-0.0)).text == "0"


def test_only_small_matrices_are_written() -> None:
    assert write_numbers(np.ones((4, 4))).text
    assert write_numbers(np.ones(COLUMNS)).text
    for shape in ((COLUMNS + 1,), (3, COLUMNS), (1, 1, 1), (0,), (ENTRIES + 1, 1)):
        with pytest.raises(NoRoom):
            write_numbers(np.ones(shape))


@pytest.mark.parametrize("function", ["square", "tanh", "sigmoid", "gelu"])
def test_nested_functions_have_formulas_of_bounded_length(function: str) -> None:
    depth = 40 if function == "square" else 20
    line = f"y = {f'{function}(' * depth}x{')' * depth}"
    upstream = {"y": [1, 1]}
    document = compute.answer(
        "graph", program=[line], inputs={"x": [1, 0.5]}, upstream=upstream, workings=True
    ).document
    check_lengths(document["workings"])
    assert document["workings"]["gradients"]["x"]["formula"].startswith(r"\frac{\partial L}{\partial x} = ")


def test_gradients_with_many_consumers_have_formulas_of_bounded_length() -> None:
    lines = ["u = x * 2", *(f"y{at} = u * u * u * tanh(u) * sin(u) * exp(u)" for at in range(9))]
    lines.append(f"L = sum({' + '.join(f'y{at}' for at in range(9))})")
    document = compute.answer(
        "graph", program=lines, inputs={"x": [1, 2]}, upstream={"L": 1}, workings=True
    ).document
    check_lengths(document["workings"])
    assert document["workings"]["gradients"]["u"]["formula"] == r"\frac{\partial L}{\partial u} = \dots"
    assert len(document["workings"]["gradients"]["u"]["terms"]) == 9


def check_lengths(workings: dict[str, Any]) -> None:
    for text in workings["values"].values():
        assert len(text) <= LONGEST
    for gradient in workings["gradients"].values():
        left = gradient["formula"].index(" = ") + 3
        for text in (gradient["formula"][left:], gradient.get("numbers") or "", *gradient["terms"].values()):
            assert len(text) <= LONGEST
