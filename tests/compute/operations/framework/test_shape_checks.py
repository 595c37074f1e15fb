"""Batches of inputs that belong together, which no dimension name speaks of."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer
from tests.compute.operations.drawn_layers import refused

EYE = np.eye(2)
WEIGHTS = {"w_q": EYE, "w_k": EYE}


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_a_context_of_another_batch(heads: int, layout: str) -> None:
    asked: dict[str, Any] = {"heads": heads, "layout": layout}
    for batches, fits in ((((2,), (3,)), False), (((2,), (2, 1)), True), (((), (3,)), True)):
        x, context = (np.ones((*batch, 2, 2)) for batch in batches)
        sent = {"x": x, "context": context, **WEIGHTS}
        if fits:
            shape = np.broadcast_shapes(x.shape, context.shape)
            assert answer("cross_attention", sent, asked).values["output"].shape == shape
        else:
            [(path, *said)] = refused("cross_attention", sent, asked)
            assert path == ("context",)
            assert said == [
                "context has other batch axes than the tokens", "batch axes that broadcast with (2)",
                "shape (3, 2, 2)",
            ]  # fmt: skip


def test_segments_of_another_batch() -> None:
    layer = {f"encoder.layer[0].attention.w_{one}": EYE for one in "qkvo"}
    layer |= {f"encoder.layer[0].{one}_norm.gain": EYE[0] for one in ("attention", "feed_forward")}
    layer |= {f"encoder.layer[0].feed_forward.w_{one}": EYE for one in "12"}
    tables = {f"{one}_embedding.weights": EYE for one in ("token", "segment")}
    sent = {"tokens": np.ones((2, 1)), "segments": np.zeros((3, 1)), **tables, **layer}
    [(path, message, *_)] = refused("language_model", sent, {"position_kind": "none"})
    assert path == ("segments",) and message == "segments has other batch axes than the tokens"
    found = answer("language_model", sent | {"segments": np.zeros(1)}, {"position_kind": "none"})
    assert found.values["sequence"].shape == (2, 1, 2)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_axes_of_an_alias_that_is_given(batch: tuple[int, ...]) -> None:
    """The output of one head without W_O is its head_outputs, which may be given with any batch."""
    given = {"head_outputs": np.ones((*batch, 1, 2))}
    [(path, _, expected, _)] = refused("self_attention", {}, given=given, upstream={"output": np.ones(7)})
    assert path == ("upstream", "output")
    assert expected.endswith(": " + "".join(f"batch = {one}, " for one in batch) + "query = 1, d_o = 2")
    found = answer("self_attention", {}, given=given, upstream={"output": np.ones((*batch, 1, 2))})
    np.testing.assert_array_equal(found.gradients["output"], given["head_outputs"])
