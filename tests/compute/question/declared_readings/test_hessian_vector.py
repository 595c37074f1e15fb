"""Products with Hessians, beside differences of gradients and the second derivatives that SymPy finds."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.question.answer import Answer
from compute.question.declared_readings.hessian_vector import HessianVector, HessianVectorProduct
from tests.compute.asking import answer, arrays, plan
from tests.compute.readings.verification.test_evidence import DRAWN, POSED
from tests.oracles.cases import Case

STEP = 1e-5
WEIGHTS = "weights_of_y"
WITHOUT_INPUTS = {"positional_encoding"}


def second(
    lines: list[str], inputs: dict[str, Any], of: str, wrt: str, vector: Any = None, **more: Any
) -> HessianVectorProduct:
    """The second derivatives of a program's scalar. more: as for `plan`."""
    arithmetic = more.get("arithmetic", "float64")
    sent = {} if vector is None else arrays({"vector": vector}, arithmetic)
    shape = None if vector is None else Tensor(sent["vector"].shape)
    whole = more.pop("hessian", False)
    request = HessianVector(of, wrt, shape, hessian=whole)
    planned = plan("graph", inputs, program=tuple(lines), hessian_vector=request, **more)
    given = arrays(more.get("given", {}), arithmetic)
    found: Answer = planned.answer(arrays(inputs, arithmetic), given, {}, {"hessian_vector": sent})
    result: HessianVectorProduct = found.parts["hessian_vector"]
    return result


def program_of(posed: Case) -> tuple[list[str], dict[str, Any]]:
    """A scalar made of an operation's output, as a program, and its inputs."""
    whole = {name: array for name, array in posed.inputs.items() if "." not in name}
    parts = {f"y.{name}": array for name, array in posed.inputs.items() if "." in name}
    arguments = [f"{name}={name}" for name in whole]
    arguments += [f"{name}={setting!r}" for name, setting in posed.attributes.items()]
    shape: Any = plan(posed.operation, posed.inputs, posed.attributes).graph.names["output"].shape
    weights = np.random.default_rng(len(shape)).standard_normal(shape)
    lines = [f"y = {posed.operation}({', '.join(arguments)})", f"L = sum({WEIGHTS} * y * y)"]
    return lines, {**whole, **parts, WEIGHTS: weights}


def gradient(lines: list[str], inputs: dict[str, Any], name: str) -> Array:
    return answer("graph", inputs, program=tuple(lines), upstream={"L": 1.0}).gradients[name]


def slopes(lines: list[str], inputs: dict[str, Any], name: str, vector: Array) -> list[Array]:
    """The slope of a gradient along a vector, by central differences of two lengths."""
    array, found = inputs[name], []
    for step in (STEP, 2 * STEP):
        ahead, behind = (
            gradient(lines, inputs | {name: array + sign * step * vector}, name) for sign in (1, -1)
        )
        found.append((ahead - behind) / (2 * step))
    return found


@pytest.mark.parametrize("operation", CATALOGUE)
def test_every_operation_agrees_with_differences_of_its_gradients(operation: str) -> None:
    """A kink between the points shows in slopes that differ, and is passed over."""
    compared = 0
    for key in DRAWN[operation][:2]:
        lines, inputs = program_of(POSED[key])
        gradients = answer("graph", inputs, program=tuple(lines), upstream={"L": 1.0}).gradients
        for name in [name for name in list(inputs)[:4] if name in gradients and name != WEIGHTS]:
            vector = np.random.default_rng([5, *key.encode()]).standard_normal(inputs[name].shape)
            try:
                near, far = slopes(lines, inputs, name, vector)
            except QuestionErrors:  # classes and places, which cannot move
                continue
            scale = max(np.abs(near).max(initial=0.0), np.abs(gradients[name]).max(initial=0.0))
            if not np.isfinite(scale) or np.abs(near - far).max(initial=0.0) > 1e-5 * scale:
                continue
            found = second(lines, inputs, "L", name, vector).product
            np.testing.assert_allclose(found, near, rtol=1e-5, atol=1e-5 * scale, err_msg=f"{key} {name}")
            compared += 1
    assert compared or operation in WITHOUT_INPUTS


X, W, V = [0.5, -1.0], [[0.3, -0.2], [0.1, 0.4], [-0.5, 0.2]], [[1.0, -1.0, 0.5], [0.2, 0.3, -0.4]]


def test_the_whole_hessian_is_that_of_sympy() -> None:
    """Of two layers, written out by hand for SymPy, in floats and in exact numbers."""
    w = sympy.Matrix(3, 2, sympy.symbols("w0:6"))
    h = (w * sympy.Matrix(2, 1, [sympy.nsimplify(one) for one in X])).applyfunc(sympy.tanh)
    z = sympy.Matrix([[sympy.nsimplify(one) for one in row] for row in V]) * h
    loss = sympy.log(sympy.exp(z[0]) + sympy.exp(z[1])) - z[0] + sum(one**2 for one in w)
    put = dict(zip(w, [sympy.nsimplify(one) for row in W for one in row], strict=True))
    expected = np.array(sympy.hessian(loss, list(w)).xreplace(put).evalf(30).tolist(), dtype=float)
    inputs = {"w": W, "x": [[one] for one in X], "v": V}
    lines = ["h = tanh(w @ x)", "p = softmax(v @ h, axis=0)", "L = -log(p[0, 0]) + sum(w * w)"]
    floats = second(lines, {name: np.array(one) for name, one in inputs.items()}, "L", "w")
    assert floats.product is None and floats.hessian.shape == (3, 2, 3, 2)
    np.testing.assert_allclose(floats.hessian.reshape(6, 6), expected, rtol=1e-12)
    exact_inputs = {
        name: [[str(sympy.nsimplify(one)) for one in row] for row in rows] for name, rows in inputs.items()
    }
    exact = second(lines, exact_inputs, "L", "w", arithmetic="exact")
    exact_floats = [[float(one.evalf(30)) for one in row] for row in exact.hessian.reshape(6, 6)]
    np.testing.assert_allclose(np.array(exact_floats), expected, rtol=1e-12)


def test_a_product_with_symbols_is_the_hessian_times_the_vector() -> None:
    found = second(["L = exp(x[0] * x[1]) + x[0]**3"], {"x": ["a", "b"]}, "L", "x", ["u", "v"],
                   arithmetic="exact", hessian=True)  # fmt: skip
    a, b, u, v = (sympy.Symbol(name, real=True) for name in "abuv")
    expected = sympy.hessian(sympy.exp(a * b) + a**3, [a, b])
    assert all(
        sympy.simplify(one - other) == 0 for one, other in zip(found.hessian.flat, expected, strict=True)
    )
    product = expected * sympy.Matrix([u, v])
    assert all(
        sympy.simplify(one - other) == 0 for one, other in zip(found.product.flat, product, strict=True)
    )


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_the_product_is_linear_in_vectors_of_any_size(size: float) -> None:
    found = second(["L = sum(x**3)"], {"x": np.array([1.0, 2.0])}, "L", "x", np.array([size, 0.0])).product
    np.testing.assert_allclose(found, [6 * size, 0], rtol=1e-14)


def test_float32_has_its_digits_and_its_type() -> None:
    lines, inputs = ["L = sum(exp(x))"], {"x": np.array([0.5, 1.5])}
    found = second(lines, inputs, "L", "x", np.array([1.0, 2.0]), arithmetic="float32").product
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.exp([0.5, 1.5]) * [1, 2], rtol=1e-6)


def test_a_value_between_is_differentiated_alone() -> None:
    """Nothing before it changes with it: x is held where x and y = x**2 both lead to L."""
    lines = ["y = x**2", "L = sum(y**3 * x)"]
    found = second(lines, {"x": np.array([2.0])}, "L", "y", np.array([1.0])).product
    np.testing.assert_allclose(found, [6 * 4.0 * 2.0])
    given = second(lines, {"x": np.array([2.0])}, "L", "y", np.array([1.0]), given={"y": np.array([3.0])})
    np.testing.assert_allclose(given.product, [6 * 3.0 * 2.0])


def test_a_scalar_that_does_not_depend_on_the_value_has_no_curvature() -> None:
    inputs = {"x": np.array([1.0, 2.0]), "w": np.array([3.0])}
    found = second(["y = w * 2", "L = sum(x)"], inputs, "L", "w")
    assert found.hessian.tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("of", "wrt", "vector", "path", "expected", "received"),
    [
        ("y", "x", None, "of", "a value with one entry", "shape (2)"),
        ("M", "x", None, "of", "one of: x, y, L", "an unknown name of 1 character"),
        ("L", "z", None, "wrt", "one of: x, y, L", "an unknown name of 1 character"),
        ("L", "x", [1.0], "vector", "shape (2)", "shape (1)"),
    ],
)
def test_refusals(of: str, wrt: str, vector: Any, path: str, expected: str, received: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        second(["y = x * x", "L = sum(y)"], {"x": np.ones(2)}, of, wrt, vector)
    [error] = caught.value.errors
    assert (error.path, error.expected, error.received) == (("hessian_vector", path), expected, received)


def test_the_work_and_the_answer_of_a_whole_hessian_are_predicted() -> None:
    lines, request = ("L = sum(exp(x))",), HessianVector("L", "x")
    inputs = {"x": np.zeros(500)}
    plain = plan("graph", inputs, program=lines).predicted
    whole = plan("graph", inputs, program=lines, hessian_vector=request)
    assert whole.predicted.answer == plain.answer + 250_000
    assert whole.predicted.work > 500 * plain.work
    assert dict(whole.sent())["the Hessian of L by x"] == 250_000


def test_a_value_whose_paths_are_all_cut_is_refused() -> None:
    inputs = {"x": np.ones(2)}
    with pytest.raises(QuestionErrors) as caught:
        second(["y = x * x", "L = sum(y)"], inputs, "L", "x", given={"y": np.ones(2)})
    [error] = caught.value.errors
    assert (error.path, error.expected) == (("hessian_vector", "wrt"), "a value with a known path")
