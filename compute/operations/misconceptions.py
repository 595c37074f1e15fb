"""The catalogue of misconceptions: every known mistake there is, listed by hand in families."""

from compute.operations.attention import misconceptions as attention
from compute.operations.framework.misconceptions import Misconception

MISCONCEPTIONS: dict[str, Misconception] = {}
for _declared in (attention.MISCONCEPTIONS,):
    for _one in _declared:
        if _one.code in MISCONCEPTIONS:
            raise ValueError(f"the misconception {_one.code} is declared twice")
        MISCONCEPTIONS[_one.code] = _one
