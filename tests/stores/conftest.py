import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from didkit_py.service.storage.database import Database
from tests.needs import need
from tests.stores.engines import ENGINES, Engine, make_postgres, make_sqlite
from tools.driving.postgres import temporary_database

SCHEMA = """
CREATE TABLE things (name TEXT NOT NULL PRIMARY KEY, body BYTEA, size BIGINT, note TEXT); -- ; a comment
CREATE TABLE codes (code BYTEA NOT NULL PRIMARY KEY, redeemed_at BIGINT, redeemed_by TEXT);
CREATE TABLE parts (
    name TEXT NOT NULL PRIMARY KEY,
    thing TEXT NOT NULL REFERENCES things (name)
);
"""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    need("postgres")
    with temporary_database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return make_sqlite(tmp_path)
    return make_postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one, for tests that write thousands of small files."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        yield Path(place)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_things.sql").write_text(SCHEMA, encoding="utf-8")
    return folder


@pytest.fixture
async def database(engine: Engine, migrations: Path) -> AsyncIterator[Database]:
    database = await engine.open(migrations)
    yield database
    await database.close()
