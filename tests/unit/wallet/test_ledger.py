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
from didkit_py.service.storage.database import Database, Row, Value
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import open_sqlite
from wallet.storage.ledger import MAX_BATCH, BrokenLedger, Draft, HeadFile, Ledger

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MIGRATIONS = Path(wallet.__file__).parent / "migrations"
BOX = Box(key=bytes(32))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Ledger]:
    database = await open_sqlite(folder / "wallet.db", migrations=MIGRATIONS)
    try:
        yield Ledger(database, box=BOX, head_path=folder / "ledger.head")
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
