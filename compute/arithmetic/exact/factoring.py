"""How SymPy factors integers, as it does under every root."""

from typing import Any

from sympy.ntheory import factor_


def forget_factors() -> None:
    """Keep SymPy from remembering the prime factors that it finds.

    Since 1.14 it remembers them, so that the form of a root could depend on the questions before. It also
    raises ValueError where a bounded search ends at a factor that is not prime, which it refuses to remember:
    sqrt(20249999999999999988750000000000000001) fails.
    """
    remembering: Any = getattr(factor_, "FactorCache", None)
    if remembering is not None:
        forgetful = type("ForgetfulFactors", (remembering,), {"__setitem__": lambda *_: None})
        factor_.factor_cache = forgetful()
