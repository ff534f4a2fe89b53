"""A credential before it is secured in a format, as it is read, and as text; none of it knows how formats work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from didkit_py.encoding import Json
from didkit_py.keys.public import PublicKey

Path_: TypeAlias = tuple[str | int | None, ...]  # a claims path pointer of DCQL; None is every item of an array

SUBJECT: Final = "sub"  # the claim that names a subject, in every format


class ProtocolMember(StrEnum):
    """What a format shows about every credential, whatever that says: shown on pages, and judged by no promise."""

    ISSUER = "issuer"
    ISSUED_AT = "issued-at"  # seconds since 1970, as the next two
    BEGINS_AT = "begins-at"
    ENDS_AT = "ends-at"
    TYPE = "type"
    TYPE_VERSION = "type-version"
    HOLDER_KEY = "holder-key"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReference:
    """Where a credential's status stands: one entry of one list (draft-ietf-oauth-status-list-21, 6.2)."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What an issuer says about a subject, with no proof yet."""

    vct: str
    vct_integrity: str  # of the type metadata, as Subresource Integrity spells it
    issuer: str
    subject: str | None  # the identifier of a business; None for people, who are named by their key alone
    claims: Mapping[str, Json] = field(repr=False)
    disclosable: tuple[tuple[str, ...], ...]  # what the type can hide, whether or not this credential holds it
    issued_at: datetime
    expires_at: datetime
    status: StatusReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredCredential:
    """A credential as text in a format; its text is for the holder alone."""

    format: str
    text: str = field(repr=False)


class ReadCredential(NamedTuple):
    """What a credential says; whether it is verified depends on who returned it.

    A tuple, as all that is made anew for each verification: a frozen dataclass costs thrice that.
    """

    format: str
    vct: str
    issuer: str
    subject: str | None
    claims: Mapping[str, Json]  # all that a query can name, the members of the format too
    protocol: Mapping[str, ProtocolMember]  # which names of `claims` are members of the format
    disclosed: tuple[Path_, ...]
    issued_at: datetime | None
    not_before: datetime | None
    expires_at: datetime | None
    holder: PublicKey | str | None  # a key, or the RFC 7638 thumbprint of one; None: bound to no key
    status: StatusReference | None  # None: the issuer publishes no status for it
    integrity: str | None  # of the type metadata
    key_hint: str | None  # which of the issuer's keys signed

    def __repr__(self) -> str:
        """The type and the issuer, never a claim."""
        return f"ReadCredential(vct={self.vct!r}, issuer={self.issuer!r})"

    @property
    def said(self) -> dict[str, Json]:
        """What the issuer says, without the members of the format."""
        return said(self.claims, self.protocol)

    def is_bound_to(self, key: PublicKey) -> bool:
        """Whether `key` is the holder's."""
        return key.thumbprint == self.holder if isinstance(self.holder, str) else key == self.holder


def said(claims: Mapping[str, Json], protocol: Mapping[str, ProtocolMember]) -> dict[str, Json]:
    """The claims without the members of their format."""
    return {name: value for name, value in claims.items() if name not in protocol}


class UnverifiedCredential(Protocol):
    """A credential that was parsed and not judged, in any format.

    What stands here is all that finding its issuer's key takes. The rest is read by `read`, which callers that verify
    call after the signature holds.
    """

    @property
    def issuer(self) -> str:
        """Who says to have signed it."""

    @property
    def vct(self) -> str:
        """The identifier of its type."""

    @property
    def key_hint(self) -> str | None:
        """Which of the issuer's keys it names."""

    @property
    def issuer_signed(self) -> str:
        """What tells it from every other credential, however it is presented."""

    @property
    def has_proof(self) -> bool:
        """Whether something stands in the place of a holder's proof."""

    @property
    def status(self) -> StatusReference | None:
        """Where its status stands. Raises Malformed or BadCredential."""

    def read(self) -> ReadCredential:
        """All that it says. Raises Malformed, BadKey, BadDisclosure or BadCredential."""

    def verify_signature(self, key: PublicKey) -> None:
        """Check that the owner of `key` signed it. Raises BadSignature or UnsupportedAlgorithm."""

    def verify_proof(
        self, holder: PublicKey | str, *, expected_nonce: str, expected_audience: str, now: datetime
    ) -> None:
        """Check that its holder made this presentation, for this request, just now.

        Raises BadKeyBinding, BadSignature, Malformed or WrongType.
        """

    def salts(self) -> Sequence[str]:
        """The random values by which two copies that share one could be told to belong together."""
