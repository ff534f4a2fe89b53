"""ALGORITHMS: one frozen row per signature algorithm; adding one is a row and its vectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import BadKey, BadSignature

_ES256: Final = ec.ECDSA(hashes.SHA256())
_P256: Final = ec.SECP256R1()
_UNCOMPRESSED: Final = b"\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """What differs between signature algorithms.

    `loaded` keys are whatever object the algorithm's library verifies or signs with.
    """

    alg: str  # the JOSE name that we write
    also: tuple[str, ...] = ()  # other JOSE names of the same thing
    kty: str
    crv: str
    multicodec: bytes  # the varint prefix of a public key in a Multikey
    load_public: Callable[[Mapping[str, Any]], Any]  # JWK members -> key; raises BadKey
    to_jwk: Callable[[Any], dict[str, str]]  # key -> JWK members beside kty and crv
    from_compressed: Callable[[bytes], Any]  # the key bytes of a Multikey -> key; raises BadKey
    to_compressed: Callable[[Any], bytes]
    verify: Callable[[Any, bytes, bytes], None]  # key, signature, message; raises BadSignature
    load_private: Callable[[bytes], tuple[Any, Any]]  # 32 secret bytes -> (private, public)
    sign: Callable[[Any, bytes], bytes]


def _coordinate(value: object) -> bytes:
    octets = from_b64url(value) if isinstance(value, str) else b""
    if len(octets) != 32:  # noqa: PLR2004 - both curves have 32-byte coordinates
        raise BadKey("jwk.x and jwk.y: expected 32 bytes in base64url", spec="RFC 7518, 6.2")
    return octets


def _load_ed25519(jwk: Mapping[str, Any]) -> bytes:
    return _coordinate(jwk.get("x"))


def _ed25519_point(octets: bytes) -> bytes:
    if len(octets) != 32:  # noqa: PLR2004
        raise BadKey("expected a 32-byte Ed25519 public key", spec="RFC 8032, 5.1.5")
    return octets


def _verify_ed25519(key: bytes, signature: bytes, message: bytes) -> None:
    if len(signature) != 64:  # noqa: PLR2004
        raise BadSignature("an Ed25519 signature has 64 bytes", spec="RFC 8032, 5.1.6")
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError) as error:
        raise BadSignature("the Ed25519 signature does not hold", spec="RFC 8032, 5.1.7") from error


def _private_ed25519(secret: bytes) -> tuple[bytes, bytes]:
    public, private = nacl.bindings.crypto_sign_seed_keypair(secret)
    return private, public


def _sign_ed25519(private: bytes, message: bytes) -> bytes:
    signed: bytes = nacl.bindings.crypto_sign(message, private)
    return signed[:64]


def _load_p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = jwk.get("x"), jwk.get("y")
    if not isinstance(x, str) or not isinstance(y, str):
        raise BadKey("jwk.x and jwk.y: expected 32 bytes in base64url", spec="RFC 7518, 6.2")
    return _p256_point(_UNCOMPRESSED + _coordinate(x) + _coordinate(y))


def _p256_point(octets: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, octets)
    except ValueError as error:
        raise BadKey("expected a point of the curve P-256", spec="SEC 1, 2.3.4") from error


def _p256_compressed(octets: bytes) -> ec.EllipticCurvePublicKey:
    if len(octets) != 33:  # noqa: PLR2004 - a Multikey holds the compressed form only
        raise BadKey("expected a compressed P-256 point of 33 bytes", spec="CID 1.0, 2.2.2")
    return _p256_point(octets)


def _p256_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big"))}


def _p256_to_compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return bytes([2 + (numbers.y & 1)]) + numbers.x.to_bytes(32, "big")


def _verify_p256(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    if len(signature) != 64:  # noqa: PLR2004
        raise BadSignature("an ES256 signature has 64 bytes", spec="RFC 7518, 3.4")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, message, _ES256)
    except InvalidSignature as error:
        raise BadSignature("the ES256 signature does not hold", spec="RFC 7518, 3.4") from error


def _private_p256(secret: bytes) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey]:
    private = ec.derive_private_key(int.from_bytes(secret, "big"), _P256)
    return private, private.public_key()


def _sign_p256(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(message, _ES256))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        row.alg: row
        for row in (
            Algorithm(
                alg="ES256",
                kty="EC",
                crv="P-256",
                multicodec=b"\x80\x24",
                load_public=_load_p256,
                to_jwk=_p256_jwk,
                from_compressed=_p256_compressed,
                to_compressed=_p256_to_compressed,
                verify=_verify_p256,
                load_private=_private_p256,
                sign=_sign_p256,
            ),
            Algorithm(
                alg="EdDSA",
                also=("Ed25519",),  # RFC 9864 names the curve in the algorithm
                kty="OKP",
                crv="Ed25519",
                multicodec=b"\xed\x01",
                load_public=_load_ed25519,
                to_jwk=lambda key: {"x": b64url(key)},
                from_compressed=_ed25519_point,
                to_compressed=bytes,
                verify=_verify_ed25519,
                load_private=_private_ed25519,
                sign=_sign_ed25519,
            ),
        )
    }
)
_BY_CURVE: Final = {(row.kty, row.crv): row for row in ALGORITHMS.values()}
ALG_NAMES: Final = frozenset(name for row in ALGORITHMS.values() for name in (row.alg, *row.also))


def algorithm_of(kty: object, crv: object) -> Algorithm:
    """The row for a JWK's kty and crv. Raises BadKey."""
    row = _BY_CURVE.get((kty, crv)) if isinstance(kty, str) and isinstance(crv, str) else None
    if row is None:
        raise BadKey("expected a P-256 or Ed25519 key", spec="RFC 7517, 4.1")
    return row
