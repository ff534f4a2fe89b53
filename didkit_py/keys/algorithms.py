"""ALGORITHMS: one frozen row per signature algorithm; adding one is a row, its name in `names.py`, and its vectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import BadKey, BadSignature
from didkit_py.keys.names import ALG_NAMES, ALL_ALG_NAMES, OPTIONAL_ALG_NAMES

_UNCOMPRESSED: Final = b"\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """What differs between signature algorithms.

    `loaded` keys are whatever object the algorithm's library verifies or signs with.
    """

    alg: str  # the JOSE name that we write
    also: tuple[str, ...] = ()  # other JOSE names of the same thing
    kty: str
    crv: str | None  # None: a JWK names the algorithm in `alg` alone (RFC 9964, 3)
    codec: str | None  # the multicodec table's name for a public key; None: it has none, so there is no Multikey
    multicodec: bytes | None  # its varint, the prefix in a Multikey
    secret_bytes: int  # the length of a seed or scalar
    load_public: Callable[[Mapping[str, Any]], Any]  # JWK members -> key; raises BadKey
    to_jwk: Callable[[Any], dict[str, str]]  # key -> JWK members beside kty, and crv or alg
    from_compressed: Callable[[bytes], Any]  # the key bytes of a Multikey -> key; raises BadKey
    to_compressed: Callable[[Any], bytes]
    verify: Callable[[Any, bytes, bytes], None]  # key, signature, message; raises BadSignature
    load_private: Callable[[bytes], tuple[Any, Any]]  # secret bytes -> (private, public); raises ValueError
    sign: Callable[[Any, bytes], bytes]


def _coordinate(value: object, length: int) -> bytes:
    octets = from_b64url(value) if isinstance(value, str) else b""
    if len(octets) != length:
        raise BadKey(f"jwk.x and jwk.y: expected {length} bytes in base64url", spec="RFC 7518, 6.2")
    return octets


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ecdsa:
    """ECDSA over one curve of NIST with one hash function (RFC 7518, 3.4)."""

    alg: str
    crv: str
    curve: ec.EllipticCurve
    hashed: ec.ECDSA
    length: int  # bytes of a coordinate, and of each half of a signature

    def load_public(self, jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
        x, y = _coordinate(jwk.get("x"), self.length), _coordinate(jwk.get("y"), self.length)
        return self.point(_UNCOMPRESSED + x + y)

    def point(self, octets: bytes) -> ec.EllipticCurvePublicKey:
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(self.curve, octets)
        except ValueError as error:
            raise BadKey(f"expected a point of the curve {self.crv}", spec="SEC 1, 2.3.4") from error

    def from_compressed(self, octets: bytes) -> ec.EllipticCurvePublicKey:
        if len(octets) != self.length + 1:  # a Multikey holds the compressed form only
            raise BadKey(f"expected a compressed {self.crv} point of {self.length + 1} bytes", spec="CID 1.0, 2.2.2")
        return self.point(octets)

    def to_jwk(self, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
        numbers = key.public_numbers()
        return {
            "x": b64url(numbers.x.to_bytes(self.length, "big")),
            "y": b64url(numbers.y.to_bytes(self.length, "big")),
        }

    def to_compressed(self, key: ec.EllipticCurvePublicKey) -> bytes:
        numbers = key.public_numbers()
        return bytes([2 + (numbers.y & 1)]) + numbers.x.to_bytes(self.length, "big")

    def verify(self, key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
        half = self.length
        if len(signature) != 2 * half:
            raise BadSignature(f"an {self.alg} signature has {2 * half} bytes", spec="RFC 7518, 3.4")
        der = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        try:
            key.verify(der, message, self.hashed)
        except InvalidSignature as error:
            raise BadSignature(f"the {self.alg} signature does not hold", spec="RFC 7518, 3.4") from error

    def load_private(self, secret: bytes) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey]:
        private = ec.derive_private_key(int.from_bytes(secret, "big"), self.curve)
        return private, private.public_key()

    def sign(self, private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(message, self.hashed))
        return r.to_bytes(self.length, "big") + s.to_bytes(self.length, "big")

    def row(self, *, codec: str, multicodec: bytes) -> Algorithm:
        return Algorithm(
            alg=self.alg,
            kty="EC",
            crv=self.crv,
            codec=codec,
            multicodec=multicodec,
            secret_bytes=self.length,
            load_public=self.load_public,
            to_jwk=self.to_jwk,
            from_compressed=self.from_compressed,
            to_compressed=self.to_compressed,
            verify=self.verify,
            load_private=self.load_private,
            sign=self.sign,
        )


_P256: Final = _Ecdsa(alg="ES256", crv="P-256", curve=ec.SECP256R1(), hashed=ec.ECDSA(hashes.SHA256()), length=32).row(
    codec="p256-pub", multicodec=b"\x80\x24"
)
_P384: Final = _Ecdsa(alg="ES384", crv="P-384", curve=ec.SECP384R1(), hashed=ec.ECDSA(hashes.SHA384()), length=48).row(
    codec="p384-pub", multicodec=b"\x81\x24"
)
_EDDSA: Final = Algorithm(
    alg="EdDSA",
    also=("Ed25519",),
    kty="OKP",
    crv="Ed25519",
    codec="ed25519-pub",
    multicodec=b"\xed\x01",
    secret_bytes=32,
    load_public=lambda jwk: _coordinate(jwk.get("x"), 32),
    to_jwk=lambda key: {"x": b64url(key)},
    from_compressed=_ed25519_point,
    to_compressed=bytes,
    verify=_verify_ed25519,
    load_private=_private_ed25519,
    sign=_sign_ed25519,
)
_ML_DSA_44_PUBLIC_BYTES: Final = 1_312
_ML_DSA_44_SIGNATURE_BYTES: Final = 2_420


def _public_ml_dsa_44(octets: bytes) -> mldsa.MLDSA44PublicKey:
    if len(octets) != _ML_DSA_44_PUBLIC_BYTES:
        raise BadKey(f"expected an ML-DSA-44 public key of {_ML_DSA_44_PUBLIC_BYTES} bytes", spec="RFC 9964, 4")
    return mldsa.MLDSA44PublicKey.from_public_bytes(octets)


def _load_ml_dsa_44(jwk: Mapping[str, Any]) -> mldsa.MLDSA44PublicKey:
    public = jwk.get("pub")
    return _public_ml_dsa_44(from_b64url(public) if isinstance(public, str) else b"")


def _verify_ml_dsa_44(key: mldsa.MLDSA44PublicKey, signature: bytes, message: bytes) -> None:
    if len(signature) != _ML_DSA_44_SIGNATURE_BYTES:
        raise BadSignature(f"an ML-DSA-44 signature has {_ML_DSA_44_SIGNATURE_BYTES} bytes", spec="RFC 9964, 4")
    try:
        key.verify(signature, message)  # with the empty context (RFC 9964, 5)
    except InvalidSignature as error:
        raise BadSignature("the ML-DSA-44 signature does not hold", spec="FIPS 204, 5.3") from error


def _private_ml_dsa_44(seed: bytes) -> tuple[mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey]:
    private = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
    return private, private.public_key()


_ML_DSA_44: Final = Algorithm(
    alg="ML-DSA-44",
    kty="AKP",
    crv=None,
    codec=None,
    multicodec=None,
    secret_bytes=32,
    load_public=_load_ml_dsa_44,
    to_jwk=lambda key: {"pub": b64url(key.public_bytes_raw())},
    from_compressed=_public_ml_dsa_44,
    to_compressed=lambda key: key.public_bytes_raw(),
    verify=_verify_ml_dsa_44,
    load_private=_private_ml_dsa_44,
    sign=lambda private, message: private.sign(message),
)
# RFC 9864 names the curve in the algorithm. The keys are those of EdDSA, and either name verifies with them.
_ED25519: Final = replace(_EDDSA, alg="Ed25519", also=("EdDSA",))

_ROWS: Final = {row.alg: row for row in (_P256, _EDDSA, _ED25519, _P384, _ML_DSA_44)}
# In our order of preference. Of rows for the same kind of key, the first is a key's that names no algorithm.
ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType({name: _ROWS[name] for name in ALL_ALG_NAMES})
KEY_AGREEMENT: Final = _P256  # whose curve serves ECDH-ES (HAIP 1.0, 5)
KEY_KINDS: Final = " or ".join(dict.fromkeys(str(_ROWS[name].crv) for name in ALG_NAMES))  # for messages
_BY_NAME: Final[Mapping[tuple[str, str | None, str | None], Algorithm]] = {
    (row.kty, row.crv, name): row
    for row in reversed(tuple(ALGORITHMS.values()))  # the first comes last, and so replaces the others
    for name in (None, *row.also)
    if row.crv is not None
} | {(row.kty, row.crv, row.alg): row for row in ALGORITHMS.values()}


_KINDS: Final = frozenset((row.kty, row.crv) for row in ALGORITHMS.values())


def algorithm_of(kty: object, crv: object, alg: object = None, *, optional: bool = False) -> Algorithm:
    """The row for a JWK's kty, crv and alg; without alg, the first that fits, if crv says which.

    Rows that only a setting lets in are there for a caller that is `optional`. Raises BadKey.
    """
    if not isinstance(kty, str) or not isinstance(crv, str | None) or (kty, crv) not in _KINDS:
        raise BadKey(f"expected a {KEY_KINDS} key", spec="RFC 7517, 4.1")
    row = _BY_NAME.get((kty, crv, alg)) if alg is None or isinstance(alg, str) else None
    if row is None:
        raise BadKey("jwk.alg does not fit the key", spec="RFC 7517, 4.4")
    if row.alg in OPTIONAL_ALG_NAMES and not optional:
        raise BadKey(f"expected a {KEY_KINDS} key", spec="RFC 7517, 4.1")
    return row
