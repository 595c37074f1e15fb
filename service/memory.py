"""The allocator's habits: what an answer frees is kept for the next one, where the C library is glibc."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt, in glibc's malloc.h
LARGEST = 32 * 2**20  # above which glibc asks for pages of their own whatever it is told


def keep_freed_memory(most: int) -> bool:
    """Have the process keep up to so many bytes that are free; whether it could be told.

    An answer of many megabytes is freed at once, and by default its pages go back to the system, which has to
    clear new ones for the next answer. One arena serves all threads, or each would keep as much.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return all(
        mallopt(ctypes.c_int(option), ctypes.c_int(value)) == 1
        for option, value in ((TRIM_THRESHOLD, most), (MMAP_THRESHOLD, LARGEST), (ARENA_MAX, 1))
    )
