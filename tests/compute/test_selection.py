"""Names that a question selects, patterns among them."""

from typing import Any

import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import plan

WEIGHTS = {"x": [[1.0, 2], [3, 4]], "w_q": [[1.0], [0]], "w_k": [[0.0], [1]]}


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (["*scores"], ["scores", "scaled_scores"]),
        (["s*scores"], ["scaled_scores"]),
        (["s*d*s"], ["scaled_scores"]),
        (["output", "*"], ["output", "query", "key", "value", "scores", "scaled_scores", "weights"]),
        (["entropy", "w*"], ["entropy", "weights"]),
        (["entr*"], ["entropy"]),
        (["rotated_*"], ["rotated_query", "rotated_key"]),
        (["x*"], ["x"]),
        (["scores*scores", "value"], None),
        (["*z*"], None),
        (["*a*a*a*a*a*a*a*a*a*a*b"], None),
    ],
)
def test_patterns(select: list[str], names: list[str] | None) -> None:
    if names is None:
        with pytest.raises(QuestionErrors) as caught:
            plan("self_attention", WEIGHTS, select=select)
        assert caught.value.errors[0].path == ("select", 0)
        return
    assert plan("self_attention", WEIGHTS, select=select).returned == names


def test_a_pattern_takes_what_is_known_by_another_name_too() -> None:
    """The output of the last layer is that of the stack."""
    eye, ones = [[1.0, 0], [0, 1]], [1.0, 1]
    layer: dict[str, list[Any]] = {f"attention.w_{name}": eye for name in "qkvo"}
    layer |= {"feed_forward.w_1": eye, "feed_forward.w_2": eye}
    layer |= {"attention_norm.gain": ones, "feed_forward_norm.gain": ones}
    stack = {f"layer[{at}].{name}": one for at in range(3) for name, one in layer.items()}
    outputs = [f"layer[{at}].output" for at in range(3)]
    for select, names in (
        (["layer[*].output"], outputs),
        (["output", "layer[*].output"], ["output", *outputs]),
        (["*output"], None),
    ):
        returned = plan("encoder", {"x": eye, **stack}, select=select).returned
        if names is not None:
            assert returned == names
        else:
            assert "output" in returned
            assert outputs[2] not in returned
