"""The two kinds of worker processes: for floats, and for exact numbers."""

import os
from dataclasses import dataclass

from service.settings import Settings

ROOM = 256 * 2**20  # bytes of a process with its modules and what they remember


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of worker process, and the bounds of its answers.

    name: the module of `service.workers` that the processes run. answers: what they are for, in words.
    count: number of processes. seconds: of processor time, for one answer. memory: bytes, for one answer.
    patience: times the processor time that an answer may take on a busy machine, and may be waited for.
    retirement: bytes that a process may hold after an answer; one that holds more makes room for a fresh one.
    kept_bytes, plan_bytes: bytes of freed memory and of plans that a process keeps for the next answers.
    niceness: added to that of the server. delay: seconds before the first process is started.
    can_be_interrupted: whether a process can go on after its work was interrupted. SymPy remembers what it is
    about to find out, so that a process that computes with it is ended in that case.
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
    def longest(self) -> float:
        """The most seconds that an answer takes, and that it waits for a process."""
        return self.seconds * self.patience

    @property
    def program(self) -> str:
        """The Python program of a process; see `Server` for its argument."""
        return f"import os; os.nice({self.niceness}); from service.workers.{self.name} import main; main()"

    @property
    def start(self) -> dict[str, int]:
        """What a process needs to know when it starts."""
        return {name: getattr(self, name) for name in ("memory", "retirement", "kept_bytes", "plan_bytes")}

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the processes: threads of libraries times processes are as many as processors.

        Hashes are the same in every process, so that answers repeat.
        """
        threads = str(max(1, (os.cpu_count() or 1) // self.count))
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        return {"PYTHONHASHSEED": "0", **dict.fromkeys(names, threads)}


def floats(settings: Settings) -> Kind:
    """Return the kind of worker that computes in floats."""
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


def exact(settings: Settings) -> Kind:
    """Return the kind of worker that computes in exact numbers."""
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
