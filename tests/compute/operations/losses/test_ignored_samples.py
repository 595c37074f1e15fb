"""Samples that a loss ignores touch neither it nor a gradient, whatever their scores are."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"reduction": "none"}])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
@pytest.mark.parametrize("select", [None, ["output", "logits"]])
def test_samples_that_are_ignored_may_hold_anything(
    bad: float, settings: dict[str, Any], weights: Any, select: Any
) -> None:
    logits, target = np.array([[1.0, -2.0, 0.5], [0.3, 0.1, 2.0], [2.0, 0.0, 1.0]]), [2, -100, 0]
    seeds = {"output": [1.0, 2.0, 3.0] if settings.get("reduction") == "none" else 1.0}
    more = {} if weights is None else {"class_weights": weights}
    asked: dict[str, Any] = {"upstream": seeds, "select": select}
    expected = answer("cross_entropy", {"logits": logits, "target": target} | more, settings, **asked)
    spoiled = logits.copy()
    spoiled[1, :2] = bad
    found = answer("cross_entropy", {"logits": spoiled, "target": target} | more, settings, **asked)
    np.testing.assert_allclose(found.values["output"], expected.values["output"], rtol=1e-14)
    np.testing.assert_allclose(found.gradients["logits"], expected.gradients["logits"], rtol=1e-13)
    np.testing.assert_array_equal(found.gradients["logits"][1], 0)
    assert not found.spoiled_gradients
    spoiled = logits.copy()
    spoiled[2, 0] = np.nan
    found = answer("cross_entropy", {"logits": spoiled, "target": target} | more, settings, **asked)
    assert np.isnan(found.values["output"]).any() and np.isnan(found.gradients["logits"][2]).all()


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_log_probabilities_that_are_ignored_may_be_anything(bad: float) -> None:
    logs = [[-0.5, -1.0], [bad, bad], [-2.0, -0.2]]
    inputs = {"log_probabilities": logs, "target": [0, -100, 1], "class_weights": [1.0, 3.0]}
    found = answer("nll", inputs, upstream={"output": 1.0})
    assert found.values["output"] == pytest.approx((0.5 + 3 * 0.2) / 4)
    np.testing.assert_array_equal(found.gradients["log_probabilities"], [[-0.25, 0], [0, 0], [0, -0.75]])
