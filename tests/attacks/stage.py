"""A stage: one server that plays issuer, publisher and vendor around a wallet, honest until a case changes it."""

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import aiohttp
from aiohttp import web

from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json, b64url, digest, from_b64url, sha256, write_json
from didkit_py.formats.sd_jwt_vc import secure
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.link import create_request_link
from didkit_py.oid4vp.response import public_encryption_key
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.terms.document import address, create_terms
from didkit_py.trust import TrustList
from tests.attacks.forging import NOW, Token, signer, timed
from tests.attacks.genuine import ENCRYPTION
from tests.canaries import CODE, EMAIL, PASSPHRASE, TOKEN, TX_CODE
from tests.cast import LAYERS, terms_draft
from tests.e2e.issuer.office import Clock
from tests.harness.person import Person
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tools.driving.pages import Page
from wallet.app import create_app
from wallet.context import WalletContext
from wallet.folder import create_folder, load_settings
from wallet.web_context import PARTS

Answer: TypeAlias = web.Response | Callable[[web.Request], Awaitable[web.Response]]
NONCE: Final = "b3JkaW5hcnktbm9uY2UtMTI4Yml0"
CONTACT: Final = template_named("contact")
CONTACT_VALUES: Final[dict[str, Json]] = {"kinds": ["email"], "verified_on": "2026-11-01", "email": EMAIL}


@dataclass(slots=True, kw_only=True)
class Stage:
    """The server, its key, and what it answers at each path; `seen` are the paths that were asked for."""

    port: int
    terms: Mapping[str, Json]
    clock: Clock
    signer: SoftwareSigner = field(init=False)
    pages: dict[str, Answer] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    copies: Callable[["Stage", list[PublicKey]], Awaitable[list[str]]] = field(init=False)
    request: Callable[[Token], Token] = field(init=False)

    def __post_init__(self) -> None:
        self.signer = signer(7, f"{self.did}#key-1")
        self.act_honestly()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def did(self) -> str:
        return web_did(self.url)

    @property
    def offer_link(self) -> str:
        return f"openid-credential-offer://?credential_offer_uri={quote(f'{self.url}/offer', safe='')}"

    @property
    def request_link(self) -> str:
        return create_request_link(
            client_id_of(self.did, key_sources=KEY_SOURCES), f"{self.url}/request", method="post"
        )

    def act_honestly(self) -> None:
        """Everything as it should be."""
        self.seen.clear()
        self.copies = honest_copies
        self.request = lambda token: token
        self.pages = {
            "/.well-known/did.json": self.json(create_document(self.did, {"key-1": self.signer.public})),
            "/offer": self.json(self.offer()),
            "/.well-known/openid-credential-issuer": self.json(self.issuer()),
            "/.well-known/oauth-authorization-server": self.json(self.server()),
            "/token": self.json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 600}),
            "/nonce": self.json({"c_nonce": NONCE}),
            "/credential": self.issue,
            "/request": self.ask,
            "/trust-list": self.token(self.trust_list(), "trust-list+jwt"),
            "/status-lists": self.json({"status_lists": [f"{self.url}/status-lists/1"]}),
            "/status-lists/1": self.token(self.status_list(), "statuslist+jwt"),
            "/terms": self.json(self.terms),
            **{f"/layers/{kind}": web.Response(body=octets) for kind, octets in LAYERS.items()},
        }

    def json(self, body: object, *, status: int = 200) -> web.Response:
        return web.Response(body=write_json(body), content_type="application/json", status=status)

    def token(self, token: Token, kind: str) -> web.Response:
        return web.Response(body=token.text().encode(), content_type=f"application/{kind}")

    def signed(self, typ: str, claims: Mapping[str, Json]) -> Token:
        return Token(header={"alg": "ES256", "typ": typ, "kid": self.signer.key_id}, payload=claims, by=self.signer)

    # --- the issuer

    def offer(self) -> dict[str, Any]:
        grant = {"pre-authorized_code": CODE, "tx_code": {"length": 6, "input_mode": "numeric"}}
        return {
            "credential_issuer": self.url,
            "credential_configuration_ids": ["contact"],
            "grants": {PRE_AUTHORIZED: grant},
        }

    def issuer(self) -> dict[str, Any]:
        configuration = {
            "format": "dc+sd-jwt",
            "vct": CONTACT.vct,
            "cryptographic_binding_methods_supported": ["jwk"],
            "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
        }
        return {
            "credential_issuer": self.url,
            "credential_endpoint": f"{self.url}/credential",
            "nonce_endpoint": f"{self.url}/nonce",
            "batch_credential_issuance": {"batch_size": 2},
            "credential_configurations_supported": {"contact": configuration},
        }

    def server(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "pre-authorized_grant_anonymous_access_supported": True,
        }

    async def issue(self, request: web.Request) -> web.Response:
        proofs = json.loads(await request.read())["proofs"]["jwt"]
        keys = [PublicKey.from_jwk(json.loads(from_b64url(text.split(".")[0]))["jwk"]) for text in proofs]
        return self.json({"credentials": [{"credential": text} for text in await self.copies(self, keys)]})

    # --- the vendor

    async def ask(self, request: web.Request) -> web.Response:
        form = await request.post()
        claims: dict[str, Json] = {
            "response_type": "vp_token",
            "response_mode": "direct_post.jwt",
            "client_id": client_id_of(self.did, key_sources=KEY_SOURCES).full,
            "aud": "https://self-issued.me/v2",
            "response_uri": f"{self.url}/response",
            "nonce": NONCE,
            "wallet_nonce": str(form.get("wallet_nonce", "")),
            "iat": timed(self.clock()),
            "exp": timed(self.clock() + timedelta(minutes=30)),
            "dcql_query": {
                "credentials": [
                    {
                        "id": "contact",
                        "format": "dc+sd-jwt",
                        "meta": {"vct_values": [CONTACT.vct]},
                        "claims": [{"path": ["email"]}],
                    }
                ]
            },
            "client_metadata": {
                "jwks": {"keys": [public_encryption_key(ENCRYPTION)]},
                "vp_formats_supported": {"dc+sd-jwt": {}},
            },
        }
        return self.token(self.request(self.signed("oauth-authz-req+jwt", claims)), "oauth-authz-req+jwt")

    # --- the publisher

    def trust_list(self) -> Token:
        entry: Json = {
            "id": self.did,
            "name": "Harbour Town",
            "vcts": [CONTACT.vct],
            "status_lists": f"{self.url}/status-lists",
        }
        return self.signed(
            "trust-list+jwt",
            {
                "iss": self.did,
                "iat": timed(NOW),
                "exp": timed(NOW + timedelta(days=30)),
                "issuers": [entry],
                "terms": [{"id": self.terms["id"], "url": f"{self.url}/terms"}],
            },
        )

    def status_list(self, packed: bytes = bytes(64)) -> Token:
        return self.signed(
            "statuslist+jwt",
            {
                "sub": f"{self.url}/status-lists/1",
                "iat": timed(NOW),
                "exp": timed(NOW + timedelta(days=30)),
                "ttl": 3600,
                "status_list": {"bits": 2, "lst": b64url(zlib.compress(packed))},
            },
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        found = self.pages.get(request.path)
        if found is None:
            return web.Response(status=404)
        if not isinstance(found, web.Response):
            return await found(request)
        body = found.body
        assert isinstance(body, bytes)
        headers = {name: value for name, value in found.headers.items() if name != "Content-Length"}
        return web.Response(status=found.status, headers=headers, body=body)  # a response is sent once


async def honest_copies(stage: Stage, keys: list[PublicKey]) -> list[str]:
    """One copy for each key, as an issuer makes them."""
    return [await copy(stage, key, place) for place, key in enumerate(keys)]


async def copy(stage: Stage, key: PublicKey | None, place: int, *, by: SoftwareSigner | None = None) -> str:
    filled = CONTACT.fill(CONTACT_VALUES, issuer=stage.did, now=NOW, status=None)
    if CONTACT.has_status:
        from didkit_py.credentials.credential import StatusReference  # noqa: PLC0415

        filled = replace(filled, status=StatusReference(uri=f"{stage.url}/status-lists/1", index=place))
    salts = iter(sha256(f"{place} {number}".encode())[:16] for number in range(1_000))
    return (await secure(filled, holder_key=key, salts=lambda: next(salts), signer=by or stage.signer)).text


@dataclass(frozen=True, slots=True, kw_only=True)
class Theatre:
    """The stage, the wallet and the person before it."""

    stage: Stage
    parts: WalletContext
    person: Person
    folder: Path

    async def open_offer(self) -> Page:
        return await self.person.fill("/receive", offer=self.stage.offer_link)

    async def take_offer(self, page: Page) -> Page:
        return await self.person.submit(page, page.form("tx_code"), ("tx_code", TX_CODE))

    async def open_request(self) -> Page:
        return await self.person.fill("/answer", request=self.stage.request_link)

    async def refresh(self) -> Page:
        page = await self.person.get("/rules")
        return await self.person.submit(page, next(one for one in page.forms if one.action == "/lists/refresh"))

    def trust(self) -> TrustList:
        return self.parts.lists().trust


@asynccontextmanager
async def open_theatre(folder: Path) -> AsyncIterator[Theatre]:
    """A wallet that is open, with fresh lists; all it can reach is the stage."""
    port, wallet_port = free_port(), free_port()
    url = f"http://localhost:{port}"
    clock = Clock(now=NOW)
    settings: dict[str, str | int | tuple[str, ...]] = {
        "name": "Sally's wallet",
        "base_url": f"http://localhost:{wallet_port}",
        "port": wallet_port,
        "loopback_origins": (url,),
        "trust_list_url": f"{url}/trust-list",
        "trust_list_signer": web_did(url),
    }
    create_folder(folder / "wallet", settings=settings, passphrase=PASSPHRASE)
    stage = Stage(port=port, terms=await _terms(url), clock=clock)
    app = create_app(folder / "wallet", load_settings(folder / "wallet"), clock=clock)
    on_stage = web.Application()
    on_stage.router.add_route("*", "/{path:.*}", stage.answer)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(on_stage, port))
        await stack.enter_async_context(serving(app, wallet_port))
        jar = aiohttp.CookieJar(unsafe=True)
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        person = Person(url=f"http://localhost:{wallet_port}", session=session)
        await person.unlock()
        theatre = Theatre(stage=stage, parts=app[PARTS], person=person, folder=folder / "wallet")
        await theatre.refresh()
        yield theatre


async def _terms(url: str) -> Mapping[str, Json]:
    """The terms of the cast, published by the stage."""
    draft: dict[str, Any] = terms_draft(publisher=web_did(url))
    for entry in draft["layers"]["human"]["documents"]:
        entry.update(href=f"{url}/layers/human", digest=digest(LAYERS["human"]))
    for entry in draft["layers"]["lawyer"]:
        entry.update(href=f"{url}/layers/lawyer", digest=digest(LAYERS["lawyer"]))
    body = await create_terms(draft, signer=signer(7, f"{web_did(url)}#key-1"))
    assert body["id"] == address(body)
    return body
