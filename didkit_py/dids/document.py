"""DidDocument: which keys speak for a DID, and for which purpose (DID Core 1.0; Controlled Identifiers 1.0).

An entry that we cannot read is passed over, since one key of another kind must not make the others useless. What is
looked for and was passed over is simply not found. An id that two different methods have names neither of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Final, Self

from didkit_py.encoding import Json, from_rfc3339
from didkit_py.errors import BadDid, BadDidDocument, Malformed, UnknownKey, Untrusted
from didkit_py.keys.public import PublicKey
from didkit_py.reading import Reader

MAX_METHODS: Final = 64  # a document of ours has one to three
DEACTIVATED: Final = "did-deactivated"  # the reason where a document was withdrawn
_DID: Final = re.compile(r"\Adid:[a-z0-9]{1,32}:[A-Za-z0-9._%:-]{1,4096}\Z")
_END_OF_DID: Final = re.compile(r"[/?#]")
_FRAGMENT: Final = re.compile(r"\A#[A-Za-z0-9._~!$&'()*+,;=:@%-]{1,4096}\Z")
_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1")
_JWK_TYPES: Final = frozenset({"JsonWebKey", "JsonWebKey2020"})
_MULTIKEY_TYPES: Final = frozenset({"Multikey", "Ed25519VerificationKey2020"})


class KeyPurpose(StrEnum):
    """What a key may be used for (DID Core 1.0, 5.3)."""

    AUTHENTICATION = "authentication"
    ASSERTION = "assertionMethod"
    KEY_AGREEMENT = "keyAgreement"


def did_of(did_url: str) -> str:
    """The DID in a DID URL, without path, query and fragment. Raises BadDid."""
    did = _END_OF_DID.split(did_url, maxsplit=1)[0]
    if not _DID.match(did):
        raise BadDid("expected a DID or a DID URL", spec="DID Core 1.0, 3.1")
    return did


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationMethod:
    """One key of a document."""

    id: str  # absolute DID URL
    controller: str  # need not be the document's own id (CID 1.0, 2.2)
    key: PublicKey
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DidDocument:
    """The keys of one DID, each under its absolute DID URL."""

    id: str
    methods: Mapping[str, VerificationMethod]
    purposes: Mapping[KeyPurpose, frozenset[str]]
    deactivated: bool = False  # its owner withdrew it (DID Core 1.0, 8.2): no key of it serves any more

    @classmethod
    def from_json(cls, body: Json, *, did: str) -> Self:
        """The document of `did`.

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
            return cls(id=did, methods=MappingProxyType({}), purposes=MappingProxyType({}), deactivated=True)
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
        return cls(id=did, methods=MappingProxyType(methods), purposes=MappingProxyType(purposes))

    def key(self, kid: str | None, purpose: KeyPurpose, *, now: datetime | None = None) -> PublicKey:
        """The key that `kid` names, a DID URL or `#fragment`, if the document lists it for `purpose`.

        None is enough only where exactly one key serves. A key with an end date serves only a caller that says `now`.
        Raises UnknownKey, or Untrusted when the document was withdrawn.
        """
        if self.deactivated:
            raise Untrusted(
                "the signer's key document was withdrawn (410 or deactivated)",
                spec="DID Core 1.0, 8.2",
                hint="Nothing that this signer signed counts any more, unless it publishes its key document again.",
                reason=DEACTIVATED,
            )
        allowed = self.purposes.get(purpose, frozenset())
        if kid is None:
            serving = allowed & self.methods.keys()
            kid = next(iter(serving)) if len(serving) == 1 else ""
        elif kid.startswith("#"):
            kid = self.id + kid
        method = self.methods.get(kid) if kid in allowed else None
        if method is None:
            raise UnknownKey(f"the signer's document lists no such key for {purpose}", spec="DID Core 1.0, 5.3")
        if method.expires_at is not None and (now is None or now >= method.expires_at):
            raise UnknownKey("the key's time is over", spec="CID 1.0, 2.2")
        return method.key


def _entries(read: Reader, name: str) -> list[Json]:
    return read.items(name, max_items=MAX_METHODS) if read.has(name) else []


def _method(entry: dict[str, Json], name: str, did: str) -> VerificationMethod | None:
    """The method, or None: of another document, revoked, or of a kind or spelling that we cannot use."""
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
    return VerificationMethod(id=name, controller=controller, key=key, expires_at=expires_at)


def _key(entry: dict[str, Json]) -> PublicKey | None:
    kind, text = entry.get("type"), entry.get("publicKeyMultibase")
    if not isinstance(kind, str):
        return None
    if kind in _JWK_TYPES:
        jwk = entry.get("publicKeyJwk")
        return PublicKey.from_jwk(jwk) if _is_for_signatures(jwk) else None
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


def single_key_document(did: str, fragment: str, key: PublicKey, purposes: Iterable[KeyPurpose]) -> DidDocument:
    """The document of a DID that is itself the key."""
    method = VerificationMethod(id=f"{did}#{fragment}", controller=did, key=key)
    serving = frozenset({method.id})
    allowed = frozenset(purposes)
    return DidDocument(
        id=did,
        methods=MappingProxyType({method.id: method}),
        purposes=MappingProxyType({each: serving if each in allowed else frozenset() for each in KeyPurpose}),
    )
