"""Check of masks: booleans, or numbers that are added to scores or represent booleans."""

from collections.abc import Iterable, Mapping

import numpy as np

from compute.arithmetic import kinds
from compute.arithmetic.namespace import Array
from compute.errors import QuestionError, QuestionErrors, describe_entry


def _is_mask(array: Array) -> bool:
    """Return whether an array holds booleans, or numbers without NaN and +infinity."""
    if array.dtype == object:
        array = kinds.get_arithmetic(kinds.EXACT).outlines(array)
    return array.dtype.kind != "f" or bool((array < np.inf).all())


def _describe_unfit(array: Array) -> str:
    entries = array if array.dtype != object else kinds.get_arithmetic(kinds.EXACT).outlines(array)
    return describe_entry(entries, ~(entries < np.inf))


def check_masks(masks: Iterable[str], tensors: Mapping[str, Array], *prefix: str) -> None:
    """Raise QuestionErrors if a mask holds NaN or +infinity. prefix: the path of the tensors."""
    errors = [
        QuestionError(
            (*prefix, name),
            "the mask holds NaN or Infinity",
            "booleans, or finite numbers; -Infinity too, where they are added to scores",
            _describe_unfit(tensors[name]),
        )
        for name in masks
        if name in tensors and not _is_mask(tensors[name])
    ]
    if errors:
        raise QuestionErrors(errors)
