"""The factoring of integers by SymPy, which it does under every root."""

from typing import Any

from sympy.ntheory import factor_


def forget_factors() -> None:
    """Disable SymPy's cache of prime factors.

    SymPy 1.14 introduced it; with it the form of a root could depend on earlier questions. It also raises
    ValueError if a bounded search ends at a composite factor, which cannot be cached:
    sqrt(20249999999999999988750000000000000001) fails.
    """
    remembering: Any = getattr(factor_, "FactorCache", None)
    if remembering is not None:
        forgetful = type("ForgetfulFactors", (remembering,), {"__setitem__": lambda *_: None})
        factor_.factor_cache = forgetful()
