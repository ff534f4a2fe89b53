"""What should stand in the wallet's tables, as the ledger's entries tell it: each row that is read is compared with it.

A write to a table is made together with a ledger entry that says which rows it puts, moves or drops, each with the
digest of its columns. So a row that was removed, changed, added, or replaced by an older one of its own, shows when a
decision reads it, whatever table it stands in. The rules have a seal of their own (`rules_seal.py`).
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from didkit_py.encoding import Json, b64url
from didkit_py.errors import Rejected
from didkit_py.reading import Reader
from didkit_py.service.storage.database import Statement

MARK: Final = ":used"  # at the end of a group's name: the rows that are used up
MAX_ROWS: Final = 1_000  # of one entry; a document has up to ten copies


class BrokenLedger(Rejected):
    """The wallet's history was changed outside of the wallet, or a part of it is missing."""

    code = "ledger-broken"
    hint = "Nothing is shared until the wallet's folder is put back as it was, from a copy you trust."


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What one write does to one row."""

    table: str
    id: str
    group: str | None  # the rows of the table that it is read with, such as those in its state; None: it is dropped
    digest: str | None = None  # of its columns; None: they stay as they were

    @classmethod
    def from_json(cls, value: Json) -> "RowChange":
        """Read a change as an entry keeps it: table, id, and then group and digest where there are any.

        Raises Malformed.
        """
        table, row_id, *rest = Reader({"row": value}, at="entry").texts("row", at_least=2, max_items=4)
        return cls(table=table, id=row_id, group=rest[0] if rest else None, digest=rest[1] if len(rest) > 1 else None)

    def to_json(self) -> list[Json]:
        return [one for one in (self.table, self.id, self.group, self.digest) if one is not None]


class Write(NamedTuple):
    """A statement, and what it does to rows."""

    statement: Statement
    rows: tuple[RowChange, ...] = ()


def row_digest(sealed: object, *columns: int | None) -> str:
    """The digest of what a row holds: its sealed bytes and its other columns, but for its id and group."""
    octets = sealed if isinstance(sealed, bytes) else b""
    plain = ",".join("" if one is None else str(one) for one in columns).encode()
    return b64url(hashlib.sha256(plain + b"\0" + octets).digest())


class RowIndex:
    """The rows that should stand in the tables, by table, id and group."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[str, str]] = {}  # table and id -> group and digest
        self._groups: dict[tuple[str, str], set[str]] = {}  # table and group -> ids
        self._tables: dict[str, set[str]] = {}  # table -> ids
        self._marked: Counter[str] = Counter()  # table -> how many rows are in a group of those that are marked

    def follow(self, changes: Iterable[RowChange]) -> None:
        """Take in the changes of one entry, in their order."""
        for one in changes:
            at = (one.table, one.id)
            group, digest = self._rows.pop(at, ("", ""))
            self._groups.get((one.table, group), set()).discard(one.id)
            self._tables.setdefault(one.table, set()).discard(one.id)
            self._marked[one.table] += (one.group or "").endswith(MARK) - group.endswith(MARK)
            if one.group is not None:
                self._rows[at] = (one.group, digest if one.digest is None else one.digest)
                self._groups.setdefault((one.table, one.group), set()).add(one.id)
                self._tables[one.table].add(one.id)

    def ids(self, table: str, groups: Collection[str] | None = None) -> AbstractSet[str]:
        """The rows of a table, or of these groups in it."""
        if groups is None:
            return self._tables.get(table, frozenset())
        found: set[str] = set()
        for group in groups:
            found |= self._groups.get((table, group), frozenset())
        return found

    def count(self, table: str, group: str) -> int:
        """How many rows of a table are in a group."""
        return len(self._groups.get((table, group), ()))

    def totals(self, table: str) -> tuple[int, int]:
        """How many rows a table has, and how many of them are marked."""
        return len(self._tables.get(table, ())), self._marked[table]

    def require(
        self, table: str, found: Mapping[str, tuple[str, str]], expected: AbstractSet[str] | None = None
    ) -> None:
        """Check rows that were read, as id -> group and digest, and that they are all of `expected`, if that is given.

        Raises BrokenLedger.
        """
        if expected is not None and found.keys() != expected:
            what = "more" if expected <= found.keys() else "fewer"
            raise BrokenLedger(f"there are {what} rows of {table} in the wallet than it wrote")
        for row_id, row in found.items():
            if self._rows.get((table, row_id)) != row:
                raise BrokenLedger(f"a row of {table} was changed, or is older than the one that was written")


def changes_of(writes: Sequence[Write]) -> tuple[RowChange, ...]:
    """What all of these writes do, in their order."""
    return tuple(row for one in writes for row in one.rows)
