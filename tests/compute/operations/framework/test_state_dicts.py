"""State dicts: PyTorch's names at every depth, and tensors that are split and transposed."""

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import find_pieces, has_state_dict

RNG = np.random.default_rng(806)


def names(operation: str, source: str, *shape: int) -> list[str]:
    return [one.name for one in find_pieces(CATALOGUE[operation], {source: shape})]


def faults(operation: str, **shapes: tuple[int, ...]) -> dict[object, str]:
    sources = {name.replace("__", "."): shape for name, shape in shapes.items()}
    with pytest.raises(QuestionErrors) as caught:
        find_pieces(CATALOGUE[operation], sources)
    assert all(error.path[0] == "state_dict" for error in caught.value.errors)
    return {error.path[1]: error.message for error in caught.value.errors}


@pytest.mark.parametrize(
    ("operation", "source", "shape", "found"),
    [
        ("linear", "weight", (3, 2), ["w"]),
        ("layer_norm", "bias", (3,), ["bias"]),
        ("self_attention", "in_proj_weight", (6, 2), ["w_q", "w_k", "w_v"]),
        ("encoder_layer", "self_attn.in_proj_bias", (6,), [f"attention.b_{one}" for one in "qkv"]),
        ("encoder_layer", "linear1.weight", (3, 2), ["feed_forward.w_1"]),
        ("encoder_layer", "mlp.fc2.bias", (2,), ["feed_forward.b_2"]),
        ("encoder_layer", "norm2.weight", (2,), ["feed_forward_norm.gain"]),
        ("encoder_layer", "ln_1.bias", (2,), ["attention_norm.bias"]),
        ("decoder_layer", "multihead_attn.out_proj.weight", (2, 2), ["cross_attention.w_o"]),
        ("decoder_layer", "norm3.weight", (2,), ["feed_forward_norm.gain"]),
        ("encoder", "layers.0.norm1.weight", (2,), ["layer[0].attention_norm.gain"]),
        ("encoder", "layers.17.linear2.bias", (2,), ["layer[17].feed_forward.b_2"]),
        ("encoder", "blocks.3.attn.proj.bias", (2,), ["layer[3].attention.b_o"]),
        ("encoder", "norm.weight", (2,), ["final_norm.gain"]),
        ("decoder", "layers.1.self_attn.out_proj.bias", (2,), ["layer[1].self_attention.b_o"]),
        ("transformer", "encoder.layers.2.norm1.bias", (2,), ["encoder.layer[2].attention_norm.bias"]),
        ("transformer", "decoder.norm.weight", (2,), ["decoder.final_norm.gain"]),
        ("transformer", "decoder.layers.0.multihead_attn.in_proj_weight", (6, 2),
         [f"decoder.layer[0].cross_attention.w_{one}" for one in "qkv"]),
    ],
)  # fmt: skip
def test_names(operation: str, source: str, shape: tuple[int, ...], found: list[str]) -> None:
    assert names(operation, source, *shape) == found
    for name in found:
        assert CATALOGUE[operation].find_input(name) is not None


def test_every_name_is_of_something_that_is_taken() -> None:
    """Every tensor that a declaration lists as stored is an input of the outer operation."""
    for operation in CATALOGUE.values():
        for stored in operation.stored:
            assert all(name in operation.inputs for name in stored.inputs), operation.name
        for part in operation.parts.values():
            assert not part.is_list or all("{}" in one for one in part.stored), operation.name


def test_tensors_are_cut_and_turned() -> None:
    weight = RNG.standard_normal((6, 5))
    query, key, value = find_pieces(CATALOGUE["self_attention"], {"in_proj_weight": weight.shape})
    for at, piece in enumerate((query, key, value)):
        assert piece.shape(weight.shape) == (5, 2)
        np.testing.assert_array_equal(piece.extract(weight), weight[2 * at : 2 * at + 2].T)
    bias = RNG.standard_normal(6)
    [_, second, _] = find_pieces(CATALOGUE["self_attention"], {"in_proj_bias": bias.shape})
    np.testing.assert_array_equal(second.extract(bias), bias[2:4])
    gain = RNG.standard_normal(4)
    [piece] = find_pieces(CATALOGUE["layer_norm"], {"weight": gain.shape})
    np.testing.assert_array_equal(piece.extract(gain), gain)


def test_shapes_may_be_in_letters() -> None:
    d = Polynomial.symbol("d")
    [query, _, _] = find_pieces(CATALOGUE["self_attention"], {"in_proj_weight": (3 * d, d)})
    assert query.shape((3 * d, d)) == (d, d)


def test_what_does_not_fit() -> None:
    found = faults(
        "encoder_layer",
        self_attn__in_proj_weight=(7, 2),
        self_attn__in_proj_bias=(),
        self_attn__out_proj__weight=(2,),
        linear1__weight=(2, 2, 2),
        nothing=(2,),
        norm1__weight=(5, 5),  # which only the norm can say
    )
    unfit = "the shape does not fit what is kept under this name"
    assert found == {
        "self_attn.in_proj_weight": f"{unfit}: 7 is not a multiple of 3",
        "self_attn.in_proj_bias": f"{unfit}: a single number cannot be cut",
        "self_attn.out_proj.weight": f"{unfit}: it has 1 axes",
        "linear1.weight": f"{unfit}: it has 3 axes",
        "nothing": "there is no tensor of this name",
    }


def test_what_came_is_what_is_said_to_have_come() -> None:
    with pytest.raises(QuestionErrors) as caught:
        find_pieces(CATALOGUE["self_attention"], {"in_proj_weight": (6, 2, 2)})
    assert caught.value.errors[0].received == "shape (6, 2, 2)"


@pytest.mark.parametrize("place", ["00", "-1", "10000", "\u0660", "9" * 5000, "1e3", "", "{}", "*"])
def test_places_are_plain_numbers(place: str) -> None:
    assert list(faults("encoder", **{f"layers__{place}__norm1__weight": (2,)})) == [
        f"layers.{place}.norm1.weight"
    ]


def test_two_tensors_for_one_input() -> None:
    found = faults("encoder_layer", linear1__weight=(3, 2), mlp__0__weight=(3, 2), mlp__fc1__weight=(3, 2))
    assert found == dict.fromkeys(
        ["mlp.0.weight", "mlp.fc1.weight"], "feed_forward.w_1 is in another tensor as well"
    )


def test_many_wrong_names_are_not_all_looked_at() -> None:
    sources = {f"nothing{at}": (1,) for at in range(5_000)}
    with pytest.raises(QuestionErrors) as caught:
        find_pieces(CATALOGUE["encoder"], sources)
    assert len(caught.value.errors) < 30


def test_which_operations_have_stored_names() -> None:
    for name in ("encoder_layer", "encoder", "decoder", "transformer", "linear", "self_attention"):
        assert has_state_dict(CATALOGUE[name])
    for name in ("attention", "softmax", "mse"):
        assert not has_state_dict(CATALOGUE[name])
