"""Roots in floats, and expressions compiled to float functions."""

import math

import pytest
import sympy
from sympy import Abs, Max, Piecewise, sqrt

from compute.solving.floats import compile_floats
from compute.solving.scanning import scan_roots

eta = sympy.Symbol("eta", real=True)


def test_a_scan() -> None:
    assert scan_roots(lambda x: [1 / (x - 1)]).roots == ()
    assert scan_roots(lambda x: [math.copysign(1, x - 1)]).roots == ()
    assert scan_roots(lambda x: [(x - 1.5) ** 2]).roots == pytest.approx((1.5,), abs=1e-6)
    assert scan_roots(lambda x: [x - 12345.6, 2 * x - 24691.2]).roots == pytest.approx((12345.6,))
    assert scan_roots(lambda x: [math.sqrt(x) - 2]).roots == pytest.approx((4,))
    assert scan_roots(lambda x: [x * x - 4], negative=False).roots == pytest.approx((2,))
    assert scan_roots(lambda x: [0.0]).everywhere
    (plateau,) = scan_roots(lambda x: [max(x, 1) - 1]).plateaus
    assert plateau[1] == pytest.approx(1, abs=0.01)


def test_floats_of_cases() -> None:
    cases = Piecewise((eta + 1, sympy.And(eta > 0, Abs(eta) < 2)), (sympy.sign(eta) * sqrt(-eta), True))
    function = compile_floats((cases, Max(eta, 0) ** 2), eta)
    assert function(1.0) == [2, 1]
    assert function(-4.0) == [-2, 0]
    assert math.isnan(function(9.0)[0])
