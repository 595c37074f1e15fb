"""A worker whose processor time ends at a moment that a test chooses, and not when a clock says so."""

# The timer that the worker sets has to be the one asked for. It is held back until a frame of this kind with
# this text in it is sent; then it runs out at once, in the step that follows.
PROGRAM = """
import os
from service.workers import frames, worker

set_timer, send, held = worker.signal.setitimer, worker._send, []

def hold(which, seconds):
    held[:] = [which, seconds]

def send_and_run_out(stream, kind, payload=b""):
    send(stream, kind, payload)
    if kind == frames.{kind} and {text!r} in payload:
        if held != [worker.signal.ITIMER_PROF, {seconds!r}]:
            os._exit(1)
        set_timer(held[0], 1e-6)

worker.signal.setitimer, worker._send = hold, send_and_run_out
worker.main()
"""


def worker_that_runs_out(seconds: float, kind: str, text: bytes) -> str:
    """The program of a worker that is stopped as if it had taken these seconds of processor time.

    kind, text: the frame behind which its time is over, `REACHED` or `LINE` for example, and what is in it.
    """
    return PROGRAM.format(seconds=seconds, kind=kind, text=text)
