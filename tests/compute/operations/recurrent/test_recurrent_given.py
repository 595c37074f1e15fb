"""Recurrent layers with given states or stages, at one step and over all steps."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array

RNG = np.random.default_rng(11)
X = RNG.standard_normal((4, 2))
RNN: dict[str, Any] = {"x": X, "w_x": RNG.standard_normal((2, 3)), "w_h": RNG.standard_normal((3, 3))}
LSTM: dict[str, Any] = {"x": X, "w_x": RNG.standard_normal((2, 12)), "w_h": RNG.standard_normal((3, 12))}
GRU: dict[str, Any] = {"x": X, "w_x": RNG.standard_normal((2, 9)), "w_h": RNG.standard_normal((3, 9))}
STACK = RNG.standard_normal((4, 3))


def sigmoid(a: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-a))
    return found


def slope(kind: str, inputs: Any, given: dict[str, Any], name: str, of: str, **settings: Any) -> Array:
    """Return central differences of the sum of one value with respect to every entry of a given value."""
    found = np.zeros(np.shape(given[name]))
    for at in np.ndindex(found.shape):
        ends = []
        for sign in (1, -1):
            moved = np.array(given[name], dtype=float)
            moved[at] += sign * 1e-6
            ends.append(answer(kind, inputs, settings, given={**given, name: moved}).values[of].sum())
        found[at] = (ends[0] - ends[1]) / 2e-6
    return found


@pytest.mark.parametrize("name", ["hidden", "output"])
def test_steps_are_rows_of_states_that_are_given(name: str) -> None:
    found = answer("rnn", RNN, given={name: STACK}, upstream={"preactivation": np.ones((4, 3))})
    before = np.vstack([np.zeros(3), STACK[:-1]])
    np.testing.assert_allclose(found.values["preactivation"], X @ RNN["w_x"] + before @ RNN["w_h"])
    for t in range(4):
        np.testing.assert_array_equal(found.values[f"hidden[{t + 1}]"], STACK[t])
    np.testing.assert_array_equal(found.values["final_hidden"], STACK[-1])
    np.testing.assert_allclose(
        found.gradients["w_h"], before.T @ np.ones((4, 3)), rtol=1e-12
    )  # no other way through the states
    np.testing.assert_allclose(
        found.gradients["hidden"], slope("rnn", RNN, {name: STACK}, name, "preactivation"), atol=1e-8
    )


def test_stages_that_are_given_lead_to_the_states() -> None:
    found = answer("rnn", {}, given={"preactivation": STACK}, upstream={"output": np.ones((4, 3))})
    np.testing.assert_allclose(found.values["hidden"], np.tanh(STACK))
    np.testing.assert_allclose(found.gradients["preactivation"], 1 - np.tanh(STACK) ** 2)
    assert {note.at for note in found.notes if note.code == "cut"} == {"x", "w_x", "w_h"}


def test_a_cell_follows_from_gates_that_are_given() -> None:
    names = ("input_gate", "forget_gate", "candidate", "output_gate")
    given = {name: RNG.random((4, 3)) for name in names}
    found = answer("lstm", {"c_0": [0.5, 0.0, -0.5]}, given=given).values
    cell = np.array([0.5, 0.0, -0.5])
    for t in range(4):
        cell = given["forget_gate"][t] * cell + given["input_gate"][t] * given["candidate"][t]
        np.testing.assert_allclose(found[f"cell[{t + 1}]"], cell, rtol=1e-13)
        np.testing.assert_allclose(found["hidden"][t], given["output_gate"][t] * np.tanh(cell), rtol=1e-13)


@pytest.mark.parametrize(
    ("kind", "inputs", "name"),
    [
        ("lstm", LSTM, "cell"),
        ("lstm", LSTM, "forget_gate"),
        ("gru", GRU, "update_gate"),
        ("gru", GRU, "hidden"),
    ],
)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_gradients_of_what_is_given_over_all_steps_are_differences(
    kind: str, inputs: Any, name: str, direction: str
) -> None:
    settings = {"direction": direction}
    found = answer(kind, inputs, settings, given={name: STACK}, upstream={"candidate": np.ones((4, 3))})
    expected = slope(kind, inputs, {name: STACK}, name, "candidate", **settings)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found.gradients[name], expected, rtol=1e-6, atol=1e-8)


def test_what_is_selected_does_not_change_what_follows() -> None:
    """A state that is given decides the others, whether steps are shown or not."""
    given = {"cell": STACK}
    whole = answer("lstm", LSTM, given=given).values["final_hidden"]
    alone = answer("lstm", LSTM, given=given, select=["final_hidden"]).values["final_hidden"]
    np.testing.assert_array_equal(alone, whole)
    gate = answer("lstm", LSTM, given=given).values["output_gate[4]"]
    np.testing.assert_allclose(alone, gate * np.tanh(STACK[-1]), rtol=1e-13)


def test_a_batch_and_steps_are_those_of_what_is_given() -> None:
    batch = np.stack([STACK, -STACK])
    found = answer("rnn", {"w_x": RNN["w_x"], "w_h": RNN["w_h"]}, given={"hidden": batch}).values
    np.testing.assert_array_equal(found["hidden[2]"], batch[:, 1])
    np.testing.assert_array_equal(found["final_hidden"], batch[:, -1])
    two = {"w_x": np.ones((2, 2, 3)), "w_h": np.ones((2, 3, 3))}
    found = answer("rnn", two, {"direction": "both"}, given={"reverse.hidden": batch}).values
    np.testing.assert_array_equal(found["reverse.hidden[1]"], batch[:, 0])


def test_a_jacobian_through_what_is_given_is_refused() -> None:
    with pytest.raises(QuestionErrors, match="only through values that are given"):
        plan("rnn", RNN, given={"hidden": STACK}, jacobian=[("final_hidden", "w_h")])


@pytest.mark.parametrize("name", ["hidden", "output"])
def test_a_step_of_what_is_given_cannot_be_given_too(name: str) -> None:
    with pytest.raises(QuestionErrors, match="a step of hidden") as caught:
        plan("rnn", RNN, given={name: STACK, "hidden[2]": [0, 0, 0]})
    assert caught.value.errors[0].path == ("given", "hidden[2]")


@pytest.mark.parametrize(
    ("given", "settings"),
    [({"hidden[2]": [1, 2, 3]}, {}), ({"reverse.preactivation[1]": [1, 2, 3]}, {"direction": "both"})],
)
def test_without_a_number_of_steps_the_fault_says_what_is_missing(given: Any, settings: Any) -> None:
    with pytest.raises(QuestionErrors, match="the number of steps is unknown") as caught:
        plan("rnn", {}, settings, given=given)
    [error] = caught.value.errors
    assert error.path == ("x",)
    assert "hidden over all steps under given" in error.expected


def test_symbols_that_are_given_over_all_steps_go_on() -> None:
    stack = [["p1"], ["p2"], ["p3"]]
    found = answer("rnn", {"x": [[0], [0], [0]], "w_x": [[1]], "w_h": [["w"]]}, given={"hidden": stack},
                   arithmetic="exact").values  # fmt: skip
    w, p2 = sympy.symbols("w p2", real=True)
    assert found["preactivation[3]"][0] == w * p2


def test_hidden_states_follow_from_the_cell_where_sequences_end() -> None:
    """The named cell is the state that the next step uses, with and without lengths."""
    inputs = {**LSTM, "x": np.stack([X, X]), "lengths": [4, 2]}
    cells = np.stack([STACK[0], STACK[1]])
    given, seeds = {"cell[2]": cells}, {"hidden[2]": np.ones((2, 3))}
    found = answer("lstm", inputs, given=given, upstream=seeds)
    gate = found.values["output_gate[2]"]
    np.testing.assert_allclose(found.values["hidden[2]"], gate * np.tanh(cells), rtol=1e-13)
    expected = slope("lstm", inputs, given, "cell[2]", "hidden[2]")
    np.testing.assert_allclose(found.gradients["cell[2]"], expected, atol=1e-8)
    assert np.abs(expected).min() > 1e-3


def test_what_is_given_over_all_steps_inside_a_program() -> None:
    lines = ("h = rnn(x, w_x, w_h)", "L = sum(h**2)")
    found = answer("graph", RNN, program=lines, given={"h.hidden": STACK}, upstream={"L": 1.0})
    np.testing.assert_array_equal(found.values["h.hidden[3]"], STACK[2])
    np.testing.assert_allclose(found.gradients["h.hidden"], 2 * STACK)
    assert found.values["L"] == pytest.approx((STACK**2).sum())


@pytest.mark.parametrize("bad", [0.0, 1e300, np.nan])
def test_what_is_given_beyond_the_end_touches_nothing(bad: float) -> None:
    given = {"hidden": np.stack([STACK, STACK]), "cell": np.stack([STACK + 1, STACK + 1])}
    for stack in given.values():
        stack[1, 2:] = bad
    inputs = {**LSTM, "x": np.stack([X, X]), "lengths": [4, 2]}
    found = answer("lstm", inputs, given=given, upstream={"output": np.ones((2, 4, 3))})
    np.testing.assert_array_equal(found.values["output"][1], [*STACK[:2], [0] * 3, [0] * 3])
    np.testing.assert_array_equal(found.values["final_hidden"], [STACK[3], STACK[1]])
    np.testing.assert_array_equal(found.values["final_cell"], [STACK[3] + 1, STACK[1] + 1])
    np.testing.assert_array_equal(found.gradients["hidden"], found.values["output"] != 0)
    stages = {"preactivation": np.stack([np.tile(STACK, 4)] * 2)}
    stages["preactivation"][1, 2:] = bad
    found = answer("lstm", inputs, given=stages, upstream={"output": np.ones((2, 4, 3))})
    expected = np.zeros((4, 12))
    expected[:2] = answer(
        "lstm", LSTM, given={"preactivation": stages["preactivation"][0]},
        upstream={"output": [[1] * 3, [1] * 3, [0] * 3, [0] * 3]},
    ).gradients["preactivation"][:2]  # fmt: skip
    np.testing.assert_allclose(found.gradients["preactivation"][1], expected, rtol=1e-12, atol=1e-15)
