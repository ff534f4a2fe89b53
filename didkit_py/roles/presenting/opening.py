"""Opening: a request is fetched, then what proves its signer's keys, and nothing else (specs/flow.md, P2 and P4)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.encoding import b64url
from didkit_py.formats.format import Formats
from didkit_py.keys.party import PartyKeys
from didkit_py.oid4vp.request import RequestLink, VerifiedRequest, parse_request_object, verify_request_object
from didkit_py.parties.source import KeySources
from didkit_py.roles.presenting_store import Exchange, PresentationState
from didkit_py.roles.vendor_client import VendorClient

WALLET_NONCE_BYTES: Final = 16
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedRequest:
    """An exchange whose request its client signed: checked once and handed on to every step that rests on it."""

    exchange: Exchange
    request: VerifiedRequest
    vendor_keys: PartyKeys = field(repr=False)


async def fetch_exchange(
    link: RequestLink, *, client: VendorClient, random: Callable[[int], bytes], clock: Callable[[], datetime]
) -> Exchange:
    """What stands behind a link, unverified: the request's text and its signer's key document.

    Raises what parsing the request and fetching raise.
    """
    wallet_nonce = b64url(random(WALLET_NONCE_BYTES)) if link.method == "post" else None
    text = await client.fetch_request(link, wallet_nonce=wallet_nonce)
    client_id = parse_request_object(text, link=link, key_sources=client.key_sources).client_id
    return Exchange(
        id=random(_ID_BYTES).hex(),
        state=PresentationState.OPEN,
        opened_at=clock(),
        client_id=link.client_id,
        request_uri=link.request_uri,
        wallet_nonce=wallet_nonce,
        text=text,
        document=await client.fetch_key_document(client_id),
        vendor=client_id.identifier,
    )


def authenticate(
    exchange: Exchange, *, formats: Formats, key_sources: KeySources, now: datetime
) -> AuthenticatedRequest:
    """The request of an exchange, verified from what was received. Raises Malformed or Rejected."""
    link = RequestLink(client_id=exchange.client_id, request_uri=exchange.request_uri)
    unverified = parse_request_object(exchange.text, link=link, key_sources=key_sources)
    body = None if exchange.document is None else exchange.document.encode()
    keys = unverified.client_id.source.keys_of(unverified.client_id.identifier, body)
    request = verify_request_object(
        unverified, formats=formats, client_keys=keys, expected_wallet_nonce=exchange.wallet_nonce, now=now
    )
    return AuthenticatedRequest(exchange=exchange, request=request, vendor_keys=keys)
