"""Accepting: a person's acceptance of our promise becomes a record with both signatures; later events are obeyed.

Acceptance and presentation come by two ways and in either order. The record is signed once both are here and the
acceptance names exactly what was presented. Everything may be sent again: the same bytes get the same answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from didkit_py.dids.document import DidDocument
from didkit_py.encoding import Json, digest, read_json
from didkit_py.errors import BadAgreement, IllegalMove, Replayed, Unavailable
from didkit_py.jose import JointlySigned
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.exchange import FINAL, State
from didkit_py.reading import Reader
from didkit_py.roles.asking_store import (
    AcceptingStore,
    Effect,
    KeptAcceptance,
    KeptEvent,
    KeptRequest,
    Result,
    SentOffer,
)
from didkit_py.terms.agreement import parse_agreement
from didkit_py.terms.document import TermsDocument
from didkit_py.terms.events import (
    APPLIED,
    NOT_THEIRS,
    STOP_AND_ERASE,
    AgreementEvent,
    Kind,
    UnverifiedEvent,
    create_acknowledgement,
    create_erase_proof,
    parse_event,
    verify_event,
)
from didkit_py.terms.grant_parts import ClaimPath
from didkit_py.terms.record import MAX_RECORD, AgreementRecord, countersign, verify_acceptance, verify_record

MAX_ACCEPTANCES: Final = 8  # for one request: its link may be opened by several wallets, and one of them presents
RECEIVED: Final[Mapping[str, Json]] = {"state": "received"}

KnownTerms = Callable[[datetime], Awaitable[Mapping[str, TermsDocument]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the agreement desk answers: the record once it is signed, else that the acceptance was received."""

    record: Mapping[str, Json] | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Json]:
        return dict(RECEIVED) if self.record is None else {"record": dict(self.record)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """The agreement desk of one vendor."""

    store: AcceptingStore
    signer: Signer
    document: DidDocument  # the vendor's own
    terms: KnownTerms

    async def take_acceptance(self, body: Json, *, now: datetime) -> Answered:
        """P8 and P11: keep an acceptance of one of our offers; give the record once the presentation was verified.

        Raises Malformed, BadAgreement, BadSignature, IllegalMove when the request came to nothing, Replayed when too
        many others accepted it, or Unavailable when the terms are not at hand.
        """
        signed = JointlySigned.from_json(Reader(body, at="acceptance").value("record"))
        offer = await self.store.load_offer(_offer_named(signed))
        if offer is None:
            raise BadAgreement("the offer that was accepted is not one of ours")
        kept = await self.store.load_request(offer.request_id, now=now)
        acceptance = await self._known(signed, offer)
        if acceptance is None:
            acceptance = await self._judged(signed, offer, kept, now)
            await self.store.save_acceptance(acceptance, at_most=MAX_ACCEPTANCES, now=now)
        return await self._answer(acceptance, kept, now)

    async def _known(self, signed: JointlySigned, offer: SentOffer) -> KeptAcceptance | None:
        name = digest(signed.payload)
        for one in await self.store.load_acceptances(offer.request_id):
            if one.payload_digest == name:
                if dict(one.accepted) != signed.to_json():
                    raise BadAgreement("another signature under an acceptance that is kept already")
                return one
        return None

    async def _judged(
        self, signed: JointlySigned, offer: SentOffer, kept: KeptRequest, now: datetime
    ) -> KeptAcceptance:
        terms_id = parse_agreement(offer.text).agreement.terms_id
        terms = (await self.terms(now)).get(terms_id)
        if terms is None:
            raise Unavailable("the terms of this offer are not at hand", hint="Send it again after the next refresh.")
        record = verify_acceptance(signed, offer_text=offer.text, query=kept.asked.template.query, terms=terms, now=now)
        acceptance = KeptAcceptance(
            payload_digest=record.digest,
            request_id=offer.request_id,
            record_id=record.identifier,
            presented=record.presented,
            accepted=signed.to_json(),
        )
        _require_fit(acceptance, kept)
        return acceptance

    async def _answer(self, acceptance: KeptAcceptance, kept: KeptRequest, now: datetime) -> Answered:
        if acceptance.record is None and kept.state is State.ANSWERED:
            _require_fit(acceptance, kept)
            acceptance = await self.store.save_record(await self.countersigned(acceptance), now=now)
        elif acceptance.record is None:
            _require_fit(acceptance, kept)
        return Answered(record=acceptance.record)

    async def countersigned(self, acceptance: KeptAcceptance) -> KeptAcceptance:
        """The same payload with our signature beside the person's; the caller knows that it fits what was presented."""
        signed = JointlySigned.from_json(dict(acceptance.accepted))
        return replace(acceptance, record=(await countersign(signed, signer=self.signer)).to_json())

    async def take_event(self, body: Json, *, kind: Kind, now: datetime) -> str:
        """E4: keep a person's event about one of our records and do what it says; gives our signed answer to it.

        An answer to an erasure is given only once nothing of what was erased is left in the database's files.
        Raises Malformed, BadAgreement, BadSignature, or
        StorageUnavailable: then the same event is sent again.
        """
        unverified = parse_event(Reader(body, at="message").text("event"))
        if unverified.event.kind is not kind:
            raise BadAgreement(f"expected an event of the kind {kind} at this address")
        acceptance = await self.store.load_recorded(unverified.event.record)
        if acceptance is None:
            raise BadAgreement(NOT_THEIRS)
        try:
            known = await self._known_or_applied(unverified, acceptance, now)
        except Replayed:  # the same event came twice at once, or another one did
            known = await self._known_or_applied(unverified, acceptance, now)
        await self.store.finish_erasing()
        return known.answer

    async def _known_or_applied(
        self, unverified: UnverifiedEvent, acceptance: KeptAcceptance, now: datetime
    ) -> KeptEvent:
        events = await self.store.load_events(acceptance.record_id)
        known = next((one for one in events if one.text == unverified.event.text), None)
        return known or await self._applied(unverified, acceptance, events[-1] if events else None, now)

    async def _applied(
        self, unverified: UnverifiedEvent, acceptance: KeptAcceptance, last: KeptEvent | None, now: datetime
    ) -> KeptEvent:
        record = verify_record(JointlySigned.from_json(dict(acceptance.record or {})), vendor_document=self.document)
        previous: AgreementEvent | None = None if last is None else parse_event(last.answer).event
        event = verify_event(unverified, record=record, previous=previous, vendor_document=self.document, now=now)
        kept = KeptEvent(
            record_id=record.identifier,
            seq=event.seq,
            kind=event.kind,
            at=now,
            text=event.text,
            answer=await self._answer_to(event, record, now),
        )
        await self.store.save_event(kept, await self._effect(event, record, acceptance.request_id, now))
        return kept

    async def _answer_to(self, event: AgreementEvent, record: AgreementRecord, now: datetime) -> str:
        if event.kind is Kind.ERASE_REQUEST:
            return await create_erase_proof(record, of=event, signer=self.signer, now=now)
        return await create_acknowledgement(
            record, previous=event, of=event, state=APPLIED, signer=self.signer, now=now
        )

    async def _effect(self, event: AgreementEvent, record: AgreementRecord, request_id: str, now: datetime) -> Effect:
        ends = event.kind is Kind.WITHDRAW and set(event.gids) == set(record.agreed)
        paths = _paths_to_erase(event, record)
        if paths is None:
            return Effect(request_id=request_id, ends=ends)
        kept = await self.store.load_request(request_id, now=now)
        return Effect(request_id=request_id, ends=ends, erased=(kept.result or Result()).without(paths))


def _paths_to_erase(event: AgreementEvent, record: AgreementRecord) -> Sequence[ClaimPath] | None:
    """What an event wants erased, empty for everything; None where it wants nothing erased."""
    if event.kind is Kind.ERASE_REQUEST:
        return event.paths
    if event.effect != STOP_AND_ERASE:
        return None
    if set(event.gids) == set(record.agreed):
        return ()
    kept = {path for gid, paths in record.accepted.items() if gid not in event.gids for path in paths}
    return [path for gid in event.gids for path in record.accepted[gid] if path not in kept] or None


def _offer_named(signed: JointlySigned) -> str:
    return Reader(read_json(signed.payload, max_bytes=MAX_RECORD), at="record").text("offer", max_length=64)


def _require_fit(acceptance: KeptAcceptance, kept: KeptRequest) -> None:
    """Check that a record can still come of this acceptance. Raises BadAgreement or IllegalMove."""
    if kept.state is State.ANSWERED:
        if kept.result is None or kept.result.presented != acceptance.presented:
            raise BadAgreement("the acceptance was given for another presentation")
    elif kept.state in FINAL:
        raise IllegalMove("nothing came of the request that was accepted")
