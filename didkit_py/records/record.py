"""Agreement record: what was agreed, in the same bytes on both sides, signed by both.

The person accepts with a key made for this relationship alone, so that the contract links no credentials. No value that
was shown stands in a record, and a threshold counts as a value: the record says `at_least`. A vendor does not read a
record and look for faults: it builds the only record that its own offer allows and compares.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from didkit_py.consent.choices import SortedGrants, sort_grants
from didkit_py.consent.consent import Consent
from didkit_py.consent.disclosure_case import LADDER
from didkit_py.credentials.template import TEMPLATES, template_of
from didkit_py.encoding import MAX_SKEW, Json, digest, jcs, read_json, rfc3339
from didkit_py.errors import BadAgreement, Malformed
from didkit_py.jose import KEY_HEADER, JointlySigned
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.reading import Reader
from didkit_py.terms.agreement import Agreement, parse_agreement, request_hash
from didkit_py.terms.document import TermsDocument
from didkit_py.terms.document_parts import read_digest
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import MAX_ITEMS, ClaimPath, DataItem, Recipient, Retention, absent_left_out, read_path
from didkit_py.terms.order import is_below, is_covered
from didkit_py.terms.vocabulary import DPV

TYP: Final = "agreement-record+jwt"
CONFORMS_TO: Final = "https://w3id.org/dpv/schema/dpv-27560#record"
MAX_DELAY: Final = timedelta(minutes=10)  # between making an acceptance and receiving it for the first time
MAX_RECORD: Final = 65_536
_UUID: Final = re.compile(r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_JKT: Final = "jkt:"
_BASES: Final = {
    "contract": "dpv:Contract",
    "consent": "dpv:Consent",
    "legalObligation": "dpv:LegalObligation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRecord:
    """One record; who signed it stands in what returned it."""

    identifier: str
    created: datetime
    rel: str
    subject_key: PublicKey  # the pairwise key of the person
    controller_id: str
    terms_id: str
    offer: str  # digest of the agreement as it was sent
    agreed: tuple[str, ...]  # gids of the grants that were accepted; the vendor may act on no others
    accepted: Mapping[str, tuple[ClaimPath, ...]]  # by gid; empty for one that was declined
    declined: Mapping[str, tuple[ClaimPath, ...]]
    retention: Mapping[str, tuple[Retention, ...]]  # what was promised about keeping, by gid
    presented: str  # digest of the presentation and its nonce
    payload: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """What the first event of this record follows."""
        return digest(self.payload)


def presented_digest(vp_token: Mapping[str, Sequence[str]], nonce: str) -> str:
    """The digest of a presentation, salted by the nonce of its request."""
    body: dict[str, Json] = {query_id: [*texts] for query_id, texts in vp_token.items()}
    return digest(f"{nonce}.".encode() + jcs(body))


def create_record(
    consent: Consent,
    *,
    agreement: Agreement,
    offer_text: str,
    signatory_text: str | None,
    vp_token: Mapping[str, Sequence[str]],
    subject_key: PublicKey,
    identifier: str,
    now: datetime,
) -> dict[str, Json]:
    """The record that the person accepts; `identifier` is a fresh UUID, `subject_key` made for this `rel`.

    Raises BadAgreement when the agreement names another statement about signed terms than `signatory_text`.
    """
    if digest(offer_text.encode()) != agreement.offer_digest:
        raise ValueError("the offer given is not the agreement's text")
    if (None if signatory_text is None else digest(signatory_text.encode())) != agreement.signatory:
        raise BadAgreement("the agreement names another statement about signed terms")
    case = consent.decision.case
    if case.request is None:
        raise ValueError("a consent without a request")
    shown = frozenset((vct, collapsed(path)) for vct, path in consent.shown())
    return _payload(
        agreement,
        terms=None if case.vendor is None else case.vendor.terms,
        identifier=identifier,
        created=rfc3339(now),
        subject=_JKT + subject_key.thumbprint,
        grants=sort_grants(agreement.grants, case.request.request.query),
        accepted={one.gid: _accepted(one, shown) for one in agreement.grants if one.gid in consent.grants},
        by=consent.by,
        presented=presented_digest(vp_token, agreement.nonce),
    )


def collapsed(path: ClaimPath) -> ClaimPath:
    """A path as a record may show it: without the step of a ladder, and without places in arrays, which are values."""
    return path[:1] if path[0] == LADDER else tuple(None if isinstance(step, int) else step for step in path)


def _items(grant: Grant) -> tuple[DataItem, ...]:
    return grant.data or ()


def _accepted(grant: Grant, shown: Collection[tuple[str, ClaimPath]]) -> tuple[ClaimPath, ...]:
    """The collapsed paths that were shown and that `grant` names, sorted, each once.

    A claim inside what the grant names is recorded under the longest path that the grant covers.
    """
    found: set[ClaimPath] = set()
    for vct, path in shown:
        parts = (path[:length] for length in range(len(path), 0, -1))
        found.update(islice((part for part in parts if is_offered(vct, part, grant)), 1))
    return tuple(sorted(found, key=_spelling))


def is_offered(vct: str, path: ClaimPath, grant: Grant) -> bool:
    """Whether a collapsed path of this type is one that the grant names, or a claim of the type inside what it names.

    A path that is in no offer and in no type could be a value in disguise.
    """
    paths = {collapsed(one.path) for one in _items(grant) if one.vct == vct and one.path is not None}
    if path in paths:
        return True
    template = template_of(vct)
    if path != collapsed(path) or template is None:
        return False
    if not any(spec.path[: len(path)] == path for spec in template.claims):  # no claim here, and none below
        return False
    classes = tuple(one for one in _items(grant) if one.data_class is not None)
    item = DataItem(vct=vct, path=path, necessity="optional")
    return any(is_below(path, one) for one in paths) or is_covered(item, classes)


def _spelling(path: ClaimPath) -> bytes:
    return jcs([*path])


def _payload(
    agreement: Agreement,
    *,
    terms: TermsDocument | None,
    identifier: str,
    created: str,
    subject: str,
    grants: SortedGrants,
    accepted: Mapping[str, Sequence[ClaimPath]],
    by: str,
    presented: str,
) -> dict[str, Json]:
    """The only record that an offer allows with these free parts.

    `accepted` has the choices that were ticked and no others. A grant that is about nothing that was asked stood on no
    page, and stands in no record.
    """
    offered = [one for one in agreement.grants if one.gid in grants.tied or one.gid in grants.choices]
    bases = {one.legal_basis for one in offered}
    types: list[Json] = ["dpv:DataProcessingRecord", "dkp:AgreementRecord"]
    notices: list[Json] = [{"lang": one.lang, "digest": one.digest} for one in terms.notices] if terms else []
    return absent_left_out(
        {
            "@context": ["urn:didkit-py:context:1"],
            "@type": [*types, "dpv:ConsentRecord"] if "consent" in bases else types,
            "conformsTo": CONFORMS_TO,
            "identifier": identifier,
            "created": created,
            "rel": agreement.rel,
            "hasDataSubject": subject,
            "hasDataController": {"id": agreement.client_id, "name": agreement.controller.name},
            "terms": agreement.terms_id,
            "offer": agreement.offer_digest,
            "signatory": agreement.signatory,
            "hasNotice": notices,
            "hasProcess": [_process(one, accepted.get(one.gid), terms) for one in offered],
            "withdrawal": agreement.withdraw.to_json(),
            "decision": {"by": by, "presented": presented},
            "status": "dpv:ContractFullySigned",
        }
    )


def _process(grant: Grant, paths: Sequence[ClaimPath] | None, terms: TermsDocument | None) -> Json:
    """One grant in the record; `paths` is None where it was not accepted."""
    recipient, accepted = grant.recipient or Recipient(), paths or ()
    named = {collapsed(one.path) for one in _items(grant) if one.vct is not None and one.path is not None}
    declined = [one for one in named if not any(is_below(path, one) for path in accepted)]
    return absent_left_out(
        {
            "gid": grant.gid,
            "state": "accepted" if accepted or (paths is not None and not grant.data) else "declined",
            "acceptedData": [[*path] for path in accepted],
            "declinedData": [[*path] for path in sorted(declined, key=_spelling)],
            "hasPurpose": ["dpv:" + iri.removeprefix(DPV) if iri.startswith(DPV) else iri for iri in grant.purpose],
            "hasLegalBasis": _BASES[grant.legal_basis],
            "hasStorageCondition": [one.to_json() for one in grant.retention or ()],
            "hasRecipient": [*(recipient.processors or ()), *(recipient.third_parties or ())],
            "hasJurisdiction": None if terms is None else terms.jurisdiction,
        }
    )


async def create_acceptance(record: Mapping[str, Json], *, signer: Signer) -> JointlySigned:
    """The person's signature under a record; `signer` holds the pairwise key, which travels in the header.

    Raises ValueError when the record names another key.
    """
    if record.get("hasDataSubject") != _JKT + signer.public.thumbprint:
        raise ValueError("the record names another key")
    unsigned = JointlySigned(jcs(dict(record)), ())
    return await unsigned.countersign(signer, typ=TYP, header={"jwk": signer.public.to_jwk()})


def verify_acceptance(
    signed: JointlySigned,
    *,
    offer_text: str,
    query: DcqlQuery,
    terms: TermsDocument | None,
    now: datetime,
    presented_at: datetime | None = None,
) -> AgreementRecord:
    """The vendor's check that a person accepted its own offer, and nothing else.

    `query` is what the request of the offer asks for; `terms` is the document that the offer names, None where the
    vendor does not hold it. The same acceptance may come again later: check its payload against the stored one first.
    Where the presentation that it was given for is here, since `presented_at`, the acceptance itself may come as late
    as it likes. Raises Malformed, BadAgreement or BadSignature.
    """
    if len(signed.signatures) != 1:
        raise BadAgreement("an acceptance has one signature")
    agreement = parse_agreement(offer_text).agreement
    if agreement.request_hash != request_hash(query):
        raise ValueError("the query given is not that of the offer")
    record = _verify_subject(signed)
    if not agreement.issued_at - MAX_SKEW <= record.created <= min(now, agreement.expires_at) + MAX_SKEW:
        raise BadAgreement("the record was not made in the life of the offer")
    if (presented_at or now) - record.created > MAX_DELAY:
        raise BadAgreement("the record was made too long ago")
    _require_allowed(agreement, record, terms, sort_grants(agreement.grants, query))
    return record


def _require_allowed(
    agreement: Agreement, record: AgreementRecord, terms: TermsDocument | None, grants: SortedGrants
) -> None:
    """The record is what the offer makes of the person's choices, and of nothing else.

    A person who did not hold the terms, and was warned of it, writes a record without notices; both are allowed.
    """
    by = Reader(read_json(record.payload), at="record").object("decision").text("by", one_of=("person", "policy"))
    declined = frozenset(grants.choices).difference(record.agreed)
    accepted = {gid: paths for gid, paths in record.accepted.items() if gid not in declined}
    allowed = (
        _payload(
            agreement,
            terms=known,
            identifier=record.identifier,
            created=rfc3339(record.created),
            subject=_JKT + record.subject_key.thumbprint,
            grants=grants,
            accepted=accepted,
            by=by,
            presented=record.presented,
        )
        for known in (terms, None)
    )
    if all(jcs(one) != record.payload for one in allowed):
        raise BadAgreement("the record is not the one that the offer allows")
    for grant in agreement.grants:
        if grant.gid in accepted:
            required = grants.required if grant.gid in grants.tied else frozenset()
            _require_accepted(grant, accepted[grant.gid], required)


def _require_accepted(grant: Grant, accepted: Sequence[ClaimPath], required: Collection[tuple[str, ClaimPath]]) -> None:
    types = {one.vct for one in _items(grant) if one.vct is not None}
    if any(one.vct is None for one in _items(grant)):
        types |= TEMPLATES.keys()
    if list(accepted) != sorted(set(accepted), key=_spelling):
        raise BadAgreement("record.acceptedData: expected each path once, in order")
    if any(not any(is_offered(vct, path, grant) for vct in types) for path in accepted):
        raise BadAgreement("record.acceptedData: a path was not offered")
    for one in _items(grant):
        if one.path is None or one.is_optional or not _is_insisted_on(one, required):
            continue
        if not any(is_below(path, collapsed(one.path)) for path in accepted):
            raise BadAgreement("record.acceptedData: something required is not accepted")


def _is_insisted_on(item: DataItem, required: Collection[tuple[str, ClaimPath]]) -> bool:
    """Whether a query that must be answered asks for this, for a part of it, or for what it is a part of."""
    above = item.path or ()
    return any(vct == item.vct and (is_below(path, above) or is_below(above, path)) for vct, path in required)


async def countersign(signed: JointlySigned, *, signer: Signer) -> JointlySigned:
    """The record: the same payload with the vendor's signature; `signer.key_id` is a DID URL."""
    return await signed.countersign(signer, typ=TYP)


def verify_record(
    signed: JointlySigned, *, vendor_keys: PartyKeys, accepted: JointlySigned | None = None
) -> AgreementRecord:
    """A record that both sides signed; a wallet gives the acceptance it sent, and gets only that one back.

    The person's signature in it is then the wallet's own, byte for byte, and is not checked again. Raises Malformed,
    BadAgreement, BadSignature or UnknownKey.
    """
    if len(signed.signatures) != 2:  # noqa: PLR2004 - two parties
        raise BadAgreement("a record has the signatures of both sides")
    if accepted is not None and (accepted.payload, *accepted.signatures) != (signed.payload, signed.signatures[0]):
        raise BadAgreement("the record is not the one that was accepted")
    record = _verify_subject(signed) if accepted is None else _read(signed.payload, _subject_key(signed))
    kid = signed.signatures[1].header(typ=TYP).get("kid")
    if not isinstance(kid, str):
        raise BadAgreement("the vendor's signature names no key")
    signed.verify(1, vendor_keys.key(kid, KeyPurpose.ASSERTION), typ=TYP)
    if not vendor_keys.is_named(record.controller_id):
        raise BadAgreement("the record is with another vendor")
    return record


def _verify_subject(signed: JointlySigned) -> AgreementRecord:
    """The record in `signed`, once the person's signature holds under the key that the record names."""
    key = _subject_key(signed)
    signed.verify(0, key, typ=TYP, honoured=KEY_HEADER)
    return _read(signed.payload, key)


def _subject_key(signed: JointlySigned) -> PublicKey:
    return PublicKey.from_jwk(signed.signatures[0].header(typ=TYP, honoured=KEY_HEADER).get("jwk"))


def _read(payload: bytes, key: PublicKey) -> AgreementRecord:
    body = read_json(payload, max_bytes=MAX_RECORD)
    if jcs(body) != payload:
        raise BadAgreement("the record is not in canonical form")
    read = Reader(body, at="record")
    if read.text("hasDataSubject") != _JKT + key.thumbprint:
        raise BadAgreement("the record names another key than the one that signed it")
    identifier = read.text("identifier")
    if not _UUID.match(identifier):
        raise Malformed("record.identifier: expected a UUID", spec="RFC 9562, 4")
    processes = {one.text("gid", max_length=32): one for one in read.objects("hasProcess", at_least=1, max_items=32)}
    return AgreementRecord(
        identifier=identifier,
        created=read.rfc3339("created"),
        rel=read.text("rel", max_length=64),
        subject_key=key,
        controller_id=read.object("hasDataController").text("id"),
        terms_id=read.text("terms", max_length=64),
        offer=read_digest(read, "offer"),
        agreed=tuple(
            gid for gid, one in processes.items() if one.text("state", one_of=("accepted", "declined")) == "accepted"
        ),
        accepted={gid: _paths(one, "acceptedData") for gid, one in processes.items()},
        declined={gid: _paths(one, "declinedData") for gid, one in processes.items()},
        retention={
            gid: tuple(map(Retention.from_reader, one.objects("hasStorageCondition", max_items=MAX_ITEMS)))
            for gid, one in processes.items()
        },
        presented=read_digest(read.object("decision"), "presented"),
        payload=payload,
    )


def _paths(read: Reader, name: str) -> tuple[ClaimPath, ...]:
    return tuple(read_path(Reader({name: one}, at=read.at), name) for one in read.items(name, max_items=64))
