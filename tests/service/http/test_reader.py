"""The fast reader agrees with the strict one, also on names with brackets."""

import json
from typing import Any, NoReturn

import numpy as np
import pytest

from service.http import reader
from tests.conftest import Client
from tests.service.layers import flat, nested, stored

FAST = pytest.mark.skipif(reader.simdjson is None, reason="there is no wheel of it for this Python")
JSON = {"content-type": "application/json"}
WIDE = np.round(np.random.default_rng(808).standard_normal((60, 60)), 6).tolist()
NAMED = {
    "flat names": {f"layer[{at}].attention.w_q": WIDE for at in range(2)},
    "patterns": {"x": WIDE, "y": WIDE, "select": ["layer[*].attention.weights", "hidden[3]", "a[b[c", "[[]"]},
    "names of given values": {"x": WIDE, "given": {"layer[0].output": WIDE, "hidden[1]": 1.5}},
    "nested": {"layer": [{"attention": {"w_q": WIDE}}, {"attention": {"w_q": WIDE, "b_q": [1, 2]}}]},
    "a transformer": {"encoder": {"layer": [{"attention": {"w_q": WIDE, "w_k": WIDE}}]},
                      "decoder": {"layer": [{"self_attention": {"w_q": [[[1.5]]]}}] * 3}},
    "a state dict": {"state_dict": {f"layers.{at}.norm1.weight": WIDE for at in range(3)}, "select": ["[0]"]},
    "jacobians": {"x": WIDE, "y": WIDE, "jacobian": [{"of": "layer[1].output", "wrt": "layer[0].output"}]},
    "packed": {"layer[0].attention.w_q": {"dtype": "float64", "shape": [5, 5], "data": "[" * 40_000}},
}  # fmt: skip


def plain(node: Any) -> Any:
    if isinstance(node, np.ndarray):
        return node.tolist()
    if isinstance(node, dict):
        return {key: plain(child) for key, child in node.items()}
    return [plain(child) for child in node] if isinstance(node, list) else node


def no_other(*_: Any) -> NoReturn:
    raise AssertionError("the strict reader was asked")


@FAST
@pytest.mark.parametrize("name", NAMED)
def test_names_with_brackets_are_read_fast(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(NAMED[name]).encode()
    assert len(content) > reader.LARGE
    monkeypatch.setattr(reader, "read_strictly", no_other)
    assert plain(reader.read(content)) == NAMED[name]


@FAST
@pytest.mark.parametrize("objects", [1, 60])
def test_lookups_of_names_are_limited(objects: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lookups are linear: a body of many names would take minutes."""
    looked_up: list[bytes] = []
    monkeypatch.setattr(reader, "read_strictly", looked_up.append)
    for names in (2_000, 6_000):
        fields = {f"layers.{at}.norm1.weight": at for at in range(names // objects)}
        content = json.dumps({"x": WIDE, "layer": [fields] * objects}).encode()
        assert len(content) > reader.LARGE
        monkeypatch.setattr(reader, "MAX_LOOKUPS", 4_000**2 // objects)
        fast = reader.read(content)
        assert len(looked_up) == (names == 6_000)
        assert names == 6_000 or plain(fast) == json.loads(content)
    monkeypatch.undo()
    assert plain(reader.read(content)) == json.loads(content)


@FAST
@pytest.mark.parametrize(
    "body",
    [
        b'{"layer[0].w": [[1, [2]], %s]}',  # whose lengths alone look like a rectangle
        b'{"layer\\u005b0].w": [1], "x": %s}',  # a bracket that is written otherwise
        b'{"x": %s, "select": ["\\u005b"]}',
        b'{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a[0]": 1}}}}}}}}, "x": %s}',
    ],
)
def test_uncertain_bodies_are_read_strictly(body: bytes) -> None:
    content = body % json.dumps(WIDE * 2).encode()
    assert len(content) > reader.LARGE
    assert plain(reader.read(content)) == json.loads(content)


@FAST
@pytest.mark.parametrize("text", ["[", r"\u005b", r"\u005B", r"\\u005b", r"\\["])
def test_brackets_in_text_do_not_hide_ragged_lists(text: str) -> None:
    ragged = [*WIDE * 2, [*WIDE[0][:-1], [1.5]]]
    content = f'{{"x": {json.dumps(ragged)}, "select": ["{text}"]}}'.encode()
    assert len(content) > reader.LARGE
    assert plain(reader.read(content)) == json.loads(content)


@FAST
@pytest.mark.parametrize("name", [r"\u0000", r"x\u0000", r"x\u0000y", r"\u0000x"])
def test_names_with_nul_are_read(name: str) -> None:
    content = f'{{"x": {json.dumps(WIDE * 2)}, "{name}": 1, "given": {{"a": 2, "{name}": 3}}}}'.encode()
    assert len(content) > reader.LARGE
    assert plain(reader.read(content)) == json.loads(content)


@FAST
def test_duplicate_names_are_refused_in_large_bodies_too(client: Client) -> None:
    wide = json.dumps(WIDE * 2)
    body = f'{{"x": {wide}, "layer[0].attention.w_q": [[1]], "layer[0].attention.w_q": [[2]]}}'
    response = client.post("/v1/encoder", content=body, headers=JSON)
    assert response.status_code == 400
    assert "twice" in response.json()["detail"]


@FAST
@pytest.mark.parametrize("way", ["nested", "flat", "state_dict"])
def test_questions_with_submodules_are_read_fast(
    way: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [stored(), stored()]
    layers = [nested(child) for child in states]
    weights: dict[str, Any] = {
        "nested": {"layer": layers},
        "flat": {name: child for at, layer in enumerate(layers)
                 for name, child in flat(layer, f"layer[{at}].").items()},
        "state_dict": {"state_dict": {f"layers.{at}.{name}": child
                                      for at, state in enumerate(states) for name, child in state.items()}},
    }[way]  # fmt: skip
    tokens = np.round(np.random.default_rng(809).standard_normal((2500, 2)), 4).tolist()
    fields = {"heads": 2, "window": 1, **weights, "select": ["layer[*].attention.weights", "output"]}
    small = {**fields, "x": tokens[:3]}
    slow = client.post("/v1/encoder", content=json.dumps(small), headers=JSON).json()["values"]
    large = json.dumps({**fields, "x": tokens})
    assert len(large) > reader.LARGE
    monkeypatch.setattr(reader, "read_strictly", no_other)
    response = client.post("/v1/encoder", content=large, headers=JSON)
    assert response.status_code == 200, response.text
    values = response.json()["values"]
    assert (
        list(values) == list(slow) == ["layer[0].attention.weights", "layer[1].attention.weights", "output"]
    )
    # With a window of one step, the first token after two layers sees the first three alone.
    np.testing.assert_allclose(values["output"][0], slow["output"][0], rtol=1e-12)


@pytest.mark.parametrize("size", [1, reader.LARGE])
def test_a_byte_order_mark_is_skipped(size: int) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"x": [1.5] * size}).encode()
    assert np.asarray(reader.read(body)["x"]).tolist() == [1.5] * size
