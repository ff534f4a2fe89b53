"""The cast of the story in one process: issuers, a dealer, a sound-system vendor and a buyer, with real papers.

Nothing is faked: documents are made by `create_document`, credentials are signed SD-JWT VCs, status lists and the trust
list are signed and verified, requests and agreements are signed and read back. Only the network is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from didkit_py.consent.decision import DisclosureCase, HeldState, History
from didkit_py.consent.policy import AllowRule, Policy
from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, ROLE_CREDENTIAL, TERMS_SIGNATORY, verify_vendor
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, digest, write_json
from didkit_py.errors import DidkitError
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import REGISTERED, read_credential, secure
from didkit_py.formats.table import FORMATS
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.dcql import DcqlQuery, Held, match
from didkit_py.oid4vp.request import (
    PresentationRequest,
    RequestLink,
    VerifiedRequest,
    VerifierInfo,
    create_request_object,
    parse_request_object,
    verify_request_object,
)
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.status.token_list import create_status_list, verify_status_list
from didkit_py.terms.agreement import Controller, Desk, Give, complete_grants, create_agreement
from didkit_py.terms.document import TermsDocument, create_signatory_statement, create_terms, parse_terms, verify_terms
from didkit_py.terms.grant import Grant
from didkit_py.terms.period import Period
from didkit_py.trust import TrustedIssuer, TrustList, create_trust_list, verify_trust_list
from didkit_py.verification import Evidence
from tests.canaries import EMAIL, OTHER_AUDIO, OTHER_MODEL, OTHER_VIN

NOW: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RECEIPT: Final = "urn:didkit-py:vct:digital-receipt:1"
CONTACT: Final = "urn:didkit-py:vct:contact:1"
AFFORDABILITY: Final = "urn:didkit-py:vct:affordability-range:1"
DPV: Final = "https://w3id.org/dpv#"
PD: Final = "https://w3id.org/dpv/pd#"
SERVICE: Final = DPV + "RequestedServiceProvision"
QUALIFY: Final = "urn:didkit-py:purpose:offer-qualification"
REL: Final = "3v1cXg2yQk6bq0l1m2n3pA"
NONCE: Final = "b3JkaW5hcnktbm9uY2UtMTI4Yml0"
# The public key of the encrypted response example in OpenID4VP 1.0, 8.3
ENCRYPTION_JWK: Final[Mapping[str, Json]] = {
    "kty": "EC",
    "kid": "ac",
    "use": "enc",
    "crv": "P-256",
    "alg": "ECDH-ES",
    "x": "YO4epjifD-KWeq1sL2tNmm36BhXnkJ0He-WqMYrp9Fk",
    "y": "Hekpm0zfK7C-YccH5iBjcIXgf6YdUvNUac_0At55Okk",
}
LAYERS: Final = {
    "human": b"# Terms of sharing 1.0\n\nOnly for what you asked us to do.\n",
    "lawyer": b"3.1 The Recipient shall use the Data only for the Requested Service.\n",
}


def signer_of(name: str, *, key_id: str = "") -> SoftwareSigner:
    """A key that is always the same for the same name."""
    return SoftwareSigner.from_secret(sha256(name.encode()).digest(), key_id=key_id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Party:
    """Somebody with a did:web, a key and a document."""

    name: str
    did: str
    signer: SoftwareSigner
    document: PartyKeys

    @property
    def origin(self) -> str:
        return f"https://{self.did.removeprefix('did:web:')}"

    @property
    def status_uri(self) -> str:
        return f"{self.origin}/status-lists/1"


def party(name: str, host: str) -> Party:
    did = f"did:web:{host}"
    signer = signer_of(host, key_id=f"{did}#key-1")
    return Party(
        name=name,
        did=did,
        signer=signer,
        document=keys_of_document(create_document(did, {"key-1": signer.public}), did=did),
    )


CREDIT_UNION: Final = party("Harbour Credit Union", "creditunion.example")
MANUFACTURER: Final = party("Chryota", "chryota.example")
TERMS_BODY: Final = party("Fair Terms Board", "terms.example")
EMAIL_VERIFIER: Final = party("Post Check", "postcheck.example")
DEALER: Final = party("Ann's Chryota Ltd", "dealer.example")
SOUND: Final = party("Clearsound Ltd", "sound.example")
BOB: Final = party("Bob's Chryota Ltd", "bob.example")
ISSUERS: Final = {
    CREDIT_UNION: ("affordability-range",),
    MANUFACTURER: ("authorized-dealer",),
    TERMS_BODY: ("terms-signatory",),
    EMAIL_VERIFIER: ("contact",),
    DEALER: ("digital-receipt",),
}


def grant(**changes: Any) -> Grant:
    """The grant of the example agreement, with members changed; None leaves one out."""
    body: dict[str, Any] = {
        "gid": "g-a",
        "data": [
            {"vct": RECEIPT, "path": ["vehicle", "model"], "necessity": "required"},
            {"vct": RECEIPT, "path": ["vehicle", "audioSystem"], "necessity": "required"},
        ],
        "purpose": [SERVICE],
        "not": [DPV + "SellDataToThirdParties", DPV + "TargetedAdvertising", DPV + "DirectMarketing"],
        "subjectForm": "identified",
        "mode": "copy",
        "recipient": {"controller": True, "processors": [], "thirdParties": []},
        "propagation": {"value": "none", "exceptions": ["x1"]},
        "retention": [{"class": "planning", "period": "P1Y", "from": "relationshipEnd", "then": "erase"}],
        "channel": ["wallet-inbox"],
        "legalBasis": "contract",
        "location": {"storage": ["GB"], "processing": ["GB"]},
    } | {"not" if name == "prohibitions" else name: value for name, value in changes.items()}
    return Grant.from_json({name: value for name, value in body.items() if value is not None})


def promised(of: Grant) -> Any:
    """The data of a grant as JSON."""
    return of.to_json()["data"]


EMAIL_ITEM: Final = {"vct": CONTACT, "path": ["email"], "necessity": "optional"}
SOUND_GRANT: Final = grant(data=[*promised(grant()), EMAIL_ITEM])
STEP_GRANT: Final = grant(
    gid="g-b",
    data=[{"vct": AFFORDABILITY, "path": ["currency"]}, {"vct": AFFORDABILITY, "path": ["at_least", "20000"]}],
    purpose=[QUALIFY],
    prohibitions=[DPV + "SellDataToThirdParties", DPV + "Profiling"],
    subjectForm="anonymous",
    mode="assert",
    propagation={"value": "none"},
    retention=[{"class": "immediate", "period": "P30D", "from": "disclosure", "then": "erase"}],
    channel=None,
    location=None,
)
CAR_QUERY: Final[Any] = {
    "credentials": [
        {
            "id": "car",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [RECEIPT]},
            "claims": [{"path": ["vehicle", "model"]}, {"path": ["vehicle", "audioSystem"]}],
        }
    ]
}
SOUND_QUERY: Final[Any] = {
    "credentials": [
        *CAR_QUERY["credentials"],
        {
            "id": "contact",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [CONTACT]},
            "claims": [{"path": ["email"]}],
        },
    ],
    "credential_sets": [{"options": [["car"]]}, {"options": [["contact"]], "required": False}],
}


def step_query(*steps: str, values: Json = None, more: Sequence[Json] = ()) -> Json:
    """A dealer's query for thresholds, each with the values [true] unless others are given."""
    expected: Json = [True] if values is None else values
    asked: list[Json] = [{"path": ["at_least", step], **({"values": expected} if expected else {})} for step in steps]
    return {
        "credentials": [
            {
                "id": "afford",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": [AFFORDABILITY]},
                "claims": [{"path": ["currency"], "values": ["GBP"]}, *asked, *more],
            }
        ]
    }


def terms_draft(**changes: Any) -> dict[str, Any]:
    """The example terms, complete."""
    layer = {"lang": "en", "mediaType": "text/markdown"}
    draft: dict[str, Any] = {
        "schema": "urn:didkit-py:schema:terms-document:1",
        "type": "TermsDocument",
        "family": "example-standard-terms-of-sharing",
        "version": "1.0",
        "supersedes": None,
        "direction": "vendor-offered",
        "publisher": TERMS_BODY.did,
        "jurisdiction": "GB",
        "validity": {"effectiveFrom": "2026-01-01T00:00:00Z", "sunset": None},
        "layers": {
            "human": {
                "documents": [
                    {**layer, "digest": digest(LAYERS["human"]), "href": "https://terms.example/1.0/plain.en.md"}
                ],
                "label": [
                    {"icon": "purpose", "text": "Only for what you asked us to do", "rule": "g1.purpose"},
                    {"icon": "no-resale", "text": "We do not sell your data", "rule": "g1.not"},
                    {"icon": "erase", "text": "Ask us to erase it: done within 30 days", "rule": "d2"},
                ],
            },
            "lawyer": [
                {
                    **layer,
                    "digest": digest(LAYERS["lawyer"]),
                    "href": "https://terms.example/1.0/full.en.md",
                    "governing": True,
                }
            ],
            "machine": {
                "vocabulary": [],
                "ceiling": [
                    {
                        "gid": "g1",
                        "data": [{"dataClass": PD + one} for one in ("Contact", "CarOwned", "Purchase")],
                        "purpose": [SERVICE],
                        "not": [DPV + "SellDataToThirdParties", DPV + "TargetedAdvertising"],
                        "subjectForm": "identified",
                        "mode": "copy",
                        "propagation": {"value": "listed", "exceptions": ["x1"]},
                        "recipient": {"controller": True, "thirdParties": ["did:web:partner.example"]},
                        "retention": [
                            {"class": "planning", "period": "P2Y", "from": "relationshipEnd", "then": "erase"}
                        ],
                        "legalBasis": "contract",
                    },
                    {
                        "gid": "g2",
                        "data": [{"dataClass": PD + "CreditCapacity"}],
                        "purpose": [QUALIFY],
                        "not": [DPV + "SellDataToThirdParties", DPV + "Profiling"],
                        "subjectForm": "anonymous",
                        "mode": "assert",
                        "propagation": {"value": "none"},
                        "retention": [{"class": "immediate", "period": "P30D", "from": "disclosure", "then": "erase"}],
                        "legalBasis": "contract",
                    },
                ],
            },
        },
        "clauseMap": [
            {"rule": "g1.purpose", "clause": "3.1", "label": 0},
            {"rule": "g1.not", "clause": "3.4", "label": 1},
            {"rule": "g1.retention", "clause": "5.2", "label": None},
            {"rule": "g1.propagation", "clause": "4.2", "label": None},
            {"rule": "g1.recipient", "clause": "4.2", "label": None},
            {"rule": "g2", "clause": "3.5", "label": None},
            {"rule": "d1", "clause": "6.0", "label": None},
            {"rule": "d2", "clause": "6.1", "label": 2},
        ],
        "duties": [
            {"rule": "d1", "duty": "breachNotice", "within": "PT72H"},
            {"rule": "d2", "duty": "erasure", "within": "P30D"},
        ],
        "exceptions": [{"id": "x1", "clause": "4.3", "text": "binding order of a court"}],
        "liability": {"clause": "8", "text": "Capped at direct loss; no cap for onward disclosure"},
        "authority": {"name": "Regulator of example", "contact": "https://regulator.example/complaints"},
        "dispute": {"service": "https://disputes.example", "clause": "9"},
    }
    return draft | changes


def salts() -> Callable[[], bytes]:
    """Salts that are all different and always the same."""
    made = iter(range(1_000_000))
    return lambda: sha256(f"salt {next(made)}".encode()).digest()[:16]


async def issue(
    issuer: Party,
    name: str,
    values: Mapping[str, Json],
    *,
    subject: str | None = None,
    holder: PublicKey | None = None,
    index: int = 0,
    now: datetime = NOW,
    lifetime: timedelta | None = None,
) -> str:
    """A signed credential."""
    template = template_named(name)
    status = StatusReference(uri=issuer.status_uri, index=index) if template.has_status else None
    filled = template.fill(values, issuer=issuer.did, now=now, subject=subject, status=status, lifetime=lifetime)
    return (await secure(filled, holder_key=holder, salts=salts(), signer=issuer.signer)).text


async def dealer_role(vendor: Party, *, dealer_id: str = "CH-0042", name: str = "", **options: Any) -> str:
    """The manufacturer's word that a vendor is one of its dealers."""
    claims: dict[str, Json] = {
        "brand": "Chryota",
        "scope": ["sales", "service"],
        "territory": ["GB-ENG"],
        "dealer_id": dealer_id,
        "name": name or vendor.name,
    }
    return await issue(MANUFACTURER, "authorized-dealer", claims, subject=vendor.did, index=1, **options)


async def terms_signatory(vendor: Party, document: TermsDocument, **changes: Any) -> str:
    """The terms body's word that a vendor signed its terms."""
    signed_at = datetime(2026, 2, 11, 9, tzinfo=UTC)
    signer = changes.pop("signer", vendor.signer)
    claims: dict[str, Json] = {
        "terms": {"id": document.id, "family": document.family, "version": document.version},
        "signature": await create_signatory_statement(
            changes.pop("signed_id", document.id), signed_at=signed_at, signer=signer
        ),
        "signedAt": "2026-02-11T09:00:00Z",
        "level": "reviewed",
    }
    options: dict[str, Any] = {"subject": vendor.did, "index": 2} | {
        name: changes.pop(name) for name in ("subject",) if name in changes
    }
    return await issue(TERMS_BODY, "terms-signatory", claims | changes, **options)


async def terms(**changes: Any) -> TermsDocument:
    """Published terms, read back and verified."""
    body = await create_terms(terms_draft(**changes), signer=TERMS_BODY.signer)
    document = parse_terms(write_json(body))
    layers = {digest(octets): octets for octets in LAYERS.values()}
    return verify_terms(document, layers=layers, publisher=TERMS_BODY.document).document


async def trust_list() -> TrustList:
    """The terms body's list of who may say what."""
    issuers = [
        TrustedIssuer(
            id=one.did,
            name=one.name,
            vcts=frozenset(template_named(name).vct for name in names),
            status_lists=f"{one.origin}/status-lists",
        )
        for one, names in ISSUERS.items()
    ]
    text = await create_trust_list(issuers, signer=TERMS_BODY.signer, now=NOW, lifetime=timedelta(days=7))
    return verify_trust_list(text, publisher=TERMS_BODY.document, now=NOW, key_sources=KEY_SOURCES)


async def evidence(*, revoked: Mapping[Party, int] | None = None, age: timedelta = timedelta(hours=1)) -> Evidence:
    """What a wallet holds: documents of issuers, status lists fetched `age` ago."""
    lists = {}
    for one in ISSUERS:
        statuses = {revoked[one]: 1} if revoked and one in revoked else {}
        text = await create_status_list(
            statuses,
            size=1_024,
            bits=2,
            uri=one.status_uri,
            signer=one.signer,
            now=NOW - age,
            ttl=timedelta(hours=12),
            lifetime=timedelta(days=30),
        )
        lists[one.status_uri] = verify_status_list(
            text, uri=one.status_uri, issuer=one.did, key=one.signer.public, now=NOW
        )
    return Evidence(
        trust=await trust_list(),
        parties={one.did: one.document for one in ISSUERS},
        status_lists=lists,
        fetched_at=dict.fromkeys(lists, NOW - age),
        key_sources=KEY_SOURCES,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One copy in the buyer's wallet, with its key."""

    id: str
    text: str = field(repr=False)
    signer: SoftwareSigner
    state: HeldState

    @property
    def held(self) -> Held:
        read = read_credential(parse_sd_jwt(self.text))
        return Held(
            id=self.id,
            format="dc+sd-jwt",
            vct=read.vct,
            issuer=read.issuer,
            claims=read.claims,
            disclosable=read.disclosed,
            protocol=REGISTERED,
        )


async def stored(issuer: Party, name: str, values: Mapping[str, Json], **options: Any) -> Stored:
    """A credential that the buyer holds."""
    signer = signer_of(f"copy of {name}")
    text = await issue(issuer, name, values, holder=signer.public, index=3, **options)
    read = read_credential(parse_sd_jwt(text))
    state = HeldState(
        id=name, vct=read.vct, issuer_name=issuer.name, expires_at=read.expires_at, status=read.status, unused=10
    )
    return Stored(id=name, text=text, signer=signer, state=state)


async def wallet() -> tuple[Stored, ...]:
    """What the buyer holds: 20,000 pounds and no more, a receipt, an e-mail address."""
    affordable: dict[str, Json] = {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        **ladder_claims(Decimal(23_400), template_named("affordability-range")),
    }
    receipt: dict[str, Json] = {
        "receipt_type": "vehicle-sale",
        "date": "2026-11-20",
        "seller": {"name": DEALER.name},
        "fullReceiptDigest": "sha-256;" + "A" * 43,
        "vehicle": {"model": OTHER_MODEL, "audioSystem": OTHER_AUDIO, "vin": OTHER_VIN},
    }
    contact: dict[str, Json] = {"kinds": ["email"], "verified_on": "2026-11-01", "email": EMAIL}
    return (
        await stored(CREDIT_UNION, "affordability-range", affordable),
        await stored(DEALER, "digital-receipt", receipt),
        await stored(EMAIL_VERIFIER, "contact", contact),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One request and everything around it; a test changes one part and looks at the decision."""

    vendor: Party = SOUND
    query: Json = field(default_factory=lambda: CAR_QUERY)
    grants: tuple[Grant, ...] = field(default_factory=lambda: (grant(),))
    completes: bool = True  # whether the vendor promises for what a type shows always, as its own program does
    policy: Policy = field(default_factory=Policy)
    history: History = field(default_factory=History)
    terms: TermsDocument
    known_terms: bool = True
    evidence: Evidence
    held: tuple[Stored, ...]
    role: str | None = None
    signatory: str | None = None
    agreement: bool = True
    agreement_changes: Mapping[str, Any] = field(default_factory=dict)
    agreement_text: str | None = None  # another agreement than the one made for this request
    more_info: tuple[VerifierInfo, ...] = ()
    nonce: str = NONCE
    continues: str | None = None
    terms_id: str | None = None
    controller: str | None = None
    fault: DidkitError | None = None
    request_now: datetime = NOW

    def but(self, **changes: Any) -> "Situation":
        return replace(self, **changes)

    def plain_request(self) -> PresentationRequest:
        """The request before its evidence is made."""
        return PresentationRequest(
            client_id=client_id_of(self.vendor.did, key_sources=KEY_SOURCES),
            response_uri=f"{self.vendor.origin}/oid4vp/response/1",
            nonce=self.nonce,
            state="state-1",
            query=DcqlQuery.from_json(self.query, formats=FORMATS),
            encryption_jwk=ENCRYPTION_JWK,
            issued_at=self.request_now,
            expires_at=self.request_now + timedelta(minutes=30),
        )

    async def offer(self) -> str:
        """The agreement for this request."""
        origin, bare = self.vendor.origin, self.plain_request()
        arguments: dict[str, Any] = {
            "rel": REL,
            "terms_id": self.terms_id or self.terms.id,
            "signatory_text": self.signatory,
            "controller": Controller(name=self.controller or self.vendor.name, contact="privacy@" + origin[8:]),
            "grants": complete_grants(self.grants, bare.query) if self.completes else self.grants,
            "receipt": Desk(uri=f"{origin}/agreements", within=Period.parse("P1D")),
            "withdraw": Desk(uri=f"{origin}/agreements/withdraw", within=Period.parse("P3D")),
            "erase": Desk(uri=f"{origin}/agreements/erase", within=Period.parse("P30D")),
            "give": Give(code="warranty-registration", text="Registers your sound system for service"),
            "continues": self.continues,
            "signer": self.vendor.signer,
        }
        return await create_agreement(bare, **(arguments | dict(self.agreement_changes)))

    async def request(self) -> VerifiedRequest:
        """The signed request, read back by the wallet."""
        info = [VerifierInfo(format=ROLE_CREDENTIAL, data=self.role)] if self.role else []
        if self.signatory:
            info.append(VerifierInfo(format=TERMS_SIGNATORY, data=self.signatory))
        if self.agreement:
            info.append(VerifierInfo(format=RELATIONSHIP_AGREEMENT, data=self.agreement_text or await self.offer()))
        plain = replace(self.plain_request(), verifier_info=(*info, *self.more_info))
        text = await create_request_object(plain, signer=self.vendor.signer, formats=FORMATS)
        link = RequestLink(
            client_id=plain.client_id.full, request_uri=f"{self.vendor.origin}/oid4vp/requests/1", method="get"
        )
        return verify_request_object(
            parse_request_object(text, link=link, key_sources=KEY_SOURCES),
            client_keys=self.vendor.document,
            expected_wallet_nonce=None,
            now=self.request_now,
            formats=FORMATS,
        )

    async def case(self) -> DisclosureCase:
        """The case that the wallet decides."""
        if self.fault is not None:
            return DisclosureCase(
                request=None,
                vendor=None,
                candidates=None,
                policy=self.policy,
                history=self.history,
                now=NOW,
                request_fault=self.fault,
            )
        request = await self.request()
        return DisclosureCase(
            request=request,
            vendor=verify_vendor(
                request,
                evidence=self.evidence,
                vendor_keys=self.vendor.document,
                terms={self.terms.id: self.terms} if self.known_terms else {},
                now=NOW,
            ),
            candidates=match(request.request.query, [one.held for one in self.held]),
            held={one.id: one.state for one in self.held},
            policy=self.policy,
            history=self.history,
            now=NOW,
        )


def sound_allowed() -> Policy:
    """The buyer allowed the sound-system vendor to learn model and sound system, and what a receipt shows always."""
    rule = AllowRule(
        vendor=SOUND.did,
        purposes=frozenset({SERVICE}),
        vct=RECEIPT,
        paths=(
            ("vehicle", "model"),
            ("vehicle", "audioSystem"),
            *(one.path for one in template_named("digital-receipt").always_shown()),
        ),
    )
    return Policy(allow=(rule,))


async def happy() -> Situation:
    """The happy path: everything holds, an allow rule matches, a fresh copy is there."""
    document = await terms()
    return Situation(
        terms=document,
        evidence=await evidence(),
        held=await wallet(),
        signatory=await terms_signatory(SOUND, document),
        policy=sound_allowed(),
    )


async def dealer_asks(*steps: str) -> Situation:
    """The dealer asks for a threshold, with all its papers."""
    document = await terms()
    return Situation(
        vendor=DEALER,
        query=step_query(*(steps or ("20000",))),
        grants=(STEP_GRANT,),
        terms=document,
        evidence=await evidence(),
        held=await wallet(),
        role=await dealer_role(DEALER),
        signatory=await terms_signatory(DEALER, document),
    )
