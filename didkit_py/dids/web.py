"""did:web: the document stands at an https address that the DID spells (did:web Method Specification).

One spelling only: lower-case host, `%3A` before a port, path segments without percent signs. A DID that two parsers
could read as two addresses is refused.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from didkit_py.dids.document import keys_of_document
from didkit_py.encoding import read_json
from didkit_py.errors import BadDid
from didkit_py.keys.party import PartyKeys
from didkit_py.reading import ends_in_number, is_loopback, is_url, origin

PREFIX: Final = "did:web:"
MAX_DOCUMENT_BYTES: Final = 65_536
_SPEC: Final = "did:web, 3"
_HOST: Final = re.compile(r"\A([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?:%3A([1-9][0-9]{0,4}))?\Z")
_SEGMENT: Final = re.compile(r"\A[A-Za-z0-9._~-]{1,255}\Z")
_MAX_PORT: Final = 65_535


def locations(did: str) -> tuple[str, ...]:
    """The address of the document. Raises BadDid."""
    base, path = _split(did)
    return (f"{base}/{'/'.join(path)}/did.json" if path else f"{base}/.well-known/did.json",)


def read(did: str, body: bytes | None) -> PartyKeys:
    """The keys in the document, from the bytes at its address. Raises Malformed, TooLarge, BadDid or BadDidDocument."""
    _split(did)
    if body is None:
        raise ValueError("a did:web document is read from the bytes at its address")
    return keys_of_document(read_json(body, max_bytes=MAX_DOCUMENT_BYTES), did=did)


def web_did(base_url: str) -> str:
    """The DID of a service at `base_url`: `http://localhost:8101` is `did:web:localhost%3A8101`. Raises BadDid."""
    if not is_url(base_url) or "?" in base_url:
        raise BadDid("expected an https URL, or http on loopback", spec=_SPEC)
    parts = urlsplit(origin(base_url))
    path = urlsplit(base_url).path.strip("/")
    did = PREFIX + ":".join([parts.netloc.replace(":", "%3A"), *(path.split("/") if path else ())])
    if web_origin(did) != origin(base_url):
        raise BadDid("no did:web speaks for this address", spec=_SPEC)
    return did


def web_origin(did: str) -> str | None:
    """The origin that a did:web speaks for; None for DIDs of other methods. Raises BadDid for a broken did:web."""
    return _split(did)[0] if did.startswith(PREFIX) else None


def _split(did: str) -> tuple[str, list[str]]:
    host, *path = did.removeprefix(PREFIX).split(":")
    found = _HOST.match(host)
    if not did.startswith(PREFIX) or found is None or not all(_SEGMENT.match(one) and one.strip(".") for one in path):
        raise BadDid("expected did:web with a lower-case host, %3A before a port, and plain path segments", spec=_SPEC)
    name, port = found[1], found[2]
    authority = f"{name}:{port}" if port else name
    on_loopback = is_loopback(f"https://{name}")
    if (port and int(port) > _MAX_PORT) or (ends_in_number(name) and not on_loopback):
        raise BadDid("expected a host name and a port that exist", spec=_SPEC)
    return origin(f"{'http' if on_loopback else 'https'}://{authority}"), path
