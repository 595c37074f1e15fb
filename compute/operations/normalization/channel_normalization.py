"""Normalization of channels: batch norm, group norm and instance norm."""

from typing import Annotated, Literal, TypeAlias

from compute.dimensions import Size, divide
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.convolution.convolution import check_groups
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.framework.shape_checks import find_axis
from compute.operations.normalization.left_out import state_left_out
from compute.operations.normalization.normalizing import (
    STATISTICS,
    Epsilon,
    Rows,
    bias_input,
    broadcast_channels,
    check_per_channel,
    fused_output,
    gain_input,
    infer_input_shape,
    moments,
    rescale,
    results,
    row_moments,
    standardize,
)
from compute.operations.normalization.running_statistics import (
    UPDATED,
    check_unbiased,
    momentum_weights,
    running_moments,
    unbias,
    update_statistic,
)

DIMS = "B C L | B C | B C H W | B C D H W | ..."
ChannelAxis: TypeAlias = Annotated[
    int,
    Attribute(
        "The axis of channels; -1 if they come last. The first of the other axes is the batch; if the first"
        " axis is that of channels, there is no batch."
    ),
]


def data_input() -> Input:
    """Declare the input."""
    return Input(DIMS, "The input: batch, channels, and then any positions.", "X")


def _gain() -> Input:
    return gain_input("C", "The factor of normalized entries, one number per channel.")


def _bias() -> Input:
    return bias_input("C", "Added after the gain, one number per channel.")


def _running(meaning: str, symbol: str) -> Input:
    return Input("C", meaning, symbol, broadcast=True, optional="not updated; required for inference")


@operation(
    (
        *moments("channel", "C", "the batch and all positions, in inference the running one"),
        ValueSpec(
            "new_running_mean",
            "channel",
            "C",
            "The running mean, updated with this batch.",
            r"\mu_{\text{running}}'",
        ),
        ValueSpec(
            "new_running_variance",
            "channel",
            "C",
            "The running variance, updated with this batch.",
            r"{\sigma^{2}_{\text{running}}}'",
        ),
        *results("batch channel position", DIMS),
    ),
    rules=(rule("training", {"running_mean": SENT, "running_variance": SENT}, unless_given=True),),
)
def batch_norm(
    x: Annotated[Value, data_input()],
    gain: Annotated[Value | None, _gain()] = None,
    bias: Annotated[Value | None, _bias()] = None,
    running_mean: Annotated[
        Value | None, _running("The running mean of previous batches.", r"\mu_{\text{running}}")
    ] = None,
    running_variance: Annotated[
        Value | None, _running("The running variance of previous batches.", r"\sigma^{2}_{\text{running}}")
    ] = None,
    *,
    channel_axis: ChannelAxis = 1,
    training: Annotated[
        bool, Attribute("Whether the batch's own statistics are used; otherwise the running statistics.")
    ] = True,
    momentum: Annotated[
        Constant | None,
        Attribute(
            "The weight in the update of running statistics, from 0 to 1. Default: 0.1 of the batch.",
            minimum=0,
            maximum=1,
        ),
    ] = None,
    momentum_of: Annotated[
        Literal["batch", "running"],
        Attribute(
            "The statistics that the momentum m weighs. batch: new = (1 - m) running + m batch, as in"
            " PyTorch; running: new = m running + (1 - m) batch, as in ONNX and Keras."
        ),
    ] = "batch",
    unbiased_running_variance: Annotated[
        bool,
        Attribute(
            "Whether running variances are updated with the batch's variance divided by N - 1 (PyTorch);"
            " otherwise by N (ONNX, Keras). Normalization always divides by N."
        ),
    ] = True,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Batch normalization: (x - mean)/sqrt(variance + epsilon) gain + bias, for each channel over the batch.

    Training uses the batch's statistics, and updates running statistics that are sent. Inference uses the
    running statistics and updates nothing.

    Source: Ioffe and Szegedy, Batch Normalization (2015), algorithms 1 and 2; ONNX BatchNormalization.
    """
    channels = _Channels(x, channel_axis, gain, bias, running_mean, running_variance)
    state_left_out(x, gain, bias)
    gain, bias = channels.broadcast(gain, "gain"), channels.broadcast(bias, "bias")
    rows = channels.rows((channels.axis,))
    running = {"running_mean": running_mean, "running_variance": running_variance}
    for name, value in running.items():
        check_per_channel(value, name, x, channels.axis)
    weights = momentum_weights(x, momentum, momentum_of)
    if not training:
        normalized = standardize(rows, running_moments(rows, running), epsilon)
        return rescale(rows, normalized, gain, bias)
    if running_variance is not None and unbiased_running_variance:
        check_unbiased(rows)
    output = fused_output(rows, x, gain, bias, epsilon, (*STATISTICS, *UPDATED))
    if output is not None:
        x.graph.batch_statistics.add(output.index)
        return output
    own = row_moments(rows)
    x.graph.batch_statistics |= {own.mean.index, own.variance.index}
    if running_mean is not None:
        rows.name_statistic(update_statistic(running_mean, own.mean, weights), "new_running_mean")
    if running_variance is not None:
        batch = unbias(rows, own.variance) if unbiased_running_variance else own.variance
        rows.name_statistic(update_statistic(running_variance, batch, weights), "new_running_variance")
    return rescale(rows, standardize(rows, own, epsilon), gain, bias)


@operation(
    (
        *moments("batch group", "B groups | groups", "a group of channels and all positions"),
        *results("batch channel position", DIMS),
    )
)
def group_norm(
    x: Annotated[Value, data_input()],
    gain: Annotated[Value | None, _gain()] = None,
    bias: Annotated[Value | None, _bias()] = None,
    *,
    groups: Annotated[
        Size,
        Attribute(
            "The number of equal groups of consecutive channels; a divisor of their number.", minimum=1
        ),
    ],
    channel_axis: ChannelAxis = 1,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Group normalization: each group of channels of each sample is normalized over all positions.

    With one group it is layer normalization over all axes but the batch; with one per channel it is instance
    normalization. Gain and bias have one number per channel.

    Source: Wu and He, Group Normalization (2018), equations 1 to 7; ONNX GroupNormalization.
    """
    channels = _Channels(x, channel_axis, gain, bias)
    state_left_out(x, gain, bias)
    scale, shift = channels.broadcast(gain, "gain"), channels.broadcast(bias, "bias")
    rows = channels.groups(groups)
    output = fused_output(rows, x, scale, shift, epsilon)
    if output is not None:
        return output
    return rescale(rows, standardize(rows, row_moments(rows), epsilon), scale, shift)


@operation(
    (
        *moments("batch channel", "B C | C", "all positions of a channel"),
        *results("batch channel position", DIMS),
    )
)
def instance_norm(
    x: Annotated[Value, data_input()],
    gain: Annotated[Value | None, _gain()] = None,
    bias: Annotated[Value | None, _bias()] = None,
    *,
    channel_axis: ChannelAxis = 1,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Instance normalization: each channel of each sample is normalized over all positions.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance Normalization (2016), equation 4; ONNX
    InstanceNormalization.
    """
    channels = _Channels(x, channel_axis, gain, bias)
    if not channels.positions:
        raise QuestionError(
            ("x",),
            "each channel of each sample has one entry, which cannot be normalized",
            "positions after batch and channels, or channel_axis 0 without a batch",
            f"{x.rank} axes",
        )
    state_left_out(x, gain, bias)
    scale, shift = channels.broadcast(gain, "gain"), channels.broadcast(bias, "bias")
    kept = (*channels.batch, channels.axis)
    rows = channels.rows(kept)
    output = fused_output(rows, x, scale, shift, epsilon)
    if output is not None:
        return output
    return rescale(rows, standardize(rows, row_moments(rows), epsilon), scale, shift)


class _Channels:
    """An input with the roles of its axes: channels, batch and positions, all counted from the first."""

    def __init__(self, x: Value, axis: int, *parameters: Value | None) -> None:
        infer_input_shape(x, axis, *parameters)
        if x.rank < 2:
            raise QuestionError(
                ("x",), "channels alone are nothing to normalize", "channels and a batch, positions or both",
                f"{x.rank} axes",
            )  # fmt: skip
        self.x = x
        self.axis = find_axis(x, axis, field="channel_axis") % x.rank
        self.batch = (0,) if self.axis else ()
        self.positions = tuple(at for at in range(len(self.batch), x.rank) if at != self.axis)
        names = {self.axis: "channel"} | dict.fromkeys(self.batch, "batch")
        self.labels = tuple(names.get(at, "position") for at in range(x.rank))
        self.count = x.shape[self.axis]
        if self.axis != 1:  # the first alternative of its dims has channels there
            x.axes = self.labels
        x.graph.dimensions["C"] = self.count

    def broadcast(self, parameter: Value | None, field: str) -> Value | None:
        """Return one number per channel, or for all, in a shape that broadcasts to x."""
        return broadcast_channels(parameter, field, self.x, self.axis)

    def rows(self, kept: tuple[int, ...]) -> Rows:
        """Return rows of all entries with the same indices along these axes."""
        rank = self.x.rank
        axes = tuple(at - rank for at in range(rank) if at not in kept)
        return Rows(self.x, axes, self.x.shape, self.labels, tuple(self.labels[at] for at in kept))

    def groups(self, groups: Size) -> Rows:
        """Return rows of all entries of a sample and of a group of channels."""
        check_groups(self.count, groups, "channels")
        shape, at = self.x.shape, self.axis
        cut = apply("reshape", self.x, to=(*shape[:at], groups, divide(self.count, groups), *shape[at + 1 :]))
        axes = tuple(axis - cut.rank for axis in range(cut.rank) if axis not in (*self.batch, at))
        return Rows(cut, axes, shape, self.labels, (*("batch",) * len(self.batch), "group"))
