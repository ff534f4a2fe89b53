"""The setting decides which engine holds a service's tables, and its origin which schema."""

from pathlib import Path

import pytest

from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.storage.engines import open_database, postgres_address, schema_for
from didkit_py.service.storage.postgres import PostgresDatabase
from didkit_py.service.storage.postgres_address import Address, encryption
from didkit_py.service.storage.sqlite import SqliteDatabase
from tests.needs import need
from tools.driving.postgres import temporary_database

URL = "postgresql://bose@db.example/vendors"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_things.sql").write_text("CREATE TABLE things (name TEXT)")
    return folder


def settings(
    port: int, *, database_url: str | None = None, schema: str | None = None, password_file: Path | None = None
) -> ServiceSettings:
    return ServiceSettings(
        base_url=f"http://localhost:{port}",
        name="Bose",
        database_url=database_url,
        database_schema=schema,
        database_password_file=password_file,
    )


async def test_without_a_setting_the_database_is_a_file_in_the_folder(tmp_path: Path, migrations: Path) -> None:
    database = await open_database(settings(8001), tmp_path, migrations)
    assert isinstance(database, SqliteDatabase)
    await database.close()
    assert (tmp_path / "database.sqlite3").is_file()


async def test_parties_that_share_a_url_have_tables_of_their_own_and_processes_of_one_party_the_same(
    tmp_path: Path, migrations: Path
) -> None:
    need("postgres")
    with temporary_database() as url:
        opened = [
            await open_database(settings(port, database_url=url), tmp_path, migrations) for port in (8001, 8002, 8001)
        ]
        await opened[0].execute("INSERT INTO things (name) VALUES (?)", "mine")
        counts = [len(await database.fetch("SELECT name FROM things")) for database in opened]
        for database in opened:
            assert isinstance(database, PostgresDatabase)
            await database.close()
    assert counts == [1, 0, 1]
    assert not (tmp_path / "database.sqlite3").exists()


def test_the_schema_and_the_file_with_the_password_are_those_of_the_settings() -> None:
    given = settings(8001, database_url=URL, schema="bose", password_file=Path("password"))
    assert postgres_address(given) == Address(url=URL, schema="bose", password_file=Path("password"))
    default = postgres_address(settings(8001, database_url=URL))
    assert default == Address(url=URL, schema="localhost:8001", password_file=None)


def test_long_origins_have_names_that_differ_and_that_postgresql_does_not_shorten() -> None:
    names = {schema_for(f"https://{'a' * 60}.{number}.example") for number in range(20)}
    assert len(names) == 20
    assert {len(name) for name in names} == {63}


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://127.0.0.1/a", False),
        ("postgresql://[::1]:5432/a", False),
        ("postgresql://localhost/a", False),
        ("postgresql:///a?host=/run/postgresql", False),
        ("postgresql://db.example/a?sslmode=require", None),
    ],
)
def test_a_server_on_this_machine_or_an_explicit_mode_needs_no_certificate(url: str, wanted: object) -> None:
    assert encryption(url) is wanted


@pytest.mark.parametrize(
    "url", ["postgresql://db.example/a", "postgresql://10.0.0.7/a", "postgresql://localhost.example/a"]
)
def test_a_distant_server_must_show_a_certificate_of_its_name(url: str) -> None:
    context = encryption(url)
    assert context
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
