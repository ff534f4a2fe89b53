"""A wallet with so many ledger entries and documents, and a vendor that asks it for the model of a car."""

import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from bench.public import ISSUER, LIST
from bench.services import PASSPHRASE, free_port
from bench.vendor_load import PUBLISHER, TRUST_LIST, sources
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import template_named
from didkit_py.dids.jwk import jwk_did
from didkit_py.encoding import Json
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.metadata import Configuration, IssuerMetadata, ServerMetadata
from didkit_py.oid4vci.offer import create_offer
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.oid4vp.request import PresentationRequest, create_request_link, create_request_object
from didkit_py.oid4vp.response import create_encryption_key, public_encryption_key
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.reading import origin
from didkit_py.roles.receiving import PreviewedOffer
from didkit_py.service.setup.folders import Given
from wallet.app import create_app
from wallet.composition import open_parts
from wallet.context import WalletContext
from wallet.folder import create_folder, load_settings
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.ledger import MAX_BATCH, Draft
from wallet.storage.public_lists import save_sources
from wallet.storage.vault import open_key

RECEIPT: Final = "urn:didkit-py:vct:digital-receipt:1"
SALE: Final[dict[str, Json]] = {
    "receipt_type": "vehicle-sale",
    "date": "2026-11-14",
    "seller": {"name": "Bench Motors"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
    "vehicle": {"model": "Chryota Aurora", "audioSystem": "Clearsound Nine", "modelYear": 2026, "vin": "V" * 17},
    "buyer_name": "Sally",
}
QUERY: Final[Json] = {
    "credentials": [
        {
            "id": "car",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [RECEIPT]},
            "claims": [{"path": ["vehicle", "model"]}],
        }
    ]
}
COPIES: Final = 10  # of each document that was received earlier
SEEN: Final = re.compile(r'name="seen" value="([^"]+)"')
CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Processor seconds of this process for one request of a vendor; what the vendor does is the same in all."""

    page: float
    share: float


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A vendor's requests, opened in a person's browser."""

    parts: WalletContext
    vendor: "Vendor"
    wallet: str
    http: aiohttp.ClientSession

    async def answer(self) -> Costs:
        """Open a new request, look at its page, and share."""
        exchange = await self.parts.opened.presenting.open(self.vendor.link())
        place = f"{self.wallet}/requests/{exchange.id}"
        began = time.process_time()
        async with self.http.get(place) as page:
            html = await page.text()
        looked = time.process_time()
        seen, csrf = SEEN.search(html), CSRF.search(html)
        if seen is None or csrf is None:
            message = "the wallet did not ask"
            raise AssertionError(message)
        form = {"decision": "share", "seen": seen[1], "csrf": csrf[1]}
        began_share = time.process_time()
        async with self.http.post(place, data=form, headers={"Origin": origin(place)}, allow_redirects=False) as answer:
            await answer.read()
        shared = time.process_time()
        if (await self.parts.opened.keeping.load_exchange(exchange.id)).state != "released":
            message = "the wallet did not share"
            raise AssertionError(message)
        return Costs(page=looked - began, share=shared - began_share)


@dataclass(slots=True, kw_only=True)
class Vendor:
    """A vendor that is known by its key alone and promises nothing."""

    url: str
    signer: SoftwareSigner

    def link(self) -> str:
        """The link of a new request."""
        client_id = client_id_of(jwk_did(self.signer.public), key_sources=KEY_SOURCES)
        return create_request_link(client_id, f"{self.url}/requests/{secrets.token_hex(8)}", method="get")

    def app(self) -> web.Application:
        """Its pages."""
        app = web.Application()
        app.router.add_get("/requests/{name}", self._send_request)
        app.router.add_post("/response", self._take_response)
        return app

    async def _send_request(self, _: web.Request) -> web.Response:
        now = datetime.now(UTC)
        request = PresentationRequest(
            client_id=client_id_of(jwk_did(self.signer.public), key_sources=KEY_SOURCES),
            response_uri=f"{self.url}/response",
            nonce=secrets.token_urlsafe(32),
            state=secrets.token_urlsafe(16),
            query=DcqlQuery.from_json(QUERY, formats=FORMATS),
            encryption_jwk=public_encryption_key(create_encryption_key(secrets.token_bytes)),
            issued_at=now,
            expires_at=now + timedelta(minutes=30),
            wallet_nonce=None,
        )
        text = await create_request_object(request, formats=FORMATS, signer=self.signer)
        return web.Response(text=text, content_type="application/oauth-authz-req+jwt")

    async def _take_response(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({})


@asynccontextmanager
async def visitor(folder: Path, *, entries: int, documents: int, shares: int) -> AsyncIterator[Visitor]:
    """A wallet that holds a receipt with so many copies, and what a life has left in it."""
    ports = free_port(), free_port()
    wallet, url = (f"http://localhost:{port}" for port in ports)
    signer = SoftwareSigner.from_secret(bytes([9] * 32), alg="ES256")
    vendor = Vendor(
        url=url, signer=SoftwareSigner.from_secret(bytes([9] * 32), alg="ES256", key_id=f"{jwk_did(signer.public)}#0")
    )
    given: Given = {"name": "Bench", "base_url": wallet, "port": ports[0], "loopback_origins": (url,)}
    lists = {"trust_list_url": TRUST_LIST, "trust_list_signer": PUBLISHER}
    create_folder(folder, settings={**given, **lists}, passphrase=PASSPHRASE)
    settings = load_settings(folder)
    async with open_parts(folder, settings) as parts:
        parts.vault.hold(open_key(settings.key_file, PASSPHRASE))
        await _live(parts, entries=entries, documents=documents, shares=shares)
        await save_sources(parts.database, await sources(RECEIPT, now=datetime.now(UTC)))
    async with AsyncExitStack() as stack:
        app = create_app(folder, settings)
        for each, port in ((app, ports[0]), (vendor.app(), ports[1])):
            runner = web.AppRunner(each, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", port).start()
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
        where = await _sign_in(http, wallet)
        from wallet.web_context import PARTS  # noqa: PLC0415 - beside create_app

        yield Visitor(parts=app[PARTS], vendor=vendor, wallet=where, http=http)


async def _sign_in(http: aiohttp.ClientSession, wallet: str) -> str:
    """Unlock the wallet; the address below which this browser's pages stand."""
    async with http.get(f"{wallet}/sign-in") as page:
        csrf = CSRF.search(await page.text())
    form = {"passphrase": PASSPHRASE, "csrf": csrf[1] if csrf else ""}
    async with http.post(f"{wallet}/sign-in", data=form, headers={"Origin": wallet}) as home:
        return str(home.url).rstrip("/")


async def _live(parts: WalletContext, *, entries: int, documents: int, shares: int) -> None:
    now = datetime.now(UTC) - timedelta(days=1)
    await _receive(parts, RECEIPT, SALE, copies=shares, now=now)
    for _ in range(documents - 1):
        await _receive(parts, "https://issuer.example/card", {"number": secrets.token_hex(8)}, copies=COPIES, now=now)
    # What the wallet wrote is a part of it; the rest is of vendors that asked and were refused or answered.
    left = entries - len(await parts.opened.ledger.read())
    for first in range(0, max(left, 0), MAX_BATCH):
        drafts = [_draft(first + place) for place in range(min(MAX_BATCH, left - first))]
        await parts.opened.ledger.append(*drafts, now=now)


def _draft(place: int) -> Draft:
    exchange_id, names = f"earlier-{place // 2}", [f"did:web:vendor-{place % 500}.example"]
    if place % 2:
        body: dict[str, Json] = {
            "vendor": "V",
            "identifiers": [*names],
            "nonce_key": f"nonce-{place}",
            "rel": f"r{place}",
        }
        return Draft(kind="decided", request_id=exchange_id, body=body)
    step: Json = {"vct": "urn:didkit-py:vct:affordability-range:1", "step": "20000", "until": 4_102_444_800}
    return Draft(kind="asked", request_id=exchange_id, body={"identifiers": [*names], "thresholds": [step]})


async def _receive(parts: WalletContext, vct: str, claims: dict[str, Json], *, copies: int, now: datetime) -> None:
    """A document as the wallet keeps it, with its copies; of a type that is not asked for the texts do not matter."""
    store, name = parts.opened.store, secrets.token_hex(8)
    secrets_of_copies = [secrets.token_bytes(32) for _ in range(copies)]
    texts = [await _text(claims, secret, now) if vct == RECEIPT else "x" * 1_500 for secret in secrets_of_copies]
    offer = StoredOffer(id=name, state="opened", link="link", previewed=PREVIEWED)
    await store.add_offer(offer, now=now)
    kept = [
        StoredCopy(id=f"{name}-{place:05}", credential_id=name, text=text, secret=secret, alg="ES256")
        for place, (text, secret) in enumerate(zip(texts, secrets_of_copies, strict=True))
    ]
    credential = StoredCredential(
        id=name,
        format=SD_JWT_VC.id,
        vct=vct,
        issuer=ISSUER,
        issuer_says="Insurer",
        title="A document",
        claims=claims,
        disclosable=(),
        received_at=now,
        issued_at=None,
        expires_at=None,
    )
    if vct == RECEIPT:
        read = SD_JWT_VC.parse(texts[0])[0].read()
        credential = StoredCredential.create(read, id=name, title="Receipt", issuer_says="", now=now)
    await store.save_received(replace(offer, state="received", credential_id=name), credential, kept, before="opened")


async def _text(claims: dict[str, Json], secret: bytes, now: datetime) -> str:
    issuer = SoftwareSigner.from_secret(bytes(range(32)), alg="ES256", key_id=f"{ISSUER}#key-1")
    credential = template_named("digital-receipt").fill(
        claims, issuer=ISSUER, now=now, status=StatusReference(uri=LIST, index=int.from_bytes(secret[:2], "big"))
    )
    secured = await SD_JWT_VC.secure(
        credential,
        holder_key=SoftwareSigner.from_secret(secret, alg="ES256").public,
        salts=lambda: secrets.token_bytes(16),
        signer=issuer,
    )
    return secured.text


PREVIEWED: Final = PreviewedOffer(
    offer=create_offer(
        issuer="https://insurer.example",
        configuration_ids=("c",),
        pre_authorized_code="code",
        tx_code_description="digits",
    ),
    issuer=IssuerMetadata(
        issuer="https://insurer.example",
        credential_endpoint="https://insurer.example/credential",
        configurations={"c": Configuration(vct=RECEIPT, format="dc+sd-jwt", title="C")},
    ),
    server=ServerMetadata(issuer="https://insurer.example", token_endpoint="https://insurer.example/token"),  # noqa: S106
)
