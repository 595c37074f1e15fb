"""Tensors on the wire: what goes out comes back, and cannot be told from what came in."""

import json
import math
from typing import Any

import numpy as np
import orjson
import pytest

from compute.arithmetic.floating import FLOAT32, FLOAT64
from service.http import reader
from service.questions.tensors import decode, decode_shape, encode


def written(array: Any, encoding: str = "nested") -> Any:
    return orjson.loads(orjson.dumps(encode(np.asarray(array), encoding), option=orjson.OPT_SERIALIZE_NUMPY))


@pytest.mark.parametrize("encoding", ["nested", "packed"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1, 3), (1, 1, 1, 1, 1, 1, 1, 2)])
def test_a_round_trip_changes_nothing(shape: tuple[int, ...], encoding: str) -> None:
    rng = np.random.default_rng(7)
    for array in (rng.standard_normal(shape), rng.standard_normal(shape).astype(np.float32)):
        arithmetic = FLOAT64 if array.dtype == np.float64 else FLOAT32
        again = decode(written(array, encoding), (), arithmetic)
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize("encoding", ["nested", "packed"])
def test_non_finite_entries_keep_their_kind_and_place(encoding: str) -> None:
    rng = np.random.default_rng(11)
    array = rng.standard_normal((4, 5, 6))
    array[rng.random(array.shape) < 0.2] = math.nan
    array[rng.random(array.shape) < 0.2] = math.inf
    array[rng.random(array.shape) < 0.2] = -math.inf
    np.testing.assert_array_equal(decode(written(array, encoding), (), FLOAT64), array)


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")]
)
def test_a_single_number_that_is_not_finite(value: float, text: str) -> None:
    assert written(value) == text


def test_arrays_that_are_not_contiguous() -> None:
    array = np.arange(24.0).reshape(2, 3, 4).swapaxes(0, 2)
    for encoding in ("nested", "packed"):
        np.testing.assert_array_equal(decode(written(array, encoding), (), FLOAT64), array)
    masks = np.arange(12).reshape(3, 4).T % 2 == 0
    for encoding in ("nested", "packed"):
        np.testing.assert_array_equal(decode(written(masks, encoding), (), FLOAT64, booleans=True), masks)


def test_text_stands_for_its_value() -> None:
    array = decode([["2*sqrt(2)", "-1/3"], ["pi", "2^3"]], (), FLOAT64)
    np.testing.assert_array_equal(array, [[2 * math.sqrt(2), -1 / 3], [math.pi, 8]])


def test_whole_numbers_beyond_64_bits_are_numbers() -> None:
    np.testing.assert_array_equal(decode([10**30, 1], (), FLOAT64), [1e30, 1])


def test_shapes() -> None:
    assert list(map(str, decode_shape({"shape": ["n", "4*d", 3]}, ()))) == ["n", "4*d", "3"]
    assert decode_shape([[1, 2], [3, 4]], ()) == (2, 2)
    assert decode_shape({"shape": []}, ()) == ()


BODIES = [
    {"x": [[1.5] * 100] * 100, "select": ["a", "b"], "n": 3, "given": {"y": [[1] * 50] * 50}},
    {"x": [[[1, 2.5]] * 2000] * 2, "t": True, "f": None, "s": "text", "o": {"a": {"b": [1, 2, 3]}}},
    {"x": [[1.5] * 5000, [2.5] * 4999]},
    {"x": [[1.5] * 5000, ["1/3"] * 5000], "jacobian": [{"of": "a", "wrt": "b"}]},
    {"x": [1.5, [2.5]] * 3000},
    {"x": [[10**30] * 3000]},
    {"x": [[]] * 9000},
    {"x": {"dtype": "float64", "shape": [1000, 5], "data": "A" * 40_000}},
]


@pytest.mark.skipif(reader.simdjson is None, reason="there is no wheel of it for this Python")
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_the_fast_reader_reads_as_the_strict_one(body: dict[str, Any]) -> None:
    def plain(node: Any) -> Any:
        if isinstance(node, np.ndarray):
            return node.tolist()
        if isinstance(node, dict):
            return {key: plain(one) for key, one in node.items()}
        return node

    content = json.dumps(body).encode()
    assert len(content) > reader.LARGE
    assert plain(reader.read(content)) == body


@pytest.mark.skipif(reader.simdjson is None, reason="there is no wheel of it for this Python")
@pytest.mark.parametrize(("at", "fast"), list(enumerate([True] * 2 + [False] * 6)))
def test_only_rectangles_of_numbers_are_read_fast(at: int, fast: bool) -> None:
    found = reader.read(json.dumps(BODIES[at]).encode())["x"]
    assert isinstance(found, np.ndarray) == fast


def test_without_the_fast_reader_everything_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "simdjson", None)
    assert reader.read(orjson.dumps(BODIES[0])) == BODIES[0]
