"""The worked cases of openapi/examples, held against layers written as plain loops."""

import math
from typing import Any

import numpy as np
import pytest

from service.document import load_examples

EXAMPLES = {one["name"]: one for one in load_examples()}


def found(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return EXAMPLES[name]["request"], EXAMPLES[name]["response"]["values"]


def test_attention_as_an_identity() -> None:
    request, values = found("002_1_3c_identity")
    np.testing.assert_array_equal(values["weights"], np.eye(3))
    np.testing.assert_array_equal(values["output"], [token[:2] for token in request["x"]])


def test_attention_as_a_permutation() -> None:
    request, values = found("002_1_3c_permutation")
    weights = np.array(values["weights"])
    assert set(weights.ravel()) == {0, 1}
    assert list(weights.sum(axis=0)) == list(weights.sum(axis=1)) == [1, 1, 1]
    order = weights.argmax(axis=1)
    assert list(order) != [0, 1, 2]
    np.testing.assert_array_equal(values["output"], [request["x"][at][:2] for at in order])


def test_attention_as_a_running_linear_layer() -> None:
    """A convolution of kernel 1: every filter sees one token at a time."""
    request, values = found("002_1_3d_running_linear")
    tokens, filters = [one[:2] for one in request["x"]], request["w_v"][:2]
    expected = [
        [sum(token[channel] * filters[channel][one] for channel in range(2)) for one in range(3)]
        for token in tokens
    ]
    np.testing.assert_allclose(values["output"], expected, rtol=1e-9)


def test_attention_as_a_convolution() -> None:
    request, values = found("002_1_3e_convolution")
    sequence = [token[0] for token in request["x"]]
    kernel = [head[0][0] for head in request["w_o"]]
    last = len(sequence) - 1
    expected = [
        sum(
            weight * sequence[min(max(t + step, 0), last)]
            for step, weight in zip((-1, 0, 1), kernel, strict=True)
        )
        for t in range(len(sequence))
    ]
    np.testing.assert_allclose(np.ravel(values["output"]), expected, rtol=1e-9, atol=1e-9)


def test_the_convolution_turns_queries_by_the_rotation_of_its_step() -> None:
    request, _ = found("002_1_3e_convolution")
    names = {"sin": math.sin, "cos": math.cos}
    for step, weights in zip((-1, 0, 1), request["w_q"], strict=True):
        numbers = [
            [eval(one, {"__builtins__": {}}, names) if isinstance(one, str) else one for one in row]
            for row in weights[1:]
        ]
        for t in range(5):
            here, there = (
                [math.sin(at), math.cos(at), math.sin(at / 100), math.cos(at / 100)] for at in (t, t + step)
            )
            np.testing.assert_allclose(np.array(here) @ np.array(numbers), there, atol=1e-14)


def test_attention_as_max_pooling() -> None:
    request, values = found("004_7_3_max_pooling")
    sequence = [one[0] for one in request["value"]]
    expected = [max(sequence[max(0, t - 1) : t + 2]) for t in range(len(sequence))]
    np.testing.assert_allclose(np.ravel(values["output"]), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "entropies", "chosen"),
    [("weak", (1.3, math.log(4)), None), ("strong", (0, 1e-9), max), ("negative", (0, 1e-9), min)],
)
def test_the_scale_makes_attention_soft_or_hard(
    name: str, entropies: tuple[float, float], chosen: Any
) -> None:
    _, values = found(f"002_1_1b_{name}")
    low, high = entropies
    assert all(low <= one <= high for one in values["entropy"])
    if chosen is not None:
        for query, key in enumerate(values["argmax"]):
            scores = [row[query] for row in values["scores"]]
            assert scores[key] == chosen(scores)


def test_swapped_tokens_swap_outputs_only_without_positions() -> None:
    _, without = found("000_0_1_2_compare")
    assert without["output"]["permutation"] == [{"axis": "query", "order": [1, 0]}]
    np.testing.assert_allclose(without["output"]["after"], without["output"]["before"][::-1], rtol=1e-15)
    _, under = found("000_0_1_4_compare")
    assert "permutation" not in under["output"]
    assert under["output"]["largest_change"] > 0.1


def test_a_perturbed_key_is_predicted_and_a_longer_one_is_not_small() -> None:
    _, values = found("002_1_1e_perturbed_key")
    output = values["output"]
    assert output["first_order_error"] < 0.02 * output["largest_change"]
    _, longer = found("002_1_1f_longer_key")
    assert "first_order" not in longer["output"]
    changed = np.array(longer["scores"]["difference"])
    assert changed[2].any()
    assert not changed[[0, 1, 3]].any()


def test_a_removed_token_leaves_the_scores_of_the_others() -> None:
    _, values = found("002_1_3_removed_token")
    assert not np.any(values["scores"]["difference"])
    assert values["output"]["largest_change"] > 0.1


def test_masked_decoding_looks_back_only() -> None:
    _, values = found("001_2c_masked_decoding")
    changed = np.array(values["output"]["difference"])
    assert not changed[:2].any()
    assert changed[2].any()


def test_local_attention_costs_what_the_exam_says() -> None:
    cost = EXAMPLES["004_7_2_cost"]["response"]["cost"]
    assert cost["all_comparisons"] == "T**2"
    assert cost["comparisons"] == "T + 2*T*k"
    assert cost["exact_comparisons"] == "T + 2*T*k - k**2 - k"
    assert cost["speedup"] == "T/(1 + 2*k)"
