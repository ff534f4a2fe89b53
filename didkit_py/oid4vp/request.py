"""Signed requests: made by a vendor, and judged by a wallet before it looks further (OpenID4VP 1.0, 5; RFC 9101).

What we demand beyond the standard, so that a request cannot be kept and shown again: `iat`, a life of at most thirty
minutes, and a nonce that can hold 128 bits. A request without `exp` ends thirty minutes after `iat`.
A vendor that speaks for an origin is answered there only. A key alone speaks for none: there the answer goes to the
origin that the link named, which the person chose to follow.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import MAX_SKEW
from didkit_py.errors import (
    BadDid,
    BadDidDocument,
    BadRequestObject,
    BadSignature,
    DidkitError,
    Expired,
    NotYetValid,
    Unavailable,
    UnknownKey,
    UnsupportedAlgorithm,
    Untrusted,
)
from didkit_py.formats.format import Formats
from didkit_py.jose import UnverifiedJws, parse_compact, sign_compact, verify_compact
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.client_id import ClientId, parse_client_id
from didkit_py.oid4vp.link import (
    Method,
    RequestLink,
    RequestUriForm,
    create_request_link,
    create_request_uri_form,
    parse_request_link,
    parse_request_uri_form,
)
from didkit_py.oid4vp.request_claims import AUDIENCE, MAX_LIFE, PresentationRequest, VerifierInfo
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader, origin

__all__ = [
    "AUDIENCE",
    "MAX_LIFE",
    "TYPE",
    "Method",
    "PresentationRequest",
    "RequestLink",
    "RequestUriForm",
    "UnverifiedRequest",
    "VerifiedRequest",
    "VerifierInfo",
    "create_request_link",
    "create_request_object",
    "create_request_uri_form",
    "fault",
    "parse_request_link",
    "parse_request_object",
    "parse_request_uri_form",
    "verify_request_object",
]

TYPE: Final = "oauth-authz-req+jwt"
# Errors after which nobody knows who asks; all others leave a request that is malformed.
_UNAUTHENTICATED: Final = (BadSignature, UnknownKey, BadDid, BadDidDocument, UnsupportedAlgorithm, Untrusted)


async def create_request_object(request: PresentationRequest, *, formats: Formats, signer: Signer) -> str:
    """The signed request; `formats` are those that the client verifies.

    Raises ValueError when it breaks a rule that every wallet of ours insists on.
    """
    client_id = request.client_id
    if not client_id.source.names_key(signer.key_id, client_id.identifier):
        raise ValueError("the request must be signed by a key of the client's own")
    claims = request.to_json(formats=formats)
    try:
        _require_tied(PresentationRequest.from_json(claims, formats=formats, client_id=client_id), request.response_uri)
        _require_life(request, now=request.issued_at)
    except DidkitError as error:
        raise ValueError(f"no wallet would accept this request: {error}") from error
    return await sign_compact(claims, typ=TYPE, signer=signer)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedRequest:
    """A request object that was read far enough to know whose signature to check."""

    jws: UnverifiedJws
    client_id: ClientId
    kid: str  # names a key of the client's own
    link: RequestLink
    text: str = field(repr=False)


def parse_request_object(text: str, *, link: RequestLink, key_sources: KeySources) -> UnverifiedRequest:
    """Read the client id and key id of a request object; other members are read once its signature holds.

    Raises Malformed, TooLarge, WrongType, UnsupportedAlgorithm or BadDid, or BadRequestObject when the client is not
    the one that the link names or another party's key signed.
    """
    jws = parse_compact(text, typ=TYPE)
    client_id = parse_client_id(Reader(jws.claims(), at="request").text("client_id"), key_sources=key_sources)
    if client_id.full != link.client_id:
        raise BadRequestObject(
            "request.client_id: differs from the link's", spec="OpenID4VP 1.0, 5.10.1", reason="req.origin"
        )
    if jws.kid is None or not client_id.source.names_key(jws.kid, client_id.identifier):
        raise BadRequestObject(
            "request: kid must name a key of the client",
            spec="OpenID4VP 1.0, 5.9.3",
            reason="vrf.unauthenticated",
        )
    return UnverifiedRequest(jws=jws, client_id=client_id, kid=jws.kid, link=link, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRequest:
    """A request that its client signed, for this wallet and this time."""

    request: PresentationRequest
    key: PublicKey  # the key that signed it
    kid: str
    text: str = field(repr=False)


def verify_request_object(
    unverified: UnverifiedRequest,
    *,
    formats: Formats,
    client_keys: PartyKeys,
    expected_wallet_nonce: str | None,
    now: datetime,
) -> VerifiedRequest:
    """Check that the client signed this request and that it keeps the rules of OpenID4VP 1.0 and of ours.

    `formats` are those that the wallet speaks, `client_keys` are the client's. `expected_wallet_nonce` is what we
    posted, None when the request was fetched by GET. Whether the nonce was seen before is the store's question. Raises
    Malformed or Rejected; `fault` gives the code.
    """
    if client_keys.id != unverified.client_id.identifier:
        raise ValueError("the keys given are not the client's")
    key = client_keys.key(unverified.kid, KeyPurpose.AUTHENTICATION, now=now)
    claims = verify_compact(unverified.jws, key)
    request = PresentationRequest.from_json(claims, formats=formats, client_id=unverified.client_id)
    _require_tied(request, unverified.link.request_uri)
    _require_life(request, now=now)
    begins = Reader(claims, at="request").optional_moment("nbf")
    if begins is not None and begins > now + MAX_SKEW:
        raise NotYetValid("request.nbf: lies in the future", spec="RFC 7519, 4.1.5", reason="req.malformed")
    if request.wallet_nonce != expected_wallet_nonce:  # also: one made for another wallet, served to us by GET
        raise BadRequestObject(
            "request.wallet_nonce: differs from the one sent", spec="OpenID4VP 1.0, 5.10.1", reason="req.replay"
        )
    return VerifiedRequest(request=request, key=key, kid=unverified.kid, text=unverified.text)


def _require_tied(request: PresentationRequest, request_uri: str) -> None:
    if origin(request.response_uri) != (request.client_id.origin or origin(request_uri)):
        raise BadRequestObject(
            "request.response_uri: not an address of the client", spec="OpenID4VP 1.0, 14.3.1", reason="req.origin"
        )


def _require_life(request: PresentationRequest, *, now: datetime) -> None:
    if not timedelta() < request.expires_at - request.issued_at <= MAX_LIFE:
        raise BadRequestObject("request.exp: expected at most 30 minutes after iat", reason="req.malformed")
    if request.issued_at > now + MAX_SKEW:
        raise NotYetValid("request.iat: lies in the future", spec="RFC 7519, 4.1.6", reason="req.malformed")
    if now - MAX_SKEW > request.expires_at:
        raise Expired("request.exp: the request is too old", spec="RFC 7519, 4.1.4", reason="req.replay")


def fault(error: DidkitError) -> str:
    """The wallet's code for what was raised here: `req.malformed`, `req.replay`, `req.origin`, `vrf.unauthenticated`.

    What could not be found out is no fault of the request and keeps its own code.
    """
    if isinstance(error, _UNAUTHENTICATED):
        return "vrf.unauthenticated"
    return error.reason or (error.code if isinstance(error, Unavailable) else "req.malformed")
