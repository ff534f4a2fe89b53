"""Mallory: a wallet and a vendor of her own, written with jwcrypto and the standard library alone.

As a holder she is a member of the credit union like others, and shows that a foreign wallet is served. Then she changes
what she holds, and repeats what she sent. As a vendor she borrows another vendor's promise for a request of her own.
"""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

from jwcrypto import jwe, jwk, jws

GRANT: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
COPIES: Final = 3


def encode(octets: bytes) -> str:
    """base64url."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Back from base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(claims: dict[str, Any], header: dict[str, Any], key: jwk.JWK) -> str:
    """A compact ES256 token."""
    token = jws.JWS(json.dumps(claims).encode())
    token.add_signature(key, None, json.dumps({"alg": "ES256", **header}), None)
    return str(token.serialize(compact=True))


def http_json(url: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of an answer, whatever the status."""
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read() or b"null")


@dataclass(slots=True)
class ForeignWallet:
    """Documents, each with the key that it is bound to."""

    held: list[tuple[str, jwk.JWK]] = field(default_factory=list)

    def receive(self, link: str, tx_code: str) -> None:
        """Take an offer by OpenID4VCI 1.0."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        _, offer = http_json(query["credential_offer_uri"][0])
        issuer = offer["credential_issuer"]
        _, metadata = http_json(f"{issuer}/.well-known/openid-credential-issuer")
        _, server = http_json(f"{issuer}/.well-known/oauth-authorization-server")
        code = offer["grants"][GRANT]["pre-authorized_code"]
        form = urllib.parse.urlencode({"grant_type": GRANT, "pre-authorized_code": code, "tx_code": tx_code})
        _, token = http_json(
            server["token_endpoint"], form.encode(), **{"Content-Type": "application/x-www-form-urlencoded"}
        )
        _, nonce = http_json(metadata["nonce_endpoint"], b"")
        keys = [jwk.JWK.generate(kty="EC", crv="P-256") for _ in range(COPIES)]
        proofs = [self._proof(key, issuer, nonce["c_nonce"]) for key in keys]
        body = {"credential_configuration_id": offer["credential_configuration_ids"][0], "proofs": {"jwt": proofs}}
        _, answer = http_json(
            metadata["credential_endpoint"],
            json.dumps(body).encode(),
            **{"Content-Type": "application/json", "Authorization": f"Bearer {token['access_token']}"},
        )
        self.held = [(one["credential"], key) for one, key in zip(answer["credentials"], keys, strict=True)]

    @staticmethod
    def _proof(key: jwk.JWK, audience: str, nonce: str) -> str:
        public = json.loads(key.export_public())
        claims = {"aud": audience, "iat": int(time.time()), "nonce": nonce}
        return signed(claims, {"typ": "openid4vci-proof+jwt", "jwk": public}, key)

    def present(self, place: int, request: dict[str, Any], wanted: str, *, forge: bool = False) -> str:
        """A presentation of copy `place` with the disclosure named `wanted`; forged: its value becomes true."""
        text, key = self.held[place]
        token, *disclosures, _ = text.split("~")
        chosen = next(one for one in disclosures if json.loads(decode(one))[1] == wanted)
        if forge:
            salt, name, _ = json.loads(decode(chosen))
            chosen = encode(json.dumps([salt, name, True]).encode())
        shown = f"{token}~{chosen}~"
        binding = {
            "iat": int(time.time()),
            "aud": request["client_id"],
            "nonce": request["nonce"],
            "sd_hash": encode(hashlib.sha256(shown.encode()).digest()),
        }
        return shown + signed(binding, {"typ": "kb+jwt"}, key)


def fetch_request(link: str) -> dict[str, Any]:
    """The claims of a vendor's request object, unverified: Mallory trusts nobody and checks nothing."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
    with urllib.request.urlopen(query["request_uri"][0], timeout=30) as answer:  # noqa: S310 - loopback
        claims: dict[str, Any] = json.loads(decode(answer.read().decode().split(".")[1]))
    return claims


def sealed_answer(request: dict[str, Any], query_id: str, presentation: str) -> bytes:
    """The form that answers `request`, encrypted for the vendor."""
    keys = request["client_metadata"]["jwks"]["keys"]
    key = next(one for one in keys if one.get("crv") == "P-256")
    content: dict[str, Any] = {"vp_token": {query_id: [presentation]}}
    if "state" in request:
        content["state"] = request["state"]
    header = json.dumps({"alg": "ECDH-ES", "enc": "A128GCM", "kid": key["kid"]})
    token = jwe.JWE(json.dumps(content).encode(), header)
    token.add_recipient(jwk.JWK(**key))
    return urllib.parse.urlencode({"response": token.serialize(compact=True)}).encode()


def post(request: dict[str, Any], form: bytes) -> tuple[int, Any]:
    """Send an answer to the vendor."""
    return http_json(request["response_uri"], form, **{"Content-Type": "application/x-www-form-urlencoded"})


class RogueVendor:
    """A web site with a key of its own that shows another vendor's promise as if it were its own."""

    def __init__(self, port: int, borrowed: list[dict[str, Any]], query: dict[str, Any]) -> None:
        self.origin = f"http://localhost:{port}"
        self.did = f"did:web:localhost%3A{port}"
        self._key = jwk.JWK.generate(kty="EC", crv="P-256")
        self._encryption = jwk.JWK.generate(kty="EC", crv="P-256", kid="enc", use="enc", alg="ECDH-ES")
        self._borrowed, self._query = borrowed, query
        self.answers: list[bytes] = []
        handler = type("Handler", (_RogueHandler,), {"vendor": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def link(self) -> str:
        """What she gets people to open."""
        query = {
            "client_id": f"decentralized_identifier:{self.did}",
            "request_uri": f"{self.origin}/request",
            "request_uri_method": "post",
        }
        return "openid4vp://?" + urllib.parse.urlencode(query)

    def close(self) -> None:
        """Take the site down."""
        self._server.shutdown()
        self._server.server_close()

    def document(self) -> dict[str, Any]:
        """Her key document, a correct one."""
        public = json.loads(self._key.export_public())
        method = {"id": f"{self.did}#k", "type": "JsonWebKey", "controller": self.did, "publicKeyJwk": public}
        purposes = {"authentication": [method["id"]], "assertionMethod": [method["id"]]}
        return {"id": self.did, "verificationMethod": [method], **purposes}

    def request_object(self, wallet_nonce: str | None) -> str:
        """A correctly signed request; only the promise inside is not hers."""
        now = int(time.time())
        claims = {
            "response_type": "vp_token",
            "response_mode": "direct_post.jwt",
            "client_id": f"decentralized_identifier:{self.did}",
            "aud": "https://self-issued.me/v2",
            "response_uri": f"{self.origin}/response",
            "nonce": secrets.token_urlsafe(32),
            "state": secrets.token_urlsafe(32),
            "iat": now,
            "exp": now + 1200,
            "dcql_query": self._query,
            "client_metadata": {
                "jwks": {"keys": [json.loads(self._encryption.export_public())]},
                "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}},
                "encrypted_response_enc_values_supported": ["A128GCM"],
            },
            "verifier_info": self._borrowed,
            **({"wallet_nonce": wallet_nonce} if wallet_nonce else {}),
        }
        return signed(claims, {"typ": "oauth-authz-req+jwt", "kid": f"{self.did}#k"}, self._key)


class _RogueHandler(http.server.BaseHTTPRequestHandler):
    vendor: RogueVendor

    def do_GET(self) -> None:
        """Serve the key document and the request."""
        if self.path == "/.well-known/did.json":
            self._answer(json.dumps(self.vendor.document()).encode(), "application/did+json")
        else:
            self._answer(self.vendor.request_object(None).encode(), "application/oauth-authz-req+jwt")

    def do_POST(self) -> None:
        """Serve the request to wallets that send a nonce; keep whatever answer comes."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/request":
            nonce = urllib.parse.parse_qs(body.decode()).get("wallet_nonce", [None])[0]
            self._answer(self.vendor.request_object(nonce).encode(), "application/oauth-authz-req+jwt")
        else:
            self.vendor.answers.append(body)
            self._answer(b"{}", "application/json")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
