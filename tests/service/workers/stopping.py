"""A worker whose processor time ends at a moment that a test chooses."""

# The timer that the worker sets has to be the one asked for. It is held back until a frame of this kind with
# this text in it is sent; then it runs out at once, in the step that follows.
PROGRAM = """
import os
from service.workers import {module}, frames, interrupts, worker

set_timer, send, held = interrupts.signal.setitimer, worker.Server.send, dict()

def hold(which, seconds, again=0):
    held[which] = seconds

def send_and_run_out(server, kind, payload=b""):
    send(server, kind, payload)
    if kind == frames.{kind} and {text!r} in payload:
        if held[interrupts.signal.ITIMER_PROF] != {seconds!r}:
            os._exit(1)
        set_timer(interrupts.signal.ITIMER_PROF, 1e-6)

interrupts.signal.setitimer, worker.Server.send = hold, send_and_run_out
{module}.main()
"""


def worker_that_runs_out(seconds: float, kind: str, text: bytes, module: str = "exact") -> str:
    """Return the program of a worker that is stopped as if it had used these seconds of processor time.

    module: of the kind of worker. kind, text: the frame behind which its time is over, such as `REACHED` or
    `LINE`, and what is in it.
    """
    return PROGRAM.format(seconds=seconds, kind=kind, text=text, module=module)
