"""The schema is made once, in order, and what was applied is never edited."""

import asyncio
from pathlib import Path

import pytest

from didkit_py.service.storage.database import BadStatement
from didkit_py.service.storage.migrations import SchemaMismatch, read_migrations
from tests.stores.engines import Engine

ADD = "INSERT INTO things (name) VALUES (?)"


async def open_and_close(engine: Engine, migrations: Path) -> None:
    database = await engine.open(migrations)
    await database.close()


async def test_a_new_file_is_applied_to_a_database_that_has_the_older_ones(engine: Engine, migrations: Path) -> None:
    database = await engine.open(migrations)
    await database.execute(ADD, "kept")
    await database.close()
    (migrations / "0002_more.sql").write_text(
        "ALTER TABLE things ADD COLUMN more TEXT;\nCREATE INDEX by_more ON things (more);"
        "\nUPDATE things SET more = 'a;b -- c';"
    )
    for _ in range(2):
        database = await engine.open(migrations)
        (row,) = await database.fetch("SELECT name, more FROM things")
        await database.close()
        assert dict(row) == {"name": "kept", "more": "a;b -- c"}


async def test_a_file_changed_after_it_was_applied_is_refused_by_name(engine: Engine, migrations: Path) -> None:
    await open_and_close(engine, migrations)
    file = migrations / "0001_things.sql"
    before = file.read_text()
    file.write_text(before + "-- one more word\n")
    with pytest.raises(SchemaMismatch, match=r"0001_things\.sql was changed after it was applied"):
        await engine.open(migrations)
    file.write_bytes(before.replace("\n", "\r\n").encode())  # a checkout with other line ends is no change
    await open_and_close(engine, migrations)


async def test_a_renamed_or_missing_file_is_refused(engine: Engine, migrations: Path) -> None:
    (migrations / "0002_more.sql").write_text("CREATE TABLE more (name TEXT)")
    await open_and_close(engine, migrations)
    (migrations / "0002_more.sql").rename(migrations / "0002_other.sql")
    with pytest.raises(SchemaMismatch, match=r"0002_more\.sql where this program has 0002_other\.sql"):
        await engine.open(migrations)
    (migrations / "0001_things.sql").unlink()
    with pytest.raises(SchemaMismatch, match="expected number 0001"):
        await engine.open(migrations)


async def test_a_schema_newer_than_the_program_is_refused_and_left_alone(engine: Engine, migrations: Path) -> None:
    newer = migrations / "0002_more.sql"
    newer.write_text("CREATE TABLE more (name TEXT)")
    await open_and_close(engine, migrations)
    newer.unlink()
    with pytest.raises(SchemaMismatch, match=r"0002_more\.sql, which this program does not know"):
        await engine.open(migrations)
    newer.write_text("CREATE TABLE more (name TEXT)")
    await open_and_close(engine, migrations)


async def test_a_file_that_fails_leaves_nothing_of_itself(engine: Engine, migrations: Path) -> None:
    wrong = migrations / "0002_wrong.sql"
    wrong.write_text("CREATE TABLE more (name TEXT); CREATE TABLE nonsense (;")
    with pytest.raises(BadStatement):
        await engine.open(migrations)
    wrong.write_text("CREATE TABLE more (name TEXT);")
    await open_and_close(engine, migrations)


async def test_two_processes_that_start_together_apply_each_file_once(engine: Engine, migrations: Path) -> None:
    for number in range(2, 6):
        (migrations / f"000{number}_add.sql").write_text(ADD.replace("?", f"'{number}'"))
    await asyncio.gather(*(open_and_close(engine, migrations) for _ in range(4)))
    database = await engine.open(migrations)
    assert [row["name"] for row in await database.fetch("SELECT name FROM things ORDER BY name")] == list("2345")
    await database.close()


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0001_b.sql"], ["0001_a.sql", "0003_b.sql"]])
def test_gaps_and_double_numbers_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaMismatch, match="expected number"):
        read_migrations(tmp_path)


@pytest.mark.parametrize("name", ["1_a.sql", "0001-a.sql", "0001_A.sql", "0001_a.up.sql"])
def test_a_misnamed_file_is_refused_rather_than_skipped(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaMismatch, match="is named like"):
        read_migrations(tmp_path)
