"""A credential before it is secured in a format, and after; neither knows how formats work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from didkit_py.encoding import Json


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
    subject: str | None  # the DID of a business; None for people, who are named by their key alone
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
