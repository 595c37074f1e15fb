"""The feed-forward layers of a transformer block, gated and not, against loops over tokens."""

from typing import Any

import numpy as np
import pytest

from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer
from tests.compute.operations.drawn_layers import ACTIVATIONS, agree, close, fed, refused
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings, activate, affine, feed_forward

RNG = np.random.default_rng(81)
X = RNG.standard_normal((3, 2))
W_1, W_2 = RNG.standard_normal((2, 4)), RNG.standard_normal((4, 2))
PLAIN: dict[str, Array] = {"x": X, "w_1": W_1, "w_2": W_2}


@pytest.mark.parametrize("seed", range(48))
def test_random_layers(seed: int) -> None:
    rng = np.random.default_rng([310, seed])
    n, d, units, d_o = (int(one) for one in rng.integers(1, 5, 4))
    how = Settings(
        activation=ACTIVATIONS[seed % 3], gated=bool(seed % 2), dropout_rate=[0, 0.25, 0.9][rng.integers(3)]
    )
    inputs = {"x": rng.standard_normal((n, d)), **fed(rng, d, units, how, biases=seed % 4 < 2, d_o=d_o)}
    attributes: dict[str, Any] = {"activation": how.activation, "gated": how.gated}
    if how.dropout_rate:
        attributes["dropout_rate"] = how.dropout_rate
        inputs["dropout_mask"] = rng.random((n, units)) < 1 - how.dropout_rate
    agree("feed_forward", inputs, attributes, lambda sent: feed_forward(sent["x"], sent, how))


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_every_step_of_a_gated_layer_is_named(activation: str) -> None:
    gate, b = RNG.standard_normal((2, 4)), RNG.standard_normal((3, 4))
    inputs = PLAIN | {"w_gate": gate, "b_gate": b[0], "b_1": b[1], "b_2": b[2, :2]}
    found = answer("feed_forward", inputs, {"activation": activation, "gated": True}).values
    before = np.array([affine(token, gate, b[0]) for token in X])
    gates = np.array([[np.real(activate(one, activation)) for one in row] for row in before])
    units = np.array([affine(token, W_1, b[1]) for token in X])
    close(found["gate_preactivation"], before)
    close(found["gate"], gates)
    close(found["preactivation"], units)
    close(found["hidden"], gates * units)
    close(found["output"], (gates * units) @ W_2 + b[2, :2])


def test_a_token_alone_and_tokens_in_batches() -> None:
    batch = RNG.standard_normal((2, 3, 2))
    whole = answer("feed_forward", PLAIN | {"x": batch}).values["output"]
    for sample in range(2):
        for at in range(3):
            token = answer("feed_forward", PLAIN | {"x": batch[sample, at]}).values["output"]
            close(token, whole[sample, at])


def test_what_is_dropped_is_named_and_hidden_is_what_it_was() -> None:
    mask = np.array([[True, False, True, False]] * 3)
    found = answer("feed_forward", PLAIN | {"dropout_mask": mask}, {"dropout_rate": "1/3"}).values
    plain = answer("feed_forward", PLAIN).values
    close(found["hidden"], plain["hidden"])
    close(found["dropped_hidden"], plain["hidden"] * mask * 1.5)
    numbers = answer("feed_forward", PLAIN | {"dropout_mask": mask[0].astype(float)}, {"dropout_rate": "1/3"})
    close(numbers.values["output"], found["output"])


def test_units_that_are_given() -> None:
    hidden = RNG.standard_normal((3, 4))
    found = answer("feed_forward", {"w_2": W_2}, given={"hidden": hidden}, upstream={"output": X})
    close(found.values["output"], hidden @ W_2)
    close(found.gradients["w_2"], hidden.T @ X)
    close(found.gradients["hidden"], X @ W_2.T)


def test_a_gate_that_is_given_needs_no_weights() -> None:
    gate = RNG.standard_normal((3, 4))
    found = answer("feed_forward", PLAIN, {"gated": True}, given={"gate": gate}, upstream={"output": X})
    close(found.values["hidden"], gate * (X @ W_1))
    assert "gate_preactivation" not in found.values and "w_gate" not in found.gradients


def test_a_gate_is_counted_by_the_other_layer() -> None:
    shapes = {name: Tensor(one.shape) for name, one in PLAIN.items()}
    cost, *_ = describe_cost("feed_forward", shapes, {"gated": True})
    assert cost.parameters == 2 * W_1.size + W_2.size


def test_a_gate_that_is_given() -> None:
    gate = RNG.standard_normal((3, 4))
    gated: dict[str, Any] = {"gated": True}
    found = answer("feed_forward", PLAIN, gated, given={"gate": gate}, upstream={"output": X})
    close(found.values["output"], (gate * (X @ W_1)) @ W_2)
    close(found.gradients["gate"], (X @ W_2.T) * (X @ W_1))
    hidden = answer("feed_forward", {"w_2": W_2}, gated, given={"hidden": gate}).values
    close(hidden["output"], gate @ W_2)


@pytest.mark.parametrize(
    ("more", "attributes", "field", "words"),
    [
        ({"w_gate": W_1}, {}, "w_gate", "no use without gated"),
        ({"b_gate": W_1[0]}, {}, "b_gate", "no use without gated"),
        ({}, {"gated": True}, "w_gate", "w_gate is required"),
        ({"dropout_mask": np.ones((3, 4), bool)}, {}, "dropout_rate", "required with a dropout mask"),
        ({}, {"dropout_rate": 0.5}, "dropout_rate", "no use without a dropout mask"),
        ({"dropout_mask": np.ones((3, 3), bool)}, {"dropout_rate": 0.5}, "dropout_mask", "does not fit"),
        ({"dropout_mask": np.ones((3, 4), bool)}, {"dropout_rate": 1}, "dropout_rate", "drops everything"),
        ({"w_2": W_1}, {}, "w_2", "d_ff is 2 here and 4 elsewhere"),
        ({"b_1": W_1[0, :3]}, {}, "b_1", "d_ff is 3 here and 4 elsewhere"),
    ],
)
def test_refused(more: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    [(path, message, *_)] = refused("feed_forward", PLAIN | more, attributes)
    assert path == (field,)
    assert words in message


def test_weights_that_are_not_of_the_said_width() -> None:
    faults = refused("feed_forward", PLAIN, {"d_ff": 5})
    assert [path for path, *_ in faults] == [("w_1",), ("w_2",)]
    assert all("d_ff = 5 from the attribute d_ff" in expected for _, _, expected, _ in faults)
