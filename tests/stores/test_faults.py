"""The disk fails at each step in turn: refused with a code, acknowledged to nobody, and well again by itself.

Where it failed once, the power goes at the end, and of what the failed sync should have written the disk has nothing.
"""

import asyncio
import errno
import os
import random
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import pytest

import wallet
from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Statement
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import SqliteDatabase, open_sqlite
from tests.stores.disk import Disk
from tests.stores.recorder import Recorder
from wallet.storage.ledger import Draft, Head, HeadFile, Ledger

FILE: Final = "store.db"
HEAD: Final = "ledger.head"
ADD_THING: Final = "INSERT INTO things (name, body) VALUES (?, ?)"
ADD_PART: Final = "INSERT INTO parts (name, thing) VALUES (?, ?)"
WALLET_TABLES: Final = Path(wallet.__file__).parent / "migrations"
BOX: Final = Box(key=bytes(32))
NOW: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
FOR_EVER: Final = 1_000_000
NOBODY: Final = 65_534  # the user that owns nothing
OF_SQLITE: Final = {
    "open": apsw.SQLITE_CANTOPEN,
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "delete": apsw.SQLITE_IOERR_DELETE,
}
Result = TypeVar("Result")

each_length = pytest.mark.parametrize("length", [1, FOR_EVER], ids=["once", "until it is repaired"])


@dataclass(slots=True)
class FailingDisk:
    """Answers with errors from its step `first` on, as many times as `length` says, until it is repaired."""

    first: int
    length: int
    repaired: bool = False
    steps: int = 0
    kinds: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def __call__(self, step: str) -> None:
        if self.repaired:
            return
        self.steps += 1
        self.kinds.add(step)
        if self.first <= self.steps < self.first + self.length:
            self.failed.add(step)
            if step in OF_SQLITE:
                raise apsw.exception_for(OF_SQLITE[step])
            raise OSError(errno.EIO, "Input/output error")

    def repair(self) -> None:
        self.repaired = True


@dataclass(slots=True)
class Calls:
    """What became of a program's calls."""

    told: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def make(self, name: str, call: Awaitable[object]) -> None:
        """Note whether it was acknowledged; any other refusal than the one with the storage's code fails the test."""
        try:
            await call
        except StorageUnavailable:
            self.refused.append(name)
        else:
            self.told.append(name)


Life = Callable[[Path, FailingDisk, Calls], Coroutine[Any, Any, None]]


def spend(life: Life, folder: Path, disk: FailingDisk) -> tuple[Calls, Path]:
    """What a program was told during its life, and its folder after a power cut at the end."""
    calls, state, after = Calls(), Disk(), folder.with_name(f"{folder.name}, after")
    folder.mkdir()
    recorder = Recorder(folder, judge=disk)
    with recorder.watching():
        asyncio.run(life(folder, disk, calls))
    for event in recorder.events:
        state.follow(event)
    after.mkdir()
    for name, content in state.cut(random.Random(disk.first)).items():  # noqa: S311 - the same choices each time
        (after / name).write_bytes(content)
    return calls, after


async def begun(begin: Callable[[], Awaitable[Result]], disk: FailingDisk) -> Result:
    """A program that cannot start says so and ends; it starts once the disk works."""
    try:
        return await begin()
    except StorageUnavailable:
        disk.repair()
        return await begin()


def failures(life: Life, place: Path, *, length: int) -> Iterator[tuple[Calls, tuple[Path, ...]]]:
    """For each step of a life: what was told when the disk failed there, and the folders that it left.

    That every kind of step failed in its turn is checked at the end.
    """
    sound, failed = FailingDisk(0, 0), set[str]()
    assert spend(life, place / "sound", sound)[0].refused == []
    for first in range(1, sound.steps + 1):
        disk, folder = FailingDisk(first, length), place / f"{first}"
        calls, after = spend(life, folder, disk)
        failed |= disk.failed
        # Who opens the file anew while syncs go on failing builds on what only the system's memory holds: SQLite cannot
        # know, and a power cut then costs what was built. So the cut is judged where the disk failed once.
        yield calls, (folder, after) if length == 1 else (folder,)
    assert failed == sound.kinds


# The database


@each_length
def test_a_disk_that_fails_at_any_step_costs_nothing_that_was_acknowledged_and_stops_nothing_for_good(
    memory: Path, migrations: Path, length: int
) -> None:
    async def life(folder: Path, disk: FailingDisk, calls: Calls) -> None:
        database = await begun(partial(open_sqlite, folder / FILE, migrations=migrations), disk)
        await asyncio.gather(*(calls.make(name, write(database, name)) for name in "abc"))
        await Calls().make("read", database.fetch("SELECT name FROM things"))
        await Calls().make("scrub", database.scrub())
        await asyncio.gather(*(calls.make(name, write(database, name)) for name in "de"))
        await calls.make("f", write(database, "f"))
        await database.close()
        database = await begun(partial(open_sqlite, folder / FILE, migrations=migrations), disk)
        await calls.make("g", write(database, "g"))
        disk.repair()
        await write(database, "afterwards")
        await database.scrub()
        await database.close()

    for calls, folders in failures(life, memory, length=length):
        for folder in folders:
            assert {*calls.told, "afterwards"} <= names_in(folder) <= {*calls.told, *calls.refused, "afterwards"}


async def write(database: SqliteDatabase, name: str) -> None:
    body = name.encode() * 1_000
    await database.apply(Statement(ADD_THING, (name, body), rows=1), Statement(ADD_PART, (name, name), rows=1))


def names_in(folder: Path) -> set[str]:
    """What stands in the database, which is sound and holds nothing by half."""
    connection = sqlite3.connect(folder / FILE)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        things = {name for (name,) in connection.execute("SELECT name FROM things")}
        assert things == {name for (name,) in connection.execute("SELECT name FROM parts")}
    finally:
        connection.close()
    return things


# The wallet's history, whose head stands in a file of its own


@each_length
def test_the_wallets_history_outlives_a_disk_that_fails_at_any_step(memory: Path, length: int) -> None:
    async def life(folder: Path, disk: FailingDisk, calls: Calls) -> None:
        head = HeadFile(path=folder / HEAD, box=BOX)
        await begun(partial(asyncio.to_thread, head.create), disk)
        database = await begun(partial(open_sqlite, folder / FILE, migrations=WALLET_TABLES), disk)
        ledger = Ledger(database, wallet_id="hers", box=BOX, head_path=folder / HEAD)
        for name in "abc":
            await calls.make(name, ledger.append(draft(name), now=NOW))
        disk.repair()
        await ledger.append(draft("z"), now=NOW)
        await database.close()

    for calls, folders in failures(life, memory, length=length):
        for folder in folders:
            history = asyncio.run(history_in(folder))
            assert {*calls.told, "z"} <= set(history) <= {*calls.told, *calls.refused, "z"}
            assert history == sorted(set(history))


def draft(name: str) -> Draft:
    return Draft(kind="asked", request_id=name, body={})


async def history_in(folder: Path) -> list[str]:
    database = await open_sqlite(folder / FILE, migrations=WALLET_TABLES)
    try:
        entries = await Ledger(database, wallet_id="hers", box=BOX, head_path=folder / HEAD).read()
    finally:
        await database.close()
    return [entry.request_id for entry in entries]


async def test_a_head_that_cannot_be_replaced_stops_the_wallet_and_not_its_history(tmp_path: Path) -> None:
    full = False

    def judge(step: str) -> None:
        if full and step == "os.open":
            raise OSError(errno.ENOSPC, "No space left on device")

    recorder = Recorder(tmp_path, judge=judge)
    with recorder.watching():
        HeadFile(path=tmp_path / HEAD, box=BOX).create()
        database = await open_sqlite(tmp_path / FILE, migrations=WALLET_TABLES)
        ledger = Ledger(database, wallet_id="hers", box=BOX, head_path=tmp_path / HEAD)
        full = True
        for number in range(10):
            with pytest.raises(StorageUnavailable, match="No space left on device"):
                await ledger.append(draft(f"{number}"), now=NOW)
        full = False
        await ledger.append(draft("afterwards"), now=NOW)
        assert [entry.request_id for entry in await ledger.read()] == ["0", "afterwards"]  # the rest was never begun
        await database.close()


# Files that may not be written, and no file handles


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Meanwhile nobody may write there; root, who always may, is somebody else."""
    for path, mode in ((folder.parent, 0o755), (folder, 0o555), *((path, 0o444) for path in folder.iterdir())):
        path.chmod(mode)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)


@contextmanager
def no_file_handles(_: Path) -> Iterator[None]:
    """Meanwhile nothing can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("fault", [read_only, no_file_handles])
async def test_a_store_that_cannot_open_or_write_its_files_says_so_and_works_again_afterwards(
    memory: Path, migrations: Path, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    folder = memory / "folder"
    folder.mkdir()
    before = await open_sqlite(folder / FILE, migrations=migrations)
    await write(before, "before")
    await before.close()
    head = HeadFile(path=folder / HEAD, box=BOX)
    head.create()
    database = SqliteDatabase(folder / FILE)
    with fault(folder):
        for call in (write(database, "lost"), database.fetch("SELECT name FROM things")):
            with pytest.raises(StorageUnavailable, match=r"SQLITE_(CANTOPEN|READONLY)"):
                await call
        with pytest.raises(StorageUnavailable, match=r"Permission denied|Too many open files"):
            head.write(Head(genesis="g", count=1, digest="d"))
    assert head.read().count == 0
    await write(database, "after")
    await database.close()
    assert names_in(folder) == {"before", "after"}
