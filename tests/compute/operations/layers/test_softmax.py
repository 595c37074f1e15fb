"""Softmaxes along any axis, their logarithms and Jacobians, hardmax, gated units, and promises."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from compute.readings.closed_forms import write_text
from tests.compute.asking import answer, plan

OPERATIONS = ("softmax", "softmin", "log_softmax", "hardmax")
SHAPES = [((4,), -1), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), -2), ((2, 3, 4), 0), ((5, 1), -1)]


def naive(operation: str, row: list[float]) -> list[float]:
    """Row by row, as ONNX and PyTorch define them."""
    if operation == "hardmax":
        return [float(at == row.index(max(row))) for at in range(len(row))]
    signed = [-one for one in row] if operation == "softmin" else row
    parts = [math.exp(one) for one in signed]
    shares = [one / math.fsum(parts) for one in parts]
    return [math.log(one) for one in shares] if operation == "log_softmax" else shares


def weights(operation: str, x: Any, axis: int) -> Any:
    return np.apply_along_axis(lambda row: np.array(naive(operation, row.tolist())), axis, x)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_definitions_and_jacobians(operation: str, shape: tuple[int, ...], axis: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 3
    found = answer(operation, {"x": x}, {"axis": axis}, jacobian=[("output", "x")])
    np.testing.assert_allclose(found.values["output"], weights(operation, x, axis), rtol=1e-12, atol=1e-14)
    step = 1e-6
    for at in np.ndindex(shape):
        ahead, behind = x.copy(), x.copy()
        ahead[at] += step
        behind[at] -= step
        slope = (weights(operation, ahead, axis) - weights(operation, behind, axis)) / (2 * step)
        np.testing.assert_allclose(found.parts["jacobians"][0].value[(..., *at)], slope, rtol=1e-6, atol=1e-8)
    if operation == "hardmax":
        assert not found.parts["jacobians"][0].value.any()


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("scale", [None, 2, "-1/3"])
def test_the_row_jacobian_is_that_of_each_row(shape: tuple[int, ...], axis: int, scale: Any) -> None:
    x = np.random.default_rng(5).standard_normal(shape)
    settings = {"axis": axis} | ({} if scale is None else {"scale": scale})
    of = "x" if scale is None else "scaled"
    found = answer(
        "softmax", {"x": x}, settings, select=["output", "row_jacobian"], jacobian=[("output", of)]
    )
    rows, whole = np.moveaxis(found.values["output"], axis, -1), found.parts["jacobians"][0].value
    assert ("scaled" in plan("softmax", {"x": x}, settings).graph.names) == (scale is not None)
    per_row = found.values["row_jacobian"]
    assert per_row.shape == (*rows.shape, rows.shape[-1])
    for at in np.ndindex(rows.shape[:-1]):
        p = rows[at]
        np.testing.assert_allclose(per_row[at], np.diag(p) - np.outer(p, p), rtol=1e-13, atol=1e-16)
        place: list[Any] = list(at)
        place.insert(axis % len(shape), slice(None))
        np.testing.assert_allclose(whole[(*place, *place)], per_row[at], rtol=1e-12, atol=1e-15)


def test_softmin_has_a_row_jacobian_of_what_it_negates() -> None:
    x = np.array([1.0, 2, 4])
    found = answer("softmin", {"x": x}, select=["row_jacobian", "negated"], jacobian=[("output", "negated")])
    np.testing.assert_allclose(found.values["row_jacobian"], found.parts["jacobians"][0].value, rtol=1e-13)
    np.testing.assert_array_equal(found.values["negated"], -x)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("x", "axis"), [([1.0, 2], 1), ([1.0, 2], -2), ([[1.0]], 2), (3.0, -1), (3.0, 0)])
def test_an_axis_that_does_not_exist_is_refused(operation: str, x: Any, axis: int) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan(operation, {"x": x}, {"axis": axis})
    assert [one.path for one in caught.value.errors] == [("axis",)]


def test_a_scale_without_use_is_refused() -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("softmax", {"x": [1.0, 2]}, {"scale": "1/0"})
    assert [one.path for one in caught.value.errors] == [("scale",)]


EMPTY = np.array([[-np.inf, -np.inf, -np.inf], [-np.inf, 0.0, 1.0]])


def test_rows_of_nothing_but_minus_infinity() -> None:
    g = np.array([[1.0, 2, 3], [1, 2, 3]])
    soft = answer("softmax", {"x": EMPTY}, upstream={"output": g})
    logs = answer("log_softmax", {"x": EMPTY}, upstream={"output": g})
    p = np.array([0, 1, math.e]) / (1 + math.e)
    np.testing.assert_allclose(soft.values["output"], np.array([[0, 0, 0], p]), rtol=1e-15)
    np.testing.assert_allclose(
        logs.values["output"][1], [-np.inf, math.log(p[1]), math.log(p[2])], rtol=1e-15
    )
    np.testing.assert_array_equal(logs.values["output"][0], [-np.inf] * 3)
    np.testing.assert_array_equal(logs.gradients["x"][0], [0, 0, 0])
    np.testing.assert_allclose(logs.gradients["x"][1], g[1] - p * 6, rtol=1e-14)
    np.testing.assert_array_equal(soft.gradients["x"][0], [0, 0, 0])
    exact = answer("log_softmax", {"x": [["-Infinity"] * 2, [0, "-Infinity"]]}, arithmetic="float64")
    np.testing.assert_array_equal(exact.values["output"], [[-np.inf, -np.inf], [0, -np.inf]])
    infinite = [[-sympy.oo] * 2, [0, -sympy.oo]]
    found = answer("log_softmax", {"x": infinite}, upstream={"output": [[1, 1], [1, 1]]}, arithmetic="exact")
    assert [[write_text(one) for one in row] for row in found.values["output"]] == [
        ["-Infinity"] * 2,
        ["0", "-Infinity"],
    ]
    assert [[write_text(one) for one in row] for row in found.gradients["x"]] == [["0", "0"], ["-1", "1"]]


@pytest.mark.parametrize(
    "x", [np.array([8e307, -8e307, 0]), np.array([-1e6, -1e6 - 1, -2e6]), np.full(3, 1e4)]
)
def test_large_scores(x: Any) -> None:
    logs = answer("log_softmax", {"x": x}).values["output"]
    shifted = x - x.max()
    np.testing.assert_allclose(logs, shifted - math.log(np.exp(shifted).sum()), rtol=1e-15)
    single = answer("log_softmax", {"x": x.clip(-1e30, 1e30)}, arithmetic="float32").values["output"]
    assert single.dtype == np.float32


def test_the_logarithm_keeps_the_digits_that_the_softmax_has_not() -> None:
    logs = answer("log_softmax", {"x": [0.0, -50.0, -800.0]}).values["output"]
    assert logs[0] == pytest.approx(-math.exp(-50), rel=1e-14)
    np.testing.assert_array_equal(logs[1:], [-50, -800])


def test_the_first_of_equals_is_the_largest() -> None:
    x = np.array([[3.0, 1, 3], [0, 0, 0], [-np.inf, -np.inf, -np.inf]])
    found = answer("hardmax", {"x": x}, upstream={"output": np.ones((3, 3))})
    np.testing.assert_array_equal(found.values["output"], [[1, 0, 0]] * 3)
    np.testing.assert_array_equal(found.gradients["x"], np.zeros((3, 3)))
    down = answer("hardmax", {"x": x}, {"axis": 0}).values["output"]
    np.testing.assert_array_equal(down, [[1, 1, 1], [0, 0, 0], [0, 0, 0]])
    assert plan("hardmax", {"x": x}).conventions["ties"] == "first"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_promises_hold(operation: str, axis: int) -> None:
    x = np.random.default_rng(2).standard_normal((4, 3, 5)) * 4
    found = answer(operation, {"x": x}, {"axis": axis}, verify=True).parts["evidence"]
    assert found is not None
    [promised] = found.invariants
    assert "1" in promised.statement and promised.equality.holds
    difference = promised.equality.largest_difference
    assert difference is not None and difference < 1e-13


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
def test_promises_hold_where_there_is_nothing_to_attend_to(operation: str) -> None:
    found = answer(operation, {"x": EMPTY}, verify=True).parts["evidence"]
    assert found is not None
    assert [one.equality.holds for one in found.invariants] == [True]


def test_letters() -> None:
    found = answer("softmax", {"x": ["a", "b"]}, {"scale": "t"}, arithmetic="exact")
    assert write_text(found.values["output"][0]) == "1/(exp(-a*t + b*t) + 1)"
    logs = answer("log_softmax", {"x": ["a", "b"]}, upstream={"output": [1, 0]}, arithmetic="exact")
    assert write_text(logs.values["output"][0]) == "a - log(exp(a) + exp(b))"
    assert write_text(logs.gradients["x"][1]) == "-exp(b)/(exp(a) + exp(b))"
    hard = answer("hardmax", {"x": ["a", "b"]}, arithmetic="exact")
    assert write_text(hard.values["output"][0]) == "indicator(a >= b)"


def test_programs_call_them_with_their_scale() -> None:
    x = np.array([[1.0, 2], [3, 5]])
    found = answer(
        "graph", {"x": x},
        program=("a = softmax(x, axis=0, scale=2)", "b = log_softmax(x) + hardmax(x)", "c = glu(x)"),
    ).values  # fmt: skip
    np.testing.assert_array_equal(found["a.scaled"], 2 * x)
    np.testing.assert_allclose(found["a"], weights("softmax", 2 * x, 0), rtol=1e-14)
    np.testing.assert_allclose(found["b"], weights("log_softmax", x, 1) + np.array([0, 1]), rtol=1e-14)
    np.testing.assert_allclose(found["c"], x[:, :1] / (1 + np.exp(-x[:, 1:])), rtol=1e-14)


def test_columns_that_have_no_halves_are_refused() -> None:
    for x in ([1.0, 2, 3], [[1.0], [2.0]], 1.0):
        with pytest.raises(QuestionErrors) as caught:
            plan("glu", {"x": x})
        assert [one.path for one in caught.value.errors] == [("x",)]
