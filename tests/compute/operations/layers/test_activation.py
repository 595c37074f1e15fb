"""Activations against definitions: SymPy's own derivatives, and the forms that ONNX publishes."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from tests.compute.asking import answer, plan

X = sympy.Symbol("x", real=True)
NORMAL = (1 + sympy.erf(X / sympy.sqrt(2))) / 2
CUBIC = sympy.sqrt(2 / sympy.pi) * (X + sympy.Rational(44715, 10**6) * X**3)
LOGISTIC = 1 / (1 + sympy.exp(-X))
SOFT = sympy.log(1 + sympy.exp(X))
# Each smooth function as a book writes it; below 0 of those that have a kink there.
SMOOTH: dict[str, tuple[Any, dict[str, Any]]] = {
    "tanh": (sympy.tanh(X), {}),
    "sigmoid": (LOGISTIC, {}),
    "log_sigmoid": (sympy.log(LOGISTIC), {}),
    "softplus": (SOFT, {}),
    "softplus-3": (sympy.log(1 + sympy.exp(-3 * X)) / -3, {"beta": -3}),
    "silu": (X * LOGISTIC, {}),
    "silu-2": (X / (1 + sympy.exp(-2 * X)), {"alpha": 2}),
    "gelu": (X * NORMAL, {}),
    "gelu-tanh": (X * (1 + sympy.tanh(CUBIC)) / 2, {"approximate": "tanh"}),
    "mish": (X * sympy.tanh(SOFT), {}),
    "tanhshrink": (X - sympy.tanh(X), {}),
    "scaled_tanh": (3 * sympy.tanh(X / 2), {"alpha": 3, "beta": "1/2"}),
    "exp": (sympy.exp(X), {}),
    "log": (sympy.log(X), {}),
    "sqrt": (sympy.sqrt(X), {}),
    "square": (X**2, {}),
    "erf": (sympy.erf(X), {}),
    "sin": (sympy.sin(X), {}),
    "cos": (sympy.cos(X), {}),
    "affine": (2 * X + 3, {"alpha": 2, "beta": 3}),
    "identity": (X, {}),
}
POINTS = (-3, -1, "-1/7", "1/3", 2, 5)


def asked(function: str, x: Any, settings: dict[str, Any] | None = None, **more: Any) -> Any:
    return answer("activation", {"x": x}, {"function": function, **(settings or {})}, **more)


@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_two_derivatives_are_those_that_sympy_finds(name: str) -> None:
    book, settings = SMOOTH[name]
    function = name.partition("-")[0]
    points = [one for one in POINTS if function not in ("log", "sqrt") or sympy.Rational(one) > 0]
    found = asked(
        function, points, settings, arithmetic="exact", jacobian=[("derivative", "x")],
        upstream={"output": ["g"] * len(points)},
    )  # fmt: skip
    second = found.parts["jacobians"][0].value
    for at, point in enumerate(points):
        for entry, order in (
            (found.values["output"][at], 0),
            (found.values["derivative"][at], 1),
            (found.gradients["x"][at] / sympy.Symbol("g", real=True), 1),
            (second[at, at], 2),
        ):
            expected = sympy.diff(book, X, order).subs(X, sympy.Rational(point))
            difference = sympy.N(entry - expected, 30)
            assert abs(difference) < 1e-12, (name, point, order, entry, expected)
    assert np.count_nonzero(second - np.diag(np.diag(second))) == 0


@pytest.mark.parametrize("name", SMOOTH)
def test_the_derivative_of_a_symbol_is_exact(name: str) -> None:
    book, settings = SMOOTH[name]
    found = asked(name.partition("-")[0], "x", settings, arithmetic="exact").values["derivative"].item()
    for point in (sympy.Rational(2, 3), sympy.Rational(9, 4)):
        assert abs(sympy.N((found - sympy.diff(book, X)).subs(X, point), 25)) < 1e-12
    assert not found.has(sympy.Float)


# Definitions as ONNX publishes them, one entry at a time.
ONNX: dict[str, Any] = {
    "celu": lambda x, alpha=1.0: max(0, x) + min(0, alpha * (math.exp(min(x, 50) / alpha) - 1)),
    "elu": lambda x, alpha=1.0: alpha * (math.exp(x) - 1) if x < 0 else x,
    "gelu": lambda x, approximate="none": (
        0.5 * x * (1 + math.erf(x / math.sqrt(2)))
        if approximate == "none"
        else 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "hardsigmoid": lambda x, alpha=0.2, beta=0.5: max(0, min(1, alpha * x + beta)),
    "hardswish": lambda x: x * max(0, min(1, x / 6 + 0.5)),
    "leaky_relu": lambda x, slope=0.01: slope * x if x < 0 else x,
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    "relu": lambda x: max(0, x),
    "selu": lambda x, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875: (
        gamma * (alpha * math.exp(x) - alpha) if x <= 0 else gamma * x
    ),
    "shrink": lambda x, lambd=0.5, bias=0.0: x + bias if x < -lambd else x - bias if x > lambd else 0,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(math.exp(x) + 1),
    "softsign": lambda x: x / (1 + abs(x)),
    "silu": lambda x, alpha=1.0: x / (1 + math.exp(-alpha * x)),
    "tanh": math.tanh,
    "thresholded_relu": lambda x, alpha=1.0: x if x > alpha else 0,
    "affine": lambda x, alpha=1.0, beta=0.0: alpha * x + beta,
    "scaled_tanh": lambda x, alpha=1.0, beta=1.0: alpha * math.tanh(beta * x),
    "erf": math.erf,
}
ONNX_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ONNX if name not in ("hardsigmoid", "selu")),
    ("hardsigmoid", {"alpha": 0.2, "beta": 0.5}),
    ("hardsigmoid", {"alpha": 0.7, "beta": -0.1}),
    ("selu", {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    ("celu", {"alpha": 2.5}),
    ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": "tanh"}),
    ("shrink", {"lambd": 1.5, "bias": 1.5}),
    ("shrink", {"lambd": 0.3, "bias": -2}),
    ("silu", {"alpha": 1.702}),
    ("thresholded_relu", {"alpha": 2.2}),
    ("affine", {"alpha": -2, "beta": 0.4}),
    ("scaled_tanh", {"alpha": 1.7159, "beta": 2 / 3}),
]


@pytest.mark.parametrize(("name", "settings"), ONNX_SETTINGS)
def test_onnx_definitions(name: str, settings: dict[str, Any]) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((3, 4)) * 3
        x[0, 0] = rng.choice([0, 0.5, -0.5, 1, -1])
        # Below, a setting that is not said has ONNX's default, which is ours in all but the two said.
        found = asked(name, x, settings).values["output"]
        expected = np.vectorize(lambda one: ONNX[name](one, **settings), otypes=[float])(x)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_onnx_prelu_broadcasts_one_way() -> None:
    rng = np.random.default_rng(1)
    for shape in ((), (1,), (4,), (3, 1), (3, 4), (1, 1), (2, 3, 4)):
        x, slope = rng.standard_normal((2, 3, 4)), rng.standard_normal(shape)
        found = answer("activation", {"x": x, "slope": slope}, {"function": "prelu"},
                       upstream={"output": np.ones(x.shape)})  # fmt: skip
        np.testing.assert_array_equal(found.values["output"], np.where(x < 0, slope * x, x))
        np.testing.assert_array_equal(found.values["derivative"], found.gradients["x"])
        spread = np.where(x < 0, x, 0)
        assert found.gradients["slope"].shape == shape
        assert found.gradients["slope"].sum() == pytest.approx(spread.sum(), rel=1e-12)
    assert plan("activation", {"x": x, "slope": 0.3}, {"function": "prelu"}).parameters() == ["slope"]
    assert plan("activation", {"x": x, "slope": 0.3}, {"function": "leaky_relu"}).parameters() == []


@pytest.mark.parametrize("name", ["softplus", "log_sigmoid", "elu", "mish", "silu", "gelu", "erf", "sigmoid"])
def test_no_digits_are_lost_near_zero_and_far_below(name: str) -> None:
    """Against forty digits: relative to the value itself, unless digits are lost in x + 1."""
    x = np.concatenate([-np.logspace(-12, 1.2, 60), np.logspace(-12, 1.2, 60)])
    found = asked(name, x, {"threshold": 1000} if name == "softplus" else {}).values["output"]
    book = {"elu": sympy.exp(X) - 1}.get(name, SMOOTH.get(name, (None,))[0])
    assert book is not None
    for point, entry in zip(x, found, strict=True):
        exact = book if name != "elu" or point <= 0 else X
        expected = float(sympy.N(exact.subs(X, sympy.Rational(float(point))), 40))
        least = 4e-15 if name == "gelu" else 0  # 1 + erf(x) holds no more, as in PyTorch
        assert entry == pytest.approx(expected, rel=1e-14, abs=least), point
