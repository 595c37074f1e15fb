"""The catalogue of misconceptions: every known mistake there is, listed by hand in families."""

from compute.operations.attention import head_misconceptions as heads
from compute.operations.attention import mask_misconceptions as masks
from compute.operations.attention import misconceptions as attention
from compute.operations.attention import position_misconceptions as positions
from compute.operations.attention import projection_misconceptions as projections
from compute.operations.convolution import misconceptions as convolution
from compute.operations.convolution import pooling_misconceptions as pooling
from compute.operations.framework.misconceptions import Misconception
from compute.operations.layers import activation_misconceptions as activations
from compute.operations.layers import dropout_misconceptions as dropout
from compute.operations.layers import linear_misconceptions as linear
from compute.operations.layers import misconceptions as layers
from compute.operations.layers import path_misconceptions as paths
from compute.operations.losses import misconceptions as losses
from compute.operations.normalization import misconceptions as normalization
from compute.operations.recurrent import gate_misconceptions as gates
from compute.operations.recurrent import misconceptions as recurrent
from compute.operations.transformers import misconceptions as transformers

MISCONCEPTIONS: dict[str, Misconception] = {}
for _family in (
    attention, masks, projections, heads, positions, convolution, pooling, layers, linear,
    activations, paths, dropout, losses, normalization, recurrent, gates, transformers,
):  # fmt: skip
    for _one in _family.MISCONCEPTIONS:
        if _one.code in MISCONCEPTIONS:
            raise ValueError(f"the misconception {_one.code} is declared twice")
        MISCONCEPTIONS[_one.code] = _one
