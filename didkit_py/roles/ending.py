"""Ending: the person stops a vendor's use of what was shown, or has it erased (specs/flow.md, E1 to E6).

1. `end` (E1): the person's wish is durable, with its note in the ledger, before anything is signed or sent.
2. `send` (E2, E3): the event, signed with the key of this relationship, follows the vendor's last answer; it is durable
   before it is sent, and sent in the same bytes as often as it takes.
3. The answer (E5, E6) counts only with the vendor's signature by the key of the record. Until then the wish stays
   "sent, unconfirmed", however long that takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, Self

from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT
from didkit_py.encoding import Json, from_timestamp, timestamp, write_json
from didkit_py.errors import IllegalMove, Malformed, Rejected, Unavailable, Unreachable
from didkit_py.formats.format import Formats
from didkit_py.jose import JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import Signer
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader
from didkit_py.records.events import (
    AgreementEvent,
    create_erase_request,
    create_withdrawal,
    parse_event,
    verify_answer,
)
from didkit_py.records.record import AgreementRecord, verify_record
from didkit_py.roles.presenting import authenticate
from didkit_py.roles.presenting_store import Exchange, Note
from didkit_py.roles.vendor_client import VendorAnswer, VendorClient
from didkit_py.structs import Moment, Text, plain, read_as
from didkit_py.terms.agreement import Agreement, Desk, parse_agreement

BASIS: Final = "terms:erasure"
REFUSED: Final = "vendor.refused-event"


class TerminationRequest(StrEnum):
    """What the person wants of a vendor afterwards."""

    STOP = "stop"
    ERASE = "erase"


ASKED: Final = {TerminationRequest.STOP: "withdrawn", TerminationRequest.ERASE: "erasure-asked"}  # notes of the ledger
CONFIRMED: Final = {TerminationRequest.STOP: "withdrawal-confirmed", TerminationRequest.ERASE: "erasure-proved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One wish and how far it has come. `place` counts the wishes about one record, from 1."""

    exchange_id: str
    place: int
    wish: TerminationRequest
    asked_at: Moment
    event: Text | None = field(default=None, repr=False)  # as signed; None: the wish before has no answer yet
    answer: Text | None = field(default=None, repr=False)  # the vendor's, once its signature held
    answered_at: Moment | None = None
    problem: str = ""  # the code of what was wrong with the last try

    @classmethod
    def from_json(cls, body: Json, *, exchange_id: str, place: int) -> Self:
        return read_as(cls, body, at="ended", columns={"exchange_id": exchange_id, "place": place})

    def to_json(self) -> dict[str, Json]:
        return plain(self, without=("exchange_id", "place"))

    @property
    def confirmed(self) -> bool:
        """Whether the vendor signed that it obeyed."""
        return self.answer is not None

    @property
    def residual(self) -> Sequence[tuple[str, str, datetime]]:
        """What the vendor keeps nevertheless: class of storage, clause, and until when."""
        if self.answer is None:
            return []
        return [(one.storage, one.clause, one.until) for one in parse_event(self.answer).event.residual]


class EndingStore(Protocol):
    """What ending needs remembered. Each write is one transaction, durable when it returns."""

    async def load_exchange(self, exchange_id: str) -> Exchange:
        """One exchange. Raises NotFound."""

    async def load_relationship_signer(self, client_id: str, rel: str) -> Signer:
        """The key for one relationship alone; the same whenever it is asked for."""

    async def load_ended(self, exchange_id: str) -> Sequence[Ended]:
        """The wishes about one record, in order."""

    async def save_wish(self, ended: Ended, *, note: Note, now: datetime) -> None:
        """Keep a new wish and note it. Raises IllegalMove when another one stands at its place."""

    async def save_ended(self, ended: Ended, *, notes: Sequence[Note] = (), now: datetime) -> None:
        """Replace a wish that has no answer yet, with its notes. Raises IllegalMove when it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A record with a vendor, verified again from what was received."""

    exchange: Exchange
    record: AgreementRecord
    agreement: Agreement
    vendor_keys: PartyKeys

    def desk(self, wish: TerminationRequest) -> Desk:
        """Where the vendor promised to take such a wish, and how soon it obeys."""
        return self.agreement.withdraw if wish is TerminationRequest.STOP else self.agreement.erase


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Ends relationships for one unlocked wallet."""

    store: EndingStore
    client: VendorClient
    clock: Callable[[], datetime]

    async def end(self, exchange_id: str, wish: TerminationRequest) -> Sequence[Ended]:
        """E1 to E6: the person pressed the button. The same wish again is not a second one.

        Raises IllegalMove where there is no record that both signed.
        """
        relationship = relationship_of(
            await self.store.load_exchange(exchange_id),
            formats=self.client.formats,
            key_sources=self.client.key_sources,
        )
        known = await self.store.load_ended(exchange_id)
        if all(one.wish is not wish for one in known):
            now = from_timestamp(timestamp(self.clock()))
            ended = Ended(exchange_id=exchange_id, place=len(known) + 1, wish=wish, asked_at=now)
            note = Note(kind=ASKED[wish], body=_body(relationship))
            await self.store.save_wish(ended, note=note, now=now)
        return await self.send(exchange_id)

    async def send(self, exchange_id: str) -> Sequence[Ended]:
        """E2 to E6: goes on where it stopped, as far as the vendor answers. How each wish stands then."""
        relationship = relationship_of(
            await self.store.load_exchange(exchange_id),
            formats=self.client.formats,
            key_sources=self.client.key_sources,
        )
        previous: AgreementEvent | None = None
        for one in await self.store.load_ended(exchange_id):
            ended = one if one.confirmed else await self._send_one(relationship, one, previous)
            if ended.answer is None:
                break
            previous = parse_event(ended.answer).event
        return await self.store.load_ended(exchange_id)

    async def _send_one(self, relationship: Relationship, ended: Ended, previous: AgreementEvent | None) -> Ended:
        if ended.event is None:
            ended = replace(ended, event=await self._signed(relationship, ended.wish, previous))
            await self.store.save_ended(ended, now=self.clock())
        try:
            answer = await self.client.post_json(
                relationship.desk(ended.wish).uri, write_json({"event": ended.event or ""})
            )
            if answer.refused:
                return await self._keep_problem(ended, REFUSED)
            if not answer.complete:
                raise Unreachable(f"the vendor answered with status {answer.status}")
            answered = self._judged(relationship, ended, answer)
        except (Unavailable, Malformed, Rejected) as error:
            return await self._keep_problem(ended, error.code)
        return await self._keep_answer(relationship, ended, answered)

    async def _signed(
        self, relationship: Relationship, wish: TerminationRequest, previous: AgreementEvent | None
    ) -> str:
        exchange, record, now = relationship.exchange, relationship.record, self.clock()
        signer = await self.store.load_relationship_signer(exchange.client_id, record.rel)
        if wish is TerminationRequest.ERASE:
            return await create_erase_request(record, previous=previous, paths=(), basis=BASIS, signer=signer, now=now)
        return await create_withdrawal(
            record, previous=previous, gids=record.agreed, effect="stop-use", signer=signer, now=now
        )

    def _judged(self, relationship: Relationship, ended: Ended, answer: VendorAnswer) -> AgreementEvent:
        """The vendor's signed answer, once its signature and its place hold. Raises Malformed or Rejected."""
        return verify_answer(
            Reader(answer.json(), at="answer").text("event"),
            to=parse_event(ended.event or "").event,
            record=relationship.record,
            vendor_keys=relationship.vendor_keys,
            now=self.clock(),
        )

    async def _keep_answer(self, relationship: Relationship, ended: Ended, answer: AgreementEvent) -> Ended:
        """E6: the answer, durable, with both events in the ledger."""
        confirmed = replace(ended, answer=answer.text, answered_at=answer.at, problem="")
        note = Note(
            kind=CONFIRMED[ended.wish], body=_body(relationship) | {"event": ended.event, "answer": answer.text}
        )
        await self.store.save_ended(confirmed, notes=[note], now=self.clock())
        return confirmed

    async def _keep_problem(self, ended: Ended, problem: str) -> Ended:
        """What went wrong, for the person's page; the wish stays unconfirmed."""
        if ended.problem != problem:
            ended = replace(ended, problem=problem)
            await self.store.save_ended(ended, now=self.clock())
        return ended


def relationship_of(exchange: Exchange, *, formats: Formats, key_sources: KeySources) -> Relationship:
    """The record of an exchange, verified again. Raises IllegalMove where there is none."""
    if exchange.record is None:
        raise IllegalMove("there is no record that both signed, so nothing to end by it")
    authentic = authenticate(exchange, formats=formats, key_sources=key_sources, now=exchange.opened_at)
    keys = authentic.vendor_keys
    record = verify_record(JointlySigned.from_json(dict(exchange.record)), vendor_keys=keys)
    offers = (one.data for one in authentic.request.request.verifier_info if one.format == RELATIONSHIP_AGREEMENT)
    agreements = (parse_agreement(one).agreement for one in offers)
    found = next((one for one in agreements if one.offer_digest == record.offer), None)
    if found is None:
        raise IllegalMove("the promise that the record names is not at hand")
    return Relationship(exchange=exchange, record=record, agreement=found, vendor_keys=keys)


def _body(relationship: Relationship) -> dict[str, Json]:
    return {
        "vendor": relationship.exchange.vendor,
        "rel": relationship.record.rel,
        "record_id": relationship.record.identifier,
    }
