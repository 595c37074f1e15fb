"""Transposed convolution over one axis and over two."""

from typing import Annotated, TypeAlias

from compute.dimensions import Polynomial, Size, show
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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

CROP = "What is cut from the ends of the output, the padding of the convolution whose transpose this is: "
SAME = (
    " same (the output is the stride times as long as the input; an odd entry more is cut behind, and zeros"
    " are added behind if the kernel is shorter than the stride) or valid (nothing)."
)
SAME_MEANING = (
    "the output is the stride times as long as the input: the transpose of a convolution with padding same,"
    " whose odd entry of border is behind"
)
Crop1d: TypeAlias = Annotated[Padding1d, Attribute(f"{CROP}one number, [before, behind],{SAME}")]
Crop2d: TypeAlias = Annotated[
    Padding, Attribute(f"{CROP}one number, [rows, columns], [[top, bottom], [left, right]],{SAME}")
]
OutputPadding1d: TypeAlias = Annotated[
    Size,
    Attribute("How many entries are added behind the output, fewer than the stride or the dilation; 0 with"
              " padding same.", minimum=0),
]  # fmt: skip
OutputPadding2d: TypeAlias = Annotated[
    Sides,
    Attribute("How many rows and columns are added behind the output, on each axis fewer than the stride or"
              " the dilation; 0 with padding same.", minimum=0),
]  # fmt: skip


def _values(axes: str, dims: str) -> tuple[ValueSpec, ...]:
    return (
        ValueSpec(
            "kernel_matrix",
            "entry entry",
            "outputs inputs",
            "The layer as one matrix: the transpose of that of the convolution with this kernel.",
            "M",
            on_request=True,
        ),
        ValueSpec(
            "patches",
            "tap position",
            "... taps positions",
            "The windows, as columns, of the input with zeros between and around its entries: the entries of"
            " the kernel turned around, of each filter in a row, times this is the output, less the bias.",
            "P",
            on_request=True,
        ),
        ValueSpec(
            "output", axes, dims, "Each entry of the input times the kernel, added where it falls.", "Y"
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
    """A transposed convolution over one axis: what carries a gradient back through conv1d.

    Of (W - 1) stride - padding + dilation (w - 1) + output_padding + 1 positions, W stride with padding
    same. A kernel without filters gives one.

    Source: Dumoulin and Visin, A guide to convolution arithmetic (2016), chapter 4 and relationship 14; same
    as TensorFlow's Conv1DTranspose has it, and ONNX's ConvTranspose as SAME_UPPER.
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
    """A transposed convolution over two axes: what carries a gradient back through conv2d.

    Of (H - 1) stride - padding + dilation (h - 1) + output_padding + 1 rows, H stride with padding same, and
    columns likewise. A kernel without filters gives one.

    Source: Dumoulin and Visin, A guide to convolution arithmetic (2016), chapter 4 and relationship 14; same
    as TensorFlow's Conv2DTranspose has it, and ONNX's ConvTranspose as SAME_UPPER.
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
    more: Sides,
    *,
    plane: bool,
) -> Value:
    depth: Size = x.graph.dimensions.get("C", Polynomial.symbol("C"))
    kept, filters = count_leading_axes(x, kernel, 2 if plane else 1, depth, depth)
    data = add_axes(x, kept, plane)
    check_groups(data.shape[1], groups, "channels")
    if filters < 2 and groups != 1:
        raise QuestionError(
            ("groups",), "groups give several filters", "a kernel with filters", f"shape {show(kernel.shape)}"
        )
    if filters == 1:  # channels and no filters: one filter
        outer, inner = kernel.shape[:1], kernel.shape[1:]
        kernel, filters = apply("reshape", kernel, to=(*outer, 1, *inner)), 2
        single = True
    else:
        single = filters == 0
    weights = add_axes(kernel, filters, plane)
    strides, dilations, behind = per_axis(stride, plane), per_axis(dilation, plane), per_axis(more, plane, 0)
    window = (weights.shape[2], weights.shape[3])
    # The convolution's input is a multiple of the stride, of which same pads every length alike.
    paddings = padding_widths(padding, plane, strides, window, strides, dilations)
    if padding == "same":
        behind = _same_output_padding(behind, window, strides, dilations)
        x.graph.conventions["same"] = SAME_MEANING
    layout = Layout(strides, paddings, dilations, groups)
    output = tuple(
        _output_length(*one)
        for one in zip(data.shape[2:], window, strides, dilations, paddings, behind, strict=True)
    )
    found = apply("convolve_transposed", data, weights, layout=layout, output=output)
    if x.graph.is_requested("kernel_matrix"):
        apply("kernel_matrix", weights, layout=layout, sizes=output).T.named("kernel_matrix")
    if x.graph.is_requested("patches"):
        reach = [one * (extent - 1) for one, extent in zip(dilations, window, strict=True)]
        before = tuple(one - cut for one, (cut, _) in zip(reach, paddings, strict=True))
        sizes = tuple(length + one for length, one in zip(output, reach, strict=True))
        wide = apply("spaced", data, stride=strides, before=before, sizes=sizes)
        name_patches(wide, Layout(dilation=dilations, groups=groups), window, kept)
    return name_output(found, bias, (kept == 2, not single), plane)


def _same_output_padding(behind: Pair, window: Pair, stride: Pair, dilations: Pair) -> Pair:
    """How many zeros padding same needs behind: as many as a kernel is shorter than the stride.

    Raises QuestionError where more are asked for.
    """
    if behind != (0, 0):
        raise QuestionError(
            ("output_padding",),
            "has no use with padding same, which says how long the output is",
            "0",
            f"{max_known(behind)}",
        )
    reach = [one * (extent - 1) + 1 for one, extent in zip(dilations, window, strict=True)]
    known = [isinstance(one, int) and isinstance(step, int) for one, step in zip(reach, stride, strict=True)]
    first, second = (
        max(0, step - one) if is_known else 0
        for one, step, is_known in zip(reach, stride, known, strict=True)
    )
    return first, second


def _output_length(
    size: Size, extent: Size, stride: Size, dilations: Size, paddings: tuple[Size, Size], behind: Size
) -> Size:
    """The length of the output.

    Raises QuestionError where nothing is left, or where behind reaches both the stride and the dilation.
    """
    if all(isinstance(one, int) and isinstance(behind, int) and behind >= one for one in (stride, dilations)):
        raise QuestionError(
            ("output_padding",),
            f"has to be less than the stride or the dilation of its axis, {stride} and {dilations}",
            f"at most {max_known((stride, dilations)) - 1}",
            f"{behind}",
        )
    length = (size - 1) * stride + dilations * (extent - 1) + 1 + behind - paddings[0] - paddings[1]
    if isinstance(length, int) and length < 1:
        raise QuestionError(
            ("padding",), "the padding cuts away the whole output", "less padding", f"an output of {length}"
        )
    return length
