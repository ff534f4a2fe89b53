"""The ledger's chain, where each entry is genuine and only the whole is not: what sealing alone would let through."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import wallet
from didkit_py.service.storage.database import Database, Row, Statement, Value
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import open_sqlite
from wallet.storage.ledger import MAX_BATCH, PAGE, Draft, HeadFile, Ledger
from wallet.storage.rows import BrokenLedger

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MIGRATIONS = Path(wallet.__file__).parent / "migrations"
BOX = Box(key=bytes(32))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Ledger]:
    database = await open_sqlite(folder / "wallet.db", migrations=MIGRATIONS)
    try:
        yield Ledger(database, wallet_id="hers", box=BOX, head_path=folder / "ledger.head")
    finally:
        await database.close()


def begin(folder: Path) -> None:
    """A new folder, whose history has the same beginning as that of the others beside it."""
    folder.mkdir()
    head = folder.parent / "first.head"
    if not head.exists():
        HeadFile(path=head, box=BOX).create()
    shutil.copy(head, folder / "ledger.head")


async def lived(folder: Path, *vendors: str) -> Path:
    """A wallet's folder after these vendors asked."""
    begin(folder)
    async with opened(folder) as ledger:
        for number, vendor in enumerate(vendors):
            await ledger.append(Draft(kind="asked", request_id=str(number), body={"vendor": vendor}), now=NOW)
    return folder


def take_row(place: int, *, source: Path, target: Path) -> None:
    """Put an entry of one history into its own place in another."""
    with sqlite3.connect(source / "wallet.db") as theirs:
        ((sealed,),) = theirs.execute("SELECT sealed FROM ledger WHERE seq = ?", (place,)).fetchall()
    with sqlite3.connect(target / "wallet.db") as ours:
        ours.execute("UPDATE ledger SET sealed = ? WHERE seq = ?", (sealed, place))
    theirs.close()
    ours.close()


async def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = await lived(tmp_path / "one", "dealer", "Clearsound", "dealer")
    async with opened(folder) as ledger:
        entries = await ledger.read()
    assert [(one.seq, one.body["vendor"]) for one in entries] == [(1, "dealer"), (2, "Clearsound"), (3, "dealer")]


async def test_a_genuine_entry_of_another_history_in_its_own_place_is_noticed(tmp_path: Path) -> None:
    folder = await lived(tmp_path / "one", "dealer", "Clearsound", "dealer")
    other = await lived(tmp_path / "other", "dealer", "somebody else", "dealer")
    take_row(2, source=other, target=folder)
    async with opened(folder) as ledger:
        with pytest.raises(BrokenLedger, match=r"entry 3 .* does not follow"):
            await ledger.read()


async def test_another_whole_history_under_the_same_seal_is_noticed(tmp_path: Path) -> None:
    folder = await lived(tmp_path / "one", "dealer", "Clearsound")
    other = await lived(tmp_path / "other", "dealer", "somebody else")
    shutil.copy(folder / "ledger.head", other / "ledger.head")
    async with opened(other) as ledger:
        with pytest.raises(BrokenLedger, match="not the one that was sealed"):
            await ledger.read()


class Overtaken:
    """The database of a reader whom a writer overtakes once, between the head and the rows."""

    def __init__(self, database: Database, write: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._writes = [write]

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        while self._writes:
            await self._writes.pop()()
        return await self._database.fetch(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_a_reader_whom_a_writer_overtakes_by_many_commits_reads_again(tmp_path: Path) -> None:
    begin(tmp_path / "one")
    async with opened(tmp_path / "one") as writer, opened(tmp_path / "one") as reader:

        async def write_more_than_one_commit_may_hold() -> None:
            for number in range(MAX_BATCH + 1):
                await writer.append(Draft(kind="asked", request_id=str(number), body={}), now=NOW)

        reader._database = Overtaken(reader._database, write_more_than_one_commit_may_hold)
        assert len(await reader.read()) == MAX_BATCH + 1


async def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path) -> None:
    begin(tmp_path / "one")
    async with opened(tmp_path / "one") as ledger:
        for day in (22, 21, 23):
            await ledger.append(Draft(kind="asked", request_id=f"{day}", body={}), now=NOW.replace(day=day))
        assert [(one.seq, one.request_id) for one in await ledger.read()] == [(1, "22"), (2, "21"), (3, "23")]


class Counting:
    """The database of a ledger, which counts the rows that are read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rows = 0

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        rows = await self._database.fetch(sql, *args)
        self.rows += len(rows)
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def long_history(folder: Path, length: int) -> None:
    """A wallet's folder with so many entries, written as the ledger writes them, but in one commit."""
    begin(folder)
    async with opened(folder) as ledger:
        head = ledger._head.read()
        statements: list[Statement] = []
        for first in range(0, length, MAX_BATCH):
            count = min(MAX_BATCH, length - first)
            drafts = [Draft(kind="asked", request_id=f"{first + each}", body={}) for each in range(count)]
            entries, written = ledger._chain(head, drafts, (), NOW)
            head = head.follow(entries)
            statements += written
        await ledger._database.apply(*statements)
        ledger._head.write(head)


@pytest.mark.parametrize("length", [100, 10_000])
async def test_as_many_rows_are_read_after_ten_thousand_entries_as_after_a_hundred(tmp_path: Path, length: int) -> None:
    await long_history(tmp_path / "one", length)
    async with opened(tmp_path / "one") as ledger:
        assert await ledger.adopt() == length
        counting = Counting(ledger._database)
        ledger._database = counting
        assert len(await ledger.read()) == length
        assert counting.rows == 1
        await ledger.append(*[Draft(kind="asked", request_id="new", body={})] * MAX_BATCH, now=NOW)
        assert counting.rows == 1 + 1
        assert len(await ledger.read()) == length + MAX_BATCH
        assert counting.rows == 1 + 1 + (1 + MAX_BATCH)


CHANGES_WHILE_OPEN = {
    "newest removed": "DELETE FROM ledger WHERE seq = 3",
    "newest changed": "UPDATE ledger SET sealed = zeroblob(200) WHERE seq = 3",
    "newest is an older one": "UPDATE ledger SET sealed = (SELECT sealed FROM ledger WHERE seq = 2) WHERE seq = 3",
    "added": "INSERT INTO ledger SELECT wallet_id, 4, sealed FROM ledger WHERE seq = 3",
    "all removed": "DELETE FROM ledger",
}


@pytest.mark.parametrize("change", CHANGES_WHILE_OPEN)
@pytest.mark.parametrize("reads_before", [0, 1])
async def test_a_row_that_a_decision_opens_is_noticed_when_it_was_changed(
    tmp_path: Path, change: str, reads_before: int
) -> None:
    folder = await lived(tmp_path / "one", "dealer", "Clearsound", "dealer")
    async with opened(folder) as ledger:
        for _ in range(reads_before):
            await ledger.read()
        with sqlite3.connect(folder / "wallet.db") as database:
            database.execute(CHANGES_WHILE_OPEN[change])
        database.close()
        for _ in range(2):  # what failed once is not taken for verified
            with pytest.raises(BrokenLedger):
                await ledger.read()
        with pytest.raises(BrokenLedger):
            await ledger.append(Draft(kind="asked", request_id="next", body={}), now=NOW)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM ledger WHERE seq = 1", "INSERT INTO ledger VALUES ('hers', 0, zeroblob(200))"]
)
async def test_an_old_row_that_was_removed_or_added_is_noticed_at_the_next_start_and_missed_by_no_decision(
    tmp_path: Path, statement: str
) -> None:
    folder = await lived(tmp_path / "one", "dealer", "Clearsound", "dealer")
    async with opened(folder) as ledger:
        before = await ledger.read()
        with sqlite3.connect(folder / "wallet.db") as database:
            database.execute(statement)
        database.close()
        assert await ledger.read() == before
    async with opened(folder) as ledger:
        with pytest.raises(BrokenLedger, match="entry 1"):
            await ledger.adopt()


async def test_a_head_of_another_history_is_noticed_while_the_ledger_is_open(tmp_path: Path) -> None:
    folder = await lived(tmp_path / "one", "dealer")
    async with opened(folder) as ledger:
        await ledger.read()
        HeadFile(path=folder / "ledger.head", box=BOX).create()
        with pytest.raises(BrokenLedger, match="not the one that was sealed"):
            await ledger.read()


async def test_another_process_that_writes_is_followed(tmp_path: Path) -> None:
    folder = await lived(tmp_path / "one", "dealer")
    async with opened(folder) as writer, opened(folder) as reader:
        assert len(await reader.read()) == 1
        for _ in range(PAGE // 100):
            await writer.append(Draft(kind="asked", request_id="other", body={}), now=NOW)
        assert len(await reader.read()) == 1 + PAGE // 100
