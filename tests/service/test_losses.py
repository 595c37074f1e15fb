"""Linear layers, embeddings and losses over HTTP: alone, in programs, in costs, in comparisons; refusals."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.expressions import parse
from tests.conftest import Ask, errors

LOGITS = [[2.0, 1, 0], [0, 1, -1]]
BINARY = "/v1/binary_cross_entropy"
EXACT: dict[str, Any] = {"arithmetic": "exact"}


def answered(ask: Ask, path: str, **fields: Any) -> Any:
    response = ask(path, **fields)
    assert response.status_code == 200, response.text
    return response.json()


def test_every_step_of_a_cross_entropy(ask: Ask) -> None:
    found = answered(ask, "/v1/cross_entropy", logits=LOGITS, target=[0, 2], class_weights=[1, 1, 2],
                     label_smoothing=0.1, upstream={"output": 1})  # fmt: skip
    assert list(found["values"]) == [
        "log_probabilities", "target_weights", "one_hot", "smoothed_target", "weighted_target", "losses",
        "total_weight", "output",
    ]  # fmt: skip
    assert found["values"]["total_weight"] == 3
    assert found["conventions"]["ignore_index"] == -100
    assert found["conventions"]["zero_times_log_of_zero"] == 0
    assert found["conventions"]["mean_over"] == "total_weight"
    assert len(found["gradients"]["logits"]) == 2
    asked = answered(ask, "/v1/cross_entropy", logits=LOGITS, target=[0, 2], select=["probabilities"])
    np.testing.assert_allclose(np.sum(asked["values"]["probabilities"], axis=-1), 1, rtol=1e-15)


def test_symbols(ask: Ask) -> None:
    found = answered(ask, "/v1/cross_entropy", logits=["z1", "z2", "z3"], target=0, upstream={"output": 1},
                     **EXACT)  # fmt: skip
    assert found["values"]["output"] == "-z1 + log(exp(z1) + exp(z2) + exp(z3))"
    gradient = value(parse(found["gradients"]["logits"][0]), Symbols())
    z = sympy.symbols("z1:4", real=True)
    assert sympy.simplify(gradient - sympy.exp(z[0]) / sum(map(sympy.exp, z)) + 1) == 0


def test_a_line_names_the_steps_of_its_loss(ask: Ask) -> None:
    program = ["h = embedding(i, E)", "z = linear(h, w, b)", "L = cross_entropy(z, y)"]
    inputs = {"i": [1, 0], "E": [[1, 0], [0, 1]], "w": [[1, 2], [3, 4]], "b": [0, 1], "y": [0, 1]}
    found = answered(ask, "/v1/graph", program=program, inputs=inputs, upstream={"L": 1})
    assert {"h.vectors", "z.projected", "L.log_probabilities", "L.one_hot", "L.losses"} <= set(
        found["values"]
    )
    assert np.mean(found["values"]["L.losses"]) == pytest.approx(found["values"]["L"])
    assert {"E", "w", "b"} <= set(found["gradients"])
    assert "y" not in found["gradients"]
    inner = answered(ask, "/v1/graph", program=["L = 2 * cross_entropy(z, y, axis=0)"],
                     inputs={"z": [1, 2], "y": 0}, select=["L"])  # fmt: skip
    assert inner["values"]["L"] == pytest.approx(2 * np.log(1 + np.e))


def test_the_cost_of_losses_in_letters(ask: Ask) -> None:
    def cost(**fields: Any) -> Any:
        return answered(ask, "/v1/cost", **fields)["cost"]

    shapes = {"logits": {"shape": ["n", "c", "h"]}, "target": {"shape": ["n", "h"]}}
    assert "c*h*n" in cost(operation="cross_entropy", **shapes, axis=1)["elementwise"]
    assert "c*n" in cost(operation="cross_entropy", logits={"shape": ["n", "c"]})["elementwise"]
    assert cost(operation="linear", x={"shape": ["n", "d"]})["multiply_adds"] == "d*d_out*n"
    assert cost(operation="embedding")["parameters"] == "d*vocabulary"
    for operation in ("mse", "kl_divergence", "nll", "multi_margin", "hinge", "cosine"):
        assert cost(operation=operation)["multiply_adds"] == 0
    refused = ask(
        "/v1/cost", operation="cross_entropy", logits={"shape": ["n", "c"]}, target={"shape": ["c"]}
    )
    assert "/target" in errors(refused)


def test_two_losses_side_by_side(ask: Ask) -> None:
    fields = {"operation": "cross_entropy", "logits": LOGITS, "target": [0, 2]}
    found = answered(ask, "/v1/compare", **fields, changes={"logits": {"at": [0, 0], "add": 1e-3}})
    moved = found["values"]["output"]
    assert moved["first_order"] == pytest.approx(moved["difference"], rel=1e-3)
    assert moved["first_order_error"] < 1e-6
    smoothed = answered(ask, "/v1/compare", **fields, changes={"label_smoothing": 0.2})
    assert smoothed["changed_conventions"] == {"label_smoothing": {"before": 0, "after": 0.2}}
    assert smoothed["values"]["losses"]["largest_change"] > 0.01


def test_a_trace_of_a_classifier(ask: Ask) -> None:
    found = answered(
        ask, "/v1/optimizer/trace", program=["z = linear(x, w, b)", "L = cross_entropy(z, y)"],
        inputs={"x": [[1, 0], [0, 1], [1, 1]], "y": [0, 1, 1]}, start={"w": [[0, 0], [0, 0]], "b": [0, 0]},
        optimizer={"name": "gradient_descent", "learning_rate": 1}, steps=3, loss="L",
    )  # fmt: skip
    losses = [one["loss"] for one in found["trace"]]
    assert losses[0] == pytest.approx(np.log(2))
    assert losses == sorted(losses, reverse=True)


def test_infinity_among_symbols_is_text(ask: Ask) -> None:
    found = answered(ask, "/v1/kl_divergence", prediction=["q1", "q2"], target=["p1", 0], **EXACT)
    assert found["values"]["log_ratio"] == ["log(p1) - log(q1)", "-Infinity"]
    assert found["values"]["losses"] == ["p1*(log(p1) - log(q1))", "0"]


@pytest.mark.parametrize(
    ("path", "fields", "pointer", "expected"),
    [
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 3]}, "/target", "from 0 to 2, or -100"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, "k"], **EXACT}, "/target", "from 0 to 2"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [-100, -100]}, "/target", "at least one class"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [True, False]}, "/target/0", "a number"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [[0, 1], [1, 0]]}, "/target", "shape (2, 3)"),
        ("/v1/cross_entropy", {"logits": LOGITS}, "/target", "a tensor"),
        ("/v1/cross_entropy", {"logits": 1, "target": 0}, "/logits", "shape (..., c)"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 1], "label_smoothing": 2}, "/label_smoothing",
         "from 0 to 1"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 1], "axis": 5}, "/axis", "from -2 to 1"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 1], "reduction": "max"}, "/reduction",
         "'mean'"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 1], "class_weights": [1, 2, -3]},
         "/class_weights", "numbers from 0 on"),
        ("/v1/cross_entropy", {"logits": LOGITS, "target": [0, 1], "given": {"losses": [1, 2, 3]}},
         "/given/losses", "shape (2)"),
        ("/v1/nll", {"log_probabilities": LOGITS, "target": [0, 1.5]}, "/target", "whole numbers"),
        (BINARY, {"probabilities": [0.5, 1.5], "target": [0, 1]}, "/probabilities", "from 0 to 1"),
        (BINARY, {"probabilities": ["p", "3/2"], "target": [0, 1], **EXACT}, "/probabilities", "from 0 to 1"),
        (BINARY, {"logits": [0, 1], "target": [-1, 1]}, "/target", "from 0 to 1"),
        (BINARY, {"target": [0, 1]}, "/probabilities", "one of them"),
        (BINARY, {"logits": [0, 1], "target": [0, 1], "weights": [1, 2, 3]}, "/weights", "broadcasts to (2)"),
        ("/v1/kl_divergence", {"prediction": [-0.5, 1.5], "target": [0, 1]}, "/prediction", "from 0 on"),
        ("/v1/cosine", {"x1": [0, 0], "x2": [1, 2]}, "/x1", "an epsilon above 0"),
        ("/v1/cosine", {"x1": ["a", 1], "x2": [0, "1 - 1"], **EXACT}, "/x2", "an epsilon above 0"),
        ("/v1/hinge", {"scores": [1, 2], "target": [0, 1]}, "/target", "1 or -1"),
        ("/v1/multi_margin", {"scores": [1, 2], "target": 5}, "/target", "from 0 to 1"),
        ("/v1/huber", {"prediction": 1, "target": 2, "delta": 0}, "/delta", "above zero"),
        ("/v1/mse", {"prediction": [1, 2], "target": [1]}, "/target", "shape (2), as prediction"),
        ("/v1/embedding", {"indices": [0, 2], "weights": [[1], [2]]}, "/indices", "from 0 to 1"),
        ("/v1/embedding", {"indices": [0.5], "weights": [[1], [2]]}, "/indices", "whole numbers"),
        ("/v1/embedding", {"indices": 0, "weights": [[1], [2]], "padding_index": 2}, "/padding_index",
         "-2 to 1"),
        ("/v1/linear", {"x": [1, 2], "w": [[1, 2]]}, "/w", "d = 2 from axis 0 of x"),
        ("/v1/linear", {"x": [1, 2], "w": [[1, 2]], "weights": "rows"}, "/weights", "'in_out' or 'out_in'"),
        ("/v1/graph", {"program": ["L = cross_entropy(z, y)"], "inputs": {"z": [1, 2], "y": 2}}, "/inputs/y",
         "from 0 to 1"),
        ("/v1/graph", {"program": ["p = 2 * x", "L = binary_cross_entropy(p, y)"],
                       "inputs": {"x": 1, "y": 1}}, "/program/1", "from 0 to 1"),
        ("/v1/graph", {"program": ["L = cross_entropy(z, y, axis=3)"], "inputs": {"z": [1, 2], "y": 1}},
         "/program/0", "from -1 to 0"),
    ],
)  # fmt: skip
def test_refusals(ask: Ask, path: str, fields: dict[str, Any], pointer: str, expected: str) -> None:
    found = errors(ask(path, **fields))
    assert list(found) == [pointer]
    assert expected in found[pointer]["expected"]


@pytest.mark.parametrize("margin", [1e308, -1.5e308])
def test_the_largest_settings_are_answered(ask: Ask, margin: float) -> None:
    question = {"distances": [1], "target": [-1], "margin": margin, "arithmetic": "exact"}
    response = ask("/v1/hinge_embedding", **question)
    assert response.status_code == 200
    assert response.json()["conventions"]["margin"] == margin
