"""What a DID document says of the keys that speak for its DID (DID Core 1.0; Controlled Identifiers 1.0).

An entry that we cannot read is passed over, since one key of another kind must not make the others useless. What is
looked for and was passed over is simply not found. An id that two different methods have names neither of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from didkit_py.encoding import Json, from_rfc3339
from didkit_py.errors import BadDid, BadDidDocument, Malformed
from didkit_py.keys.party import KeyPurpose, PartyKey, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.reading import Reader

MAX_METHODS: Final = 64  # a document of ours has one to three
DECENTRALIZED_IDENTIFIER: Final = "decentralized_identifier"  # the prefix of its client ids (OpenID4VP 1.0, 5.9.3)
_DID: Final = re.compile(r"\Adid:[a-z0-9]{1,32}:[A-Za-z0-9._%:-]{1,4096}\Z")
_END_OF_DID: Final = re.compile(r"[/?#]")
_FRAGMENT: Final = re.compile(r"\A#[A-Za-z0-9._~!$&'()*+,;=:@%-]{1,4096}\Z")
_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1")
_JWK_TYPES: Final = frozenset({"JsonWebKey", "JsonWebKey2020"})
_MULTIKEY_TYPES: Final = frozenset({"Multikey", "Ed25519VerificationKey2020"})


def did_of(did_url: str) -> str:
    """The DID in a DID URL, without path, query and fragment. Raises BadDid."""
    did = _END_OF_DID.split(did_url, maxsplit=1)[0]
    if not _DID.match(did):
        raise BadDid("expected a DID or a DID URL", spec="DID Core 1.0, 3.1")
    return did


def keys_of_document(body: Json, *, did: str) -> PartyKeys:
    """The keys that the document `body` lists for `did`.

    Raises BadDidDocument when it describes another DID, Malformed for its shape, and either when an entry that
    names no single key leaves no other.
    """
    read = Reader(body, at="did_document")
    if read.text("id") != did:
        raise BadDidDocument("the document's id is not the DID that was asked for", spec="DID Core 1.0, 5.1.1")
    # It says so itself, or in the metadata that resolvers put beside it (DID Core 1.0, 7.1.3). Whatever is said but
    # false counts: an owner that wrote "yes" meant it.
    metadata = read.members.get("didDocumentMetadata")
    said = [at.get("deactivated") for at in (read.members, metadata) if isinstance(at, dict)]
    if any(one is not None and one is not False for one in said):
        return _party_keys(did, {}, {}, withdrawn=True)
    listed, purposes, embedded = _entries(read, "verificationMethod"), {}, []
    for purpose in KeyPurpose:
        entries = _entries(read, purpose)
        purposes[purpose] = frozenset(map(partial(_name, did=did), entries))
        # One that stands for several purposes stands in each; only another one under its id makes that ambiguous.
        embedded += [entry for entry in entries if isinstance(entry, dict) and entry not in embedded]
    named: defaultdict[str, list[dict[str, Json]]] = defaultdict(list)
    for entry in (*listed, *embedded):
        if isinstance(entry, dict):
            named[_name(entry, did)].append(entry)
    methods = {
        name: method
        for name, (entry, *others) in named.items()
        if not others and (method := _method(entry, name, did)) is not None
    }
    if not methods and any(not _name(entry, did) or isinstance(entry, str) for entry in listed):
        raise Malformed(f"{read.path('verificationMethod')}: expected objects with an id", spec="DID Core 1.0, 5.2")
    if not methods and any(len(entries) > 1 for entries in named.values()):
        raise BadDidDocument("two methods have the same id", spec="CID 1.0, 2.2")
    return _party_keys(did, methods, purposes)


def _party_keys(
    did: str,
    keys: Mapping[str, PartyKey],
    purposes: Mapping[KeyPurpose, frozenset[str]],
    *,
    withdrawn: bool = False,
) -> PartyKeys:
    return PartyKeys(
        id=did,
        proven_by=":".join(did.split(":", 2)[:2]),  # the method
        keys=MappingProxyType(dict(keys)),
        purposes=MappingProxyType(dict(purposes)),
        withdrawn=withdrawn,
        client_id_prefixes=(DECENTRALIZED_IDENTIFIER,),
    )


def _entries(read: Reader, name: str) -> list[Json]:
    return read.items(name, max_items=MAX_METHODS) if read.has(name) else []


def _method(entry: dict[str, Json], name: str, did: str) -> PartyKey | None:
    """The key of a method, or None: of another document, revoked, or of a kind or spelling that we cannot use.

    Its controller need not be the document's own id (CID 1.0, 2.2).
    """
    expires, controller = entry.get("expires"), entry.get("controller")
    if not name.startswith(f"{did}#") or entry.get("revoked") is not None or not isinstance(controller, str):
        return None
    try:
        key = _key(entry)
        expires_at = from_rfc3339(expires) if isinstance(expires, str) else None
    except Malformed:
        return None
    if key is None or (expires is not None and expires_at is None):
        return None
    return PartyKey(key=key, expires_at=expires_at)


def _key(entry: dict[str, Json]) -> PublicKey | None:
    kind, text = entry.get("type"), entry.get("publicKeyMultibase")
    if not isinstance(kind, str):
        return None
    if kind in _JWK_TYPES:
        jwk = entry.get("publicKeyJwk")
        return PublicKey.from_jwk(jwk, optional=True) if _is_for_signatures(jwk) else None
    if kind in _MULTIKEY_TYPES and isinstance(text, str):
        return PublicKey.from_multikey(text)
    return None


def _is_for_signatures(jwk: Json) -> bool:
    """Whether the key's owner means it for signatures, or does not say (RFC 7517, 4.2 and 4.3)."""
    if not isinstance(jwk, dict):
        return False
    use, operations = jwk.get("use"), jwk.get("key_ops")
    return use in (None, "sig") and (operations is None or (isinstance(operations, list) and "verify" in operations))


def _name(entry: Json, did: str) -> str:
    """The id of a method, or of the one that a text refers to; empty where there is none.

    A fragment alone belongs to the document that it stands in (DID Core 1.0, 3.2.2). Any other URL may stand there
    (CID 1.0, 2.2), such as `urn:uuid:…`: it names no key of this DID.
    """
    name = entry.get("id") if isinstance(entry, dict) else entry
    if not isinstance(name, str):
        return ""
    return did + name if _FRAGMENT.match(name) else name


def create_document(did: str, keys: Mapping[str, PublicKey]) -> dict[str, Json]:
    """The document to publish: `keys` by fragment, each to sign in and to assert."""
    names: list[Json] = [f"{did}#{fragment}" for fragment in keys]
    return {
        "@context": list(_CONTEXTS),
        "id": did,
        "verificationMethod": [
            {"id": f"{did}#{fragment}", "type": "JsonWebKey", "controller": did, "publicKeyJwk": key.to_jwk()}
            for fragment, key in keys.items()
        ],
        KeyPurpose.AUTHENTICATION.value: names,
        KeyPurpose.ASSERTION.value: list(names),
    }


def create_deactivated_document(did: str) -> dict[str, Json]:
    """The document of a DID whose owner withdrew it: no key serves. It is kept where the address answered with 410."""
    return {"id": did, "deactivated": True}


def keys_of_one(did: str, fragment: str, key: PublicKey, purposes: Iterable[KeyPurpose]) -> PartyKeys:
    """The keys of a DID that is itself the key."""
    key_id = f"{did}#{fragment}"
    serving, allowed = frozenset({key_id}), frozenset(purposes)
    return _party_keys(
        did, {key_id: PartyKey(key=key)}, {each: serving if each in allowed else frozenset() for each in KeyPurpose}
    )
