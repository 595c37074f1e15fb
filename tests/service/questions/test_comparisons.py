"""POST /v1/compare: two answers side by side, and what a wrong change gets."""

import base64
from typing import Any

import numpy as np
import pytest

from service.questions.comparisons import understand_comparison
from service.settings import Settings
from tests.conftest import EXAM, Ask, errors

PATH = "/v1/compare"
BASE = {"operation": "self_attention", **EXAM}


def values(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **BASE | fields)
    assert response.status_code == 200, response.text
    return response.json()["values"]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ([[5, 1], [0, 1]], [[5, 1], [0, 1]]),
        ([["1/2", "sqrt(4)"], [0, 1]], [[0.5, 2], [0, 1]]),
        ({"add": 1}, [[1, 2], [0, 2]]),
        ({"add": [[1, 0], [0, 1]]}, [[1, 1], [-1, 2]]),
        ({"multiply": 2, "at": [1]}, [[0, 1], [-2, 2]]),
        ({"multiply": "1/2", "at": [None, 1]}, [[0, 0.5], [-1, 0.5]]),
        ({"replace": [7, 8], "at": [0]}, [[7, 8], [-1, 1]]),
        ({"replace": 3, "at": [1, 0]}, [[0, 1], [3, 1]]),
        ({"permute": [1, 0]}, [[-1, 1], [0, 1]]),
        ({"permute": [1, 0], "axis": -1}, [[1, 0], [1, -1]]),
        ({"remove": [0]}, [[-1, 1]]),
    ],
)
def test_changes_of_an_input(ask: Ask, change: Any, after: list[Any]) -> None:
    found = values(ask, changes={"x": change}, select=["x", "output"])
    assert found["x"]["after"] == after
    direct = ask(**EXAM | {"x": after}).json()["values"]["output"]
    assert found["output"]["after"] == direct


def test_packed_tensors_change_too(ask: Ask) -> None:
    data = base64.b64encode(np.array([[9.0, 9.0], [1.0, 1.0]]).tobytes()).decode()
    packed = {"dtype": "float64", "shape": [2, 2], "data": data}
    assert values(ask, changes={"x": packed}, select=["x"])["x"]["after"] == [[9, 9], [1, 1]]
    found = values(ask, changes={"x": {"add": packed}}, select=["x"], encoding="packed")["x"]
    assert set(found["difference"]) == {"dtype", "shape", "data"}


def test_a_value_is_changed_where_it_is_computed(ask: Ask) -> None:
    found = values(ask, changes={"key": {"at": [1], "multiply": 3}})
    assert found["key"]["before"] == [[-1], [1]]
    assert found["key"]["after"] == [[-1], [3]]
    assert found["query"]["largest_change"] == 0
    given = ask(**EXAM | {"given": {"key": [[-1], [3]]}}).json()["values"]["output"]
    assert found["output"]["after"] == given


def test_what_is_given_can_be_changed_and_taken_away(ask: Ask) -> None:
    given = {"weights": [[1, 0], [0, 1]]}
    found = values(ask, given=given, changes={"weights": {"permute": [1, 0]}})
    assert found["output"]["permutation"] == [{"axis": "query", "order": [1, 0]}]
    plain = ask(**EXAM).json()["values"]["output"]
    assert values(ask, given=given, changes={"weights": None})["output"]["after"] == plain


def test_settings_and_optional_inputs_can_be_changed_and_taken_away(ask: Ask) -> None:
    response = ask(PATH, **BASE, causal=True, changes={"scale": 2, "causal": None, "b_o": [1]}).json()
    changed = response["changed_conventions"]
    assert changed["scale"] == {"before": 1, "after": 2}
    assert changed["causal"]["after"] is False
    direct = ask(**EXAM | {"scale": 2, "b_o": [1]}).json()["values"]["output"]
    assert response["values"]["output"]["after"] == direct
    assert response["changed"] == ["scale", "causal", "b_o"]


def test_gradients_are_compared(ask: Ask) -> None:
    response = ask(PATH, **BASE, upstream={"output": [[1], [0]]}, changes={"scale": 2}).json()
    for name, settings in (("before", {}), ("after", {"scale": 2})):
        direct = ask(**EXAM | settings, upstream={"output": [[1], [0]]}).json()["gradients"]
        assert {one: both[name] for one, both in response["gradients"].items()} == direct


def test_first_order_is_there_where_it_is_apt_or_asked_for(ask: Ask) -> None:
    small, large = {"w_q": {"multiply": 1.01}}, {"w_q": {"multiply": 3}}
    assert "first_order" in values(ask, changes=small)["output"]
    assert "first_order" not in values(ask, changes=small, first_order=False)["output"]
    assert "first_order" not in values(ask, changes=large)["output"]
    found = values(ask, changes=large, first_order=True)["output"]
    rest = np.array(found["difference"]) - np.array(found["first_order"])
    assert found["first_order_error"] == np.abs(rest).max()


def test_notes_say_which_run_they_are_about(ask: Ask) -> None:
    response = ask(PATH, **BASE, changes={"x": {"at": [0, 0], "replace": "NaN"}})
    assert {note["run"] for note in response.json()["notes"]} == {"after"}


@pytest.mark.parametrize(
    ("fields", "pointer", "expected"),
    [
        ({"changes": {"wq": 1}}, "/changes/wq", "x, w_q"),
        ({"changes": {}}, "/changes", "at least 1"),
        ({"changes": None}, "/changes", "an object"),
        ({"changes": {"select": ["x"]}}, "/changes/select", "x, w_q"),
        ({"changes": {"x": {"add": 1, "multiply": 2}}}, "/changes/x", "an edit"),
        ({"changes": {"x": {"add": 1, "axis": 0}}}, "/changes/x", "an edit"),
        ({"changes": {"x": {"turn": 1}}}, "/changes/x", "an edit"),
        ({"changes": {"x": {"add": [1, 2, 3]}}}, "/changes/x/add", "broadcasts to (2, 2)"),
        ({"changes": {"x": {"add": [[[1, 2]]]}}}, "/changes/x/add", "broadcasts to (2, 2)"),
        ({"changes": {"x": {"add": "text"}}}, "/changes/x/add", "a number"),
        ({"changes": {"x": {"add": 1, "at": [2]}}}, "/changes/x/at/0", "from 0 to 1"),
        ({"changes": {"x": {"add": 1, "at": [0, 0, 0]}}}, "/changes/x/at", "at most 2"),
        ({"changes": {"x": {"add": 1, "at": 0}}}, "/changes/x/at", "a list"),
        ({"changes": {"x": {"permute": [0, 0]}}}, "/changes/x/permute", "at most once"),
        ({"changes": {"x": {"permute": [0]}}}, "/changes/x/permute", "each index from 0 to 1"),
        ({"changes": {"x": {"permute": [0, 2]}}}, "/changes/x/permute", "from 0 to 1"),
        ({"changes": {"x": {"remove": [0, 1]}}}, "/changes/x/remove", "fewer"),
        ({"changes": {"x": {"remove": [0], "axis": 2}}}, "/changes/x/axis", "from -2 to 1"),
        ({"changes": {"x": [[1, 2, 3]]}}, "/w_q", "d = 3 from axis 1 of x"),
        ({"changes": {"w_q": [[1], [2], [3]]}}, "/changes/w_q", "d = 2 from axis 1 of x"),
        ({"changes": {"scale": "1/0"}}, "/changes/scale", "finite constant"),
        ({"changes": {"heads": 3}}, "/w_q", "heads = 3"),
        ({"changes": {"scores": [[1]]}}, "/changes/scores", "n = 2"),
        ({"changes": {"mask": {"add": 1}}}, "/changes/mask", "a tensor"),
        ({"changes": {"weights": None}}, "/changes/weights", "what is to be there"),
        ({"changes": {"mask": None}}, "/changes/mask", "what is to be there"),
        ({"changes": {"x": {"add": 1}}, "jacobian": []}, "/jacobian", "one of"),
        ({"changes": {"x": {"add": 1}}, "select": ["nothing"]}, "/select/0", "output"),
        ({"changes": {"causal": True}, "first_order": True}, "/first_order", "entries and constants"),
        ({"changes": {"x": 1}, "operation": "nothing"}, "/operation", "self_attention"),
        ({"changes": {"x": 1}, "operation": None}, "/operation", "self_attention"),
        ({"changes": {"x": 1}, "scale": True}, "/scale", "a number"),
    ],
)
def test_changes_that_make_no_sense(ask: Ask, fields: dict[str, Any], pointer: str, expected: str) -> None:
    found = errors(ask(PATH, **BASE | fields))
    assert pointer in found
    assert expected in found[pointer]["expected"]


def test_booleans_are_replaced_by_booleans(ask: Ask) -> None:
    mask = {"mask": [[True, False], [True, True]]}
    edit = {"mask": {"replace": True, "at": [0, 1]}}
    plain = ask(**EXAM).json()["values"]["output"]
    assert values(ask, **mask, changes=edit)["output"]["after"] == plain
    for wrong in ({"add": 1}, {"replace": 0}):
        assert "/changes/mask/" + next(iter(wrong)) in errors(
            ask(PATH, **BASE, **mask, changes={"mask": wrong})
        )


def test_both_halves_count_together(ask: Ask) -> None:
    """What fits alone may be too much twice."""
    x = [[0.5] * 2] * 1200
    fields = {"operation": "attention", "query": x, "key": x, "value": x}
    alone = {name: one for name, one in fields.items() if name != "operation"}
    assert ask("/v1/attention", **alone, select=["weights"]).status_code == 200
    assert "" in errors(ask(PATH, **fields, changes={"scale": 1}, select=["weights", "scores"]), 413)


def test_names_that_only_one_answer_has_are_shown(ask: Ask) -> None:
    masked = values(ask, changes={"causal": True})["masked_scores"]
    assert masked["before"] == values(ask, changes={"causal": True})["scaled_scores"]["before"]
    assert masked["difference"][0] == [0, "-Infinity"]
    encoding = {"operation": "positional_encoding", "length": 3, "dimension": 2}
    response = ask(PATH, **encoding, changes={"kind": "integer"}).json()["values"]
    assert set(response["frequencies"]) == {"before"}
    selected = ask(PATH, **encoding, changes={"kind": "integer"}, select=["frequencies", "output"]).json()
    assert list(selected["values"]) == ["frequencies", "output"]


def test_different_removals_leave_no_difference(ask: Ask) -> None:
    fields = {"operation": "attention", "query": [[1], [2], [3]], "key": [[10], [20], [30]],
              "value": [[1], [2], [3]], "scale": 1}  # fmt: skip
    same = {name: {"remove": [0]} for name in ("query", "key", "value")}
    found = ask(PATH, **fields, changes=same).json()["values"]
    assert found["scores"]["difference"] == [[0, 0], [0, 0]]
    other = same | {"key": {"remove": [2]}, "value": {"remove": [2]}}
    assert "difference" not in ask(PATH, **fields, changes=other).json()["values"]["scores"]


def test_a_comparison_is_never_answered_where_it_stands() -> None:
    question = understand_comparison({**BASE, "changes": {"scale": 2}}, Settings().limits)
    assert question.work > Settings().inline_work


def test_values_on_request_are_compared_on_request(ask: Ask) -> None:
    fields = {"operation": "conv1d", "x": [1, 2, 3], "kernel": [1, 1], "select": ["kernel_matrix"]}
    found = ask(PATH, **fields, changes={"kernel": [1, 2]}).json()["values"]["kernel_matrix"]
    assert found["difference"] == [[0, 1, 0], [0, 0, 1]]


def test_places_have_no_first_order(ask: Ask) -> None:
    fields = {"operation": "max_unpool2d", "x": [[1, 2]], "winners": [[0, 40]], "output_size": [10, 10]}
    changes = {"winners": [[0, 41]]}
    assert "first_order" not in ask(PATH, **fields, changes=changes).json()["values"]["output"]
    assert "/first_order" in errors(ask(PATH, **fields, changes=changes, first_order=True))
