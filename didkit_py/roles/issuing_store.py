"""What issuing remembers: the values it hands to a store, and the store as it needs it.

Whatever is secret or about a person stands in an `Offer`, which a store seals, or is a hash already.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from didkit_py.encoding import Json, jcs


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCredential:
    """One claim that the issuer wants to offer: what it says, and to whom."""

    type_name: str
    values: Mapping[str, Json] = field(repr=False)
    reference: str = field(repr=False)  # the issuer's own word for the receiver, such as a member number
    subject: str | None = None  # the DID of a business; None for people
    addressee: str = field(default="", repr=False)  # how a letter greets the receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A claim on offer, with the secret code that the offer's link leads to."""

    id: str
    wanted: WantedCredential
    code: str = field(repr=False)
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """An offer as a store takes it, with all that it is found or judged by."""

    offer: Offer
    fingerprint: bytes  # the same claim for the same receiver has the same one
    reference_hash: bytes  # finds all offers of one receiver
    code_hash: bytes
    tx_code_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOffer:
    """A new offer and its transaction code, which is told this once and never kept."""

    offer: Offer
    tx_code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What came of a wish to offer: what is new, and which offers were there before."""

    made: tuple[MadeOffer, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A try at an open offer, already counted; the first is 1."""

    offer_id: str
    tx_code_hash: bytes = field(repr=False)
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One credential that was issued: the key it is bound to, by a keyed hash, and its place in a status list."""

    key_hash: bytes
    place: tuple[int, int] | None  # list number and index


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """All copies of one offer, and when they were first issued."""

    copies: tuple[Copy, ...]
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """What an access token stands for."""

    offer: Offer
    registration: Registration | None


class IssuingStore(Protocol):
    """What must be remembered. Every write is durable when its call returns, and happens as a whole or not at all."""

    async def known_offers(self, fingerprints: Collection[bytes], *, now: datetime) -> Mapping[bytes, str]:
        """The ids of the offers that exist under these fingerprints and have not passed their end."""

    async def save_offers(self, offers: Sequence[NewOffer], *, batch: str) -> bool:
        """Keep all of them, or none when one of their fingerprints is taken; whether they are kept."""

    async def count_try(self, code_hash: bytes, *, now: datetime) -> Try | None:
        """Count a try at the open offer of that code; None when there is none."""

    async def lock_offer(self, offer_id: str) -> None:
        """No further try is taken."""

    async def spend_code(self, offer_id: str, *, token_hash: bytes, token_expires_at: datetime) -> bool:
        """Spend the code for a token; of two callers one succeeds."""

    async def load_grant(self, token_hash: bytes, *, now: datetime) -> AccessGrant | None:
        """What a living token stands for; None for any other."""

    async def register(
        self, offer_id: str, *, keys: Sequence[bytes], nonce: bytes, with_status: bool, now: datetime
    ) -> Registration:
        """Spend the nonce and issue to these keys. Raises Replayed, or IllegalMove when keys are registered already."""

    async def spend_nonce(self, nonce: bytes, *, now: datetime) -> None:
        """Raises Replayed when it was spent before."""

    async def replace_tx_code(self, offer_id: str, tx_code_hash: bytes, *, now: datetime) -> None:
        """Another transaction code for an open offer. Raises IllegalMove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedHashes:
    """Hashes that nobody makes without our key: member numbers and six digits are quickly guessed otherwise."""

    key: bytes = field(repr=False)  # 32 secret bytes

    def fingerprint(self, wanted: WantedCredential) -> bytes:
        """The same for the same claim and receiver."""
        said: Json = [wanted.type_name, wanted.reference, wanted.subject, dict(wanted.values)]
        return self._hash(b"fingerprint", jcs(said))

    def reference(self, reference: str) -> bytes:
        """What a receiver is looked up by."""
        return self._hash(b"reference", reference.strip().encode())

    def tx_code(self, offer_id: str, tx_code: str) -> bytes:
        """What a transaction code is compared with."""
        return self._hash(b"transaction code", f"{offer_id}.{tx_code}".encode())

    def holder_key(self, thumbprint: str) -> bytes:
        """Vendors see these keys: a stolen store must not say whose they are."""
        return self._hash(b"holder key", thumbprint.encode())

    def _hash(self, purpose: bytes, octets: bytes) -> bytes:
        return hashlib.blake2b(octets, digest_size=32, key=self.key, person=purpose).digest()
