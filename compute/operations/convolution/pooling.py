"""Pooling over one axis and over two axes: maxima, averages and norms of windows, and max unpooling."""

from typing import Annotated, Any, Literal, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.convolution.window_geometry import (
    Dilation,
    Dilations,
    ZeroPadding1d,
    ZeroPadding2d,
    check_padding,
    count_windows,
    padding_widths,
    per_axis,
    round_up,
)
from compute.operations.framework.constants import is_numeric, parse_constant
from compute.operations.framework.declaration import (
    Attribute,
    Constant,
    Input,
    Padding,
    Padding1d,
    Sides,
    operation,
)
from compute.primitives.windows import Layout

WindowLength: TypeAlias = Annotated[
    Size | None, Attribute("The length of a window. Default: the whole input.", minimum=1)
]
WindowSize: TypeAlias = Annotated[
    Sides | None,
    Attribute("The size of a window: one number, or [rows, columns]. Default: the whole input.",
              minimum=1),
]  # fmt: skip
Stride: TypeAlias = Annotated[
    Size | None, Attribute("The step between windows. Default: the length of a window.", minimum=1)
]
Strides: TypeAlias = Annotated[
    Sides | None,
    Attribute("The step between windows: one number, or [down, across]. Default: the size of a window.",
              minimum=1),
]  # fmt: skip
CeilMode: TypeAlias = Annotated[
    bool,
    Attribute("Whether the last window may extend beyond the input, if it starts inside it."),
]
Ties: TypeAlias = Annotated[
    Literal["first", "split", "all"],
    Attribute("The gradient of equal maxima: to the first, in equal parts to all, or in full to each."),
]
_MAX_PADDING = "Padding of -Infinity around the input, never the maximum: one number, "
_WORDS = " same (size / stride windows, rounded up; an odd entry comes after) or valid (none)."
MaxPadding1d: TypeAlias = Annotated[Padding1d, Attribute(f"{_MAX_PADDING}[before, after],{_WORDS}")]
MaxPadding2d: TypeAlias = Annotated[
    Padding, Attribute(f"{_MAX_PADDING}[rows, columns], [[top, bottom], [left, right]],{_WORDS}")
]
CountPadding: TypeAlias = Annotated[bool, Attribute("Whether zeros of the padding count in the average.")]
Norm: TypeAlias = Annotated[Constant, Attribute("p of the norm (sum of |x|^p)^(1/p), a number above zero.")]
LEAST_NORM = 1e-3
LINE, PLANE = ("position", "... positions"), ("row column", "... rows columns")


def line_input() -> Input:
    return Input("... W", "The input; the axes before the last are batch and channels.", "X")


def plane_input() -> Input:
    return Input("... H W", "The input; the axes before the last two are batch and channels.", "X")


def _values(axes: str, dims: str, meaning: str) -> tuple[ValueSpec, ...]:
    return (ValueSpec("output", axes, dims, meaning, "Y"),)


def _max_values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    meaning = "The flat index in the input (row by row) of each window's maximum, the first among equals."
    return (
        ValueSpec("winners", axes, dims, meaning, "W^{*}"),
        *_values(axes, dims, "The maximum of each window."),
    )


@operation(_max_values(*LINE))
def max_pool1d(
    x: Annotated[Value, line_input()],
    *,
    size: WindowLength = None,
    stride: Stride = None,
    padding: MaxPadding1d = 0,
    dilation: Dilation = 1,
    ceil_mode: CeilMode = False,
    ties: Ties = "first",
) -> Value:
    """The maximum of each window along one axis.

    The padding is never the maximum. There are floor((W + padding - dilation (size - 1) - 1) / stride) + 1
    windows, rounded up with ceil_mode.

    Source: Goodfellow et al., Deep Learning (2016), section 9.3.
    """
    return _max_pool(_Pooling(x, plane=False).over(size, stride, padding, dilation, ceil_mode), ties)


@operation(_max_values(*PLANE))
def max_pool2d(
    x: Annotated[Value, plane_input()],
    *,
    size: WindowSize = None,
    stride: Strides = None,
    padding: MaxPadding2d = 0,
    dilation: Dilations = 1,
    ceil_mode: CeilMode = False,
    ties: Ties = "first",
) -> Value:
    """The maximum of each window over two axes.

    The padding is never the maximum. There are floor((H + padding - dilation (rows - 1) - 1) / stride) + 1
    rows of windows, rounded up with ceil_mode; columns likewise.

    Source: Goodfellow et al., Deep Learning (2016), section 9.3.
    """
    return _max_pool(_Pooling(x, plane=True).over(size, stride, padding, dilation, ceil_mode), ties)


@operation(_values(*LINE, "The average of each window."))
def average_pool1d(
    x: Annotated[Value, line_input()],
    *,
    size: WindowLength = None,
    stride: Stride = None,
    padding: ZeroPadding1d = 0,
    ceil_mode: CeilMode = False,
    count_include_pad: CountPadding = True,
) -> Value:
    """The average of each window along one axis.

    Source: Goodfellow et al., Deep Learning (2016), section 9.3.
    """
    return _average_pool(
        _Pooling(x, plane=False).over(size, stride, padding, 1, ceil_mode), count_include_pad
    )


@operation(_values(*PLANE, "The average of each window."))
def average_pool2d(
    x: Annotated[Value, plane_input()],
    *,
    size: WindowSize = None,
    stride: Strides = None,
    padding: ZeroPadding2d = 0,
    ceil_mode: CeilMode = False,
    count_include_pad: CountPadding = True,
) -> Value:
    """The average of each window over two axes.

    Source: Goodfellow et al., Deep Learning (2016), section 9.3.
    """
    return _average_pool(_Pooling(x, plane=True).over(size, stride, padding, 1, ceil_mode), count_include_pad)


@operation(_values(*LINE, "The norm of each window."))
def lp_pool1d(
    x: Annotated[Value, line_input()],
    *,
    p: Norm = 2,
    size: WindowLength = None,
    stride: Stride = None,
    padding: ZeroPadding1d = 0,
    dilation: Dilation = 1,
    ceil_mode: CeilMode = False,
) -> Value:
    """The p-norm of each window along one axis: (sum of |x|^p)^(1/p).

    Source: Boureau et al., A Theoretical Analysis of Feature Pooling (2010), section 1.
    """
    return _norm_pool(_Pooling(x, plane=False).over(size, stride, padding, dilation, ceil_mode), p)


@operation(_values(*PLANE, "The norm of each window."))
def lp_pool2d(
    x: Annotated[Value, plane_input()],
    *,
    p: Norm = 2,
    size: WindowSize = None,
    stride: Strides = None,
    padding: ZeroPadding2d = 0,
    dilation: Dilations = 1,
    ceil_mode: CeilMode = False,
) -> Value:
    """The p-norm of each window over two axes: (sum of |x|^p)^(1/p).

    Source: Boureau et al., A Theoretical Analysis of Feature Pooling (2010), section 1.
    """
    return _norm_pool(_Pooling(x, plane=True).over(size, stride, padding, dilation, ceil_mode), p)


@operation(_values(*PLANE, "Zeros, with each entry of x at the index of its maximum."))
def max_unpool2d(
    x: Annotated[Value, Input("... h w", "The pooled values.", "X")],
    winners: Annotated[
        Value, Input("... h w", "The flat index (row by row) of each maximum in the output.", "W^{*}")
    ],
    *,
    size: Annotated[
        Sides, Attribute("The size of the pooling's windows: one number, or [rows, columns].", minimum=1)
    ] = 2,
    stride: Strides = None,
    padding: Annotated[Sides, Attribute("The padding of the pooling, as size.", minimum=0)] = 0,
    output_size: Annotated[
        Sides | None,
        Attribute("[rows, columns] of the output. Default: (h - 1) stride + size - 2 padding.", minimum=1),
    ] = None,
) -> Value:
    """Max unpooling, a partial inverse of max pooling: each maximum back at its index, zeros elsewhere.

    If several maxima have the same index, the last is kept.

    Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks (2014), section 2.1.
    """
    window, widths = per_axis(size, True), per_axis(padding, True)
    strides = window if stride is None else per_axis(stride, True)
    sizes: Any = (
        per_axis(output_size, True)
        if output_size is not None
        else tuple(
            (count - 1) * step + extent - 2 * width
            for count, step, extent, width in zip(x.shape[-2:], strides, window, widths, strict=True)
        )
    )
    if any(isinstance(size, int) and size < 1 for size in sizes):
        received = f"an output of {' x '.join(map(str, sizes))}"
        raise QuestionError(("padding",), "nothing is left of the output", "less padding", received)
    return apply("scattered", x, winners, sizes=sizes).named("output")


class _Pooling:
    """An input and the windows that slide over it."""

    def __init__(self, x: Value, *, plane: bool) -> None:
        self.plane = plane
        self.x = x if plane else apply("expand_dims", x, axis=-2)
        self.sizes = (self.x.shape[-2], self.x.shape[-1])
        self.attributes: dict[str, Any] = {}
        self.paddings: Any = None

    def over(
        self, size: Sides | None, stride: Sides | None, padding: Padding, dilation: Sides, ceil_mode: bool
    ) -> "_Pooling":
        """Set the windows, and return itself."""
        window = self.sizes if size is None else per_axis(size, self.plane)
        strides = window if stride is None else per_axis(stride, self.plane)
        dilations = per_axis(dilation, self.plane)
        self.paddings = padding_widths(padding, self.plane, self.sizes, window, strides, dilations)
        layout = Layout(strides, self.paddings, dilations)
        check_padding(layout, self.sizes, window)
        if ceil_mode:
            layout = round_up(layout, self.sizes, window)
        output = count_windows(self.x.graph, layout, self.sizes, window, "size")
        self.attributes = {"layout": layout, "window": window, "output": output}
        return self

    def named(self, value: Value, name: str) -> Value:
        """Name a result, without the added axis."""
        if not self.plane:
            value = apply("reshape", value, to=(*value.shape[:-2], value.shape[-1]))
        return value.named(name)


def _max_pool(pooling: _Pooling, ties: str) -> Value:
    graph, x = pooling.x.graph, pooling.x
    graph.conventions["ties"] = ties
    if ties != "first" and "winners" in graph.given:
        raise QuestionError(
            ("given", "winners"),
            "given winners cannot split ties",
            "ties first, or no winners",
            f"ties {ties}",
        )
    if graph.needs_value("winners"):
        winners = pooling.named(apply("winners", x, **pooling.attributes), "winners")
        if ties == "first":  # the entries at the winners, which may be given
            winners = winners if pooling.plane else apply("expand_dims", winners, axis=-2)
            return pooling.named(apply("entries_at", x, winners), "output")
    return pooling.named(apply("max_pool", x, **pooling.attributes, ties=ties), "output")


def _average_pool(pooling: _Pooling, count_include_pad: bool) -> Value:
    total = apply("window_sum", pooling.x, **pooling.attributes)
    counted = pooling.paddings if count_include_pad else ((0, 0), (0, 0))
    counts = apply(
        "window_counts", graph=pooling.x.graph, **pooling.attributes, sizes=pooling.sizes, borders=counted
    )
    return pooling.named(total / counts, "output")


def _norm_pool(pooling: _Pooling, p: Constant) -> Value:
    exponent = parse_constant(pooling.x.graph, "p", p, positive=True)["expression"]
    if not is_numeric(pooling.x.graph, exponent) or evaluate(exponent) < LEAST_NORM:
        raise QuestionError(
            ("p",), "cannot be the p of a norm", f"a constant of at least {LEAST_NORM}", describe(p)
        )
    return pooling.named(apply("window_norm", pooling.x, **pooling.attributes, exponent=exponent), "output")
