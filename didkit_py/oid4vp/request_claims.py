"""PresentationRequest: the claims of a request object as a value (OpenID4VP 1.0, 5).

Reading insists on everything that the claims alone can show. Unknown parameters and `iss` are ignored, as the standard
asks; parameters that would give a request a second meaning are refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from didkit_py.encoding import Json, from_timestamp, timestamp, write_json
from didkit_py.errors import BadRequestObject, Malformed
from didkit_py.formats.format import Formats
from didkit_py.jose import CONTENT_ENCRYPTIONS, usable_encryption_key
from didkit_py.keys.algorithms import KEY_AGREEMENT
from didkit_py.keys.public import PRIVATE_MEMBERS, PublicKey
from didkit_py.oauth import InvalidTransactionData, VpFormatsNotSupported
from didkit_py.oid4vp.client_id import ClientId
from didkit_py.oid4vp.link import MAX_NONCE, URL_SAFE, formats_supported
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.reading import Reader

AUDIENCE: Final = "https://self-issued.me/v2"  # 5.8: the wallet's metadata is known beforehand
RESPONSE_TYPE: Final = "vp_token"
RESPONSE_MODE: Final = "direct_post.jwt"
MAX_LIFE: Final = timedelta(minutes=30)  # nothing expires while someone reads, and nothing is kept for tomorrow
_MAX_LIFE_SECONDS: Final = int(MAX_LIFE.total_seconds())
MIN_NONCE: Final = 22  # characters of base64url that hold 128 bits
MAX_STATE: Final = 1_024
MAX_VERIFIER_INFO: Final = 20
MAX_KEYS: Final = 20
DEFAULT_ENCRYPTION: Final = "A128GCM"
# Each would bring a second query, a second address, or a second request; nobody should have to guess which one counts.
_FORBIDDEN: Final = (
    "redirect_uri",
    "scope",
    "presentation_definition",
    "presentation_definition_uri",
    "client_id_scheme",
    "client_metadata_uri",
    "request",
    "request_uri",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierInfo:
    """One piece of evidence about the vendor, not yet judged (5.11)."""

    format: str
    data: str  # evidence that is an object is kept as its JSON text
    credential_ids: tuple[str, ...] = ()  # the queries that it is about; empty: all

    def to_json(self) -> dict[str, Json]:
        body: dict[str, Json] = {"format": self.format, "data": self.data}
        return body | ({"credential_ids": [*self.credential_ids]} if self.credential_ids else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationRequest:
    """What a vendor asks, where the answer goes and under which key; `source` is the request as it was read."""

    client_id: ClientId
    response_uri: str
    nonce: str
    state: str | None = None
    query: DcqlQuery
    encryption_jwk: Mapping[str, Json]  # public, P-256, with kid, alg ECDH-ES
    encryption_enc: str = DEFAULT_ENCRYPTION
    verifier_info: tuple[VerifierInfo, ...] = ()
    issued_at: datetime
    expires_at: datetime
    wallet_nonce: str | None = None
    source: Mapping[str, Json] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, body: Json, *, formats: Formats, client_id: ClientId) -> Self:
        """Read the claims of a request object of `client_id`, as it was read from them.

        What concerns time and the wallet is judged by `verify_request_object`.

        Raises Malformed, BadRequestObject, InvalidTransactionData or VpFormatsNotSupported.
        """
        read = Reader(body, at="request")
        _refuse_forbidden(read)
        query = DcqlQuery.from_json(read.value("dcql_query"), formats=formats)
        if read.text("client_id") != client_id.full:
            raise BadRequestObject(
                "request.client_id: another client's", spec="OpenID4VP 1.0, 5.9", reason="req.malformed"
            )
        metadata = read.object("client_metadata")
        _require_formats(metadata, formats)
        issued_at = read.moment("iat")
        # Without a holder's proof nothing but `state` ties the answer to the request (5.3).
        unbound = not all(one.holder_binding for one in query.credentials)
        return cls(
            client_id=client_id,
            response_uri=read.url("response_uri"),
            nonce=_url_safe(read, "nonce", minimum=MIN_NONCE, maximum=MAX_NONCE),
            state=_url_safe(read, "state", minimum=1, maximum=MAX_STATE) if read.has("state") or unbound else None,
            query=query,
            encryption_jwk=_encryption_key(metadata),
            encryption_enc=_content_encryption(metadata),
            verifier_info=_verifier_info(read, query),
            issued_at=issued_at,
            expires_at=read.optional_moment("exp") or from_timestamp(timestamp(issued_at) + _MAX_LIFE_SECONDS),
            wallet_nonce=read.optional_text("wallet_nonce", max_length=MAX_NONCE),
            source=read.members,
        )

    def to_json(self, *, formats: Formats) -> dict[str, Json]:
        """The claims of the request object."""
        others = [enc for enc in CONTENT_ENCRYPTIONS if enc != self.encryption_enc]
        body: dict[str, Json] = {
            "response_type": RESPONSE_TYPE,
            "response_mode": RESPONSE_MODE,
            "client_id": self.client_id.full,
            "aud": AUDIENCE,
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "iat": timestamp(self.issued_at),
            "exp": timestamp(self.expires_at),
            "dcql_query": self.query.to_json(),
            "client_metadata": {
                "jwks": {"keys": [dict(self.encryption_jwk)]},
                "encrypted_response_enc_values_supported": [self.encryption_enc, *others],
                "vp_formats_supported": formats_supported(formats),
            },
        }
        optional: dict[str, Json] = {"state": self.state, "wallet_nonce": self.wallet_nonce}
        body |= {name: value for name, value in optional.items() if value is not None}
        return body | ({"verifier_info": [one.to_json() for one in self.verifier_info]} if self.verifier_info else {})


def _refuse_forbidden(read: Reader) -> None:
    if "transaction_data" in read.members:  # even as null: what it would have the person confirm is not known here
        raise InvalidTransactionData("request.transaction_data: no type of it is known here", spec="OpenID4VP 1.0, 8.4")
    for name in _FORBIDDEN:
        if read.has(name):
            raise BadRequestObject(f"request.{name}: not accepted", spec="OpenID4VP 1.0, 8.2", reason="req.malformed")
    for name, expected in {"response_type": RESPONSE_TYPE, "response_mode": RESPONSE_MODE}.items():
        if read.text(name) != expected:
            raise BadRequestObject(
                f"request.{name}: expected {expected}", spec="OpenID4VP 1.0, 8", reason="req.malformed"
            )
    if read.value("aud") not in (AUDIENCE, [AUDIENCE]):
        raise BadRequestObject(f"request.aud: expected {AUDIENCE}", spec="OpenID4VP 1.0, 5.8", reason="req.malformed")


def _url_safe(read: Reader, name: str, *, minimum: int, maximum: int) -> str:
    text = read.text(name, max_length=maximum)
    if len(text) < minimum or not URL_SAFE.match(text):
        raise BadRequestObject(
            f"{read.path(name)}: expected {minimum} to {maximum} URL-safe characters",
            spec="OpenID4VP 1.0, 5.2",
            reason="req.replay" if name == "nonce" else "req.malformed",
        )
    return text


def _require_formats(metadata: Reader, formats: Formats) -> None:
    if formats.keys().isdisjoint(metadata.mapping("vp_formats_supported")):
        raise VpFormatsNotSupported(
            f"{metadata.path('vp_formats_supported')}: expected {' or '.join(sorted(formats))}",
            spec="OpenID4VP 1.0, 11.1",
        )


def _encryption_key(metadata: Reader) -> Mapping[str, Json]:
    """The key that the answer is encrypted for; keys of kinds that we do not use are passed over (8.3)."""
    jwks = metadata.object("jwks")
    jwk = usable_encryption_key(jwks.items("keys", at_least=1, max_items=MAX_KEYS))
    if jwk is None:
        raise BadRequestObject(
            f"{jwks.path('keys')}: expected a {KEY_AGREEMENT.crv} key for ECDH-ES",
            spec="OpenID4VP 1.0, 8.3",
            reason="req.malformed",
        )
    read = Reader(jwk, at=jwks.path("keys"))
    read.text("kid", max_length=MAX_NONCE)
    if PRIVATE_MEMBERS & jwk.keys():
        raise Malformed(f"{read.at}: holds a private part", spec="RFC 7517, 9.2")
    PublicKey.from_jwk({name: jwk.get(name) for name in ("kty", "crv", "x", "y")})
    return jwk


def _content_encryption(metadata: Reader) -> str:
    if not metadata.has("encrypted_response_enc_values_supported"):
        return DEFAULT_ENCRYPTION
    for enc in metadata.texts("encrypted_response_enc_values_supported", at_least=1, max_items=MAX_KEYS):
        if enc in CONTENT_ENCRYPTIONS:
            return enc
    raise BadRequestObject(
        f"{metadata.path('encrypted_response_enc_values_supported')}: expected {' or '.join(CONTENT_ENCRYPTIONS)}",
        spec="OpenID4VP 1.0, 8.3",
        reason="req.malformed",
    )


def _verifier_info(read: Reader, query: DcqlQuery) -> tuple[VerifierInfo, ...]:
    if not read.has("verifier_info"):
        return ()
    ids = {one.id for one in query.credentials}
    entries = read.objects("verifier_info", at_least=1, max_items=MAX_VERIFIER_INFO)
    return tuple(_one_info(entry, ids) for entry in entries)


def _one_info(read: Reader, ids: Collection[str]) -> VerifierInfo:
    about = read.texts("credential_ids", at_least=1, max_items=MAX_KEYS) if read.has("credential_ids") else ()
    if not set(about) <= set(ids):
        raise Malformed(
            f"{read.path('credential_ids')}: refers to an id that does not exist", spec="OpenID4VP 1.0, 5.1"
        )
    data = read.value("data")
    return VerifierInfo(
        format=read.text("format", max_length=MAX_NONCE),
        data=write_json(data).decode() if isinstance(data, dict) else read.text("data"),
        credential_ids=about,
    )
