"""Caches bounded by bytes, which drop the least recently used items first.

Every cache whose size depends on requests is one of these, so that budgets bound the memory of a process.
`caches` lists them.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import update_wrapper
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
SHARE = 4  # an item larger than this part of a budget is not kept
ENTRY = 400  # bytes of an entry besides its item: two slots in tables, and a key of a few parts
_ALL: "list[Kept[Any]]" = []


class CacheUse(NamedTuple):
    """The use of a cache: estimated bytes, their budget, and the number of items."""

    name: str
    bytes: int
    budget: int
    items: int


class _Entry(Generic[Item]):
    __slots__ = ("item", "key", "size")

    def __init__(self, key: Hashable, item: Item, size: int) -> None:
        self.key, self.item, self.size = key, item, size


class Kept(Generic[Item]):
    """A thread-safe cache of as many items as fit a budget of bytes.

    budget: may be changed at any time; it applies from the next addition on.
    """

    def __init__(self, name: str, budget: int) -> None:
        self.name, self.budget = name, budget
        self.bytes = 0
        self._entries: dict[Hashable, _Entry[Item]] = {}
        # By id, since hashing a key may take long; the least recently used first.
        self._order: OrderedDict[int, _Entry[Item]] = OrderedDict()
        self._lock = Lock()
        _ALL.append(self)

    def find(self, key: Hashable) -> Item | None:
        """Return the item of a key; None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        with self._lock, suppress(KeyError):  # another thread may have dropped it
            self._order.move_to_end(id(entry))
        return entry.item

    def add(self, key: Hashable, item: Item, size: int) -> None:
        """Add an item of `size` bytes, replacing that of the same key, unless it is too large."""
        entry = _Entry(key, item, size + ENTRY)
        with self._lock:
            self._drop(self._entries.get(key))
            if entry.size * SHARE > self.budget:
                return
            place = id(entry)  # no call from here on, where a signal could raise an exception between steps
            self._entries[key] = self._order[place] = entry
            self.bytes += entry.size
            while self.bytes > self.budget:
                self._drop(next(iter(self._order.values())))

    def _drop(self, entry: _Entry[Item] | None) -> None:
        if entry is not None:
            place = id(entry)
            del self._entries[entry.key], self._order[place]
            self.bytes -= entry.size

    def clear(self) -> None:
        """Drop all items."""
        with self._lock:
            self._entries.clear()
            self._order.clear()
            self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def use(self) -> CacheUse:
        """Return how full the cache is."""
        with self._lock:
            return CacheUse(self.name, self.bytes, self.budget, len(self._entries))


class Keeping(Generic[Item]):
    """A function whose results are cached by its positional arguments, which must be hashable.

    size: estimates the bytes of a result and its arguments. Errors are not cached.
    """

    def __init__(self, function: Callable[..., Item], cache: Kept[Item], size: Callable[..., int]) -> None:
        update_wrapper(self, function)
        self.__wrapped__ = function
        self.cache, self._size = cache, size

    def __call__(self, *arguments: Hashable) -> Item:
        result = self.cache.find(arguments)
        if result is None:
            result = self.__wrapped__(*arguments)
            self.cache.add(arguments, result, self._size(result, *arguments))
        return result

    def cache_clear(self) -> None:
        """Drop all results."""
        self.cache.clear()


def keeping(
    name: str, budget: int, size: Callable[..., int]
) -> Callable[[Callable[..., Item]], Keeping[Item]]:
    """Decorate a function so that its results are cached within a budget of bytes.

    size(result, *arguments) estimates the bytes of both.
    """
    return lambda function: Keeping(function, Kept(name, budget), size)


def caches() -> list[CacheUse]:
    """Return the use of each cache of this process, ordered by name."""
    return sorted(cache.use() for cache in _ALL)


def kept_bytes() -> int:
    """Return the bytes of all caches of this process together."""
    return sum(use.bytes for use in caches())
