"""Bounds on planning: how many values a question may have planned before it is refused or handed on.

Whatever is planned is counted in units, each about 10 to 20 microseconds: one value made in a graph, or a
comparable amount of looking through names and graphs. Counts depend on the question alone, never on clocks
or on what is kept, so that a question is refused always or never.

Without an allowance nothing is bounded.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from math import inf
from typing import Any, Generic, TypeVar

from compute.budgets.bounded_cache import Kept

CHECKED = 32  # units between two looks at a clock
LOOKED_AT = 64  # values, names or characters that are looked at in one unit
UNBOUNDED = 10**12  # units; so few that fractions of them are still told apart
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

    values: how many; refusal: makes the exception that `allowed` raises in place of `Outgrown`, from the
    number of values; None leaves `Outgrown` as it is, for a caller that hands the question on; until, clock:
    a reading of this clock from which on nothing is left, looked at every few units.
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
        """How many units are spent."""
        return self.values - self.left

    def spend(self, count: float = 1) -> None:
        """Take units away. Raises Outgrown where there are not so many left, or no time."""
        self.left -= count
        if self.left < self._mark:
            self._check()

    def foresee(self, count: float) -> None:
        """Raise Outgrown where fewer units are left than are certain to be spent; spends none."""
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
"""Return the allowance that planning has here, or None if it is not bounded."""


@contextmanager
def allowed(allowance: Bound) -> Iterator[Bound]:
    """Bound the planning inside by an allowance; None takes the bound away.

    Raises what the allowance's `refusal` makes where it does not suffice, or Outgrown if it has none.
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
    """Spend units of the allowance, if there is one. Raises Outgrown."""
    if (allowance := _CURRENT.get()) is not None:
        allowance.spend(count)


def foresee(count: float) -> None:
    """Raise Outgrown where the allowance, if there is one, has fewer units left than this."""
    allowance = _CURRENT.get()
    if allowance is not None:
        allowance.foresee(count)


def look_through(count: float) -> None:
    """Spend for looking at so many values, names or characters, which takes a small part of making one."""
    spend(count / LOOKED_AT)


class PlannedOnce(Generic[Key, Plan]):
    """A function that plans a question, whose plans are kept.

    key_size, size: estimate the bytes of a question and of a plan. A kept plan spends as many units as
    making it did, so that what is refused does not depend on what is kept. Where planning outgrew its
    allowance that is kept too, and no allowance that is as small plans the same again. Other errors are not
    kept.
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
    """Decorate a function that plans a question so that its plans are kept, see `PlannedOnce`."""
    return lambda function: PlannedOnce(function, name, budget, key_size, size)
