"""Functions of entries, where a rule in NumPy's own words would go wrong."""

import numpy as np
import pytest

from tests.compute.asking import answer


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_a_rectifier_gives_0_below_0_and_keeps_nan(arithmetic: str) -> None:
    x = np.array([-np.inf, -1, -0.0, 2, np.inf, np.nan])
    result = answer("graph", {"x": x}, program=("y = relu(x)",), arithmetic=arithmetic)
    np.testing.assert_array_equal(result.values["y"], [0, 0, 0, 2, np.inf, np.nan])
    assert not np.signbit(result.values["y"][:2]).any()
