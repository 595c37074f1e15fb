"""End work early in a worker process: out of time, or interrupted because the client disconnected."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT = getattr(signal, "SIGUSR1", signal.SIGINT)  # sent by the pool
AGAIN = 1.0  # seconds of processor time after which an exception that was swallowed is raised again
GRACE = 5.0  # seconds of processor time that work has to end, before the system ends the process


class Interrupted(BaseException):
    """The answer is no longer wanted."""


class OutOfTime(BaseException):
    """The answer has used up its processor time."""


class Interrupts:
    """Limits the processor time of work, and lets signals interrupt it.

    By default the system ends a process that runs out of time. After `install`, an exception is raised
    instead, and the process can continue with the next question.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._is_deferring = False
        self._pending: BaseException | None = None

    def install(self) -> None:
        """Raise exceptions instead of ending the process."""
        signal.signal(INTERRUPT, self._on_signal)
        signal.signal(signal.SIGPROF, self._on_signal)

    @contextmanager
    def limit_time(self, seconds: float) -> Iterator[None]:
        """Limit the processor time of the block, in seconds. Raises OutOfTime or Interrupted."""
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
    def defer_exceptions(self) -> Iterator[None]:
        """Defer exceptions to the end of the block, so that writing a frame is not cut short, for example."""
        self._is_deferring = True
        try:
            yield
        finally:
            self._is_deferring = False
        if self._pending is not None:
            pending, self._pending = self._pending, None
            raise pending

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if not self._is_open:  # the work is already done
            return
        interruption = Interrupted() if number == INTERRUPT else OutOfTime()
        if self._is_deferring:
            self._pending = interruption
            return
        raise interruption
