"""What a person holds, as values: a document, its one-use copies, and an offer on its way to become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Self

from didkit_py.credentials.credential import Path_, ReadCredential
from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json
from didkit_py.formats.format import Format
from didkit_py.keys.names import DEFAULT_ALG
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.token import TokenResponse
from didkit_py.oid4vp.dcql import Held
from didkit_py.roles.receiving import PreviewedOffer
from didkit_py.structs import JsonValue, Moment, Text, plain, read_as, text

CopyText = Annotated[str, text(at_most=262_144)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """One document with its claims, without its copies."""

    id: str
    format: Text
    vct: Text
    issuer: Text
    issuer_says: str  # what the issuer calls itself, empty if nothing; shown only where no trust list names it
    title: Text  # of its type, or the issuer's word for a type that nobody here knows: show giver.title_of
    claims: Mapping[str, JsonValue] = field(repr=False)
    disclosable: tuple[Path_, ...]
    received_at: Moment
    issued_at: Moment | None
    expires_at: Moment | None
    copies: int = 0
    copies_left: int = 0

    @classmethod
    def create(cls, credential: ReadCredential, *, id: str, title: str, issuer_says: str, now: datetime) -> Self:  # noqa: A002 - the field's name
        """From a copy that was checked."""
        template = template_of(credential.vct)
        return cls(
            id=id,
            format=credential.format,
            vct=credential.vct,
            issuer=credential.issuer,
            issuer_says=issuer_says,
            title=template.title if template else title,
            claims=credential.claims,
            disclosable=credential.disclosed,
            received_at=now,
            issued_at=credential.issued_at,
            expires_at=credential.expires_at,
        )

    @classmethod
    def from_json(cls, body: Json, *, id: str, copies: int, copies_left: int) -> Self:  # noqa: A002 - the field's name
        return read_as(cls, body, at="credential", columns={"id": id, "copies": copies, "copies_left": copies_left})

    def to_json(self) -> dict[str, Json]:
        return plain(self, without=("id", "copies", "copies_left"))

    def held(self, in_format: Format, *, listed: bool) -> Held:
        """What a query can look at; `listed` is whether the trust list names its issuer for its type."""
        return Held(
            id=self.id,
            format=self.format,
            vct=self.vct,
            issuer=self.issuer,
            claims=self.claims,
            protocol=in_format.protocol,
            disclosable=self.disclosable,
            listed=listed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """One copy with the key that it is bound to."""

    id: str
    credential_id: str
    text: CopyText = field(repr=False)
    secret: bytes = field(repr=False)
    alg: Text

    @classmethod
    def from_json(cls, body: Json, *, id: str, credential_id: str) -> Self:  # noqa: A002 - the field's name
        return read_as(cls, body, at="copy", columns={"id": id, "credential_id": credential_id})

    def to_json(self) -> dict[str, Json]:
        return plain(self, without=("id", "credential_id"))

    @property
    def signer(self) -> SoftwareSigner:
        """What proves that the copy is ours."""
        return SoftwareSigner.from_secret(self.secret, alg=self.alg)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOffer:
    """An offer between its opening and the arrival of the document."""

    id: str
    state: str  # opened, redeeming, redeemed, received, gone
    link: Text = field(repr=False)
    previewed: PreviewedOffer = field(repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    alg: Text = DEFAULT_ALG
    token: TokenResponse | None = field(default=None, repr=False)
    credential_id: str | None = None

    @classmethod
    def from_json(cls, body: Json, *, id: str, state: str) -> Self:  # noqa: A002 - the field's name
        return read_as(cls, body, at="offer", columns={"id": id, "state": state})

    def to_json(self) -> dict[str, Json]:
        return plain(self, without=("id", "state"))

    @property
    def signers(self) -> Sequence[SoftwareSigner]:
        """One for each copy that is asked for."""
        return tuple(SoftwareSigner.from_secret(one, alg=self.alg) for one in self.secrets)
