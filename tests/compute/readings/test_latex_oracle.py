"""The evaluator of LaTeX itself: it must read textbooks as people do."""

import numpy as np
import pytest

from tests.compute.readings.latex_oracle import Matrix, NotKnown, evaluate

A = r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"
B = r"\begin{pmatrix} 0 & 1 \\ -1 & 2 \cdot 10^{-1} \end{pmatrix}"
a, b = np.array([[1.0, 2], [3, 4]]), np.array([[0, 1], [-1, 0.2]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A} {B}", a @ b),
        (rf"{A}^{{\top}} {B} \odot {A}", a.T @ b * a),
        (rf"-{A} \odot {B} + {A}^{{2}}", -a * b + a**2),
        (rf"{A} - \frac{{{B}}}{{2}} - 1", a - b / 2 - 1),
        (rf"\sum_{{\text{{rows}}}} {A} \odot {B} - 1", (a * b).sum(axis=1, keepdims=True) - 1),
        (rf"\sum_{{\text{{columns}}}} {A}", a.sum(axis=0, keepdims=True)),
        (rf"\sum {A}", np.array([[10.0]])),
        (rf"\operatorname{{mean}}_{{\text{{rows}}}}\left({A}\right)", np.array([[1.5], [3.5]])),
        (rf"{A} \odot \mathbb{{1}}\left\{{{A} > 2\right\}}", np.array([[0.0, 0], [3, 4]])),
        (
            rf"\begin{{cases}} {A} & \text{{if }} {B} \ge 0 \\ 0 & \text{{otherwise}} \end{{cases}}",
            a * (b >= 0),
        ),
        (rf"\log {A} \odot {B}", np.log(a) * b),
        (rf"\sqrt{{{A}}} + e^{{-{A}}}", np.sqrt(a) + np.exp(-a)),
        (r"\left|-3\right| / 2", np.array([[1.5]])),
        (rf"3 \cdot \mathbf{{1}}_{{2 \times 2}} {A}", 3 * np.ones((2, 2)) @ a),
        (rf"\max\left(0, {B}\right)", np.maximum(0, b)),
    ],
)  # fmt: skip
def test_formulas_mean_what_people_read(text: str, expected: Matrix) -> None:
    found = evaluate(text)
    assert found.shape == expected.shape
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", [rf"{A} \star {B}", rf"{A} - -1", "x", rf"{A}_{{1}}", r"\left(1", rf"{A}\left[0\right]"]
)
def test_other_formulas_are_not_known(text: str) -> None:
    with pytest.raises(NotKnown):
        evaluate(text)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="matmul"):
        evaluate(rf"{A} \begin{{pmatrix}} 1 & 2 \end{{pmatrix}}")
