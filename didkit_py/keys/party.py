"""PartyKeys: the keys that one party may sign with, for which purpose, and how that was proven.

Whatever proved it (a DID document, an issuer's web metadata, a chain of certificates) is read into this value where the
proof is known, and everything that judges signatures knows only this value. A party is named by a plain text: a DID, an
https URL, a hash of a certificate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from didkit_py.errors import UnknownKey, Untrusted
from didkit_py.keys.public import PublicKey

WITHDRAWN: Final = "did-deactivated"  # the reason where a party withdrew its keys


class KeyPurpose(StrEnum):
    """What a key may be used for, in the words of DID Core 1.0, 5.3."""

    AUTHENTICATION = "authentication"
    ASSERTION = "assertionMethod"
    KEY_AGREEMENT = "keyAgreement"


def party_of(key_id: str) -> str:
    """The party that a key id names before its `#`; empty for a key id that names only a key."""
    party, mark, _ = key_id.partition("#")
    return party if mark else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyKey:
    """One key of a party."""

    key: PublicKey
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyKeys:
    """The keys of one party, each under the id by which signatures name it."""

    id: str  # of the party: a DID, an https URL, ...
    proven_by: str  # the key source that proved it: `did:web`, ...
    keys: Mapping[str, PartyKey]  # by key id, as a `kid` spells it in full
    purposes: Mapping[KeyPurpose, frozenset[str]]  # key ids; some may name keys that could not be read
    withdrawn: bool = False  # the party withdrew them all (DID Core 1.0, 8.2): no key of it serves any more
    client_id_prefixes: tuple[str, ...] = ()  # under which OpenID4VP names a party of this kind (5.9)

    def key(self, kid: str | None, purpose: KeyPurpose, *, now: datetime | None = None) -> PublicKey:
        """The key that `kid` names, in full or as `#fragment`, if it serves for `purpose`.

        None is enough only where exactly one key serves. A key with an end date serves only a caller that says `now`.
        Raises UnknownKey, or Untrusted when the keys were withdrawn.
        """
        if self.withdrawn:
            raise Untrusted(
                "the signer's key document was withdrawn (410 or deactivated)",
                spec="DID Core 1.0, 8.2",
                hint="Nothing that this signer signed counts any more, unless it publishes its key document again.",
                reason=WITHDRAWN,
            )
        allowed = self.purposes.get(purpose, frozenset())
        if kid is None:
            serving = allowed & self.keys.keys()
            kid = next(iter(serving)) if len(serving) == 1 else ""
        elif kid.startswith("#"):
            kid = self.id + kid
        found = self.keys.get(kid) if kid in allowed else None
        if found is None:
            raise UnknownKey(f"the signer's document lists no such key for {purpose}", spec="DID Core 1.0, 5.3")
        if found.expires_at is not None and (now is None or now >= found.expires_at):
            raise UnknownKey("the key's time is over", spec="CID 1.0, 2.2")
        return found.key

    def is_named(self, name: str | None) -> bool:
        """Whether the text names this party, by its identifier alone or as a client identifier of OpenID4VP."""
        return name == self.id or name in {f"{prefix}:{self.id}" for prefix in self.client_id_prefixes}
