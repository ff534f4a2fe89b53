"""What happens on one PostgreSQL connection: its set-up, its prepared statements, one transaction at a time."""

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.prepared_stmt import PreparedStatement

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
MAX_PREPARED: Final = 256
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


async def connect(address: Address, purpose: SessionPurpose) -> "PostgresSession":
    """A connection that keeps what it acknowledges, in the schema of this address. Raises StorageUnavailable."""
    failure: StorageUnavailable
    try:
        connection = await asyncpg.connect(
            address.url,
            password=password_of(address),
            ssl=encryption(address.url),
            timeout=CONNECT_SECONDS,
            command_timeout=purpose.answer_seconds,
            statement_cache_size=0,  # no statement has a name, so that a pooler may put sessions in each other's place
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
    if backend != connection.get_server_pid() or purpose.first:  # a pooler makes up the number that it tells its client
        opening = open_transaction(settings, facts, reads_only=purpose.reads_only, first=purpose.first)
        session = PostgresSession(connection, opening=opening)
        await session.begin()
        await session.roll_back()
        return session
    if purpose.reads_only:
        settings["default_transaction_read_only"] = "on"
    same = Fact(name="server process", found="pg_backend_pid()::text", needed=(str(backend),))
    checking = check((same, *facts, *facts_of(settings)))
    await connection.execute(f"{set_up(settings)}; {checking}")
    return PostgresSession(connection, checking=checking)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that one connection knows."""

    statement: "PreparedStatement[Record]"
    converts: tuple[tuple[str, Convert], ...]  # columns whose values the seam has in another form
    answers: bool  # with rows

    def rows(self, records: Sequence[Record]) -> tuple[Row, ...]:
        """The rows of an answer."""
        rows = [dict(record) for record in records]
        for name, convert in self.converts:
            for row in rows:
                row[name] = convert(row[name])
        return tuple(map(MappingProxyType, rows))

    def count(self, rows: Sequence[Row]) -> int:
        """How many rows the statement touched."""
        if self.answers:
            return len(rows)
        last = (self.statement.get_statusmsg() or "").rpartition(" ")[2]
        return int(last) if last.isdigit() else -1


class PostgresSession:
    """One connection; one task uses it at a time."""

    def __init__(self, connection: Connection, *, checking: str = "", opening: str = "") -> None:
        """`checking` is for each taking, `opening` for each transaction; one of them is empty.

        `may_hold` says whether the work under way may have been committed without our hearing of it.
        """
        self._connection = connection
        self._checking = checking
        self._opening = opening
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()
        self.used_at = 0.0
        self.may_hold = False

    @property
    def is_closed(self) -> bool:
        """Whether either side has hung up."""
        return self._connection.is_closed()

    async def is_fit(self, seconds: float, *, doubted: bool) -> bool:
        """Whether the server answers and the session still has what it was asked for; one round trip at most."""
        if self._opening and not doubted:
            return True  # its next transaction begins with the check
        try:
            await self._connection.execute(self._checking or "SELECT 1", timeout=seconds)
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
        if alone and (steps[0].defines or not (await self._prepare(steps[0].sql)).converts):
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
        prepared = await self._prepare(step.sql)
        rows = prepared.rows(await prepared.statement.fetch(*step.args))
        if step.rows is not None and prepared.count(rows) != step.rows:
            raise GuardFailed(place)
        return rows

    async def _define(self, step: PostgresStep, place: int) -> tuple[Row, ...]:
        if step.args:
            raise BadStatement("a statement that changes the schema has no arguments")
        await self._connection.execute(step.sql)
        if step.rows is not None:
            raise GuardFailed(place)  # it counts no rows
        return ()

    async def _prepare(self, sql: str) -> Prepared:
        try:
            self._prepared.move_to_end(sql)
            return self._prepared[sql]
        except KeyError:
            pass
        statement = await self._connection.prepare(sql)
        columns = statement.get_attributes()
        if len({column.name for column in columns}) != len(columns):
            raise BadStatement("two columns of the answer have the same name")
        found = ((column.name, converter(column.name, column.type.name)) for column in columns)
        converts = tuple((name, convert) for name, convert in found if convert is not None)
        prepared = self._prepared[sql] = Prepared(statement, converts, bool(columns))
        if len(self._prepared) > MAX_PREPARED:
            self._prepared.popitem(last=False)
        return prepared

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
        self._prepared.clear()
        try:
            await self._connection.close(timeout=CLOSE_SECONDS)
        except FAILURES:
            self.discard()

    def discard(self) -> None:
        """Hang up."""
        self._prepared.clear()
        with contextlib.suppress(asyncpg.InterfaceError, OSError):
            self._connection.terminate()
