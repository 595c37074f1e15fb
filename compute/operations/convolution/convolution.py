"""Convolution over one axis and over two axes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import Polynomial, Size, divide, show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.convolution.window_geometry import (
    Dilation,
    Dilations,
    Stride,
    Strides,
    ZeroPadding1d,
    ZeroPadding2d,
    add_axes,
    count_windows,
    drop_axes,
    padding_widths,
    per_axis,
)
from compute.operations.framework.declaration import Attribute, Input, Padding, Sides, StoredTensor, operation
from compute.primitives.windows import Layout

Groups: TypeAlias = Annotated[
    int,
    Attribute("The number of groups of channels and filters; each filter sees only its group's channels.",
              minimum=1, dimension=True),
]  # fmt: skip
Mode: TypeAlias = Annotated[
    Literal["cross_correlation", "convolution"],
    Attribute("cross_correlation: the kernel as it is; convolution: the kernel flipped along each axis."),
]

STORED = (StoredTensor("weight", ("kernel",)), StoredTensor("bias", ("bias",)))


def data_input(dims: str) -> Input:
    """Declare the input."""
    return Input(dims, "The input, without channels, with channels, or with channels and a batch.", "X")


def kernel_input(dims: str, meaning: str) -> Input:
    """Declare a kernel."""
    return Input(dims, meaning, "K", parameter=True)


def bias_input(dims: str) -> Input:
    """Declare a bias."""
    return Input(dims, "One number per filter.", "b", parameter=True, broadcast=True, optional="none")


def _values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    return (
        ValueSpec(
            "patches",
            "tap position",
            "... taps positions",
            "The windows as columns (im2col): the kernel as a row vector times this is the output.",
            "P",
        ),
        ValueSpec(
            "kernel_matrix",
            "entry entry",
            "outputs inputs",
            "The layer as one matrix: this times the input as a column vector is the output without the"
            " bias.",
            r"M",
            on_request=True,
        ),
        ValueSpec("output", axes, dims, "The kernel applied to each window.", "Y"),
    )


@operation(_values("position", "... positions"), stored=STORED)
def conv1d(
    x: Annotated[Value, data_input("W | groups*c W | B groups*c W")],
    kernel: Annotated[Value, kernel_input("w | c w | groups*f c w", "The weights of a window.")],
    bias: Annotated[Value | None, bias_input("groups*f")] = None,
    *,
    stride: Stride = 1,
    padding: ZeroPadding1d = 0,
    dilation: Dilation = 1,
    groups: Groups = 1,
    mode: Mode = "cross_correlation",
) -> Value:
    """A convolution over one axis.

    Output t is the sum over channels and taps of x[stride t + dilation i - padding] kernel[i], plus the
    bias. There are floor((W + padding - dilation (w - 1) - 1) / stride) + 1 positions.

    Source: Goodfellow et al., Deep Learning (2016), section 9.1; Dumoulin and Visin, A guide to
    convolution arithmetic (2016), relationships 1 to 6 and 15.
    """
    return _Convolution(x, kernel, bias, groups, mode, plane=False).run(stride, padding, dilation)


@operation(_values("row column", "... rows columns"), stored=STORED)
def conv2d(
    x: Annotated[Value, data_input("H W | groups*c H W | B groups*c H W")],
    kernel: Annotated[Value, kernel_input("h w | c h w | groups*f c h w", "The weights of a window.")],
    bias: Annotated[Value | None, bias_input("groups*f")] = None,
    *,
    stride: Strides = 1,
    padding: ZeroPadding2d = 0,
    dilation: Dilations = 1,
    groups: Groups = 1,
    mode: Mode = "cross_correlation",
) -> Value:
    """A convolution over two axes.

    Each output is the sum over channels and taps of a window of x times the kernel, plus the bias. There are
    floor((H + padding - dilation (h - 1) - 1) / stride) + 1 rows; columns likewise.

    Source: Goodfellow et al., Deep Learning (2016), section 9.1; Dumoulin and Visin, A guide to
    convolution arithmetic (2016), relationships 1 to 6 and 15.
    """
    return _Convolution(x, kernel, bias, groups, mode, plane=True).run(stride, padding, dilation)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """The inputs of a convolution. plane: whether windows slide over two axes."""

    x: Value
    kernel: Value
    bias: Value | None
    groups: Size
    mode: str
    plane: bool

    def run(self, stride: Sides, padding: Padding, dilation: Sides) -> Value:
        """Compute the layer over four axes and name its values without the added axes."""
        depth: Size = self.x.graph.dimensions.get("c", Polynomial.symbol("c"))
        kept, filters = count_leading_axes(
            self.x, self.kernel, 2 if self.plane else 1, depth * self.groups, depth
        )
        x, kernel = add_axes(self.x, kept, self.plane), add_axes(self.kernel, filters, self.plane)
        check_groups(kernel.shape[0], self.groups, "filters")
        if self.mode == "convolution":
            kernel = apply("flip", kernel)
        sizes, window = (x.shape[2], x.shape[3]), (kernel.shape[2], kernel.shape[3])
        strides, dilations = per_axis(stride, self.plane), per_axis(dilation, self.plane)
        paddings = padding_widths(padding, self.plane, sizes, window, strides, dilations)
        layout = Layout(strides, paddings, dilations, self.groups)
        output = count_windows(x.graph, layout, sizes, window, "kernel")
        graph = x.graph
        if graph.is_requested("kernel_matrix"):
            matrix = apply("kernel_matrix", kernel, layout=layout, sizes=sizes)
            matrix.named("kernel_matrix")
        if graph.needs_value("patches"):
            convolved = self._convolve_patches(x, kernel, layout, window, output, kept)
        else:
            convolved = apply("convolve", x, kernel, layout=layout)
        return name_output(convolved, self.bias, (kept == 2, filters == 2), self.plane)

    def _convolve_patches(
        self, x: Value, kernel: Value, layout: Layout, window: Any, output: Any, kept: int
    ) -> Value:
        """Convolve by a matrix product with the windows as columns, which get a name."""
        patches = name_patches(x, layout, window, kept)
        batch, groups = x.shape[0], layout.groups
        taps, positions = patches.shape[-2:]  # those of given patches, if patches are given
        if not self.plane:
            output = (1, positions)
        columns = apply("reshape", patches, to=(batch, groups, taps, positions))
        rows = apply("reshape", kernel, to=(groups, divide(kernel.shape[0], groups), taps))
        return apply("reshape", rows @ columns, to=(batch, kernel.shape[0], *output))


def name_patches(x: Value, layout: Layout, window: Any, kept: int) -> Value:
    """Name the windows as columns, without axes for a missing batch or a single group."""
    patches = apply("patches", x, layout=layout, window=window)
    batch, groups, taps, positions = patches.shape
    outer = (*((batch,) if kept == 2 else ()), *((groups,) if groups != 1 else ()))
    labels = (*(("batch",) if kept == 2 else ()), *(("group",) if groups != 1 else ()))
    return apply("reshape", patches, to=(*outer, taps, positions)).named("patches", leading=labels)


def name_output(convolved: Value, bias: Value | None, keep: tuple[bool, bool], plane: bool) -> Value:
    """Add the bias, drop the added axes, and name the output. keep: whether it has batch and filters."""
    if bias is not None:
        convolved = convolved + _broadcast_bias(bias, convolved.shape[1])
    labels = tuple(name for name, kept in zip(("batch", "filter"), keep, strict=True) if kept)
    return drop_axes(convolved, keep, plane).named("output", leading=labels)


def _broadcast_bias(bias: Value, filters: Size) -> Value:
    """Return the bias in a shape that broadcasts to (batch, filters, rows, columns)."""
    if bias.shape not in ((), (filters,)):
        raise QuestionError(
            ("bias",),
            "the bias must have one number per filter",
            f"shape ({filters})",
            f"shape {show(bias.shape)}",
        )
    return apply("reshape", bias, to=(*bias.shape, 1, 1)) if bias.rank else bias


def check_groups(count: Size, groups: Size, noun: str) -> None:
    """Raise QuestionError if the number of groups does not divide the count of these nouns."""
    if isinstance(count, int) and isinstance(groups, int) and count % groups:
        raise QuestionError(
            ("groups",),
            f"{count} {noun} cannot be split into {groups} groups",
            f"a number that divides {count}",
            f"{groups} groups",
        )


def count_leading_axes(x: Value, kernel: Value, plane: int, of_x: Size, of_kernel: Size) -> tuple[int, int]:
    """Return the numbers of axes of x and of the kernel before those that windows slide over.

    If one of the two is missing, it is assumed to have channels if the other has.
    of_x, of_kernel: the sizes of their channel axes.

    Raises QuestionError if only one has channels.
    """
    if x.is_assumed and kernel.rank > plane:
        _assume_channels(x, of_x, plane)
    if kernel.is_assumed and x.rank > plane:
        _assume_channels(kernel, of_kernel, plane)
    leading = x.rank - plane, kernel.rank - plane
    if (leading[0] == 0) != (leading[1] == 0):
        raise QuestionError(
            ("kernel",),
            "x and the kernel must both have channels, or neither",
            "a kernel with channels" if leading[0] else "a kernel without channels",
            f"{kernel.rank} axes, and {x.rank} in x",
        )
    return leading


def _assume_channels(value: Value, channels: Size, plane: int) -> None:
    """Give a missing input an axis of channels."""
    value.shape = (channels, *value.shape[-plane:])
    value.axes = ("channel", *value.axes[-plane:])
