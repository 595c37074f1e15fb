"""Patch embedding: the patches of an image as tokens, a convolution whose windows do not overlap."""

from typing import Annotated

from compute.dimensions import ShapeError, Size, divide, product, show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.convolution.convolution import conv2d
from compute.operations.framework.build import call
from compute.operations.framework.declaration import Input, StoredTensor, operation

IMAGE = Input(
    "C H W | B C H W | H W",
    "The image: with channels, with channels and a batch, or of a single channel without that axis.",
    "X",
)

ORDER = "row by row, from the top left on; in each its channels one after the other, row by row"


@operation(
    (
        ValueSpec("patches", "token entry", "... tokens entries",
                  "Each patch as a row vector: its channels one after the other, each row by row. The patches"
                  " are in row-major order too.", "X_{p}"),
        ValueSpec("output", "token d", "... tokens d",
                  "The tokens: each patch times the kernel, and the bias.", "Z"),
    ),
    stored=(StoredTensor("weight", ("kernel",)), StoredTensor("bias", ("bias",))),
)  # fmt: skip
def patch_embedding(
    x: Annotated[Value, IMAGE],
    kernel: Annotated[
        Value,
        Input(
            "d C p q",
            "The weights of a patch of p rows and q columns for each of the d entries of a token.",
            "E",
            parameter=True,
        ),
    ],
    bias: Annotated[
        Value | None,
        Input("d", "One number per entry of a token.", "b", parameter=True, optional="none",
              is_bias=True),
    ] = None,
) -> Value:  # fmt: skip
    """A patch embedding: an image is cut into patches, and each is projected to a token.

    With patches as rows it is X_p times the flattened kernel, plus the bias. It equals the convolution with
    this kernel whose stride is the size of a patch; verify checks that for the request's numbers.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words (2021), section 3.1.
    """
    graph, window = x.graph, (kernel.shape[2], kernel.shape[3])
    graph.conventions["patches"] = ORDER
    image = _with_channels(x, kernel.shape[1])
    _check_size(image, window)
    patches = apply("tiles", image, window=window).named("patches")
    entries = patches.shape[-1] if kernel.is_assumed else product(kernel.shape[1:])
    flat = apply("reshape", kernel, to=(kernel.shape[0], entries))
    output = apply("project", patches, flat.T)
    output = (output if bias is None else output + bias).named("output")
    graph.promise(
        output,
        f"the tokens equal the convolution with stride {window[0]} x {window[1]}, row by row",
        lambda: (output, _convolve(image, kernel, bias, window, output)),
    )
    return output


def _with_channels(x: Value, channels: Size) -> Value:
    """Return an image with an axis of channels."""
    if x.rank != 2:
        return x
    if channels != 1:
        raise QuestionError(
            ("x",), "an image without channels needs a kernel with one channel",
            f"{channels} channels, or a kernel (d, 1, p, q)", f"shape {show(x.shape)}",
        )  # fmt: skip
    return apply("expand_dims", x, axis=-3)


def _check_size(image: Value, window: tuple[Size, Size]) -> None:
    """Raise QuestionError, with the nearest sizes, for an image that whole patches do not cover."""
    near: list[tuple[Size, Size]] = []
    fits = True
    for size, extent in zip(image.shape[-2:], window, strict=True):
        try:
            divide(size, extent)
            near.append((size, size))
        except ShapeError:
            fits = False
            if not (isinstance(size, int) and isinstance(extent, int)):
                raise _misfit_error(image, window, "sizes that can be divided") from None
            near.append((size // extent * extent, -(-size // extent) * extent))
    if not fits:
        smaller, larger = (" x ".join(str(pair[at]) for pair in near) for at in (0, 1))
        crop = f"cropped to {smaller} or " if all(pair[0] for pair in near) else ""
        raise _misfit_error(image, window, f"{crop}padded to {larger}")


def _misfit_error(image: Value, window: tuple[Size, Size], near: str) -> QuestionError:
    """Return the error for an image that patches do not cover. near: the nearest sizes, in words."""
    height, width = image.shape[-2:]
    return QuestionError(
        ("x",),
        f"an image of {height} x {width} cannot be cut into patches of {window[0]} x {window[1]}",
        f"rows a multiple of {window[0]} and columns of {window[1]}: {near}",
        f"{height} x {width}",
    )


def _convolve(
    image: Value, kernel: Value, bias: Value | None, window: tuple[Size, Size], output: Value
) -> Value:
    """Return the convolution with its positions flattened to one axis."""
    convolved = call(conv2d, "convolution", x=image, kernel=kernel, bias=bias, stride=window)
    positions = product(convolved.shape[-2:])
    return apply("reshape", convolved, to=(*convolved.shape[:-2], positions)).T
