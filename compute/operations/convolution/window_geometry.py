"""Geometry of sliding windows, shared by convolutions and poolings.

Everything is computed over two axes; a single axis gets one of size 1 in front. Missing batch, channel and
filter axes are added with size 1, and dropped from the result.
"""

from typing import Annotated, Any, TypeAlias

from compute.dimensions import ShapeError, Size, floor_divide
from compute.errors import QuestionError
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.declaration import Attribute, Padding, Padding1d, Sides
from compute.primitives.windows import Layout, Pair

Stride: TypeAlias = Annotated[Size, Attribute("The step between windows.", minimum=1)]
Strides: TypeAlias = Annotated[
    Sides, Attribute("The step between windows: one number, or [down, across].", minimum=1)
]
Dilation: TypeAlias = Annotated[Size, Attribute("The step between entries of a window.", minimum=1)]
Dilations: TypeAlias = Annotated[
    Sides,
    Attribute("The step between entries of a window: one number, or [down, across].", minimum=1),
]
ZeroPadding1d: TypeAlias = Annotated[
    Padding1d,
    Attribute(
        "Zeros around the input: one number, [before, after], same (size / stride windows, rounded up; an odd"
        " zero comes after) or valid (none)."
    ),
]
ZeroPadding2d: TypeAlias = Annotated[
    Padding,
    Attribute(
        "Zeros around the input: one number, [rows, columns], [[top, bottom], [left, right]], same (size /"
        " stride windows, rounded up; an odd zero comes after) or valid (none)."
    ),
]


def per_axis(setting: Any, plane: bool, added: int = 1) -> Pair:
    """Return a setting for both axes. added: its value for the added axis, if there is a single one."""
    if not plane:
        return (added, setting)
    return setting if isinstance(setting, tuple) else (setting, setting)


def padding_widths(
    padding: Any, plane: bool, sizes: tuple[Size, Size], window: Pair, stride: Pair, dilations: Pair
) -> Any:
    """Return the padding as ((top, bottom), (left, right))."""
    if padding == "valid":
        padding = 0
    if padding == "same":
        return tuple(
            _same_padding(*one) if plane or axis else (0, 0)
            for axis, one in enumerate(zip(sizes, window, stride, dilations, strict=True))
        )
    nested = isinstance(padding, tuple) and isinstance(padding[0], tuple)
    if plane and not nested:
        across = padding if isinstance(padding, tuple) else (padding, padding)
        return tuple((one, one) for one in across)
    if plane:
        return padding
    return ((0, 0), padding if isinstance(padding, tuple) else (padding, padding))


def _same_padding(size: Size, extent: Size, stride: Size, dilation: Size) -> tuple[Size, Size]:
    """Return the padding for one window at every stride-th entry: half before, and an odd one after."""
    reach = dilation * (extent - 1) + 1
    if isinstance(size, int) and isinstance(reach, int) and isinstance(stride, int):
        missing = max(0, (-(-size // stride) - 1) * stride + reach - size)
        return missing // 2, missing - missing // 2
    if stride != 1:
        raise QuestionError(
            ("padding",),
            "same needs stride 1 if sizes are symbols",
            "numbers, or stride 1",
            f"stride {stride}",
        )
    before = floor_divide(reach - 1, 2)
    return before, reach - 1 - before


def count_windows(
    graph: Graph, layout: Layout, sizes: tuple[Size, Size], window: Pair, field: str
) -> tuple[Size, Size]:
    """Return the numbers of windows along both axes, with a note if the stride leaves entries out at the end.

    Raises QuestionError at the field if no window fits.
    """
    try:
        output = layout.output(sizes, window)
        _note_left_out(graph, layout, sizes, window)
        return output
    except ShapeError as error:
        extent = " x ".join(map(str, window if window[0] != 1 else window[1:]))
        raise QuestionError(
            (field,), str(error), "a window that fits into the padded input", f"a window of {extent}"
        ) from None


def _note_left_out(graph: Graph, layout: Layout, sizes: tuple[Size, Size], window: Pair) -> None:
    """Note entries of the input, not of the padding, that no window sees because the stride does not fit."""
    for axis, (size, name) in enumerate(zip(sizes, ("row", "column"), strict=True)):
        (before, behind), stride = layout.padding[axis], layout.stride[axis]
        extent = layout.dilation[axis] * (window[axis] - 1) + 1
        if not all(type(one) is int for one in (size, before, behind, stride, extent)):
            continue
        left = (size + before + behind - extent) % stride - behind
        if left > 0 and stride <= extent:  # a longer stride leaves entries out on purpose
            noun = "entry" if sizes[0] == 1 and window[0] == 1 else name
            plural = {"entry": "entries"}.get(noun, f"{noun}s")
            last = f"the last {noun}" if left == 1 else f"the last {left} {plural}"
            graph.add_note(
                "rows_left_out",
                graph.full_name("output"),
                f"a window of {extent} with a stride of {stride} does not fit {size} {plural} evenly: {last}"
                f" {'is' if left == 1 else 'are'} in no window; padding, or a stride that divides"
                f" {size + before + behind - extent}, includes {'it' if left == 1 else 'them'}",
            )


def add_axes(value: Value, kept: int, plane: bool) -> Value:
    """Return the value with four axes. kept: its number of axes before those that windows slide over."""
    outer, inner = value.shape[:kept], value.shape[kept:]
    shape = (*(1,) * (2 - kept), *outer, *(() if plane else (1,)), *inner)
    return value if shape == value.shape else apply("reshape", value, to=shape)


def drop_axes(value: Value, keep: tuple[bool, bool], plane: bool) -> Value:
    """Return the value without the added axes. keep: whether it has its first and its second axis."""
    shape = (
        *(size for size, kept in zip(value.shape[:2], keep, strict=True) if kept),
        *value.shape[2 if plane else 3 :],
    )
    return value if shape == value.shape else apply("reshape", value, to=shape)


def round_up(layout: Layout, sizes: tuple[Size, Size], window: Pair) -> Layout:
    """Return a layout with one more window along each axis whose end the last window does not reach.

    The additional window must start inside the input or before it; the padding after is extended for it.
    """
    paddings = []
    for axis, size in enumerate(sizes):
        before, behind = layout.padding[axis]
        stride, extent = layout.stride[axis], layout.dilation[axis] * (window[axis] - 1) + 1
        over = size + before + behind - extent
        if all(isinstance(one, int) for one in (over, stride, size + before)):
            count = -(-over // stride) + 1
            if (count - 1) * stride >= size + before:
                count -= 1
            behind = behind + max(0, (count - 1) * stride - over)
        else:
            behind = behind + stride - 1
        paddings.append((before, behind))
    return layout._replace(padding=(paddings[0], paddings[1]))


def check_padding(layout: Layout, sizes: tuple[Size, Size], window: Pair) -> None:
    """Raise QuestionError for padding so wide that a window could lie in it entirely."""
    for axis, size in enumerate(sizes):
        dilation, widest = layout.dilation[axis], max_known(layout.padding[axis])
        reach = dilation * (window[axis] - 1)
        known = all(isinstance(one, int) for one in (dilation, reach, size))
        if known and (widest > reach or (widest > 0 and size < dilation)):
            raise QuestionError(
                ("padding",),
                "a window would see nothing but padding",
                f"at most {reach if size >= dilation else 0} on each side",
                f"{widest}",
            )


def max_known(sides: Pair) -> int:
    """Return the larger of those sides that are numbers; 0 if none is."""
    return max((side for side in sides if isinstance(side, int)), default=0)
