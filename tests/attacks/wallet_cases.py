"""What hostile issuers, vendors and publishers try on a wallet, each in exactly one thing."""

import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from aiohttp import web

from didkit_py.encoding import Json, b64url, write_json
from didkit_py.keys.public import PublicKey
from tests.attacks.forging import FORGER, NOW, Token, all_of_tokens, header, payload, signed_by, timed
from tests.attacks.plain_messages import put
from tests.attacks.stage import Stage, copy

Change: TypeAlias = Callable[[Stage], str | None]  # changes the stage, or gives another link


@dataclass(frozen=True, slots=True)
class WalletCase:
    """One row of the table; `name` is a sentence."""

    name: str
    change: Change
    status: int  # of the page that the person sees
    spec: str


def page(path: str, **given: Any) -> Change:
    """Another answer at a path."""

    def change(stage: Stage) -> None:
        stage.pages[path] = web.Response(**given)

    return change


def message(path: str, make: Callable[[Stage], Any]) -> Change:
    """Another JSON message at a path."""

    def change(stage: Stage) -> None:
        stage.pages[path] = stage.json(make(stage))

    return change


def link(make: Callable[[Stage], str]) -> Change:
    return make


def transport(path: str, *, big: int) -> tuple[tuple[str, Change, int, str], ...]:
    """What any server can do wrong, whatever the message."""
    json = {"content_type": "application/json"}
    bomb = gzip.compress(b" " * 20_000_000)
    return (
        (f"{path} that is not there", page(path, status=404), 503, "RFC 9110, 15.5.5"),
        (f"{path} that fails", page(path, status=500), 503, "RFC 9110, 15.6"),
        (
            f"{path} that leads elsewhere",
            page(path, status=302, headers={"Location": "http://localhost:1/x"}),
            503,
            "errata of OpenID4VP 1.0",
        ),
        (f"{path} that is a web page", page(path, text="<html></html>", content_type="text/html"), 400, "RFC 8259"),
        (f"{path} that is no JSON", page(path, body=b"{", **json), 400, "RFC 8259"),
        (f"{path} with a member twice", page(path, body=b'{"a":1,"a":2}', **json), 400, "RFC 8259, 4"),
        (f"{path} that is a list", page(path, body=b"[]", **json), 400, "RFC 8259"),
        (f"{path} nested too deep", page(path, body=b"[" * 5_000, **json), 400, "RFC 8259, 9"),
        (f"{path} beyond its size", page(path, body=b" " * big, **json), 400, "RFC 8259, 9"),
        (
            f"{path} that unfolds to twenty megabytes",
            page(path, body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}),
            503,
            "CVE-2026-39373",
        ),
    )


def by_value(offer: object) -> str:
    return f"openid-credential-offer://?credential_offer={quote(write_json(offer).decode())}"


def by_reference(address: str) -> Change:
    return link(lambda _: f"openid-credential-offer://?credential_offer_uri={quote(address, safe='')}")


OFFER: Final = "/offer"
ISSUER: Final = "/.well-known/openid-credential-issuer"
SERVER: Final = "/.well-known/oauth-authorization-server"
VCI: Final = "OpenID4VCI 1.0, 12.2"
OFFERS: Final = tuple(
    WalletCase(*row)
    for row in (
        *transport(OFFER, big=20_000),
        *transport(ISSUER, big=600_000),
        *transport(SERVER, big=600_000),
        ("an offer that is no link", link(lambda _: "hello"), 400, "OpenID4VCI 1.0, 4.1"),
        ("an offer that is a script", link(lambda _: "javascript:alert(1)"), 400, "OpenID4VCI 1.0, 4.1"),
        ("an offer at this machine's metadata service", by_reference("http://169.254.169.254/x"), 400, "SSRF"),
        ("an offer at a private address", by_reference("https://10.0.0.1/x"), 400, "SSRF"),
        ("an offer at another port of this machine", by_reference("http://localhost:1/x"), 400, "SSRF"),
        ("an offer at this machine by number", by_reference("http://127.0.0.1:1/x"), 400, "SSRF"),
        ("an offer in a file", by_reference("file:///etc/passwd"), 400, "SSRF"),
        (
            "an offer of another issuer on this machine",
            message(OFFER, lambda s: put("credential_issuer", "http://localhost:1")(s.offer())),
            400,
            "SSRF",
        ),
        (
            "an offer of what the issuer does not list",
            message(OFFER, lambda s: put("credential_configuration_ids", ["x"])(s.offer())),
            400,
            "OpenID4VCI 1.0, 4.1.1",
        ),
        (
            "an offer by another grant",
            message(OFFER, lambda s: put("grants", {})(s.offer())),
            400,
            "OpenID4VCI 1.0, 4.1.1",
        ),
        (
            "the metadata of another issuer",
            message(ISSUER, lambda s: put("credential_issuer", "https://x.example")(s.issuer())),
            400,
            VCI,
        ),
        (
            "a credential endpoint in a script",
            message(ISSUER, lambda s: put("credential_endpoint", "javascript:x")(s.issuer())),
            400,
            VCI,
        ),
        (
            "a batch of ten million",
            message(ISSUER, lambda s: put("batch_credential_issuance", {"batch_size": 10**7})(s.issuer())),
            400,
            VCI,
        ),
        ("an issuer that binds to no key", message(ISSUER, lambda s: unbound(s.issuer())), 400, VCI),
        (
            "the metadata of another server",
            message(SERVER, lambda s: put("issuer", "https://x.example")(s.server())),
            400,
            "RFC 8414, 3.3",
        ),
    )
)


def unbound(body: Any) -> Any:
    for name in ("cryptographic_binding_methods_supported", "proof_types_supported"):
        del body["credential_configurations_supported"]["contact"][name]
    return body


# --- after the code was typed

CopyMaker: TypeAlias = Callable[[Stage, list[PublicKey]], Awaitable[list[str]]]


def copies(make: CopyMaker) -> Change:
    """Other credentials than the ones that were asked for."""

    def change(stage: Stage) -> None:
        stage.copies = make

    return change


def tokens(change: Callable[[Token], Token]) -> Change:
    """The first copy with another issuer-signed token."""

    async def make(stage: Stage, keys: list[PublicKey]) -> list[str]:
        texts = [await copy(stage, key, place) for place, key in enumerate(keys)]
        issued, tilde, rest = texts[0].partition("~")
        return [change(Token.of(issued, stage.signer)).text() + tilde + rest, *texts[1:]]

    return copies(make)


async def for_one_key(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, keys[0], place) for place in range(len(keys))]


async def for_a_stranger(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, FORGER.public, 0)]


async def for_nobody(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, None, 0)]


async def with_one_salt(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, key, 0) for key in keys]


async def by_a_forger(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, keys[0], 0, by=FORGER)]


async def one_too_many(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [*[await copy(stage, key, place) for place, key in enumerate(keys)], await copy(stage, keys[0], 9)]


async def cut(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [(await copy(stage, keys[0], 0)).rstrip("~")]


async def with_a_stray_disclosure(stage: Stage, keys: list[PublicKey]) -> list[str]:
    return [await copy(stage, keys[0], 0) + b64url(b'["salt","x",1]') + "~"]


DOCUMENT: Final = "/.well-known/did.json"
ISSUING: Final = "OpenID4VCI 1.0, 8.3"
TAKEN: Final = tuple(
    WalletCase(*row)
    for row in (
        *transport("/token", big=300_000),
        *transport("/nonce", big=300_000),
        (
            "a token of another kind",
            message("/token", lambda _: {"access_token": "x", "token_type": "DPoP"}),
            400,
            "RFC 6750, 4",
        ),
        ("an answer without token", message("/token", lambda _: {"token_type": "Bearer"}), 400, "RFC 6749, 5.1"),
        (
            "an error with a script as its name",
            page("/token", status=400, body=b'{"error":"<script>alert(1)</script>"}', content_type="application/json"),
            503,
            "RFC 6749, 5.2",
        ),
        (
            "an answer that comes later",
            message("/credential", lambda _: {"transaction_id": "x", "interval": 5}),
            503,
            "OpenID4VCI 1.0, 9",
        ),
        ("an answer with no credential", copies(lambda *_: nothing()), 400, ISSUING),
        ("a credential for a stranger's key", copies(for_a_stranger), 400, ISSUING),
        ("a credential for no key", copies(for_nobody), 400, ISSUING),
        ("two credentials for one key", copies(for_one_key), 400, ISSUING),
        ("more credentials than proofs", copies(one_too_many), 400, ISSUING),
        ("two copies with one salt", copies(with_one_salt), 400, "RFC 9901, 10.1"),
        ("a credential by a forger", copies(by_a_forger), 400, "RFC 7515, 5.2"),
        ("a credential that is cut", copies(cut), 400, "RFC 9901, 4"),
        ("a credential with a disclosure that nobody signed", copies(with_a_stray_disclosure), 400, "RFC 9901, 7.1"),
        ("a credential with alg none", tokens(header(alg="none")), 400, "RFC 8725, 3.1"),
        ("a credential with crit", tokens(header(crit=["x"])), 400, "RFC 7515, 4.1.11"),
        ("a credential of another type of token", tokens(header(typ="JWT")), 400, "RFC 8725, 3.11"),
        ("a credential of another type", tokens(payload(vct="urn:x")), 400, ISSUING),
        ("a credential in another issuer's name", tokens(payload(iss="did:web:x.example")), 400, ISSUING),
        ("a credential in the name of a key", tokens(payload(iss="did:jwk:e30")), 400, ISSUING),
        ("a credential whose time is over", tokens(payload(exp=timed(NOW))), 400, "RFC 7519, 4.1.4"),
        ("copies that say different things", tokens(payload(kinds=["phone"])), 400, ISSUING),
        (
            "the key document of another party",
            message(DOCUMENT, lambda _: {"id": "did:web:x.example"}),
            400,
            "DID Core 1.0, 5.1.1",
        ),
        (
            "a key document beyond its size",
            page(DOCUMENT, body=b" " * 100_000, content_type="application/json"),
            400,
            "did:web, 3",
        ),
        ("a key document without keys", message(DOCUMENT, lambda s: {"id": s.did}), 400, "DID Core 1.0, 5.3"),
    )
)


async def nothing() -> list[str]:
    return []


# --- requests


def request(*changes: Callable[[Token], Token]) -> Change:
    def change(stage: Stage) -> None:
        stage.request = all_of_tokens(*changes)

    return change


def request_at(address: str) -> Change:
    def make(stage: Stage) -> str:
        client = quote(f"decentralized_identifier:{stage.did}", safe="")
        return f"openid4vp://?client_id={client}&request_uri={quote(address, safe='')}&request_uri_method=post"

    return make


VP: Final = "OpenID4VP 1.0"
ASKED: Final = "/request"
REQUESTS: Final = tuple(
    WalletCase(*row)
    for row in (
        ("a request that is not there", page(ASKED, status=404), 503, "RFC 9110, 15.5.5"),
        ("a request that leads elsewhere", page(ASKED, status=302, headers={"Location": "/x"}), 503, "errata"),
        (
            "a request beyond its size",
            page(ASKED, body=b"x" * 300_000, content_type="application/oauth-authz-req+jwt"),
            400,
            VP,
        ),
        ("a request that is no token", page(ASKED, body=b"x", content_type="application/oauth-authz-req+jwt"), 400, VP),
        (
            "a request that is no text",
            page(ASKED, body=b"\xff\xfe", content_type="application/oauth-authz-req+jwt"),
            400,
            VP,
        ),
        ("a request that is plain JSON", page(ASKED, body=b"{}", content_type="application/json"), 400, "RFC 9101, 4"),
        ("a request that is a web page", page(ASKED, body=b"<html>", content_type="text/html"), 400, "RFC 9101, 4"),
        ("a request from elsewhere", request_at("https://x.example/request"), 400, f"{VP}, 15.4.1"),
        ("a request at another port of this machine", request_at("http://localhost:1/request"), 400, "SSRF"),
        ("a request of no link", link(lambda _: "hello"), 400, VP),
        ("a request with alg none", request(header(alg="none")), 400, "RFC 8725, 3.1"),
        ("a request by HMAC with the public key", request(header(alg="HS256")), 400, "RFC 8725, 3.1"),
        ("a request signed by a forger", request(signed_by(FORGER)), 400, "RFC 7515, 5.2"),
        (
            "a request that brings its own key",
            request(header(jwk=FORGER.public.to_jwk()), signed_by(FORGER)),
            400,
            "RFC 8725, 3.10",
        ),
        ("a request with crit", request(header(crit=["x"])), 400, "RFC 7515, 4.1.11"),
        ("a request of another type of token", request(header(typ="JWT")), 400, "RFC 8725, 3.11"),
        (
            "a request made for another wallet",
            request(payload(wallet_nonce="another-wallets-nonce-aaaa")),
            400,
            f"{VP}, 5.10.1",
        ),
        (
            "a request that was made yesterday",
            request(payload(iat=timed(NOW - timedelta(days=1)), exp=timed(NOW - timedelta(hours=23, minutes=40)))),
            400,
            "RFC 7519, 4.1.4",
        ),
        ("a request that lives for a day", request(payload(exp=timed(NOW + timedelta(days=1)))), 400, VP),
        (
            "a request for an answer elsewhere",
            request(payload(response_uri="https://x.example/response")),
            400,
            f"{VP}, 14.3.1",
        ),
        ("a request for an answer in the clear", request(payload(response_mode="direct_post")), 400, f"{VP}, 8.3"),
        ("a request with unknown transaction data", request(payload(transaction_data=["e30"])), 400, f"{VP}, 8.4"),
        ("a request with a short nonce", request(payload(nonce="1")), 400, f"{VP}, 5.2"),
        (
            "a request of another client",
            request(payload(client_id="decentralized_identifier:did:web:x.example")),
            400,
            f"{VP}, 5.10.1",
        ),
        ("a request without query", request(payload(dcql_query=...)), 400, f"{VP}, 5.1"),
        (
            "a vendor whose key document is another's",
            message(DOCUMENT, lambda _: {"id": "did:web:x.example"}),
            400,
            "DID Core 1.0, 5.1.1",
        ),
        ("a vendor whose key document is not there", page(DOCUMENT, status=404), 503, "did:web, 3"),
    )
)

# --- public lists: the last good ones stay


def listed(*changes: Callable[[Token], Token]) -> Change:
    def change(stage: Stage) -> None:
        stage.pages["/trust-list"] = stage.token(all_of_tokens(*changes)(stage.trust_list()), "trust-list+jwt")

    return change


def statuses(*changes: Callable[[Token], Token]) -> Change:
    def change(stage: Stage) -> None:
        stage.pages["/status-lists/1"] = stage.token(all_of_tokens(*changes)(stage.status_list()), "statuslist+jwt")

    return change


BOMB: Final[dict[str, Json]] = {"bits": 2, "lst": b64url(zlib.compress(bytes(8_388_608), level=9))}
LISTS: Final = tuple(
    WalletCase(*row)
    for row in (
        ("a trust list that is not there", page("/trust-list", status=404), 200, "trust list"),
        (
            "a trust list that leads elsewhere",
            page("/trust-list", status=301, headers={"Location": "/x"}),
            200,
            "trust list",
        ),
        ("a trust list beyond its size", page("/trust-list", body=b"x" * 500_000), 200, "trust list"),
        ("a trust list by a forger", listed(signed_by(FORGER)), 200, "trust list"),
        ("a trust list with alg none", listed(header(alg="none")), 200, "RFC 8725, 3.1"),
        ("a trust list of another publisher", listed(payload(iss="did:web:x.example")), 200, "trust list"),
        ("a trust list whose time is over", listed(payload(exp=timed(NOW - timedelta(days=1)))), 200, "trust list"),
        ("a trust list of the future", listed(payload(iat=timed(NOW + timedelta(days=1)))), 200, "trust list"),
        (
            "a trust list that is older than the one held",
            listed(payload(iat=timed(NOW - timedelta(days=1)), issuers=[])),
            200,
            "trust list",
        ),
        ("a status list that is not there", page("/status-lists/1", status=500), 200, "Token Status List, 8.1"),
        ("a status list by a forger", statuses(signed_by(FORGER)), 200, "Token Status List, 8.3"),
        (
            "a status list for another address",
            statuses(payload(sub="https://x.example")),
            200,
            "Token Status List, 8.3",
        ),
        (
            "a status list that unfolds to eight megabytes",
            statuses(payload(status_list=BOMB)),
            200,
            "Token Status List, 4.2",
        ),
        ("terms with another word", message("/terms", lambda s: {**s.terms, "version": "1.1"}), 200, "terms document"),
        ("terms beyond their size", page("/terms", body=b" " * 200_000), 200, "terms document"),
        (
            "a text of the terms with one byte changed",
            page("/layers/human", body=b"# Terms of sharing 1.0\n\nFor anything.\n"),
            200,
            "terms document",
        ),
        ("a text of the terms of two megabytes", page("/layers/human", body=b" " * 2_000_000), 200, "terms document"),
    )
)
