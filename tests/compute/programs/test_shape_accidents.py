"""Notes on shapes that fit by accident, and none on usual ones; the numbers are NumPy's."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer

RNG = np.random.default_rng(153)
INPUTS: dict[str, Any] = {
    "x": RNG.normal(size=(3, 4)), "y": RNG.normal(size=3), "c": RNG.normal(size=(3, 1)),
    "w": RNG.normal(size=(4, 1)), "m": RNG.normal(size=(3, 3)), "im": RNG.normal(size=(5, 6)),
    "k": RNG.normal(size=(2, 2)),
}  # fmt: skip


def notes(*program: str) -> list[tuple[str, str]]:
    used = {name: array for name, array in INPUTS.items() if any(name in line for line in program)}
    lines = [*program, *(f"unused_{name} = {name}" for name in used)]
    return [(note.code, note.at) for note in answer("graph", used, program=tuple(lines)).notes]


@pytest.mark.parametrize(
    ("program", "code", "at"),
    [
        (("p = x @ w", "e = p - y"), "broadcast_to_matrix", "e"),
        (("L = mean((y - c)**2)",), "broadcast_to_matrix", "L"),
        (("d = mean(x, axis=1, keepdims=True) * y",), "broadcast_to_matrix", "d"),
        (("s = softmax(c, axis=1)",), "softmax_of_one", "s"),
        (("L = -sum(log(softmax(x @ w)))",), "softmax_of_one", "L"),
        (("s = log_softmax(c, -1)",), "softmax_of_one", "s"),
        (("s = exp(x) / sum(exp(x))",), "sum_over_rows", "s"),
        (("e = exp(x)", "s = e / sum(e)"), "sum_over_rows", "s"),
        (("l = -sum(x**2)", "L = mean(l)"), "sum_over_rows", "L"),
        (("l = sum(x**2) / 2", "L = sum(l)"), "sum_over_rows", "L"),
        (("z = conv2d(im, k, stride=(2, 1))",), "rows_left_out", "z"),
        (("z = 2 * max_pool2d(im, size=(3, 3), stride=2)",), "rows_left_out", "z"),
        (("z = conv1d(y, [1, 1], stride=2)",), "rows_left_out", "z"),
        (("z = average_pool2d(im, size=2)",), "rows_left_out", "z"),
    ],
)
def test_accidents_are_noted_at_their_line(program: tuple[str, ...], code: str, at: str) -> None:
    assert notes(*program) == [(code, at)]


@pytest.mark.parametrize(
    "program",
    [
        ("d = y[:, None] - y",),  # all pairs, on purpose
        ("d = c - reshape(y, (1, 3))",),
        ("d = c * m - y",),
        ("d = c + m",),
        ("d = m - mean(m, axis=1, keepdims=True)",),
        ("e = c[:, 0] - y",),
        ("s = softmax(x, axis=1)",),
        ("s = softmax(c, axis=0)",),
        ("s = softmax(y[:1])",),
        ("h = attention(x, x[:1], x[:1])",),
        ("e = exp(x)", "s = e / sum(e, axis=1, keepdims=True)"),
        ("e = exp(y)", "s = e / sum(e)"),
        ("s = x / sum(x)",),
        ("L = -sum(x**2) / 3",),
        ("L = mean(sum(x**2, axis=1))",),
        ("l = sum(y**2)", "L = sqrt(l)"),
        ("z = conv2d(im, k)",),
        ("z = conv2d(im, k, stride=(3, 2))",),  # longer than the window
        ("z = conv2d(im, k, stride=(2, 2), padding=((0, 1), (0, 0)))",),
        ("z = max_pool2d(im, size=2, ceil_mode=True)",),
        ("z = conv2d(im, k, stride=2, padding='same')",),
        ("z = conv2d(im[0:4], k, stride=2)",),
    ],
)
def test_usual_shapes_get_no_note(program: tuple[str, ...]) -> None:
    assert notes(*program) == []


def test_the_message_has_the_shapes_and_the_remedy() -> None:
    [note] = answer("graph", {"c": INPUTS["c"], "y": INPUTS["y"]}, program=("e = c - y",)).notes
    assert note.message == (
        "c, a column (3, 1), and y, of shape (3), give a matrix (3, 3), every entry of one with every entry"
        " of the other; to combine them entry by entry, give both one shape, as column[:, 0] does"
    )
    inputs = {"x": np.ones((1, 1, 8, 8)), "kernel": np.ones((1, 1, 3, 3))}
    rows, columns = answer("conv2d", inputs, {"stride": (2, 3)}).notes
    assert (rows.code, rows.at, columns.at) == ("rows_left_out", "output", "output")
    assert rows.message.startswith(
        "a window of 3 with a stride of 2 does not fit 8 rows evenly: the last row is"
    )
    assert "the last 2 columns are in no window" in columns.message


def test_a_stride_longer_than_the_window_leaves_entries_out_on_purpose() -> None:
    inputs = {"x": np.ones((1, 1, 8, 8)), "kernel": np.ones((1, 1, 1, 1))}
    assert answer("conv2d", inputs, {"stride": (2, 2)}).notes == []


def test_what_is_left_out_does_not_change_the_result() -> None:
    """The note is right: the last rows may have any numbers."""
    changed = INPUTS["im"].copy()
    changed[-1] = 100
    for program in (
        ("z = conv2d(im, k, stride=(2, 1))",),
        ("z = average_pool2d(im, size=(2, 2)) + 0 * sum(k)",),
    ):
        one, other = (
            answer("graph", {"im": image, "k": INPUTS["k"]}, program=program).values["z"]
            for image in (INPUTS["im"], changed)
        )
        np.testing.assert_array_equal(one, other)
