"""Masks, padding and alignment over HTTP."""

from typing import Any

import pytest

from tests.conftest import Ask, errors

NAN: Any = "NaN"
RNN: dict[str, Any] = {"x": [[1], [2], [NAN]], "lengths": 2, "w_x": [[0.5]], "w_h": [[0.3]], "b": [0.1]}
ROWS: dict[str, Any] = {
    "query": [[1, 0]],
    "key": [[1, 0], [0, 1], [NAN, 1]],
    "value": [[1], [2], ["Infinity"]],
}


@pytest.mark.parametrize("operation", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("select", [None, ["output", "w_x", "w_h", "b", "x"]])
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_nan_beyond_lengths_affects_no_gradient(
    ask: Ask, operation: str, select: Any, arithmetic: str
) -> None:
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[operation]
    body = RNN | {"w_x": [[0.5] * gates], "w_h": [[0.3] * gates], "b": [0.1] * gates}
    body |= {"upstream": {"output": [[1], [1], [0]]}, "arithmetic": arithmetic}
    body |= {} if select is None else {"select": select}
    found = ask(f"/v1/{operation}", **body).json()
    cut = ask(
        f"/v1/{operation}", **(body | {"x": [[1], [2]], "upstream": {"output": [[1], [1]]}, "lengths": 2})
    )
    expected = cut.json()["gradients"]
    for name in ("w_x", "w_h", "b"):
        assert found["gradients"][name] == expected[name]
    assert found["gradients"]["x"] == [*expected["x"], [0]]
    assert not any("spoiled_gradients" in note for note in found["notes"])


@pytest.mark.parametrize("mask", [[True, True, False], [0.0, 0.0, "-Infinity"]])
def test_masked_nan_affects_nothing(ask: Ask, mask: Any) -> None:
    body = ROWS | {"mask": mask, "upstream": {"output": [[1]]}}
    found = ask("/v1/attention", **body).json()
    clean = ask(
        "/v1/attention", **(body | {"key": ROWS["key"][:2], "value": [[1], [2]], "mask": mask[:2]})
    ).json()
    assert found["values"]["output"] == clean["values"]["output"]
    assert found["values"]["weights"] == [[*clean["values"]["weights"][0], 0]]
    assert found["gradients"]["query"] == clean["gradients"]["query"]
    for name, row in (("key", [0, 0]), ("value", [0])):
        assert found["gradients"][name] == [*clean["gradients"][name], row]
    assert not any("spoiled_gradients" in note for note in found["notes"])


def test_programs_mask_alike(ask: Ask) -> None:
    inputs = ROWS | {"m": [True, True, False]}
    lines = ["y = attention(query, key, value, mask=m)", "L = sum(y)"]
    found = ask("/v1/graph", program=lines, inputs=inputs, upstream={"L": 1}).json()
    assert found["gradients"]["key"][2] == [0, 0] and found["gradients"]["value"][2] == [0]
    assert all(isinstance(entry, float) for entry in found["gradients"]["query"][0])


def test_decoding_with_a_cache(ask: Ask) -> None:
    body = {"query": [[1, 0]], "key": [[1, 0]] * 3, "value": [[1], [2], [6]], "causal": True}
    first = ask("/v1/attention", **body).json()
    assert first["values"]["weights"] == [[1, 0, 0]]
    assert first["conventions"]["causal_alignment"] == "upper_left"
    assert [note["code"] for note in first["notes"]] == ["causal_alignment"]
    last = ask("/v1/attention", **body, causal_alignment="lower_right").json()
    assert last["values"]["weights"] == [pytest.approx([1 / 3] * 3)]
    assert last["values"]["output"] == [[pytest.approx(3)]]
    assert last["conventions"]["causal"] == "query i attends to keys 0 to i + 2"
    refused = ask("/v1/attention", **(body | {"causal": False}), causal_alignment="lower_right")
    assert refused.status_code == 422 and list(errors(refused)) == ["/causal_alignment"]


def test_alignments_are_compared_and_counted(ask: Ask) -> None:
    body = {"operation": "attention", "query": [[1, 0]], "key": [[1, 0]] * 3, "value": [[1], [2], [6]]}
    asked = body | {"causal": True, "changes": {"causal_alignment": "lower_right"}, "select": ["output"]}
    found = ask("/v1/compare", **asked).json()
    assert found["values"]["output"]["difference"] == [[pytest.approx(2)]]
    shapes = {name: {"shape": ["n" if name == "query" else "m", "d"]} for name in ("query", "key", "value")}
    cost = ask(
        "/v1/cost", operation="attention", **shapes, causal=True, causal_alignment="lower_right"
    ).json()
    assert cost["conventions"]["causal_alignment"] == "lower_right"
    assert cost["conventions"]["causal"] == "query i attends to keys 0 to i + m - n"


def test_a_matrix_instead_of_a_band_is_refused(ask: Ask) -> None:
    rows = {name: [[1, 0], [0, 1], [1, 1]] for name in ("query", "key", "value")}
    weights = [[0.5, 0.5, 0], [0.2, 0.3, 0.5], [0, 0.5, 0.5]]
    refused = ask("/v1/attention", **rows, window=1, given={"weights": weights})
    assert refused.status_code == 422
    [(pointer, error)] = errors(refused).items()
    assert pointer == "/given/weights"
    assert error["message"] == (
        "entry [0, 0] stands for no key: with a window weights is a band, not a matrix of all pairs,"
        " entry j of query i is for key i - 1 + j"
    )
    assert (error["expected"], error["received"]) == ("0 at [0, 0]", "the entry 0.5 at [0, 0]")
    found = ask("/v1/attention", **rows, window=1).json()
    assert [note["code"] for note in found["notes"]] == ["band"]


def test_a_numeric_mask_has_a_note(ask: Ask) -> None:
    rows = {name: [[1, 0], [0, 1]] for name in ("query", "key", "value")}
    [note] = ask("/v1/attention", **rows, mask=[[1, 0], [1, 1]]).json()["notes"]
    assert (note["code"], note["at"]) == ("numeric_mask", "mask")
