"""What is said of numbers that are not finite."""

from typing import Any

import numpy as np
import pytest

from compute.answers import Answer
from compute.errors import QuestionErrors
from compute.masks import check_masks
from tests.compute.asking import answer, plan

QKV: dict[str, Any] = {"query": np.eye(2), "key": np.eye(2), "value": np.array([[1.0, 2.0], [3.0, 4.0]])}


def said(found: Answer) -> list[tuple[str, str]]:
    return [(note.code, note.at) for note in found.notes]


def test_finite_numbers_need_no_words() -> None:
    assert answer("attention", QKV).notes == []
    mask = np.array([[True, False], [True, True]])
    assert answer("attention", QKV | {"mask": mask}, {"causal": True}).notes == []


def test_a_row_that_may_attend_to_nothing() -> None:
    mask = np.array([[False, False], [True, True]])
    found = answer("attention", QKV | {"mask": mask}, upstream={"output": np.ones((2, 2))})
    assert said(found) == [("nothing_to_attend", "weights")]
    assert "1 of 2" in found.notes[0].message
    assert "[0]" in found.notes[0].message
    np.testing.assert_array_equal(found.values["weights"][0], [0, 0])
    np.testing.assert_array_equal(found.values["output"][0], [0, 0])
    assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())
    np.testing.assert_array_equal(found.gradients["query"][0], [0, 0])


def test_empty_rows_are_counted_along_the_keys() -> None:
    mask = np.array([[True, False, False], [True, False, False]])
    inputs = {"query": np.ones((3, 1)), "key": np.ones((2, 1)), "value": np.ones((2, 1)), "mask": mask}
    found = answer("attention", inputs, {"orientation": "key_query"})
    assert said(found) == [("nothing_to_attend", "weights")]
    assert "2 of 3" in found.notes[0].message
    assert "[1]" in found.notes[0].message


def test_the_first_step_that_overflows_is_named_and_only_that() -> None:
    found = answer("attention", QKV | {"query": np.array([[1e200, 0], [0, 1]]), "key": np.eye(2) * 1e200})
    assert said(found) == [("non_finite", "scores")]
    [note] = found.notes
    assert note.message.startswith(
        "query @ transpose(key) is Infinity at [0, 0]: 1e+200 * 1e+200 + ... = Infinity."
        " That is beyond the largest number of float64"
    )
    assert "In weights it becomes NaN: exp(Infinity - Infinity) = NaN." in note.message
    assert note.operation == "matmul" and note.entries == ((0, 0),) and note.count == 1
    assert note.operands == (("query", 1e200), ("transpose(key)", 1e200)) and note.result == "Infinity"
    assert note.spoiled == ("scaled_scores", "weights", "output")
    assert found.spoiled == {"scores", "scaled_scores", "capped_scores", "masked_scores", "weights", "output"}


def test_what_came_in_spoiled_is_named_there() -> None:
    found = answer("attention", QKV | {"value": np.array([[np.nan, 1], [np.inf, 1]])})
    assert said(found) == [("non_finite", "value")]
    [note] = found.notes
    assert note.message.startswith("came in as not finite at [0, 0] and 1 other entry, the first NaN.")
    assert note.entries == ((0, 0), (1, 0)) and note.spoiled == ("output",)
    assert note.operation == note.remedy == "" and note.operands == ()


def test_a_gradient_that_overflows() -> None:
    found = answer("attention", QKV, upstream={"output": np.full((2, 2), 1e308)})
    assert said(found) == [("non_finite_gradient", "weights")]
    [note] = found.notes
    assert "back through weights @ value" in note.message and "1e+308 * 2 + ... = Infinity" in note.message
    assert note.operands == (("gradient of output", 1e308), ("value", 2))
    assert note.spoiled_gradients == ("scaled_scores", "scores", "query", "key")
    assert "clip gradients" in note.remedy
    assert found.spoiled_gradients >= {"weights", "scores", "query", "key", "masked_scores"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_mask(bad: float) -> None:
    with pytest.raises(QuestionErrors):
        check_masks(["mask"], {"mask": np.array([[0, bad]])})
    check_masks(["mask"], {"mask": np.array([[0, -np.inf]]), "query": np.array([[bad]])})
    check_masks(["mask"], {"mask": np.array([[True]])})


def test_few_values_show_that_all_are_finite() -> None:
    watched = [value.name for value in plan("attention", QKV).evaluation.watched()]
    assert watched == ["output", "scaled_scores"]
    for name in QKV:
        for bad in (np.nan, np.inf, -np.inf):
            spoiled = {one: array.copy() for one, array in QKV.items()}
            spoiled[name][1, 1] = bad
            assert (("non_finite", name)) in said(answer("attention", spoiled))
