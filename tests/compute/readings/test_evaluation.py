"""Values on demand: given values, aliases, and what stays unknown."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(17)
INPUTS: dict[str, Any] = {
    "x": RNG.standard_normal((3, 4)),
    "w_q": RNG.standard_normal((4, 4)),
    "w_k": RNG.standard_normal((4, 4)),
    "w_v": RNG.standard_normal((4, 6)),
    "w_o": RNG.standard_normal((6, 5)),
    "positional_encoding": RNG.standard_normal((3, 4)),
    "mask": np.tri(3, dtype=bool),
}
SETTINGS: dict[str, Any] = {"heads": 2, "softcap": 2}
FULL = answer("self_attention", INPUTS, SETTINGS).values
ALIASES = plan("self_attention", INPUTS, SETTINGS).graph.aliases()
NAMES = [name for name in FULL if name not in ALIASES]


@pytest.mark.parametrize("count", range(1, len(NAMES) + 1))
def test_any_given_values_lead_to_what_a_full_run_gives(count: int) -> None:
    for names in combinations(NAMES, count):
        given = {name: FULL[name] for name in names}
        found = answer("self_attention", INPUTS, SETTINGS, given=given).values
        assert set(found) == set(FULL) - set(names)
        for name, value in found.items():
            np.testing.assert_array_equal(value, FULL[name], err_msg=f"{name} from {names}")


@pytest.mark.parametrize(
    ("names", "reached"),
    [
        (["scores"], {"scaled_scores", "capped_scores", "masked_scores", "weights"}),
        (["weights", "value"], {"head_outputs", "output"}),
        (["weights"], set()),
        (["query", "key", "value"], set(NAMES) - {"query", "key", "value", "input"}),
        (["head_outputs"], {"output"}),
        (["output"], set()),
    ],
)
def test_without_inputs_the_reachable_is_reached_and_the_rest_unknown(
    names: list[str], reached: set[str]
) -> None:
    kept = {name: INPUTS[name] for name in ("w_v", "w_o", "mask", "positional_encoding")}
    given = {name: FULL[name] for name in names}
    settings = SETTINGS | {"scale": "1/sqrt(2)"}
    prepared = plan("self_attention", kept, settings, given=given)
    found = prepared.answer(kept, given, {}).values
    reached = reached | {name for name, one in ALIASES.items() if one in {*reached, *names}}
    assert set(found) == reached
    assert set(prepared.unknown) == {"x", "w_q", "w_k", *FULL} - reached - set(names)
    for name, value in found.items():
        np.testing.assert_allclose(value, FULL[name], rtol=1e-14, err_msg=name)


def test_a_scale_that_depends_on_an_unknown_size_is_unknown() -> None:
    prepared = plan("self_attention", {}, given={"scores": FULL["scores"][0]})
    assert "scaled_scores" in prepared.unknown
    assert [step.shape for step in prepared.steps if step.name == "query"] == [[3, "d_k"]]


def test_an_input_can_be_sent_as_given() -> None:
    rest = {name: value for name, value in INPUTS.items() if name not in ("x", "w_o")}
    given = {"x": INPUTS["x"], "w_o": INPUTS["w_o"]}
    found = answer("self_attention", rest, SETTINGS, given=given).values
    np.testing.assert_array_equal(found["output"], FULL["output"])


def test_aliases_can_be_used_everywhere() -> None:
    inputs = {name: INPUTS[name] for name in ("x", "w_q", "w_k")}
    plain = answer("self_attention", inputs, upstream={"output": np.ones((3, 4))})
    assert plan("self_attention", inputs).graph.aliases() == {
        "input": "x", "capped_scores": "scaled_scores", "masked_scores": "scaled_scores",
        "head_outputs": "output",
        "rotated_query": "query",
        "rotated_key": "key",
    }  # fmt: skip
    by_alias = answer(
        "self_attention",
        inputs,
        upstream={"head_outputs": np.ones((3, 4))},
        select=["masked_scores", "input", "head_outputs"],
    )
    assert list(by_alias.values) == ["masked_scores", "input", "head_outputs"]
    np.testing.assert_array_equal(by_alias.values["masked_scores"], plain.values["scaled_scores"])
    np.testing.assert_array_equal(by_alias.gradients["input"], plain.gradients["x"])
    given = {"masked_scores": plain.values["scaled_scores"]}
    from_given = answer("self_attention", inputs, given=given)
    np.testing.assert_array_equal(from_given.values["output"], plain.values["output"])
    np.testing.assert_array_equal(from_given.values["scaled_scores"], plain.values["scaled_scores"])
    assert "masked_scores" not in from_given.values


def test_one_value_can_be_given_under_two_names_with_the_same_entries_alone() -> None:
    inputs = {name: INPUTS[name] for name in ("x", "w_q", "w_k")}
    scores = np.array([[0.0, 1, 2], [np.nan, -np.inf, 3], [1, 1, 1]])
    given = {"masked_scores": scores, "scaled_scores": scores.copy()}
    found = answer("self_attention", inputs, given=given).values
    np.testing.assert_allclose(found["weights"][2], [1 / 3] * 3, rtol=1e-15)
    given["scaled_scores"][0, 0] = 5
    with pytest.raises(QuestionErrors) as caught:
        answer("self_attention", inputs, given=given)
    [error] = caught.value.errors
    assert error.path == ("given", "scaled_scores")
    with pytest.raises(QuestionErrors):
        plan("self_attention", inputs, given={"masked_scores": scores, "scaled_scores": scores[:2]})


def test_every_value_can_be_given_as_it_was_answered() -> None:
    inputs = {name: INPUTS[name] for name in ("x", "w_q", "w_k")}
    full = answer("self_attention", inputs).values
    assert {"input", "masked_scores", "head_outputs", "output"} <= set(full)
    again = answer("self_attention", inputs, given=full, select=list(full)).values
    for name, value in full.items():
        np.testing.assert_array_equal(again[name], value)


def test_only_what_is_asked_is_computed() -> None:
    prepared = plan("self_attention", INPUTS, SETTINGS, select=["scores"])
    names = {value.name for value in prepared.evaluation.computed_values()} - {None}
    assert names == {"input", "query", "key", "scores"}
    assert [step.name for step in prepared.cost.steps] == ["input", "query", "key", "scores"]


def test_what_a_gradient_needs_is_kept_only_where_one_is_wanted() -> None:
    x, asked = RNG.standard_normal((4, 6)), ["output", "x"]
    for upstream, kept in ({}, 0), ({"output": np.ones((2, 3))}, 1):
        prepared = plan("max_pool2d", {"x": x}, {"size": 2}, upstream=upstream, select=asked)
        evaluation, names = prepared.evaluation, prepared.graph.names
        assert [value.name for value in evaluation.computed_values()] == ["output"]
        values = evaluation.run({names["x"].index: x})
        assert len(values) == len(names) + kept
        np.testing.assert_array_equal(values[names["output"].index], x.reshape(2, 2, 3, 2).max((1, 3)))


def test_float32_throughout() -> None:
    upstream = {"output": np.ones((3, 5))}
    found = answer("self_attention", INPUTS, SETTINGS, upstream=upstream, arithmetic="float32")
    assert {value.dtype for value in found.values.values()} == {np.dtype(np.float32)}
    assert {value.dtype for value in found.gradients.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(found.values["output"], FULL["output"], rtol=1e-4, atol=1e-5)
