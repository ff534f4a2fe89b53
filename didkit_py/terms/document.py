"""Terms document: terms in three layers (plain words, rules, full text), named by the digest of everything in them.

A family name and a version are for people; only the id counts. Two documents that differ in one byte have two ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import MAX_SKEW, Json, content_address, digest, jcs, read_json, rfc3339
from didkit_py.errors import BadTerms, TooLarge, Unreachable
from didkit_py.jose import MAX_TOKEN, parse_compact, sign_compact, verify_compact
from didkit_py.keys.party import KeyPurpose, PartyKeys, party_of
from didkit_py.keys.signer import Signer
from didkit_py.reading import Reader
from didkit_py.terms.document_parts import MAX_LABELS, MAX_SENTENCE, Authority, Clause, Duty, Label, TermsLayer
from didkit_py.terms.grant import Grant, read_grants
from didkit_py.terms.period import Period
from didkit_py.verification import VerifiedCredential

TYP: Final = "terms-document+jwt"
STATEMENT_TYP: Final = "terms-signature+jwt"
DELEGATION_TYP: Final = "terms-delegation+jwt"
SIGNATORY_VCT: Final = "urn:didkit-py:vct:terms-signatory:1"
SCHEMA: Final = "urn:didkit-py:schema:terms-document:1"
MAX_DOCUMENT: Final = 65_536  # bytes; the example has 4,000
MAX_LAYER: Final = 1_048_576  # bytes of one text
MAX_LAYERS: Final = 12
MAX_RULES: Final = 256
MAX_NESTING: Final = 16
MAX_ID: Final = 64
MAX_SIGNATORY_LIFE: Final = timedelta(days=366)
_UNADDRESSED: Final = ("id", "proof")
# The fields of a ceiling that promise something; each needs a clause, by name or through the whole grant.
_PROMISES: Final = (
    *("purpose", "not", "propagation", "retention", "recipient", "window", "frequency", "channel", "location"),
    *("renewal", "returnDuty", "context"),
)
_MEMBERS: Final = (
    *("schema", "type", "id", "family", "version", "supersedes", "direction", "publisher", "jurisdiction", "validity"),
    *("layers", "clauseMap", "precedence", "duties", "exceptions", "liability", "authority", "dispute", "proof"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsDocument:
    """One version of terms, complete in itself; whether its publisher signed it is `verify_terms`' matter."""

    id: str
    family: str
    version: str
    publisher: str
    direction: str
    jurisdiction: str
    effective_from: datetime
    sunset: datetime | None
    ceiling: tuple[Grant, ...]
    duties: tuple[Duty, ...]
    layers: tuple[TermsLayer, ...]
    labels: tuple[Label, ...]
    clauses: tuple[Clause, ...]
    exceptions: Mapping[str, str]  # id of a clause of exception -> its text
    authority: Authority | None
    proof: str = field(repr=False)
    source: Mapping[str, Json] = field(repr=False)

    @property
    def notices(self) -> tuple[TermsLayer, ...]:
        """The texts in plain words."""
        return tuple(layer for layer in self.layers if layer.kind == "human")

    def duty(self, name: str) -> Duty | None:
        """The duty of that kind, if the terms hold one."""
        return next((duty for duty in self.duties if duty.duty == name), None)

    def within(self, name: str) -> Period | None:
        """The shortest time that the terms state for duties of that kind; None where they state none."""
        return min((duty.within for duty in self.duties if duty.duty == name and duty.within), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTerms:
    """Terms that their publisher signed, with all their texts."""

    document: TermsDocument
    layers: Mapping[str, bytes]  # by digest


def parse_terms(body: bytes) -> TermsDocument:
    """Read a terms document whose id is its content address and whose clause map is complete.

    Raises Malformed, TooLarge or BadTerms.
    """
    read = Reader(read_json(body, max_bytes=MAX_DOCUMENT, max_depth=MAX_NESTING), at="terms")
    document = _read(read, proof=read.text("proof"))
    if document.id != address(read.members):
        raise BadTerms("the id is not the content address of this document")
    return document


def address(members: Mapping[str, Json]) -> str:
    """The content address of a terms document: everything in it beside `id` and `proof`."""
    return content_address(jcs({name: value for name, value in members.items() if name not in _UNADDRESSED}))


async def create_terms(draft: Mapping[str, Json], *, signer: Signer) -> dict[str, Json]:
    """The document of a draft: with its id, signed by its publisher. Raises what `parse_terms` raises."""
    content = {name: value for name, value in draft.items() if name not in _UNADDRESSED}
    terms_id = address(content)
    proof = await sign_compact({"id": terms_id}, typ=TYP, signer=signer)
    document: dict[str, Json] = {**content, "id": terms_id, "proof": proof}
    if len(jcs(document)) > MAX_DOCUMENT:
        raise TooLarge(f"terms: longer than {MAX_DOCUMENT} bytes")
    _read(Reader(document, at="terms"), proof=proof)
    return document


def verify_terms(document: TermsDocument, *, layers: Mapping[str, bytes], publisher: PartyKeys) -> VerifiedTerms:
    """The terms with their texts, once the publisher's signature and every digest hold.

    `layers` maps a digest to the bytes that were fetched for it. Raises BadTerms, TooLarge, UnknownKey or BadSignature.
    """
    if publisher.id != document.publisher:
        raise BadTerms("the terms name another publisher")
    jws = parse_compact(document.proof, typ=TYP, max_length=MAX_TOKEN)
    signed = verify_compact(jws, publisher.key(jws.kid, KeyPurpose.ASSERTION))
    if signed != {"id": document.id}:
        raise BadTerms("the publisher signed other terms")
    return VerifiedTerms(document=document, layers={one.digest: _layer(one, layers) for one in document.layers})


def _layer(layer: TermsLayer, layers: Mapping[str, bytes]) -> bytes:
    octets = layers.get(layer.digest)
    if octets is None:
        raise BadTerms("a text of the terms is missing")
    if len(octets) > MAX_LAYER:
        raise TooLarge(f"a text of the terms is longer than {MAX_LAYER} bytes")
    if digest(octets) != layer.digest:
        raise BadTerms("a text of the terms was changed")
    return octets


def _read(read: Reader, *, proof: str) -> TermsDocument:
    read.refuse_unknown(_MEMBERS, nullable=("supersedes",))
    read.text("schema", one_of=(SCHEMA,))
    read.text("type", one_of=("TermsDocument",))
    layers = read.object("layers")
    layers.refuse_unknown(("human", "lawyer", "machine"))
    human = layers.object("human")
    human.refuse_unknown(("documents", "label"))
    machine = layers.object("machine")
    machine.refuse_unknown(("vocabulary", "ceiling", "odrl", "duties"))
    validity = read.object("validity")
    validity.refuse_unknown(("effectiveFrom", "sunset"), nullable=("sunset",))
    exceptions = read.objects("exceptions", max_items=MAX_RULES) if read.has("exceptions") else ()
    document = TermsDocument(
        id=read.text("id", max_length=MAX_ID),
        family=read.text("family", max_length=120),
        version=read.text("version", max_length=20),
        publisher=read.text("publisher", max_length=512),
        direction=read.text("direction", one_of=("vendor-offered", "person-proffered")),
        jurisdiction=read.text("jurisdiction", max_length=10),
        effective_from=validity.rfc3339("effectiveFrom"),
        sunset=None if validity.members.get("sunset") is None else validity.rfc3339("sunset"),
        ceiling=read_grants(machine, "ceiling"),
        duties=tuple(Duty.from_reader(one) for one in read.objects("duties", max_items=MAX_RULES)),
        layers=_layers(human, layers),
        labels=tuple(Label.from_reader(one) for one in human.objects("label", max_items=MAX_LABELS)),
        clauses=tuple(Clause.from_reader(one) for one in read.objects("clauseMap", max_items=MAX_RULES)),
        exceptions={one.text("id", max_length=80): one.text("text", max_length=MAX_SENTENCE) for one in exceptions},
        authority=_authority(read),
        proof=proof,
        source=read.members,
    )
    require_complete(document)
    return document


def _layers(human: Reader, layers: Reader) -> tuple[TermsLayer, ...]:
    plain = human.objects("documents", at_least=1, max_items=MAX_LAYERS)
    full = layers.objects("lawyer", at_least=1, max_items=MAX_LAYERS)
    found = (
        *(TermsLayer.from_reader(one, kind="human") for one in plain),
        *(TermsLayer.from_reader(one, kind="lawyer") for one in full),
    )
    if len(found) > MAX_LAYERS:
        raise TooLarge(f"{layers.at}: more than {MAX_LAYERS} texts")
    if sum(one.governing for one in found if one.kind == "lawyer") != 1:
        raise BadTerms("exactly one full text must be marked as governing")
    return found


def _authority(read: Reader) -> Authority | None:
    found = read.optional_object("authority")
    if found is None:
        return None
    found.refuse_unknown(("name", "contact"))
    return Authority(name=found.text("name", max_length=200), contact=found.url("contact"))


def require_complete(document: TermsDocument) -> None:
    """Check that every rule has a clause, every clause a rule, and every line of the label its rule. Raises BadTerms.

    A grant of the ceiling is mapped as a whole (`g1`) or promise by promise (`g1.purpose`).
    """
    mapped = {clause.rule: clause for clause in document.clauses}
    if len(mapped) != len(document.clauses):
        raise BadTerms("clauseMap: the same rule twice")
    grants = {grant.gid: grant.to_json().keys() for grant in document.ceiling}
    duties = {duty.rule for duty in document.duties}
    known = duties | grants.keys() | {f"{gid}.{name}" for gid, names in grants.items() for name in names}
    if stray := sorted(mapped.keys() - known):
        raise BadTerms(f"clauseMap: no rule for {stray[0]}")
    wanted = duties | {
        f"{gid}.{name}" for gid, names in grants.items() if gid not in mapped for name in _PROMISES if name in names
    }
    if lacking := sorted(wanted - mapped.keys()):
        raise BadTerms(f"clauseMap: no clause for {lacking[0]}")
    _require_labels(document, mapped)


def _require_labels(document: TermsDocument, mapped: Mapping[str, Clause]) -> None:
    for place, label in enumerate(document.labels):
        if label.rule not in mapped or mapped[label.rule].label != place:
            raise BadTerms(f"label {place} has no rule of its own in clauseMap")
    for clause in mapped.values():
        if clause.label is not None and not clause.label < len(document.labels):
            raise BadTerms("clauseMap: names a label that is not there")
        if clause.label is not None and document.labels[clause.label].rule != clause.rule:
            raise BadTerms("clauseMap: a label tells another rule")


# --- who signed them


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """That a third party says, and the vendor's own signature shows, that the vendor signed these terms."""

    issuer: str
    issuer_name: str
    subject: str
    terms_id: str
    family: str
    version: str
    level: str
    signed_at: datetime
    delegation: str | None = field(default=None, repr=False)


async def create_signatory_statement(terms_id: str, *, signed_at: datetime, signer: Signer) -> str:
    """The vendor's own signature under terms; `signer.key_id` is a DID URL of the vendor."""
    return await sign_compact(
        {"terms": {"id": terms_id}, "signedAt": rfc3339(signed_at)}, typ=STATEMENT_TYP, signer=signer
    )


def verify_signatory_statement(text: str, *, vendor: PartyKeys, now: datetime) -> tuple[str, datetime]:
    """The id of the terms that the vendor signed, and when. Raises BadTerms, UnknownKey, BadSignature or Malformed."""
    jws = parse_compact(text, typ=STATEMENT_TYP)
    if jws.kid is None or party_of(jws.kid) != vendor.id:
        raise BadTerms("the signature under the terms is not the vendor's own")
    read = Reader(verify_compact(jws, vendor.key(jws.kid, KeyPurpose.ASSERTION)), at="terms_signature")
    signed_at = read.rfc3339("signedAt")
    if signed_at > now + MAX_SKEW:
        raise BadTerms("the terms were signed in the future")
    return read.object("terms").text("id", max_length=MAX_ID), signed_at


def verify_signatory(credential: VerifiedCredential, *, vendor: PartyKeys, now: datetime) -> Signatory:
    """What a verified terms-signatory credential proves about this vendor.

    Trust in its issuer, time and status were judged by `verify_credential`. Raises BadTerms, or what the vendor's own
    signature inside it lacks.
    """
    if credential.vct != SIGNATORY_VCT:
        raise BadTerms("expected a statement about signed terms")
    if not vendor.is_named(credential.subject):
        raise BadTerms("the statement is about another business", reason="vrf.identity-split")
    if (
        credential.issued_at is None
        or credential.expires_at is None
        or (credential.expires_at - credential.issued_at > MAX_SIGNATORY_LIFE)
    ):
        raise BadTerms("a statement about signed terms lasts at most twelve months")
    read = Reader(dict(credential.claims), at="terms_signatory")
    terms = read.object("terms")
    terms_id, signed_at = verify_signatory_statement(read.text("signature"), vendor=vendor, now=now)
    if terms_id != terms.text("id", max_length=MAX_ID) or signed_at != read.rfc3339("signedAt"):
        raise BadTerms("the vendor signed other terms than the statement names")
    return Signatory(
        issuer=credential.issuer,
        issuer_name=credential.issuer_name,
        subject=vendor.id,
        terms_id=terms_id,
        family=terms.text("family", max_length=120),
        version=terms.text("version", max_length=20),
        level=read.text("level", one_of=("self-declared", "reviewed", "audited")),
        signed_at=signed_at,
        delegation=read.optional_text("delegation"),
    )


async def create_delegation(delegate: str, *, signer: Signer) -> str:
    """A publisher's word that `delegate` (a party's identifier) may say who signed its terms."""
    return await sign_compact({"iss": party_of(signer.key_id), "sub": delegate}, typ=DELEGATION_TYP, signer=signer)


def verify_delegation(signatory: Signatory, *, publisher: PartyKeys | None) -> None:
    """Check that whoever states the signing is the publisher or speaks for it.

    Raises BadTerms or BadSignature, or Unreachable when the publisher's keys are not at hand.
    """
    if publisher is None:
        raise Unreachable("the publisher's key document is not at hand", spec="DID Core 1.0, 7.1")
    if signatory.delegation is None:
        raise BadTerms("the issuer of the statement is not the publisher of the terms and shows no permission")
    jws = parse_compact(signatory.delegation, typ=DELEGATION_TYP)
    if verify_compact(jws, publisher.key(jws.kid, KeyPurpose.ASSERTION)) != {
        "iss": publisher.id,
        "sub": signatory.issuer,
    }:
        raise BadTerms("the publisher's permission is for somebody else")
