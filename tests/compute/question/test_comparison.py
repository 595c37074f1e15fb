"""Two answers side by side: differences, orders, and what the first order predicts."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.question.comparison import comparable_names, compare_answers
from compute.question.first_order import Prediction
from tests.compute.asking import answer, arrays, plan

RNG = np.random.default_rng(91)
INPUTS = {
    name: RNG.standard_normal(shape) for name, shape in (("x", (5, 4)), ("w_q", (4, 4)), ("w_k", (4, 4)))
}


def compared(before: Any, after: Any, **asked: Any) -> Any:
    return compare_answers(
        {"y": before}, {"y": after}, ["y"], asked.get("removed", ()), asked.get("known", ()), FLOAT64
    )["y"]


def test_any_order_along_any_axis_is_found() -> None:
    for axis in range(3):
        before = RNG.standard_normal((6, 7, 5))
        order = RNG.permutation(before.shape[axis])
        after = before.take(order, axis) * (1 + 1e-13 * RNG.standard_normal(before.take(order, axis).shape))
        [found] = compared(before, after).permutation
        assert (found.axis, found.order) == (axis, tuple(order))
    assert compared(before, before + 1).permutation == ()
    assert compared(before, before).permutation == ()


def test_an_axis_that_cannot_have_lost_what_was_removed_is_not_compared() -> None:
    """It is shorter by as much, by chance, and has no entry of this index."""
    assert compared(np.ones(2), np.ones(1), removed=(2,)).difference is None
    np.testing.assert_array_equal(compared(np.ones(2), np.full(1, 3), removed=(1,)).difference, [2])


def test_equal_slices_still_make_an_order() -> None:
    before = np.array([[1.0, 2], [1, 2], [3, 4]])
    [found] = compared(before, before[[2, 0, 1]]).permutation
    np.testing.assert_array_equal(before[list(found.order)], before[[2, 0, 1]])


def test_an_order_along_queries_and_keys_at_once() -> None:
    order = (3, 0, 4, 1, 2)
    before = answer("self_attention", INPUTS, {"heads": 2}).values
    after = answer("self_attention", INPUTS | {"x": INPUTS["x"][list(order)]}, {"heads": 2}).values
    found = compare_answers(before, after, before, (), (), FLOAT64)
    orders = {name: [(one.axis, one.order) for one in both.permutation] for name, both in found.items()}
    both = [(1, order), (2, order)]
    assert orders == {
        "input": [(0, order)],
        **{name: [(1, order)] for name in ("query", "rotated_query", "key", "rotated_key", "value")},
        **dict.fromkeys(("scores", "scaled_scores", "capped_scores", "masked_scores"), both),
        "weights": [(1, order), (2, order)],
        "head_outputs": [(1, order)],
        "output": [(0, order)],
    }


def test_two_orders_along_two_axes() -> None:
    before = RNG.standard_normal((4, 5))
    rows, columns = (2, 0, 1, 3), (4, 3, 2, 1, 0)
    for known in ([rows], [columns], [rows, columns]):
        found = compared(before, before[list(rows)][:, list(columns)], known=known).permutation
        assert [(one.axis, one.order) for one in found] == [(0, rows), (1, columns)]


def test_orders_are_found_beside_infinities_and_large_masks() -> None:
    for mask in (-np.inf, -1e9):
        before = np.array([[1.0, mask], [2, mask], [3, mask]])
        [found] = compared(before, before[[2, 0, 1]]).permutation
        assert (found.axis, found.order) == (0, (2, 0, 1))
        assert compared(before, before + np.array([[0.5, 0], [0.5, 0], [0.25, 0]])).permutation == ()
    column = np.array([[1e10], [1], [2], [3]])
    [found] = compared(column, column[[0, 2, 3, 1]]).permutation
    assert found.order == (0, 2, 3, 1)


def test_entries_that_stand_for_other_things_are_not_subtracted() -> None:
    inputs = dict.fromkeys(("query", "key", "value"), INPUTS["x"])
    whole = plan("attention", inputs)
    for changed in ({"window": 2}, {"orientation": "key_query"}):
        names = comparable_names(whole, plan("attention", inputs, changed), False)
        assert "scores" not in names
        assert "output" in names
    band = plan("attention", inputs, {"window": (1, 1)})
    assert "scores" not in comparable_names(band, plan("attention", inputs, {"window": (2, 0)}), False)
    assert "scores" in comparable_names(band, band, False)
    assert "scores" not in comparable_names(band, band, True)


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
    [jacobian] = answer("self_attention", INPUTS, jacobian=[("output", name)]).parts["jacobians"]
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


def test_what_is_given_afterwards_holds_still() -> None:
    weights = answer("self_attention", INPUTS).values["weights"]
    prediction = predicted({"x": INPUTS["x"] * 1.01, "weights": weights})
    assert prediction.possible
    assert not prediction.of("weights", weights).any()


def test_infinities_in_a_mask_are_no_change() -> None:
    mask = np.zeros((5, 5))
    mask[0, 1] = -np.inf
    later = mask.copy()
    later[1, 0] = 0.01
    inputs = INPUTS | {"mask": mask}
    before, after = plan("self_attention", inputs), plan("self_attention", INPUTS | {"mask": later})
    prediction = Prediction(before, after, arrays(inputs), arrays(INPUTS | {"mask": later}), ["weights"])
    found = prediction.of("weights", mask)
    assert np.isfinite(found).all()
    assert not found[0].any()
    assert found[1].any()


def test_constants_that_cannot_be_known_are_passed_over() -> None:
    given = {"scores": np.array([[1.0, 2], [3, 4]])}
    before = plan("attention", {"value": np.ones((2, 1))}, given=given)
    after = plan("attention", {"value": np.ones((2, 1))}, {"scale": "2/sqrt(d_k)"}, given=given)
    known = arrays({"value": np.ones((2, 1))} | given)
    assert Prediction(before, after, known, known, ["scores"]).possible
