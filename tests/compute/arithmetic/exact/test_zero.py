"""Numbers that are shown to be zero, or not, with bounded effort."""

import pytest
import sympy

from compute.arithmetic.exact.readable import Fraction
from compute.arithmetic.exact.zero import cancels, shown_zero


@pytest.mark.parametrize("exponent", [10**30, 10**300])
def test_exponentials_beyond_all_floats(exponent: int) -> None:
    """SymPy looks at constants as floats where it rationalizes, and cannot at these."""
    weight = 1 / (1 + sympy.exp(exponent))
    assert shown_zero(weight) is None
    assert shown_zero(weight * (1 + sympy.exp(exponent)) - 1) is not None


def test_weights_of_decimals_sum_to_one_at_once() -> None:
    """Of what stands for exponentials nothing is assumed: SymPy would factor polynomials of degree 297."""
    scores = [sympy.Rational(one) for one in ("1.49", "-1.48", "1.24", "-0.44")]
    weights = [1 / sympy.Add(*(sympy.exp(other - one) for other in scores)) for one in scores]
    difference = sympy.Add(*weights) - 1
    assert cancels(difference)
    assert {one.is_positive for one in Fraction(difference).generators} == {None}
