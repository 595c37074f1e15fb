"""Known mistakes in recurrent layers over time, against loops in plain NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(13)
STEPS, IN, UNITS = 4, 3, 3
INPUTS = {
    "x": RNG.normal(size=(STEPS, IN)),
    "w_x": RNG.normal(size=(IN, UNITS)),
    "w_h": RNG.normal(size=(UNITS, UNITS)) / 2,
    "b": RNG.normal(size=UNITS),
    "h_0": RNG.normal(size=UNITS),
}
X, W_X, W_H, B, H_0 = INPUTS.values()
G = RNG.normal(size=(STEPS, UNITS))
NAMES = [f"{stage}[{t + 1}]" for t in range(STEPS) for stage in ("preactivation", "hidden")]


def states(
    term: Callable[[int, np.ndarray, np.ndarray], np.ndarray], start: np.ndarray = H_0
) -> tuple[np.ndarray, np.ndarray]:
    """Return preactivations and states. term(t, state, preactivation): the preactivation of step t from 0."""
    arguments: list[np.ndarray] = []
    hidden, before = [], start
    for t in range(STEPS):
        arguments.append(term(t, before, arguments[-1] if arguments else start))
        before = np.tanh(arguments[-1])
        hidden.append(before)
    return np.array(arguments), np.array(hidden)


def right(t: int, state: np.ndarray, argument: np.ndarray) -> np.ndarray:
    return np.asarray(X[t] @ W_X + state @ W_H + B)


def late(t: int) -> np.ndarray:
    return np.asarray(X[t - 1]) if t else np.zeros(IN)


MISTAKES: dict[str, tuple[Any, np.ndarray]] = {
    "rnn.no_recurrence": (lambda t, state, argument: X[t] @ W_X + B, H_0),
    "rnn.weights_swapped": (lambda t, state, argument: X[t] @ W_H + state @ W_X + B, H_0),
    "rnn.initial_state_ignored": (right, np.zeros(UNITS)),
    "rnn.inputs_one_late": (lambda t, state, argument: late(t) @ W_X + state @ W_H + B, H_0),
    "rnn.read_backwards": (lambda t, state, argument: X[STEPS - 1 - t] @ W_X + state @ W_H + B, H_0),
    "rnn.preactivation_carried_on": (lambda t, state, argument: X[t] @ W_X + argument @ W_H + B, H_0),
}


@pytest.mark.parametrize("program", [(), ("y = rnn(x, w_x, w_h, b, h_0=h_0)",)])
@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistaken_step(code: str, program: tuple[str, ...]) -> None:
    names = [f"y.{name}" if program else name for name in NAMES]
    found = [
        np.array(list(compute(one, "rnn", INPUTS, names, program=program).values.values()))
        for one in (None, code)
    ]
    expected = [states(right), states(*MISTAKES[code])]
    for one, (arguments, hidden) in zip(found, expected, strict=True):
        assert one[::2] == pytest.approx(arguments)
        assert one[1::2] == pytest.approx(hidden)
    assert not np.allclose(found[0], found[1])


def backwards(
    to_step: Callable[[int, np.ndarray], np.ndarray], through_time: bool, shifted: bool = True
) -> dict[str, np.ndarray]:
    """Return gradients by backpropagation through time.

    to_step(t, later): the gradient of the state of step t, of the output's and that of later steps.
    """
    hidden = states(right)[1]
    before = np.array([H_0, *hidden[:-1]])
    found = {"w_x": np.zeros_like(W_X), "w_h": np.zeros_like(W_H), "b": np.zeros_like(B)}
    later = np.zeros(UNITS)
    for t in reversed(range(STEPS)):
        to_argument = to_step(t, later) * (1 - hidden[t] ** 2)
        found["w_x"] += np.outer(X[t], to_argument)
        found["w_h"] += np.outer(before[t] if shifted else hidden[t], to_argument)
        found["b"] += to_argument
        later = W_H @ to_argument if through_time else np.zeros(UNITS)
    return found


def right_step(t: int, later: np.ndarray) -> np.ndarray:
    return np.asarray(G[t] + later)


def last_output_only(t: int, later: np.ndarray) -> np.ndarray:
    return np.asarray(G[t]) if t == STEPS - 1 else later


@pytest.mark.parametrize("program", [(), ("y = rnn(x, w_x, w_h, b, h_0=h_0)",)])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("rnn.gradient_last_step_only", backwards(right_step, False)),
        ("rnn.gradient_state_not_shifted", backwards(right_step, True, shifted=False)),
        ("rnn.gradient_step_not_accumulated", backwards(last_output_only, True)),
    ],
)
def test_a_mistaken_gradient(code: str, expected: dict[str, np.ndarray], program: tuple[str, ...]) -> None:
    names, output = (["y.hidden[4]"], "y") if program else (["hidden[4]"], "output")
    mistaken, plain = (
        compute(one, "rnn", INPUTS, names, gradients=expected, upstream={output: G}, program=program)
        for one in (code, None)
    )
    truth = backwards(right_step, True)
    for name, gradient in expected.items():
        assert plain.gradients[name] == pytest.approx(truth[name])
        assert mistaken.gradients[name] == pytest.approx(gradient)
    assert not np.allclose(mistaken.gradients["w_h"], truth["w_h"])
    assert mistaken.values[names[0]] == pytest.approx(plain.values[names[0]])


@pytest.mark.parametrize("program", [(), ("y = rnn(x, w_x, w_h, b, h_0=h_0)",)])
def test_the_recurrent_weights_have_one_term(program: tuple[str, ...]) -> None:
    output = "y" if program else "output"
    mistaken = compute("rnn.gradient_last_term_only", "rnn", INPUTS, [], gradients=["w_h", "w_x"],
                       upstream={output: G}, program=program).gradients  # fmt: skip
    hidden = states(right)[1]
    assert mistaken["w_h"] == pytest.approx(np.outer(hidden[2], G[3] * (1 - hidden[3] ** 2)))
    assert mistaken["w_x"] == pytest.approx(backwards(right_step, True)["w_x"])


def test_only_the_previous_state_of_the_last_step_is_seen() -> None:
    upstream = {"hidden[4]": G[3]}
    found = compute("rnn.gradient_last_step_only", "rnn", INPUTS, ["hidden"], gradients=["w_h"],
                    upstream=upstream)  # fmt: skip
    hidden = found.values["hidden"]
    assert found.gradients["w_h"] == pytest.approx(np.outer(hidden[2], G[3] * (1 - hidden[3] ** 2)))


@pytest.mark.parametrize("code", ["rnn.inputs_one_late", "rnn.preactivation_carried_on"])
def test_layers_that_run_from_the_last_step(code: str) -> None:
    """A reversed layer is a layer on the reversed sequence."""
    turned = {**INPUTS, "x": X[::-1]}
    forward = compute(code, "rnn", INPUTS, ["hidden"]).values["hidden"]
    reverse = compute(code, "rnn", turned, ["hidden"], direction="reverse").values["hidden"]
    assert reverse == pytest.approx(forward[::-1])
    both = {name: np.stack([value, value]) for name, value in INPUTS.items() if name != "x"} | {"x": X}
    found = compute(code, "rnn", both, ["forward.hidden", "reverse.hidden"], direction="both").values
    assert found["forward.hidden"] == pytest.approx(forward)
    again = compute(code, "rnn", INPUTS, ["hidden"], direction="reverse").values["hidden"]
    assert found["reverse.hidden"] == pytest.approx(again)


def test_a_reversed_layer_keeps_the_gradient_of_its_own_last_step() -> None:
    turned, upstream = {**INPUTS, "x": X[::-1]}, {"output": G[::-1]}
    found = compute(
        "rnn.gradient_step_not_accumulated", "rnn", turned, ["hidden"], gradients=["w_h"],
        upstream=upstream, direction="reverse",
    )  # fmt: skip
    assert found.gradients["w_h"] == pytest.approx(backwards(last_output_only, True)["w_h"])


def test_shorter_sequences_stay_as_they_are() -> None:
    batch = {**INPUTS, "x": np.stack([X, X])}
    found = compute("rnn.no_recurrence", "rnn", {**batch, "lengths": [4, 2]}, ["hidden"]).values["hidden"]
    expected = np.tanh(X @ W_X + B)
    assert found[0] == pytest.approx(expected)
    assert found[1] == pytest.approx(expected[[0, 1, 1, 1]])


def test_an_initial_state_of_zeros_cannot_be_ignored() -> None:
    inputs = {name: value for name, value in INPUTS.items() if name != "h_0"}
    with pytest.raises(ValueError, match="replaces no step"):
        compute("rnn.initial_state_ignored", "rnn", inputs, ["hidden"])
