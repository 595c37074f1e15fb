"""Edits of tensors in a comparison.

An edit is an object with one of `add`, `multiply` or `replace`, with the indices `at`, or one of `permute` or
`remove`, with an `axis`.
"""

from collections import Counter
from typing import Any

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.errors import Path, at
from compute.integers import as_integer
from compute.question.comparison import Order
from service.http.problems import describe
from service.questions.tensors import decode

AT_INDICES = ("add", "multiply", "replace")
ALONG_AXIS = ("permute", "remove")
PACKED_FIELDS = {"dtype", "shape", "data"}
EDIT = (
    'a tensor, null, or an edit: {"add" or "multiply" or "replace": tensor, "at": [indices]},'
    ' {"permute" or "remove": [indices], "axis": number}'
)


def is_edit(change: Any) -> bool:
    """Return whether a change is an edit of the tensor, and not a new tensor or null."""
    return isinstance(change, dict) and not set(change) <= PACKED_FIELDS


def apply_edit(edit: dict[str, Any], before: Array, path: Path, arithmetic: Floating) -> Array:
    """Return the tensor after an edit. Raises QuestionErrors if the edit is invalid or does not fit."""
    verbs = [verb for verb in (*AT_INDICES, *ALONG_AXIS) if verb in edit]
    options = {"at"} if verbs and verbs[0] in AT_INDICES else {"axis"}
    if len(verbs) != 1:
        raise at(path, "is no change", EDIT, f"an object with {len(verbs)} of these")
    if not set(edit) <= {verbs[0]} | options:
        raise at(path, "is no change", EDIT, f"{verbs[0]} beside fields that it does not take")
    [verb] = verbs
    if verb in ALONG_AXIS:
        axis = _read_axis(edit.get("axis", 0), before, (*path, "axis"))
        order = _read_indices(edit[verb], before.shape[axis], (*path, verb))
        if verb == "remove":
            if len(order) == before.shape[axis]:
                raise at(
                    (*path, verb),
                    "leaves nothing",
                    f"fewer indices than {len(order)}",
                    f"{len(order)} indices",
                )
            return np.delete(before, order, axis)
        if len(order) != before.shape[axis]:
            expected = f"each index from 0 to {before.shape[axis] - 1} once"
            raise at((*path, verb), "is no permutation", expected, f"{len(order)} indices")
        return before.take(order, axis)
    index = _read_index(edit.get("at", []), before, (*path, "at"))
    operand = decode(edit[verb], (*path, verb), arithmetic, booleans=before.dtype == np.bool_)
    kind = "booleans" if operand.dtype == np.bool_ else "numbers"
    if (operand.dtype == np.bool_) != (before.dtype == np.bool_) or (
        before.dtype == np.bool_ and verb != "replace"
    ):
        raise at((*path, verb), "does not fit what it changes",
                 "booleans to replace booleans, numbers for numbers", f"{kind} to {verb}")  # fmt: skip
    after = before.copy()
    part = after[index]
    try:
        fits = np.broadcast_shapes(operand.shape, part.shape) == part.shape
    except ValueError:
        fits = False
    if not fits:
        raise at((*path, verb), "does not fit where it goes",
                 f"a shape that broadcasts to ({', '.join(map(str, part.shape))})",
                 f"shape ({', '.join(map(str, operand.shape))})")  # fmt: skip
    with np.errstate(all="ignore"):
        changed = {"add": part + operand, "multiply": part * operand} if verb != "replace" else {}
        after[index] = changed.get(verb, operand)
    return after


def removed_indices(edit: dict[str, Any]) -> Order | None:
    """Return the indices that a valid edit removes; None if it removes none."""
    return tuple(map(int, edit["remove"])) if "remove" in edit else None


def permuted_indices(edit: dict[str, Any]) -> Order | None:
    """Return the order of a valid edit; None if it does not permute."""
    return tuple(map(int, edit["permute"])) if "permute" in edit else None


def _read_axis(raw: Any, before: Array, path: Path) -> int:
    axis = as_integer(raw)
    if before.ndim == 0:
        raise at(path, "is an axis of a single number", "a tensor with axes", "a tensor of shape ()")
    if axis is None or not -before.ndim <= axis < before.ndim:
        raise at(
            path, "is no axis here", f"an integer from {-before.ndim} to {before.ndim - 1}", describe(raw)
        )
    return axis % before.ndim


def _read_indices(raw: Any, size: int, path: Path) -> list[int]:
    indices = raw.tolist() if isinstance(raw, np.ndarray) and raw.ndim == 1 else raw
    if not isinstance(indices, list) or not indices or not all(_is_index(index, size) for index in indices):
        raise at(path, "is no list of indices", f"a list of integers from 0 to {size - 1}", describe(raw))
    order = [int(index) for index in indices]
    if len(set(order)) < len(order):
        twice = next(index for index, count in Counter(order).items() if count > 1)
        raise at(path, "names an index twice", "each index at most once", f"the index {twice} twice")
    return order


def _is_index(raw: Any, size: int) -> bool:
    index = as_integer(raw)
    return index is not None and 0 <= index < size


def _read_index(raw: Any, before: Array, path: Path) -> tuple[Any, ...]:
    """Return an index into the first axes; null takes a whole axis."""
    entries = raw.tolist() if isinstance(raw, np.ndarray) and raw.ndim == 1 else raw
    expected = f"a list of at most {before.ndim} indices, null for all along an axis"
    if not isinstance(entries, list) or len(entries) > before.ndim:
        raise at(path, "is no place", expected, describe(raw))
    for axis, entry in enumerate(entries):
        if entry is not None and not _is_index(entry, before.shape[axis]):
            wanted = f"an integer from 0 to {before.shape[axis] - 1}, or null"
            raise at((*path, axis), "is no index here", wanted, describe(entry))
    return (*(slice(None) if entry is None else int(entry) for entry in entries), ...)
