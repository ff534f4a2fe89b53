"""`didkit-py did`: what a DID stands for, and which DID an address or a key has."""

import asyncio
import json
from pathlib import Path

from didkit_py.commands.key import read_key
from didkit_py.dids.jwk import jwk_did
from didkit_py.dids.key import key_did
from didkit_py.dids.methods import locations, read_document
from didkit_py.dids.web import MAX_DOCUMENT_BYTES, web_did
from didkit_py.encoding import Json, read_json
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.setup.commands import print_result


def print_document(did: str, loopback_origins: tuple[str, ...], *, as_json: bool) -> None:
    """Print the document of DID: did:web as it is published, did:key and did:jwk as they stand for it."""
    document = asyncio.run(fetch_or_derive(did, loopback_origins))
    print_result(document, json.dumps(document, indent=2), as_json=as_json)


async def fetch_or_derive(did: str, loopback_origins: tuple[str, ...]) -> Json:
    """The document as it came, once it is sure that it describes this DID.

    Raises BadDid, Malformed or BadDidDocument, or what the fetcher raises.
    """
    urls = locations(did)
    if not urls:
        return document_json(read_document(did))
    async with Fetcher(loopback_origins) as fetcher:
        body = (await fetcher.get(urls[0], max_bytes=MAX_DOCUMENT_BYTES)).body
    read_document(did, body)
    return read_json(body, max_bytes=MAX_DOCUMENT_BYTES)


def document_json(keys: PartyKeys) -> dict[str, Json]:
    """A document of keys alone as JSON."""
    methods: list[Json] = [
        {"id": key_id, "type": "JsonWebKey", "controller": keys.id, "publicKeyJwk": one.key.to_jwk()}
        for key_id, one in keys.keys.items()
    ]
    purposes: dict[str, Json] = {
        purpose.value: [*sorted(keys.purposes[purpose])] for purpose in KeyPurpose if keys.purposes[purpose]
    }
    return {"id": keys.id, "verificationMethod": methods, **purposes}


def print_web(url: str, *, as_json: bool) -> None:
    """Print the did:web that speaks for URL, and where its document must stand."""
    did = web_did(url)
    (place,) = locations(did)
    print_result({"did": did, "document": place}, f"{did}\nIts document: {place}", as_json=as_json)


def print_key(file: Path, *, as_json: bool) -> None:
    """Print the did:key and did:jwk of the public key in FILE (a JWK; - reads the standard input)."""
    public = read_key(file)
    named = {"did_key": key_did(public), "did_jwk": jwk_did(public)}
    print_result(named, "\n".join(named.values()), as_json=as_json)
