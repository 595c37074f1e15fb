"""Steps: named values, each with the unnamed ones it is made of."""

from operator import attrgetter

from compute.graph.value import Value

BY_INDEX = attrgetter("index")


def step_values(value: Value, seen: set[int] | None = None) -> list[Value]:
    """A named value with the unnamed ones it is made of, in order of computation.

    seen: indices of values to leave out; those found are added.
    """
    seen = set() if seen is None else seen
    found = [value]
    for one in found:
        for operand in one.inputs:
            if operand.name is None and operand.index not in seen:
                seen.add(operand.index)
                found.append(operand)
    found.reverse()
    if len(found) > 2:
        found.sort(key=BY_INDEX)
    return found
