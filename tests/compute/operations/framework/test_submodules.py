"""Operations with declared sublayers: provided inputs, and inputs from the question."""

from typing import Annotated, Any

import numpy as np
import pytest

from compute.dimensions import Polynomial, Shape
from compute.errors import QuestionErrors
from compute.graph.graph import Graph, Value, apply
from compute.graph.spec import Tensor, ValueSpec
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.operations.framework.declaration import Input, Operation, SettingsOf, Sublayer, operation
from compute.operations.framework.submodules import Submodule, unknown_input_error
from tests.compute.asking import answer

LINEAR, NORM = CATALOGUE["linear"], CATALOGUE["layer_norm"]


@operation((ValueSpec("output", "token d", "... n d", "The output.", "Y"),))
def tower(
    x: Annotated[Value, Input("... n d", "The tokens.", "X")],
    *,
    floor: Annotated[Submodule, Sublayer((LINEAR,), "The floors.", is_list=True)],
    roof: Annotated[Submodule, Sublayer((NORM,), "The roof, if anything is sent for it.")],
    **settings: Annotated[Any, SettingsOf(exclude=("axis", "axes"))],
) -> Value:
    """Stacked linear layers."""
    for at in range(floor.count):
        x = floor[at](settings, x=x)
    return (roof(settings, x=x) if roof.is_sent else apply("identity", x)).named("output")


FLOORS: dict[str, Shape] = {"x": (3, 4), "floor[0].w": (4, 5), "floor[0].b": (5,), "floor[1].w": (5, 2)}


def graph(shapes: dict[str, Shape], given: dict[str, Shape] | None = None, **more: Any) -> Graph:
    tensors, taken = ({name: Tensor(shape) for name, shape in one.items()} for one in (shapes, given or {}))
    return build(tower, tensors, more.pop("settings", {}), taken, **{"missing_policy": "refused", **more})


def faults(*arguments: Any, **more: Any) -> dict[Any, Any]:
    with pytest.raises(QuestionErrors) as caught:
        graph(*arguments, **more)
    return {error.path: error for error in caught.value.errors}


def test_parts_stand_behind_their_names() -> None:
    built = graph({**FLOORS, "roof.gain": (2,)})
    assert [name for name, value in built.names.items() if value.is_input] == [
        "x", "floor[0].w", "floor[0].b", "floor[1].w", "roof.gain",
    ]  # fmt: skip
    assert built.names["floor[0].output"].shape == (3, 5)
    assert built.names["roof.output"] is built.names["output"]
    assert all(built.names[name].is_parameter for name in FLOORS if name != "x")


def test_there_are_as_many_as_came() -> None:
    assert "floor[1].output" in graph(FLOORS).names
    assert "floor[1].output" not in graph({"x": (3, 4), "floor[0].w": (4, 5)}).names
    given: dict[str, Shape] = {"floor[2].output": (3, 9)}
    assert "floor[2].output" in graph(FLOORS, given, missing_policy="unknown").names


@pytest.mark.parametrize("place", ["9" * 5000, "10000", "-1", "00", "\u0663", "x", ""])
def test_what_is_no_place_counts_nothing(place: str) -> None:
    given: dict[str, Shape] = {f"floor[{place}].output": (3, 9)}
    assert "floor[2].output" not in graph(FLOORS, given, missing_policy="unknown").names


def test_faults_name_the_part() -> None:
    assert list(faults({"x": (3, 4), "floor[0].b": (5,)})) == [("floor[0].w",)]
    wrong = faults({**FLOORS, "floor[1].w": (6, 2)})
    assert list(wrong) == [("floor[1].w",)]
    assert "d = 5 from axis 1 of floor[0].output" in wrong[("floor[1].w",)].expected
    several = faults({"x": (3, 4), "floor[1].w": (4, 4)})
    assert list(several) == [("floor[0].w",)]


def test_what_no_part_takes_is_refused() -> None:
    assert list(faults({**FLOORS, "floor[0].x": (3, 4)})) == [("floor[0].x",)]
    assert list(faults({**FLOORS, "cellar.w": (3, 4)})) == [("cellar.w",)]


def test_booleans_are_no_weights() -> None:
    tensors = {name: Tensor(shape) for name, shape in FLOORS.items()}
    tensors["floor[0].w"] = Tensor((4, 5), "boolean")
    with pytest.raises(QuestionErrors) as caught:
        build(tower, tensors, {})
    [error] = caught.value.errors
    assert (error.path, error.received) == (("floor[0].w",), "booleans")


def test_letters_go_all_the_way_through() -> None:
    n, d, e = (Polynomial.symbol(name) for name in "nde")
    built = graph({"x": (n, d), "floor[0].w": (d, e), "floor[1].w": (e, 2)})
    assert built.names["output"].shape == (n, 2)


def test_settings_are_handed_on() -> None:
    assert all(one.is_inherited for one in tower.attributes.values())
    assert "epsilon" in tower.attributes and not {"axis", "axes"} & tower.attributes.keys()
    built = graph({**FLOORS, "roof.gain": (2,)}, settings={"epsilon": "1/8"})
    assert built.names["roof.output"].shape == (3, 2)


def test_what_is_accepted() -> None:
    encoder = CATALOGUE["encoder"]
    for name in ("x", "layer[0].attention.w_q", "layer[9999].feed_forward.b_1", "final_norm.gain"):
        assert encoder.find_input(name) is not None
    for name in (
        "", ".", "layer", "layer.attention.w_q", "layer[0].x", "layer[0].attention.x", "layer[0].attention",
        "final_norm[0].gain", "layer[0][0].attention.w_q", "layer[10000].attention.w_q", "layer[0]..w_q",
        "layer[0].attention.w_q.", " layer[0].attention.w_q", "layer[0].attention.w_q\n",
    ):  # fmt: skip
        assert encoder.find_input(name) is None, name


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("layer[0].attention.w_z", "layer[0].attention.w_q", ""),
        ("layer[0].attention.wq", "layer[0].attention.w_q", "layer[0].attention.w_q"),
        ("layer[0].attention.out_proj", "layer[0].attention.w_q", "layer[0].attention.w_o"),
        ("layer[3].nothing.w_q", "layer[3].attention,", ""),
        ("nothing.w_q", "one of: layer[0], final_norm", ""),
        ("layer[0].final_norm.gain", "layer[0].attention_norm", ""),
    ],
)
def test_a_name_that_goes_astray_is_told_what_there_is(name: str, known: str, hint: str) -> None:
    encoder: Operation = CATALOGUE["encoder"]
    error = unknown_input_error(("here",), encoder, name)
    assert error.path == ("here",)
    assert known in error.expected
    assert (f"did you mean {hint}?" in error.message) == bool(hint)
    behind = unknown_input_error(("here",), encoder, name, "e.")
    assert behind.expected.count("e.") >= error.expected.count(",")


def test_parts_are_the_operations_that_they_name() -> None:
    """A layer is its attention, norms and feed-forward network, each asked alone."""
    rng = np.random.default_rng(807)
    x = rng.standard_normal((5, 4))
    weights = {f"attention.w_{name}": rng.standard_normal((4, 4)) for name in "qkvo"}
    weights |= {
        "feed_forward.w_1": rng.standard_normal((4, 6)),
        "feed_forward.w_2": rng.standard_normal((6, 4)),
    }
    weights |= {f"{part}_norm.gain": rng.standard_normal(4) for part in ("attention", "feed_forward")}
    whole = answer("encoder_layer", {"x": x, **weights}, {"heads": 2, "causal": True}).values

    def part(name: str, tokens: Any, operation: str, **settings: Any) -> Any:
        own = {
            one.removeprefix(f"{name}."): array
            for one, array in weights.items()
            if one.startswith(f"{name}.")
        }
        return answer(operation, {"x": tokens, **own}, settings).values

    attended = part("attention", x, "self_attention", heads=2, causal=True)
    for name, array in attended.items():
        np.testing.assert_allclose(whole[f"attention.{name}"], array, rtol=1e-13, atol=1e-15)
    normed = part("attention_norm", x + attended["output"], "layer_norm")["output"]
    fed = part("feed_forward", normed, "feed_forward")["output"]
    output = part("feed_forward_norm", normed + fed, "layer_norm")["output"]
    np.testing.assert_allclose(whole["output"], output, rtol=1e-12)
