"""Costs of networks from shapes, against loops that count, and formulas written out by hand."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial, big_o
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.question.network_costs import NetworkCost, cost_of_operation, cost_of_program
from compute.readings.sequential_depth import find_depths

n, m, h, d, L = (Polynomial.symbol(name) for name in ("n", "m", "h", "d", "L"))
Shapes = dict[str, tuple[Any, ...]]


def cost_of(*program: str, data: tuple[str, ...] = ("x",), **shapes: Any) -> NetworkCost:
    return cost_of_program(program, {name: Tensor(shape) for name, shape in shapes.items()}, None, data)


def count_convolution(x: Any, kernel: Any, stride: int, padding: int, groups: int) -> int:
    """Count multiply-adds by running every loop of a convolution, taps on the padding included."""
    channels, height, width = x
    filters, depth, rows, columns = kernel
    assert channels == depth * groups and filters % groups == 0
    downs = range(-padding, height + padding - rows + 1, stride)
    across = range(-padding, width + padding - columns + 1, stride)
    count = 0
    for _filter, _down, _across in product(range(filters), downs, across):
        for _tap in product(range(depth), range(rows), range(columns)):
            count += 1
    return count


def test_a_small_network_line_by_line() -> None:
    found = cost_of(
        "c = relu(conv2d(x, k, b, stride=2, padding=1))",
        "p = max_pool2d(c, size=2)",
        "g = conv2d(p, j, groups=2, padding=1)",
        "y = linear(flatten(g), w, v)",
        x=(3, 11, 9), k=(4, 3, 3, 3), b=(4,), j=(6, 2, 3, 3), w=(36, 5), v=(5,),
    )  # fmt: skip
    first = count_convolution((3, 11, 9), (4, 3, 3, 3), 2, 1, 1)
    second = count_convolution((4, 3, 2), (6, 2, 3, 3), 1, 1, 2)
    rows = {row.name: row for row in found.lines}
    assert {name: row.shape for name, row in rows.items()} == {
        "c": (4, 6, 5), "p": (4, 3, 2), "g": (6, 3, 2), "y": (5,),
    }  # fmt: skip
    assert [row.multiply_adds for row in found.lines] == [first, 0, second, 36 * 5]
    assert [row.parameters for row in found.lines] == [4 * 27 + 4, 0, 6 * 18, 36 * 5 + 5]
    assert [row.activations for row in found.lines] == [120, 24, 36, 5]
    assert [row.elementwise for row in found.lines] == [120 + 120, 24 * 4, 0, 5]
    assert [row.line for row in found.lines] == [1, 2, 3, 4]
    assert found.total.parameters == sum(int(str(row.parameters)) for row in found.lines)
    assert found.total.multiply_adds == first + second + 180
    # x is data: the first convolution passes no gradient to it.
    assert found.backward_multiply_adds == first + 2 * second + 2 * 180
    assert found.output.shape == (5,)


def test_shared_weights_count_once() -> None:
    found = cost_of("h = tanh(x @ w)", "y = tanh(h @ w)", x=(2, 4), w=(4, 4))
    assert [row.parameters for row in found.lines] == [16, 0]
    assert found.total.parameters == 16
    assert found.total.multiply_adds == 2 * 32
    assert found.backward_multiply_adds == 32 + 2 * 32


def test_values_that_rearrange_others_take_no_memory() -> None:
    found = cost_of("h = relu(x @ w)", "f = flatten(h)", "t = h.T", "y = f * 2", x=(2, 4), w=(4, 3))
    assert [row.activations for row in found.lines] == [6, 0, 0, 6]


def test_parameters_may_be_chosen_and_without_any_all_inputs_get_gradients() -> None:
    frozen = cost_of("h = x @ w", "y = h @ v", data=("x", "w"), x=(2, 4), w=(4, 3), v=(3, 5))
    assert frozen.total.parameters == 15
    assert frozen.backward_multiply_adds == 2 * 3 * 5
    none = cost_of("h = x @ w", "y = h @ v", data=("x", "w", "v"), x=(2, 4), w=(4, 3), v=(3, 5))
    assert none.total.parameters == 0
    assert none.backward_multiply_adds == 2 * (2 * 4 * 3 + 2 * 3 * 5)


def test_a_line_with_submodules_assumes_weights_and_has_parts() -> None:
    found = cost_of("e = encoder_layer(x, heads=4, d_ff=32)", "y = linear(e, w)", x=(10, 8), w=(8, 3))
    alone = cost_of_operation("encoder_layer", {"x": Tensor((10, 8))}, {"heads": 4, "d_ff": 32})
    row = found.lines[0]
    assert row.parameters == alone.total.parameters == 4 * (64 + 8) + 2 * 16 + (8 * 32 + 32) + (32 * 8 + 8)
    assert row.multiply_adds == alone.total.multiply_adds
    assert "e.attention" in [part.name for part in row.parts]
    assert sum(int(str(part.parameters)) for part in row.parts) == row.parameters


def test_attention_takes_constant_depth_and_a_recurrent_layer_one_that_grows_with_its_steps() -> None:
    weights = {"w_q": (d, d), "w_k": (d, d), "w_v": (d, d)}
    attention = cost_of_operation("self_attention", {"x": Tensor((n, d))} | tensors(weights), {})
    assert big_o(attention.depth) == "O(1)"
    recurrent = cost_of_operation("lstm", tensors({"x": (n, d), "w_x": (d, 4 * h), "w_h": (h, 4 * h)}), {})
    assert big_o(recurrent.depth) == "O(n)"
    line = cost_of("y = rnn(x, w, u)", x=(n, d), w=(d, h), u=(h, h))
    assert line.depth == 3 * n + 1
    stacked = cost_of("h = rnn(x, w, u)", "y = rnn(h, u, u)", x=(n, d), w=(d, h), u=(h, h))
    assert stacked.depth == 6 * n + 2
    assert [row.depth for row in stacked.lines] == [3 * n + 1, 6 * n + 2]


def tensors(shapes: Shapes) -> dict[str, Tensor]:
    return {name: Tensor(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("operation", "gates", "settings"),
    [
        ("rnn", 1, {}), ("rnn", 1, {"activation": "identity"}), ("lstm", 4, {}), ("gru", 3, {}),
        ("gru", 3, {"reset_after": False}),
    ],
)  # fmt: skip
def test_the_depth_of_a_scan_grows_as_that_of_its_steps(
    operation: str, gates: int, settings: dict[str, Any]
) -> None:
    depths = []
    for steps in (4, 9):
        inputs = tensors({"x": (steps, 5), "w_x": (5, gates * 6), "w_h": (6, gates * 6)})
        for everything in (True, False):
            graph = build(CATALOGUE[operation], inputs, settings, everything=everything)
            depths.append(max(int(str(depth)) for depth in find_depths(graph).values()))
    one_by_one, at_once, later, later_at_once = depths
    assert later - one_by_one == later_at_once - at_once > 0
    assert at_once - one_by_one <= 1  # the product of all inputs comes first


def test_layers_that_one_represents_follow_one_another() -> None:
    one = cost_of_operation("encoder", {"x": Tensor((6, 8))}, {"heads": 2, "d_ff": 16, "layers": 1})
    five = cost_of_operation("encoder", {"x": Tensor((6, 8))}, {"heads": 2, "d_ff": 16, "layers": 5})
    letters = cost_of_operation("encoder", {"x": Tensor((6, 8))}, {"heads": 2, "d_ff": 16, "layers": L})
    assert five.depth == 5 * one.depth
    assert letters.depth == one.depth * L
    assert big_o(letters.depth) == "O(L)"
    assert letters.backward_multiply_adds == one.backward_multiply_adds * L
    assert letters.activations == one.activations * L


def test_training_a_recurrent_layer_takes_both_products_twice_on_the_way_back() -> None:
    found = cost_of("y = rnn(x, w, u)", x=(7, 5), w=(5, 6), u=(6, 6))
    assert found.total.multiply_adds == 7 * 5 * 6 + 7 * 6 * 6
    # the input is data: the gradient of w alone; through time that of the state and of u
    assert found.backward_multiply_adds == 7 * 5 * 6 + 2 * 7 * 6 * 6


def test_caches_hold_the_shared_heads_alone() -> None:
    shapes = {"x": (2, n, 32), "w_q": (32, 32), "w_k": (32, 8), "w_v": (32, 8)}
    found = cost_of_operation("self_attention", tensors(shapes), {"heads": 8, "kv_heads": 2})
    [cache] = found.caches
    assert (cache.batch, cache.heads, cache.length, cache.key_width, cache.value_width) == (2, 2, n, 4, 4)
    assert cache.numbers == 2 * 2 * n * (4 + 4)
    columns = {"query": (4, 5), "key": (4, m), "value": (3, m)}
    [cache] = cost_of_operation("attention", tensors(columns), {"layout": "columns"}).caches
    assert (cache.batch, cache.heads, cache.length, cache.numbers) == (1, 1, m, 7 * m)


def test_caches_of_all_layers_of_a_model_add_up() -> None:
    """Llama 2 70B: 80 layers of 8 key and value heads of width 128, 327,680 bytes a token in 16 bits."""
    settings = {"heads": 64, "kv_heads": 8, "d_ff": 28672, "layers": 80, "causal": True}
    found = cost_of_operation("encoder", {"x": Tensor((1, 8192))}, settings)
    [cache] = found.caches
    assert (cache.name, cache.times, cache.heads, cache.key_width) == ("layer[*].attention", 80, 8, 128)
    assert cache.numbers * 2 == 327_680
    program = cost_of("y = self_attention(self_attention(x, w, w), w, w)", x=(6, 4), w=(4, 4))
    assert [(cache.times, cache.numbers) for cache in program.caches] == [(2, 2 * 6 * 8)]


def test_letters_stay_polynomials() -> None:
    found = cost_of("h = relu(x @ w + b)", "y = h @ v", x=(n, d), w=(d, h), b=(h,), v=(h, m))
    assert found.total.multiply_adds == n * d * h + n * h * m
    assert found.total.parameters == d * h + h + h * m
    assert found.backward_multiply_adds == n * d * h + 2 * n * h * m
    assert found.output.shape == (n, m)


def test_errors_name_the_line() -> None:
    with pytest.raises(QuestionErrors) as raised:
        cost_of("h = x @ w", "y = h @ v", x=(2, 4), w=(4, 3), v=(4, 5))
    [error] = raised.value.errors
    assert error.path == ("program", 1)
    assert "line 2, column 5" in error.message
    with pytest.raises(QuestionErrors) as raised:
        cost_of("y = x @ w", x=(2, 4))
    assert raised.value.errors[0].path == ("inputs", "w")


def test_an_operation_has_no_table_but_all_else() -> None:
    found = cost_of_operation("conv2d", tensors({"x": (3, 8, 8), "kernel": (4, 3, 3, 3)}), {"padding": 1})
    assert found.lines == []
    assert found.output.shape == (4, 8, 8)
    assert found.activations == 4 * 8 * 8, "the windows as columns are a picture, and not kept"
    assert found.backward_multiply_adds == found.total.multiply_adds == 4 * 64 * 27
    assert found.receptive_fields is None


def test_gradients_cost_what_their_products_are() -> None:
    """Count the products of a two-layer network's backward pass, written out."""
    batch, width, hidden, classes = (int(size) for size in np.random.default_rng(0).integers(2, 7, 4))
    products = [
        (hidden, batch, classes),  # h^T g
        (batch, classes, hidden),  # g v^T
        (width, batch, hidden),  # x^T g'
    ]
    found = cost_of("h = relu(x @ w)", "y = h @ v", x=(batch, width), w=(width, hidden), v=(hidden, classes))
    assert found.backward_multiply_adds == sum(a * b * c for a, b, c in products)
