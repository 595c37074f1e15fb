"""Binary cross entropy of probabilities and of logits: by loops, at its ends, in symbols."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(35)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("of", ["logits", "probabilities"])
def test_by_loops(of: str, weighted: bool) -> None:
    z, y = RNG.normal(0, 3, (2, 3)), RNG.uniform(0, 1, (2, 3))
    inputs: dict[str, Any] = {"target": y, of: z if of == "logits" else 1 / (1 + np.exp(-z))}
    if weighted:
        inputs |= {"weights": [[1.0], [3.0]], "positive_weight": [0.5, 1, 2]}
    losses = np.zeros((2, 3))
    for i, j in np.ndindex(2, 3):
        p = sigmoid(z[i, j])
        beta, w = (inputs["positive_weight"][j], inputs["weights"][i][0]) if weighted else (1, 1)
        losses[i, j] = -w * (beta * y[i, j] * math.log(p) + (1 - y[i, j]) * math.log(1 - p))
    for reduction, wanted in (("mean", losses.mean()), ("sum", losses.sum()), ("none", losses)):
        found = answer("binary_cross_entropy", inputs, {"reduction": reduction}).values
        np.testing.assert_allclose(found["losses"], losses, rtol=1e-11)
        np.testing.assert_allclose(found["output"], wanted, rtol=1e-11)


@pytest.mark.parametrize("seed", range(20))
def test_the_fused_step_is_its_composition(seed: int) -> None:
    rng = np.random.default_rng([36, seed])
    inputs = {"logits": rng.normal(0, 30, 4), "target": rng.uniform(0, 1, 4)}
    inputs["target"][:2] = 0, 1
    if seed % 2:
        inputs["weights"] = rng.uniform(0, 2, 4)
    if seed > 16:
        inputs["logits"][:2] = -np.inf, np.inf
    upstream = {"losses": rng.standard_normal(4)}
    names = ["losses", "logits", "target"]
    short = answer("binary_cross_entropy", inputs, upstream=upstream, select=names)
    whole = answer("binary_cross_entropy", inputs, upstream=upstream)
    fused = plan("binary_cross_entropy", inputs, upstream=upstream, select=names)
    assert "logit_surprise" in {one.primitive.name for one in fused.graph.values if one.primitive}
    np.testing.assert_allclose(short.values["losses"], whole.values["losses"], rtol=1e-13, atol=1e-14)
    for name in names[1:]:
        np.testing.assert_allclose(short.gradients[name], whole.gradients[name], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("select", [None, ["losses", "logits"]])
def test_logits_of_any_size_lose_no_digits(select: Any) -> None:
    inputs = {"logits": [1000.0, -1000, 40, -40, 1000], "target": [0, 1, 1, 0, 1]}
    found = answer("binary_cross_entropy", inputs, upstream={"losses": np.ones(5)}, select=select)
    tiny = math.log1p(math.exp(-40))
    np.testing.assert_allclose(found.values["losses"], [1000, 1000, tiny, tiny, 0], rtol=1e-14)
    np.testing.assert_allclose(found.gradients["logits"], [1, -1, -tiny, tiny, 0], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_certain_and_right_loses_nothing(arithmetic: str) -> None:
    inputs = {"probabilities": [0, 1], "target": [0, 1]}
    asked: dict[str, Any] = {"upstream": {"losses": [1, 1]}, "arithmetic": arithmetic}
    found = answer("binary_cross_entropy", inputs, **asked)
    assert [float(one) for one in found.values["losses"]] == [0, 0]
    assert [float(one) for one in found.gradients["probabilities"]] == [1, -1]


def test_certain_and_wrong() -> None:
    inputs = {"probabilities": [0, 1], "target": [1, 0]}
    found = answer("binary_cross_entropy", inputs, upstream={"losses": [1, 1]})
    np.testing.assert_array_equal(found.values["losses"], [np.inf, np.inf])
    assert {note.code for note in found.notes} >= {"non_finite"}
    clamped = answer("binary_cross_entropy", inputs, {"log_minimum": -100}, upstream={"losses": [1, 1]})
    np.testing.assert_array_equal(clamped.values["losses"], [100, 100])
    np.testing.assert_array_equal(clamped.gradients["probabilities"], [0, 0])
    conventions = plan("binary_cross_entropy", inputs, {"log_minimum": -100}).conventions
    assert conventions["log_minimum"] == -100
    assert plan("binary_cross_entropy", inputs).conventions["log_minimum"] == "none"
    assert conventions["zero_times_log_of_zero"] == 0


def test_symbols() -> None:
    p, y, z = sympy.symbols("p y z", real=True)
    asked: dict[str, Any] = {"upstream": {"output": 1}, "arithmetic": "exact"}
    found = answer("binary_cross_entropy", {"probabilities": "p", "target": "y"}, **asked)
    loss = -y * sympy.log(p) - (1 - y) * sympy.log(1 - p)
    assert sympy.simplify(found.values["output"][()] - loss) == 0
    assert sympy.simplify(found.gradients["probabilities"][()] - loss.diff(p)) == 0
    assert sympy.simplify(found.gradients["target"][()] - loss.diff(y)) == 0
    loss = sympy.log(1 + sympy.exp(z)) - y * z
    for select in (None, ["output", "logits"]):
        found = answer("binary_cross_entropy", {"logits": "z", "target": "y"}, **asked, select=select)
        difference: Any = found.values["output"][()] - loss
        for point in itertools.product((-2, 3), (0, 1)):
            assert abs(difference.subs(dict(zip((z, y), point, strict=True))).evalf()) < 1e-12
        assert sympy.simplify(found.gradients["logits"][()] - loss.diff(z)) == 0
    assert str(answer("binary_cross_entropy", {"logits": "z", "target": 1}, **asked).values["output"]) == (
        "log(1 + exp(-z))"
    )


@pytest.mark.parametrize(
    ("inputs", "settings", "field"),
    [
        ({"probabilities": [0.5, 1.5]}, {}, "probabilities"),
        ({"probabilities": [0.5, -0.1]}, {}, "probabilities"),
        ({"probabilities": [0.5, 0.5], "target": [-1, 1]}, {}, "target"),
        ({"logits": [0.5, 0.5], "target": [0, 2]}, {}, "target"),
        ({"logits": [0.5, 0.5], "target": [1]}, {}, "target"),
        ({}, {}, "probabilities"),
        ({"logits": [1, 2], "probabilities": [0.5, 0.5]}, {}, "probabilities"),
        ({"logits": [1, 2]}, {"log_minimum": -100}, "log_minimum"),
        ({"probabilities": [0.5, 0.5]}, {"log_minimum": "1/0"}, "log_minimum"),
        ({"logits": [1, 2], "weights": [1, 2, 3]}, {}, "weights"),
        ({"logits": [1, 2], "weights": -1}, {}, "weights"),
        ({"logits": [1, 2], "positive_weight": [[1, 2]]}, {}, "positive_weight"),
        ({"logits": [1, 2], "positive_weight": [1, -2]}, {}, "positive_weight"),
    ],
)
def test_what_is_refused(inputs: dict[str, Any], settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("binary_cross_entropy", {"target": [0, 1], **inputs}, settings)
    assert [error.path for error in caught.value.errors] == [(field,)]


def test_a_bound_is_no_symbol() -> None:
    inputs = {"probabilities": "p", "target": 1}
    with pytest.raises(QuestionErrors) as caught:
        answer("binary_cross_entropy", inputs, {"log_minimum": "a"}, arithmetic="exact")
    assert caught.value.errors[0].path == ("log_minimum",)
    bounded = answer("binary_cross_entropy", inputs, {"log_minimum": "-log(2)"}, arithmetic="exact")
    p = sympy.Symbol("p", real=True)
    output: Any = bounded.values["output"][()]
    assert output.subs(p, sympy.Rational(1, 10)) == sympy.log(2)


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
def test_the_slope_at_a_certain_and_wrong_prediction_has_its_sign(arithmetic: str) -> None:
    """The derivative is (p - y)/(p (1 - p)): infinite, upwards at p = 1 and downwards at p = 0."""
    for probability, target, sign in ((1, 0, 1), (0, 1, -1), (1, 0.5, 1), (0, 0.5, -1)):
        found = answer("binary_cross_entropy", {"probabilities": [probability], "target": [target]},
                       upstream={"output": 1}, arithmetic=arithmetic)  # fmt: skip
        assert float(found.gradients["probabilities"][0]) == sign * np.inf
