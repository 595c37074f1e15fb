"""An encoder layer: required inputs and refusals."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import plan
from tests.compute.operations.drawn_layers import encoding, refused
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings

RNG = np.random.default_rng(84)
X = RNG.standard_normal((3, 4))
SENT = {"x": X, **encoding(RNG, 4, 3, Settings(heads=2), biases=True)}


def without(*names: str) -> dict[str, Array]:
    return {name: one for name, one in SENT.items() if name not in names}


BIASES = [name for name in SENT if name.rpartition(".")[2].startswith("b")]
UNBIASED = without(*BIASES)


def test_what_is_missing_is_named_in_full() -> None:
    assert len(BIASES) == 8
    sent = without("attention.w_q", "attention.w_o")
    faults = refused("encoder_layer", sent, {"heads": 2})
    assert [path for path, *_ in faults] == [("attention.w_q",), ("attention.w_o",)]
    assert faults[0][1] == "attention.w_q is required, unless values that take its place are given"
    assert faults[0][2] == "a tensor (d, heads*d_k)"
    for name in ("feed_forward.w_2", "feed_forward.w_1", "attention.w_v"):
        [(path, message, *_)] = refused("encoder_layer", without(name), {"heads": 2})
        assert path == (name,) and name in message
    faults = refused("encoder_layer", {"x": X}, {"heads": 2})
    names = [*(f"attention.w_{one}" for one in "qkvo"), "feed_forward.w_1", "feed_forward.w_2"]
    assert [path for path, *_ in faults] == [(name,) for name in names]
    assert [path for path, *_ in refused("encoder_layer", {}, {"heads": 2})] == [
        ("x",),
        *((n,) for n in names),
    ]


def test_biases_are_all_or_none_where_that_is_said() -> None:
    for sent in (SENT, UNBIASED, without("attention.b_k", "attention_norm.bias")):
        assert plan("encoder_layer", sent, {"heads": 2}).unknown == []
    assert plan("encoder_layer", SENT, {"heads": 2, "bias": True}).unknown == []
    assert plan("encoder_layer", UNBIASED, {"heads": 2, "bias": False}).unknown == []
    for name in BIASES:
        [(path, message, *_)] = refused("encoder_layer", without(name), {"heads": 2, "bias": True})
        assert path == (name,) and f"{name} is required" in message
        sent = UNBIASED | {name: SENT[name]}
        [(path, message, *_)] = refused("encoder_layer", sent, {"heads": 2, "bias": False})
        assert path == (name,) and message == f"{name} has no use here: biases are off"


@pytest.mark.parametrize(
    ("more", "attributes", "field", "words"),
    [
        ({"attention.w_q": np.ones((3, 4))}, {}, "attention.w_q", "d is 3 here and 4 elsewhere"),
        ({"attention.w_o": np.ones((6, 3))}, {}, "attention.w_o", "d_o is 3 here and 4 elsewhere"),
        ({"attention_norm.gain": np.ones(3)}, {}, "attention_norm.gain", "attention_norm.gain does not fit"),
        ({"feed_forward.w_2": np.ones((2, 4))}, {}, "feed_forward.w_2", "d_ff is 2 here and 3 elsewhere"),
        ({"feed_forward.b_1": np.ones(4)}, {}, "feed_forward.b_1", "d_ff is 4 here and 3 elsewhere"),
        ({"feed_forward.b_2": np.ones(2)}, {}, "feed_forward.b_2", "d_o is 2 here and 4 elsewhere"),
        ({"feed_forward_norm.bias": np.ones(2)}, {}, "feed_forward_norm.bias",
         "feed_forward_norm.bias does not fit the normalized axes"),
        ({"feed_forward.w_gate": np.ones((4, 3))}, {}, "feed_forward.w_gate",
         "feed_forward.w_gate has no use without gated"),
        ({}, {"gated": True}, "feed_forward.w_gate", "feed_forward.w_gate is required"),
        ({"key_padding_mask": np.zeros(4, bool)}, {}, "key_padding_mask", "n is 4 here and 3 elsewhere"),
        ({"mask": np.ones((4, 4), bool)}, {}, "mask", "does not fit the scores"),
        ({"positions": np.arange(3.0)}, {}, "positions", "no use without rotary"),
        ({"attention_dropout_mask": np.ones((3, 4), bool)}, {}, "dropout_rate", "required"),
        ({"feed_forward_dropout_mask": np.ones((3, 4), bool)}, {}, "dropout_rate", "required"),
        ({"attention.dropout_mask": np.ones((3, 3), bool)}, {}, "dropout_rate", "required"),
        ({"feed_forward.dropout_mask": np.ones((3, 3), bool)}, {}, "dropout_rate", "required"),
        ({}, {"dropout_rate": 0.5}, "dropout_rate", "no use without a dropout mask"),
        ({"attention_dropout_mask": np.ones((3, 3), bool)}, {"dropout_rate": 0.5},
         "attention_dropout_mask", "does not fit the entries it drops"),
        ({"feed_forward.dropout_mask": np.ones((2, 3), bool)}, {"dropout_rate": 0.5},
         "feed_forward.dropout_mask", "does not fit the entries it drops"),
        ({"attention.dropout_mask": np.ones((3, 3, 3), bool)}, {"dropout_rate": 0.5},
         "attention.dropout_mask", "does not fit"),
        ({"attention.x": X}, {}, "attention.x", "no input of this name"),
        ({"cross_attention.w_q": X}, {}, "cross_attention.w_q", "no input of this name"),
        ({"attention[0].w_q": X}, {}, "attention[0].w_q", "no input of this name"),
        ({"attention.w_z": X}, {}, "attention.w_z", "no input of this name"),
    ],
)  # fmt: skip
def test_refused(more: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    [(path, message, *_)] = refused("encoder_layer", SENT | more, {"heads": 2} | attributes)
    assert path == (field,)
    assert words in message


def test_a_wrong_shape_is_told_in_full_with_sizes() -> None:
    [(_, message, expected, received)] = refused(
        "encoder_layer", SENT | {"attention.w_o": np.ones((6, 3))}, {"heads": 2}
    )
    assert message == "the shape of attention.w_o does not fit: d_o is 3 here and 4 elsewhere"
    assert expected == (
        "shape (heads*d_v, d_o) or (heads, d_v, d_o), where d_o = 4 from the tokens that it is added to,"
        " heads = 2 from the attribute heads"
    )
    assert received == "shape (6, 3)"


def test_of_shapes_alone_heads_share_the_width_evenly() -> None:
    total, *_ = describe_cost("encoder_layer", {"x": Tensor((3, 8))}, {"heads": 2, "d_ff": 5})
    assert total.parameters == 4 * (8 * 8 + 8) + 2 * 8 * 5 + 5 + 8 + 4 * 8
    n, d, units = (Polynomial.symbol(one) for one in ("n", "d", "u"))
    total, *_ = describe_cost("encoder_layer", {"x": Tensor((n, d))}, {"d_ff": units, "bias": False})
    assert total.parameters == 4 * d * d + 2 * d * units + 2 * d
    with pytest.raises(QuestionErrors) as caught:
        describe_cost("encoder_layer", {"x": Tensor((3, 8))}, {"heads": 3, "d_ff": 5})
    [error] = caught.value.errors
    assert error.path == ("heads",)
    assert error.message == "tokens of width 8 cannot be shared evenly by 3 heads"
