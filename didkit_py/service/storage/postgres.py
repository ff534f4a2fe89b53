"""The database seam on PostgreSQL: a bounded pool for writes, another for reads, each write a transaction of its own.

Transactions run at READ COMMITTED: a guard that must hold between two writers is a write, which waits for its neighbour
and then sees what it left. A write that lost against a neighbour (deadlock, serialization) is made again, and so is one
whose connection was cut before COMMIT was sent: in both cases nothing of it holds. When the connection is cut later,
nobody knows, and the caller gets StorageUnavailable.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Row, Statement, Value
from didkit_py.service.storage.migrations import migrate
from didkit_py.service.storage.postgres_address import Address, quoted
from didkit_py.service.storage.postgres_connection import PostgresSession, Results, SessionPurpose, connect
from didkit_py.service.storage.postgres_dialect import PostgresStep, Verdict, judge, prepare
from didkit_py.service.storage.postgres_pool import Pool

WRITERS: Final = 6
READERS: Final = 3
RETRY_SECONDS: Final = 20.0  # for how long work that lost against a neighbour is begun again
FIRST_PAUSE: Final = 0.01  # seconds; the longest one before the second try, doubled for each further one
LONGEST_PAUSE: Final = 0.5
MIGRATION_TIMEOUT: Final = "1min"  # to wait for another process that changes the schema
SCRUB_SECONDS: Final = 5.0  # to wait for those who see an old state, or may come to see it
UNLIMITED: Final = (("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0"))
TABLES: Final = (
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables"
    " WHERE schemaname = current_schema() ORDER BY tablename"
)
NEWEST: Final = "SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint & 4294967295) AS number"
# Who begins to read sees the state before the oldest write that is under way, in whatever database of the server; and
# a session of no database, such as the server's own, counts for each.
OLD_STATE_IS_SEEN: Final = (
    "SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295) < {number}"
    " OR EXISTS (SELECT FROM pg_replication_slots WHERE xmin::text::bigint < {number})"
    " OR EXISTS (SELECT FROM pg_stat_activity WHERE coalesce(datname, current_database()) = current_database()"
    " AND pid <> pg_backend_pid() AND backend_xmin::text::bigint < {number}) AS it_is"
)

Work = Callable[[PostgresSession, Sequence[PostgresStep]], Awaitable[Results]]


async def open_postgres(address: Address, *, migrations: Traversable | Path) -> "PostgresDatabase":
    """The tables of a service at this address, made when absent, with their schema up to date.

    Belongs to the running event loop. Processes that start together wait for each other. Raises StorageUnavailable when
    the server cannot be used, SchemaMismatch when the schema is not ours, CannotOpen for the file with the password.
    """
    name = quoted(address.schema)
    lock = int.from_bytes(hashlib.sha256(f"didkit-py {address.schema}".encode()).digest()[:8], signed=True)
    literal = "'" + address.schema.replace("'", "''") + "'"
    there = f"SELECT FROM pg_catalog.pg_namespace WHERE nspname = {literal}"
    alone = SessionPurpose(
        settings=(*UNLIMITED, ("lock_timeout", MIGRATION_TIMEOUT)),
        first=(
            f"SELECT pg_advisory_xact_lock({lock})",  # a session's own would be lost to a pooler
            # The table itself is read: what a session remembers of names may be older than the lock.
            f"DO $$ BEGIN IF NOT EXISTS ({there}) THEN CREATE SCHEMA {name}; END IF; END $$",
        ),
        answer_seconds=None,
    )
    migrating = PostgresDatabase(address, writing=alone, writers=1, readers=1)
    try:
        await migrate(migrating, migrations)
    finally:
        await migrating.close()
    return PostgresDatabase(address)


class PostgresDatabase:
    """One schema of one PostgreSQL database, opened by `open_postgres`."""

    def __init__(
        self, address: Address, *, writing: SessionPurpose | None = None, writers: int = WRITERS, readers: int = READERS
    ) -> None:
        """Connections are opened when the first work comes."""
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._writers = Pool(address, writing or SessionPurpose(), size=writers)
        self._readers = Pool(address, SessionPurpose(reads_only=True), size=readers)
        self._tasks: set[asyncio.Task[Results]] = set()
        self._closing: asyncio.Task[None] | None = None

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        """Read rows; every write acknowledged before this call is seen."""
        steps = (prepare(Statement(sql, args)),)
        return (await self._ask(lambda: _work(self._readers, PostgresSession.read, steps)))[0]

    async def execute(self, sql: str, *args: Value) -> Sequence[Row]:
        """Make one write, durable when this returns; gives the rows of RETURNING, or none."""
        steps = (prepare(Statement(sql, args)),)
        return (await self._ask(lambda: _work(self._writers, PostgresSession.write, steps)))[0]

    async def apply(self, *statements: Statement) -> Sequence[Sequence[Row]]:
        """Make all of these writes or none, durable when this returns; gives the rows of each."""
        steps = tuple(map(prepare, statements))
        return await self._ask(lambda: _work(self._writers, PostgresSession.write, steps)) if steps else ()

    async def scrub(self) -> None:
        """Write every table anew, without its deleted rows; each is locked for that time.

        The server's write-ahead log, its replicas and backups keep what they hold for as long as they are kept. Raises
        StorageUnavailable while an old state is read in this database, or a write that began before is under way.
        """
        await self._ask(self._scrub)

    async def close(self) -> None:
        """Finish what was asked before, then close the connections. Closing twice is fine."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._stop())
        await asyncio.shield(self._closing)

    async def _stop(self) -> None:
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self._readers.close()
        await self._writers.close()

    async def _ask(self, work: Callable[[], Coroutine[Any, Any, Results]]) -> Results:
        """Its outcome. The work goes on when its caller is cancelled, so that its connection stays in order."""
        if self._closing is not None:
            raise StorageUnavailable("the database is closed", hint="The service is stopping; try again later.")
        task = self._loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait((task,))
        return task.result()

    def _forget(self, task: asyncio.Task[Results]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone: that is no reason to complain

    async def _scrub(self) -> Results:
        session = await connect(self._address, SessionPurpose(settings=UNLIMITED, answer_seconds=None))
        try:
            await _wait_for_others(session)
            for row in await session.look(TABLES):
                await session.run_by_hand(f"VACUUM (FULL, ANALYZE) {row['name']}")
        except Exception as error:  # noqa: BLE001 - it becomes an error of the seam
            failure = judge(error).error
        else:
            return ()
        finally:
            await session.close()
        raise failure


async def _wait_for_others(session: PostgresSession) -> None:
    """VACUUM leaves a deleted row where it is while somebody may still see it."""
    number = (await session.run_by_hand(NEWEST))[0]["number"]
    try:
        async with asyncio.timeout(SCRUB_SECONDS):
            while (await session.run_by_hand(OLD_STATE_IS_SEEN.format(number=number)))[0]["it_is"]:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.05)
    except TimeoutError:
        hint = "Try again when no other session is at it."
        raise StorageUnavailable("an old state of the database is being read", hint=hint) from None


async def _work(pool: Pool, work: Work, steps: Sequence[PostgresStep]) -> Results:
    """Do it, and do it again while that is safe and may help, until the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RETRY_SECONDS
    longest = FIRST_PAUSE
    while True:
        session = await pool.take()
        try:
            results = await work(session, steps)
        except BaseException as error:
            if not isinstance(error, Exception):  # the event loop is being closed
                pool.drop(session)
                raise
            verdict = judge(error, reading=pool.purpose.reads_only)
        else:
            await pool.give(session)
            return results
        again = verdict.is_undone or (verdict.is_lost and not session.may_hold)
        await _put_back(pool, session, verdict)
        pause = random.uniform(0, longest)  # noqa: S311 - so that two that met do not meet again
        if not again or loop.time() + pause > deadline:
            raise verdict.error
        await asyncio.sleep(pause)
        longest = min(2 * longest, LONGEST_PAUSE)


async def _put_back(pool: Pool, session: PostgresSession, verdict: Verdict) -> None:
    if not verdict.is_lost and await session.roll_back():
        await pool.give(session)
    else:
        pool.drop(session)
