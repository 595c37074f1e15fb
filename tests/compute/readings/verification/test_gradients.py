"""Gradients beside differences: right rules agree, wrong ones are caught where they are, kinks are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from compute.graph.primitive import REGISTRY
from compute.operations import CATALOGUE
from compute.question.plan import prepare
from compute.readings.verification.evidence import Check, Evidence
from tests.compute.asking import answer, plan

FUNCTIONS = get_args(CATALOGUE["activation"].attributes["function"].annotation)
EXAM = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [[2.8284271247461903], [1.4142135623730951]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
}


def evidence(*asked: Any, **more: Any) -> Evidence:
    found: Evidence = answer(*asked, verify=True, **more).parts["evidence"]
    return found


def of_program(lines: Any, inputs: Any, upstream: Any, **more: Any) -> dict[str, Check]:
    return evidence("graph", inputs, program=tuple(lines), upstream=upstream, **more).gradients


@contextmanager
def wrong(primitive: str, operand: str, spoil: Any) -> Iterator[None]:
    """A primitive whose gradient rule is spoiled."""
    declared = REGISTRY[primitive]
    rules, place = list(declared.rules), declared.operands.index(operand)
    right = rules[place]
    assert right is not None
    function = right.function
    rules[place] = replace(right, function=lambda *needs, **bound: spoil(function(*needs, **bound)))
    before = declared.rules
    prepare.cache_clear()
    object.__setattr__(declared, "rules", tuple(rules))
    try:
        yield
    finally:
        object.__setattr__(declared, "rules", before)
        prepare.cache_clear()


def test_agreement_is_to_nine_digits() -> None:
    found = evidence("self_attention", EXAM, {"scale": 1}, upstream={"output": [[1], [0]]})
    assert set(found.gradients) == {*EXAM, *CATALOGUE["self_attention"].values} - {
        "dropped_weights", "entropy", "argmax",
    }  # fmt: skip
    for check in found.gradients.values():
        assert check.verdict == "agrees"
        assert check.largest_relative_error == 1e-9
        assert check.checked == check.entries
        assert check.analytic == pytest.approx(check.numeric, rel=1e-7, abs=1e-12)
        assert check.step is not None and 0 < check.step < 0.1
    assert found.conditions == []


def test_a_wrong_rule_is_caught_with_name_and_index() -> None:
    def spoil(gradient: Any) -> Any:
        gradient = gradient.copy()
        gradient[1, 2] *= 1 + 1e-4
        return gradient

    rng = np.random.default_rng(3)
    inputs = {"x": rng.standard_normal((2, 3)), "w": rng.standard_normal((3, 4))}
    lines = ("h = tanh(x)", "y = h @ w")
    upstream = {"y": rng.standard_normal((2, 4))}
    right = of_program(lines, inputs, upstream)
    assert {one.verdict for one in right.values()} == {"agrees"}
    with wrong("tanh", "a", spoil):
        found = of_program(lines, inputs, upstream)
    assert {name: one.verdict for name, one in found.items()} == {
        "x": "disagrees", "w": "agrees", "h": "agrees", "y": "agrees",
    }  # fmt: skip
    check = found["x"]
    assert check.at == [1, 2]
    assert check.reason == "the gradient is not the slope that differences give"
    assert check.analytic is not None and check.numeric is not None
    assert check.analytic == pytest.approx(check.numeric * (1 + 1e-4), rel=1e-7)
    assert check.numeric == pytest.approx(right["x"].analytic if right["x"].at == [1, 2] else check.numeric)


@pytest.mark.parametrize("spoil", [lambda g: -g, lambda g: 0 * g, lambda g: g + 1e-3, lambda g: g * 1e9])
def test_wrong_rules_of_many_kinds(spoil: Any) -> None:
    with wrong("softmax", "a", spoil):
        found = evidence("self_attention", EXAM, {"scale": 1}, upstream={"output": [[1], [0]]}).gradients
    assert found["scaled_scores"].verdict == "disagrees"
    assert found["weights"].verdict == found["value"].verdict == "agrees"


def test_a_wrong_entry_of_many_shows_in_the_direction() -> None:
    def spoil(gradient: Any) -> Any:
        gradient = gradient.copy()
        gradient.flat[gradient.size // 2] += 0.1
        return gradient

    x = np.random.default_rng(4).standard_normal((20, 20))
    with wrong("tanh", "a", spoil):
        found = of_program(("y = tanh(x)",), {"x": x}, {"y": np.ones((20, 20))})["x"]
    assert found.checked < found.entries == 400
    assert (found.verdict, found.direction) == ("disagrees", "disagrees")


def test_few_entries_are_checked_where_there_are_many_the_same_each_time() -> None:
    x = np.random.default_rng(5).standard_normal((40, 40))
    asked: dict[str, Any] = {
        "upstream": {"y": np.ones((40, 40))},
        "program": ("y = tanh(x)",),
        "verify": True,
    }
    first, second = (answer("graph", {"x": x}, **asked).parts["evidence"] for _ in range(2))
    assert first is not None
    assert first == second
    assert first.gradients["x"].verdict == first.gradients["x"].direction == "agrees"
    assert first.gradients["x"].checked == 64
    assert "random direction" in first.said[0]


KINKS: dict[str, tuple[str, Any, list[int]]] = {
    "rectifier": ("y = relu(x)", [1.5, 0, -2], [1]),
    "absolute": ("y = abs(x)", [0, 3], [0]),
    "maximum of two": ("y = max_pool1d(x, size=2)", [1, 2, 3, 3], [2]),
    "maximum of all": ("y = max(x)", [3, 1, 3], [0]),
    "near": ("y = relu(x)", [1, 1e-13], [1]),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_inconclusive(name: str) -> None:
    line, x, at = KINKS[name]
    shape: Any = plan("graph", {"x": x}, program=(line,)).graph.names["y"].shape
    check = of_program((line,), {"x": x}, {"y": np.ones(shape)})["x"]
    assert check.verdict == "inconclusive"
    assert check.at == at
    assert check.reason is not None and "a kink" in check.reason
    assert 0 < check.inconclusive < check.checked
    assert check.largest_relative_error == 1e-9


def test_a_wrong_rule_beside_a_kink_is_wrong() -> None:
    with wrong("relu", "a", lambda g: 2 * g):
        check = of_program(("y = relu(x)",), {"x": [0.0, 1.0]}, {"y": [1.0, 1.0]})["x"]
    assert (check.verdict, check.at, check.inconclusive) == ("disagrees", [1], 1)


def test_what_is_not_finite_is_inconclusive() -> None:
    check = of_program(("y = sqrt(x)",), {"x": [0.0, 4.0]}, {"y": [1.0, 1.0]})["x"]
    assert (check.verdict, check.at) == ("inconclusive", [0])
    assert check.reason is not None and "not finite" in check.reason
    assert check.inconclusive == 1
    spoiled = of_program(("y = log(x)",), {"x": [np.nan, 1.0]}, {"y": [1.0, 1.0]})["x"]
    assert (spoiled.verdict, spoiled.at) == ("inconclusive", [0])


def test_slopes_that_overflow_are_inconclusive() -> None:
    inputs, handed = {"x": [1.0, 2.0, -1.0]}, {"y": [1.0, 0.3, 1.0]}
    for line in ("y = 1e308 * x", "y = abs(1.7e308 * x)"):
        check = of_program((line,), inputs, handed)["x"]
        assert check.verdict == "inconclusive"
        assert check.reason == "numbers are so large that their differences overflow"


@pytest.mark.parametrize("x", [1e9, 1e12, 1e20, 1e100, 1e308])
def test_what_varies_too_fast_is_inconclusive(x: float) -> None:
    check = of_program(("y = sin(x)",), {"x": [x, 1.0]}, {"y": [1.0, 1.0]})["x"]
    assert (check.verdict, check.at, check.inconclusive) == ("inconclusive", [0], 1)
    assert check.reason is not None and "do not settle" in check.reason


@pytest.mark.parametrize(("arithmetic", "size"), [("float64", 5e-324), ("float32", 1e-45)])
def test_gradients_that_underflow_are_inconclusive(arithmetic: str, size: float) -> None:
    asked: dict[str, Any] = {"program": ("y = 0.6 * x",), "upstream": {"y": [size]}, "verify": True}
    # 0.6 of it is all of it.
    found = answer("graph", {"x": [1.0]}, arithmetic=arithmetic, **asked).parts[
        "evidence"
    ]  # 0.6 of it is all of it
    assert found is not None
    check = found.gradients["x"]
    assert (check.verdict, check.reason) == ("inconclusive", "numbers are so small that they underflow")


def test_kinks_whose_sides_are_too_far_apart_are_inconclusive() -> None:
    line = ("y = 1e308 * abs(x - 1)",)  # at 1 the slopes are 2e308 apart
    check = of_program(line, {"x": [1.0, 1.5]}, {"y": [1.0, 0.0]})["x"]
    assert (check.verdict, check.at, check.inconclusive) == ("inconclusive", [0], 1)
    given = {"e": np.zeros((3, 2))}  # the mean of these, times 1e308, at a kink
    found = answer("graph", {"x": np.zeros((3, 2))}, program=("e = 2 * x", "y = mean(abs(e))"), given=given,
                   upstream={"y": 1e308}, verify=True).parts["evidence"]  # fmt: skip
    assert found is not None
    assert found.gradients["e"].verdict == "inconclusive"


def test_outputs_that_are_infinite_have_no_differences() -> None:
    found = of_program(("y = x + b",), {"x": [1.0, 2.0], "b": [np.inf, 0.0]}, {"y": [1.0, 1.0]})
    assert {one.verdict for one in found.values()} == {"inconclusive"}
    assert found["x"].reason is not None and "not finite" in found["x"].reason
    alone = of_program(("y = x + b",), {"x": [1.0, 2.0], "b": [np.inf, 0.0]}, {"y": [0.0, 1.0]})
    assert {one.verdict for one in alone.values()} == {"agrees"}


def test_masked_scores_agree_though_they_are_infinite() -> None:
    found = evidence("self_attention", EXAM, {"causal": True}, upstream={"output": [[1], [1]]})
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    assert found.gradients["masked_scores"].entries == 4
    masked = evidence(
        "self_attention", EXAM | {"mask": [[0, -1e9], [0, 0]]}, {}, upstream={"output": [[1], [1]]}
    )
    assert {one.verdict for one in masked.gradients.values()} == {"agrees"}


def test_gradients_that_cancel_to_nothing_agree() -> None:
    """The bias of keys shifts all scores of a query alike, which the softmax does not see."""
    inputs = EXAM | {"b_k": [0.7], "b_q": [0.2]}
    check = evidence("self_attention", inputs, {}, upstream={"output": [[1], [-2]]}).gradients["b_k"]
    assert (check.verdict, check.relative_to) == ("agrees", "terms")


def test_cancellation_is_told() -> None:
    check = of_program(("y = 1e12 + sin(x)",), {"x": [0.3]}, {"y": [1.0]})["x"]
    assert (check.verdict, check.reason) == ("inconclusive", "cancellation: rounding hides the slope")


def test_gradients_are_not_checked_through_what_is_given() -> None:
    lines = ("z = x * x", "y = tanh(z) + 3 * x")
    found = of_program(lines, {"x": [0.5, 2.0]}, {"y": [1.0, 1.0]}, given={"z": [1.0, -0.5]})
    assert {name: one.verdict for name, one in found.items()} == {"z": "agrees", "x": "agrees", "y": "agrees"}
    assert found["x"].analytic == found["x"].numeric == 3


def test_a_gradient_of_what_is_unknown_is_inconclusive() -> None:
    found = evidence(
        "graph", {}, program=("y = 3 * x", "z = y + w"), given={"w": [1.0, 2.0], "x": [1.0, 1.0]},
        upstream={"z": [1.0, 1.0]},
    )  # fmt: skip
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    cut = evidence(
        "graph", {}, program=("u = conv1d(x, k)", "z = 2 * s + u"), given={"s": [1.0, 2.0], "u": [0.0, 1.0]},
        upstream={"z": [1.0, 1.0]},
    )  # fmt: skip
    assert {one.verdict for one in cut.gradients.values()} == {"agrees"}
    query = {"query": [[1.0, 2.0]], "key": [[0.0, 1.0], [1.0, 1.0]]}
    hidden = evidence("attention", {}, given=query, upstream={"output": [[1.0, 2.0]]}).gradients
    assert all(one.verdict == "inconclusive" for one in hidden.values())
    assert all(one.reason is not None and "unknown" in one.reason for one in hidden.values())


def test_several_upstream_values_are_one_sum() -> None:
    lines = ("h = tanh(x)", "y = h * h")
    found = of_program(lines, {"x": [0.5, -1.0]}, {"y": [1.0, 2.0], "h": [-1.0, 0.5], "x": [3.0, 0.0]})
    assert {one.verdict for one in found.values()} == {"agrees"}


SPOILED = [name for name in FUNCTIONS if name in REGISTRY and REGISTRY[name].operands == ("a",)]


@pytest.mark.parametrize("function", [name for name in SPOILED if REGISTRY[name].gradients])
def test_the_wrong_rule_of_any_activation_is_caught(function: str) -> None:
    asked: Any = {"upstream": {"output": [0.7, -1.3, 0.4]}}
    x = {"x": [0.4, 1.7, 2.3]}
    with wrong(function, "a", lambda g: g * (1 + 1e-4)):
        spoiled = evidence("activation", x, {"function": function}, **asked).gradients["x"]
    assert spoiled.verdict == "disagrees"
