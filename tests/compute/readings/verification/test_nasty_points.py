"""Right gradients at points where rounding, underflow or saturation takes their differences away: none is
called wrong, and no smooth function has a kink. True slopes are mpmath's.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from compute.readings.verification.evidence import Check
from tests.compute.asking import answer
from tests.compute.readings.verification.test_gradients import evidence, of_program, wrong

Function = Callable[[Any], Any]
mp = mpmath.mp
SMOOTH: dict[str, Function] = {
    "log(1 + x)": lambda x: mp.log(1 + x),
    "1 - cos(x)": lambda x: 1 - mp.cos(x),
    "exp(x) - 1": lambda x: mp.exp(x) - 1,
    "sqrt(x + 1) - 1": lambda x: mp.sqrt(x + 1) - 1,
    "(1 + x) - 1": lambda x: x,
    "sin(x) - x": lambda x: mp.sin(x) - x,
    "tanh(x)": mp.tanh,
    "1 - tanh(x)": lambda x: 1 - mp.tanh(x),
    "sigmoid(x)": lambda x: 1 / (1 + mp.exp(-x)),
    "1 - sigmoid(x)": lambda x: 1 / (1 + mp.exp(x)),
    "log(sigmoid(x))": lambda x: -mp.log(1 + mp.exp(-x)),
    "log(1 + exp(x))": lambda x: mp.log(1 + mp.exp(x)),
    "1 - erf(x)": mp.erfc,
    "gelu(x)": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "silu(x)": lambda x: x / (1 + mp.exp(-x)),
    "x * x * x": lambda x: x**3,
    "1e200 * x * 1e-200": lambda x: x,
    "x * 1e-200 * 1e-200": lambda x: x * mp.mpf(10) ** -400,
    "(x + 100)**2 - x**2 - 199 * x": lambda x: x,
    "sqrt(x**2 + 1) - x": lambda x: mp.sqrt(x**2 + 1) - x,
    "x / (1 + x * x)": lambda x: x / (1 + x * x),
    "x * exp(x) * exp(-x)": lambda x: x,
}
PLACES = [
    1e-300, -1e-200, 1e-20, 1e-17, -1e-10, 1e-9, 1e-7, -1e-6, 1e-3, 0.0, 5e-324, -8.0, 8.0, 18.0, -30.0,
    37.0, -40.0, 300.0, 745.0, -745.0, 1e5, -1e9, 1e23, 1e195,
]  # fmt: skip


def slope(function: Function, x: float) -> float:
    tiny = abs(x) < 1e-100
    with mp.workdps(700 if tiny else 300):
        step = mp.mpf(10) ** (-340 if tiny else -60)
        found = (function(mp.mpf(x) + step) - function(mp.mpf(x) - step)) / (2 * step)
        return float(found)


def not_against(check: Check, *, smooth: bool = True) -> None:
    assert "disagrees" not in (check.verdict, check.direction), check
    assert not smooth or check.reason is None or "at a kink" not in check.reason, check


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("line", SMOOTH)
def test_no_right_gradient_is_called_wrong(line: str, arithmetic: str) -> None:
    rng = np.random.default_rng([40, *line.encode()])
    conclusive = 0
    places = rng.permutation(PLACES)[:10]
    if arithmetic == "float32":
        places = np.clip(places[:4], -1e38, 1e38).astype(np.float32)
    for x in map(float, places):
        upstream = float(rng.choice([1.0, -0.3, 1e-20, 1e15]))
        check = of_program((f"y = {line}",), {"x": [x]}, {"y": [upstream]}, arithmetic=arithmetic)["x"]
        not_against(check)
        if check.verdict == "agrees" and check.analytic:
            conclusive += 1
            true = upstream * slope(SMOOTH[line], x)
            tolerance = 1e-5 if arithmetic == "float64" else 1e-2
            assert check.relative_to == "terms" or check.analytic == pytest.approx(true, rel=tolerance), x
    assert conclusive or "1e-200" in line or arithmetic == "float32"


SETS: dict[str, list[float]] = {
    "nearly equal": [1e8 + 1, 1e8 + 1.0000001, 1e8 + 0.9999999],
    "equal": [0.1, 0.1, 0.1],
    "far apart": [0.0, 40.0, -800.0],
    "tiny": [1e-200, -3e-220, 2e-190],
    "subnormal": [5e-324, 0.0, -1e-320],
    "huge": [1e160, -3e155, 3e37],
    "mixed": [1e-12, 1.0, 1e9],
}
OF_ALL = [
    "log(softmax(x))", "log_softmax(x)", "softmax(x)", "log(sum(exp(x)))", "mean(x**2) - mean(x)**2",
    "(x - mean(x)) / sqrt(mean((x - mean(x))**2) + 0.00001)", "sqrt(sum(x**2))", "sum(softmax(x) * x)",
    "sum(x) - x", "sum(x**2) / sum(x)", "x - x",
]  # fmt: skip


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("name", SETS)
def test_values_of_all_entries(name: str, arithmetic: str) -> None:
    x = np.clip(SETS[name], -1e38, 1e38) if arithmetic == "float32" else np.array(SETS[name])
    for line in OF_ALL:
        shape = np.shape(answer("graph", {"x": x}, program=(f"y = {line}",)).values["y"])
        upstream = np.random.default_rng(41).standard_normal(shape)
        found = evidence(
            "graph", {"x": x}, program=(f"y = {line}",), upstream={"y": upstream}, jacobian=[("y", "x")],
            arithmetic=arithmetic,
        )  # fmt: skip
        # The root of a sum of squares has a kink where all are 0, and so near to it.
        smooth = "sqrt(sum" not in line
        for check in (*found.gradients.values(), *(one.check for one in found.jacobians)):
            not_against(check, smooth=smooth)
        assert all(one.equality.holds is not False for one in found.invariants if np.abs(x).max() < 1e150)


@pytest.mark.parametrize("margin", [18, 25, 30, 36, 38, 100, 400, 670])
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_a_class_that_is_as_good_as_certain(margin: float, arithmetic: str) -> None:
    asked: Any = {"upstream": {"output": 1.0}, "arithmetic": arithmetic}
    found = evidence("cross_entropy", {"logits": [[0.0, margin]], "target": [1]}, {}, **asked).gradients
    for check in found.values():
        not_against(check)
    if margin < 20 and arithmetic == "float64":
        assert found["logits"].verdict == "agrees"


@pytest.mark.parametrize("x", [-5.5, -8.0, -9.0, -20.0])
@pytest.mark.parametrize("function", ["gelu", "silu", "mish", "log_sigmoid", "elu", "selu", "softplus"])
def test_tails_of_activations(function: str, x: float) -> None:
    for arithmetic in ("float64", "float32"):
        asked: Any = {"upstream": {"output": [1.0]}, "arithmetic": arithmetic}
        not_against(evidence("activation", {"x": [x]}, {"function": function}, **asked).gradients["x"])


@pytest.mark.parametrize(("line", "x", "rule"), [
    ("log(1 + x)", 1e-7, "log"), ("exp(x) - 1", 1e-4, "exp"), ("1 - cos(x)", 1e-2, "cos"),
    ("tanh(x)", 8.0, "tanh"), ("sigmoid(x)", 12.0, "sigmoid"), ("log(softmax(x))", 3.0, "softmax"),
    ("sin(x) - x", 1e23, "sin"), ("log(x)", 1e-200, "log"), ("1e200 * exp(x)", -700.0, "exp"),
])  # fmt: skip
def test_wrong_rules_are_caught_there_too(line: str, x: float, rule: str) -> None:
    asked: Any = ((f"y = {line}",), {"x": [x, 0.5 * x]}, {"y": [1.0, 0.3]})
    not_against(of_program(*asked)["x"])
    with wrong(rule, "a", lambda g: g * 1.01):
        assert of_program(*asked)["x"].verdict == "disagrees"


def test_where_rounding_hides_all_a_wrong_rule_is_not_agreed_with() -> None:
    asked: Any = (("y = 1 - cos(x)",), {"x": [1e-9]}, {"y": [1.0]})
    with wrong("cos", "a", lambda g: 2 * g):
        check = of_program(*asked)["x"]
    assert (check.verdict, check.reason) == ("inconclusive", "cancellation: rounding hides the slope")


def test_what_no_step_sees_a_complex_step_may() -> None:
    check = of_program(("y = sin(x) - x",), {"x": [1e23]}, {"y": [1.0]})["x"]
    assert check.verdict == "inconclusive"
    assert check.reason == "differences give another slope, and a complex step this gradient"


def test_a_sharp_bend_of_a_smooth_function_is_no_kink() -> None:
    line = ("y = (x - mean(x)) / sqrt(mean((x - mean(x))**2) + 0.00001)",)
    x = [778634.1447237007, 778634.0542149892]
    not_against(of_program(line, {"x": x}, {"y": [0.3, -1.0]})["x"])
    not_against(of_program(("y = 1 - cos(x)",), {"x": [1989661.3852]}, {"y": [1.0]})["x"])


def test_rows_far_from_zero_keep_their_promises() -> None:
    x = [79995009.90317304, 79995009.9018198]
    found = evidence("layer_norm", {"x": x}, {"epsilon": 0.001}).invariants
    assert found
    assert all(one.equality.holds is not False for one in found)
    single = np.float32(1605) + np.random.default_rng(42).standard_normal((4, 6)).astype(np.float32)
    found = evidence("layer_norm", {"x": single}, {}, arithmetic="float32").invariants
    assert all(one.equality.holds is not False for one in found)
