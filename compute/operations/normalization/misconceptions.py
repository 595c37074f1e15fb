"""Known mistakes in normalizations: their statistics, epsilon, and the paths of their gradients."""

from compute.arithmetic.expressions import HALF, number_expression
from compute.dimensions import product
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception, stop_gradient

NORMS = ("layer_norm", "batch_norm", "instance_norm", "group_norm")
ALL = (*NORMS, "rms_norm")
SEEN = "seen in courses"


def _root(step: Step) -> Value:
    """Return the deviation inside the normalized entries: the root of the variance plus epsilon."""
    divided = step.find("divide")
    value = divided.inputs[1]
    while value.primitive is not None and value.primitive.name == "expand_dims":
        [value] = value.inputs
    if value.primitive is None or value.primitive.name != "power":
        raise DoesNotApply("no root")
    return value


@misconception(
    "norm.sample_variance",
    at="variance",
    of=NORMS,
    message="Norms divide by the number of entries: look at the denominator of the variance.",
    note="the variance was divided by n - 1",
    source="Flux#529; pytorch#7028",
)
def sample_variance(step: Step) -> Value:
    """Divide by one less than the number of entries."""
    entries, rows = product(step["x"].shape), product(step.value.shape)
    if not isinstance(entries, int) or not isinstance(rows, int) or entries <= rows:
        raise DoesNotApply("one entry")
    count = entries // rows
    return step.value * step.constant(count / (count - 1))


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
    if centered.primitive is None or centered.primitive.name != "subtract":
        raise DoesNotApply("not centered")
    return step.rebuilt({centered: centered.inputs[0]})


@misconception(
    "norm.divided_by_variance",
    at="normalized",
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
    "norm.epsilon_left_out",
    at="normalized",
    of=ALL,
    message="Something small is added to the variance: look at the denominator.",
    note="epsilon was left out",
    source=SEEN,
)
def epsilon_left_out(step: Step) -> Value:
    """Leave out epsilon."""
    root = _root(step)
    [added] = root.inputs
    return step.rebuilt({added: added.inputs[0]})


@misconception(
    "norm.epsilon_outside_root",
    at="normalized",
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
    centered = step.find("divide").inputs[0]
    if centered.primitive is None or centered.primitive.name != "subtract":
        raise DoesNotApply("not centered")
    return step.rebuilt({centered: centered.inputs[0]})


def _over(step: Step, axes: tuple[int, ...]) -> Value:
    """Return the entries normalized over other axes."""
    x = step["x"]
    epsilon = _root(step).inputs[0].inputs[1]
    mean = apply("average", x, axes=axes)
    for axis in sorted(axes, reverse=True):
        mean = apply("expand_dims", mean, axis=axis)
    centered = x - mean
    variance = apply("average", apply("power", centered, exponent=number_expression(2)), axes=axes)
    deviation = apply("power", variance + epsilon, exponent=HALF)
    for axis in sorted(axes, reverse=True):
        deviation = apply("expand_dims", deviation, axis=axis)
    return centered / deviation


@misconception(
    "norm.wrong_axis",
    at="normalized",
    of=("layer_norm", "batch_norm"),
    message="Look at which entries share a mean: those of one sample, or those of one feature?",
    note="the statistics were taken over the other axis",
    source="cudnn-frontend#432",
)
def wrong_axis(step: Step) -> Value:
    """Normalize over the other axis of a matrix."""
    x = step["x"]
    if x.rank != 2:
        raise DoesNotApply("not a matrix")
    is_over_rows = step["mean"].shape[-1:] != x.shape[-1:] or step.graph.operation == "layer_norm"
    return _over(step, (-2,) if is_over_rows else (-1,))


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
    rank = step["x"].rank
    return _over(step, tuple(range(-rank, 0)))


@misconception(
    "norm.gradient_statistics_constant",
    at="normalized",
    of=NORMS,
    message="Mean and variance depend on every entry: look at the paths of the gradient.",
    note="mean and variance were taken as constants in the gradient",
    source=SEEN,
)
def statistics_constant(step: Step) -> Value:
    """Stop the gradients of both statistics."""
    return step.rebuilt({step[name]: stop_gradient(step[name]) for name in ("mean", "variance")})


@misconception(
    "norm.gradient_path_forgotten",
    at="normalized",
    of=NORMS,
    message="The gradient has more than one path to the entries: count them.",
    note="the path of the gradient through the variance was left out",
    source=SEEN,
)
def path_forgotten(step: Step) -> Value:
    """Stop the gradient of the variance."""
    return step.rebuilt({step["variance"]: stop_gradient(step["variance"])})


MISCONCEPTIONS = (
    sample_variance, variance_about_zero, divided_by_variance, epsilon_left_out, epsilon_outside_root,
    mean_not_subtracted, wrong_axis, over_everything, statistics_constant, path_forgotten,
)  # fmt: skip
