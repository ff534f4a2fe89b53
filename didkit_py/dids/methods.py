"""METHODS: the DID methods that we read; a method is one file and one row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from didkit_py.dids import jwk, key, web
from didkit_py.dids.document import did_of
from didkit_py.errors import BadDid
from didkit_py.keys.party import PartyKeys

__all__ = ["METHODS", "Method", "did_of", "locations", "read_document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Where a method keeps its documents, and how it reads keys from them."""

    locations: Callable[[str], tuple[str, ...]]
    read: Callable[[str, bytes | None], PartyKeys]


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "web": Method(locations=web.locations, read=web.read),
        "key": Method(locations=key.locations, read=key.read),
        "jwk": Method(locations=jwk.locations, read=jwk.read),
    }
)


def locations(did: str) -> tuple[str, ...]:
    """The URLs whose bytes `read_document` wants; none for a DID that is itself the key. Raises BadDid."""
    return _method(did).locations(did)


def read_document(did: str, body: bytes | None = None) -> PartyKeys:
    """The keys of a DID, from the bytes of the document at its location where it has one.

    Raises BadDid, Malformed, BadKey or BadPartyKeys.
    """
    return _method(did).read(did, body)


def _method(did: str) -> Method:
    if did_of(did) != did:
        raise BadDid("expected a DID without path, query or fragment", spec="DID Core 1.0, 3.1")
    row = METHODS.get(did.split(":", 2)[1])
    if row is None:
        raise BadDid("expected a DID of the method web, key or jwk", spec="DID Core 1.0, 3.1")
    return row
