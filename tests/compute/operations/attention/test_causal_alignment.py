"""Alignment of queries with keys: both counted from the first, or both from the last."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array

RNG = np.random.default_rng(81)
SIZES = [(1, 3), (2, 5), (3, 3), (5, 2), (40, 50), (50, 40)]


def posed(n: int, m: int) -> dict[str, Any]:
    shapes = {"query": (2, n, 3), "key": (2, m, 3), "value": (2, m, 2)}
    return {name: RNG.standard_normal(shape) for name, shape in shapes.items()}


def sees(n: int, m: int, left: int | None, right: int = 0) -> Array:
    """Pair by pair: the last query is aligned with the last key."""
    return np.array(
        [
            [(left is None or i + m - n - left <= j) and j <= i + m - n + right for j in range(m)]
            for i in range(n)
        ]
    )


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("window", [None, 0, 1, 3, (2, 4), 60])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("orientation", ["query_key", "key_query"])
def test_the_last_query_stands_at_the_last_key(
    n: int, m: int, window: Any, causal: bool, orientation: str
) -> None:
    if window is None and not causal:
        return
    left, right = window if isinstance(window, tuple) else (window, window)
    mask = sees(n, m, left, 0 if causal else right)
    inputs, seeds = posed(n, m), {"output": RNG.standard_normal((2, n, 2))}
    settings: dict[str, Any] = {"causal": causal, "causal_alignment": "lower_right"}
    settings |= {"orientation": orientation} | ({} if window is None else {"window": window})
    found = answer("attention", inputs, settings, upstream=seeds, select=["output", "argmax", *inputs])
    expected = answer(
        "attention", inputs | {"mask": mask}, upstream=seeds, select=["output", "argmax", *inputs]
    )
    np.testing.assert_allclose(found.values["output"], expected.values["output"], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(found.values["argmax"], expected.values["argmax"])
    for name in inputs:
        np.testing.assert_allclose(found.gradients[name], expected.gradients[name], rtol=1e-11, atol=1e-13)


def test_decoding_with_a_cache_is_the_last_row_of_all() -> None:
    whole = posed(4, 4)
    step = whole | {"query": whole["query"][:, 3:]}
    expected = answer("attention", whole, {"causal": True}).values["output"][:, 3:]
    found = answer("attention", step, {"causal": True, "causal_alignment": "lower_right"})
    np.testing.assert_allclose(found.values["output"], expected, rtol=1e-13)
    first = answer("attention", step, {"causal": True})
    np.testing.assert_array_equal(first.values["weights"][0], [[1, 0, 0, 0]])


@pytest.mark.parametrize("alignment", [None, "upper_left", "lower_right"])
def test_answers_say_where_queries_stand(alignment: str | None) -> None:
    settings: dict[str, Any] = {"causal": True} | ({"causal_alignment": alignment} if alignment else {})
    prepared = plan("attention", posed(1, 3), settings)
    assert prepared.conventions["causal_alignment"] == (alignment or "upper_left")
    last = "i + 2" if alignment == "lower_right" else "i"
    assert prepared.conventions["causal"] == f"query i attends to keys 0 to {last}"
    [note] = prepared.notes
    assert (note.code, note.at) == ("causal_alignment", "masked_scores")
    assert note.message.startswith("1 query, 3 keys: query i is aligned with key i")
    assert ("set causal_alignment to lower_right" in note.message) == (alignment is None)
    if alignment == "lower_right":
        assert "aligned with key i + 2, the last" in note.message


def test_as_many_queries_as_keys_need_no_word() -> None:
    prepared = plan("attention", posed(3, 3), {"causal": True})
    assert prepared.notes == [] and "causal_alignment" not in prepared.conventions
    [note] = plan("attention", posed(2, 3), {"window": 2}).notes
    assert note.code == "causal_alignment"
    assert plan("attention", posed(2, 3)).notes == []


def test_bands_say_which_keys_they_are_of() -> None:
    settings = {"causal": True, "window": 1, "causal_alignment": "lower_right"}
    found = plan("attention", posed(2, 5), settings).conventions
    assert found["window"] == [1, 0]
    assert found["band"].startswith("entry j of query i is for key i + 3 - left + j;")


def test_an_alignment_without_use_is_refused() -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("attention", posed(2, 3), {"causal_alignment": "lower_right"})
    [error] = caught.value.errors
    assert error.path == ("causal_alignment",) and error.received == "lower_right"


def test_self_and_cross_attention_are_aligned_alike() -> None:
    weights = {"w_q": RNG.standard_normal((2, 2)), "w_k": RNG.standard_normal((2, 2))}
    context = RNG.standard_normal((4, 2))
    settings = {"causal": True, "causal_alignment": "lower_right"}
    whole = answer("self_attention", {"x": context, **weights}, settings).values["output"]
    np.testing.assert_array_equal(
        whole, answer("self_attention", {"x": context, **weights}, {"causal": True}).values["output"]
    )
    step = {"x": context[3:], "context": context, **weights}
    found = answer("cross_attention", step, settings)
    np.testing.assert_allclose(found.values["output"], whole[3:], rtol=1e-13)
    assert [note.code for note in found.notes] == ["causal_alignment"]


def test_exact_weights_are_aligned_alike() -> None:
    inputs = {"query": [["q"]], "key": [[0], [0], [0]], "value": [["a"], ["b"], ["c"]]}
    settings = {"causal": True, "causal_alignment": "lower_right"}
    found = answer("attention", inputs, settings, arithmetic="exact").values
    assert [str(entry) for entry in found["weights"].flat] == ["1/3"] * 3


@pytest.mark.parametrize("alignment", ["upper_left", "lower_right"])
def test_the_cost_in_numbers_and_letters(alignment: str) -> None:
    n, m = 3, 7
    sizes: list[tuple[Any, Any]] = [(n, m), (Polynomial.symbol("n"), Polynomial.symbol("m"))]
    costs = []
    for queries, keys in sizes:
        shapes = {"query": Tensor((queries, 2)), "key": Tensor((keys, 2)), "value": Tensor((keys, 2))}
        settings = {"window": 2, "causal": True, "causal_alignment": alignment}
        costs.append(describe_cost("attention", shapes, settings))
    offset = m - n if alignment == "lower_right" else 0
    exact = sum(-2 <= j - i - offset <= 0 for i in range(n) for j in range(m))
    assert costs[0][0].comparisons == 3 * n and costs[0][0].exact_comparisons == exact
    assert str(costs[1][0].comparisons) == "3*n" and costs[1][0].exact_comparisons is None
    assert costs[1][2]["causal_alignment"] == alignment
