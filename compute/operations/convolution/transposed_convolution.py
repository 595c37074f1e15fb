"""Transposed convolution over one axis and over two axes."""

from typing import Annotated, TypeAlias

from compute.dimensions import Polynomial, Size, show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.convolution.convolution import (
    Groups,
    bias_input,
    check_groups,
    count_leading_axes,
    data_input,
    kernel_input,
    name_output,
    name_patches,
)
from compute.operations.convolution.window_geometry import (
    Dilation,
    Dilations,
    Stride,
    Strides,
    add_axes,
    max_known,
    padding_widths,
    per_axis,
)
from compute.operations.framework.declaration import Attribute, Padding, Padding1d, Sides, operation
from compute.primitives.windows import Layout, Pair

CROP = "Entries cut from the ends of the output, the padding of the convolution whose transpose this is: "
SAME = (
    " same (the output is the stride times as long as the input; an odd entry is cut at the end, and zeros"
    " are added at the end if the kernel is shorter than the stride) or valid (nothing)."
)
SAME_MEANING = (
    "the output is the stride times as long as the input: the transpose of a convolution with padding same,"
    " whose odd entry of padding is at the end"
)
Crop1d: TypeAlias = Annotated[Padding1d, Attribute(f"{CROP}one number, [before, after],{SAME}")]
Crop2d: TypeAlias = Annotated[
    Padding, Attribute(f"{CROP}one number, [rows, columns], [[top, bottom], [left, right]],{SAME}")
]
OutputPadding1d: TypeAlias = Annotated[
    Size,
    Attribute("The number of entries added at the end of the output, less than the stride or the dilation; 0"
              " with padding same.", minimum=0),
]  # fmt: skip
OutputPadding2d: TypeAlias = Annotated[
    Sides,
    Attribute("The numbers of rows and columns added at the end of the output, on each axis less than the"
              " stride or the dilation; 0 with padding same.", minimum=0),
]  # fmt: skip


def _values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    return (
        ValueSpec(
            "kernel_matrix",
            "entry entry",
            "outputs inputs",
            "The layer as one matrix: the transpose of the matrix of the convolution with this kernel.",
            "M",
            on_request=True,
        ),
        ValueSpec(
            "patches",
            "tap position",
            "... taps positions",
            "The windows, as columns, of the input with zeros between and around its entries: each filter's"
            " flipped kernel as a row vector times this is the output without the bias.",
            "P",
            on_request=True,
        ),
        ValueSpec(
            "output",
            axes,
            dims,
            "The sum over entries of the input of the entry times the shifted kernel.",
            "Y",
        ),
    )


@operation(_values("position", "... positions"))
def conv_transpose1d(
    x: Annotated[Value, data_input("W | C W | B C W")],
    kernel: Annotated[Value, kernel_input("w | C w | C f w", "The weights; channels of x, then filters.")],
    bias: Annotated[Value | None, bias_input("groups*f")] = None,
    *,
    stride: Stride = 1,
    padding: Crop1d = 0,
    output_padding: OutputPadding1d = 0,
    dilation: Dilation = 1,
    groups: Groups = 1,
) -> Value:
    """A transposed convolution over one axis: the VJP of conv1d.

    There are (W - 1) stride - padding + dilation (w - 1) + output_padding + 1 positions, or W stride with
    padding same. A kernel without filters is one filter.

    Source: Dumoulin and Visin, A guide to convolution arithmetic (2016), chapter 4 and relationship 14; same
    as in TensorFlow's Conv1DTranspose and as SAME_UPPER in ONNX's ConvTranspose.
    """
    return _run(x, kernel, bias, groups, stride, padding, dilation, output_padding, plane=False)


@operation(_values("row column", "... rows columns"))
def conv_transpose2d(
    x: Annotated[Value, data_input("H W | C H W | B C H W")],
    kernel: Annotated[
        Value, kernel_input("h w | C h w | C f h w", "The weights; channels of x, then filters.")
    ],
    bias: Annotated[Value | None, bias_input("groups*f")] = None,
    *,
    stride: Strides = 1,
    padding: Crop2d = 0,
    output_padding: OutputPadding2d = 0,
    dilation: Dilations = 1,
    groups: Groups = 1,
) -> Value:
    """A transposed convolution over two axes: the VJP of conv2d.

    There are (H - 1) stride - padding + dilation (h - 1) + output_padding + 1 rows, or H stride with padding
    same; columns likewise. A kernel without filters is one filter.

    Source: Dumoulin and Visin, A guide to convolution arithmetic (2016), chapter 4 and relationship 14; same
    as in TensorFlow's Conv2DTranspose and as SAME_UPPER in ONNX's ConvTranspose.
    """
    return _run(x, kernel, bias, groups, stride, padding, dilation, output_padding, plane=True)


def _run(
    x: Value,
    kernel: Value,
    bias: Value | None,
    groups: Size,
    stride: Sides,
    padding: Padding,
    dilation: Sides,
    output_padding: Sides,
    *,
    plane: bool,
) -> Value:
    depth: Size = x.graph.dimensions.get("C", Polynomial.symbol("C"))
    kept, filters = count_leading_axes(x, kernel, 2 if plane else 1, depth, depth)
    data = add_axes(x, kept, plane)
    check_groups(data.shape[1], groups, "channels")
    if filters < 2 and groups != 1:
        raise QuestionError(
            ("groups",),
            "several groups need a kernel with filters",
            "a kernel with filters",
            f"shape {show(kernel.shape)}",
        )
    if filters == 1:  # channels, but no axis of filters
        outer, inner = kernel.shape[:1], kernel.shape[1:]
        kernel, filters = apply("reshape", kernel, to=(*outer, 1, *inner)), 2
        single = True
    else:
        single = filters == 0
    weights = add_axes(kernel, filters, plane)
    strides, dilations, end = (
        per_axis(stride, plane),
        per_axis(dilation, plane),
        per_axis(output_padding, plane, 0),
    )
    window = (weights.shape[2], weights.shape[3])
    # The convolution's input is a multiple of the stride; padding same is equal for all multiples.
    paddings = padding_widths(padding, plane, strides, window, strides, dilations)
    if padding == "same":
        end = _same_output_padding(end, window, strides, dilations)
        x.graph.conventions["same"] = SAME_MEANING
    layout = Layout(strides, paddings, dilations, groups)
    output = tuple(
        _output_length(*axis)
        for axis in zip(data.shape[2:], window, strides, dilations, paddings, end, strict=True)
    )
    convolved = apply("convolve_transposed", data, weights, layout=layout, output=output)
    if x.graph.is_requested("kernel_matrix"):
        apply("kernel_matrix", weights, layout=layout, sizes=output).T.named("kernel_matrix")
    if x.graph.is_requested("patches"):
        reach = [step * (extent - 1) for step, extent in zip(dilations, window, strict=True)]
        before = tuple(length - cut for length, (cut, _) in zip(reach, paddings, strict=True))
        sizes = tuple(length + more for length, more in zip(output, reach, strict=True))
        wide = apply("spaced", data, stride=strides, before=before, sizes=sizes)
        name_patches(wide, Layout(dilation=dilations, groups=groups), window, kept)
    return name_output(convolved, bias, (kept == 2, not single), plane)


def _same_output_padding(end: Pair, window: Pair, stride: Pair, dilations: Pair) -> Pair:
    """Return the output padding of padding same: the stride minus the kernel's extent, at least 0.

    Raises QuestionError if output padding is set.
    """
    if end != (0, 0):
        raise QuestionError(
            ("output_padding",),
            "has no use with padding same, which determines the length of the output",
            "0",
            f"{max_known(end)}",
        )
    reach = [one * (extent - 1) + 1 for one, extent in zip(dilations, window, strict=True)]
    known = [isinstance(one, int) and isinstance(step, int) for one, step in zip(reach, stride, strict=True)]
    first, second = (
        max(0, step - one) if is_known else 0
        for one, step, is_known in zip(reach, stride, known, strict=True)
    )
    return first, second


def _output_length(
    size: Size, extent: Size, stride: Size, dilation: Size, padding: tuple[Size, Size], end: Size
) -> Size:
    """Return the length of the output along one axis.

    Raises QuestionError if nothing is left, or if the output padding is neither below the stride nor below
    the dilation.
    """
    if all(isinstance(one, int) and isinstance(end, int) and end >= one for one in (stride, dilation)):
        raise QuestionError(
            ("output_padding",),
            f"must be less than the stride or the dilation of its axis, {stride} and {dilation}",
            f"at most {max_known((stride, dilation)) - 1}",
            f"{end}",
        )
    length = (size - 1) * stride + dilation * (extent - 1) + 1 + end - padding[0] - padding[1]
    if isinstance(length, int) and length < 1:
        raise QuestionError(
            ("padding",), "the padding cuts away the whole output", "less padding", f"an output of {length}"
        )
    return length
