"""SD-JWT (RFC 9901) alone: salts, disclosures, digests, and the payload that they add up to.

A digest covers the encoded text of a disclosure exactly as it came, so nothing here is ever written anew. What the
claims mean, who signed them and whether they still hold is for `sd_jwt_vc` and above.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from didkit_py.credentials.credential import Path_
from didkit_py.encoding import MAX_JSON_DEPTH, Json, b64url, from_b64url, read_json, write_json
from didkit_py.errors import BadDisclosure, Malformed, TooLarge
from didkit_py.jose import MAX_TOKEN, UnverifiedJws, parse_compact

MAX_DISCLOSURES: Final = 200  # the richest type of ours has 13
MAX_CHARACTERS: Final = MAX_TOKEN
SALT_BYTES: Final = 16  # RFC 9901, 9.3: 128 bits
HASH: Final = "sha-256"
TYPES: Final = ("dc+sd-jwt", "vc+sd-jwt")  # the second is the name until November 2024
_SD: Final = "_sd"
_SD_ALG: Final = "_sd_alg"
_DOTS: Final = "..."
_RESERVED: Final = frozenset({_SD, _DOTS})
_SPECIAL: Final = frozenset({_SD, _SD_ALG, _DOTS})
_ITEM_SIZE: Final = 2  # salt and value: an array's item has no name
_SIZES: Final = (_ITEM_SIZE, 3)
_TEXT: Final = frozenset({str})
_NESTED: Final = frozenset({dict, list})
_RULES: Final = "RFC 9901, 7.1"


class Disclosure(NamedTuple):
    """One hidden claim laid open. A tuple: many are made, and a frozen dataclass costs thrice that."""

    text: str
    digest: str
    salt: str
    name: str | None  # None: an item of an array
    value: Json

    def __repr__(self) -> str:
        """The digest, which says nothing; never the value."""
        return f"Disclosure({self.digest})"


class ProcessedPayload(NamedTuple):
    """The signed claims with the disclosed ones in their places, and the paths of the disclosed ones."""

    claims: dict[str, Json]
    paths: tuple[Path_, ...]

    def __repr__(self) -> str:
        """The paths, never a value."""
        return f"ProcessedPayload(paths={self.paths!r})"


class UnverifiedSdJwt(NamedTuple):
    """An SD-JWT that was read and not judged."""

    jws: UnverifiedJws
    payload: dict[str, Json]  # what the issuer signed, digests still in it; not to be changed
    disclosures: tuple[Disclosure, ...]
    kb_jwt: str | None
    issuer_signed: str
    presented: str  # up to and including the last "~", which is what key binding covers

    def __repr__(self) -> str:
        """The disclosures' digests, never a value."""
        return f"UnverifiedSdJwt(disclosures={self.disclosures!r})"

    @property
    def processed(self) -> ProcessedPayload:
        """The payload with its disclosures in place, worked out anew. Raises BadDisclosure or TooLarge."""
        return process(self.payload, self.disclosures)


def parse_sd_jwt(text: str, *, typ: str | tuple[str, ...] = TYPES) -> UnverifiedSdJwt:
    """Read the compact form (RFC 9901, 4).

    Raises Malformed, TooLarge, WrongType, UnsupportedAlgorithm or BadDisclosure.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"SD-JWT is longer than {MAX_CHARACTERS} characters")
    presented, tilde, last = text.rpartition("~")
    if not tilde:
        raise Malformed('expected an SD-JWT with "~" after each part', spec="RFC 9901, 4")
    issuer_signed, *disclosed = presented.split("~")
    if len(disclosed) > MAX_DISCLOSURES:
        raise TooLarge(f"SD-JWT has more than {MAX_DISCLOSURES} disclosures")
    jws = parse_compact(issuer_signed, typ=typ)
    return UnverifiedSdJwt(
        jws=jws,
        payload=jws.claims(),
        disclosures=tuple(map(parse_disclosure, disclosed)),
        kb_jwt=last or None,
        issuer_signed=issuer_signed,
        presented=presented + tilde,
    )


def parse_disclosure(text: str) -> Disclosure:
    """Read one disclosure (RFC 9901, 4.2). Raises Malformed or BadDisclosure."""
    parts = read_json(from_b64url(text))
    if not isinstance(parts, list) or len(parts) not in _SIZES:
        raise BadDisclosure("a disclosure is an array of a salt, perhaps a name, and a value", spec="RFC 9901, 4.2")
    salt, value = parts[0], parts[-1]
    name: str | None = None
    if len(parts) > _ITEM_SIZE:
        if not isinstance(parts[1], str) or parts[1] in _RESERVED:
            raise BadDisclosure("a disclosure's name is no text, or is reserved", spec=_RULES)
        name = parts[1]
    if not isinstance(salt, str):
        raise BadDisclosure("a disclosure's salt is no text", spec="RFC 9901, 4.2")
    return Disclosure(text, digest_of(text), salt, name, value)


def digest_of(text: str) -> str:
    """The digest by which the issuer refers to a disclosure, over its encoded text (RFC 9901, 4.2.3)."""
    return b64url(sha256(text.encode("ascii")).digest())


def process(payload: dict[str, Json], disclosures: Iterable[Disclosure]) -> ProcessedPayload:
    """Put the disclosed claims in their places (RFC 9901, 7.1 steps 2 to 5). Raises BadDisclosure or TooLarge."""
    if payload.get(_SD_ALG, HASH) != HASH:
        raise BadDisclosure("_sd_alg: expected sha-256", spec=_RULES)
    unfolding = _Unfolding(disclosures)
    claims = unfolding.members(payload, ())
    if unfolding.waiting:
        raise BadDisclosure("a disclosure belongs to no digest of the credential", spec=_RULES)
    return ProcessedPayload(claims, tuple(unfolding.paths))


class _Unfolding:
    """One walk over a payload: each digest is met once, each disclosure is used once."""

    __slots__ = ("met", "paths", "waiting")

    def __init__(self, disclosures: Iterable[Disclosure]) -> None:
        known = tuple(disclosures)
        self.waiting = {disclosure.digest: disclosure for disclosure in known}
        self.met: set[str] = set()
        self.paths: list[Path_] = []
        if len(self.waiting) != len(known):
            raise BadDisclosure("a disclosure is there twice", spec=_RULES)

    def members(self, members: dict[str, Json], at: Path_) -> dict[str, Json]:
        """One object: what is plain first, since a disclosed name must not meet a plain one."""
        if len(at) >= MAX_JSON_DEPTH:  # disclosures can nest in disclosures, so each text's own bound is not enough
            raise TooLarge(f"SD-JWT is nested deeper than {MAX_JSON_DEPTH} levels")
        found = members.copy()
        if not _SPECIAL.isdisjoint(members):
            if _DOTS in members or (_SD_ALG in members and at):
                raise BadDisclosure("a reserved name stands where it must not", spec="RFC 9901, 4.1")
            found.pop(_SD, None)
            found.pop(_SD_ALG, None)
        if not _NESTED.isdisjoint(map(type, found.values())):  # most objects hold no other
            for name, value in found.items():  # which the loop gives new values, and no new names
                if type(value) in _NESTED:
                    found[name] = self.value(value, (*at, name))
        if _SD in members:
            self.disclose(members[_SD], found, at)
        return found

    def disclose(self, digests: Json, found: dict[str, Json], at: Path_) -> None:
        """Put what is disclosed under `digests` among the plain members; other digests stay hidden or are decoys."""
        if not isinstance(digests, list) or not _TEXT.issuperset(map(type, digests)):
            raise BadDisclosure("_sd: expected an array of digests", spec=_RULES)
        self.meet(digests)
        for disclosure in [self.waiting.pop(digest) for digest in digests if digest in self.waiting]:
            name = disclosure.name
            if name is None or name in found:
                raise BadDisclosure("a disclosure has no name here, or the name of another claim", spec=_RULES)
            place = (*at, name)
            self.paths.append(place)
            found[name] = self.value(disclosure.value, place)

    def meet(self, digests: list[Any]) -> None:
        """A digest stands at one place of the whole payload."""
        fresh = frozenset(digests)
        if len(fresh) != len(digests) or not self.met.isdisjoint(fresh):
            raise BadDisclosure("a digest is there twice", spec=_RULES)
        self.met |= fresh

    def value(self, value: Json, at: Path_) -> Json:
        if isinstance(value, dict):
            return self.members(value, at)
        return self.items(value, at) if isinstance(value, list) else value

    def items(self, items: list[Json], at: Path_) -> list[Json]:
        """One array: an item that nobody disclosed leaves no gap."""
        if len(at) >= MAX_JSON_DEPTH:
            raise TooLarge(f"SD-JWT is nested deeper than {MAX_JSON_DEPTH} levels")
        if _NESTED.isdisjoint(map(type, items)):
            return items.copy()
        found: list[Json] = []
        for item in items:
            place = (*at, len(found))
            if not (isinstance(item, dict) and item.keys() == {_DOTS}):
                found.append(self.value(item, place))
            elif (disclosure := self.take(item[_DOTS])) is not None:
                self.paths.append(place)
                found.append(self.value(disclosure.value, place))
        return found

    def take(self, digest: Json) -> Disclosure | None:
        """The disclosure of an array's item; None for what is kept hidden and for decoys."""
        if not isinstance(digest, str):
            raise BadDisclosure("expected a digest", spec=_RULES)
        self.meet([digest])
        disclosure = self.waiting.pop(digest, None)
        if disclosure is not None and disclosure.name is not None:
            raise BadDisclosure("a disclosure of an array's item has a name", spec=_RULES)
        return disclosure


def hide(
    claims: Mapping[str, Json], paths: Collection[tuple[str, ...]], *, salts: Callable[[], bytes]
) -> tuple[dict[str, Json], list[str]]:
    """The claims with those at `paths` replaced by digests, and the disclosures in the order of `paths`.

    A path that is not there gets a decoy, so that the number of digests says nothing (RFC 9901, 4.2.5). `salts` gives
    16 fresh random bytes at each call. The digests stand sorted, so that their order says nothing either.
    """
    objects: dict[tuple[str, ...], dict[str, Json]] = {(): dict(claims)}
    digests: dict[tuple[str, ...], list[str]] = {}
    disclosures: list[str] = []
    for path in paths:
        parent, name = path[:-1], path[-1]
        if parent not in digests:
            _open(objects, parent)
            digests[parent] = []
        members, text = objects[parent], b64url(salts())
        if name in members:
            text = b64url(write_json([text, name, members.pop(name)]))
            disclosures.append(text)
        digests[parent].append(digest_of(text))
    for parent, found in digests.items():
        objects[parent][_SD] = sorted(found)  # type: ignore[assignment] # a list of texts is Json
    return objects[()], disclosures


def _open(objects: dict[tuple[str, ...], dict[str, Json]], path: tuple[str, ...]) -> dict[str, Json]:
    """The object at `path` as a copy of our own inside its parent, empty when it was not there."""
    if path not in objects:
        parent = _open(objects, path[:-1])
        inner = parent.get(path[-1], {})
        if not isinstance(inner, dict):
            raise TypeError("a hidden claim's parent is no object")
        parent[path[-1]] = objects[path] = dict(inner)
    return objects[path]
