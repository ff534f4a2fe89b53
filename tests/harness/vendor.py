"""An honest vendor, made of library functions, as small as can be; tests put it out of order."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, ROLE_CREDENTIAL, TERMS_SIGNATORY
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import digest
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.oid4vp.request import (
    PresentationRequest,
    VerifierInfo,
    create_request_link,
    create_request_object,
    parse_request_uri_form,
)
from didkit_py.oid4vp.response import (
    AuthorizationErrorResponse,
    create_encryption_key,
    open_response,
    parse_response_form,
    public_encryption_key,
)
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.events import (
    AgreementEvent,
    EventKind,
    Residual,
    create_acknowledgement,
    create_erase_proof,
    parse_event,
    verify_event,
)
from didkit_py.records.record import countersign, verify_acceptance, verify_record
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.terms.agreement import Controller, Desk, Give, complete_grants, create_agreement
from didkit_py.terms.grant import Grant
from didkit_py.terms.period import Period
from didkit_py.verification import verify_presentation

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Made:
    """A request that a vendor made, and what became of it."""

    link: str
    nonce: str
    state: str
    key: dict[str, Any]
    body: dict[str, Any]
    rel: str
    literal: bool = False  # whether it promises for nothing but what its body names
    age: timedelta = timedelta()  # since when it has been waiting, at the moment when it is signed
    response: PresentationRequest | None = None
    offer: str = ""
    received: list[bytes] = field(default_factory=list)
    acceptances: list[bytes] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    record: dict[str, Any] | None = None


def _event(text: str) -> AgreementEvent:
    return parse_event(text).event


@dataclass(slots=True)
class Vendor:
    """An honest vendor, as small as can be: it asks, accepts, verifies and countersigns."""

    port: int
    name: str
    lists: ScheduledLists
    clock: Clock = now
    role: str | None = None
    signatory: str | None = None
    requests: dict[str, Made] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)  # the headers of every request of a wallet
    away: set[str] = field(default_factory=set)  # names of handlers that are out of order
    answers: dict[str, str] = field(default_factory=dict)  # to events of persons
    forger: SoftwareSigner | None = None  # who signs those answers in the vendor's place
    residual: tuple[Residual, ...] = ()  # what it says that it keeps in spite of an erasure
    promiser: SoftwareSigner | None = None  # who signs its promises in its place
    signer: SoftwareSigner = field(init=False)

    def __post_init__(self) -> None:
        self.signer = SoftwareSigner.from_secret(secrets.token_bytes(32), key_id=f"{self.did}#key-1")

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def did(self) -> str:
        return web_did(self.url)

    @property
    def document(self) -> dict[str, Any]:
        return create_document(self.did, {"key-1": self.signer.public})

    def ask(self, body: Mapping[str, Any], *, rel: str = "") -> Made:
        name = secrets.token_urlsafe(16)
        link = create_request_link(
            client_id_of(self.did, key_sources=KEY_SOURCES), f"{self.url}/requests/{name}", method="post"
        )
        self.requests[name] = Made(
            link=link,
            nonce=secrets.token_urlsafe(32),
            state=name,
            key=create_encryption_key(secrets.token_bytes),
            body=dict(body),
            rel=rel or secrets.token_urlsafe(16),
        )
        return self.requests[name]

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/did.json", self.send_document)
        app.router.add_post("/requests/{name}", self.send_request)
        app.router.add_post("/response/{name}", self.take_response)
        app.router.add_post("/agreements", self.take_acceptance)
        app.router.add_post("/agreements/{desk:withdraw|erase}", self.take_event)
        return app

    async def send_document(self, _: web.Request) -> web.Response:
        return web.json_response(self.document)

    async def send_request(self, request: web.Request) -> web.Response:
        self.seen.append(dict(request.headers))
        made = self.requests[request.match_info["name"]]
        form = parse_request_uri_form({name: str(value) for name, value in (await request.post()).items()})
        text = await self.signed(made, wallet_nonce=form.wallet_nonce)
        return web.Response(text=text, content_type="application/oauth-authz-req+jwt")

    async def signed(self, made: Made, *, wallet_nonce: str | None = None) -> str:
        """The request object."""
        bare = self._bare(made, wallet_nonce)
        info = await self._info(made, bare)
        made.response = PresentationRequest.from_json(
            {**bare.to_json(formats=FORMATS), **({"verifier_info": [one.to_json() for one in info]} if info else {})},
            formats=FORMATS,
            client_id=bare.client_id,
        )
        return await create_request_object(made.response, signer=self.signer, formats=FORMATS)

    def _bare(self, made: Made, wallet_nonce: str | None) -> PresentationRequest:
        return PresentationRequest(
            client_id=client_id_of(self.did, key_sources=KEY_SOURCES),
            response_uri=f"{self.url}/response/{made.state}",
            nonce=made.nonce,
            state=made.state,
            query=DcqlQuery.from_json(made.body["query"], formats=FORMATS),
            encryption_jwk=public_encryption_key(made.key),
            issued_at=self.clock() - made.age,
            expires_at=self.clock() - made.age + timedelta(minutes=30),
            wallet_nonce=wallet_nonce,
        )

    async def _info(self, made: Made, bare: PresentationRequest) -> list[VerifierInfo]:
        info = [VerifierInfo(format=ROLE_CREDENTIAL, data=self.role)] if self.role else []
        info += [VerifierInfo(format=TERMS_SIGNATORY, data=self.signatory)] if self.signatory else []
        if made.body.get("terms") is None:
            return info
        desk = Desk(uri=f"{self.url}/agreements", within=Period.parse("P3D"))
        grants = [Grant.from_json(one) for one in made.body["grants"]]
        made.offer = await create_agreement(
            bare,
            rel=made.rel,
            terms_id=made.body["terms"],
            signatory_text=self.signatory,
            controller=Controller(name=self.name, contact="privacy@vendor.example"),
            grants=grants if made.literal else complete_grants(grants, bare.query),
            receipt=desk,
            withdraw=Desk(uri=f"{self.url}/agreements/withdraw", within=Period.parse("P3D")),
            erase=Desk(uri=f"{self.url}/agreements/erase", within=Period.parse("P30D")),
            give=Give(**made.body["give"]),
            signer=self.promiser or self.signer,
        )
        return [*info, VerifierInfo(format=RELATIONSHIP_AGREEMENT, data=made.offer)]

    async def take_response(self, request: web.Request) -> web.Response:
        if "response" in self.away:
            return web.Response(status=503)
        if "refuses-answers" in self.away:
            return web.Response(status=400)
        made = self.requests[request.match_info["name"]]
        made.received.append(await request.read())
        self.seen.append(dict(request.headers))
        form = parse_response_form({name: str(value) for name, value in (await request.post()).items()})
        if isinstance(form, AuthorizationErrorResponse):
            made.error = {"error": form.error, "body": made.received[-1].decode()}
            return web.json_response({})
        if made.claims:
            return web.json_response({"error": "invalid_request"}, status=400)
        body = open_response(form.text, private_jwk=made.key)
        verified = verify_presentation(
            body.vp_token,
            query=DcqlQuery.from_json(made.body["query"], formats=FORMATS),
            expected_nonce=made.nonce,
            expected_audience=client_id_of(self.did, key_sources=KEY_SOURCES).full,
            evidence=self.lists.current(self.clock()).evidence(),
            now=self.clock(),
            formats=FORMATS,
        )
        made.claims = {name: [dict(one.claims) for one in found] for name, found in verified.credentials.items()}
        return web.Response(status=503) if "loses-answers" in self.away else web.json_response({})

    async def take_acceptance(self, request: web.Request) -> web.Response:
        if "agreements" in self.away:
            return web.Response(status=503)
        if "refuses-agreements" in self.away:
            return web.Response(status=400)
        octets = await request.read()
        self.seen.append(dict(request.headers))
        signed = JointlySigned.from_json(json.loads(octets)["record"])
        offer = json.loads(signed.payload)["offer"]
        made = next(one for one in self.requests.values() if one.offer and digest(one.offer.encode()) == offer)
        made.acceptances.append(octets)
        terms = self.lists.current(self.clock()).terms[made.body["terms"]]
        query = DcqlQuery.from_json(made.body["query"], formats=FORMATS)
        verify_acceptance(signed, offer_text=made.offer, query=query, terms=terms, now=self.clock())
        if not made.claims:
            return web.json_response({"state": "received"}, status=202)
        made.record = made.record or (await countersign(signed, signer=self.signer)).to_json()
        if "after-record" in self.away:
            return web.Response(status=503)
        return web.json_response({"record": made.record})

    async def take_event(self, request: web.Request) -> web.Response:
        if "events" in self.away:
            return web.Response(status=503)
        text = json.loads(await request.read())["event"]
        if text not in self.answers:
            self.answers[text] = await self._answer(text)
        return web.json_response({"event": self.answers[text]})

    async def _answer(self, text: str) -> str:
        unverified = parse_event(text)
        known = (one.record for one in self.requests.values() if one.record is not None)
        records = [
            verify_record(JointlySigned.from_json(one), vendor_keys=keys_of_document(self.document, did=self.did))
            for one in known
        ]
        record = next(one for one in records if one.identifier == unverified.event.record)
        previous = [one for one in map(_event, self.answers.values()) if one.record == record.identifier]
        event = verify_event(
            unverified,
            record=record,
            previous=previous[-1] if previous else None,
            vendor_keys=keys_of_document(self.document, did=self.did),
            now=self.clock(),
        )
        signer = self.forger or self.signer
        if event.kind is EventKind.ERASE_REQUEST:
            return await create_erase_proof(record, of=event, residual=self.residual, signer=signer, now=self.clock())
        return await create_acknowledgement(
            record, previous=event, of=event, state="applied", signer=signer, now=self.clock()
        )
