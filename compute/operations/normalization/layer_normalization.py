"""Normalization of each sample along its features: layer norm and RMS norm."""

from typing import Annotated, TypeAlias

from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import parse_bounded
from compute.operations.framework.declaration import Attribute, Axes, Input, StoredTensor, operation
from compute.operations.framework.rules import rule
from compute.operations.framework.shape_checks import find_axis
from compute.operations.normalization.left_out import state_left_out
from compute.operations.normalization.normalizing import (
    TWO,
    Epsilon,
    Rows,
    bias_input,
    broadcast_entries,
    deviation_of,
    fused_output,
    gain_input,
    infer_input_shape,
    moments,
    promise_square,
    rescale,
    results,
    row_moments,
    standardize,
)

Axis: TypeAlias = Annotated[
    int,
    Attribute(
        "The first normalized axis; all axes after it are normalized too, as in ONNX. -2 corresponds to"
        " PyTorch's normalized_shape of two sizes."
    ),
]
These: TypeAlias = Annotated[
    Axes | None, Attribute("The normalized axes, instead of axis: one axis, or a list of axes.")
]
DIMS = "... n d | d"
STORED = (StoredTensor("weight", ("gain",)), StoredTensor("bias", ("bias",)))


def data_input() -> Input:
    """Declare the input."""
    return Input(DIMS, "The input; by default each row along its last axis is normalized.", "X")


def _gain() -> Input:
    return gain_input("d", "The factor of normalized entries, in the shape of the normalized axes.")


def _bias() -> Input:
    return bias_input("d", "Added after the gain, in the shape of the normalized axes.")


@operation(
    (*moments("token", "...", "the normalized axes"), *results("feature", DIMS)),
    stored=STORED,
    rules=(rule("axis", {"axes": None}),),
)
def layer_norm(
    x: Annotated[Value, data_input()],
    gain: Annotated[Value | None, _gain()] = None,
    bias: Annotated[Value | None, _bias()] = None,
    *,
    axis: Axis = -1,
    axes: These = None,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Layer normalization: (x - mean)/sqrt(variance + epsilon) gain + bias.

    The gradient of x is the sum of three contributions: through the mean, through the variance, and directly.

    Source: Ba, Kiros and Hinton, Layer Normalization (2016), equations 3 and 4; ONNX LayerNormalization.
    """
    state_left_out(x, gain, bias)
    rows = _rows(x, axis, axes, gain, bias)
    gain, bias = (
        broadcast_entries(one, name, x, rows.axes) for one, name in ((gain, "gain"), (bias, "bias"))
    )
    output = fused_output(rows, x, gain, bias, epsilon)
    if output is not None:
        return output
    return rescale(rows, standardize(rows, row_moments(rows), epsilon), gain, bias)


@operation(
    (
        ValueSpec("mean_square", "token", "...", "The mean of the squares over the normalized axes.", r"\nu"),
        ValueSpec(
            "rms",
            "token",
            "...",
            "The square root of the mean square plus epsilon.",
            r"\operatorname{RMS}\left(X\right)",
        ),
        ValueSpec("normalized", "feature", DIMS, "The entries divided by the root mean square.", r"\hat{X}"),
        ValueSpec("output", "feature", DIMS, "The normalized entries times the gain, plus the bias.", "Y"),
    ),
    stored=STORED,
    rules=(rule("axis", {"axes": None}),),
)
def rms_norm(
    x: Annotated[Value, data_input()],
    gain: Annotated[Value | None, _gain()] = None,
    bias: Annotated[Value | None, _bias()] = None,
    *,
    axis: Axis = -1,
    axes: These = None,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Normalization by the root mean square: x/sqrt(mean(x^2) + epsilon) gain + bias.

    The mean is not subtracted. The default epsilon of PyTorch's RMSNorm is the machine epsilon, 2^-52 in
    float64.

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization (2019), equation 4; ONNX
    RMSNormalization.
    """
    state_left_out(x, gain, has_bias=False)
    rows, graph = _rows(x, axis, axes, gain, bias), x.graph
    gain, bias = (
        broadcast_entries(one, name, x, rows.axes) for one, name in ((gain, "gain"), (bias, "bias"))
    )
    output = fused_output(rows, x, gain, bias, epsilon, ("mean_square", "rms", "normalized"))
    if output is not None:
        return output
    added = parse_bounded(graph, "epsilon", epsilon, least=0)
    square = rows.name_statistic(rows.average(apply("power", x, exponent=TWO)), "mean_square")
    rms = rows.name_statistic(deviation_of(square, added), "rms")
    normalized = rows.name_entries(x / rows.expand(rms), "normalized")
    if not {square.name, rms.name} & graph.given.keys():
        promise_square(rows, normalized, square, added)
    return rescale(rows, normalized, gain, bias)


def _rows(x: Value, axis: int, axes: Axes | None, *parameters: Value | None) -> Rows:
    infer_input_shape(x, -1, *parameters)
    chosen = _axes(x, axis, axes)
    x.graph.conventions["axes"] = list(chosen)
    # Inside a model the axes have labels, such as tokens; the layer's own input has none.
    numbered = tuple(f"axis_{at}" for at in range(x.rank))
    if x.name == x.graph.full_name("x"):
        x.axes = (*numbered[:-1], "d") if -1 in chosen else numbered
    outer = x.axes if len(x.axes) == x.rank else numbered
    labels = tuple("feature" if at - x.rank in chosen else outer[at] for at in range(x.rank))
    kept_labels = tuple(outer[at] for at in range(x.rank) if at - x.rank not in chosen)
    return Rows(x, chosen, x.shape, labels, kept_labels)


def _axes(x: Value, axis: int, axes: Axes | None) -> tuple[int, ...]:
    """Return the normalized axes, counted from the last, in order. Raises QuestionError."""
    field = "axis" if axes is None else "axes"
    if axes is not None and axis != -1:
        raise QuestionError(("axis",), "axis has no use with axes", "axis or axes", "both")
    chosen = range(find_axis(x, axis), 0) if axes is None else (axes,) if isinstance(axes, int) else axes
    counted = [find_axis(x, number, field=field) for number in chosen]
    if not counted:
        raise QuestionError((field,), "no axis is normalized", "at least one axis", "an empty list")
    if len(set(counted)) < len(counted):
        twice = next(number for number in counted if counted.count(number) > 1)
        raise QuestionError((field,), "an axis is named twice", "each axis once", f"axis {twice} twice")
    return tuple(sorted(counted))
