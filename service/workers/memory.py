"""The memory of a worker process: limited while it answers, and kept for the next answer."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

with suppress(ImportError):  # Windows has no such module, and no worker processes
    import resource

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt, in glibc's malloc.h
LARGEST = 32 * 2**20  # bytes of a block above which glibc always maps separate pages
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes per unit of the system's peak memory
PAGES = Path("/proc/self/statm")  # the process's pages: total and resident
LEAST = 64 * 2**20  # bytes that computing any answer needs


class NoMemory(Exception):
    """The system's limits leave too little memory for any answer."""


def keep_freed_memory(most: int) -> bool:
    """Make the allocator keep up to `most` freed bytes. Return whether it accepted the options.

    By default the pages of a large answer go back to the system, which has to clear new pages for the next
    one. All threads share one arena, because each arena keeps its own memory.
    """
    return _set_malloc_options((TRIM_THRESHOLD, most), (MMAP_THRESHOLD, LARGEST), (ARENA_MAX, 1))


def map_large_blocks() -> bool:
    """Make the allocator map separate pages for blocks of a megabyte. Return whether it accepted the option.

    Such blocks grow without being copied, and go back to the system when they are freed. By default, glibc
    raises this threshold up to 32 MB when it frees a larger block.
    """
    return _set_malloc_options((MMAP_THRESHOLD, 2**20))


def _set_malloc_options(*options: tuple[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return all(mallopt(ctypes.c_int(option), ctypes.c_int(value)) == 1 for option, value in options)


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes; where that is unknown, its peak.

    The system's peak starts with the memory of the parent process, so it may be too high.
    """
    if PAGES.exists():
        return _read_pages(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


@contextmanager
def limit_memory(more: int) -> Iterator[None]:
    """Limit the memory that the block may add to the process to `more` bytes, on systems with /proc.

    A lower limit set by the system is kept. Raises NoMemory if it leaves too little for any answer.
    """
    if not PAGES.exists():
        yield
        return
    held = _read_pages(0)
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


def _read_pages(field: int) -> int:
    return int(PAGES.read_text(encoding="ascii").split()[field]) * resource.getpagesize()
