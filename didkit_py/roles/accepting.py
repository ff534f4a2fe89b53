"""Accepting: a person's acceptance of our promise becomes a record with both signatures; later events are obeyed.

Acceptance and presentation come by two ways and in either order. The record is signed once both are here and the
acceptance names exactly what was presented: whoever saw a request can accept it, so an acceptance alone counts for
nothing and stands in nobody's way. Everything may be sent again: the same bytes get the same answer.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from didkit_py.encoding import Json, digest, read_json
from didkit_py.errors import BadAgreement, IllegalMove, Replayed, Unavailable
from didkit_py.jose import JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.reading import Reader
from didkit_py.records.events import (
    APPLIED,
    NOT_THEIRS,
    STOP_AND_ERASE,
    AgreementEvent,
    EventKind,
    UnverifiedEvent,
    create_acknowledgement,
    create_erase_proof,
    parse_event,
    verify_event,
)
from didkit_py.records.record import MAX_RECORD, AgreementRecord, countersign, verify_acceptance, verify_record
from didkit_py.roles.asking_store import (
    AcceptingStore,
    Effect,
    KeptAcceptance,
    KeptEvent,
    KeptRequest,
    Remains,
    Result,
    remains_of,
)
from didkit_py.roles.retaining import planned, with_ends
from didkit_py.terms.agreement import parse_agreement
from didkit_py.terms.document import TermsDocument
from didkit_py.terms.grant_parts import ClaimPath

MAX_WAITING: Final = 8  # acceptances of one request without its presentation; the newest stay, a wallet sends again
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
    keys: PartyKeys  # the vendor's own
    terms: KnownTerms

    async def take_acceptance(self, body: Json, *, now: datetime) -> Answered:
        """P8 and P11: keep an acceptance of one of our offers; give the record once the presentation was verified.

        Raises Malformed, BadAgreement, BadSignature, IllegalMove when the request came to nothing, or Unavailable when
        the terms are not at hand.
        """
        signed = JointlySigned.from_json(Reader(body, at="acceptance").value("record"))
        known = await self.store.load_acceptance(digest(signed.payload))
        if known is not None and dict(known.accepted) != signed.to_json():
            raise BadAgreement("another signature under an acceptance that is kept already")
        acceptance = known or await self._judged_and_kept(signed, now)
        if acceptance.record is not None:
            return Answered(record=acceptance.record)
        kept = await self.store.load_request(acceptance.request_id, now=now)
        _require_fit(acceptance, kept)
        return await self._recorded(acceptance, kept, now) if kept.state is ExchangeState.ANSWERED else Answered()

    async def _judged_and_kept(self, signed: JointlySigned, now: datetime) -> KeptAcceptance:
        read = Reader(read_json(signed.payload, max_bytes=MAX_RECORD), at="record")
        offer = await self.store.load_offer(read.text("offer", max_length=64))
        if offer is None:
            raise BadAgreement("the offer that was accepted is not one of ours")
        kept = await self.store.load_request(offer.request_id, now=now)
        terms_id = parse_agreement(offer.text).agreement.terms_id
        terms = (await self.terms(now)).get(terms_id)
        if terms is None:
            raise Unavailable("the terms of this offer are not at hand", hint="Send it again after the next refresh.")
        record = verify_acceptance(
            signed,
            offer_text=offer.text,
            query=kept.asked.template.query,
            terms=terms,
            now=now,
            presented_at=kept.answered_at,
        )
        acceptance = KeptAcceptance(
            payload_digest=record.digest,
            request_id=offer.request_id,
            record_id=record.identifier,
            presented=record.presented,
            accepted=signed.to_json(),
        )
        _require_fit(acceptance, kept)
        await self.store.save_acceptance(acceptance, at_most=MAX_WAITING, now=now)
        return acceptance

    async def _recorded(self, acceptance: KeptAcceptance, kept: KeptRequest, now: datetime) -> Answered:
        recorded, result = await self.recorded(acceptance, kept.stored or Result(), shown_at=kept.answered_at or now)
        with contextlib.suppress(Replayed):  # another acceptance came first, or this one a second time
            await self.store.save_record(recorded, remains_of(kept, result), now=now)
        found = await self.store.load_acceptance(acceptance.payload_digest)
        if found is None or found.record is None:
            raise BadAgreement("there is a record of this presentation already, by another acceptance")
        return Answered(record=found.record)

    async def recorded(
        self, acceptance: KeptAcceptance, result: Result, *, shown_at: datetime
    ) -> tuple[KeptAcceptance, Result]:
        """The same payload with our signature beside the person's, and until when it allows us to keep what was shown.

        The caller knows that it fits what was presented.
        """
        signed = await countersign(JointlySigned.from_json(dict(acceptance.accepted)), signer=self.signer)
        record = verify_record(signed, vendor_keys=self.keys)
        offer = await self.store.load_offer(record.offer)
        grants = () if offer is None else parse_agreement(offer.text).agreement.grants
        return replace(acceptance, record=signed.to_json()), planned(
            result, shown_at=shown_at, record=record, grants=grants
        )

    async def take_event(self, body: Json, *, kind: EventKind, now: datetime) -> str:
        """E4: keep a person's event about one of our records and do what it says; gives our signed answer to it.

        What it erases is gone at once; our answer to an erasure is signed only when nothing of it is left in the
        database's files either. Raises Malformed, BadAgreement, BadSignature, or Unavailable while that is not so: then
        the same event is sent again.
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
        if known.answer is not None:
            return known.answer
        await self.store.finish_erasing()
        answer = await self._answer_to(unverified.event, self._verified(acceptance), now)
        answered = await self.store.save_event_answer(replace(known, answer=answer), now=now)
        return answered.answer or answer

    def _verified(self, acceptance: KeptAcceptance) -> AgreementRecord:
        return verify_record(JointlySigned.from_json(dict(acceptance.record or {})), vendor_keys=self.keys)

    async def _known_or_applied(
        self, unverified: UnverifiedEvent, acceptance: KeptAcceptance, now: datetime
    ) -> KeptEvent:
        events = await self.store.load_events(acceptance.record_id)
        known = next((one for one in events if one.text == unverified.event.text), None)
        return known or await self._applied(unverified, acceptance, events, now)

    async def _applied(
        self, unverified: UnverifiedEvent, acceptance: KeptAcceptance, before: Sequence[KeptEvent], now: datetime
    ) -> KeptEvent:
        record = self._verified(acceptance)
        last = before[-1] if before else None
        previous = None if last is None else parse_event(last.answer or last.text).event
        event = verify_event(unverified, record=record, previous=previous, vendor_keys=self.keys, now=now)
        if last is not None and last.answer is None:
            raise BadAgreement("the event before has no answer yet that this one could follow")
        kept = KeptEvent(record_id=record.identifier, seq=event.seq, kind=event.kind, at=now, text=event.text)
        effect = await self._effect(event, record, [*before, kept], acceptance.request_id, now)
        if not effect.erases:
            kept = replace(kept, answer=await self._answer_to(event, record, now))
        await self.store.save_event(kept, effect)
        return kept

    async def _answer_to(self, event: AgreementEvent, record: AgreementRecord, now: datetime) -> str:
        if event.kind is EventKind.ERASE_REQUEST:
            return await create_erase_proof(record, of=event, signer=self.signer, now=now)
        return await create_acknowledgement(
            record, previous=event, of=event, state=APPLIED, signer=self.signer, now=now
        )

    async def _effect(
        self,
        event: AgreementEvent,
        record: AgreementRecord,
        events: Sequence[KeptEvent],
        request_id: str,
        now: datetime,
    ) -> Effect:
        kept = await self.store.load_request(request_id, now=now)
        result = with_ends(kept.result or Result(), record, kept.answered_at or now, events)
        paths = _paths_to_erase(event, record)
        remains: Remains = remains_of(kept, result if paths is None else result.without(paths))
        return Effect(
            request_id=request_id,
            ends=event.kind is EventKind.WITHDRAW and set(event.gids) == set(record.agreed),
            erases=paths is not None,
            remains=remains if remains.erases or remains.result != kept.stored else None,
        )


def _paths_to_erase(event: AgreementEvent, record: AgreementRecord) -> Sequence[ClaimPath] | None:
    """What an event wants erased, empty for everything; None where it wants nothing erased."""
    if event.kind is EventKind.ERASE_REQUEST:
        return event.paths
    if event.effect != STOP_AND_ERASE:
        return None
    if set(event.gids) == set(record.agreed):
        return ()
    kept = {path for gid, paths in record.accepted.items() if gid not in event.gids for path in paths}
    return [path for gid in event.gids for path in record.accepted[gid] if path not in kept] or None


def _require_fit(acceptance: KeptAcceptance, kept: KeptRequest) -> None:
    """Check that a record can still come of this acceptance. Raises BadAgreement or IllegalMove."""
    if kept.state is ExchangeState.ANSWERED:
        if kept.stored is None or kept.stored.presented != acceptance.presented:
            raise BadAgreement("the acceptance was given for another presentation")
    elif not kept.is_open:
        raise IllegalMove("nothing came of the request that was accepted")
