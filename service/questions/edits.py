"""Changes to a tensor as a comparison states them: another tensor, or an edit of the one there is.

An edit is an object with one of `add`, `multiply`, `replace` (with `at`, where), `permute` or `remove`
(with `axis`, along which).
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

PLACED = ("add", "multiply", "replace")
ALONG = ("permute", "remove")
PACKED = {"dtype", "shape", "data"}
EDIT = (
    'a tensor, null, or an edit: {"add" or "multiply" or "replace": tensor, "at": [indices]},'
    ' {"permute" or "remove": [indices], "axis": number}'
)


def is_edit(change: Any) -> bool:
    """Whether a change edits what there is and does not say it anew."""
    return isinstance(change, dict) and not set(change) <= PACKED


def apply_edit(edit: dict[str, Any], before: Array, path: Path, arithmetic: Floating) -> Array:
    """The tensor after an edit. Raises QuestionErrors where the edit is none, or does not fit."""
    verbs = [verb for verb in (*PLACED, *ALONG) if verb in edit]
    place = {"at"} if verbs and verbs[0] in PLACED else {"axis"}
    if len(verbs) != 1:
        raise at(path, "is no change", EDIT, f"an object with {len(verbs)} of these")
    if not set(edit) <= {verbs[0]} | place:
        raise at(path, "is no change", EDIT, f"{verbs[0]} beside fields that it does not take")
    [verb] = verbs
    if verb in ALONG:
        axis = _axis(edit.get("axis", 0), before, (*path, "axis"))
        order = _indices(edit[verb], before.shape[axis], (*path, verb))
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
    chosen = _place(edit.get("at", []), before, (*path, "at"))
    operand = decode(edit[verb], (*path, verb), arithmetic, booleans=before.dtype == np.bool_)
    kind = "booleans" if operand.dtype == np.bool_ else "numbers"
    if (operand.dtype == np.bool_) != (before.dtype == np.bool_) or (
        before.dtype == np.bool_ and verb != "replace"
    ):
        raise at((*path, verb), "does not fit what it changes",
                 "booleans to replace booleans, numbers for numbers", f"{kind} to {verb}")  # fmt: skip
    after = before.copy()
    part = after[chosen]
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
        after[chosen] = changed.get(verb, operand)
    return after


def removed_indices(edit: dict[str, Any]) -> Order | None:
    """What an edit that fits takes out."""
    return tuple(map(int, edit["remove"])) if "remove" in edit else None


def permuted_indices(edit: dict[str, Any]) -> Order | None:
    """The order in which an edit that fits puts what there is."""
    return tuple(map(int, edit["permute"])) if "permute" in edit else None


def _axis(raw: Any, before: Array, path: Path) -> int:
    axis = as_integer(raw)
    if before.ndim == 0:
        raise at(path, "is an axis of a single number", "a tensor with axes", "a tensor of shape ()")
    if axis is None or not -before.ndim <= axis < before.ndim:
        raise at(
            path, "is no axis here", f"an integer from {-before.ndim} to {before.ndim - 1}", describe(raw)
        )
    return axis % before.ndim


def _indices(raw: Any, size: int, path: Path) -> list[int]:
    whole = raw.tolist() if isinstance(raw, np.ndarray) and raw.ndim == 1 else raw
    if not isinstance(whole, list) or not whole or not all(_is_index(one, size) for one in whole):
        raise at(path, "is no list of indices", f"a list of integers from 0 to {size - 1}", describe(raw))
    order = [int(one) for one in whole]
    if len(set(order)) < len(order):
        twice = next(one for one, count in Counter(order).items() if count > 1)
        raise at(path, "names an index twice", "each index at most once", f"the index {twice} twice")
    return order


def _is_index(one: Any, size: int) -> bool:
    index = as_integer(one)
    return index is not None and 0 <= index < size


def _place(raw: Any, before: Array, path: Path) -> tuple[Any, ...]:
    """An index for each of the first axes; null takes all of one."""
    entries = raw.tolist() if isinstance(raw, np.ndarray) and raw.ndim == 1 else raw
    expected = f"a list of at most {before.ndim} indices, null for all along an axis"
    if not isinstance(entries, list) or len(entries) > before.ndim:
        raise at(path, "is no place", expected, describe(raw))
    for axis, one in enumerate(entries):
        if one is not None and not _is_index(one, before.shape[axis]):
            wanted = f"an integer from 0 to {before.shape[axis] - 1}, or null"
            raise at((*path, axis), "is no index here", wanted, describe(one))
    return (*(slice(None) if one is None else int(one) for one in entries), ...)
