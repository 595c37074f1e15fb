"""Known mistakes in losses, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(17)
Array = np.ndarray[Any, Any]
LOGITS, TARGET = RNG.normal(size=(4, 3)), np.array([0.0, 2.0, 1.0, 2.0])
CLASSES = range(4), TARGET.astype(int)
ONE_HOT = np.eye(3)[CLASSES[1]]
Y, T = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
LABELS = np.array([1.0, 0.0, 1.0])
SCORES = RNG.normal(size=3)


def softmax(scores: Array) -> Array:
    return np.asarray(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))


P, Q = softmax(LOGITS), 1 / (1 + np.exp(-SCORES))
SURPRISE = -np.log(P[CLASSES])


def cross_entropy(code: str | None) -> Mistaken:
    return compute(
        code, "cross_entropy", {"logits": LOGITS, "target": TARGET}, ["losses", "output"],
        gradients=["logits"], upstream={"output": 1.0},
    )  # fmt: skip


def squares(code: str | None, program: str = "", operation: str = "mse") -> Mistaken:
    """Compute the loss of predictions by the operation, or by a program."""
    inputs = {"y": Y, "t": T} if program else {"prediction": Y, "target": T}
    name, prediction = ("loss", "y") if program else ("output", "prediction")
    lines = [f"loss = {program}"] if program else []
    result = compute(
        code, operation, inputs, [name], gradients=[prediction], upstream={name: 1.0}, program=lines
    )
    return Mistaken({"loss": result.values[name]}, {"y": result.gradients[prediction]})


def binary(code: str | None, sent: str) -> Mistaken:
    inputs = {sent: SCORES if sent == "logits" else Q, "target": LABELS}
    return compute(
        code, "binary_cross_entropy", inputs, ["losses", "output"], gradients=[sent], upstream={"output": 1.0}
    )


@pytest.mark.parametrize(
    ("code", "to_logits"),
    [
        ("loss.gradient_not_averaged", P - ONE_HOT),
        ("loss.divided_by_all", (P - ONE_HOT) / 12),
        ("loss.gradient_sign", (ONE_HOT - P) / 4),
    ],
)
def test_mistaken_gradients_of_cross_entropy(code: str, to_logits: Array) -> None:
    mistaken = cross_entropy(code)
    assert mistaken.values["output"] == pytest.approx(SURPRISE.mean())
    assert mistaken.gradients["logits"] == pytest.approx(to_logits)
    assert not np.allclose(to_logits, cross_entropy(None).gradients["logits"], rtol=0.01)


ERROR = Y - T
SQUARES: dict[str, Array] = {
    "loss.gradient_not_averaged": 2 * ERROR,
    "loss.gradient_averaged_over_samples": 2 * ERROR / 3,
    "loss.gradient_sign": -2 * ERROR / 6,
    "loss.gradient_two_left_out": ERROR / 6,
}


@pytest.mark.parametrize("code", SQUARES)
@pytest.mark.parametrize("program", ["", "mean((y - t)**2)", "mean(square(y - t))", "sum((y - t)**2) / 6"])
def test_mistaken_gradients_of_squares(code: str, program: str) -> None:
    mistaken, right = squares(code, program), squares(None, program)
    assert mistaken.values["loss"] == pytest.approx((ERROR**2).mean())
    assert mistaken.gradients["y"] == pytest.approx(SQUARES[code])
    assert not np.allclose(SQUARES[code], right.gradients["y"], rtol=0.01)


@pytest.mark.parametrize(
    ("code", "loss", "to_y"),
    [
        ("loss.not_averaged", (ERROR**2).sum(), 2 * ERROR),
        ("loss.averaged_over_samples", (ERROR**2).sum() / 3, 2 * ERROR / 3),
    ],
)
@pytest.mark.parametrize("program", ["", "mean((y - t)**2)"])
def test_mistaken_averages(code: str, loss: float, to_y: Array, program: str) -> None:
    mistaken = squares(code, program)
    assert mistaken.values["loss"] == pytest.approx(loss)
    assert mistaken.gradients["y"] == pytest.approx(to_y)
    assert abs(loss - (ERROR**2).mean()) > 0.01


@pytest.mark.parametrize(
    ("code", "loss", "to_y"),
    [
        ("loss.half_added", (ERROR**2).mean() / 2, ERROR / 6),
        ("loss.absolute_for_square", np.abs(ERROR).mean(), np.sign(ERROR) / 6),
        ("loss.root_taken", np.sqrt((ERROR**2).mean()), ERROR / 6 / np.sqrt((ERROR**2).mean())),
    ],
)
def test_other_functions_of_the_error(code: str, loss: float, to_y: Array) -> None:
    mistaken = squares(code)
    assert mistaken.values["loss"] == pytest.approx(loss)
    assert mistaken.gradients["y"] == pytest.approx(to_y)
    assert abs(loss - (ERROR**2).mean()) > 0.01


@pytest.mark.parametrize(
    ("code", "value", "slope"), [("loss.half_left_out", 1.0, 2.0), ("loss.gradient_factor_two", 0.5, 2.0)]
)
@pytest.mark.parametrize("program", ["0.5*(y - t)**2", "1/2*(y - t)**2", "(y - t)**2 / 2"])
def test_the_half_of_a_square(code: str, value: float, slope: float, program: str) -> None:
    mistaken, right = (
        compute(
            one, "graph", {"y": Y, "t": T}, ["l"], gradients=["y"], upstream={"l": np.ones((3, 2))},
            program=[f"l = {program}"],
        )
        for one in (code, None)
    )  # fmt: skip
    assert mistaken.values["l"] == pytest.approx(value * ERROR**2)
    assert mistaken.gradients["y"] == pytest.approx(slope * ERROR)
    assert not np.allclose(mistaken.gradients["y"], right.gradients["y"], rtol=0.01)


@pytest.mark.parametrize("program", ["0.5*(y - t)", "mean(y[:1])", "(y - t) / 2"])
def test_a_half_of_something_else_is_no_mistake(program: str) -> None:
    inputs = {"y": Y, "t": T} if "t" in program else {"y": Y}
    with pytest.raises(ValueError, match="replaces no step"):
        compute("loss.half_left_out", "graph", inputs, ["l"], program=[f"l = {program}"])


@pytest.mark.parametrize(("code", "base"), [("loss.base_two", 2), ("loss.base_ten", 10)])
def test_other_logarithms(code: str, base: int) -> None:
    mistaken = cross_entropy(code)
    assert mistaken.values["losses"] == pytest.approx(SURPRISE / np.log(base))
    assert mistaken.gradients["logits"] == pytest.approx((P - ONE_HOT) / 4 / np.log(base))
    for sent in ("logits", "probabilities"):
        expected = -np.log(np.where(LABELS == 1, Q, 1 - Q)) / np.log(base)
        assert binary(code, sent).values["losses"] == pytest.approx(expected)
    program = compute(code, "graph", {"y": ONE_HOT, "z": LOGITS}, ["l"], program=["l = -y * log(softmax(z))"])
    assert program.values["l"] == pytest.approx(-ONE_HOT * np.log(P) / np.log(base))


def test_the_minus_is_left_out() -> None:
    assert cross_entropy("loss.minus_left_out").values["losses"] == pytest.approx(-SURPRISE)
    logs = {"log_probabilities": np.log(P), "target": TARGET}
    mistaken = compute("loss.minus_left_out", "nll", logs, ["losses"])
    assert mistaken.values["losses"] == pytest.approx(-SURPRISE)
    program = ["p = softmax(z)", "l = -sum(y * log(p))"]
    mistaken = compute("loss.minus_left_out", "graph", {"y": ONE_HOT, "z": LOGITS}, ["l"], program=program)
    assert mistaken.values["l"] == pytest.approx(-SURPRISE.sum())


def test_the_sign_of_the_gradient_of_other_losses() -> None:
    right = (Q - LABELS) / 3
    assert binary("loss.gradient_sign", "logits").gradients["logits"] == pytest.approx(-right)
    to_q = right / (Q * (1 - Q))
    assert binary("loss.gradient_sign", "probabilities").gradients["probabilities"] == pytest.approx(-to_q)
    mistaken = compute(
        "loss.gradient_sign", "nll", {"log_probabilities": np.log(P), "target": TARGET}, ["output"],
        gradients=["log_probabilities"], upstream={"output": 1.0},
    )  # fmt: skip
    assert mistaken.gradients["log_probabilities"] == pytest.approx(ONE_HOT / 4)


@pytest.mark.parametrize("sent", ["logits", "probabilities"])
def test_the_complement_is_left_out(sent: str) -> None:
    mistaken = binary("loss.complement_left_out", sent)
    assert mistaken.values["losses"] == pytest.approx(-LABELS * np.log(Q))
    assert not np.allclose(mistaken.values["losses"], binary(None, sent).values["losses"])


def test_the_complement_is_left_out_in_a_program() -> None:
    mistaken = compute(
        "loss.complement_left_out", "graph", {"p": Q, "t": LABELS}, ["l"], gradients=["p"],
        upstream={"l": np.ones(3)}, program=["l = -(t*log(p) + (1 - t)*log(1 - p))"],
    )  # fmt: skip
    assert mistaken.values["l"] == pytest.approx(-LABELS * np.log(Q))
    assert mistaken.gradients["p"] == pytest.approx(-LABELS / Q)


def test_classes_are_counted_from_one() -> None:
    shifted = np.array([2, 1, 0, 1])
    mistaken = cross_entropy("loss.class_counted_from_one")
    assert mistaken.values["losses"] == pytest.approx(-np.log(P[range(4), shifted]))
    assert mistaken.gradients["logits"] == pytest.approx((P - np.eye(3)[shifted]) / 4)
    logs = {"log_probabilities": np.log(P), "target": TARGET}
    mistaken = compute("loss.class_counted_from_one", "nll", logs, ["target_log_probabilities"])
    assert mistaken.values["target_log_probabilities"] == pytest.approx(np.log(P[range(4), shifted]))


@pytest.mark.parametrize("code", ["loss.gradient_not_averaged", "loss.not_averaged"])
def test_a_single_loss_has_no_mean(code: str) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "mse", {"prediction": Y[:1, 0], "target": T[:1, 0]}, ["output"])
