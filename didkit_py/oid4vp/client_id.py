"""ClientId: who asks, as the request says it (OpenID4VP 1.0, 5.9). Only DIDs are accepted.

A prefix that we do not support could also mean a client registered beforehand; we register none, so it is refused.
"""

from dataclasses import dataclass
from typing import Final

from didkit_py.dids.methods import locations
from didkit_py.dids.web import web_origin
from didkit_py.errors import BadRequestObject, Malformed
from didkit_py.reading import origin

DECENTRALIZED_IDENTIFIER: Final = "decentralized_identifier"
MAX_CLIENT_ID: Final = 4_096  # characters; a did:jwk of a P-256 key has about 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientId:
    """A client identifier with its prefix. `full` is the audience of every presentation (5.9.1)."""

    full: str
    prefix: str
    value: str

    @property
    def did(self) -> str:
        """The vendor's DID."""
        return self.value

    @property
    def origin(self) -> str | None:
        """The origin that a did:web speaks for; None for a DID that is only a key."""
        return web_origin(self.did)

    def may_use(self, url: str) -> bool:
        """Whether the address is on the client's origin; a DID that is only a key excludes none."""
        return self.origin is None or origin(url) == self.origin


def parse_client_id(text: str) -> ClientId:
    """Read a client identifier. Raises BadRequestObject for another prefix, BadDid for a DID we cannot read."""
    if len(text) > MAX_CLIENT_ID:
        raise Malformed(f"client_id: longer than {MAX_CLIENT_ID} characters")
    prefix, _, value = text.partition(":")
    if prefix != DECENTRALIZED_IDENTIFIER:
        raise BadRequestObject(
            f"client_id: expected the prefix {DECENTRALIZED_IDENTIFIER}",
            spec="OpenID4VP 1.0, 5.9.3",
            reason="vrf.unauthenticated",
        )
    locations(value)
    return ClientId(full=text, prefix=prefix, value=value)


def client_id_of(did: str) -> ClientId:
    """The client identifier of a vendor with this DID."""
    return parse_client_id(f"{DECENTRALIZED_IDENTIFIER}:{did}")
