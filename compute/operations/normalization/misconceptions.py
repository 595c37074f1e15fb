"""Known mistakes in normalizations: their statistics, epsilon, gain and bias, and the paths of gradients."""

from compute.arithmetic.expressions import HALF
from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast
from compute.dimensions import product
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    misconception,
    stop_gradient,
)
from compute.operations.normalization.normalizing import TWO

NORMS = ("layer_norm", "batch_norm", "instance_norm", "group_norm")
ALL = (*NORMS, "rms_norm")
DEVIATIONS = ("inverse_deviation", "rms", "normalized")
"""The first of these that a norm names holds its deviation."""
SEEN = "seen in courses"


def _is_applied(value: Value, primitive: str) -> bool:
    return value.primitive is not None and value.primitive.name == primitive


def _without_expansion(value: Value) -> Value:
    while _is_applied(value, "expand_dims"):
        [value] = value.inputs
    return value


def _root(step: Step) -> Value:
    """Return the root of the variance plus epsilon. Raises DoesNotApply at a step that does not hold it."""
    if step.graph.operation == "rms_norm" and step.name != "rms":
        raise DoesNotApply("an earlier step")
    root = step.value if step.name == "rms" else _without_expansion(step.find("divide").inputs[1])
    if not _is_applied(root, "power") or not _is_applied(root.inputs[0], "add"):
        raise DoesNotApply("no root")
    return root


def _count(step: Step) -> int:
    """Return the number of entries of a mean. Raises DoesNotApply at other statistics, and for one entry."""
    average = step.find("average")
    entries, rows = product(average.inputs[0].shape), product(average.shape)
    if not isinstance(entries, int) or not isinstance(rows, int) or entries <= rows:
        raise DoesNotApply("one entry")
    return entries // rows


@misconception(
    "norm.sample_variance",
    at=("variance", "new_running_variance"),
    of=NORMS,
    message="Norms divide by the number of entries: look at the denominator of the variance.",
    note="the variance was divided by n - 1",
    source="Flux#529; pytorch#7028",
)
def sample_variance(step: Step) -> Value:
    """Divide by one less than the number of entries."""
    if step.name == "new_running_variance":
        return _without_correction(step)
    count = _count(step)
    return step.value * step.constant(count) / step.constant(count - 1)


def _update(step: Step) -> tuple[Value, Value, Value]:
    """Return the weights of the running statistic and of the batch's, and that of the batch."""
    old, new = step.operands
    return old.inputs[0], new.inputs[0], new.inputs[1]


def _without_correction(step: Step) -> Value:
    """Return the running variance updated with the batch's variance as it is.

    Raises DoesNotApply if it is so already.
    """
    _, _, batch = _update(step)
    if batch is step["variance"]:
        raise DoesNotApply("no correction")
    return step.rebuilt({batch: step["variance"]})


@misconception(
    "norm.running_variance_biased",
    at="new_running_variance",
    of=("batch_norm",),
    message="The running variance estimates that of all data: look at the denominator of the batch's variance"
    " in its update.",
    note="the running variance was updated with the batch's variance divided by n, not by n - 1",
    source="keras#8982; mlx#3817",
)
def running_variance_biased(step: Step) -> Value:
    """Leave out the correction of the batch's variance."""
    return _without_correction(step)


@misconception(
    "norm.momentum_of_the_other",
    at=("new_running_mean", "new_running_variance"),
    of=("batch_norm",),
    message="Two conventions exist for the momentum: look at which statistic it is the weight of.",
    note="the weights of the running statistic and of the batch's were exchanged",
    source="both forms exist, in PyTorch and in Keras",
)
def momentum_of_the_other(step: Step) -> Value:
    """Exchange the two weights."""
    kept, added, _ = _update(step)
    return step.rebuilt({kept: added, added: kept})


@misconception(
    "norm.variance_about_zero",
    at="variance",
    of=NORMS,
    message="The variance is about the mean: look at what is squared.",
    note="the mean of the squares was used, without subtracting the mean",
    source=SEEN,
)
def variance_about_zero(step: Step) -> Value:
    """Take the mean of the squares."""
    centered = step.find("power").inputs[0]
    if not _is_applied(centered, "subtract"):
        raise DoesNotApply("not centered")
    return step.rebuilt({centered: centered.inputs[0]})


@misconception(
    "norm.divided_by_variance",
    at=DEVIATIONS,
    of=ALL,
    message="Entries are divided by the standard deviation: a root is missing.",
    note="the entries were divided by the variance, without the root",
    source=SEEN,
)
def divided_by_variance(step: Step) -> Value:
    """Divide by the variance."""
    root = _root(step)
    return step.rebuilt({root: root.inputs[0]})


@misconception(
    "norm.squared_for_root",
    at=DEVIATIONS,
    of=ALL,
    message="Look at the exponent of the variance in the denominator.",
    note="the variance plus epsilon was squared, where its root is taken",
    source="TPlinker#37",
)
def squared_for_root(step: Step) -> Value:
    """Take the square in place of the root."""
    root = _root(step)
    return step.rebuilt({root: apply("power", root.inputs[0], exponent=TWO)})


@misconception(
    "norm.epsilon_left_out",
    at=DEVIATIONS,
    of=ALL,
    message="Something small is added to the variance: look at the denominator.",
    note="epsilon was left out",
    source=SEEN,
)
def epsilon_left_out(step: Step) -> Value:
    """Leave out epsilon."""
    [added] = _root(step).inputs
    return step.rebuilt({added: added.inputs[0]})


@misconception(
    "norm.epsilon_outside_root",
    at=DEVIATIONS,
    of=ALL,
    message="Epsilon is added to the variance: look at what is under the root.",
    note="epsilon was added to the root, not under it",
    source="chainer#2214",
)
def epsilon_outside_root(step: Step) -> Value:
    """Add epsilon to the root."""
    root = _root(step)
    variance, epsilon = root.inputs[0].inputs
    return step.rebuilt({root: apply("power", variance, exponent=HALF) + epsilon})


def _centered(step: Step) -> Value:
    """Return the entries minus their mean, which are divided by the deviation or times its inverse."""
    for primitive in ("divide", "multiply"):
        try:
            centered = step.find(primitive).inputs[0]
        except DoesNotApply:
            continue
        if _is_applied(centered, "subtract"):
            return centered
    raise DoesNotApply("not centered")


@misconception(
    "norm.mean_not_subtracted",
    at="normalized",
    of=NORMS,
    message="Normalized entries have mean zero: look at the numerator.",
    note="the mean was not subtracted",
    source=SEEN,
)
def mean_not_subtracted(step: Step) -> Value:
    """Divide the entries themselves."""
    centered = _centered(step)
    return step.rebuilt({centered: centered.inputs[0]})


@misconception(
    "norm.mean_subtracted",
    at="mean_square",
    of=("rms_norm",),
    message="This norm does not center its entries: look at what is squared.",
    note="the variance about the mean was used, not the mean of the squares",
    source=SEEN,
)
def mean_subtracted(step: Step) -> Value:
    """Take the variance."""
    power = step.find("power")
    [x] = power.inputs
    axes = step.find("average").attributes["axes"]
    return step.rebuilt({x: x - _expand(apply("average", x, axes=axes), axes)})


def _expand(statistic: Value, axes: tuple[int, ...]) -> Value:
    for axis in sorted(axes, reverse=True):
        statistic = apply("expand_dims", statistic, axis=axis)
    return statistic


def _over(step: Step, axes: tuple[int, ...]) -> Value:
    """Return a statistic of the entries over other axes, or the entries normalized by them."""
    x = step["x"]
    mean = apply("average", x, axes=axes)
    centered = x - _expand(mean, axes)
    variance = apply("average", apply("power", centered, exponent=TWO), axes=axes)
    if step.name != "normalized":
        step.find("average")
        return mean if step.name == "mean" else variance
    _centered(step)
    deviation = apply("power", variance + _epsilon(step), exponent=HALF)
    return centered / _expand(deviation, axes)


def _epsilon(step: Step) -> Value:
    if step.has("inverse_deviation"):
        return step["inverse_deviation"].inputs[1].inputs[0].inputs[1]
    return _root(step).inputs[0].inputs[1]


def _axes(step: Step) -> tuple[int, ...]:
    """Return the axes of the batch's statistics. Raises DoesNotApply without statistics of its own."""
    is_inference = step.settings.get("training") is False
    if is_inference:
        raise DoesNotApply("running statistics")
    rank = step["x"].rank
    if step.graph.operation == "batch_norm":
        channel = step.settings.get("channel_axis", 1) % rank
        return tuple(axis - rank for axis in range(rank) if axis != channel)
    return tuple(step.graph.conventions["axes"])


STATISTICS = ("mean", "variance", "normalized")


@misconception(
    "norm.wrong_axis",
    at=STATISTICS,
    of=("layer_norm", "batch_norm"),
    message="Look at which entries share a mean: those of one sample, or those of one feature?",
    note="the statistics were taken over the other axis",
    source="cudnn-frontend#432",
)
def wrong_axis(step: Step) -> Value:
    """Normalize over the other one of the last two axes."""
    axes = _axes(step)
    if axes not in ((-1,), (-2,)) or step["x"].rank < 2:
        raise DoesNotApply("no other axis")
    return _over(step, (-3 - axes[0],))


@misconception(
    "norm.over_everything",
    at="normalized",
    of=("layer_norm", "batch_norm"),
    message="Not all entries share one mean: look at the axes of the statistics.",
    note="the statistics were taken over all entries",
    source=SEEN,
)
def over_everything(step: Step) -> Value:
    """Normalize over all axes."""
    _axes(step)
    rank = step["x"].rank
    return _over(step, tuple(range(-rank, 0)))


def _over_some(code: str, keep_batch: bool, message: str, note: str) -> Misconception:
    """Declare a batch norm over a part of its axes. keep_batch: over the batch alone, or over positions."""

    @misconception(code, at="normalized", of=("batch_norm",), message=message, note=note, source=SEEN)
    def over_some(step: Step) -> Value:
        axes = _axes(step)
        if len(axes) < 2 or step.settings.get("channel_axis", 1) == 0:
            raise DoesNotApply("one axis")
        return _over(step, axes[:1] if keep_batch else axes[1:])

    return over_some


over_batch_alone = _over_some(
    "norm.over_batch_alone",
    True,
    "All positions of a channel share one mean: look at the axes of the statistics.",
    "the statistics were taken over the batch alone, apart for each position",
)
over_positions_alone = _over_some(
    "norm.over_positions_alone",
    False,
    "The samples of a batch share one mean: look at the axes of the statistics.",
    "the statistics were taken for each sample, over its positions alone",
)


def _constant(code: str, names: tuple[str, ...], message: str, note: str) -> Misconception:
    """Declare a gradient without the paths through some statistics."""

    @misconception(code, at="normalized", of=ALL, message=message, note=note, source=SEEN)
    def constant(step: Step) -> Value:
        held = [step[name] for name in names if step.has(name)]
        return step.rebuilt({value: stop_gradient(value) for value in held})

    return constant


statistics_constant = _constant(
    "norm.gradient_statistics_constant",
    ("mean", "variance", "inverse_deviation", "rms"),
    "Mean and variance depend on every entry: look at the paths of the gradient.",
    "the statistics were taken as constants in the gradient",
)
path_forgotten = _constant(
    "norm.gradient_path_forgotten",
    ("variance", "inverse_deviation"),
    "The gradient has more than one path to the entries: count them.",
    "the path of the gradient through the variance was left out",
)
mean_path_forgotten = _constant(
    "norm.gradient_mean_path_forgotten",
    ("mean",),
    "The gradient has more than one path to the entries: count them.",
    "the path of the gradient through the mean was left out",
)


def _product(step: Step) -> Value:
    """Return the product with the gain. Raises DoesNotApply without a gain."""
    if not step.has("gain"):
        raise DoesNotApply("no gain")
    return step.find("multiply")


@misconception(
    "norm.gain_left_out",
    at="output",
    of=ALL,
    message="Each normalized entry has a learned factor: look at the last steps.",
    note="the gain was left out",
    source=SEEN,
)
def gain_left_out(step: Step) -> Value:
    """Leave out the gain."""
    product = _product(step)
    return step.rebuilt({product: product.inputs[0]})


@misconception(
    "norm.bias_left_out",
    at="output",
    of=ALL,
    message="Something is added after the gain: look at the last step.",
    note="the bias was left out",
    source=SEEN,
)
def bias_left_out(step: Step) -> Value:
    """Leave out the bias."""
    if not step.has("bias"):
        raise DoesNotApply("no bias")
    total = step.find("add")
    return step.rebuilt({total: total.inputs[0]})


@misconception(
    "norm.gain_after_bias",
    at="output",
    of=ALL,
    message="Look at the order of the two last steps, the gain and the bias.",
    note="the bias was added before the gain, which multiplied it, too",
    source=SEEN,
)
def gain_after_bias(step: Step) -> Value:
    """Add the bias first."""
    normalized, gain = _product(step).inputs
    total = step.find("add")
    return step.rebuilt({total: (normalized + total.inputs[1]) * gain})


@misconception(
    "norm.gradient_gain_without_entries",
    at="output",
    of=ALL,
    message="The gain multiplies the normalized entries: look for them in its gradient.",
    note="the gradient of the gain was taken as that of the bias, without the normalized entries",
    source=SEEN,
)
def gradient_gain_without_entries(step: Step) -> Value:
    """Sum the gradients alone."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return unbroadcast(xp, g, x.shape)

    return step.with_gradient(_product(step).inputs[1], rule)


# Those of gradients come first: a gradient alone often fits a mistaken value, too.
MISCONCEPTIONS = (
    statistics_constant, path_forgotten, mean_path_forgotten, gradient_gain_without_entries,
    running_variance_biased, momentum_of_the_other, sample_variance, variance_about_zero,
    divided_by_variance, squared_for_root, epsilon_left_out, epsilon_outside_root, mean_not_subtracted,
    mean_subtracted, wrong_axis, over_everything, over_batch_alone, over_positions_alone, gain_left_out,
    bias_left_out, gain_after_bias,
)  # fmt: skip
