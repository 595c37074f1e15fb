"""Convolution over one axis and over two."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import Polynomial, Size, divide, show
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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
    Attribute("Into how many parts channels and filters are cut, each filter seeing its own part.",
              minimum=1, dimension=True),
]  # fmt: skip
Mode: TypeAlias = Annotated[
    Literal["cross_correlation", "convolution"],
    Attribute("Whether the kernel is laid over the input as it stands, or flipped first."),
]

STORED = (StoredTensor("weight", ("kernel",)), StoredTensor("bias", ("bias",)))


def data_input(dims: str) -> Input:
    """What is convolved."""
    return Input(dims, "The input, with or without channels, and then with or without a batch.", "X")


def kernel_input(dims: str, meaning: str) -> Input:
    """A kernel, with or without channels, and then with or without filters."""
    return Input(dims, meaning, "K", parameter=True)


def bias_input(dims: str) -> Input:
    """A bias."""
    return Input(dims, "One number for each filter.", "b", parameter=True, broadcast=True, optional="none")


def _values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    return (
        ValueSpec(
            "patches",
            "tap position",
            "... taps positions",
            "The windows as columns (im2col): the kernel's entries in a row times this is the output.",
            "P",
        ),
        ValueSpec(
            "kernel_matrix",
            "entry entry",
            "outputs inputs",
            "The layer as one matrix: this times the entries of the input in a column is the output, less the"
            " bias.",
            r"M",
            on_request=True,
        ),
        ValueSpec("output", axes, dims, "What each window gives.", "Y"),
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
    bias. Of floor((W + padding - dilation (w - 1) - 1) / stride) + 1 positions.

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

    Each output is the sum over channels and taps of a window of x times the kernel, plus the bias. Of
    floor((H + padding - dilation (h - 1) - 1) / stride) + 1 rows, and columns likewise.

    Source: Goodfellow et al., Deep Learning (2016), section 9.1; Dumoulin and Visin, A guide to
    convolution arithmetic (2016), relationships 1 to 6 and 15.
    """
    return _Convolution(x, kernel, bias, groups, mode, plane=True).run(stride, padding, dilation)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """The inputs of a convolution, and what their axes are."""

    x: Value
    kernel: Value
    bias: Value | None
    groups: Size
    mode: str
    plane: bool

    def run(self, stride: Sides, padding: Padding, dilation: Sides) -> Value:
        """The layer over four axes, named without those that were added."""
        depth: Size = self.x.graph.dimensions.get("c", Polynomial.symbol("c"))
        kept, filters = count_leading_axes(
            self.x, self.kernel, 2 if self.plane else 1, depth * self.groups, depth
        )
        x, kernel = add_axes(self.x, kept, self.plane), add_axes(self.kernel, filters, self.plane)
        check_groups(kernel.shape[0], self.groups, "filters")
        if self.mode == "convolution":
            kernel = apply("turn_around", kernel)
        sizes, window = (x.shape[2], x.shape[3]), (kernel.shape[2], kernel.shape[3])
        strides, dilations = per_axis(stride, self.plane), per_axis(dilation, self.plane)
        paddings = padding_widths(padding, self.plane, sizes, window, strides, dilations)
        layout = Layout(strides, paddings, dilations, self.groups)
        output = count_windows(layout, sizes, window, "kernel")
        graph = x.graph
        if graph.is_requested("kernel_matrix"):
            matrix = apply("kernel_matrix", kernel, layout=layout, sizes=sizes)
            matrix.named("kernel_matrix")
        if graph.needs_value("patches"):
            found = self._convolve_patches(x, kernel, layout, window, output, kept)
        else:
            found = apply("convolve", x, kernel, layout=layout)
        return name_output(found, self.bias, (kept == 2, filters == 2), self.plane)

    def _convolve_patches(
        self, x: Value, kernel: Value, layout: Layout, window: Any, output: Any, kept: int
    ) -> Value:
        """The same by the windows as columns, since they are asked for."""
        patches = name_patches(x, layout, window, kept)
        batch, groups = x.shape[0], layout.groups
        taps, positions = patches.shape[-2:]  # as given, where they are
        if not self.plane:
            output = (1, positions)
        columns = apply("reshape", patches, to=(batch, groups, taps, positions))
        rows = apply("reshape", kernel, to=(groups, divide(kernel.shape[0], groups), taps))
        return apply("reshape", rows @ columns, to=(batch, kernel.shape[0], *output))


def name_patches(x: Value, layout: Layout, window: Any, kept: int) -> Value:
    """The windows as columns under their name, without batch and groups where there are none."""
    found = apply("patches", x, layout=layout, window=window)
    batch, groups, taps, positions = found.shape
    outer = (*((batch,) if kept == 2 else ()), *((groups,) if groups != 1 else ()))
    labels = (*(("batch",) if kept == 2 else ()), *(("group",) if groups != 1 else ()))
    return apply("reshape", found, to=(*outer, taps, positions)).named("patches", leading=labels)


def name_output(found: Value, bias: Value | None, keep: tuple[bool, bool], plane: bool) -> Value:
    """The output with its bias, without the axes that were added. keep: whether it has batch and filters."""
    if bias is not None:
        found = found + _broadcast_bias(bias, found.shape[1])
    labels = tuple(name for name, kept in zip(("batch", "filter"), keep, strict=True) if kept)
    return drop_axes(found, keep, plane).named("output", leading=labels)


def _broadcast_bias(bias: Value, filters: Size) -> Value:
    """The bias as it is added to (batch, filters, rows, columns)."""
    if bias.shape not in ((), (filters,)):
        raise QuestionError(
            ("bias",),
            "there is one number for each filter",
            f"shape ({filters})",
            f"shape {show(bias.shape)}",
        )
    return apply("reshape", bias, to=(*bias.shape, 1, 1)) if bias.rank else bias


def check_groups(count: Size, groups: Size, what: str) -> None:
    """Refuse groups that do not divide what they are to cut."""
    if isinstance(count, int) and isinstance(groups, int) and count % groups:
        raise QuestionError(
            ("groups",),
            f"{count} {what} cannot be cut into {groups} groups",
            f"a number that divides {count}",
            f"{groups} groups",
        )


def count_leading_axes(x: Value, kernel: Value, plane: int, of_x: Size, of_kernel: Size) -> tuple[int, int]:
    """How many axes x and the kernel have before those that windows slide over.

    One of them that did not come takes after the other. of_x, of_kernel: the size of their channel axis.
    """
    if x.is_assumed and kernel.rank > plane:
        _assume_channels(x, of_x, plane)
    if kernel.is_assumed and x.rank > plane:
        _assume_channels(kernel, of_kernel, plane)
    found = x.rank - plane, kernel.rank - plane
    if (found[0] == 0) != (found[1] == 0):
        raise QuestionError(
            ("kernel",),
            "x and the kernel do not both have channels, or both have none",
            "a kernel with channels" if found[0] else "a kernel without channels",
            f"{kernel.rank} axes, and {x.rank} in x",
        )
    return found


def _assume_channels(value: Value, channels: Size, plane: int) -> None:
    """Let an input that did not come have channels too."""
    value.shape = (channels, *value.shape[-plane:])
    value.axes = ("channel", *value.axes[-plane:])
