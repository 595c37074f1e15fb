"""Known mistakes in poolings, against loops in plain NumPy, in an operation and in a program."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.kinds import EXACT
from compute.grading.computations import Slot
from compute.grading.graphs import GradedQuestion, GraphComputation, Mistake, plan_graded
from compute.graph.spec import Tensor
from compute.question.plan import Question
from tests.compute.asking import exact_entries
from tests.compute.mistakes import compute

RNG = np.random.default_rng(11)
X = RNG.normal(size=(2, 4, 4))
G = RNG.normal(size=(2, 3, 3))
PLACES = ["operation", "program"]


def windows(stride: int = 1) -> list[tuple[Any, Any, Any]]:
    """Return the place of each output, and its rows and columns, for windows of 2 by 2, in order."""
    count = (4 - 2) // stride + 1
    return [
        ((c, i, j), slice(i * stride, i * stride + 2), slice(j * stride, j * stride + 2))
        for c, i, j in np.ndindex(2, count, count)
    ]


def pooled(reduce: Any, stride: int = 1) -> np.ndarray:
    count = (4 - 2) // stride + 1
    output = np.zeros((2, count, count))
    for at, rows, columns in windows(stride):
        output[at] = reduce(X[at[0], rows, columns])
    return output


def routed(pass_on: Any) -> np.ndarray:
    """Return the gradient of X; pass_on(gradient, at, place of the maximum) adds a window's part."""
    gradient = np.zeros(X.shape)
    for at, rows, columns in windows():
        row, column = np.unravel_index(X[at[0], rows, columns].argmax(), (2, 2))
        pass_on(gradient, at, (at[0], rows.start + row, columns.start + column))
    return gradient


def right(gradient: np.ndarray, at: Any, place: Any) -> None:
    gradient[place] += G[at]


def overwrite(gradient: np.ndarray, at: Any, place: Any) -> None:
    gradient[place] = G[at]


def only_first_window(gradient: np.ndarray, at: Any, place: Any) -> None:
    if at[1:] == (0, 0):
        gradient[place] += G[at]


def only_positive(gradient: np.ndarray, at: Any, place: Any) -> None:
    gradient[place] += G[at] * (X[place] > 0)


def only_first_case(gradient: np.ndarray, at: Any, place: Any) -> None:
    if (max(0, place[1] - 1), max(0, place[2] - 1)) == at[1:]:
        gradient[place] += G[at]


def only_last_case(gradient: np.ndarray, at: Any, place: Any) -> None:
    if (min(2, place[1]), min(2, place[2])) == at[1:]:
        gradient[place] += G[at]


def spread(share: float) -> np.ndarray:
    gradient = np.zeros(X.shape)
    for at, rows, columns in windows():
        gradient[at[0], rows, columns] += G[at] * share
    return gradient


def layer(code: str | None, place: str, kind: str = "max", of: tuple[str, ...] = (), stride: int = 1) -> Any:
    """Return the output, or the gradient of x."""
    program = (f"output = 1 * {kind}_pool2d(x, size=2, stride={stride})",) if place == "program" else ()
    settings: dict[str, Any] = {} if program else {"size": 2, "stride": stride}
    found = compute(
        code, f"{kind}_pool2d", {"x": X}, ["output"], gradients=of, upstream={"output": G} if of else {},
        program=program, **settings,
    )  # fmt: skip
    return found.gradients["x"] if of else found.values["output"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("code", "kind", "reduce"),
    [
        ("pool.average_for_max", "max", np.mean),
        ("pool.max_for_average", "average", np.max),
        ("pool.sum_for_average", "average", np.sum),
    ],
)
def test_another_reduction(code: str, kind: str, reduce: Any, place: str) -> None:
    mistaken = layer(code, place, kind)
    assert mistaken == pytest.approx(pooled(reduce))
    assert not np.allclose(mistaken, layer(None, place, kind))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("kind", "reduce"), [("max", np.max), ("average", np.mean)])
def test_a_stride_of_one(kind: str, reduce: Any, place: str) -> None:
    assert layer(None, place, kind, stride=2) == pytest.approx(pooled(reduce, 2))
    assert layer("pool.stride_one", place, kind, stride=2) == pytest.approx(pooled(reduce))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pool.gradient_to_all", spread(1.0)),
        ("pool.gradient_split_evenly", spread(0.25)),
        ("pool.gradient_overwritten", routed(overwrite)),
        ("pool.gradient_first_window_only", routed(only_first_window)),
        ("pool.gradient_with_rectifier_condition", routed(only_positive)),
        ("pool.gradient_one_case_missing", routed(only_first_case)),
        ("pool.gradient_earlier_case_missing", routed(only_last_case)),
    ],
)
def test_a_mistaken_gradient_of_maxima(code: str, expected: np.ndarray, place: str) -> None:
    assert layer(None, place, of=("x",)) == pytest.approx(routed(right))
    assert layer(code, place, of=("x",)) == pytest.approx(expected)
    assert not np.allclose(expected, routed(right))
    assert layer(code, place) == pytest.approx(pooled(np.max))


@pytest.mark.parametrize("place", PLACES)
def test_a_gradient_of_averages_that_is_not_divided(place: str) -> None:
    assert layer(None, place, "average", of=("x",)) == pytest.approx(spread(0.25))
    assert layer("pool.gradient_not_divided", place, "average", of=("x",)) == pytest.approx(spread(1.0))


def test_equal_maxima_get_the_gradient_each() -> None:
    pool: dict[str, Any] = {"operation": "max_pool1d", "inputs": {"x": [2.0, 2.0, 1.0]}, "size": 3}
    upstream = {"output": [1.5]}
    gradients = [
        compute(code, names=["output"], gradients=["x"], upstream=upstream, **pool).gradients["x"].tolist()
        for code in (None, "pool.ties_to_all")
    ]
    assert gradients == [[1.5, 0.0, 0.0], [1.5, 1.5, 0.0]]


def test_overlapping_windows_with_padding_and_dilation() -> None:
    x, g = np.array([1.0, 4.0, 3.0, 2.0]), np.array([1.0, 10.0, 100.0, 1000.0])
    settings: dict[str, Any] = {"size": 2, "stride": 1, "padding": 1, "dilation": 2}
    # Windows (-, 4), (1, 3), (4, 2), (3, -): 4 is the largest of two of them, and so is 3.
    for code, expected in {
        None: [0, 101, 1010, 0],
        "pool.gradient_one_case_missing": [0, 1, 10, 0],
        "pool.gradient_earlier_case_missing": [0, 100, 1000, 0],
        "pool.gradient_overwritten": [0, 100, 1000, 0],
        "pool.gradient_to_all": [10, 101, 1010, 100],
    }.items():
        found = compute(
            code, "max_pool1d", {"x": x}, ["output"], gradients=["x"], upstream={"output": g}, **settings
        )
        assert found.gradients["x"].tolist() == expected


NETWORK = ("z = conv1d(x, k) + b", "u = max_pool1d(z, size=2, stride=1)", "h = relu(u)")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, [0.0, 2.5, 0.0]),
        ("pool.gradient_one_case_missing", [0.0, 2.0, 0.0]),
        ("pool.gradient_earlier_case_missing", [0.0, 0.5, 0.0]),
        ("pool.gradient_overwritten", [0.0, 0.5, 0.0]),
        ("pool.gradient_with_rectifier_condition", [0.0, 0.0, 0.0]),
    ],
)
def test_000_0_2_3_the_network_of_the_exam(code: str | None, expected: list[float]) -> None:
    inputs: dict[str, Any] = {"x": [0.1, 0.9, 0.2, 0.3, 0.5], "k": [1.0, -1.0, 0.5], "b": -0.95}
    found = compute(
        code, "", inputs, ["z", "u"], gradients=["z", "k"], upstream={"u": [2.0, 0.5]}, program=NETWORK
    )
    z = np.convolve(inputs["x"], [0.5, -1.0, 1.0], "valid") - 0.95
    z_gradient = np.array(expected)
    assert z.argmax() == 1 and z.max() < 0
    assert found.values["z"] == pytest.approx(z)
    assert found.gradients["z"] == pytest.approx(z_gradient)
    assert found.gradients["k"] == pytest.approx(np.convolve(inputs["x"], z_gradient[::-1], "valid"))


@pytest.mark.parametrize(
    ("code", "second"),
    [
        ("pool.gradient_one_case_missing", "delta1*indicator(z2 > z1)"),
        ("pool.gradient_earlier_case_missing", "delta2*indicator(z2 >= z3)"),
        (
            "pool.gradient_with_rectifier_condition",
            "(delta1*indicator(z2 > z1) + delta2*indicator(z2 >= z3))*indicator(z2 > 0)",
        ),
    ],
)
def test_000_0_2_3_in_letters(code: str, second: str) -> None:
    question = Question(
        operation="graph", inputs=(("z", Tensor((3,))),), upstream=(("u", Tensor((2,))),),
        program=("u = max_pool1d(z, size=2, stride=1)",), arithmetic=EXACT,
    )  # fmt: skip
    slot = Slot("gradient", "z")
    plan = plan_graded(GradedQuestion(question, (slot,), Mistake((code,))))
    letters = {name: Symbols().fresh(name, (size,)) for name, size in (("z", 3), ("delta", 2))}
    gradient = GraphComputation(plan, {"z": letters["z"]}, {"u": letters["delta"]}).results()[slot]
    assert compare(gradient[1], exact_entries([second])[0]).verdict == "proved"


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("pool.gradient_one_case_missing", {"stride": 2}),
        ("pool.gradient_earlier_case_missing", {"stride": 3}),
        ("pool.stride_one", {"stride": 1}),
    ],
)
def test_a_mistake_that_cannot_be_made(code: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "max_pool2d", {"x": X}, ["output"], size=2, **settings)
