"""The database seam on SQLite: one writer thread with group commit, two reader threads, nothing to install.

Writes that wait at the same moment share one transaction and one fsync; each caller has a savepoint in it, so one that
fails takes nothing from its neighbours, and every caller is answered only after COMMIT. When the disk fails, the whole
batch is answered with StorageUnavailable, the connection is dropped, and the next batch opens a new one.

The threads are daemons: a program that forgets `close` still ends.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Row, Statement, Value
from didkit_py.service.storage.migrations import migrate
from didkit_py.service.storage.sqlite_connection import (
    SET_UP,
    Job,
    SqliteStep,
    check_version,
    commit,
    connect,
    create_private,
    prepare,
    read,
    scrub,
    unavailable,
)

READERS = 2  # one long read does not stop the others
MAX_WRITE_BATCH = 1_024  # callers that share a transaction: bounds the wait of the first
MAX_READ_BATCH = 32
SCRUB: tuple[SqliteStep, ...] = ()  # a job without steps is a scrub

_T = TypeVar("_T")
Queue = SimpleQueue[Job | None]  # None: stop


async def open_sqlite(path: Path, *, migrations: Traversable | Path) -> "SqliteDatabase":
    """The database in this file, made when absent, with its schema up to date. It belongs to the running event loop.

    Raises StorageUnavailable when the file cannot be used, SchemaMismatch when its schema is not ours.
    """
    check_version(sqlite3.sqlite_version_info)
    create_private(path)
    database = SqliteDatabase(path)
    try:
        await migrate(database, migrations)
    except BaseException:
        await database.close()
        raise
    return database


class SqliteDatabase:
    """One file, opened by `open_sqlite`."""

    def __init__(self, path: Path) -> None:
        """Start the threads; each opens its connection when the first work comes."""
        self._loop = asyncio.get_running_loop()
        self._writes: Queue = SimpleQueue()
        self._reads: Queue = SimpleQueue()
        self._writer = _Writer(path, self._writes, self._loop)
        self._readers = tuple(_Reader(path, self._reads, self._loop) for _ in range(READERS))
        self._closing: asyncio.Task[None] | None = None

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        """Read rows; every write acknowledged before this call is seen."""
        return (await self._ask(self._reads, (prepare(Statement(sql, args)),)))[0]

    async def execute(self, sql: str, *args: Value) -> Sequence[Row]:
        """Make one write, durable when this returns; gives the rows of RETURNING, or none."""
        return (await self._ask(self._writes, (prepare(Statement(sql, args)),)))[0]

    async def apply(self, *statements: Statement) -> Sequence[Sequence[Row]]:
        """Make all of these writes or none, durable when this returns; gives the rows of each."""
        if not statements:
            return ()
        return await self._ask(self._writes, tuple(map(prepare, statements)))

    async def scrub(self) -> None:
        """Rewrite the file and empty its journal, so that nothing deleted is left in either.

        Takes time and memory in proportion to the database (writes wait, reads go on): for after an erasure, not for
        each delete. Raises StorageUnavailable while another process keeps reading an old state.
        """
        await self._ask(self._writes, SCRUB)

    async def close(self) -> None:
        """Finish what was asked before, then let go of the file. Closing twice is fine."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._stop())
        await asyncio.shield(self._closing)

    async def _stop(self) -> None:
        self._reads.put(None)
        await asyncio.gather(*(reader.stopped for reader in self._readers))
        self._writes.put(None)  # the last connection to close takes the journal file with it
        await self._writer.stopped

    async def _ask(self, queue: Queue, steps: tuple[SqliteStep, ...]) -> Sequence[Sequence[Row]]:
        if self._closing is not None:
            raise StorageUnavailable("the database is closed", hint="The service is stopping; try again later.")
        job = Job(future=self._loop.create_future(), steps=steps)
        queue.put(job)
        return await job.future


class _Worker:
    """A thread with a connection of its own, which it opens again after a failure."""

    limit: int  # jobs taken at once
    set_up: tuple[str, ...] = SET_UP

    def __init__(self, path: Path, queue: Queue, loop: asyncio.AbstractEventLoop) -> None:
        self.stopped: asyncio.Future[None] = loop.create_future()
        self._path = path.absolute()
        self._queue = queue
        self._loop = loop
        self._connection: sqlite3.Connection | None = None
        threading.Thread(target=self._run, name=f"sqlite{type(self).__name__.lower()}", daemon=True).start()

    def work(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        """Do the jobs. An exception means that none of them is answered and the connection is not to be trusted."""
        raise NotImplementedError

    def _run(self) -> None:
        going = True
        while going:
            jobs, going = self._take()
            if jobs:
                self._serve(jobs)
            del jobs  # they hold values: do not keep them while waiting
        self._queue.put(None)  # for the next reader
        self._disconnect()
        self._tell(_finish, self.stopped)

    def _take(self) -> tuple[list[Job], bool]:
        """The jobs that wait now, at least one, and whether there will be more."""
        jobs: list[Job] = []
        while not jobs or (len(jobs) < self.limit and not self._queue.empty()):
            job = self._queue.get()
            if job is None:
                return jobs, False
            if not job.future.cancelled():
                jobs.append(job)
        return jobs, True

    def _serve(self, jobs: Sequence[Job]) -> None:
        try:
            if self._connection is None:
                self._connection = connect(self._path, self.set_up)
            self.work(self._connection, jobs)
        except BaseException as error:  # noqa: BLE001 - the callers must be answered and the thread must live on
            self._disconnect()
            for job in jobs:
                job.error = unavailable(error)
        self._tell(_answer, jobs)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()  # rolls an open transaction back

    def _tell(self, function: Callable[[_T], None], argument: _T) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, argument)


class _Writer(_Worker):
    limit = MAX_WRITE_BATCH

    def work(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        for together in _between_scrubs(jobs):
            if not together[0].steps:
                scrub(connection, together[0])
            else:
                commit(connection, together)


class _Reader(_Worker):
    limit = MAX_READ_BATCH
    set_up = (*SET_UP, "PRAGMA query_only = ON")

    def work(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        read(connection, jobs)
        if any(isinstance(job.error, StorageUnavailable) for job in jobs):
            self._disconnect()


def _between_scrubs(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    start = 0
    for place, job in enumerate(jobs):
        if not job.steps:
            if start < place:
                yield jobs[start:place]
            yield (job,)
            start = place + 1
    if start < len(jobs):
        yield jobs[start:]


def _answer(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():  # its caller was cancelled
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)


def _finish(stopped: asyncio.Future[None]) -> None:
    if not stopped.done():
        stopped.set_result(None)
