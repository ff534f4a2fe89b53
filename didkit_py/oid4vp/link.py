"""The link that starts a presentation, and what a wallet posts to fetch the request (OpenID4VP 1.0, 5, 5.10).

Nothing in a link is proven. It says whose request is to be fetched, where and how; everything else is read from the
signed request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from didkit_py.encoding import Json, read_json, write_json
from didkit_py.errors import BadRequestObject, Malformed, TooLarge
from didkit_py.formats.format import Formats
from didkit_py.jose import CONTENT_ENCRYPTIONS
from didkit_py.keys.names import ALG_NAMES
from didkit_py.oauth import InvalidRequestUriMethod
from didkit_py.oid4vp.client_id import ClientId, parse_client_id
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader, is_url

SCHEME: Final = "openid4vp"
MAX_LINK: Final = 8_192  # characters; what a QR code holds is less than half of it
MAX_PARAMETERS: Final = 50
MAX_NONCE: Final = 512
MAX_METADATA: Final = 16_384  # bytes of wallet_metadata; ours has about 400
URL_SAFE: Final = re.compile(r"\A[A-Za-z0-9._~-]+\Z")

Method: TypeAlias = Literal["get", "post"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLink:
    """Whose request is to be fetched, where and how."""

    client_id: str  # with its prefix
    request_uri: str  # on the client's own origin when it speaks for one
    method: Method = "get"


def create_request_link(client_id: ClientId, request_uri: str, *, method: Method = "post") -> str:
    """The link for a page or a QR code. Raises ValueError when the address is not the client's own."""
    if not is_url(request_uri) or not client_id.may_use(request_uri):
        raise ValueError("request_uri must be an https URL on the client's own origin")
    query = {"client_id": client_id.full, "request_uri": request_uri, "request_uri_method": method}
    return f"{SCHEME}://?{urlencode(query)}"


def parse_request_link(text: str, *, key_sources: KeySources) -> RequestLink:
    """Read an `openid4vp:` link, or a web link with the same parameters; other parameters are ignored.

    Raises Malformed, InvalidRequestUriMethod, BadDid, or BadRequestObject when the prefix is not known, or the
    request is to be fetched elsewhere than from the client's own origin.
    """
    found = _parameters(text)
    read = Reader(dict(found), at="link")
    if read.has("request"):
        raise BadRequestObject(
            "link: the request must come by reference", spec="OpenID4VP 1.0, 5", reason="req.malformed"
        )
    request_uri = read.url("request_uri")
    client_id = parse_client_id(read.text("client_id"), key_sources=key_sources)
    if not client_id.may_use(request_uri):
        raise BadRequestObject(
            "link.request_uri: expected an address of the client itself",
            spec="OpenID4VP 1.0, 15.4.1",
            reason="req.origin",
        )
    return RequestLink(client_id=client_id.full, request_uri=request_uri, method=_method(found))


def _parameters(text: str) -> dict[str, str]:
    if len(text) > MAX_LINK:
        raise TooLarge(f"link: longer than {MAX_LINK} characters")
    try:
        parts = urlsplit(text.strip())
        pairs = parse_qsl(parts.query, strict_parsing=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        raise Malformed("link: expected parameters as in a web address") from error
    if parts.scheme != SCHEME and not is_url(f"{parts.scheme}://{parts.netloc}"):
        raise Malformed(f"link: expected {SCHEME}:// or a web address")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("link: a parameter occurs twice", spec="RFC 6749, 3.1")
    return found


def _method(found: Mapping[str, str]) -> Method:
    match found.get("request_uri_method", "get"):
        case "get":
            return "get"
        case "post":
            return "post"
        case _:
            raise InvalidRequestUriMethod("link.request_uri_method: expected get or post", spec="OpenID4VP 1.0, 5.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUriForm:
    """What a wallet posts to the request's address (5.10)."""

    wallet_nonce: str | None = None
    wallet_metadata: Mapping[str, Json] = field(default_factory=dict)


def formats_supported(formats: Formats) -> dict[str, Json]:
    """What `vp_formats_supported` says (11.1)."""
    return {row.id: dict(row.capabilities) for row in formats.values()}


def create_request_uri_form(wallet_nonce: str, *, formats: Formats, key_sources: KeySources) -> dict[str, str]:
    """The form that a wallet posts; `wallet_nonce` is URL-safe text of at least 128 random bits.

    The metadata are the same for every wallet, so that they tell nobody apart.
    """
    metadata: dict[str, Json] = {
        "vp_formats_supported": formats_supported(formats),
        "client_id_prefixes_supported": [*key_sources.client_id_prefixes],
        "response_types_supported": ["vp_token"],
        "response_modes_supported": ["direct_post.jwt"],
        "request_object_signing_alg_values_supported": [*ALG_NAMES],
        "authorization_encryption_alg_values_supported": ["ECDH-ES"],
        "authorization_encryption_enc_values_supported": [*CONTENT_ENCRYPTIONS],
    }
    return {"wallet_metadata": write_json(metadata).decode(), "wallet_nonce": wallet_nonce}


def parse_request_uri_form(form: Mapping[str, str]) -> RequestUriForm:
    """Read the form; unknown fields are ignored. Raises Malformed or TooLarge."""
    nonce = form.get("wallet_nonce")
    if nonce is not None and (len(nonce) > MAX_NONCE or not URL_SAFE.match(nonce)):
        raise Malformed(f"wallet_nonce: expected up to {MAX_NONCE} URL-safe characters", spec="OpenID4VP 1.0, 5.10")
    metadata = form.get("wallet_metadata", "{}")
    body = Reader(read_json(metadata, max_bytes=MAX_METADATA), at="wallet_metadata").members
    return RequestUriForm(wallet_nonce=nonce, wallet_metadata=body)
