"""From the bytes of a body to a job."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from compute.budgets.planning import Allowance, Outgrown, allowed
from compute.errors import QuestionErrors
from compute.question.limits import Limits, too_many_values
from service.endpoints import Endpoint, Job
from service.http.problems import from_question
from service.http.reader import is_large, read, read_strictly

Result = TypeVar("Result")


def ask(endpoint: Endpoint, body: bytes, limits: Limits, use: Callable[[Job], Result]) -> Result:
    """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors.

    A question that is refused after the fast reader is read again by the strict one and asked again, so that
    large bodies are described, and refused, as small ones are.
    """
    if is_large(body):
        with suppress(QuestionErrors):
            return use(understand(endpoint, read(body), limits))
    return use(understand(endpoint, read_strictly(body), limits))


def hand_over(
    job: Any, take: Callable[[bytes], None], is_abandoned: Callable[[], bool] = lambda: False
) -> None:
    """Hand an answer over line by line. Raises QuestionErrors before the first line, and Problem later.

    So `ask` does not ask again for lines that are on their way. is_abandoned: whether nobody wants more.
    """
    has_begun = False
    lines: Iterator[bytes] = job.lines(is_abandoned)
    try:
        for line in lines:
            if is_abandoned():
                return
            take(line)
            has_begun = True
    except QuestionErrors as error:
        if has_begun:
            raise from_question(error) from None
        raise


def understand(endpoint: Endpoint, document: dict[str, Any], limits: Limits) -> Job:
    """Return the job of a document, whose planning is bounded. Raises QuestionErrors."""
    with allowed(Allowance(limits.values, too_many_values)):
        return endpoint.understand(document, limits)


def understand_tiny(endpoint: Endpoint, body: bytes, limits: Limits, values: int) -> Job | None:
    """Return the job of a body, or None if planning it takes more than so many values.

    Raises Problem or QuestionErrors.
    """
    try:
        with allowed(Allowance(values)):
            return endpoint.understand(read_strictly(body), limits)
    except Outgrown:
        return None
