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
    data_input,
    finished,
    kernel_input,
    leading_axes,
    named_patches,
)
from compute.operations.convolution.window_geometry import (
    Apart,
    Aparts,
    Step,
    Steps,
    borders,
    max_known,
    pair,
    planar,
)
from compute.operations.framework.declaration import Attribute, Padding, Padding1d, Sides, operation
from compute.primitives.windows import Layout, Pair

CUT = "What is cut from the ends of the output, the padding of the convolution whose transpose this is: "
SAME = (
    " same (the output is the stride times as long as the input; an odd entry more is cut behind, and zeros"
    " are added behind if the kernel is shorter than the stride) or valid (nothing)."
)
SAME_MEANING = (
    "the output is the stride times as long as the input: the transpose of a convolution with padding same,"
    " whose odd entry of border is behind"
)
Cut: TypeAlias = Annotated[Padding1d, Attribute(f"{CUT}one number, [before, behind],{SAME}")]
Cuts: TypeAlias = Annotated[
    Padding, Attribute(f"{CUT}one number, [rows, columns], [[top, bottom], [left, right]],{SAME}")
]
More: TypeAlias = Annotated[
    Size,
    Attribute("How many entries are added behind the output, fewer than the stride or the dilation; 0 with"
              " padding same.", minimum=0),
]  # fmt: skip
Mores: TypeAlias = Annotated[
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
    stride: Step = 1,
    padding: Cut = 0,
    output_padding: More = 0,
    dilation: Apart = 1,
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
    stride: Steps = 1,
    padding: Cuts = 0,
    output_padding: Mores = 0,
    dilation: Aparts = 1,
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
    kept, filters = leading_axes(x, kernel, 2 if plane else 1, depth, depth)
    data = planar(x, kept, plane)
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
    weights = planar(kernel, filters, plane)
    steps, apart, behind = pair(stride, plane), pair(dilation, plane), pair(more, plane, 0)
    window = (weights.shape[2], weights.shape[3])
    # The convolution's input is a multiple of the stride, of which same pads every length alike.
    around = borders(padding, plane, steps, window, steps, apart)
    if padding == "same":
        behind = _left_over(behind, window, steps, apart)
        x.graph.conventions["same"] = SAME_MEANING
    layout = Layout(steps, around, apart, groups)
    output = tuple(
        _length(*one) for one in zip(data.shape[2:], window, steps, apart, around, behind, strict=True)
    )
    found = apply("convolve_transposed", data, weights, layout=layout, output=output)
    if x.graph.is_requested("kernel_matrix"):
        apply("kernel_matrix", weights, layout=layout, sizes=output).T.named("kernel_matrix")
    if x.graph.is_requested("patches"):
        reach = [one * (extent - 1) for one, extent in zip(apart, window, strict=True)]
        before = tuple(one - cut for one, (cut, _) in zip(reach, around, strict=True))
        sizes = tuple(length + one for length, one in zip(output, reach, strict=True))
        wide = apply("spaced", data, stride=steps, before=before, sizes=sizes)
        named_patches(wide, Layout(dilation=apart, groups=groups), window, kept)
    return finished(found, bias, (kept == 2, not single), plane)


def _left_over(behind: Pair, window: Pair, stride: Pair, apart: Pair) -> Pair:
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
    reach = [one * (extent - 1) + 1 for one, extent in zip(apart, window, strict=True)]
    known = [isinstance(one, int) and isinstance(step, int) for one, step in zip(reach, stride, strict=True)]
    first, second = (
        max(0, step - one) if is_known else 0
        for one, step, is_known in zip(reach, stride, known, strict=True)
    )
    return first, second


def _length(
    size: Size, extent: Size, stride: Size, apart: Size, around: tuple[Size, Size], behind: Size
) -> Size:
    """The length of the output.

    Raises QuestionError where nothing is left, or where behind reaches both the stride and the dilation.
    """
    if all(isinstance(one, int) and isinstance(behind, int) and behind >= one for one in (stride, apart)):
        raise QuestionError(
            ("output_padding",),
            f"has to be less than the stride or the dilation of its axis, {stride} and {apart}",
            f"at most {max_known((stride, apart)) - 1}",
            f"{behind}",
        )
    length = (size - 1) * stride + apart * (extent - 1) + 1 + behind - around[0] - around[1]
    if isinstance(length, int) and length < 1:
        raise QuestionError(
            ("padding",), "the padding cuts away the whole output", "less padding", f"an output of {length}"
        )
    return length
