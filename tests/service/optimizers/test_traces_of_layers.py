"""POST /v1/optimizer/trace of programs whose lines are layers: their weights are trained."""

from typing import Any

import numpy as np
import pytest

from tests.conftest import Ask, errors
from tests.service.layers import LAYER, X, flat

PATH = "/v1/optimizer/trace"
START: dict[str, Any] = flat(LAYER, "h.")
TARGET = [[1, -1], [0.5, 0], [-1, 2]]
FIELDS: dict[str, Any] = {
    "program": ["h = encoder_layer(x, heads=2, norm_placement='pre')", "L = sum((h - y)**2) / 2"],
    "loss": "L",
    "inputs": {"x": X, "y": TARGET},
    "optimizer": {"name": "gradient_descent", "learning_rate": 0.002},
    "steps": 6,
}


def without(name: str) -> dict[str, Any]:
    return {one: tensor for one, tensor in START.items() if one != name}


def test_a_layer_is_trained_by_its_own_gradients(ask: Ask) -> None:
    response = ask(PATH, **FIELDS, start=START)
    assert response.status_code == 200, response.text
    found = response.json()
    weights = {name: np.array(one, dtype=float) for name, one in START.items()}
    for step in found["trace"]:
        sent = {name: one.tolist() for name, one in weights.items()}
        once = ask(
            "/v1/graph", program=FIELDS["program"], inputs={**FIELDS["inputs"], **sent}, upstream={"L": 1}
        ).json()
        assert set(step["parameters"]) == set(START)
        for name, one in weights.items():
            np.testing.assert_allclose(step["parameters"][name], one, rtol=1e-9, atol=1e-11)
        assert step["loss"] == pytest.approx(once["values"]["L"], rel=1e-9)
        weights = {name: one - 0.002 * np.array(once["gradients"][name]) for name, one in weights.items()}
    losses = [one["loss"] for one in found["trace"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_some_weights_stay_as_they_are(ask: Ask) -> None:
    """Tensors under `inputs` are data: here only the norms of a layer are trained."""
    norms = {name: one for name, one in START.items() if "norm" in name}
    kept = {name: one for name, one in START.items() if "norm" not in name}
    fields = FIELDS | {"inputs": {**FIELDS["inputs"], **kept}, "start": norms}
    trace = ask(PATH, **fields).json()["trace"]
    assert set(trace[0]["parameters"]) == set(norms)
    assert trace[-1]["loss"] < trace[0]["loss"]
    packed = ask(PATH, **fields, encoding="packed").json()["trace"]
    assert packed[-1]["loss"] == trace[-1]["loss"]


def test_batches_of_sequences(ask: Ask) -> None:
    inputs = {"x": [X, TARGET], "y": [TARGET, X]}
    batches = {"inputs": ["x", "y"], "rows": [[0], [1]]}
    response = ask(PATH, **FIELDS | {"inputs": inputs}, start=START, batches=batches)
    assert response.status_code == 200, response.text
    alone = ask(PATH, **FIELDS | {"steps": 1}, start=START).json()["trace"]
    first = response.json()["trace"][1]["parameters"]
    for name, one in alone[1]["parameters"].items():
        np.testing.assert_allclose(first[name], one, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "pointer", "expected"),
    [
        ({"start": without("h.attention.w_o")}, "/start/h.attention.w_o", "under inputs for data"),
        ({"start": {**START, "h.attention.w_z": [[1]]}}, "/start/h.attention.w_z", "h.attention.w_q"),
        ({"start": {**START, "h.x": X}}, "/start/h.x", "one of"),
        ({"start": {**START, "q.attention.w_q": X}}, "/start/q.attention.w_q", "one of"),
        ({"start": {**START, "h.attention.w_q": [[1]]}}, "/start/h.attention.w_q", "d = 2"),
        ({"start": {**START, "h.attention.w_q": None}}, "/start/h.attention.w_q", "a number"),
        ({"start": {"h": LAYER}}, "/start/h", "exactly the fields"),
        ({"inputs": {**FIELDS["inputs"], "h.attention.w_q": [[1]]}, "start": without("h.attention.w_q")},
         "/inputs/h.attention.w_q", "d = 2"),
        ({"inputs": {**FIELDS["inputs"], "h.attention.w_z": [[1]]}}, "/inputs/h.attention.w_z",
         "h.attention.w_q"),
        ({"inputs": {**FIELDS["inputs"], "h.attention.w_q": X}}, "/inputs/h.attention.w_q", "data"),
    ],
)  # fmt: skip
def test_faults_stand_where_weights_do(
    ask: Ask, changes: dict[str, Any], pointer: str, expected: str
) -> None:
    found = errors(ask(PATH, **{**FIELDS, "start": START, **changes}))
    assert pointer in found
    assert expected in found[pointer]["expected"]
