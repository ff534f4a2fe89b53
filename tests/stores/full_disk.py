"""A program for test_sqlite: it writes, may not let its files grow for a while, and writes again."""

import asyncio
import resource
import sys
from pathlib import Path

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Statement
from didkit_py.service.storage.sqlite import SqliteDatabase, open_sqlite

HUGE = bytes(6_000_000)  # more than the page cache holds: SQLite writes, and fails, before COMMIT
ADD = "INSERT INTO things (name, body) VALUES (?, ?)"


def size(file: str) -> int:
    return Path(file).stat().st_size


async def write(database: SqliteDatabase, names: list[str], body: bytes = b"x" * 3000) -> list[object]:
    calls = [database.apply(Statement(ADD, (name, body), rows=1)) for name in names]
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def main(file: str, migrations: str) -> None:
    database = await open_sqlite(Path(file), migrations=Path(migrations))
    results = await write(database, ["before 1", "before 2"])
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size(f"{file}-wal"), hard))
    refused = await write(database, [f"full {number}" for number in range(15)])
    refused += await write(database, [f"huge {number}" for number in range(5)], HUGE)
    readable = len(await database.fetch("SELECT name FROM things"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    results += await write(database, ["after 1", "after 2", "after 3"])
    stored = len(await database.fetch("SELECT name FROM things"))
    await database.close()
    count = sum(isinstance(result, StorageUnavailable) for result in refused)
    acknowledged = sum(isinstance(result, tuple) for result in (*results, *refused))
    assert readable == 2
    sys.stdout.write(f"refused {count}, acknowledged {acknowledged}, stored {stored}\n")


asyncio.run(main(*sys.argv[1:]))
