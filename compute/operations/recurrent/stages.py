"""The values of one time step of a recurrent layer, as the known mistakes in these layers find them."""

from compute.graph.graph import INDEX, Value, apply
from compute.graph.steps import step_values
from compute.operations.framework.misconceptions import DoesNotApply, Step


def stage(step: Step, name: str) -> Value:
    """Return another stage of the same time step."""
    return step[f"{name}[{number(step.name)}]"]


def number(name: str) -> int:
    """Return the number of the time step in a name such as `layer[0].hidden[3]`."""
    return int(INDEX.findall(name)[-1][1:-1])


def applied(value: Value, primitive: str) -> list[Value]:
    """Return the applications of a primitive inside a step, in order."""
    return [
        inner
        for inner in step_values(value)
        if inner.primitive is not None and inner.primitive.name == primitive
    ]


def operand_user(step: Step, primitive: str, place: int, operand: Value) -> Value:
    """Return the application of a primitive, inside the step, that has this operand at a place.

    Raises DoesNotApply if there is none.
    """
    for inner in applied(step.value, primitive):
        if inner.inputs[place] is operand:
            return inner
    raise DoesNotApply(primitive)


def product(step: Step, first: Value) -> Value:
    """Return the product inside the step whose first factor this is."""
    return operand_user(step, "multiply", 0, first)


def terms(step: Step) -> tuple[Value, Value]:
    """Return the products of a preactivation: x_t W_x and h_{t-1} W_h."""
    projects = applied(step.value, "project")
    if len(projects) < 2:
        raise DoesNotApply("no two products")
    return projects[-2], projects[-1]


def previous(state: Value) -> int | None:
    """Return the number of the step that this is the hidden state of; None for the initial state."""
    name = (state.name or "").rpartition(".")[2]
    return number(name) if name.startswith("hidden[") else None


def row_of_input(x: Value) -> Value:
    """Return the row of the sequence that a step reads, without the mask of sequences that have ended."""
    row = x.inputs[1] if x.primitive is not None and x.primitive.name == "where" else x
    if row.primitive is None or row.primitive.name != "time_step":
        raise DoesNotApply("no row of a sequence")
    return row


def zeros_like(value: Value, zero: Value) -> Value:
    """Return zeros of a value's shape."""
    return apply("broadcast_to", zero, to=value.shape)
