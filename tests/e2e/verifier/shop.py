"""A vendor at work: its real application on a loopback port, its real database, and a buyer with real papers.

The lists are those of the cast, put into its database as if they had been fetched: nothing leaves this machine.
"""

import json
import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from multidict import CIMultiDict

from didkit_py.consent.consent import Answer_, Consent, consent, release
from didkit_py.consent.decision import DisclosureCase, decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import Policy
from didkit_py.consent.vendor import TERMS_SIGNATORY, verify_vendor
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, write_json
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.oid4vp.dcql import match
from didkit_py.oid4vp.request import (
    RequestLink,
    VerifiedRequest,
    parse_request_link,
    parse_request_object,
    verify_request_object,
)
from didkit_py.oid4vp.response import create_response
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.record import create_acceptance, create_record
from didkit_py.roles.asking import MadeRequest
from didkit_py.roles.asking_store import OwnCredential, RequestTemplate
from didkit_py.service.fetching.lists import Source
from didkit_py.service.http.instrumentation import METRICS
from didkit_py.service.observability.metrics import Metrics
from didkit_py.status.token_list import StatusListAggregation, create_status_list
from didkit_py.terms.document import TermsDocument, create_terms, parse_terms
from didkit_py.trust import TermsSource, TrustedIssuer, create_trust_list
from didkit_py.verification import Evidence
from tests.canaries import EMAIL, OPERATORS_PASSPHRASE, OTHER_AUDIO, OTHER_MODEL, OTHER_VIN
from tests.cast import (
    CAR_QUERY,
    ISSUERS,
    LAYERS,
    NOW,
    SOUND_GRANT,
    SOUND_QUERY,
    STEP_GRANT,
    TERMS_BODY,
    Party,
    dealer_role,
    signer_of,
    step_query,
    terms_draft,
    terms_signatory,
    wallet,
)
from tests.harness.serving import serving
from tools.driving.pages import placed, plain
from verifier.app import create_app
from verifier.context import VerifierContext
from verifier.folder import load_settings
from verifier.web_context import PARTS

PASSPHRASE: Final = OPERATORS_PASSPHRASE
TRUST_LIST: Final = f"{TERMS_BODY.origin}/trust-list"
TERMS_URL: Final = f"{TERMS_BODY.origin}/terms/1"
DEALER_NAME: Final = "Riverside Chryota Ltd"
AUTHORIZED_DEALER: Final = "urn:didkit-py:vct:authorized-dealer:1"
SECRETS: Final = (OTHER_MODEL, OTHER_AUDIO, EMAIL, OTHER_VIN)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, time: timedelta) -> None:
        self.now += time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the vendor."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return plain(self.body.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A request as a wallet has it, judged."""

    made: MadeRequest
    text: str
    request: VerifiedRequest
    agreed: Consent

    @property
    def claims(self) -> Mapping[str, Any]:
        return self.request.request.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The vendor, its clock, and a client of its addresses."""

    url: str
    folder: Path
    clock: Clock
    parts: VerifierContext
    metrics: Metrics
    terms: TermsDocument
    http: aiohttp.ClientSession

    async def get(self, path: str, **given: Any) -> Answer:
        return await self._send("GET", path, **given)

    async def post(self, path: str, **given: Any) -> Answer:
        return await self._send("POST", path, **given)

    async def _send(self, method: str, path: str, **given: Any) -> Answer:
        cookie_paths = (cookie["path"] for cookie in self.http.cookie_jar)
        url = path if path.startswith("http") else self.url + placed(path, cookie_paths)
        async with self.http.request(method, url, allow_redirects=False, **given) as answer:
            headers = {name: plain(value) for name, value in answer.headers.items()}
            return Answer(status=answer.status, body=await answer.read(), headers=CIMultiDict(headers))

    async def ask(self, body: Mapping[str, Json] | None = None) -> MadeRequest:
        """A request of the vendor's operator: the sound system's unless said."""
        return await self.parts.asking.ask(
            RequestTemplate.from_json(dict(body or sound_system()), formats=FORMATS), now=self.clock()
        )

    async def fetch(
        self,
        made: MadeRequest,
        *,
        wallet_nonce: str | None = "qPmxiNFCR3QTm19POc8uAA",
        optional: frozenset[str] = frozenset(),
    ) -> Fetched:
        """What a wallet does with the link until the person said yes."""
        link = parse_request_link(made.link, key_sources=KEY_SOURCES)
        if wallet_nonce is None:
            answer = await self.get(link.request_uri)
        else:
            answer = await self.post(link.request_uri, data={"wallet_nonce": wallet_nonce})
        assert answer.status == 200, answer.text
        document = await self.document()
        request = verify_request_object(
            parse_request_object(answer.text, link=link, key_sources=KEY_SOURCES),
            client_keys=document,
            expected_wallet_nonce=wallet_nonce,
            now=self.clock(),
            formats=FORMATS,
        )
        decision = decide(await self._case(request, document))
        agreed = consent(decision, Answer_(share=True, seen=page_digest(decision), optional=optional))
        return Fetched(made=made, text=answer.text, request=request, agreed=agreed)

    async def _case(self, request: VerifiedRequest, document: PartyKeys) -> DisclosureCase:
        held = await wallet()
        return DisclosureCase(
            request=request,
            vendor=verify_vendor(
                request,
                evidence=await self.evidence(),
                vendor_keys=document,
                terms={self.terms.id: self.terms},
                now=self.clock(),
            ),
            candidates=match(request.request.query, [one.held for one in held]),
            held={one.id: one.state for one in held},
            policy=Policy(),
            now=self.clock(),
        )

    async def evidence(self) -> Evidence:
        return (await self.parts.lists.current(self.clock())).evidence()

    async def document(self) -> PartyKeys:
        answer = await self.get("/.well-known/did.json")
        return keys_of_document(answer.json(), did=self.parts.did)

    async def present(self, fetched: Fetched) -> dict[str, list[str]]:
        """The presentations that the person agreed to."""
        held = await wallet()
        return await release(
            fetched.agreed,
            texts={one.id: one.text for one in held},
            signers={one.id: one.signer for one in held},
            now=self.clock(),
            formats=FORMATS,
        )

    async def respond(self, fetched: Fetched, vp_token: Mapping[str, Sequence[str]]) -> Answer:
        """Post an answer, encrypted for the request."""
        text = create_response(vp_token, request=fetched.request.request)
        return await self.post(fetched.request.request.response_uri, data={"response": text})

    async def accept(self, fetched: Fetched, vp_token: Mapping[str, Sequence[str]]) -> JointlySigned:
        """The person's acceptance of the promise, by a key made for this relationship alone."""
        record = self.record(fetched, vp_token)
        return await create_acceptance(record, signer=pairwise(fetched))

    def record(self, fetched: Fetched, vp_token: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        agreement = fetched.agreed.decision.case.agreement
        assert agreement is not None
        info = fetched.request.request.verifier_info
        signatory = next((one.data for one in info if one.format == TERMS_SIGNATORY), None)
        return create_record(
            fetched.agreed,
            agreement=agreement,
            offer_text=agreement.text,
            signatory_text=signatory,
            vp_token=vp_token,
            subject_key=pairwise(fetched).public,
            identifier=str(uuid.uuid4()),
            now=self.clock(),
        )

    async def send_acceptance(self, acceptance: JointlySigned) -> Answer:
        return await self.post("/agreements", json={"record": acceptance.to_json()})

    async def state(self, made: MadeRequest) -> str:
        return (await self.parts.store.load_request(made.id, now=self.clock())).state.value

    def files(self) -> bytes:
        """Every byte in the folder, journals included."""
        return b"".join(file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


def pairwise(fetched: Fetched) -> Any:
    """The person's key for this relationship."""
    agreement = fetched.agreed.decision.case.agreement
    return signer_of(f"pairwise {agreement.rel if agreement else ''}")


def sound_system(**changes: Json) -> dict[str, Json]:
    """Model and audio system, and the e-mail address if the person likes."""
    body: dict[str, Json] = {
        "purpose_text": "To register your sound system for service",
        "query": SOUND_QUERY,
        "grants": [SOUND_GRANT.to_json()],
        "terms": None,
        "give": {"code": "warranty-registration", "text": "Registers your sound system for service"},
        "roles": [],
    }
    return body | changes


def car_only(**changes: Json) -> dict[str, Json]:
    return sound_system(query=CAR_QUERY) | changes


def affordability(step: str = "20000") -> dict[str, Json]:
    return {
        "purpose_text": "To know whether our offers suit your budget",
        "query": step_query(step),
        "grants": [STEP_GRANT.to_json()],
        "terms": None,
        "give": {"code": "test-drive", "text": "A test drive"},
        "roles": [AUTHORIZED_DEALER],
    }


async def published_terms(**changes: object) -> tuple[TermsDocument, bytes]:
    body = write_json(await create_terms(terms_draft(**changes), signer=TERMS_BODY.signer))
    return parse_terms(body), body


async def sources(document: TermsDocument, body: bytes, *, revoked: int | None = None) -> tuple[Source, ...]:
    """Everything that the cast publishes, as it would be fetched; `revoked` is an index of the terms body's list."""
    issuers = [
        TrustedIssuer(
            id=one.did,
            name=one.name,
            vcts=frozenset(template_named(name).vct for name in names),
            status_lists=f"{one.origin}/status-lists",
        )
        for one, names in ISSUERS.items()
    ]
    trust = await create_trust_list(
        issuers,
        terms=[TermsSource(id=document.id, url=TERMS_URL)],
        signer=TERMS_BODY.signer,
        now=NOW,
        lifetime=timedelta(days=7),
    )
    bodies: dict[str, bytes] = {TRUST_LIST: trust.encode(), TERMS_URL: body}
    bodies |= {layer.href: LAYERS[layer.kind] for layer in document.layers}
    for one in ISSUERS:
        bodies |= await _published(one, {revoked: 1} if revoked is not None and one is TERMS_BODY else {})
    return tuple(Source(url=url, body=octets, fetched_at=NOW) for url, octets in bodies.items())


async def _published(one: Party, statuses: Mapping[int, int]) -> dict[str, bytes]:
    text = await create_status_list(
        statuses,
        size=1_024,
        bits=2,
        uri=one.status_uri,
        signer=one.signer,
        now=NOW,
        ttl=timedelta(hours=12),
        lifetime=timedelta(days=30),
    )
    return {
        f"{one.origin}/.well-known/did.json": write_json(create_document(one.did, {"key-1": one.signer.public})),
        f"{one.origin}/status-lists": write_json(StatusListAggregation(status_lists=(one.status_uri,)).to_json()),
        one.status_uri: text.encode(),
    }


@asynccontextmanager
async def open_shop(folder: Path, clock: Clock, *, papers: bool = True) -> AsyncIterator[Shop]:
    """The vendor of this folder at work, with a role and a signatory credential unless said."""
    settings = load_settings(folder)
    app = create_app(folder, settings, clock=clock)
    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(app, settings.port), aiohttp.ClientSession(cookie_jar=jar) as http:
        parts = app[PARTS]
        document, body = await published_terms()
        await parts.lists.save_sources(await sources(document, body))
        if papers and not await parts.store.own_credentials():
            await give_papers(parts, document)
        yield Shop(
            url=settings.base_url,
            folder=folder,
            clock=clock,
            parts=parts,
            metrics=app[METRICS],
            terms=document,
            http=http,
        )


async def give_papers(parts: VerifierContext, document: TermsDocument) -> None:
    """What the manufacturer and the terms body say about this vendor."""
    vendor = as_party(parts)
    texts = [await dealer_role(vendor, name=DEALER_NAME), await terms_signatory(vendor, document)]
    for text in texts:
        own = OwnCredential.of(text, id=secrets.token_hex(8), received_at=NOW)
        await parts.store.save_credential(own)


def as_party(parts: VerifierContext) -> Party:
    return Party(name=DEALER_NAME, did=parts.did, signer=parts.signer, document=parts.keys)  # type: ignore[arg-type] # a SoftwareSigner


def link_of(made: MadeRequest) -> RequestLink:
    return parse_request_link(made.link, key_sources=KEY_SOURCES)


def form_of(link: str) -> Mapping[str, Sequence[str]]:
    return parse_qs(urlsplit(link).query)
