"""Relationship agreement: what this vendor promises this person, for this one request.

The vendor signs it with the key that signs the request. It binds the vendor on acceptance, so the person has evidence
before anything is shown, even if the vendor never confirms. A promise can not be moved to another request: nonce,
client and the digest of the query stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Self

from didkit_py.credentials.template import template_of
from didkit_py.encoding import MAX_SKEW, Json, digest, jcs, timestamp
from didkit_py.errors import BadAgreement
from didkit_py.jose import UnverifiedJws, parse_compact, sign_compact, verify_compact
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.oid4vp.request import AUDIENCE, PresentationRequest, VerifiedRequest
from didkit_py.reading import Reader, origin
from didkit_py.terms.document_parts import read_digest
from didkit_py.terms.grant import Grant, read_grants
from didkit_py.terms.grant_parts import DataItem, absent_left_out, read_period
from didkit_py.terms.order import is_covered
from didkit_py.terms.period import Period

TYP: Final = "relationship-agreement+jwt"
MAX_LIFE: Final = timedelta(minutes=30)  # of the offer; what was agreed lives as long as its grants say
MIN_REL: Final = 22  # characters of base64url that hold 128 bits
MAX_REL: Final = 64
MAX_NAME: Final = 200
MAX_GIVE: Final = 300
_MEMBERS: Final = (
    *("iss", "client_id", "aud", "nonce", "wallet_nonce", "iat", "exp", "rel", "terms", "signatory", "request_hash"),
    *("controller", "grants", "give", "receipt", "withdraw", "erase", "continues"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Who answers for the data, in the vendor's own words."""

    name: str
    contact: str
    authority: str | None = None  # address of the regulator

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("name", "contact", "authority"))
        return cls(
            name=read.text("name", max_length=MAX_NAME),
            contact=read.text("contact", max_length=MAX_NAME),
            authority=read.url("authority") if read.has("authority") else None,
        )

    def to_json(self) -> dict[str, Json]:
        return absent_left_out({"name": self.name, "contact": self.contact, "authority": self.authority})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An address of the vendor where something is handed in, and how soon it is dealt with."""

    uri: str
    within: Period

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("uri", "within"))
        return cls(uri=read.origin_url("uri"), within=read_period(read, "within"))

    def to_json(self) -> dict[str, Json]:
        return {"uri": self.uri, "within": self.within.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Give:
    """What the person gets in return, as a code and in the vendor's words."""

    code: str
    text: str

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("code", "text"))
        return cls(code=read.text("code", max_length=80), text=read.text("text", max_length=MAX_GIVE))

    def to_json(self) -> dict[str, Json]:
        return {"code": self.code, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One offer of a vendor to one person."""

    client_id: str
    issuer: str  # the same as client_id in every agreement that binds
    nonce: str
    wallet_nonce: str | None
    issued_at: datetime
    expires_at: datetime
    rel: str
    terms_id: str
    signatory: str | None  # digest of the credential that says who signed the terms
    request_hash: str
    controller: Controller
    grants: tuple[Grant, ...]
    give: Give | None
    receipt: Desk
    withdraw: Desk
    erase: Desk
    continues: str | None
    text: str = field(repr=False)  # as it was sent: its digest names the offer

    @property
    def offer_digest(self) -> str:
        """What names this offer in records."""
        return digest(self.text.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedAgreement:
    """An agreement that was read and not judged."""

    jws: UnverifiedJws
    agreement: Agreement


def request_hash(query: DcqlQuery) -> str:
    """The digest of the canonical query, by which a promise covers exactly this query."""
    return digest(jcs(query.to_json()))


def complete_grants(grants: Sequence[Grant], query: DcqlQuery) -> tuple[Grant, ...]:
    """The grants, with the claims added that each asked type always shows and that no query can leave out.

    It is added to the first grant that requires something of the type, else to the first that names the type by a path,
    unless some grant covers it already. A type that no grant names is left alone: nothing is promised about it.
    """
    found = list(grants)
    for vct in dict.fromkeys(vct for one in query.credentials for vct in one.vct_values):
        template = template_of(vct)
        named = [
            (one.is_optional, place)
            for place, grant in enumerate(found)
            for one in grant.data or ()
            if one.vct == vct and one.path is not None
        ]
        if template is None or not named:
            continue
        is_optional, place = min(named)
        promised = [item for grant in found for item in grant.data or ()]
        added = tuple(
            DataItem(vct=vct, path=one.path, necessity="required" if one.required and not is_optional else "optional")
            for one in template.always_shown()
            if not is_covered(DataItem(vct=vct, path=one.path, necessity="optional"), promised)
        )
        found[place] = replace(found[place], data=(*(found[place].data or ()), *added))
    return tuple(found)


async def create_agreement(
    request: PresentationRequest,
    *,
    rel: str,
    terms_id: str,
    signatory_text: str | None,
    controller: Controller,
    grants: Sequence[Grant],
    receipt: Desk,
    withdraw: Desk,
    erase: Desk,
    give: Give | None = None,
    continues: str | None = None,
    signer: Signer,
) -> str:
    """The signed offer for `request`; `signer` is the one that signs the request, `rel` has 128 random bits."""
    claims: dict[str, Json] = {
        "iss": request.client_id.full,
        "client_id": request.client_id.full,
        "aud": AUDIENCE,
        "nonce": request.nonce,
        "wallet_nonce": request.wallet_nonce,
        "iat": timestamp(request.issued_at),
        "exp": timestamp(request.expires_at),
        "rel": rel,
        "terms": {"id": terms_id},
        "signatory": None if signatory_text is None else digest(signatory_text.encode()),
        "request_hash": request_hash(request.query),
        "controller": controller.to_json(),
        "grants": [grant.to_json() for grant in grants],
        "give": None if give is None else give.to_json(),
        "receipt": receipt.to_json(),
        "withdraw": withdraw.to_json(),
        "erase": erase.to_json(),
        "continues": continues,
    }
    text = await sign_compact(absent_left_out(claims), typ=TYP, signer=signer)
    parse_agreement(text)
    return text


def parse_agreement(text: str) -> UnverifiedAgreement:
    """Read an agreement; no member beyond ours is accepted. Raises Malformed, TooLarge or WrongType."""
    jws = parse_compact(text, typ=TYP)
    read = Reader(jws.claims(), at="agreement")
    read.refuse_unknown(_MEMBERS)
    read.text("aud", one_of=(AUDIENCE,))
    terms = read.object("terms")
    terms.refuse_unknown(("id",))
    rel = read.text("rel", max_length=MAX_REL)
    if len(rel) < MIN_REL:
        raise BadAgreement(f"agreement.rel: expected at least {MIN_REL} characters")
    agreement = Agreement(
        client_id=read.text("client_id"),
        issuer=read.text("iss"),
        nonce=read.text("nonce"),
        wallet_nonce=read.optional_text("wallet_nonce"),
        issued_at=read.moment("iat"),
        expires_at=read.moment("exp"),
        rel=rel,
        terms_id=terms.text("id", max_length=64),
        signatory=read_digest(read, "signatory") if read.has("signatory") else None,
        request_hash=read_digest(read, "request_hash"),
        controller=Controller.from_reader(read.object("controller")),
        grants=read_grants(read, "grants"),
        give=Give.from_reader(read.object("give")) if read.has("give") else None,
        receipt=Desk.from_reader(read.object("receipt")),
        withdraw=Desk.from_reader(read.object("withdraw")),
        erase=Desk.from_reader(read.object("erase")),
        continues=read.optional_text("continues", max_length=64),
        text=text,
    )
    return UnverifiedAgreement(jws=jws, agreement=agreement)


def verify_agreement(unverified: UnverifiedAgreement, *, request: VerifiedRequest, now: datetime) -> Agreement:
    """The agreement, after checking its signature, its binding to this request and that it is valid at `now`.

    Raises BadAgreement, or BadSignature when another key signed it.
    """
    agreement, asked = unverified.agreement, request.request
    verify_compact(unverified.jws, request.key)
    if unverified.jws.kid != request.kid:
        raise BadAgreement("the agreement is signed with another key than the request")
    for name, (mine, theirs) in _bindings(agreement, asked).items():
        if mine != theirs:
            raise BadAgreement(f"agreement.{name}: not that of the request")
    if not timedelta() < agreement.expires_at - agreement.issued_at <= MAX_LIFE:
        raise BadAgreement("an offer lives at most 30 minutes")
    if agreement.issued_at > now + MAX_SKEW or agreement.expires_at + MAX_SKEW < now:
        raise BadAgreement("the offer is not of this time")
    own = asked.client_id.origin or origin(asked.response_uri)  # a DID that is only a key answers where it is answered
    for desk in (agreement.receipt, agreement.withdraw, agreement.erase):
        if origin(desk.uri) != own:
            raise BadAgreement("an address in the agreement is not the vendor's own")
    return agreement


def _bindings(agreement: Agreement, asked: PresentationRequest) -> Mapping[str, tuple[str | None, str | None]]:
    return {
        "iss": (agreement.issuer, asked.client_id.full),
        "client_id": (agreement.client_id, asked.client_id.full),
        "nonce": (agreement.nonce, asked.nonce),
        "wallet_nonce": (agreement.wallet_nonce, asked.wallet_nonce),
        "request_hash": (agreement.request_hash, request_hash(asked.query)),
    }
