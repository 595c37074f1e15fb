"""Gradients from any upstream, their parts, and Jacobians."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import unbroadcast
from compute.errors import QuestionErrors
from compute.graph.graph import Graph, apply
from compute.graph.spec import ValueSpec
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(23)
INPUTS: dict[str, Any] = {
    "x": RNG.standard_normal((3, 4)),
    "w_q": RNG.standard_normal((4, 4)),
    "w_k": RNG.standard_normal((4, 4)),
    "w_v": RNG.standard_normal((4, 4)),
    "positional_encoding": RNG.standard_normal((3, 4)),
    "mask": RNG.standard_normal((3, 3)),
}
SETTINGS: dict[str, Any] = {"heads": 2}
FULL = answer("self_attention", INPUTS, SETTINGS).values
UPSTREAM = {name: RNG.standard_normal(value.shape) for name, value in FULL.items()}


def scalar(changed: dict[str, Any], upstream: dict[str, Any], given: dict[str, Any]) -> float:
    values = {**answer("self_attention", INPUTS | changed, SETTINGS, given=given).values, **given}
    return float(sum((values[name] * gradient).sum() for name, gradient in upstream.items()))


@pytest.mark.parametrize("names", [["output"], ["weights"], ["scores", "output"], list(UPSTREAM)])
def test_gradients_of_inputs_are_central_differences(names: list[str]) -> None:
    upstream = {name: UPSTREAM[name] for name in names}
    gradients = answer("self_attention", INPUTS, SETTINGS, upstream=upstream).gradients
    for name in (one for one in INPUTS if one in gradients):
        direction, step = RNG.standard_normal(INPUTS[name].shape), 1e-6
        ahead, behind = (
            scalar({name: INPUTS[name] + sign * step * direction}, upstream, {}) for sign in (1, -1)
        )
        difference = (ahead - behind) / (2 * step)
        rule = float((gradients[name] * direction).sum())
        assert rule == pytest.approx(difference, rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize("name", list(FULL))
def test_the_gradient_of_a_named_value_is_that_of_giving_it(name: str) -> None:
    """What a value's gradient means: how the scalar changes when that value is moved."""
    upstream = {"output": UPSTREAM["output"]}
    gradient = answer("self_attention", INPUTS, SETTINGS, upstream=upstream).gradients[name]
    direction, step = RNG.standard_normal(FULL[name].shape), 1e-6
    ahead, behind = (scalar({}, upstream, {name: FULL[name] + s * step * direction}) for s in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx(
        (ahead - behind) / (2 * step), rel=1e-6, abs=1e-8
    )


def test_upstreams_add_up() -> None:
    together = answer("self_attention", INPUTS, SETTINGS, upstream=UPSTREAM).gradients
    apart = [
        answer("self_attention", INPUTS, SETTINGS, upstream={name: one}).gradients
        for name, one in UPSTREAM.items()
    ]
    for name, gradient in together.items():
        parts = sum(one[name] for one in apart if name in one)
        np.testing.assert_allclose(gradient, parts, rtol=1e-11, atol=1e-12, err_msg=name)


def test_contributions_sum_to_the_gradient() -> None:
    found = answer("self_attention", INPUTS, SETTINGS, upstream=UPSTREAM)
    assert list(found.contributions["input"]) == ["query", "key", "value", "upstream"]
    assert list(found.contributions["weights"]) == ["head_outputs", "upstream"]
    for name, parts in found.contributions.items():
        np.testing.assert_allclose(sum(parts.values()), found.gradients[name], rtol=1e-12, err_msg=name)
    assert "x" not in found.contributions  # one consumer, the sum with the positions


def test_a_given_value_is_passed_by_no_gradient() -> None:
    given = {"weights": FULL["weights"]}
    found = answer("self_attention", INPUTS, SETTINGS, given=given, upstream={"output": UPSTREAM["output"]})
    assert set(found.gradients) == {
        "x", "w_v", "positional_encoding", "input", "value", "weights", "head_outputs", "output",
    }  # fmt: skip
    cut = {note.at for note in found.notes if note.code == "cut"}
    assert cut == {"w_q", "w_k", "mask", "query", "key", "scores", "scaled_scores", "masked_scores"}
    np.testing.assert_allclose(
        found.gradients["x"], np.asarray(found.gradients["value"]).swapaxes(0, 1).reshape(3, 4)
        @ INPUTS["w_v"].T, rtol=1e-12,
    )  # fmt: skip


def test_gradients_that_need_no_unknown_value_are_found() -> None:
    query, value = np.ones((2, 3)), RNG.standard_normal((2, 4))
    given = {"query": query, "value": value, "weights": np.full((2, 2), 0.5)}
    found = answer(
        "attention", {}, given=given, upstream={"scores": np.ones((2, 2))}, select=["key", "query"]
    )
    # The gradient of the keys needs the queries alone; that of the queries needs the keys.
    np.testing.assert_array_equal(found.gradients["key"], np.ones((2, 2)).T @ query)
    assert "query" not in found.gradients
    assert [(note.code, note.at) for note in found.notes] == [("unknown_gradient", "query")]


@pytest.mark.parametrize(("of", "wrt"), [("weights", "x"), ("output", "w_q"), ("scores", "scores")])
def test_jacobians_are_central_differences(of: str, wrt: str) -> None:
    [found] = answer("self_attention", INPUTS, SETTINGS, jacobian=[(of, wrt)]).parts["jacobians"]
    jacobian = found.value
    at = INPUTS[wrt] if wrt in INPUTS else FULL[wrt]
    assert jacobian.shape == FULL[of].shape + at.shape
    if of == wrt:
        np.testing.assert_array_equal(jacobian.reshape(at.size, at.size), np.eye(at.size))
        return
    step = 1e-6
    for entry in range(at.size):
        moved = [at.copy(), at.copy()]
        moved[0].flat[entry] += step
        moved[1].flat[entry] -= step
        ahead, behind = (answer("self_attention", INPUTS | {wrt: one}, SETTINGS).values[of] for one in moved)
        column = jacobian.reshape(*FULL[of].shape, at.size)[..., entry]
        np.testing.assert_allclose(column, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)


def test_the_jacobian_of_a_number_by_a_number() -> None:
    inputs = {"x": np.ones((2, 2)), "kernel": np.ones((1, 1)), "bias": np.array(2.0)}
    [found] = answer("conv2d", inputs, jacobian=[("bias", "bias")]).parts["jacobians"]
    assert found.value == 1
    assert found.value.shape == ()


def test_a_jacobian_without_a_path_is_zero() -> None:
    [found] = answer("self_attention", INPUTS, SETTINGS, jacobian=[("query", "w_k")]).parts["jacobians"]
    jacobian = found.value
    assert jacobian.shape == (2, 3, 2, 4, 4)
    assert not jacobian.any()


@pytest.mark.parametrize(
    ("pair", "place"), [(("weights", "x"), "wrt"), (("weights", "nothing"), "wrt"), (("no", "x"), "of")]
)
def test_a_jacobian_that_cannot_be_known_is_refused(pair: tuple[str, str], place: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("self_attention", INPUTS, SETTINGS, given={"scores": FULL["scores"]}, jacobian=[pair])
    [error] = caught.value.errors
    assert error.path == ("jacobian", 0, place)


def test_a_boolean_mask_has_no_gradient() -> None:
    inputs = INPUTS | {"mask": np.ones((3, 3), dtype=bool)}
    found = answer("self_attention", inputs, SETTINGS, upstream={"output": UPSTREAM["output"]})
    assert "mask" not in found.gradients
    with pytest.raises(QuestionErrors):
        plan("self_attention", inputs, SETTINGS, upstream={"mask": np.ones((3, 3))})


def test_an_unnamed_value_that_two_steps_share() -> None:
    names = ("left", "right", "both")
    graph = Graph(declared={name: ValueSpec(name, "", "", "A value.", name) for name in names})
    a = graph.input("a", (2, 2), symbol="a", axes=())
    b = graph.input("b", (2, 2), symbol="b", axes=())
    shared = apply("tanh", a @ b)
    left, right = (shared * a).named("left"), (shared @ shared).named("right")
    both = (left @ right).named("both")
    known = {a.index: RNG.standard_normal((2, 2)), b.index: RNG.standard_normal((2, 2))}
    evaluation = Evaluation(graph, FLOAT64, known)
    plan = Differentiation(evaluation, [both.index])
    evaluation.request([both.index])
    seed = RNG.standard_normal((2, 2))
    found = plan.run(evaluation.run(known), {both.index: seed})
    for handle in (a, b):
        direction, step = RNG.standard_normal((2, 2)), 1e-6
        sides = [
            float((evaluation.run(known | {handle.index: known[handle.index] + sign * step * direction})[
                both.index] * seed).sum())
            for sign in (1, -1)
        ]  # fmt: skip
        expected = (sides[0] - sides[1]) / (2 * step)
        assert float((found.totals[handle.index] * direction).sum()) == pytest.approx(expected, rel=1e-6)
        parts = found.contributions[handle.index]
        assert set(parts) == {left.index, right.index}
        np.testing.assert_allclose(sum(parts.values()), found.totals[handle.index], rtol=1e-12)


def test_unbroadcast_sums_over_what_was_repeated() -> None:
    gradient = RNG.standard_normal((5, 2, 3, 4))
    np.testing.assert_allclose(
        unbroadcast(FLOAT64, gradient, (2, 1, 4)), gradient.sum((0, 2), keepdims=True)[0], rtol=1e-13
    )
    np.testing.assert_allclose(unbroadcast(FLOAT64, gradient, ()), gradient.sum(), rtol=1e-13)
