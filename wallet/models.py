"""What a person holds, as values: a document, its one-use copies, and an offer on its way to become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json, b64url, from_b64url, timestamp
from didkit_py.formats.sd_jwt_vc import ReadCredential
from didkit_py.keys.algorithms import DEFAULT_ALG
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.metadata import IssuerMetadata, ServerMetadata
from didkit_py.oid4vci.offer import CredentialOffer
from didkit_py.oid4vci.token import TokenResponse
from didkit_py.oid4vp.claims_path import Path_
from didkit_py.oid4vp.dcql import SD_JWT_VC, Held
from didkit_py.reading import Reader
from didkit_py.roles.receiving import PreviewedOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """One document with its claims, without its copies."""

    id: str
    vct: str
    issuer: str
    issuer_says: str  # what the issuer calls itself, empty if nothing; shown only where no trust list names it
    title: str  # of its type, or the issuer's word for a type that nobody here knows: show giver.title_of
    claims: Mapping[str, Json] = field(repr=False)
    disclosable: tuple[Path_, ...]
    received_at: datetime
    issued_at: datetime | None
    expires_at: datetime | None
    copies: int = 0
    copies_left: int = 0

    @classmethod
    def create(cls, credential: ReadCredential, *, id: str, title: str, issuer_says: str, now: datetime) -> Self:  # noqa: A002 - the field's name
        """From a copy that was checked."""
        template = template_of(credential.vct)
        return cls(
            id=id,
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
        read = Reader(body, at="credential")
        return cls(
            id=id,
            vct=read.text("vct"),
            issuer=read.text("issuer"),
            issuer_says=read.optional_text("issuer_says") or "",
            title=read.text("title"),
            claims=read.mapping("claims"),
            disclosable=tuple(_path(one) for one in read.items("disclosable")),
            received_at=read.moment("received_at"),
            issued_at=read.optional_moment("issued_at"),
            expires_at=read.optional_moment("expires_at"),
            copies=copies,
            copies_left=copies_left,
        )

    def to_json(self) -> dict[str, Json]:
        times = {"received_at": self.received_at, "issued_at": self.issued_at, "expires_at": self.expires_at}
        return {
            "vct": self.vct,
            "issuer": self.issuer,
            **({"issuer_says": self.issuer_says} if self.issuer_says else {}),
            "title": self.title,
            "claims": dict(self.claims),
            "disclosable": [[*one] for one in self.disclosable],
            **{name: timestamp(moment) for name, moment in times.items() if moment is not None},
        }

    @property
    def held(self) -> Held:
        """What a query can look at."""
        return Held(
            id=self.id,
            format=SD_JWT_VC,
            vct=self.vct,
            issuer=self.issuer,
            claims=self.claims,
            disclosable=self.disclosable,
        )


def _path(value: Json) -> Path_:
    return (
        tuple(part for part in value if part is None or isinstance(part, str | int)) if isinstance(value, list) else ()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """One copy with the key that it is bound to."""

    id: str
    credential_id: str
    text: str = field(repr=False)
    secret: bytes = field(repr=False)
    alg: str

    @classmethod
    def from_json(cls, body: Json, *, id: str, credential_id: str) -> Self:  # noqa: A002 - the field's name
        read = Reader(body, at="copy")
        return cls(
            id=id,
            credential_id=credential_id,
            text=read.text("text", max_length=262_144),
            secret=from_b64url(read.text("secret")),
            alg=read.text("alg"),
        )

    def to_json(self) -> dict[str, Json]:
        return {"text": self.text, "secret": b64url(self.secret), "alg": self.alg}

    @property
    def signer(self) -> SoftwareSigner:
        """What proves that the copy is ours."""
        return SoftwareSigner.from_secret(self.secret, alg=self.alg)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOffer:
    """An offer between its opening and the arrival of the document."""

    id: str
    state: str  # opened, redeeming, redeemed, received, gone
    link: str = field(repr=False)
    previewed: PreviewedOffer = field(repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    alg: str = DEFAULT_ALG
    token: TokenResponse | None = field(default=None, repr=False)
    credential_id: str | None = None

    @classmethod
    def from_json(cls, body: Json, *, id: str, state: str) -> Self:  # noqa: A002 - the field's name
        read = Reader(body, at="offer")
        return cls(
            id=id,
            state=state,
            link=read.text("link"),
            previewed=_previewed(read),
            secrets=tuple(from_b64url(one) for one in read.texts("secrets")),
            alg=read.text("alg"),
            token=TokenResponse.from_json(read.value("token")) if read.has("token") else None,
            credential_id=read.optional_text("credential_id"),
        )

    def to_json(self) -> dict[str, Json]:
        server = self.previewed.server
        members: dict[str, Json] = {
            "link": self.link,
            "offer": self.previewed.offer.to_json(),
            "issuer": self.previewed.issuer.to_json(),
            "server": server.to_json(),
            "server_id": server.issuer,
            "secrets": [b64url(one) for one in self.secrets],
            "alg": self.alg,
        }
        if self.token is not None:
            members["token"] = self.token.to_json()
        return members | ({} if self.credential_id is None else {"credential_id": self.credential_id})

    @property
    def signers(self) -> Sequence[SoftwareSigner]:
        """One for each copy that is asked for."""
        return tuple(SoftwareSigner.from_secret(one, alg=self.alg) for one in self.secrets)


def _previewed(read: Reader) -> PreviewedOffer:
    offer = CredentialOffer.from_json(read.value("offer"))
    return PreviewedOffer(
        offer=offer,
        issuer=IssuerMetadata.from_json(read.value("issuer"), issuer=offer.issuer),
        server=ServerMetadata.from_json(read.value("server"), issuer=read.text("server_id")),
    )
