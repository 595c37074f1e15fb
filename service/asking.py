"""From the bytes of a body to a job."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from compute.errors import QuestionErrors
from compute.limits import Limits
from service.endpoints import Endpoint, Job
from service.http.reader import is_large, read, read_strictly

Result = TypeVar("Result")


def ask(endpoint: Endpoint, body: bytes, limits: Limits, use: Callable[[Job], Result]) -> Result:
    """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors.

    A question that is refused after the fast reader is read again by the strict one and asked again, so that
    large bodies are described, and refused, as small ones are.
    """
    if is_large(body):
        with suppress(QuestionErrors):
            return use(endpoint.understand(read(body), limits))
    return use(endpoint.understand(read_strictly(body), limits))
