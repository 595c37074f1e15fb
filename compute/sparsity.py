"""Where a Jacobian is exactly zero: which axis of one value depends on which of another, and how."""

from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array


@dataclass(frozen=True, slots=True)
class Block:
    """A pattern of zeros along one axis of the value differentiated and one of what it is differentiated by.

    of_axis, wrt_axis: the axes by number; of_label, wrt_label: what they run over; pattern: `zero`,
    `diagonal`, `lower_triangular`, `upper_triangular` or `banded`; behind, ahead: how far the entries that
    an entry depends on reach before and behind its own place.
    """

    of_axis: int
    wrt_axis: int
    of_label: str
    wrt_label: str
    pattern: str
    behind: int
    ahead: int
    message: str


def blocks(jacobian: Array, of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]) -> list[Block]:
    """The patterns of zeros of a Jacobian of shape `of + wrt`, for these numbers.

    An axis of size 1 has none. Where all is zero there is one block, of axes 0.
    """
    present = jacobian != 0
    if not present.any():
        label = (*of_labels[:1], ""), (*wrt_labels[:1], "")
        return [Block(0, 0, label[0][0], label[1][0], "zero", 0, 0, "zero everywhere")]
    found = []
    for of_axis, of_label in enumerate(of_labels):
        for wrt_axis, wrt_label in enumerate(wrt_labels):
            place = len(of_labels) + wrt_axis
            others = tuple(axis for axis in range(jacobian.ndim) if axis not in (of_axis, place))
            support = present.any(axis=others)
            if min(support.shape) > 1 and (block := _pattern(support)) is not None:
                pattern, behind, ahead = block
                words = _words(pattern, of_label, wrt_label, behind, ahead)
                found.append(Block(of_axis, wrt_axis, of_label, wrt_label, pattern, behind, ahead, words))
    return found


def _pattern(support: Array) -> tuple[str, int, int] | None:
    rows, columns = np.nonzero(support)
    offsets = columns - rows
    behind, ahead = -int(offsets.min()), int(offsets.max())
    if behind == ahead == 0:
        return "diagonal", 0, 0
    if behind >= support.shape[0] - 1 and ahead >= support.shape[1] - 1:
        return None
    if ahead <= 0 and behind >= support.shape[0] - 1:
        return "lower_triangular", behind, ahead
    if behind <= 0 and ahead >= support.shape[1] - 1:
        return "upper_triangular", behind, ahead
    return "banded", behind, ahead


def _words(pattern: str, of_label: str, wrt_label: str, behind: int, ahead: int) -> str:
    if pattern == "diagonal":
        return f"zero unless {of_label} and {wrt_label} have the same index"
    if pattern == "lower_triangular":
        return f"zero where the index of {wrt_label} is beyond that of {of_label}" + (
            f" less {-ahead}" if ahead else ""
        )
    if pattern == "upper_triangular":
        return f"zero where the index of {wrt_label} is before that of {of_label}" + (
            f" plus {-behind}" if behind else ""
        )
    return f"zero unless the index of {wrt_label} less that of {of_label} is from {-behind} to {ahead}"
