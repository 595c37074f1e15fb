"""Dropout in comparisons, costs, programs and traces."""

import numpy as np
import pytest

from tests.conftest import Ask, errors
from tests.service.test_dropout import LAYER, MASK, X, values


def test_another_rate_in_a_comparison(ask: Ask) -> None:
    fields = {"operation": "dropout", **LAYER, "rate": 0.5}
    found = values(ask, "/v1/compare", **fields, changes={"rate": 0.501}, first_order=True)
    assert found["changed_conventions"] == {"rate": {"before": 0.5, "after": 0.501}}
    for name in ("output", "dense_output", "output_variance"):
        one = found["values"][name]
        assert one["largest_change"] > 0
        assert one["first_order_error"] <= 0.02 * one["largest_change"]
    assert found["values"]["expected_output"]["largest_change"] == 0
    drawn = {"operation": "dropout", "x": X, "seed": 1, "rate": 0.5}
    found = values(ask, "/v1/compare", **drawn, changes={"rate": 0.05})
    before, after = (np.array(found["values"]["mask"][when]) for when in ("before", "after"))
    assert after[before].all()  # what is kept at a rate is kept at a lower one
    assert after.sum() > before.sum()
    assert "first_order" not in found["values"]["output"]
    assert "/first_order" in errors(ask("/v1/compare", **drawn, changes={"rate": 0.1}, first_order=True))
    assert "/changes/rate" in errors(ask("/v1/compare", **drawn, changes={"rate": 1}))


def test_another_mask_in_a_comparison(ask: Ask) -> None:
    drawn = {"operation": "dropout", "x": X, "seed": 1, "rate": 0.5}
    assert "/seed" in errors(ask("/v1/compare", **drawn, changes={"mask": MASK}))
    found = values(ask, "/v1/compare", **drawn, changes={"mask": MASK, "seed": None})
    assert found["values"]["mask"]["after"] == MASK
    found = values(ask, "/v1/compare", **drawn, changes={"seed": None, "training": False})
    assert found["values"]["output"]["after"] == X
    found = values(ask, "/v1/compare", **drawn, changes={"formulation": "unscaled"})
    assert np.array_equal(
        2 * np.array(found["values"]["output"]["after"]), found["values"]["output"]["before"]
    )
    sent = {"operation": "dropout", "x": X, "mask": [[True] * 3] * 2}
    edit = {"mask": {"at": [0, 1], "replace": False}}
    found = values(ask, "/v1/compare", **sent, changes=edit)
    assert found["values"]["output"]["difference"] == [[0, -4, 0], [0, 0, 0]]
    assert "/changes/mask/replace" in errors(
        ask("/v1/compare", **sent, changes={"mask": {"at": [0], "replace": 2}})
    )
    numbers = sent | {"mask": MASK}
    wrong = {"mask": {"at": [0, 0], "add": 1}}
    assert any("mask" in pointer for pointer in errors(ask("/v1/compare", **numbers, changes=wrong)))


def test_costs(ask: Ask) -> None:
    shapes = {"x": {"shape": ["n", "d"]}, "w": {"shape": ["d", "m"]}, "b": {"shape": ["m"]}}
    found = values(ask, "/v1/cost", operation="dropout", **shapes, seed=1)
    assert found["cost"]["multiply_adds"] == "4*d*m*n"
    assert found["cost"]["parameters"] == "d*m + m"
    assert found["big_o"] == "O(dmn)"
    elementwise = {step["name"]: step["elementwise"] for step in found["steps"]}
    assert elementwise["mask"] == "d*n"
    assert elementwise["output"] == "2*d*n"
    found = values(
        ask, "/v1/cost", operation="dropout", x={"shape": [4, 5, "n"]}, mask={"shape": [4, 5, "n"]}
    )
    assert found["cost"]["elementwise"] == "80*n"
    found = values(ask, "/v1/cost", operation="dropout", x={"shape": [100_000, 100_000]}, seed=1)
    assert found["cost"]["elementwise"] == 5 * 10**10
    found = values(ask, "/v1/cost", operation="dropout")
    assert found["cost"]["elementwise"] == "4*d"
    wrong = {"x": {"shape": ["n", "d"]}, "mask": {"shape": ["d", "n"]}}
    assert "/mask" in errors(ask("/v1/cost", operation="dropout", **wrong))
    wrong = {"x": {"shape": ["n", "d"]}, "mask": {"shape": ["m", "d"]}}
    assert "/mask" in errors(ask("/v1/cost", operation="dropout", **wrong))
    assert "/rate" in errors(ask("/v1/cost", operation="dropout", rate=1))


LINES = ["h = dropout(x, rate=0.5, seed=3)", "L = sum((h - 1)**2)"]


def test_in_programs(ask: Ask) -> None:
    found = values(ask, "/v1/graph", program=LINES, inputs={"x": X}, upstream={"L": 1})
    mask = np.array(found["values"]["h.mask"])
    np.testing.assert_array_equal(found["values"]["h"], 2 * mask * X)
    np.testing.assert_array_equal(found["gradients"]["x"], 4 * mask * (2 * np.array(X) - 1))
    select = ["h.mean_over_masks", "h.all_masks"]
    found = values(ask, "/v1/graph", program=LINES, inputs={"x": [1, 3]}, select=select)
    assert found["values"]["h.mean_over_masks"] == [1, 3]
    assert len(found["values"]["h.all_masks"]) == 4
    two = ["a = dropout(x, seed=1)", "b = dropout(a, rate='1/3', seed=1)", "c = dropout(b, training=False)"]
    found = values(ask, "/v1/graph", program=two, inputs={"x": X})["values"]
    assert found["c"] == found["b"]
    np.testing.assert_allclose(found["b"], np.array(found["a"]) * found["b.mask"] * 1.5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("h = dropout(x, rate=1, seed=1)", "line 1, column 5 at rate"),
        ("h = dropout(x, rate='1/0', seed=1)", "line 1, column 5 at rate"),
        ("h = dropout(x, seed=-1)", "seed does not fit"),
        ("h = dropout(x, seed=1.5)", "seed does not fit"),
        ("h = dropout(x, x, seed=1)", "line 1, column 5 at seed"),
        ("h = dropout(x, x @ x.T)", "line 1, column 5"),
        ("h = dropout(x, training=False, seed=1)", "line 1, column 5 at seed"),
        ("h = dropout(x, seed=1, b=x[0])", "line 1, column 5 at b"),
        ("h = dropout(seed=1)", "lacks x"),
        ("h = dropout(x, formulation='scaled', seed=1)", "formulation does not fit"),
    ],
)
def test_errors_in_programs(ask: Ask, line: str, message: str) -> None:
    found = errors(ask("/v1/graph", program=[line], inputs={"x": X}))
    assert message in found["/program/0"]["message"]


def test_invalid_masks_in_programs(ask: Ask) -> None:
    program = ["h = dropout(x, m)", "y = sum(h)"]
    assert "/inputs/m" in errors(ask("/v1/graph", program=program, inputs={"x": X, "m": X}))
    assert "/inputs/m" in errors(
        ask("/v1/graph", program=program, inputs={"x": [1], "m": ["s"]}, arithmetic="exact")
    )
    given = {"h.mask": [[1, 0, 1], [0, 1, 7]]}
    program = ["h = dropout(x)", "y = sum(h)"]
    found = errors(ask("/v1/graph", program=program, inputs={"x": X}, given=given))
    assert list(found) == ["/given/h.mask"]


def test_in_traces(ask: Ask) -> None:
    descent = {"name": "gradient_descent", "learning_rate": 0.125}
    fields = {"program": LINES, "start": {"x": [2, 2, 2]}, "steps": 3, "optimizer": descent}
    found = values(ask, "/v1/optimizer/trace", **fields)["trace"]
    mask = np.random.default_rng(3).random(3) >= 0.5
    x = np.array([2.0, 2, 2])
    for step in found[1:]:
        gradient = 4 * mask * (2 * mask * x - 1)  # the same mask in every step
        np.testing.assert_allclose(step["gradient"]["x"], gradient)
        x = x - 0.125 * gradient
        np.testing.assert_allclose(step["parameters"]["x"], x)
    fields["program"] = ["h = dropout(x, rate=0.5)", "L = sum(h)"]
    assert "unknown" in errors(ask("/v1/optimizer/trace", **fields))["/loss"]["message"]
    fields |= {"program": ["h = dropout(x, m)", "L = sum(h**2)"], "inputs": {"m": [1, 0, 1]}}
    found = values(ask, "/v1/optimizer/trace", **fields)["trace"]
    assert found[1]["gradient"]["x"] == [16, 0, 16]
    fields["inputs"] = {"m": [1, 0, 5]}
    assert "/inputs/m" in errors(ask("/v1/optimizer/trace", **fields))
    newton = {"name": "newton"}
    program = ["h = dropout(x, m)", "L = sum((h - 1)**2 + x**2)"]
    fields |= {"inputs": {"m": [1, 0, 1]}, "program": program, "optimizer": newton, "steps": 1}
    found = values(ask, "/v1/optimizer/trace", **fields)["trace"]
    np.testing.assert_allclose(found[1]["parameters"]["x"], [0.4, 0, 0.4], atol=1e-12)
