"""ClientId: who asks, as the request says it: a prefix and an identifier (OpenID4VP 1.0, 5.9).

Each key source says which prefixes it serves. A prefix that none serves could also mean a client registered beforehand;
we register none, so it is refused.
"""

from dataclasses import dataclass, field
from typing import Final

from didkit_py.errors import BadRequestObject, Malformed
from didkit_py.parties.source import KeySource, KeySources
from didkit_py.reading import origin

MAX_CLIENT_ID: Final = 4_096  # characters; a did:jwk of a P-256 key has about 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientId:
    """A client identifier with its prefix. `full` is the audience of every presentation (5.9.1)."""

    full: str
    prefix: str
    identifier: str  # of the vendor, as its key source spells it: a DID, ...
    source: KeySource = field(repr=False, compare=False)  # which the prefix names

    @property
    def origin(self) -> str | None:
        """The origin that the vendor speaks for; None for one that is only a key."""
        return self.source.origin(self.identifier)

    def may_use(self, url: str) -> bool:
        """Whether the address is on the client's origin; a client that is only a key excludes none."""
        return self.origin is None or origin(url) == self.origin


def parse_client_id(text: str, *, key_sources: KeySources) -> ClientId:
    """Read a client identifier. Raises BadRequestObject for another prefix, BadDid for an identifier we cannot read."""
    if len(text) > MAX_CLIENT_ID:
        raise Malformed(f"client_id: longer than {MAX_CLIENT_ID} characters")
    prefix, _, identifier = text.partition(":")
    source = key_sources.of_prefix(prefix)
    if source is None:
        raise BadRequestObject(
            f"client_id: expected the prefix {' or '.join(key_sources.client_id_prefixes)}",
            spec="OpenID4VP 1.0, 5.9.3",
            reason="vrf.unauthenticated",
        )
    source.locations(identifier)
    return ClientId(full=text, prefix=prefix, identifier=identifier, source=source)


def client_id_of(party: str, *, key_sources: KeySources) -> ClientId:
    """The client identifier of a vendor with this identifier, by the first prefix of its key source. Raises BadDid."""
    prefix = key_sources.of(party).client_id_prefixes[0]
    return parse_client_id(f"{prefix}:{party}", key_sources=key_sources)
