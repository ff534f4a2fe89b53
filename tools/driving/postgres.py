"""Databases of their own on the PostgreSQL server of this machine, for tests and benchmarks."""

import asyncio
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import asyncpg

POSTGRES: Final = "DIDKIT_TEST_POSTGRES"
POSTGRES_PORT: Final = 5432
POSTGRES_REMEDY: Final = "start PostgreSQL on 127.0.0.1:5432"
USER = "postgres"
ENGLISH = "LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en'"  # sorts "a" before "B": ours must not


def postgres_address() -> tuple[str, int]:
    """Host and port of the PostgreSQL server for tests, on loopback unless DIDKIT_TEST_POSTGRES says `host:port`."""
    host, _, port = os.environ.get(POSTGRES, "127.0.0.1").partition(":")
    return host, int(port or POSTGRES_PORT)


def postgres_answers() -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(postgres_address(), timeout=1).close()
    except OSError:
        return False
    return True


def url_of(database: str) -> str:
    """The URL of a database on it."""
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
