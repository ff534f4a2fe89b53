"""The one seam between the services and their database: three calls, the same SQL for every engine.

SQL here is what SQLite and PostgreSQL both understand: `?` placeholders, TEXT, BIGINT and BYTEA, ON CONFLICT and
RETURNING; `read_statement` refuses what would mean another thing to one of them. The engines live in their own files;
this one holds the protocol, its values and errors, and the reading of SQL that all engines need. Messages never contain
a bound value.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

Value = str | int | bytes | None
Row = Mapping[str, Value]

MAX_INTEGER = 2**63 - 1  # BIGINT of both engines
PLAIN_TYPES = frozenset({str, int, bytes, type(None)})
QUOTE_PREFIXES = frozenset("BENX")  # X'00' is bytes in one engine and bits in the other; E'\\'' ends elsewhere
VERBS = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an `apply`, with the number of rows it must touch, if that matters.

    A guard that must hold between two writers is a write (`UPDATE … WHERE … RETURNING`): a SELECT with `rows` takes no
    lock on PostgreSQL, so another process may change what it saw before the commit.
    """

    sql: str
    args: tuple[Value, ...] = ()
    rows: int | None = None  # None: any number


class GuardFailed(Exception):  # noqa: N818 - a store turns it into an error of its own, such as Replayed
    """A statement did not touch the number of rows it had to; nothing of its `apply` happened."""

    def __init__(self, index: int) -> None:
        """`index` is the place of the statement in its `apply`."""
        super().__init__(f"statement {index} did not touch the number of rows that it must")
        self.index = index


class ConstraintFailed(Exception):  # noqa: N818 - likewise
    """A UNIQUE, NOT NULL, CHECK or foreign key constraint does not hold; nothing of the call happened."""


class BadStatement(ValueError):  # noqa: N818 - likewise
    """Our own SQL is wrong: unknown table or column, bad syntax, wrong number of arguments. A defect, not an event."""


class Database(Protocol):
    """What a store may ask of a database. Every call raises StorageUnavailable when the engine cannot do it now.

    After StorageUnavailable from a write, its effect is unknown: it may come to hold after a crash. So writes are made
    to be repeated. Cancelling a caller does not stop a write that has begun.
    """

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        """Read rows; every write acknowledged before this call is seen."""
        ...

    async def execute(self, sql: str, *args: Value) -> Sequence[Row]:
        """Make one write, durable when this returns; gives the rows of RETURNING, or none."""
        ...

    async def apply(self, *statements: Statement) -> Sequence[Sequence[Row]]:
        """Make all of these writes or none, durable when this returns; gives the rows of each.

        Raises GuardFailed or ConstraintFailed when none was made.
        """
        ...

    async def scrub(self) -> None:
        """Rewrite what is stored, so that nothing deleted is left in the database's own files.

        Takes time in proportion to the database: for after an erasure, not for each delete. Raises StorageUnavailable
        while somebody keeps reading an old state.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked before, then let go of the database."""
        ...


class StatementKind(StrEnum):
    """What a piece of SQL text is."""

    QUOTED = "quoted"  # text or a quoted name
    COMMENT = "comment"
    SPACE = "space"
    WORD = "word"
    PLACEHOLDER = "placeholder"
    END = "end"  # the semicolon
    OTHER = "other"


_PIECE = re.compile(
    r"(?P<quoted>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<space>\s+)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<placeholder>\?)"
    r"|(?P<end>;)"
    r"|(?P<other>\d\w*|.)",
    re.DOTALL,
)


def pieces(sql: str) -> Iterator[tuple[StatementKind, str]]:
    """Cut SQL into pieces that give the text back when joined.

    So no engine looks for `?` inside quotes or comments. Raises BadStatement for a quote that is not closed.
    """
    for found in _PIECE.finditer(sql):
        kind = StatementKind(found.lastgroup or "")
        text = found.group()
        if kind is StatementKind.OTHER and text in {"'", '"'}:
            raise BadStatement("a quote is not closed")
        yield kind, text


def read_statement(sql: str) -> tuple[tuple[StatementKind, str], ...]:
    """The pieces of one statement that means the same to every engine. Raises BadStatement for any other."""
    found = tuple(pieces(sql))
    for problem, holds in (
        ("one statement at a time, without its semicolon", _has(found, StatementKind.END, ";")),
        ("a constraint is checked at once, never deferred", _has(found, StatementKind.WORD, "DEFERRABLE")),
        (
            "a dollar sign quotes in one engine and names an argument in the other",
            _has(found, StatementKind.OTHER, "$"),
        ),
        (
            "comments do not nest",
            any(
                text.startswith("/*") and text.rfind("/*") > 0 for kind, text in found if kind is StatementKind.COMMENT
            ),
        ),
        ("a placeholder stands alone, without a number", _has_numbered_placeholder(found)),
        ("letters before a quote change what it means", _has_prefixed_quote(found)),
        ("RETURNING names its columns, since another process may add one", ("RETURNING", "*") in _pairs(found)),
        ("`? IS` has no type: write CAST(? AS …) IS", ("?", "IS") in _pairs(found)),
    ):
        if holds:
            raise BadStatement(problem)
    if verb(sql) == "CREATE" and _creates_table(found) and _visible(found)[-1] != ")":
        raise BadStatement("CREATE TABLE ends with the bracket that closes its columns")
    return found


def creates_table(sql: str) -> bool:
    """Whether it is a CREATE TABLE."""
    return verb(sql) == "CREATE" and _creates_table(tuple(pieces(sql)))


def _creates_table(found: Sequence[tuple[StatementKind, str]]) -> bool:
    return "TABLE" in [text.upper() for kind, text in found if kind is StatementKind.WORD][1:3]


def _has(found: Sequence[tuple[StatementKind, str]], wanted: StatementKind, word: str) -> bool:
    return any(kind is wanted and text.upper() == word for kind, text in found)


def _has_numbered_placeholder(found: Sequence[tuple[StatementKind, str]]) -> bool:
    return any(first == "?" and (after[0].isalnum() or after[0] == "_") for (_, first), (_, after) in pairwise(found))


def _has_prefixed_quote(found: Sequence[tuple[StatementKind, str]]) -> bool:
    return any(word.upper() in QUOTE_PREFIXES and after[0] == "'" for (_, word), (_, after) in pairwise(found))


def _pairs(found: Sequence[tuple[StatementKind, str]]) -> Iterator[tuple[str, str]]:
    return pairwise(text.upper() for text in _visible(found))


def _visible(found: Sequence[tuple[StatementKind, str]]) -> list[str]:
    return [text for kind, text in found if kind not in {StatementKind.SPACE, StatementKind.COMMENT}]


def split_statements(script: str) -> tuple[str, ...]:
    """The statements of a script, without their semicolons and comments."""
    statements = [""]
    for kind, text in pieces(script):
        if kind is StatementKind.END:
            statements.append("")
        elif kind is not StatementKind.COMMENT:
            statements[-1] += text
        else:
            statements[-1] += " "
    return tuple(stripped for statement in statements if (stripped := statement.strip()))


def verb(sql: str) -> str:
    """The word that a statement begins with. Raises BadStatement unless it is one that the seam allows.

    BEGIN, COMMIT, SAVEPOINT or PRAGMA of a caller would reach into the transaction of its neighbours.
    """
    for kind, text in pieces(sql):
        if kind not in {StatementKind.SPACE, StatementKind.COMMENT}:
            if kind is StatementKind.WORD and text.upper() in VERBS:
                return text.upper()
            break
    raise BadStatement(f"a statement begins with one of {', '.join(sorted(VERBS))}")


def check_values(args: Sequence[Value]) -> None:
    """Refuse what one engine would store and the other would not: bool, float, NUL in text, 65-bit integers.

    Raises TypeError or ValueError that names the place of the argument and never its value.
    """
    for place, value in enumerate(args, start=1):
        if type(value) not in PLAIN_TYPES and (isinstance(value, bool) or not isinstance(value, (str, int, bytes))):
            raise TypeError(f"argument {place} is {type(value).__name__}, not str, int, bytes or None")
        if isinstance(value, str):
            if "\0" in value or not _is_encodable(value):
                raise ValueError(f"argument {place} is text with a NUL or a lone surrogate")
        elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            raise ValueError(f"argument {place} does not fit into 64 bits")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
