"""The parties' tables, where DIDKIT_DATABASE_URL puts them into PostgreSQL: each party has a schema of its own."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from tools.driving.parties import Party
from tools.driving.processes import SHARED


def engine() -> str:
    """What the parties run on, for people."""
    return "PostgreSQL" if os.environ.get(SHARED[0]) else "SQLite"


def forget(cast: Iterable[Party]) -> None:
    """Drop what an earlier run left of these parties."""
    if url := os.environ.get(SHARED[0]):
        file = os.environ.get(SHARED[1])
        password = Path(file).read_text(encoding="utf-8-sig").strip() if file else None
        asyncio.run(_drop(url, password, [urlsplit(party.url).netloc for party in cast]))


async def _drop(url: str, password: str | None, schemas: Iterable[str]) -> None:
    connection = await asyncpg.connect(url, password=password)
    try:
        for schema in schemas:
            await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    finally:
        await connection.close()
