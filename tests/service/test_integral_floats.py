"""For integers, 2.0 is accepted, as in JSON Schema, and gets the same bytes as 2."""

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.export import FOLDER, replay
from service.questions.operations import EXACT_WORK
from service.settings import Settings
from tests.conftest import Ask, errors

X = [[1, 2, 3, 4], [5, 6, 7, 8]]
EYE = [[1, 0], [0, 1]]
DESCENT = {"name": "gradient_descent", "learning_rate": 0.1}
TRACE: dict[str, Any] = {"program": ["f = x**2"], "start": {"x": 3}, "optimizer": DESCENT, "steps": 2}
PACKED = {"dtype": "int32", "shape": [1, 2], "data": "AQAAAAIAAAA="}
# The path, the request, and where in it an integer stands.
PLACES: list[tuple[str, dict[str, Any], tuple[str | int, ...]]] = [
    ("conv1d", {"x": [1, 2, 3, 4], "kernel": [1, 1], "stride": 2}, ("stride",)),
    ("conv2d", {"x": X, "kernel": EYE, "stride": [1, 2]}, ("stride", 1)),
    ("conv2d", {"x": X, "kernel": EYE, "padding": 1}, ("padding",)),
    ("conv2d", {"x": X, "kernel": EYE, "padding": [1, 0]}, ("padding", 0)),
    ("conv2d", {"x": X, "kernel": EYE, "padding": [[1, 0], [2, 1]]}, ("padding", 1, 0)),
    ("max_pool1d", {"x": [1, 2, 3], "size": 2}, ("size",)),
    ("softmax", {"x": X, "axis": 0}, ("axis",)),
    ("softmax", {"x": X, "axis": -1}, ("axis",)),
    ("layer_norm", {"x": X, "axes": [0, 1]}, ("axes", 1)),
    ("group_norm", {"x": [X], "groups": 2}, ("groups",)),
    ("self_attention", {"x": EYE, "w_q": EYE, "w_k": EYE, "heads": 2}, ("heads",)),
    ("attention", {"query": EYE, "key": EYE, "value": EYE, "window": [1, 0]}, ("window", 0)),
    ("dropout", {"x": X, "seed": 3}, ("seed",)),
    ("positional_encoding", {"length": 3, "dimension": 2}, ("length",)),
    ("cross_entropy", {"logits": [[1, 2]], "target": [0], "ignore_index": 1}, ("ignore_index",)),
    ("softmax", {"x": PACKED}, ("x", "shape", 1)),
    ("softmax", {"x": {"symbol": "a", "shape": [2]}, "arithmetic": "exact"}, ("x", "shape", 0)),
    ("cost", {"operation": "softmax", "x": {"shape": [2, "n"]}}, ("x", "shape", 0)),
    ("cost", {"operation": "max_pool1d", "x": {"shape": [8]}, "size": 2}, ("size",)),
    ("compare", {"operation": "softmax", "x": X, "changes": {"axis": 0}}, ("changes", "axis")),
    *(
        ("compare", {"operation": "softmax", "x": X, "changes": {"x": edit}}, ("changes", "x", *place))
        for edit, place in [
            ({"add": 1, "at": [1, 2]}, ("at", 1)),
            ({"permute": [1, 0], "axis": 0}, ("permute", 0)),
            ({"remove": [1], "axis": 1}, ("remove", 0)),
            ({"remove": [1], "axis": 1}, ("axis",)),
        ]
    ),
    ("optimizer/trace", TRACE, ("steps",)),
    ("optimizer/trace", {**TRACE, "every": 2}, ("every",)),
    ("optimizer/trace", {**TRACE, "program": ["f = x**2 + y**2"], "start": {"x": 1, "y": 2},
                          "surface": {"points": 3}}, ("surface", "points")),
    ("optimizer/trace", {**TRACE, "program": ["f = sum((x - d)**2)"], "inputs": {"d": [1, 2]},
                          "batches": {"inputs": ["d"], "rows": [[0], [1]]}}, ("batches", "rows", 1, 0)),
    ("optimizer/trace", {**TRACE, "optimizer": {**DESCENT, "schedule": {"name": "step", "size": 1}}},
     ("optimizer", "schedule", "size")),
]  # fmt: skip
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))


def replaced(request: dict[str, Any], place: tuple[str | int, ...], change: Any) -> dict[str, Any]:
    """Return a copy of a request with another number at a path."""
    found = copy.deepcopy(request)
    inner: Any = found
    for one in place[:-1]:
        inner = inner[one]
    inner[place[-1]] = change(inner[place[-1]]) if callable(change) else change
    return found


def named(path: str, place: tuple[str | int, ...]) -> str:
    return f"{path}/{'/'.join(map(str, place))}"


IDS = [named(path, place) for path, _, place in PLACES]


@pytest.mark.parametrize(("path", "request_", "place"), PLACES, ids=IDS)
def test_an_integral_float_is_the_integer(
    ask: Ask, path: str, request_: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    plain, floating = ask(f"/v1/{path}", **request_), ask(f"/v1/{path}", **replaced(request_, place, float))
    assert plain.status_code == 200, plain.text
    assert floating.content == plain.content


@pytest.mark.parametrize("other", [2.5, True, 1e300, 2.0**53])
@pytest.mark.parametrize(("path", "request_", "place"), PLACES, ids=IDS)
def test_other_numbers_are_refused(
    ask: Ask, path: str, request_: dict[str, Any], place: tuple[str | int, ...], other: Any
) -> None:
    response = ask(f"/v1/{path}", **replaced(request_, place, other))
    [error] = errors(response).values()
    assert "integer" in error["expected"]


def test_a_fraction_is_described(ask: Ask) -> None:
    found = errors(ask("/v1/conv1d", x=[1, 2, 3], kernel=[1], stride=2.5))["/stride"]
    assert (found["expected"], found["received"]) == ("an integer from 1 to 2147483647", "the number 2.5")
    found = errors(ask("/v1/conv2d", x=X, kernel=EYE, padding=[[1, 0], [2.5, 1]]))["/padding"]
    assert found["received"] == "a list with the number 2.5"
    found = errors(ask("/v1/softmax", x={**PACKED, "shape": [2, 2.5]}))["/x/shape"]
    assert found["received"] == "a list with the number 2.5"
    found = errors(ask("/v1/optimizer/trace", **{**TRACE, "steps": 2.5}))["/steps"]
    assert (found["expected"], found["received"]) == ("an integer", "the number 2.5")


def floats(value: Any) -> Any:
    """Return a document with every integer as a float."""
    if isinstance(value, dict):
        return {name: floats(one) for name, one in value.items()}
    if isinstance(value, list):
        return [floats(one) for one in value]
    return float(value) if type(value) is int else value


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_may_hold_floats_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    example = orjson.loads(path.read_bytes())
    found = replay({**example, "request": floats(example["request"])}, Settings().limits)
    assert orjson.dumps(found) == orjson.dumps(example["response"])


def test_programs_take_them_as_settings(ask: Ask) -> None:
    inputs = {"x": X, "k": EYE}
    answers = [
        ask("/v1/graph", program=[f"y = conv2d(x, k, stride={two}, padding=[[{one}, 0], [0, {one}]])",
                                  f"z = softmax(y, axis={one})"], inputs=inputs).content
        for one, two in (("1", "2"), ("1.0", "2.0"))
    ]  # fmt: skip
    assert answers[0] == answers[1]
    refused = errors(ask("/v1/graph", program=["y = conv2d(x, k, stride=2.5)"], inputs=inputs))
    assert "stride does not fit" in refused["/program/0"]["message"]
