"""Asking: a vendor makes a request and signs it for each wallet that fetches it (specs/flow.md, P1 to P3).

1. `ask` (P1): a template becomes a request with a nonce, a state, a relationship id and an encryption key of its own.
   All of it is durable before the link exists.
2. `sign` (P2, P3): a wallet fetches; request and promise are signed for it, over its own nonce where it sent one. The
   promise is durable, exactly as it is sent, before it leaves, since the vendor is bound by it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, ROLE_CREDENTIAL, TERMS_SIGNATORY
from didkit_py.encoding import Json, b64url, digest, from_timestamp, timestamp
from didkit_py.errors import BadTerms, Expired, IllegalMove
from didkit_py.formats.format import Formats
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.client_id import ClientId
from didkit_py.oid4vp.exchange import ExchangeEvent, ExchangeState, move
from didkit_py.oid4vp.request import PresentationRequest, VerifierInfo, create_request_link, create_request_object
from didkit_py.oid4vp.response import create_encryption_key, public_encryption_key
from didkit_py.roles.asking_store import AskedRequest, AskingStore, OwnCredential, RequestTemplate, SentOffer
from didkit_py.terms.agreement import Controller, Desk, complete_grants, create_agreement
from didkit_py.terms.document import SIGNATORY_VCT
from didkit_py.terms.period import Period

LIFETIME: Final = timedelta(minutes=30)  # as long as any wallet of ours takes a request
REQUESTS_PATH: Final = "/oid4vp/requests/"
RESPONSE_PATH: Final = "/oid4vp/response/"
RECEIPT_PATH: Final = "/agreements"
WITHDRAW_PATH: Final = "/agreements/withdraw"
ERASE_PATH: Final = "/agreements/erase"
_ID_BYTES: Final = 16
_NONCE_BYTES: Final = 32
_RECEIPT_WITHIN: Final = Period.parse("P1D")
_WITHDRAW_WITHIN: Final = Period.parse("P3D")
_ERASE_WITHIN: Final = Period.parse("P30D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Who asks: its identifier and addresses, and who answers for the data."""

    client_id: ClientId  # how wallets know it
    base_url: str
    name: str
    contact: str
    authority: str | None = None  # address of the regulator

    def controller(self, roles: Sequence[OwnCredential]) -> Controller:
        """Under the name that a role credential proves, where one is shown: two names would be two businesses."""
        proven = (name for one in roles if isinstance(name := one.read.claims.get("name"), str))
        return Controller(name=next(proven, self.name), contact=self.contact, authority=self.authority)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRequest:
    """A request that waits for a wallet."""

    id: str
    link: str  # for a page or a QR code
    request_uri: str

    def to_json(self) -> dict[str, Json]:
        return {"request_id": self.id, "link": self.link, "request_uri": self.request_uri}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What one wallet gets: the request object, and the promise inside it."""

    text: str
    offer: SentOffer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The asking side of one vendor over a store, with one signing key."""

    vendor: Vendor
    store: AskingStore
    formats: Formats
    signer: Signer
    random: Callable[[int], bytes] = field(repr=False)

    async def ask(self, template: RequestTemplate, *, now: datetime) -> MadeRequest:
        """P1. Raises BadTerms when a promise is wanted and it is not clear under which terms."""
        asked = await self.draft(template, now=now)
        await self.store.save_request(asked)
        return self.made(asked.id)

    async def draft(self, template: RequestTemplate, *, now: datetime) -> AskedRequest:
        """A request that is not kept, to see what would be said of it. Raises what `ask` raises."""
        if template.grants:
            _terms_id(template, await self.store.own_credentials())
        begins = from_timestamp(timestamp(now))
        return AskedRequest(
            id=self.random(_ID_BYTES).hex(),  # never begins with a dash: people type it in commands
            template=template,
            nonce=self._text(_NONCE_BYTES),
            state=self._text(_ID_BYTES),
            rel=self._text(_ID_BYTES),
            encryption_jwk=create_encryption_key(self.random),
            made_at=begins,
            expires_at=begins + LIFETIME,
        )

    def _text(self, size: int) -> str:
        return b64url(self.random(size))

    def made(self, request_id: str) -> MadeRequest:
        """The addresses of a request."""
        uri = f"{self.vendor.base_url}{REQUESTS_PATH}{request_id}"
        return MadeRequest(
            id=request_id, request_uri=uri, link=create_request_link(self.vendor.client_id, uri, method="post")
        )

    async def sign(self, request_id: str, *, wallet_nonce: str | None, now: datetime) -> str:
        """P2 and P3: the request object for one wallet; it may be fetched again while the request is open.

        Raises NotFound, Expired, or IllegalMove when the request was answered.
        """
        kept = await self.store.load_request(request_id, now=now)
        if kept.state is ExchangeState.EXPIRED or now >= kept.asked.expires_at:
            raise Expired("the request is over", spec="RFC 7519, 4.1.4")
        if kept.answered_at is not None:
            raise IllegalMove("the request was answered already")
        move(kept.state, ExchangeEvent.REQUEST_FETCHED)
        signed = await self.sign_draft(kept.asked, wallet_nonce=wallet_nonce, now=now)
        await self.store.save_fetched(request_id, signed.offer, now=now)
        return signed.text

    async def sign_draft(self, asked: AskedRequest, *, wallet_nonce: str | None, now: datetime) -> SignedRequest:
        """The same for a request that is not kept."""
        own = await self.store.own_credentials()
        bare = self._request(asked, wallet_nonce, now)
        roles = _roles(asked.template, own)
        evidence = [VerifierInfo(format=ROLE_CREDENTIAL, data=one.text) for one in roles]
        signatory = _signatory(asked.template, own)
        if signatory is not None:
            evidence.append(VerifierInfo(format=TERMS_SIGNATORY, data=signatory.text))
        offer = await self._promise(asked, bare, own) if asked.template.grants else None
        if offer is not None:
            ids = tuple(one.id for one in asked.template.query.credentials)
            evidence.append(VerifierInfo(format=RELATIONSHIP_AGREEMENT, data=offer.text, credential_ids=ids))
        request = self._request(asked, wallet_nonce, now, tuple(evidence))
        return SignedRequest(
            text=await create_request_object(request, formats=self.formats, signer=self.signer), offer=offer
        )

    def _request(
        self, asked: AskedRequest, wallet_nonce: str | None, now: datetime, evidence: tuple[VerifierInfo, ...] = ()
    ) -> PresentationRequest:
        return PresentationRequest(
            client_id=self.vendor.client_id,
            response_uri=f"{self.vendor.base_url}{RESPONSE_PATH}{asked.id}",
            nonce=asked.nonce,
            state=asked.state,
            query=asked.template.query,
            encryption_jwk=public_encryption_key(asked.encryption_jwk),
            verifier_info=evidence,
            issued_at=from_timestamp(timestamp(now)),
            expires_at=asked.expires_at,
            wallet_nonce=wallet_nonce,
        )

    async def _promise(
        self, asked: AskedRequest, request: PresentationRequest, own: Sequence[OwnCredential]
    ) -> SentOffer:
        template, url = asked.template, self.vendor.base_url
        signatory = _signatory(template, own)
        text = await create_agreement(
            request,
            rel=asked.rel,
            terms_id=_terms_id(template, own),
            signatory_text=None if signatory is None else signatory.text,
            controller=self.vendor.controller(_roles(template, own)),
            grants=complete_grants(template.grants, template.query),
            give=template.give,
            receipt=Desk(uri=f"{url}{RECEIPT_PATH}", within=_RECEIPT_WITHIN),
            withdraw=Desk(uri=f"{url}{WITHDRAW_PATH}", within=_WITHDRAW_WITHIN),
            erase=Desk(uri=f"{url}{ERASE_PATH}", within=_ERASE_WITHIN),
            signer=self.signer,
        )
        return SentOffer(
            digest=digest(text.encode()),
            request_id=asked.id,
            text=text,
            signatory_text=None if signatory is None else signatory.text,
        )


def _roles(template: RequestTemplate, own: Sequence[OwnCredential]) -> tuple[OwnCredential, ...]:
    """The newest document of each wanted type that is held."""
    newest = {one.read.vct: one for one in reversed(own)}
    return tuple(newest[vct] for vct in template.roles if vct in newest)


def _signatories(own: Sequence[OwnCredential]) -> Iterator[tuple[str, OwnCredential]]:
    for one in own:
        terms = one.read.claims.get("terms")
        if one.read.vct == SIGNATORY_VCT and isinstance(terms, dict) and isinstance(terms.get("id"), str):
            yield str(terms["id"]), one


def _signatory(template: RequestTemplate, own: Sequence[OwnCredential]) -> OwnCredential | None:
    """The document about the terms that are named; where there is none, whichever is held, for wallets to judge."""
    found = list(_signatories(own))
    return next((one for terms_id, one in found if terms_id == template.terms_id), found[0][1] if found else None)


def _terms_id(template: RequestTemplate, own: Sequence[OwnCredential]) -> str:
    if template.terms_id is not None:
        return template.terms_id
    signed = {terms_id for terms_id, _ in _signatories(own)}
    if len(signed) != 1:
        raise BadTerms(
            f"request.terms: not named, and this vendor holds {len(signed) or 'no'} statement(s) about signed terms",
            hint="Name the terms, or receive the terms body's statement that you signed them.",
        )
    return signed.pop()
