"""Lines that call operations with submodules: their weights are inputs prefixed with the line's name."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.answer import Answer, Plan
from compute.question.plan import Question, prepare
from tests.compute.asking import answer

RNG = np.random.default_rng(810)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
LAYER: dict[str, Any] = {
    **{f"attention.w_{name}": RNG.standard_normal((4, 4)) for name in "qkvo"},
    "attention_norm.gain": RNG.standard_normal(4),
    "feed_forward.w_1": RNG.standard_normal((4, 6)),
    "feed_forward.b_1": RNG.standard_normal(6),
    "feed_forward.w_2": RNG.standard_normal((6, 4)),
    "feed_forward_norm.gain": RNG.standard_normal(4),
}
H = {f"h.{name}": weight for name, weight in LAYER.items()}
LINES = ("h = encoder_layer(x, heads=2)", "L = sum((h - y)**2) / 2")
INPUTS = {"x": X, "y": Y, **H}
MASK = np.array([[True, False, True, True, False, True]])


def run(
    program: tuple[str, ...], inputs: dict[str, Any], given: dict[str, Any] | None = None, **asked: Any
) -> tuple[Plan, Answer]:
    def tensors(sent: dict[str, Any]) -> tuple[tuple[str, Tensor], ...]:
        return tuple(
            (name, Tensor(np.shape(tensor), "boolean" if np.asarray(tensor).dtype == bool else "real"))
            for name, tensor in sent.items()
        )

    upstream = {name: np.asarray(1.0) for name in asked.pop("upstream", ())}
    prepared = prepare(
        Question("graph", inputs=tensors(inputs), given=tensors(given or {}), upstream=tensors(upstream),
              program=program, **asked)
    )  # fmt: skip
    groups = (inputs, given or {})
    sent, known = ({name: np.asarray(tensor) for name, tensor in group.items()} for group in groups)
    return prepared, prepared.answer(sent, known, upstream)


def errors_by_path(program: tuple[str, ...], inputs: dict[str, Any], **asked: Any) -> dict[Any, Any]:
    with pytest.raises(QuestionErrors) as caught:
        run(program, inputs, **asked)
    return {error.path: error for error in caught.value.errors}


def test_masks_may_be_arguments_of_a_line() -> None:
    """Masks of the operation itself, not of a submodule, may have any name."""
    lines = ("h = encoder_layer(x, heads=2, attention_dropout_mask=kept, dropout_rate=0.5)",)
    _, result = run(lines, {"x": X, "kept": MASK[:, :4], **H})
    sent = {"x": X, "attention_dropout_mask": MASK[:, :4], **LAYER}
    direct = answer("encoder_layer", sent, {"heads": 2, "dropout_rate": 0.5})
    np.testing.assert_array_equal(result.values["h"], direct.values["output"])


def test_weights_of_a_line_are_inputs_prefixed_with_its_name() -> None:
    prepared, result = run(LINES, INPUTS, upstream=["L"], data=("x", "y"))
    direct = answer("encoder_layer", {"x": X, **LAYER}, {"heads": 2})
    np.testing.assert_array_equal(result.values["h"], direct.values["output"])
    np.testing.assert_array_equal(result.values["h.attention.weights"], direct.values["attention.weights"])
    assert float(result.values["L"]) == pytest.approx(((direct.values["output"] - Y) ** 2).sum() / 2)
    upstream = {"output": direct.values["output"] - Y}
    gradients = answer("encoder_layer", {"x": X, **LAYER}, {"heads": 2}, upstream=upstream).gradients
    for name in LAYER:
        np.testing.assert_allclose(result.gradients[f"h.{name}"], gradients[name], rtol=1e-10, atol=1e-12)
    assert set(prepared.parameters()) == set(H)


def test_roles_of_weights() -> None:
    everything = {"x", "y", *H}
    for roles, trained in (
        ({}, everything),
        ({"data": ("x", "y", "h.attention.w_q")}, everything - {"x", "y", "h.attention.w_q"}),
        ({"parameters": ("h.attention.w_q",)}, {"h.attention.w_q"}),
    ):
        assert set(run(LINES, INPUTS, **roles)[0].parameters()) == trained
    for role in ("parameters", "data"):
        [error] = errors_by_path(LINES, INPUTS, **{role: ("x", "h.attention.w_z")}).values()
        assert error.path == (role, 1)
        assert "h.attention.w_q" in error.expected


def test_layers_on_layers_and_lists_of_them() -> None:
    lines = ("h = encoder_layer(x, heads=2)", "g = encoder_layer(h, heads=2)")
    both = {**H, **{f"g.{name}": 2 * weight for name, weight in LAYER.items()}}
    _, result = run(lines, {"x": X, **both})
    stack = {f"layer[{at}].{name}": (1 + at) * weight for name, weight in LAYER.items() for at in range(2)}
    named = {f"e.{name}": weight for name, weight in stack.items()}
    _, stacked = run(("e = encoder(x, heads=2)",), {"x": X, **named}, select=("e.layer[*].output", "e"))
    np.testing.assert_allclose(stacked.values["e"], result.values["g"], rtol=1e-12)
    np.testing.assert_allclose(stacked.values["e.layer[0].output"], result.values["h"], rtol=1e-12)


def test_weights_and_inner_values_are_given() -> None:
    rest = {name: tensor for name, tensor in INPUTS.items() if name != "h.attention.w_q"}
    plain = run(LINES, INPUTS)[1].values
    prepared, result = run(LINES, rest, given={"h.attention.w_q": INPUTS["h.attention.w_q"]})
    for name, value in result.values.items():
        np.testing.assert_array_equal(value, plain[name])
    assert prepared.predicted.answer == sum(value.size for value in result.values.values())
    gain = {"h.feed_forward_norm.gain": np.full((1, 1), 2.0)}  # replaces the gain that is sent
    _, twice = run(LINES, INPUTS, given=gain)
    np.testing.assert_allclose(twice.values["h"], 2 * plain["h.feed_forward_norm.normalized"], rtol=1e-12)
    weights = np.full((2, 3, 3), 1 / 3)
    _, even = run(LINES, INPUTS, given={"h.attention.weights": weights})
    direct = answer("encoder_layer", {"x": X, **LAYER}, {"heads": 2}, given={"attention.weights": weights})
    np.testing.assert_allclose(even.values["h"], direct.values["output"], rtol=1e-12)


@pytest.mark.parametrize("name", ["attention_dropout_mask", "feed_forward_dropout_mask"])
def test_dropout_masks_may_have_any_name(name: str) -> None:
    kept = RNG.random((3, 4)) < 0.5
    line = f"h = encoder_layer(x, heads=2, {name}=kept, dropout_rate=0.25)"
    result = run((line,), {"x": X, "kept": kept, **H})[1].values
    direct = answer("encoder_layer", {"x": X, name: kept, **LAYER}, {"heads": 2, "dropout_rate": 0.25})
    np.testing.assert_array_equal(result["h"], direct.values["output"])
    without = errors_by_path(
        ("h = encoder_layer(x, heads=2, dropout_rate=0.25)",), {"x": X, "kept": kept, **H}
    )
    assert any("no use without a dropout mask" in error.message for error in without.values())


def test_a_mask_of_the_sequence_of_patches() -> None:
    weights = {
        "patch_embedding.kernel": RNG.standard_normal((4, 1, 1, 1)),
        **{f"encoder.layer[0].{name}": weight for name, weight in LAYER.items()},
        "head.w": RNG.standard_normal((4, 2)),
    }
    settings: dict[str, Any] = {"heads": 2, "position_kind": "none", "pool": "mean", "dropout_rate": 0.25}
    image, kept = RNG.standard_normal((1, 3, 1)), np.array([[True], [False], [True]])
    arguments = ", ".join(f"{name}={setting!r}" for name, setting in settings.items())
    line = f"v = vision_transformer(x, embedding_dropout_mask=kept, {arguments})"
    parts = {f"v.{name}": weight for name, weight in weights.items()}
    result = run((line,), {"x": image, "kept": kept, **parts})[1].values
    direct = answer("vision_transformer", {"x": image, "embedding_dropout_mask": kept, **weights}, settings)
    np.testing.assert_array_equal(result["v.dropped_sequence"], direct.values["dropped_sequence"])
    np.testing.assert_array_equal(result["v"], direct.values["logits"])


def test_masks_of_parts() -> None:
    lines = ("h = encoder_layer(x, heads=2, dropout_rate=0.5)",)
    _, result = run(lines, {"x": X, **H, "h.feed_forward.dropout_mask": MASK})
    np.testing.assert_array_equal(
        result.values["h.feed_forward.dropped_hidden"],
        result.values["h.feed_forward.hidden"] * MASK * 2,
    )
    for wrong in (np.full((1, 6), 0.5), np.full((1, 6), np.nan), np.full((1, 6), np.inf), MASK[:, :2]):
        assert list(errors_by_path(lines, {"x": X, **H, "h.feed_forward.dropout_mask": wrong})) == [
            ("inputs", "h.feed_forward.dropout_mask")
        ]


@pytest.mark.parametrize(
    ("changes", "pointer", "expected"),
    [
        ({"h.attention.w_q": None}, "h.attention.w_q", "a tensor (d, heads*d_k)"),
        ({"h.attention.w_q": np.ones((1, 1))}, "h.attention.w_q", "d = 4 from axis 1"),
        ({"h.feed_forward.w_1": np.ones((5, 6))}, "h.feed_forward.w_1", "d = 4 from axis 1"),
        ({"h.attention.w_q": np.ones((4, 4), dtype=bool)}, "h.attention.w_q", "numbers"),
        ({"h.attention.w_z": np.ones(1)}, "h.attention.w_z", "h.attention.w_q"),
        ({"h.nothing.w_q": np.ones(1)}, "h.nothing.w_q", "h.attention_norm"),
        ({"h.attention[0].w_q": np.ones(1)}, "h.attention[0].w_q", "h.attention_norm"),
        ({"h.x": np.ones(1)}, "h.x", "h.attention_norm"),
        ({"h.": np.ones(1)}, "h.", "x, y"),
        ({"q.attention.w_q": np.ones(1)}, "q.attention.w_q", "x, y"),
        ({"L.attention.w_q": np.ones(1)}, "L.attention.w_q", "x, y"),
        ({"h.feed_forward.w_gate": np.ones((4, 6))}, "h.feed_forward.w_gate", "gated"),
        ({"h.attention.weights": np.ones((3, 3))}, "h.attention.weights", "h.attention.w_q"),
    ],
)
def test_errors_point_to_the_inputs(changes: dict[str, Any], pointer: str, expected: str) -> None:
    sent = {name: tensor for name, tensor in {**INPUTS, **changes}.items() if tensor is not None}
    result = errors_by_path(LINES, sent)
    assert list(result) == [("inputs", pointer)]
    assert expected in result["inputs", pointer].expected


def test_all_missing_inputs_are_named() -> None:
    result = errors_by_path(
        LINES, {"x": X, "y": Y, **{name: weight for name, weight in H.items() if "attention." not in name}}
    )
    assert list(result) == [("inputs", f"h.attention.w_{name}") for name in "qkvo"]


def test_errors_point_to_given_values() -> None:
    rest = {name: tensor for name, tensor in INPUTS.items() if name != "h.attention.w_q"}
    assert list(errors_by_path(LINES, rest, given={"h.attention.w_q": np.ones((1, 1))})) == [
        ("given", "h.attention.w_q")
    ]
    assert list(errors_by_path(LINES, INPUTS, given={"h.attention.w_z": X})) == [("given", "h.attention.w_z")]
    assert list(errors_by_path(LINES, INPUTS, given={"h.attention.weights": X})) == [
        ("given", "h.attention.weights")
    ]


@pytest.mark.parametrize(
    "line",
    ["h = sum(encoder_layer(x))", "h = encoder_layer(x) + 1", "h = encoder_layer(encoder_layer(x))",
     "h = -encoder_layer(x)", "h = encoder_layer(x)[0]"],
)  # fmt: skip
def test_calls_inside_others_are_refused(line: str) -> None:
    [error] = errors_by_path((line,), {"x": X, **H}).values()
    assert error.path == ("program", 0)
    assert "encoder_layer has submodules" in error.message
    assert error.expected == "a line of its own, as in h = encoder_layer(x)"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("e = encoder(x, layers=1000000000)", "too many layers"),
        ("e = encoder(x, layers='L')", "layers does not fit"),
        ("e = encoder(x)", "the number of layers"),
        ("e = encoder(x, layer=x)", "no argument of this name"),
        ("e = encoder(x, state_dict=x)", "no argument of this name"),
        ("e = encoder(x, heads=2, norm='nothing')", "norm does not fit"),
    ],
)
def test_settings_of_lines(line: str, message: str) -> None:
    [error] = errors_by_path((line,), {"x": X}).values()
    assert error.path == ("program", 0)
    assert message in error.message


@pytest.mark.parametrize("place", ["00", "-1", "9" * 5000, "\u00b2", "10000"])
def test_places_in_lists(place: str) -> None:
    stack = {f"e.layer[0].{name}": weight for name, weight in LAYER.items()}
    name = f"e.layer[{place}].attention.w_q"
    [error] = errors_by_path(("e = encoder(x, heads=2)",), {"x": X, **stack, name: X}).values()
    assert error.path == ("inputs", name)
    assert error.expected == "one of: e.layer[0], e.final_norm"


def test_more_layers_than_are_built() -> None:
    stack = {f"e.layer[{at}].{name}": weight for name, weight in LAYER.items() for at in range(2)}
    result = errors_by_path(("e = encoder(x, heads=2, layers=1)",), {"x": X, **stack})
    assert list(result) == [("inputs", f"e.layer[1].{next(iter(LAYER))}")]


def test_weights_of_an_unknown_line_are_not_used() -> None:
    prepared, result = run(("h = encoder_layer(q, heads=2)", "z = y * 2"), {"y": Y, **H}, given={"z": Y})
    assert "h" in prepared.unknown
    assert list(result.values) == []
