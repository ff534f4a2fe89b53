"""What PostgreSQL is told and what it answers, as the seam has it: its SQL, the values of its rows, its errors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import asyncpg

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import (
    BadStatement,
    ConstraintFailed,
    GuardFailed,
    Statement,
    StatementKind,
    Value,
    check_values,
    read_statement,
    verb,
)
from didkit_py.service.storage.postgres_settings import NOT_AS_ASKED

NOT_A_TYPE: Final = frozenset({"ADD", "AS", "COLUMN", "DROP", "RENAME", "SET", "TO"})  # what follows them is a name
DEFINES: Final = frozenset({"CREATE", "ALTER", "DROP"})


@dataclass(frozen=True, slots=True)
class PostgresStep:
    """A statement in PostgreSQL's dialect, its arguments checked."""

    sql: str
    args: tuple[Value, ...]
    rows: int | None
    defines: bool  # it changes the schema, and has no arguments


def prepare(statement: Statement) -> PostgresStep:
    """The statement as PostgreSQL takes it. Raises BadStatement, TypeError or ValueError: our own mistakes."""
    check_values(statement.args)
    sql, places, defines = in_our_dialect(statement.sql)
    if places != len(statement.args):
        raise BadStatement(f"the statement has {places} placeholders and {len(statement.args)} arguments")
    return PostgresStep(sql, statement.args, statement.rows, defines)


@lru_cache(maxsize=1024)
def in_our_dialect(sql: str) -> tuple[str, int, bool]:
    """The SQL as PostgreSQL wants it, its number of placeholders, and whether it changes the schema.

    Columns of text compare by code point, as they do in SQLite, whatever the server's language is.
    """
    found = read_statement(sql)
    defines = verb(sql) in DEFINES
    places = 0
    before = (StatementKind.OTHER, "")
    ours = []
    for kind, text in found:
        if kind is StatementKind.PLACEHOLDER:
            places += 1
            ours.append(f"${places}")
        elif defines and kind is StatementKind.WORD and text.upper() == "TEXT":
            # A type only after the name of a column.
            is_type = before[0] is StatementKind.QUOTED or (
                before[0] is StatementKind.WORD and before[1].upper() not in NOT_A_TYPE
            )
            ours.append('TEXT COLLATE "C"' if is_type else text)
        else:
            ours.append(text)
        if kind not in {StatementKind.SPACE, StatementKind.COMMENT}:
            before = (kind, text)
    return "".join(ours), places, defines


# Values of rows

Convert = Callable[[object], Value]


def _whole(value: object) -> Value:
    if value is None:
        return None
    if not isinstance(value, Decimal) or value != value.to_integral_value():
        raise BadStatement("a result is no whole number")
    return int(value)


CONVERTERS: Final[Mapping[str, Convert | None]] = MappingProxyType(
    {
        **dict.fromkeys(("text", "varchar", "name", "bytea", "int8", "int4", "int2")),
        "numeric": _whole,  # sum() of BIGINT
        "bool": lambda value: None if value is None else int(bool(value)),  # SQLite knows 1 and 0
    }
)


def converter(column: str, type_name: str) -> Convert | None:
    """What turns a result into a value of the seam; None where it is one. Raises BadStatement for other types."""
    try:
        return CONVERTERS[type_name]
    except KeyError:
        raise BadStatement(f"column {column} of the answer is {type_name}, which no other engine has") from None


# Errors

PLACE: Final = re.compile(r"invalid input for query argument \$(\d+)")
WRONG_TYPE: Final = frozenset({"42804", "22P02", "22003"})  # SQLite: "cannot store … in … column"
LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})  # the server has hung up
UNDONE: Final = frozenset({"40001", "40P01"})  # it lost against a neighbour, and nothing of it happened
READ_ONLY: Final = "25006"
OUR_MISTAKES: Final = frozenset({"07", "0A", "0L", "20", "21", "22", "25", "26", "2F", "34", "39", "3F", "42", "54"})
HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "28": "Check the user in database_url, database_password_file and the server's pg_hba.conf.",
        "3D": "Make the database that database_url names: createdb.",
        "42501": "Let the user of database_url make a schema, or name one of its own in database_schema.",
        "53": "The server has no room: look at its disk, its memory and max_connections.",
        "55P03": "Another process holds what this one needs; try again.",
        "57014": "The database took too long; try again.",
    }
)
CORRECT_SETTING: Final = "Correct it in the server's settings, or in those of its database or role."
AS_ASKED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "schema": "Look whether the schema of database_schema was dropped or renamed, and may be used by the user.",
        "server process": "A pooler changes sessions unnoticed: connect to the server itself, or through PgBouncer.",
        "database": "A pooler leads to another database than before: correct its configuration.",
        "user": "Something has changed the role of the session: look for SET ROLE in other programs at the pooler.",
        "in recovery": "The server is a standby: let database_url lead to the primary server.",
    }
)
CANNOT_CONNECT: Final = "Check that PostgreSQL runs at the address in database_url."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the caller of a failed call gets, and what its connection and a second try are good for."""

    error: Exception
    is_lost: bool = False  # nobody knows what the connection is in
    is_undone: bool = False  # nothing of it happened, and the same may work now


def judge(error: BaseException, *, reading: bool = False) -> Verdict:
    """What an error of a statement means. No message of ours holds a value, an address or a user."""
    if isinstance(error, (BadStatement, GuardFailed, StorageUnavailable)):
        return Verdict(error.with_traceback(None))  # the frames hold values
    if not isinstance(error, asyncpg.PostgresError):
        return Verdict(unavailable(error), is_lost=True)
    code = error.sqlstate or ""
    if type(error) is asyncpg.InvalidCachedStatementError:
        return Verdict(unavailable(error), is_lost=True, is_undone=True)
    if code in LOST or code.startswith("08") or code == NOT_AS_ASKED:
        return Verdict(unavailable(error), is_lost=True)
    if code == READ_ONLY and reading:
        return Verdict(BadStatement("fetch only reads"))
    return Verdict(_of_statement(error, code), is_undone=code in UNDONE)


def _of_statement(error: asyncpg.PostgresError, code: str) -> Exception:
    if type(error) is asyncpg.DataError or code in WRONG_TYPE:
        place = PLACE.match(str(error))
        return TypeError(f"{f'argument {place[1]}' if place else 'a value'} is of another type than its column")
    if code.startswith("23"):
        rule = error.constraint_name or error.column_name
        return ConstraintFailed(f"{type(error).__name__}: {error.table_name}, {rule}")
    if code in HINTS or code == READ_ONLY or code[:2] not in OUR_MISTAKES:
        return unavailable(error)
    return BadStatement(type(error).__name__ if code.startswith("22") else str(error.args[0]))  # 22: it names values


def unavailable(error: BaseException) -> StorageUnavailable:
    """A fresh error that says no more than the kind of the failure."""
    if isinstance(error, StorageUnavailable):
        return StorageUnavailable(str(error), hint=error.advice)
    code = getattr(error, "sqlstate", None) or ""
    if code == NOT_AS_ASKED:  # its text is of our own making, and tells settings
        hint = AS_ASKED.get(getattr(error, "detail", None) or "", CORRECT_SETTING)
        return StorageUnavailable(str(error.args[0]), hint=hint)
    hint = HINTS.get(code) or HINTS.get(code[:2]) or ("" if code else CANNOT_CONNECT)
    return StorageUnavailable(f"the database failed: {type(error).__name__}", hint=hint)
