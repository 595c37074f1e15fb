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
# Fused recurrent layers: exact questions compute the steps one by one.
SCANS = {"rnn_scan", "lstm_scan", "gru_scan"}
NO_DERIVATIVE = {"remainder"}  # SymPy has no derivative of floor
CHOSEN = [(name, at) for name, cases in CASES.items() if name not in SCANS for at in range(len(cases))]
# SymPy's derivatives have other conventions at ties or at zero: these are compared at other points.
KINKED = {
    "leaky_relu", "absolute", "norm_root", "length_over", "window_norm", "entropy_term", "max_pool",
    "log_probability", "positive_part", "relu", "prelu", "softplus", "softsign",
    "elu", "celu", "selu", "hardtanh", "hardsigmoid", "hardswish", "threshold", "hardshrink", "softshrink",
    "shrink", "derivative", "hardmax", "maximum", "minimum", "clip_below", "clip_above", "max_over",
    "min_over", "power_of", "arcsin", "arccos", "arccosh", "arctanh",
}  # fmt: skip
LONG = {"normalized_groups"}  # too long to be proved: compared at points too
ENTRIES = 2  # the number of entries of each operand whose derivative is tested


def fractions(array: Any) -> Any:
    """Round the numbers of an array to fractions; booleans stay unchanged."""
    if array.dtype == np.bool_:
        return array
    result = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        result[at] = sympy.Rational(round(float(array[at]) * 1000), 1000)
    return result


def symbols(letter: str, shape: tuple[int, ...]) -> Any:
    result = np.empty(shape, dtype=object)
    for number, at in enumerate(np.ndindex(shape)):
        result[at] = sympy.Symbol(f"{letter}{number}", real=True)
    return result


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_values_are_those_of_floats(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    exact = [fractions(operand) for operand in drawn(case)]
    floats = [operand if operand.dtype == np.bool_ else operand.astype(np.float64) for operand in exact]
    result = primitive.forward(EXACT, *exact, **case.attributes)
    expected = primitive.forward(FLOAT64, *floats, **case.attributes)
    assert result.shape == expected.shape
    np.testing.assert_allclose(
        np.vectorize(float, otypes=[float])(result), expected, rtol=1e-12, atol=1e-13, err_msg=name
    )


@functools.cache
def symbolic_problem(name: str, at: int) -> tuple[Any, Any, Any, Any]:
    """Return symbolic operands, the result, a symbolic upstream gradient, and the sum of their product."""
    case, primitive = CASES[name][at], REGISTRY[name]
    operands = [
        symbols("abc"[place], operand.shape) if case.rules(name)[place] is not None else fractions(operand)
        for place, operand in enumerate(drawn(case))
    ]
    result = primitive.forward(EXACT, *operands, **case.attributes)
    upstream = symbols("g", result.shape)
    return operands, result, upstream, sympy.Add(*EXACT.multiply(upstream, result).reshape(-1))


@pytest.mark.parametrize(("name", "at"), [one for one in CHOSEN if one[0] not in NO_DERIVATIVE])
def test_gradients_are_the_derivatives_that_sympy_finds(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    operands, result, upstream, total = symbolic_problem(name, at)
    for place, rule in enumerate(case.rules(name)):
        if rule is None:
            continue
        known = {RESULT: result, **dict(enumerate(operands))}
        if primitive.keeping is not None:
            known[KEPT] = primitive.keeping(EXACT, *operands, **case.attributes)[1]
        needs = [known[need] for need in rule.needs]
        keywords = {attribute: case.attributes[attribute] for attribute in rule.attributes}
        if rule.takes_shapes:
            keywords["shapes"] = [operand.shape for operand in operands]
        gradient = rule.function(EXACT, upstream, *needs, **keywords)
        gradient = unbroadcast(EXACT, gradient, operands[place].shape)
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
        numbers = [sympy.Rational(int(number), 97) for number in drawn * signs]
        if name in ("entropy_term", "log_probability"):
            numbers = [abs(number) / 5 for number in numbers]
        point = dict(zip(names, numbers, strict=True))
        difference = (gradient - derivative).subs(point)
        # SymPy's derivatives of tanh sometimes contain floats.
        same = (
            abs(sympy.N(difference, 30)) < 1e-12 if name == "derivative" else sympy.simplify(difference) == 0
        )
        assert same, (gradient, derivative, point)
