"""What rides along with a yes: what was asked for needs it. Every other promise is chosen by itself, or is not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from didkit_py.consent.choices import sort_grants
from didkit_py.consent.consent import Answer_, Consent, consent, release
from didkit_py.consent.decision import Decision, Outcome, decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import Policy
from didkit_py.encoding import jcs
from didkit_py.errors import BadAgreement, Malformed
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.records.events import create_withdrawal, parse_event, verify_event
from didkit_py.records.record import TYP, AgreementRecord, create_acceptance, create_record, verify_acceptance
from didkit_py.terms.grant import Grant
from tests.cast import (
    CAR_QUERY,
    CONTACT,
    DPV,
    EMAIL_ITEM,
    NOW,
    PD,
    SERVICE,
    SOUND,
    SOUND_GRANT,
    SOUND_QUERY,
    Situation,
    grant,
    happy,
    promised,
    signer_of,
    terms,
    terms_draft,
    terms_signatory,
)
from tests.wording import english_view

MARKETING = DPV + "DirectMarketing"
ADS = Grant.from_json({"gid": "g-ads", "purpose": [MARKETING], "legalBasis": "consent"})
MAIL_ADS = grant(
    gid="g-mail", data=[EMAIL_ITEM], purpose=[MARKETING], prohibitions=None, legalBasis="consent", retention=None
)
PAIRWISE = signer_of("pairwise for choices")


@pytest.fixture
async def sound() -> Situation:
    """Clearsound under terms that leave room for advertising."""
    draft = terms_draft()
    ceiling = {
        "gid": "g3",
        "data": [{"dataClass": PD + "Contact"}, {"dataClass": PD + "CarOwned"}],
        "purpose": [MARKETING, DPV + "ResearchAndDevelopment", SERVICE],
        "mode": "copy",
        "subjectForm": "identified",
        "propagation": {"value": "none", "exceptions": ["x1"]},
        "retention": [{"class": "planning", "period": "P2Y", "from": "relationshipEnd", "then": "erase"}],
        "legalBasis": "consent",
    }
    draft["layers"]["machine"]["ceiling"].append(ceiling)
    clauses = [*draft["clauseMap"], {"rule": "g3", "clause": "3.9", "label": None}]
    document = await terms(layers=draft["layers"], clauseMap=clauses)
    h = await happy()
    return h.but(terms=document, signatory=await terms_signatory(SOUND, document), policy=Policy())


async def judged(situation: Situation) -> Decision:
    return decide(await situation.case())


def refusals(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons if reason.outcome is Outcome.REFUSE}


def yes(decision: Decision, *grants: str, optional: tuple[str, ...] = ()) -> Consent:
    seen = page_digest(decision)
    return consent(decision, Answer_(share=True, seen=seen, optional=frozenset(optional), grants=frozenset(grants)))


async def recorded(situation: Situation, given: Consent) -> dict[str, Any]:
    vp_token = await release(
        given,
        texts={one.id: one.text for one in situation.held},
        signers={one.id: one.signer for one in situation.held},
        now=NOW,
        formats=FORMATS,
    )
    agreement = given.decision.case.agreement
    assert agreement is not None
    return create_record(
        given,
        agreement=agreement,
        offer_text=agreement.text,
        signatory_text=situation.signatory,
        vp_token=vp_token,
        subject_key=PAIRWISE.public,
        identifier="7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11",
        now=NOW,
    )


async def taken(situation: Situation, given: Consent, body: Mapping[str, Any]) -> AgreementRecord:
    """What the vendor makes of a record, whoever wrote it."""
    header = {"jwk": PAIRWISE.public.to_jwk()}
    signed = await JointlySigned(jcs(dict(body)), ()).countersign(PAIRWISE, typ=TYP, header=header)
    agreement = given.decision.case.agreement
    assert agreement is not None
    query = DcqlQuery.from_json(situation.query, formats=FORMATS)
    return verify_acceptance(signed, offer_text=agreement.text, query=query, terms=situation.terms, now=NOW)


def states(body: Mapping[str, Any]) -> dict[str, str]:
    return {one["gid"]: one["state"] for one in body["hasProcess"]}


async def test_advertising_without_data_does_not_ride_along(sound: Situation) -> None:
    asked = sound.but(grants=(grant(), ADS))
    decision = await judged(asked)
    assert decision.outcome is Outcome.ASK
    view = english_view(decision)
    assert [one.gid for one in view.promises] == ["g-a"]
    assert [(one.gid, [line.text for line in one.uses]) for one in view.choices] == [
        ("g-ads", ["Used for sending you ads."])
    ]
    given = yes(decision)
    body = await recorded(asked, given)
    assert states(body) == {"g-a": "accepted", "g-ads": "declined"}
    record = await taken(asked, given, body)
    assert record.agreed == ("g-a",)


async def test_what_was_ticked_is_accepted_and_both_sides_write_the_same_bytes(sound: Situation) -> None:
    asked = sound.but(grants=(grant(), ADS))
    given = yes(await judged(asked), "g-ads")
    body = await recorded(asked, given)
    assert states(body) == {"g-a": "accepted", "g-ads": "accepted"}
    acceptance = await create_acceptance(body, signer=PAIRWISE)
    record = await taken(asked, given, body)
    assert record.agreed == ("g-a", "g-ads")
    assert record.payload == acceptance.payload


@pytest.mark.parametrize("ticked", [("g-a",), ("g-none",), ("g-ads", "g-a")])
async def test_only_a_choice_that_the_page_offers_can_be_ticked(sound: Situation, ticked: tuple[str, ...]) -> None:
    decision = await judged(sound.but(grants=(grant(), ADS)))
    with pytest.raises(Malformed):
        yes(decision, *ticked)


async def test_another_use_of_the_same_data_is_a_choice_and_follows_no_tick_of_the_data(sound: Situation) -> None:
    asked = sound.but(query=SOUND_QUERY, grants=(SOUND_GRANT, MAIL_ADS))
    decision = await judged(asked)
    assert decision.outcome is Outcome.ASK
    for optional, grants, state, named in (
        ((), (), "declined", []),
        (("contact",), (), "declined", []),
        ((), ("g-mail",), "declined", []),  # nothing is shown that it could be about
        (("contact",), ("g-mail",), "accepted", [["email"]]),
    ):
        given = yes(decision, *grants, optional=optional)
        body = await recorded(asked, given)
        mail = body["hasProcess"][1]
        assert (mail["state"], mail["acceptedData"]) == (state, named)
        record = await taken(asked, given, body)
        assert ("g-mail" in record.agreed) is (state == "accepted")


async def test_the_promise_for_an_optional_document_follows_its_tick(sound: Situation) -> None:
    mail = grant(gid="g-contact", data=[{**EMAIL_ITEM, "necessity": "required"}], prohibitions=promised_not())
    kinds = [{"vct": CONTACT, "path": [name], "necessity": "optional"} for name in ("kinds", "verified_on")]
    mail = replace(mail, data=(*(mail.data or ()), *(grant(data=kinds).data or ())))
    asked = sound.but(query=SOUND_QUERY, grants=(grant(), mail))
    decision = await judged(asked)
    assert decision.outcome is Outcome.ASK, decision.reasons
    assert not english_view(decision).choices
    for optional, state in (((), "declined"), (("contact",), "accepted")):
        given = yes(decision, optional=optional)
        body = await recorded(asked, given)
        assert states(body) == {"g-a": "accepted", "g-contact": state}
        await taken(asked, given, body)


def promised_not() -> list[str]:
    return [*(grant().prohibitions or ())]


async def test_a_promise_about_nothing_that_was_asked_is_on_no_page_and_in_no_record(sound: Situation) -> None:
    stray = grant(gid="g-stray", data=[EMAIL_ITEM])
    asked = sound.but(query=CAR_QUERY, grants=(grant(), stray))
    decision = await judged(asked)
    view = english_view(decision)
    assert [one.gid for one in (*view.promises, *view.choices)] == ["g-a"]
    given = yes(decision)
    body = await recorded(asked, given)
    assert states(body) == {"g-a": "accepted"}
    await taken(asked, given, body)


@pytest.mark.parametrize(
    "change",
    [
        {"g-a": "declined"},
        {"g-ads": None},
        {"g-a": None},
    ],
)
async def test_a_record_differs_from_the_offer_in_nothing_but_the_choices(
    sound: Situation, change: dict[str, str | None]
) -> None:
    asked = sound.but(grants=(grant(), ADS))
    given = yes(await judged(asked))
    body = json.loads(json.dumps(await recorded(asked, given)))
    body["hasProcess"] = [
        one | ({"state": change[one["gid"]]} if change.get(one["gid"]) else {})
        for one in body["hasProcess"]
        if change.get(one["gid"], "kept") is not None
    ]
    with pytest.raises(BadAgreement):
        await taken(asked, given, body)


async def test_what_is_needed_cannot_be_declined_beside_a_yes(sound: Situation) -> None:
    asked = sound.but(grants=(grant(), ADS))
    given = yes(await judged(asked))
    body = json.loads(json.dumps(await recorded(asked, given)))
    process = body["hasProcess"][0]
    process |= {"state": "declined", "declinedData": process["acceptedData"], "acceptedData": []}
    with pytest.raises(BadAgreement):
        await taken(asked, given, body)


async def test_a_declined_choice_names_no_data_as_accepted(sound: Situation) -> None:
    asked = sound.but(query=SOUND_QUERY, grants=(SOUND_GRANT, MAIL_ADS))
    given = yes(await judged(asked), optional=("contact",))
    body = json.loads(json.dumps(await recorded(asked, given)))
    body["hasProcess"][1] |= {"acceptedData": [["email"]], "declinedData": []}
    with pytest.raises(BadAgreement):
        await taken(asked, given, body)


async def test_only_what_was_accepted_can_be_taken_back(sound: Situation) -> None:
    asked = sound.but(grants=(grant(), ADS))
    given = yes(await judged(asked))
    record = await taken(asked, given, await recorded(asked, given))
    for gids, is_theirs in ((("g-a",), True), (("g-ads",), False)):
        text = await create_withdrawal(record, previous=None, gids=gids, effect="stop-use", signer=PAIRWISE, now=NOW)
        unverified = parse_event(text)
        options: Any = {"record": record, "previous": None, "vendor_keys": SOUND.document, "now": NOW}
        if is_theirs:
            assert verify_event(unverified, **options).gids == gids
        else:
            with pytest.raises(BadAgreement):
                verify_event(unverified, **options)


async def test_the_digest_of_the_page_covers_what_is_offered_as_a_choice(sound: Situation) -> None:
    with_ads, without = await judged(sound.but(grants=(grant(), ADS))), await judged(sound)
    assert page_digest(with_ads) != page_digest(without)
    assert page_digest(with_ads) == page_digest(await judged(sound.but(grants=(grant(), ADS))))


# --- what cannot be answered apart


@pytest.mark.parametrize(
    ("grants", "is_bundled"),
    [
        ((grant(purpose=[SERVICE, MARKETING], prohibitions=None),), True),
        ((grant(purpose=[SERVICE, "urn:example:purpose:fun"], prohibitions=None),), True),
        ((grant(purpose=[MARKETING, DPV + "ResearchAndDevelopment"], prohibitions=None),), True),
        (
            (
                grant(data=promised(grant())[:1]),
                grant(gid="g-b", data=promised(grant())[1:], purpose=[MARKETING], prohibitions=None),
            ),
            True,
        ),
        ((grant(purpose=[MARKETING], prohibitions=None),), False),  # it asks for that and says so
        ((grant(purpose=[SERVICE, DPV + "ServiceProvision"]),), False),
        ((grant(), grant(gid="g-b", purpose=[MARKETING], prohibitions=None)), False),  # a choice
    ],
)
async def test_uses_that_have_nothing_to_do_with_each_other_are_not_tied_together(
    sound: Situation, grants: tuple[Grant, ...], *, is_bundled: bool
) -> None:
    assert ("agr.bundled" in refusals(await judged(sound.but(grants=grants)))) is is_bundled


async def test_an_optional_document_does_not_tie_uses_together_either(sound: Situation) -> None:
    mixed = grant(gid="g-b", data=[EMAIL_ITEM], purpose=[SERVICE, MARKETING], prohibitions=None)
    assert "agr.bundled" in refusals(await judged(sound.but(query=SOUND_QUERY, grants=(grant(), mixed))))


async def test_every_grant_of_every_bundle_is_named(sound: Situation) -> None:
    """Two answers, each with uses that have nothing to do with each other, and a third without fault."""
    car = grant(gid="g-car", purpose=[SERVICE, MARKETING], prohibitions=None)
    mail = grant(gid="g-mail", data=[EMAIL_ITEM], purpose=[SERVICE, MARKETING], prohibitions=None)
    decision = await judged(sound.but(query=SOUND_QUERY, grants=(car, mail)))
    assert [one.detail for one in decision.reasons if one.code == "agr.bundled"] == ["g-car, g-mail"]
    good = grant(gid="g-car")
    decision = await judged(sound.but(query=SOUND_QUERY, grants=(good, mail)))
    assert [one.detail for one in decision.reasons if one.code == "agr.bundled"] == ["g-mail"]


def test_a_contract_is_tied_before_a_consent_for_the_same_data() -> None:
    query = DcqlQuery.from_json(CAR_QUERY, formats=FORMATS)
    found = sort_grants((grant(gid="g-b", legalBasis="consent"), grant()), query)
    assert (set(found.tied), found.choices) == ({"g-a"}, ("g-b",))
    alone = sort_grants((grant(gid="g-b", legalBasis="consent"),), query)
    assert (set(alone.tied), alone.choices) == ({"g-b"}, ())


# --- what no page explains


@pytest.mark.parametrize("is_choice", [False, True])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("price", {"amount": "5.00", "currency": "GBP", "payer": "person"}),
        ("price", {"amount": "0", "currency": "GBP", "payer": "recipient"}),
        ("frequency", {"max": 1, "per": "P1Y"}),
        ("renewal", {"period": "P1Y", "mode": "confirm", "onLapse": "withdraw"}),
        ("context", {"radius": "1 km"}),
        ("window", {"months": [1, 2]}),
        ("window", {"dataNotAfter": "2026-11-21"}),
        ("mode", "access"),
        ("mode", "sandbox"),
        ("mode", "aggregate"),
        ("subjectForm", {"form": "anonymous", "claim": "anonymised", "attestedBy": "self"}),
        ("recipient", {"controller": False}),
        ("channel", ["telephone"]),
        ("channel", ["wallet-inbox", "post"]),
    ],
)
async def test_a_condition_that_no_page_explains_is_refused(
    sound: Situation, member: str, value: Any, *, is_choice: bool
) -> None:
    grants = (grant(), Grant.from_json(ADS.to_json() | {member: value})) if is_choice else (grant(**{member: value}),)
    decision = await judged(sound.but(grants=grants))
    assert "agr.not-understood" in refusals(decision)


@pytest.mark.parametrize(
    ("window", "is_open"),
    [
        ({"notAfter": "2026-11-20"}, False),
        ({"notAfter": "2026-11-21T09:59:59Z"}, False),
        ({"notBefore": "2026-11-22"}, False),
        ({"notBefore": "2027-01-01", "notAfter": "2026-01-01"}, False),
        ({"notAfter": "2026-11-21"}, True),  # the day counts whole
        ({"notBefore": "2026-11-21"}, True),
        ({"notBefore": "2026-01-01", "notAfter": "2027-01-01"}, True),
    ],
)
async def test_a_promise_whose_time_is_over_or_has_not_begun_is_refused(
    sound: Situation, window: dict[str, str], *, is_open: bool
) -> None:
    for grants in ((grant(window=window),), (grant(), replace(ADS, window=grant(window=window).window))):
        assert ("agr.window" not in refusals(await judged(sound.but(grants=grants)))) is is_open


async def test_where_and_by_which_way_and_what_comes_back_is_said(sound: Situation) -> None:
    asked = grant(location={"storage": ["GB"], "processing": ["FR", "GB"]}, returnDuty={"within": "P30D"})
    (promises,) = english_view(await judged(sound.but(grants=(asked,)))).promises
    assert [(line.text, line.quoted) for line in promises.limits] == [
        ("They write to your wallet only.", None),
        ("Kept in:", "GB"),
        ("Used in:", "FR, GB"),
        ("You can have it back within 30 days.", None),
    ]


CAR, CONTACT_QUERY = SOUND_QUERY["credentials"]
MODEL_OR_SOUND = {
    **CAR,
    "claims": [{**CAR["claims"][0], "id": "model"}, {**CAR["claims"][1], "id": "sound"}],
    "claim_sets": [["model"], ["sound"]],
}
REQUIRED_EMAIL = EMAIL_ITEM | {"necessity": "required"}


@pytest.mark.parametrize(
    ("query", "more"),
    [
        (
            {"credentials": [CAR, CONTACT_QUERY], "credential_sets": [{"options": [["car"], ["contact"]]}]},
            REQUIRED_EMAIL,
        ),
        (
            {"credentials": [CAR, CONTACT_QUERY], "credential_sets": [{"options": [["contact"], ["car"]]}]},
            REQUIRED_EMAIL,
        ),
        ({"credentials": [MODEL_OR_SOUND]}, REQUIRED_EMAIL),
    ],
    ids=["one-of-two-documents", "the-other-one", "one-of-two-sets-of-claims"],
)
async def test_a_record_names_the_alternative_that_was_shown_and_the_vendor_takes_it(
    sound: Situation, query: Any, more: dict[str, Any]
) -> None:
    asked = sound.but(query=query, grants=(grant(data=[*promised(grant()), more]),))
    given = yes(await judged(asked))
    record = await taken(asked, given, await recorded(asked, given))
    shown = {path for _, path in given.shown()}
    assert shown
    assert set(record.accepted["g-a"]) == shown


async def test_what_stands_in_every_alternative_cannot_be_left_out_of_a_record(sound: Situation) -> None:
    query = {
        "credentials": [CAR, CONTACT_QUERY],
        "credential_sets": [{"options": [["car", "contact"], ["car"]]}],
    }
    asked = sound.but(query=query, grants=(grant(data=[*promised(grant()), REQUIRED_EMAIL]),))
    given = yes(await judged(asked))
    body = json.loads(json.dumps(await recorded(asked, given)))
    accepted = body["hasProcess"][0]["acceptedData"]
    body["hasProcess"][0] |= {"acceptedData": [path for path in accepted if path != ["vehicle", "model"]]}
    with pytest.raises(BadAgreement):
        await taken(asked, given, body)
