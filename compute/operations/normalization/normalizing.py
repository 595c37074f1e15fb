"""Shared parts of normalizations: statistics of rows, normalized entries, gain and bias."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

from compute.arithmetic.expressions import HALF, number_expression
from compute.dimensions import Shape, ShapeError, Size, broadcast, from_last, product, show
from compute.errors import QuestionError
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import bounded, literal
from compute.operations.framework.declaration import Attribute, Constant, Input

TWO = number_expression(2)
STATISTICS = ("mean", "variance", "inverse_deviation", "normalized")  # and what they give
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
            f"The mean squared distance from the mean over {of}: divided by their number, not by one less.",
            r"\sigma^{2}",
        ),
        ValueSpec(
            "inverse_deviation",
            axes,
            dims,
            "One over the root of the variance plus epsilon.",
            r"\sigma_{\epsilon}^{-1}",
            on_request=True,
        ),
    )


def results(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    """Declare the normalized entries and the layer's output."""
    return (
        ValueSpec("normalized", axes, dims, "The entries less their mean, over their deviation.", r"\hat{X}"),
        ValueSpec("output", axes, dims, "The normalized entries times the gain, plus the bias.", "Y"),
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """The input as rows of entries along some axes, each normalized by itself.

    x: where axes had to be cut, the input in the shape that this gave; axes: counted from the last; shape: of
    the input; labels: what its axes run over; left: what those of a statistic run over.
    """

    x: Value
    axes: tuple[int, ...]
    shape: Shape
    labels: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def graph(self) -> Graph:
        return self.x.graph

    @property
    def count(self) -> Size:
        """The number of entries of one row."""
        return product(self.x.shape[axis] for axis in self.axes)

    def average(self, value: Value) -> Value:
        """The mean of each row."""
        return apply("average", value, axes=self.axes)

    def along(self, statistic: Value) -> Value:
        """A number for each row, with an axis of size 1 where the row's own were."""
        for axis in sorted(self.axes, reverse=True):
            statistic = apply("expand", statistic, axis=axis)
        return statistic

    def statistic(self, value: Value, name: str) -> Value:
        """A number for each row, under its name."""
        return labelled(value, name, self.left)

    def named(self, value: Value, name: str) -> Value:
        """Entries in the shape of the input, under their name."""
        if value.shape != self.shape:
            value = apply("reshape", value, to=self.shape)
        return labelled(value, name, self.labels)

    def again(self, value: Value) -> Value:
        """Entries in the shape of the input as rows."""
        return value if value.shape == self.x.shape else apply("reshape", value, to=self.x.shape)


def labelled(value: Value, name: str, labels: tuple[str, ...]) -> Value:
    """A value under its name, with what its axes run over, which need not be the last ones it declares."""
    found = value.named(name)
    if found.rank == len(labels):
        found.axes = labels
    return found


class Moments(NamedTuple):
    """A mean and a variance for each row, and the entries less the mean. own: whether they are the row's."""

    mean: Value
    variance: Value
    centered: Value
    own: bool


def own_moments(rows: Rows) -> Moments:
    """Those of the rows themselves, each step named."""
    mean = rows.statistic(rows.average(rows.x), "mean")
    centered = rows.x - rows.along(mean)
    variance = rows.statistic(rows.average(apply("power", centered, exponent=TWO)), "variance")
    rows.graph.conventions["variance"] = BIASED
    return Moments(mean, variance, centered, own=True)


def standardized(rows: Rows, found: Moments, epsilon: Constant) -> Value:
    """The entries less the mean of their row, over its deviation."""
    graph, (mean, variance, centered, own) = rows.graph, found
    added = bounded(graph, "epsilon", epsilon, least=0)
    deviation = root(variance, added)
    if graph.is_requested("inverse_deviation"):
        ones = literal(graph, 1)
        inverse = rows.statistic(ones / deviation, "inverse_deviation")
        entries = centered * rows.along(inverse)
    else:
        entries = centered / rows.along(deviation)
    normalized = rows.named(entries, "normalized")
    if own and not {mean.name, variance.name} & graph.given.keys():
        promise_mean(rows, normalized)
        promise_square(rows, normalized, variance, added)
    return normalized


def root(square: Value, added: dict[str, Any]) -> Value:
    """The root of a variance or mean square and epsilon."""
    return apply("power", square + apply("constant", graph=square.graph, **added), exponent=HALF)


def fused_output(
    rows: Rows,
    x: Value,
    gain: Value | None,
    bias: Value | None,
    epsilon: Constant,
    between: tuple[str, ...] = STATISTICS,
) -> Value | None:
    """The output by one step, where none of the values between is asked for and kept axes are neighbours.

    x: the input before it was cut into rows. Not in exact arithmetic, where steps put together would read no
    better.
    """
    graph, rank = rows.graph, rows.x.rank
    kept = [at for at in range(rank) if at - rank not in rows.axes]
    if graph.symbolic or any(map(graph.needs_value, between)):
        return None
    if not all(isinstance(size, int) for size in (*rows.x.shape, *x.shape)):
        return None
    if kept and kept[-1] - kept[0] >= len(kept):
        return None
    if kept and kept[0] > 0 and not all(_is_by_group(one, x, kept) for one in (gain, bias)):
        return None
    centered = "mean" in between
    if centered:
        graph.conventions["variance"] = BIASED
    settings = bounded(graph, "epsilon", epsilon, least=0)
    settings["epsilon"] = settings.pop("expression")
    settings["cut"] = None if rows.x.shape == x.shape else rows.x.shape
    settings["kept"] = (kept[0], kept[-1] + 1) if kept else (0, 0)
    scale, shift = (
        literal(graph, left_out) if one is None else one for one, left_out in ((gain, 1), (bias, 0))
    )
    return rows.named(apply("normalized_groups", x, scale, shift, **settings, centered=centered), "output")


def _is_by_group(parameter: Value | None, x: Value, kept: list[int]) -> bool:
    """Whether a gain or bias is one number for all entries of a group, which these axes tell apart."""
    shape = () if parameter is None else parameter.shape
    return all(size == 1 or at + x.rank - len(shape) in kept for at, size in enumerate(shape))


def promise_mean(rows: Rows, normalized: Value) -> None:
    """Each row of what is normalized has mean 0: to rounding of numbers of size 1, as its entries are."""

    def sides() -> tuple[Value, Value]:
        mean = rows.average(rows.again(normalized))
        one = literal(rows.graph, 1)
        ones = apply("stretch", one, to=mean.shape)
        return mean + ones, ones

    rows.graph.promise(normalized, "the mean of each normalized row is 0: one more is 1", sides)


def promise_square(rows: Rows, normalized: Value, square: Value, added: dict[str, Any]) -> None:
    """The mean square of each row is 1, but for epsilon."""

    def sides() -> tuple[Value, Value]:
        entries = rows.again(normalized)
        epsilon = apply("constant", graph=rows.graph, **added)
        return rows.average(apply("power", entries, exponent=TWO)), square / (square + epsilon)

    name = "variance" if square.declared is None else square.declared.name
    rows.graph.promise(
        normalized, f"the mean square of each normalized row is {name}/({name} + epsilon)", sides
    )


def rescaled(rows: Rows, normalized: Value, gain: Value | None, bias: Value | None) -> Value:
    """The output: normalized entries times the gain, plus the bias, which broadcast by now."""
    found = normalized
    if gain is not None:
        found = found * gain
    if bias is not None:
        found = found + bias
    return rows.named(found, "output")


def per_channel(value: Value | None, field: str, x: Value, axis: int) -> Value | None:
    """One number for each channel, or for all, as it stands beside x, whose channels run along this axis."""
    if value is None or not value.rank:
        return value
    check_per_channel(value, field, x, axis)
    behind = x.rank - 1 - axis
    return apply("reshape", value, to=(x.shape[axis], *(1,) * behind)) if behind else value


def check_per_channel(value: Value | None, field: str, x: Value, axis: int) -> None:
    """Refuse shapes other than one number for each channel."""
    if value is not None and value.shape != (x.shape[axis],):
        raise QuestionError(
            (field,),
            f"{field} has one number for each channel",
            f"shape (C), where C = {x.shape[axis]} from axis {axis} of x",
            f"shape {show(value.shape)}",
        )


def per_entry(value: Value | None, field: str, x: Value, axes: tuple[int, ...]) -> Value | None:
    """A number for each entry along the normalized axes, or what broadcasts to x, as it stands beside x."""
    if value is None:
        return None
    shape = tuple(x.shape[axis] for axis in axes)
    trailing = axes == tuple(range(-len(axes), 0))
    if value.shape == shape and not trailing:
        return apply("reshape", value, to=tuple(_beside(x.shape, axes)))
    try:
        fits = broadcast(value.shape, x.shape) == x.shape
    except ShapeError:
        fits = False
    if not fits or not (trailing or value.rank in (0, x.rank)):
        labels = x.axes or ("feature",) * x.rank  # what has no name yet has no labels
        names = tuple(labels[axis] for axis in axes)
        sizes = ", ".join(f"{labels[one]} = {x.shape[one]} from axis {one + x.rank} of x" for one in axes)
        raise QuestionError(
            (field,),
            f"{field} does not fit the axes that are normalized",
            f"shape ({', '.join(names)}), where {sizes}; or one that broadcasts to x, {show(x.shape)}",
            f"shape {show(value.shape)}",
        )
    return value


def _beside(shape: Shape, axes: tuple[int, ...]) -> list[Size]:
    return [size if at - len(shape) in axes else 1 for at, size in enumerate(shape)]


def settle(x: Value, axis: int, *parameters: Value | None) -> None:
    """Where x or its batch is unknown, let it have the shape of what is made of it, or parameters' size on an
    axis.
    """
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
    for one in parameters:
        if one is not None and one.rank == 1 and from_last(axis, x.rank) is not None:
            sizes = list(x.shape)
            [sizes[axis]] = one.shape
            x.shape = tuple(sizes)
