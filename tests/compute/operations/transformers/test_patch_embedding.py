"""Patch embeddings against loops and against the equivalent convolution."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.kinds import EXACT
from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import find_pieces
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan
from tests.oracles.vision_reference import patch_tokens

SEEDS = range(30)


def drawn(seed: int) -> dict[str, Any]:
    """An image or a batch of them, a kernel, and perhaps a bias."""
    rng = np.random.default_rng([310, seed])
    window, grid = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
    batch, channels, width = (int(one) for one in rng.integers(1, 4, 3))
    form = seed % 3  # a batch, one image, one without a channel axis
    channels = 1 if form == 2 else channels
    inputs: dict[str, Any] = {
        "x": rng.standard_normal((batch, channels, *(window * grid))),
        "kernel": rng.standard_normal((width, channels, *window)),
    }
    if form:
        inputs["x"] = inputs["x"][0] if form == 1 else inputs["x"][0, 0]
    if rng.random() < 0.7:
        inputs["bias"] = rng.standard_normal(width)
    return inputs


@pytest.mark.parametrize("seed", SEEDS)
def test_patches_and_tokens_are_those_of_loops(seed: int) -> None:
    inputs = drawn(seed)
    x, kernel = inputs["x"], inputs["kernel"]
    batch = x.reshape(-1, kernel.shape[1], *x.shape[-2:])
    down, across = kernel.shape[2:]
    starts = [(i, j) for i in range(0, x.shape[-2], down) for j in range(0, x.shape[-1], across)]
    patches = np.array([[one[:, i : i + down, j : j + across].ravel() for i, j in starts] for one in batch])
    tokens = patch_tokens(batch, kernel, inputs.get("bias", np.zeros(len(kernel))))
    found = answer("patch_embedding", inputs).values
    if x.ndim < 4:
        patches, tokens = patches[0], tokens[0]
    np.testing.assert_array_equal(found["patches"], patches)
    np.testing.assert_allclose(found["output"], tokens, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_a_convolution_forward_and_backward(seed: int) -> None:
    inputs = drawn(seed)
    kernel = inputs["kernel"]
    image = inputs["x"] if inputs["x"].ndim > 2 else inputs["x"][None]
    stride = (int(kernel.shape[2]), int(kernel.shape[3]))
    shape = answer("conv2d", {**inputs, "x": image}, {"stride": stride}).values["output"].shape
    upstream = np.random.default_rng(seed).standard_normal(shape)
    convolved = answer("conv2d", {**inputs, "x": image}, {"stride": stride}, upstream={"output": upstream})

    def in_rows(output: Any) -> Any:
        return output.reshape(*shape[:-2], -1).swapaxes(-1, -2)

    found = answer("patch_embedding", inputs, upstream={"output": in_rows(upstream)})
    np.testing.assert_allclose(
        found.values["output"], in_rows(convolved.values["output"]), rtol=1e-12, atol=1e-13
    )
    for name, one in inputs.items():
        expected = convolved.gradients[name].reshape(one.shape)
        np.testing.assert_allclose(found.gradients[name], expected, rtol=1e-12, atol=1e-12)
    patches = np.swapaxes(convolved.gradients["patches"], -1, -2)
    np.testing.assert_allclose(found.gradients["patches"], patches, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_that_it_is_a_convolution_is_verified(seed: int) -> None:
    found = answer("patch_embedding", drawn(seed), verify=True).parts["evidence"]
    assert found is not None
    [held] = found.invariants
    assert held.value == "output"
    assert "convolution" in held.statement
    assert held.equality.holds


def test_a_token_that_is_none_of_the_convolution_is_found_out() -> None:
    inputs = drawn(1)
    output = answer("patch_embedding", inputs).values["output"]
    output[0, 0] += 1
    found = answer("patch_embedding", inputs, given={"output": output}, verify=True).parts["evidence"]
    assert found is not None
    assert [one.equality.holds for one in found.invariants] == [False]


def test_in_symbols() -> None:
    inputs = {"x": [["a", "b", "c", "d"]], "kernel": [[[["u", "v"]]]], "bias": ["t"]}
    found = answer("patch_embedding", inputs, arithmetic=EXACT, upstream={"output": [[1], ["g"]]})
    assert [[str(one) for one in row] for row in found.values["patches"]] == [["a", "b"], ["c", "d"]]
    assert str(found.values["output"][1, 0]) == "c*u + d*v + t"
    assert [str(one) for one in found.gradients["kernel"].ravel()] == ["a + c*g", "b + d*g"]
    assert [str(one) for one in found.gradients["x"].ravel()] == ["u", "v", "g*u", "g*v"]


def test_patches_that_are_given_need_no_image() -> None:
    inputs = drawn(3)
    computed = answer("patch_embedding", inputs).values
    more = {name: one for name, one in inputs.items() if name != "x"}
    given = {"patches": computed["patches"]}
    found = answer("patch_embedding", more, given=given)
    np.testing.assert_array_equal(found.values["output"], computed["output"])
    assert plan("patch_embedding", more, given=given).unknown == ["x"]


def test_names_of_a_state_dict() -> None:
    found = find_pieces(CATALOGUE["patch_embedding"], {"weight": (4, 3, 2, 2), "bias": (4,)})
    assert [one.name for one in found] == ["kernel", "bias"]


def test_a_line_of_a_program() -> None:
    inputs = drawn(4)
    lines = ("z = patch_embedding(x, kernel)", "s = sum(z)")
    found = answer("graph", {name: inputs[name] for name in ("x", "kernel")}, program=lines).values
    alone = answer("patch_embedding", {name: inputs[name] for name in ("x", "kernel")}).values
    np.testing.assert_array_equal(found["z.patches"], alone["patches"])
    np.testing.assert_array_equal(found["z"], alone["output"])


def test_cost_in_letters() -> None:
    sizes = {name: Polynomial.symbol(name) for name in "BCHWPd"}
    x = Tensor(tuple(sizes[name] for name in "BCHW"))
    kernel = Tensor((sizes["d"], sizes["C"], sizes["P"], sizes["P"]))
    total, steps, _ = describe_cost("patch_embedding", {"x": x, "kernel": kernel}, {})
    assert str(total.multiply_adds) == "B*C*H*W*d"
    assert str(total.parameters) == "C*P**2*d"
    shapes = {step.name: [str(size) for size in step.shape] for step in steps}
    assert shapes == {"patches": ["B", "H*W/P**2", "C*P**2"], "output": ["B", "H*W/P**2", "d"]}


@pytest.mark.parametrize(
    ("shape", "kernel", "field", "words"),
    [
        ((1, 5, 4), (2, 1, 2, 2), "x", "cropped to 4 x 4 or padded to 6 x 4"),
        ((2, 1, 4, 7), (2, 1, 2, 3), "x", "cropped to 4 x 6 or padded to 4 x 9"),
        ((1, 1, 4), (2, 1, 2, 2), "x", "padded to 2 x 4"),
        ((4, 4), (2, 3, 2, 2), "x", "3 channels"),
        ((2, 4, 4), (2, 3, 2, 2), "kernel", "C = 2"),
    ],
)
def test_images_that_patches_do_not_cover(
    shape: tuple[int, ...], kernel: tuple[int, ...], field: str, words: str
) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("patch_embedding", {"x": np.ones(shape), "kernel": np.ones(kernel)})
    [error] = caught.value.errors
    assert error.path == (field,)
    assert words in error.expected


def test_letters_of_which_nothing_can_be_told() -> None:
    n = Polynomial.symbol("n")
    tall = n + 1
    with pytest.raises(QuestionErrors, match="cannot be cut"):
        describe_cost("patch_embedding", {"x": Tensor((1, 4, 4)), "kernel": Tensor((2, 1, tall, 2))}, {})
