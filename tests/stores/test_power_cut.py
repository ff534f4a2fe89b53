"""The power goes at any moment: what was acknowledged is there afterwards, whole, and the program starts by itself.

A workload runs once on the engine as it is, on a file system that notes every step. Then the disk is put together as it
would be after a cut at each of many moments, with a seeded chance for everything that no sync covers, and the product's
own code opens it. The same check finds losses where syncing is turned down, so it can fail.
"""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

import wallet
from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage import sqlite
from didkit_py.service.storage.database import Statement
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import SqliteDatabase, open_sqlite
from didkit_py.service.storage.sqlite_connection import SET_UP, Job, commit, connect
from tests.stores.disk import Disk, Event, Sync, Told
from tests.stores.recorder import Recorder
from wallet.folder import create_folder
from wallet.storage.ledger import MAX_BATCH, Draft, HeadFile, Ledger
from wallet.storage.rows import BrokenLedger
from wallet.storage.vault import create_key

CUTS: Final = 2_000
FEWER_CUTS: Final = 100  # where losses are many
LEDGER_CUTS: Final = 200
TASKS: Final = 5
ROUNDS: Final = 12
FEW_ROUNDS: Final = 4
ROWS: Final = 2  # that each apply changes together
SIZES: Final = (10, 300, 5_000)  # bytes, also more than a page
LONG: Final = 4_200_000  # bytes; SQLite moves its journal into the file at 1,000 pages
FILE: Final = "store.db"
KEYS: Final = "keys.sealed"
HEAD: Final = "ledger.head"
CHANGE: Final = "UPDATE things SET size = ?, body = ? WHERE note = ?"
PASSPHRASE: Final = "four words of no meaning"
WALLET_TABLES: Final = Path(wallet.__file__).parent / "migrations"
NOW: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

Judge = Callable[[Path, Sequence[Any]], str]  # `whole`, or what is wrong with a folder, given what callers were told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def verdicts(events: Sequence[Event], judge: Judge, *, cuts: int, memory: Path) -> Iterator[str]:
    """What is wrong after each of so many cuts, as many of them after one sync or acknowledgement as after another."""
    rng = random.Random(cuts)  # noqa: S311 - the same choices each time
    stops = [0, *(place for place, event in enumerate(events) if isinstance(event, Sync | Told)), len(events)]
    turns = (cut * (len(stops) - 1) // cuts for cut in range(cuts))
    disk, done = Disk(), 0
    for moment in sorted(rng.randint(stops[turn], stops[turn + 1]) for turn in turns):
        for event in events[done:moment]:
            disk.follow(event)
        done = moment
        folder = memory / "after"
        folder.mkdir()
        for name, content in disk.cut(rng).items():
            (folder / name).write_bytes(content)
        yield judge(folder, disk.told)
        shutil.rmtree(folder)


# The database


async def work(folder: Path, migrations: Path) -> list[Event]:
    """What happens while tasks write at the same time, the file is scrubbed, and the engine closed and opened again.

    The long value makes SQLite move its journal into the file by itself, and begin the journal anew.
    """
    recorder = Recorder(folder)
    with recorder.watching():
        for turn in ("first", "second"):
            database = await open_sqlite(folder / FILE, migrations=migrations)
            await write(database, recorder, turn, ROUNDS)
            await database.scrub()
            await write(database, recorder, f"{turn}, again", ROUNDS)
            await database.close()
        database = await open_sqlite(folder / FILE, migrations=migrations)
        await database.execute("INSERT INTO things (name, body) VALUES ('long', ?)", bytes(LONG))
        await write(database, recorder, "last", FEW_ROUNDS)
        await database.close()
    return recorder.events


async def write(database: SqliteDatabase, recorder: Recorder, turn: str, rounds: int) -> None:
    await asyncio.gather(*(change(database, recorder, f"{turn} {task}", rounds) for task in range(TASKS)))


async def change(database: SqliteDatabase, recorder: Recorder, task: str, rounds: int) -> None:
    """Each round changes the task's rows together and adds a part, so that half a round would show."""
    rng = random.Random(task)  # noqa: S311 - likewise
    await database.apply(
        *(Statement("INSERT INTO things (name, note) VALUES (?, ?)", (f"{task}, {n}", task)) for n in range(ROWS))
    )
    for number in range(1, rounds + 1):
        await database.apply(
            Statement(CHANGE, (number, rng.randbytes(rng.choice(SIZES)), task), rows=ROWS),
            Statement("INSERT INTO parts (name, thing) VALUES (?, ?)", (f"{task}, part {number}", f"{task}, 0")),
        )
        recorder.tell((task, number))


def judge_database(folder: Path, told: Sequence[Any]) -> str:
    if not (folder / FILE).exists():
        return "lost" if told else "whole"
    try:
        connection = connect(folder / FILE, SET_UP)
        try:
            return judge_content(connection, dict(told))
        finally:
            connection.close()
    except sqlite3.Error:
        return "damaged"


def judge_content(connection: sqlite3.Connection, told: dict[str, int]) -> str:
    if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        return "damaged"
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'parts'").fetchall():
        return "lost" if told else "whole"
    sizes: dict[str, set[int | None]] = {}
    for task, size in connection.execute("SELECT note, size FROM things WHERE note IS NOT NULL"):
        sizes.setdefault(task, set()).add(size)
    parts = dict(connection.execute("SELECT thing, count(*) FROM parts GROUP BY thing").fetchall())
    if any(of_task != {parts.get(f"{task}, 0")} for task, of_task in sizes.items()):
        return "by half"
    return "lost" if any(parts.get(f"{task}, 0", 0) < number for task, number in told.items()) else "whole"


def test_what_was_acknowledged_survives_a_power_cut_at_any_moment_and_nothing_is_there_by_half(
    folder: Path, migrations: Path, memory: Path
) -> None:
    events = asyncio.run(work(folder, migrations))
    for cut, verdict in enumerate(verdicts(events, judge_database, cuts=CUTS, memory=memory)):
        assert verdict == "whole", f"cut {cut}"


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_the_check_finds_what_is_lost_where_syncing_is_turned_down(
    folder: Path, migrations: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    weaker = tuple(pragma.replace("synchronous = FULL", f"synchronous = {level}") for pragma in SET_UP)
    monkeypatch.setattr(sqlite._Writer, "set_up", weaker)
    events = asyncio.run(work(folder, migrations))
    assert "lost" in verdicts(events, judge_database, cuts=FEWER_CUTS, memory=memory)


def test_the_check_finds_what_is_lost_where_callers_are_answered_before_the_commit(
    folder: Path, migrations: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_first(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        early = [job for job in jobs if job.steps[0].sql == CHANGE]
        jobs[0].future.get_loop().call_soon_threadsafe(sqlite._answer, early)
        commit(connection, jobs)

    monkeypatch.setattr(sqlite, "commit", answer_first)
    events = asyncio.run(work(folder, migrations))
    assert "lost" in verdicts(events, judge_database, cuts=FEWER_CUTS, memory=memory)


# The wallet's history, whose head stands in a file of its own, and its key


async def live(folder: Path) -> tuple[Box, list[Event]]:
    """A new wallet writes down one to three entries at a time."""
    recorder = Recorder(folder)
    with recorder.watching():
        box = create_key(folder / KEYS, PASSPHRASE)
        HeadFile(path=folder / HEAD, box=box).create()
        recorder.tell(0)
        database = await open_sqlite(folder / FILE, migrations=WALLET_TABLES)
        ledger = Ledger(database, wallet_id="hers", box=box, head_path=folder / HEAD)
        count = 0
        for turn in range(15):
            batch = 1 + turn % MAX_BATCH
            await ledger.append(*(draft(f"{turn}.{number}") for number in range(batch)), now=NOW)
            recorder.tell(count := count + batch)
        await database.close()
    return box, recorder.events


def draft(name: str) -> Draft:
    return Draft(kind="asked", request_id=name, body={})


async def resume(folder: Path, box: Box) -> int:
    """Start again and write one thing more; how many entries stood there before."""
    database = await open_sqlite(folder / FILE, migrations=WALLET_TABLES)
    try:
        ledger = Ledger(database, wallet_id="hers", box=box, head_path=folder / HEAD)
        count = await ledger.adopt()
        await ledger.append(draft("after"), now=NOW)
        return count
    finally:
        await database.close()


def test_a_wallet_goes_on_after_a_power_cut_with_its_key_and_everything_that_it_wrote_down(
    folder: Path, memory: Path
) -> None:
    box, events = asyncio.run(live(folder))
    sealed = (folder / KEYS).read_bytes()

    def judge(after: Path, told: Sequence[int]) -> str:
        if not told:
            return "whole"
        if (after / KEYS).read_bytes() != sealed:
            return "no key"
        try:
            return "whole" if asyncio.run(resume(after, box)) >= told[-1] else "lost"
        except (BrokenLedger, StorageUnavailable) as error:
            return str(error)

    for cut, verdict in enumerate(verdicts(events, judge, cuts=LEDGER_CUTS, memory=memory)):
        assert verdict == "whole", f"cut {cut}"


def test_a_new_folder_is_there_for_good_once_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[object] = []
    sync, replace = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        sync(handle)
        steps.append(os.fstat(handle).st_ino)

    def note_name(old: Path, new: Path) -> None:
        replace(old, new)
        steps.append("named")

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_name)
    create_folder(
        tmp_path / "new" / "wallet", settings={"name": "mine", "base_url": "http://localhost:1"}, passphrase=PASSPHRASE
    )
    place = tmp_path / "new" / "wallet"
    named = max(number for number, step in enumerate(steps) if step == "named")
    assert place.stat().st_ino in steps[:named]
    assert {path.stat().st_ino for path in place.parents[:2]} <= set(steps[named:])
