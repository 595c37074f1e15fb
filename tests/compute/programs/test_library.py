"""Declared functions: their examples, their documentation, shapes in letters, cost, formulas, conventions."""

import re
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial, show
from compute.graph.spec import Tensor
from compute.names.foreign_names import SYNONYMS
from compute.operations import CATALOGUE
from compute.programs.declaration import LIBRARY, function
from compute.programs.functions import FUNCTIONS, find_function
from compute.question.plan import Question, prepare
from tests.compute.asking import answer


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_function_runs_and_calls_it(name: str) -> None:
    declared = FUNCTIONS[name]
    assert f"{name}(" in declared.example
    found = answer("graph", {}, program=(declared.example,))
    assert all(value.size for value in found.values.values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_documented_in_one_sentence(name: str) -> None:
    declared = FUNCTIONS[name]
    assert declared.family
    assert declared.meaning.endswith(".")
    assert "\n" not in declared.meaning
    assert len(declared.meaning) <= 160


def test_no_two_functions_are_documented_alike() -> None:
    sentences: dict[str, str] = {}
    for name, declared in FUNCTIONS.items():
        assert sentences.setdefault(declared.meaning, name) == name


def test_each_activation_has_a_sentence_of_its_own() -> None:
    functions = [declared for declared in FUNCTIONS.values() if declared.family == "activations"]
    sentences = {declared.meaning.replace(declared.name, "...") for declared in functions}
    assert len(sentences) == len(functions) > 20


def test_a_name_is_declared_once() -> None:
    def zeros(a: int) -> Any:
        """Zeros."""

    with pytest.raises(ValueError, match="declared twice"):
        function("creation", "y = zeros(1)")(zeros)
    assert "zeros" in LIBRARY


def test_synonyms_of_functions_are_not_names_of_others() -> None:
    for ours, names in SYNONYMS.items():
        for name in names.split():
            if ours in FUNCTIONS:
                known = name in FUNCTIONS or name in CATALOGUE
                assert known or find_function(name) in (*FUNCTIONS, *CATALOGUE), (ours, name)


LETTERS = {"x": ("n", "d"), "w": ("d", "k"), "v": ("d",), "t": ("b", "n", "d")}


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("x @ w", "(n, k)"), ("x @ v", "(n)"), ("v @ w", "(k)"), ("v @ v", "()"), ("t @ w", "(b, n, k)"),
        ("x[:, None]", "(n, 1, d)"), ("x[0]", "(d)"), ("x[1:]", "(-1 + n, d)"), ("x[:, :-1]", "(n, -1 + d)"),
        ("concat([x, x])", "(2*n, d)"), ("stack([v, v])", "(2, d)"), ("split(x, 2)[0]", "(n/2, d)"),
        ("reshape(t, (t.shape[0], -1))", "(b, d*n)"), ("reshape(x, (-1,))", "(d*n)"), ("t.T", "(d, n, b)"),
        ("sum(t, axis=(0, 1))", "(d)"), ("mean(x, axis=1, keepdims=True)", "(n, 1)"),
        ("max(x, axis=0)", "(d)"),
        ("var(x, ddof=1)", "()"), ("argmax(x, axis=1)", "(n)"), ("cumsum(x, axis=0)", "(n, d)"),
        ("einsum('bnd,dk->bkn', t, w)", "(b, k, n)"), ("outer(v, v)", "(d, d)"),
        ("where(x > 0, x, 0)", "(n, d)"),
        ("sort(x)", "(n, d)"), ("flip(x, 1)", "(n, d)"), ("pad(x, 1)", "(2 + n, 2 + d)"),
        ("tile(v, 2)", "(2*d)"), ("repeat(v, 3)", "(3*d)"), ("x.shape[0] * v", "(d)"), ("diag(v)", "(d, d)"),
    ],
)  # fmt: skip
def test_shapes_in_letters(expression: str, shape: str) -> None:
    inputs = tuple(
        (name, Tensor(tuple(Polynomial.symbol(one) for one in sizes)))
        for name, sizes in LETTERS.items()
        if uses(expression, name)
    )
    prepared = prepare(Question("graph", inputs=inputs, program=(f"y = {expression}",)))
    assert show(prepared.graph.names["y"].shape) == shape


def uses(expression: str, name: str) -> bool:
    """Return whether an expression uses a name of an input."""
    return re.search(rf"(?<![.\w]){name}(?!\w)", re.sub("'[^']*'", "", expression)) is not None


def test_multiply_adds_are_counted() -> None:
    inputs = {"x": np.ones((2, 3)), "w": np.ones((3, 4)), "v": np.ones(3)}
    for expression, count in (("x @ w", 24), ("x @ v", 6), ("v @ v", 3), ("einsum('ij,jk->k', x, w)", 12)):
        used = {name: value for name, value in inputs.items() if uses(expression, name)}
        shapes = tuple((name, Tensor(value.shape)) for name, value in used.items())
        prepared = prepare(Question("graph", inputs=shapes, program=(f"y = {expression}",)))
        assert prepared.cost.multiply_adds == count, expression


@pytest.mark.parametrize(
    ("expression", "formula"),
    [
        ("x > 0", "y = x > 0"), ("sum(x > 0)", r"y = \sum \mathbb{1}\left\{x > 0\right\}"),
        ("maximum(x, 0)", r"y = \max\left(x,\ 0\right)"), ("x ** x", "y = x^{x}"),
        ("x % 2", r"y = x \bmod 2"), ("floor(x)", r"y = \lfloor x \rfloor"), ("log2(x)", r"y = \log_{2} x"),
        ("einsum('ij,jk->ik', x, x)", r"y = \sum_{j} x_{ij} x_{jk}"),
        ("max(x, axis=1)", r"y = \max_{\text{rows}} x"),
        ("logsumexp(x, axis=1)", r"y = \log \sum_{\text{rows}} e^{x}"), ("inv(x)", "y = x^{-1}"),
        ("det(x)", r"y = \det\left(x\right)"), ("[x, x]", r"y = \left(x,\ x\right)"),
        ("x.T", r"y = x^{\top}"),
        ("cumsum(x, 1)", r"y = \operatorname{cumsum}\left(x\right)"),
    ],
)  # fmt: skip
def test_formulas(expression: str, formula: str) -> None:
    [step] = prepare(Question("graph", inputs=(("x", Tensor((2, 2))),), program=(f"y = {expression}",))).steps
    assert step.formula == formula


def test_what_has_no_derivative_says_so() -> None:
    x = np.array([0.4, -1.6])
    for expression, gradient, said in (
        ("floor(x)", [0, 0], "derivative_of_floor"),
        ("sign(x)", [0, 0], "derivative_of_sign"),
        ("round(x)", [0, 0], "derivative_of_round"),
        ("x // 0.3", [0, 0], "derivative_of_floor_divide"),
        ("round_straight_through(x)", [1, 1], "gradient_of_rounding"),
        ("round_to(x, 'float16')", [1, 1], "gradient_of_rounding"),
        ("fake_quantize(x, 0.5, 0, -2, 1)", [1, 0], "gradient_of_rounding"),
        ("stop_gradient(x) * x", x, None),
        ("maximum(x, x)", [1, 1], "gradient_of_maximum_at_ties"),
        ("clip(x, 0.4, 1)", [1, 0], "derivative_of_clip_at_its_bounds"),
    ):
        prepared = answer("graph", {"x": x}, program=(f"y = {expression}",), upstream={"y": np.ones(2)})
        np.testing.assert_allclose(prepared.gradients["x"], gradient, err_msg=expression)
        graph = prepare(
            Question("graph", inputs=(("x", Tensor((2,))),), program=(f"y = {expression}",))
        ).graph
        assert said is None or said in graph.conventions


@pytest.mark.parametrize("name", ["float16", "float32"])
def test_rounding_to_a_format_is_that_of_numpy(name: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal(400) * 10.0 ** rng.integers(-12, 6, 400)
    with np.errstate(over="ignore"):
        expected = x.astype(name).astype(float)
    found = answer("graph", {"x": x}, program=(f"y = round_to(x, '{name}')",)).values["y"]
    np.testing.assert_array_equal(found, expected)


def test_rounding_to_bfloat16_keeps_eight_bits() -> None:
    """A bfloat16 is the upper half of a float32, rounded to even."""
    rng = np.random.default_rng(6)
    x = (rng.standard_normal(400) * 10.0 ** rng.integers(-20, 20, 400)).astype(np.float32)
    bits = x.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    found = answer("graph", {"x": x.astype(float)}, program=("y = round_to(x, 'bfloat16')",)).values["y"]
    np.testing.assert_array_equal(found, rounded.astype(float))


@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_rounding_to_eight_bits_is_that_of_the_nearest_of_all_numbers(arithmetic: str) -> None:
    """E4M3 has no infinity: Micikevicius et al., FP8 Formats for Deep Learning (2022), section 3.1."""
    steps = [(code >> 3, code & 7) for code in range(127)]
    known = np.array([(8 * (one > 0) + low) * 2.0 ** (max(one, 1) - 10) for one, low in steps])
    x = np.random.default_rng(7).uniform(0, 460, 40) * 2.0 ** -np.arange(40)
    expected = known[np.abs(known - x[:, None]).argmin(1)]
    x, expected = np.append(x, [464, -464, 465, -1e9]), np.append(expected, [448, -448])
    program = ("y = round_to(x, 'float8_e4m3')",)
    sent = [str(number) for number in x] if arithmetic == "exact" else x
    found = answer("graph", {"x": sent}, program=program, arithmetic=arithmetic).values["y"].astype(float)
    np.testing.assert_array_equal(found[:42], expected)
    assert np.isnan(found[42:]).all()


def test_names_of_functions_may_be_assigned() -> None:
    program = ("mean = mean(x)", "mse = mean * 2", "loss = mse + mean", "nll = -log(loss)")
    values = answer("graph", {"x": [1.0, 3.0]}, program=program).values
    assert [float(values[name]) for name in ("mean", "mse", "loss")] == [2, 4, 6]
    assert values["nll"] == pytest.approx(-np.log(6))


def test_several_values_are_taken_apart() -> None:
    x = np.arange(12.0).reshape(2, 6)
    program = ("a, b, c = split(x, 3, axis=1)", "values, places = topk(c, 1)", "first, second = x")
    found = answer("graph", {"x": x}, program=program, upstream={"values": np.ones((2, 1))})
    np.testing.assert_array_equal(found.values["b"], x[:, 2:4])
    np.testing.assert_array_equal(found.values["second"], x[1])
    np.testing.assert_array_equal(found.values["places"], [[1], [1]])
    np.testing.assert_array_equal(found.gradients["x"], np.eye(6)[[5, 5]])
