"""Freed memory that the process keeps."""

import subprocess
import sys
from pathlib import Path

import pytest

import service
from service.workers.memory import keep_freed_memory

# In a process of its own, since the allocator cannot be told to forget.
FAULTS = """
import resource, sys
import numpy as np
from service.workers.memory import keep_freed_memory
told = keep_freed_memory(int(sys.argv[1])) if sys.argv[1] != "-" else True
def answer():
    return [np.ones(2**15) for _ in range(200)]
for _ in range(3):
    answer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    answer()
print(int(told), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept: str) -> tuple[bool, int]:
    """Return whether the allocator took the options, and the page faults of five answers of 50 MiB."""
    ran = subprocess.run(
        [sys.executable, "-c", FAULTS, kept], capture_output=True, text=True, check=True,
        cwd=Path(service.__file__).parent.parent,
    )  # fmt: skip
    accepted, count = ran.stdout.split()
    return accepted == "1", int(count)


def test_kept_memory_needs_no_new_pages() -> None:
    accepted, kept = faults(str(256 * 2**20))
    if not accepted:
        pytest.skip("another C library")
    pages = 5 * 200 * 2**18 // 4096
    assert kept < pages / 100
    assert faults("0")[1] > pages / 2


def test_another_c_library_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: None) -> object:
        return object()

    monkeypatch.setattr("ctypes.CDLL", none)
    assert not keep_freed_memory(2**20)
