"""Exact text of every operation, sent back, means the same or is refused."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from compute.question.answer import Answer
from compute.readings.closed_forms import write_text
from service.exact.answers import write_answer
from service.exact.entries import MAX_TEXT, Decoder
from tests.compute.asking import answer, arrays, plan
from tests.compute.operations.exact_cases import CASES
from tests.oracles.cases import Array, Case
from tests.oracles.exact_text import evaluate

# Names that SymPy means something else by, or that parts of long entries used to have.
NAMES = ("E", "I", "s1", "beta", "S", "N", "x")
LONG = ("lstm", "gru", "cross_attention")
FEW = 8  # entries of a question that may have two symbols: exact gradients by many grow fast


def size(posed: Case) -> int:
    return sum(array.size for array in posed.inputs.values())


def smallest() -> Iterator[str]:
    """Yield the cases with the fewest entries for each operation."""
    for operation in CATALOGUE:
        names = [name for name, one in CASES.items() if one.operation == operation and one.inputs]
        count = 24 if operation == "activation" else 1
        yield from sorted(names, key=lambda name: size(CASES[name]))[:count]


def with_symbols(posed: Case) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the inputs with some entries as symbols, and numbers for the symbols."""
    symbols = 2 if size(posed) <= FEW else 1
    inputs: dict[str, Any] = {}
    point: dict[str, float] = {}
    for name, array in posed.inputs.items():
        if array.dtype == np.bool_ or np.array_equal(array, array.round()) or not np.isfinite(array).all():
            inputs[name] = array
            continue
        entries = np.empty(array.shape, dtype=object)
        for at in np.ndindex(array.shape):
            entries[at] = f"{round(float(array[at]) * 8) or 1}/8"
            if len(point) < symbols:
                symbol = NAMES[(len(point) + len(name)) % len(NAMES)]
                if symbol not in point:
                    point[symbol] = (round(float(array[at]) * 8) or 1) / 8
                    entries[at] = symbol
        inputs[name] = entries
    return inputs, point


def floats(entries: Any, point: dict[str, float]) -> Array:
    array = np.asarray(entries)
    if array.dtype != object:
        return array
    return np.array([evaluate(one, point) for one in array.flat]).reshape(array.shape)


def entries(found: Answer) -> dict[tuple[str, str], Array]:
    """Return every value and gradient of an answer."""
    groups = {"values": found.values, "gradients": found.gradients}
    return {(kind, name): one for kind, group in groups.items() for name, one in group.items()}


@pytest.mark.parametrize("name", list(smallest()))
def test_text_sent_back_is_the_same_number_or_refused(name: str) -> None:
    posed = CASES[name]
    inputs, point = with_symbols(posed)
    names = plan(posed.operation, posed.inputs, posed.attributes).graph.names
    shape: Any = names["output"].shape
    # Gradients through whole layers are made of the same text, and long.
    is_long = CATALOGUE[posed.operation].parts or posed.operation in LONG
    upstream = {} if is_long else {"output": np.ones(shape, dtype=np.int64)}
    asked: dict[str, Any] = {"upstream": upstream, "select": [*posed.inputs, "output"]}
    prepared = plan(posed.operation, inputs, posed.attributes, arithmetic="exact", **asked)
    found = prepared.answer(arrays(inputs, "exact"), {}, arrays(upstream, "exact"))
    whole, _ = write_answer(found, prepared, shares=False)
    shared, beside = write_answer(found, prepared)
    numbers = {key: floats(one, point) for key, one in inputs.items()}
    expected = entries(answer(posed.operation, numbers, posed.attributes, **asked))
    read = Decoder({})
    for key, array in entries(whole).items():
        if array.dtype != object:
            continue
        reached = expected[key]
        largest = np.abs(reached[np.isfinite(reached)]).max(initial=1)
        for at in np.ndindex(array.shape):
            entry: Any = array[at]
            worth = evaluate(entry, point)
            close = pytest.approx(reached[at], rel=1e-9, abs=1e-9 * largest, nan_ok=True)
            assert worth == close, (key, entry)
            if len(entry) <= MAX_TEXT:
                again = write_text(read(entry, ("x",))[()])
                assert evaluate(again, point) == pytest.approx(worth, rel=1e-14, nan_ok=True), (
                    key,
                    entry,
                    again,
                )
            short = entries(shared)[key][at]
            if short != entry:
                assert beside["common"]
                with pytest.raises(QuestionErrors, match='begins with "_"'):
                    read(short, ("x",))


def test_common_parts_have_no_symbols_name() -> None:
    """Nor, in LaTeX, one that looks like that of a symbol elsewhere in the answer."""
    program = (
        "a = exp(x * x + x * z)",
        "b = (a + x)**5 / (a + z)**3 + (a * z + x)**4",
        "y = b * exp(b) + b",
        "n = s",
    )
    inputs = {"x": "x", "z": "z", "s": ["s1", "s_2"]}
    prepared = plan("graph", inputs, program=program, arithmetic="exact", upstream={"y": 1})
    found = prepared.answer(arrays(inputs, "exact"), {}, arrays({"y": 1}, "exact"))
    _, beside = write_answer(found, prepared)
    names = [one["name"] for one in beside["common"]]
    assert names[0] == "_s3"
    assert beside["common"][0]["latex"].startswith("s_{3} = ")
    assert not {"s1", "s2"} & set(names)
    point = {"x": 0.25, "z": -0.5}
    for one in beside["common"]:
        point[one["name"]] = evaluate(one["expression"], point)
    for kind in ("values", "gradients"):
        whole = getattr(write_answer(found, prepared, shares=False)[0], kind)
        for name, array in getattr(write_answer(found, prepared)[0], kind).items():
            if name not in ("s", "n"):
                assert math.isclose(
                    evaluate(array[()], point), evaluate(whole[name][()], point), rel_tol=1e-12
                )
