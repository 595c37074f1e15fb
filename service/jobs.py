"""The form of every computation in the service: planned first, answered later."""

import sys
from typing import Any, Protocol

import orjson

from service.telemetry.records import add_predicted_work, add_unpredicted_work, phase

UNKNOWN_WORK = sys.maxsize  # of jobs that plan while they answer; they never run on the event loop


class Job(Protocol):
    """A question that has been planned and checked against the limits, but not yet answered."""

    @property
    def work(self) -> int:
        """The predicted number of elementary operations, including those of writing the answer.

        `UNKNOWN_WORK` if it is not known before the answer.
        """

    def answer(self) -> bytes:
        """Return the body of the response."""


def answer(job: Job) -> bytes:
    """Return the body of the response to a job, and record its work and its time."""
    work = job.work
    if work < UNKNOWN_WORK:
        add_predicted_work(work)
        with phase("computing"):
            return job.answer()
    with add_unpredicted_work(), phase("computing"):
        return job.answer()


def write_body(document: Any) -> bytes:
    """Return a document, which may hold arrays, as the body of a response, and record the time."""
    with phase("writing"):
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
