"""Pooling over one axis and over two: maxima, averages and norms of windows, and maxima put back."""

from typing import Annotated, Any, Literal, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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
    Size | None, Attribute("How long a window is; if not said it is the whole input.", minimum=1)
]
WindowSize: TypeAlias = Annotated[
    Sides | None,
    Attribute("How large a window is: one number, or [rows, columns]; if not said it is the whole input.",
              minimum=1),
]  # fmt: skip
Stride: TypeAlias = Annotated[
    Size | None, Attribute("How far the window moves at a time; its own length if not said.", minimum=1)
]
Strides: TypeAlias = Annotated[
    Sides | None,
    Attribute("How far the window moves at a time: one number, or [down, across]; its own size if not said.",
              minimum=1),
]  # fmt: skip
CeilMode: TypeAlias = Annotated[
    bool,
    Attribute("Whether a window that is only partly filled counts too, if it starts inside the input."),
]
Ties: TypeAlias = Annotated[
    Literal["first", "split", "all"],
    Attribute("Which of equal maxima the gradient goes to: the first, all in equal parts, or each in full."),
]
_MAX_PADDING = "A border of -Infinity around the input, which never wins: one number, "
_WORDS = " same (as many windows as entries over the stride, an odd one more behind) or valid (none)."
MaxPadding1d: TypeAlias = Annotated[Padding1d, Attribute(f"{_MAX_PADDING}[before, behind],{_WORDS}")]
MaxPadding2d: TypeAlias = Annotated[
    Padding, Attribute(f"{_MAX_PADDING}[rows, columns], [[top, bottom], [left, right]],{_WORDS}")
]
CountPadding: TypeAlias = Annotated[
    bool, Attribute("Whether zeros of the padding count as entries of the average.")
]
Norm: TypeAlias = Annotated[Constant, Attribute("p of the norm (sum of |x|^p)^(1/p), a number above zero.")]
LEAST_NORM = 1e-3
LINE, PLANE = ("position", "... positions"), ("row column", "... rows columns")


def line_input() -> Input:
    return Input("... W", "The input; axes before the last are batch and channels.", "X")


def plane_input() -> Input:
    return Input("... H W", "The input; axes before the last two are batch and channels.", "X")


def _values(axes: str, dims: str, meaning: str) -> tuple[ValueSpec, ...]:
    return (ValueSpec("output", axes, dims, meaning, "Y"),)


def _max_values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    meaning = "Where the maximum of each window stands in the input, counted row by row; of equals the first."
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

    The border never wins. Of floor((W + padding - dilation (size - 1) - 1) / stride) + 1 windows, or
    rounded up with ceil_mode.

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

    The border never wins. Of floor((H + padding - dilation (rows - 1) - 1) / stride) + 1 rows of windows,
    or rounded up with ceil_mode, and columns likewise.

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


@operation(_values(*PLANE, "Zeros, with each entry of x where its maximum stood."))
def max_unpool2d(
    x: Annotated[Value, Input("... h w", "What was pooled.", "X")],
    winners: Annotated[Value, Input("... h w", "Where each maximum stood, counted row by row.", "W^{*}")],
    *,
    size: Annotated[
        Sides, Attribute("How large the windows were: one number, or [rows, columns].", minimum=1)
    ] = 2,
    stride: Strides = None,
    padding: Annotated[Sides, Attribute("The padding there was, as in size.", minimum=0)] = 0,
    output_size: Annotated[
        Sides | None,
        Attribute("[rows, columns] of the output; (h - 1) stride + size - 2 padding if not said.", minimum=1),
    ] = None,
) -> Value:
    """Max pooling undone as far as it can be: each maximum back to its place, zeros elsewhere.

    Of several at one place the last stays.

    Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks (2014), section 2.1.
    """
    window, cut = per_axis(size, True), per_axis(padding, True)
    strides = window if stride is None else per_axis(stride, True)
    sizes: Any = (
        per_axis(output_size, True)
        if output_size is not None
        else tuple(
            (count - 1) * step + extent - 2 * paddings
            for count, step, extent, paddings in zip(x.shape[-2:], strides, window, cut, strict=True)
        )
    )
    if any(isinstance(one, int) and one < 1 for one in sizes):
        came = f"an output of {' x '.join(map(str, sizes))}"
        raise QuestionError(("padding",), "nothing is left of the output", "less padding", came)
    return apply("scattered", x, winners, sizes=sizes).named("output")


class _Pooling:
    """An input, and the windows that slide over it."""

    def __init__(self, x: Value, *, plane: bool) -> None:
        self.plane = plane
        self.x = x if plane else apply("expand", x, axis=-2)
        self.sizes = (self.x.shape[-2], self.x.shape[-1])
        self.attributes: dict[str, Any] = {}
        self.around: Any = None

    def over(
        self, size: Sides | None, stride: Sides | None, padding: Padding, dilation: Sides, ceil_mode: bool
    ) -> "_Pooling":
        """With the windows settled."""
        window = self.sizes if size is None else per_axis(size, self.plane)
        strides = window if stride is None else per_axis(stride, self.plane)
        dilations = per_axis(dilation, self.plane)
        self.around = padding_widths(padding, self.plane, self.sizes, window, strides, dilations)
        layout = Layout(strides, self.around, dilations)
        check_padding(layout, self.sizes, window)
        if ceil_mode:
            layout = round_up(layout, self.sizes, window)
        output = count_windows(layout, self.sizes, window, "size")
        self.attributes = {"layout": layout, "window": window, "output": output}
        return self

    def named(self, value: Value, name: str) -> Value:
        """A result, without the axis that was added."""
        if not self.plane:
            value = apply("reshape", value, to=(*value.shape[:-2], value.shape[-1]))
        return value.named(name)


def _max_pool(pooling: _Pooling, ties: str) -> Value:
    graph, x = pooling.x.graph, pooling.x
    graph.conventions["ties"] = ties
    if ties != "first" and "winners" in graph.given:
        raise QuestionError(
            ("given", "winners"),
            "one winner splits no tie",
            "ties first, or no winners",
            f"ties {ties}",
        )
    if graph.needs_value("winners"):
        winners = pooling.named(apply("winners", x, **pooling.attributes), "winners")
        if ties == "first":  # what stands there, also where it is given
            winners = winners if pooling.plane else apply("expand", winners, axis=-2)
            return pooling.named(apply("gather", x, winners), "output")
    return pooling.named(apply("max_pool", x, **pooling.attributes, ties=ties), "output")


def _average_pool(pooling: _Pooling, count_include_pad: bool) -> Value:
    total = apply("window_sum", pooling.x, **pooling.attributes)
    counted = pooling.around if count_include_pad else ((0, 0), (0, 0))
    counts = apply(
        "window_counts", graph=pooling.x.graph, **pooling.attributes, sizes=pooling.sizes, borders=counted
    )
    return pooling.named(total / counts, "output")


def _norm_pool(pooling: _Pooling, p: Constant) -> Value:
    exponent = parse_constant(pooling.x.graph, "p", p, positive=True)["expression"]
    if not is_numeric(pooling.x.graph, exponent) or evaluate(exponent) < LEAST_NORM:
        raise QuestionError(("p",), "is no norm", f"a constant of at least {LEAST_NORM}", describe(p))
    return pooling.named(apply("window_norm", pooling.x, **pooling.attributes, exponent=exponent), "output")
