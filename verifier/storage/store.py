"""What the vendor must remember, in plain SQL; one method per thing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import Json, from_timestamp, timestamp
from didkit_py.errors import BadAgreement, IllegalMove, NotFound, Replayed
from didkit_py.formats.format import Formats
from didkit_py.oid4vp.exchange import ExchangeEvent, ExchangeState, move
from didkit_py.reading import Reader
from didkit_py.roles.asking_store import (
    ANSWER_GRACE,
    NO_QUESTION,
    AskedRequest,
    Effect,
    KeptAcceptance,
    KeptEvent,
    KeptRequest,
    OwnCredential,
    Remains,
    RequestTemplate,
    Result,
    SentOffer,
)
from didkit_py.service.storage.columns import moment, number, octets, placeholders, text
from didkit_py.service.storage.database import ConstraintFailed, Database, GuardFailed, Row, Statement, Value
from didkit_py.service.storage.scrubbing import Scrubbing
from didkit_py.service.storage.sealing import Box

# Each fetch of a request leaves a signed promise behind, and whoever saw its code can fetch it. So as many at once, and
# one more for every second of its life: a stranger who fetches without pause does not shut anybody out for good.
MAX_FETCHES: Final = 100
MAX_TRIES: Final = 100  # of one request that are noted: an answer that holds is taken however many failed before
WAITING_KEPT: Final = timedelta(hours=1)  # an acceptance without its presentation; a request lives half as long
UNANSWERED_KEPT: Final = timedelta(days=30)  # after its end an operator may still want to see that nobody answered
_SWEPT: Final = 200  # requests of one step: a few milliseconds in which other writes wait
_GRACE: Final = int(ANSWER_GRACE.total_seconds())
_COLUMNS: Final = (
    "id, state, made_at, expires_at, answered_at, tried_at, ended_at, erased_at, lapsed_at, revision, asked, result"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorStore:
    """The requests of one vendor, their answers and records; implements the protocols of `roles.asking_store`."""

    database: Database
    party_id: str  # whose: every statement names it
    box: Box
    formats: Formats  # in which questions are asked
    scrubbing: Scrubbing = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """One for all that the party has erased."""
        object.__setattr__(self, "scrubbing", Scrubbing(self.database, party_id=self.party_id))

    async def save_request(self, asked: AskedRequest) -> None:
        """Keep a new request."""
        sealed = self.box.seal(_asked_json(asked), place=f"requests:{asked.id}")
        values: tuple[Value, ...] = (
            *(self.party_id, asked.id, ExchangeState.CREATED.value),
            *(timestamp(asked.made_at), timestamp(asked.expires_at), 0, sealed),
        )
        await self.database.execute(
            "INSERT INTO requests (party_id, id, state, made_at, expires_at, fetches, asked)"  # noqa: S608 - placeholders only
            f" VALUES ({placeholders(values)})",
            *values,
        )

    async def load_request(self, request_id: str, *, now: datetime) -> KeptRequest:
        """One request. Raises NotFound."""
        sql = f"SELECT {_COLUMNS} FROM requests WHERE party_id = ? AND id = ?"  # noqa: S608 - a literal of ours
        rows = await self.database.fetch(sql, self.party_id, request_id)
        for row in rows:
            return self._kept(row, now)
        raise NotFound("there is no such request", hint="Look at the list of requests.")

    async def requests(self, *, now: datetime, limit: int = 1_000, offset: int = 0) -> tuple[KeptRequest, ...]:
        """Requests, the newest first."""
        rows = await self.database.fetch(
            f"SELECT {_COLUMNS} FROM requests WHERE party_id = ? ORDER BY made_at DESC, id LIMIT ? OFFSET ?",  # noqa: S608 - a literal of ours
            *(self.party_id, limit, offset),
        )
        return tuple(self._kept(row, now) for row in rows)

    async def counts(self, *, now: datetime) -> Mapping[ExchangeState, int]:
        """How many requests stand in each state."""
        rows = await self.database.fetch(
            "SELECT CASE WHEN state IN (?, ?) AND (expires_at < ? OR made_at > ?) THEN ? ELSE state END AS found,"
            " count(*) AS total FROM requests WHERE party_id = ? GROUP BY found",
            *(ExchangeState.CREATED.value, ExchangeState.FETCHED.value),
            *(timestamp(now) - _GRACE, timestamp(now) + _GRACE, ExchangeState.EXPIRED.value, self.party_id),
        )
        return {ExchangeState(text(row, "found")): number(row, "total") for row in rows}

    async def save_fetched(self, request_id: str, offer: SentOffer | None, *, now: datetime) -> None:
        """A wallet gets the signed request with this promise. Raises IllegalMove when the request is over."""
        opened = move(ExchangeState.CREATED, ExchangeEvent.REQUEST_FETCHED)
        statements = [
            Statement(
                "UPDATE requests SET state = CASE WHEN state = ? THEN ? ELSE state END, fetches = fetches + 1"
                " WHERE party_id = ? AND id = ? AND answered_at IS NULL AND fetches < ? - made_at RETURNING id",
                (
                    *(ExchangeState.CREATED.value, opened.value),
                    *(self.party_id, request_id, timestamp(now) + MAX_FETCHES),
                ),
                rows=1,
            )
        ]
        if offer is not None:
            body: Json = {"text": offer.text, "signatory": offer.signatory_text}
            sealed = self.box.seal(body, place=f"offers:{offer.digest}")
            sql = "INSERT INTO offers (party_id, digest, request_id, sent_at, sealed) VALUES (?, ?, ?, ?, ?)"
            values = (self.party_id, offer.digest, request_id, timestamp(now), sealed)
            statements.append(Statement(sql, values, rows=1))
        try:
            await self.database.apply(*statements)
        except GuardFailed as error:
            raise IllegalMove("the request was answered, or fetched too often") from error

    async def save_try(self, request_id: str, state: ExchangeState, result: Result, *, now: datetime) -> None:
        """Keep what came of a try that ends nothing, unless the request was answered or tried too often."""
        await self.database.execute(
            "UPDATE requests SET state = ?, tried_at = ?, tries = tries + 1, result = ?"
            " WHERE party_id = ? AND id = ? AND answered_at IS NULL AND tries < ?",
            *(state.value, timestamp(now), self._sealed_result(request_id, result)),
            *(self.party_id, request_id, MAX_TRIES),
        )

    def _sealed_result(self, request_id: str, result: Result) -> bytes:
        return self.box.seal(result.to_json(), place=f"results:{request_id}")

    async def save_answer(
        self,
        request_id: str,
        result: Result,
        *,
        now: datetime,
        response_code_hash: bytes,
        record: KeptAcceptance | None = None,
    ) -> None:
        """Spend the request's nonce for this result: of two answers one wins. Raises Replayed for all others."""
        spending = Statement(
            "UPDATE requests SET state = ?, answered_at = ?, result = ?, due_at = ?, response_code_hash = ?,"
            " revision = revision + 1"
            " WHERE party_id = ? AND id = ? AND answered_at IS NULL AND state <> ? RETURNING id",
            (
                *(ExchangeState.ANSWERED.value, timestamp(now), self._sealed_result(request_id, result), _due(result)),
                *(response_code_hash, self.party_id, request_id, ExchangeState.CREATED.value),
            ),
            rows=1,
        )
        recording = () if record is None else (self._recording(record, now),)
        leaving = Statement(
            "DELETE FROM acceptances WHERE party_id = ? AND request_id = ? AND record IS NULL",
            (self.party_id, request_id),
        )
        try:
            await self.database.apply(spending, *recording, leaving)
        except GuardFailed as error:
            raise Replayed("the request was answered already", spec="OpenID4VP 1.0, 14.1") from error

    async def has_response_code(self, code_hash: bytes) -> bool:
        """Whether an answer that held was given this code."""
        sql = "SELECT id FROM requests WHERE party_id = ? AND response_code_hash = ?"
        return bool(await self.database.fetch(sql, self.party_id, code_hash))

    async def load_offer(self, offer_digest: str) -> SentOffer | None:
        """The promise of that digest, if it was ours."""
        sql = "SELECT digest, request_id, sealed FROM offers WHERE party_id = ? AND digest = ?"
        rows = await self.database.fetch(sql, self.party_id, offer_digest)
        return next(map(self._offer, rows), None)

    async def load_offers(self, request_id: str) -> Sequence[SentOffer]:
        """The promises that were made for a request."""
        rows = await self.database.fetch(
            "SELECT digest, request_id, sealed FROM offers WHERE party_id = ? AND request_id = ?"
            " ORDER BY sent_at, digest",
            *(self.party_id, request_id),
        )
        return [self._offer(row) for row in rows]

    def _offer(self, row: Row) -> SentOffer:
        name = text(row, "digest")
        read = Reader(self.box.open(octets(row, "sealed"), place=f"offers:{name}"), at="offer")
        signatory = read.value("signatory")
        return SentOffer(
            digest=name,
            request_id=text(row, "request_id"),
            text=read.text("text"),
            signatory_text=None if signatory is None else str(signatory),
        )

    async def save_acceptance(self, acceptance: KeptAcceptance, *, at_most: int, now: datetime) -> None:
        """Keep an acceptance; the same payload again changes nothing. Of those that wait, the newest stay."""
        name, request_id = acceptance.payload_digest, acceptance.request_id
        body: Json = {"accepted": dict(acceptance.accepted), "presented": acceptance.presented}
        # Whoever changes what belongs to a request waits here for the others, and so takes the rows in one order.
        turns = "UPDATE requests SET revision = revision WHERE party_id = ? AND id = ? RETURNING id"
        taking_turns = Statement(turns, (self.party_id, request_id), rows=1)
        keeping = Statement(
            "INSERT INTO acceptances (party_id, payload_digest, request_id, record_id, received_at, sealed)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(self.party_id, name, request_id, acceptance.record_id, timestamp(now)),
                self.box.seal(body, place=f"acceptances:{name}"),
            ),
        )
        making_room = Statement(
            "DELETE FROM acceptances WHERE party_id = ? AND request_id = ? AND record IS NULL AND payload_digest NOT IN"
            " (SELECT payload_digest FROM acceptances WHERE party_id = ? AND request_id = ? AND record IS NULL"
            " ORDER BY CASE WHEN payload_digest = ? THEN 0 ELSE 1 END, received_at DESC, payload_digest LIMIT ?)",
            (self.party_id, request_id, self.party_id, request_id, name, at_most),
        )
        try:
            await self.database.apply(taking_turns, keeping, making_room)
        except ConstraintFailed as error:
            if await self.load_acceptance(name) is None:
                raise BadAgreement("the record's identifier is that of another record") from error

    async def load_acceptance(self, payload_digest: str) -> KeptAcceptance | None:
        """The acceptance of that payload, if it is kept."""
        rows = await self.database.fetch(
            "SELECT payload_digest, request_id, record_id, sealed, record FROM acceptances"
            " WHERE party_id = ? AND payload_digest = ?",
            *(self.party_id, payload_digest),
        )
        return next(map(self._acceptance, rows), None)

    async def load_acceptances(self, request_id: str) -> tuple[KeptAcceptance, ...]:
        """All acceptances for a request, the oldest first."""
        rows = await self.database.fetch(
            "SELECT payload_digest, request_id, record_id, sealed, record FROM acceptances"
            " WHERE party_id = ? AND request_id = ? ORDER BY received_at, payload_digest",
            *(self.party_id, request_id),
        )
        return tuple(map(self._acceptance, rows))

    async def save_record(self, acceptance: KeptAcceptance, remains: Remains, *, now: datetime) -> None:
        """Keep a record, with what is stored of its request then. Raises Replayed when that has changed meanwhile."""
        try:
            await self.database.apply(*self._storing(remains), self._recording(acceptance, now))
        except GuardFailed as error:
            raise Replayed("the request has its record already") from error

    def _recording(self, acceptance: KeptAcceptance, now: datetime) -> Statement:
        name, record = acceptance.payload_digest, dict(acceptance.record or {})
        return Statement(
            "UPDATE acceptances SET record = ?, recorded_at = ?"
            " WHERE party_id = ? AND payload_digest = ? AND record IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM acceptances AS other WHERE other.party_id = acceptances.party_id"
            " AND other.request_id = acceptances.request_id AND other.record IS NOT NULL) RETURNING record_id",
            (self.box.seal(record, place=f"records:{name}"), timestamp(now), self.party_id, name),
            rows=1,
        )

    def _storing(self, remains: Remains, *, lapsed_at: int | None = None) -> Iterator[Statement]:
        """The result as it is from now on; of what is erased, the scrubbing is counted in the same transaction."""
        name = remains.request_id
        yield Statement(
            "UPDATE requests SET result = ?, due_at = ?, lapsed_at = coalesce(?, lapsed_at), revision = revision + 1"
            " WHERE party_id = ? AND id = ? AND revision = ? RETURNING id",
            (
                *(self._sealed_result(name, remains.result), _due(remains.result)),
                *(lapsed_at, self.party_id, name, remains.revision),
            ),
            rows=1,
        )
        if remains.asked is not None:
            sealed = self.box.seal(_asked_json(remains.asked), place=f"requests:{name}")
            changing = "UPDATE requests SET asked = ? WHERE party_id = ? AND id = ?"
            yield Statement(changing, (sealed, self.party_id, name), rows=1)
            yield Statement("DELETE FROM offers WHERE party_id = ? AND request_id = ?", (self.party_id, name))
        if remains.erases:
            yield Statement(
                "INSERT INTO scrubs (party_id, wanted, done) VALUES (?, 1, 0)"
                " ON CONFLICT (party_id) DO UPDATE SET wanted = scrubs.wanted + 1",
                (self.party_id,),
                rows=1,
            )

    async def load_due(self, *, now: datetime, limit: int) -> Sequence[KeptRequest]:
        """Requests of whose answers something should be gone by now."""
        rows = await self.database.fetch(
            f"SELECT {_COLUMNS} FROM requests WHERE party_id = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",  # noqa: S608 - a literal of ours
            *(self.party_id, timestamp(now), limit),
        )
        return [self._kept(row, now) for row in rows]

    async def save_remains(self, remains: Remains, *, now: datetime) -> bool:
        """Store what is left of a request; False when it has changed meanwhile."""
        try:
            await self.database.apply(*self._storing(remains, lapsed_at=timestamp(now) if remains.erases else None))
        except GuardFailed:
            return False
        return True

    async def load_recorded(self, record_id: str) -> KeptAcceptance | None:
        """The acceptance whose record has this identifier, if both sides signed it."""
        rows = await self.database.fetch(
            "SELECT payload_digest, request_id, record_id, sealed, record FROM acceptances"
            " WHERE party_id = ? AND record_id = ?",
            *(self.party_id, record_id),
        )
        return next((one for one in map(self._acceptance, rows) if one.record is not None), None)

    async def load_events(self, record_id: str) -> tuple[KeptEvent, ...]:
        """What was said later about a record, in order."""
        rows = await self.database.fetch(
            "SELECT record_id, seq, kind, at, sealed FROM events WHERE party_id = ? AND record_id = ? ORDER BY seq",
            *(self.party_id, record_id),
        )
        return tuple(map(self._event, rows))

    async def save_event(self, event: KeptEvent, effect: Effect) -> None:
        """Keep an event, with our answer if it has one, and make its effect.

        Raises Replayed when another one stands at its place, or the request has changed meanwhile.
        """
        at = timestamp(event.at)
        keeping = Statement(
            "INSERT INTO events (party_id, record_id, seq, kind, at, sealed, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(self.party_id, event.record_id, event.seq, event.kind, at, self._sealed_event(event)),
                None if event.answer is None else at,
            ),
        )
        try:
            await self.database.apply(*self._effects(effect, event.at), keeping)
        except (ConstraintFailed, GuardFailed) as error:
            raise Replayed("another event came at this place") from error

    def _effects(self, effect: Effect, now: datetime) -> Iterator[Statement]:
        name, at = effect.request_id, timestamp(now)
        if effect.remains is not None:
            yield from self._storing(effect.remains)
        if effect.ends:
            sql = "UPDATE requests SET ended_at = ? WHERE party_id = ? AND id = ? AND ended_at IS NULL"
            yield Statement(sql, (at, self.party_id, name))
        if effect.erases:
            sql = "UPDATE requests SET erased_at = ? WHERE party_id = ? AND id = ? AND erased_at IS NULL"
            yield Statement(sql, (at, self.party_id, name))

    def _sealed_event(self, event: KeptEvent) -> bytes:
        place = f"events:{event.record_id}:{event.seq}"
        return self.box.seal({"text": event.text, "answer": event.answer}, place=place)

    async def save_event_answer(self, event: KeptEvent, *, now: datetime) -> KeptEvent:
        """Keep our answer to an event that has none; gives the event with the answer that is kept."""
        await self.database.execute(
            "UPDATE events SET sealed = ?, answered_at = ?"
            " WHERE party_id = ? AND record_id = ? AND seq = ? AND answered_at IS NULL",
            *(self._sealed_event(event), timestamp(now), self.party_id, event.record_id, event.seq),
        )
        return next(one for one in await self.load_events(event.record_id) if one.seq == event.seq)

    async def finish_erasing(self) -> None:
        """Return once nothing of what was erased before is in the database's own files.

        Raises StorageUnavailable while that takes longer: it goes on, and whoever waits asks again.
        """
        await self.scrubbing.finish()

    async def sweep(self, *, now: datetime) -> None:
        """Delete the requests that nobody answered, long after their end, with the promises made for them.

        Acceptances that wait for a presentation go before, once none can come any more.
        """
        await self.database.execute(
            "DELETE FROM acceptances WHERE party_id = ? AND record IS NULL AND received_at < ?",
            *(self.party_id, timestamp(now - WAITING_KEPT)),
        )
        unanswered = (
            "SELECT id FROM requests WHERE party_id = ? AND answered_at IS NULL AND expires_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM acceptances"
            " WHERE acceptances.party_id = requests.party_id AND acceptances.request_id = requests.id)"
            " ORDER BY id LIMIT ?"
        )
        args = (self.party_id, self.party_id, timestamp(now - UNANSWERED_KEPT), _SWEPT)
        swept = _SWEPT
        while swept == _SWEPT:
            _, gone = await self.database.apply(
                Statement(f"DELETE FROM offers WHERE party_id = ? AND request_id IN ({unanswered})", args),  # noqa: S608 - a literal of ours
                Statement(f"DELETE FROM requests WHERE party_id = ? AND id IN ({unanswered}) RETURNING id", args),  # noqa: S608 - likewise
            )
            swept = len(gone)

    async def save_credential(self, credential: OwnCredential) -> None:
        """Keep a document about ourselves."""
        sealed = self.box.seal({"text": credential.text}, place=f"credentials:{credential.id}")
        await self.database.execute(
            "INSERT INTO credentials (party_id, id, received_at, sealed) VALUES (?, ?, ?, ?)",
            *(self.party_id, credential.id, timestamp(credential.received_at), sealed),
        )

    async def own_credentials(self) -> Sequence[OwnCredential]:
        """The vendor's own documents, the newest first."""
        rows = await self.database.fetch(
            "SELECT id, received_at, sealed FROM credentials WHERE party_id = ? ORDER BY received_at DESC, id",
            self.party_id,
        )
        found = []
        for row in rows:
            name = text(row, "id")
            read = Reader(self.box.open(octets(row, "sealed"), place=f"credentials:{name}"), at="credential")
            received_at = from_timestamp(number(row, "received_at"))
            found.append(OwnCredential.of(read.text("text", max_length=131_072), id=name, received_at=received_at))
        return found

    def _event(self, row: Row) -> KeptEvent:
        record_id, seq = text(row, "record_id"), number(row, "seq")
        read = Reader(self.box.open(octets(row, "sealed"), place=f"events:{record_id}:{seq}"), at="event")
        return KeptEvent(
            record_id=record_id,
            seq=seq,
            kind=text(row, "kind"),
            at=from_timestamp(number(row, "at")),
            text=read.text("text"),
            answer=None if read.value("answer") is None else read.text("answer"),
        )

    def _acceptance(self, row: Row) -> KeptAcceptance:
        name = text(row, "payload_digest")
        read = Reader(self.box.open(octets(row, "sealed"), place=f"acceptances:{name}"), at="acceptance")
        sealed = row["record"]
        record = self.box.open(sealed, place=f"records:{name}") if isinstance(sealed, bytes) else None
        return KeptAcceptance(
            payload_digest=name,
            request_id=text(row, "request_id"),
            record_id=text(row, "record_id"),
            presented=read.text("presented"),
            accepted=read.mapping("accepted"),
            record=record if isinstance(record, dict) else None,
        )

    def _kept(self, row: Row, now: datetime) -> KeptRequest:
        name, sealed = text(row, "id"), row["result"]
        opened = self.box.open(sealed, place=f"results:{name}") if isinstance(sealed, bytes) else None
        stored = None if opened is None else Result.from_json(opened)
        return KeptRequest(
            asked=_asked(self.box.open(octets(row, "asked"), place=f"requests:{name}"), row, self.formats),
            state=_state(row, now),
            is_open=moment(row, "answered_at") is None and _is_in_time(row, now),
            answered_at=moment(row, "answered_at"),
            tried_at=moment(row, "tried_at"),
            ended_at=moment(row, "ended_at"),
            erased_at=moment(row, "erased_at"),
            lapsed_at=moment(row, "lapsed_at"),
            result=None if stored is None else stored.without_overdue(now),
            stored=stored,
            revision=number(row, "revision"),
        )


def _due(result: Result) -> int | None:
    return None if result.due_at is None else timestamp(result.due_at)


def _is_in_time(row: Row, now: datetime) -> bool:
    """A clock set back makes no request live longer."""
    return number(row, "made_at") - _GRACE <= timestamp(now) <= number(row, "expires_at") + _GRACE


def _state(row: Row, now: datetime) -> ExchangeState:
    """The state at `now`: time passes without anybody writing it down."""
    state = ExchangeState(text(row, "state"))
    return state if state is ExchangeState.ANSWERED or _is_in_time(row, now) else move(state, ExchangeEvent.TIME_PASSED)


def _asked_json(asked: AskedRequest) -> dict[str, Json]:
    return {
        "template": None if asked.erased else asked.template.to_json(),
        "nonce": asked.nonce,
        "state": asked.state,
        "rel": asked.rel,
        "encryption_jwk": dict(asked.encryption_jwk),
    }


def _asked(body: Json, row: Row, formats: Formats) -> AskedRequest:
    read = Reader(body, at="asked")
    template = read.value("template")
    return AskedRequest(
        id=text(row, "id"),
        template=NO_QUESTION if template is None else RequestTemplate.from_json(template, formats=formats),
        nonce=str(read.value("nonce")),
        state=str(read.value("state")),
        rel=str(read.value("rel")),
        encryption_jwk=read.mapping("encryption_jwk"),
        made_at=from_timestamp(number(row, "made_at")),
        expires_at=from_timestamp(number(row, "expires_at")),
    )
