"""A credential format that is nothing like SD-JWT: what a new one brings is this file and its row, TOY.

It is binary (MessagePack, carried as base64url). Issuers are named by a web address and their keys by thumbprint. The
issuer signs the root of a Merkle tree, with one leaf for what is always shown and one for each claim that can be held
back. A credential holds no key of its holder, only a thumbprint. To present is to make a new proof: of the tree, only
the chosen leaves with the hashes on their way to the root are shown, and one presentation holds all the credentials
that answer a request, with a signature by the holder of each over all of them.

Credential: [1, header, signature, [leaf, ...]]; presentation: [2, [[header, signature, [[place, leaf, [hash, ...]],
...]], ...], made at, [[jwk, alg, signature], ...]]. A leaf is [salt, path, value], where no path means the claims that
are always shown, and a decoy has no value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import msgspec

from didkit_py.credentials.credential import (
    Credential,
    Path_,
    ProtocolMember,
    ReadCredential,
    SecuredCredential,
    StatusReference,
)
from didkit_py.encoding import Json, b64url, from_b64url, from_timestamp, timestamp
from didkit_py.errors import BadDisclosure, BadKeyBinding, Malformed
from didkit_py.formats.format import Format, ToPresent
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer

ID: Final = "toy-tree"
MAX_AGE: Final = timedelta(minutes=10)
PROTOCOL: Final[Mapping[str, ProtocolMember]] = MappingProxyType(
    {
        "maker": ProtocolMember.ISSUER,
        "kind": ProtocolMember.TYPE,
        "edition": ProtocolMember.TYPE_VERSION,
        "made": ProtocolMember.ISSUED_AT,
        "ends": ProtocolMember.ENDS_AT,
        "owner": ProtocolMember.HOLDER_KEY,
        "standing-list": ProtocolMember.STATUS,
    }
)


class _Header(msgspec.Struct, array_like=True, frozen=True):
    """What the issuer signs."""

    maker: str
    kind: str
    edition: str
    key: str  # thumbprint of the key that signs
    alg: str
    made: int
    ends: int
    subject: str | None
    owner: str | None  # thumbprint of the holder's key
    status: tuple[str, int] | None
    leaves: int
    root: bytes


class _Shown(msgspec.Struct, array_like=True, frozen=True):
    place: int
    leaf: bytes
    way: tuple[bytes, ...]  # the hashes beside it, from the leaf up


class _Card(msgspec.Struct, array_like=True, frozen=True):
    header: bytes
    signature: bytes
    shown: tuple[_Shown, ...]


class _Proof(msgspec.Struct, array_like=True, frozen=True):
    jwk: dict[str, Any]
    alg: str
    signature: bytes


class _Held(msgspec.Struct, array_like=True, frozen=True, tag=1):
    header: bytes
    signature: bytes
    leaves: tuple[bytes, ...]


class _Presentation(msgspec.Struct, array_like=True, frozen=True, tag=2):
    cards: tuple[_Card, ...]
    made: int
    proofs: tuple[_Proof, ...]


_ENCODE: Final = msgspec.msgpack.encode


def _layers(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every layer of the tree over `leaves`, the root alone last; an odd one goes up as it is."""
    layers = [[sha256(b"\0" + leaf).digest() for leaf in leaves]]
    while len(layers[-1]) > 1:
        below = layers[-1]
        pairs = (below[place : place + 2] for place in range(0, len(below), 2))
        layers.append([pair[0] if len(pair) == 1 else sha256(b"\1" + b"".join(pair)).digest() for pair in pairs])
    return layers


def _way(layers: Sequence[Sequence[bytes]], place: int) -> tuple[bytes, ...]:
    found = []
    for layer in layers[:-1]:
        if place ^ 1 < len(layer):
            found.append(layer[place ^ 1])
        place //= 2
    return tuple(found)


def _root(shown: _Shown, count: int) -> bytes:
    """The root that a leaf leads to. Raises BadDisclosure when its way is too short or too long."""
    if not 0 <= shown.place < count:
        raise BadDisclosure("a leaf stands outside of its tree")
    way, place, found = list(shown.way), shown.place, sha256(b"\0" + shown.leaf).digest()
    while count > 1:
        if place ^ 1 < count:
            if not way:
                raise BadDisclosure("a leaf does not lead to the root")
            beside = way.pop(0)
            found = sha256(b"\1" + (beside + found if place % 2 else found + beside)).digest()
        place, count = place // 2, (count + 1) // 2
    if way:
        raise BadDisclosure("a leaf leads beyond the root")
    return found


async def secure(
    credential: Credential, *, holder_key: PublicKey | None, salts: Callable[[], bytes], signer: Signer
) -> SecuredCredential:
    """The credential with all its leaves; every one of a type has the same number."""
    hidden = [list(path) for path in credential.disclosable]
    open_claims = _without(dict(credential.claims), credential.disclosable)
    leaves = [_ENCODE([salts(), None, open_claims])]
    leaves += [_ENCODE([salts(), path, *_at(credential.claims, path)]) for path in hidden]
    header = _Header(
        maker=credential.issuer,
        kind=credential.vct,
        edition=credential.vct_integrity,
        key=signer.public.thumbprint,
        alg=signer.alg,
        made=timestamp(credential.issued_at),
        ends=timestamp(credential.expires_at),
        subject=credential.subject,
        owner=None if holder_key is None else holder_key.thumbprint,
        status=None if credential.status is None else (credential.status.uri, credential.status.index),
        leaves=len(leaves),
        root=_layers(leaves)[-1][0],
    )
    signed = _ENCODE(header)
    held = _Held(header=signed, signature=await signer.sign(signed), leaves=tuple(leaves))
    return SecuredCredential(format=ID, text=b64url(_ENCODE(held)))


def _at(claims: Mapping[str, Json], path: Sequence[str]) -> list[Json]:
    """The value at a path alone in a list; an empty one where there is none."""
    found: Any = claims
    for step in path:
        if not isinstance(found, dict) or step not in found:
            return []
        found = found[step]
    return [found]


def _without(claims: dict[str, Json], paths: Sequence[tuple[str, ...]]) -> dict[str, Json]:
    kept = {name: value for name, value in claims.items() if (name,) not in paths}
    for name, value in kept.items():
        below = [path[1:] for path in paths if path[0] == name]
        if isinstance(value, dict) and below:
            kept[name] = _without(value, below)
    return kept


@dataclass(frozen=True, slots=True)
class _Parsed:
    """One credential, held or shown."""

    header: _Header
    signed: bytes
    signature: bytes
    shown: tuple[_Shown, ...]
    presentation: _Presentation | None

    @property
    def issuer(self) -> str:
        return self.header.maker

    @property
    def vct(self) -> str:
        return self.header.kind

    @property
    def key_hint(self) -> str | None:
        return self.header.key

    @property
    def issuer_signed(self) -> str:
        return self.signed.hex()

    @property
    def has_proof(self) -> bool:
        return self.presentation is not None

    @property
    def status(self) -> StatusReference | None:
        status = self.header.status
        return None if status is None else StatusReference(uri=status[0], index=status[1])

    def salts(self) -> Sequence[str]:
        return [b64url(msgspec.msgpack.decode(one.leaf)[0]) for one in self.shown]

    def read(self) -> ReadCredential:
        header = self.header
        claims: dict[str, Json] = {"maker": header.maker, "kind": header.kind, "edition": header.edition}
        claims |= {"made": header.made, "ends": header.ends}
        claims |= {} if header.owner is None else {"owner": header.owner}
        claims |= {} if header.status is None else {"standing-list": [*header.status]}
        claims |= {} if header.subject is None else {"sub": header.subject}
        if len({one.place for one in self.shown}) != len(self.shown):
            raise BadDisclosure("a leaf is there twice")
        disclosed: list[Path_] = []
        for path, value in sorted(self._leaves(), key=lambda one: len(one[0])):
            _put(claims, path, value)
            disclosed += [path] if path else []
        return ReadCredential(
            format=ID,
            vct=header.kind,
            issuer=header.maker,
            subject=header.subject,
            claims=claims,
            protocol=PROTOCOL,
            disclosed=tuple(disclosed),
            issued_at=from_timestamp(header.made),
            not_before=None,
            expires_at=from_timestamp(header.ends),
            holder=header.owner,
            status=self.status,
            integrity=header.edition,
            key_hint=header.key,
        )

    def _leaves(self) -> Iterator[tuple[tuple[str, ...], Json]]:
        for one in self.shown:
            if _root(one, self.header.leaves) != self.header.root:
                raise BadDisclosure("a leaf is not of this tree")
            _, path, *value = msgspec.msgpack.decode(one.leaf)
            if value:  # a decoy has none
                yield tuple(path or ()), value[0]

    def verify_signature(self, key: PublicKey) -> None:
        key.verify(self.signature, self.signed, alg=self.header.alg)

    def verify_proof(
        self, holder: PublicKey | str, *, expected_nonce: str, expected_audience: str, now: datetime
    ) -> None:
        presentation = self.presentation
        if presentation is None:
            raise BadKeyBinding("there is no proof")
        if not now - MAX_AGE <= from_timestamp(presentation.made) <= now + timedelta(minutes=1):
            raise BadKeyBinding("the proof is too old or in the future")
        proofs = ((PublicKey.from_jwk(one.jwk), one) for one in presentation.proofs)
        found = next(((key, one) for key, one in proofs if key.thumbprint == holder), None)
        if found is None:
            raise BadKeyBinding("no proof is by the credential's holder")
        message = _ENCODE([expected_nonce, expected_audience, presentation.made, presentation.cards])
        found[0].verify(found[1].signature, message, alg=found[1].alg)


def _put(claims: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    if not path:
        claims.update(value if isinstance(value, dict) else {})
        return
    for step in path[:-1]:
        inner = claims.setdefault(step, {})
        if not isinstance(inner, dict):
            raise BadDisclosure("a claim stands below one that is no object")
        claims = inner
    claims[path[-1]] = value


def parse(text: str) -> Sequence[_Parsed]:
    """The credentials in a text."""
    try:
        body = msgspec.msgpack.decode(from_b64url(text), type=_Held | _Presentation)
        if isinstance(body, _Held):
            layers = _layers(body.leaves)
            shown = [_Shown(place, leaf, _way(layers, place)) for place, leaf in enumerate(body.leaves)]
            return [_parsed(_Card(body.header, body.signature, tuple(shown)), None)]
        return [_parsed(card, body) for card in body.cards]
    except (msgspec.MsgspecError, IndexError) as error:
        raise Malformed("expected a credential or a presentation of this format") from error


def _parsed(card: _Card, presentation: _Presentation | None) -> _Parsed:
    header = msgspec.msgpack.decode(card.header, type=_Header)
    return _Parsed(header, card.header, card.signature, card.shown, presentation)


async def present(
    chosen: Mapping[str, Sequence[ToPresent]], *, nonce: str, audience: str, now: datetime
) -> Mapping[str, Sequence[str]]:
    """One presentation of everything, under the id of each query."""
    asked = [one for some in chosen.values() for one in some]
    cards, made = tuple(_select(parse(one.text)[0], one.paths) for one in asked), timestamp(now)
    message = _ENCODE([nonce, audience, made, cards])
    proofs = [_Proof(dict(one.signer.public.to_jwk()), one.signer.alg, await one.signer.sign(message)) for one in asked]
    text = b64url(_ENCODE(_Presentation(cards, made, tuple(proofs))))
    return {query_id: [text] for query_id in chosen}


def _select(credential: _Parsed, paths: Sequence[Path_]) -> _Card:
    leaves = {tuple(msgspec.msgpack.decode(one.leaf)[1] or ()): one for one in credential.shown}
    if not {*paths} <= leaves.keys():
        raise ValueError("the credential holds no claim at a path that was chosen")
    return _Card(credential.signed, credential.signature, tuple(leaves[path] for path in ((), *paths)))


TOY: Final = Format(
    id=ID,
    protocol=PROTOCOL,
    sections=MappingProxyType({}),
    capabilities=MappingProxyType({"trees": ["sha-256"]}),
    issuer_of=lambda origin: origin,
    secure=secure,
    parse=parse,
    present=present,
    asked_types=lambda meta: meta.texts("kinds", at_least=1, max_items=10),
    issued_type=lambda configuration: configuration.text("kind"),
    type_members=lambda vct: {"kind": vct},
)
