"""Promised equations: verified where they hold, reported where they do not."""

from typing import Annotated, Any

import numpy as np
import pytest

from compute.arithmetic.kinds import EXACT
from compute.graph.graph import Graph, Value, apply
from compute.graph.primitive import REGISTRY
from compute.graph.spec import ValueSpec
from compute.operations import CATALOGUE
from compute.operations.framework.constants import add_constant
from compute.operations.framework.declaration import Input, operation
from compute.question.plan import prepare
from compute.readings.verification.evidence import Evidence, Held
from tests.compute.asking import answer, plan


def total(value: Value) -> Value:
    return apply("sum_over", value, axis=-1)


def one_each(value: Value) -> Value:
    return apply("broadcast_to", add_constant(value.graph, "one", 1), to=value.shape)


@operation(
    (ValueSpec("half", "d", "... d", "Half of it.", "h"), ValueSpec("output", "d", "... d", "A share.", "y"))
)
def halved(x: Annotated[Value, Input("... d", "Numbers.", "x")]) -> Value:
    """Shares of half of the numbers, and two promises, one of which is broken."""
    graph: Graph = x.graph
    half = (x / add_constant(graph, "two", 2)).named("half")
    graph.promise(half, "half is the whole", lambda: (half, apply("absolute", x)))
    output = apply("softmax", half, axis=-1).named("output")
    graph.promise(output, "rows sum to 1", lambda: (total(output), one_each(total(output))))
    return output


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "halved", halved)


def held(*asked: Any, **more: Any) -> list[Held]:
    found: Evidence = answer(*asked, verify=True, **more).parts["evidence"]
    return found.invariants


def test_what_is_promised_is_verified_and_what_is_broken_reported() -> None:
    broken, kept, softmax = held("halved", {"x": [[1.0, -2.0, 3.0]]})
    assert (broken.value, broken.statement) == ("half", "half is the whole")
    assert broken.equality.holds is False
    assert broken.equality.largest_difference == 3
    assert (kept.value, kept.statement, kept.equality.holds) == ("output", "rows sum to 1", True)
    assert kept.equality.largest_difference is not None and kept.equality.largest_difference < 1e-15
    assert (softmax.value, softmax.equality.holds) == ("output", True)


def test_exact_promises_have_verdicts() -> None:
    broken, kept, softmax = held("halved", {"x": ["a", "b"]}, arithmetic=EXACT)
    assert [one.equality.verdict for one in (broken, kept, softmax)] == ["refuted", "proved", "proved"]
    assert broken.equality.point is not None


def test_values_that_are_not_computed_are_not_verified() -> None:
    assert held("halved", {"x": [1.0]}, select=["half"])[0].value == "half"
    assert len(held("halved", {"x": [1.0]}, select=["half"])) == 1
    # What is given is held against what was promised of it, if all that this takes is known.
    [one] = held("halved", {}, given={"output": [0.25, 0.5]})
    assert (one.statement, one.equality.holds) == ("rows sum to 1", False)


def test_promises_leave_nothing_behind() -> None:
    plain, verified = (plan("halved", {"x": [1.0, 2.0]}, verify=one) for one in (False, True))
    assert plain.conventions == verified.conventions
    assert plain.cost.multiply_adds == verified.cost.multiply_adds
    assert plain.cost.elementwise == verified.cost.elementwise
    assert list(plain.graph.names) == list(verified.graph.names)
    assert len(plain.graph.values) < len(verified.graph.values)


@pytest.mark.parametrize("axis", [-1, -2])
def test_softmax_wherever_it_stands(axis: int) -> None:
    lines = (f"y = 3 * softmax(x, axis={axis}) + 1",)
    *_, one = held("graph", {"x": np.arange(6.0).reshape(2, 3)}, program=lines)
    assert (one.value, one.equality.holds) == ("y", True)
    assert "sum to 1" in one.statement


def test_rows_with_nothing_to_attend_to() -> None:
    inputs = {
        "query": np.eye(2),
        "key": np.eye(2),
        "value": np.eye(2),
        "mask": np.array([[True, True], [False, False]]),
    }
    for arithmetic in ("float64", "float32", EXACT):
        [one] = held("attention", inputs, arithmetic=arithmetic)
        assert (one.value, one.equality.holds) == ("weights", True)


def test_parts_of_a_program_are_verified() -> None:
    x = np.random.default_rng(1).standard_normal((3, 4))
    lines = ("a = attention(x, x, x)", "b = attention(a, x, x, orientation='key_query')")
    assert [(one.value, one.equality.holds) for one in held("graph", {"x": x}, program=lines)] == [
        ("a.weights", True), ("b.weights", True),
    ]  # fmt: skip


def test_given_weights_are_no_softmax() -> None:
    given = {"weights": [[0.5, 0.1]], "value": [[1.0], [2.0]]}
    assert held("attention", {}, given=given) == []


def test_a_softmax_that_is_wrong_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    softmax = REGISTRY["softmax"]
    right = softmax.forward
    prepare.cache_clear()
    object.__setattr__(softmax, "forward", lambda xp, a, *, axis: right(xp, a, axis=axis) * 1.01)
    try:
        *_, one = held("graph", {"x": [[1.0, 2.0]]}, program=("y = softmax(x)",))
    finally:
        object.__setattr__(softmax, "forward", right)
        prepare.cache_clear()
    assert one.equality.holds is False
    assert one.equality.largest_difference == pytest.approx(0.01)


def test_nan_breaks_a_promise() -> None:
    *_, one = held("graph", {"x": [[np.nan, 2.0]]}, program=("y = softmax(x)",))
    assert one.equality.holds is False
