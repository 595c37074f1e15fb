"""The catalogue of misconceptions: every known mistake there is, listed by hand in families."""

from compute.operations.attention import misconceptions as attention
from compute.operations.convolution import misconceptions as convolution
from compute.operations.convolution import pooling_misconceptions as pooling
from compute.operations.framework.misconceptions import Misconception
from compute.operations.recurrent import gate_misconceptions as gates
from compute.operations.recurrent import misconceptions as recurrent

MISCONCEPTIONS: dict[str, Misconception] = {}
for _declared in (
    attention.MISCONCEPTIONS,
    convolution.MISCONCEPTIONS,
    pooling.MISCONCEPTIONS,
    recurrent.MISCONCEPTIONS,
    gates.MISCONCEPTIONS,
):
    for _one in _declared:
        if _one.code in MISCONCEPTIONS:
            raise ValueError(f"the misconception {_one.code} is declared twice")
        MISCONCEPTIONS[_one.code] = _one
