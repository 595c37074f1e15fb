"""Previews: what a submission was read as, without anything that depends on the right values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from service.grading.envelopes.parts import NOT_GRADABLE, UNKNOWN_NAME, describe_tensor
from service.grading.feedback import render_readings
from service.grading.grading import GradeJob

WORK_OF_ENTRY = 1_000  # operations of writing one entry
NOT_READ = np.empty(0)


@dataclass(frozen=True, slots=True)
class PreviewJob:
    """A submission that was read and is not graded.

    render: makes the document from the list of readings.
    """

    job: GradeJob
    render: Callable[[list[dict[str, Any]]], Any]

    @property
    def work(self) -> int:
        """The predicted number of elementary operations."""
        tensors = [written for sheet in self.job.sheets for written in sheet.written.values()]
        entries = sum(getattr(written, "array", NOT_READ).size for written in tensors)
        return WORK_OF_ENTRY * (entries + len(tensors))

    def answer(self) -> bytes:
        """Return the body of the response."""
        readings = orjson.dumps(render_readings(self.job.sheets), option=orjson.OPT_SERIALIZE_NUMPY)
        return orjson.dumps(self.render(orjson.loads(readings)))


def title_of(reading: Mapping[str, Any]) -> str:
    """Return the name of a reading for people."""
    name = reading["name"] or UNKNOWN_NAME
    title = f"gradient of {name}" if reading["of"] == "gradient" else name
    return f"{reading['question']}: {title}" if "question" in reading else title


def describe_reading(reading: Mapping[str, Any]) -> str:
    """Return the sentence for the student."""
    if "reading" not in reading:
        return f"{NOT_GRADABLE} {reading['message']}"
    return f"This is read as {describe_tensor(reading['reading'])}."
