"""verify_vendor: who asks, in which role, under which signed terms, with which promise; each part proven or a finding.

Nothing is fetched. A vendor's fault never raises: it becomes a finding with a code of the decision table, so that the
person's wallet and a vendor's own check say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from didkit_py.encoding import MAX_SKEW, Json, digest
from didkit_py.errors import DidkitError, Expired, Revoked, Unavailable, UnknownKey, Untrusted
from didkit_py.formats.format import Format
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.keys.party import PartyKeys
from didkit_py.oid4vp.client_id import ClientId
from didkit_py.oid4vp.request import VerifiedRequest, VerifierInfo
from didkit_py.terms.agreement import Agreement, parse_agreement, verify_agreement
from didkit_py.terms.document import Signatory, TermsDocument, verify_delegation, verify_signatory
from didkit_py.verification import Evidence, KeyBinding, VerifiedCredential, parse_one, verify_credential

ROLE_CREDENTIAL: Final = "urn:didkit-py:verifier-info:role-credential:1"
TERMS_SIGNATORY: Final = "urn:didkit-py:verifier-info:terms-signatory:1"
RELATIONSHIP_AGREEMENT: Final = "urn:didkit-py:verifier-info:relationship-agreement:1"
EVIDENCE_FORMAT: Final[Format] = SD_JWT_VC  # of the credentials in the first two: their names stand for it
_NAMING_CLAIMS: Final = ("name", "dealer_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFinding:
    """Something that the vendor's evidence lacks."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedVendor:
    """Who asks, as far as it is proven; what is not proven stands in `findings`."""

    client_id: str
    identifier: str  # as its key source spells it: a DID, ...
    name: str | None  # of a role credential alone; what a vendor calls itself is in `agreement.controller`
    host: str | None  # the internet address that it speaks for
    identifiers: frozenset[str]  # all that it is proven to be known by, folded
    exact: frozenset[str]  # the same as written: trust is by exact name and key
    claimed: frozenset[str]  # both, and what unproven evidence says: whoever says to be a denied business is one
    roles: tuple[VerifiedCredential, ...]
    signatory: Signatory | None
    terms: TermsDocument | None
    agreement: Agreement | None
    agreement_queries: frozenset[str] | None  # the queries that the agreement speaks of; None: all
    findings: tuple[VendorFinding, ...]
    evidence: Evidence = field(repr=False)  # what was judged, so that it can be judged again later
    keys: PartyKeys = field(repr=False)
    known_terms: Mapping[str, TermsDocument] = field(repr=False)

    def at(self, now: datetime, *, request: VerifiedRequest) -> VerifiedVendor:
        """The same evidence judged at another time."""
        return verify_vendor(request, evidence=self.evidence, vendor_keys=self.keys, terms=self.known_terms, now=now)


@dataclass(slots=True, kw_only=True)
class _Case:
    request: VerifiedRequest
    evidence: Evidence
    keys: PartyKeys
    now: datetime
    findings: list[VendorFinding] = field(default_factory=list)

    def note(self, code: str, detail: str) -> None:
        """Keep one finding, once."""
        found = VendorFinding(code=code, detail=detail)
        if found not in self.findings:
            self.findings.append(found)

    def entries(self, form: str) -> tuple[VerifierInfo, ...]:
        """The pieces of evidence of one form; others are none of ours and passed over."""
        return tuple(info for info in self.request.request.verifier_info if info.format == form)

    def credential(self, text: str) -> VerifiedCredential:
        """A credential about a business; that it is this business is judged by its subject."""
        return verify_credential(
            text,
            in_format=EVIDENCE_FORMAT,
            evidence=self.evidence,
            now=self.now,
            key_binding=KeyBinding.NOT_REQUIRED,
        )


def fold(text: str) -> str:
    """A name or identifier as lists compare it: without case and outer blanks."""
    return " ".join(text.casefold().split())


def verify_vendor(
    request: VerifiedRequest,
    *,
    evidence: Evidence,
    vendor_keys: PartyKeys,
    terms: Mapping[str, TermsDocument],
    now: datetime,
) -> VerifiedVendor:
    """What is proven about the vendor of an authenticated request, and what is not.

    `terms` maps an id to a document whose publisher's signature was verified when it was fetched.
    """
    case = _Case(request=request, evidence=evidence, keys=vendor_keys, now=now)
    roles = tuple(_roles(case))
    agreement, queries = _agreement(case)
    signatory = _signatory(case, agreement)
    document = None if agreement is None else terms.get(agreement.terms_id)
    _judge_terms(case, agreement, signatory, document)
    name = next((str(role.claims["name"]) for role in roles if isinstance(role.claims.get("name"), str)), None)
    if agreement is not None and name is not None and fold(agreement.controller.name) != fold(name):
        case.note("vrf.identity-split", "the promise names another business than the role credential")
    client_id = request.request.client_id
    exact = frozenset(_proven(client_id, roles))
    proven = frozenset(map(fold, exact))
    claimed = frozenset(_claimed(case))
    return VerifiedVendor(
        client_id=client_id.full,
        identifier=client_id.identifier,
        name=name,
        host=urlsplit(client_id.origin).netloc if client_id.origin else None,
        identifiers=proven,
        exact=exact,
        claimed=proven | exact | claimed | frozenset(map(fold, claimed)),
        roles=roles,
        signatory=signatory,
        terms=document,
        agreement=agreement,
        agreement_queries=queries,
        findings=tuple(case.findings),
        evidence=evidence,
        keys=vendor_keys,
        known_terms=terms,
    )


def _roles(case: _Case) -> Iterator[VerifiedCredential]:
    for info in case.entries(ROLE_CREDENTIAL):
        try:
            credential = case.credential(info.data)
        except DidkitError as error:
            old = isinstance(error, Expired | Revoked | Unavailable) or _is_unlisted_yet(case, info.data, error)
            case.note("vrf.role-stale" if old else "vrf.role-missing", f"role credential: {error}")
            continue
        if case.keys.is_named(credential.subject):
            yield credential
        else:
            case.note("vrf.identity-split", "the role credential is about another business")


def _agreement(case: _Case) -> tuple[Agreement | None, frozenset[str] | None]:
    entries = case.entries(RELATIONSHIP_AGREEMENT)
    if not entries:
        case.note("agr.missing", "the request carries no agreement")
        return None, None
    if len(entries) > 1:
        case.note("agr.unbound", "the request carries more than one agreement")
        return None, None
    try:
        unverified = parse_agreement(entries[0].data)
        client = case.request.request.client_id.full
        if {unverified.agreement.issuer, unverified.agreement.client_id} != {client}:
            case.note("vrf.identity-split", "the agreement is another vendor's")
        agreement = verify_agreement(unverified, request=case.request, now=case.now)
    except DidkitError as error:
        case.note("agr.unbound", f"agreement: {error}")
        return None, None
    return agreement, frozenset(entries[0].credential_ids) or None


def _signatory(case: _Case, agreement: Agreement | None) -> Signatory | None:
    """The statement that the agreement names by digest; without an agreement, the first one."""
    entries = case.entries(TERMS_SIGNATORY)
    if agreement is not None and agreement.signatory is not None and entries:
        named = [info for info in entries if digest(info.data.encode()) == agreement.signatory]
        if not named:
            case.note("agr.unbound", "the agreement names another statement about signed terms")
        entries = tuple(named)
    elif agreement is not None and entries:
        case.note("agr.unbound", "the agreement names no statement about signed terms")
    if not entries:
        case.note("terms.missing", "no statement about signed terms is shown")
        return None
    try:
        return verify_signatory(case.credential(entries[0].data), vendor=case.keys, now=case.now)
    except DidkitError as error:
        unlisted = _is_unlisted_yet(case, entries[0].data, error)
        case.note("terms.stale" if unlisted else _terms_code(error), f"statement about signed terms: {error}")
        return None


def _is_unlisted_yet(case: _Case, text: str, error: DidkitError) -> bool:
    """Whether who signed is not on the list, or not with this key, and says to have done so after the list was made.

    A forger can say so too, and gains no more by it than by showing nothing.
    """
    if not isinstance(error, Untrusted | UnknownKey):
        return False
    try:
        issued_at = parse_one(text, EVIDENCE_FORMAT).read().issued_at
    except DidkitError:
        return False
    return issued_at is not None and case.evidence.trust.issued_at < issued_at <= case.now + MAX_SKEW


def _terms_code(error: DidkitError) -> str:
    if error.reason == "vrf.identity-split":
        return error.reason
    if isinstance(error, Revoked | Expired):
        return "terms.revoked"
    return "terms.stale" if isinstance(error, Unavailable) else "terms.forged"


def _judge_terms(
    case: _Case, agreement: Agreement | None, signatory: Signatory | None, document: TermsDocument | None
) -> None:
    """Whether agreement and signatory speak of the same terms, which are at hand and open to new agreements."""
    if agreement is None:
        return
    if document is None:
        newer = signatory is not None and signatory.signed_at > case.evidence.trust.issued_at
        case.note("terms.stale" if newer else "terms.missing", "the terms that the agreement names are not at hand")
    elif document.effective_from > case.now or (document.sunset is not None and document.sunset <= case.now):
        case.note("terms.version", "the terms are not open to new agreements now")
    if signatory is None:
        return
    if signatory.terms_id != agreement.terms_id:
        # Another text under the same name and version is a forgery; another version is another version.
        same = document is not None and (signatory.family, signatory.version) == (document.family, document.version)
        case.note("terms.forged" if same else "terms.version", "the vendor signed other terms than its agreement names")
    elif document is not None and signatory.issuer != document.publisher:
        try:
            verify_delegation(signatory, publisher=case.evidence.keys_of(document.publisher, now=case.now))
        except DidkitError as error:
            case.note(_terms_code(error), f"statement about signed terms: {error}")


def _proven(client_id: ClientId, roles: tuple[VerifiedCredential, ...]) -> Iterator[str]:
    yield from (client_id.full, client_id.identifier)
    if client_id.origin:
        yield from (client_id.origin, urlsplit(client_id.origin).netloc)
    for role in roles:
        yield from _names(role.claims)


def _claimed(case: _Case) -> Iterator[str]:
    for info in case.entries(ROLE_CREDENTIAL):
        with suppress(DidkitError):
            yield from _names(parse_one(info.data, EVIDENCE_FORMAT).read().claims)
    for info in case.entries(RELATIONSHIP_AGREEMENT):
        with suppress(DidkitError):
            yield parse_agreement(info.data).agreement.controller.name


def _names(claims: Mapping[str, Json]) -> Iterator[str]:
    yield from (found for name in _NAMING_CLAIMS if isinstance(found := claims.get(name), str))
