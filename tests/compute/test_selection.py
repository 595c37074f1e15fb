"""Names that a question selects, patterns among them."""

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
