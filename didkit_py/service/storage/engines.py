"""Which database a service uses: a file in its folder, or PostgreSQL where `database_url` says so."""

import hashlib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from didkit_py.service.setup.folders import DATABASE
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.sqlite import open_sqlite

MAX_NAME: Final = 63  # characters that PostgreSQL keeps


async def open_database(settings: ServiceSettings, folder: Path, migrations: Traversable | Path) -> Database:
    """The database of the service in this folder, its schema up to date. It belongs to the running event loop.

    Raises StorageUnavailable, SchemaMismatch, or CannotOpen for the file with the password.
    """
    address = postgres_address(settings)
    if address is None:
        return await open_sqlite(folder / DATABASE, migrations=migrations)
    from didkit_py.service.storage.postgres import open_postgres  # noqa: PLC0415 - the driver is loaded only where it is used

    return await open_postgres(address, migrations=migrations)


def postgres_address(settings: ServiceSettings) -> Address | None:
    """Where in PostgreSQL the service keeps its tables; None when it uses a file."""
    if settings.database_url is None:
        return None
    return Address(
        url=settings.database_url,
        schema=settings.database_schema or schema_for(settings.base_url),
        password_file=settings.database_password_file,
    )


def schema_for(base_url: str) -> str:
    """The schema of a party: two parties differ in their origin, and two processes of one party share it."""
    name = urlsplit(base_url).netloc
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: MAX_NAME - 17]}.{digest}"
