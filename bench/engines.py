"""The databases that the benchmarks run on: a file, and PostgreSQL where a server answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from didkit_py.service.storage.database import Database
from didkit_py.service.storage.postgres import open_postgres
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.sqlite import open_sqlite
from tools.driving.postgres import POSTGRES_REMEDY, postgres_answers, temporary_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One kind of database."""

    name: str
    url: str | None = None  # of PostgreSQL; None for a file

    def environment(self) -> dict[str, str]:
        """How a program is told to use it; nothing else of ours is handed on, nor what slows each start."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("DIDKIT_") and name != "PYTHONDONTWRITEBYTECODE"
        }
        return kept | ({} if self.url is None else {"DIDKIT_DATABASE_URL": self.url})

    async def open(self, folder: Path, migrations: Path) -> Database:
        """An empty database."""
        if self.url is None:
            return await open_sqlite(folder / "bench.sqlite3", migrations=migrations)
        return await open_postgres(Address(url=self.url, schema=folder.name), migrations=migrations)


@contextmanager
def engines() -> Iterator[tuple[Engine, ...]]:
    """Each engine that there is; PostgreSQL with a database of its own, dropped afterwards."""
    if not postgres_answers():
        print(f"PostgreSQL is left out: {POSTGRES_REMEDY}")
        yield (Engine(name="SQLite"),)
        return
    with temporary_database() as url:
        yield Engine(name="SQLite"), Engine(name="PostgreSQL", url=url)
