"""Two answers side by side: differences, orders, and what the first order predicts."""

from typing import Any

import numpy as np
import pytest

from compute.comparison import Prediction, differences
from tests.compute.asking import answer, arrays, plan

RNG = np.random.default_rng(91)
INPUTS = {
    name: RNG.standard_normal(shape) for name, shape in (("x", (5, 4)), ("w_q", (4, 4)), ("w_k", (4, 4)))
}


def compared(before: Any, after: Any, **asked: Any) -> Any:
    return differences(
        {"y": before}, {"y": after}, asked.get("removed", ()), asked.get("known", ()), "float64"
    )["y"]


def test_any_order_along_any_axis_is_found() -> None:
    for axis in range(3):
        before = RNG.standard_normal((6, 7, 5))
        order = RNG.permutation(before.shape[axis])
        after = before.take(order, axis) * (1 + 1e-13 * RNG.standard_normal(before.take(order, axis).shape))
        found = compared(before, after).permutation
        assert found.axes == (axis,)
        assert found.order == tuple(order)
    assert compared(before, before + 1).permutation is None
    assert compared(before, before).permutation is None


def test_equal_slices_still_make_an_order() -> None:
    before = np.array([[1.0, 2], [1, 2], [3, 4]])
    found = compared(before, before[[2, 0, 1]]).permutation
    np.testing.assert_array_equal(before[list(found.order)], before[[2, 0, 1]])


def test_an_order_along_queries_and_keys_at_once() -> None:
    order = (3, 0, 4, 1, 2)
    before = answer("self_attention", INPUTS, {"heads": 2}).values
    after = answer("self_attention", INPUTS | {"x": INPUTS["x"][list(order)]}, {"heads": 2}).values
    found = differences(before, after, (), (), "float64")
    orders = {
        name: (one.permutation.order, one.permutation.axes) for name, one in found.items() if one.permutation
    }
    assert orders == {
        "query": (order, (1,)),
        "key": (order, (1,)),
        "value": (order, (1,)),
        "scores": (order, (1, 2)),
        "scaled_scores": (order, (1, 2)),
        "weights": (order, (1, 2)),
        "head_outputs": (order, (1,)),
        "output": (order, (0,)),
    }


def test_removed_slices_are_left_out_of_the_difference() -> None:
    before = RNG.standard_normal((4, 4, 2))
    after = np.delete(np.delete(before, [1], 0), [1], 1)
    after[0, 0, 0] += 5
    found = compared(before, after, removed=(1,))
    assert (found.largest, found.at) == (pytest.approx(5), [0, 0, 0])
    assert compared(before, after).difference is None


def test_infinities_and_nan_that_stay_are_no_change() -> None:
    before = np.array([-np.inf, 1, np.inf, np.nan])
    found = compared(before, np.array([-np.inf, 2, np.inf, np.nan]))
    np.testing.assert_array_equal(found.difference, [0, 1, 0, 0])
    assert found.at == [1]


def predicted(
    changes: dict[str, Any], settings: dict[str, Any] | None = None, later: dict[str, Any] | None = None
) -> Prediction:
    before = plan("self_attention", INPUTS, settings)
    inputs = {name: changes.get(name, one) for name, one in INPUTS.items()}
    given = {name: one for name, one in changes.items() if name not in INPUTS}
    after = plan("self_attention", inputs, later or settings, given=given)
    return Prediction(before, after, arrays(INPUTS), arrays(inputs | given), ["output", "weights"])


@pytest.mark.parametrize("name", ["x", "w_k", "key", "scores"])
def test_the_first_order_is_the_jacobian_times_the_change(name: str) -> None:
    base = answer("self_attention", INPUTS, select=[name]).values[name]
    change = 1e-3 * RNG.standard_normal(base.shape)
    prediction = predicted({name: base + change})
    assert prediction.possible
    assert prediction.small
    [jacobian] = answer("self_attention", INPUTS, jacobian=[("output", name)]).jacobians
    expected = np.tensordot(jacobian.value, change, axes=change.ndim)
    np.testing.assert_allclose(prediction.of("output", base), expected, rtol=1e-9, atol=1e-12)


def test_a_scale_is_predicted_too() -> None:
    before, after = {"scale": 0.5}, {"scale": 0.501}
    prediction = predicted({}, before, after)
    assert prediction.possible
    values = [answer("self_attention", INPUTS, one).values["output"] for one in (before, after)]
    np.testing.assert_allclose(prediction.of("output", values[0]), values[1] - values[0], atol=1e-5)


def test_large_changes_and_other_graphs() -> None:
    assert not predicted({"x": 2 * INPUTS["x"]}).small
    assert not predicted({}, None, {"causal": True}).possible
    assert not predicted({"x": INPUTS["x"][:3]}).possible
