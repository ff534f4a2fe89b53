"""Compact and two-party JWS, and JWE. The caller always names the type of token that it expects.

The gate is the same for every token: a listed algorithm that fits the key, the expected `typ`, no `crit`, no key or
address inside the header unless the caller reads proofs of possession. Advisories of three years are these omissions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from didkit_py.encoding import Json, b64url, from_b64url, read_json, write_json
from didkit_py.errors import BadSignature, CannotOpen, Malformed, TooLarge, UnsupportedAlgorithm, WrongType
from didkit_py.keys.algorithms import KEY_AGREEMENT
from didkit_py.keys.names import ALG_NAMES, ALL_ALG_NAMES
from didkit_py.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from didkit_py.keys.public import PublicKey
    from didkit_py.keys.signer import Signer

MAX_TOKEN: Final = 131_072  # characters; the largest of ours, a request with three credentials inside, has about 20,000
MAX_JWE: Final = 262_144
KEY_HEADER: Final = frozenset({"jwk"})  # honoured where a token is checked by the key that it brings
CONTENT_ENCRYPTIONS: Final = ("A128GCM", "A256GCM")
# Members that bring a key, an address or a rule of their own. None is honoured unless the caller asks for it.
_FORBIDDEN_HEADERS: Final = frozenset({"crit", "b64", "zip", "jku", "x5u", "x5c", "jwk", "enc", "jwt"})


class UnverifiedJws(NamedTuple):
    """A compact JWS that was read and not judged. A tuple: making a frozen dataclass costs thrice that."""

    header: Mapping[str, Json]
    payload: bytes
    signature: bytes
    signing_input: bytes

    def __repr__(self) -> str:
        """The kind of token, never what it says."""
        return f"UnverifiedJws({self.header.get('typ')})"

    @property
    def alg(self) -> str:
        """The algorithm that the header names."""
        return str(self.header["alg"])

    @property
    def kid(self) -> str | None:
        """The key that the header names."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    def claims(self) -> dict[str, Json]:
        """The payload as an object, not yet verified. Raises Malformed."""
        claims = read_json(self.payload)
        if not isinstance(claims, dict):
            raise Malformed("payload: expected an object")
        return claims


def parse_compact(
    text: str, *, typ: str | tuple[str, ...], honoured: frozenset[str] = frozenset(), max_length: int = MAX_TOKEN
) -> UnverifiedJws:
    """Read a compact JWS of the type(s) `typ`; `honoured` names header members the caller deals with itself.

    Raises Malformed, TooLarge, WrongType or UnsupportedAlgorithm.
    """
    if len(text) > max_length:
        raise TooLarge(f"token is longer than {max_length} characters")
    signing_input, _, signature = text.rpartition(".")
    protected, dot, payload = signing_input.partition(".")
    if not dot or "." in payload:
        raise Malformed("expected a compact JWS of three parts", spec="RFC 7515, 7.1")
    header = _read_header(protected, typ, honoured)
    return UnverifiedJws(header, from_b64url(payload), from_b64url(signature), signing_input.encode("ascii"))


@lru_cache(maxsize=512)  # an issuer's header is the same in all its tokens, and costs a tenth of a signature check
def _read_header(encoded: str, typ: str | tuple[str, ...], honoured: frozenset[str]) -> Mapping[str, Json]:
    header = read_json(from_b64url(encoded), max_bytes=16_384)
    if not isinstance(header, dict):
        raise Malformed("expected a JWS header object", spec="RFC 7515, 4")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALL_ALG_NAMES:  # whether it counts is the key's matter
        raise UnsupportedAlgorithm(f"expected alg {' or '.join(ALG_NAMES)}", spec="RFC 8725, 3.1")
    kinds = (typ,) if isinstance(typ, str) else typ
    stated = header.get("typ")
    # Media types may leave out `application/` and are compared without case (RFC 7515, 4.1.9).
    if (stated.lower().removeprefix("application/") if isinstance(stated, str) else stated) not in kinds:
        raise WrongType(f"expected a token of type {' or '.join(kinds)}", spec="RFC 8725, 3.11")
    for name in (_FORBIDDEN_HEADERS - honoured) & header.keys():
        raise UnsupportedAlgorithm(f"header member {name} is not accepted here", spec="RFC 8725, 3.10")
    return MappingProxyType(header)


def verify_compact(jws: UnverifiedJws, key: PublicKey) -> dict[str, Json]:
    """The payload's members, once the signature holds. Raises BadSignature or UnsupportedAlgorithm."""
    key.verify(jws.signature, jws.signing_input, alg=jws.alg)
    return jws.claims()


async def sign_compact(
    claims: Mapping[str, Json], *, typ: str, signer: Signer, header: Mapping[str, Json] | None = None
) -> str:
    """A compact JWS over a JSON payload; `kid` is the signer's when it has one."""
    return await sign_octets(write_json(claims), typ=typ, signer=signer, header=header)


async def sign_octets(payload: bytes, *, typ: str, signer: Signer, header: Mapping[str, Json] | None = None) -> str:
    """A compact JWS over any payload."""
    signing_input = f"{_protected(typ, signer, header)}.{b64url(payload)}"
    return f"{signing_input}.{b64url(await signer.sign(signing_input.encode('ascii')))}"


def _protected(typ: str, signer: Signer, header: Mapping[str, Json] | None) -> str:
    if header:
        return b64url(write_json(_common_header(typ, signer.alg, signer.key_id) | dict(header)))
    return _plain_header(typ, signer.alg, signer.key_id)


@lru_cache(maxsize=64)
def _plain_header(typ: str, alg: str, key_id: str) -> str:
    return b64url(write_json(_common_header(typ, alg, key_id)))


def _common_header(typ: str, alg: str, key_id: str) -> dict[str, Json]:
    header: dict[str, Json] = {"alg": alg, "typ": typ}
    return header | ({"kid": key_id} if key_id else {})


@dataclass(frozen=True, slots=True)
class PartySignature:
    """One entry of a JWS in general JSON serialization: protected header (base64url) and signature."""

    protected: str
    signature: str

    def header(self, *, typ: str, honoured: frozenset[str] = frozenset()) -> dict[str, Json]:
        """The protected header after the same gate as a compact token."""
        return dict(_read_header(self.protected, typ, honoured))


@dataclass(frozen=True, slots=True)
class JointlySigned:
    """A payload with one signature per party (RFC 7515, 7.2.1). The payload bytes are what both sides compare."""

    payload: bytes
    signatures: tuple[PartySignature, ...]

    @classmethod
    def from_json(cls, body: Json, *, max_signatures: int = 2) -> JointlySigned:
        """Read shape only. Raises Malformed."""
        read = Reader(body, at="jws")
        entries = read.objects("signatures", at_least=1, max_items=max_signatures)
        return cls(
            from_b64url(read.text("payload")),
            tuple(PartySignature(entry.text("protected"), entry.text("signature")) for entry in entries),
        )

    def to_json(self) -> dict[str, Json]:
        """The general JSON serialization."""
        return {
            "payload": b64url(self.payload),
            "signatures": [{"protected": one.protected, "signature": one.signature} for one in self.signatures],
        }

    def verify(self, place: int, key: PublicKey, *, typ: str, honoured: frozenset[str] = frozenset()) -> None:
        """Check the signature at `place`. Raises BadSignature, WrongType or UnsupportedAlgorithm."""
        if place >= len(self.signatures):
            raise BadSignature("a party's signature is missing", spec="RFC 7515, 7.2.1")
        one = self.signatures[place]
        alg = str(one.header(typ=typ, honoured=honoured)["alg"])
        message = f"{one.protected}.{b64url(self.payload)}".encode("ascii")
        key.verify(from_b64url(one.signature), message, alg=alg)

    async def countersign(self, signer: Signer, *, typ: str, header: Mapping[str, Json] | None = None) -> JointlySigned:
        """The same payload with one more signature."""
        protected = _protected(typ, signer, header)
        signature = await signer.sign(f"{protected}.{b64url(self.payload)}".encode("ascii"))
        return JointlySigned(self.payload, (*self.signatures, PartySignature(protected, b64url(signature))))


def encrypt(plain: bytes, *, jwk: Mapping[str, Json], enc: str, header: Mapping[str, Json] | None = None) -> str:
    """A compact JWE for the holder of `jwk` by ECDH-ES (RFC 7518, 4.6). Raises Malformed for an unusable key."""
    from jwcrypto import jwe  # noqa: PLC0415 - 160 ms to import, wanted by few
    from jwcrypto import jwk as jwks  # noqa: PLC0415

    protected = {
        "alg": "ECDH-ES",
        "enc": enc,
        **({"kid": jwk["kid"]} if jwk.get("kid") is not None else {}),
        **(header or {}),
    }
    try:
        token = jwe.JWE(plain, protected=write_json(protected).decode())
        token.add_recipient(jwks.JWK(**{name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}))
        return str(token.serialize(compact=True))
    except (jwks.InvalidJWKValue, jwks.InvalidJWKType, jwe.InvalidJWEData, ValueError, KeyError) as error:
        raise Malformed("the encryption key is not usable", spec="RFC 7518, 4.6") from error


def parse_jwe_header(text: str) -> dict[str, Json]:
    """The protected header of a compact JWE after the gate: ECDH-ES, AES-GCM, no compression.

    Raises Malformed, TooLarge or UnsupportedAlgorithm.
    """
    if len(text) > MAX_JWE:
        raise TooLarge(f"JWE is longer than {MAX_JWE} characters")
    if text.count(".") != 4:  # noqa: PLR2004
        raise Malformed("expected a compact JWE of five parts", spec="RFC 7516, 7.1")
    header = read_json(from_b64url(text.partition(".")[0]), max_bytes=16_384)
    if not isinstance(header, dict):
        raise Malformed("expected a JWE header object", spec="RFC 7516, 4")
    if header.get("alg") != "ECDH-ES" or header.get("enc") not in CONTENT_ENCRYPTIONS:
        raise UnsupportedAlgorithm("expected ECDH-ES with A128GCM or A256GCM", spec="OpenID4VP 1.0, 8.3")
    for name in {"zip", "crit", "p2c", "p2s", "jku", "x5u"} & header.keys():
        raise UnsupportedAlgorithm(f"header member {name} is not accepted here", spec="RFC 8725, 3.6")
    return header


def decrypt(text: str, *, private_jwk: Mapping[str, Json]) -> bytes:
    """The plain bytes of a compact JWE. Raises CannotOpen, or what `parse_jwe_header` raises."""
    from jwcrypto import jwe  # noqa: PLC0415 - 160 ms to import, wanted by few
    from jwcrypto import jwk as jwks  # noqa: PLC0415

    parse_jwe_header(text)
    _, wrapped_key, *parts = text.split(".")
    if wrapped_key or not all(map(from_b64url, parts)):  # the library below reads other spellings as the same bytes
        raise Malformed("expected a JWE with an empty encrypted key and four full parts", spec="RFC 7516, 5.2")
    try:
        token = jwe.JWE(algs=["ECDH-ES", *CONTENT_ENCRYPTIONS])
        token.deserialize(text, jwks.JWK(**private_jwk))
    except (jwe.InvalidJWEData, jwe.InvalidJWEOperation, jwks.InvalidJWKValue, ValueError) as error:
        raise CannotOpen("the JWE does not open with our key", spec="RFC 7516, 5.2") from error
    return bytes(token.payload)


def usable_encryption_key(keys: Sequence[Json]) -> dict[str, Json] | None:
    """The first P-256 key that is meant for ECDH-ES; keys of other kinds are passed over (OpenID4VP 1.0, 8.3)."""
    for key in keys:
        if (
            isinstance(key, dict)
            and (key.get("kty"), key.get("crv")) == (KEY_AGREEMENT.kty, KEY_AGREEMENT.crv)
            and key.get("alg") == "ECDH-ES"
            and key.get("use") in (None, "enc")
        ):
            return key
    return None
