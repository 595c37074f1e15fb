"""The position-wise feed-forward network of a transformer block."""

from typing import Annotated

from compute.dimensions import Size, show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import DropoutRate, apply_dropout, dropout_input
from compute.operations.framework.declaration import Attribute, Input, StoredTensor, operation
from compute.operations.framework.submodules import add_required_input
from compute.operations.layers.activation import ActivationName, activate

STORED = tuple(  # PyTorch's transformer layers; torchvision's, and its older ones; timm's
    tensor
    for first, second in (
        ("linear1", "linear2"), ("mlp.0", "mlp.3"), ("mlp.linear_1", "mlp.linear_2"), ("mlp.fc1", "mlp.fc2")
    )
    for tensor in (
        StoredTensor(f"{first}.weight", ("w_1",), transposed=True),
        StoredTensor(f"{first}.bias", ("b_1",)),
        StoredTensor(f"{second}.weight", ("w_2",), transposed=True),
        StoredTensor(f"{second}.bias", ("b_2",)),
    )
)  # fmt: skip


def _weights(dims: str, meaning: str, symbol: str, optional: str = "") -> Input:
    return Input(dims, meaning, symbol, parameter=True, optional=optional)


def _bias(dims: str, meaning: str, symbol: str) -> Input:
    return Input(dims, meaning, symbol, parameter=True, optional="none", is_bias=True)


W_GATE = _weights("d d_ff", "With gated: the weights of the gate.", "W_{G}", "none; required with gated")


@operation(
    (
        ValueSpec("gate_preactivation", "token unit", "... d_ff",
                  "With gated: the argument of the gate's activation.", "Z_{G}"),
        ValueSpec("gate", "token unit", "... d_ff", "With gated: the factor of each unit.", "G"),
        ValueSpec("preactivation", "token unit", "... d_ff", "The tokens through the first layer.", "Z"),
        ValueSpec("hidden", "token unit", "... d_ff",
                  "The units: the activation; with gated, the preactivation times the gate.", "H"),
        ValueSpec("dropped_hidden", "token unit", "... d_ff",
                  "The kept units, divided by 1 - dropout_rate.", r"H_{\text{kept}}"),
        ValueSpec("output", "token d_o", "... d_o", "The units through the second layer.", "Y"),
    ),
    stored=STORED,
)  # fmt: skip
def feed_forward(
    x: Annotated[Value, Input("... d", "A token, or tokens as rows.", "X")],
    w_1: Annotated[Value, _weights("d d_ff", "The weights of the first layer.", "W_{1}")],
    w_2: Annotated[Value, _weights("d_ff d_o", "The weights of the second layer.", "W_{2}")],
    b_1: Annotated[Value | None, _bias("d_ff", "The bias of the first layer.", "b_{1}")] = None,
    b_2: Annotated[Value | None, _bias("d_o", "The bias of the second layer.", "b_{2}")] = None,
    w_gate: Annotated[Value | None, W_GATE] = None,
    b_gate: Annotated[Value | None, _bias("d_ff", "With gated: the bias of the gate.", "b_{G}")] = None,
    dropout_mask: Annotated[Value | None, dropout_input("... d_ff", "units")] = None,
    *,
    activation: Annotated[
        ActivationName,
        Attribute(
            "The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu ReGLU."
        ),
    ] = "relu",
    gated: Annotated[
        bool, Attribute("Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).")
    ] = False,
    d_ff: Annotated[
        Size | None,
        Attribute("The number of units; the weights determine it.", minimum=1, dimension=True),
    ] = None,
    dropout_rate: DropoutRate = None,
) -> Value:
    """A position-wise feed-forward network: activation(x W_1 + b_1) W_2 + b_2.

    Each token goes through the same two layers. With gated, a third layer scales each unit.

    Source: Vaswani et al., Attention Is All You Need (2017), equation 2; gated as in Shazeer, GLU Variants
    Improve Transformer (2020), equation 6.
    """  # fmt: skip
    if gated:
        if w_gate is None:
            w_gate = add_required_input(x.graph, "w_gate", W_GATE, (x.shape[-1], w_1.shape[-1]))
        before = _affine(x, w_gate, b_gate).named("gate_preactivation")
        gate = activate(before, activation).named("gate")
        hidden = gate * _affine(x, w_1, b_1).named("preactivation")
    else:
        _check_unused(w_gate=w_gate, b_gate=b_gate)
        hidden = activate(_affine(x, w_1, b_1).named("preactivation"), activation)
    kept = apply_dropout(hidden.named("hidden"), dropout_mask, dropout_rate, "dropped_hidden")
    return _affine(kept, w_2, b_2).named("output")


def _affine(x: Value, w: Value, b: Value | None) -> Value:
    product = apply("project", x, w)
    return product if b is None else product + b


def _check_unused(**gates: Value | None) -> None:
    """Raise QuestionError for weights of a gate without gated."""
    for name, value in gates.items():
        if value is not None:
            raise QuestionError(
                (name,),
                f"{name} has no use without gated",
                "gated, or nothing here",
                f"shape {show(value.shape)}",
            )
