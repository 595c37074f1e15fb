"""Vision transformers, forward and backward, against recorded PyTorch cases and a reimplementation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compute.operations import CATALOGUE
from tests import oracles
from tests.compute.asking import answer, plan
from tests.compute.operations.transformers.vision_questions import OPERATION, asked, cut, expected
from tests.oracles.cases import Array
from tests.oracles.recording import sums
from tests.oracles.vision import COUNTS, TIMM, TORCHVISION, Vision, timm_names, vision
from tests.oracles.vision_reference import sinusoidal, sinusoidal_of_grid

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("vision.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
PLACES = [(naming, seed) for naming, count in COUNTS.items() for seed in range(count)]
POSED = [vision(*place) for place in PLACES]
EACH = pytest.mark.parametrize("index", range(len(PLACES)), ids=lambda at: "-".join(map(str, PLACES[at])))


def close(found: Array, reference: Array, scale: float = 1.0) -> None:
    assert found.shape == reference.shape
    assert np.abs(found - reference).max() <= 1e-11 * max(scale, np.abs(reference).max())


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = sums([{**one.state, "x": one.images} for one in POSED])
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(POSED) == len(ENDS) >= 40
    assert {"cls_token" in one.state for one in POSED if one.pool == "avg"} == {True, False}
    assert any("fc_norm.weight" in one.state for one in POSED)
    assert any("heads.pre_logits.weight" in one.state for one in POSED)


@EACH
def test_output_and_all_gradients(index: int) -> None:
    posed = POSED[index]
    row = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
    scale = float(np.abs(row).max())
    found = answer(OPERATION, asked(posed), posed.attributes, upstream={"output": posed.upstream})
    parts = np.split(row, np.cumsum([posed.upstream.size, posed.images.size]))
    logits, images, of_state = parts
    close(found.values["logits"], logits.reshape(posed.upstream.shape))
    close(found.gradients["x"], images.reshape(posed.images.shape), scale)
    ends = np.cumsum([one.size for one in posed.state.values()])
    assert ends[-1] == of_state.size
    gradients = {
        name: of_state[end - one.size : end].reshape(one.shape)
        for (name, one), end in zip(posed.state.items(), ends, strict=True)
    }
    for name, one in cut(gradients).items():
        close(found.gradients[name], one, scale)


@EACH
def test_the_reimplementation_agrees_with_the_recording(index: int) -> None:
    posed = POSED[index]
    logits = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] :][: posed.upstream.size]
    close(expected(posed), logits.reshape(posed.upstream.shape))


@pytest.mark.parametrize("index", [0, 3, 6, 21, 24, 27])
def test_gradients_are_differences_of_the_reimplementation(index: int) -> None:
    posed, rng = POSED[index], np.random.default_rng(index)
    found = answer(OPERATION, asked(posed), posed.attributes, upstream={"output": posed.upstream}).gradients
    step = 1e-6
    for name in ("x", *posed.state):
        one = posed.images if name == "x" else posed.state[name]
        direction = rng.standard_normal(one.shape)

        def total(sign: float, name: str = name, moved: Array = direction) -> float:
            if name == "x":
                there = replace(posed, images=posed.images + sign * step * moved)
            else:
                there = replace(posed, state={**posed.state, name: posed.state[name] + sign * step * moved})
            return float((expected(there) * posed.upstream).sum())

        slope = (total(1) - total(-1)) / (2 * step)
        along = {"x": direction} if name == "x" else cut({name: direction})
        ours = sum(float((found[part] * moved).sum()) for part, moved in along.items())
        assert ours == pytest.approx(slope, rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("seed", range(COUNTS[TORCHVISION]))
def test_both_namings_say_the_same(seed: int) -> None:
    posed = vision(TORCHVISION, seed)
    if "heads.pre_logits.weight" in posed.state:
        kept = {name: one for name, one in posed.state.items() if "pre_logits" not in name}
        width = posed.state["class_token"].shape[-1]
        kept["heads.head.weight"] = np.resize(kept["heads.head.weight"], (len(posed.upstream[0]), width))
        posed = replace(posed, state=kept)
    other = replace(posed, naming=TIMM, state=timm_names(posed))
    assert not set(other.state) & set(posed.state)
    first, second = (answer(OPERATION, asked(one), one.attributes).values for one in (posed, other))
    assert first.keys() == second.keys()
    for name, one in first.items():
        np.testing.assert_array_equal(second[name], one)
    close(expected(other), first["logits"])


def timm(pool: str, *, has_class: bool = True) -> Vision:
    """A question in timm's names with several patches down and across, and an even width."""
    for seed in range(1000):
        posed = vision(TIMM, seed)
        grid = [a // b for a, b in zip(posed.images.shape[2:], _window(posed), strict=True)]
        if (
            posed.pool == pool
            and ("cls_token" in posed.state) == has_class
            and min(grid) > 1
            and grid[0] != grid[1]
        ):
            return posed
    raise AssertionError("no such case")


def _window(posed: Vision) -> tuple[int, ...]:
    return posed.state["patch_embed.proj.weight"].shape[2:]


@pytest.mark.parametrize(("pool", "has_class"), [("token", True), ("avg", True), ("avg", False)])
@pytest.mark.parametrize("kind", ["sinusoidal_1d", "sinusoidal_2d", "none"])
def test_positions_that_are_not_learned(kind: str, pool: str, has_class: bool) -> None:
    posed = timm(pool, has_class=has_class)
    _, count, width = posed.state["pos_embed"].shape
    rows, columns = (a // b for a, b in zip(posed.images.shape[2:], _window(posed), strict=True))
    if kind == "sinusoidal_1d":
        added = sinusoidal(count, width)
    elif kind == "sinusoidal_2d":
        added = sinusoidal_of_grid(rows, columns, width)[1 - has_class :]
    else:
        added = np.zeros((count, width))
    inputs = {name: one for name, one in asked(posed).items() if name != "position_embedding"}
    prepared = plan(OPERATION, inputs, {**posed.attributes, "position_kind": kind})
    found = answer(OPERATION, inputs, {**posed.attributes, "position_kind": kind}).values
    if kind == "none":
        assert "position_rows" not in found
    else:
        close(found["position_rows"], added)
        assert ("position 0" in prepared.conventions["position_of"]) == (
            kind == "sinusoidal_1d" and has_class
        )
    close(found["sequence"], found["tokens"] + added)
    there = replace(posed, state={**posed.state, "pos_embed": added[None]})
    close(found["logits"], expected(there))


def test_the_mean_leaves_the_class_token_out() -> None:
    posed = timm("avg")
    found = answer(OPERATION, asked(posed), posed.attributes).values
    close(found["pooled"], found["encoder.output"][:, 1:].mean(axis=1))
    prepared = plan(OPERATION, asked(posed), posed.attributes)
    assert prepared.conventions["mean_over"] == "the patches, and not the class token"
    assert "after the class token" in prepared.conventions["position_of"]
    assert prepared.conventions["patches"].startswith("row by row")
    [formula] = [step.formula for step in prepared.steps if step.name == "pooled"]
    assert formula.startswith(r"y_{\text{pool}} = \operatorname{mean}_{\text{columns}}")


@pytest.mark.parametrize("index", [1, 22])
def test_one_image_is_one_of_a_batch(index: int) -> None:
    posed = POSED[index]
    batch = answer(OPERATION, asked(posed), posed.attributes).values
    single = answer(OPERATION, {**asked(posed), "x": posed.images[0]}, posed.attributes).values
    assert single.keys() == batch.keys()
    for name in set(batch) - {"position_rows"}:
        np.testing.assert_allclose(single[name], batch[name][0], rtol=1e-11, atol=1e-12)


def test_a_grey_image_needs_no_channel_axis() -> None:
    posed = next(one for one in POSED if one.images.shape[1] == 1)
    inputs = asked(posed)
    with_axis = answer(OPERATION, {**inputs, "x": posed.images[0]}, posed.attributes).values["logits"]
    without = answer(OPERATION, {**inputs, "x": posed.images[0, 0]}, posed.attributes).values["logits"]
    np.testing.assert_array_equal(with_axis, without)


@pytest.mark.parametrize("index", [0, 2, 23, 26])
def test_values_in_the_middle_can_be_given(index: int) -> None:
    posed = POSED[index]
    inputs = asked(posed)
    computed = answer(OPERATION, inputs, posed.attributes).values
    for name in (
        "patch_embedding.output",
        "tokens",
        "sequence",
        "encoder.layer[0].attention.weights",
        "pooled",
    ):
        if name not in computed:  # without a class token tokens are what the embedding gives
            continue
        found = answer(OPERATION, inputs, posed.attributes, given={name: computed[name]}).values
        close(found["logits"], computed["logits"])
    without = {name: one for name, one in inputs.items() if name != "x"}
    for name in ("tokens", "sequence"):
        found = answer(
            OPERATION, without, posed.attributes, given={name: computed[name]}, select=["probabilities"]
        ).values
        close(found["probabilities"], computed["probabilities"])


def test_entries_that_are_dropped() -> None:
    posed = POSED[0]
    inputs = asked(posed)
    shape = answer(OPERATION, inputs, posed.attributes).values["sequence"].shape
    mask = np.random.default_rng(3).random(shape) < 0.5
    settings = {**posed.attributes, "dropout_rate": 0.25}
    found = answer(OPERATION, {**inputs, "embedding_dropout_mask": mask}, settings).values
    close(found["dropped_sequence"], found["sequence"] * mask / 0.75)
    np.testing.assert_array_equal(found["encoder.layer[0].attention_branch"], found["dropped_sequence"])
    name = "encoder.layer[0].feed_forward_dropout_mask"
    inner = answer(OPERATION, {**inputs, name: mask}, settings).values
    block = inner["encoder.layer[0].feed_forward.output"]
    close(inner["encoder.layer[0].dropped_feed_forward"], block * mask / 0.75)


def test_attention_maps_alone() -> None:
    posed = POSED[0]
    prepared = plan(OPERATION, asked(posed), posed.attributes)
    select = ["*.attention.weights", "probabilities"]
    found = answer(OPERATION, asked(posed), posed.attributes, select=select).values
    layers = prepared.conventions["layers"]
    assert set(found) == {f"encoder.layer[{at}].attention.weights" for at in range(layers)} | {
        "probabilities"
    }
    for one in found.values():
        np.testing.assert_allclose(one.sum(axis=-1), 1, rtol=1e-12)


def test_without_a_head_the_output_is_the_representation() -> None:
    posed = POSED[0]
    inputs = {name: one for name, one in asked(posed).items() if name[:4] not in ("head", "pre_")}
    found = answer(OPERATION, inputs, {**posed.attributes, "classes": 0}, select=["output", "pooled"]).values
    np.testing.assert_array_equal(found["output"], found["pooled"])
    assert "probabilities" not in plan(OPERATION, inputs, {**posed.attributes, "classes": 0}).graph.names


def test_a_line_of_a_program() -> None:
    posed = timm("token")
    inputs = {name: one for name, one in asked(posed).items() if name != "position_embedding"}
    within = {
        "image" if name == "x" else name if name == "class_token" else f"z.{name}": one
        for name, one in inputs.items()
    }
    line = f'z = vision_transformer(image, class_token, heads={posed.heads}, position_kind="sinusoidal_2d")'
    found = answer("graph", within, program=(line,)).values
    alone = answer(OPERATION, inputs, {**posed.attributes, "position_kind": "sinusoidal_2d"}).values
    np.testing.assert_array_equal(found["z"], alone["logits"])


def test_what_it_is_made_of() -> None:
    operation = CATALOGUE[OPERATION]
    assert list(operation.parts) == ["patch_embedding", "encoder", "pooled_norm", "pre_logits", "head"]
    assert operation.find_input("encoder.layer[11].attention.w_q") is not None
    assert operation.find_input("encoder.mask") is None
    defaults: dict[str, Any] = {name: one.default for name, one in operation.attributes.items()}
    assert (defaults["norm_placement"], defaults["activation"], defaults["epsilon"]) == ("pre", "gelu", 1e-6)
