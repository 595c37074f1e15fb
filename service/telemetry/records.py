"""The record of one request: its outcome, its sizes, its predicted work, and the time of each phase.

A record belongs to a request from its first byte to its last, on the event loop, in threads and in worker
processes. Code that works on a request marks its phases with `phase`, and finds the record by itself:

    with phase("planning"):
        plan = prepare(question)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any, TypeAlias

MAX_SPANS = 64  # kept of one request; later ones, of a batch of thousands of lines, count in seconds alone
OPERATIONS_PER_SECOND = 1_000_000_000  # of one core, about
UNMATCHED = "unmatched"  # in place of the route of a request that matched none
PHASES = ("reading", "waiting", "planning", "computing", "writing")


Span: TypeAlias = tuple[str, int, int, int]
"""One phase: its name, its start and end, and the time of the phases inside it. Times are nanoseconds of
`time.perf_counter_ns`, a clock that all processes of a machine share on POSIX systems.
"""


class Record:
    """What is known about one request. It holds nothing that a client sent.

    started, ended: when the request arrived, and when it ended, in nanoseconds of `time.perf_counter_ns`.
    request_id: the id that the response has.
    key_name: the name of the API key that was sent, if keys are asked for.
    method: the method, or OTHER if it is none of HTTP's.
    route: the path of the matched route, such as /v1/operations/{name}; empty if none matched.
    status: the status of the response; 0 until it starts.
    reason: the kind of problem, such as refused; empty for answers.
    received_bytes, sent_bytes: bytes of the bodies, as they are on the wire, as far as they were read.
    predicted_work: predicted elementary operations of what was computed.
    unpredicted_seconds: seconds of computations whose work could not be predicted, such as grading.
    spans: phases with their starts and ends, at most `MAX_SPANS`.
    later: seconds by phase of further ones.
    parts: parts that were worked on at the same time, such as the lines of a batch.
    inner: nanoseconds of the phases inside the one that is open. Phases of a record follow or contain one
        another; what is done at the same time has records of its own, which are included when they end.
    """

    __slots__ = (
        "ended",
        "inner",
        "key_name",
        "later",
        "method",
        "parts",
        "predicted_work",
        "reason",
        "received_bytes",
        "request_id",
        "route",
        "sent_bytes",
        "spans",
        "started",
        "status",
        "unpredicted_seconds",
    )  # fmt: skip

    def __init__(self, method: str = "", request_id: str = "") -> None:
        self.started = self.ended = perf_counter_ns()
        self.request_id = request_id
        self.key_name = ""
        self.method = method
        self.route = ""
        self.status = 0
        self.reason = ""
        self.received_bytes = self.sent_bytes = 0
        self.predicted_work = 0
        self.unpredicted_seconds = 0.0
        self.later: dict[str, float] = {}
        self.spans: list[Span] = []
        self.parts = 0
        self.inner = 0

    @property
    def work(self) -> int:
        """Elementary operations: predicted, and for the rest estimated from the time that it took."""
        return self.predicted_work + round(self.unpredicted_seconds * OPERATIONS_PER_SECOND)

    @property
    def elapsed(self) -> float:
        """Seconds from the arrival of the request to its end."""
        return (self.ended - self.started) * 1e-9

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by phase, without the phases inside it.

        Lines of a batch are worked on at the same time, so their sum may exceed the time on the clock.
        """
        seconds = {**self.later}
        for name, start, end, inner in self.spans:
            seconds[name] = seconds.get(name, 0.0) + (end - start - inner) * 1e-9
        return seconds

    def add_phase(self, name: str, start: int, end: int, inner: int = 0) -> None:
        """Add a phase; see `Span`."""
        if len(self.spans) < MAX_SPANS:
            self.spans.append((name, start, end, inner))
        else:
            self.later[name] = self.later.get(name, 0.0) + (end - start - inner) * 1e-9

    def dump(self) -> dict[str, Any]:
        """Return the measurements of a worker process, to be sent to the process that serves the request."""
        return {
            "predicted_work": self.predicted_work,
            "unpredicted_seconds": self.unpredicted_seconds,
            "later": self.later,
            "spans": self.spans,
        }

    def include(self, measured: dict[str, Any]) -> None:
        """Add the measurements of a worker process, from `dump`."""
        self.predicted_work += measured["predicted_work"]
        self.unpredicted_seconds += measured["unpredicted_seconds"]
        for name, seconds in measured["later"].items():
            self.later[name] = self.later.get(name, 0.0) + seconds
        for span in measured["spans"]:
            self.add_phase(*span)


current_record: ContextVar[Record | None] = ContextVar("current_record", default=None)


class phase:  # noqa: N801 - used as a statement, like `suppress` of the standard library
    """A context manager that measures one phase of the current request.

    A phase may contain others: its seconds do not count theirs. Without a record nothing is measured.
    """

    __slots__ = ("_name", "_outer", "_record", "_start")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._record = record = current_record.get()
        if record is not None:
            self._outer, record.inner = record.inner, 0
            self._start = perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        record = self._record
        if record is not None:
            end = perf_counter_ns()
            if len(record.spans) < MAX_SPANS:
                record.spans.append((self._name, self._start, end, record.inner))
            else:
                record.add_phase(self._name, self._start, end, record.inner)
            record.inner = self._outer + end - self._start


def add_phase(name: str, start: int) -> None:
    """Add a phase that ends now to the current request. start: nanoseconds of `time.perf_counter_ns`."""
    if (record := current_record.get()) is not None:
        record.add_phase(name, start, perf_counter_ns())


@contextmanager
def part_of_request() -> Iterator[None]:
    """Keep a record of a part that is done at the same time as others, and include it when it ends."""
    whole = current_record.get()
    if whole is None:
        yield
        return
    part = Record(whole.method, whole.request_id)
    token = current_record.set(part)
    try:
        yield
    finally:
        current_record.reset(token)
        whole.include(part.dump())
        whole.parts += 1


def add_predicted_work(operations: int) -> None:
    """Add predicted elementary operations to the current request."""
    if (record := current_record.get()) is not None:
        record.predicted_work += operations


@contextmanager
def add_unpredicted_work() -> Iterator[None]:
    """Measure work that cannot be predicted, and add it to the current request."""
    start = perf_counter_ns()
    try:
        yield
    finally:
        if (record := current_record.get()) is not None:
            record.unpredicted_seconds += (perf_counter_ns() - start) / 1_000_000_000


def add_received_bytes(count: int) -> None:
    """Add bytes of the body to those that the current request has received."""
    if (record := current_record.get()) is not None:
        record.received_bytes += count


def note_reason(kind: str) -> None:
    """Note the kind of problem that the current request ends with."""
    if (record := current_record.get()) is not None:
        record.reason = kind
