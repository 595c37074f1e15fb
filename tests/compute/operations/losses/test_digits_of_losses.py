"""Digits of softmaxes and of losses of logits far apart, held against mpmath."""

from typing import Any

import mpmath
import numpy as np
import pytest

from tests.compute.asking import answer

MARGINS = [0.0, 0.5, 2.0, 5.0, 18.0, 30.0, 36.5, 37.0, 40.0, 100.0, 700.0]
KINDS = {"float64": 2.0**-52, "float32": 2.0**-23}
UNITS = 16


def near(found: Any, wanted: list[Any], kind: str, margin: float) -> None:
    """Return whether entries are as near as logits off by a unit in the last place would make them."""
    smallest = float(np.finfo(kind).tiny)
    for one, other in zip(np.ravel(found), wanted, strict=True):
        allowed = UNITS * KINDS[kind] * (1 + margin) * abs(other) + smallest
        assert abs(mpmath.mpf(float(one)) - other) <= allowed, f"{one}, not {mpmath.nstr(other, 17)}"


def rows(margin: float) -> list[list[float]]:
    """Logits whose largest leads by a margin: alone, beside equals, in the middle and far from 0."""
    return [[0.0, margin], [margin, 0.0, 0.0], [-1.0, margin, 0.25], [-margin, 0.0, -margin, -margin]]


def weights(logits: list[float]) -> list[Any]:
    exponentials = [mpmath.exp(mpmath.mpf(one)) for one in logits]
    return [one / sum(exponentials) for one in exponentials]


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mpmath.workdps(400):
        yield


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("margin", MARGINS)
def test_cross_entropy(margin: float, kind: str) -> None:
    for logits in rows(margin):
        p = weights(logits)
        for target in range(len(logits)):
            slopes = [one - (place == target) for place, one in enumerate(p)]
            for select in (None, ("output", "logits")):
                found = answer(
                    "cross_entropy", {"logits": [logits], "target": [target]}, select=select,
                    upstream={"output": np.ones(())}, jacobian=[("output", "logits")], arithmetic=kind,
                )  # fmt: skip
                near(found.values["output"], [-mpmath.log(p[target])], kind, margin)
                near(found.gradients["logits"], slopes, kind, margin)
                near(found.parts["jacobians"][0].value, slopes, kind, margin)
                assert not np.signbit(found.values["output"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
def test_softmax(operation: str, margin: float, kind: str) -> None:
    for logits in rows(margin):
        p, count = weights(logits), len(logits)
        expected = p if operation == "softmax" else [mpmath.log(one) for one in p]
        scale = p if operation == "softmax" else [1] * count
        matrix = [scale[i] * ((i == j) - p[j]) for i in range(count) for j in range(count)]
        found = answer("graph", {"x": [logits]}, program=(f"y = {operation}(x)",), jacobian=[("y", "x")],
                       arithmetic=kind)  # fmt: skip
        near(found.values["y"], expected, kind, margin)
        near(found.parts["jacobians"][0].value, matrix, kind, margin)
        for chosen in range(count):
            upstream = {"y": np.eye(count)[[chosen]]}
            found = answer("graph", {"x": [logits]}, program=(f"y = {operation}(x)",), upstream=upstream,
                           arithmetic=kind)  # fmt: skip
            near(found.gradients["x"], matrix[chosen * count : (chosen + 1) * count], kind, margin)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("margin", [*MARGINS, *(-one for one in MARGINS)])
def test_binary_cross_entropy(margin: float, kind: str) -> None:
    p = 1 / (1 + mpmath.exp(-mpmath.mpf(margin)))
    q = 1 / (1 + mpmath.exp(mpmath.mpf(margin)))
    for target in (0.0, 1.0):
        for select in (None, ("output", "logits")):
            found = answer(
                "binary_cross_entropy", {"logits": [margin], "target": [target]}, select=select,
                upstream={"output": np.ones(())}, arithmetic=kind,
            )  # fmt: skip
            near(found.values["output"], [-mpmath.log(p if target else q)], kind, abs(margin))
            near(found.gradients["logits"], [-q if target else p], kind, abs(margin))


def test_gradients_of_a_row_sum_to_0() -> None:
    for margin in MARGINS:
        for logits in rows(margin):
            found = answer("cross_entropy", {"logits": [logits], "target": [1]},
                           upstream={"output": np.ones(())})  # fmt: skip
            slopes = found.gradients["logits"]
            assert abs(slopes.sum()) <= 2e-15 * np.abs(slopes).max()


def test_a_row_of_one_entry_has_no_slope() -> None:
    found = answer("graph", {"x": [[3.0]]}, program=("y = log_softmax(x)", "z = softmax(x)"),
                   upstream={"y": np.ones((1, 1)), "z": np.ones((1, 1))})  # fmt: skip
    assert found.gradients["x"].tolist() == [[0.0]] and not np.signbit(found.gradients["x"]).any()
    assert found.values["y"].tolist() == [[0.0]]
