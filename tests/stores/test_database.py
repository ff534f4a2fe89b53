"""What every engine behind the seam keeps to. The suite knows no engine by name."""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import BadStatement, ConstraintFailed, Database, GuardFailed, Statement, Value
from tests.needs import REPOSITORY
from tests.stores.engines import Engine

ADD = "INSERT INTO things (name, size) VALUES (?, ?)"
ADD_PART = "INSERT INTO parts (name, thing) VALUES (?, ?)"
TEXTS = ["", "007", "7.0", "1e3", " 1", "0x1F", "NULL", "it's ? -- /* \" ;", "ü€😀", "\x01\n", "x" * 70_000]
REDEEM = (
    "UPDATE codes SET redeemed_at = ?, redeemed_by = ? WHERE code = ? AND redeemed_at IS NULL RETURNING redeemed_by"
)


async def names(database: Database) -> set[Value]:
    return {row["name"] for row in await database.fetch("SELECT name FROM things")}


@pytest.mark.parametrize("text", TEXTS)
async def test_text_comes_back_as_the_same_text(database: Database, text: str) -> None:
    await database.execute("INSERT INTO things (name, note) VALUES (?, ?)", "a", text)
    (row,) = await database.fetch("SELECT note FROM things WHERE note = ?", text)
    assert row["note"] == text


@pytest.mark.parametrize("body", [b"", b"007", b"7", b"\x00", b"\xff\xfe", bytes(range(256)) * 300])
async def test_bytes_come_back_as_the_same_bytes(database: Database, body: bytes) -> None:
    await database.execute("INSERT INTO things (name, body) VALUES (?, ?)", "a", body)
    (row,) = await database.fetch("SELECT body FROM things WHERE body = ?", body)
    assert row["body"] == body
    assert type(row["body"]) is bytes


@pytest.mark.parametrize("size", [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
async def test_integers_come_back_whole(database: Database, size: int) -> None:
    await database.execute(ADD, "a", size)
    assert [row["size"] for row in await database.fetch("SELECT size FROM things")] == [size]


async def test_null_comes_back_as_none_and_columns_added_by_alter_are_typed_too(database: Database) -> None:
    await database.execute("ALTER TABLE things ADD COLUMN seal BYTEA")
    await database.execute("INSERT INTO things (name, seal) VALUES (?, ?)", "a", b"007")
    assert dict((await database.fetch("SELECT * FROM things"))[0]) == {
        "name": "a",
        "body": None,
        "size": None,
        "note": None,
        "seal": b"007",
    }
    with pytest.raises(TypeError):
        await database.execute("INSERT INTO things (name, seal) VALUES (?, ?)", "b", "007")


@pytest.mark.parametrize(("column", "value"), [("body", "007"), ("body", "text"), ("note", b"007"), ("size", b"7")])
async def test_a_value_of_another_type_than_its_column_is_refused(
    database: Database, column: str, value: Value
) -> None:
    with pytest.raises(TypeError):
        await database.execute(f"INSERT INTO things (name, {column}) VALUES (?, ?)", "a", value)  # noqa: S608
    assert await names(database) == set()


@pytest.mark.parametrize("value", [True, 1.5, bytearray(b"a"), memoryview(b"a"), ["a"]])
async def test_a_value_that_only_one_engine_would_take_is_refused(database: Database, value: Value) -> None:
    with pytest.raises(TypeError, match=r"^argument 2 is"):
        await database.execute(ADD, "a", value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "a\0b", "\ud800"])
async def test_a_value_that_no_column_can_hold_is_refused_without_being_named(database: Database, value: Value) -> None:
    with pytest.raises(ValueError, match=r"^argument 2 "):
        await database.execute("INSERT INTO things (name, note) VALUES (?, ?)", "a", value)


async def test_a_row_cannot_be_changed(database: Database) -> None:
    await database.execute(ADD, "a", 1)
    (row,) = await database.fetch("SELECT name FROM things")
    assert isinstance(row, Mapping)
    with pytest.raises(TypeError):
        row["name"] = "b"  # type: ignore[index]


async def test_placeholders_inside_quotes_and_comments_are_text(database: Database) -> None:
    sql = "SELECT '?' AS a, 'it''s ?' AS b, CAST(? AS TEXT) AS \"c?\" -- ?\n /* ? */ FROM things"
    await database.execute(ADD, "a", 1)
    assert dict((await database.fetch(sql, "x"))[0]) == {"a": "?", "b": "it's ?", "c?": "x"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC name FROM things",
        "SELECT name FROM nowhere",
        "SELECT missing FROM things",
        "SELECT name FROM things WHERE name = ?",
        "SELECT name FROM things; SELECT name FROM things",
        "SELECT 'open",
        "COMMIT",
        "PRAGMA synchronous = OFF",
        "SELECT name FROM things WHERE $1 = name",
        "SELECT name FROM things /* a /* b */",
        "SELECT E'a' AS a",
        "UPDATE things SET size = 1 RETURNING *",
        "SELECT x'00' AS a",
        "CREATE TABLE copies AS SELECT name FROM things",
        "CREATE TABLE late (thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED)",
        "",
    ],
)
async def test_wrong_sql_is_our_own_mistake_and_hurts_nobody(database: Database, sql: str) -> None:
    results = await asyncio.gather(
        database.execute(ADD, "before", 1),
        database.execute(sql),
        database.apply(Statement(ADD, ("in the same", 1)), Statement(sql)),
        database.fetch(sql),
        database.execute(ADD, "after", 1),
        return_exceptions=True,
    )
    assert [type(result) for result in results[1:4]] == [BadStatement] * 3
    assert await names(database) == {"before", "after"}


@pytest.mark.parametrize("sql", ["SELECT name FROM things WHERE name = ?1", "SELECT name FROM things WHERE ? IS NULL"])
async def test_a_placeholder_that_means_something_to_one_engine_only_is_refused(database: Database, sql: str) -> None:
    with pytest.raises(BadStatement):
        await database.fetch(sql, "a")


async def test_text_is_ordered_by_code_point_whatever_the_language_of_the_server(database: Database) -> None:
    wanted = ["", "A", "Z", "a", "a-b", "ab", "z", "é", "ω", "😀"]
    for name in reversed(wanted):
        await database.execute(ADD, name, 1)
    assert [row["name"] for row in await database.fetch("SELECT name FROM things ORDER BY name")] == wanted


async def test_sums_counts_and_truths_are_whole_numbers(database: Database) -> None:
    await database.apply(Statement(ADD, ("a", 2**62)), Statement(ADD, ("b", 1)))
    sql = "SELECT sum(size) AS total, count(*) AS n, max(size) > ? AS big, min(note) AS none FROM things"
    assert dict((await database.fetch(sql, 5))[0]) == {"total": 2**62 + 1, "n": 2, "big": 1, "none": None}
    assert [type(value) for value in (await database.fetch(sql, 5))[0].values()] == [int, int, int, type(None)]


async def test_a_number_that_grows_out_of_its_column_is_refused(database: Database) -> None:
    await database.execute(ADD, "a", 2**63 - 1)
    with pytest.raises(TypeError):
        await database.execute("UPDATE things SET size = size + 1")


async def test_a_statement_goes_on_working_after_its_table_got_another_column(database: Database) -> None:
    await database.execute(ADD, "a", 1)
    for column in ("first", "second"):
        for _ in range(3):
            await asyncio.gather(*(database.fetch("SELECT * FROM things") for _ in range(10)))
            await asyncio.gather(*(database.execute("UPDATE things SET size = 2 RETURNING name") for _ in "abc"))
        await database.execute(f"ALTER TABLE things ADD COLUMN {column} TEXT")
    assert len((await database.fetch("SELECT * FROM things"))[0]) == 6


async def test_scrub_keeps_what_is_there(database: Database) -> None:
    await database.execute("INSERT INTO things (name, body) VALUES (?, ?)", "kept", b"body")
    await database.execute(ADD, "deleted", 1)
    await database.execute("DELETE FROM things WHERE name = ?", "deleted")
    await database.scrub()
    assert await names(database) == {"kept"}


async def test_fetch_cannot_write(database: Database) -> None:
    with pytest.raises(BadStatement):
        await database.fetch("DELETE FROM things")
    await database.execute(ADD, "a", 1)
    assert await names(database) == {"a"}


async def test_two_columns_of_the_same_name_are_not_mistaken_for_one(database: Database) -> None:
    await database.execute(ADD, "a", 1)
    with pytest.raises(BadStatement):
        await database.fetch("SELECT name, note AS name FROM things")


async def test_execute_gives_the_rows_of_returning(database: Database) -> None:
    assert await database.execute(ADD, "a", 1) == ()
    rows = await database.execute("UPDATE things SET size = size + 1 RETURNING name, size")
    assert [dict(row) for row in rows] == [{"name": "a", "size": 2}]


async def test_apply_gives_the_rows_of_each_statement_and_each_sees_those_before_it(database: Database) -> None:
    added, counted, nothing = await database.apply(
        Statement(f"{ADD} RETURNING name", ("a", 1), rows=1),
        Statement("SELECT count(*) AS n FROM things", rows=1),
        Statement("UPDATE things SET size = 3", rows=1),
    )
    assert (dict(added[0]), dict(counted[0]), list(nothing)) == ({"name": "a"}, {"n": 1}, [])
    assert await database.apply() == ()


@pytest.mark.parametrize("rows", [0, 1, 3])
async def test_a_guard_that_fails_undoes_its_whole_apply_and_says_which_it_was(database: Database, rows: int) -> None:
    await database.apply(Statement(ADD, ("a", 1)), Statement(ADD, ("b", 1)))
    with pytest.raises(GuardFailed) as failed:
        await database.apply(
            Statement(ADD, ("c", 2), rows=1),
            Statement("UPDATE things SET size = 9 WHERE size = 1", rows=rows),
            Statement(ADD, ("d", 2)),
        )
    assert failed.value.index == 1
    sizes = {row["name"]: row["size"] for row in await database.fetch("SELECT name, size FROM things")}
    assert sizes == {"a": 1, "b": 1}


async def test_a_guard_counts_returned_rows_and_conflicts_that_did_nothing(database: Database) -> None:
    once = Statement(f"{ADD} ON CONFLICT (name) DO NOTHING RETURNING name", ("a", 1), rows=1)
    await database.apply(once)
    with pytest.raises(GuardFailed):
        await database.apply(once)
    with pytest.raises(GuardFailed):
        await database.apply(Statement(f"{ADD} ON CONFLICT (name) DO NOTHING", ("a", 1), rows=1))


async def test_constraints_hold_and_their_errors_name_no_value(database: Database) -> None:
    await database.execute(ADD, "secret-7", 1)
    broken = [
        Statement(ADD, ("secret-7", 2)),
        Statement(ADD, (None, 2)),
        Statement(ADD_PART, ("secret-7", "absent")),
    ]
    for statement in broken:
        with pytest.raises(ConstraintFailed) as failed:
            await database.apply(Statement(ADD, ("other", 1)), statement)
        assert "secret-7" not in str(failed.value)
    assert await names(database) == {"secret-7"}


async def test_of_fifty_that_spend_one_code_one_wins(engine: Engine, database: Database, migrations: Path) -> None:
    other = await engine.open(migrations)  # as a second process of the same service would
    await database.execute("INSERT INTO codes (code) VALUES (?)", b"code")
    tries = [
        side.execute(REDEEM, 1, f"caller {number}", b"code")
        for number, side in zip(range(50), itertools.cycle((database, other)), strict=False)
    ]
    winners = [rows[0]["redeemed_by"] for rows in await asyncio.gather(*tries) if rows]
    assert len(winners) == 1
    (row,) = await other.fetch("SELECT redeemed_by FROM codes")
    assert row["redeemed_by"] == winners[0]
    await other.close()


async def test_of_fifty_applies_with_a_guard_one_happens_and_the_others_leave_nothing(database: Database) -> None:
    await database.execute("INSERT INTO codes (code) VALUES (?)", b"code")
    tries = [
        database.apply(
            Statement(ADD, (f"caller {number}", number)), Statement(REDEEM, (1, f"caller {number}", b"code"), rows=1)
        )
        for number in range(50)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GuardFailed"] * 49 + ["tuple"]
    (row,) = await database.fetch("SELECT redeemed_by FROM codes")
    assert await names(database) == {row["redeemed_by"]}


async def test_a_read_after_an_acknowledged_write_sees_it(engine: Engine, database: Database, migrations: Path) -> None:
    other = await engine.open(migrations)

    async def write_and_read(number: int) -> int:
        await database.execute(ADD, f"{number}", number)
        here = await database.fetch("SELECT name FROM things WHERE name = ?", f"{number}")
        return len(here) + len(await other.fetch("SELECT name FROM things WHERE name = ?", f"{number}"))

    assert await asyncio.gather(*(write_and_read(number) for number in range(200))) == [2] * 200
    await other.close()


async def test_callers_that_are_cancelled_leave_all_or_nothing(database: Database) -> None:
    def pair(number: int) -> asyncio.Task[object]:
        first, second = Statement(ADD, (f"{number}", number)), Statement(ADD_PART, (f"{number}", f"{number}"))
        return asyncio.ensure_future(database.apply(first, second))

    kept, cancelled = set(), 0
    for start in range(0, 200, 10):
        tasks = [pair(number) for number in range(start, start + 10)]
        await asyncio.sleep(0.0005 * (start % 40))
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)
        kept |= {f"{start + place}" for place, result in enumerate(results) if isinstance(result, tuple)}
    assert cancelled > 0
    assert len(kept) >= 100
    things = await names(database)
    assert kept <= things
    assert things == {row["name"] for row in await database.fetch("SELECT name FROM parts")}


async def test_close_finishes_what_was_asked_and_refuses_what_comes_later(
    engine: Engine, database: Database, migrations: Path
) -> None:
    writes = [asyncio.ensure_future(database.execute(ADD, f"{number}", number)) for number in range(100)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    assert await asyncio.gather(*writes) == [()] * 100
    with pytest.raises(StorageUnavailable):
        await database.execute(ADD, "late", 1)
    with pytest.raises(StorageUnavailable):
        await database.fetch("SELECT name FROM things")
    again = await engine.open(migrations)
    assert len(await names(again)) == 100
    await again.close()


@pytest.mark.parametrize("acknowledged_before_kill", [1, 200, 1500])
async def test_what_was_acknowledged_survives_kill_9(
    engine: Engine, migrations: Path, acknowledged_before_kill: int
) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220 - this test has nothing else to do meanwhile
        [sys.executable, "-m", "tests.stores.endless_writer", engine.address, str(migrations)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child:
        acknowledged = [child.stdout.readline().strip() for _ in range(acknowledged_before_kill)]
        child.kill()
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    database = await engine.open(migrations)
    things = await names(database)
    parts = {row["name"] for row in await database.fetch("SELECT name FROM parts")}
    await database.execute(ADD, "afterwards", 1)
    await database.close()
    assert len(acknowledged) >= acknowledged_before_kill
    assert "" not in acknowledged
    assert set(acknowledged) <= things
    assert things == parts  # no half of an apply


async def test_a_program_that_forgets_to_close_still_ends(engine: Engine, migrations: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from tests.stores.engines import open_database\n"
        "database = asyncio.run(open_database(sys.argv[1], pathlib.Path(sys.argv[2])))\n"
    )
    program = [sys.executable, "-c", code, engine.address, str(migrations)]
    done = subprocess.run(program, cwd=REPOSITORY, timeout=20, check=False)  # noqa: ASYNC221 - likewise
    assert done.returncode == 0
