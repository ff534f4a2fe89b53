"""The schema of a database, as numbered SQL files that are only ever added to.

`0001_offers.sql`, `0002_…`: each is applied once, in order, in one transaction with the row that records it. A file
that was applied is never edited: its digest is compared at every start. The SQL is that of the seam (see `database`).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from didkit_py.service.storage.database import Database, GuardFailed, Row, Statement, split_statements

FILE_NAME = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
CREATE_RECORD = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL)"
)
READ_RECORD = "SELECT number, name, digest FROM schema_migrations ORDER BY number"
RECORD = "INSERT INTO schema_migrations (number, name, digest) VALUES (?, ?, ?) ON CONFLICT (number) DO NOTHING"


class SchemaMismatch(Exception):  # noqa: N818 - reads as the finding that it is
    """The database and the migration files of this program do not belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    number: int  # from 1, without gaps
    name: str  # the file's name
    digest: str  # SHA-256 of the text with LF line ends, hex
    statements: tuple[str, ...]


def read_migrations(directory: Traversable | Path) -> tuple[Migration, ...]:
    """The migrations of a directory in order. Raises SchemaMismatch for a gap, a double number or a misnamed file."""
    names = sorted(entry.name for entry in directory.iterdir() if entry.name.endswith(".sql"))
    for position, name in enumerate(names, start=1):
        found = FILE_NAME.fullmatch(name)
        if found is None:
            raise SchemaMismatch(f"{name}: a migration is named like 0001_offers.sql")
        if int(found[1]) != position:
            raise SchemaMismatch(f"{name}: expected number {position:04}; a file is missing, or a number is used twice")
    return tuple(_read(directory / name, number) for number, name in enumerate(names, start=1))


def _read(file: Traversable | Path, number: int) -> Migration:
    text = file.read_text(encoding="utf-8")  # which turns every line end into LF
    return Migration(
        number=number,
        name=file.name,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        statements=split_statements(text),
    )


def pending_migrations(known: Sequence[Migration], applied: Sequence[Row]) -> tuple[Migration, ...]:
    """What is still to be applied. Raises SchemaMismatch when what was applied is not how `known` begins."""
    for position, row in enumerate(applied, start=1):
        if position > len(known):
            raise SchemaMismatch(
                f"the database has {row['name']!s}, which this program does not know:"
                " install the newer version that made it, or restore the file"
            )
        expected = known[position - 1]
        if row["number"] != expected.number or row["name"] != expected.name:
            raise SchemaMismatch(
                f"the database has {row['name']!s} where this program has {expected.name}: restore the file"
            )
        if row["digest"] != expected.digest:
            raise SchemaMismatch(
                f"{expected.name} was changed after it was applied: restore the file and put the change into a new one"
            )
    return tuple(known[len(applied) :])


async def migrate(database: Database, directory: Traversable | Path) -> int:
    """Bring the schema up to date and say how many files were applied. Safe beside another process that does the same.

    Raises SchemaMismatch, and BadStatement for a file with wrong SQL.
    """
    known = read_migrations(directory)
    await database.execute(CREATE_RECORD)
    count = 0
    while pending := pending_migrations(known, await database.fetch(READ_RECORD)):
        count += await _apply(database, pending[0])
    return count


async def _apply(database: Database, migration: Migration) -> bool:
    record = Statement(RECORD, (migration.number, migration.name, migration.digest), rows=1)
    try:
        # The record comes first: of two processes the second waits there, then fails its guard and changes nothing.
        await database.apply(record, *(Statement(sql) for sql in migration.statements))
    except GuardFailed:
        return False
    return True
