"""Budgets: bytes of memory that all requests share, and the share of each request."""

from typing import Self

from service.http.problems import busy


class Budget:
    """A number of bytes that requests share.

    A request that needs more than the capacity gets it while no other request holds any.

    capacity: the number of bytes.
    used: the bytes that are held.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0


class Share:
    """The part of a budget that one request holds. Use it as a context manager, or call `release`."""

    def __init__(self, budget: Budget, noun: str) -> None:
        """noun: a plural noun for the bytes in error messages, such as "request bodies"."""
        self._budget, self._noun = budget, noun
        self.held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def grow(self, more: int) -> None:
        """Take `more` bytes. Raises Problem 503 if the budget has no room for them."""
        if not self.has_room(more):
            raise busy(f"{self._noun} fill the memory that they may take; try again in a moment")
        self._budget.used += more
        self.held += more

    def shrink(self, fewer: int) -> None:
        """Give `fewer` bytes back."""
        self._budget.used -= fewer
        self.held -= fewer

    def release(self) -> None:
        """Give all bytes back."""
        self.shrink(self.held)

    def has_room(self, more: int) -> bool:
        """Return whether the budget has room for `more` bytes."""
        used = self._budget.used
        return used == 0 or used + more <= self._budget.capacity
