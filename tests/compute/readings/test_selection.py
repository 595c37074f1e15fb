"""Names that a question selects, patterns among them."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan
from tests.compute.readings.notes.questions import QUESTIONS, upstream

WEIGHTS = {"x": [[1.0, 2], [3, 4]], "w_q": [[1.0], [0]], "w_k": [[0.0], [1]]}


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (["*scores"], ["scores", "scaled_scores", "capped_scores", "masked_scores"]),
        (["s*scores"], ["scaled_scores"]),
        (["s*d*s"], ["scaled_scores"]),
        (
            ["output", "*"],
            [
                "output",
                "input",
                "query",
                "rotated_query",
                "key",
                "rotated_key",
                "value",
                "scores",
                "scaled_scores",
                "capped_scores",
                "masked_scores",
                "weights",
                "head_outputs",
            ],
        ),
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


def test_a_pattern_takes_every_name_of_a_value() -> None:
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
    ):
        assert plan("encoder", {"x": eye, **stack}, select=select).returned == names
    for wanted in (["*output"], None):
        assert {"output", *outputs} <= set(plan("encoder", {"x": eye, **stack}, select=wanted).returned)


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (["*"], None),
        (["*", "entropy"], None),
        (["weights", "output"], ["weights", "output"]),
        (["w_*"], ["w_q", "w_k"]),
        (["w*"], ["w_q", "w_k", "weights"]),
    ],
)
def test_gradients_are_of_what_is_selected_inputs_included(
    select: list[str], names: list[str] | None
) -> None:
    """A pattern means inputs too, whose gradients are returned and not their values beside others."""
    upstream = {"output": np.ones((2, 2)), "entropy": np.ones(2)}
    plain = answer("self_attention", WEIGHTS, upstream=upstream)
    chosen = answer("self_attention", WEIGHTS, upstream=upstream, select=select)
    wanted = [*plain.gradients, *(["entropy"] if "entropy" in select else [])] if names is None else names
    assert list(chosen.gradients) == wanted
    for name in plain.gradients.keys() & set(wanted):
        np.testing.assert_array_equal(chosen.gradients[name], plain.gradients[name])
    inputs = {"w_q", "w_k", "x"} & set(chosen.values)
    assert inputs == ({"w_q", "w_k"} if select == ["w_*"] else set())
    if names is None:
        assert list(chosen.values) == [*plain.values, *select[1:]]
        assert {"x", "w_q", "w_k", "input"} <= set(chosen.gradients)


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_selected_does_not_change_a_number(name: str) -> None:
    """Steps taken at once have the digits of steps one by one, but for the last of scans and convolutions."""
    case = QUESTIONS[name]
    handed = upstream(case)
    last = 64 if case.operation in ("rnn", "lstm", "gru") else 4 if name.startswith("layer-0") else 0
    for arithmetic in ("float64", "float32"):
        asked: Any = {"upstream": handed, "arithmetic": arithmetic}
        whole = answer(case.operation, case.inputs, case.attributes, **asked)
        names = [*handed, *(one for one in case.inputs if one in whole.gradients)]
        part = answer(case.operation, case.inputs, case.attributes, **asked, select=names)
        for found, expected in ((part.values, whole.values), (part.gradients, whole.gradients)):
            for one in names:
                if one in found and one in expected:
                    size = last * np.finfo(arithmetic).eps * np.abs(expected[one]).max(initial=0)
                    np.testing.assert_allclose(found[one], expected[one], rtol=0, atol=size, err_msg=one)
