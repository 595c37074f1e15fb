"""Normalization of each sample by itself, along its features: layer norm and RMS norm."""

from typing import Annotated, TypeAlias

from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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
        "The first of the axes that are normalized: it and all behind it, as ONNX has it. -2 is what PyTorch"
        " calls a normalized_shape of two sizes."
    ),
]
These: TypeAlias = Annotated[
    Axes | None, Attribute("The axes that are normalized, in the place of axis: one, or a list of them.")
]
DIMS = "... n d | d"
STORED = (StoredTensor("weight", ("gain",)), StoredTensor("bias", ("bias",)))


def data_input() -> Input:
    """What is normalized."""
    return Input(DIMS, "The input; by default each row along its last axis is normalized.", "X")


def _gain() -> Input:
    return gain_input("d", "What normalized entries are multiplied by: of the shape of the normalized axes.")


def _bias() -> Input:
    return bias_input("d", "What is added then: of the shape of the normalized axes.")


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

    The gradient of x has three paths, which its contributions tell apart: through the mean, through the
    variance, and directly.

    Source: Ba, Kiros and Hinton, Layer Normalization (2016), equations 3 and 4; ONNX LayerNormalization.
    """
    state_left_out(x, gain, bias)
    rows = _rows(x, axis, axes, gain, bias)
    gain, bias = (
        broadcast_entries(one, name, x, rows.axes) for one, name in ((gain, "gain"), (bias, "bias"))
    )
    found = fused_output(rows, x, gain, bias, epsilon)
    if found is not None:
        return found
    return rescale(rows, standardize(rows, row_moments(rows), epsilon), gain, bias)


@operation(
    (
        ValueSpec("mean_square", "token", "...", "The mean of the squares over the normalized axes.", r"\nu"),
        ValueSpec(
            "rms",
            "token",
            "...",
            "The root of the mean square plus epsilon.",
            r"\operatorname{RMS}\left(X\right)",
        ),
        ValueSpec("normalized", "feature", DIMS, "The entries over the root mean square.", r"\hat{X}"),
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

    Nothing is centered. PyTorch's RMSNorm has the machine's own epsilon, 2^-52 in float64, if none is said.

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization (2019), equation 4; ONNX
    RMSNormalization.
    """
    state_left_out(x, gain, has_bias=False)
    rows, graph = _rows(x, axis, axes, gain, bias), x.graph
    gain, bias = (
        broadcast_entries(one, name, x, rows.axes) for one, name in ((gain, "gain"), (bias, "bias"))
    )
    found = fused_output(rows, x, gain, bias, epsilon, ("mean_square", "rms", "normalized"))
    if found is not None:
        return found
    added = parse_bounded(graph, "epsilon", epsilon, least=0)
    square = rows.name_statistic(rows.average(apply("power", x, exponent=TWO)), "mean_square")
    rms = rows.name_statistic(deviation_of(square, added), "rms")
    normalized = rows.named(x / rows.expand(rms), "normalized")
    if not {square.name, rms.name} & graph.given.keys():
        promise_square(rows, normalized, square, added)
    return rescale(rows, normalized, gain, bias)


def _rows(x: Value, axis: int, axes: Axes | None, *parameters: Value | None) -> Rows:
    infer_input_shape(x, -1, *parameters)
    chosen = _axes(x, axis, axes)
    x.graph.conventions["axes"] = list(chosen)
    # A model says what the axes run over, such as tokens; of an input of the layer itself nobody knows.
    numbered = tuple(f"axis_{at}" for at in range(x.rank))
    if x.name == x.graph.full_name("x"):
        x.axes = (*numbered[:-1], "d") if -1 in chosen else numbered
    outer = x.axes if len(x.axes) == x.rank else numbered
    labels = tuple("feature" if at - x.rank in chosen else outer[at] for at in range(x.rank))
    left = tuple(outer[at] for at in range(x.rank) if at - x.rank not in chosen)
    return Rows(x, chosen, x.shape, labels, left)


def _axes(x: Value, axis: int, axes: Axes | None) -> tuple[int, ...]:
    """The axes that are normalized, counted from the last, in order."""
    field = "axis" if axes is None else "axes"
    said = range(find_axis(x, axis), 0) if axes is None else axes
    if axes is not None and axis != -1:
        raise QuestionError(("axis",), "axes say all there is to say", "axis or axes", "both")
    chosen = [find_axis(x, one, field=field) for one in ((said,) if isinstance(said, int) else said)]
    if not chosen:
        raise QuestionError(
            (field,), "nothing is normalized along no axis", "at least one axis", "an empty list"
        )
    if len(set(chosen)) < len(chosen):
        twice = next(one for one in chosen if chosen.count(one) > 1)
        raise QuestionError((field,), "an axis is named twice", "each axis once", f"axis {twice} twice")
    return tuple(sorted(chosen))
