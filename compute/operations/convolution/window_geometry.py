"""Windows that slide over one axis or two: what convolutions and poolings share.

Everything runs over two axes; one axis is two of which the first has size 1. Batch, channel and filter axes
that are missing are added as axes of size 1, and taken away again.
"""

from typing import Annotated, Any, TypeAlias

from compute.dimensions import ShapeError, Size, floor_divide
from compute.errors import QuestionError
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Attribute, Padding, Padding1d, Sides
from compute.primitives.windows import Layout, Pair

Stride: TypeAlias = Annotated[Size, Attribute("How far the window moves at a time.", minimum=1)]
Strides: TypeAlias = Annotated[
    Sides, Attribute("How far the window moves at a time: one number, or [down, across].", minimum=1)
]
Dilation: TypeAlias = Annotated[
    Size, Attribute("How far apart the entries are that a window sees.", minimum=1)
]
Dilations: TypeAlias = Annotated[
    Sides,
    Attribute("How far apart the entries are that a window sees: one number, or [down, across].", minimum=1),
]
ZeroPadding1d: TypeAlias = Annotated[
    Padding1d,
    Attribute(
        "Zeros around the input: one number, [before, behind], same (as many windows as entries over the"
        " stride, an odd one more behind) or valid (none)."
    ),
]
ZeroPadding2d: TypeAlias = Annotated[
    Padding,
    Attribute(
        "Zeros around the input: one number, [rows, columns], [[top, bottom], [left, right]], same (as many"
        " windows as entries over the stride, an odd one more behind) or valid (none)."
    ),
]


def per_axis(setting: Any, plane: bool, added: int = 1) -> Pair:
    """A setting for both axes. added: what it is for the one that is added to a single axis."""
    if not plane:
        return (added, setting)
    return setting if isinstance(setting, tuple) else (setting, setting)


def padding_widths(
    padding: Any, plane: bool, sizes: tuple[Size, Size], window: Pair, stride: Pair, dilations: Pair
) -> Any:
    """The padding as ((top, bottom), (left, right))."""
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


def _same_padding(size: Size, extent: Size, stride: Size, dilations: Size) -> tuple[Size, Size]:
    """Enough for one window at every stride-th entry: half before, and the odd one behind."""
    reach = dilations * (extent - 1) + 1
    if isinstance(size, int) and isinstance(reach, int) and isinstance(stride, int):
        missing = max(0, (-(-size // stride) - 1) * stride + reach - size)
        return missing // 2, missing - missing // 2
    if stride != 1:
        raise QuestionError(
            ("padding",), "same is known in letters for stride 1 alone", "numbers, or stride 1", "letters"
        )
    before = floor_divide(reach - 1, 2)
    return before, reach - 1 - before


def count_windows(layout: Layout, sizes: tuple[Size, Size], window: Pair, field: str) -> tuple[Size, Size]:
    """How many windows fit, or a fault at the field that says how large they are."""
    try:
        return layout.output(sizes, window)
    except ShapeError as error:
        extent = " x ".join(map(str, window if window[0] != 1 else window[1:]))
        raise QuestionError(
            (field,), str(error), "a window that fits into the padded input", f"a window of {extent}"
        ) from None


def add_axes(value: Value, kept: int, plane: bool) -> Value:
    """The value with all four axes; kept: how many it has before those that windows slide over."""
    outer, inner = value.shape[:kept], value.shape[kept:]
    shape = (*(1,) * (2 - kept), *outer, *(() if plane else (1,)), *inner)
    return value if shape == value.shape else apply("reshape", value, to=shape)


def drop_axes(value: Value, keep: tuple[bool, bool], plane: bool) -> Value:
    """The value without the axes that were added."""
    shape = (
        *(size for size, kept in zip(value.shape[:2], keep, strict=True) if kept),
        *value.shape[2 if plane else 3 :],
    )
    return value if shape == value.shape else apply("reshape", value, to=shape)


def round_up(layout: Layout, sizes: tuple[Size, Size], window: Pair) -> Layout:
    """The same windows, and one more along each axis where a part of one is left over behind.

    It has to start inside the input or before it; what it lacks is added to the border behind.
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
    """Refuse borders so wide that a window could see nothing else."""
    for axis, size in enumerate(sizes):
        dilations, widest = layout.dilation[axis], max_known(layout.padding[axis])
        reach = dilations * (window[axis] - 1)
        known = all(isinstance(one, int) for one in (dilations, reach, size))
        if known and (widest > reach or (widest > 0 and size < dilations)):
            raise QuestionError(
                ("padding",),
                "a window would see nothing but border",
                f"at most {reach if size >= dilations else 0} on each side",
                f"{widest}",
            )


def max_known(sides: Pair) -> int:
    """The larger of two sides, as far as they are numbers."""
    return max((side for side in sides if isinstance(side, int)), default=0)
