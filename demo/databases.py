"""The parties' tables, where DIDKIT_DATABASE_URL puts them into PostgreSQL: each party has a schema of its own."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import asyncpg

from demo.cast import Party
from didkit_py.service.databases import schema_for
from didkit_py.service.keyfile import read_secret
from didkit_py.service.postgres_connection import encryption, quoted

SHARED: Final = ("DIDKIT_DATABASE_URL", "DIDKIT_DATABASE_PASSWORD_FILE")  # what every party is told


def engine() -> str:
    """What the parties run on, for people."""
    return "PostgreSQL" if os.environ.get(SHARED[0]) else "SQLite"


def forget(cast: Iterable[Party]) -> None:
    """Drop what an earlier run left of these parties."""
    if url := os.environ.get(SHARED[0]):
        asyncio.run(_drop(url, [schema_for(party.url) for party in cast]))


async def _drop(url: str, schemas: Iterable[str]) -> None:
    file = os.environ.get(SHARED[1])
    password = read_secret(Path(file)).decode() if file else ""
    connection = await asyncpg.connect(url, password=password, ssl=encryption(url))
    try:
        for schema in schemas:
            await connection.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
    finally:
        await connection.close()
