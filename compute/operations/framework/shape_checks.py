"""Checks of axes and shapes that dimension names cannot express."""

from compute.dimensions import Shape, ShapeError, broadcast, from_last, show
from compute.errors import QuestionError
from compute.graph.graph import Value


def find_axis(value: Value, axis: int, name: str = "x", field: str = "axis") -> int:
    """Return an axis of a value, counted from the last. Raises QuestionError at the field if it has none.

    name: the value's name in messages.
    """
    counted = from_last(axis, value.rank)
    if counted is None:
        raise QuestionError(
            (field,), f"{name} of shape {show(value.shape)} has no such axis",
            f"a whole number from {-value.rank} to {value.rank - 1}" if value.rank else f"{name} with axes",
            f"axis {axis}",
        )  # fmt: skip
    return counted


def require_same_shape(value: Value, other: Value, name: str) -> None:
    """Require a value to have the shape of another; an assumed one takes the shape of the other."""
    if other.is_assumed:
        value, other = other, value
    require_shape(value, other.shape, name, f"as {other.name}")


def require_shape(value: Value, shape: Shape, name: str, why: str) -> None:
    """Require a value to have this shape; an assumed one takes it. Raises QuestionError at the field `name`.

    why: the reason for the shape, for the message.
    """
    if value.is_assumed:
        value.shape, value.has_open_batch = shape, False
    elif value.shape != shape:
        raise QuestionError(
            (name,), f"the shape of {name} does not fit", f"shape {show(shape)}, {why}",
            f"shape {show(value.shape)}",
        )  # fmt: skip


def require_broadcast(value: Value, shape: Shape, name: str) -> None:
    """Require a value to broadcast to a shape. Raises QuestionError at the field `name`."""
    try:
        fits = broadcast(value.shape, shape) == shape
    except ShapeError:
        fits = False
    if not fits:
        raise QuestionError(
            (name,), f"the shape of {name} does not fit", f"a shape that broadcasts to {show(shape)}",
            f"shape {show(value.shape)}",
        )  # fmt: skip


def require_batch_axes(value: Value, name: str, other: Value, of: str, axes: int = 2) -> None:
    """Require the batch axes of two values to broadcast. Raises QuestionError at the field `name`.

    of: the name of the other value in the message.
    axes: the number of last axes that are not batch axes.
    """
    batch = other.shape[:-axes]
    try:
        broadcast(value.shape[:-axes], batch)
    except ShapeError:
        raise QuestionError(
            (name,), f"{name} has other batch axes than {of}",
            f"batch axes that broadcast with {show(batch)}", f"shape {show(value.shape)}",
        ) from None  # fmt: skip
