"""The entropy of a weight of 0, whose logarithm is infinite."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.namespace import Exact
from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.primitive import REGISTRY
from tests.compute.asking import answer

SURPRISE = REGISTRY["surprise"]


@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32], ids=lambda one: one.name)
def test_an_outcome_of_weight_0_adds_nothing_and_passes_no_gradient(arithmetic: Any) -> None:
    """0 log 0 = 0, and the derivative -1 - log 0 would be infinite."""
    weights = np.array([0, 0.5, 1, -0.0], dtype=arithmetic.dtype)
    g = np.array([3, 2, -1, np.inf], dtype=arithmetic.dtype)
    with np.errstate(invalid="ignore"):
        [rule] = SURPRISE.rules_of(1)
        assert rule is not None
        found = rule.function(arithmetic, g, weights)
    expected = [0, 2 * (np.log(2) - 1), 1, 0]
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(arithmetic.dtype).eps)
    np.testing.assert_allclose(
        SURPRISE.forward(arithmetic, weights), [0, np.log(2) / 2, 0, 0], rtol=1e-6, atol=0
    )


def test_the_entropy_of_exact_weights_of_0_has_no_gradient_there() -> None:
    weights = np.array([sympy.S.Zero, sympy.Rational(1, 2), sympy.S.One], dtype=object)
    [rule] = SURPRISE.rules_of(1)
    assert rule is not None
    found = rule.function(Exact(), np.array([sympy.Symbol("g", real=True)] * 3, dtype=object), weights)
    g = sympy.Symbol("g", real=True)
    assert [sympy.simplify(one) for one in found] == [0, sympy.simplify(g * (sympy.log(2) - 1)), -g]


def test_the_entropy_of_attention_to_a_masked_key() -> None:
    """It is the entropy of attention without this key, and so are its gradients."""
    query, key, value = np.array([[1.0, 2]]), np.array([[0.5, -1], [1, 1], [0, 2]]), np.eye(3)
    mask = np.array([[True, False, True]])
    asked: Any = {"upstream": {"entropy": np.ones(1)}, "select": ["entropy", "query", "key", "weights"]}
    masked = answer("attention", {"query": query, "key": key, "value": value, "mask": mask}, **asked)
    kept = [0, 2]
    fewer = answer("attention", {"query": query, "key": key[kept], "value": value[kept]}, **asked)
    np.testing.assert_allclose(masked.values["entropy"], fewer.values["entropy"], rtol=1e-15)
    np.testing.assert_allclose(masked.gradients["query"], fewer.gradients["query"], rtol=1e-14)
    np.testing.assert_allclose(masked.gradients["key"][kept], fewer.gradients["key"], rtol=1e-14)
    assert not masked.gradients["key"][1].any()
    assert masked.gradients["weights"][0, 1] == 0
