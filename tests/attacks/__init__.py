"""Attacks on a running server: `make attack` runs all, the test suite those that are cheap.

Each is a function whose docstring says what is done; its bounds say what must hold.
"""

from tests.attacks import health, memory, numbers, places, planning, protocol, stopping, work, workers
from tests.attacks.report import ATTACKS

__all__ = [
    "ATTACKS", "health", "memory", "numbers", "places", "planning", "protocol", "stopping", "work", "workers",
]  # fmt: skip
