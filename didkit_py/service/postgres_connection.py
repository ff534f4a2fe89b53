"""What happens on one PostgreSQL connection: its set-up, its prepared statements, one transaction at a time."""

import contextlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.prepared_stmt import PreparedStatement

from didkit_py.errors import StorageUnavailable
from didkit_py.service.database import BadStatement, GuardFailed, Row
from didkit_py.service.postgres_address import Address, encryption, password_of, quoted
from didkit_py.service.postgres_dialect import Convert, Step, converter, unavailable

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.Connection[Record]"
Results: TypeAlias = tuple[tuple[Row, ...], ...]

FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
OLDEST_SERVER: Final = 14
CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 10
LOCK_SECONDS: Final = 5  # for another transaction that holds a row
ANSWER_SECONDS: Final = 15.0  # when the network swallows everything; longer than STATEMENT_SECONDS
CLOSE_SECONDS: Final = 2.0
MAX_PREPARED: Final = 256
SET_UP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application_name": "didkit-py",
        "client_min_messages": "error",
        "default_transaction_isolation": "read committed",
        "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",  # a process that hangs holds no rows for long
        "lock_timeout": f"{LOCK_SECONDS}s",
        "standard_conforming_strings": "on",  # a backslash in quotes is a backslash, as in SQLite
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "tcp_keepalives_idle": "30",
    }
)
DURABLE: Final = (
    "SELECT current_setting('synchronous_commit') AS commits, current_setting('fsync') AS syncs,"
    " current_setting('server_encoding') AS encoding"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a connection is for; `settings` are the server's, `first` is said before anything else."""

    settings: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()
    answer_seconds: float | None = ANSWER_SECONDS
    reads_only: bool = False


async def connect(address: Address, purpose: Purpose) -> "Session":
    """A connection that keeps what it acknowledges. Raises StorageUnavailable."""
    settings = {**SET_UP, **dict(purpose.settings), "search_path": quoted(address.schema)}
    if purpose.reads_only:
        settings["default_transaction_read_only"] = "on"
    failure: StorageUnavailable
    try:
        connection = await asyncpg.connect(
            address.url,
            password=password_of(address),
            ssl=encryption(address.url),
            timeout=CONNECT_SECONDS,
            command_timeout=purpose.answer_seconds,
            statement_cache_size=0,  # a session keeps its own
            target_session_attrs=SessionAttribute.primary,
            server_settings=settings,
        )
    except (*FAILURES, ValueError) as error:
        failure = unavailable(error)
    else:
        session = Session(connection)
        try:
            await _set_up(connection, purpose)
        except (*FAILURES, StorageUnavailable) as error:
            failure = unavailable(error)
            await session.close()
        except BaseException:
            session.discard()
            raise
        else:
            return session
    raise failure  # outside of `except`: the driver's own error may name users and values


async def _set_up(connection: Connection, purpose: Purpose) -> None:
    version = connection.get_server_version().major
    if version < OLDEST_SERVER:
        raise StorageUnavailable(f"PostgreSQL is {version}, needed is {OLDEST_SERVER}", hint="Install a newer server.")
    row = await connection.fetchrow(DURABLE)
    check_durable({} if row is None else dict(row))
    for sql in purpose.first:
        await connection.execute(sql)


def check_durable(settings: Mapping[str, Any]) -> None:
    """Raise StorageUnavailable unless what the server acknowledges survives a power cut and it takes every text."""
    for name, value, allowed in (
        ("synchronous_commit", settings.get("commits"), ("on", "remote_apply")),
        ("fsync", settings.get("syncs"), ("on",)),
        ("server_encoding", settings.get("encoding"), ("UTF8",)),
    ):
        if value not in allowed:
            raise StorageUnavailable(
                f"the database has {name} = {value}, needed is {allowed[0]}",
                hint="Correct it in the server's settings, or in those of its database or role.",
            )


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


class Session:
    """One connection; one task uses it at a time."""

    def __init__(self, connection: Connection) -> None:
        """`may_hold` says whether the work under way may have been committed without our hearing of it."""
        self._connection = connection
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()
        self.used_at = 0.0
        self.may_hold = False

    @property
    def is_closed(self) -> bool:
        """Whether either side has hung up."""
        return self._connection.is_closed()

    async def answers(self, seconds: float) -> bool:
        """Whether the server still answers."""
        try:
            await self._connection.execute("SELECT 1", timeout=seconds)
        except FAILURES:
            return False
        return True

    async def read(self, steps: Sequence[Step]) -> Results:
        """The rows of each; the connection itself refuses writes."""
        self.may_hold = False
        return tuple([await self._run(step, place) for place, step in enumerate(steps)])

    async def write(self, steps: Sequence[Step]) -> Results:
        """Make all of these writes or none, durable when this returns."""
        self.may_hold = False
        if len(steps) == 1 and steps[0].rows is None and await self._is_whole(steps[0]):
            self.may_hold = True
            return (await self._run(steps[0], 0),)  # a transaction by itself
        await self._connection.execute("BEGIN")
        results = tuple([await self._run(step, place) for place, step in enumerate(steps)])
        self.may_hold = True
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise StorageUnavailable("the database rolled the transaction back")
        return results

    async def roll_back(self) -> bool:
        """Undo what a failed write left open; whether the connection can be used again."""
        try:
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")
        except FAILURES:
            return False
        return not self.is_closed

    async def _is_whole(self, step: Step) -> bool:
        """Whether nothing can fail on our side once the server has done it."""
        return step.defines or not (await self._prepare(step.sql)).converts

    async def _run(self, step: Step, place: int) -> tuple[Row, ...]:
        if step.defines:
            return await self._define(step, place)
        prepared = await self._prepare(step.sql)
        rows = prepared.rows(await prepared.statement.fetch(*step.args))
        if step.rows is not None and prepared.count(rows) != step.rows:
            raise GuardFailed(place)
        return rows

    async def _define(self, step: Step, place: int) -> tuple[Row, ...]:
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
        """What the seam has no words for, such as VACUUM."""
        return await self._connection.fetch(sql)

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
