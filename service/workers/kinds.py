"""The two kinds of worker processes: for floating-point and for exact arithmetic."""

import os
from dataclasses import dataclass

from service.settings import Settings

ROOM = 256 * 2**20  # bytes of a process with its modules and their caches


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of worker process, and the limits of its answers.

    name: the module of `service.workers` that the processes run.
    answers: the arithmetic in words, for messages.
    count: number of processes.
    seconds: processor time for one answer.
    memory: bytes for one answer.
    patience: factor from processor time to the time on the clock that an answer may take, or wait.
    retirement: bytes that a process may hold after an answer; one that holds more is replaced.
    kept_bytes: bytes of freed memory that a process keeps for the next answers.
    plan_bytes: bytes of cached plans in each process.
    niceness: added to that of the server.
    delay: seconds before the first process is started.
    can_be_interrupted: whether a process can continue after an interruption. An exception may leave SymPy's
        caches inconsistent, so its processes are ended instead.
    """

    name: str
    answers: str
    count: int
    seconds: float
    memory: int
    patience: float
    retirement: int
    kept_bytes: int
    plan_bytes: int
    niceness: int
    delay: float
    can_be_interrupted: bool

    @property
    def deadline(self) -> float:
        """Most seconds on the clock that an answer takes, and that it waits for a process."""
        return self.seconds * self.patience

    @property
    def program(self) -> str:
        """The Python program of a process. Its argument is `start` as JSON."""
        return f"import os; os.nice({self.niceness}); from {__package__}.{self.name} import main; main()"

    @property
    def start(self) -> dict[str, int]:
        """The parameters that a process receives when it starts."""
        return {name: getattr(self, name) for name in ("memory", "retirement", "kept_bytes", "plan_bytes")}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process: threads of libraries, and a fixed hash seed.

        Threads times processes are at most the number of processors. The seed makes answers reproducible.
        """
        threads = str(max(1, (os.cpu_count() or 1) // self.count))
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        return {"PYTHONHASHSEED": "0", **dict.fromkeys(names, threads)}


def float_kind(settings: Settings) -> Kind:
    """Return the kind of worker for floating-point arithmetic."""
    return Kind(
        name="floats",
        answers="floats",
        count=settings.workers,
        seconds=settings.max_seconds,
        memory=settings.worker_memory,
        patience=4,
        retirement=settings.kept_bytes + settings.plan_bytes + ROOM,
        kept_bytes=settings.kept_bytes,
        plan_bytes=settings.plan_bytes,
        niceness=1,
        delay=0.1,
        can_be_interrupted=True,
    )


def exact_kind(settings: Settings) -> Kind:
    """Return the kind of worker for exact arithmetic."""
    return Kind(
        name="exact",
        answers="exact arithmetic",
        count=settings.exact_workers,
        seconds=settings.exact_seconds,
        memory=settings.exact_memory,
        patience=12,
        retirement=ROOM,
        kept_bytes=0,
        plan_bytes=settings.plan_bytes,
        niceness=19,
        delay=0.5,
        can_be_interrupted=False,
    )
