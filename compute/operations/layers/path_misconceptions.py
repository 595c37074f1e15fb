"""Known mistakes where a gradient has several paths: sums with what they were computed from, and products."""

from compute.graph.graph import Value
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    misconception,
    stop_gradient,
)

SEEN = "seen in courses"
NORMS = ("layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm")
FAR = 200  # values that are searched for the beginning of a path


def _ancestors(value: Value) -> set[Value]:
    """Return a value and those it is computed from, as far as they are searched, without masks."""
    found, pending = {value}, [value]
    for one in pending:
        if len(found) > FAR:
            break
        new = [operand for operand in one.inputs if operand.kind == "real" and operand not in found]
        found.update(new)
        pending += new
    return found


def _varies(value: Value) -> bool:
    """Return whether a value depends on the question's inputs."""
    return any(one.is_input for one in _ancestors(value))


def _skip_and_branch(step: Step) -> tuple[Value, Value]:
    """Return the terms of a sum of a value and of something that was computed from it."""
    left, right = step.operands
    for skip, branch in ((left, right), (right, left)):
        if skip is not branch and skip in _ancestors(branch) and _varies(skip):
            return skip, branch
    raise DoesNotApply("no path around")


@misconception(
    "chain.skip_path_forgotten",
    primitives=("add",),
    message="This value reaches the loss on more than one path: look at the one that goes around the others.",
    note="the gradient lacks the direct path of a residual sum",
    source=SEEN,
)
def skip_path_forgotten(step: Step) -> Value:
    """Stop the gradient on the direct path."""
    skip, branch = _skip_and_branch(step)
    return stop_gradient(skip) + branch


@misconception(
    "chain.branch_forgotten",
    primitives=("add",),
    message="This value reaches the loss on more than one path: look at everything it was used for.",
    note="the gradient has the direct path of a residual sum alone",
    source=SEEN,
)
def branch_forgotten(step: Step) -> Value:
    """Stop the gradient on the path through the other term."""
    skip, branch = _skip_and_branch(step)
    return skip + stop_gradient(branch)


def _constant_factor(code: str, place: int, note: str) -> Misconception:
    """Declare a product of which one factor is taken as a constant. place: that of the factor."""

    @misconception(
        code,
        primitives=("multiply",),
        message="Both factors depend on the same value: which rule does the derivative of a product follow?",
        note=note,
        source=SEEN,
    )
    def constant_factor(step: Step) -> Value:
        factors = list(step.operands)
        shared = _ancestors(factors[0]) & _ancestors(factors[1])
        if step.graph.operation in NORMS or not any(one.is_input for one in shared):
            raise DoesNotApply("factors of different values")
        factors[place] = stop_gradient(factors[place])
        return factors[0] * factors[1]

    return constant_factor


first_factor = _constant_factor(
    "chain.first_factor_constant",
    0,
    "the first factor of a product was taken as a constant, although both depend on the same value",
)
second_factor = _constant_factor(
    "chain.second_factor_constant",
    1,
    "the second factor of a product was taken as a constant, although both depend on the same value",
)

MISCONCEPTIONS = (skip_path_forgotten, branch_forgotten, first_factor, second_factor)
