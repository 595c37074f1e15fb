"""The Kullback-Leibler divergence: by loops, with outcomes of probability 0, in symbols."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(37)


def distributions(*shape: int) -> Any:
    found = RNG.uniform(0.1, 1, shape)
    return found / found.sum(-1, keepdims=True)


@pytest.mark.parametrize("prediction_is_log", [False, True])
@pytest.mark.parametrize("target_is_log", [False, True])
def test_by_loops(prediction_is_log: bool, target_is_log: bool) -> None:
    q, p = distributions(3, 2, 4), distributions(3, 2, 4)
    settings: dict[str, Any] = {"prediction_is_log": prediction_is_log, "target_is_log": target_is_log}
    inputs = {
        "prediction": np.log(q) if prediction_is_log else q,
        "target": np.log(p) if target_is_log else p,
    }
    losses = np.zeros((3, 2, 4))
    for at in np.ndindex(losses.shape):
        losses[at] = p[at] * (math.log(p[at]) - math.log(q[at]))
    for reduction, wanted in (
        ("mean", losses.mean()), ("sum", losses.sum()), ("batchmean", losses.sum() / 3), ("none", losses),
    ):  # fmt: skip
        found = answer("kl_divergence", inputs, {**settings, "reduction": reduction}).values
        np.testing.assert_allclose(found["output"], wanted, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found["divergences"], losses.sum(-1), rtol=1e-12)
        assert (found["divergences"] > 0).all()


def test_of_one_distribution_the_batchmean_is_its_divergence() -> None:
    found = answer(
        "kl_divergence", {"prediction": [0.5, 0.5], "target": [0.9, 0.1]}, {"reduction": "batchmean"}
    )
    wanted = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert found.values["output"] == pytest.approx(wanted, rel=1e-14)
    assert found.values["divergences"] == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("prediction", [[0.5, 0.5], [0, 1]])
def test_what_the_target_gives_no_probability_adds_nothing(prediction: Any) -> None:
    inputs = {"prediction": prediction, "target": [0, 1]}
    found = answer("kl_divergence", inputs, {"reduction": "sum"}, upstream={"output": 1})
    assert found.values["output"] == -math.log(prediction[1])
    np.testing.assert_allclose(found.gradients["prediction"], [0, -1 / prediction[1]])
    np.testing.assert_allclose(found.gradients["target"], [0, 1 - math.log(prediction[1])])


def test_what_the_prediction_excludes_is_lost_without_bound() -> None:
    found = answer("kl_divergence", {"prediction": [0, 1], "target": [0.5, 0.5]})
    assert found.values["output"] == np.inf
    assert [note.at for note in found.notes] == ["log_prediction"]


def test_symbols() -> None:
    inputs = {"prediction": ["q", "1 - q"], "target": ["p", "1 - p"]}
    found = answer("kl_divergence", inputs, {"reduction": "sum"}, upstream={"output": 1}, arithmetic="exact")
    p, q = sympy.symbols("p q", real=True)
    loss = p * sympy.log(p) - p * sympy.log(q) + (1 - p) * sympy.log(1 - p) - (1 - p) * sympy.log(1 - q)
    assert sympy.expand(found.values["output"][()] - loss) == 0
    for name, symbol in (("prediction", q), ("target", p)):
        first, second = found.gradients[name]
        assert sympy.simplify(first - second - loss.diff(symbol)) == 0


def test_symbols_beside_an_outcome_of_probability_0() -> None:
    inputs = {"prediction": ["q1", "q2"], "target": ["p1", 0]}
    found = answer("kl_divergence", inputs, {"reduction": "sum"}, upstream={"output": 1}, arithmetic="exact")
    p, q = sympy.symbols("p1 q1", real=True)
    assert sympy.expand(found.values["output"][()] - p * (sympy.log(p) - sympy.log(q))) == 0
    assert found.values["log_ratio"][1] == -sympy.oo
    assert [one[1] for one in (found.gradients["prediction"], found.gradients["target"])] == [0, 0]


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"prediction": [-0.5, 0.5], "target": [0.5, 0.5]}, "prediction"),
        ({"prediction": [0.5, 0.5], "target": [1.5, -0.5]}, "target"),
        ({"prediction": [0.5, 0.5], "target": [1]}, "target"),
        ({"prediction": [[0.5, 0.5]], "target": [0.5, 0.5]}, "target"),
    ],
)
def test_what_is_refused(inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("kl_divergence", inputs)
    assert [error.path for error in caught.value.errors] == [(field,)]
