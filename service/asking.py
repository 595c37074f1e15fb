"""Read the bytes of a body and plan the question in it as a job."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from compute.budgets.planning import Allowance, Outgrown, allowed
from compute.errors import QuestionErrors
from compute.question.limits import Limits, too_many_values
from service.endpoints import Endpoint
from service.http.problems import from_question
from service.http.reader import is_large, read, read_leniently, read_strictly
from service.jobs import Job
from service.telemetry.records import add_predicted_work, phase

Result = TypeVar("Result")


def ask(endpoint: Endpoint, body: bytes, limits: Limits, use: Callable[[Job], Result]) -> Result:
    """Plan the question in a body and return `use(job)`. Raises Problem or QuestionErrors.

    If a question is refused after the fast reader, the strict reader reads it again and it is planned again,
    so that errors do not depend on the size of the body.
    """
    if endpoint.holds_answers:
        return use(understand(endpoint, parse(read_leniently, body), limits))
    if is_large(body):
        with suppress(QuestionErrors):
            return use(understand(endpoint, parse(read, body), limits))
    return use(understand(endpoint, parse(read_strictly, body), limits))


def parse(read_body: Callable[..., dict[str, Any]], body: bytes, **options: bool) -> dict[str, Any]:
    """Return the document of a body, read by one of the readers, and record the time."""
    with phase("reading"):
        return read_body(body, **options)


def send_lines(
    job: Any, on_line: Callable[[bytes], None], is_abandoned: Callable[[], bool] = lambda: False
) -> None:
    """Call `on_line` with each line of an answer until `is_abandoned()`.

    Raises QuestionErrors before the first line and Problem after it, so that `ask` does not repeat a question
    whose lines are already being sent.
    """
    has_begun = False
    add_predicted_work(job.work)
    lines: Iterator[bytes] = job.lines(is_abandoned)
    try:
        with phase("computing"):
            for line in lines:
                if is_abandoned():
                    return
                on_line(line)
                has_begun = True
    except QuestionErrors as error:
        if has_begun:
            raise from_question(error) from None
        raise


def understand(endpoint: Endpoint, document: dict[str, Any], limits: Limits) -> Job:
    """Return the job of a document, within the limit on planned values. Raises QuestionErrors."""
    with phase("planning"), allowed(Allowance(limits.values, too_many_values)):
        return endpoint.understand(document, limits)


def understand_tiny(endpoint: Endpoint, body: bytes, limits: Limits, values: int) -> Job | None:
    """Return the job of a body, or None if planning takes more than `values` values.

    Raises Problem or QuestionErrors.
    """
    try:
        with phase("planning"), allowed(Allowance(values)):
            document = (read_leniently if endpoint.holds_answers else read_strictly)(body)
            return endpoint.understand(document, limits)
    except Outgrown:
        return None
