"""Binding of signatures to sent shapes, required sizes and assumed sizes."""

from collections.abc import Mapping
from typing import Any

import pytest

from compute.dimensions import Polynomial, Shape
from compute.errors import QuestionErrors
from compute.graph.graph import Graph
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.signature import InputShape, add_input, bind

FEED_FORWARD, ATTENTION = CATALOGUE["feed_forward"], CATALOGUE["self_attention"]


def came(shapes: Mapping[str, Shape], scope: str = "") -> dict[str, InputShape]:
    return {name: InputShape(shape, ("there", name), scope + name) for name, shape in shapes.items()}


def faults(*arguments: Any, **more: Any) -> dict[Any, Any]:
    with pytest.raises(QuestionErrors) as caught:
        bind(*arguments, **more)
    return {error.path: error for error in caught.value.errors}


def test_sizes_come_from_shapes() -> None:
    bound = bind(FEED_FORWARD, came({"x": (5, 2), "w_1": (2, 7), "w_2": (7, 3)}), {}, {})
    assert bound.dimensions.sizes == {"d": 2, "d_ff": 7, "d_o": 3}
    assert bound.settings["d_ff"] == 7  # a setting that is a dimension, as the weights say it
    assert bound.settings["activation"] == "relu"


def test_what_the_whole_says_comes_first() -> None:
    shapes = came({"x": (5, 2), "w_1": (2, 7), "w_2": (7, 3)}, "layer[1].")
    found = faults(FEED_FORWARD, shapes, {}, {}, sizes={"d_o": (2, "the tokens that it is added to")})
    [error] = found.values()
    assert error.path == ("there", "w_2")
    assert error.message == "the shape of layer[1].w_2 does not fit: d_o is 3 here and 2 elsewhere"
    assert "d_o = 2 from the tokens that it is added to" in error.expected


def test_settings_have_to_agree_with_shapes() -> None:
    shapes = came({"x": (5, 2), "w_1": (2, 7)})
    [error] = faults(FEED_FORWARD, shapes, {"d_ff": 8}, {}).values()
    assert error.path == ("there", "w_1")
    assert "d_ff = 8 from the attribute d_ff" in error.expected


def test_what_is_usual_is_taken_where_nothing_says_it() -> None:
    assumed = {"d_k": lambda sizes: sizes["d"] // sizes["heads"], "d_v": lambda sizes: sizes["d_k"]}
    bound = bind(ATTENTION, came({"x": (3, 8)}), {"heads": 2}, {}, assumed=assumed)
    assert (bound.dimensions.sizes["d_k"], bound.dimensions.sizes["d_v"]) == (4, 4)
    said = bind(ATTENTION, came({"x": (3, 8), "w_v": (8, 10)}), {"heads": 2}, {}, assumed=assumed)
    assert (said.dimensions.sizes["d_k"], said.dimensions.sizes["d_v"]) == (4, 5)


def test_sizes_that_nothing_says_stay_letters() -> None:
    bound = bind(FEED_FORWARD, came({"x": (5, 2)}), {}, {})
    assert bound.dimensions.sizes == {
        "d": 2, "d_ff": Polynomial.symbol("d_ff"), "d_o": Polynomial.symbol("d_o")
    }  # fmt: skip
    few = bind(FEED_FORWARD, came({"x": (5, 2)}), {}, {}, required={"w_1"})
    assert "d_o" not in few.dimensions.sizes  # of what is not there, no size is needed


def test_given_values_speak_with_their_full_names() -> None:
    shapes, given = came({"x": (5, 2), "w_1": (2, 7)}, "h."), {"hidden": (5, 8), "nothing": (9, 9, 9)}
    [error] = faults(FEED_FORWARD, shapes, {}, given, prefix="h.").values()
    assert error.path == ("given", "h.hidden")
    assert error.message.startswith("the shape of the given h.hidden does not fit")
    assert "d_ff = 7 from axis 1 of h.w_1" in error.expected


def test_a_given_value_settles_what_was_a_letter() -> None:
    n = Polynomial.symbol("d_ff")
    bound = bind(FEED_FORWARD, came({"x": (5, 2), "w_1": (2, n)}), {}, {"hidden": (5, 8)})
    assert bound.dimensions.sizes["d_ff"] == 8


def test_settings_turn_shapes_and_names() -> None:
    plain, turned = (
        bind(ATTENTION, came({}), settings, {}) for settings in ({}, {"layout": "columns"})
    )  # fmt: skip
    assert plain.inputs["x"] == "... n d"
    assert turned.inputs["x"] == "... d n"
    assert turned.values["output"].dims.split()[-2:] == plain.values["output"].dims.split()[:-3:-1]


def test_inputs_that_did_not_come_are_admitted_with_their_usual_shape() -> None:
    bound = bind(FEED_FORWARD, came({"x": (5, 2)}), {"d_ff": 4}, {}, sizes={"d_o": (2, "why")})
    graph = Graph(bound.values, bound.dimensions.sizes)
    missing = add_input(graph, FEED_FORWARD, "w_2", None, bound)
    there = add_input(graph, FEED_FORWARD, "x", Tensor((5, 2)), bound)
    mask = add_input(graph, FEED_FORWARD, "dropout_mask", Tensor((1, 4)), bound)
    assert (missing.shape, missing.is_assumed, missing.is_parameter) == ((4, 2), True, True)
    assert (there.shape, there.is_assumed, there.is_parameter) == ((5, 2), False, False)
    assert (mask.kind, mask.may_be_infinite) == ("boolean", True)
    assert list(graph.names) == ["w_2", "x", "dropout_mask"]
