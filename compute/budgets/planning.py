"""Bounds on the planning of a question, beyond which it is refused or passed to a worker.

Planning is counted in units of about 10 to 20 microseconds: one value added to a graph, or a comparable
amount of iterating over names and graphs. Counts depend only on the question, never on clocks or caches, so
that a question is always refused or never.

Without an allowance nothing is bounded.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from math import inf
from typing import Any, Generic, TypeVar

from compute.budgets.bounded_cache import Kept

CHECKED = 32  # units between two readings of the clock
LOOKED_AT = 64  # values, names or characters iterated over in one unit
UNBOUNDED = 10**12  # units; small enough for floats to count fractions of a unit
Refusal = Callable[[int], Exception]
Key = TypeVar("Key", bound=Hashable)
Plan = TypeVar("Plan")


class Outgrown(BaseException):
    """Planning took more than its allowance. It passes through every handler of ordinary exceptions.

    units: the allowance that did not suffice.
    """

    def __init__(self, units: float) -> None:
        super().__init__(units)
        self.units = units


class Allowance:
    """Units that planning may spend.

    values: the number of units.
    refusal: makes the exception that `allowed` raises in place of `Outgrown` from the number of values; None
        lets `Outgrown` pass, for a caller that passes the question on.
    until, clock: the reading of this clock after which nothing is left, checked every few units.
    """

    __slots__ = ("_clock", "_mark", "_until", "left", "refusal", "values")

    def __init__(
        self,
        values: int,
        refusal: Refusal | None = None,
        *,
        until: float = inf,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.values, self.refusal = values, refusal
        self.left: float = values
        self._until, self._clock = until, clock
        self._mark: float = 0 if clock is None else values

    @property
    def spent(self) -> float:
        """The number of units spent."""
        return self.values - self.left

    def spend(self, count: float = 1) -> None:
        """Spend units. Raises Outgrown if too few are left, or no time."""
        self.left -= count
        if self.left < self._mark:
            self._check()

    def foresee(self, count: float) -> None:
        """Raise Outgrown if fewer units are left than will certainly be spent; spend none."""
        if count > self.left:
            raise Outgrown(self.values)

    def _check(self) -> None:
        if self.left < 0:
            raise Outgrown(self.values)
        if self._clock is not None:
            self._mark = max(0, self.left - CHECKED)
            if self._clock() >= self._until:
                raise Outgrown(self.values)


Bound = TypeVar("Bound", bound=Allowance | None)
_CURRENT: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
current = _CURRENT.get
"""Return the current allowance; None if planning is not bounded."""


@contextmanager
def allowed(allowance: Bound) -> Iterator[Bound]:
    """Bound planning inside the context by an allowance; None removes the bound.

    If it does not suffice, raises the exception that its `refusal` makes, or Outgrown if it has none.
    """
    token = _CURRENT.set(allowance)
    try:
        yield allowance
    except Outgrown:
        if allowance is None or allowance.refusal is None:
            raise
        raise allowance.refusal(allowance.values) from None
    finally:
        _CURRENT.reset(token)


def spend(count: float = 1) -> None:
    """Spend units of the current allowance, if there is one. Raises Outgrown."""
    if (allowance := _CURRENT.get()) is not None:
        allowance.spend(count)


def foresee(count: float) -> None:
    """Raise Outgrown if the current allowance, if there is one, has fewer units left."""
    allowance = _CURRENT.get()
    if allowance is not None:
        allowance.foresee(count)


def look_through(count: float) -> None:
    """Spend units for iterating over `count` values, names or characters."""
    spend(count / LOOKED_AT)


class PlannedOnce(Generic[Key, Plan]):
    """A function that plans a question, with its plans cached.

    A cached plan spends as many units as making it did, so that refusals do not depend on the cache. If
    planning outgrew its allowance, that is cached too, and an allowance as small fails at once. Other errors
    are not cached.
    key_size, size: estimate the bytes of a question and of a plan.
    """

    def __init__(
        self,
        function: Callable[[Key], Plan],
        name: str,
        budget: int,
        key_size: Callable[[Key], int],
        size: Callable[[Plan], int],
    ) -> None:
        update_wrapper(self, function)
        self.__wrapped__ = function
        self.cache: Kept[tuple[Plan | None, float]] = Kept(name, budget)
        self._key_size, self._size = key_size, size

    def __call__(self, question: Key) -> Plan:
        allowance = _CURRENT.get()
        plan, units = self.cache.find(question) or (None, -1)
        if plan is not None:
            if allowance is not None:
                allowance.spend(units)
            return plan
        if allowance is not None and allowance.left <= units:
            raise Outgrown(allowance.values)
        counting = Allowance(UNBOUNDED) if allowance is None else allowance
        before, size = counting.left, self._key_size(question)
        token = _CURRENT.set(counting)
        try:
            plan = self.__wrapped__(question)
        except Outgrown:
            self.cache.add(question, (None, before), size)
            raise
        finally:
            _CURRENT.reset(token)
        self.cache.add(question, (plan, before - counting.left), size + self._size(plan))
        return plan

    def cache_clear(self) -> None:
        """Drop all plans."""
        self.cache.clear()


def plans_kept(
    name: str, budget: int, key_size: Callable[[Any], int], size: Callable[[Any], int]
) -> Callable[[Callable[[Key], Plan]], PlannedOnce[Key, Plan]]:
    """Decorate a function that plans questions so that its plans are cached, see `PlannedOnce`."""
    return lambda function: PlannedOnce(function, name, budget, key_size, size)
