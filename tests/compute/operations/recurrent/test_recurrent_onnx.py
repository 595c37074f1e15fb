"""ONNX's RNN, LSTM and GRU, written down as their operators are defined, and reached by attributes."""

import math
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer
from tests.oracles.cases import Array

WAYS = {"forward": ["forward"], "reverse": ["reverse"], "both": ["forward", "reverse"]}
FUNCTIONS = {
    "tanh": math.tanh,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "relu": lambda a: max(a, 0.0),
    "softsign": lambda a: a / (1 + abs(a)),
    "elu": lambda a: a if a > 0 else math.expm1(a),
}


def squashed(name: str, a: Array, clip: float | None) -> Array:
    """Apply an activation to clipped arguments."""
    bounded = a if clip is None else np.minimum(np.maximum(a, -clip), clip)
    found: Array = np.vectorize(FUNCTIONS[name], otypes=[float])(bounded)
    return found


def rnn_step(posed: dict[str, Any], way: int, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """Ht = f(Xt*(Wi^T) + Ht-1*(Ri^T) + Wbi + Rbi)"""
    w, r, (wb, rb) = posed["W"][way], posed["R"][way], np.split(posed["B"][way], 2)
    return squashed(posed["activations"][0], x @ w.T + h @ r.T + wb + rb, posed["clip"]), c


def lstm_step(posed: dict[str, Any], way: int, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """Gates in the order i, o, f, c; peepholes Pi, Po, Pf."""
    f, g, last = posed["activations"]
    wi, wo, wf, wc = np.split(posed["W"][way], 4)
    ri, ro, rf, rc = np.split(posed["R"][way], 4)
    bi, bo, bf, bc, si, so, sf, sc = np.split(posed["B"][way], 8)
    pi, po, pf = np.split(posed["P"][way], 3)
    clip = posed["clip"]
    i = squashed(f, x @ wi.T + h @ ri.T + pi * c + bi + si, clip)
    forget = 1 - i if posed["input_forget"] else squashed(f, x @ wf.T + h @ rf.T + pf * c + bf + sf, clip)
    new = forget * c + i * squashed(g, x @ wc.T + h @ rc.T + bc + sc, clip)
    o = squashed(f, x @ wo.T + h @ ro.T + po * new + bo + so, clip)
    return o * squashed(last, new, clip), new


def gru_step(posed: dict[str, Any], way: int, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """Gates in the order z, r, h."""
    f, g = posed["activations"]
    wz, wr, wh = np.split(posed["W"][way], 3)
    rz, rr, rh = np.split(posed["R"][way], 3)
    bz, br, bh, sz, sr, sh = np.split(posed["B"][way], 6)
    clip = posed["clip"]
    z = squashed(f, x @ wz.T + h @ rz.T + bz + sz, clip)
    r = squashed(f, x @ wr.T + h @ rr.T + br + sr, clip)
    inner = r * (h @ rh.T + sh) if posed["linear_before_reset"] else (r * h) @ rh.T + sh
    return (1 - z) * squashed(g, x @ wh.T + inner + bh, clip) + z * h, c


STEPS = {"rnn": (rnn_step, 1, 1), "lstm": (lstm_step, 4, 3), "gru": (gru_step, 3, 2)}


def drawn(kind: str, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([77, seed])
    _, gates, functions = STEPS[kind]
    steps, batch, size, units = (int(one) for one in rng.integers(1, 5, 4))
    direction = str(rng.choice(list(WAYS)))
    ways = len(WAYS[direction])
    plain = rng.random() < 0.4
    default = {"rnn": ["tanh"], "lstm": ["sigmoid", "tanh", "tanh"], "gru": ["sigmoid", "tanh"]}[kind]
    return {
        "X": rng.standard_normal((steps, batch, size)),
        "W": rng.standard_normal((ways, gates * units, size)),
        "R": rng.standard_normal((ways, gates * units, units)),
        "B": rng.standard_normal((ways, 2 * gates * units)),
        "P": rng.standard_normal((ways, 3 * units)) * (rng.random() < 0.5),
        "initial_h": rng.standard_normal((ways, batch, units)),
        "initial_c": rng.standard_normal((ways, batch, units)),
        "sequence_lens": rng.integers(1, steps + 1, batch),
        "direction": direction,
        "activations": default if plain else [str(one) for one in rng.choice(list(FUNCTIONS), functions)],
        "clip": None if rng.random() < 0.6 else 0.5,
        "input_forget": bool(rng.random() < 0.4),
        "linear_before_reset": bool(rng.random() < 0.5),
    }


def defined(kind: str, posed: dict[str, Any]) -> tuple[Array, Array, Array]:
    """Y (steps, directions, batch, h), Y_h and Y_c (directions, batch, h), loop by loop."""
    step, ways = STEPS[kind][0], WAYS[posed["direction"]]
    steps, batch, _ = posed["X"].shape
    units = posed["R"].shape[-1]
    y = np.zeros((steps, len(ways), batch, units))
    last, cells = posed["initial_h"].copy(), posed["initial_c"].copy()
    for at, way in enumerate(ways):
        for one in range(batch):
            length = posed["sequence_lens"][one]
            for t in range(length) if way == "forward" else reversed(range(length)):
                x, h, c = posed["X"][t, one], last[at, one], cells[at, one]
                last[at, one], cells[at, one] = step(posed, at, x, h, c)
                y[t, at, one] = last[at, one]
    return y, last, cells


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("seed", range(30))
def test_what_the_operator_defines(kind: str, seed: int) -> None:
    posed = drawn(kind, seed)
    ways = len(WAYS[posed["direction"]])

    def of(tensor: Array) -> Array:
        return tensor if ways == 2 else tensor[0]

    first, second = np.split(posed["B"], 2, axis=-1)
    inputs = {
        "x": posed["X"].swapaxes(0, 1),
        "w_x": of(posed["W"]),
        "w_h": of(posed["R"]),
        "b": of(first),
        "b_h": of(second),
        "h_0": posed["initial_h"].swapaxes(0, 1) if ways == 2 else posed["initial_h"][0],
        "lengths": posed["sequence_lens"].astype(float),
    }
    settings: dict[str, Any] = {"direction": posed["direction"], "weights": "out_in"}
    if posed["clip"] is not None:
        settings["clip"] = posed["clip"]
    names = ["activation"] if kind == "rnn" else ["gate_activation", "activation", "cell_activation"]
    settings |= dict(zip(names, posed["activations"], strict=False))
    if kind == "lstm":
        inputs["c_0"] = posed["initial_c"].swapaxes(0, 1) if ways == 2 else posed["initial_c"][0]
        inputs["peepholes"] = of(posed["P"].reshape(ways, 3, -1))
        settings |= {"gate_order": "input_output_forget_candidate", "coupled": posed["input_forget"]}
    if kind == "gru":
        settings |= {
            "gate_order": "update_reset_candidate", "reset_after": posed["linear_before_reset"],
        }  # fmt: skip
    finals = ["final_hidden", *(["final_cell"] if kind == "lstm" else [])]
    y, *states = defined(kind, posed)
    for select in (["*", "output", *finals], ["output", *finals]):
        found = answer(kind, inputs, settings, select=select).values
        flat = y.transpose(2, 0, 1, 3).reshape(*found["output"].shape)
        np.testing.assert_allclose(found["output"], flat, rtol=1e-11, atol=1e-12)
        for name, state in zip(finals, states, strict=False):
            expected = state.swapaxes(0, 1) if ways == 2 else state[0]
            np.testing.assert_allclose(found[name], expected, rtol=1e-11, atol=1e-12)
