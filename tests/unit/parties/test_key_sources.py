"""Another kind of party is one file and one row: issuers, a trust list and a vendor without any DID, over real HTTP.

The table holds no DIDs here, so that whatever looked one up by itself would fail.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from didkit_py.consent.decision import Outcome
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import template_named
from didkit_py.encoding import Json, timestamp, write_json
from didkit_py.errors import (
    BadDid,
    BadRequestObject,
    BadSignature,
    DidkitError,
    Revoked,
    UnknownKey,
    Unreachable,
    Untrusted,
)
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, secure
from didkit_py.formats.table import FORMATS
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.client_id import client_id_of, parse_client_id
from didkit_py.oid4vp.link import create_request_link, create_request_uri_form, parse_request_link
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.oid4vp.request import (
    PresentationRequest,
    RequestLink,
    VerifiedRequest,
    create_request_object,
    fault,
    parse_request_object,
    verify_request_object,
)
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.self_check import check_request
from didkit_py.service.fetching.evidence import fetch_keys, fetch_lists, gather, read_lists
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.status.states import Status
from didkit_py.status.token_list import StatusListAggregation, create_status_list
from didkit_py.trust import TYP, TrustList
from didkit_py.verification import Evidence, KeyBinding, VerifiedCredential, verify_credential
from tests.unit.oid4vp.asking import ENCRYPTION_JWK, WALLET_NONCE, claims
from tests.unit.parties.web_keys import MEDIA_TYPE, WEB_KEYS

WEB_ALONE: Final = KeySources((WEB_KEYS,))
NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
STANDING: Final = template_named("insurer-good-standing")
VALUES: Final[dict[str, Json]] = {
    "standing": "good",
    "period": {"from": "2026-01-01", "to": "2026-12-31"},
    "lines": ["motor"],
    "since_band": "5+ years",
}
PARTIES: Final = ("publisher", "insurer", "maker", "shop")


def signer_of(name: str) -> SoftwareSigner:
    """The key of a party; its id names no party, and all have the same."""
    return SoftwareSigner.from_secret(name.encode().rjust(32, b"\x01"), key_id="key-1")


@dataclass
class Web:
    """One server with a publisher, two issuers and a vendor, each an https URL (http on loopback)."""

    origin: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    accepted: dict[str, str] = field(default_factory=dict)  # what was asked for, by path

    def party(self, name: str) -> str:
        return f"{self.origin}/{name}"

    async def answer(self, request: web.Request) -> web.Response:
        self.accepted[request.path] = request.headers.get("Accept", "")
        if request.path in self.gone:
            return web.Response(status=410)
        body = self.files.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    async def publish(self) -> None:
        for name in PARTIES:
            jwk = {**signer_of(name).public.to_jwk(), "kid": "key-1"}
            self.files[f"/.well-known/web-keys/{name}"] = write_json({"issuer": self.party(name), "keys": [jwk]})
        listed: list[Json] = [
            {
                "id": self.party(name),
                "name": name,
                "vcts": [STANDING.vct],
                "status_lists": f"{self.origin}/{name}/status-lists",
            }
            for name in ("insurer", "maker")
        ]
        body: dict[str, Json] = {"iss": self.party("publisher"), "issuers": listed, "terms": []}
        body |= {"iat": timestamp(NOW), "exp": timestamp(NOW + timedelta(days=7))}
        self.files["/trust-list"] = (await sign_compact(body, typ=TYP, signer=signer_of("publisher"))).encode()
        for name in ("insurer", "maker"):
            uris = StatusListAggregation(status_lists=(self.uri(name),))
            self.files[f"/{name}/status-lists"] = write_json(uris.to_json())
            await self.publish_status(name, {})

    def uri(self, name: str) -> str:
        return f"{self.party(name)}/status-lists/1"

    async def publish_status(self, name: str, statuses: dict[int, int], *, signer: str = "") -> None:
        text = await create_status_list(
            statuses,
            size=1024,
            bits=2,
            uri=self.uri(name),
            signer=signer_of(signer or name),
            now=NOW,
            ttl=timedelta(hours=12),
            lifetime=timedelta(days=7),
        )
        self.files[f"/{name}/status-lists/1"] = text.encode()

    async def credential(self, name: str, *, signer: SoftwareSigner | None = None) -> str:
        filled = STANDING.fill(
            VALUES,
            issuer=self.party(name),
            now=NOW - timedelta(days=1),
            status=StatusReference(uri=self.uri(name), index=7),
        )
        salts = iter(range(256))
        secured = await secure(
            filled,
            holder_key=signer_of("holder").public,
            salts=lambda: bytes([next(salts)] * 16),
            signer=signer or signer_of(name),
        )
        return secured.text

    @property
    def lists_at(self) -> dict[str, str]:
        return {"trust_list_url": f"{self.origin}/trust-list", "trust_list_signer": self.party("publisher")}

    async def lists(self, fetcher: Fetcher) -> TrustedLists:
        sources = await fetch_lists(fetcher, **self.lists_at, key_sources=WEB_ALONE, now=NOW)
        return read_lists(sources, **self.lists_at, key_sources=WEB_ALONE, now=NOW)

    async def judged(self, text: str, *, known: bool = True) -> VerifiedCredential:
        """The verdict of a vendor that has the lists, or only knows whom to trust and fetches the rest."""
        async with Fetcher({self.origin}) as fetcher:
            lists = await self.lists(fetcher)
            if not known:
                lists = TrustedLists(
                    trust=lists.trust,
                    key_sources=WEB_ALONE,
                    parties={},
                    status_lists={},
                    fetched_at={},
                    terms={},
                    layers={},
                    faults={},
                    sources=(),
                )
            evidence = await gather(fetcher, SD_JWT_VC.parse(text), lists, now=NOW)
        return verify_credential(
            text, evidence=evidence, now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
        )

    def request(self) -> PresentationRequest:
        return PresentationRequest(
            client_id=client_id_of(self.party("shop"), key_sources=WEB_ALONE),
            response_uri=f"{self.origin}/response",
            nonce="b3JkaW5hcnktbm9uY2UtMTI4Yml0",
            state="af0ifjsldkj",
            query=DcqlQuery.from_json(claims()["dcql_query"], formats=FORMATS),
            encryption_jwk=ENCRYPTION_JWK,
            issued_at=NOW,
            expires_at=NOW + timedelta(minutes=30),
            wallet_nonce=WALLET_NONCE,
        )

    async def verified(self, text: str, *, key_sources: KeySources = WEB_ALONE) -> VerifiedRequest:
        """What a wallet makes of the request, from the link on."""
        made = create_request_link(self.request().client_id, f"{self.origin}/requests/1")
        link = parse_request_link(made, key_sources=key_sources)
        unverified = parse_request_object(text, link=link, key_sources=key_sources)
        async with Fetcher({self.origin}) as fetcher:
            keys = await fetch_keys(fetcher, unverified.client_id.identifier, key_sources=key_sources)
        return verify_request_object(
            unverified, client_keys=keys, formats=FORMATS, expected_wallet_nonce=WALLET_NONCE, now=NOW
        )


@pytest.fixture
async def world() -> AsyncIterator[Web]:
    world = Web()
    app = web.Application()
    app.router.add_get("/{tail:.*}", world.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        world.origin = f"http://127.0.0.1:{server.port}"
        await world.publish()
        yield world


# A credential whose issuer is an https URL


@pytest.mark.parametrize("known", [True, False])
async def test_a_credential_of_an_issuer_that_is_a_url_verifies(world: Web, known: bool) -> None:  # noqa: FBT001
    verified = await world.judged(await world.credential("insurer"), known=known)
    assert (verified.issuer, verified.issuer_name) == (world.party("insurer"), "insurer")
    assert world.accepted["/.well-known/web-keys/insurer"] == MEDIA_TYPE


async def test_its_lists_say_by_whom_they_were_proven(world: Web) -> None:
    async with Fetcher({world.origin}) as fetcher:
        lists = await world.lists(fetcher)
    assert lists.faults == {}
    assert set(lists.parties) == {world.party(name) for name in ("publisher", "insurer", "maker")}
    assert {keys.proven_by for keys in lists.parties.values()} == {"web-keys"}
    assert {one.issuer for one in lists.status_lists.values()} == {world.party("insurer"), world.party("maker")}


@pytest.mark.parametrize("known", [True, False])
async def test_its_status_list_revokes_it(world: Web, known: bool) -> None:  # noqa: FBT001
    await world.publish_status("insurer", {7: Status.INVALID})
    with pytest.raises(Revoked):
        await world.judged(await world.credential("insurer"), known=known)


@pytest.mark.parametrize("known", [True, False])
async def test_a_status_list_that_another_issuer_signed_is_none(world: Web, known: bool) -> None:  # noqa: FBT001
    await world.publish_status("insurer", {}, signer="maker")
    with pytest.raises(Unreachable, match="status list"):
        await world.judged(await world.credential("insurer"), known=known)


@pytest.mark.parametrize(
    ("signer", "error"),
    [
        (signer_of("maker"), BadSignature),
        (SoftwareSigner.from_secret(b"\x07" * 32, key_id="key-2"), UnknownKey),
        (SoftwareSigner.from_secret(b"\x07" * 32, key_id="did:web:evil.example#key-1"), UnknownKey),
    ],
)
async def test_a_credential_that_another_key_signed_does_not(
    world: Web, signer: SoftwareSigner, error: type[DidkitError]
) -> None:
    with pytest.raises(error):
        await world.judged(await world.credential("insurer", signer=signer))


async def test_an_issuer_whose_keys_are_gone_is_untrusted(world: Web) -> None:
    text = await world.credential("insurer")
    world.gone.add("/.well-known/web-keys/insurer")
    for known in (True, False):
        with pytest.raises(Untrusted, match="withdrawn"):
            await world.judged(text, known=known)


async def test_the_programs_own_table_refuses_such_issuers(world: Web) -> None:
    async with Fetcher({world.origin}) as fetcher:
        with pytest.raises(BadDid):
            await fetch_lists(fetcher, **world.lists_at, key_sources=KEY_SOURCES, now=NOW)


# A request whose client has another prefix


async def test_a_request_of_a_client_with_another_prefix_is_verified(world: Web) -> None:
    request = world.request()
    assert request.client_id.full == f"web_keys:{world.party('shop')}"
    verified = await world.verified(await create_request_object(request, formats=FORMATS, signer=signer_of("shop")))
    assert verified.request == request
    assert verified.kid == "key-1"


async def test_a_wallet_tells_the_prefixes_that_it_knows() -> None:
    both = KeySources((*KEY_SOURCES.rows, WEB_KEYS))
    form = create_request_uri_form(WALLET_NONCE, formats=FORMATS, key_sources=both)
    assert '"client_id_prefixes_supported":["decentralized_identifier","web_keys"]' in form["wallet_metadata"]


async def test_a_request_that_another_signed_is_not_the_clients(world: Web) -> None:
    with pytest.raises(BadSignature):
        await world.verified(await create_request_object(world.request(), formats=FORMATS, signer=signer_of("maker")))
    text = await sign_compact(
        world.request().to_json(formats=FORMATS),
        typ="oauth-authz-req+jwt",
        signer=SoftwareSigner.from_secret(b"\x07" * 32, key_id="did:web:evil.example#key-1"),
    )
    with pytest.raises(BadRequestObject) as caught:
        await world.verified(text)
    assert fault(caught.value) == "vrf.unauthenticated"


async def test_a_prefix_without_a_row_is_refused_as_ever(world: Web) -> None:
    text = await create_request_object(world.request(), formats=FORMATS, signer=signer_of("shop"))
    link = RequestLink(client_id=world.request().client_id.full, request_uri=f"{world.origin}/requests/1")
    with pytest.raises(BadRequestObject, match="expected the prefix decentralized_identifier") as caught:
        parse_request_object(text, link=link, key_sources=KEY_SOURCES)
    assert fault(caught.value) == "vrf.unauthenticated"


def test_a_prefix_serves_only_the_identifiers_of_its_source() -> None:
    with pytest.raises(BadDid):
        parse_client_id("web_keys:did:web:dealer.example", key_sources=KeySources((*KEY_SOURCES.rows, WEB_KEYS)))
    with pytest.raises(BadDid):
        parse_client_id(
            "decentralized_identifier:https://dealer.example", key_sources=KeySources((*KEY_SOURCES.rows, WEB_KEYS))
        )


@pytest.mark.parametrize(("key_sources", "authentic"), [(WEB_ALONE, True), (KEY_SOURCES, False)])
async def test_a_wallet_would_judge_what_such_a_client_asks(
    world: Web,
    key_sources: KeySources,
    authentic: bool,  # noqa: FBT001
) -> None:
    nobody = TrustList(publisher="", issued_at=NOW, expires_at=NOW, issuers={})
    async with Fetcher({world.origin}) as fetcher:
        decision = await check_request(
            await create_request_object(world.request(), formats=FORMATS, signer=signer_of("shop")),
            fetch_keys=lambda party: fetch_keys(fetcher, party, key_sources=key_sources),
            key_sources=key_sources,
            formats=FORMATS,
            evidence=Evidence(trust=nobody, key_sources=key_sources),
            terms={},
            now=NOW,
        )
    assert decision.outcome is Outcome.REFUSE
    assert ("vrf.unauthenticated" in decision.codes) is not authentic
    assert ("agr.missing" in decision.codes) is authentic  # it is judged like any vendor's
