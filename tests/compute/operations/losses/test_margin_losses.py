"""Margin losses: against loops, at the margin, in symbols, and refusals."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(38)
SIGNS = np.array([1.0, -1, -1, 1, -1])


def mean(losses: list[Any]) -> float:
    return float(sum(losses)) / len(losses)


@pytest.mark.parametrize("squared", [False, True])
def test_hinge(squared: bool) -> None:
    scores = RNG.standard_normal(5)
    found = answer("hinge", {"scores": scores, "target": SIGNS}, {"margin": 0.5, "squared": squared}).values
    losses = [max(0, 0.5 - y * f) ** (2 if squared else 1) for f, y in zip(scores, SIGNS, strict=True)]
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-14)
    np.testing.assert_allclose(found["margins"], scores * SIGNS, rtol=1e-15)
    assert found["output"] == pytest.approx(mean(losses))


def test_hinge_embedding() -> None:
    distances = RNG.uniform(0, 2, 5)
    found = answer("hinge_embedding", {"distances": distances, "target": SIGNS}).values
    losses = [d if y == 1 else max(0, 1 - d) for d, y in zip(distances, SIGNS, strict=True)]
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-14)
    assert found["output"] == pytest.approx(mean(losses))


@pytest.mark.parametrize("squared", [False, True])
def test_multi_margin(squared: bool) -> None:
    scores, target, weights = RNG.standard_normal((5, 3)), [0, 2, 1, 1, 0], [1, 2, 0.5]
    found = answer("multi_margin", {"scores": scores, "target": target, "class_weights": weights},
                   {"squared": squared}).values  # fmt: skip
    losses = []
    for row, own in zip(scores, target, strict=True):
        short = [max(0, 1 - row[own] + row[c]) for c in range(3) if c != own]
        losses.append(weights[own] * sum(one**2 if squared else one for one in short) / 3)
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-13)
    assert found["output"] == pytest.approx(mean(losses))


def test_cosine() -> None:
    x1, x2 = RNG.standard_normal((2, 5, 3))
    found = answer("cosine", {"x1": x1, "x2": x2, "target": SIGNS}, {"margin": 0.1}).values
    losses = []
    for a, b, y in zip(x1, x2, SIGNS, strict=True):
        cosine = float(a @ b) / (math.hypot(*a) * math.hypot(*b))
        losses.append(1 - cosine if y == 1 else max(0, cosine - 0.1))
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-12)
    assert found["output"] == pytest.approx(mean(losses))
    alike = answer("cosine", {"x1": x1, "x2": x2}).values
    np.testing.assert_allclose(alike["losses"], 1 - alike["similarity"], rtol=1e-15)
    np.testing.assert_allclose(alike["norms_1"], np.linalg.norm(x1, axis=-1), rtol=1e-14)


@pytest.mark.parametrize(
    ("operation", "inputs", "by", "slope"),
    [  # at the margin: what the book writes as a hinge stops there, what PyTorch clamps does not
        ("hinge", {"scores": 1, "target": 1}, "scores", 0),
        ("hinge_embedding", {"distances": 1, "target": -1}, "distances", -1),
        ("multi_margin", {"scores": [1, 0], "target": 0}, "scores", [0, 0]),
        ("cosine", {"x1": [1, 0], "x2": [0, 2], "target": -1}, "x1", [0, 1]),
    ],
)
@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_kinks(operation: str, inputs: Any, by: str, slope: Any, arithmetic: str) -> None:
    found = answer(operation, inputs, upstream={"output": 1}, arithmetic=arithmetic)
    np.testing.assert_array_equal(np.asarray(found.gradients[by], dtype=float), slope)


def test_the_cosine_in_symbols() -> None:
    found = answer("cosine", {"x1": ["a", "b"], "x2": ["c", "d"]}, upstream={"output": 1}, arithmetic="exact")
    a, b, c, d = sympy.symbols("a b c d", real=True)
    loss = 1 - (a * c + b * d) / sympy.sqrt(a**2 + b**2) / sympy.sqrt(c**2 + d**2)
    assert sympy.simplify(found.values["output"][()] - loss) == 0
    for name, symbols in (("x1", (a, b)), ("x2", (c, d))):
        for gradient, symbol in zip(found.gradients[name], symbols, strict=True):
            assert sympy.simplify(gradient - loss.diff(symbol)) == 0


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("hinge", {"scores": ["a", "b"], "target": [1, -1]}),
        ("hinge_embedding", {"distances": ["a", "b"], "target": [1, -1]}),
        ("multi_margin", {"scores": ["a", "b"], "target": 1}),
        ("multi_margin", {"scores": [["a", "b"], ["b", 0]], "target": [1, 0]}),
    ],
)
def test_margins_in_symbols(operation: str, inputs: Any) -> None:
    found = answer(operation, inputs, {"margin": "m"}, upstream={"output": 1}, arithmetic="exact")
    by = next(iter(inputs))
    entries: Any = np.array(inputs[by], dtype=object)
    loss: Any = found.values["output"][()]
    assert {str(one) for one in loss.free_symbols} == {"a", "b", "m"}
    for point in ({"a": 1, "b": 3, "m": 5}, {"a": 3, "b": -1, "m": 2}, {"a": 5, "b": 7, "m": 30}):
        numbers = {sympy.Symbol(name, real=True): worth for name, worth in point.items()}
        for name in ("a", "b"):
            symbol = sympy.Symbol(name, real=True)
            others = {one: worth for one, worth in numbers.items() if one != symbol}
            slope = loss.subs(others).diff(symbol).subs(symbol, point[name])
            gradients = found.gradients[by][entries == name]
            assert sum(one.subs(numbers) for one in gradients) == slope


PAIR = {"x1": [[1, 0], [1, 1]], "x2": [[1, 2], [3, 4]]}


@pytest.mark.parametrize(
    ("operation", "inputs", "settings", "field"),
    [
        ("hinge", {"scores": [1, 2], "target": [0, 1]}, {}, "target"),
        ("hinge", {"scores": [1, 2], "target": [1, np.nan]}, {}, "target"),
        ("hinge", {"scores": [1, 2], "target": 1}, {}, "target"),
        ("hinge", {"scores": 1, "target": 1}, {"margin": "m"}, "margin"),
        ("hinge_embedding", {"distances": [1, 2], "target": [2, 1]}, {}, "target"),
        ("multi_margin", {"scores": [1, 2], "target": 2}, {}, "target"),
        ("multi_margin", {"scores": [1, 2], "target": -100}, {}, "target"),
        ("multi_margin", {"scores": [1, 2], "target": [1]}, {}, "target"),
        ("multi_margin", {"scores": [1, 2], "target": 1, "class_weights": [1]}, {}, "class_weights"),
        ("cosine", PAIR | {"x1": [[1, 0], [0, 0]]}, {}, "x1"),
        ("cosine", PAIR | {"x2": [[1, 0], [0, 0]]}, {}, "x2"),
        ("cosine", PAIR | {"target": [1, 0.5]}, {}, "target"),
        ("cosine", PAIR | {"target": 1}, {}, "target"),
        ("cosine", PAIR | {"x2": [[1, 2]]}, {}, "x2"),
        ("cosine", PAIR, {"margin": 1}, "margin"),
        ("cosine", PAIR, {"epsilon": -1}, "epsilon"),
    ],
)
def test_what_is_refused(operation: str, inputs: Any, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer(operation, inputs, settings)
    assert [error.path for error in caught.value.errors] == [(field,)]


def test_with_an_epsilon_zeros_have_a_cosine() -> None:
    inputs = {"x1": [0.0, 0], "x2": [3.0, 4]}
    found = answer("cosine", inputs, {"epsilon": 1e-12}, upstream={"output": 1})
    assert found.values["similarity"] == 0
    assert np.isfinite(found.gradients["x1"]).all()
