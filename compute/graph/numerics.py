"""Numerical problems that primitives declare, and the thresholds from which they are reported.

A `Hazard` says in words when a primitive's results stop being finite. A `Finding` is a primitive's own
diagnosis of floating-point numbers that are finite but unreliable.
"""

from typing import NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array

SATURATED = 1e-6  # derivative below which a gate no longer learns
LOST = 0.5  # fraction of the digits whose loss counts as catastrophic
CHAIN = 1e4  # factor by which gradients along a chain of like-named values may fall or grow
SPREAD = 1e8  # factor by which a gradient may be smaller or larger than the upstream ones

DIAGNOSES = {
    "overflow": "a result beyond the largest number of its type, which a wider type or exact numbers hold",
    "underflow": "a product, quotient, power or exponential that is not 0 but smaller than the least number"
    " of its type, and comes out as 0",
    "cancellation": "a sum, difference or dot product so much smaller than its terms that more than"
    f" {LOST:.0%} of the digits (15.7 in float64, 6.9 in float32) are lost; a difference of exactly 0 counts"
    " where an operand has lost what it was computed from, as in 1 - cos(1e-9)",
    "saturation": "all weights of a softmax row at 0 or 1 to within rounding though several entries compete;"
    f" entries of a sigmoid or tanh at which the derivative is below {SATURATED:g}",
    "dead_rectifier": "a relu unit (along the last axis, over the axes before it; with one axis, all entries)"
    " that is at most 0 everywhere",
    "vanishing_gradient": "gradients whose root mean square falls by a factor of"
    f" {CHAIN:g} or more from the last to the first of like-named values (`hidden[0]`, `hidden[1]`, ... or"
    f" `h1`, `h2`, ...), or of {SPREAD:g} or more, but not to 0, from those handed in to that of any value",
    "exploding_gradient": f"the same, growing by {CHAIN:g} or {SPREAD:g}",
}
"""The diagnoses that are made on request: each code, with the condition for it."""


class Hazard(NamedTuple):
    """Why a primitive's numbers stop being finite, in words for a student.

    pole: the reason, if it lies in the function and not in the size of the result.
    remedy: the usual remedy.
    slope, slope_remedy: the same for its gradients.
    meant: whether its -infinity is intended.
    """

    pole: str = ""
    remedy: str = ""
    slope: str = ""
    slope_remedy: str = ""
    meant: bool = False


NO_HAZARD = Hazard()
SUMS = Hazard(
    remedy="smaller operands: normalize the inputs (layer norm, dividing by sqrt(d)), smaller weights",
    slope_remedy="clip gradients, or scale the loss down; a smaller learning rate keeps weights from growing",
)
LOGARITHM = Hazard(
    pole="the logarithm falls to -Infinity towards 0, and a negative number has no logarithm",
    remedy="keep the operand of the logarithm above 0: add a small epsilon, or clamp it; for the log of a"
    " softmax use log_softmax",
    slope="the derivative of log(a) is 1/a, which grows without bound towards 0",
    slope_remedy="keep the operand of the logarithm above 0: add a small epsilon, or clamp it",
)
ROOT = Hazard(
    pole="a negative number has no root, and 0 no negative power",
    remedy="keep the operand above 0: clamp it, or add a small epsilon under the root",
    slope="a negative number has no root, and the slope of roots and negative powers grows without bound"
    " towards 0",
)
NEGATIVE_POWER = Hazard(
    pole="0 has no negative power",
    remedy="keep the operand away from 0",
    slope="the slope of a negative power grows without bound towards 0",
)
QUOTIENT = Hazard(
    pole="nothing can be divided by 0",
    remedy="add a small epsilon to the denominator, or keep it away from 0",
    slope="the derivative of a quotient divides by the denominator again",
)
"""Shared by several primitives."""
OVERFLOWING = Hazard(
    remedy="smaller operands, or a wider type",
    slope_remedy="clip gradients, or scale the loss down",
)
"""For overflow in primitives that declare no remedy of their own."""


class Finding(NamedTuple):
    """A diagnosis by a primitive's own rule.

    at: a boolean array of the affected entries, rows or units.
    unit: what an index of `at` counts.
    message: a sentence that follows the step's formula.
    remedy: the usual remedy.
    """

    code: str
    at: Array
    unit: str
    message: str
    remedy: str


def first_index(at: Array) -> tuple[int, ...]:
    """Return the first index at which an array is true."""
    return tuple(int(index) for index in np.argwhere(at)[0])


def find_cancellation(y: Array, size: Array, nothing: Array | None = None) -> Finding | None:
    """Find sums that are so much smaller than their terms that most digits are lost.

    size: the largest term of each sum.
    nothing: where a sum of exactly 0 has lost all its digits; elsewhere a 0 comes from equal numbers.
    """
    kind = np.finfo(y.dtype)
    digits = -float(np.log10(kind.eps))
    lost = np.log10(size) - np.log10(np.abs(y))
    gone = np.isfinite(size) & np.isfinite(y) & (size > 0) & (lost > LOST * digits)
    gone &= (y != 0) if nothing is None else (y != 0) | nothing
    if not gone.any():
        return None
    worst = np.unravel_index(int(np.where(gone, lost, -np.inf).argmax()), y.shape)
    left = max(0, int(digits - float(lost[worst]))) if y[worst] != 0 else 0
    terms = f"terms as large as {size[worst]:.6g} leave {y[worst]:.6g}"
    where = f" at {[int(place) for place in worst]}" if worst else ""
    kept = "no digit" if left == 0 else f"about {left} digit{'s' * (left > 1)}"
    return Finding(
        "cancellation", gone, "entry",
        f"{terms}{where}; of {digits:.0f} digits {kept} can be trusted if the terms were rounded",
        "rewrite it so that nothing nearly equal is subtracted (x - mean before squaring, expm1(x) for"
        " exp(x) - 1, (a - b)(a + b) for a^2 - b^2), or compute in a wider type",
    )  # fmt: skip


def find_underflow(y: Array, nonzero: Array) -> Finding | None:
    """Find results of 0 where the operands are `nonzero`, so that the exact result is not 0."""
    gone = (y == 0) & nonzero
    if not gone.any():
        return None
    least = np.finfo(y.dtype).smallest_subnormal
    return Finding(
        "underflow", gone, "entry",
        f"the result is not 0 but smaller than {least:.3g}, the least number of {y.dtype}",
        "compute with logarithms: sums of logs in the place of products, log-softmax in the place of softmax",
    )  # fmt: skip


def find_flat_gates(y: Array, slope: Array) -> Finding | None:
    """Find saturated gates: entries whose derivative is below `SATURATED`."""
    flat = np.isfinite(y) & (slope < SATURATED)
    if not flat.any():
        return None
    first = first_index(flat)
    return Finding(
        "saturation", flat, "entry",
        f"where it is {y[first]:.6g} its derivative is {max(float(slope[first]), 0.0):.3g}, below"
        f" {SATURATED:g}, and next to no gradient passes",
        "smaller weights, normalized inputs, or a function that does not flatten, such as relu",
    )  # fmt: skip


def find_saturated_rows(y: Array, a: Array, axis: int) -> Finding | None:
    """Find softmax rows with several finite scores and all weights at 0 or 1."""
    ends = np.finfo(y.dtype).eps
    sure = ((y <= ends) | (y >= 1 - ends)).all(axis=axis)
    sure &= (np.isfinite(a).sum(axis=axis) > 1) & (y.sum(axis=axis) > 0)
    if not sure.any():
        return None
    return Finding(
        "saturation", sure, "row",
        "all weights are 0 or 1 to within rounding, and next to no gradient passes",
        "a smaller scale (1/sqrt(d_k) for dot products), smaller weights, or normalized inputs",
    )  # fmt: skip


def find_dead_units(a: Array) -> Finding | None:
    """Find rectifier units whose operand is at most 0 in every example."""
    dead = np.asarray((a <= 0).all(axis=tuple(range(a.ndim - 1))) if a.ndim > 1 else (a <= 0).all())
    if not dead.any():
        return None
    return Finding(
        "dead_rectifier", dead, "unit",
        "its operand is never above 0, so that it gives 0 and passes no gradient for any example here",
        "a smaller learning rate, another start or bias, or leaky_relu, which passes some gradient below 0",
    )  # fmt: skip
