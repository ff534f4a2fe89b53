"""What happens on one SQLite connection: its set-up, its dialect, one transaction for many callers, its errors."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from didkit_py.errors import StorageUnavailable
from didkit_py.service.setup.atomic_files import sync_folder
from didkit_py.service.storage.database import (
    BadStatement,
    ConstraintFailed,
    GuardFailed,
    Row,
    Statement,
    StatementKind,
    Value,
    check_values,
    creates_table,
    read_statement,
)

OLDEST_SQLITE = (3, 37, 0)  # RETURNING came with 3.35, STRICT tables with 3.37
BUSY_SECONDS = 5.0  # how long to wait for another process that writes
SET_UP = (
    "PRAGMA journal_mode = WAL",  # first: its answer is checked
    "PRAGMA synchronous = FULL",  # an acknowledged write survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten with zeros
    "PRAGMA temp_store = MEMORY",  # values never reach a temporary file
    "PRAGMA trusted_schema = OFF",
)
STRICT_TYPES = {"BYTEA": "BLOB", "BIGINT": "INT"}  # a column declared BYTEA would turn the text 007 into the number 7
CONSTRAINT_DATATYPE = 3091  # SQLITE_CONSTRAINT_DATATYPE: a value does not fit the column of a STRICT table
HINTS = {
    "SQLITE_READONLY": "Let the user that runs this write database.sqlite3, its journal and the folder they are in.",
    "SQLITE_CANTOPEN": "Let the user that runs this write database.sqlite3, its journal and the folder they are in.",
    "SQLITE_PERM": "Let the user that runs this write database.sqlite3, its journal and the folder they are in.",
    "SQLITE_FULL": "Make room on the disk.",
    "SQLITE_BUSY": "Another process is writing; try again.",
}
OUR_MISTAKES = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG},
)


@dataclass(frozen=True, slots=True)
class SqliteStep:
    """A statement in SQLite's dialect, its arguments checked."""

    sql: str
    args: tuple[Value, ...]
    rows: int | None


@dataclass(slots=True, eq=False)
class Job:
    """What one caller waits for. The thread fills in `result` or `error`; the event loop hands it over."""

    future: asyncio.Future[Sequence[Sequence[Row]]]
    steps: tuple[SqliteStep, ...]
    result: Sequence[Sequence[Row]] = ()
    error: Exception | None = None


def check_version(version: tuple[int, ...]) -> None:
    """Raise StorageUnavailable when SQLite is too old for the SQL that we speak."""
    if version < OLDEST_SQLITE:
        have, need = (".".join(map(str, numbers)) for numbers in (version, OLDEST_SQLITE))
        raise StorageUnavailable(
            f"SQLite is {have}, needed is {need}", hint=f"Use a Python that comes with SQLite {need} or newer."
        )


def create_private(path: Path) -> None:
    """Make the file, readable by its owner alone (SQLite gives its journal the same mode), and its name durable."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        sync_folder(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}", hint=HINTS["SQLITE_CANTOPEN"]) from None


def connect(path: Path, set_up: Sequence[str]) -> sqlite3.Connection:
    """A connection to a file that exists: one that vanished is a failure, not a new empty database."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        cached_statements=512,
    )
    try:
        _set_up(connection, set_up)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    (mode,) = connection.execute(pragmas[0]).fetchone()
    if mode != "wal":
        raise StorageUnavailable("the file system cannot hold a WAL journal", hint="Put the database on a local disk.")
    for pragma in pragmas[1:]:
        connection.execute(pragma).fetchall()


def prepare(statement: Statement) -> SqliteStep:
    """The statement as SQLite takes it. Raises BadStatement, TypeError or ValueError: our own mistakes."""
    check_values(statement.args)
    sql, places = _in_our_dialect(statement.sql)
    if places != len(statement.args):
        raise BadStatement(f"the statement has {places} placeholders and {len(statement.args)} arguments")
    return SqliteStep(sql, statement.args, statement.rows)


@lru_cache(maxsize=1024)
def _in_our_dialect(sql: str) -> tuple[str, int]:
    """The SQL as SQLite wants it, and its number of placeholders.

    Tables become STRICT ones: text stays text, bytes stay bytes, and what does not fit a column is refused.
    """
    found = read_statement(sql)
    ours = "".join(STRICT_TYPES.get(text.upper(), text) if kind is StatementKind.WORD else text for kind, text in found)
    if creates_table(sql):
        ours += "\nSTRICT"
    return ours, sum(kind is StatementKind.PLACEHOLDER for kind, _ in found)


def commit(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    """One transaction for all jobs. An exception means that the disk failed, and nobody's write is acknowledged."""
    connection.execute("BEGIN IMMEDIATE")
    for job in jobs:
        connection.execute("SAVEPOINT caller")
        try:
            job.result = tuple(_run(connection, step, place) for place, step in enumerate(job.steps))
        except (sqlite3.Error, GuardFailed, ValueError) as error:
            job.error = _judge(error)
            if isinstance(job.error, StorageUnavailable):
                raise
            connection.execute("ROLLBACK TO caller")
        connection.execute("RELEASE caller")
    connection.execute("COMMIT")


def read(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    """Answer each job by itself."""
    for job in jobs:
        try:
            job.result = (_run(connection, job.steps[0], 0),)
        except (sqlite3.Error, ValueError) as error:
            job.error = _judge(error)
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY:
                job.error = BadStatement("fetch only reads")


def scrub(connection: sqlite3.Connection, job: Job) -> None:
    """Write the file anew and empty the journal.

    Deleting with secure_delete is not enough: SQLite leaves copies of cells behind when it rearranges a page.
    """
    try:
        connection.execute("VACUUM")
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        job.error = unavailable(error)
        return
    if busy:
        job.error = StorageUnavailable("the journal is being read", hint="Try again when no other process reads.")


def _run(connection: sqlite3.Connection, step: SqliteStep, place: int) -> tuple[Row, ...]:
    cursor = connection.execute(step.sql, step.args)
    rows: tuple[Row, ...] = ()
    count = cursor.rowcount
    if cursor.description is not None:
        names = [column[0] for column in cursor.description]
        if len(set(names)) != len(names):
            raise BadStatement("two columns of the answer have the same name")
        rows = tuple(MappingProxyType(dict(zip(names, row, strict=True))) for row in cursor)
        count = len(rows)
    if step.rows is not None and count != step.rows:
        raise GuardFailed(place)
    return rows


def _judge(error: Exception) -> Exception:
    """What the caller gets for an error of its own statement. SQLite's messages name columns, never values."""
    if not isinstance(error, sqlite3.Error):
        return error.with_traceback(None)  # the frames hold values
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code == CONSTRAINT_DATATYPE:
        return TypeError(str(error))
    if code & 0xFF == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintFailed(str(error))
    if code & 0xFF in OUR_MISTAKES:
        return BadStatement(str(error))
    return unavailable(error)


def unavailable(error: BaseException) -> StorageUnavailable:
    """A fresh error for one of the callers that the failure concerns."""
    if isinstance(error, StorageUnavailable):
        return StorageUnavailable(str(error), hint=error.advice)
    reason = getattr(error, "sqlite_errorname", type(error).__name__)
    hint = next((hint for name, hint in HINTS.items() if reason.startswith(name)), "")
    return StorageUnavailable(f"the database failed: {reason}", hint=hint)
