"""Shared parts of normalizations: statistics of rows, normalized entries, gain and bias."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

from compute.arithmetic.expressions import HALF, number_expression
from compute.dimensions import Shape, ShapeError, Size, broadcast, from_last, product, show
from compute.errors import QuestionError
from compute.graph.graph import Graph, Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_literal, parse_bounded
from compute.operations.framework.declaration import Attribute, Constant, Input

TWO = number_expression(2)
STATISTICS = ("mean", "variance", "inverse_deviation", "normalized")  # the values before the output
BIASED = "biased: divided by the number of entries"
Epsilon: TypeAlias = Annotated[
    Constant,
    Attribute(
        "Added to the variance (or mean square) under the root. In exact arithmetic it may be a symbol.",
        minimum=0,
    ),
]


def gain_input(dims: str, meaning: str) -> Input:
    """Declare the gain, which multiplies normalized entries."""
    return Input(dims, meaning, r"\gamma", parameter=True, broadcast=True, optional="ones")


def bias_input(dims: str, meaning: str) -> Input:
    """Declare the bias, which is added after the gain."""
    return Input(dims, meaning, r"\beta", parameter=True, broadcast=True, optional="zeros", is_bias=True)


def moments(axes: str, dims: str, of: str) -> tuple[ValueSpec, ...]:
    """Declare the statistics that center and scale entries. of: the entries they are over, in words."""
    return (
        ValueSpec("mean", axes, dims, f"The mean over {of}.", r"\mu"),
        ValueSpec(
            "variance",
            axes,
            dims,
            f"The mean squared distance from the mean over {of}, divided by N, not N - 1.",
            r"\sigma^{2}",
        ),
        ValueSpec(
            "inverse_deviation",
            axes,
            dims,
            "One over the square root of the variance plus epsilon.",
            r"\sigma_{\epsilon}^{-1}",
            on_request=True,
        ),
    )


def results(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    """Declare the normalized entries and the layer's output."""
    return (
        ValueSpec("normalized", axes, dims, "The entries minus the mean, over the deviation.", r"\hat{X}"),
        ValueSpec("output", axes, dims, "The normalized entries times the gain, plus the bias.", "Y"),
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """The input as rows of entries along some axes, each normalized on its own.

    x: the input, reshaped if groups split an axis.
    axes: the axes of a row, counted from the last.
    shape, labels: of the input as it was sent.
    kept_labels: the labels of a statistic's axes.
    """

    x: Value
    axes: tuple[int, ...]
    shape: Shape
    labels: tuple[str, ...]
    kept_labels: tuple[str, ...]

    @property
    def graph(self) -> Graph:
        return self.x.graph

    @property
    def count(self) -> Size:
        """The number of entries of one row."""
        return product(self.x.shape[axis] for axis in self.axes)

    def average(self, value: Value) -> Value:
        """Return the mean of each row."""
        return apply("average", value, axes=self.axes)

    def expand(self, statistic: Value) -> Value:
        """Return a number per row with axes of size 1 for those of the row."""
        for axis in sorted(self.axes, reverse=True):
            statistic = apply("expand_dims", statistic, axis=axis)
        return statistic

    def name_statistic(self, value: Value, name: str) -> Value:
        """Name a number per row."""
        return name_with_labels(value, name, self.kept_labels)

    def name_entries(self, value: Value, name: str) -> Value:
        """Name entries in the shape of the input."""
        if value.shape != self.shape:
            value = apply("reshape", value, to=self.shape)
        return name_with_labels(value, name, self.labels)

    def as_rows(self, value: Value) -> Value:
        """Return entries in the shape of the rows."""
        return value if value.shape == self.x.shape else apply("reshape", value, to=self.x.shape)


def name_with_labels(value: Value, name: str, labels: tuple[str, ...]) -> Value:
    """Name a value and label its axes, if there is a label for each."""
    value = value.named(name)
    if value.rank == len(labels):
        value.axes = labels
    return value


class Moments(NamedTuple):
    """Mean and variance of each row, and the entries minus the mean. own: they are computed from the rows."""

    mean: Value
    variance: Value
    centered: Value
    own: bool


def row_moments(rows: Rows) -> Moments:
    """Compute and name the moments of the rows."""
    mean = rows.name_statistic(rows.average(rows.x), "mean")
    centered = rows.x - rows.expand(mean)
    variance = rows.name_statistic(rows.average(apply("power", centered, exponent=TWO)), "variance")
    rows.graph.conventions["variance"] = BIASED
    return Moments(mean, variance, centered, own=True)


def standardize(rows: Rows, moments: Moments, epsilon: Constant) -> Value:
    """Return the entries minus the mean of their row, divided by its deviation."""
    graph, (mean, variance, centered, own) = rows.graph, moments
    added = parse_bounded(graph, "epsilon", epsilon, least=0)
    deviation = deviation_of(variance, added)
    if graph.is_requested("inverse_deviation"):
        ones = add_literal(graph, 1)
        inverse = rows.name_statistic(ones / deviation, "inverse_deviation")
        entries = centered * rows.expand(inverse)
    else:
        entries = centered / rows.expand(deviation)
    normalized = rows.name_entries(entries, "normalized")
    if own and not {mean.name, variance.name} & graph.given.keys():
        promise_mean(rows, normalized)
        promise_square(rows, normalized, variance, added)
    return normalized


def deviation_of(square: Value, added: dict[str, Any]) -> Value:
    """Return the square root of a variance or mean square plus epsilon."""
    return apply("power", square + apply("constant", graph=square.graph, **added), exponent=HALF)


def fused_output(
    rows: Rows,
    x: Value,
    gain: Value | None,
    bias: Value | None,
    epsilon: Constant,
    between: tuple[str, ...] = STATISTICS,
) -> Value | None:
    """Compute the output in one step, if no value between is needed and kept axes are adjacent; else None.

    x: the input as it was sent. Exact arithmetic is not fused: its results would read no better.
    """
    graph, rank = rows.graph, rows.x.rank
    kept = [at for at in range(rank) if at - rank not in rows.axes]
    if graph.symbolic or any(map(graph.needs_value, between)):
        return None
    if kept and kept[-1] - kept[0] >= len(kept):
        return None
    if kept and kept[0] > 0 and not all(_is_per_group(parameter, x, kept) for parameter in (gain, bias)):
        return None
    centered = "mean" in between
    if centered:
        graph.conventions["variance"] = BIASED
    settings = parse_bounded(graph, "epsilon", epsilon, least=0)
    settings["epsilon"] = settings.pop("expression")
    settings["cut"] = None if rows.x.shape == x.shape else rows.x.shape
    settings["kept"] = (kept[0], kept[-1] + 1) if kept else (0, 0)
    scale = add_literal(graph, 1) if gain is None else gain
    shift = add_literal(graph, 0) if bias is None else bias
    return rows.name_entries(
        apply("normalized_groups", x, scale, shift, **settings, centered=centered), "output"
    )


def _is_per_group(parameter: Value | None, x: Value, kept: list[int]) -> bool:
    """Return whether a gain or bias varies only along the kept axes."""
    shape = () if parameter is None else parameter.shape
    return all(size == 1 or at + x.rank - len(shape) in kept for at, size in enumerate(shape))


def promise_mean(rows: Rows, normalized: Value) -> None:
    """Promise that each normalized row has mean 0; one is added so that rounding is relative to 1."""

    def sides() -> tuple[Value, Value]:
        mean = rows.average(rows.as_rows(normalized))
        one = add_literal(rows.graph, 1)
        ones = apply("broadcast_to", one, to=mean.shape)
        return mean + ones, ones

    rows.graph.promise(normalized, "the mean of each normalized row is 0: one more is 1", sides)


def promise_square(rows: Rows, normalized: Value, square: Value, added: dict[str, Any]) -> None:
    """Promise that the mean square of each normalized row is 1, up to epsilon."""

    def sides() -> tuple[Value, Value]:
        entries = rows.as_rows(normalized)
        epsilon = apply("constant", graph=rows.graph, **added)
        return rows.average(apply("power", entries, exponent=TWO)), square / (square + epsilon)

    name = "variance" if square.declared is None else square.declared.name
    rows.graph.promise(
        normalized, f"the mean square of each normalized row is {name}/({name} + epsilon)", sides
    )


def rescale(rows: Rows, normalized: Value, gain: Value | None, bias: Value | None) -> Value:
    """Name the output: normalized entries times the gain, plus the bias."""
    output = normalized
    if gain is not None:
        output = output * gain
    if bias is not None:
        output = output + bias
    return rows.name_entries(output, "output")


def broadcast_channels(value: Value | None, field: str, x: Value, axis: int) -> Value | None:
    """Return one number per channel, or for all, in a shape that broadcasts to x. axis: that of channels."""
    if value is None or not value.rank:
        return value
    check_per_channel(value, field, x, axis)
    after = x.rank - 1 - axis
    return apply("reshape", value, to=(x.shape[axis], *(1,) * after)) if after else value


def check_per_channel(value: Value | None, field: str, x: Value, axis: int) -> None:
    """Raise QuestionError unless a value has one number per channel."""
    if value is not None and value.shape != (x.shape[axis],):
        raise QuestionError(
            (field,),
            f"{field} must have one number per channel",
            f"shape (C), where C = {x.shape[axis]} from axis {axis} of x",
            f"shape {show(value.shape)}",
        )


def broadcast_entries(value: Value | None, field: str, x: Value, axes: tuple[int, ...]) -> Value | None:
    """Return a value in the shape of the normalized axes, or one that broadcasts to x, broadcast to x."""
    if value is None:
        return None
    shape = tuple(x.shape[axis] for axis in axes)
    trailing = axes == tuple(range(-len(axes), 0))
    if value.shape == shape and not trailing:
        return apply("reshape", value, to=tuple(_aligned_shape(x.shape, axes)))
    try:
        fits = broadcast(value.shape, x.shape) == x.shape
    except ShapeError:
        fits = False
    if not fits or not (trailing or value.rank in (0, x.rank)):
        labels = x.axes or ("feature",) * x.rank  # values without a name have no labels
        names = tuple(labels[axis] for axis in axes)
        sizes = ", ".join(f"{labels[at]} = {x.shape[at]} from axis {at + x.rank} of x" for at in axes)
        raise QuestionError(
            (field,),
            f"{field} does not fit the normalized axes",
            f"shape ({', '.join(names)}), where {sizes}; or one that broadcasts to x, {show(x.shape)}",
            f"shape {show(value.shape)}",
        )
    return value


def _aligned_shape(shape: Shape, axes: tuple[int, ...]) -> list[Size]:
    return [size if at - len(shape) in axes else 1 for at, size in enumerate(shape)]


def infer_input_shape(x: Value, axis: int, *parameters: Value | None) -> None:
    """Infer the unknown shape or batch of x from given values, or its size on an axis from parameters."""
    if not (x.is_assumed or x.has_open_batch):
        return
    for name in ("normalized", "output"):
        shape = x.graph.given.get(x.graph.full_name(name))
        if shape is not None and (x.is_assumed or shape[len(shape) - x.rank :] == x.shape):
            known = () if x.is_assumed else x.axes
            x.axes = (*(f"axis_{at}" for at in range(len(shape) - len(known))), *known)
            x.shape, x.has_open_batch = shape, False
            return
    if not x.is_assumed:
        return
    for parameter in parameters:
        if parameter is not None and parameter.rank == 1 and from_last(axis, x.rank) is not None:
            sizes = list(x.shape)
            [sizes[axis]] = parameter.shape
            x.shape = tuple(sizes)
