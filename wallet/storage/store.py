"""Everything the wallet remembers. Columns hold opaque ids, counters, times and states; the rest is sealed."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final, NamedTuple

from didkit_py.consent.policy import DEFAULT_POLICY, Policy
from didkit_py.encoding import Json, from_timestamp, timestamp
from didkit_py.errors import CannotOpen, IllegalMove, Malformed, NotFound
from didkit_py.roles.ending import Ended
from didkit_py.service.storage.columns import placeholders
from didkit_py.service.storage.database import Database, GuardFailed, Row, Statement
from didkit_py.service.storage.sealing import Box
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.ledger import Draft, Entry, Ledger
from wallet.storage.rows import MARK, BrokenLedger, RowChange, RowIndex, Write, row_digest
from wallet.storage.rules_seal import RulesSeal

# Documents, and beside each the first of its copies that nobody has seen: one statement, however many are held.
CREDENTIALS: Final = (
    "SELECT d.id, d.type_key, d.received_at, d.sealed, d.copies, d.copies_left,"
    " n.id AS copy_id, n.sealed AS copy_sealed FROM ("
    "SELECT c.id, c.type_key, c.received_at, c.sealed, count(p.id) AS copies,"
    " count(p.id) - count(p.used_at) AS copies_left, min(CASE WHEN p.used_at IS NULL THEN p.id END) AS next_copy"
    " FROM credentials c LEFT JOIN copies p ON p.wallet_id = c.wallet_id AND p.credential_id = c.id"
    " WHERE c.wallet_id = ?{which} GROUP BY c.id, c.type_key, c.received_at, c.sealed"
    ") d LEFT JOIN copies n ON n.wallet_id = ? AND n.id = d.next_copy ORDER BY d.received_at, d.id"
)
# How many documents there are and how many copies were shown, whatever their type: one that is gone, or was put back as
# one that nobody has seen, shows at any decision.
TOTALS: Final = (
    "SELECT (SELECT count(*) FROM credentials WHERE wallet_id = ?) AS documents, count(*) AS used"
    " FROM copies WHERE wallet_id = ? AND used_at IS NOT NULL"
)
_TYPE_KEY: Final = b"didkit-type-key"  # at most 16 bytes: what the hash is for
_POLICY: Final = "policy"
_TRIES: Final = 5  # two writers of one row: the second reads again


class HeldCredential(NamedTuple):
    """A document, and the copy of it that would be shown next: None when all are used."""

    credential: StoredCredential
    copy: StoredCopy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A vendor's request with its state; the body is the use case's."""

    id: str
    state: str
    opened_at: datetime
    changed_at: datetime
    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletStore:
    """One wallet in its database, opened with its key."""

    database: Database
    wallet_id: str  # whose: every statement names it
    box: Box
    ledger: Ledger
    rules: RulesSeal

    def _seal(self, value: Json, table: str, row_id: str) -> bytes:
        return self.box.seal(value, place=f"{table}:{row_id}")

    def _open(self, row: Row, table: str) -> Json:
        return self.box.open(row["sealed"], place=f"{table}:{_text(row, 'id')}")

    async def _read(
        self, require: Callable[[Sequence[Row], RowIndex], None], sql: str, *parameters: str | int
    ) -> Sequence[Row]:
        """Rows that stand as they were written. Raises BrokenLedger."""
        return await self.ledger.verified(lambda: self.database.fetch(sql, *parameters), require)

    async def _write(self, *writes: Write, now: datetime, fault: str) -> None:
        """All of these writes. Raises IllegalMove, saying `fault`, when one of them finds another state."""
        try:
            await self.ledger.append(now=now, also=writes)
        except GuardFailed as error:
            raise IllegalMove(fault) from error

    # Documents

    def type_key(self, vct: str) -> str:
        """What stands in the database for a claim type, which tells nobody without the wallet's key what is held."""
        return blake2b(vct.encode(), key=self.box.key, person=_TYPE_KEY, digest_size=16).hexdigest()

    async def load_credentials(self) -> tuple[StoredCredential, ...]:
        """Every document, oldest first."""
        return tuple(one for one, _ in await self._load_credentials(None, "", ()))

    async def load_credential(self, credential_id: str) -> StoredCredential:
        """One document. Raises NotFound."""
        found = await self._load_credentials({credential_id}, " AND c.id = ?", (credential_id,))
        if not found:
            raise NotFound("there is no such document in this wallet")
        return found[0][0]

    async def load_credentials_of(self, vcts: Collection[str]) -> tuple[HeldCredential, ...]:
        """The documents of these types, oldest first, with the copy that would be shown next."""
        keys = [self.type_key(vct) for vct in sorted(vcts)]
        if not keys:
            return ()
        return await self._load_credentials(None, f" AND c.type_key IN ({placeholders(keys)})", keys, of_types=keys)

    async def _load_credentials(
        self,
        ids: Collection[str] | None,
        which: str,
        parameters: Sequence[str],
        *,
        of_types: Collection[str] | None = None,
    ) -> tuple[HeldCredential, ...]:
        sql = CREDENTIALS.format(which=which)

        async def read() -> tuple[Row, Sequence[Row]]:
            (totals,) = await self.database.fetch(TOTALS, self.wallet_id, self.wallet_id)
            return totals, await self.database.fetch(sql, self.wallet_id, *parameters, self.wallet_id)

        def require(found: tuple[Row, Sequence[Row]], index: RowIndex) -> None:
            totals, rows = found
            expected = (index.totals("credentials")[0], index.totals("copies")[1])
            if (_int(totals, "documents"), _int(totals, "used")) != expected:
                raise BrokenLedger("documents or copies were removed, added or marked in the wallet")
            there = index.ids("credentials", of_types)
            index.require("credentials", _found("credentials", rows), there if ids is None else there & set(ids))
            for row in rows:
                credential_id = _text(row, "id")
                unused, used = index.count("copies", credential_id), index.count("copies", credential_id + MARK)
                if (_int(row, "copies"), _int(row, "copies_left")) != (unused + used, unused):
                    raise BrokenLedger("copies of a document were removed, added or marked in the wallet")
                if row["copy_id"] is not None:
                    copy = {_text(row, "copy_id"): (credential_id, row_digest(row["copy_sealed"]))}
                    index.require("copies", copy)

        _, rows = await self.ledger.verified(read, require)
        return tuple(HeldCredential(self._credential(row), self._next_copy(row)) for row in rows)

    def _credential(self, row: Row) -> StoredCredential:
        return StoredCredential.from_json(
            self._open(row, "credentials"),
            id=_text(row, "id"),
            copies=_int(row, "copies"),
            copies_left=_int(row, "copies_left"),
        )

    def _next_copy(self, row: Row) -> StoredCopy | None:
        if row["copy_id"] is None:
            return None
        copy_id = _text(row, "copy_id")
        value = self.box.open(row["copy_sealed"], place=f"copies:{copy_id}")
        return StoredCopy.from_json(value, id=copy_id, credential_id=_text(row, "id"))

    async def load_copy_ids(self, credential_id: str) -> frozenset[str]:
        """All copies of a document, used ones too."""

        def require(rows: Sequence[Row], index: RowIndex) -> None:
            if {_text(row, "id") for row in rows} != index.ids("copies", (credential_id, credential_id + MARK)):
                raise BrokenLedger("copies of a document were removed or added in the wallet")

        sql = "SELECT id FROM copies WHERE wallet_id = ? AND credential_id = ?"
        return frozenset(_text(row, "id") for row in await self._read(require, sql, self.wallet_id, credential_id))

    def spend_copy(self, copy_id: str, *, credential_id: str, now: datetime) -> Write:
        """The write that marks a copy of a document as used; it fails when the copy was used before."""
        sql = "UPDATE copies SET used_at = ? WHERE wallet_id = ? AND id = ? AND used_at IS NULL"
        return Write(
            Statement(sql, (timestamp(now), self.wallet_id, copy_id), rows=1),
            (RowChange(table="copies", id=copy_id, group=credential_id + MARK),),
        )

    async def delete_credential(self, credential_id: str, *, note: Draft, now: datetime) -> None:
        """Leave nothing of a document: neither claims nor copies with their keys, nor its offer.

        Raises NotFound when it is gone already.
        """
        offers = [one.id for one in await self.load_offers("received") if one.credential_id == credential_id]
        copies = await self.load_copy_ids(credential_id)
        of_document = "DELETE FROM copies WHERE wallet_id = ? AND credential_id = ?"
        writes = [
            Write(
                Statement(of_document, (self.wallet_id, credential_id)),
                tuple(RowChange(table="copies", id=one, group=None) for one in sorted(copies)),
            ),
            Write(
                Statement(
                    "DELETE FROM credentials WHERE wallet_id = ? AND id = ? RETURNING id",
                    (self.wallet_id, credential_id),
                    rows=1,
                ),
                (RowChange(table="credentials", id=credential_id, group=None),),
            ),
            *(
                Write(
                    Statement("DELETE FROM offers WHERE wallet_id = ? AND id = ?", (self.wallet_id, one)),
                    (RowChange(table="offers", id=one, group=None),),
                )
                for one in offers
            ),
        ]
        try:
            await self.ledger.append(note, now=now, also=writes)
        except GuardFailed as error:
            raise NotFound("this document was deleted already") from error

    # Offers

    async def add_offer(self, offer: StoredOffer, *, now: datetime) -> None:
        """Keep an offer that was opened."""
        sealed = self._seal(offer.to_json(), "offers", offer.id)
        sql = "INSERT INTO offers (wallet_id, id, state, opened_at, sealed) VALUES (?, ?, ?, ?, ?)"
        statement = Statement(sql, (self.wallet_id, offer.id, offer.state, timestamp(now), sealed))
        await self._write(
            Write(statement, (_offer_change(offer, sealed),)), now=now, fault="the offer was opened before"
        )

    async def load_offer(self, offer_id: str) -> StoredOffer:
        """One offer. Raises NotFound."""
        found = await self._load_offers({offer_id}, "id = ?", (offer_id,))
        if not found:
            raise NotFound("there is no such offer in this wallet")
        return found[0]

    async def load_offers(self, *states: str) -> tuple[StoredOffer, ...]:
        """The offers in these states, newest first."""
        return await self._load_offers(None, f"state IN ({placeholders(states)})", states)

    async def _load_offers(
        self, ids: Collection[str] | None, which: str, parameters: Sequence[str]
    ) -> tuple[StoredOffer, ...]:
        def require(rows: Sequence[Row], index: RowIndex) -> None:
            expected = index.ids("offers", parameters) if ids is None else index.ids("offers") & set(ids)
            index.require("offers", _found("offers", rows), expected)

        sql = f"SELECT id, state, sealed FROM offers WHERE wallet_id = ? AND {which} ORDER BY opened_at DESC, id"  # noqa: S608 - only placeholders
        return tuple(
            StoredOffer.from_json(self._open(row, "offers"), id=_text(row, "id"), state=_text(row, "state"))
            for row in await self._read(require, sql, self.wallet_id, *parameters)
        )

    def _change_offer(self, offer: StoredOffer, before: str) -> Write:
        sealed = self._seal(offer.to_json(), "offers", offer.id)
        sql = "UPDATE offers SET state = ?, sealed = ? WHERE wallet_id = ? AND id = ? AND state = ?"
        statement = Statement(sql, (offer.state, sealed, self.wallet_id, offer.id, before), rows=1)
        return Write(statement, (_offer_change(offer, sealed),))

    async def save_offer(self, offer: StoredOffer, *, before: str, now: datetime) -> None:
        """Replace an offer that is still in state `before`. Raises IllegalMove when it is not."""
        fault = "the offer is being taken by another page, or was taken"
        await self._write(self._change_offer(offer, before), now=now, fault=fault)

    async def save_received(
        self, offer: StoredOffer, credential: StoredCredential, copies: Sequence[StoredCopy], *, before: str
    ) -> None:
        """The document, its copies and the end of its offer, all or none. Raises IllegalMove."""
        await self._write(
            self._change_offer(offer, before),
            self._add_credential(credential),
            *(self._add_copy(copy) for copy in copies),
            now=credential.received_at,
            fault="the offer was taken by another page",
        )

    def _add_credential(self, credential: StoredCredential) -> Write:
        key, at = self.type_key(credential.vct), timestamp(credential.received_at)
        sealed = self._seal(credential.to_json(), "credentials", credential.id)
        sql = "INSERT INTO credentials (wallet_id, id, type_key, received_at, sealed) VALUES (?, ?, ?, ?, ?)"
        change = RowChange(table="credentials", id=credential.id, group=key, digest=row_digest(sealed, at))
        return Write(Statement(sql, (self.wallet_id, credential.id, key, at, sealed)), (change,))

    def _add_copy(self, copy: StoredCopy) -> Write:
        sealed = self._seal(copy.to_json(), "copies", copy.id)
        sql = "INSERT INTO copies (wallet_id, id, credential_id, sealed) VALUES (?, ?, ?, ?)"
        change = RowChange(table="copies", id=copy.id, group=copy.credential_id, digest=row_digest(sealed))
        return Write(Statement(sql, (self.wallet_id, copy.id, copy.credential_id, sealed)), (change,))

    # Requests

    def add_request(self, request: StoredRequest) -> Write:
        """The write that keeps a request that was opened."""
        sealed = self._seal(request.body, "requests", request.id)
        opened_at, changed_at = timestamp(request.opened_at), timestamp(request.changed_at)
        sql = "INSERT INTO requests (wallet_id, id, state, opened_at, changed_at, sealed) VALUES (?, ?, ?, ?, ?, ?)"
        statement = Statement(sql, (self.wallet_id, request.id, request.state, opened_at, changed_at, sealed))
        return Write(statement, (_request_change(request, sealed),))

    def change_request(self, request: StoredRequest, *, before: str) -> Write:
        """The write that moves a request on from state `before`; it fails when it is in another."""
        sealed = self._seal(request.body, "requests", request.id)
        sql = "UPDATE requests SET state = ?, changed_at = ?, sealed = ? WHERE wallet_id = ? AND id = ? AND state = ?"
        given = (request.state, timestamp(request.changed_at), sealed, self.wallet_id, request.id, before)
        return Write(Statement(sql, given, rows=1), (_request_change(request, sealed),))

    async def load_request(self, request_id: str) -> StoredRequest:
        """One request. Raises NotFound."""
        found = await self._load_requests({request_id}, "id = ?", (request_id,))
        if not found:
            raise NotFound("there is no such request in this wallet")
        return found[0]

    async def load_requests(self, *states: str) -> tuple[StoredRequest, ...]:
        """The requests in these states, newest first."""
        return await self._load_requests(None, f"state IN ({placeholders(states)})", states)

    async def _load_requests(
        self, ids: Collection[str] | None, which: str, parameters: Sequence[str]
    ) -> tuple[StoredRequest, ...]:
        def require(rows: Sequence[Row], index: RowIndex) -> None:
            expected = index.ids("requests", parameters) if ids is None else index.ids("requests") & set(ids)
            index.require("requests", _found("requests", rows), expected)

        sql = (
            "SELECT id, state, opened_at, changed_at, sealed FROM requests"  # noqa: S608 - only placeholders
            f" WHERE wallet_id = ? AND {which} ORDER BY opened_at DESC, id"
        )
        return tuple(
            StoredRequest(
                id=_text(row, "id"),
                state=_text(row, "state"),
                opened_at=from_timestamp(_int(row, "opened_at")),
                changed_at=from_timestamp(_int(row, "changed_at")),
                body=self._open(row, "requests"),
            )
            for row in await self._read(require, sql, self.wallet_id, *parameters)
        )

    # Endings

    def add_ending(self, ended: Ended) -> Write:
        """The write that keeps what the person asked of a vendor; it fails when its place is taken."""
        sealed = self._seal_ending(ended)
        statement = Statement(
            "INSERT INTO endings (wallet_id, request_id, place, answered_at, sealed) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (wallet_id, request_id, place) DO NOTHING RETURNING place",
            (self.wallet_id, ended.exchange_id, ended.place, None, sealed),
            rows=1,
        )
        return Write(statement, (_ending_change(ended, row_digest(sealed, None)),))

    def change_ending(self, ended: Ended) -> Write:
        """The write that replaces one; it fails when that one has an answer."""
        answered_at = None if ended.answered_at is None else timestamp(ended.answered_at)
        sealed = self._seal_ending(ended)
        statement = Statement(
            "UPDATE endings SET answered_at = ?, sealed = ?"
            " WHERE wallet_id = ? AND request_id = ? AND place = ? AND answered_at IS NULL RETURNING place",
            (answered_at, sealed, self.wallet_id, ended.exchange_id, ended.place),
            rows=1,
        )
        return Write(statement, (_ending_change(ended, row_digest(sealed, answered_at)),))

    async def load_endings(self) -> tuple[Ended, ...]:
        """Everything that was asked of vendors, by request and in order."""
        return await self._load_endings(None, "")

    async def load_endings_of(self, request_id: str) -> tuple[Ended, ...]:
        """What was asked of one vendor about one record, in order."""
        return await self._load_endings((request_id,), " AND request_id = ?")

    async def _load_endings(self, requests: Sequence[str] | None, which: str) -> tuple[Ended, ...]:
        def require(rows: Sequence[Row], index: RowIndex) -> None:
            index.require("endings", _found("endings", rows), index.ids("endings", requests))

        sql = (
            "SELECT request_id, place, answered_at, sealed FROM endings"  # noqa: S608 - only placeholders
            f" WHERE wallet_id = ?{which} ORDER BY request_id, place"
        )
        rows = await self._read(require, sql, self.wallet_id, *(requests or ()))
        endings = []
        for row in rows:
            request_id, place = _text(row, "request_id"), _int(row, "place")
            body = self.box.open(row["sealed"], place=f"endings:{request_id}:{place}")
            endings.append(Ended.from_json(body, exchange_id=request_id, place=place))
        return tuple(endings)

    def _seal_ending(self, ended: Ended) -> bytes:
        return self.box.seal(ended.to_json(), place=f"endings:{ended.exchange_id}:{ended.place}")

    # Rules

    async def load_policy(self) -> Policy:
        """The person's own rules. Raises BrokenLedger when they were removed, changed or put back to older ones."""
        return (await self._load_policy())[0]

    async def _load_policy(self) -> tuple[Policy, int]:
        sealed = self.rules.read()  # before the row: rules written meanwhile are newer, never older
        sql = "SELECT version, sealed FROM rules WHERE wallet_id = ? AND name = ?"
        rows = await self.database.fetch(sql, self.wallet_id, _POLICY)
        version = _int(rows[0], "version") if rows else 0
        if version < sealed:
            raise BrokenLedger("the rules of this wallet were removed, or are older than the ones that were sealed")
        if not rows:
            return DEFAULT_POLICY, 0
        try:
            return Policy.from_json(self.box.open(rows[0]["sealed"], place=_rules_place(version))), version
        except (CannotOpen, Malformed) as error:
            raise BrokenLedger("the rules of this wallet were changed") from error

    async def change_policy(self, change: Callable[[Policy], Policy]) -> Policy:
        """The rules after `change`, stored. Another process may change them too: then it is done again."""
        for _ in range(_TRIES):
            policy, version = await self._load_policy()
            changed = change(policy)
            rows = await self.database.execute(
                "INSERT INTO rules (wallet_id, name, version, sealed) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (wallet_id, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed"
                " WHERE rules.version = ? RETURNING version",
                *(self.wallet_id, _POLICY, version + 1),
                *(self.box.seal(changed.to_json(), place=_rules_place(version + 1)), version),
            )
            if rows:
                await asyncio.to_thread(self.rules.raise_to, version + 1)
                return changed
        raise IllegalMove("the rules were changed by somebody else at the same moment")

    # The whole

    async def adopt(self) -> int:
        """Verify the history and the rules, and bring their seals up to them after a crash; the number of entries.

        Raises BrokenLedger.
        """
        count = await self.ledger.adopt()
        _, version = await self._load_policy()
        await asyncio.to_thread(self.rules.raise_to, version)
        return count

    async def verify(self) -> tuple[Entry, ...]:
        """The history, once it holds, and with it the rules and every row of every table. Raises BrokenLedger."""
        await self.load_policy()
        await self.load_credentials()
        await self._load_every("offers", "state, sealed")
        await self._load_every("requests", "state, opened_at, changed_at, sealed")
        await self.load_endings()
        await self._load_every("copies", "credential_id, used_at, sealed")
        return await self.ledger.read()

    async def _load_every(self, table: str, columns: str) -> None:
        def require(rows: Sequence[Row], index: RowIndex) -> None:
            index.require(table, _found(table, rows), index.ids(table))

        sql = f"SELECT id, {columns} FROM {table} WHERE wallet_id = ?"  # noqa: S608 - names of ours
        await self._read(require, sql, self.wallet_id)


# By table: the id of a row, its group, and the digest of its columns, as `rows.py` compares them.
_AS_WRITTEN: Final[Mapping[str, Callable[[Row], tuple[str, tuple[str, str]]]]] = {
    "credentials": lambda row: (
        _text(row, "id"),
        (_text(row, "type_key"), row_digest(row["sealed"], _int(row, "received_at"))),
    ),
    "copies": lambda row: (
        _text(row, "id"),
        (_text(row, "credential_id") + ("" if row["used_at"] is None else MARK), row_digest(row["sealed"])),
    ),
    "offers": lambda row: (_text(row, "id"), (_text(row, "state"), row_digest(row["sealed"]))),
    "requests": lambda row: (
        _text(row, "id"),
        (_text(row, "state"), row_digest(row["sealed"], _int(row, "opened_at"), _int(row, "changed_at"))),
    ),
    "endings": lambda row: (
        f"{_text(row, 'request_id')}:{_int(row, 'place')}",
        (
            _text(row, "request_id"),
            row_digest(row["sealed"], None if row["answered_at"] is None else _int(row, "answered_at")),
        ),
    ),
}


def _found(table: str, rows: Sequence[Row]) -> Mapping[str, tuple[str, str]]:
    return dict(map(_AS_WRITTEN[table], rows))


def _offer_change(offer: StoredOffer, sealed: bytes) -> RowChange:
    return RowChange(table="offers", id=offer.id, group=offer.state, digest=row_digest(sealed))


def _request_change(request: StoredRequest, sealed: bytes) -> RowChange:
    digest = row_digest(sealed, timestamp(request.opened_at), timestamp(request.changed_at))
    return RowChange(table="requests", id=request.id, group=request.state, digest=digest)


def _ending_change(ended: Ended, digest: str) -> RowChange:
    return RowChange(table="endings", id=f"{ended.exchange_id}:{ended.place}", group=ended.exchange_id, digest=digest)


def _rules_place(version: int) -> str:
    """Where rules are sealed for: with the version, so that older ones cannot be given a newer number."""
    return f"rules:{_POLICY}:{version}"


def _text(row: Row, name: str) -> str:
    value = row[name]
    return value if isinstance(value, str) else ""


def _int(row: Row, name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0
