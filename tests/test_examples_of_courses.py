"""The examples of courses are right, not only replayed: held against loops and published results."""

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.oracles.nested_transformers import Array, array
from tests.test_examples_of_transformers import close, example, slope

Inputs = Mapping[str, Any]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def dot(one: Any, other: Any) -> float:
    return float(sum(x * y for x, y in zip(one, other, strict=True)))


def check_gradients(
    gradients: Inputs, loss: Callable[[Inputs], float], inputs: Inputs, names: tuple[str, ...]
) -> None:
    """Compare gradients with central differences of a loss."""
    for name in names:

        def moved(tensor: Array, name: str = name) -> float:
            return loss({**inputs, name: tensor})

        expected = slope(moved, array(inputs[name]))
        np.testing.assert_allclose(array(gradients[name]), expected, rtol=1e-7, atol=1e-9, err_msg=name)


def xor(inputs: Inputs) -> list[float]:
    found = []
    for row in inputs["x"]:
        units = [
            max(0, sum(row[k] * inputs["W"][k][unit] for k in range(2)) + inputs["c"][unit])
            for unit in range(2)
        ]
        found.append(dot(units, inputs["w"]) + float(inputs["b"]))
    return found


def test_xor() -> None:
    request, response = example("graph_xor")
    inputs = request["inputs"]
    assert response["values"]["y"] == xor(inputs) == [a ^ b for a, b in inputs["x"]] == inputs["target"]
    assert response["values"]["h"] == [[0, 0], [1, 0], [1, 0], [2, 1]]  # as in the book
    assert response["values"]["J"] == 0
    for name in ("W", "c", "w", "b"):
        assert not np.any(response["gradients"][name])
    assert all(claim["holds"] for claim in response["claims"])


def error(parts: Inputs) -> float:
    h = [sigmoid(dot(row, parts["x"]) + parts["b1"]) for row in parts["w1"]]
    o = [sigmoid(dot(row, h) + parts["b2"]) for row in parts["w2"]]
    return float(sum((target - one) ** 2 for target, one in zip(parts["target"], o, strict=True)) / 2)


def test_backpropagation_by_hand() -> None:
    request, response = example("optimizer_backpropagation")
    start, step = response["trace"]
    assert step["learning_rate"] == request["optimizer"]["learning_rate"] == 0.5
    parts = request["inputs"] | request["start"]
    assert start["loss"] == pytest.approx(error(parts), rel=1e-14)
    check_gradients(step["gradient"], error, parts, ("w1", "w2"))
    for name in ("w1", "w2"):
        close(step["parameters"][name], array(parts[name]) - 0.5 * array(step["gradient"][name]))
    assert step["loss"] == pytest.approx(error(parts | step["parameters"]), rel=1e-14)
    # As the source prints them, whose second error has six right digits.
    assert round(start["loss"], 9) == 0.298371109
    assert step["loss"] == pytest.approx(0.291027924, abs=2e-7)
    close(np.round(array(step["parameters"]["w2"]), 9)[0], [0.358916480, 0.408666186])
    close(
        np.round(array(step["parameters"]["w1"]), 9), [[0.149780716, 0.199561432], [0.249751144, 0.299502287]]
    )


def lstm_cell(inputs: Inputs) -> dict[str, Array]:
    names = ("ft", "it", "cct", "ot", "c_next", "a_next")
    found = {name: np.zeros((2, 2)) for name in names} | {"yt": np.zeros((2, 2))}
    for sample in range(2):
        joined = [inputs["a_prev"][0][sample], inputs["a_prev"][1][sample], inputs["xt"][0][sample]]
        for unit in range(2):

            def total(gate: str, unit: int = unit, joined: Any = joined) -> float:
                return dot(inputs[f"W{gate}"][unit], joined) + float(inputs[f"b{gate}"][unit][0])

            forget, update, output = (sigmoid(total(gate)) for gate in "fio")
            candidate = math.tanh(total("c"))
            cell = forget * inputs["c_prev"][unit][sample] + update * candidate
            numbers = (forget, update, candidate, output, cell, output * math.tanh(cell))
            for name, number in zip(names, numbers, strict=True):
                found[name][unit, sample] = number
        state = found["a_next"][:, sample]
        scores = [dot(inputs["Wy"][k], state) + inputs["by"][k][0] for k in range(2)]
        for k in range(2):
            found["yt"][k, sample] = math.exp(scores[k]) / sum(math.exp(one) for one in scores)
    return found


def test_lstm_cell() -> None:
    request, response = example("graph_lstm_cell")
    inputs = request["inputs"]
    expected = lstm_cell(inputs)
    assert set(response["values"]) == {"concat", *expected}
    for name, one in expected.items():
        close(response["values"][name], one)
    names = ("xt", "a_prev", "c_prev", *(f"{kind}{gate}" for kind in "Wb" for gate in "fico"))
    check_gradients(
        response["gradients"], lambda parts: float(lstm_cell(parts)["a_next"].sum()), inputs, names
    )


def test_clipped_objective_of_ppo() -> None:
    request, response = example("graph_ppo_clip")
    old, new, expected = 0.4, (0.6, 0.6, 0.2, 0.2), []
    for probability, advantage in zip(new, request["inputs"]["A"], strict=True):
        ratio = probability / old
        limited = 0.8 if ratio < 0.8 else min(1.2, ratio)
        passes = ratio * advantage <= limited * advantage
        expected.append((min(ratio * advantage, limited * advantage), ratio * advantage * passes))
    assert response["values"]["L"] == pytest.approx(sum(one for one, _ in expected) / 4, rel=1e-14)
    # The gradient of exp(log_p - log_p_old) by log_p is the ratio itself.
    close(response["gradients"]["log_p"], [slope / 4 for _, slope in expected])
    assert [bool(one) for one in response["gradients"]["log_p"]] == [False, True, True, False]


def iou(one: Any, other: Any) -> float:
    """Count cells of a grid, since all corners are whole numbers."""
    cells = [
        {(x, y) for x, y in product(range(10), range(10)) if box[0] <= x < box[2] and box[1] <= y < box[3]}
        for box in (one, other)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


def test_intersection_over_union() -> None:
    request, response = example("graph_iou")
    a, b = request["inputs"]["a"], request["inputs"]["b"]
    assert response["values"]["iou"] == ["1/7", "0"]
    assert [iou(*pair) for pair in zip(a, b, strict=True)] == [1 / 7, 0]

    def overlap(parts: Inputs) -> float:
        total = 0.0
        for (l1, t1, r1, b1), (l2, t2, r2, b2) in zip(array(parts["a"]), array(parts["b"]), strict=True):
            both = max(min(r1, r2) - max(l1, l2), 0) * max(min(b1, b2) - max(t1, t2), 0)
            total += both / ((r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - both)
        return float(total)

    numbers = {
        name: [[eval(one, {"__builtins__": {}}) for one in row] for row in response["gradients"][name]]
        for name in "ab"
    }
    check_gradients(numbers, overlap, request["inputs"], ("a", "b"))


def info_nce(inputs: Inputs) -> float:
    total = 0.0
    for at, context in enumerate(inputs["c"]):
        predicted = [dot(row, context) for row in inputs["W"]]
        densities = [math.exp(dot(sample, predicted)) for sample in inputs["z"]]
        total -= math.log(densities[at] / sum(densities)) / 3
    return total


def test_info_nce() -> None:
    request, response = example("graph_infonce")
    loss = info_nce(request["inputs"])
    assert response["values"]["L"] == pytest.approx(loss, rel=1e-14)
    assert response["values"]["bound"] == pytest.approx(math.log(3) - loss, rel=1e-14)
    check_gradients(response["gradients"], info_nce, request["inputs"], ("z", "c", "W"))


def grpo(inputs: Inputs) -> float:
    rewards, total = inputs["rewards"], 0.0
    mean = sum(rewards) / 4
    deviation = math.sqrt(sum((one - mean) ** 2 for one in rewards) / 4)
    for answer in range(4):
        advantage, tokens = (rewards[answer] - mean) / deviation, []
        for t in range(sum(inputs["mask"][answer])):
            new, old, reference = (inputs[name][answer][t] for name in ("log_p", "log_p_old", "log_p_ref"))
            ratio, surprise = math.exp(new - old), math.exp(reference - new)
            divergence = surprise - math.log(surprise) - 1
            limited = max(0.8, min(1.2, ratio))
            tokens.append(min(ratio * advantage, limited * advantage) - 0.04 * divergence)
        total += sum(tokens) / len(tokens) / 4
    return total


def test_group_advantages_and_objective_of_grpo() -> None:
    request, response = example("graph_grpo")
    assert response["values"]["A"] == [1, -1, -1, 1]
    assert response["values"]["J"] == pytest.approx(grpo(request["inputs"]), rel=1e-13)
    # Ratios of exactly 1 are inside the bounds, and none is at one.
    check_gradients(response["gradients"], grpo, request["inputs"], ("log_p", "log_p_ref"))
    assert np.min(response["values"]["KL"]) >= 0


def negative_sampling(inputs: Inputs) -> float:
    drawn = (2, 3, 2)
    found = -math.log(sigmoid(dot(inputs["U"][0], inputs["v"])))
    return found - sum(math.log(sigmoid(-dot(inputs["U"][k], inputs["v"]))) for k in drawn)


def test_negative_sampling_of_word2vec() -> None:
    request, response = example("graph_word2vec")
    assert response["values"]["L"] == pytest.approx(negative_sampling(request["inputs"]), rel=1e-14)
    check_gradients(response["gradients"], negative_sampling, request["inputs"], ("v", "U"))
    assert response["gradients"]["U"][1] == [0, 0]  # of a word that was not drawn
    assert all(claim["holds"] for claim in response["claims"])
