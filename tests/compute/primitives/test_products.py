"""Products along an axis of any length, against loops."""

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.graph.primitive import REGISTRY
from tests.compute.asking import answer
from tests.oracles.cases import Array


def others(row: Array) -> list[float]:
    """Return for each entry of a row the product of all others."""
    return [float(np.prod(np.delete(row, place))) for place in range(len(row))]


@pytest.mark.parametrize("length", [*range(1, 10), 31, 64])
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_products_and_their_gradients_are_those_of_loops(length: int, zeros: int) -> None:
    x = np.random.default_rng([length, zeros]).uniform(0.5, 1.5, (2, length))
    x[:, length // 2 : length // 2 + zeros] = 0
    result = answer(
        "graph", {"x": x}, program=("y = product_over(x)",), upstream={"y": np.array([1.0, -2.0])}
    )
    np.testing.assert_allclose(result.values["y"], [np.prod(row) for row in x], rtol=1e-13)
    expected = [np.array(others(row)) * weight for row, weight in zip(x, (1, -2), strict=True)]
    np.testing.assert_allclose(result.gradients["x"], expected, rtol=1e-13)
    columns = answer("graph", {"x": x.T}, program=("y = product_over(x, axis=0)",)).values["y"]
    np.testing.assert_array_equal(columns, result.values["y"])


def test_a_long_axis_takes_few_steps() -> None:
    """One step for each entry would take minutes instead of seconds."""
    calls = 0

    class Counting:
        def __getattr__(self, name: str) -> object:
            nonlocal calls
            calls += 1
            return getattr(FLOAT64, name)

    x = np.ones(100_000)
    x[5] = 3.0
    rule = REGISTRY["product_over"]
    assert rule.forward(Counting(), x, axis=-1) == 3
    gradient = rule.gradients["a"](Counting(), np.array(1.0), x, -1)
    assert gradient[5] == 1 and (np.delete(gradient, 5) == 3).all()
    assert calls < 100
