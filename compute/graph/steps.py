"""Steps: named values, each with the unnamed values it is computed from."""

from operator import attrgetter

from compute.graph.graph import Value

BY_INDEX = attrgetter("index")


def step_values(value: Value, seen: set[int] | None = None) -> list[Value]:
    """Return a named value with the unnamed values it is computed from, in order of computation.

    seen: indices of values to leave out; it is updated with those of this step.
    """
    seen = set() if seen is None else seen
    values = [value]
    for inner in values:
        for operand in inner.inputs:
            if operand.name is None and operand.index not in seen:
                seen.add(operand.index)
                values.append(operand)
    values.reverse()
    if len(values) > 2:
        values.sort(key=BY_INDEX)
    return values
