"""What happens on one PostgreSQL connection: its set-up, its statements, one transaction at a time."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage import postgres_settings
from didkit_py.service.storage.database import BadStatement, GuardFailed, Row
from didkit_py.service.storage.postgres_address import Address, encryption, password_of
from didkit_py.service.storage.postgres_dialect import Convert, PostgresStep, converter, unavailable
from didkit_py.service.storage.postgres_settings import (
    BEGIN,
    DURABLE,
    Fact,
    check,
    facts_of,
    open_transaction,
    schema_fact,
    search_path,
    set_up,
)

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.Connection[Record]"
Results: TypeAlias = tuple[tuple[Row, ...], ...]

FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
OLDEST_SERVER: Final = 14
CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 15.0  # when the network swallows everything; longer than STATEMENT_SECONDS
CLOSE_SECONDS: Final = 2.0
CHECK_SECONDS: Final = 5.0  # no lock is waited for
DOUBTED_AFTER_SECONDS: Final = 30.0  # a firewall may have forgotten a connection that was idle for as long
BACKEND: Final = "SELECT pg_backend_pid(), current_database()::text, current_user::text"
STATEMENT_POOLING: Final = "statement pooling mode"  # PgBouncer's words; it hangs up with no code of its own
POOL_MODE: Final = "Set pool_mode of PgBouncer to session or transaction for this database."


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPurpose:
    """What a connection is for; `settings` are the server's, `first` is done at the beginning of each transaction."""

    settings: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()
    answer_seconds: float | None = ANSWER_SECONDS
    reads_only: bool = False
    schema_may_be_absent: bool = False  # for who only looks


async def connect(address: Address, purpose: SessionPurpose, *, statements: int = 0) -> "PostgresSession":
    """A connection that keeps what it acknowledges, in the schema of this address. Raises StorageUnavailable.

    `statements` is how many named ones the driver may keep in the server: none where a pooler may put sessions in each
    other's place.
    """
    failure: StorageUnavailable
    try:
        connection = await asyncpg.connect(
            address.url,
            password=password_of(address),
            ssl=encryption(address.url),
            timeout=CONNECT_SECONDS,
            command_timeout=purpose.answer_seconds,
            statement_cache_size=statements,
            target_session_attrs=SessionAttribute.primary,
            server_settings={"application_name": "didkit-py"},  # a pooler drops or refuses most others
        )
    except (*FAILURES, ValueError) as error:
        failure = unavailable(error)
    else:
        try:
            return await _set_up(connection, address, purpose)
        except (*FAILURES, StorageUnavailable) as error:
            failure = unavailable(error)
            await PostgresSession(connection).close()
        except BaseException:
            PostgresSession(connection).discard()
            raise
    raise failure  # outside of `except`: the driver's own error may name users and values


async def _set_up(connection: Connection, address: Address, purpose: SessionPurpose) -> "PostgresSession":
    version = connection.get_server_version().major
    if version < OLDEST_SERVER:
        raise StorageUnavailable(f"PostgreSQL is {version}, needed is {OLDEST_SERVER}", hint="Install a newer server.")
    backend, database, user = await connection.fetchrow(BACKEND) or (0, "", "")
    settings = {**postgres_settings.SET_UP, **dict(purpose.settings), "search_path": search_path(address.schema)}
    facts = (
        schema_fact(address.schema, may_be_absent=purpose.schema_may_be_absent),
        *DURABLE,
        Fact(name="database", found="current_database()::text", needed=(database,)),
        Fact(name="user", found="current_user::text", needed=(user,)),
    )
    is_direct = backend == connection.get_server_pid()  # a pooler makes up the number that it tells its client
    if purpose.first or not is_direct:
        opening = open_transaction(settings, facts, reads_only=purpose.reads_only, first=purpose.first)
        session = PostgresSession(connection, opening=opening, is_direct=is_direct)
        await session.begin()
        await session.roll_back()
        return session
    if purpose.reads_only:
        settings["default_transaction_read_only"] = "on"
    same = Fact(name="server process", found="pg_backend_pid()::text", needed=(str(backend),))
    checking = check((same, *facts, *facts_of(settings)))
    await connection.execute(f"{set_up(settings)}; {checking}")
    return PostgresSession(connection, checking=checking, is_direct=True)


@dataclass(frozen=True, slots=True)
class Columns:
    """What a statement answers with."""

    converts: tuple[tuple[str, Convert], ...]  # columns whose values the seam has in another form
    answers: bool  # with rows

    def rows(self, records: Sequence[Record]) -> tuple[Row, ...]:
        """The rows of an answer."""
        rows = [dict(record) for record in records]
        for name, convert in self.converts:
            for row in rows:
                row[name] = convert(row[name])
        return tuple(map(MappingProxyType, rows))


class PostgresSession:
    """One connection; one task uses it at a time."""

    def __init__(
        self, connection: Connection, *, checking: str = "", opening: str = "", is_direct: bool = False
    ) -> None:
        """`checking` is for each taking, `opening` for each transaction; one of them is empty.

        `is_direct`: no pooler stands between. `columns` is what is known of statements, which sessions may share.
        `may_hold` says whether the work under way may have been committed without our hearing of it.
        """
        self._connection = connection
        self._checking = checking
        self._opening = opening
        self.is_direct = is_direct
        self.columns: dict[str, Columns] = {}
        self.used_at = 0.0  # by the event loop's clock, when it was given back last
        self.may_hold = False

    @property
    def is_closed(self) -> bool:
        """Whether either side has hung up."""
        return self._connection.is_closed()

    async def is_fit(self) -> bool:
        """Whether the server answers and the session still has what it was asked for; one round trip at most."""
        idle = asyncio.get_running_loop().time() - self.used_at
        if self._opening and idle < DOUBTED_AFTER_SECONDS:
            return True  # its next transaction begins with the check
        try:
            await self._connection.execute(self._checking or "SELECT 1", timeout=CHECK_SECONDS)
        except FAILURES:
            return False
        return True

    async def begin(self) -> None:
        """Begin a transaction, whose first part checks the session where that may change. Raises StorageUnavailable."""
        try:
            await self._connection.execute(self._opening or BEGIN)
        except asyncpg.PostgresError as error:
            if STATEMENT_POOLING not in str(error):
                raise
            failure = StorageUnavailable("the pooler before the database parts transactions", hint=POOL_MODE)
        else:
            return
        raise failure

    async def commit(self) -> None:
        """End it. Raises StorageUnavailable when the server undid it."""
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise StorageUnavailable("the database rolled the transaction back")

    async def read(self, steps: Sequence[PostgresStep]) -> Results:
        """The rows of each; the connection itself refuses writes."""
        self.may_hold = False
        if not self._opening:
            return tuple([await self._run(step, place) for place, step in enumerate(steps)])
        await self.begin()
        results = tuple([await self._run(step, place) for place, step in enumerate(steps)])
        await self.commit()
        return results

    async def write(self, steps: Sequence[PostgresStep]) -> Results:
        """Make all of these writes or none, durable when this returns."""
        self.may_hold = False
        alone = not self._opening and len(steps) == 1 and steps[0].rows is None
        # Nothing can fail on our side once the server has done it.
        if alone and (steps[0].defines or not (await self._columns_of(steps[0].sql)).converts):
            self.may_hold = True
            return (await self._run(steps[0], 0),)  # a transaction by itself
        await self.begin()
        results = tuple([await self._run(step, place) for place, step in enumerate(steps)])
        self.may_hold = True
        await self.commit()
        return results

    async def roll_back(self) -> bool:
        """Undo what a failed write left open; whether the connection can be used again."""
        try:
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")
        except FAILURES:
            return False
        return not self.is_closed

    async def _run(self, step: PostgresStep, place: int) -> tuple[Row, ...]:
        if step.defines:
            return await self._define(step, place)
        columns = await self._columns_of(step.sql)
        rows: tuple[Row, ...] = ()
        if columns.answers:
            rows = columns.rows(await self._connection.fetch(step.sql, *step.args))
            count = len(rows)
        else:
            last = (await self._connection.execute(step.sql, *step.args)).rpartition(" ")[2]
            count = int(last) if last.isdigit() else -1
        if step.rows is not None and count != step.rows:
            raise GuardFailed(place)
        return rows

    async def _define(self, step: PostgresStep, place: int) -> tuple[Row, ...]:
        if step.args:
            raise BadStatement("a statement that changes the schema has no arguments")
        await self._connection.execute(step.sql)
        if step.rows is not None:
            raise GuardFailed(place)  # it counts no rows
        return ()

    async def _columns_of(self, sql: str) -> Columns:
        """From the server, once for each text: the driver's own statements do not tell what they answer with."""
        if sql not in self.columns:
            found = (await self._connection.prepare(sql)).get_attributes()
            if len({column.name for column in found}) != len(found):
                raise BadStatement("two columns of the answer have the same name")
            converters = ((column.name, converter(column.name, column.type.name)) for column in found)
            converts = tuple((name, convert) for name, convert in converters if convert is not None)
            self.columns[sql] = Columns(converts, bool(found))
        return self.columns[sql]

    async def run_by_hand(self, sql: str) -> Sequence[Record]:
        """What the seam has no words for, such as VACUUM; behind a pooler the session has none of our settings."""
        return await self._connection.fetch(sql)

    async def look(self, sql: str) -> Sequence[Record]:
        """Rows with values of every type, read in our schema."""
        await self.begin()
        records = await self._connection.fetch(sql)
        await self.commit()
        return records

    async def close(self) -> None:
        """Take leave of the server, or hang up when it does not answer."""
        try:
            await self._connection.close(timeout=CLOSE_SECONDS)
        except FAILURES:
            self.discard()

    def discard(self) -> None:
        """Hang up."""
        with contextlib.suppress(asyncpg.InterfaceError, OSError):
            self._connection.terminate()
