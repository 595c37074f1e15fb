"""Jobs that answer with a document: the answer of another job, laid out and written."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from compute.question.limits import Limits
from service.arrays import can_be_packed, unpack_arrays
from service.jobs import Job
from service.pages.blocks import Page
from service.pages.formats import Format
from service.questions.operations import EXACT_WORK
from service.telemetry.records import phase

WORK = 2_000_000  # elementary operations that take as long as laying out a small document
NESTED = "nested"

Build = Callable[[Mapping[str, Any], Mapping[str, Any]], Page]


@dataclass(frozen=True, slots=True)
class PageJob:
    """A job whose answer is a document. document: the request."""

    job: Job
    document: Mapping[str, Any]
    build: Build
    format: Format

    @property
    def work(self) -> int:
        """The predicted work of the answer and of laying it out, which is never done on the event loop."""
        return self.job.work + WORK

    def answer(self) -> bytes:
        """Return the document as the body of a response."""
        with self._write_offers():
            return self._write(self.job.answer())

    def _write(self, body: bytes) -> bytes:
        with phase("writing"):
            answer = unpack_arrays(orjson.loads(body))
            return self.format.write(self.build(self.document, answer)).encode()

    @contextmanager
    def _write_offers(self) -> Iterator[None]:
        """Write the answers that are offered before the final one as documents too."""
        offer = EXACT_WORK.offer
        EXACT_WORK.offer = lambda body: offer(self._write(body))
        try:
            yield
        finally:
            EXACT_WORK.offer = offer


def understand_page(
    understand: Callable[[dict[str, Any], Limits], Job],
    request: Callable[[], Any],
    build: Build,
    form: Format,
    document: dict[str, Any],
    limits: Limits,
) -> PageJob:
    """Plan the job of a document.

    request: returns the type of the request, which is asked for formulas with numbers and for packed tensors.

    Raises QuestionErrors listing everything invalid in the document.
    """
    model, asked = request(), dict(document)
    if "workings" in getattr(model, "model_fields", {}):
        asked.setdefault("workings", True)
    if asked.get("encoding", NESTED) == NESTED and can_be_packed(model, asked):
        asked["encoding"] = "packed"
    return PageJob(understand(asked, limits), document, build, form)
