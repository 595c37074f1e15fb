"""Sums with infinity in them, beside what SymPy does not know to be finite."""

from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import add

LOG: Any = sympy.log(sympy.Symbol("x", real=True))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((LOG, -sympy.oo), -sympy.oo),
        ((sympy.oo, -LOG), sympy.oo),
        ((LOG, sympy.oo, sympy.Integer(1), sympy.oo), sympy.oo),
        ((sympy.oo, -sympy.oo), sympy.nan),
        ((sympy.oo, LOG, -sympy.oo), sympy.nan),
        ((sympy.oo, sympy.nan), sympy.nan),
        ((LOG, LOG), 2 * LOG),
        ((LOG, LOG, -LOG), LOG),
        ((LOG,), LOG),
        ((), sympy.S.Zero),
    ],
)
def test_sums(terms: Any, expected: Any) -> None:
    assert add(*terms) == expected
