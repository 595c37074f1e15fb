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


@dataclass(frozen=True, slots=True)
class ZeroSlices:
    """Indices along one axis at which all is zero. side: `of` or `wrt`, whose axis it is."""

    side: str
    axis: int
    label: str
    indices: list[int]


def blocks(jacobian: Array, of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]) -> list[Block]:
    """The patterns of zeros of a Jacobian of shape `of + wrt`, for these numbers.

    Slices that are zero throughout say nothing of a pattern and are left out of it (see `zero_slices`). An
    axis of size 1 has none.
    """
    present = jacobian != 0
    if not present.any():
        return [Block(0, 0, (*of_labels, "")[0], (*wrt_labels, "")[0], "zero", 0, 0, "zero everywhere")]
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


def zero_slices(jacobian: Array, of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]) -> list[ZeroSlices]:
    """Where a whole slice is zero: what depends on nothing, and what nothing depends on."""
    present = jacobian != 0
    labels = [("of", *one) for one in enumerate(of_labels)] + [("wrt", *one) for one in enumerate(wrt_labels)]
    found = []
    for place, (side, axis, label) in enumerate(labels):
        others = tuple(other for other in range(jacobian.ndim) if other != place)
        empty = np.flatnonzero(~present.any(axis=others))
        if 0 < empty.size < jacobian.shape[place]:
            found.append(ZeroSlices(side, axis, label, [int(index) for index in empty]))
    return found


def _pattern(support: Array) -> tuple[str, int, int] | None:
    """The pattern among the rows and columns that are not zero throughout, if it is one."""
    rows, columns = np.nonzero(support)
    behind, ahead = -int((columns - rows).min()), int((columns - rows).max())
    most_behind = int(rows.max() - columns.min())
    most_ahead = int(columns.max() - rows.min())
    few = len(set(rows.tolist())) < 2 or len(set(columns.tolist())) < 2
    if few or (behind >= most_behind and ahead >= most_ahead):
        return None
    if behind == ahead == 0:
        return "diagonal", 0, 0
    if ahead <= 0 and behind >= most_behind:
        return "lower_triangular", behind, ahead
    if behind <= 0 and ahead >= most_ahead:
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
