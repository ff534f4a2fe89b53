"""Token Status List (draft-ietf-oauth-status-list-21) as JWT: pack, sign, verify, read one entry.

Entries of 1, 2, 4 or 8 bits stand lowest bits first inside each byte; the bytes are compressed by zlib (RFC 1950).
Whose list it is (its signer must be the credential's issuer) is judged by `verification.py`.
"""

import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from didkit_py.encoding import MAX_SKEW, Json, b64url, from_b64url, read_json, timestamp
from didkit_py.errors import BadStatusList, NotYetValid, Stale
from didkit_py.jose import UnverifiedJws, parse_compact, sign_compact
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.reading import Reader
from didkit_py.structs import Message, Url, read_as

TYP: Final = "statuslist+jwt"
CONTENT_TYPE: Final = "application/statuslist+jwt"
BITS: Final = (1, 2, 4, 8)
MAX_LIST_BYTES: Final = 4_194_304  # unpacked: 2^25 entries of one bit, or 2^22 of eight
MAX_TOKEN: Final = 2_097_152  # characters; a list of 2^20 random two-bit entries has about 500,000
MAX_AGGREGATED: Final = 64  # lists of one issuer
_GUESSES: Final = 32
_INDEX_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStatusList:
    """A list whose signature held when it was read."""

    uri: str
    issuer: str  # the party whose key signed it
    bits: int
    packed: bytes = field(repr=False)
    issued_at: datetime
    expires_at: datetime | None
    ttl: timedelta | None  # how long a copy may be kept before a fresh one is wanted

    def status(self, index: int) -> int:
        """The entry at `index`. Raises BadStatusList when the list has no such entry (8.3, step 6)."""
        place = index * self.bits
        if index < 0 or place >> 3 >= len(self.packed):
            raise BadStatusList("the list has no entry of this index", spec="Token Status List, 8.3")
        return (self.packed[place >> 3] >> (place & 7)) & ((1 << self.bits) - 1)


def pack(statuses: Mapping[int, int], *, size: int, bits: int) -> bytes:
    """The bytes of a list of at least `size` entries, zero where `statuses` says nothing (4.1)."""
    if bits not in BITS or not 0 < size * bits <= MAX_LIST_BYTES * 8:
        raise ValueError("a list has 1, 2, 4 or 8 bits per entry, and at most 4 MiB")
    packed = bytearray(-(-size * bits // 8))
    for index, status in statuses.items():
        if not (0 <= index < size and 0 <= status < 1 << bits):
            raise ValueError("an index or status lies outside the list")
        place = index * bits
        packed[place >> 3] |= status << (place & 7)
    return bytes(packed)


def unpack(text: str) -> bytes:
    """The bytes of a `lst` member: inflated, and never beyond MAX_LIST_BYTES. Raises BadStatusList or Malformed."""
    inflater = zlib.decompressobj()
    try:
        packed = inflater.decompress(from_b64url(text), MAX_LIST_BYTES + 1)
    except zlib.error as error:
        raise BadStatusList("expected zlib data", spec="Token Status List, 4.2") from error
    if len(packed) > MAX_LIST_BYTES:
        raise BadStatusList(f"the list is larger than {MAX_LIST_BYTES} bytes", spec="Token Status List, 4.2")
    if not inflater.eof or inflater.unused_data:
        raise BadStatusList("zlib data ends too early or too late", spec="Token Status List, 4.2")
    return packed


async def create_status_list(
    statuses: Mapping[int, int],
    *,
    size: int,
    bits: int,
    uri: str,
    signer: Signer,
    now: datetime,
    ttl: timedelta,
    lifetime: timedelta,
) -> str:
    """A status list token (5.1); `uri` is where it is published, the signer's `key_id` is a DID URL of the issuer."""
    packed = zlib.compress(pack(statuses, size=size, bits=bits), level=9)
    claims: dict[str, Json] = {
        "sub": uri,
        "iat": timestamp(now),
        "exp": timestamp(now + lifetime),
        "ttl": int(ttl.total_seconds()),
        "status_list": {"bits": bits, "lst": b64url(packed)},
    }
    return await sign_compact(claims, typ=TYP, signer=signer)


def parse_status_list(text: str) -> UnverifiedJws:
    """The token's shape; `kid` names who signed it. Raises Malformed, TooLarge, WrongType or UnsupportedAlgorithm."""
    return parse_compact(text, typ=TYP, max_length=MAX_TOKEN)


def verify_status_list(text: str, *, uri: str, issuer: str, key: PublicKey, now: datetime) -> VerifiedStatusList:
    """The list that `key` of the party `issuer` signed for the address `uri` (8.3, steps 3 to 5).

    Raises BadSignature, BadStatusList, Malformed, NotYetValid, or Stale when its time is over.
    """
    jws = parse_status_list(text)
    key.verify(jws.signature, jws.signing_input, alg=jws.alg)
    read = Reader(read_json(jws.payload, max_bytes=MAX_TOKEN), at="status_list_token")
    if read.text("sub") != uri:
        raise BadStatusList("the list is for another address", spec="Token Status List, 8.3")
    issued_at, expires_at = read.moment("iat"), read.optional_moment("exp")
    if issued_at > now + MAX_SKEW:
        raise NotYetValid("the list was issued in the future", spec="Token Status List, 5.1")
    if expires_at is not None and expires_at <= now:
        raise Stale("the list's time is over", spec="Token Status List, 8.3")
    entries = read.object("status_list")
    bits = entries.integer("bits")
    if bits not in BITS:
        raise BadStatusList("expected 1, 2, 4 or 8 bits per entry", spec="Token Status List, 4.2")
    return VerifiedStatusList(
        uri=uri,
        issuer=issuer,
        bits=bits,
        packed=unpack(entries.text("lst", max_length=MAX_TOKEN)),
        issued_at=issued_at,
        expires_at=expires_at,
        ttl=read.optional_seconds("ttl", maximum=2**31),
    )


class StatusListAggregation(Message):
    """The addresses of all lists of an issuer (9.3), so that they can be fetched without naming a credential."""

    status_lists: Annotated[tuple[Url, ...], Meta(max_length=MAX_AGGREGATED)]


def parse_aggregation(body: bytes) -> tuple[str, ...]:
    """The addresses of an issuer's lists. Raises Malformed or TooLarge."""
    return read_as(StatusListAggregation, read_json(body), at="aggregation").status_lists


def choose_index(taken: Collection[int], *, size: int, random: Callable[[int], bytes]) -> int:
    """A free index, each equally likely, so that neighbours in the list say nothing about neighbours in time (13.2).

    `random` gives so many fresh random bytes. Raises ValueError when the list is full: begin a new one.
    """
    if len(taken) >= size:
        raise ValueError("the list is full: begin a new one")
    for _ in range(_GUESSES):
        index = _below(size, random)
        if index not in taken:
            return index
    free = [index for index in range(size) if index not in taken]
    return free[_below(len(free), random)]


def _below(bound: int, random: Callable[[int], bytes]) -> int:
    """A number below `bound`; 64 random bits leave a bias below 2^-39 for the largest list."""
    return int.from_bytes(random(_INDEX_BYTES), "big") % bound
