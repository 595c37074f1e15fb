"""Whether axes are there, and shapes of inputs belong together, where dimension names cannot say it."""

from compute.dimensions import Shape, ShapeError, broadcast, from_last, show
from compute.errors import QuestionError
from compute.graph.value import Value


def axis_of(value: Value, axis: int, name: str = "x", field: str = "axis") -> int:
    """An axis of a value, counted from the last; refused at its field where there is none.

    name: what the value is called.
    """
    found = from_last(axis, value.rank)
    if found is None:
        raise QuestionError(
            (field,), f"{name} of shape {show(value.shape)} has no such axis",
            f"a whole number from {-value.rank} to {value.rank - 1}" if value.rank else f"{name} with axes",
            f"axis {axis}",
        )  # fmt: skip
    return found


def alike(value: Value, other: Value, name: str) -> None:
    """Have a value the shape of another; refused at its field where both are known and differ."""
    if other.is_assumed:
        value, other = other, value
    shaped(value, other.shape, name, f"as {other.name}")


def shaped(value: Value, shape: Shape, name: str, why: str) -> None:
    """Have a value this shape; refused at its field where it is known to have another."""
    if value.is_assumed:
        value.shape, value.has_open_batch = shape, False
    elif value.shape != shape:
        raise QuestionError(
            (name,), f"the shape of {name} does not fit", f"shape {show(shape)}, {why}",
            f"shape {show(value.shape)}",
        )  # fmt: skip


def spread_over(value: Value, shape: Shape, name: str) -> None:
    """Refuse a value at its field that does not broadcast to a shape."""
    try:
        fits = broadcast(value.shape, shape) == shape
    except ShapeError:
        fits = False
    if not fits:
        raise QuestionError(
            (name,), f"the shape of {name} does not fit", f"a shape that broadcasts to {show(shape)}",
            f"shape {show(value.shape)}",
        )  # fmt: skip


def in_batches(value: Value, name: str, other: Value, of: str, axes: int = 2) -> None:
    """Refuse a value at its field whose batch axes do not go with those of another.

    of: what the other is called; axes: how many of the last are no batch axes.
    """
    batch = other.shape[:-axes]
    try:
        broadcast(value.shape[:-axes], batch)
    except ShapeError:
        raise QuestionError(
            (name,), f"{name} has other batch axes than {of}",
            f"batch axes that broadcast with {show(batch)}", f"shape {show(value.shape)}",
        ) from None  # fmt: skip
