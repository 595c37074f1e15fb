"""The triplet loss: by loops, at its kinks, in symbols."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(39)


@pytest.mark.parametrize("squared", [False, True])
def test_by_loops(squared: bool) -> None:
    inputs = {name: RNG.standard_normal((4, 3)) for name in ("anchor", "positive", "negative")}
    found = answer("triplet", inputs, {"margin": 0.5, "squared": squared}).values
    losses = []
    for a, p, n in zip(*inputs.values(), strict=True):
        near, far = (math.dist(a, one) ** (2 if squared else 1) for one in (p, n))
        losses.append(max(0.0, near - far + 0.5))
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-12, atol=1e-14)
    assert found["output"] == pytest.approx(sum(losses) / 4)


def test_equal_vectors_have_a_distance_without_a_slope() -> None:
    inputs = {"anchor": [1.0, 2], "positive": [1.0, 2], "negative": [1.0, 2]}
    found = answer("triplet", inputs, upstream={"output": 1})
    assert found.values["output"] == 1
    np.testing.assert_array_equal(found.gradients["anchor"], [0, 0])


def test_symbols() -> None:
    inputs = {"anchor": ["a", 0], "positive": [0, 1], "negative": [2, 0]}
    found = answer("triplet", inputs, {"squared": True}, upstream={"output": 1}, arithmetic="exact",
                   assumptions=(("a", ("positive",)),))  # fmt: skip
    a = sympy.Symbol("a", positive=True, real=True)
    loss = a**2 + 1 - (a - 2) ** 2 + 1
    output: Any = found.values["output"][()]
    gradient: Any = found.gradients["anchor"][0]
    for worth in (1, 3):
        assert output.subs(a, worth) == loss.subs(a, worth)
        assert gradient.subs(a, worth) == loss.diff(a).subs(a, worth)


@pytest.mark.parametrize("name", ["positive", "negative"])
def test_other_shapes_are_refused(name: str) -> None:
    inputs: dict[str, Any] = {one: np.ones((2, 3)) for one in ("anchor", "positive", "negative")}
    with pytest.raises(QuestionErrors) as caught:
        answer("triplet", inputs | {name: np.ones(3)})
    assert caught.value.errors[0].path == (name,)
