"""Normalization by channels: batch norm, group norm and instance norm."""

from typing import Annotated, Literal, TypeAlias

from compute.dimensions import Size, divide
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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
        "Which axis runs over channels; -1 where they come last. The first of the others is the batch, which"
        " an input whose first axis is that of its channels does not have."
    ),
]


def data_input() -> Input:
    """What is normalized."""
    return Input(DIMS, "The input: batch, channels, and then any positions.", "X")


def _gain() -> Input:
    return gain_input("C", "What normalized entries are multiplied by: one number for each channel.")


def _bias() -> Input:
    return bias_input("C", "What is added then: one number for each channel.")


def _running(meaning: str, symbol: str) -> Input:
    return Input("C", meaning, symbol, broadcast=True, optional="not updated; inference needs it")


@operation(
    (
        *moments("channel", "C", "the batch and all positions, in inference the running one"),
        ValueSpec(
            "new_running_mean",
            "channel",
            "C",
            "The running mean with this batch in it.",
            r"\mu_{\text{running}}'",
        ),
        ValueSpec(
            "new_running_variance",
            "channel",
            "C",
            "The running variance with this batch in it.",
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
        Value | None, _running("The mean of batches before.", r"\mu_{\text{running}}")
    ] = None,
    running_variance: Annotated[
        Value | None, _running("The variance of batches before.", r"\sigma^{2}_{\text{running}}")
    ] = None,
    *,
    channel_axis: ChannelAxis = 1,
    training: Annotated[
        bool, Attribute("Whether the batch's own statistics are used, or the running ones.")
    ] = True,
    momentum: Annotated[
        Constant | None,
        Attribute(
            "How much running statistics move, from 0 to 1; if not said a tenth of the way.",
            minimum=0,
            maximum=1,
        ),
    ] = None,
    momentum_of: Annotated[
        Literal["batch", "running"],
        Attribute(
            "What the momentum m weighs. batch: new = (1 - m) running + m batch, as PyTorch has it; running:"
            " new = m running + (1 - m) batch, as ONNX and Keras have it."
        ),
    ] = "batch",
    unbiased_running_variance: Annotated[
        bool,
        Attribute(
            "Whether running variances take the batch's variance divided by N - 1 (PyTorch) or by N (ONNX,"
            " Keras). Normalizing uses the latter either way."
        ),
    ] = True,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Batch normalization: (x - mean)/sqrt(variance + epsilon) gain + bias, for each channel over the batch.

    In training the statistics are the batch's own, and running ones that came are updated; in inference the
    running ones are used and nothing is updated.

    Source: Ioffe and Szegedy, Batch Normalization (2015), algorithms 1 and 2; ONNX BatchNormalization.
    """
    channels = _Channels(x, channel_axis, gain, bias, running_mean, running_variance)
    state_left_out(x, gain, bias)
    scale, shift = channels.broadcast(gain, "gain"), channels.broadcast(bias, "bias")
    rows = channels.rows((channels.axis,))
    running = {"running_mean": running_mean, "running_variance": running_variance}
    for name, value in running.items():
        check_per_channel(value, name, x, channels.axis)
    weights = momentum_weights(x, momentum, momentum_of)
    if not training:
        found = running_moments(rows, running)
        return rescale(rows, standardize(rows, found, epsilon), scale, shift)
    if running_variance is not None and unbiased_running_variance:
        check_unbiased(rows)
    output = fused_output(rows, x, scale, shift, epsilon, (*STATISTICS, *UPDATED))
    if output is not None:
        return output
    found = row_moments(rows)
    if running_mean is not None:
        rows.name_statistic(update_statistic(running_mean, found.mean, weights), "new_running_mean")
    if running_variance is not None:
        batch = unbias(rows, found.variance) if unbiased_running_variance else found.variance
        rows.name_statistic(update_statistic(running_variance, batch, weights), "new_running_variance")
    return rescale(rows, standardize(rows, found, epsilon), scale, shift)


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
            "Into how many equal parts channels are cut, in order; a divisor of their number.", minimum=1
        ),
    ],
    channel_axis: ChannelAxis = 1,
    epsilon: Epsilon = 1e-5,
) -> Value:
    """Normalization of groups of channels: each group of each sample by itself, over all positions.

    One group is layer normalization of all but the batch; one for each channel is instance normalization.
    Gain and bias are one number for each channel.

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
    """Normalization of each channel of each sample by itself, over all positions.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance Normalization (2016), equation 4; ONNX
    InstanceNormalization.
    """
    channels = _Channels(x, channel_axis, gain, bias)
    if not channels.positions:
        raise QuestionError(
            ("x",),
            "each channel of each sample has one entry: there is nothing to normalize it by",
            "positions behind batch and channels, or channel_axis 0 where there is no batch",
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
    """An input, and which of its axes is what, all counted from the first."""

    def __init__(self, x: Value, axis: int, *parameters: Value | None) -> None:
        infer_input_shape(x, axis, *parameters)
        if x.rank < 2:
            raise QuestionError(
                ("x",), "channels alone are nothing to normalize", "a batch, positions or both beside them",
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
        """One number for each channel, or for all, as it stands beside x."""
        return broadcast_channels(parameter, field, self.x, self.axis)

    def rows(self, kept: tuple[int, ...]) -> Rows:
        """All entries that share their places along these axes as one row."""
        rank = self.x.rank
        axes = tuple(at - rank for at in range(rank) if at not in kept)
        return Rows(self.x, axes, self.x.shape, self.labels, tuple(self.labels[at] for at in kept))

    def groups(self, groups: Size) -> Rows:
        """All entries of a sample and of a group of channels as one row."""
        check_groups(self.count, groups, "channels")
        shape, at = self.x.shape, self.axis
        cut = apply("reshape", self.x, to=(*shape[:at], groups, divide(self.count, groups), *shape[at + 1 :]))
        axes = tuple(one - cut.rank for one in range(cut.rank) if one not in (*self.batch, at))
        return Rows(cut, axes, shape, self.labels, (*("batch",) * len(self.batch), "group"))
