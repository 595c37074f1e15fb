"""Read the names and tensors of a student's answer, without refusing any."""

import re
from collections.abc import Mapping
from typing import Any

from compute.errors import QuestionErrors
from compute.grading.reports import Answered, Fault
from compute.grading.written import Texts, Unreadable, Written, read_written
from service.questions.tensors import unpack

NAME = re.compile(r"[A-Za-z_][\w.\[\]]{0,199}", re.ASCII)
PACKED = {"dtype", "shape", "data"}
UNKNOWN = Fault("unknown_name", "The question has no value of this name.")
MAX_ENTRIES = 1_000_000  # of one tensor


def is_name(name: str) -> bool:
    """Return whether text may be the name of a value."""
    return NAME.fullmatch(name) is not None


def read_answers(raw: Mapping[str, Any], texts: Texts) -> dict[str, Written | Fault]:
    """Read what a student wrote, by name. What cannot be read is a fault, never an error.

    texts: reads the entries of one submission.
    """
    return {name: _read(tensor, texts) for name, tensor in raw.items()}


def _read(raw: Any, texts: Texts) -> Written | Fault:
    if isinstance(raw, dict) and set(raw) == PACKED:
        try:
            raw = unpack(raw, (), booleans=True)
        except QuestionErrors:
            return Fault("not_a_tensor", "The packed tensor cannot be unpacked.")
    written = read_written(raw, texts)
    if isinstance(written, Unreadable):
        return Fault(written.code, _sentence(written.message))
    if written.array.size > MAX_ENTRIES:
        return Fault("too_many_entries", "The tensor has too many entries.")
    return written


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].removesuffix(".") + "."


def answered(written: Written) -> Answered:
    """Return a tensor as the grader compares it."""
    return Answered(written.array, lambda: written.half_units)
