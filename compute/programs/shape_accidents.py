"""Notes on shapes that fit by accident: what NumPy computes without an error, and rarely means what it says.

Each function adds a note about the line that is being built if its shapes are those of a common mistake, and
none for shapes that are usual.
"""

from compute.dimensions import product, show
from compute.graph.graph import Graph, Value, nearest_names

EXPLICIT = ("expand_dims", "reshape", "transpose", "reverse_axes")  # which make a column on purpose
SOFTMAXES = ("softmax", "log_softmax", "softmin")
REDUCTIONS = ("sum", "mean", "max", "min")
KEEPING = ("negative", "identity", "reshape")  # steps from a total to what is reduced once more
SCALING = ("multiply", "divide")
MATRIX = 2


def note_broadcast(graph: Graph, line: str, left: Value, right: Value, result: Value) -> None:
    """Note a column (n, 1) and a row (n) that give a matrix (n, n), unless the column was made on purpose."""
    if left.shape == right.shape:
        return
    for column, row in ((left, right), (right, left)):
        size = row.shape[0] if row.rank == 1 else None
        if type(size) is not int or size == 1 or column.shape != (size, 1) or result.shape != (size, size):
            continue
        if column.primitive is not None and column.primitive.name in EXPLICIT:
            continue
        names = (
            f"{_name(column)}, a column {show(column.shape)}, and {_name(row)}, of shape {show(row.shape)}"
        )
        graph.add_note(
            "broadcast_to_matrix",
            line,
            f"{names}, give a matrix {show(result.shape)}, every entry of one with every entry of the other;"
            " to combine them entry by entry, give both one shape, as column[:, 0] does",
        )


def note_softmax(graph: Graph, line: str, name: str, result: Value) -> None:
    """Note a softmax along an axis of one entry, if the value has another axis of several."""
    axis = result.attributes.get("axis", -1)
    if not isinstance(axis, int) or not result.rank or result.shape[axis] != 1:
        return
    several = [place for place, size in enumerate(result.shape) if size != 1]
    if several:
        always = "0" if name == "log_softmax" else "1"
        graph.add_note(
            "softmax_of_one",
            line,
            f"{name} along an axis of one entry is {always} whatever the numbers are; the value has shape"
            f" {show(result.shape)}, and axis={several[-1]} has {result.shape[several[-1]]} entries",
        )


def note_total_reduced(graph: Graph, line: str, name: str, operand: Value) -> None:
    """Note a reduction of what is one number already, the sum over all rows."""
    total = _total_behind(operand)
    if name not in REDUCTIONS or operand.shape != () or total is None:
        return
    rows = total.shape[0]
    graph.add_note(
        "sum_over_rows",
        line,
        f"{name} of one number is that number: {_name(operand)} is a sum over all entries of shape"
        f" {show(total.shape)}, so over its {rows} rows too; for one number a row, sum with axis=-1",
    )


def note_normalized_by_total(graph: Graph, line: str, left: Value, right: Value) -> None:
    """Note exponentials of a matrix divided by the sum over all of them, which is no softmax of its rows."""
    total = _total_behind(right) if right.shape == () else None
    exponential = left.primitive is not None and left.primitive.name == "exp"
    if total is None or not exponential or left.shape != total.shape:
        return
    same = total is left or (total.applied is left.applied and total.inputs == left.inputs)
    if same:
        graph.add_note(
            "sum_over_rows",
            line,
            f"exponentials of shape {show(left.shape)} are divided by the sum over all entries, so that all"
            " rows together sum to 1; a softmax of each row divides by the sum with axis=-1, keepdims=True",
        )


def _total_behind(value: Value) -> Value | None:
    """Return the value whose sum over all entries, of several rows, a scalar is up to a sign and a factor."""
    while value.primitive is not None and value.shape in ((), (1,)):
        name, inputs = value.primitive.name, value.inputs
        if name == "sum_over":
            flat = inputs[0]
            behind = (
                flat.inputs[0] if flat.primitive is not None and flat.primitive.name == "reshape" else flat
            )
            sizes = [size for size in behind.shape if size != 1]
            is_whole = (
                behind.rank >= MATRIX and len(sizes) >= MATRIX and flat.shape == (product(behind.shape),)
            )
            return behind if is_whole else None
        by = inputs[1].primitive if name in SCALING else None
        if name not in KEEPING and (by is None or by.name != "constant"):
            return None
        value = inputs[0]
    return None


def _name(value: Value) -> str:
    """Return the name of a value, or what it is computed from, in words."""
    if value.name is not None:
        return value.name
    near = nearest_names(value)
    return f"what follows from {near[0]}" if near else "a value"
