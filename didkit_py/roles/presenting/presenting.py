"""Presenting: the steps of one request in their order, with what is durable between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from didkit_py.consent.consent import Answer_, Consent, consent, release
from didkit_py.consent.decision import DisclosureCase, decide
from didkit_py.consent.vendor import TERMS_SIGNATORY, verify_vendor
from didkit_py.encoding import Json, digest, write_json
from didkit_py.errors import IllegalMove, Rejected
from didkit_py.oid4vp.dcql import match
from didkit_py.oid4vp.request import parse_request_link
from didkit_py.records.record import create_acceptance, create_record
from didkit_py.roles.presenting.deciding import (
    Acceptance,
    Judged,
    PublicLists,
    asked_note,
    decide_unread,
    prepare_no,
    prepare_yes,
    shown_name,
)
from didkit_py.roles.presenting.opening import AuthenticatedRequest, authenticate, fetch_exchange
from didkit_py.roles.presenting.sending import Sending
from didkit_py.roles.presenting_store import Exchange, HeldDocument, PresentationState, PresentingStore
from didkit_py.roles.vendor_client import VendorClient

_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenting:
    """Opens, judges and answers requests for one unlocked wallet."""

    store: PresentingStore
    client: VendorClient
    lists: Callable[[], PublicLists]  # raises Unavailable where there is no trust list yet
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]

    async def open(self, link_text: str) -> Exchange:
        """P2 and P4: the request, verified, judged once and noted as asked.

        Raises what reading, fetching and verifying raise; then nothing was noted and nobody was told anything.
        """
        link = parse_request_link(link_text.strip(), key_sources=self.client.key_sources)
        lists = self.lists()
        fetched = await fetch_exchange(link, client=self.client, random=self.random, clock=self.clock)
        authentic = self._authenticate(fetched, fetched.opened_at)
        case, _ = await self._case(authentic, lists, fetched.opened_at)
        exchange = replace(fetched, vendor=shown_name(case.vendor), until=authentic.request.request.expires_at)
        await self.store.save_opened(exchange, note=asked_note(exchange, case), now=fetched.opened_at)
        return exchange

    async def judge(self, exchange_id: str) -> Judged:
        """P4: the decision about an open request as of now. Raises NotFound, Unavailable, or for a broken ledger."""
        exchange = await self.store.load_exchange(exchange_id)
        now, lists = self.clock(), self.lists()
        try:
            authentic = self._authenticate(exchange, now)
        except Rejected as error:  # it grew too old, say, since it was opened
            decision = decide_unread(error, now=now)
            return Judged(exchange=exchange, authentic=None, decision=decision, documents={})
        case, documents = await self._case(authentic, lists, now)
        return Judged(exchange=exchange, authentic=authentic, decision=decide(case), documents=documents)

    async def refuse(self, exchange_id: str) -> Exchange:
        """P5: the person pressed the button that says no; the vendor is told so and learns no reason."""
        judged = await self.judge(exchange_id)
        # Also a request that grew too old is told no: it was in order when it was opened.
        authentic = judged.authentic or self._authenticate(judged.exchange, judged.exchange.opened_at)
        prepared = prepare_no(authentic, judged.decision)
        await self.store.save_moved(
            prepared.exchange, before=PresentationState.OPEN, notes=[prepared.note], now=self.clock()
        )
        return await self.send(exchange_id)

    async def share(
        self, exchange_id: str, *, seen: str, optional: frozenset[str], grants: frozenset[str] = frozenset()
    ) -> Exchange:
        """P5 to P11: the person pressed the button that says yes, with these optional queries and promises ticked.

        `seen` is the digest of the page that was answered, from its view. What is judged here once is what is sent.
        Raises PageChanged when that is not what the page showed, Refused when a rule stands against it now,
        IllegalMove when it was answered before.
        """
        judged = await self.judge(exchange_id)
        if judged.exchange.state is not PresentationState.OPEN:
            raise IllegalMove("this request was answered already")
        agreed = consent(judged.decision, Answer_(share=True, seen=seen, optional=optional, grants=grants))
        if judged.authentic is None:
            raise ValueError("a consent without a request")
        await self._keep_yes(judged, agreed, judged.authentic)
        await self._sending.send(await self.store.load_exchange(exchange_id), authentic=judged.authentic)
        return await self.store.load_exchange(exchange_id)

    async def send(self, exchange_id: str) -> Exchange:
        """P7 to P11, or the no: goes on where it stopped. How the exchange stands then."""
        await self._sending.send(await self.store.load_exchange(exchange_id))
        return await self.store.load_exchange(exchange_id)

    async def resume(self) -> Sequence[Exchange]:
        """Send on every answer that was given and did not arrive; how each stands then."""
        return [await self.send(one.id) for one in await self.store.load_unfinished() if one.unfinished]

    async def _keep_yes(self, judged: Judged, agreed: Consent, authentic: AuthenticatedRequest) -> None:
        """P6: what will be sent, durable, with the copies spent."""
        now = judged.decision.case.now
        chosen = [judged.documents[one.held_id] for one in agreed.answers.values()]
        vp_token = await release(
            agreed,
            texts={one.held.id: one.text for one in chosen},
            signers={one.held.id: one.signer for one in chosen if one.signer is not None},
            formats=self.client.formats,
            now=now,
        )
        acceptance = await self._accept(agreed, authentic, vp_token, now)
        prepared = prepare_yes(judged, agreed, authentic=authentic, vp_token=vp_token, acceptance=acceptance)
        await self.store.save_moved(
            prepared.exchange, before=PresentationState.OPEN, notes=[prepared.note], spent=prepared.spent, now=now
        )

    async def _accept(
        self, agreed: Consent, authentic: AuthenticatedRequest, vp_token: Mapping[str, Sequence[str]], now: datetime
    ) -> Acceptance | None:
        """The signed record of what was agreed; None where the vendor promised nothing."""
        agreement = agreed.decision.case.agreement
        if agreement is None:
            return None
        signer = await self.store.load_relationship_signer(agreement.client_id, agreement.rel)
        identifier = str(UUID(bytes=self.random(_ID_BYTES), version=4))
        info = authentic.request.request.verifier_info
        signatory = (one.data for one in info if one.format == TERMS_SIGNATORY)
        record = create_record(
            agreed,
            agreement=agreement,
            offer_text=agreement.text,
            signatory_text=next((one for one in signatory if digest(one.encode()) == agreement.signatory), None),
            vp_token=vp_token,
            subject_key=signer.public,
            identifier=identifier,
            now=now,
        )
        body: Json = {"record": (await create_acceptance(record, signer=signer)).to_json()}
        return Acceptance(uri=agreement.receipt.uri, text=write_json(body).decode(), record_id=identifier)

    def _authenticate(self, exchange: Exchange, now: datetime) -> AuthenticatedRequest:
        client = self.client
        return authenticate(exchange, formats=client.formats, key_sources=client.key_sources, now=now)

    async def _case(
        self, authentic: AuthenticatedRequest, lists: PublicLists, now: datetime
    ) -> tuple[DisclosureCase, Mapping[str, HeldDocument]]:
        """Everything that the decision about a request rests on, and the documents that could answer it, by held id."""
        request = authentic.request
        vendor = verify_vendor(
            request, evidence=lists.evidence(), vendor_keys=authentic.vendor_keys, terms=lists.terms, now=now
        )
        query = request.request.query
        types = {vct for one in query.credentials for vct in one.vct_values}
        documents = {one.held.id: one for one in await self.store.load_documents(types)}
        case = DisclosureCase(
            request=request,
            vendor=vendor,
            candidates=match(query, [one.held for one in documents.values()]),
            held={held_id: one.state for held_id, one in documents.items()},
            policy=await self.store.load_policy(),
            history=await self.store.load_history(without=authentic.exchange.id, identifiers=vendor.claimed),
            now=now,
        )
        return case, documents

    @property
    def _sending(self) -> Sending:
        return Sending(store=self.store, client=self.client, clock=self.clock)
