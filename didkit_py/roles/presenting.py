"""Presenting: a vendor's request is opened, judged, answered by a person, sent and recorded (specs/flow.md, P2 to P11).

1. `open` (P2, P4): fetch the request, then the signer's key document, and nothing else; verify; note that it was asked.
   The vendor learns that its link was opened, and nothing more.
2. `judge` (P4): decide from lists that are held already. It is repeated whenever the page is shown.
3. `share` or `refuse` (P5, P6): the person's answer. What will be sent is durable before any of it leaves: acceptance,
   presentation, and the copies marked as used, in one write.
4. `send` (P7 to P11): the same bytes, as often as it takes; the vendor's record is kept once it is what was accepted.

A refusal by the person, one by a rule, and a wallet that holds nothing all send the same form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlencode
from uuid import UUID

from didkit_py.consent.consent import Answer_, Consent, consent, consent_view, release
from didkit_py.consent.decision import Decision, DisclosureCase, asked_thresholds, decide, nonce_key
from didkit_py.consent.policy import DEFAULT_POLICY
from didkit_py.consent.vendor import TERMS_SIGNATORY, VerifiedVendor, verify_vendor
from didkit_py.encoding import Json, b64url, digest, read_json, write_json
from didkit_py.errors import (
    GONE,
    DidkitError,
    ForbiddenAddress,
    IllegalMove,
    Malformed,
    Rejected,
    Unavailable,
    Unreachable,
    WrongType,
)
from didkit_py.formats.format import Formats
from didkit_py.jose import MAX_TOKEN, JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.localization import text_json
from didkit_py.oid4vp.client_id import ClientId
from didkit_py.oid4vp.dcql import match
from didkit_py.oid4vp.request import (
    RequestLink,
    VerifiedRequest,
    create_request_uri_form,
    parse_request_link,
    parse_request_object,
    verify_request_object,
)
from didkit_py.oid4vp.response import create_error, create_response, parse_redirect
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader
from didkit_py.records.record import create_acceptance, create_record, verify_record
from didkit_py.roles.presenting_store import (
    Exchange,
    HeldDocument,
    Note,
    Outgoing,
    PresentationState,
    PresentingStore,
    thresholds_json,
)
from didkit_py.roles.receiving import Fetch, OfferAnswer, fetch_key_document
from didkit_py.terms.agreement import Agreement
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence

MAX_DOCUMENT_BYTES: Final = 65_536
MAX_ANSWER_BYTES: Final = 262_144  # of the agreement desk: a record has about 3,000
WALLET_NONCE_BYTES: Final = 16
REQUEST_TYPE: Final = "application/oauth-authz-req+jwt"
REQUEST_GONE: Final = "request-gone"  # the `reason` where the vendor does not have the request, or not any more
_NOT_ANY_MORE: Final = frozenset({404, 409, 410})  # 409: answered before
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_CLIENT_FAULTS: Final = range(400, 500)
_TRY_AGAIN: Final = frozenset({408, 425, 429})  # request timeout, too early, too many requests


class PublicLists(Protocol):
    """What is known beforehand about issuers, businesses and terms."""

    def evidence(self) -> Evidence:
        """Trust, key documents and status lists."""

    @property
    def terms(self) -> Mapping[str, TermsDocument]:
        """The terms documents whose publisher's signature held, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request as it stands now."""

    exchange: Exchange
    decision: Decision
    documents: Mapping[str, HeldDocument] = field(repr=False)  # by held id


def decide_unread(error: DidkitError, *, now: datetime) -> Decision:
    """The refusal of a request that could not be read, fetched or verified; there is nobody to tell it to."""
    case = DisclosureCase(
        request=None, vendor=None, candidates=None, policy=DEFAULT_POLICY, now=now, request_fault=error
    )
    return decide(case)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenting:
    """Opens, judges and answers requests for one unlocked wallet."""

    store: PresentingStore
    fetch: Fetch
    formats: Formats
    lists: Callable[[], PublicLists]  # raises Unavailable where there is no trust list yet
    key_sources: KeySources
    now_fn: Callable[[], datetime]
    random: Callable[[int], bytes]

    async def open(self, link_text: str) -> Exchange:
        """P2 and P4: the request, verified, judged once and noted as asked.

        Raises what reading, fetching and verifying raise; then nothing was noted and nobody was told anything.
        """
        link = parse_request_link(link_text.strip(), key_sources=self.key_sources)
        lists = self.lists()
        fetched = await self._fetched(link)
        request, keys = authenticate(fetched, formats=self.formats, key_sources=self.key_sources, now=fetched.opened_at)
        documents = await self._documents()
        case = await self._case(fetched, (request, keys), documents, lists, fetched.opened_at)
        exchange = replace(fetched, vendor=shown_name(case.vendor), until=request.request.expires_at)
        await self.store.save_opened(exchange, note=_asked(exchange, case), now=fetched.opened_at)
        return exchange

    async def _fetched(self, link: RequestLink) -> Exchange:
        wallet_nonce = b64url(self.random(WALLET_NONCE_BYTES)) if link.method == "post" else None
        text = await fetch_request(
            self.fetch, link, formats=self.formats, wallet_nonce=wallet_nonce, key_sources=self.key_sources
        )
        client_id = parse_request_object(text, link=link, key_sources=self.key_sources).client_id
        return Exchange(
            id=self.random(16).hex(),
            state=PresentationState.OPEN,
            opened_at=self.now_fn(),
            client_id=link.client_id,
            request_uri=link.request_uri,
            wallet_nonce=wallet_nonce,
            text=text,
            document=await fetch_document_text(self.fetch, client_id),
            vendor=client_id.identifier,
        )

    async def _documents(self) -> Mapping[str, HeldDocument]:
        return {one.held.id: one for one in await self.store.load_documents()}

    async def judge(self, exchange_id: str) -> Judged:
        """P4: the decision about an open request as of now. Raises NotFound, Unavailable, or for a broken ledger."""
        exchange = await self.store.load_exchange(exchange_id)
        now, lists, documents = self.now_fn(), self.lists(), await self._documents()
        try:
            authentic = authenticate(exchange, formats=self.formats, key_sources=self.key_sources, now=now)
        except Rejected as error:  # it grew too old, say, since it was opened
            return Judged(exchange=exchange, decision=decide_unread(error, now=now), documents=documents)
        case = await self._case(exchange, authentic, documents, lists, now)
        return Judged(exchange=exchange, decision=decide(case), documents=documents)

    async def _case(
        self,
        exchange: Exchange,
        authentic: tuple[VerifiedRequest, PartyKeys],
        documents: Mapping[str, HeldDocument],
        lists: PublicLists,
        now: datetime,
    ) -> DisclosureCase:
        request, keys = authentic
        vendor = verify_vendor(request, evidence=lists.evidence(), vendor_keys=keys, terms=lists.terms, now=now)
        return DisclosureCase(
            request=request,
            vendor=vendor,
            candidates=match(request.request.query, [one.held for one in documents.values()]),
            held={held_id: one.state for held_id, one in documents.items()},
            policy=await self.store.load_policy(),
            history=await self.store.load_history(without=exchange.id),
            now=now,
        )

    async def refuse(self, exchange_id: str) -> Exchange:
        """P5: the person pressed the button that says no; the vendor is told so and learns no reason."""
        judged = await self.judge(exchange_id)
        request, _ = authenticate(
            judged.exchange, formats=self.formats, key_sources=self.key_sources, now=judged.exchange.opened_at
        )
        form = urlencode(create_error(judged.decision.wire_error, state=request.request.state))
        declining = replace(
            judged.exchange,
            state=PresentationState.DECLINING,
            outgoing=Outgoing(response_uri=request.request.response_uri, form=form),
        )
        note = Note(kind="refused", body=_answered(declining, request, judged.decision) | {"answer": "refuse"})
        await self.store.save_moved(declining, before=PresentationState.OPEN, notes=[note], now=self.now_fn())
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
        await self._prepare(judged, agreed)
        return await self.send(exchange_id)

    async def _prepare(self, judged: Judged, agreed: Consent) -> None:
        """P6: everything that will be sent, durable, with the copies spent."""
        request, now = _request_of(agreed), self.now_fn()
        chosen = [judged.documents[one.held_id] for one in agreed.answers.values()]
        vp_token = await release(
            agreed,
            texts={one.held.id: one.text for one in chosen},
            signers={one.held.id: one.signer for one in chosen if one.signer is not None},
            formats=self.formats,
            now=now,
        )
        receipt_uri, acceptance, record_id = await self._accept(agreed, vp_token, now)
        sending = replace(
            judged.exchange,
            state=PresentationState.SENDING,
            shared=_shared(agreed),
            promises=_promises(agreed),
            rel=None if agreed.decision.case.agreement is None else agreed.decision.case.agreement.rel,
            outgoing=Outgoing(
                response_uri=request.request.response_uri,
                form=urlencode({"response": create_response(vp_token, request=request.request)}),
                receipt_uri=receipt_uri,
                acceptance=acceptance,
            ),
        )
        spent = [copy_id for copy_id in dict.fromkeys(one.copy_id for one in chosen) if copy_id is not None]
        body = _answered(sending, request, agreed.decision) | _sent(sending, spent) | {"answer": "share"}
        note = Note(kind="decided", body=body | ({} if record_id is None else {"record_id": record_id}))
        await self.store.save_moved(sending, before=PresentationState.OPEN, notes=[note], spent=spent, now=now)

    async def _accept(
        self, agreed: Consent, vp_token: Mapping[str, Sequence[str]], now: datetime
    ) -> tuple[str | None, str | None, str | None]:
        """Where the acceptance goes, its text and the record's identifier; nothing where there is no agreement."""
        agreement = agreed.decision.case.agreement
        if agreement is None:
            return None, None, None
        signer = await self.store.load_relationship_signer(agreement.client_id, agreement.rel)
        identifier = str(UUID(bytes=self.random(16), version=4))
        record = create_record(
            agreed,
            agreement=agreement,
            offer_text=agreement.text,
            signatory_text=_signatory_text(_request_of(agreed), agreement),
            vp_token=vp_token,
            subject_key=signer.public,
            identifier=identifier,
            now=now,
        )
        body: Json = {"record": (await create_acceptance(record, signer=signer)).to_json()}
        return agreement.receipt.uri, write_json(body).decode(), identifier

    async def send(self, exchange_id: str) -> Exchange:
        """P7 to P11, or the no: goes on where it stopped. A vendor that cannot be reached leaves it as it is."""
        exchange = await self.store.load_exchange(exchange_id)
        try:
            if exchange.outgoing is not None and exchange.state is PresentationState.DECLINING:
                await self._send_no(exchange, exchange.outgoing)
            elif exchange.outgoing is not None and exchange.unfinished:
                await self._send_yes(exchange, exchange.outgoing)
        except (Unavailable, Malformed, ForbiddenAddress):
            pass  # nothing was learned: the same bytes are sent again later
        return await self.store.load_exchange(exchange_id)

    async def resume(self) -> Sequence[Exchange]:
        """Send on every answer that was given and did not arrive; how each stands then."""
        return [await self.send(one.id) for one in await self.store.load_unfinished() if one.unfinished]

    async def _send_no(self, exchange: Exchange, outgoing: Outgoing) -> None:
        """What the vendor makes of a no changes nothing."""
        await self._post(outgoing.response_uri, outgoing.form, _FORM)
        await self.store.save_moved(
            replace(exchange, state=PresentationState.DECLINED), before=PresentationState.DECLINING, now=self.now_fn()
        )

    async def _send_yes(self, exchange: Exchange, outgoing: Outgoing) -> None:
        accepted = await self._post_acceptance(outgoing)  # P7; after a crash it tells whether P10 happened
        if exchange.state is PresentationState.SENDING:
            if accepted is not None and accepted.status in _CLIENT_FAULTS:
                await self._refused_agreement(exchange)
                return
            if accepted is None or accepted.status != _OK:
                exchange = await self._send_presentation(exchange, outgoing)  # P9
                if exchange.state is PresentationState.FAILED:
                    return
                accepted = await self._post_acceptance(outgoing)  # P11
            else:
                exchange = await self._note_released(exchange, accepted=True)
        if accepted is not None and accepted.status == _OK:
            await self._keep_record(exchange, outgoing, accepted)

    async def _post_acceptance(self, outgoing: Outgoing) -> OfferAnswer | None:
        if outgoing.receipt_uri is None or outgoing.acceptance is None:
            return None
        return await self._post(outgoing.receipt_uri, outgoing.acceptance, _JSON)

    async def _send_presentation(self, exchange: Exchange, outgoing: Outgoing) -> Exchange:
        if not exchange.left:  # durable before it leaves: its answer may be lost, and P7 be refused afterwards
            exchange = replace(exchange, left=True)
            await self.store.save_moved(exchange, before=PresentationState.SENDING, now=self.now_fn())
        answer = await self._post(outgoing.response_uri, outgoing.form, _FORM)
        return await self._note_released(
            replace(exchange, redirect=_redirect(answer)), accepted=answer.status not in _CLIENT_FAULTS
        )

    async def _note_released(self, exchange: Exchange, *, accepted: bool) -> Exchange:
        moved = replace(
            exchange,
            state=PresentationState.RELEASED if accepted else PresentationState.FAILED,
            problem="" if accepted else "vendor.refused-answer",
        )
        note = Note(kind="released", body=_sent(moved, ()) | {"accepted": accepted})
        await self.store.save_moved(moved, before=PresentationState.SENDING, notes=[note], now=self.now_fn())
        return moved

    async def _refused_agreement(self, exchange: Exchange) -> None:
        """The vendor does not stand by its promise: what did not leave stays here, what did counts as seen."""
        if exchange.left:
            await self._note_released(exchange, accepted=False)
            return
        failed = replace(exchange, state=PresentationState.FAILED, problem="vendor.refused-agreement")
        await self.store.save_moved(failed, before=PresentationState.SENDING, now=self.now_fn())

    async def _keep_record(self, exchange: Exchange, outgoing: Outgoing, answer: OfferAnswer) -> None:
        """P11: the record with both signatures, once it is the payload that was accepted, byte for byte."""
        try:
            record = _record_of(answer, outgoing, exchange, self.formats, self.key_sources)
        except DidkitError as error:
            problem = f"record.{error.code}"
            if exchange.problem != problem:
                moved = replace(exchange, problem=problem)
                await self.store.save_moved(moved, before=PresentationState.RELEASED, now=self.now_fn())
            return
        moved = replace(exchange, state=PresentationState.RECORDED, record=record, problem="")
        body: dict[str, Json] = {"vendor": exchange.vendor, "rel": exchange.rel, "record": dict(record)}
        note = Note(kind="recorded", body=body)
        await self.store.save_moved(moved, before=PresentationState.RELEASED, notes=[note], now=self.now_fn())

    async def _post(self, url: str, text: str, content_type: str) -> OfferAnswer:
        """The answer; a vendor that is out of order said neither yes nor no. Raises Unavailable."""
        answer = await self.fetch.post(
            url, body=text.encode(), content_type=content_type, max_bytes=MAX_ANSWER_BYTES, headers={"Accept": _JSON}
        )
        if answer.status not in _SUCCESS and answer.status not in _CLIENT_FAULTS:
            raise Unreachable(f"the vendor answered with status {answer.status}")
        if answer.status in _TRY_AGAIN:
            raise Unreachable("the vendor asks to try again later")
        return answer


async def fetch_request(
    fetch: Fetch, link: RequestLink, *, formats: Formats, wallet_nonce: str | None, key_sources: KeySources
) -> str:
    """P2: the request object, as it came. Raises Unreachable, WrongType, Malformed, or what `fetch` raises."""
    headers = {"Accept": REQUEST_TYPE}
    if wallet_nonce is None:
        try:
            answer = await fetch.get(link.request_uri, max_bytes=MAX_TOKEN, accept=REQUEST_TYPE)
        except Unreachable as error:
            raise Unreachable(str(error), reason=REQUEST_GONE if error.reason == GONE else "") from error
    else:
        form = urlencode(create_request_uri_form(wallet_nonce, formats=formats, key_sources=key_sources)).encode()
        answer = await fetch.post(link.request_uri, body=form, content_type=_FORM, max_bytes=MAX_TOKEN, headers=headers)
    if answer.status != _OK:
        reason = REQUEST_GONE if answer.status in _NOT_ANY_MORE else ""
        raise Unreachable(f"the vendor answered with status {answer.status}", reason=reason)
    if answer.content_type != REQUEST_TYPE:
        raise WrongType(f"expected an answer of type {REQUEST_TYPE}", spec="OpenID4VP 1.0, 5.10.1")
    return _ascii(answer.body)


async def fetch_document_text(fetch: Fetch, client_id: ClientId) -> str | None:
    """P4: what proves the keys of the client, as it came; None for a client that is itself the key."""
    body = await fetch_key_document(fetch, client_id.identifier, client_id.source)
    return None if body is None else _ascii(body)


def authenticate(
    exchange: Exchange, *, formats: Formats, key_sources: KeySources, now: datetime
) -> tuple[VerifiedRequest, PartyKeys]:
    """The request, verified again from what was received. Raises Malformed or Rejected."""
    link = RequestLink(client_id=exchange.client_id, request_uri=exchange.request_uri)
    unverified = parse_request_object(exchange.text, link=link, key_sources=key_sources)
    body = None if exchange.document is None else exchange.document.encode()
    keys = unverified.client_id.source.keys_of(unverified.client_id.identifier, body)
    request = verify_request_object(
        unverified, formats=formats, client_keys=keys, expected_wallet_nonce=exchange.wallet_nonce, now=now
    )
    return request, keys


def shown_name(vendor: VerifiedVendor | None) -> str:
    """What a vendor is called in lists: its proven name, else the host that it speaks for."""
    return "" if vendor is None else vendor.name or vendor.host or vendor.identifier


def _ascii(octets: bytes) -> str:
    try:
        return octets.decode().strip()
    except UnicodeDecodeError as error:
        raise Malformed("expected a text in UTF-8") from error


def _request_of(agreed: Consent) -> VerifiedRequest:
    request = agreed.decision.case.request
    if request is None:
        raise ValueError("a consent without a request")
    return request


def _signatory_text(request: VerifiedRequest, agreement: Agreement) -> str | None:
    """The statement about signed terms that the agreement names."""
    entries = (one.data for one in request.request.verifier_info if one.format == TERMS_SIGNATORY)
    return next((one for one in entries if digest(one.encode()) == agreement.signatory), None)


def _shared(agreed: Consent) -> tuple[Mapping[str, Json], ...]:
    """What is sent, as the person was shown it."""
    items = consent_view(agreed.decision).items
    return tuple(
        {
            "query": one.query_id,
            "label": text_json(one.label),
            "value": text_json(one.value),
            "document": text_json(one.document),
            "always": one.always,
        }
        for one in items
        if one.query_id in agreed.answers and not one.protocol
    )


def _promises(agreed: Consent) -> Mapping[str, Json]:
    """What was promised in return and accepted, as the person was shown it."""
    view = consent_view(agreed.decision)
    accepted = [one for one in (*view.promises, *view.choices) if not one.gid or one.gid in agreed.grants]
    return {
        "uses": [text_json(text) for text in dict.fromkeys(line.text for one in accepted for line in one.uses)],
        "kept": [text_json(text) for text in dict.fromkeys(line.text for one in accepted for line in one.kept)],
        "terms": None if view.terms is None else view.terms.name,
    }


def _asked(exchange: Exchange, case: DisclosureCase) -> Note:
    """The note of a request that was opened, with everything that judging it again needs."""
    names: list[Json] = [] if case.vendor is None else [*sorted(case.vendor.identifiers)]
    body: dict[str, Json] = {
        "vendor": exchange.vendor,
        "client_id": exchange.client_id,
        "identifiers": names,
        "thresholds": thresholds_json(asked_thresholds(case)),
        "reason_codes": [*decide(case).codes],
        "rel": None if case.agreement is None else case.agreement.rel,
        "signed_request": exchange.text,
        "key_document": exchange.document,
    }
    return Note(kind="asked", body=_present(body))


def _answered(exchange: Exchange, request: VerifiedRequest, decision: Decision) -> dict[str, Json]:
    vendor = decision.case.vendor
    body: dict[str, Json] = {
        "vendor": exchange.vendor,
        "client_id": exchange.client_id,
        "identifiers": [] if vendor is None else [*sorted(vendor.identifiers)],
        "nonce_key": nonce_key(request.request.client_id.full, request.request.nonce),
        "reason_codes": [*decision.codes],
        "rel": exchange.rel,
    }
    return _present(body)


def _sent(exchange: Exchange, copies: Sequence[str]) -> dict[str, Json]:
    body: dict[str, Json] = {
        "vendor": exchange.vendor,
        "rel": exchange.rel,
        "items": [dict(one) for one in exchange.shared],
        "promises": dict(exchange.promises),
        "copies": [*copies],
    }
    return _present(body)


def _present(members: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in members.items() if value is not None}


def _redirect(answer: OfferAnswer) -> str | None:
    """Where the vendor would like the person to go on; nothing depends on it."""
    try:
        return parse_redirect(read_json(answer.body)) if answer.status == _OK and answer.body else None
    except Malformed:
        return None


def _record_of(
    answer: OfferAnswer, outgoing: Outgoing, exchange: Exchange, formats: Formats, key_sources: KeySources
) -> Mapping[str, Json]:
    """The record in the vendor's answer, verified. Raises Malformed or Rejected."""
    signed = JointlySigned.from_json(Reader(read_json(answer.body), at="receipt").value("record"))
    sent = Reader(read_json(outgoing.acceptance or ""), at="acceptance").value("record")
    _, keys = authenticate(exchange, formats=formats, key_sources=key_sources, now=exchange.opened_at)
    verify_record(signed, vendor_keys=keys, accepted=JointlySigned.from_json(sent))
    return signed.to_json()
