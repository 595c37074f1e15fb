"""Primitives of sequences: single steps, stacking, concatenation, selection, and masks of lengths."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least, broadcast, show, total
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.axis_windows import expanded_reads, joined_reads, row_reads
from compute.graph.primitive import Primitive, no_cost
from compute.graph.work import copy_work, count_entries
from compute.latex import Formula

LOOK = 100  # the work of reading the shape of one operand


def _time_step_shape(a: Shape, *, at: int) -> Shape:
    at_least(2, a)
    if isinstance(a[-2], int) and not 0 <= at < a[-2]:
        raise ShapeError(f"there is no step {at} of {a[-2]}")
    return (*a[:-2], a[-1])


def _time_step_gradient(xp: Arithmetic, g: Array, at: int, shapes: list[tuple[int, ...]]) -> Array:
    result = xp.zeros(shapes[0])
    result[..., at, :] = g
    return result


time_step = Primitive(
    "time_step",
    forward=lambda xp, a, *, at: a[..., at, :],
    gradients={"a": _time_step_gradient},
    tangents="linear",
    shape=_time_step_shape,
    latex=lambda a, at: Formula(a.scripted("_", str(at + 1))),
    cost=no_cost,
    kind="same",
    reads=lambda place, shape, a, at: row_reads(shape, a, -2, at),
    expects="at least two axes",
    propagates_nonfinite_gradient=True,
    is_row_select=True,
    meaning="The entries at one index of the second-to-last axis; the result does not have this axis.",
)


def _stack_shape(*a: Shape, axis: int) -> Shape:
    if len(set(a)) > 1:
        raise ShapeError(" and ".join(map(show, dict.fromkeys(a))) + " differ")
    at_least(-axis - 1, a[0])
    at = len(a[0]) + 1 + axis
    return (*a[0][:at], len(a), *a[0][at:])


# Values of the same shape stacked along a new axis.
stack = Primitive(
    "stack",
    forward=lambda xp, *a, axis: np.stack(a, axis=axis),
    gradients={"a": lambda xp, g, place, axis: np.moveaxis(g, axis, 0)[place, ...]},
    tangents="linear",
    shape=_stack_shape,
    gradient_work=lambda place, shape, *a, axis: copy_work(a[place]),
    gradient_scratch=lambda place, shape, *a, axis: count_entries(a[place]),
    latex=lambda *a, axis: Formula(
        r"\left("
        + r",\ ".join(formula.text for formula in (a if len(a) < 4 else a[:2]))
        + (rf",\ \dots,\ {a[-1].text}" if len(a) > 3 else "")
        + r"\right)"
    ),
    cost=no_cost,
    kind="same",
    reads=lambda place, shape, *a, axis: expanded_reads(place, shape, a[place], axis=axis),
    expects="values of one shape",
    propagates_nonfinite=True,
)


def _concatenate_shape(*a: Shape, axis: int) -> Shape:
    at_least(-axis, a[0])
    at = len(a[0]) + axis
    other_axes = {(*shape[:at], *shape[at + 1 :]) for shape in a}
    if len({len(shape) for shape in a}) > 1:
        raise ShapeError(" and ".join(map(show, dict.fromkeys(a))) + " differ in their number of axes")
    if len(other_axes) > 1:
        raise ShapeError(" and ".join(map(show, dict.fromkeys(a))) + f" differ in axes other than {axis}")
    return (*a[0][:at], total(shape[at] for shape in a), *a[0][at + 1 :])


def _concatenate_gradient(
    xp: Arithmetic, g: Array, place: int, axis: int, shapes: list[tuple[int, ...]]
) -> Array:
    first = sum(shape[axis] for shape in shapes[:place])
    part = np.moveaxis(g, axis, 0)[first : first + shapes[place][axis]]
    return np.moveaxis(part, 0, axis)


# Values concatenated along an existing axis.
concatenate = Primitive(
    "concatenate",
    forward=lambda xp, *a, axis: np.concatenate(a, axis=axis),
    gradients={"a": _concatenate_gradient},
    tangents="linear",
    shape=_concatenate_shape,
    gradient_work=lambda place, shape, *a, axis: copy_work(a[place]) + LOOK * len(a),
    gradient_scratch=lambda place, shape, *a, axis: count_entries(a[place]),
    latex=lambda *a, axis: Formula(
        r"\left[" + (r";\ " if axis == -2 else r",\ ").join(formula.text for formula in a) + r"\right]"
    ),
    cost=no_cost,
    kind="same",
    reads=joined_reads,
    expects="values that differ in size along the axis alone",
    propagates_nonfinite=True,
)


# a where the condition is true, b elsewhere.
where = Primitive(
    "where",
    forward=lambda xp, condition, a, b: xp.where(condition, a, b),
    gradients={
        "a": lambda xp, g, condition: xp.where(condition, g, 0),
        "b": lambda xp, g, condition: xp.where(condition, xp.zeros(()), g),
    },
    tangents="symmetric",
    shape=lambda condition, a, b: broadcast(condition, a, b),
    latex=lambda condition, a, b: Formula(
        rf"\operatorname{{where}}\left({condition.text},\ {a.text},\ {b.text}\right)"
    ),
    operand_kinds={"condition": ("boolean",)},
    expects="shapes that broadcast",
    broadcasts=True,
)


def _running(xp: Arithmetic, lengths: Array, *, steps: int) -> Array:
    try:
        ends = xp.places(lengths, steps)
    except ValueError:
        expected = f"whole numbers from 0 to {steps}, the number of steps"
        received = describe_first_unfit(lengths, lambda part: xp.places(part, steps))
        message = "holds a number that is not a length of these sequences"
        raise UnfitEntries("lengths", message, expected, received) from None
    return np.asarray(ends, dtype=np.intp)[..., None, None] > np.arange(steps)[:, None]


running = Primitive(
    "running",
    forward=_running,
    shape=lambda lengths, steps: (*lengths, steps, 1),
    latex=lambda lengths, steps: Formula(rf"\left[t \le {lengths.text}\right]"),
    cost=no_cost,
    kind="boolean",
    expects="lengths",
    meaning="Whether each step is before the end of its sequence: (..., steps, 1).",
)
