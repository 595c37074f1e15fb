"""Metrics for Prometheus, made of the records of requests and of the state of the process.

Requests are counted as they end. The rest (places, workers, memory, connections) is kept elsewhere anyway; it
is read when metrics are asked for. Several server processes share their metrics through files in
`PROMETHEUS_MULTIPROC_DIR`, which prometheus_client sums up; then each also reads its own state every few
seconds, since another process may be the one that is asked.
"""

import asyncio
import os
import re
from bisect import bisect_left
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from compute.budgets.bounded_cache import caches
from service.answering import Answerer
from service.http.watch import Watch
from service.telemetry.records import OPERATIONS_PER_SECOND, UNMATCHED, Record
from service.version import VERSION

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
TOGETHER = 100  # requests that are counted together
INTERVAL = 2.0  # seconds between two readings of a process, if there are several
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
PHASE_SECONDS = (0.0001, 0.001, 0.01, 0.1, 1, 10, 100)
RATIOS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)
COMPARABLE = 10_000_000  # predicted operations from which the time is that of the work alone
LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class Distribution(Histogram):
    """A histogram that takes many values at once: one by one they would cost several times as much."""

    def observe_all(self, values: list[float]) -> None:
        """Add values."""
        counts = Counts(bisect_left(self._upper_bounds, value) for value in values)
        for place, count in counts.items():
            self._buckets[place].inc(count)
        self._sum.inc(sum(values))


class Metrics:
    """The metrics of one application.

    answerer: the pools of workers and the budgets of memory.
    watch: the connections; None if the server does not count them.
    """

    def __init__(self, answerer: Answerer) -> None:
        self.watch: Watch | None = None
        self._answerer = answerer
        self._registry = CollectorRegistry()
        self._ended: list[Record] = []
        self._seen = Counts[Counter]()

        self._requests = self._counter(
            "requests", "Requests that ended, by the kind of problem if they were refused.",
            "route", "method", "status", "reason",
        )  # fmt: skip
        self._duration = self._histogram("request_duration_seconds", "Time of requests.", SECONDS, "route")
        self._phases = self._histogram(
            "phase_duration_seconds", "Time of the phases of requests, without the phases inside them.",
            PHASE_SECONDS, "phase",
        )  # fmt: skip
        self._received = self._counter("received_bytes", "Bytes of request bodies, as they are sent.")
        self._sent = self._counter("sent_bytes", "Bytes of response bodies, as they are sent.")
        self._predicted = self._counter("predicted_operations", "Elementary operations that were predicted.")
        self._ratio = self._histogram(
            "prediction_ratio",
            "Seconds of computing and writing by predicted billions of operations.",
            RATIOS,
        )
        self._lines = self._counter("batch_lines", "Lines of batches that were graded.")

        self._occupied = self._gauge("places_occupied", "Requests that are computed or wait.", "workers")
        self._capacity = self._gauge("places", "Most requests that are computed or wait.", "workers")
        self._queued = self._gauge("queue_length", "Requests that wait for a worker.", "workers")
        self._running = self._gauge("workers", "Worker processes that run.", "workers")
        self._endings = self._counter(
            "worker_endings", "Worker processes that ended and were replaced, by cause.", "workers", "cause"
        )
        self._memory = self._gauge("memory_bytes", "Bytes held, by what holds them.", "holder")
        self._budget = self._gauge("memory_budget_bytes", "Most bytes that may be held.", "holder")
        self._open = self._gauge("connections", "Open connections.")
        self._turned_away = self._counter(
            "connections_ended",
            "Connections and requests refused or dropped on arrival.",
            "cause",
        )
        self._lag = self._gauge(
            "event_loop_lag_seconds",
            "Longest delay of the event loop of late.",
            mode="livemax",
        )
        self._ready = self._gauge("ready", "1 if questions would be answered.", mode="livemin")
        self._info = self._gauge("info", "The version of the service.", "version", mode="livemax")

    def observe(self, record: Record) -> None:
        """Take a request that has ended. Many are counted together, which costs far less."""
        self._ended.append(record)
        if len(self._ended) >= TOGETHER:
            self.count_requests()

    def count_requests(self) -> None:
        """Count the requests that have ended."""
        ended, self._ended = self._ended, []
        requests = Counts[tuple[str, str, str, str]]()
        durations, phases = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
        ratios: list[float] = []
        for record in ended:
            route = record.route or UNMATCHED
            requests[route, record.method, str(record.status), record.reason] += 1
            durations[route].append(record.elapsed)
            seconds = record.seconds
            for phase, spent in seconds.items():
                phases[phase].append(spent)
            if record.predicted_work >= COMPARABLE:
                spent = seconds.get("computing", 0.0) + seconds.get("writing", 0.0)
                ratios.append(spent / record.predicted_work * OPERATIONS_PER_SECOND)
        for labels, count in requests.items():
            self._requests.labels(*labels).inc(count)
        for name, values in durations.items():
            self._duration.labels(name).observe_all(values)
        for name, values in phases.items():
            self._phases.labels(name).observe_all(values)
        self._ratio.observe_all(ratios)
        self._received.inc(sum(record.received_bytes for record in ended))
        self._sent.inc(sum(record.sent_bytes for record in ended))
        self._predicted.inc(sum(record.predicted_work for record in ended))
        self._lines.inc(sum(record.parts for record in ended))

    def read_state(self) -> None:
        """Count the requests that have ended, and read the state of the process."""
        self.count_requests()
        answerer = self._answerer
        self._info.labels(VERSION).set(1)
        self._ready.set(answerer.floats.is_ready and answerer.exact.is_ready)
        for name, workers in (("floats", answerer.floats), ("exact", answerer.exact)):
            self._occupied.labels(name).set(workers.occupied)
            self._capacity.labels(name).set(workers.capacity)
            self._queued.labels(name).set(workers.queued)
            self._running.labels(name).set(len(workers.workers))
            self._memory.labels(f"{name}_plans").set(workers.plans)
            self._count(self._endings, workers.endings, name)
        for holder, used, most in self._held():
            self._memory.labels(holder).set(used)
            self._budget.labels(holder).set(most)
        if self.watch is not None:
            counters = self.watch.counters()
            self._open.set(counters.pop("open"))
            self._count(self._turned_away, counters)
            self._lag.set(self.watch.take_lag())

    async def keep_reading(self) -> None:
        """Read the state again and again, if other server processes may be asked for it."""
        while DIRECTORY in os.environ:
            self.read_state()
            await asyncio.sleep(INTERVAL)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their content type: OpenMetrics if it is preferred, otherwise Prometheus.

        accept: the Accept header of the request.
        """
        self.read_state()
        encode, content_type = choose_encoder(accept)
        registry = self._registry
        if directory := os.environ.get(DIRECTORY):
            _forget_dead_processes(directory)
            registry = CollectorRegistry()
            MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        return encode(registry), content_type

    def _held(self) -> Iterator[tuple[str, int, int]]:
        for name, budget in (("bodies", self._answerer.bodies), ("answers", self._answerer.answers)):
            yield name, budget.used, budget.capacity
        for cache in caches():
            yield f"cache_{cache.name.replace(' ', '_')}", cache.bytes, cache.budget

    def _count(self, counter: Counter, counts: Mapping[str, int], *labels: str) -> None:
        """Add counts that are kept elsewhere to a counter, as far as they are new."""
        for cause, count in counts.items():
            place = counter.labels(*labels, cause)
            place.inc(count - self._seen[place])
            self._seen[place] = count

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"workings_{name}", meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Distribution:
        return Distribution(f"workings_{name}", meaning, labels, registry=self._registry, buckets=buckets)

    def _gauge(self, name: str, meaning: str, *labels: str, mode: Any = "livesum") -> Gauge:
        return Gauge(f"workings_{name}", meaning, labels, registry=self._registry, multiprocess_mode=mode)


def _forget_dead_processes(directory: str) -> None:
    """Remove the gauges of processes that no longer run."""
    for path in Path(directory).glob("gauge_live*.db"):
        found = LIVE.fullmatch(path.name)
        if found is not None and not _is_running(int(found[1])):
            mark_process_dead(int(found[1]), directory)  # type: ignore[no-untyped-call]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
