"""Known mistakes in convolutions.

A convolution is one primitive, or a product of its kernel as rows with the windows as columns (patches).
"""

from typing import Any

from compute.dimensions import Size, product
from compute.graph.graph import Value, apply
from compute.operations.convolution.window_geometry import round_up
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception, stop_gradient
from compute.primitives.windows import Layout

CONVOLUTIONS = ("conv1d", "conv2d")
NO_PADDING = ((0, 0), (0, 0))


def is_applied(value: Value, primitive: str) -> bool:
    """Return whether a value is the result of a primitive."""
    return value.primitive is not None and value.primitive.name == primitive


def _without_reshapes(value: Value) -> Value:
    while is_applied(value, "reshape"):
        value = value.inputs[0]
    return value


def _patches(product_with_patches: Value) -> Value:
    """Return the patches of a product of a kernel with them."""
    patches = _without_reshapes(product_with_patches.inputs[1])
    if not is_applied(patches, "patches"):
        raise DoesNotApply("a product without patches")
    return patches


def _operands(step: Step) -> tuple[Value, Value]:
    """Return the data, which are the windows as columns in a product, and the kernel with its four axes."""
    if is_applied(step.value, "convolve"):
        return step.operands[0], step.operands[1]
    _patches(step.value)
    return step.operands[1], step.operands[0].inputs[0]


def _correlated(step: Step, data: Value, kernel: Value) -> Value:
    """Compute the step from other data or another kernel."""
    if is_applied(step.value, "convolve"):
        return apply("convolve", data, kernel, **step.attributes)
    return apply("reshape", kernel, to=step.operands[0].shape) @ data


def _layout(step: Step) -> Layout:
    value = step.value if "layout" in step.attributes else _patches(step.value)
    layout: Layout = value.attributes["layout"]
    return layout


@misconception(
    "conv.kernel_flipped",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="Look at the order of the kernel's entries on a window, and whether this layer turns it.",
    note="the kernel was turned along each axis, where the question does not (or the other way round)",
    source="fengbingchun#2; DeepLearnToolbox#169",
)
def kernel_flipped(step: Step) -> Value:
    """Turn the kernel once more."""
    data, kernel = _operands(step)
    return _correlated(step, data, apply("flip", kernel))


@misconception(
    "conv.gradient_input_kernel_flipped",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="Take one entry of the input, and look which entry of the kernel multiplied it in each window.",
    note="the gradient of the input was computed with the kernel turned by half a turn",
    source="numpy-ml#27; NN_Test#2; SimplePythonCNN#6",
)
def gradient_input_kernel_flipped(step: Step) -> Value:
    """Pass the gradient on to the input through a turned kernel."""
    data, kernel = _operands(step)
    turned = stop_gradient(apply("flip", kernel))
    return step.with_gradient_through(data, _correlated(step, data, turned))


@misconception(
    "conv.gradient_kernel_flipped",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="Take one entry of the kernel, and look which entries of the input it multiplied.",
    note="the gradient of the kernel is turned by half a turn",
    source="seen in courses",
)
def gradient_kernel_flipped(step: Step) -> Value:
    """Turn the gradient of the kernel."""
    data, kernel = _operands(step)
    return step.with_gradient_through(kernel, _correlated(step, stop_gradient(data), apply("flip", kernel)))


@misconception(
    "conv.gradient_kernel_averaged",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="All windows share one kernel: think again about how their parts of its gradient are combined.",
    note="the gradient of the kernel is the average over the windows instead of their sum",
    source="seen in courses",
)
def gradient_kernel_averaged(step: Step) -> Value:
    """Divide the gradient of the kernel by the number of windows."""
    data, kernel = _operands(step)
    count = step.size(step.value, -1) * step.size(step.value, -2) * step.size(step.value, 0)
    if not is_applied(step.value, "convolve"):  # (batch, groups, filters, positions)
        count = step.size(step.value, -1) * step.size(step.value, 0)
    averaged = _correlated(step, stop_gradient(data), kernel) / step.constant(count)
    return step.with_gradient_through(kernel, averaged)


@misconception(
    "conv.first_channel_only",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="The input has several channels: look at how many of them a filter sees.",
    note="only the first channel entered the sums",
    source="micrograd-rs#20",
)
def first_channel_only(step: Step) -> Value:
    """Leave out all channels but the first."""
    data, kernel = _operands(step)
    if _layout(step).groups != 1 or step.size(kernel, 1) == 1:
        raise DoesNotApply("a single channel")
    every = (None, None, None)
    first = apply("part", kernel, items=(every, (0, 1, None)))
    if is_applied(step.value, "convolve"):
        return _correlated(step, apply("part", data, items=(every, (0, 1, None))), first)
    taps = product(first.shape[1:])
    rows = apply("reshape", first, to=(1, first.shape[0], taps))
    return rows @ apply("rows", data, start=0, stop=taps)


@misconception(
    "conv.divided_by_taps",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="Look at how the products in a window are combined: an average is not asked for.",
    note="the sums were divided by the number of entries of a filter",
    source="seen in courses",
)
def divided_by_taps(step: Step) -> Value:
    """Take averages of the products."""
    return step.value / step.constant(_taps(_operands(step)[1]))


@misconception(
    "conv.channels_averaged",
    primitives=("convolve", "matmul"),
    of=CONVOLUTIONS,
    message="Look at how the results of the channels are combined to one number.",
    note="the average over the channels was taken instead of their sum",
    source="seen in courses",
)
def channels_averaged(step: Step) -> Value:
    """Divide by the number of channels."""
    count = step.size(_operands(step)[1], 1)
    if count == 1:
        raise DoesNotApply("a single channel")
    return step.value / step.constant(count)


def _taps(kernel: Value) -> int:
    taps: Size = product(kernel.shape[1:])
    if not isinstance(taps, int):
        raise DoesNotApply("a kernel of unknown size")
    return taps


def _terms(step: Step) -> tuple[Value, Value, Value]:
    """Return the convolved windows and the bias of a sum of both, and the correlation inside."""
    for convolved, bias in (step.operands, step.operands[::-1]):
        correlation = _without_reshapes(convolved)
        if is_applied(correlation, "convolve"):
            return convolved, bias, correlation
        if is_applied(correlation, "matmul") and is_applied(
            _without_reshapes(correlation.inputs[1]), "patches"
        ):
            return convolved, bias, correlation
    raise DoesNotApply("no sum of a convolution and a bias")


@misconception(
    "conv.bias_per_tap",
    primitives=("add",),
    message="Look at how often the bias enters one output.",
    note="the bias was added to each product of a window instead of once to their sum",
    source="micrograd-rs#20",
)
def bias_per_tap(step: Step) -> Value:
    """Add the bias once for each entry of a filter."""
    convolved, bias, correlation = _terms(step)
    _, kernel = _operands(Step(correlation, ""))
    return convolved + bias * step.constant(_taps(kernel))


@misconception(
    "conv.bias_left_out",
    primitives=("add",),
    message="The windows are right: look at what is added to them.",
    note="the bias was not added",
    source="seen in courses",
)
def bias_left_out(step: Step) -> Value:
    """Leave out the bias."""
    return _terms(step)[0]


@misconception(
    "conv.bias_wrong_axis",
    primitives=("add",),
    of=CONVOLUTIONS,
    message="Each filter has a bias of its own: look at the axis along which biases are added.",
    note="the biases were laid along the batch, or along the positions, instead of the filters",
    source="onnx2c#7",
)
def bias_wrong_axis(step: Step) -> Value:
    """Lay the biases along the batch, or along the last axis, if they fit there."""
    convolved, bias, _ = _terms(step)
    count = step.size(bias, 0)
    if count == 1:
        raise DoesNotApply("one bias")
    if count == step.size(convolved, 0):
        return convolved + apply("reshape", bias, to=(count, 1, 1, 1))
    return convolved + apply("reshape", bias, to=(count,))


@misconception(
    "conv.gradient_bias_averaged",
    primitives=("add",),
    message="All positions share one bias: think again about how their parts of its gradient are combined.",
    note="the gradient of the bias is the average over the positions instead of their sum",
    source="seen in courses",
)
def gradient_bias_averaged(step: Step) -> Value:
    """Divide the gradient of the bias by the number of positions."""
    convolved, bias, _ = _terms(step)
    count, biases = product(convolved.shape), product(bias.shape)
    if not isinstance(count, int) or not isinstance(biases, int):
        raise DoesNotApply("unknown sizes")
    share = bias / step.constant(count // biases)
    return step.with_gradient_through(bias, stop_gradient(convolved) + share)


@misconception(
    "conv.padding_behind_only",
    primitives=("convolve", "patches"),
    of=CONVOLUTIONS,
    message="Look at the first window, and on which sides of the input the padding lies.",
    note="all padding was put behind the input (right and below) instead of on both sides",
    source="tinyengine#95",
)
def padding_behind_only(step: Step) -> Value:
    """Move all padding behind the input."""
    layout = _layout(step)
    behind = tuple((0, before + after) for before, after in layout.padding)
    if behind == layout.padding:
        raise DoesNotApply("no padding in front")
    return _laid_out(step, padding=behind)


def _laid_out(step: Step, **changed: Any) -> Value:
    """Return the step with another geometry of its windows."""
    attributes = {**step.attributes, "layout": _layout(step)._replace(**changed)}
    return apply(str(step.value.primitive and step.value.primitive.name), *step.operands, **attributes)


def _slid(step: Step, layout: Layout) -> Value:
    """Return the convolution of a step with another geometry of its windows."""
    return apply("convolve", *_image_and_kernel(step), layout=layout)


def _image_and_kernel(step: Step) -> tuple[Value, Value]:
    """Return the input and the kernel of a convolution with their four axes."""
    correlation = _correlation(step)
    data, kernel = _operands(Step(correlation, ""))
    return (data if correlation is step.value else _patches(correlation).inputs[0]), kernel


def _correlation(step: Step) -> Value:
    """Return the primitive of a step, or the product with patches that a step reshapes."""
    if is_applied(step.value, "convolve"):
        return step.value
    if not is_applied(step.operands[0], "matmul"):
        raise DoesNotApply("no product with patches")
    return step.operands[0]


def _geometry(step: Step) -> Layout:
    return _layout(Step(_correlation(step), ""))


@misconception(
    "conv.padding_ignored",
    primitives=("convolve", "reshape"),
    of=CONVOLUTIONS,
    reshapes=True,
    message="Look at the first window: the question asks for padding around the input.",
    note="no padding was added",
    source="seen in courses",
)
def padding_ignored(step: Step) -> Value | None:
    """Slide over the input without padding."""
    layout = _geometry(step)
    return None if layout.padding == NO_PADDING else _slid(step, layout._replace(padding=NO_PADDING))


@misconception(
    "conv.stride_ignored",
    primitives=("convolve", "reshape"),
    of=CONVOLUTIONS,
    reshapes=True,
    message="Look at how far the window moves from one output to the next.",
    note="the window moved by one entry at a time",
    source="blocks#371",
)
def stride_ignored(step: Step) -> Value | None:
    """Move the window by one entry."""
    layout = _geometry(step)
    return None if layout.stride == (1, 1) else _slid(step, layout._replace(stride=(1, 1)))


@misconception(
    "conv.stride_in_one_direction",
    primitives=("convolve", "reshape"),
    of=CONVOLUTIONS,
    reshapes=True,
    message="Look at how far the window moves to the right, and how far it moves down.",
    note="the stride was used from left to right only; downwards the window moved by one entry",
    source="seen in courses",
)
def stride_in_one_direction(step: Step) -> Value | None:
    """Move the window down by one entry."""
    layout = _geometry(step)
    if layout.stride[0] == 1:
        return None
    return _slid(step, layout._replace(stride=(1, layout.stride[1])))


@misconception(
    "conv.axes_exchanged",
    primitives=("convolve", "reshape"),
    of=("conv2d",),
    reshapes=True,
    message="Look at which number of the stride and of the padding belongs to the rows.",
    note="stride, padding and dilation of rows and columns were exchanged",
    source="autogluon#438",
)
def axes_exchanged(step: Step) -> Value | None:
    """Exchange the geometry of rows and columns."""
    layout = _geometry(step)
    exchanged = Layout(layout.stride[::-1], layout.padding[::-1], layout.dilation[::-1], layout.groups)
    return None if exchanged == layout else _slid(step, exchanged)


@misconception(
    "conv.ceiling_window",
    primitives=("convolve", "reshape"),
    of=CONVOLUTIONS,
    reshapes=True,
    message="Look at the last window, and whether it still lies inside the padded input.",
    note="the number of windows was rounded up; zeros fill the last window",
    source="caffe#4252; ComputeLibrary#50; machine-learning-book#72",
)
def ceiling_window(step: Step) -> Value | None:
    """Add a window that extends beyond the input."""
    x, kernel = _image_and_kernel(step)
    layout = _geometry(step)
    longer = round_up(layout, (x.shape[2], x.shape[3]), (kernel.shape[2], kernel.shape[3]))
    return None if longer == layout else _slid(step, longer)


MISCONCEPTIONS = (
    kernel_flipped,
    gradient_input_kernel_flipped,
    gradient_kernel_flipped,
    gradient_kernel_averaged,
    first_channel_only,
    divided_by_taps,
    channels_averaged,
    bias_per_tap,
    bias_left_out,
    bias_wrong_axis,
    gradient_bias_averaged,
    padding_behind_only,
    padding_ignored,
    stride_ignored,
    stride_in_one_direction,
    axes_exchanged,
    ceiling_window,
)
