"""Answers to valid questions."""

import base64
import math
from typing import Any

import numpy as np
import pytest

from tests.conftest import EXAM, Ask, Client


def test_the_first_exam_question(ask: Ask) -> None:
    response = ask(**EXAM, upstream={"output": [[1], [0]]})
    assert response.status_code == 200
    answer = response.json()
    h = 1 / (1 + math.exp(2 * math.sqrt(2)))
    np.testing.assert_allclose(answer["values"]["weights"], [[h, 1 - h], [1 - h, h]], rtol=1e-14)
    output = [[0.3 * h + 0.4 * (1 - h)], [0.3 * (1 - h) + 0.4 * h]]
    np.testing.assert_allclose(answer["values"]["output"], output, rtol=1e-14)
    assert list(answer["values"]) == [
        "input", "query", "rotated_query", "key", "rotated_key", "value", "scores", "scaled_scores",
        "capped_scores", "masked_scores", "weights", "output", "head_outputs",
    ]  # fmt: skip
    assert set(answer["gradients"]) == {*answer["values"], "x", "w_q", "w_k", "w_v"}
    parts = answer["contributions"]["x"]
    assert list(parts) == ["query", "key", "value"]
    np.testing.assert_allclose(
        np.sum([np.array(part) for part in parts.values()], axis=0), answer["gradients"]["x"], rtol=1e-15
    )
    assert answer["conventions"]["scale"] == 1
    assert answer["conventions"]["softmax_over"] == "key"
    assert answer["cost"] == {"multiply_adds": 20, "elementwise": 24, "comparisons": 4, "parameters": 6}
    assert answer["aliases"]["masked_scores"] == "scaled_scores"
    for part in (answer["values"], answer["gradients"]):
        assert part["masked_scores"] == part["scaled_scores"]
    assert answer["unknown"] == answer["notes"] == []
    named = [name for name in answer["values"] if name not in answer["aliases"]]
    assert [step["name"] for step in answer["steps"]] == named
    query = answer["steps"][0]
    assert query["formula"] == "Q = X W_{Q}"
    assert query["inputs"] == ["x", "w_q"]
    assert query["axes"] == ["query", "d_k"]
    assert query["shape"] == [2, 1]


def test_answers_have_only_requested_fields(ask: Ask) -> None:
    answer = ask(**EXAM).json()
    assert not {"gradients", "contributions", "jacobians"} & set(answer)


def test_select_returns_these_names_alone(ask: Ask) -> None:
    names = ["output", "x", "masked_scores"]
    answer = ask(**EXAM, select=names, upstream={"output": [[1], [1]]}).json()
    assert list(answer["values"]) == names
    assert list(answer["gradients"]) == names
    assert [step["name"] for step in answer["steps"]] == ["output", "masked_scores"]
    assert answer["values"]["x"] == [[0, 1], [-1, 1]]


def test_given_takes_the_place_of_inputs(ask: Ask) -> None:
    given: dict[str, Any] = {"scores": [[0, "log(3)"], [0, 0]], "value": [[1], [5]]}
    answer = ask(given=given, scale=1, upstream={"output": [[1], [0]]}).json()
    np.testing.assert_allclose(answer["values"]["output"], [[4.0], [3.0]], rtol=1e-15)
    np.testing.assert_allclose(answer["gradients"]["scores"], [[-0.75, 0.75], [0.0, 0.0]], rtol=1e-14)
    assert set(answer["unknown"]) == {
        "x", "input", "w_q", "w_k", "query", "rotated_query", "key", "rotated_key",
    }  # fmt: skip
    cut = {note["at"] for note in answer["notes"] if note["code"] == "cut"}
    assert cut == {"x", "w_q", "w_k", "query", "key"}


def test_a_jacobian_has_both_shapes(ask: Ask) -> None:
    answer = ask(**EXAM, jacobian=[{"of": "weights", "wrt": "x"}]).json()
    [jacobian] = answer["jacobians"]
    assert (jacobian["of"], jacobian["wrt"]) == ("weights", "x")
    assert np.shape(jacobian["value"]) == (2, 2, 2, 2)
    rows = np.sum(jacobian["value"], axis=1)
    np.testing.assert_allclose(rows, np.zeros((2, 2, 2)), atol=1e-15)


def packed(array: Any, dtype: str = "float64") -> dict[str, Any]:
    content = np.asarray(array, dtype=dtype)
    return {
        "dtype": dtype,
        "shape": list(content.shape),
        "data": base64.b64encode(content.tobytes()).decode(),
    }


def unpacked(tensor: dict[str, Any]) -> Any:
    content = np.frombuffer(base64.b64decode(tensor["data"]), dtype=tensor["dtype"])
    return content.reshape(tensor["shape"]).tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32"])
def test_packed_and_nested_are_the_same_tensors(ask: Ask, dtype: str) -> None:
    nested = ask(**EXAM).json()["values"]
    sent = {**EXAM, "x": packed(EXAM["x"], dtype), "w_k": packed(EXAM["w_k"], dtype)}
    returned = ask(**sent, encoding="packed").json()["values"]
    assert {name: unpacked(tensor) for name, tensor in returned.items()} == nested


def test_a_packed_mask(ask: Ask) -> None:
    mask = [[True, False], [True, True]]
    nested = ask(**EXAM, mask=mask).json()
    assert nested["conventions"]["mask"] == "true may attend"
    assert ask(**EXAM, mask=packed(mask, "bool")).json()["values"] == nested["values"]
    shown = ask(**EXAM, mask=mask, select=["mask"], encoding="packed").json()["values"]["mask"]
    assert unpacked(shown) == mask


def test_numbers_that_json_cannot_write(ask: Ask) -> None:
    mask = [[0, "-Infinity"], ["-Infinity", "-Infinity"]]
    answer = ask(**EXAM, mask=mask).json()
    assert answer["values"]["masked_scores"][0][1] == "-Infinity"
    assert answer["values"]["weights"] == [[1, 0], [0, 0]]
    [note] = answer["notes"]
    assert (note["code"], note["at"]) == ("nothing_to_attend", "weights")
    answer = ask(**{**EXAM, "x": [["NaN", 1], ["Infinity", 1]]}).json()
    assert answer["values"]["query"] == [["NaN"], ["Infinity"]]
    assert ("non_finite", "x") in {(note["code"], note["at"]) for note in answer["notes"]}


def test_float32_is_returned_as_float32(ask: Ask) -> None:
    answer = ask(**EXAM, arithmetic="float32", encoding="packed", upstream={"output": [[1], [0]]}).json()
    tensors = [*answer["values"].values(), *answer["gradients"].values()]
    assert {tensor["dtype"] for tensor in tensors} == {"float32"}


def test_the_same_request_gets_the_same_bytes_and_tag(ask: Ask) -> None:
    first, again = ask(**EXAM), ask(**EXAM)
    ask(**{**EXAM, "scale": 1.0})
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    other = ask(**{**EXAM, "scale": 2})
    assert other.headers["etag"] != first.headers["etag"]


def test_1_and_1_point_0_are_the_same_question(ask: Ask) -> None:
    assert ask(**{**EXAM, "scale": 1.0}).content == ask(**EXAM).content


def test_a_large_body_is_read_like_a_small_one(ask: Ask) -> None:
    rng = np.random.default_rng(5)
    shapes = {"x": (40, 50), "w_q": (50, 8), "w_k": (50, 8)}
    fields: dict[str, Any] = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    large = ask(**{name: array.tolist() for name, array in fields.items()})
    small = ask(**{name: packed(array) for name, array in fields.items()})
    assert len(large.request.content) > 32_768
    assert large.status_code == 200
    assert large.content == small.content


def test_cost_in_letters(ask: Ask) -> None:
    square = {"shape": ["d", "d"]}
    shapes = {"x": {"shape": ["n", "d"]}, "w_q": square, "w_k": square, "w_v": square}
    answer = ask("/v1/cost", operation="self_attention", **shapes).json()
    assert answer["cost"]["multiply_adds"] == "3*d**2*n + 2*d*n**2"
    assert answer["cost"]["comparisons"] == "n**2"
    assert answer["cost"]["parameters"] == "3*d**2"
    assert answer["big_o"] == "O(d²n + n²d)"


def test_cost_in_numbers_beyond_any_memory(ask: Ask) -> None:
    n, d = 10**9, 10**6
    square = {"shape": [d, d]}
    answer = ask("/v1/cost", operation="self_attention", x={"shape": [n, d]}, w_q=square, w_k=square).json()
    # Without w_v the values are the tokens: two projections, scores and weighted sums.
    assert int(answer["cost"]["multiply_adds"]) == 2 * n * d * d + 2 * n * n * d


def test_cost_without_weights_uses_their_dimension_names(ask: Ask) -> None:
    answer = ask("/v1/cost", operation="self_attention", x={"shape": ["n", "d"]}, heads=2).json()
    # Two heads of width d_k for queries and keys; the values are the tokens.
    assert answer["cost"]["parameters"] == "4*d*d_k"


@pytest.mark.parametrize("name", ["attention", "self_attention"])
def test_the_catalogue(client: Client, name: str) -> None:
    entries = {one["name"]: one for one in client.get("/v1/operations").json()["operations"]}
    described = client.get(entries[name]["href"]).json()
    assert described["name"] == name
    assert all(one["meaning"] for key in ("inputs", "attributes", "values") for one in described[key])
    assert client.get("/v1/operations").headers["etag"]


def test_health(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    exact = {"program": ["y = x"], "inputs": {"x": 1}, "arithmetic": "exact"}
    assert client.post("/v1/graph", json=exact).status_code == 200  # so that its worker has started
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["occupied"] == 0 < ready["capacity"]
