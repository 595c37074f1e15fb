"""Normalizations of free symbols: formulas as textbooks have them, gradients as SymPy differentiates."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.kinds import EXACT
from compute.question.answer import Answer
from tests.compute.asking import answer

EPSILON = sympy.Symbol("epsilon", real=True, positive=True)
POSITIVE = (("epsilon", ("positive",)),)


def letters(name: str, *shape: int) -> Any:
    found = np.empty(shape, dtype=object)
    for number, at in enumerate(np.ndindex(shape)):
        found[at] = sympy.Symbol(f"{name}{number + 1}", real=True)
    return found


def asked(operation: str, inputs: dict[str, Any], settings: dict[str, Any], g: Any) -> Answer:
    texts = {
        name: [[str(one) for one in row] for row in np.atleast_2d(array)] for name, array in inputs.items()
    }
    sent = {name: rows if inputs[name].ndim == 2 else rows[0] for name, rows in texts.items()}
    upstream = {"output": [[str(one) for one in row] for row in g]}
    return answer(operation, sent, settings, upstream=upstream, arithmetic=EXACT, assumptions=POSITIVE)


def proved(found: Any, expected: Any) -> None:
    """Both are the same quotient of polynomials in symbols and roots, whose squares are known."""
    roots: dict[Any, Any] = {}

    def root(power: Any) -> Any:
        under = sympy.expand(power.base)
        return roots.setdefault(under, sympy.Dummy(positive=True)) ** (2 * power.exp)

    def is_root(one: Any) -> bool:
        return bool(one.is_Pow and one.exp.is_Rational and one.exp.q == 2)

    above = sympy.numer(sympy.together((found - expected).replace(is_root, root)))
    for under, symbol in roots.items():
        above = sympy.rem(sympy.expand(above), symbol**2 - under, symbol)
    assert sympy.expand(above) == 0, (found, expected)


def loss_of(rows: Any, gain: Any, bias: Any, g: Any, *, centered: bool = True) -> Any:
    """The sum of outputs times upstream, written out; each row is normalized by itself."""
    total = sympy.S.Zero
    for row, upstream, scale, shift in zip(rows, g, gain, bias, strict=True):
        n = len(row)
        mean = sum(row) / n if centered else 0
        variance = sum((one - mean) ** 2 for one in row) / n
        total += sum(
            u * (k * (one - mean) / sympy.sqrt(variance + EPSILON) + b)
            for one, u, k, b in zip(row, upstream, scale, shift, strict=True)
        )
    return total


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("operation", ["layer_norm", "rms_norm"])
def test_gradients_are_the_derivatives_that_sympy_finds(operation: str, n: int) -> None:
    x, gain, bias, g = letters("x", 1, n), letters("k", n), letters("b", n), letters("d", 1, n)
    found = asked(operation, {"x": x, "gain": gain, "bias": bias}, {"epsilon": "epsilon"}, g)
    loss = loss_of(x, [gain], [bias], g, centered=operation == "layer_norm")
    for name, array in (("x", x), ("gain", gain), ("bias", bias)):
        for gradient, symbol in zip(found.gradients[name].flat, array.flat, strict=True):
            proved(gradient, loss.diff(symbol))
    if operation == "layer_norm":
        parts = np.stack(list(found.contributions["x"].values())).sum(axis=0)
        for part, total in zip(parts.flat, found.gradients["x"].flat, strict=True):
            proved(part, total)
        assert set(found.contributions["x"]) == {"mean", "variance", "normalized"}


@pytest.mark.parametrize("n", [2, 3])
def test_batch_norm_differentiates_through_the_batch(n: int) -> None:
    x, g = letters("x", n, 1), letters("d", n, 1)
    k, b = letters("k", 1), letters("b", 1)
    inputs = {
        "x": x,
        "gain": k,
        "bias": b,
        "running_mean": letters("m", 1),
        "running_variance": letters("v", 1),
    }
    found = asked("batch_norm", inputs, {"epsilon": "epsilon", "momentum": "alpha"}, g)
    loss = loss_of(x.T, [[k[0]] * n], [[b[0]] * n], g.T)
    for name, array in (("x", x), ("gain", k), ("bias", b)):
        for gradient, symbol in zip(found.gradients[name].flat, array.flat, strict=True):
            proved(gradient, loss.diff(symbol))
    alpha, m, v = (sympy.Symbol(name, real=True) for name in ("alpha", "m1", "v1"))
    mean = sum(x.flat) / n
    unbiased = sum((one - mean) ** 2 for one in x.flat) / (n - 1)
    proved(found.values["new_running_mean"][0], (1 - alpha) * m + alpha * mean)
    proved(found.values["new_running_variance"][0], (1 - alpha) * v + alpha * unbiased)
    assert found.gradients.keys().isdisjoint({"new_running_mean", "running_mean", "running_variance"})


def test_group_and_instance_norm_of_symbols() -> None:
    x, g = letters("x", 1, 4), letters("d", 1, 4)
    found = asked("group_norm", {"x": x}, {"epsilon": "epsilon", "groups": 2}, g)
    loss = loss_of(x.reshape(2, 2), np.ones((2, 2), int), np.zeros((2, 2), int), g.reshape(2, 2))
    for gradient, symbol in zip(found.gradients["x"].flat, x.flat, strict=True):
        proved(gradient, loss.diff(symbol))
    rows = asked(
        "instance_norm", {"x": x.reshape(2, 2)}, {"epsilon": "epsilon", "channel_axis": 0}, g.reshape(2, 2)
    )
    for one, other in zip(rows.values["normalized"].flat, found.values["normalized"].flat, strict=True):
        proved(one, other)


def test_the_variance_of_symbols_and_no_epsilon() -> None:
    x, g = letters("x", 1, 3), letters("d", 1, 3)
    found = asked("layer_norm", {"x": x}, {"epsilon": 0}, g)
    mean = sum(x.flat) / 3
    variance = sum((one - mean) ** 2 for one in x.flat) / 3
    proved(found.values["mean"][0], mean)
    proved(found.values["variance"][0], variance)
    for entry, symbol in zip(found.values["normalized"].flat, x.flat, strict=True):
        proved(entry, (symbol - mean) / sympy.sqrt(variance))
    square = sum(one**2 for one in found.values["normalized"].flat) / 3
    assert sympy.simplify(square) == 1
    # Two entries are plus and minus one, whatever they are, and nothing changes that.
    two = asked("layer_norm", {"x": letters("x", 1, 2)}, {"epsilon": 0}, letters("d", 1, 2))
    assert set(two.gradients["x"].flat) == {0}


def test_decimals_are_fractions_and_roots_stay_roots() -> None:
    found = answer("layer_norm", {"x": [[1, 2, 4]]}, {"epsilon": 0.1}, arithmetic=EXACT).values
    assert found["mean"][0] == sympy.Rational(7, 3)
    assert found["variance"][0] == sympy.Rational(14, 9)
    expected = sympy.Rational(-4, 3) / sympy.sqrt(sympy.Rational(14, 9) + sympy.Rational(1, 10))
    assert sympy.simplify(found["normalized"][0, 0] - expected) == 0


def test_equal_symbols_have_no_direction_without_epsilon() -> None:
    found = answer("layer_norm", {"x": [["x1", "x1"]]}, {"epsilon": 0}, arithmetic=EXACT)
    assert all(one is sympy.nan for one in found.values["normalized"].flat)
    assert [(note.code, note.at) for note in found.notes] == [("non_finite", "normalized")]
    with_epsilon = answer("layer_norm", {"x": [["x1", "x1"]]}, {"epsilon": "e1"}, arithmetic=EXACT)
    assert set(with_epsilon.values["normalized"].flat) == {0}


def test_select_of_the_output_alone_reads_as_with_all_values() -> None:
    inputs = {"x": [["x1", "x2"]]}
    one = answer("layer_norm", inputs, arithmetic=EXACT, select=["output"]).values["output"]
    all_ = answer("layer_norm", inputs, arithmetic=EXACT).values["normalized"]
    np.testing.assert_array_equal(one, all_)
