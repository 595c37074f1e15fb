"""Recurrent layers: gradients by time step, names, lengths, and refusals."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors, TooLarge
from tests.compute.asking import answer, plan
from tests.oracles.recurrent import COUNT, KINDS, differentiated, recurrent, results, upstream

RNG = np.random.default_rng(7)
X = RNG.standard_normal((4, 2))
SMALL: dict[str, dict[str, Any]] = {
    kind: {
        "x": X,
        "w_x": RNG.standard_normal((2, 3 * gates)),
        "w_h": RNG.standard_normal((3, 3 * gates)),
        "b": RNG.standard_normal(3 * gates),
        "b_h": RNG.standard_normal(3 * gates),
    }
    for kind, gates in KINDS.items()
}


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_of_weights_are_by_time_step_and_sum_to_the_gradient(kind: str) -> None:
    inputs = SMALL[kind]
    found = answer(kind, inputs, upstream={"output": upstream((4, 3))})
    for name in ("w_x", "w_h", "b", "b_h"):
        parts = found.contributions[name]
        assert {int(one.partition("[")[2][:-1]) for one in parts} == {1, 2, 3, 4}
        np.testing.assert_allclose(sum(parts.values()), found.gradients[name], rtol=1e-12, atol=1e-14)


def test_the_parts_by_time_step_show_how_gradients_vanish() -> None:
    inputs = {"x": np.ones((6, 1)), "w_x": [[0.1]], "w_h": [[0.5]]}
    found = answer("rnn", inputs, {"activation": "identity"}, upstream={"hidden[6]": [1.0]})
    reached = [found.gradients[f"hidden[{t}]"].item() for t in range(1, 7)]
    np.testing.assert_allclose(reached, [0.5 ** (6 - t) for t in range(1, 7)], rtol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20))
def test_gradients_are_central_differences(kind: str, seed: int) -> None:
    posed = recurrent(kind, seed)
    if kind == "rnn":
        posed.attributes["activation"] = "tanh"  # without a kink
    names = [*results(posed), *differentiated(posed)]
    graph: Any = plan(posed.operation, posed.inputs, posed.attributes, select=names).graph
    seeds = {name: upstream(graph.names[name].shape) for name in results(posed)}
    found = answer(kind, posed.inputs, posed.attributes, upstream=seeds, select=names)
    rng = np.random.default_rng(seed)

    def total(inputs: dict[str, Any]) -> float:
        values = answer(kind, inputs, posed.attributes, select=results(posed)).values
        return float(sum((values[name] * one).sum() for name, one in seeds.items()))

    for name in differentiated(posed):
        direction = rng.standard_normal(posed.inputs[name].shape)
        ends = [
            total({**posed.inputs, name: posed.inputs[name] + sign * 1e-6 * direction}) for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / 2e-6
        assert float((found.gradients[name] * direction).sum()) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_steps_and_stacks_are_the_same_numbers() -> None:
    for kind, inputs in SMALL.items():
        found = answer(kind, inputs).values
        stages = {name.partition("[")[0] for name in found if name.endswith("]")}
        assert stages >= {"hidden"}
        for stage in stages:
            for t in range(1, 5):
                np.testing.assert_array_equal(found[stage][t - 1], found[f"{stage}[{t}]"])


def test_a_state_in_the_middle_can_be_given() -> None:
    inputs = SMALL["rnn"]
    whole = answer("rnn", inputs).values
    cut = answer("rnn", inputs, given={"hidden[2]": [0.1, 0.2, 0.3]}, upstream={"hidden[4]": np.ones(3)})
    np.testing.assert_array_equal(cut.values["hidden[1]"], whole["hidden[1]"])
    assert not np.allclose(cut.values["hidden[3]"], whole["hidden[3]"])
    assert set(cut.contributions["w_h"]) == {"preactivation[3]", "preactivation[4]"}


def test_what_is_beyond_a_sequences_end_does_not_matter() -> None:
    for kind, inputs in SMALL.items():
        batch = np.stack([X, X])
        batch[1, 2:] = 1e6
        both = {**inputs, "x": batch, "lengths": [4, 2]}
        for direction in ("forward", "reverse"):
            short = answer(kind, {**inputs, "x": X[:2]}, {"direction": direction}).values
            for select in (None, ["output", "final_hidden"]):
                found = answer(kind, both, {"direction": direction}, select=select).values
                output = found["output"] if select else found.get("output", found["hidden"])
                np.testing.assert_allclose(output[1, :2], short["hidden"], rtol=1e-13)
                assert (output[1, 2:] == 0).all()
                np.testing.assert_allclose(found["final_hidden"][1], short["final_hidden"], rtol=1e-13)


def test_lengths_that_are_none_are_refused_where_they_stand() -> None:
    inputs = {**SMALL["rnn"], "x": np.stack([X, X])}
    for lengths in ([5, 1], [1, -1], [1.5, 2]):
        with pytest.raises(QuestionErrors) as caught:
            answer("rnn", {**inputs, "lengths": lengths})
        [error] = caught.value.errors
        assert error.path == ("lengths",)
        assert "0 to 4" in error.expected
    with pytest.raises(QuestionErrors, match="one length per sequence"):
        answer("rnn", {**inputs, "lengths": [1, 2, 3]})
    lines = ("h = rnn(x, w_x, w_h, lengths=n)",)
    sent = {"x": inputs["x"], "w_x": inputs["w_x"], "w_h": inputs["w_h"], "n": np.array([9.0, 1])}
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", sent, program=lines)
    assert caught.value.errors[0].path == ("inputs", "n")


@pytest.mark.parametrize(
    ("change", "settings", "path"),
    [
        ({"w_h": (2, 3)}, {}, "w_h"),
        ({"w_h": (2, 3, 3)}, {}, "w_h"),
        ({}, {"layers": 2}, "w_h"),
        ({}, {"direction": "both"}, "w_x"),
        ({"w_x_upper": (1, 3, 3)}, {}, "w_x_upper"),
        ({"w_h": (2, 3, 3)}, {"layers": 2}, "w_x_upper"),
        ({"h_0": (4,)}, {}, "h_0"),
        ({"h_0": (2, 3)}, {}, "h_0"),
        ({"b": (4,)}, {}, "b"),
        ({}, {"clip": -1}, "clip"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_field(change: Any, settings: Any, path: str) -> None:
    inputs = {"x": np.ones((4, 2)), "w_x": np.ones((2, 3)), "w_h": np.ones((3, 3))}
    inputs |= {name: np.ones(shape) for name, shape in change.items()}
    with pytest.raises(QuestionErrors) as caught:
        plan("rnn", inputs, settings)
    assert caught.value.errors[0].path == (path,)


def test_too_many_named_steps_are_refused_and_fewer_names_are_not() -> None:
    inputs = {"x": np.ones((8000, 1)), "w_x": [[0.5]], "w_h": [[0.5]]}
    with pytest.raises(QuestionErrors) as caught:
        plan("rnn", inputs)
    assert isinstance(caught.value.errors[0], TooLarge)
    found = answer("rnn", inputs, select=["final_hidden"]).values["final_hidden"]
    state = 0.0
    for _ in range(8000):
        state = np.tanh(0.5 + 0.5 * state)
    assert found == pytest.approx(state)


def test_steps_of_all_layers_count_and_so_do_layers() -> None:
    """A graph of so many values would take seconds to build, in a question of a few kilobytes."""
    one = {"x": np.ones((2000, 1)), "w_x": [[0.5]], "w_h": [[0.5]]}
    assert plan("rnn", one).graph.names["hidden[2000]"]
    several = {**one, "w_h": np.full((5, 1, 1), 0.5), "w_x_upper": np.full((4, 1, 1), 0.5)}
    with pytest.raises(QuestionErrors, match="too many steps"):
        plan("rnn", several, {"layers": 5})
    assert answer("rnn", several, {"layers": 5}, select=["output"]).values["output"].shape == (2000, 1)
    with pytest.raises(QuestionErrors, match="too many layers") as caught:
        plan("rnn", several, {"layers": 600, "direction": "both"})
    assert caught.value.errors[0].path == ("layers",)
    assert isinstance(caught.value.errors[0], TooLarge)


ORDERS = {
    "lstm": ([0, 3, 1, 2], "input_output_forget_candidate"),
    "gru": ([1, 0, 2], "update_reset_candidate"),
}


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("select", [None, ["hidden"]])
def test_gate_orders_and_orientations_are_the_same_layer(kind: str, select: Any) -> None:
    order, name = ORDERS[kind]
    inputs, moved = SMALL[kind], {"x": X}
    for key in ("w_x", "w_h", "b", "b_h"):
        gates = np.split(inputs[key], KINDS[kind], axis=-1)
        moved[key] = np.concatenate([gates[at] for at in order], axis=-1)
    turned = {key: one.T if key in ("w_x", "w_h") else one for key, one in moved.items()}
    plain = answer(kind, inputs, select=select).values["hidden"]
    other = answer(kind, moved, {"gate_order": name}, select=select).values["hidden"]
    last = answer(kind, turned, {"gate_order": name, "weights": "out_in"}, select=select).values["hidden"]
    np.testing.assert_allclose(other, plain, rtol=1e-12)
    np.testing.assert_allclose(last, plain, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_costs_are_those_of_all_steps(kind: str) -> None:
    for settings in ({}, {"reset_after": False}) if kind == "gru" else ({},):
        steps: Any = plan(kind, SMALL[kind], settings).cost
        at_once: Any = plan(kind, SMALL[kind], settings, select=["output"]).cost
        assert steps.multiply_adds == at_once.multiply_adds
        assert abs(steps.elementwise - at_once.elementwise) <= 2 * 4 * 3 * KINDS[kind]


def test_layers_and_directions_are_scoped() -> None:
    drawn = (recurrent("lstm", seed) for seed in range(COUNT))
    posed = next(
        one for one in drawn if one.attributes["layers"] > 1 and one.attributes["direction"] == "both"
    )
    found = answer("lstm", posed.inputs, posed.attributes).values
    assert {"layer[0].forward.hidden[1]", "layer[1].reverse.cell"} <= set(found)
    np.testing.assert_array_equal(found["layer[1].reverse.recurrent_weights"], posed.inputs["w_h"][1, 1])
    for name in ("layer[0].forward.hidden[1]", "layer[1].reverse.cell"):
        one = answer("lstm", posed.inputs, posed.attributes, select=[name]).values[name]
        np.testing.assert_array_equal(one, found[name])


@pytest.mark.parametrize("kind", KINDS)
def test_every_axis_of_what_one_direction_has_is_labelled(kind: str) -> None:
    both = {name: np.stack([array, array]) for name, array in SMALL[kind].items() if name != "x"}
    settings = {"direction": "both"}
    pair = ("reverse.hidden_bias", "reverse.hidden_bias")
    asked: dict[str, Any] = {"inputs": {"x": X} | both, "attributes": settings, "jacobian": [pair]}
    named = plan(kind, **asked).graph.names
    assert {name: len(one.axes) for name, one in named.items()} == {
        name: len(one.shape) for name, one in named.items()
    }
    [one] = answer(kind, **asked).parts["jacobians"]
    np.testing.assert_array_equal(one.value, np.eye(3 * KINDS[kind]))
    assert [block.pattern for block in one.zeros] == ["diagonal"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("select", [None, ["hidden"]])
def test_float32_is_near(kind: str, select: Any) -> None:
    near = answer(kind, SMALL[kind], select=select, arithmetic="float32").values["hidden"]
    assert near.dtype == np.float32
    far = answer(kind, SMALL[kind], select=select).values["hidden"]
    np.testing.assert_allclose(near, far, rtol=1e-4, atol=1e-5)


def test_layers_in_programs_name_their_steps_and_train() -> None:
    inputs = {name: SMALL["lstm"][name] for name in ("x", "w_x", "w_h")}
    named = ("h = lstm(x, w_x, w_h)", "L = sum(h**2)")
    found = answer("graph", inputs, program=named, upstream={"L": 1.0})
    assert "h.forget_gate[2]" in found.values
    within = answer("graph", inputs, program=("L = sum(lstm(x, w_x, w_h)**2)",), upstream={"L": 1.0})
    assert not any(name.startswith("h.") for name in within.values)
    for name in inputs:
        np.testing.assert_allclose(found.gradients[name], within.gradients[name], rtol=1e-11, atol=1e-13)
