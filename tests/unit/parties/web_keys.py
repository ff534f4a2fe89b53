"""A key source of the tests alone: a party is an https URL, its keys a JWK set at a well-known path.

It is no renamed DID: its key ids are bare names, its client prefix another, and it has a media type of its own.
"""

from typing import Final
from urllib.parse import urlsplit

from didkit_py.encoding import read_json, write_json
from didkit_py.errors import BadDid, BadDidDocument
from didkit_py.keys.party import KeyPurpose, PartyKey, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.parties.source import KeySource
from didkit_py.reading import Reader, is_url, origin

PREFIX: Final = "web_keys"
MEDIA_TYPE: Final = "application/x-web-keys+json"
_MAX_BYTES: Final = 10_000


def locations(party: str) -> tuple[str, ...]:
    if not is_url(party):
        raise BadDid("expected an https URL")
    return (f"{origin(party)}/.well-known/web-keys{urlsplit(party).path}",)


def read(party: str, body: bytes | None) -> PartyKeys:
    read = Reader(read_json(body or b"", max_bytes=_MAX_BYTES), at="web_keys")
    if read.text("issuer") != party:
        raise BadDidDocument("the keys are another party's")
    entries = read.objects("keys") if read.has("keys") else []
    keys = {one.text("kid"): PartyKey(key=PublicKey.from_jwk(one.members)) for one in entries}
    return PartyKeys(
        id=party,
        proven_by="web-keys",
        keys=keys,
        purposes={purpose: frozenset(keys) for purpose in (KeyPurpose.AUTHENTICATION, KeyPurpose.ASSERTION)},
        withdrawn=not read.has("keys"),
        client_id_prefixes=(PREFIX,),
    )


WEB_KEYS: Final = KeySource(
    what="an https URL",
    serves=is_url,
    party_of=lambda party: party,
    locations=locations,
    accept=MEDIA_TYPE,
    max_bytes=_MAX_BYTES,
    read=read,
    withdrawn=lambda party: write_json({"issuer": party}),
    origin=origin,
    names_key=lambda key_id, _: "#" not in key_id,
    client_id_prefixes=(PREFIX,),
)
