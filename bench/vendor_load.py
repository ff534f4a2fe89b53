"""A vendor that asks for a good-standing claim, and wallets that answer it, without an agreement."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp

from bench.credentials import holders, loaded, point_of
from bench.engines import Engine
from bench.filling import fill
from bench.measuring import done
from bench.public import ISSUER, LIST, QUERY, STANDING
from bench.services import PASSPHRASE, Send, free_port, serving, settings_in
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document
from didkit_py.encoding import write_json
from didkit_py.formats import sd_jwt_vc
from didkit_py.formats.table import FORMATS
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.request import parse_request_link, parse_request_object, verify_request_object
from didkit_py.oid4vp.response import create_response
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking import MadeRequest
from didkit_py.roles.asking_store import RequestTemplate
from didkit_py.service.fetching.lists import Source
from didkit_py.service.setup.folders import Given, create_folder
from didkit_py.status.token_list import StatusListAggregation, create_status_list
from didkit_py.trust import TrustedIssuer, create_trust_list
from verifier.composition import open_parts
from verifier.context import VerifierContext
from verifier.settings import VerifierSettings

PUBLISHER: Final = "did:web:terms.example"
TRUST_LIST: Final = "https://terms.example/trust-list"
STATUS_LISTS: Final = "https://insurer.example/status-lists"
REQUESTS: Final = (
    "INSERT INTO requests (party_id, id, state, made_at, expires_at, fetches, answered_at, response_code_hash,"
    " asked, result) SELECT {party}, {text}, 'answered', 1, 2, 1, 2, {octets}, {octets}, {octets} FROM more"
)
PROMISES: Final = (
    "INSERT INTO offers (party_id, digest, request_id, sent_at, sealed)"
    " SELECT {party}, {text}, {text}, 1, {octets} FROM more"
)
ACCEPTANCES: Final = (
    "INSERT INTO acceptances (party_id, payload_digest, request_id, record_id, received_at, sealed)"
    " SELECT {party}, {text}, {text}, {text}, 1, {octets} FROM more"
)
FILL: Final = (REQUESTS, PROMISES, ACCEPTANCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A running vendor."""

    url: str
    document: PartyKeys
    http: aiohttp.ClientSession

    async def requests(self, asked: Sequence[MadeRequest]) -> list[Send]:
        """One answer to each request, made as a wallet makes it."""
        issuer = SoftwareSigner.from_secret(bytes(range(32)), alg="ES256", key_id=f"{ISSUER}#key-1")
        return [
            await self._answer(made, issuer, holder)
            for made, holder in zip(asked, holders("ES256", count=len(asked)), strict=True)
        ]

    async def _answer(self, made: MadeRequest, issuer: SoftwareSigner, holder: SoftwareSigner) -> Send:
        link, now = parse_request_link(made.link, key_sources=KEY_SOURCES), datetime.now(UTC)
        async with self.http.get(link.request_uri) as fetched:
            parsed = parse_request_object(await fetched.text(), link=link, key_sources=KEY_SOURCES)
        verified = verify_request_object(
            parsed, client_keys=self.document, expected_wallet_nonce=None, now=now, formats=FORMATS
        )
        request = verified.request
        status = StatusReference(uri=LIST, index=123_456)
        credential = template_named("insurer-good-standing").fill(STANDING, issuer=ISSUER, now=now, status=status)
        salts = iter(int.to_bytes(place, 16, "big") for place in range(100)).__next__
        secured = await sd_jwt_vc.secure(credential, holder_key=holder.public, salts=salts, signer=issuer)
        shown = await sd_jwt_vc.bind(
            sd_jwt_vc.select(secured.text, [("lines",)]),
            nonce=request.nonce,
            audience=request.client_id.full,
            now=now,
            signer=holder,
        )
        form = {"response": create_response({"standing": [shown]}, request=request)}

        async def send() -> None:
            async with self.http.post(request.response_uri, data=form) as answer:
                if answer.status != 200:
                    raise AssertionError(await answer.text())

        return send


@asynccontextmanager
async def vendor(
    folder: Path, engine: Engine, *, asks: int, rows: int = 0
) -> AsyncIterator[tuple[Vendor, list[MadeRequest]]]:
    """A vendor with so many open requests, and so many rows from earlier in each of its tables."""
    port = free_port()
    url = f"http://localhost:{port}"
    given: Given = {
        "base_url": url,
        "name": "Bench Motors",
        "port": port,
        "trust_list_url": TRUST_LIST,
        "trust_list_signer": PUBLISHER,
    }
    create_folder(folder, VerifierSettings, settings=given, alg="ES256", passphrase=PASSPHRASE)
    settings = settings_in(folder, VerifierSettings, engine)
    async with open_parts(folder, settings) as parts:
        asked = await _ask(parts, asks)
        await fill(parts.store.database, FILL, rows, party_id=parts.store.party_id)
    with serving("verifier", folder, url, engine):
        async with aiohttp.ClientSession() as http:
            yield Vendor(url=url, document=parts.keys, http=http), asked


async def _ask(parts: VerifierContext, asks: int) -> list[MadeRequest]:
    now = datetime.now(UTC)
    await parts.lists.save_sources(await sources("urn:didkit-py:vct:insurer-good-standing:1", now=now))
    template = RequestTemplate.from_json(
        {"purpose_text": "To measure", "query": QUERY, "grants": [], "terms": None}, formats=FORMATS
    )
    return [await parts.asking.ask(template, now=now) for _ in range(asks)]


async def sources(vct: str, *, now: datetime) -> list[Source]:
    """What is published about the issuer of this type of claim, as if it had just been fetched."""
    publisher, issuer = (
        SoftwareSigner.from_secret(bytes(range(first, first + 32)), alg="ES256", key_id=f"{did}#key-1")
        for first, did in ((1, PUBLISHER), (0, ISSUER))
    )
    trusted = TrustedIssuer(
        id=ISSUER,
        name="Insurer",
        vcts=frozenset({vct}),
        status_lists=STATUS_LISTS,
    )
    day = timedelta(days=1)
    trust = await create_trust_list([trusted], signer=publisher, now=now, lifetime=day)
    statuses = await create_status_list(
        {77: 1}, size=1_048_576, bits=2, uri=LIST, signer=issuer, now=now, ttl=day / 2, lifetime=day
    )
    bodies = {
        "https://terms.example/.well-known/did.json": write_json(
            create_document(PUBLISHER, {"key-1": publisher.public})
        ),
        "https://insurer.example/.well-known/did.json": write_json(create_document(ISSUER, {"key-1": issuer.public})),
        TRUST_LIST: trust.encode(),
        STATUS_LISTS: write_json(StatusListAggregation(status_lists=(LIST,)).to_json()),
        LIST: statuses.encode(),
    }
    return [Source(url=url, body=body, fetched_at=now) for url, body in bodies.items()]


def raw() -> Callable[[], None]:
    """What one answer cannot do without: the issuer's signature checked, and the holder's by a key that came."""
    row, long, short = ALGORITHMS["ES256"], b"m" * 900, b"m" * 250
    issuer, holder = (SoftwareSigner.from_secret(bytes([number] * 32), alg="ES256") for number in (1, 2))
    signature, binding, point = done(issuer.sign(long)), done(holder.sign(short)), point_of(holder.public.loaded)

    def call() -> None:
        row.verify(issuer.public.loaded, signature, long)
        row.verify(loaded(point), binding, short)

    return call
