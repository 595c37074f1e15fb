"""Zeros of Jacobians: how the axes of one value depend on the axes of another.

Dependence is kept slice by slice: for each axis of a value a boolean array of shape `(size, *wrt)` marks the
entries of `wrt` that any entry of the slice depends on. Patterns along pairs of axes need no more.
"""

from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array
from compute.readings.described import described


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroBlock:
    """The dependence of entries along one axis on entries along another."""

    of_axis: int = described("The axis of the value that is differentiated.")
    wrt_axis: int = described("The axis of the value that it is differentiated with respect to.")
    of_label: str = described("The meaning of `of_axis`.")
    wrt_label: str = described("The meaning of `wrt_axis`.")
    pattern: str = described("`zero`, `diagonal`, `lower_triangular`, `upper_triangular`, `banded`.")
    behind: int = described("The most places before its own that an entry depends on.")
    ahead: int = described("The most places after its own that an entry depends on.")
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroSlices:
    """Indices along one axis at which a Jacobian is zero throughout."""

    side: str = described("The value that the axis belongs to: `of` or `wrt`.")
    axis: int
    label: str = described("The meaning of the axis.")
    indices: list[int]


def reach(jacobian: Array, of_rank: int) -> list[Array]:
    """Return which entries each slice of `of` depends on, from a Jacobian of shape `of + wrt`.

    A scalar is one slice.
    """
    present = np.array(np.not_equal(jacobian, 0), dtype=np.bool_)
    if not of_rank:
        return [present[None]]
    wrt = range(of_rank, present.ndim)
    return [_any_along(present, axis, *wrt) for axis in range(of_rank)]


def is_full(entries: Array) -> bool:
    """Return whether the entries that one slice depends on show no pattern and no slice of zeros."""
    axes = range(entries.ndim)
    others = [tuple(other for other in axes if other != axis) for axis in axes]
    return bool(entries.any()) and all(bool(entries.any(axis=rest).all()) for rest in others)


def find_blocks(
    reached: list[Array], of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]
) -> list[ZeroBlock]:
    """Find the patterns of zeros between an axis of `of` and one of `wrt`.

    Slices of zeros are left out of patterns (see `find_zero_slices`). An axis of size 1 has no pattern.
    """
    if not reached[0].any():
        labels = (*of_labels, "")[0], (*wrt_labels, "")[0]
        return [_block((0, 0), labels, ("zero", 0, 0), "zero everywhere")]
    found = []
    for of_axis, of_label in enumerate(of_labels):
        for wrt_axis, wrt_label in enumerate(wrt_labels):
            pairs = _any_along(reached[of_axis], 0, wrt_axis + 1)
            if min(pairs.shape) > 1 and (block := _find_pattern(pairs)) is not None:
                pattern, behind, ahead = block
                words = _describe_pattern(pattern, of_label, wrt_label, behind, ahead)
                labels = of_label, wrt_label
                found.append(_block((of_axis, wrt_axis), labels, (pattern, behind, ahead), words))
    return found


def find_zero_slices(
    reached: list[Array], of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]
) -> list[ZeroSlices]:
    """Find the slices that are zero for any numbers; none if the whole Jacobian is zero."""
    if not reached[0].any():
        return []
    return find_accidental_slices(reached, [np.ones_like(one) for one in reached], of_labels, wrt_labels)


def find_accidental_slices(
    present: list[Array], reached: list[Array], of_labels: tuple[str, ...], wrt_labels: tuple[str, ...]
) -> list[ZeroSlices]:
    """Find the slices that are zero for these numbers, but not for all.

    present: which entries slices depend on for these numbers.
    reached: which entries they depend on for some numbers.
    """
    sides = [("of", axis, label, axis, 0) for axis, label in enumerate(of_labels)]
    sides += [("wrt", axis, label, 0, axis + 1) for axis, label in enumerate(wrt_labels)]
    slices = []
    for side, axis, label, at, place in sides:
        empty = np.flatnonzero(_any_along(reached[at], place) & ~_any_along(present[at], place))
        if empty.size:
            indices = [int(index) for index in empty]
            slices.append(ZeroSlices(side=side, axis=axis, label=label, indices=indices))
    return slices


def _block(
    axes: tuple[int, int], labels: tuple[str, str], pattern: tuple[str, int, int], message: str
) -> ZeroBlock:
    """Return a block of these axes of `of` and `wrt`, with their labels."""
    return ZeroBlock(
        of_axis=axes[0],
        wrt_axis=axes[1],
        of_label=labels[0],
        wrt_label=labels[1],
        pattern=pattern[0],
        behind=pattern[1],
        ahead=pattern[2],
        message=message,
    )


def _any_along(entries: Array, *axes: int) -> Array:
    """Return whether any entry is true, for each index along these axes."""
    return np.asarray(entries.any(axis=tuple(axis for axis in range(entries.ndim) if axis not in axes)))


def _find_pattern(pairs: Array) -> tuple[str, int, int] | None:
    """Return the pattern of the rows and columns that are not all zero, with its reach behind and ahead."""
    rows, columns = (np.flatnonzero(pairs.any(axis=axis)) for axis in (1, 0))
    kept = pairs[rows]
    first, last = kept.argmax(axis=1), pairs.shape[1] - 1 - kept[:, ::-1].argmax(axis=1)
    behind, ahead = -int((first - rows).min()), int((last - rows).max())
    most_behind = int(rows[-1] - columns[0])
    most_ahead = int(columns[-1] - rows[0])
    few = len(rows) < 2 or len(columns) < 2
    if few or (behind >= most_behind and ahead >= most_ahead):
        return None
    if behind == ahead == 0:
        return "diagonal", 0, 0
    if ahead <= 0 and behind >= most_behind:
        return "lower_triangular", behind, ahead
    if behind <= 0 and ahead >= most_ahead:
        return "upper_triangular", behind, ahead
    return "banded", behind, ahead


def _describe_pattern(pattern: str, of_label: str, wrt_label: str, behind: int, ahead: int) -> str:
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
