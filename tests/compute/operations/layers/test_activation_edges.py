"""Activations at their edges: infinities, kinks, exact forms, and settings that do not fit."""

import math
from typing import Any, get_args

import numpy as np
import pytest
import sympy

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT32
from compute.errors import QuestionErrors
from compute.graph.graph import Graph
from compute.latex import Formula
from compute.operations.layers.activation import ActivationName, activate
from compute.primitives.activations.declaration import ACTIVATIONS, template
from compute.readings.closed_forms import write_text
from tests.compute.asking import answer, plan, program
from tests.compute.operations.layers.test_activation import asked

# The limits at infinities, which PyTorch has but where infinity meets 0: there it gives NaN.
EDGES = [math.inf, -math.inf, 1000.0, -1000.0, math.nan, 0.0]
AT_EDGES: dict[str, tuple[list[float], list[float]]] = {
    "relu": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, 0, 0]),
    "elu": ([math.inf, -1, 1000, -1, math.nan, 0], [1, 0, 1, 0, math.nan, 1]),
    "gelu": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, math.nan, 0.5]),
    "silu": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, math.nan, 0.5]),
    "mish": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, math.nan, 0.6]),
    "hardswish": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, 0, 0.5]),
    "hardsigmoid": ([1, 0, 1, 0, math.nan, 0.5], [0, 0, 0, 0, 0, 1 / 6]),
    "hardtanh": ([1, -1, 1, -1, math.nan, 0], [0, 0, 0, 0, 0, 1]),
    "softplus": ([math.inf, 0, 1000, 0, math.nan, math.log(2)], [1, 0, 1, 0, math.nan, 0.5]),
    "softsign": ([1, -1, 1000 / 1001, -1000 / 1001, math.nan, 0],
                 [0, 0, 1 / 1001**2, 1 / 1001**2, math.nan, 1]),
    "hardshrink": ([math.inf, -math.inf, 1000, -1000, math.nan, 0], [1, 1, 1, 1, 0, 0]),
    "softshrink": ([math.inf, -math.inf, 999.5, -999.5, math.nan, 0], [1, 1, 1, 1, 0, 0]),
    "threshold": ([math.inf, 0, 1000, 0, math.nan, 0], [1, 0, 1, 0, 0, 0]),
    "log_sigmoid": ([0, -math.inf, 0, -1000, math.nan, -math.log(2)], [0, 1, 0, 1, math.nan, 0.5]),
    "sigmoid": ([1, 0, 1, 0, math.nan, 0.5], [0, 0, 0, 0, math.nan, 0.25]),
    "tanh": ([1, -1, 1, -1, math.nan, 0], [0, 0, 0, 0, math.nan, 1]),
}  # fmt: skip


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("name", AT_EDGES)
def test_infinities_and_large_numbers(name: str, arithmetic: str) -> None:
    output, derivative = AT_EDGES[name]
    found = asked(name, EDGES, arithmetic=arithmetic).values
    tolerance = 1e-15 if arithmetic == "float64" else 1e-6
    np.testing.assert_allclose(found["output"], output, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found["derivative"], derivative, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", AT_EDGES)
def test_infinities_in_exact_arithmetic(name: str) -> None:
    exact, keep = (
        [sympy.oo, -sympy.oo, sympy.Integer(0)],
        [EDGES.index(one) for one in (math.inf, -math.inf, 0)],
    )
    found = asked(name, exact, arithmetic="exact").values
    for key, expected in zip(("output", "derivative"), AT_EDGES[name], strict=True):
        numbers = [float(one.evalf()) for one in found[key]]
        np.testing.assert_allclose(numbers, [expected[place] for place in keep], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "abs", "softsign", "softshrink", "hardshrink", "shrink"]
)
def test_what_is_no_number_stays_none_in_exact_arithmetic(name: str) -> None:
    assert asked(name, [sympy.nan], arithmetic="exact").values["output"][0] is sympy.nan


def test_a_slope_of_zero_makes_zero_of_infinity() -> None:
    for x, arithmetic in (([-math.inf, math.inf], "float64"), ([-sympy.oo, sympy.oo], "exact")):
        found = answer("graph", {"x": x}, program=("y = leaky_relu(x, slope=0)",), arithmetic=arithmetic)
        assert list(map(str, found.values["y"].tolist())) in (["0.0", "inf"], ["0", "oo"])


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_float32_stays_float32_and_is_near(name: str) -> None:
    x = np.array([-2.5, -0.25, 0.75, 4.0] if name not in ("log", "sqrt", "log_relu") else [0.5, 3.0])
    single = asked(name, x, arithmetic="float32", upstream={"output": np.ones(x.shape)})
    double = asked(name, x, upstream={"output": np.ones(x.shape)})
    for found, expected in ((single.values, double.values), (single.gradients, double.gradients)):
        for key, array in found.items():
            assert array.dtype == FLOAT32.dtype, key
            np.testing.assert_allclose(array, expected[key], rtol=2e-6, atol=1e-6)


def test_the_logarithm_of_a_rectifier() -> None:
    x = [[-1.0, 0.0, 0.5]]
    found = asked("log_relu", x, upstream={"output": np.ones((1, 3))})
    np.testing.assert_array_equal(found.values["rectified"], [[0, 0, 0.5]])
    np.testing.assert_array_equal(found.values["output"], [[-np.inf, -np.inf, math.log(0.5)]])
    np.testing.assert_array_equal(found.values["derivative"], [[np.nan, np.nan, 2]])
    np.testing.assert_array_equal(found.gradients["rectified"], [[np.inf, np.inf, 2]])
    np.testing.assert_array_equal(found.gradients["x"], [[np.nan, np.nan, 2]])
    assert {(note.code, note.at) for note in found.notes} >= {("non_finite", "output")}
    assert "x" in found.spoiled_gradients
    exact = asked("log_relu", [-1, "1/2"], arithmetic="exact", upstream={"output": [1, 1]})
    assert [write_text(one) for one in exact.values["output"]] == ["-Infinity", "-log(2)"]
    assert [write_text(one) for one in exact.gradients["x"]] == ["NaN", "2"]
    steps = {step.name: step for step in plan("activation", {"x": x}, {"function": "log_relu"}).steps}
    assert steps["output"].inputs == ["rectified"]
    assert steps["derivative"].inputs == ["rectified", "x"]


FORMS = {
    "relu": ("max(0, x)", "indicator(x > 0)"),
    "leaky_relu": ("where(x > 0, x, x/100)", "where(x > 0, 1, 1/100)"),
    "relu6": ("max(0, min(6, x))", "indicator(6 > x)*indicator(x > 0)"),
    "elu": ("where(x > 0, x, exp(x) - 1)", "where(x > 0, 1, exp(x))"),
    "gelu": ("x*(erf(sqrt(2)*x/2) + 1)/2", "sqrt(2)*x*exp(-x**2/2)/(2*sqrt(pi)) + erf(sqrt(2)*x/2)/2 + 1/2"),
    "silu": ("x/(1 + exp(-x))", "(x*exp(-x) + 1 + exp(-x))/(1 + exp(-x))**2"),
    "softplus": ("log(exp(x) + 1)", "1/(1 + exp(-x))"),
    "hardshrink": ("where(abs(x) > 1/2, x, 0)", "indicator(abs(x) > 1/2)"),
    "hardswish": ("x*max(0, min(1, x/6 + 1/2))", "where(x > -3, where(3 > x, x/3 + 1/2, 1), 0)"),
    "thresholded_relu": ("where(x > 1, x, 0)", "indicator(x > 1)"),
    "log_relu": ("log(max(0, x))", "indicator(x > 0)/max(0, x)"),
    "abs": ("abs(x)", "sign(x)"),
    "sqrt": ("sqrt(x)", "1/(2*sqrt(x))"),
}


@pytest.mark.parametrize("name", FORMS)
def test_exact_forms_are_readable(name: str) -> None:
    found = asked(name, "x", arithmetic="exact").values
    assert (write_text(found["output"].item()), write_text(found["derivative"].item())) == FORMS[name]


def test_settings_may_be_symbols_and_fractions() -> None:
    found = asked("elu", [-1, 2], {"alpha": "a"}, arithmetic="exact").values["output"]
    assert [write_text(one) for one in found] == ["a*(-1 + exp(-1))", "2"]
    slope = answer(
        "activation", {"x": [-3, "y"], "slope": "1/3"}, {"function": "leaky_relu"}, arithmetic="exact"
    )
    assert [write_text(one) for one in slope.values["output"]] == ["-1", "where(y > 0, y, y/3)"]
    floats = asked("hardsigmoid", [1.0], {"alpha": "1/5", "beta": 0.5}).values["output"]
    np.testing.assert_allclose(floats, [0.7], rtol=1e-15)


def test_the_threshold_of_softplus_is_pytorchs_in_floats_alone() -> None:
    x = np.array([19.999, 20.001, 30.0])
    found = asked("softplus", x).values
    np.testing.assert_array_equal(found["output"][1:], x[1:])
    np.testing.assert_array_equal(found["derivative"][1:], [1, 1])
    assert found["output"][0] > x[0]
    assert plan("activation", {"x": x}, {"function": "softplus"}).conventions["threshold"] == 20
    exact = plan("activation", {"x": x}, {"function": "softplus"}, arithmetic="exact")
    assert exact.conventions["threshold"] == "none"
    assert write_text(asked("softplus", 30, arithmetic="exact").values["output"].item()) == "log(1 + exp(30))"
    smooth = asked("softplus", x, {"threshold": 100}).values["output"]
    assert smooth[1] > x[1]


KINKS: dict[str, dict[str, Any]] = {
    "relu": {"derivative_of_relu_at_0": 0},
    "leaky_relu": {"derivative_of_relu_at_0": "that below 0", "slope": 0.01},
    "rrelu": {"derivative_of_relu_at_0": "that below 0", "lower": "1/8", "upper": "1/3"},
    "elu": {"derivative_of_elu_at_0": "that below 0", "alpha": 1},
    "hardtanh": {"derivative_of_hardtanh_at_its_bounds": 0, "min_val": -1, "max_val": 1},
    "hardsigmoid": {"derivative_of_hardsigmoid_at_its_bounds": 0, "alpha": "1/6", "beta": "1/2"},
    "hardswish": {"derivative_of_hardswish_at_-3_and_3": [0, 1]},
    "threshold": {"derivative_at_the_threshold": 0, "threshold": 0, "value": 0},
    "hardshrink": {"derivative_of_hardshrink_at_lambd": 0, "lambd": 0.5},
    "abs": {"derivative_of_abs_at_0": 0},
    "gelu": {"approximate": "none"},
    "tanh": {},
}


@pytest.mark.parametrize("name", KINKS)
def test_conventions_say_settings_and_kinks(name: str) -> None:
    prepared = plan("activation", {"x": [1.0]}, {"function": name})
    assert prepared.conventions == {"function": name, **KINKS[name]}


NASTY: list[tuple[str, dict[str, Any], str, str]] = [
    ("relu", {"alpha": 1}, "alpha", "elu, celu"),
    ("gelu", {"beta": 1}, "beta", "belongs to"),
    ("tanh", {"approximate": "tanh"}, "approximate", "belongs to gelu"),
    ("elu", {"lambd": 0.5}, "lambd", "hardshrink"),
    ("softplus", {"alpha": 2}, "alpha", "softplus has no alpha"),
    ("hardtanh", {"lower": 0}, "lower", "rrelu"),
    ("softplus", {"beta": 0}, "beta", "must be"),
    ("softplus", {"beta": "1 - 1"}, "beta", "must be"),
    ("celu", {"alpha": 0.0}, "alpha", "must be"),
    ("softshrink", {"lambd": -0.1}, "lambd", "must be"),
    ("hardtanh", {"min_val": 2}, "max_val", "must be"),
    ("hardtanh", {"min_val": 1, "max_val": "1"}, "max_val", "must be"),
    ("rrelu", {"lower": 1}, "upper", "must be"),
    ("rrelu", {"lower": 1e308, "upper": 1e308}, "upper", "must be"),
    ("elu", {"alpha": "1/0"}, "alpha", "no value"),
    ("elu", {"alpha": "1+"}, "alpha", "well-formed"),
    ("elu", {"alpha": "a"}, "alpha", "need exact arithmetic"),
    ("gelu", {"approximate": "erf"}, "approximate", "used as approximate"),
    ("prelu", {}, "slope", "no default"),
    ("prelu", {"alpha": 1}, "alpha", "belongs to"),
]


@pytest.mark.parametrize(("name", "settings", "field", "words"), NASTY)
def test_settings_that_do_not_fit_are_refused(
    name: str, settings: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("activation", {"x": [1.0, 2]}, {"function": name, **settings})
    [error] = caught.value.errors
    assert error.path == (field,)
    assert words in error.message
    assert not error.expected.endswith("may use ")


@pytest.mark.parametrize(
    ("name", "slope", "words"),
    [
        ("relu", 0.1, "relu has no slope: it belongs to leaky_relu, prelu"),
        ("gelu", [0.1], "belongs to leaky_relu"),
        ("leaky_relu", [0.1, 0.2], "prelu has several"),
        ("prelu", [0.1, 0.2, 0.3], "cannot combine"),
        ("prelu", [[0.1, 0.2]], "do not broadcast"),
    ],
)
def test_slopes_that_do_not_fit_are_refused(name: str, slope: Any, words: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("activation", {"x": [1.0, 2], "slope": slope}, {"function": name})
    [error] = caught.value.errors
    assert error.path == ("slope",)
    assert words in error.message


def test_every_name_needs_no_setting_and_can_be_applied_by_other_layers() -> None:
    assert {*get_args(ActivationName)} == {*ACTIVATIONS}
    graph = Graph()
    x = graph.input("x", (2, 3), symbol="X", axes=("row", "column"))
    for name in get_args(ActivationName):
        found = activate(x, name)
        assert found.shape == (2, 3)
        assert found.name is None
    graph.dimensions["d"] = 3
    with pytest.raises(Exception, match="uses a dimension name"):
        activate(x, "elu", alpha="1/d")
    with pytest.raises(Exception, match="elu has no beta"):
        activate(x, "elu", beta=1)


def test_programs_call_activations_by_name() -> None:
    found = answer(
        "graph", {"x": [-1.0, 2.0]},
        program=("a = elu(x, alpha=0.5)", "b = gelu(a, approximate='tanh')", "c = relu6(x) + rrelu(x)",
                 "d = softplus(x, beta=2)", "e = activation(x, function='hardshrink', lambd='3/2')",
                 "f = prelu(x, slope)", "g = thresholded_relu(x)", "h = log_relu(x)"),
        given={"slope": [0.1, 0.2]},
    )  # fmt: skip
    assert found.values["a"][0] == pytest.approx(0.5 * math.expm1(-1))
    np.testing.assert_array_equal(found.values["e"], [0, 2])
    np.testing.assert_array_equal(found.values["e.derivative"], [0, 1])
    np.testing.assert_allclose(found.values["f"], [-0.1, 2])
    np.testing.assert_allclose(found.values["d"], np.log(1 + np.exp([-2, 4])) / 2, rtol=1e-14)
    np.testing.assert_array_equal(found.values["h"], [-np.inf, math.log(2)])
    exact = program(("y = softplus(x)", "z = elu(x, alpha='a')"), {"x": "x"}).values
    assert write_text(exact["y"].item()) == "log(exp(x) + 1)"
    assert write_text(exact["z"].item()) == "where(x > 0, x, a*(exp(x) - 1))"


def test_latex_leaves_out_what_does_nothing() -> None:
    formulas = {
        name: plan("activation", {"x": [1.0]}, {"function": name, **settings}).steps[0].formula
        for name, settings in (
            ("silu", {}),
            ("celu", {"alpha": 2}),
            ("shrink", {"bias": "1/4"}),
            ("affine", {}),
        )
    }
    assert formulas["silu"] == r"Y = X \odot \sigma\left(X\right)"
    assert r"2 \cdot \left(e^{X/2} - 1\right)" in formulas["celu"]
    assert r"X - \frac{1}{4} & \text{if } X > 0.5" in formulas["shrink"]
    assert formulas["affine"] == "Y = X"
    assert template("<a><+b></c>")(Formula("X"), b=parse("0"), c=parse("1")).text == "X"
    assert template("<a><-b></c>")(Formula("X"), b=parse("2"), c=parse("3")).text == "X - 2/3"
