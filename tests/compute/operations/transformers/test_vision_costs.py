"""Vision transformers from shapes alone: published counts, letters; and questions that do not fit."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial, Shape
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.question.plan import describe_cost
from compute.readings.cost import TotalCost
from tests.compute.asking import answer
from tests.compute.operations.transformers.vision_questions import OPERATION, asked
from tests.oracles.vision import TIMM, TORCHVISION, Vision, vision

IMAGE = {"x": (3, 224, 224)}
BASE = {"patch": 16, "d_model": 768, "layers": 12, "heads": 12, "d_ff": 3072, "classes": 1000}
LARGE = {"patch": 16, "d_model": 1024, "layers": 24, "heads": 16, "d_ff": 4096, "classes": 1000}
HUGE = {"patch": 14, "d_model": 1280, "layers": 32, "heads": 16, "d_ff": 5120, "classes": 1000}


def count(settings: dict[str, Any], **shapes: Shape) -> TotalCost:
    tensors = {name.replace("__", "."): Tensor(shape) for name, shape in (IMAGE | shapes).items()}
    return describe_cost(OPERATION, tensors, settings)[0]


# torchvision's documentation of its weights: num_params and _ops, in 10^9 multiply-adds
@pytest.mark.parametrize(
    ("settings", "parameters", "billions"),
    [
        (BASE, 86_567_656, 17.56),
        (BASE | {"patch": 32}, 88_224_232, 4.41),
        (LARGE, 304_326_632, 61.55),
        (LARGE | {"patch": 32}, 306_535_400, 15.38),
        (HUGE, 632_045_800, 167.29),
    ],
    ids=["b_16", "b_32", "l_16", "l_32", "h_14"],
)
def test_published_counts(settings: dict[str, Any], parameters: int, billions: float) -> None:
    found = count(settings)
    assert found.parameters == parameters
    assert isinstance(found.multiply_adds, int)
    assert found.multiply_adds / 1e9 == pytest.approx(billions, abs=0.015)


def test_base_by_its_parts() -> None:
    parts = {one.name: one for one in count(BASE).parts}
    width, tokens = 768, 197
    assert parts["patch_embedding"].parameters == 768 * 768 + 768
    attention = parts["encoder.layer[*].attention"]
    assert attention.times == 12
    assert attention.parameters == 12 * 4 * (width * width + width)
    assert attention.multiply_adds == 12 * (4 * tokens * width**2 + 2 * tokens**2 * width)
    assert attention.comparisons == 12 * 12 * tokens**2
    units = parts["encoder.layer[*].feed_forward"]
    assert units.parameters == 12 * (2 * width * 3072 + 3072 + width)
    assert units.multiply_adds == 12 * 2 * tokens * width * 3072
    assert parts["encoder.final_norm"].parameters == 2 * width
    assert parts["head"].parameters == 769_000
    own = width + tokens * width
    tops = [one.parameters for name, one in parts.items() if "." not in name]
    assert sum(one for one in tops if isinstance(one, int)) + own == 86_567_656


@pytest.mark.parametrize(("naming", "seed"), [(TORCHVISION, 0), (TORCHVISION, 3), (TIMM, 1), (TIMM, 4)])
def test_shapes_that_are_said_and_weights_that_are_sent_cost_the_same(naming: str, seed: int) -> None:
    posed = vision(naming, seed)
    sent = {name: Tensor(one.shape) for name, one in asked(posed).items()}
    by_weights = describe_cost(OPERATION, sent, posed.attributes)[0]
    held = sum(one.size for one in posed.state.values())
    assert by_weights.parameters == held
    said = said_of(posed) | posed.attributes
    names = {"x", *(("class_token",) if posed.pool == "avg" and "cls_token" in posed.state else ())}
    names |= {name for name in sent if name.startswith(("pre_logits", "pooled_norm"))}
    by_sizes = describe_cost(OPERATION, {name: sent[name] for name in names}, said)[0]
    assert by_sizes.parameters == held
    assert by_sizes.multiply_adds == by_weights.multiply_adds


def said_of(posed: Vision) -> dict[str, Any]:
    """The sizes of a model as settings."""
    timm = posed.naming == TIMM
    kernel = posed.state["patch_embed.proj.weight" if timm else "conv_proj.weight"]
    units = posed.state["blocks.0.mlp.fc1.bias" if timm else "encoder.layers.encoder_layer_0.mlp.0.bias"]
    layers = sum(name.endswith(("norm1.weight", "ln_1.weight")) for name in posed.state)
    return {
        "patch": (int(kernel.shape[2]), int(kernel.shape[3])),
        "d_model": len(kernel),
        "d_ff": len(units),
        "layers": layers,
        "classes": posed.upstream.shape[1],
    }


def test_a_mean_with_a_norm_of_its_own_has_no_other() -> None:
    mean = BASE | {"pool": "mean"}
    plain = count(mean)
    own = count(mean, pooled_norm__gain=(768,))
    assert plain.parameters == own.parameters == 86_567_656 - 2 * 768  # no class token, nor its position
    names = {one.name for one in own.parts}
    assert "pooled_norm" in names
    assert "encoder.final_norm" not in names


def test_in_letters() -> None:
    sizes = {name: Polynomial.symbol(name) for name in ("C", "H", "W", "P", "D", "L", "h", "F", "K")}
    settings = {
        "patch": sizes["P"], "d_model": sizes["D"], "layers": sizes["L"], "heads": sizes["h"],
        "d_ff": sizes["F"], "classes": sizes["K"],
    }  # fmt: skip
    found = count(settings, x=(sizes["C"], sizes["H"], sizes["W"]))
    text = "C*D*P**2 + D*H*W/P**2 + K + 4*D**2*L + 2*D*F*L + D*K + 9*D*L + 5*D + F*L"
    assert sorted(str(found.parameters).split(" + ")) == sorted(text.split(" + "))
    one = {"C": 3, "H": 224, "W": 224, "P": 16, "D": 768, "L": 12, "h": 12, "F": 3072, "K": 1000}
    worth = eval(str(found.multiply_adds), {}, one)
    assert worth == count(BASE).multiply_adds


@pytest.mark.parametrize("kind", ["sinusoidal_1d", "sinusoidal_2d", "none"])
def test_positions_that_are_not_learned_have_no_parameters(kind: str) -> None:
    assert count(BASE | {"position_kind": kind}).parameters == 86_567_656 - 197 * 768


def refused(settings: dict[str, Any], **changes: Any) -> Any:
    """Return the only error of a question with some inputs replaced; None leaves one out."""
    posed = vision(TORCHVISION, 0)
    inputs = {**asked(posed), **{name.replace("__", "."): one for name, one in changes.items()}}
    sent = {name: one for name, one in inputs.items() if one is not None}
    with pytest.raises(QuestionErrors) as caught:
        answer(OPERATION, sent, {**posed.attributes, **settings})
    return caught.value.errors[0]


def test_positions_of_another_number() -> None:
    count = asked(vision(TORCHVISION, 0))["position_embedding"].shape[0]
    error = refused({}, position_embedding=np.ones((count - 1, 2)))
    assert error.path == ("position_embedding",)
    assert f"{count - 1} patches" in error.message
    assert "after the row of the class token" in error.expected
    assert error.received == f"{count - 1} rows"
    without = refused({"pool": "mean"}, class_token=None)
    assert f"{count - 1} patches" in without.message
    assert "class token" not in without.expected


@pytest.mark.parametrize(
    ("settings", "changes", "field", "words"),
    [
        ({}, {"class_token": None}, "class_token", "required"),
        ({}, {"position_embedding": None}, "position_embedding", "required"),
        ({}, {"patch_embedding__kernel": None}, "patch_embedding.kernel", "required"),
        ({}, {"head__w": None}, "head.w", "required"),
        ({"position_kind": "none"}, {}, "position_embedding", "no use"),
        ({"position_kind": "sinusoidal_1d"}, {}, "position_embedding", "no use"),
        ({"patch": 7}, {}, "patch_embedding.kernel", "p is 3 here and 7"),
        ({"d_model": 3}, {}, "class_token", "d_model is 2 here and 3"),
        ({"classes": 9}, {}, "head.w", "d_out is 4 here and 9"),
        ({"classes": 0}, {}, "head.w", "no use"),
        ({"heads": 3}, {}, "encoder.layer[0].attention.w_q", ""),
        ({}, {"x": np.ones((2, 3, 5, 5))}, "x", "cannot be cut into patches of 3 x 2"),
        ({}, {"embedding_dropout_mask": np.ones(2)}, "dropout_rate", "required"),
        ({"dropout_rate": 0.5}, {"embedding_dropout_mask": np.ones(3)}, "embedding_dropout_mask", "fit"),
        ({"has_final_norm": False}, {}, "encoder.final_norm.gain", "no use"),
    ],
)
def test_what_does_not_fit(settings: dict[str, Any], changes: dict[str, Any], field: str, words: str) -> None:
    error = refused(settings, **changes)
    assert (str(error.path[0]), words in error.message) == (field, True)
    assert error.expected
    assert error.received


def test_halves_of_an_odd_width() -> None:
    odd = BASE | {"d_model": 9, "heads": 1, "position_kind": "sinusoidal_2d"}
    with pytest.raises(QuestionErrors, match="half of the columns"):
        count(odd)


def test_a_grid_that_nothing_says() -> None:
    posed = vision(TORCHVISION, 0)
    inputs = {name: one for name, one in asked(posed).items() if name not in ("x", "position_embedding")}
    tokens = answer(OPERATION, asked(posed), posed.attributes).values["tokens"]
    settings = {**posed.attributes, "position_kind": "sinusoidal_2d"}
    with pytest.raises(QuestionErrors, match="numbers of rows and columns"):
        answer(OPERATION, inputs, settings, given={"tokens": tokens})


def test_it_is_in_the_catalogue() -> None:
    assert {"patch_embedding", "vision_transformer"} <= set(CATALOGUE)
