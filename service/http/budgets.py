"""Bytes that all requests together may hold in memory, and what each of them holds."""

from typing import Self

from service.http.problems import busy


class Budget:
    """A number of bytes that requests share.

    capacity: how many there are. used: how many are held. A request that needs more than all of them may have
    them when nobody else holds any.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0


class Share:
    """The part of a budget that one request holds; use it in `with`, or call `release`."""

    def __init__(self, budget: Budget, noun: str) -> None:
        """noun: what the bytes are of, as a refusal says it."""
        self._budget, self._noun = budget, noun
        self.held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def grow(self, more: int) -> None:
        """Hold so many bytes more. Raises Problem 503 if there is no room for them."""
        if not self.has_room(more):
            raise busy(f"{self._noun} fill the memory that they may take; try again in a moment")
        self._budget.used += more
        self.held += more

    def shrink(self, fewer: int) -> None:
        """Give so many bytes back."""
        self._budget.used -= fewer
        self.held -= fewer

    def release(self) -> None:
        """Give all bytes back."""
        self.shrink(self.held)

    def has_room(self, more: int) -> bool:
        """Return whether so many bytes more may be held."""
        used = self._budget.used
        return used == 0 or used + more <= self._budget.capacity
