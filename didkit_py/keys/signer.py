"""Signer: what signs for a key, in this process or elsewhere; SoftwareSigner holds the secret itself."""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from didkit_py.errors import BadKey
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.names import DEFAULT_ALG
from didkit_py.keys.public import PublicKey


class Signer(Protocol):
    """Signs bytes with one key; awaited, so that an HSM fits."""

    @property
    def key_id(self) -> str:
        """What others look the key up by: a DID URL, or empty for keys that travel as a JWK."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies."""

    @property
    def alg(self) -> str:
        """The JOSE name of the algorithm."""

    async def sign(self, message: bytes) -> bytes:
        """The raw signature, as a JWS holds it."""


@dataclass(frozen=True, slots=True)
class SoftwareSigner:
    """A signer with its secret in memory."""

    key_id: str
    public: PublicKey
    _private: Any = field(repr=False)

    @classmethod
    def from_secret(cls, secret: bytes, *, alg: str = DEFAULT_ALG, key_id: str = "") -> Self:
        """From a seed or scalar. Raises BadKey when the bytes are none, or the algorithm is unknown."""
        row = ALGORITHMS.get(alg)
        if row is None or len(secret) != row.secret_bytes:
            raise BadKey(f"expected the secret bytes of a key for {' or '.join(ALGORITHMS)}")
        try:
            private, public = row.load_private(secret)
        except ValueError as error:  # zero, or beyond the order of the curve
            raise BadKey("the secret bytes are no key of this curve") from error
        return cls(key_id, PublicKey(row, public), private)

    @property
    def alg(self) -> str:
        """The JOSE name of the algorithm."""
        return self.public.algorithm.alg

    async def sign(self, message: bytes) -> bytes:
        """The raw signature."""
        return self.public.algorithm.sign(self._private, message)
