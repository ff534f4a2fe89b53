"""Databases of their own on the PostgreSQL server that `tests.needs` finds."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import asyncpg

from tests.needs import postgres_address

USER = "postgres"
ENGLISH = "LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en'"  # sorts "a" before "B": ours must not


def url_of(database: str) -> str:
    host, port = postgres_address()
    return f"postgresql://{USER}@{host}:{port}/{database}"


@contextmanager
def temporary_database(*settings: str, encoding: str = "UTF8") -> Iterator[str]:
    """The URL of an empty database, which is dropped afterwards together with whoever still uses it."""
    name = f"didkit_test_{os.getpid()}_{uuid4().hex[:8]}"
    administer(f"CREATE DATABASE {name} ENCODING '{encoding}' {ENGLISH} TEMPLATE template0")
    try:
        for setting in settings:
            administer(f"ALTER DATABASE {name} SET {setting}")
        yield url_of(name)
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


def administer(sql: str) -> None:
    """Do one thing as the server's owner; in a thread, because an event loop may be running here."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, _administer(sql)).result()


async def _administer(sql: str) -> None:
    connection = await asyncpg.connect(url_of("postgres"), ssl=False)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
