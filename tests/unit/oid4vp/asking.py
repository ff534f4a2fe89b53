"""What the request and response tests share: a dealer with its key and document, and its request."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, timestamp
from didkit_py.formats.table import FORMATS
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.request import RequestLink, VerifiedRequest, parse_request_object, verify_request_object
from didkit_py.parties.table import KEY_SOURCES

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DID: Final = "did:web:dealer.example"
CLIENT: Final = f"decentralized_identifier:{DID}"
LINK: Final = RequestLink(client_id=CLIENT, request_uri="https://dealer.example/oid4vp/requests/1", method="post")
WALLET_NONCE: Final = "qPmxiNFCR3QTm19POc8uAA"
SIGNER: Final = SoftwareSigner.from_secret(b"\x07" * 32, key_id=f"{DID}#key-1")
DOCUMENT: Final = keys_of_document(create_document(DID, {"key-1": SIGNER.public}), did=DID)
# The public key of the encrypted response example in OpenID4VP 1.0, 8.3, as the request's client_metadata shows it
ENCRYPTION_JWK: Final[Mapping[str, Json]] = {
    "kty": "EC",
    "kid": "ac",
    "use": "enc",
    "crv": "P-256",
    "alg": "ECDH-ES",
    "x": "YO4epjifD-KWeq1sL2tNmm36BhXnkJ0He-WqMYrp9Fk",
    "y": "Hekpm0zfK7C-YccH5iBjcIXgf6YdUvNUac_0At55Okk",
}


def claims(**changes: object) -> dict[str, Any]:
    """The claims of a request that holds; a change to `...` removes a claim."""
    body: dict[str, Any] = {
        "response_type": "vp_token",
        "response_mode": "direct_post.jwt",
        "client_id": CLIENT,
        "aud": "https://self-issued.me/v2",
        "response_uri": "https://dealer.example/oid4vp/response/1",
        "nonce": "b3JkaW5hcnktbm9uY2UtMTI4Yml0",
        "state": "af0ifjsldkj",
        "wallet_nonce": WALLET_NONCE,
        "iat": timestamp(NOW),
        "exp": timestamp(NOW + timedelta(minutes=30)),
        "dcql_query": {
            "credentials": [{"id": "afford", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:x"]}}],
        },
        "client_metadata": metadata(),
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def metadata(**changes: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "jwks": {"keys": [dict(ENCRYPTION_JWK)]},
        "encrypted_response_enc_values_supported": ["A256GCM", "A128GCM"],
        "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}},
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


async def signed(body: Mapping[str, Json], *, signer: SoftwareSigner = SIGNER, typ: str = "oauth-authz-req+jwt") -> str:
    return await sign_compact(body, typ=typ, signer=signer)


def judged(text: str, *, wallet_nonce: str | None = WALLET_NONCE, now: datetime = NOW) -> VerifiedRequest:
    return verify_request_object(
        parse_request_object(text, link=LINK, key_sources=KEY_SOURCES),
        client_keys=DOCUMENT,
        expected_wallet_nonce=wallet_nonce,
        now=now,
        formats=FORMATS,
    )
