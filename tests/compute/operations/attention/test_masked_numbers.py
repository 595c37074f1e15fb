"""Masked entries touch neither outputs nor weights nor gradients, NaN and infinity included."""

from typing import Any

import numpy as np
import pytest
import sympy

from tests.compute.asking import answer
from tests.oracles.cases import Array

RNG = np.random.default_rng(71)
BAD = (np.nan, np.inf, -np.inf)
N, M = 3, 4
INPUTS = {
    "query": RNG.standard_normal((N, 2)),
    "key": RNG.standard_normal((M, 2)),
    "value": RNG.standard_normal((M, 2)),
}
SEEDS = RNG.standard_normal((N, 2))
# Key 3 is masked for every query, key 1 for query 0 alone, and query 2 may attend to nothing.
PAIRS = np.array([[True, False, True, False], [True, True, True, False], [False] * 4])
MASKS = {"boolean": PAIRS, "added": np.where(PAIRS, 0.25, -np.inf)}


def attended(inputs: dict[str, Any], allowed: Array, softcap: float | None = None) -> tuple[Array, Any]:
    """Pair by pair: the outputs, and the gradients of query, key and value for SEEDS."""
    query, key, value = inputs["query"], inputs["key"], inputs["value"]
    outputs = np.zeros((N, value.shape[1]))
    found = {name: np.zeros(one.shape) for name, one in inputs.items()}
    for i in range(N):
        seen = np.flatnonzero(allowed[i])
        if not seen.size:
            continue
        scores = np.array([query[i] @ key[j] / np.sqrt(2) for j in seen])
        capped = scores if softcap is None else softcap * np.tanh(scores / softcap)
        slopes = np.ones(len(seen)) if softcap is None else 1 - np.tanh(scores / softcap) ** 2
        weights = np.exp(capped - capped.max())
        weights /= weights.sum()
        outputs[i] = sum(w * value[j] for w, j in zip(weights, seen, strict=True))
        to_weights = np.array([SEEDS[i] @ value[j] for j in seen])
        to_scores = weights * (to_weights - weights @ to_weights) * slopes / np.sqrt(2)
        for at, j in enumerate(seen):
            found["query"][i] += to_scores[at] * key[j]
            found["key"][j] += to_scores[at] * query[i]
            found["value"][j] += weights[at] * SEEDS[i]
    return outputs, found


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("orientation", ["query_key", "key_query"])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize("bad", BAD)
def test_masked_rows_are_as_if_they_were_not_there(
    kind: str, orientation: str, layout: str, softcap: float | None, bad: float
) -> None:
    outputs, gradients = attended(INPUTS, PAIRS, softcap)
    mask = MASKS[kind].T if orientation == "key_query" else MASKS[kind]
    inputs = {name: one.copy() for name, one in INPUTS.items()}
    for name, row in (("key", 3), ("value", 3), ("query", 2)):
        inputs[name][row] = bad
    turn = np.transpose if layout == "columns" else np.asarray
    sent = {name: turn(one) for name, one in inputs.items()} | {"mask": mask}
    settings = {"orientation": orientation, "layout": layout} | ({"softcap": softcap} if softcap else {})
    for select in (None, ["output", *INPUTS]):
        found = answer("attention", sent, settings, upstream={"output": turn(SEEDS)}, select=select)
        np.testing.assert_allclose(turn(found.values["output"]), outputs, rtol=1e-12, atol=1e-14)
        for name in INPUTS:
            np.testing.assert_allclose(turn(found.gradients[name]), gradients[name], rtol=1e-11, atol=1e-14)
        assert not found.spoiled_gradients
        assert not any(note.spoiled_gradients or note.code == "non_finite_gradient" for note in found.notes)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("bad", BAD)
def test_a_pair_that_is_masked_is_taken_out_for_its_query_alone(kind: str, bad: float) -> None:
    """Key 1 is masked for query 0, and spoils query 1, which sees it."""
    inputs = {name: one.copy() for name, one in INPUTS.items()}
    inputs["value"][1, 0] = bad
    found = answer("attention", inputs | {"mask": MASKS[kind]}, upstream={"output": SEEDS})
    outputs, gradients = attended(INPUTS, PAIRS)
    np.testing.assert_allclose(found.values["output"][0], outputs[0], rtol=1e-12)
    assert not np.isfinite(found.values["output"][1, 0])
    np.testing.assert_allclose(found.gradients["query"][0], gradients["query"][0], rtol=1e-12)
    assert np.isnan(found.gradients["query"][1]).all()
    np.testing.assert_allclose(found.gradients["value"], gradients["value"], rtol=1e-12, atol=1e-15)


def test_a_weight_that_is_merely_small_lets_nan_through() -> None:
    """It comes out as 0, and no mask made it so."""
    inputs = {"query": [[1.0]], "key": [[1000.0], [-1000.0], [0.0]], "value": [[1.0], [np.nan], [2.0]]}
    found = answer("attention", inputs | {"mask": np.array([True, True, False])}, {"scale": 1})
    assert found.values["weights"][0, 1] == 0 and np.isnan(found.values["output"][0, 0])


@pytest.mark.parametrize("bad", BAD)
def test_masks_inside_a_window_take_out_likewise(bad: float) -> None:
    inputs = {name: RNG.standard_normal((5, 2)) for name in INPUTS}
    masked, seeds = np.array([True, True, False, True, True]), {"output": RNG.standard_normal((5, 2))}
    for orientation in ("query_key", "key_query"):
        mask = masked[:, None] if orientation == "key_query" else masked
        settings = {"window": 1, "orientation": orientation}
        expected = answer("attention", inputs | {"mask": mask}, settings, upstream=seeds)
        sent = {name: one.copy() for name, one in inputs.items()} | {"mask": mask}
        sent["key"][2], sent["value"][2] = bad, bad
        found = answer("attention", sent, settings, upstream=seeds)
        for name in ("output", "weights"):
            np.testing.assert_allclose(found.values[name], expected.values[name], rtol=1e-12)
        for name in INPUTS:
            np.testing.assert_allclose(found.gradients[name], expected.gradients[name], rtol=1e-11)


def test_upstream_that_is_nan_reaches_no_masked_pair() -> None:
    seeds = SEEDS.copy()
    seeds[0] = np.nan
    found = answer("attention", INPUTS | {"mask": PAIRS}, upstream={"output": seeds})
    assert np.isnan(found.gradients["value"][[0, 2]]).all()  # which query 0 sees
    assert np.isfinite(found.gradients["value"][[1, 3]]).all()
    assert np.isfinite(found.gradients["key"][[1, 3]]).all()


def test_weights_that_are_given_count_though_a_mask_would_take_them_out() -> None:
    weights = np.full((2, 2), 0.5)
    found = answer("attention", {"value": [[1.0], [3.0]]}, {"causal": True}, given={"weights": weights})
    np.testing.assert_array_equal(found.values["output"], [[2], [2]])
    found = answer("attention", {"value": [[1.0], [np.nan]]}, {"causal": True}, given={"weights": weights})
    assert np.isnan(found.values["output"]).all()


def test_dropped_weights_take_their_values_out() -> None:
    inputs: dict[str, Any] = {
        "x": RNG.standard_normal((2, 2)), "context": [[1.0, 0.5], [np.nan, 2.0]], "w_q": np.eye(2),
        "w_k": np.zeros((2, 2)), "dropout_mask": [[1.0, 0.0], [1.0, 1.0]],
    }  # fmt: skip
    inputs |= {"positional_encoding": np.zeros((2, 2))}
    weights = [[0.5, 0.5], [0.5, 0.5]]
    found = answer("cross_attention", inputs, {"dropout_rate": 0.5}, given={"weights": weights})
    np.testing.assert_array_equal(found.values["output"][0], [1, 0.5])
    assert np.isnan(found.values["output"][1, 0])


def test_jacobians_float32_and_programs_pass_masked_numbers_over() -> None:
    inputs = {name: one.copy() for name, one in INPUTS.items()}
    inputs["key"][3], inputs["value"][3] = np.nan, np.inf
    _, gradients = attended(INPUTS, PAIRS)
    single = answer("attention", inputs | {"mask": PAIRS}, upstream={"output": SEEDS}, arithmetic="float32")
    np.testing.assert_allclose(single.gradients["query"], gradients["query"], rtol=1e-4, atol=1e-6)
    lines = ("y = attention(query, key, value, mask=m)", "L = sum(y * seeds)")
    sent = inputs | {"m": PAIRS, "seeds": SEEDS}
    found = answer("graph", sent, program=lines, upstream={"L": 1.0}, jacobian=[("L", "key")])
    for name in INPUTS:
        np.testing.assert_allclose(found.gradients[name], gradients[name], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.parts["jacobians"][0].value, gradients["key"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("bad", [sympy.nan, sympy.oo])
def test_exact_numbers_pass_masked_infinities_over(bad: Any) -> None:
    inputs = {
        "query": [["a"]],
        "key": [["b"], [bad]],
        "value": [["c"], [bad]],
        "mask": np.array([True, False]),
    }
    found = answer("attention", inputs, upstream={"output": [[1]]}, arithmetic="exact")
    assert str(found.values["output"][0, 0]) == "c"
    assert [str(entry) for entry in found.gradients["value"].flat] == ["1", "0"]
    for name in ("query", "key"):
        assert {str(entry) for entry in found.gradients[name].flat} == {"0"}


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_a_token_apart_from_all_others_reaches_no_weights(layout: str) -> None:
    turn = np.transpose if layout == "columns" else np.asarray
    weights = {name: turn(RNG.standard_normal((2, 2))) for name in ("w_q", "w_k", "w_v")}
    x, seeds = RNG.standard_normal((3, 2)), RNG.standard_normal((3, 2))
    mask = np.array([[True, False, True], [False] * 3, [True, False, True]])
    found = []
    for entry in (0.5, np.nan):
        x[1] = entry
        sent = weights | {"x": turn(x), "mask": mask}
        found.append(answer("self_attention", sent, {"layout": layout}, upstream={"output": turn(seeds)}))
    np.testing.assert_array_equal(turn(found[1].values["output"])[1], 0)
    for name in (*weights, "x"):
        np.testing.assert_allclose(found[1].gradients[name], found[0].gradients[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("operation", ["self_attention", "encoder_layer"])
@pytest.mark.parametrize("bad", BAD)
def test_tokens_that_are_padding_may_hold_anything(operation: str, bad: float) -> None:
    part = "" if operation == "self_attention" else "attention."
    weights = {f"{part}{name}": RNG.standard_normal((2, 2)) for name in ("w_q", "w_k", "w_v", "w_o")}
    if part:
        sizes = {"feed_forward.w_1": (2, 3), "feed_forward.w_2": (3, 2), "attention_norm.gain": (2,)}
        sizes |= {"feed_forward_norm.gain": (2,), "feed_forward_norm.bias": (2,), "attention_norm.bias": (2,)}
        sizes |= {"feed_forward.b_1": (3,), "feed_forward.b_2": (2,)}
        weights |= {name: RNG.standard_normal(size) for name, size in sizes.items()}
    x = RNG.standard_normal((4, 2))
    padding = np.array([False, True, False, True])
    for settings in ({}, {"causal": True}):
        seeds = {"output": np.where(padding[:, None], 0.0, RNG.standard_normal((4, 2)))}
        sent = weights | {"x": np.where(padding[:, None], bad, x), "key_padding_mask": padding}
        found = answer(operation, sent, settings, upstream=seeds)
        expected = answer(operation, sent | {"x": np.where(padding[:, None], 0, x)}, settings, upstream=seeds)
        np.testing.assert_allclose(
            found.values["output"][~padding], expected.values["output"][~padding], rtol=1e-12
        )
        for name in weights:
            np.testing.assert_allclose(
                found.gradients[name], expected.gradients[name], rtol=1e-11, atol=1e-14
            )
        np.testing.assert_array_equal(found.gradients["x"][padding], 0)
        [note] = found.notes
        assert (note.at, note.spoiled, note.spoiled_gradients) == ("x", (), ())
        assert note.message.endswith("Nothing follows from it.")


def test_finite_padding_attends_as_ever() -> None:
    """Only keys are masked: a query that is padding has an output of its own, as in PyTorch."""
    inputs = {
        "x": [[1.0], [3.0]],
        "w_q": [[1.0]],
        "w_k": [[1.0]],
        "key_padding_mask": np.array([False, True]),
    }
    found = answer("self_attention", inputs)
    np.testing.assert_array_equal(found.values["query"], [[1], [3]])
    np.testing.assert_array_equal(found.values["output"], [[1], [1]])
