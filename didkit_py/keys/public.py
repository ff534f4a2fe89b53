"""PublicKey: read from a JWK or a Multikey, compared by thumbprint, and the only thing that verifies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

from didkit_py.encoding import Json, b64url, from_multibase, jcs, multibase58, sha256
from didkit_py.errors import BadKey, UnsupportedAlgorithm
from didkit_py.keys.algorithms import ALGORITHMS, KEY_KINDS, Algorithm, algorithm_of

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})


@dataclass(frozen=True, eq=False)
class PublicKey:
    """A public key that fits exactly one signature algorithm; the key decides, never a header."""

    algorithm: Algorithm
    loaded: Any = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Json | Mapping[str, Json], *, optional: bool = False) -> Self:
        """Read a JWK (RFC 7517); one of an algorithm that only a setting lets in, if the caller says `optional`.

        Raises BadKey, also for one that holds a private part.
        """
        if not isinstance(jwk, (dict, Mapping)):  # asking for a Mapping alone costs five times as much
            raise BadKey("expected a JWK object", spec="RFC 7517, 4")
        if not PRIVATE_MEMBERS.isdisjoint(jwk) and any(jwk.get(name) is not None for name in PRIVATE_MEMBERS):
            raise BadKey("a JWK shown to others must hold no private part", spec="RFC 7517, 9.2")
        row = algorithm_of(jwk.get("kty"), jwk.get("crv"), jwk.get("alg"), optional=optional)
        return cls(row, row.load_public(jwk))

    @classmethod
    def from_multikey(cls, text: str) -> Self:
        """Read a `publicKeyMultibase` value (CID 1.0, 2.2.2). Raises BadKey or Malformed."""
        octets = from_multibase(text)
        for row in ALGORITHMS.values():
            if row.multicodec is not None and octets.startswith(row.multicodec):
                return cls(row, row.from_compressed(octets[len(row.multicodec) :]))
        raise BadKey(f"expected a {KEY_KINDS} public key", spec="CID 1.0, 2.2.2")

    def to_jwk(self) -> dict[str, Json]:
        """The JWK with only the members that a thumbprint covers, in its order (RFC 7638, 3.2; RFC 9964, 6)."""
        return dict(self._members)

    def to_multikey(self) -> str:
        """The `publicKeyMultibase` value in base58btc. Raises BadKey for a key that has none."""
        if self.algorithm.multicodec is None:
            raise BadKey("a key of this algorithm has no Multikey", spec="CID 1.0, 2.2.2")
        return multibase58(self.algorithm.multicodec + self.algorithm.to_compressed(self.loaded))

    @cached_property
    def _members(self) -> dict[str, str]:
        row = self.algorithm
        kind = {"alg": row.alg} if row.crv is None else {"crv": row.crv}
        return dict(sorted({"kty": row.kty, **kind, **row.to_jwk(self.loaded)}.items()))

    @cached_property
    def thumbprint(self) -> str:
        """The JWK thumbprint in base64url (RFC 7638), which names the key."""
        return b64url(sha256(jcs(self.to_jwk())))

    def verify(self, signature: bytes, message: bytes, *, alg: str) -> None:
        """Check a raw signature. Raises BadSignature, or UnsupportedAlgorithm when `alg` does not fit the key."""
        row = self.algorithm
        if alg != row.alg and alg not in row.also:
            raise UnsupportedAlgorithm("the algorithm named does not fit the key", spec="RFC 8725, 3.1")
        row.verify(self.loaded, signature, message)

    def __eq__(self, other: object) -> bool:
        """Keys are equal when their thumbprints are."""
        return isinstance(other, PublicKey) and self.thumbprint == other.thumbprint

    def __hash__(self) -> int:
        """By thumbprint."""
        return hash(self.thumbprint)
