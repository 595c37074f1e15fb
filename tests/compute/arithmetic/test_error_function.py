"""The error function of arrays, and steps on large arrays in blocks."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from compute.arithmetic import blocks
from compute.arithmetic.complex_step import COMPLEX_STEP
from compute.arithmetic.error_function import NODES, erf, normal_cdf
from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.scalars import Scalars
from compute.graph.primitive import REGISTRY
from tests.compute.primitives.cases import CASES

RNG = np.random.default_rng(7)
RANGES = {
    "tiny": 10.0 ** RNG.uniform(-300, -3, 4000),
    "small": 10.0 ** RNG.uniform(-3, 0, 20_000),
    "middle": RNG.uniform(0, 7, 20_000),
    "nodes": np.arange(6 * NODES + 2) / NODES,
    "below nodes": np.nextafter(np.arange(1, 6 * NODES + 2) / NODES, 0),
}


@pytest.mark.parametrize("name", RANGES)
def test_it_is_that_of_the_standard_library(name: str) -> None:
    for x in (RANGES[name], -RANGES[name]):
        expected = np.array([math.erf(one) for one in x])
        assert (np.abs(erf(x) - expected) <= 4e-16 * np.abs(expected)).all()


def test_it_is_right_to_four_parts_in_ten_to_the_sixteen() -> None:
    x = np.concatenate([10.0 ** RNG.uniform(-5, 0.8, 700), RNG.uniform(0, 6, 700)])
    with mpmath.workdps(40):
        for point, found in zip(x, erf(x), strict=True):
            exact = mpmath.erf(mpmath.mpf(float(point)))
            assert abs(mpmath.mpf(float(found)) - exact) <= mpmath.mpf(4e-16) * exact


def test_infinities_nan_and_signs() -> None:
    found = erf(np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, -7.0, 1e300]))
    np.testing.assert_array_equal(found, [1, -1, np.nan, 0, -0.0, 5e-324, -1, 1])
    assert np.signbit(found[4])
    assert not np.signbit(found[3])


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 3, 4), (8192,), (8193,), (3, 9000)])
def test_any_shape_and_order_of_entries(shape: tuple[int, ...]) -> None:
    x = RNG.standard_normal(shape)
    found = erf(x.T)
    assert found.shape == x.T.shape
    np.testing.assert_array_equal(found, erf(x).T)
    single = erf(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, erf(x.astype(np.float32).astype(float)), rtol=1.2e-7)


BLOCKED = [(name, at) for name in ("gelu", "mish", "softplus", "elu", "hardswish", "sigmoid", "log_sigmoid")
           for at in range(len(CASES[name]))]  # fmt: skip


@pytest.mark.parametrize(("name", "at"), BLOCKED)
@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32])
def test_blocks_give_what_the_whole_does(
    name: str, at: int, arithmetic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = RNG.standard_normal((3, 5, 7)).astype(arithmetic.dtype)
    primitive, attributes = REGISTRY[name], CASES[name][at].attributes
    whole = primitive.forward(arithmetic, x, **attributes)
    monkeypatch.setattr(blocks, "BLOCK", 8)
    for one in (x, x.T.copy().T):
        found = primitive.forward(arithmetic, one, **attributes)
        assert found.dtype == arithmetic.dtype
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("rows", [1, 4, 10, 60, 1000])
@pytest.mark.parametrize("axis", [-1, -2, -3])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_blocks_along_an_axis(name: str, axis: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, g = RNG.standard_normal((2, 3, 4, 5)), RNG.standard_normal((2, 3, 4, 5))
    x[0, 0, 0] = -np.inf
    primitive = REGISTRY[name]
    with np.errstate(invalid="ignore"):
        whole = primitive.forward(FLOAT64, x, axis=axis)
        kept = () if primitive.keeping is None else (primitive.keeping(FLOAT64, x, axis=axis)[1],)
        gradient = primitive.gradients["a"](FLOAT64, g, whole, *kept, axis=axis)
        monkeypatch.setattr(blocks, "ROWS", rows)
        found = primitive.forward(FLOAT64, x, axis=axis)
        np.testing.assert_allclose(found, whole, rtol=1e-15)
        again = primitive.gradients["a"](FLOAT64, g, whole, *kept, axis=axis)
    np.testing.assert_allclose(again, gradient, rtol=1e-14, atol=1e-15)


def test_the_normal_distribution_keeps_its_digits_in_the_tail() -> None:
    x = np.concatenate([RNG.uniform(-37.5, 9, 2000), RNG.uniform(-5, 4, 2000), [0.0, -4.5, -4.4999999]])
    with mpmath.workdps(40):
        for point, found in zip(x, normal_cdf(x), strict=True):
            exact = mpmath.ncdf(mpmath.mpf(float(point)))
            assert abs(mpmath.mpf(float(found)) - exact) <= mpmath.mpf(6e-15) * exact
    np.testing.assert_array_equal(
        normal_cdf(np.array([-np.inf, np.inf, np.nan, -1e300, 1e300])), [0, 1, np.nan, 0, 1]
    )


@pytest.mark.parametrize("arithmetic", [FLOAT64, Scalars(), COMPLEX_STEP])
def test_every_namespace_has_the_normal_distribution(arithmetic: Any) -> None:
    for point in (-8.0, -1.0, 0.0, 2.5):
        found = arithmetic.normal_cdf(np.asarray(point, dtype=arithmetic.dtype)[()])
        assert np.real(found) == pytest.approx(float(mpmath.ncdf(point)), rel=1e-13)
