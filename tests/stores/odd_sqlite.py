"""As much of `sqlite3` as the engine uses, over apsw: only apsw lets a file system of ours stand under SQLite."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

CHANGING: Final = ("INSERT", "UPDATE", "DELETE")


def connect(
    address: str, *, vfs: str, uri: bool, timeout: float, isolation_level: None, cached_statements: int
) -> "Connection":
    """A connection as `sqlite3.connect` gives it, on the file system `vfs`."""
    assert uri
    assert isolation_level is None
    with told_as_sqlite3():
        inner = apsw.Connection(
            address,
            flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI,
            vfs=vfs,
            statementcachesize=cached_statements,
        )
        inner.set_busy_timeout(int(timeout * 1000))
    return Connection(inner)


class Connection:
    """Runs statements."""

    def __init__(self, inner: apsw.Connection) -> None:
        self._inner = inner

    def execute(self, sql: str, args: Sequence[Any] = ()) -> "Cursor":
        return Cursor(self._inner, sql, args)

    def close(self) -> None:
        with told_as_sqlite3():
            self._inner.close()


class Cursor:
    """One statement that ran, with its rows."""

    def __init__(self, inner: apsw.Connection, sql: str, args: Sequence[Any]) -> None:
        self.description: Sequence[Sequence[Any]] | None = None
        with told_as_sqlite3():
            cursor = inner.cursor()
            cursor.exec_trace = self._keep_description
            self._rows = iter(cursor.execute(sql, args).fetchall())
        self.rowcount = inner.changes() if sql.lstrip().upper().startswith(CHANGING) else -1

    def _keep_description(self, cursor: apsw.Cursor, _sql: str, _args: object) -> bool:
        self.description = cursor.get_description() or None
        return True

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


@contextmanager
def told_as_sqlite3() -> Iterator[None]:
    """Turn an error of apsw into the one that `sqlite3` would raise."""
    try:
        yield
    except apsw.Error as error:
        code: int = vars(error)["extendedresult"]
        told = (sqlite3.IntegrityError if code & 0xFF == sqlite3.SQLITE_CONSTRAINT else sqlite3.OperationalError)(error)
        told.sqlite_errorcode = code
        told.sqlite_errorname = str(apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes[code])
        raise told from None
