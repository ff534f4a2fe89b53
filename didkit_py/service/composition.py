"""Opening what every program of a party that signs works with: its keys, the fetcher, its database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.setup.folders import KEYS
from didkit_py.service.setup.keyfile import ServiceKeys, open_keyfile, read_unlock
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.engines import open_database


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What the programs of issuers and vendors are put together from."""

    keys: ServiceKeys = field(repr=False)
    fetcher: Fetcher
    database: Database


@asynccontextmanager
async def open_service(
    folder: Path, settings: ServiceSettings, *, program: str, measured: Callable[[Database], Database]
) -> AsyncIterator[ServiceParts]:
    """The keys, the fetcher and the database of the service in `folder`, closed at the end in reverse order.

    `program` is the package whose `migrations` the database follows; `measured` wraps the database with metrics.
    Raises CannotOpen for the keys, StorageUnavailable or SchemaMismatch for the database.
    """
    keys = open_keyfile(folder / KEYS, unlock=read_unlock(settings.key_file))
    async with Fetcher(settings.loopback_origins, names_origins=True) as fetcher:
        database = await open_database(settings, folder, files(program) / "migrations")
        try:
            yield ServiceParts(keys=keys, fetcher=fetcher, database=measured(database))
        finally:
            await database.close()
