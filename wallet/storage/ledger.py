"""The disclosure ledger: what was asked, decided, released and recorded, as a chain that shows every change.

Each entry is sealed for its place and holds the digest of the entry before it. The newest digest and the count are
sealed in a file beside the database, replaced after each commit. So an entry that was edited, deleted, moved or cut off
shows, and so does a head file put back from an earlier day. What cannot show is an older copy of everything at once.

The whole chain is verified when a `Ledger` is first used: at each unlocking, and by each command. What was verified
stays in memory until the wallet is locked. Later reads and writes open the newest verified entry again and what follows
it, and compare both with the head, so their cost does not grow with the history. Nothing rests on an older row after
that; that it was changed shows at the next start or `ledger verify`.

An entry also says which rows of other tables were written with it (`rows.py`); `verified` compares rows with that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar

from didkit_py.encoding import Json, b64url, digest, from_rfc3339, jcs, rfc3339
from didkit_py.errors import CannotOpen, Malformed, StorageUnavailable
from didkit_py.reading import Reader
from didkit_py.service.observability.log import get_logger
from didkit_py.service.setup.atomic_files import replace_private
from didkit_py.service.storage.database import Database, Row, Statement
from didkit_py.service.storage.sealing import Box
from wallet.storage.rows import MAX_ROWS, BrokenLedger, RowChange, RowIndex, Write, changes_of

KEPT: Final = "kept"  # rows were written, and nothing else is to be said about it
KINDS: Final = (
    *("asked", "decided", "released", "recorded", "refused"),
    *("withdrawn", "withdrawal-confirmed", "erasure-asked", "erasure-proved", "deleted"),
    KEPT,
)
MAX_BATCH: Final = 3  # entries of one commit; a crash before the head is replaced leaves at most these newer
PAGE: Final = 1_000  # rows of one statement, verified in one go in a thread
ALL: Final = -(2**63)  # before every row, also one that no wallet writes
READ: Final = f"SELECT seq, sealed FROM ledger WHERE wallet_id = ? AND seq >= ? ORDER BY seq LIMIT {PAGE}"  # noqa: S608 - a number
APPEND: Final = "INSERT INTO ledger (wallet_id, seq, sealed) VALUES (?, ?, ?)"
_HEAD: Final = "ledger-head"
T = TypeVar("T")
log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be written down."""

    kind: str
    request_id: str
    body: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain."""

    seq: int  # from 1
    at: datetime
    kind: str
    request_id: str
    body: Mapping[str, Json] = field(repr=False)
    digest: str
    rows: tuple[RowChange, ...] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read an entry that was opened. Raises Malformed."""
        read = Reader(value, at="entry")
        return cls(
            seq=read.integer("seq", minimum=1),
            at=from_rfc3339(read.text("at")),
            kind=read.text("kind", one_of=KINDS),
            request_id=read.text("request"),
            body=read.mapping("body"),
            digest=digest(jcs(value)),
            rows=tuple(map(RowChange.from_json, read.items("rows", max_items=MAX_ROWS))) if read.has("rows") else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain begins and ends."""

    genesis: str  # what the first entry names as the one before it
    count: int
    digest: str

    def follow(self, entries: Sequence[Entry]) -> "Head":
        """The head after these entries."""
        return Head(genesis=self.genesis, count=entries[-1].seq, digest=entries[-1].digest) if entries else self


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFile:
    """The sealed head, outside the database."""

    path: Path
    box: Box

    def read(self) -> Head:
        """The head. Raises BrokenLedger when it is gone or does not open, StorageUnavailable when it cannot be read."""
        try:
            read = Reader(self.box.open(self.path.read_bytes(), place=_HEAD), at="head")
        except (FileNotFoundError, CannotOpen, Malformed) as error:
            raise BrokenLedger("the seal of the wallet's history is missing or damaged") from error
        except OSError as error:
            raise _unavailable("read", error) from error
        return Head(genesis=read.text("genesis"), count=read.integer("count"), digest=read.text("digest"))

    def write(self, head: Head) -> None:
        """Replace the head at once and durably. Raises StorageUnavailable."""
        value: Json = {"genesis": head.genesis, "count": head.count, "digest": head.digest}
        try:
            replace_private(self.path, self.box.seal(value, place=_HEAD))
        except OSError as error:
            raise _unavailable("written", error) from error

    def create(self) -> None:
        """The head of a new wallet's empty chain."""
        genesis = b64url(self.box.random(16))
        self.write(Head(genesis=genesis, count=0, digest=genesis))


def _unavailable(done: str, error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"the seal of the wallet's history cannot be {done} ({error.strerror})")


def verify_chain(rows: Sequence[Row], *, head: Head, box: Box) -> tuple[Entry, ...]:
    """The entries, if every one is in its place, follows from the one before, and the head is one of them.

    At most MAX_BATCH entries may be newer than the head: those of a commit after which the head was not replaced.
    Raises BrokenLedger.
    """
    entries = follow_chain((), rows, genesis=head.genesis, box=box)
    _require_head(entries, head)
    return entries


def follow_chain(known: Sequence[Entry], rows: Sequence[Row], *, genesis: str, box: Box) -> tuple[Entry, ...]:
    """`known` and the entries of the rows after it, each of which must follow from the one before.

    Raises BrokenLedger.
    """
    entries = [*known]
    before = known[-1].digest if known else genesis
    for place, row in enumerate(rows, start=len(known) + 1):
        entry, names = _open(row, place, box)
        if names != before:
            raise BrokenLedger(f"entry {place} of the wallet's history does not follow from the one before it")
        entries.append(entry)
        before = entry.digest
    return tuple(entries)


def _open(row: Row, place: int, box: Box) -> tuple[Entry, str]:
    if row["seq"] != place:
        raise BrokenLedger(f"entry {place} of the wallet's history is missing")
    try:
        value = box.open(row["sealed"], place=f"ledger:{place}")
        entry = Entry.from_json(value)
        before = Reader(value, at="entry").text("prev")
    except (CannotOpen, Malformed) as error:
        raise BrokenLedger(f"entry {place} of the wallet's history was changed") from error
    if entry.seq != place:
        raise BrokenLedger(f"entry {place} of the wallet's history was moved")
    return entry, before


def _require_head(entries: Sequence[Entry], head: Head) -> None:
    if len(entries) < head.count:
        raise BrokenLedger(f"the wallet's history was cut: {head.count} entries were written, {len(entries)} are left")
    named = entries[head.count - 1].digest if head.count else head.genesis
    if named != head.digest:
        raise BrokenLedger("the wallet's history is not the one that was sealed")
    if len(entries) > head.count + MAX_BATCH:
        raise BrokenLedger("the seal of the wallet's history is older than the history")


class Ledger:
    """The chain of one wallet in the database with its head in a file."""

    def __init__(self, database: Database, *, wallet_id: str, box: Box, head_path: Path) -> None:
        self._database = database
        self._wallet_id = wallet_id
        self._box = box
        self._head = HeadFile(path=head_path, box=box)
        self._turn = asyncio.Lock()  # entries are written one commit after the other, each with its head
        self._verified: tuple[str, tuple[Entry, ...]] | None = None  # the genesis and what was verified
        self._rows = RowIndex()  # of what was verified

    async def read(self) -> tuple[Entry, ...]:
        """Every entry: those that were verified before, and verified now what follows. Raises BrokenLedger."""
        while True:
            head = self._head.read()  # before the rows: an entry written meanwhile is newer than the head, never older
            entries = await self._follow(head)
            if self._head.read() == head:  # else the rows may be newer by any number of commits
                _require_head(entries, head)
                for entry in entries[self._count :]:
                    self._rows.follow(entry.rows)
                if len(entries) >= self._count:
                    self._verified = (head.genesis, entries)
                return entries

    async def verified(self, read: Callable[[], Awaitable[T]], require: Callable[[T, RowIndex], None]) -> T:
        """What `read` finds in other tables, once `require` holds for it against the rows that the entries name.

        It is read again where something was written meanwhile. Raises what `require` raises, or BrokenLedger.
        """
        await self.read()
        while True:
            before = self._count
            found = await read()
            await self.read()
            if self._count == before:
                require(found, self._rows)
                return found

    @property
    def _count(self) -> int:
        """How many entries were verified; another page may have read further than this one."""
        return len(self._verified[1]) if self._verified else 0

    async def _follow(self, head: Head) -> tuple[Entry, ...]:
        genesis, verified = self._verified or (head.genesis, ())
        if genesis != head.genesis:
            raise BrokenLedger("the wallet's history is not the one that was sealed")
        # The newest verified entry is opened again: it still stands there, or the history was cut or replaced.
        rows = await self._database.fetch(READ, self._wallet_id, len(verified) or ALL)
        if verified and len(rows) == 1:
            entry, _ = _open(rows[0], len(verified), self._box)
            if entry.digest == verified[-1].digest:
                return verified  # nothing was written since, which is so for most reads
        entries = verified[:-1]
        while True:
            entries = await asyncio.to_thread(follow_chain, entries, rows, genesis=genesis, box=self._box)
            if len(rows) < PAGE:
                break
            log.info("ledger-verifying", count=len(entries), of=head.count)
            rows = await self._database.fetch(READ, self._wallet_id, len(entries) + 1)
        if verified and (len(entries) < len(verified) or entries[len(verified) - 1].digest != verified[-1].digest):
            raise BrokenLedger(f"entry {len(verified)} of the wallet's history was cut off or replaced")
        return entries

    async def adopt(self) -> int:
        """Verify and bring the head up to the chain after a crash; the number of entries. Raises BrokenLedger."""
        async with self._turn:
            return (await self._adopt()).count

    async def append(self, *drafts: Draft, now: datetime, also: Sequence[Write] = ()) -> None:
        """Write these entries and make the writes of `also`, all or none; the last entry names the rows of the writes.

        Raises BrokenLedger or GuardFailed. After StorageUnavailable they may stand there, as after any write.
        """
        if len(drafts) > MAX_BATCH:
            raise ValueError("too many entries for one commit")
        async with self._turn:
            head = await self._adopt()  # first, or heads that cannot be written would fall behind by more than a batch
            rows = changes_of(also)
            if rows and not drafts:
                drafts = (Draft(kind=KEPT, request_id=rows[0].id, body={}),)
            entries, statements = self._chain(head, drafts, rows, now)
            await self._database.apply(*statements, *(one.statement for one in also))
            await asyncio.to_thread(self._head.write, head.follow(entries))

    async def _adopt(self) -> Head:
        entries = await self.read()
        head = self._head.read()
        newest = head.follow(entries)
        if newest != head:
            await asyncio.to_thread(self._head.write, newest)
        return newest

    def _chain(
        self, head: Head, drafts: Sequence[Draft], rows: Sequence[RowChange], now: datetime
    ) -> tuple[tuple[Entry, ...], tuple[Statement, ...]]:
        entries: list[Entry] = []
        statements: list[Statement] = []
        for draft in drafts:
            head = head.follow(entries)
            value: dict[str, Json] = {
                "seq": head.count + 1,
                "prev": head.digest,
                "at": rfc3339(now),
                "kind": draft.kind,
                "request": draft.request_id,
                "body": dict(draft.body),
            }
            if rows and draft is drafts[-1]:
                value["rows"] = [one.to_json() for one in rows]
            entries.append(Entry.from_json(value))
            sealed = self._box.seal(value, place=f"ledger:{head.count + 1}")
            statements.append(Statement(APPEND, (self._wallet_id, head.count + 1, sealed), rows=1))
        return tuple(entries), tuple(statements)
