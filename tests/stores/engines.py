"""The databases that the contract suite runs on.

An address is what a setting would hold, so that a child process can open the same database.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from didkit_py.service.storage.database import Database
from didkit_py.service.storage.postgres import open_postgres
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.sqlite import open_sqlite

ENGINES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An empty database of one kind, at an address."""

    name: str
    address: str

    async def open(self, migrations: Path) -> Database:
        return await open_database(self.address, migrations)


def make_sqlite(folder: Path) -> Engine:
    return Engine(name="sqlite", address=str(folder / "a ?#%20 store.db"))  # a name that would break a careless URI


def make_postgres(url: str) -> Engine:
    return Engine(name="postgres", address=f"{url} test.{uuid4()}")  # a schema of its own, whose name needs quotes


def postgres_address(address: str) -> Address:
    url, _, schema = address.partition(" ")
    return Address(url=url, schema=schema)


async def open_database(address: str, migrations: Path) -> Database:
    if address.startswith("postgresql:"):
        return await open_postgres(postgres_address(address), migrations=migrations)
    return await open_sqlite(Path(address), migrations=migrations)
