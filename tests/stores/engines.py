"""The databases that the contract suite runs on.

An address is what a setting would hold, so that a child process can open the same database.
"""

from dataclasses import dataclass
from pathlib import Path

from didkit_py.service.database import Database
from didkit_py.service.sqlite import open_sqlite

ENGINES = ("sqlite",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An empty database of one kind, at an address."""

    name: str
    address: str

    async def open(self, migrations: Path) -> Database:
        return await open_database(self.address, migrations)


def make_engine(name: str, folder: Path) -> Engine:
    return {"sqlite": _make_sqlite}[name](folder)


def _make_sqlite(folder: Path) -> Engine:
    return Engine(name="sqlite", address=str(folder / "a ?#%20 store.db"))  # a name that would break a careless URI


async def open_database(address: str, migrations: Path) -> Database:
    return await open_sqlite(Path(address), migrations=migrations)
