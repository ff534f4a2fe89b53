"""Records: the same bytes on both sides, only what the offer allows, no value inside; and the events that follow."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.consent.consent import Answer_, Consent, consent, release
from didkit_py.consent.decision import decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import Policy
from didkit_py.encoding import digest, jcs
from didkit_py.errors import BadAgreement, BadSignature, DidkitError
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.records.events import (
    create_acknowledgement,
    create_erase_request,
    create_withdrawal,
    parse_event,
    verify_event,
)
from didkit_py.records.record import (
    TYP,
    countersign,
    create_acceptance,
    create_record,
    is_offered,
    presented_digest,
    verify_acceptance,
    verify_record,
)
from didkit_py.terms.agreement import Agreement
from didkit_py.terms.grant_parts import ClaimPath
from tests.cast import (
    AFFORDABILITY,
    BOB,
    CAR_QUERY,
    CONTACT,
    NONCE,
    NOW,
    RECEIPT,
    REL,
    SOUND,
    SOUND_GRANT,
    SOUND_QUERY,
    Party,
    Situation,
    dealer_asks,
    grant,
    happy,
    signer_of,
)

IDENTIFIER = "7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11"
PAIRWISE = signer_of(f"pairwise {REL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One yes with what was shown for it and the record of it."""

    situation: Situation
    given: Consent
    agreement: Agreement
    vp_token: dict[str, list[str]]
    body: dict[str, Any]

    @property
    def vendor(self) -> Party:
        return self.situation.vendor


async def agreed(situation: Situation, *, optional: frozenset[str] = frozenset()) -> Agreed:
    decision = decide(await situation.case())
    given = consent(decision, Answer_(share=True, seen=page_digest(decision), optional=optional))
    vp_token = await release(
        given,
        texts={one.id: one.text for one in situation.held},
        signers={one.id: one.signer for one in situation.held},
        now=NOW,
        formats=FORMATS,
    )
    agreement = given.decision.case.agreement
    assert agreement is not None
    body = create_record(
        given,
        agreement=agreement,
        offer_text=agreement.text,
        signatory_text=situation.signatory,
        vp_token=vp_token,
        subject_key=PAIRWISE.public,
        identifier=IDENTIFIER,
        now=NOW,
    )
    return Agreed(situation=situation, given=given, agreement=agreement, vp_token=vp_token, body=body)


@pytest.fixture
async def sound() -> Agreed:
    return await agreed((await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy()))


def at_vendor(one: Agreed, signed: JointlySigned, *, now: timedelta = timedelta(minutes=1)) -> Any:
    query = DcqlQuery.from_json(one.situation.query, formats=FORMATS)
    terms = one.situation.terms
    return verify_acceptance(signed, offer_text=one.agreement.text, query=query, terms=terms, now=NOW + now)


async def signed_as(body: Mapping[str, Any], *, payload: bytes | None = None) -> JointlySigned:
    """A signature under whatever a faulty or hostile wallet might write."""
    unsigned = JointlySigned(payload or jcs(dict(body)), ())
    return await unsigned.countersign(PAIRWISE, typ=TYP, header={"jwk": PAIRWISE.public.to_jwk()})


async def test_both_sides_end_with_the_same_bytes_and_two_signatures(sound: Agreed) -> None:
    acceptance = await create_acceptance(sound.body, signer=PAIRWISE)
    record = at_vendor(sound, acceptance)
    assert record.presented == presented_digest(sound.vp_token, NONCE)
    both = await countersign(acceptance, signer=SOUND.signer)
    at_wallet = verify_record(both, vendor_keys=SOUND.document, accepted=acceptance)
    assert at_wallet.payload == record.payload == acceptance.payload == jcs(sound.body)
    assert JointlySigned.from_json(both.to_json()) == both


async def test_a_record_says_what_was_agreed_in_the_words_of_the_standard(sound: Agreed) -> None:
    assert sound.body["@type"] == ["dpv:DataProcessingRecord", "dkp:AgreementRecord"]
    assert sound.body["conformsTo"] == "https://w3id.org/dpv/schema/dpv-27560#record"
    assert sound.body["hasDataSubject"] == "jkt:" + PAIRWISE.public.thumbprint
    assert sound.body["offer"] == digest(sound.agreement.text.encode())
    assert sound.body["terms"] == sound.situation.terms.id
    assert sound.body["withdrawal"] == {"uri": "https://sound.example/agreements/withdraw", "within": "P3D"}
    (process,) = sound.body["hasProcess"]
    assert process == {
        "gid": "g-a",
        "state": "accepted",
        "acceptedData": [
            *([name] for name in ("date", "fullReceiptDigest", "receipt_type", "seller")),
            *(["vehicle", name] for name in ("audioSystem", "model")),
        ],
        "declinedData": [["email"], ["kinds"], ["verified_on"]],
        "hasPurpose": ["dpv:RequestedServiceProvision"],
        "hasLegalBasis": "dpv:Contract",
        "hasStorageCondition": [{"class": "planning", "period": "P1Y", "from": "relationshipEnd", "then": "erase"}],
        "hasRecipient": [],
        "hasJurisdiction": "GB",
    }


async def test_no_value_and_no_threshold_stands_in_a_record(sound: Agreed) -> None:
    text = jcs(sound.body).decode()
    assert not any(value in text for value in ("Chryota Dart", "Clearsound Seven", "sally@post.example"))
    dealer = await agreed(await dealer_asks())
    assert "20000" not in jcs(dealer.body).decode()
    assert dealer.body["hasProcess"][0]["acceptedData"] == [["at_least"], ["basis"], ["currency"], ["scheme"]]
    at_vendor(dealer, await create_acceptance(dealer.body, signer=PAIRWISE))


async def test_what_was_ticked_is_accepted_and_nothing_declined() -> None:
    situation = (await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy())
    ticked = await agreed(situation, optional=frozenset({"contact"}))
    assert ["email"] in ticked.body["hasProcess"][0]["acceptedData"]
    assert ticked.body["hasProcess"][0]["declinedData"] == []
    at_vendor(ticked, await create_acceptance(ticked.body, signer=PAIRWISE))


def process(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["hasProcess"][0].update(changes)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another relationship": lambda body: body.update(rel="x" * 22),
    "other terms": lambda body: body.update(terms="ni:///sha-256;" + "A" * 43),
    "another offer": lambda body: body.update(offer="sha-256;" + "A" * 43),
    "another signatory": lambda body: body.update(signatory="sha-256;" + "A" * 43),
    "no signatory": lambda body: body.pop("signatory"),
    "another controller": lambda body: body["hasDataController"].update(name="Somebody Else Ltd"),
    "another place to withdraw": lambda body: body["withdrawal"].update(uri="https://elsewhere.example/withdraw"),
    "an unknown member": lambda body: body.update(note="sally@post.example"),
    "a value inside": process(note="Chryota Dart"),
    "a path that was not offered": process(acceptedData=[["vehicle", "audioSystem"], ["vehicle", "model"], ["vin"]]),
    "a value as a path": process(
        acceptedData=[["email", "sally@post.example"], ["vehicle", "audioSystem"], ["vehicle", "model"]],
        declinedData=[],
    ),
    "a required path left out": process(
        acceptedData=[["vehicle", "model"]], declinedData=[["email"], ["vehicle", "audioSystem"]]
    ),
    "paths out of order": process(acceptedData=[["vehicle", "model"], ["vehicle", "audioSystem"]]),
    "a path twice": process(
        acceptedData=[["vehicle", "audioSystem"], ["vehicle", "audioSystem"], ["vehicle", "model"]]
    ),
    "another purpose": process(hasPurpose=["dpv:Marketing"]),
    "a longer period": process(
        hasStorageCondition=[{"class": "planning", "period": "P9Y", "from": "relationshipEnd", "then": "erase"}]
    ),
    "a process dropped": lambda body: body.update(hasProcess=[]),
    "another process": process(gid="g-b"),
    "another notice": lambda body: body.update(hasNotice=[]),
    "another status": lambda body: body.update(status="dpv:ContractOffered"),
    "no identifier": lambda body: body.update(identifier="sally@post.example"),
    "somebody else's key": lambda body: body.update(hasDataSubject="jkt:" + signer_of("x").public.thumbprint),
    "made before the offer": lambda body: body.update(created="2026-11-21T09:50:00Z"),
    "made after the offer": lambda body: body.update(created="2026-11-21T10:40:00Z"),
    "a decision by nobody": lambda body: body["decision"].update(by="machine"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_record_that_the_offer_does_not_allow_is_refused(sound: Agreed, change: str) -> None:
    body = json.loads(jcs(sound.body))
    CHANGES[change](body)
    signed = await signed_as(body)
    with pytest.raises(DidkitError) as refusal:
        at_vendor(sound, signed)
    assert "sally" not in str(refusal.value)


async def test_the_threshold_itself_may_not_stand_in_a_record() -> None:
    dealer = await agreed(await dealer_asks())
    body = json.loads(jcs(dealer.body))
    body["hasProcess"][0]["acceptedData"] = [["at_least", "20000"], ["currency"]]
    with pytest.raises(BadAgreement):
        at_vendor(dealer, await signed_as(body))


async def test_another_spelling_of_the_same_record_is_refused(sound: Agreed) -> None:
    spelled = await signed_as(sound.body, payload=json.dumps(sound.body).encode())
    with pytest.raises(BadAgreement, match="canonical"):
        at_vendor(sound, spelled)


async def test_an_acceptance_that_comes_too_late_is_refused(sound: Agreed) -> None:
    acceptance = await create_acceptance(sound.body, signer=PAIRWISE)
    with pytest.raises(BadAgreement, match="too long ago"):
        at_vendor(sound, acceptance, now=timedelta(minutes=11))


async def test_a_signature_of_another_key_is_refused(sound: Agreed) -> None:
    thief = signer_of("thief")
    unsigned = JointlySigned(jcs(sound.body), ())
    own = await unsigned.countersign(thief, typ=TYP, header={"jwk": thief.public.to_jwk()})
    forged = await unsigned.countersign(thief, typ=TYP, header={"jwk": PAIRWISE.public.to_jwk()})
    with pytest.raises(BadAgreement):
        at_vendor(sound, own)
    with pytest.raises(BadSignature):
        at_vendor(sound, forged)
    with pytest.raises(ValueError, match="another key"):
        await create_acceptance(sound.body, signer=thief)


async def test_one_sided_edits_and_foreign_countersignatures_are_seen(sound: Agreed) -> None:
    acceptance = await create_acceptance(sound.body, signer=PAIRWISE)
    other = await create_acceptance(sound.body | {"status": "dpv:ContractTerminated"}, signer=PAIRWISE)
    with pytest.raises(BadAgreement, match="accepted"):
        verify_record(await countersign(other, signer=SOUND.signer), vendor_keys=SOUND.document, accepted=acceptance)
    forged = replace(acceptance, signatures=(replace(acceptance.signatures[0], signature="A" * 86),))
    both = await countersign(forged, signer=SOUND.signer)
    with pytest.raises(BadAgreement, match="accepted"):
        verify_record(both, vendor_keys=SOUND.document, accepted=acceptance)
    with pytest.raises(BadSignature):
        verify_record(both, vendor_keys=SOUND.document)
    with pytest.raises(DidkitError):
        verify_record(await countersign(acceptance, signer=BOB.signer), vendor_keys=SOUND.document)
    with pytest.raises(BadAgreement, match="another vendor"):
        verify_record(await countersign(acceptance, signer=BOB.signer), vendor_keys=BOB.document)
    with pytest.raises(BadAgreement, match="both sides"):
        verify_record(acceptance, vendor_keys=SOUND.document)


async def test_a_record_is_about_one_presentation(sound: Agreed) -> None:
    record = at_vendor(sound, await create_acceptance(sound.body, signer=PAIRWISE))
    assert record.presented == presented_digest(sound.vp_token, NONCE)
    assert record.presented != presented_digest({"car": ["another~"]}, NONCE)
    assert record.presented != presented_digest(sound.vp_token, "b3RoZXItbm9uY2Utb2YtMTI4Yml0cw")


async def test_a_person_who_was_warned_that_the_terms_are_not_at_hand_can_still_agree() -> None:
    warned = await agreed((await happy()).but(known_terms=False))
    assert warned.body["hasNotice"] == []
    at_vendor(warned, await create_acceptance(warned.body, signer=PAIRWISE))


# --- events


async def test_events_follow_the_record_and_each_other(sound: Agreed) -> None:
    record = at_vendor(sound, await create_acceptance(sound.body, signer=PAIRWISE))
    known = {"record": record, "vendor_keys": SOUND.document, "now": NOW}
    text = await create_withdrawal(record, previous=None, gids=["g-a"], effect="stop-use", signer=PAIRWISE, now=NOW)
    first = verify_event(parse_event(text), previous=None, **known)
    assert (first.seq, first.prev, first.gids) == (1, digest(record.payload), ("g-a",))
    reply = await create_acknowledgement(
        record, previous=first, of=first, state="received", signer=SOUND.signer, now=NOW
    )
    second = verify_event(parse_event(reply), previous=first, **known)
    assert (second.seq, second.of, second.state) == (2, first.digest, "received")
    erase = await create_erase_request(
        record, previous=second, paths=[("vehicle", "model")], basis="terms:d2", signer=PAIRWISE, now=NOW
    )
    third = verify_event(parse_event(erase), previous=second, **known)
    assert third.paths == (("vehicle", "model"),)
    with pytest.raises(BadAgreement, match="follow"):
        verify_event(parse_event(erase), previous=first, **known)


async def test_events_of_others_are_refused(sound: Agreed) -> None:
    record = at_vendor(sound, await create_acceptance(sound.body, signer=PAIRWISE))
    known = {"record": record, "previous": None, "vendor_keys": SOUND.document, "now": NOW}
    thief = await create_withdrawal(
        record, previous=None, gids=["g-a"], effect="stop-use", signer=signer_of("thief"), now=NOW
    )
    with pytest.raises(BadAgreement, match="agreed with the key"):
        verify_event(parse_event(thief), **known)
    stray = await create_withdrawal(record, previous=None, gids=["g-z"], effect="stop-use", signer=PAIRWISE, now=NOW)
    with pytest.raises(BadAgreement, match="not agreed"):
        verify_event(parse_event(stray), **known)
    everything = await create_erase_request(record, previous=None, paths=(), basis="terms:d2", signer=PAIRWISE, now=NOW)
    assert verify_event(parse_event(everything), **known).paths == ()
    with pytest.raises(BadAgreement, match="future"):
        verify_event(parse_event(everything), **(known | {"now": NOW - timedelta(hours=1)}))


async def test_a_record_lists_paths_by_their_canonical_spelling() -> None:
    """A part comes before the whole: `["vehicle","model"]` sorts below `["vehicle"]` by its bytes (RFC 8785)."""
    (car,) = CAR_QUERY["credentials"]
    query = {"credentials": [{**car, "claims": [{"path": ["vehicle"]}, {"path": ["vehicle", "model"]}]}]}
    data = [{"vct": RECEIPT, "path": ["vehicle"]}, {"vct": RECEIPT, "path": ["vehicle", "model"]}]
    one = await agreed((await happy()).but(query=query, grants=(grant(data=data),), policy=Policy()))
    paths = one.body["hasProcess"][0]["acceptedData"]
    assert paths[-2:] == [["vehicle", "model"], ["vehicle"]]
    record = at_vendor(one, await create_acceptance(one.body, signer=PAIRWISE))
    assert record.accepted["g-a"][-2:] == (("vehicle", "model"), ("vehicle",))


CAR_OWNED = "https://w3id.org/dpv/pd#CarOwned"


@pytest.mark.parametrize(
    ("vct", "path", "data", "offered"),
    [
        (RECEIPT, ("vehicle", "model"), [{"vct": RECEIPT, "path": ["vehicle", "model"]}], True),
        (RECEIPT, ("vehicle", "model"), [{"vct": RECEIPT, "path": ["vehicle"]}], True),
        (RECEIPT, ("vehicle",), [{"vct": RECEIPT, "path": ["vehicle", "model"]}], False),
        (RECEIPT, ("vehicle", "Chryota Dart"), [{"vct": RECEIPT, "path": ["vehicle"]}], False),
        (RECEIPT, ("vehicle", "model", 0), [{"vct": RECEIPT, "path": ["vehicle"]}], False),
        (RECEIPT, ("vehicle", "model"), [{"dataClass": CAR_OWNED}], True),
        (RECEIPT, ("vehicle",), [{"dataClass": CAR_OWNED}], True),
        (RECEIPT, ("date",), [{"dataClass": CAR_OWNED}], False),
        (RECEIPT, ("email",), [{"vct": CONTACT, "path": ["email"]}], False),
        (AFFORDABILITY, ("at_least",), [{"vct": AFFORDABILITY, "path": ["at_least", "20000"]}], True),
        (AFFORDABILITY, ("at_least", "20000"), [{"vct": AFFORDABILITY, "path": ["at_least", "20000"]}], False),
        ("urn:unknown", ("a", "b"), [{"vct": "urn:unknown", "path": ["a", "b"]}], True),
        ("urn:unknown", ("a", "b"), [{"vct": "urn:unknown", "path": ["a"]}], False),
        ("urn:unknown", ("a", None), [{"vct": "urn:unknown", "path": ["a", 7]}], True),
    ],
)
def test_a_path_was_offered_when_the_grant_names_it_or_a_claim_of_the_type_inside_of_what_it_names(
    vct: str, path: ClaimPath, data: list[dict[str, Any]], *, offered: bool
) -> None:
    assert is_offered(vct, path, grant(data=data)) is offered
