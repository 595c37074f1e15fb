"""Known mistakes in poolings. A max pooling is one primitive, or takes the entries at its winners."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply
from compute.operations.convolution.misconceptions import is_applied
from compute.operations.framework.misconceptions import DoesNotApply, GradientRule, Step, misconception
from compute.primitives.maxima import hits_by_condition, indicator
from compute.primitives.windows import Layout, overlap_add, pad

MAX_POOLINGS = ("max_pool1d", "max_pool2d")
AVERAGE_POOLINGS = ("average_pool1d", "average_pool2d")
WINDOWS = ("layout", "window", "output")
MAXIMA = ("max_pool", "entries_at")
Kept: TypeAlias = Callable[[int, int], Array]
"""Returns for an entry of the windows, by row and column, which windows pass their gradient on to it."""


def _windows(step: Step) -> tuple[Value, dict[str, Any]]:
    """Return the input of a pooling and its windows."""
    if is_applied(step.value, "entries_at"):
        winners = step.operands[1]
        while winners.inputs and not is_applied(winners, "winners"):
            winners = winners.inputs[0]
        return step.operands[0], _geometry(winners.attributes)
    if is_applied(step.value, "divide"):
        total = step.operands[0]
        return total.inputs[0], _geometry(total.attributes)
    return step.operands[0], _geometry(step.attributes)


def _geometry(attributes: Mapping[str, Any]) -> dict[str, Any]:
    if "window" not in attributes:
        raise DoesNotApply("no windows")
    return {name: attributes[name] for name in WINDOWS}


def _counted(step: Step, x: Value, windows: Mapping[str, Any]) -> Value:
    """Return the number of entries of each window, without the padding."""
    sizes = (x.shape[-2], x.shape[-1])
    return apply("window_counts", graph=step.graph, **windows, sizes=sizes, borders=((0, 0), (0, 0)))


@misconception(
    "pool.average_for_max",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Look at what each window is reduced to: this layer does not average.",
    note="the average of each window was taken instead of the maximum",
    source="seen in courses",
)
def average_for_max(step: Step) -> Value:
    """Take averages."""
    x, windows = _windows(step)
    return apply("window_sum", x, **windows) / _counted(step, x, windows)


@misconception(
    "pool.max_for_average",
    primitives=("divide",),
    of=AVERAGE_POOLINGS,
    message="Look at what each window is reduced to: this layer does not look for the largest entry.",
    note="the maximum of each window was taken instead of the average",
    source="seen in courses",
)
def max_for_average(step: Step) -> Value:
    """Take maxima."""
    x, windows = _windows(step)
    return apply("max_pool", x, **windows, ties="first")


@misconception(
    "pool.sum_for_average",
    primitives=("divide",),
    of=AVERAGE_POOLINGS,
    message="The entries of each window are added: look at what is missing to make it an average.",
    note="the sum of each window was taken instead of the average",
    source="seen in courses",
)
def sum_for_average(step: Step) -> Value:
    """Leave the sums undivided."""
    return step.operands[0]


@misconception(
    "pool.stride_one",
    primitives=(*MAXIMA, "divide"),
    of=(*MAX_POOLINGS, *AVERAGE_POOLINGS),
    reshapes=True,
    message="Look at how far the window moves from one output to the next.",
    note="the window moved by one entry at a time",
    source="seen in courses",
)
def stride_one(step: Step) -> Value | None:
    """Move the window by one entry."""
    x, windows = _windows(step)
    layout: Layout = windows["layout"]._replace(stride=(1, 1))
    if layout == windows["layout"]:
        return None
    output = layout.output((x.shape[-2], x.shape[-1]), windows["window"])
    windows |= {"layout": layout, "output": output}
    if not is_applied(step.value, "divide"):
        return apply("max_pool", x, **windows, ties="first")
    counts = {**step.operands[1].attributes, **windows}
    return apply("window_sum", x, **windows) / apply("window_counts", graph=step.graph, **counts)


@misconception(
    "pool.gradient_to_all",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Which entry of a window decides its maximum? Only a change of that one changes the output.",
    note="every entry of a window got the window's gradient",
    source="CNN-from-scratch#1",
)
def gradient_to_all(step: Step) -> Value:
    """Pass the gradient on to every entry of a window."""
    x, windows = _windows(step)
    return step.with_gradient_through(x, apply("window_sum", x, **windows))


@misconception(
    "pool.gradient_split_evenly",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Which entry of a window decides its maximum? The gradient is not that of an average.",
    note="the gradient of a window was split evenly among its entries, as for average pooling",
    source="seen in courses",
)
def gradient_split_evenly(step: Step) -> Value:
    """Pass the gradient on as average pooling does."""
    x, windows = _windows(step)
    average = apply("window_sum", x, **windows) / _counted(step, x, windows)
    return step.with_gradient_through(x, average)


@misconception(
    "pool.ties_to_all",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Several entries of a window are the largest: look at how often its gradient is passed on.",
    note="every entry that equals the maximum of its window got the window's whole gradient",
    source="CNN-from-scratch#1",
)
def ties_to_all(step: Step) -> Value | None:
    """Pass the whole gradient on to each of several equal maxima."""
    if step.settings["ties"] == "all":
        return None
    x, windows = _windows(step)
    return step.with_gradient_through(x, apply("max_pool", x, **windows, ties="all"))


@misconception(
    "pool.gradient_overwritten",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Windows overlap: look at the gradient of an entry that is the largest of several windows.",
    note="where windows share their maximum, the gradient of the last one replaced those before",
    source="Flux#1197; joey#5",
)
def gradient_overwritten(step: Step) -> Value:
    """Keep the gradient of the last window alone."""
    x, windows = _windows(step)
    layout = windows["layout"]

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        result = pad(xp, xp.zeros(x.shape), layout.padding)
        hits = [*hits_by_condition(xp, x, **windows, ties="first")]
        for _, _, at, hit in reversed(hits):  # an entry's last window is that in which it comes first
            result[at] = xp.where(hit, g, result[at])
        return _without_padding(result, layout)

    return step.with_gradient(x, rule)


def _without_padding(padded: Array, layout: Layout) -> Array:
    (top, bottom), (left, right) = layout.padding
    return padded[..., top : padded.shape[-2] - bottom, left : padded.shape[-1] - right]


def _gradient_of(windows: Mapping[str, Any], keeps: Kept) -> GradientRule:
    """Return the gradient rule of max pooling without some pairs of a window and one of its entries."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        hits = hits_by_condition(xp, x, **windows, ties="first")
        parts = ((at[1:], xp.multiply(g, indicator(xp, keeps(i, j) & hit))) for i, j, at, hit in hits)
        return overlap_add(xp, parts, windows["layout"], x.shape)

    return rule


@misconception(
    "pool.gradient_first_window_only",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Every window has a maximum: look at how many windows pass their gradient back.",
    note="only the first window passed its gradient on",
    source="CNN-from-scratch#1",
)
def gradient_first_window_only(step: Step) -> Value:
    """Drop the gradients of all windows but the first."""
    x, windows = _windows(step)
    first = np.zeros(windows["output"], dtype=bool)
    first[0, 0] = True
    return step.with_gradient(x, _gradient_of(windows, lambda i, j: first))


@misconception(
    "pool.gradient_with_rectifier_condition",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="The gradient of a maximum asks only which entry is the largest: check each condition you wrote.",
    note="the gradient passed only to maxima above 0: the condition of the rectifier stood here once more",
    source="exam 000, comments on question 0.2.3: adding unnecessary constraints",
)
def gradient_with_rectifier_condition(step: Step) -> Value:
    """Pass the gradient on to positive maxima alone, as if a rectifier came before."""
    x, windows = _windows(step)
    all_cases = _gradient_of(windows, lambda i, j: np.array(True))

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        is_positive = xp.greater(x, xp.whole(np.array(0)))
        return xp.multiply(all_cases(xp, g, x), indicator(xp, is_positive))

    return step.with_gradient(x, rule)


def _owners(step: Step, windows: Mapping[str, Any], *, last: bool) -> Kept:
    """Return which windows are the first, or the last, that contain an entry.

    Raises DoesNotApply unless windows overlap.
    """
    down, across = (_owners_along(windows, axis, last=last) for axis in (0, 1))
    if down.all() and across.all():
        raise DoesNotApply("windows that do not overlap")
    return lambda i, j: np.asarray(down[:, i, None] & across[:, j])


def _owners_along(windows: Mapping[str, Any], axis: int, *, last: bool) -> Array:
    """Return for each window and entry along one axis whether the window is the first that contains it."""
    layout, count, extent = windows["layout"], windows["output"][axis], windows["window"][axis]
    if not isinstance(count, int) or not isinstance(extent, int):
        raise DoesNotApply("unknown sizes")
    starts = np.arange(count)[:, None] * layout.stride[axis]
    places = starts + np.arange(extent) * layout.dilation[axis]
    owner: dict[int, int] = {}
    for window in range(count) if last else reversed(range(count)):
        owner |= dict.fromkeys(places[window].tolist(), window)
    return np.array([[owner[place] == window for place in row] for window, row in enumerate(places.tolist())])


@misconception(
    "pool.gradient_one_case_missing",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Count the windows that each entry lies in: every one of them is a case of its gradient.",
    note="an entry in several windows got the gradient of the first of them only",
    source="exam 000, comments on question 0.2.3: error on one of the four cases",
)
def gradient_one_case_missing(step: Step) -> Value:
    """Pass the gradient on to entries that lie in no earlier window."""
    x, windows = _windows(step)
    return step.with_gradient(x, _gradient_of(windows, _owners(step, windows, last=False)))


@misconception(
    "pool.gradient_earlier_case_missing",
    primitives=MAXIMA,
    of=MAX_POOLINGS,
    message="Count the windows that each entry lies in: every one of them is a case of its gradient.",
    note="an entry in several windows got the gradient of the last of them only",
    source="exam 000, comments on question 0.2.3: error on one of the four cases",
)
def gradient_earlier_case_missing(step: Step) -> Value:
    """Pass the gradient on to entries that lie in no later window."""
    x, windows = _windows(step)
    return step.with_gradient(x, _gradient_of(windows, _owners(step, windows, last=True)))


@misconception(
    "pool.gradient_not_divided",
    primitives=("divide",),
    of=AVERAGE_POOLINGS,
    message="Each entry has a share of its window's average: look at the size of this share.",
    note="every entry got the window's gradient undivided",
    source="seen in courses",
)
def gradient_not_divided(step: Step) -> Value:
    """Pass the gradient on as a sum does."""
    total, _ = step.operands
    return step.with_gradient_through(total, total)


MISCONCEPTIONS = (
    average_for_max,
    max_for_average,
    sum_for_average,
    stride_one,
    gradient_to_all,
    gradient_split_evenly,
    ties_to_all,
    gradient_overwritten,
    gradient_first_window_only,
    gradient_with_rectifier_condition,
    gradient_one_case_missing,
    gradient_earlier_case_missing,
    gradient_not_divided,
)
