"""Around the wallet under test: a real issuer, vendors made of library functions or real, and a person's browser."""

import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp
from aiohttp import web

from demo.asking import affordability, sound_system
from demo.browser import Form, Page, placed, plain
from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, ROLE_CREDENTIAL, TERMS_SIGNATORY
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import TEMPLATES, template_named
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import digest, rfc3339
from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.keys.signer import Signer, SoftwareSigner
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
from didkit_py.parties.source import KeySources
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
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.roles.receiving import preview, receive
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.terms.agreement import Controller, Desk, Give, complete_grants, create_agreement
from didkit_py.terms.document import create_signatory_statement
from didkit_py.terms.grant import Grant
from didkit_py.terms.period import Period
from didkit_py.trust import TrustedIssuer
from didkit_py.verification import verify_presentation
from issuer.app import create_app as create_issuer
from issuer.context import IssuerContext
from issuer.folder import create_folder as create_issuer_folder
from issuer.folder import load_settings as load_issuer
from issuer.publishing.states import WORDS
from issuer.web_context import PARTS as ISSUER_PARTS
from tests.canaries import AUDIO, BUYER, EMAIL, MODEL, PASSPHRASE, TOWNS_PASSPHRASE, VIN, watch_for
from verifier.app import create_app as create_vendor
from verifier.context import VerifierContext
from verifier.folder import create_vendor as create_vendor_folder
from verifier.folder import load_settings as load_vendor
from verifier.web_context import PARTS as VENDOR_PARTS
from wallet.app import create_app as create_wallet
from wallet.folder import create_folder as create_wallet_folder
from wallet.folder import load_settings as load_wallet

TERMS: Final = Path(__file__).resolve().parents[2] / "examples" / "terms"
AFFORDABLE: Final = Decimal(23_500)
DEALERSHIP: Final = "Riverside Chryota Ltd"
RECEIPT: Final = {
    "receipt_type": "vehicle-sale",
    "date": "2026-11-14",
    "seller": {"name": "Riverside Chryota Ltd"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
    "vehicle": {"model": MODEL, "audioSystem": AUDIO, "modelYear": 2026, "vin": VIN},
    "buyer_name": BUYER,
}
CONTACT: Final = {"kinds": ["email"], "verified_on": "2026-11-20", "email": EMAIL}
STANDING: Final = {"standing": "good", "period": {"from": "2026-11-01", "to": "2027-10-31"}}
Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


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


@dataclass(slots=True)
class Person:
    """Sally's browser: no scripts, cookies, the forms that pages hold."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Page:
        async with self.session.get(self._place(path)) as answer:
            return Page(plain(str(answer.url)), answer.status, plain(await answer.text()))

    def _place(self, path: str) -> str:
        return urljoin(
            self.url, placed(path.removeprefix(self.url), (cookie["path"] for cookie in self.session.cookie_jar))
        )

    async def submit(self, page: Page, form: Form, *pairs: tuple[str, str]) -> Page:
        given = {name for name, _ in pairs}
        kept = [(name, value) for name, value in form.fields if name not in given]
        target = self._place(urljoin(page.url, form.action))
        headers = {"Origin": self.url}
        async with self.session.post(target, data=[*kept, *pairs], headers=headers) as answer:
            return Page(plain(str(answer.url)), answer.status, plain(await answer.text()))

    async def fill(self, path: str, **given: str) -> Page:
        page = await self.get(path)
        return await self.submit(page, page.form(next(iter(given))), *given.items())

    async def unlock(self, passphrase: str = PASSPHRASE) -> Page:
        page = await self.get("/sign-in")
        return await self.submit(page, page.form("passphrase"), ("passphrase", passphrase))

    async def receive(self, link: str, tx_code: str) -> Page:
        page = await self.fill("/receive", offer=link)
        return await self.submit(page, page.form("tx_code"), ("tx_code", tx_code))

    async def open(self, made: Made) -> Page:
        return await self.fill("/answer", request=made.link)

    async def press(self, page: Page, decision: str, *ticked: str) -> Page:
        pairs = [("decision", decision), *(("optional", one) for one in ticked)]
        return await self.submit(page, page.form("decision"), *pairs)


@dataclass(slots=True)
class World:
    """A town with one issuer that everybody trusts, two vendors, room for a real one, and Sally's wallet."""

    issuer: IssuerContext
    dealer: Vendor
    clearsound: Vendor
    wallet_folder: Path
    wallet_port: int
    terms_id: str
    shop_settings: Mapping[str, Any] = field(default_factory=dict)  # of the vendor that `open_shop` opens
    other_issuer: str = ""  # where a second issuer may stand: its origin
    clock: Clock = now
    formats: Formats = field(default_factory=lambda: FORMATS)  # of the wallet, and of the vendor that `open_shop` opens
    key_sources: KeySources = KEY_SOURCES  # the same
    _wallet: AsyncExitStack = field(default_factory=AsyncExitStack)
    person: Person = field(init=False)

    async def start_wallet(self) -> Person:
        settings = load_wallet(self.wallet_folder)
        self._wallet = AsyncExitStack()
        await self._wallet.enter_async_context(
            serving(
                create_wallet(
                    self.wallet_folder,
                    settings,
                    formats=self.formats,
                    clock=self.clock,
                    key_sources=self.key_sources,
                ),
                self.wallet_port,
            )
        )
        jar = aiohttp.CookieJar(unsafe=True)
        session = await self._wallet.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        self.person = Person(url=settings.base_url, session=session)
        return self.person

    async def stop_wallet(self) -> None:
        await self._wallet.aclose()

    async def offer(self, type_name: str, values: Mapping[str, Any], *, subject: str | None = None) -> tuple[str, str]:
        wanted = WantedCredential(type_name=type_name, values=values, reference=secrets.token_hex(4), subject=subject)
        made = await self.issuer.issuing.make_offer(wanted, now=self.clock())
        watch_for(made.offer.code, made.tx_code)
        return self.issuer.issuing.offer_link(made.offer.id), made.tx_code

    def values(self) -> dict[str, dict[str, Any]]:
        ladder = ladder_claims(AFFORDABLE, template_named("affordability-range"))
        scheme = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP"}
        ladder |= {"basis": "pre-qualified-credit"}
        others: dict[str, dict[str, Any]] = {
            "digital-receipt": RECEIPT,
            "contact": CONTACT,
            "insurer-good-standing": STANDING,
        }
        return {"affordability-range": {**scheme, **ladder}, **others}

    async def equip(self, *types: str) -> None:
        """Sally unlocks her wallet and receives these documents; her lists are fresh."""
        await self.person.unlock()
        for name in types:
            done = await self.person.receive(*await self.offer(name, self.values()[name]))
            assert done.outcome == "received", done.text
        await self.refresh()

    async def refresh(self) -> None:
        for vendor in (self.dealer, self.clearsound):
            await vendor.lists.refresh_now()
        page = await self.person.get("/rules")
        await self.person.submit(page, next(one for one in page.forms if one.action == "/lists/refresh"))

    def budget(self, step: int = 20_000) -> Made:
        return self.dealer.ask(affordability(self.terms_id, step))

    def sound(self, *, extra_paths: Sequence[Sequence[str]] = (), whole_vehicle: bool = False) -> Made:
        return self.clearsound.ask(sound_system(self.terms_id, extra_paths=extra_paths, whole_vehicle=whole_vehicle))

    async def change_status(self, type_name: str, status: str, *, subject: str | None = None) -> None:
        """The issuer's word about what it issued of this type to this business, or to people."""
        for kept in await self.issuer.store.find(now=self.clock(), limit=100):
            if (kept.offer.wanted.type_name, kept.offer.wanted.subject) == (type_name, subject):
                await self.issuer.status_lists.change(kept.offer.id, WORDS[status])

    async def revoke(self, vendor_did: str) -> None:
        await self.change_status("terms-signatory", "revoked", subject=vendor_did)


@asynccontextmanager
async def open_world(
    folder: Path, clock: Clock = now, *, formats: Formats = FORMATS, key_sources: KeySources = KEY_SOURCES
) -> AsyncIterator[World]:
    ports = {name: free_port() for name in ("issuer", "dealer", "clearsound", "wallet", "shop", "other")}
    origins = tuple(f"http://localhost:{port}" for port in ports.values())
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(
            _issuer(folder / "issuer", ports["issuer"], origins, clock, key_sources)
        )
        terms = await issuer.publications.publish_terms(TERMS, now=clock())
        lists_at: dict[str, Any] = {"trust_list_url": f"{origins[0]}/trust-list", "trust_list_signer": issuer.did}
        fetcher = await stack.enter_async_context(Fetcher(origins))
        names = {"dealer": DEALERSHIP, "clearsound": "Clearsound Ltd"}
        vendors = {}
        for key, name in names.items():
            lists = ScheduledLists(fetcher, refresh_seconds=3_600, clock=clock, **lists_at, key_sources=key_sources)
            vendors[key] = Vendor(port=ports[key], name=name, lists=lists, clock=clock)
            await stack.enter_async_context(serving(vendors[key].app(), ports[key]))
        await equip_vendor(issuer, vendors["dealer"], terms.id, fetcher, role=True)
        await equip_vendor(issuer, vendors["clearsound"], terms.id, fetcher)
        shared = {"loopback_origins": origins, **lists_at}
        create_wallet_folder(
            folder / "wallet",
            settings={"name": "Sally's wallet", "base_url": origins[3], "port": ports["wallet"], **shared},
            passphrase=PASSPHRASE,
        )
        world = World(
            issuer,
            vendors["dealer"],
            vendors["clearsound"],
            folder / "wallet",
            ports["wallet"],
            terms.id,
            shop_settings={"name": DEALERSHIP, "base_url": origins[4], "port": ports["shop"], **shared},
            other_issuer=origins[5],
            clock=clock,
            formats=formats,
            key_sources=key_sources,
        )
        await world.start_wallet()
        try:
            yield world
        finally:
            await world.stop_wallet()


@asynccontextmanager
async def _issuer(
    folder: Path, port: int, origins: Sequence[str], clock: Clock, key_sources: KeySources
) -> AsyncIterator[IssuerContext]:
    url = f"http://localhost:{port}"
    types = tuple(template.name for template in TEMPLATES.values())
    settings: dict[str, Any] = {
        "name": "Harbour Town",
        "base_url": url,
        "port": port,
        "types": types,
        "loopback_origins": origins,
    }
    create_issuer_folder(folder, settings=settings, alg="ES256", passphrase=TOWNS_PASSPHRASE)
    app = create_issuer(folder, load_issuer(folder), clock=clock, key_sources=key_sources)
    async with serving(app, port):
        parts = app[ISSUER_PARTS]
        entry = TrustedIssuer(
            id=parts.did, name="Harbour Town", vcts=frozenset(TEMPLATES), status_lists=f"{url}/status-lists"
        )
        await parts.publications.trust(entry)
        yield parts


async def equip_vendor(
    issuer: IssuerContext, vendor: Vendor, terms_id: str, fetcher: Fetcher, *, role: bool = False
) -> None:
    """The vendor signs the terms, and gets its papers by the same protocol as people do."""
    signed = await _signed_terms(terms_id, vendor.signer, vendor.clock())
    vendor.signatory = await _hand_over(issuer, vendor, "terms-signatory", signed, fetcher)
    if role:
        vendor.role = await _hand_over(issuer, vendor, "authorized-dealer", _dealer(vendor.name), fetcher)


async def _signed_terms(terms_id: str, signer: Signer, now: datetime) -> dict[str, Any]:
    """What the terms body says of a vendor that signed."""
    signed_at = now.replace(microsecond=0)
    return {
        "terms": {"id": terms_id, "family": "example-standard-terms-of-sharing", "version": "1.0"},
        "signature": await create_signatory_statement(terms_id, signed_at=signed_at, signer=signer),
        "signedAt": rfc3339(signed_at),
        "level": "reviewed",
    }


def _dealer(name: str) -> dict[str, Any]:
    """What the manufacturer says of a dealer."""
    return {"brand": "Chryota", "scope": ["sales"], "territory": ["GB-ENG"], "dealer_id": "CH-0042", "name": name}


async def _hand_over(
    issuer: IssuerContext, vendor: Vendor, type_name: str, values: Mapping[str, Any], fetcher: Fetcher
) -> str:
    wanted = WantedCredential(type_name=type_name, values=values, reference=secrets.token_hex(4), subject=vendor.did)
    made = await issuer.issuing.make_offer(wanted, now=vendor.clock())
    offered = await preview(issuer.issuing.offer_link(made.offer.id), fetch=fetcher, formats=FORMATS)
    received = await receive(
        offered,
        tx_code=made.tx_code,
        signers=[vendor.signer],
        fetch=fetcher,
        clock=vendor.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    return received.texts[0]


@asynccontextmanager
async def open_shop(world: World, folder: Path) -> AsyncIterator[VerifierContext]:
    """A dealer's real program in the same town, with its papers and fresh lists."""
    create_vendor_folder(folder, settings=world.shop_settings, alg="ES256", passphrase="a dealer of the town")
    settings = load_vendor(folder)
    app = create_vendor(folder, settings, formats=world.formats, clock=world.clock, key_sources=world.key_sources)
    async with serving(app, settings.port):
        shop = app[VENDOR_PARTS]
        papers = {
            "terms-signatory": await _signed_terms(world.terms_id, shop.signer, world.clock()),
            "authorized-dealer": _dealer(settings.name),
        }
        for type_name, values in papers.items():
            link, tx_code = await world.offer(type_name, values, subject=shop.did)
            await shop.receive(await shop.preview(link), tx_code=tx_code)
        await shop.refresh()
        yield shop


__all__ = ["AUDIO", "EMAIL", "MODEL", "PASSPHRASE", "Made", "Person", "Vendor", "World", "open_shop", "open_world"]
