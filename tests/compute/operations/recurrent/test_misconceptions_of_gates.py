"""Known mistakes in the gates of recurrent layers, against loops in plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(17)
STEPS, IN, UNITS = 3, 2, 2
STATES = {"h_0": RNG.normal(size=UNITS), "c_0": RNG.normal(size=UNITS)}
G = RNG.normal(size=(STEPS, UNITS))


def inputs(gates: int) -> dict[str, np.ndarray]:
    wide = gates * UNITS
    return {
        "x": RNG.normal(size=(STEPS, IN)),
        "w_x": RNG.normal(size=(IN, wide)),
        "w_h": RNG.normal(size=(UNITS, wide)),
        "b": RNG.normal(size=wide),
        **STATES,
    }


LSTM = inputs(4)
GRU = {name: value for name, value in inputs(3).items() if name != "c_0"} | {"b_h": RNG.normal(size=6)}


def sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-z)))


def lstm(mistake: str = "", order: str = "ifgo", **given: np.ndarray) -> np.ndarray:
    """Return all states of a layer that makes a mistake; order: the blocks that it takes the gates from."""
    x, w_x, w_h, b, h, c = {**LSTM, **given}.values()
    blocks = np.split(b, 4)
    if mistake == "gate_bias_of_another":
        b = np.concatenate([blocks[3], blocks[3], blocks[2], blocks[3]])
    hidden = []
    for row in x:
        z = dict(zip(order, np.split(row @ w_x + h @ w_h + b, 4), strict=True))
        i, f, o, g = sigmoid(z["i"]), sigmoid(z["f"]), sigmoid(z["o"]), np.tanh(z["g"])
        f = 1 - i if mistake == "coupled_gates" else f
        c = {
            "cell_added_for_multiplied": f * c + (i + g),
            "cell_products_swapped": i * c + f * g,
            "forget_gate_left_out": c + i * g,
            "input_gate_left_out": f * c + g,
            "hidden_for_cell": f * h + i * g,
        }.get(mistake, f * c + i * g)
        h = {"cell_without_tanh": o * c, "output_gate_left_out": np.tanh(c)}.get(mistake, o * np.tanh(c))
        hidden.append(h)
    return np.array(hidden)


def gru(mistake: str = "", reset_after: bool = True, **given: np.ndarray) -> np.ndarray:
    """Return all states of a layer that makes a mistake."""
    x, w_x, w_h, b, h, b_h = {**GRU, **given}.values()
    hidden = []
    for row in x:
        u, v = np.split(row @ w_x + b, 3), np.split(h @ w_h + b_h, 3)
        r, z = sigmoid(u[0] + v[0]), sigmoid(u[1] + v[1])
        in_candidate, in_state = (z, r) if mistake in ("gates_swapped", "gate_blocks_exchanged") else (r, z)
        if mistake == "reset_gate_left_out":
            in_candidate = np.ones(UNITS)
        is_moved = mistake == "reset_on_the_other_side"
        if is_moved and not reset_after:  # the bias stays outside
            n = np.tanh(u[2] + in_candidate * (h @ w_h[:, 4:]) + b_h[4:])
        elif reset_after and not is_moved:
            n = np.tanh(u[2] + in_candidate * v[2])
        else:
            n = np.tanh(u[2] + (in_candidate * h) @ w_h[:, 4:] + b_h[4:])
        if mistake == "update_gate_turned_round":
            h = in_state * n + (1 - in_state) * h
        else:
            h = (1 - in_state) * n + in_state * h
        hidden.append(h)
    return np.array(hidden)


def slope(layer: Any, name: str, at: np.ndarray) -> np.ndarray:
    """Return the gradient of the states, weighted with G, by central differences."""
    gradient = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = 1e-5
        above, below = (np.vdot(G, layer(**{name: moved})) for moved in (at + step, at - step))
        gradient[place] = (above - below) / 2e-5
    return gradient


LSTM_MISTAKES = [
    "lstm.cell_added_for_multiplied",
    "lstm.cell_products_swapped",
    "lstm.forget_gate_left_out",
    "lstm.input_gate_left_out",
    "lstm.hidden_for_cell",
    "lstm.cell_without_tanh",
    "lstm.output_gate_left_out",
    "lstm.coupled_gates",
    "lstm.gate_bias_of_another",
]


@pytest.mark.parametrize("program", [(), ("y = lstm(x, w_x, w_h, b, h_0=h_0, c_0=c_0)",)])
@pytest.mark.parametrize("code", LSTM_MISTAKES)
def test_a_mistake_in_long_short_term_memory(code: str, program: tuple[str, ...]) -> None:
    prefix, output = ("y.", "y") if program else ("", "output")
    name, mistake = f"{prefix}hidden", code.partition(".")[2]
    found = compute(code, "lstm", LSTM, [name], gradients=["w_h"], upstream={output: G}, program=program)
    assert found.values[name] == pytest.approx(lstm(mistake))
    assert not np.allclose(lstm(mistake), lstm())
    expected = slope(lambda **given: lstm(mistake, **given), "w_h", LSTM["w_h"])
    assert found.gradients["w_h"] == pytest.approx(expected, abs=1e-7)
    assert compute(None, "lstm", LSTM, [name], program=program).values[name] == pytest.approx(lstm())


@pytest.mark.parametrize(
    ("code", "order"), [("lstm.gates_in_order_i_o_f_g", "iofg"), ("lstm.gates_in_order_i_f_o_g", "ifog")]
)
def test_another_order_of_gates(code: str, order: str) -> None:
    found = compute(code, "lstm", LSTM, ["hidden"], gradients=["w_h"], upstream={"output": G})
    assert found.values["hidden"] == pytest.approx(lstm(order=order))
    assert not np.allclose(lstm(order=order), lstm())
    expected = slope(lambda **given: lstm(order=order, **given), "w_h", LSTM["w_h"])
    assert found.gradients["w_h"] == pytest.approx(expected, abs=1e-7)


def test_the_bias_of_the_output_gate_in_the_order_of_onnx() -> None:
    blocks = [0, 3, 1, 2]  # of input, output and forget gate, and candidate
    onnx = {
        name: np.concatenate([np.split(value, 4, axis=-1)[at] for at in blocks], axis=-1)
        for name, value in LSTM.items()
        if name in ("w_x", "w_h", "b")
    }
    found = compute("lstm.gate_bias_of_another", "lstm", {**LSTM, **onnx}, ["hidden"],
                    gate_order="input_output_forget_candidate").values  # fmt: skip
    assert found["hidden"] == pytest.approx(lstm("gate_bias_of_another"))


GRU_MISTAKES = [
    "gru.update_gate_turned_round",
    "gru.reset_gate_left_out",
    "gru.gates_swapped",
    "gru.gate_blocks_exchanged",
    "gru.reset_on_the_other_side",
]


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("code", GRU_MISTAKES)
def test_a_mistake_in_a_gated_unit(code: str, reset_after: bool) -> None:
    mistake = code.partition(".")[2]
    found = compute(code, "gru", GRU, ["hidden"], gradients=["w_h"], upstream={"output": G},
                    reset_after=reset_after)  # fmt: skip
    expected = gru(mistake, reset_after)
    assert found.values["hidden"] == pytest.approx(expected)
    assert not np.allclose(expected, gru(reset_after=reset_after))
    gradient = slope(lambda **given: gru(mistake, reset_after, **given), "w_h", GRU["w_h"])
    assert found.gradients["w_h"] == pytest.approx(gradient, abs=1e-7)
    plain = compute(None, "gru", GRU, ["hidden"], reset_after=reset_after).values["hidden"]
    assert plain == pytest.approx(gru(reset_after=reset_after))


def test_exchanged_blocks_exchange_the_gates_themselves() -> None:
    right = compute(None, "gru", GRU | {"x": GRU["x"][:2]}, ["reset_gate[1]", "update_gate[1]"]).values
    names = list(right)
    mistaken = compute("gru.gate_blocks_exchanged", "gru", GRU | {"x": GRU["x"][:2]}, names).values
    assert mistaken[names[0]] == pytest.approx(right[names[1]])
    assert mistaken[names[1]] == pytest.approx(right[names[0]])
    assert not np.allclose(right[names[0]], right[names[1]])


@pytest.mark.parametrize("code", ["rnn.inputs_one_late", "rnn.read_backwards"])
@pytest.mark.parametrize(("operation", "layer", "given"), [("lstm", lstm, LSTM), ("gru", gru, GRU)])
def test_inputs_in_another_order(code: str, operation: str, layer: Any, given: dict[str, np.ndarray]) -> None:
    x = given["x"]
    moved = x[::-1] if code == "rnn.read_backwards" else np.vstack([np.zeros(IN), x[:-1]])
    found = compute(code, operation, given, ["hidden"]).values["hidden"]
    assert found == pytest.approx(layer(x=moved))
    assert not np.allclose(found, layer())


def test_a_forget_gate_that_is_coupled_already() -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute("lstm.coupled_gates", "lstm", LSTM, ["hidden"], coupled=True)
