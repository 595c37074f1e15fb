"""Bands with the shape of all pairs: values are never read as a band or a matrix silently."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(91)
INPUTS: dict[str, Any] = {name: RNG.standard_normal((3, 2)) for name in ("query", "key", "value")}
BAND = np.array([[0, 0.5, 0.5], [0.25, 0.5, 0.25], [0.5, 0.5, 0]])
PAIRS = np.array([[0.5, 0.5, 0], [0.25, 0.5, 0.25], [0, 0.5, 0.5]])
VALUE = np.array([[1.0], [2.0], [4.0]])


def refusal(given: dict[str, Any], settings: dict[str, Any], **inputs: Any) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        answer("attention", inputs, settings, given=given)
    [error] = caught.value.errors
    return error


def test_a_band_is_read_as_a_band_with_a_note() -> None:
    found = answer("attention", {"value": VALUE}, {"window": 1}, given={"weights": BAND})
    np.testing.assert_allclose(found.values["output"], PAIRS @ VALUE)
    [note] = [note for note in found.notes if note.code == "band"]
    assert note.at == "weights" and "(3, 3)" in note.message
    assert "entry j of query i is for key i - 1 + j" in note.message


@pytest.mark.parametrize("orientation", ["query_key", "key_query"])
@pytest.mark.parametrize("name", ["weights", "scores", "scaled_scores", "capped_scores", "masked_scores"])
def test_a_matrix_of_all_pairs_is_refused(name: str, orientation: str) -> None:
    turned = orientation == "key_query"
    settings = {"window": 1, "orientation": orientation}
    matrix = PAIRS.T if turned else PAIRS
    error = refusal({name: matrix}, settings, **INPUTS)
    assert error.path == ("given", name)
    assert "[0, 0] stands for no key" in error.message and "not a matrix of all pairs" in error.message
    assert error.expected == ("-Infinity at [0, 0]" if name == "masked_scores" else "0 at [0, 0]")
    band = {"weights": BAND, "masked_scores": np.where(BAND == 0, -np.inf, BAND)}.get(name, BAND)
    answer("attention", INPUTS, settings, given={name: band.T if turned else band})


def test_a_matrix_of_another_shape_is_refused_as_what_it_is() -> None:
    inputs = {name: RNG.standard_normal((5, 2)) for name in INPUTS}
    error = refusal({"weights": np.eye(5)}, {"window": 1}, **inputs)
    assert "not a matrix of all pairs" in error.message
    assert (error.expected, error.received) == ("shape (5, 3)", "shape (5, 5)")


@pytest.mark.parametrize("name", ["weights", "masked_scores"])
def test_weights_of_keys_that_are_none_are_refused_in_any_shape(name: str) -> None:
    inputs = {one: RNG.standard_normal((5, 2)) for one in INPUTS}
    error = refusal({name: np.full((5, 3), 0.5)}, {"window": 1}, **inputs)
    assert error.path == ("given", name)
    free = {"scores": np.full((5, 3), 0.5)}  # the mask takes these out
    found = answer("attention", inputs, {"window": 1}, given=free).values["weights"]
    np.testing.assert_array_equal(found[[0, 4], [0, 2]], 0)


def test_what_an_answer_gives_can_be_given() -> None:
    for window, n in ((1, 3), (1, 5), ([2, 1], 4)):
        settings = {"window": tuple(window) if isinstance(window, list) else window}
        inputs = {name: RNG.standard_normal((n, 2)) for name in INPUTS}
        whole = answer("attention", inputs, settings).values
        for name in ("scores", "masked_scores", "weights"):
            again = answer("attention", inputs, settings, given={name: whole[name]}).values
            np.testing.assert_array_equal(again["output"], whole["output"])


def test_exact_bands_are_checked_alike() -> None:
    error = refusal_exact({"weights": [["a", "b", 0], [0, 1, 0], [0, 0, 1]]})
    assert error.path == ("given", "weights")


def refusal_exact(given: dict[str, Any]) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        answer("attention", {"value": [[1], [2], [4]]}, {"window": 1}, given=given, arithmetic="exact")
    [error] = caught.value.errors
    return error


def test_the_note_stands_where_shapes_are_alike_alone() -> None:
    for settings in ({}, {"window": 2}, {"window": 0}):
        assert not [note for note in plan("attention", INPUTS, settings).notes if note.code == "band"]
    lines = ("h = attention(q, k, v, window=1)",)
    found = plan("graph", {"q": VALUE, "k": VALUE, "v": VALUE}, program=lines)
    assert [(note.code, note.at) for note in found.notes] == [("band", "h.weights")]
