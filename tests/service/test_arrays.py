"""Answers as a notebook shows them."""

import numpy as np

import compute
from service.answers import Answer


def test_an_answer_shows_names_and_shapes() -> None:
    fields = {"x": np.ones((2, 3)), "w": np.ones((3, 1)), "upstream": {"output": [[1], [1]]}}
    answer = compute.answer("linear", **fields, select=["output", "w"])
    assert repr(answer) == "Answer(output (2, 1), w (3, 1); gradients: output (2, 1), w (3, 1))"
    assert repr(compute.answer("softmax", x=[1, 2], arithmetic="exact", select=["output"])) == (
        "Answer(output (2,))"
    )
    assert repr(Answer({"score": 1, "max_score": 2})) == "Answer(score, max_score)"
