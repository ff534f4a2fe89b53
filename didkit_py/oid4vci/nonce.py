"""Nonces that the issuer recognises without remembering them (OpenID4VCI 1.0, 7).

A nonce is its random id, its end and a keyed BLAKE2b over both. Anybody may ask for one at any rate, so handing one out
stores nothing. What is stored is the id of a nonce that was used, until its end: the caller spends it.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from didkit_py.encoding import MAX_SKEW, b64url, from_b64url, timestamp
from didkit_py.errors import Malformed
from didkit_py.oauth import InvalidNonce
from didkit_py.structs import Message, text

LIFETIME: Final = timedelta(minutes=10)
MAX_NONCE: Final = 1_024  # characters; ours have 54
KEY_BYTES: Final = 32
_ID_BYTES: Final = 16
_END_BYTES: Final = 8
_MAC_BYTES: Final = 16  # one guess in 2^128, online only
_PURPOSE: Final = b"didkit-c-nonce-1"  # 16 bytes: the same key makes no MAC of another kind that would pass here
_SPEC: Final = "OpenID4VCI 1.0, 8.3.1.2"


def create_nonce(*, key: bytes, now: datetime, random: Callable[[int], bytes]) -> str:
    """A fresh nonce that holds for LIFETIME; `key` is 32 secret bytes of the issuer."""
    body = random(_ID_BYTES) + timestamp(now + LIFETIME).to_bytes(_END_BYTES, "big")
    return b64url(body + _mac(body, key))


def verify_nonce(nonce: str, *, key: bytes, now: datetime) -> bytes:
    """The id of a nonce of ours that still holds; the caller spends it in the store.

    Raises InvalidNonce.
    """
    octets = _octets(nonce)
    body, mac = octets[:-_MAC_BYTES], octets[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(body, key)):
        raise InvalidNonce("the nonce was not made here", spec=_SPEC)
    end = int.from_bytes(body[_ID_BYTES:], "big")
    if end < timestamp(now):
        raise InvalidNonce("the nonce is too old", spec=_SPEC)
    if end > timestamp(now + LIFETIME + MAX_SKEW):  # made before our clock was set back
        raise InvalidNonce("the nonce was made in the future", spec=_SPEC)
    return body[:_ID_BYTES]


def _octets(nonce: str) -> bytes:
    try:
        octets = from_b64url(nonce)
    except Malformed as error:
        raise InvalidNonce("the nonce was not made here", spec=_SPEC) from error
    if len(octets) != _ID_BYTES + _END_BYTES + _MAC_BYTES:
        raise InvalidNonce("the nonce was not made here", spec=_SPEC)
    return octets


def _mac(body: bytes, key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError("a nonce key has 32 bytes")
    return hashlib.blake2b(body, digest_size=_MAC_BYTES, key=key, person=_PURPOSE).digest()


class NonceResponse(Message):
    """The answer of a nonce endpoint; it must not be cached (7.2)."""

    c_nonce: Annotated[str, text(at_most=MAX_NONCE)]
