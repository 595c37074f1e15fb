"""The memory of a worker process: bounded while it answers, and kept for the next answer."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

with suppress(ImportError):  # Windows has no such module, and no worker processes
    import resource

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt, in glibc's malloc.h
LARGEST = 32 * 2**20  # above which glibc asks for pages of their own whatever it is told
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which the system counts the most memory
PAGES = Path("/proc/self/statm")  # of memory that the process has, in all and resident
LEAST = 64 * 2**20  # bytes without which no answer can be computed


class NoMemory(Exception):
    """The system's limits leave too little memory to answer anything."""


def keep_freed_memory(most: int) -> bool:
    """Have the process keep up to so many bytes that are free; whether it could be told.

    An answer of many megabytes is freed at once, and by default its pages go back to the system, which has to
    clear new ones for the next answer. One arena serves all threads, or each would keep as much.
    """
    return _tell_malloc((TRIM_THRESHOLD, most), (MMAP_THRESHOLD, LARGEST), (ARENA_MAX, 1))


def map_large_blocks() -> bool:
    """Have blocks of a megabyte use pages of their own; whether the process could be told.

    Such blocks grow without being copied, and go back to the system when they are freed. By default, glibc
    stops doing that for blocks of up to 32 MB once it has freed one.
    """
    return _tell_malloc((MMAP_THRESHOLD, 2**20))


def _tell_malloc(*options: tuple[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return all(mallopt(ctypes.c_int(option), ctypes.c_int(value)) == 1 for option, value in options)


def resident() -> int:
    """Return the bytes of memory that this process holds; where that is unknown, the most so far.

    The system's count of the most begins with the memory of the parent process, and so may be too much.
    """
    if PAGES.exists():
        return _pages(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


@contextmanager
def bounded(more: int) -> Iterator[None]:
    """Bound the memory that is taken beyond what the process has, where the system says what it has.

    A bound that the system has set already is kept. Raises NoMemory if that leaves next to nothing.
    """
    if not PAGES.exists():
        yield
        return
    held = _pages(0)
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = held + more
    if hard != resource.RLIM_INFINITY:
        if hard < held + min(more, LEAST):
            raise NoMemory(f"the process has {held} bytes and may have {hard}")
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def _pages(place: int) -> int:
    return int(PAGES.read_text(encoding="ascii").split()[place]) * resource.getpagesize()
