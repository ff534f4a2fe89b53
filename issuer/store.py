"""What the issuer must remember about offers, in plain SQL; one method per thing.

A row holds what is searched, and one sealed text with everything about a person: claims, reference, name, code.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import MAX_SKEW, from_timestamp, read_json, timestamp, write_json
from didkit_py.errors import IllegalMove, NotFound, Replayed
from didkit_py.keys.sealed import NONCE_BYTES, open_sealed, seal
from didkit_py.oid4vci.issuance import MAX_WRONG_CODES, IssuanceEvent, IssuanceState, move
from didkit_py.oid4vci.nonce import LIFETIME as NONCE_LIFETIME
from didkit_py.reading import Reader
from didkit_py.roles.issuing import TOKEN_LIFETIME
from didkit_py.roles.issuing_store import AccessGrant, Copy, NewOffer, Offer, Registration, Try, WantedCredential
from didkit_py.service.storage.columns import chunks, number, octets, placeholders, text
from didkit_py.service.storage.database import Database, GuardFailed, Row, Statement, Value
from didkit_py.status.states import Status
from issuer.status_index import StatusIndex

SPENT_FOR: Final = timedelta(
    days=2
)  # beyond its life, or a clock set back by a day would make a spent nonce good again
_ATTEMPTS: Final = 8
_CHUNK: Final = 500  # marks in one IN (…): engines bound their number
_SWEPT: Final = 500  # rows of one step: a few milliseconds in which other writes wait
_COLUMNS: Final = "id, type_name, batch, state, status, made_at, expires_at, tries, token_expires_at, issued_at, sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOffer:
    """An offer and where it stands, as pages and commands show it."""

    offer: Offer
    batch: str
    state: IssuanceState
    status: Status  # of the credentials, once issued
    tries: int
    issued_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many offers stand in each state, and how many issued ones in each status."""

    states: Mapping[IssuanceState, int]
    statuses: Mapping[Status, int]

    @property
    def total(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferStore:
    """The offers of one issuer; implements `IssuingStore`."""

    database: Database
    party_id: str  # whose: every statement names it
    storage_key: bytes = field(repr=False)
    random: Callable[[int], bytes]

    async def known_offers(self, fingerprints: Collection[bytes], *, now: datetime) -> Mapping[bytes, str]:
        """The ids of the offers that exist under these fingerprints and have not passed their end."""
        await self.let_time_pass(now=now)
        found: dict[bytes, str] = {}
        for some in chunks(list(fingerprints), _CHUNK):
            sql = f"SELECT fingerprint, id FROM offers WHERE party_id = ? AND fingerprint IN ({placeholders(some)})"  # noqa: S608 - placeholders only
            rows = await self.database.fetch(sql, self.party_id, *some)
            found |= {octets(row, "fingerprint"): text(row, "id") for row in rows}
        return found

    async def let_time_pass(self, *, now: datetime) -> None:
        """Move all offers whose time is over, so that their claims may be offered anew, and forget spent nonces."""
        while await self.sweep(now=now):
            pass

    async def sweep(self, *, now: datetime) -> bool:
        """A small step of that, so that no other write waits long; says whether more may be left."""
        swept = await self.database.apply(*_time_passing(self.party_id, timestamp(now)))
        return any(len(rows) == _SWEPT for rows in swept)

    async def save_offers(self, offers: Sequence[NewOffer], *, batch: str) -> bool:
        """Keep all of them, or none when one of their fingerprints is taken; whether they are kept."""
        try:
            # In one order, since two imports of the same rows wait for each other's fingerprints.
            in_order = sorted(offers, key=lambda new: new.fingerprint or b"")
            await self.database.apply(*(self._insert(new, batch) for new in in_order))
        except GuardFailed:
            return False
        return True

    def _insert(self, new: NewOffer, batch: str) -> Statement:
        offer = new.offer
        values: tuple[Value, ...] = (
            *(self.party_id, offer.id, offer.wanted.type_name, batch, IssuanceState.OFFERED.value, int(Status.VALID)),
            *(timestamp(offer.made_at), timestamp(offer.expires_at)),
            *(new.fingerprint, new.reference_hash, new.code_hash, new.tx_code_hash, 0, self._seal(offer)),
        )
        return Statement(
            "INSERT INTO offers (party_id, id, type_name, batch, state, status, made_at, expires_at, fingerprint,"  # noqa: S608 - placeholders only
            " reference_hash, code_hash, tx_code_hash, tries, sealed)"
            f" VALUES ({placeholders(values)}) ON CONFLICT (party_id, fingerprint) DO NOTHING",
            values,
            rows=1,
        )

    async def count_try(self, code_hash: bytes, *, now: datetime) -> Try | None:
        """Count a try at the open offer of that code; None when there is none."""
        rows = await self.database.execute(
            "UPDATE offers SET tries = tries + 1 WHERE party_id = ? AND code_hash = ? AND state = ? AND tries < ?"
            " AND expires_at > ? RETURNING id, tx_code_hash, tries",
            *(self.party_id, code_hash, IssuanceState.OFFERED.value, MAX_WRONG_CODES, timestamp(now)),
        )
        for row in rows:
            return Try(offer_id=text(row, "id"), tx_code_hash=octets(row, "tx_code_hash"), number=number(row, "tries"))
        return None

    async def lock_offer(self, offer_id: str) -> None:
        """No further try is taken."""
        await self._move(offer_id, IssuanceState.OFFERED, IssuanceEvent.CODES_EXHAUSTED)

    async def spend_code(self, offer_id: str, *, token_hash: bytes, token_expires_at: datetime) -> bool:
        """Spend the code for a token; of two callers one succeeds."""
        rows = await self.database.execute(
            "UPDATE offers SET state = ?, token_hash = ?, token_expires_at = ?"
            " WHERE party_id = ? AND id = ? AND state = ? RETURNING id",
            *(move(IssuanceState.OFFERED, IssuanceEvent.CODE_REDEEMED).value, token_hash, timestamp(token_expires_at)),
            *(self.party_id, offer_id, IssuanceState.OFFERED.value),
        )
        return bool(rows)

    async def load_grant(self, token_hash: bytes, *, now: datetime) -> AccessGrant | None:
        """What a living token stands for; None for any other."""
        rows = await self.database.fetch(
            f"SELECT {_COLUMNS} FROM offers WHERE party_id = ? AND token_hash = ? AND state IN (?, ?)"  # noqa: S608 - a literal of ours
            " AND token_expires_at > ? AND token_expires_at <= ?",
            *(self.party_id, token_hash, IssuanceState.REDEEMED.value, IssuanceState.ISSUED.value),
            *(timestamp(now), timestamp(now + TOKEN_LIFETIME + MAX_SKEW)),  # a clock set back lengthens no token's life
        )
        for row in rows:
            offer = self._open(row)
            return AccessGrant(offer=offer, registration=await self._registration(offer.id, row))
        return None

    async def _registration(self, offer_id: str, row: Row) -> Registration | None:
        if row["issued_at"] is None:
            return None
        sql = "SELECT * FROM copies WHERE party_id = ? AND offer_id = ?"
        rows = await self.database.fetch(sql, self.party_id, offer_id)
        copies = tuple(
            Copy(
                key_hash=octets(one, "key_hash"),
                place=None if one["list_number"] is None else (number(one, "list_number"), number(one, "list_index")),
            )
            for one in rows
        )
        return Registration(copies=copies, issued_at=from_timestamp(number(row, "issued_at")))

    async def register(
        self, offer_id: str, *, keys: Sequence[bytes], nonce: bytes, with_status: bool, now: datetime
    ) -> Registration:
        """Spend the nonce and issue to these keys. Raises Replayed, or IllegalMove when keys are registered already."""
        for _ in range(_ATTEMPTS):
            places = await self._index.choose(len(keys)) if with_status else [None] * len(keys)
            copies = tuple(Copy(key_hash=key, place=place) for key, place in zip(keys, places, strict=True))
            try:
                await self.database.apply(*_registering(self.party_id, offer_id, copies, nonce, now))
            except GuardFailed as error:
                if error.index == 0:
                    raise Replayed("the nonce was used before") from error
                if error.index == 1:
                    raise IllegalMove("keys are registered for this offer already") from error
                continue  # another request took one of the places
            return Registration(copies=copies, issued_at=from_timestamp(timestamp(now)))
        raise RuntimeError("no free places in the status list after several draws")

    async def spend_nonce(self, nonce: bytes, *, now: datetime) -> None:
        """Raises Replayed when it was spent before."""
        try:
            await self.database.apply(_spending(self.party_id, nonce, now))
        except GuardFailed as error:
            raise Replayed("the nonce was used before") from error

    async def replace_tx_code(self, offer_id: str, tx_code_hash: bytes, *, now: datetime) -> None:
        """Another transaction code for an open offer, with new tries. Raises IllegalMove."""
        rows = await self.database.execute(
            "UPDATE offers SET tx_code_hash = ?, tries = 0"
            " WHERE party_id = ? AND id = ? AND state = ? AND expires_at > ? RETURNING id",
            *(tx_code_hash, self.party_id, offer_id, IssuanceState.OFFERED.value, timestamp(now)),
        )
        if not rows:
            raise IllegalMove("only an open offer can have a new code", hint="Withdraw the offer and make a new one.")

    async def withdraw(self, offer_id: str, *, now: datetime) -> None:
        """End an offer that nobody has taken yet. Raises NotFound or IllegalMove."""
        kept = await self.load(offer_id, now=now)
        move(kept.state, IssuanceEvent.OFFER_WITHDRAWN)
        if not await self._move(offer_id, kept.state, IssuanceEvent.OFFER_WITHDRAWN, and_set=", fingerprint = NULL"):
            raise IllegalMove("the offer has just changed", hint="Look at it again.")

    async def _move(self, offer_id: str, state: IssuanceState, event: IssuanceEvent, *, and_set: str = "") -> bool:
        rows = await self.database.execute(
            f"UPDATE offers SET state = ?{and_set} WHERE party_id = ? AND id = ? AND state = ? RETURNING id",  # noqa: S608 - a literal of ours
            *(move(state, event).value, self.party_id, offer_id, state.value),
        )
        return bool(rows)

    async def load(self, offer_id: str, *, now: datetime) -> KeptOffer:
        """One offer. Raises NotFound."""
        sql = f"SELECT {_COLUMNS} FROM offers WHERE party_id = ? AND id = ?"  # noqa: S608 - a literal of ours
        rows = await self.database.fetch(sql, self.party_id, offer_id)
        for row in rows:
            return self._kept(row, now)
        raise NotFound("there is no such offer", hint="It may belong to another issuer; look at the list of offers.")

    async def find(
        self,
        *,
        now: datetime,
        state: IssuanceState | None = None,
        reference_hash: bytes | None = None,
        batch: str | None = None,
        limit: int = 10_000,
        offset: int = 0,
    ) -> tuple[KeptOffer, ...]:
        """Offers, the newest first."""
        await self.sweep(now=now)
        wishes = {"state": state.value if state else None, "reference_hash": reference_hash, "batch": batch}
        given = {name: value for name, value in wishes.items() if value is not None}
        where = "".join(f" AND {name} = ?" for name in given)
        rows = await self.database.fetch(
            f"SELECT {_COLUMNS} FROM offers WHERE party_id = ?{where} ORDER BY made_at DESC, id LIMIT ? OFFSET ?",  # noqa: S608 - names are ours
            *(self.party_id, *given.values(), limit, offset),
        )
        return tuple(self._kept(row, now) for row in rows)

    async def counts(self, *, now: datetime) -> Counts:
        """How many offers stand where."""
        await self.sweep(now=now)
        states = await self.database.fetch(
            "SELECT state, count(*) AS number FROM offers WHERE party_id = ? GROUP BY state", self.party_id
        )
        statuses = await self.database.fetch(
            "SELECT status, count(*) AS number FROM offers WHERE party_id = ? AND state = ? GROUP BY status",
            *(self.party_id, IssuanceState.ISSUED.value),
        )
        return Counts(
            states={IssuanceState(text(row, "state")): number(row, "number") for row in states},
            statuses={Status(number(row, "status")): number(row, "number") for row in statuses},
        )

    async def open_list(self) -> int:
        """The number of the status list that takes new entries; there is one after this call."""
        return await self._index.open_list()

    @property
    def _index(self) -> StatusIndex:
        return StatusIndex(database=self.database, party_id=self.party_id, random=self.random)

    def _seal(self, offer: Offer) -> bytes:
        plain = {
            "reference": offer.wanted.reference,
            "subject": offer.wanted.subject,
            "addressee": offer.wanted.addressee,
            "values": dict(offer.wanted.values),
            "code": offer.code,
        }
        return seal(write_json(plain), key=self.storage_key, nonce=self.random(NONCE_BYTES), context=offer.id.encode())

    def _open(self, row: Row) -> Offer:
        offer_id = text(row, "id")
        plain = open_sealed(octets(row, "sealed"), key=self.storage_key, context=offer_id.encode())
        read = Reader(read_json(plain), at="offer")
        subject, addressee = read.value("subject"), read.value("addressee")
        return Offer(
            id=offer_id,
            wanted=WantedCredential(
                type_name=text(row, "type_name"),
                values=read.mapping("values"),
                reference=read.text("reference"),
                subject=None if subject is None else str(subject),
                addressee=str(addressee),
            ),
            code=read.text("code"),
            made_at=from_timestamp(number(row, "made_at")),
            expires_at=from_timestamp(number(row, "expires_at")),
        )

    def _kept(self, row: Row, now: datetime) -> KeptOffer:
        return KeptOffer(
            offer=self._open(row),
            batch=text(row, "batch"),
            state=_state(row, now),
            status=Status(number(row, "status")),
            tries=number(row, "tries"),
            issued_at=None if row["issued_at"] is None else from_timestamp(number(row, "issued_at")),
        )


def _state(row: Row, now: datetime) -> IssuanceState:
    """The state at `now`, whether or not time's passing was written down yet."""
    state, moment = IssuanceState(text(row, "state")), timestamp(now)
    over = state is IssuanceState.OFFERED and number(row, "expires_at") <= moment
    over = over or (state is IssuanceState.REDEEMED and number(row, "token_expires_at") <= moment)
    return move(state, IssuanceEvent.TIME_PASSED) if over else state


def _time_passing(party_id: str, moment: int) -> Iterator[Statement]:
    """Each condition stands twice: another process may change a row between its choice and its change."""
    for state, end in ((IssuanceState.OFFERED, "expires_at"), (IssuanceState.REDEEMED, "token_expires_at")):
        over = f"party_id = ? AND state = ? AND {end} <= ?"
        yield Statement(
            f"UPDATE offers SET state = ?, fingerprint = NULL WHERE {over}"  # noqa: S608 - a literal of ours
            f" AND id IN (SELECT id FROM offers WHERE {over} ORDER BY id LIMIT ?) RETURNING id",
            (
                *(move(state, IssuanceEvent.TIME_PASSED).value, party_id, state.value, moment),
                *(party_id, state.value, moment, _SWEPT),
            ),
        )
    over = "party_id = ? AND fingerprint IS NOT NULL AND expires_at <= ?"
    yield Statement(
        f"UPDATE offers SET fingerprint = NULL WHERE {over}"  # noqa: S608 - a literal of ours
        f" AND id IN (SELECT id FROM offers WHERE {over} ORDER BY id LIMIT ?) RETURNING id",
        (party_id, moment, party_id, moment, _SWEPT),
    )
    yield Statement(
        "DELETE FROM spent_nonces WHERE party_id = ? AND id IN"
        " (SELECT id FROM spent_nonces WHERE party_id = ? AND expires_at < ? ORDER BY id LIMIT ?) RETURNING id",
        (party_id, party_id, moment, _SWEPT),
    )


def _registering(
    party_id: str, offer_id: str, copies: Sequence[Copy], nonce: bytes, now: datetime
) -> Iterator[Statement]:
    """Flow I7: nonce, state and copies together or not at all; the order of the first two is what GuardFailed tells."""
    yield _spending(party_id, nonce, now)
    yield Statement(
        "UPDATE offers SET state = ?, issued_at = ?"
        " WHERE party_id = ? AND id = ? AND state = ? AND token_expires_at > ?",
        (
            *(move(IssuanceState.REDEEMED, IssuanceEvent.CREDENTIAL_REQUESTED).value, timestamp(now)),
            *(party_id, offer_id, IssuanceState.REDEEMED.value, timestamp(now)),
        ),
        rows=1,
    )
    for copy in sorted(copies, key=lambda one: one.place or (0, 0)):  # one order: two may have drawn the same places
        number, index = copy.place or (None, None)
        yield Statement(
            "INSERT INTO copies (party_id, offer_id, key_hash, list_number, list_index) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (party_id, offer_id, copy.key_hash, number, index),
            rows=1,
        )


def _spending(party_id: str, nonce: bytes, now: datetime) -> Statement:
    end = timestamp(now + NONCE_LIFETIME + SPENT_FOR)
    return Statement(
        "INSERT INTO spent_nonces (party_id, id, expires_at) VALUES (?, ?, ?) ON CONFLICT (party_id, id) DO NOTHING",
        (party_id, nonce, end),
        rows=1,
    )
