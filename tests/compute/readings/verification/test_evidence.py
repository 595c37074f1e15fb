"""Evidence for whole answers: every operation, Jacobians, float32, and what is left as it was."""

from typing import Any, get_args

import numpy as np
import pytest

from compute.operations import CATALOGUE
from tests.compute.asking import answer, plan
from tests.compute.operations.exact_cases import CASES
from tests.compute.operations.transformers.drawn_models import OPERATIONS, model
from tests.compute.readings.verification.test_gradients import EXAM, evidence, wrong
from tests.oracles.cases import Case
from tests.oracles.recurrent import KINDS, recurrent

POSED = CASES | {f"{kind}-{seed}": recurrent(kind, seed) for kind in KINDS for seed in range(4)}
POSITIVE = np.random.default_rng(30).uniform(0.1, 3, (2, 3, 4))
POSED |= {
    f"{name}-alone": Case(name, {"x": POSITIVE}, {}, np.zeros(0))
    for name, one in CATALOGUE.items()
    if one.required == {"x"} and not any(attribute.required for attribute in one.attributes.values())
}
# The exact cases of these are so small that rectifiers are at their kinks and norms have no slope.
POSED = {key: one for key, one in POSED.items() if one.operation not in OPERATIONS}
POSED |= {f"{name}-{seed}": model(name, seed) for name in OPERATIONS for seed in range(2)}
FUNCTIONS = get_args(CATALOGUE["activation"].attributes["function"].annotation)
DRAWN = {
    name: [key for key, one in POSED.items() if one.operation == name and one.inputs][:4]
    for name in CATALOGUE
}


@pytest.mark.parametrize("operation", CATALOGUE)
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_every_operation_agrees(operation: str, arithmetic: str) -> None:
    verdicts, told = [], ("only some numbers", "gets no gradient")
    drawn = DRAWN[operation]
    if operation in {*OPERATIONS, *KINDS}:  # these take long: half of them in each arithmetic
        drawn = drawn[::2] if arithmetic == "float64" else drawn[1::2]
    for key in drawn:
        posed = POSED[key]
        shape: Any = plan(posed.operation, posed.inputs, posed.attributes).graph.names["output"].shape
        upstream = np.random.default_rng([31, *key.encode()]).standard_normal(shape)
        found = evidence(
            posed.operation,
            posed.inputs,
            posed.attributes,
            upstream={"output": upstream},
            arithmetic=arithmetic,
        )
        assert found.gradients
        for name, check in found.gradients.items():
            assert check.verdict != "disagrees", (key, name, check)
            if check.verdict == "agrees" and arithmetic == "float64":
                assert check.largest_relative_error is not None
                # Above 1e-6 only where rounding is shown to be what is between.
                assert check.largest_relative_error <= 1e-5, (key, name, check)
            if check.reason is None or not any(words in check.reason for words in told):
                verdicts.append(check.verdict)
        assert all(one.equality.holds for one in found.invariants)
    assert verdicts.count("agrees") >= 0.9 * len(verdicts)
    assert DRAWN[operation] or operation == "activation" or not CATALOGUE[operation].required


@pytest.mark.parametrize("function", [one for one in FUNCTIONS if one != "prelu"])
def test_every_activation_agrees(function: str) -> None:
    asked: Any = {"upstream": {"output": np.cos(POSITIVE)}}
    for x in (POSITIVE, -POSITIVE)[: 1 if function in ("log", "sqrt", "log_relu") else 2]:
        found = evidence("activation", {"x": x}, {"function": function}, **asked).gradients
        assert {one.verdict for one in found.values()} == {"agrees"}


def test_numbers_that_cannot_be_moved_are_told() -> None:
    inputs = {"scores": [0.5, -2.0], "target": [1, -1]}
    found = evidence("hinge", inputs, {}, upstream={"output": 1}).gradients
    assert found["scores"].verdict == "agrees"
    assert found["target"].verdict == "inconclusive"
    assert found["target"].reason is not None and "only some numbers" in found["target"].reason


def test_gradients_that_are_kept_back_on_purpose_are_told() -> None:
    inputs = {"indices": [0, 2, 2, 1], "weights": np.arange(6.0).reshape(3, 2)}
    upstream = {"output": np.ones((4, 2))}
    assert evidence("embedding", inputs, {}, upstream=upstream).gradients["weights"].verdict == "agrees"
    check = evidence("embedding", inputs, {"padding_index": 2}, upstream=upstream).gradients["weights"]
    assert (check.verdict, check.at, check.inconclusive) == ("inconclusive", [2, 0], 2)
    assert check.reason == "the row of the padding gets no gradient"


def test_jacobians() -> None:
    asked: Any = {"jacobian": [("output", "x"), ("weights", "w_v"), ("x", "x")]}
    found = evidence("self_attention", EXAM, {}, **asked)
    assert [(one.of, one.wrt, one.check.verdict) for one in found.jacobians] == [
        ("output", "x", "agrees"), ("weights", "w_v", "agrees"), ("x", "x", "agrees"),
    ]  # fmt: skip
    assert [one.check.entries for one in found.jacobians] == [8, 8, 16]
    assert found.gradients == {}

    def spoil(gradient: Any) -> Any:
        return gradient * np.array([1, 2])

    with wrong("softmax", "a", spoil):
        check = (
            evidence("self_attention", EXAM, {}, jacobian=[("weights", "scaled_scores")]).jacobians[0].check
        )
    assert check.verdict == "disagrees"
    assert check.at is not None and len(check.at) == 4 and check.at[3] == 1


def test_jacobians_of_many_entries_are_sampled() -> None:
    x = np.random.default_rng(6).standard_normal((10, 10))
    found = evidence("graph", {"x": x}, program=("y = softmax(x)",), jacobian=[("y", "x")])
    [one] = found.jacobians
    assert (one.check.verdict, one.check.direction, one.check.entries) == ("agrees", "agrees", 10_000)
    assert one.check.checked < 10_000


def test_aliases_share_what_is_found() -> None:
    asked = {"select": ("masked_scores", "scaled_scores"), "upstream": {"output": [[1], [0]]}}
    found = evidence("self_attention", EXAM, {}, **asked).gradients
    assert list(found) == ["masked_scores", "scaled_scores"]
    assert found["masked_scores"] == found["scaled_scores"]


def test_float32_is_held_to_its_own_digits() -> None:
    found = evidence("self_attention", EXAM, {}, upstream={"output": [[1], [0]]}, arithmetic="float32")
    errors = [one.largest_relative_error for one in found.gradients.values()]
    assert {one.verdict for one in found.gradients.values()} == {"agrees"}
    assert all(one is not None and one < 1e-5 for one in errors)
    assert max(one for one in errors if one is not None) > 1e-9
    with wrong("softmax", "a", lambda g: g * np.float32(1.01)):
        spoiled = evidence("self_attention", EXAM, {}, upstream={"output": [[1], [0]]}, arithmetic="float32")
    assert spoiled.gradients["scaled_scores"].verdict == "disagrees"


def test_without_a_gradient_it_says_so() -> None:
    found = evidence("self_attention", EXAM, {})
    assert "no gradient was asked for" in found.said[0]
    assert found.gradients == {}
    assert [(one.value, one.equality.holds) for one in found.invariants] == [("weights", True)]


def test_nothing_else_of_an_answer_changes() -> None:
    asked: Any = {"upstream": {"output": [[1], [0]]}, "select": ["output", "x"]}
    plain, verified = (answer("self_attention", EXAM, {}, verify=one, **asked) for one in (False, True))
    assert plain.parts.get("evidence") is None
    for one, other in ((plain.values, verified.values), (plain.gradients, verified.gradients)):
        assert list(one) == list(other)
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert plain.notes == verified.notes
    both = [plan("self_attention", EXAM, {}, verify=one, **asked) for one in (False, True)]
    assert both[0].cost.steps == both[1].cost.steps
    assert both[0].conventions == both[1].conventions
    assert both[0].steps == both[1].steps


def test_the_work_is_predicted() -> None:
    asked: Any = {"upstream": {"output": [[1], [0]]}}
    plain, verified = (
        plan("self_attention", EXAM, {}, verify=one, **asked).predicted for one in (False, True)
    )
    assert verified.work > 500 * plain.work
    assert verified.entries > plain.entries
    assert verified.answer == plain.answer
