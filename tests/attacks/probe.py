"""Measure how long `/health/live` takes, from a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.attacks.server import Server

CHILD = Path(__file__).with_name("probing.py")


@dataclass
class Waits:
    """Milliseconds until answers.

    late: how late the probe itself woke up. failures: questions without status 200.
    """

    waits: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failures: int = 0

    def percentile(self, percent: float) -> float:
        """Return a percentile of the milliseconds until answers."""
        return percentile(self.waits, percent)

    @property
    def noise(self) -> float:
        """The 99th percentile of how late the machine let the probe wake up, in milliseconds."""
        return percentile(self.late, 99)


def percentile(numbers: Sequence[float], percent: float) -> float:
    """Return a percentile of numbers; infinity if there are none."""
    return (
        sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * percent / 100))] if numbers else float("inf")
    )


@asynccontextmanager
async def measure_health(server: Server) -> AsyncIterator[Waits]:
    """Measure health while the block runs. The results are available after the block."""
    found = Waits()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(server.port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()  # it has begun
    try:
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        output = await process.stdout.read()
        await process.wait()
        measured = json.loads(output)
        found.waits, found.late, found.failures = measured["waits"], measured["late"], measured["failures"]
