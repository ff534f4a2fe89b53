"""Everything the wallet remembers. Columns hold opaque ids, counters, times and states; the rest is sealed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from didkit_py.consent.policy import DEFAULT_POLICY, Policy
from didkit_py.encoding import Json, from_timestamp, timestamp
from didkit_py.errors import CannotOpen, IllegalMove, Malformed, NotFound
from didkit_py.roles.ending import Ended
from didkit_py.service.storage.columns import placeholders
from didkit_py.service.storage.database import Database, GuardFailed, Row, Statement
from didkit_py.service.storage.sealing import Box
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.ledger import BrokenLedger
from wallet.storage.rules_seal import RulesSeal

CREDENTIALS: Final = (
    "SELECT c.id, c.sealed, count(p.id) AS copies, count(p.id) - count(p.used_at) AS copies_left"
    " FROM credentials c LEFT JOIN copies p ON p.wallet_id = c.wallet_id AND p.credential_id = c.id"
    " WHERE c.wallet_id = ?"
)
# The same, and beside each the first of its copies that nobody has seen: one statement, however many are held.
CREDENTIALS_WITH_COPIES: Final = (
    "SELECT d.id, d.sealed, d.copies, d.copies_left, n.id AS copy_id, n.sealed AS copy_sealed FROM ("
    "SELECT c.id, c.sealed, c.received_at, count(p.id) AS copies, count(p.id) - count(p.used_at) AS copies_left,"
    " min(CASE WHEN p.used_at IS NULL THEN p.id END) AS next_copy"
    " FROM credentials c LEFT JOIN copies p ON p.wallet_id = c.wallet_id AND p.credential_id = c.id"
    " WHERE c.wallet_id = ? GROUP BY c.id, c.sealed, c.received_at"
    ") d LEFT JOIN copies n ON n.wallet_id = ? AND n.id = d.next_copy ORDER BY d.received_at"
)
_POLICY: Final = "policy"
_TRIES: Final = 5  # two writers of one row: the second reads again


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A vendor's request with its state; the body is the use case's."""

    id: str
    state: str
    changed_at: datetime
    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletStore:
    """One wallet in its database, opened with its key."""

    database: Database
    wallet_id: str  # whose: every statement names it
    box: Box
    rules: RulesSeal

    def _open(self, row: Row, table: str) -> Json:
        return self.box.open(row["sealed"], place=f"{table}:{_text(row, 'id')}")

    def _seal(self, value: Json, table: str, row_id: str) -> bytes:
        return self.box.seal(value, place=f"{table}:{row_id}")

    # Documents

    async def load_credentials(self) -> tuple[StoredCredential, ...]:
        """Every document, oldest first."""
        sql = f"{CREDENTIALS} GROUP BY c.id, c.sealed, c.received_at ORDER BY c.received_at"
        rows = await self.database.fetch(sql, self.wallet_id)
        return tuple(self._credential(row) for row in rows)

    async def load_credential(self, credential_id: str) -> StoredCredential:
        """One document. Raises NotFound."""
        sql = f"{CREDENTIALS} AND c.id = ? GROUP BY c.id, c.sealed"
        rows = await self.database.fetch(sql, self.wallet_id, credential_id)
        if not rows:
            raise NotFound("there is no such document in this wallet")
        return self._credential(rows[0])

    def _credential(self, row: Row) -> StoredCredential:
        return StoredCredential.from_json(
            self._open(row, "credentials"),
            id=_text(row, "id"),
            copies=_int(row, "copies"),
            copies_left=_int(row, "copies_left"),
        )

    async def load_credentials_with_copies(self) -> tuple[tuple[StoredCredential, StoredCopy | None], ...]:
        """Every document, oldest first, with the copy that would be shown next: None when all are used."""
        rows = await self.database.fetch(CREDENTIALS_WITH_COPIES, self.wallet_id, self.wallet_id)
        return tuple((self._credential(row), self._next_copy(row)) for row in rows)

    def _next_copy(self, row: Row) -> StoredCopy | None:
        if row["copy_id"] is None:
            return None
        copy_id = _text(row, "copy_id")
        value = self.box.open(row["copy_sealed"], place=f"copies:{copy_id}")
        return StoredCopy.from_json(value, id=copy_id, credential_id=_text(row, "id"))

    async def load_copy_ids(self, credential_id: str) -> frozenset[str]:
        """All copies of a document, used ones too."""
        sql = "SELECT id FROM copies WHERE wallet_id = ? AND credential_id = ?"
        rows = await self.database.fetch(sql, self.wallet_id, credential_id)
        return frozenset(_text(row, "id") for row in rows)

    def spend_copy(self, copy_id: str, *, now: datetime) -> Statement:
        """The write that marks a copy as used; it fails when the copy was used before."""
        sql = "UPDATE copies SET used_at = ? WHERE wallet_id = ? AND id = ? AND used_at IS NULL"
        return Statement(sql, (timestamp(now), self.wallet_id, copy_id), rows=1)

    async def delete_credential(self, credential_id: str) -> tuple[Statement, ...]:
        """The writes that leave nothing of a document: neither claims nor copies with their keys, nor its offer.

        They fail when the document is gone already.
        """
        offers = [one for one in await self.load_offers("received") if one.credential_id == credential_id]
        return (
            Statement("DELETE FROM copies WHERE wallet_id = ? AND credential_id = ?", (self.wallet_id, credential_id)),
            Statement(
                "DELETE FROM credentials WHERE wallet_id = ? AND id = ? RETURNING id",
                (self.wallet_id, credential_id),
                rows=1,
            ),
            *(
                Statement("DELETE FROM offers WHERE wallet_id = ? AND id = ?", (self.wallet_id, one.id))
                for one in offers
            ),
        )

    # Offers

    async def add_offer(self, offer: StoredOffer, *, now: datetime) -> None:
        """Keep an offer that was opened."""
        await self.database.execute(
            "INSERT INTO offers (wallet_id, id, state, opened_at, sealed) VALUES (?, ?, ?, ?, ?)",
            self.wallet_id,
            offer.id,
            offer.state,
            timestamp(now),
            self._seal(offer.to_json(), "offers", offer.id),
        )

    async def load_offer(self, offer_id: str) -> StoredOffer:
        """One offer. Raises NotFound."""
        sql = "SELECT id, state, sealed FROM offers WHERE wallet_id = ? AND id = ?"
        rows = await self.database.fetch(sql, self.wallet_id, offer_id)
        if not rows:
            raise NotFound("there is no such offer in this wallet")
        return self._offer(rows[0])

    async def load_offers(self, *states: str) -> tuple[StoredOffer, ...]:
        """The offers in these states, newest first."""
        rows = await self.database.fetch(
            f"SELECT id, state, sealed FROM offers WHERE wallet_id = ? AND state IN ({placeholders(states)})"  # noqa: S608 - only placeholders
            " ORDER BY opened_at DESC",
            *(self.wallet_id, *states),
        )
        return tuple(self._offer(row) for row in rows)

    def _offer(self, row: Row) -> StoredOffer:
        return StoredOffer.from_json(self._open(row, "offers"), id=_text(row, "id"), state=_text(row, "state"))

    def _change_offer(self, offer: StoredOffer, before: str) -> Statement:
        sealed = self._seal(offer.to_json(), "offers", offer.id)
        return Statement(
            "UPDATE offers SET state = ?, sealed = ? WHERE wallet_id = ? AND id = ? AND state = ?",
            (offer.state, sealed, self.wallet_id, offer.id, before),
            rows=1,
        )

    async def save_offer(self, offer: StoredOffer, *, before: str) -> None:
        """Replace an offer that is still in state `before`. Raises IllegalMove when it is not."""
        try:
            await self.database.apply(self._change_offer(offer, before))
        except GuardFailed as error:
            raise IllegalMove("the offer is being taken by another page, or was taken") from error

    async def save_received(
        self, offer: StoredOffer, credential: StoredCredential, copies: Sequence[StoredCopy], *, before: str
    ) -> None:
        """The document, its copies and the end of its offer, all or none. Raises IllegalMove."""
        sealed = self._seal(credential.to_json(), "credentials", credential.id)
        statements = [
            self._change_offer(offer, before),
            Statement(
                "INSERT INTO credentials (wallet_id, id, received_at, sealed) VALUES (?, ?, ?, ?)",
                (self.wallet_id, credential.id, timestamp(credential.received_at), sealed),
            ),
            *(
                Statement(
                    "INSERT INTO copies (wallet_id, id, credential_id, sealed) VALUES (?, ?, ?, ?)",
                    (self.wallet_id, copy.id, credential.id, self._seal(copy.to_json(), "copies", copy.id)),
                )
                for copy in copies
            ),
        ]
        try:
            await self.database.apply(*statements)
        except GuardFailed as error:
            raise IllegalMove("the offer was taken by another page") from error

    # Requests

    def add_request(self, request_id: str, state: str, body: Json, *, now: datetime) -> Statement:
        """The write that keeps a request that was opened."""
        return Statement(
            "INSERT INTO requests (wallet_id, id, state, opened_at, changed_at, sealed) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(self.wallet_id, request_id, state, timestamp(now), timestamp(now)),
                self._seal(body, "requests", request_id),
            ),
        )

    def change_request(self, request_id: str, state: str, body: Json, *, before: str, now: datetime) -> Statement:
        """The write that moves a request on from state `before`; it fails when it is in another."""
        return Statement(
            "UPDATE requests SET state = ?, changed_at = ?, sealed = ? WHERE wallet_id = ? AND id = ? AND state = ?",
            (state, timestamp(now), self._seal(body, "requests", request_id), self.wallet_id, request_id, before),
            rows=1,
        )

    async def load_request(self, request_id: str) -> StoredRequest:
        """One request. Raises NotFound."""
        sql = "SELECT id, state, changed_at, sealed FROM requests WHERE wallet_id = ? AND id = ?"
        rows = await self.database.fetch(sql, self.wallet_id, request_id)
        if not rows:
            raise NotFound("there is no such request in this wallet")
        return self._request(rows[0])

    async def load_requests(self, *states: str) -> tuple[StoredRequest, ...]:
        """The requests in these states, newest first."""
        rows = await self.database.fetch(
            "SELECT id, state, changed_at, sealed FROM requests"  # noqa: S608 - only placeholders
            f" WHERE wallet_id = ? AND state IN ({placeholders(states)}) ORDER BY opened_at DESC, id",
            *(self.wallet_id, *states),
        )
        return tuple(self._request(row) for row in rows)

    def _request(self, row: Row) -> StoredRequest:
        return StoredRequest(
            id=_text(row, "id"),
            state=_text(row, "state"),
            changed_at=from_timestamp(_int(row, "changed_at")),
            body=self._open(row, "requests"),
        )

    # Endings

    def add_ending(self, ended: Ended) -> Statement:
        """The write that keeps what the person asked of a vendor; it fails when its place is taken."""
        return Statement(
            "INSERT INTO endings (wallet_id, request_id, place, answered_at, sealed) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (wallet_id, request_id, place) DO NOTHING RETURNING place",
            (self.wallet_id, ended.exchange_id, ended.place, None, self._seal_ending(ended)),
            rows=1,
        )

    def change_ending(self, ended: Ended) -> Statement:
        """The write that replaces one; it fails when that one has an answer."""
        answered_at = None if ended.answered_at is None else timestamp(ended.answered_at)
        return Statement(
            "UPDATE endings SET answered_at = ?, sealed = ?"
            " WHERE wallet_id = ? AND request_id = ? AND place = ? AND answered_at IS NULL RETURNING place",
            (answered_at, self._seal_ending(ended), self.wallet_id, ended.exchange_id, ended.place),
            rows=1,
        )

    async def load_endings(self) -> tuple[Ended, ...]:
        """Everything that was asked of vendors, by request and in order."""
        sql = "SELECT request_id, place, sealed FROM endings WHERE wallet_id = ? ORDER BY request_id, place"
        return tuple(self._ending(row) for row in await self.database.fetch(sql, self.wallet_id))

    async def load_endings_of(self, request_id: str) -> tuple[Ended, ...]:
        """What was asked of one vendor about one record, in order."""
        sql = "SELECT request_id, place, sealed FROM endings WHERE wallet_id = ? AND request_id = ? ORDER BY place"
        return tuple(self._ending(row) for row in await self.database.fetch(sql, self.wallet_id, request_id))

    def _seal_ending(self, ended: Ended) -> bytes:
        return self.box.seal(ended.to_json(), place=f"endings:{ended.exchange_id}:{ended.place}")

    def _ending(self, row: Row) -> Ended:
        request_id, place = _text(row, "request_id"), _int(row, "place")
        body = self.box.open(row["sealed"], place=f"endings:{request_id}:{place}")
        return Ended.from_json(body, exchange_id=request_id, place=place)

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
            policy = Policy.from_json(self.box.open(rows[0]["sealed"], place=_rules_place(version)))
        except (CannotOpen, Malformed) as error:
            raise BrokenLedger("the rules of this wallet were changed") from error
        if version > sealed:  # a crash came between the two, or another process is there just now
            await asyncio.to_thread(self.rules.write, version)
        return policy, version

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
                await asyncio.to_thread(self.rules.write, version + 1)
                return changed
        raise IllegalMove("the rules were changed by somebody else at the same moment")


def _rules_place(version: int) -> str:
    """Where rules are sealed for: with the version, so that older ones cannot be given a newer number."""
    return f"rules:{_POLICY}:{version}"


def _text(row: Row, name: str) -> str:
    value = row[name]
    return value if isinstance(value, str) else ""


def _int(row: Row, name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0
