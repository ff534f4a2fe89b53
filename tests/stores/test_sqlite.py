"""What only the SQLite engine has: one file and its journal, group commit, a disk that may fail under it."""

import asyncio
import itertools
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import BadStatement, ConstraintFailed, GuardFailed, Statement
from didkit_py.service.storage.sqlite import SqliteDatabase, open_sqlite
from didkit_py.service.storage.sqlite_connection import check_version
from tests.needs import REPOSITORY

LETTER = b"a letter, not a database" * 100
ADD = "INSERT INTO things (name, size) VALUES (?, ?)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def database(file: Path, migrations: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_sqlite(file, migrations=migrations)
    yield database
    await database.close()


def size_of(file: Path) -> int:
    return file.stat().st_size


def files_of(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}*"))


async def test_every_connection_syncs_fully_overwrites_what_it_deletes_and_uses_no_temporary_files(
    database: SqliteDatabase,
) -> None:
    pragmas = (
        "SELECT (SELECT journal_mode FROM pragma_journal_mode) AS journal, (SELECT synchronous FROM pragma_synchronous)"
        " AS sync, (SELECT foreign_keys FROM pragma_foreign_keys) AS keys, (SELECT secure_delete FROM"
        " pragma_secure_delete) AS zeros, (SELECT temp_store FROM pragma_temp_store) AS temporary"
    )
    wanted = {"journal": "wal", "sync": 2, "keys": 1, "zeros": 1, "temporary": 2}  # 2: FULL, and MEMORY
    ((written,),) = await database.apply(Statement(pragmas))
    (read,) = await database.fetch(pragmas)
    assert dict(written) == dict(read) == wanted


async def test_neighbours_of_one_batch_do_not_feel_each_others_failures(file: Path, database: SqliteDatabase) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.ensure_future(database.execute(ADD, "first", 0))
    await asyncio.sleep(0.05)  # the writer holds `first` and waits for the lock; all that follows is one batch
    calls = [
        database.execute(ADD, "a", 1),
        database.apply(Statement(ADD, ("b", 1)), Statement("UPDATE things SET size = 5 WHERE name = 'a'", rows=2)),
        database.apply(Statement(ADD, ("c", 1)), Statement(ADD, ("a", 1))),
        database.apply(Statement(ADD, ("d", 1)), Statement("INSERT INTO nowhere (x) VALUES (1)")),
        database.apply(
            Statement(ADD, ("e", 1)), Statement("INSERT INTO things (name, body) VALUES (?, ?)", ("f", "x"))
        ),
        database.apply(Statement("INSERT OR ABORT INTO things (name) VALUES ('g')"), Statement(ADD, ("h", 1), rows=1)),
    ]
    together = asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    other.close()
    await first
    results = await together
    assert [type(result) for result in results] == [
        tuple,
        GuardFailed,
        ConstraintFailed,
        BadStatement,
        TypeError,
        tuple,
    ]
    rows = await database.fetch("SELECT name, size FROM things WHERE name <> 'first' ORDER BY name")
    assert [tuple(row.values()) for row in rows] == [("a", 1), ("g", None), ("h", 1)]


class Bomb(str):
    """Text on which the writer thread fails in an unforeseen way, in the middle of a transaction."""

    __slots__ = ()

    def __conform__(self, _protocol: object) -> None:
        raise SystemExit


async def test_a_writer_that_fails_in_an_unforeseen_way_answers_its_whole_batch_and_lives_on(
    file: Path, database: SqliteDatabase
) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.ensure_future(database.execute(ADD, "first", 0))
    await asyncio.sleep(0.05)
    names = ["a", Bomb("b"), "c"]
    batch = asyncio.gather(*(database.execute(ADD, name, 1) for name in names), return_exceptions=True)
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    other.close()
    await first
    assert [str(result) for result in await batch] == ["the database failed: SystemExit"] * 3
    await database.execute(ADD, "afterwards", 1)
    assert [row["name"] for row in await database.fetch("SELECT name FROM things ORDER BY name")] == [
        "afterwards",
        "first",
    ]


async def test_a_caller_cancelled_while_its_write_is_under_way_does_not_disturb_the_answers(
    file: Path, database: SqliteDatabase
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tasks = [asyncio.ensure_future(database.execute(ADD, f"{number}", number)) for number in range(10)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()  # the writer has it already
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(*tasks[1:])
    assert len(await database.fetch("SELECT name FROM things")) == 10
    assert tasks[0].cancelled()
    assert complaints == []


async def test_many_callers_share_few_commits(file: Path, database: SqliteDatabase) -> None:
    journal = file.with_name("store.db-wal")
    before = size_of(journal)
    await asyncio.gather(*(database.execute(ADD, f"{number}", number) for number in range(500)))
    frames = (size_of(journal) - before) / (4096 + 24)
    assert 1 <= frames < 250  # a commit of its own for each would be at least 500 frames


async def test_a_batch_that_the_disk_refuses_is_acknowledged_to_nobody_and_the_next_one_works(
    file: Path, migrations: Path
) -> None:
    program = [sys.executable, "-m", "tests.stores.full_disk", str(file), str(migrations)]
    done = subprocess.run(program, cwd=REPOSITORY, timeout=20, check=False, capture_output=True, text=True)  # noqa: ASYNC221
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "refused 20, acknowledged 5, stored 5\n"


async def test_a_database_locked_by_another_program_is_unavailable_and_recovers(
    file: Path, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    monkeypatch.setattr("didkit_py.service.storage.sqlite_connection.BUSY_SECONDS", 0.05)
    impatient = SqliteDatabase(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(impatient.execute(ADD, f"{n}", n) for n in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {StorageUnavailable}
    assert "SQLITE_BUSY" in str(results[0])
    assert await impatient.fetch("SELECT name FROM things") == ()
    other.execute("ROLLBACK")
    other.close()
    await impatient.execute(ADD, "a", 1)
    await impatient.close()


async def test_a_file_that_vanished_is_a_failure_and_no_new_empty_database(
    file: Path, database: SqliteDatabase
) -> None:
    await database.close()
    file.unlink()  # noqa: ASYNC240 - nothing else runs
    again = SqliteDatabase(file)
    for call in (again.execute(ADD, "a", 1), again.fetch("SELECT name FROM things")):
        with pytest.raises(StorageUnavailable, match="SQLITE_CANTOPEN"):
            await call
    await again.close()
    assert not files_of(file)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, migrations: Path) -> None:
    file.write_bytes(LETTER)  # noqa: ASYNC240 - likewise
    with pytest.raises(StorageUnavailable):
        await open_sqlite(file, migrations=migrations)
    assert [path.read_bytes() for path in files_of(file)] == [LETTER]


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, migrations: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"absent/store\.db: No such file or directory"):
        await open_sqlite(tmp_path / "absent" / "store.db", migrations=migrations)


async def test_only_the_owner_can_read_the_file_and_its_journal(file: Path, database: SqliteDatabase) -> None:
    await database.execute(ADD, "a", 1)
    assert [path.name for path in files_of(file)] == ["store.db", "store.db-shm", "store.db-wal"]
    assert {path.stat().st_mode & 0o777 for path in files_of(file)} == {0o600}


async def test_close_leaves_one_file(file: Path, database: SqliteDatabase) -> None:
    await asyncio.gather(*(database.execute(ADD, f"{number}", number) for number in range(50)))
    await asyncio.gather(*(database.fetch("SELECT name FROM things") for _ in range(50)))
    await database.close()
    assert files_of(file) == [file]


async def test_what_was_deleted_is_in_no_file_after_scrub(file: Path, database: SqliteDatabase) -> None:
    # The sizes make SQLite rearrange its pages, which leaves copies that secure_delete alone misses.
    rng = random.Random(0)  # noqa: S311 - a fixed sequence of events
    alive: dict[str, bytes] = {}
    deleted: list[bytes] = []
    for number in range(1500):
        value = f"<value {number:05}>".encode() * rng.choice([1, 3, 30, 400])
        if alive and rng.random() < 0.45:
            name = rng.choice(list(alive))
            deleted.append(alive.pop(name))
            await database.execute("DELETE FROM things WHERE name = ?", name)
        else:
            alive[f"{number}"] = value
            await database.execute("INSERT INTO things (name, body) VALUES (?, ?)", f"{number}", value)
    await database.scrub()
    stored = b"".join(path.read_bytes() for path in files_of(file))
    assert len(deleted) > 500
    assert [value[:13] for value in deleted if value[:13] in stored] == []
    assert [value[:13] for value in alive.values() if value[:13] not in stored] == []
    assert len(await database.fetch("SELECT name FROM things")) == len(alive)


async def test_scrub_says_so_when_a_reader_keeps_the_journal(
    file: Path, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    monkeypatch.setattr("didkit_py.service.storage.sqlite_connection.BUSY_SECONDS", 0.05)
    impatient = SqliteDatabase(file)
    await impatient.execute(ADD, "a", 1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM things").fetchall()
    write, scrubbed = await asyncio.gather(impatient.execute(ADD, "b", 1), impatient.scrub(), return_exceptions=True)
    assert write == ()
    assert isinstance(scrubbed, StorageUnavailable)
    other.close()
    await impatient.scrub()
    await impatient.close()


@pytest.mark.parametrize("version", [(3, 34, 1), (3, 36, 0)])
def test_an_sqlite_without_strict_tables_is_refused_at_start(version: tuple[int, int, int]) -> None:
    with pytest.raises(StorageUnavailable, match=r"needed is 3\.37\.0"):
        check_version(version)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE copies AS SELECT name FROM things",
        "CREATE TABLE quick (name TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE late (thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED)",
    ],
)
async def test_a_table_that_would_not_keep_types_or_isolation_is_refused(database: SqliteDatabase, sql: str) -> None:
    with pytest.raises(BadStatement):
        await database.execute(sql)


async def test_reads_go_on_while_the_writer_waits(file: Path, database: SqliteDatabase) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(database.execute(ADD, "a", 1))
    for _ in itertools.repeat(None, 20):
        assert await database.fetch("SELECT name FROM things") == ()
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    await waiting
