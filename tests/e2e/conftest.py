"""The programs run on SQLite, or on PostgreSQL where DIDKIT_TEST_ENGINE says so: each test on a database of its own."""

import os
from collections.abc import Iterator

import pytest

from tests.logged import Log, caught
from tests.needs import need
from tests.postgres_server import temporary_database

ENGINE = os.environ.get("DIDKIT_TEST_ENGINE", "sqlite")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if ENGINE not in {"sqlite", "postgres"}:
        pytest.fail(f"DIDKIT_TEST_ENGINE is {ENGINE}; known are sqlite, postgres", pytrace=False)
    if ENGINE == "sqlite":
        yield
        return
    need("postgres")
    with temporary_database() as url:
        monkeypatch.setenv("DIDKIT_DATABASE_URL", url)
        yield


@pytest.fixture
def sqlite_only() -> None:
    """For a test that looks into SQLite's files."""
    if ENGINE != "sqlite":
        pytest.skip("it looks into the files of SQLite")


@pytest.fixture
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing at the lowest cost that opening accepts: what a passphrase costs is tested where it is made."""
    for module in ("didkit_py.keys.sealed", "didkit_py.service.operator"):
        monkeypatch.setattr(f"{module}.MEMORY_BYTES", 8_192)
        monkeypatch.setattr(f"{module}.PASSES", 1)


@pytest.fixture
def log() -> Iterator[Log]:
    with caught() as written:
        yield written
