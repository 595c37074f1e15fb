"""Every primitive over exact numbers: its value against floats, its gradient against SymPy's derivative."""

import functools
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.namespace import Exact
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import unbroadcast
from compute.graph.primitive import KEPT, REGISTRY, RESULT
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.test_primitives import drawn

EXACT = Exact()
# All steps of a recurrent layer at once: exact questions take them one by one.
SCANS = {"rnn_scan", "lstm_scan", "gru_scan"}
CHOSEN = [(name, at) for name, cases in CASES.items() if name not in SCANS for at in range(len(cases))]
# Where SymPy's derivative has a convention of its own at ties or at zero, they are compared away from there.
KINKED = {
    "leaky_relu", "absolute", "norm_root", "length_over", "window_norm", "surprise", "max_pool",
    "log_probability", "positive_part", "relu", "prelu", "softplus", "softsign",
    "elu", "celu", "selu", "hardtanh", "hardsigmoid", "hardswish", "threshold", "hardshrink", "softshrink",
    "shrink", "derivative", "hardmax",
}  # fmt: skip
LONG = {"normalized_groups"}  # too long to be proved: held at points, too
ENTRIES = 2  # of each operand, by which is differentiated


def fractions(array: Any) -> Any:
    """Exact numbers near those of an array; booleans as they are."""
    if array.dtype == np.bool_:
        return array
    found = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        found[at] = sympy.Rational(round(float(array[at]) * 1000), 1000)
    return found


def symbols(letter: str, shape: tuple[int, ...]) -> Any:
    found = np.empty(shape, dtype=object)
    for number, at in enumerate(np.ndindex(shape)):
        found[at] = sympy.Symbol(f"{letter}{number}", real=True)
    return found


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_values_are_those_of_floats(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    exact = [fractions(one) for one in drawn(case)]
    floats = [one if one.dtype == np.bool_ else one.astype(np.float64) for one in exact]
    found = primitive.forward(EXACT, *exact, **case.attributes)
    expected = primitive.forward(FLOAT64, *floats, **case.attributes)
    assert found.shape == expected.shape
    np.testing.assert_allclose(
        np.vectorize(float, otypes=[float])(found), expected, rtol=1e-12, atol=1e-13, err_msg=name
    )


@functools.cache
def posed(name: str, at: int) -> tuple[Any, Any, Any, Any]:
    """Operands of symbols, the result, an upstream gradient of symbols, and the sum of their product."""
    case, primitive = CASES[name][at], REGISTRY[name]
    operands = [
        symbols("abc"[place], one.shape) if case.rules(name)[place] is not None else fractions(one)
        for place, one in enumerate(drawn(case))
    ]
    result = primitive.forward(EXACT, *operands, **case.attributes)
    upstream = symbols("g", result.shape)
    return operands, result, upstream, sympy.Add(*EXACT.multiply(upstream, result).reshape(-1))


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_gradients_are_the_derivatives_that_sympy_finds(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    operands, result, upstream, total = posed(name, at)
    for place, rule in enumerate(case.rules(name)):
        if rule is None:
            continue
        found = {RESULT: result, **dict(enumerate(operands))}
        if primitive.keeping is not None:
            found[KEPT] = primitive.keeping(EXACT, *operands, **case.attributes)[1]
        needs = [found[one] for one in rule.needs]
        bound = {one: case.attributes[one] for one in rule.attributes}
        if rule.takes_shapes:
            bound["shapes"] = [one.shape for one in operands]
        gradient = unbroadcast(EXACT, rule.function(EXACT, upstream, *needs, **bound), operands[place].shape)
        assert gradient.shape == operands[place].shape
        chosen = np.random.default_rng(at).permutation(gradient.size)[:ENTRIES]
        for entry in chosen:
            derivative = total.diff(operands[place].flat[entry])
            check(name, gradient.flat[entry], derivative)


def check(name: str, gradient: Any, derivative: Any) -> None:
    gradient = sympy.sympify(gradient)
    if name not in KINKED | LONG:
        assert compare(gradient, derivative).verdict == "proved", (gradient, derivative)
        return
    names = sorted((gradient - derivative).free_symbols, key=str)
    for seed in range(3):
        drawn = np.random.default_rng(seed).choice(np.arange(1, 400), len(names), replace=False)
        signs = np.random.default_rng(seed).choice([-1, 1], len(names)) if name != "norm_root" else 1
        point = {one: sympy.Rational(int(worth), 97) for one, worth in zip(names, drawn * signs, strict=True)}
        if name in ("surprise", "log_probability"):
            point = {one: abs(worth) / 5 for one, worth in point.items()}
        difference = (gradient - derivative).subs(point)
        # SymPy's derivatives of tanh hold floats now and then.
        same = (
            abs(sympy.N(difference, 30)) < 1e-12 if name == "derivative" else sympy.simplify(difference) == 0
        )
        assert same, (gradient, derivative, point)
