"""What a running service counts and times, for the monitoring of its operator: every metric is one row.

One `Metrics` belongs to one application; nothing is kept in the process's global registry. A label is a route, a status
or a code of ours, never anything that a request holds: no id, person, tenant or secret.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from didkit_py.errors import DidkitError, StorageUnavailable
from didkit_py.service.storage.database import Database, Row, Statement, Value

LATENCY_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of the documentation, and of what is shown."""

    name: str  # as it is shown, with its unit
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...] = ()
    unit: str = "number"
    help: str


REQUEST_SECONDS: Final = Metric(
    name="http_server_request_duration_seconds",
    kind="histogram",
    unit="seconds",
    labels=("method", "route", "status"),
    help="How long each request took until its answer began; the route is a template without ids.",
)
DATABASE_SECONDS: Final = Metric(
    name="didkit_database_call_duration_seconds",
    kind="histogram",
    unit="seconds",
    labels=("call",),
    help="How long each call of the database took, waiting included: fetch, execute, apply, scrub.",
)
DATABASE_FAILURES: Final = Metric(
    name="didkit_database_failures_total",
    kind="counter",
    labels=("call",),
    help="Calls that the database could not do; each is also an answer of status 503.",
)
SESSIONS: Final = Metric(
    name="didkit_sessions", kind="gauge", help="Browser sessions that are alive, signed in or not."
)
LOGGED: Final = Metric(
    name="didkit_log_events_total",
    kind="counter",
    labels=("level",),
    help="Events written to the log at level warning or error; look there for what they are.",
)
LIST_REFRESHES: Final = Metric(
    name="didkit_list_refreshes_total",
    kind="counter",
    labels=("outcome",),
    help="Refreshes of the trust list and all it names: ok, incomplete, or the code of what was wrong.",
)
LIST_AGE: Final = Metric(
    name="didkit_lists_age_seconds",
    kind="gauge",
    unit="seconds",
    help="How long ago the lists in use were fetched; +Inf while there are none.",
)
COMMON: Final = (REQUEST_SECONDS, DATABASE_SECONDS, DATABASE_FAILURES, SESSIONS, LOGGED)
FOLLOWING_LISTS: Final = (LIST_REFRESHES, LIST_AGE)
# What the library reads of its own process, on Linux; the rows are here so that the documentation has them.
PROCESS: Final = (
    Metric(name="process_cpu_seconds_total", kind="counter", unit="seconds", help="Time of processors used."),
    Metric(name="process_max_fds", kind="gauge", help="How many files and sockets may be open."),
    Metric(name="process_open_fds", kind="gauge", help="How many files and sockets are open."),
    Metric(name="process_resident_memory_bytes", kind="gauge", unit="bytes", help="Memory in use."),
    Metric(
        name="process_start_time_seconds", kind="gauge", unit="seconds since 1970", help="When the process started."
    ),
    Metric(name="process_virtual_memory_bytes", kind="gauge", unit="bytes", help="Memory that is addressed."),
)


class Metrics:
    """The metrics of one application, by row."""

    def __init__(self, rows: Iterable[Metric]) -> None:
        """Each row is shown from the start, with a value once there is one."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # the start of the process says the same, for all of them at once
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self._readings: list[Callable[[], Awaitable[None]]] = []
        for row in rows:
            self._add(row)

    def _add(self, row: Metric) -> None:
        match row.kind:
            case "counter":
                self._counters[row] = Counter(row.name, row.help, row.labels, registry=self._registry)
            case "gauge":
                self._gauges[row] = Gauge(row.name, row.help, row.labels, registry=self._registry)
            case "histogram":
                self._histograms[row] = Histogram(
                    row.name, row.help, row.labels, registry=self._registry, buckets=LATENCY_SECONDS
                )

    def count(self, row: Metric, label: str) -> None:
        """Add one to a counter."""
        self._counters[row].labels(label).inc()

    def observe(self, row: Metric, seconds: float, *labels: str) -> None:
        """Add one duration to a histogram."""
        self._histograms[row].labels(*labels).observe(seconds)

    def say(self, row: Metric, value: float, label: str) -> None:
        """Set a gauge."""
        self._gauges[row].labels(label).set(value)

    def follow(self, row: Metric, reading: Callable[[], float]) -> None:
        """Let a gauge say what `reading` gives at the moment when it is looked at."""
        self._gauges[row].set_function(reading)

    def read_before(self, reading: Callable[[], Awaitable[None]]) -> None:
        """Await `reading`, which sets gauges, each time before the metrics are shown."""
        self._readings.append(reading)

    async def text(self) -> bytes:
        """All of them in Prometheus's text format, version 0.0.4. What cannot be read now keeps its last value."""
        for reading in self._readings:
            with suppress(DidkitError):
                await reading()
        return generate_latest(self._registry)

    def logged(self, level: str) -> None:
        """Count an event of the log."""
        if level in {"warning", "error"}:
            self.count(LOGGED, level)

    def refreshed(self, outcome: str) -> None:
        """Count a refresh of the lists."""
        self.count(LIST_REFRESHES, outcome)

    def measured(self, database: Database) -> Database:
        """The same database, each call timed."""
        return _MeasuredDatabase(database, self)

    @contextmanager
    def timing(self, call: str) -> Iterator[None]:
        """Time one call of the database, and count it when the database could not do it."""
        began = time.perf_counter()
        try:
            yield
        except StorageUnavailable:
            self.count(DATABASE_FAILURES, call)
            raise
        finally:
            self.observe(DATABASE_SECONDS, time.perf_counter() - began, call)


class _MeasuredDatabase:
    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        with self._metrics.timing("fetch"):
            return await self._database.fetch(sql, *args)

    async def execute(self, sql: str, *args: Value) -> Sequence[Row]:
        with self._metrics.timing("execute"):
            return await self._database.execute(sql, *args)

    async def apply(self, *statements: Statement) -> Sequence[Sequence[Row]]:
        with self._metrics.timing("apply"):
            return await self._database.apply(*statements)

    async def scrub(self) -> None:
        with self._metrics.timing("scrub"):
            await self._database.scrub()

    async def close(self) -> None:
        await self._database.close()
