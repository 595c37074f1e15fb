"""Questions of vision transformers as tests of them pose these."""

from typing import Any

from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import find_pieces
from tests.oracles.cases import Array
from tests.oracles.vision import TORCHVISION, Vision
from tests.oracles.vision_reference import timm_logits, torchvision_logits

OPERATION = "vision_transformer"


def cut(state: dict[str, Array]) -> dict[str, Array]:
    """Tensors of a state dict by the names that they have here."""
    found = find_pieces(CATALOGUE[OPERATION], {name: one.shape for name, one in state.items()})
    assert {one.source for one in found} == set(state)
    return {one.name: one.extract(state[one.source]) for one in found}


def asked(posed: Vision) -> dict[str, Any]:
    """The inputs of a question."""
    return {"x": posed.images, **cut(posed.state)}


def expected(posed: Vision) -> Array:
    """The logits of NumPy's reimplementation."""
    if posed.naming == TORCHVISION:
        return torchvision_logits(posed.state, posed.images, posed.heads)
    return timm_logits(posed.state, posed.images, posed.heads, posed.pool)
