"""Exact answers: derivatives by SymPy, and differences with numbers for the symbols."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.kinds import EXACT
from compute.readings.verification.evidence import Evidence, Symbolic
from compute.readings.verification.symbolic import pick_number
from tests.compute.asking import NETWORK, answer
from tests.compute.readings.verification.test_gradients import wrong

LOSS = ("z4 = sum(w * v) + c", "y_hat = exp(z4)", "L = (y - y_hat)**2 / 2")
SYMBOLS = {"w": ["w1", "w2"], "v": ["v1", "v2"], "c": "c", "y": "y"}


def evidence(lines: Any, inputs: Any, upstream: Any, **more: Any) -> Evidence:
    asked: Any = {"program": tuple(lines), "arithmetic": EXACT, "verify": True, "upstream": upstream}
    found: Evidence = answer("graph", inputs, **asked, **more).parts["evidence"]
    return found


def symbolic(found: Evidence) -> dict[str, tuple[str, int, int]]:
    said: dict[str, Symbolic | None] = {name: one.symbolic for name, one in found.gradients.items()}
    return {name: (one.verdict, one.proved, one.entries) for name, one in said.items() if one is not None}


def test_gradients_of_symbols_are_proved() -> None:
    found = evidence(LOSS, SYMBOLS, {"L": 1})
    assert symbolic(found) == {
        "w": ("proved", 2, 2), "v": ("proved", 2, 2), "c": ("proved", 1, 1), "y": ("proved", 1, 1),
    }  # fmt: skip
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    assert {one.largest_relative_error for one in found.gradients.values()} == {1e-9}
    assert set(found.point) == {"w1", "w2", "v1", "v2", "c", "y"}
    assert any("SymPy" in one for one in found.said)
    assert any("not rounded" in one for one in found.said)


def test_the_network_of_an_exam() -> None:
    inputs = {"x": ["x1", "x2", "x3", "x4", "x5"], "k": ["k1", "k2", "k3"], "b": "b", "w": ["w1", "w2"],
              "c": "c", "y": "y"}  # fmt: skip
    found = evidence(NETWORK, inputs, {"L": 1})
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    shown = symbolic(found)
    assert set(shown) == set(inputs)
    assert shown["c"][0] == "proved"


def test_numbers_are_verified_by_differences_alone() -> None:
    found = evidence(LOSS, {"w": ["1/2", "sqrt(2)"], "v": [1, -1], "c": 0, "y": 2}, {"L": 1})
    assert symbolic(found) == {}
    assert found.point == {}
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}


def test_symbols_that_stand_in_several_places_are_proved_together() -> None:
    found = evidence(("y = a * b + sum(c)",), {"a": "s", "b": "2*s + t", "c": ["s", "1"]}, {"y": "t"})
    assert symbolic(found) == {"a": ("proved", 1, 1), "c": ("proved", 1, 1)}
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}


def test_symbols_of_settings_have_numbers_too() -> None:
    inputs = {"query": [["q"]], "key": [["k1"], ["k2"]], "value": [[1], [2]]}
    found = answer(
        "attention", inputs, {"scale": "beta"}, upstream={"output": [[1]]}, arithmetic=EXACT, verify=True
    )
    assert "beta" in found.parts["evidence"].point
    assert {one.verdict for one in found.parts["evidence"].gradients.values()} == {"agrees"}
    assert symbolic(found.parts["evidence"]) == {"query": ("proved", 1, 1), "key": ("proved", 2, 2)}
    assert [(one.value, one.equality.verdict) for one in found.parts["evidence"].invariants] == [
        ("weights", "proved")
    ]


def test_a_symbol_that_is_a_setting_as_well_is_not_proved() -> None:
    found = answer(
        "lp_pool1d", {"x": ["a", "b"]}, {"size": 2}, upstream={"output": [1]}, arithmetic=EXACT, verify=True
    )
    assert symbolic(found.parts["evidence"])["x"][2] == 2
    inputs = {"query": [["beta"]], "key": [["k"], [1]], "value": [[1], [2]]}
    other = answer(
        "attention", inputs, {"scale": "beta"}, upstream={"output": [[1]]}, arithmetic=EXACT, verify=True
    )
    assert symbolic(other.parts["evidence"]) == {"key": ("proved", 1, 1)}
    assert {one.verdict for one in other.parts["evidence"].gradients.values()} == {"agrees"}


def test_assumptions_and_domains_are_respected() -> None:
    assumed: Any = {"assumptions": (("p", ("positive",)), ("m", ("negative",)), ("n", ("integer",)))}
    found = evidence(("y = log(p) * m + sqrt(n)",), {"p": "p", "m": "m", "n": "n"}, {"y": 1}, **assumed)
    numbers = {name: sympy.Rational(one) for name, one in found.point.items()}
    assert numbers["p"] > 0 > numbers["m"]
    assert numbers["n"].is_Integer and numbers["n"] > 0
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}


def test_numbers_are_found_at_which_settings_have_a_value() -> None:
    name = next(one for one in "abcdefgh" if pick_number(sympy.Symbol(one, real=True), 0) < 0)
    inputs = {"query": [["q"]], "key": [[1], [2]], "value": [[1], [2]]}
    asked: Any = {"upstream": {"output": [[1]]}, "arithmetic": EXACT, "verify": True}
    found = answer("attention", inputs, {"scale": f"sqrt({name})"}, **asked).parts["evidence"]
    assert found is not None
    assert sympy.Rational(found.point[name]) > 0
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}


def test_a_wrong_rule_is_caught_and_not_proved() -> None:
    with wrong("exp", "a", lambda g: np.asarray(g + g)):
        found = evidence(LOSS, SYMBOLS, {"L": 1})
    assert {name: one.verdict for name, one in found.gradients.items()} == {
        "w": "disagrees", "v": "disagrees", "c": "disagrees", "y": "agrees", "z4": "disagrees",
        "y_hat": "agrees", "L": "agrees",
    }  # fmt: skip
    assert symbolic(found)["w"] == ("undecided", 0, 2)


def test_abbreviations_are_written_out() -> None:
    found = evidence(LOSS, SYMBOLS, {"L": 1}, abbreviated=("z4",))
    assert symbolic(found)["w"] == ("proved", 2, 2)
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}


def test_jacobians_and_given_values() -> None:
    asked: Any = {"program": ("z = x * x", "y = exp(z) * x"), "arithmetic": EXACT, "verify": True}
    found = answer("graph", {"x": ["a", "b"]}, given={"z": [1, "c"]}, jacobian=[("y", "z"), ("y", "x")],
                   upstream={"y": [1, 1]}, **asked).parts["evidence"]  # fmt: skip
    assert found is not None
    assert [one.check.verdict for one in found.jacobians] == ["agrees", "agrees"]
    assert symbolic(found) == {"z": ("proved", 1, 1), "x": ("proved", 2, 2)}


def test_cases_of_rectifiers() -> None:
    found = evidence(("y = relu(x)",), {"x": ["a", "b"]}, {"y": ["u", 1]})
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    assert found.gradients["x"].symbolic is not None


def test_effort_is_bounded() -> None:
    lines = ["h0 = (x @ w)**2", "h1 = (h0 @ w)**2", "y = h1 @ w"]
    x = np.array([[f"x{i}{j}" for j in range(3)] for i in range(3)])
    w = np.array([[f"w{i}{j}" for j in range(3)] for i in range(3)])
    found = evidence(lines, {"x": x, "w": w}, {"y": np.ones((3, 3), dtype=int)})
    assert all(one.verdict != "disagrees" for one in found.gradients.values())
    verdict, proved, entries = symbolic(found)["x"]
    assert verdict == "undecided" and proved < entries == 9


def test_the_numbers_of_symbols_depend_on_their_names_alone() -> None:
    one, other = (sympy.Symbol(name, real=True) for name in ("x1", "x2"))
    assert pick_number(one, 0) == pick_number(one, 0) != pick_number(other, 0)
    assert pick_number(one, 0) != pick_number(one, 1)


@pytest.mark.parametrize("x", ["1/1000000000", "10**23", "a/10**9", "30"])
@pytest.mark.parametrize("line", ["sin(x) - x", "1 - cos(x)", "log(1 + x)", "1 - tanh(x)"])
def test_no_right_gradient_is_called_wrong_where_floats_round(line: str, x: str) -> None:
    check = evidence((f"y = {line}",), {"x": [x]}, {"y": [1]}).gradients["x"]
    assert check.verdict != "disagrees"
    assert check.reason is None or "kink" not in check.reason
