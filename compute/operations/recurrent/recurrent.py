"""Recurrent layers: Elman networks, long short-term memory, and gated recurrent units."""

from typing import Annotated, Literal, TypeAlias

from compute.arithmetic.expressions import Expression
from compute.graph.graph import Value
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import parse_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.layers.activation import ActivationName
from compute.operations.recurrent.cells import Elman, GatedUnit, LongShortTerm
from compute.operations.recurrent.rnn_layout import RnnLayout, StackedWeights
from compute.operations.recurrent.unrolling import run_layers

Layers: TypeAlias = Annotated[
    int,
    Attribute("The number of stacked layers; the input of each is the output of the one below.", minimum=1),
]
Direction: TypeAlias = Annotated[
    Literal["forward", "reverse", "both"],
    Attribute("The order of steps: from the first, from the last, or both, with two sets of weights whose"
              " outputs are concatenated."),
]  # fmt: skip
Orientation: TypeAlias = Annotated[
    Literal["in_out", "out_in"],
    Attribute(
        "The layout of weights. in_out: (in, out), so that x W_x; out_in: (out, in), as PyTorch's and ONNX's."
    ),
]
Clip: TypeAlias = Annotated[
    Constant | None, Attribute("Clips the argument of every activation to [-clip, clip]; none by default.")
]


def activation_setting(meaning: str) -> Attribute:
    return Attribute(f"The activation of {meaning}.")


def sequence_input() -> Input:
    return Input("... t d", "The sequence; the axes before the last two are batch axes.", "X")


def weights_input(dims: str, meaning: str, symbol: str, optional: str = "") -> Input:
    return Input(dims, meaning, symbol, transposed_by="weights", parameter=True, optional=optional)


def bias_input(dims: str, meaning: str, symbol: str) -> Input:
    return Input(dims, meaning, symbol, parameter=True, optional="none")


def state_input(name: str, symbol: str) -> Input:
    meaning = (
        f"The {name} before the first step, (h) or (batch, h). Several layers or directions have axes before"
        " the last."
    )
    return Input("h", meaning, symbol, parameter=True, broadcast=True, optional="zeros")


def _weight_inputs(gates: int) -> tuple[Input, Input, Input, Input, Input]:
    """Declare w_x, w_x_upper, w_h, b and b_h of a layer with this number of gates."""
    wide = "h" if gates == 1 else f"{gates}*h"
    stacked = f"h {wide} | stack h {wide} | layers directions h {wide}"
    flat = f"{wide} | stack {wide} | layers directions {wide}"
    leading = " Several layers or directions have axes in front."
    return (
        weights_input(
            f"d {wide} | directions d {wide}",
            "The weights of the input; with direction both, an axis of directions in front.",
            "W_{x}",
        ),
        weights_input(
            f"upper u {wide} | upper directions u {wide}",
            "The input weights of layers above the first, whose input is the output, of size u, of the layer"
            " below.",
            "W_{x}'",
            "there is one layer",
        ),
        weights_input(stacked, "The weights of the previous state." + leading, "W_{h}"),
        bias_input(flat, "The bias." + leading, "b"),
        bias_input(flat, "A second bias, of the previous state's term." + leading, "b_{h}"),
    )


def _step_values(name: str, meaning: str, symbol: str, wide: str = "h") -> tuple[ValueSpec, ValueSpec]:
    """Declare a value of each step, and the stack over all steps."""
    return (
        ValueSpec(
            f"{name}[t]", "unit", f"... {wide}", f"At step t, counted from 1: {meaning}", f"{symbol}_{{t}}"
        ),
        ValueSpec(name, "step unit", f"... t {wide}", f"At every step: {meaning}", symbol.upper()),
    )


def _values(*stages: tuple[ValueSpec, ValueSpec], states: tuple[str, ...]) -> tuple[ValueSpec, ...]:
    matrices = {"input_weights": "W_{x}", "recurrent_weights": "W_{h}"}
    vectors = {"bias": "b", "hidden_bias": "b_{h}", "peephole_weights": "P"}
    meaning = "The part of one layer and direction, if there are several."
    last = {"hidden": "h_{T}", "cell": "c_{T}"}
    return (
        *(ValueSpec(name, "in out", "i o", meaning, symbol) for name, symbol in matrices.items()),
        *(ValueSpec(name, "out", "o", meaning, symbol) for name, symbol in vectors.items()),
        *(spec for pair in stages for spec in pair),
        ValueSpec("output", "step unit", "... t o", "The hidden states of the last layer; 0 beyond the end"
                  " of a sequence.", "Y"),
        *(ValueSpec(f"final_{name}", "unit", "... h", f"The {name} state after the last step.", last[name])
          for name in states),
    )  # fmt: skip


X1, X1_UPPER, H1, B1, BH1 = _weight_inputs(1)
X4, X4_UPPER, H4, B4, BH4 = _weight_inputs(4)
X3, X3_UPPER, H3, B3, BH3 = _weight_inputs(3)
Lengths: TypeAlias = Annotated[
    Value | None,
    Input("...", "The length of each sequence. Beyond it states do not change and the output is 0.",
          r"\ell", broadcast=True, optional="all steps"),
]  # fmt: skip
HIDDEN = _step_values("hidden", "the hidden state.", "h")


@operation(
    _values(_step_values("preactivation", "the argument of the activation.", "z"), HIDDEN, states=("hidden",))
)
def rnn(
    x: Annotated[Value, sequence_input()],
    w_x: Annotated[Value, X1],
    w_h: Annotated[Value, H1],
    b: Annotated[Value | None, B1] = None,
    b_h: Annotated[Value | None, BH1] = None,
    h_0: Annotated[Value | None, state_input("hidden state", "h_{0}")] = None,
    lengths: Lengths = None,
    w_x_upper: Annotated[Value | None, X1_UPPER] = None,
    *,
    activation: Annotated[ActivationName, activation_setting("the sum of both terms")] = "tanh",
    layers: Layers = 1,
    direction: Direction = "forward",
    weights: Orientation = "in_out",
    clip: Clip = None,
) -> Value:
    """A recurrent layer: h_t = activation(x_t W_x + h_{t-1} W_h + b).

    Contributions of w_h and w_x are the parts of their gradients by time step.

    Source: Elman, Finding Structure in Time (1990), figure 2; Goodfellow et al., Deep Learning (2016),
    equations 10.8 and 10.9.
    """
    cell = Elman(activation, _parse_clip(x, clip))
    if activation == "identity":
        _state_closed_form(x, learned_bias=b is not None or b_h is not None)
    weights_stack = StackedWeights(w_x, w_x_upper, w_h, b, b_h, None, weights != "in_out")
    return run_layers(cell, x, weights_stack, {"hidden": h_0}, lengths, RnnLayout(layers, direction))


@operation(
    _values(
        _step_values("preactivation", "the arguments of the gates, in the order of the weights.", "z", "4*h"),
        _step_values("input_gate", "the fraction of the candidate that enters the cell.", "i"),
        _step_values("forget_gate", "the fraction of the cell that is kept.", "f"),
        _step_values("candidate", "the candidate for the cell.", "g"),
        _step_values("output_gate", "the fraction of the cell that is output.", "o"),
        _step_values("cell", "the cell.", "c"),
        HIDDEN,
        states=("hidden", "cell"),
    )
)
def lstm(
    x: Annotated[Value, sequence_input()],
    w_x: Annotated[Value, X4],
    w_h: Annotated[Value, H4],
    b: Annotated[Value | None, B4] = None,
    b_h: Annotated[Value | None, BH4] = None,
    h_0: Annotated[Value | None, state_input("hidden state", "h_{0}")] = None,
    c_0: Annotated[Value | None, state_input("cell", "c_{0}")] = None,
    peepholes: Annotated[
        Value | None,
        Input(
            "3 h | stack 3 h | layers directions 3 h",
            "The weights of the cell, entry by entry, in the input, the output and the forget gate.",
            "P",
            parameter=True,
            optional="no peepholes",
        ),
    ] = None,
    lengths: Lengths = None,
    w_x_upper: Annotated[Value | None, X4_UPPER] = None,
    *,
    gate_order: Annotated[
        Literal["input_forget_candidate_output", "input_output_forget_candidate"],
        Attribute("The order of gates in the weights and biases: the first is PyTorch's, the second ONNX's."),
    ] = "input_forget_candidate_output",
    gate_activation: Annotated[ActivationName, activation_setting("the three gates")] = "sigmoid",
    activation: Annotated[ActivationName, activation_setting("the candidate")] = "tanh",
    cell_activation: Annotated[
        ActivationName, activation_setting("the cell, before the output gate")
    ] = "tanh",
    coupled: Annotated[
        bool, Attribute("Whether the forget gate is 1 minus the input gate; its weights are then unused.")
    ] = False,
    layers: Layers = 1,
    direction: Direction = "forward",
    weights: Orientation = "in_out",
    clip: Clip = None,
) -> Value:
    """Long short-term memory: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    The gates i, f, o and the candidate g have a block of columns of the weights each.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory (1997), with the forget gate of Gers et al.,
    Learning to Forget (2000); peepholes of Gers and Schmidhuber, Recurrent Nets that Time and Count (2000).
    """
    order = (0, 1, 2, 3) if gate_order == "input_forget_candidate_output" else (0, 2, 3, 1)
    cell = LongShortTerm(order, gate_activation, activation, cell_activation, coupled, _parse_clip(x, clip))
    weights_stack = StackedWeights(w_x, w_x_upper, w_h, b, b_h, peepholes, weights != "in_out")
    return run_layers(
        cell, x, weights_stack, {"hidden": h_0, "cell": c_0}, lengths, RnnLayout(layers, direction)
    )


@operation(
    _values(
        _step_values("input_terms", "the input's terms of gates and candidate, with the bias.", "u", "3*h"),
        _step_values("hidden_terms", "the previous state's terms, with its bias; for reset_after false of the"
                     " gates only.", "v", "g"),
        _step_values("reset_gate", "the fraction of the previous state that enters the candidate.", "r"),
        _step_values("update_gate", "the fraction of the previous state that is kept.", "z"),
        _step_values("candidate", "the candidate for the next state.", "n"),
        HIDDEN,
        states=("hidden",),
    )
)  # fmt: skip
def gru(
    x: Annotated[Value, sequence_input()],
    w_x: Annotated[Value, X3],
    w_h: Annotated[Value, H3],
    b: Annotated[Value | None, B3] = None,
    b_h: Annotated[Value | None, BH3] = None,
    h_0: Annotated[Value | None, state_input("hidden state", "h_{0}")] = None,
    lengths: Lengths = None,
    w_x_upper: Annotated[Value | None, X3_UPPER] = None,
    *,
    reset_after: Annotated[
        bool,
        Attribute(
            "Whether the reset gate is applied to h_{t-1} W_h + b_h, as in PyTorch; otherwise to h_{t-1}, as"
            " in the paper and by default in ONNX."
        ),
    ] = True,
    gate_order: Annotated[
        Literal["reset_update_candidate", "update_reset_candidate"],
        Attribute("The order of gates in the weights and biases: the first is PyTorch's, the second ONNX's."),
    ] = "reset_update_candidate",
    gate_activation: Annotated[ActivationName, activation_setting("both gates")] = "sigmoid",
    activation: Annotated[ActivationName, activation_setting("the candidate")] = "tanh",
    layers: Layers = 1,
    direction: Direction = "forward",
    weights: Orientation = "in_out",
    clip: Clip = None,
) -> Value:
    """Gated recurrent units: h_t = (1 - z) n + z h_{t-1}.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), equations 5 to 8.
    """
    reset_at = 0 if gate_order == "reset_update_candidate" else 1
    cell = GatedUnit(reset_at, gate_activation, activation, reset_after, _parse_clip(x, clip))
    weights_stack = StackedWeights(w_x, w_x_upper, w_h, b, b_h, None, weights != "in_out")
    return run_layers(cell, x, weights_stack, {"hidden": h_0}, lengths, RnnLayout(layers, direction))


def _parse_clip(x: Value, clip: Constant | None) -> Expression | None:
    bound: Expression | None = (
        None if clip is None else parse_constant(x.graph, "clip", clip, positive=True)["expression"]
    )
    return bound


def _state_closed_form(x: Value, *, learned_bias: bool) -> None:
    """State in the conventions the closed form of a layer without an activation."""
    term = r"\left(x_i W_x + b\right)" if learned_bias else r"x_i W_x"
    x.graph.conventions["closed_form"] = {
        "hidden": rf"h_t = h_0 W_h^{{t}} + \sum_{{i=1}}^{{t}} {term} W_h^{{t-i}}",
        "hidden_of_identity_weights": r"h_t = h_0 + \sum_{i=1}^{t} x_i" + (r" + t b" if learned_bias else ""),
        "jacobian": r"\frac{\partial h_t}{\partial W_h} = \sum_{i=1}^{t}"
        r" \frac{\partial^{+} h_i}{\partial W_h} W_h^{t-i}, \quad"
        r" \frac{\partial^{+} h_i}{\partial W_h} = h_{i-1}",
        "jacobian_of_identity_weights": r"\frac{\partial h_t}{\partial W_h} = \sum_{i=0}^{t-1} h_i",
    }
