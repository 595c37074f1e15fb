"""The form of every computation in the service: planned first, answered later."""

from typing import Protocol


class Job(Protocol):
    """A question that has been planned and checked against the limits, but not yet answered."""

    @property
    def work(self) -> int:
        """The predicted number of elementary operations, including those of writing the answer."""

    def answer(self) -> bytes:
        """Return the body of the response."""
