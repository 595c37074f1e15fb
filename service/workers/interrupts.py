"""Work that ends early in a worker process: its time is over, or nobody waits for its answer any more."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT = getattr(signal, "SIGUSR1", signal.SIGINT)  # sent by the pool, on systems that have it
AGAIN = 1.0  # seconds of processor time after which an exception that got lost is raised again
GRACE = 5.0  # seconds of processor time after which the system ends a process that does not end its work


class Interrupted(BaseException):
    """Nobody waits for the answer any more."""


class OutOfTime(BaseException):
    """The answer has taken all the processor time that it may."""


class Interrupts:
    """Bounds the processor time of work, and lets it be interrupted.

    Unless `install` is called, the system ends the process where its time is over. With it, an exception is
    raised between two steps of the interpreter, and the process goes on with the next question.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._is_held = False
        self._pending: BaseException | None = None

    def install(self) -> None:
        """Raise exceptions in the place of ending the process."""
        signal.signal(INTERRUPT, self._on_signal)
        signal.signal(signal.SIGPROF, self._on_signal)

    @contextmanager
    def bounded(self, seconds: float) -> Iterator[None]:
        """Bound the processor time of the work within. Raises OutOfTime or Interrupted."""
        self._pending = None
        try:
            self._is_open = True
            signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds + GRACE)
            yield
        finally:
            self._is_open = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let an exception wait until what is done within is whole, such as writing a frame."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._pending is not None:
            pending, self._pending = self._pending, None
            raise pending

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if not self._is_open:  # it came too late: the work is done
            return
        found = Interrupted() if number == INTERRUPT else OutOfTime()
        if self._is_held:
            self._pending = found
            return
        raise found
