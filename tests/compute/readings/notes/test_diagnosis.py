"""What is said on request of numbers that are finite and still no good."""

from typing import Annotated, Any, cast

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.graph.graph import Value
from compute.graph.numerics import DIAGNOSES
from compute.graph.spec import ValueSpec
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Input, operation
from compute.question.answer import Answer
from compute.readings.notes import diagnosis
from tests.compute.asking import answer
from tests.compute.readings.notes.questions import QUESTIONS, ask, only, upstream

ASKED: dict[str, Any] = {"diagnose": True}


@operation((ValueSpec("hidden[t]", "row d", "n d", "The state after each step.", "H"),))
def steps(
    x: Annotated[Value, Input("n d", "The first state.", "X")],
    w: Annotated[Value, Input("d d", "A matrix.", "W")],
) -> Value:
    """A state, multiplied again and again."""
    state = x
    for step in range(7):
        state = (state @ w).named(f"hidden[{step}]")
    return state


def codes(found: Answer) -> set[str]:
    return {note.code for note in found.notes}


@pytest.mark.parametrize(
    ("arithmetic", "x", "most"), [("float32", 100, "88.72"), ("float64", 1000, "709.78")]
)
def test_an_exponential_overflows(arithmetic: str, x: float, most: str) -> None:
    note = only(ask("y = exp(x)", {"x": [[1, x]]}, arithmetic=arithmetic, **ASKED), "overflow")
    assert (note.at, note.operation, note.entries) == ("y", "exp", ((0, 1),))
    assert note.operands == (("x", x),) and note.result == "Infinity"
    assert f"the largest exponent that fits into {arithmetic} is {most}" in note.message
    assert f"about 10^{x / np.log(10):.0f}" in note.message
    with np.errstate(over="ignore"):
        kind = np.dtype(arithmetic).type
        assert np.isfinite(np.exp(kind(most))) and np.isinf(np.exp(kind(float(most) + 0.01)))


def test_overflows_that_spoil_nothing_are_told_on_request() -> None:
    note = only(ask("y = 1 / (1 + exp(x))", {"x": 1000}, **ASKED))
    assert (note.code, note.at) == ("overflow", "y") and "exp(1000) = Infinity" in note.message
    a = np.array([[1e200, 1], [1, 1]])
    note = only(ask("y = a @ a", {"a": a}, **ASKED), "overflow")
    assert (
        "the largest number of float64 is about 1.8e+308" in note.message and "about 10^400" in note.message
    )


def test_a_pole_is_no_overflow() -> None:
    found = ask(["y = log(x)", "z = 1 / x"], {"x": [0.0, 1]}, **ASKED)
    assert codes(found) == {"non_finite"}


def test_what_is_too_small_comes_out_as_0() -> None:
    note = only(ask("y = exp(x)", {"x": [-1000, 1]}, **ASKED))
    assert (note.code, note.operation, note.entries) == ("underflow", "exp", ((0,),))
    assert only(ask("y = a * a", {"a": [1e-200, 0]}, **ASKED)).entries == ((0,),)
    assert only(ask("y = a**3", {"a": 1e-20}, arithmetic="float32", **ASKED)).code == "underflow"
    assert only(ask("y = square(a)", {"a": [1e-170, 0]}, **ASKED)).entries == ((0,),)
    assert only(ask("y = a / b", {"a": [1e-200, 1], "b": [1e200, np.inf]}, **ASKED), "underflow").count == 1
    assert not ask("y = exp(x) * 0", {"x": [-700, 1]}, **ASKED).notes


def test_the_naive_variance_cancels() -> None:
    x = np.array([1e8, 1e8 + 1, 1e8 + 2])
    note = only(ask(["m = mean(x)", "v = mean(x**2) - m**2"], {"x": x}, **ASKED))
    assert (note.code, note.at, note.operation) == ("cancellation", "v", "subtract")
    assert "terms as large as 1e+16 leave 2" in note.message and "no digit" in note.message
    assert "before squaring" in note.remedy
    assert not ask(["c = x - mean(x)", "v = mean(c**2)"], {"x": [1, 2, 3]}, **ASKED).notes


@pytest.mark.parametrize(
    ("line", "inputs", "digits"),
    [
        ("y = a - b", {"a": [1, 1.0000000001], "b": [3, 1]}, "about 5 digits"),
        ("y = a + b", {"a": [1, 1.0000000001], "b": [3, -1]}, "about 5 digits"),
        ("y = sum(a, axis=0)", {"a": [[1, 1e12], [1, 1], [1, -1e12]]}, "about 3 digits"),
        ("y = a @ b", {"a": [[1, 1], [1e12, 1]], "b": [[1], [-1e12 + 1]]}, "about 3 digits"),
        ("y = 1 - cos(x)", {"x": [1, 1e-9]}, "no digit"),
    ],
)
def test_digits_that_are_left(line: str, inputs: dict[str, Any], digits: str) -> None:
    note = only(ask(line, inputs, **ASKED))
    assert note.code == "cancellation" and digits in note.message
    assert note.count == 1


def test_sums_that_lose_little_are_left_alone() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 40, 40))
    assert not ask(["a = x - y", "b = x @ y", "c = sum(x)", "d = x - x"], {"x": x, "y": y}, **ASKED).notes
    # Numbers that came are as they are: that they are equal says nothing.
    assert not ask("d = x - y", {"x": x, "y": x}, **ASKED).notes
    for line in ("d = relu(x) - 3", "d = exp(x - 3) - 1", "d = x * 2 - 6", "d = x + 1 - 4"):
        assert not ask(line, {"x": [3, 5]}, **ASKED).notes, line
    assert only(ask("d = x + 1 - x", {"x": [3, 1e17]}, **ASKED)).entries == ((1,),)
    # A number is lost if a thousandth more of it would be: 1 + 1.5e-16 is no longer 1.
    assert only(ask("d = 1 + x - 1", {"x": [3, 1e-16]}, **ASKED)).entries == ((1,),)
    assert only(ask("d = 1 - sigmoid(x)", {"x": [3, 100]}, **ASKED), "cancellation").entries == ((1,),)


def test_saturated_softmax_rows() -> None:
    tokens = {name: np.eye(2) for name in ("query", "key", "value")}
    seeds = {"output": np.eye(2)}
    note = only(answer("attention", tokens, {"scale": 1000}, upstream=seeds, **ASKED))
    assert (note.code, note.at, note.operation) == ("saturation", "weights", "softmax")
    assert note.entries == ((0,), (1,)) and "1/sqrt(d_k)" in note.remedy
    assert not answer("attention", tokens, {"scale": 1}, upstream=seeds, **ASKED).notes
    # A query that may attend to one key alone has nothing to decide.
    assert not answer("attention", tokens, {"causal": True}, upstream=seeds, **ASKED).notes
    turned = {"scale": 1000, "orientation": "key_query"}
    assert only(answer("attention", tokens, turned, **ASKED)).entries == ((0,), (1,))


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_gates_at_their_ends(function: str) -> None:
    note = only(ask(f"g = {function}(x)", {"x": [0, 20, 1, -20]}, **ASKED))
    assert (note.code, note.operation, note.entries) == ("saturation", function, ((1,), (3,)))
    assert "where it is " in note.message
    assert "below 1e-06" in note.message
    assert not ask(f"g = {function}(x)", {"x": [0, 5, -5]}, **ASKED).notes


def test_dead_rectifiers() -> None:
    x, w = [[1, 2], [3, 4]], [[1, -1, 1], [1, -1, -1]]
    note = only(ask("h = relu(x @ w)", {"x": x, "w": w}, **ASKED))
    assert (note.code, note.at, note.entries) == ("dead_rectifier", "h", ((1,), (2,)))
    assert "unit [1] and 1 other" in note.message
    assert only(ask("h = relu(x)", {"x": [-1, 0]}, **ASKED)).entries == ((),)
    assert not ask("h = relu(x)", {"x": [-1, 0.1]}, **ASKED).notes
    assert not ask("h = leaky_relu(x @ w)", {"x": x, "w": w}, **ASKED).notes


@pytest.mark.parametrize(("w", "code"), [(0.3, "vanishing_gradient"), (3.0, "exploding_gradient")])
def test_gradients_along_a_chain(w: float, code: str) -> None:
    lines = [f"h{t + 1} = h{t} * w" for t in range(12)]
    found = ask(lines, {"h0": 1, "w": w}, upstream={"h12": np.array(1.0)}, **ASKED)
    note = only(found)
    assert (note.code, note.at) == (code, "h0")
    assert f"that of h12 is 1, a factor of {w:g} a step" in note.message
    assert not ask(lines[:4], {"h0": 1, "w": w}, upstream={"h4": np.array(1.0)}, **ASKED).notes
    assert not ask(lines, {"h0": 1, "w": w}, **ASKED).notes


@pytest.mark.parametrize(("code", "sign"), [("vanishing_gradient", -1), ("exploding_gradient", 1)])
def test_how_far_gradients_may_fall_or_grow(code: str, sign: int) -> None:
    """By less than 10**4 from like-named value to like-named value, and 10**8 from the gradient handed in."""
    for power, lines in ((4, ["h1 = h0 * w", "h2 = h1 * 1"]), (8, ["a = h0 * w", "b = a * 1"])):
        last = lines[-1].split()[0]
        for more, expected in ((0.01, [code]), (-0.01, [])):
            w = 10.0 ** (sign * (power + more))
            # The last line is as large as what was handed in, and not looked at twice.
            found = ask(
                lines, {"h0": 1, "w": w}, upstream={last: np.array(1.0)}, select=["h0", last], **ASKED
            )
            assert [note.code for note in found.notes] == expected, (lines, w)


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_from_which_derivative_on_a_gate_is_at_its_end(function: str) -> None:
    # sigmoid(x) = 1 - p has the derivative p (1 - p), and tanh(x) = 1 - p has p (2 - p).
    for derivative, entries in ((1.01e-6, []), (0.99e-6, [((0,),)])):
        p = derivative / (1 if function == "sigmoid" else 2)
        x = np.log((1 - p) / p) if function == "sigmoid" else np.arctanh(1 - p)
        notes = ask(f"g = {function}(x)", {"x": [x, 0]}, **ASKED).notes
        assert [note.entries for note in notes] == entries


def test_from_how_many_lost_digits_on_a_difference_is_told() -> None:
    """Half of the 52 bits behind the point of a float."""
    for bits, told in ((25, False), (27, True)):
        found = ask("y = a - b", {"a": 1 + 2.0**-bits, "b": 1}, **ASKED)
        assert ("cancellation" in codes(found)) is told


def test_states_of_a_loop_are_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(Any, CATALOGUE), "steps", steps)
    fields: Any = {"upstream": {"hidden[6]": np.ones((1, 2))}, **ASKED}
    found = answer("steps", {"x": np.ones((1, 2)) * 3, "w": np.eye(2) / 50}, **fields)
    note, *_ = found.notes
    assert (
        note.code == "vanishing_gradient"
        and note.at == "hidden[0]"
        and "that of hidden[6] is 1, a factor of 0.02 a step" in note.message
    )


def test_gradients_far_from_what_was_handed_in() -> None:
    found = ask(["a = x * 1e-9", "b = a * 1"], {"x": 2}, upstream={"b": np.array(1.0)}, **ASKED)
    note = only(found)
    assert (note.code, note.at) == ("vanishing_gradient", "x") and "that handed in is 1" in note.message
    found = ask(["a = x * 0", "b = a * 1"], {"x": 2}, upstream={"b": np.array(1.0)}, **ASKED)
    assert not found.notes  # it is 0, and meant to be


def test_there_are_never_too_many_of_a_code() -> None:
    lines = [f"y{chr(97 + i)} = exp(x)" for i in range(25)]
    found = ask(lines, {"x": -1000}, **ASKED)
    assert [note.code for note in found.notes] == ["underflow"] * 20 + ["more"]
    assert "5 more steps" in found.notes[-1].message
    assert [note.code for note in ask(lines[:20], {"x": -1000}, **ASKED).notes] == ["underflow"] * 20


def test_exact_numbers_neither_round_nor_overflow() -> None:
    with pytest.raises(QuestionErrors) as caught:
        ask("y = x * 2", {"x": 1}, arithmetic="exact", **ASKED)
    [error] = caught.value.errors
    assert error.path == ("diagnose",) and "exact numbers" in error.message


@pytest.mark.parametrize("name", QUESTIONS)
def test_diagnosing_adds_notes_and_changes_nothing(name: str) -> None:
    case = QUESTIONS[name]
    for arithmetic in ("float64", "float32"):
        fields: Any = {"upstream": upstream(case), "arithmetic": arithmetic}
        plain = answer(case.operation, case.inputs, case.attributes, **fields)
        found = answer(case.operation, case.inputs, case.attributes, **fields, **ASKED)
        assert found.notes[: len(plain.notes)] == plain.notes
        assert codes(found) - codes(plain) <= {*DIAGNOSES, "more"}
        assert "overflow" not in codes(found)
        for one in plain.values:
            np.testing.assert_array_equal(found.values[one], plain.values[one])


def test_nothing_is_diagnosed_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError

    for name in ("_overflows", "_found_by_rules", "_rates"):
        monkeypatch.setattr(diagnosis, name, refuse)
    lines = ["h = tanh(x)", "y = h - tanh(x)"]
    assert not ask(lines, {"x": [40, 1]}, upstream={"y": np.ones(2)}).notes
    with pytest.raises(AssertionError):
        ask(lines, {"x": [40, 1]}, **ASKED)
