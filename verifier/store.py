"""What the vendor must remember, in plain SQL; one method per thing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import Json, from_timestamp, timestamp
from didkit_py.errors import BadAgreement, IllegalMove, NotFound, Replayed
from didkit_py.oid4vp.exchange import FINAL, Event, State, move
from didkit_py.reading import Reader
from didkit_py.roles.asking_store import (
    ANSWER_GRACE,
    AskedRequest,
    Effect,
    KeptAcceptance,
    KeptEvent,
    KeptRequest,
    OwnCredential,
    RequestTemplate,
    Result,
    SentOffer,
)
from didkit_py.service.columns import marks, moment, number, octets, text
from didkit_py.service.database import ConstraintFailed, Database, GuardFailed, Row, Statement, Value
from didkit_py.service.sealing import Box

MAX_FETCHES: Final = 100  # of one request: each leaves a signed promise behind
UNANSWERED_KEPT: Final = timedelta(days=30)  # after its end an operator may still want to see that nobody answered
_SWEPT: Final = 200  # requests of one step: a few milliseconds in which other writes wait
_GRACE: Final = int(ANSWER_GRACE.total_seconds())
_DATABASE: Final = "database"
_COLUMNS: Final = "id, state, made_at, expires_at, answered_at, ended_at, erased_at, asked, result"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorStore:
    """The requests of one vendor, their answers and records; implements the protocols of `roles.asking_store`."""

    database: Database
    box: Box

    async def save_request(self, asked: AskedRequest) -> None:
        """Keep a new request."""
        sealed = self.box.seal(_asked_json(asked), place=f"requests:{asked.id}")
        values: tuple[Value, ...] = (
            *(asked.id, State.CREATED.value, timestamp(asked.made_at), timestamp(asked.expires_at)),
            *(0, 0, sealed),
        )
        await self.database.execute(
            "INSERT INTO requests (id, state, made_at, expires_at, fetches, acceptances, asked)"  # noqa: S608 - marks only
            f" VALUES ({marks(values)})",
            *values,
        )

    async def load_request(self, request_id: str, *, now: datetime) -> KeptRequest:
        """One request. Raises NotFound."""
        rows = await self.database.fetch(f"SELECT {_COLUMNS} FROM requests WHERE id = ?", request_id)  # noqa: S608 - a literal of ours
        for row in rows:
            return self._kept(row, now)
        raise NotFound("there is no such request", hint="Look at the list of requests.")

    async def requests(self, *, now: datetime, limit: int = 1_000, offset: int = 0) -> tuple[KeptRequest, ...]:
        """Requests, the newest first."""
        rows = await self.database.fetch(
            f"SELECT {_COLUMNS} FROM requests ORDER BY made_at DESC, id LIMIT ? OFFSET ?",  # noqa: S608 - a literal of ours
            *(limit, offset),
        )
        return tuple(self._kept(row, now) for row in rows)

    async def counts(self, *, now: datetime) -> Mapping[State, int]:
        """How many requests stand in each state."""
        rows = await self.database.fetch(
            "SELECT CASE WHEN answered_at IS NULL AND (expires_at < ? OR made_at > ?) THEN ? ELSE state END AS found,"
            " count(*) AS total FROM requests GROUP BY found",
            *(timestamp(now) - _GRACE, timestamp(now) + _GRACE, State.EXPIRED.value),
        )
        return {State(text(row, "found")): number(row, "total") for row in rows}

    async def save_fetched(self, request_id: str, offer: SentOffer | None, *, now: datetime) -> None:
        """A wallet gets the signed request with this promise. Raises IllegalMove when the request is over."""
        opened = move(State.CREATED, Event.REQUEST_FETCHED)
        statements = [
            Statement(
                "UPDATE requests SET state = ?, fetches = fetches + 1"
                " WHERE id = ? AND answered_at IS NULL AND fetches < ? RETURNING id",
                (opened.value, request_id, MAX_FETCHES),
                rows=1,
            )
        ]
        if offer is not None:
            body: Json = {"text": offer.text, "signatory": offer.signatory_text}
            sealed = self.box.seal(body, place=f"offers:{offer.digest}")
            sql = "INSERT INTO offers (digest, request_id, sent_at, sealed) VALUES (?, ?, ?, ?)"
            statements.append(Statement(sql, (offer.digest, request_id, timestamp(now), sealed), rows=1))
        try:
            await self.database.apply(*statements)
        except GuardFailed as error:
            raise IllegalMove("the request was answered, or fetched too often") from error

    async def save_result(
        self,
        request_id: str,
        state: State,
        result: Result,
        *,
        now: datetime,
        response_code_hash: bytes | None = None,
        record: KeptAcceptance | None = None,
    ) -> None:
        """Spend the request's nonce for this result: of two answers one wins. Raises Replayed for all others."""
        sealed = self.box.seal(result.to_json(), place=f"results:{request_id}")
        spending = Statement(
            "UPDATE requests SET state = ?, answered_at = ?, result = ?, response_code_hash = ?"
            " WHERE id = ? AND answered_at IS NULL AND state = ? RETURNING id",
            (state.value, timestamp(now), sealed, response_code_hash, request_id, State.FETCHED.value),
            rows=1,
        )
        recording = () if record is None else (self._recording(record, now),)
        try:
            await self.database.apply(spending, *recording)
        except GuardFailed as error:
            raise Replayed("the request was answered already", spec="OpenID4VP 1.0, 14.1") from error

    async def has_response_code(self, code_hash: bytes) -> bool:
        """Whether an answer that held was given this code."""
        sql = "SELECT id FROM requests WHERE response_code_hash = ?"
        return bool(await self.database.fetch(sql, code_hash))

    async def load_offer(self, offer_digest: str) -> SentOffer | None:
        """The promise of that digest, if it was ours."""
        sql = "SELECT digest, request_id, sealed FROM offers WHERE digest = ?"
        for row in await self.database.fetch(sql, offer_digest):
            read = Reader(self.box.open(octets(row, "sealed"), place=f"offers:{offer_digest}"), at="offer")
            signatory = read.value("signatory")
            return SentOffer(
                digest=offer_digest,
                request_id=text(row, "request_id"),
                text=read.text("text"),
                signatory_text=None if signatory is None else str(signatory),
            )
        return None

    async def save_acceptance(self, acceptance: KeptAcceptance, *, at_most: int, now: datetime) -> None:
        """Keep an acceptance; the same payload again changes nothing. Raises Replayed when there are too many."""
        name = acceptance.payload_digest
        body: Json = {"accepted": dict(acceptance.accepted), "presented": acceptance.presented}
        counting = Statement(
            "UPDATE requests SET acceptances = acceptances + 1 WHERE id = ? AND acceptances < ? RETURNING id",
            (acceptance.request_id, at_most),
            rows=1,
        )
        keeping = Statement(
            "INSERT INTO acceptances (payload_digest, request_id, record_id, received_at, sealed)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                *(name, acceptance.request_id, acceptance.record_id, timestamp(now)),
                self.box.seal(body, place=f"acceptances:{name}"),
            ),
        )
        try:
            await self.database.apply(counting, keeping)
        except GuardFailed as error:
            raise Replayed("too many others accepted this request already") from error
        except ConstraintFailed as error:
            if not await self.database.fetch("SELECT 1 AS one FROM acceptances WHERE payload_digest = ?", name):
                raise BadAgreement("the record's identifier is that of another record") from error

    async def load_acceptances(self, request_id: str) -> tuple[KeptAcceptance, ...]:
        """All acceptances for a request, the oldest first."""
        rows = await self.database.fetch(
            "SELECT payload_digest, request_id, record_id, sealed, record FROM acceptances"
            " WHERE request_id = ? ORDER BY received_at, payload_digest",
            request_id,
        )
        return tuple(map(self._acceptance, rows))

    async def save_record(self, acceptance: KeptAcceptance, *, now: datetime) -> KeptAcceptance:
        """Keep the record, unless there is one: gives the one that is kept."""
        step = self._recording(acceptance, now)
        await self.database.execute(step.sql, *step.args)
        kept = await self.load_acceptances(acceptance.request_id)
        return next(one for one in kept if one.payload_digest == acceptance.payload_digest)

    def _recording(self, acceptance: KeptAcceptance, now: datetime) -> Statement:
        name, record = acceptance.payload_digest, dict(acceptance.record or {})
        return Statement(
            "UPDATE acceptances SET record = ?, recorded_at = ?"
            " WHERE payload_digest = ? AND record IS NULL RETURNING record_id",
            (self.box.seal(record, place=f"records:{name}"), timestamp(now), name),
        )

    async def load_recorded(self, record_id: str) -> KeptAcceptance | None:
        """The acceptance whose record has this identifier, if both sides signed it."""
        rows = await self.database.fetch(
            "SELECT payload_digest, request_id, record_id, sealed, record FROM acceptances WHERE record_id = ?",
            record_id,
        )
        return next((one for one in map(self._acceptance, rows) if one.record is not None), None)

    async def load_events(self, record_id: str) -> tuple[KeptEvent, ...]:
        """What was said later about a record, in order."""
        rows = await self.database.fetch(
            "SELECT record_id, seq, kind, at, sealed FROM events WHERE record_id = ? ORDER BY seq", record_id
        )
        return tuple(map(self._event, rows))

    async def save_event(self, event: KeptEvent, effect: Effect) -> None:
        """Keep an event and our answer, and make its effect. Raises Replayed when another one stands at its place."""
        place = f"events:{event.record_id}:{event.seq}"
        sealed = self.box.seal({"text": event.text, "answer": event.answer}, place=place)
        keeping = Statement(
            "INSERT INTO events (record_id, seq, kind, at, sealed) VALUES (?, ?, ?, ?, ?)",
            (event.record_id, event.seq, event.kind, timestamp(event.at), sealed),
        )
        try:
            await self.database.apply(keeping, *self._effects(effect, event.at))
        except ConstraintFailed as error:
            raise Replayed("another event came at this place") from error

    def _effects(self, effect: Effect, now: datetime) -> Iterator[Statement]:
        name, at = effect.request_id, timestamp(now)
        if effect.ends:
            sql = "UPDATE requests SET ended_at = ? WHERE id = ? AND ended_at IS NULL"
            yield Statement(sql, (at, name))
        if effect.erased is not None:
            sealed = self.box.seal(effect.erased.to_json(), place=f"results:{name}")
            sql = "UPDATE requests SET result = ?, erased_at = ? WHERE id = ?"
            yield Statement(sql, (sealed, at, name), rows=1)
            yield Statement("UPDATE scrubs SET wanted = wanted + 1 WHERE name = ?", (_DATABASE,), rows=1)

    async def finish_erasing(self) -> None:
        """Scrub the database if something was erased since it was scrubbed. Raises StorageUnavailable."""
        rows = await self.database.fetch("SELECT wanted, done FROM scrubs WHERE name = ?", _DATABASE)
        wanted = max(number(row, "wanted") for row in rows)
        if all(number(row, "done") >= wanted for row in rows):
            return
        await self.database.scrub()
        await self.database.execute(
            "UPDATE scrubs SET done = ? WHERE name = ? AND done < ?", *(wanted, _DATABASE, wanted)
        )

    async def sweep(self, *, now: datetime) -> None:
        """Delete the requests that nobody answered, long after their end, with the promises made for them."""
        unanswered = (
            "SELECT id FROM requests WHERE answered_at IS NULL AND expires_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM acceptances WHERE acceptances.request_id = requests.id)"
            " ORDER BY id LIMIT ?"
        )
        args = (timestamp(now - UNANSWERED_KEPT), _SWEPT)
        swept = _SWEPT
        while swept == _SWEPT:
            _, gone = await self.database.apply(
                Statement(f"DELETE FROM offers WHERE request_id IN ({unanswered})", args),  # noqa: S608 - a literal of ours
                Statement(f"DELETE FROM requests WHERE id IN ({unanswered}) RETURNING id", args),  # noqa: S608 - likewise
            )
            swept = len(gone)

    async def save_credential(self, credential: OwnCredential) -> None:
        """Keep a document about ourselves."""
        sealed = self.box.seal({"text": credential.text}, place=f"credentials:{credential.id}")
        await self.database.execute(
            "INSERT INTO credentials (id, received_at, sealed) VALUES (?, ?, ?)",
            *(credential.id, timestamp(credential.received_at), sealed),
        )

    async def own_credentials(self) -> Sequence[OwnCredential]:
        """The vendor's own documents, the newest first."""
        rows = await self.database.fetch(
            "SELECT id, received_at, sealed FROM credentials ORDER BY received_at DESC, id"
        )
        return [self._credential(row) for row in rows]

    def _credential(self, row: Row) -> OwnCredential:
        name = text(row, "id")
        read = Reader(self.box.open(octets(row, "sealed"), place=f"credentials:{name}"), at="credential")
        received_at = from_timestamp(number(row, "received_at"))
        return OwnCredential.of(read.text("text", max_length=131_072), id=name, received_at=received_at)

    def _event(self, row: Row) -> KeptEvent:
        record_id, seq = text(row, "record_id"), number(row, "seq")
        read = Reader(self.box.open(octets(row, "sealed"), place=f"events:{record_id}:{seq}"), at="event")
        return KeptEvent(
            record_id=record_id,
            seq=seq,
            kind=text(row, "kind"),
            at=from_timestamp(number(row, "at")),
            text=read.text("text"),
            answer=read.text("answer"),
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
        return KeptRequest(
            asked=_asked(self.box.open(octets(row, "asked"), place=f"requests:{name}"), row),
            state=_state(row, now),
            answered_at=moment(row, "answered_at"),
            ended_at=moment(row, "ended_at"),
            erased_at=moment(row, "erased_at"),
            result=None if opened is None else Result.from_json(opened),
        )


def _state(row: Row, now: datetime) -> State:
    """The state at `now`: time passes without anybody writing it down."""
    state = State(text(row, "state"))
    begins, ends = number(row, "made_at") - _GRACE, number(row, "expires_at") + _GRACE
    over = state not in FINAL and not begins <= timestamp(now) <= ends  # a clock set back makes no request live longer
    return move(state, Event.TIME_PASSED) if over else state


def _asked_json(asked: AskedRequest) -> dict[str, Json]:
    return {
        "template": asked.template.to_json(),
        "nonce": asked.nonce,
        "state": asked.state,
        "rel": asked.rel,
        "encryption_jwk": dict(asked.encryption_jwk),
    }


def _asked(body: Json, row: Row) -> AskedRequest:
    read = Reader(body, at="asked")
    return AskedRequest(
        id=text(row, "id"),
        template=RequestTemplate.from_json(read.value("template")),
        nonce=read.text("nonce"),
        state=read.text("state"),
        rel=read.text("rel"),
        encryption_jwk=read.mapping("encryption_jwk"),
        made_at=from_timestamp(number(row, "made_at")),
        expires_at=from_timestamp(number(row, "expires_at")),
    )
