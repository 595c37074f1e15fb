"""Zeros of Jacobians that hold for all numbers, and zeros of these numbers alone."""

from typing import Any

import numpy as np
import pytest

from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.readings.jacobians import Jacobian
from compute.readings.sparsity import find_blocks, find_zero_slices, reach
from tests.compute.asking import answer, plan

Array = Any
RNG = np.random.default_rng(82)
T, F = True, False


def drawn(*shape: int) -> Array:
    return RNG.standard_normal(shape)


def weights(*names: str, size: int = 3) -> dict[str, Array]:
    return {name: drawn(size, size) for name in names}


ATTENTION = weights("w_q", "w_k", "w_v")
PADDED = np.array([[T, T, F, T]])
# Which numbers are structure: these, and not those that are drawn again.
FIXED = ("mask", "lengths", "indices", "target", "key_padding_mask", "tokens")
QUESTIONS: dict[str, tuple[str, dict[str, Array], dict[str, Any], tuple[str, str]]] = {
    "relu": ("activation", {"x": drawn(3, 2)}, {"function": "relu"}, ("output", "x")),
    "linear": ("linear", {"x": drawn(3, 4), "w": drawn(4, 2)}, {}, ("output", "x")),
    "linear-weights": ("linear", {"x": drawn(3, 4), "w": drawn(4, 2)}, {}, ("output", "w")),
    "max_pool": ("max_pool1d", {"x": drawn(7)}, {"size": 3, "stride": 2}, ("output", "x")),
    "max_pool-padded": ("max_pool2d", {"x": drawn(4, 4)}, {"size": 2, "padding": 1}, ("output", "x")),
    "max_pool-rows": ("max_pool1d", {"x": drawn(2, 5)}, {"size": 2}, ("output", "x")),
    "max_pool-channels": ("max_pool2d", {"x": drawn(2, 2, 4, 4)}, {"size": 2}, ("output", "x")),
    "max_pool-shared": ("max_pool1d", {"x": drawn(2, 5)}, {"size": 2, "ties": "split"}, ("output", "x")),
    "lp_pool": ("lp_pool1d", {"x": drawn(2, 7)}, {"size": 3, "padding": 1}, ("output", "x")),
    "average_pool": ("average_pool1d", {"x": drawn(7)}, {"size": 3}, ("output", "x")),
    "convolution": ("conv1d", {"x": drawn(6), "kernel": drawn(3)}, {"padding": 1}, ("output", "x")),
    "convolution-stride": ("conv2d", {"x": drawn(2, 5, 5), "kernel": drawn(2, 2, 2, 2)},
                           {"stride": 2, "dilation": 2}, ("output", "x")),
    "groups": ("conv1d", {"x": drawn(4, 5), "kernel": drawn(2, 2, 3)}, {"groups": 2}, ("output", "kernel")),
    "attention": ("self_attention", {"x": drawn(4, 3), **ATTENTION}, {}, ("output", "x")),
    "causal": ("self_attention", {"x": drawn(4, 3), **ATTENTION}, {"causal": True}, ("output", "x")),
    "causal-scores": ("self_attention", {"x": drawn(4, 3), **ATTENTION}, {"causal": True},
                      ("weights", "scaled_scores")),
    "mask": ("self_attention", {"x": drawn(4, 3), **ATTENTION, "mask": np.eye(4, dtype=bool) | PADDED}, {},
             ("output", "x")),
    "additive-mask": ("self_attention", {"x": drawn(3, 3), **ATTENTION,
                                         "mask": np.where(np.tri(3) > 0, 0.5, -np.inf)}, {}, ("output", "x")),
    "padding": ("self_attention", {"x": drawn(4, 3), **ATTENTION, "key_padding_mask": ~PADDED[0]}, {},
                ("output", "x")),
    "window": ("self_attention", {"x": drawn(6, 3), **ATTENTION}, {"window": 1}, ("output", "x")),
    "heads": ("self_attention", {"x": drawn(3, 4), **weights("w_q", "w_k", "w_v", size=4)}, {"heads": 2},
              ("head_outputs", "value")),
    "softmax": ("softmax", {"x": drawn(2, 3)}, {}, ("output", "x")),
    "log_softmax": ("log_softmax", {"x": drawn(2, 3)}, {}, ("output", "x")),
    "dropout": ("dropout", {"x": drawn(3, 4), "w": drawn(4, 2)}, {"rate": 0.5, "seed": 1},
                ("dense_output", "x")),
    "dropout-mask": ("dropout", {"x": drawn(4), "mask": np.array([1.0, 0, 0, 1])}, {"rate": 0.5},
                     ("output", "x")),
    "embedding": ("embedding", {"indices": np.array([[2.0, 0], [2, 1]]), "weights": drawn(4, 2)}, {},
                  ("output", "weights")),
    "padding-index": ("embedding", {"indices": np.array([2.0, 0]), "weights": drawn(4, 2)},
                      {"padding_index": 2}, ("output", "weights")),
    "cross_entropy": ("cross_entropy", {"logits": drawn(3, 4), "target": np.array([0.0, -100, 2])}, {},
                      ("losses", "logits")),
    "nll": ("nll", {"log_probabilities": drawn(3, 4), "target": np.array([0.0, 3, 2])}, {},
            ("losses", "log_probabilities")),
    "rnn": ("rnn", {"x": drawn(2, 3, 2), "w_x": drawn(2, 2), "w_h": drawn(2, 2),
                    "lengths": np.array([3.0, 1])}, {}, ("output", "x")),
    "rnn-state": ("rnn", {"x": drawn(3, 2), "w_x": drawn(2, 2), "w_h": drawn(2, 2)}, {"activation": "relu"},
                  ("hidden[2]", "x")),
    "lstm": ("lstm", {"x": drawn(3, 2), "w_x": drawn(2, 8), "w_h": drawn(2, 8)}, {"direction": "reverse"},
             ("output", "x")),
    "gru": ("gru", {"x": drawn(3, 2), "w_x": drawn(2, 6), "w_h": drawn(2, 6)}, {}, ("output", "x")),
    "layer_norm": ("layer_norm", {"x": drawn(3, 4), "gain": drawn(4)}, {}, ("output", "x")),
    "batch_norm": ("batch_norm", {"x": drawn(3, 4)}, {}, ("output", "x")),
    "group_norm": ("group_norm", {"x": drawn(2, 4, 3)}, {"groups": 2}, ("output", "x")),
    # Of many entries, which are looked into in groups.
    "relu-many": ("activation", {"x": drawn(40)}, {"function": "relu"}, ("output", "x")),
    "convolution-many": ("conv1d", {"x": drawn(40), "kernel": drawn(4)}, {"stride": 2}, ("output", "x")),
    "max_pool-many": ("max_pool1d", {"x": drawn(40)}, {"size": 2, "stride": 2}, ("output", "x")),
    "causal-many": ("self_attention", {"x": drawn(20, 2), **weights("w_q", "w_k", "w_v", size=2)},
                    {"causal": True}, ("output", "x")),
    "rotary": ("rotary_embedding", {"x": drawn(3, 4)}, {}, ("output", "x")),
}  # fmt: skip


def asked(name: str, numbers: dict[str, Array]) -> Jacobian:
    operation, inputs, settings, pair = QUESTIONS[name]
    [found] = answer(operation, inputs | numbers, settings, jacobian=[pair], select=["output"]).parts[
        "jacobians"
    ]
    jacobian: Jacobian = found
    return jacobian


def again(name: str, draw: int) -> dict[str, Array]:
    """Other numbers for the same question; infinite ones stay."""
    rng = np.random.default_rng(draw)
    return {
        key: np.where(np.isinf(one), one, rng.standard_normal(one.shape) * 2)
        for key, one in QUESTIONS[name][1].items()
        if key not in FIXED or (key == "mask" and np.isinf(one).any())
    }


@pytest.mark.parametrize("name", QUESTIONS)
def test_zeros_are_those_of_all_numbers(name: str) -> None:
    """Reported zeros are zero for each of many numbers, and the same for all of them."""
    operation, inputs, settings, (of, wrt) = QUESTIONS[name]
    names = plan(operation, inputs, settings, jacobian=[(of, wrt)]).graph.names
    labels = names[of].axes, names[wrt].axes
    found = asked(name, {})
    seen = found.value != 0
    for draw in range(40):
        other = asked(name, again(name, draw))
        assert (other.zeros, other.zero_slices) == (found.zeros, found.zero_slices)
        seen = seen | (other.value != 0)
    seen = reach(seen, len(labels[0]))
    assert found.zeros == find_blocks(seen, *labels)
    assert found.zero_slices == find_zero_slices(seen, *labels)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "additive-mask"])
@pytest.mark.parametrize("worth", [0, -1])
def test_numbers_that_are_all_the_same_change_no_report(name: str, worth: int) -> None:
    numbers = {key: np.full(one.shape, float(worth)) for key, one in again(name, 0).items()}
    found, other = asked(name, {}), asked(name, numbers)
    assert (other.zeros, other.zero_slices) == (found.zeros, found.zero_slices)


def test_a_unit_that_is_off_and_a_weight_that_is_0_are_accidents() -> None:
    found = answer(
        "linear", {"x": [[1, 2]], "w": [[0, 3], [0, 0]]}, jacobian=[("output", "x")], select=["output"]
    ).parts["jacobians"][0]
    assert found.zeros == []
    assert found.zero_slices == []
    sides = [(one.side, one.label, one.indices) for one in found.accidental_zero_slices]
    assert sides == [("of", "d_out", [0]), ("wrt", "d", [1])]
    program = ("u = x @ w", "h = relu(u)", "y = h @ v")
    numbers = {"x": [[1, -1]], "w": [[1, 5], [3, -1]], "v": [[2], [1]]}
    [found] = answer("graph", numbers, program=program, jacobian=[("h", "x")]).parts["jacobians"]
    assert found.zeros == []
    assert found.zero_slices == []
    [off] = found.accidental_zero_slices
    assert (off.side, off.axis, off.indices) == ("of", 1, [0])


def test_everything_that_is_zero_here_is_an_accident() -> None:
    [found] = answer("activation", {"x": [-1, -2]}, {"function": "relu"},
                     jacobian=[("output", "x")]).parts["jacobians"]  # fmt: skip
    assert [one.pattern for one in found.zeros] == ["diagonal"]
    assert [one.indices for one in found.accidental_zero_slices] == [[0, 1], [0, 1]]


def test_a_constant_function_is_zero_for_all_numbers() -> None:
    for operation, inputs in (("hardmax", {"x": [1, 2]}), ("softmax", {"x": [[3], [4]]})):
        [found] = answer(operation, inputs, jacobian=[("output", "x")]).parts["jacobians"]
        assert [one.pattern for one in found.zeros] == ["zero"]
        assert found.accidental_zero_slices == []


def test_a_mask_that_is_computed_is_no_structure() -> None:
    """Places of maxima depend on numbers, so that every entry of the table may be looked up."""
    program = ("p = softmax(x)", "y = p * m")
    inputs = {"x": [0, 5], "m": [0, 1]}
    [found] = answer("graph", inputs, program=program, jacobian=[("y", "x")]).parts["jacobians"]
    assert found.zeros == []
    assert found.zero_slices == []
    assert [one.indices for one in found.accidental_zero_slices] == [[0]]


@pytest.mark.parametrize("arithmetic", ["float32", "exact"])
def test_every_kind_of_number_has_the_same_zeros(arithmetic: str) -> None:
    inputs = {"x": [[1, 0], [0, 2], [1, 1]], "w_q": np.eye(2), "w_k": np.zeros((2, 2)), "w_v": np.eye(2)}
    settings = {"causal": True, "scale": 1}
    pairs = [("output", "x"), ("scores", "query")]
    expected = answer("self_attention", inputs, settings, jacobian=pairs).parts["jacobians"]
    found = answer("self_attention", inputs, settings, jacobian=pairs, arithmetic=arithmetic).parts[
        "jacobians"
    ]
    for one, other in zip(found, expected, strict=True):
        assert (one.zeros, one.zero_slices) == (other.zeros, other.zero_slices)
        assert one.accidental_zero_slices == other.accidental_zero_slices
    assert [one.pattern for one in found[0].zeros] == ["lower_triangular"]
    assert found[1].accidental_zero_slices[0].indices == [0, 1, 2]  # every key is 0


def test_symbols_are_numbers_that_may_be_any() -> None:
    program = ("y = leaky_relu(w * x, slope='s')",)
    inputs = {"x": ["a", "b"], "w": [0, "c"]}
    [found] = answer("graph", inputs, program=program, jacobian=[("y", "x")], arithmetic="exact").parts[
        "jacobians"
    ]
    assert [one.pattern for one in found.zeros] == ["diagonal"]
    assert [one.indices for one in found.accidental_zero_slices] == [[0], [0]]


@pytest.mark.parametrize(
    ("operation", "settings"),
    [
        ("encoder_layer", {"norm_placement": "pre"}),
        ("encoder_layer", {"norm_placement": "post"}),
        ("decoder_layer", {"norm_placement": "pre"}),
        ("language_model", {"norm_embeddings": True, "vocabulary": 5, "d_model": 4, "d_ff": 4, "layers": 1}),
        ("linear", {}),
        ("layer_norm", {}),
        ("embedding", {}),
        ("cross_entropy", {}),
        ("glu", {}),
    ],
)
def test_tokens_are_not_called_a_batch(operation: str, settings: dict[str, Any]) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "tokens": (3,), "indices": (3,), "target": (3,), "memory": (2, 4), "logits": (3, 4), "x": (3, 4)
    }  # fmt: skip
    declared = CATALOGUE[operation]
    tensors = {name: Tensor(shape) for name, shape in shapes.items() if name in declared.inputs}
    graph = build(declared, tensors, settings, missing_policy="usual")
    for name, value in graph.names.items():
        assert "batch" not in value.axes, name
        assert len(value.axes) == value.rank


def test_axes_before_tokens_are_a_batch() -> None:
    settings = {"norm_placement": "pre"}
    graph = build(CATALOGUE["encoder_layer"], {"x": Tensor((2, 3, 4))}, settings, missing_policy="usual")
    for name in ("x", "attention_norm.mean", "feed_forward.hidden", "attention.query", "output"):
        assert graph.names[name].axes[0] == "batch"


@pytest.mark.parametrize(
    ("operation", "settings", "of"),
    [
        ("max_pool1d", {"size": 2}, "output"),
        ("max_pool2d", {"size": 2}, "output"),
        ("graph", {"program": ("y = max(x, axis=-1)",)}, "y"),
        ("graph", {"program": ("y = min(x, axis=-1)",)}, "y"),
    ],
)
@pytest.mark.parametrize("shape", [(2, 4), (3, 2, 4), (2, 2, 2, 4)])
def test_rows_of_maxima_depend_on_their_own_row(
    operation: str, settings: dict[str, Any], of: str, shape: tuple[int, ...]
) -> None:
    """With places of the maxima among the values, too: these may be any."""
    attributes, more = (settings, {}) if operation != "graph" else ({}, settings)
    [found] = answer(operation, {"x": drawn(*shape)}, attributes, jacobian=[(of, "x")], **more).parts[
        "jacobians"
    ]
    outer = [block for block in found.zeros if block.of_axis == block.wrt_axis < len(shape) - 2]
    assert [block.pattern for block in outer] == ["diagonal"] * (len(shape) - 2)
