"""Consent: what the page shows, what a yes releases, and what stops a release after the yes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from didkit_py.consent.consent import Answer_, Consent, consent, release
from didkit_py.consent.decision import Decision, Outcome, decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import Policy
from didkit_py.consent.value_words import value_text
from didkit_py.credentials.credential import Credential
from didkit_py.encoding import write_json
from didkit_py.errors import Malformed, Refused
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import read_credential, secure
from didkit_py.formats.table import FORMATS
from didkit_py.terms.agreement import Controller
from didkit_py.terms.document import create_terms, parse_terms
from didkit_py.verification import verify_presentation
from tests.cast import (
    DEALER,
    DPV,
    NONCE,
    NOW,
    SOUND,
    SOUND_GRANT,
    SOUND_QUERY,
    TERMS_BODY,
    Situation,
    dealer_asks,
    evidence,
    grant,
    happy,
    salts,
    signer_of,
    step_query,
    stored,
    terms_draft,
)
from tests.wording import english, english_view

RECEIPT_CLAIMS = ("receipt_type", "date", "seller", "fullReceiptDigest")
YES = Answer_(share=True, seen="the page as it is")
ITEMS: Final[Any] = SOUND_GRANT.to_json()["data"]


@pytest.fixture
async def sound() -> Situation:
    return (await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy())


async def yes(situation: Situation, answer: Answer_ = YES) -> Consent:
    return to_page(decide(await situation.case()), answer)


def to_page(decision: Decision, answer: Answer_ = YES) -> Consent:
    """The answer to the page of this decision."""
    return consent(decision, replace(answer, seen=page_digest(decision)))


async def shown(
    given: Consent, situation: Situation, *, later: timedelta = timedelta(minutes=1)
) -> dict[str, list[str]]:
    return await release(
        given,
        texts={one.id: one.text for one in situation.held},
        signers={one.id: one.signer for one in situation.held},
        now=NOW + later,
        formats=FORMATS,
    )


# --- the page


async def test_the_page_shows_each_item_with_the_value_that_will_be_sent(sound: Situation) -> None:
    view = english_view(decide(await sound.case()))
    items = {(item.query_id, item.label): item for item in view.items}
    model = items["car", "Model of the car"]
    assert (model.value, model.required, model.always) == ("Chryota Dart", True, False)
    email = items["contact", "E-mail address"]
    assert (email.value, email.required, email.issued_by) == ("sally@post.example", False, "Post Check")
    assert items["car", "Date of the receipt"].always
    assert items["car", "Date of the receipt"].value == "20 November 2026"
    assert not any("JTDBR32E720054321" in str(item.value) for item in view.items)


async def test_the_page_says_what_is_promised_and_for_how_long(sound: Situation) -> None:
    view = english_view(decide(await sound.case()))
    (promises,) = view.promises
    assert promises.about[:3] == ("Model of the car", "Sound system of the car", "E-mail address")
    assert promises.about[3:] == (
        *("Kind of receipt", "Date of the receipt", "Seller", "Mark that ties this to the whole receipt"),
        *("Which ways were checked", "Day of the check"),
    )
    assert [line.text for line in promises.uses] == ["Used for what you asked for."]
    (will_not,) = promises.will_not
    assert will_not.text == "They will not sell it, or use it to aim ads at you or send you ads."
    assert [line.text for line in promises.kept] == ["Kept for planning for 1 year after you leave, then erased."]
    assert promises.onward[0].text == "Passed on to nobody."
    assert promises.onward[1].quoted == "binding order of a court"
    assert view.give == "Registers your sound system for service"


async def test_the_page_names_the_terms_and_who_attests_them(sound: Situation) -> None:
    terms = english_view(decide(await sound.case())).terms
    assert terms is not None
    assert terms.name == "example-standard-terms-of-sharing 1.0"
    assert terms.attested == "signed 11 February 2026, reviewed by Fair Terms Board"
    assert [line.quoted for line in terms.label][:1] == ["Only for what you asked us to do"]


async def test_the_page_says_how_to_stop(sound: Situation) -> None:
    view = english_view(decide(await sound.case()))
    assert [(line.text, line.quoted) for line in view.how_to_stop] == [
        ("Ask: they stop within 3 days, or erase it within 30 days.", None),
        ("Regulator:", "Regulator of example"),
    ]
    assert [(line.text, line.quoted) for line in view.addresses] == [
        ("Write to them:", "privacy@sound.example"),
        ("Complain to the regulator:", "https://regulator.example/complaints"),
    ]


@pytest.mark.parametrize(
    ("has_terms", "theirs", "line"),
    [
        (True, "https://ombudsman.example", ("Regulator:", "Regulator of example")),
        (False, "https://ombudsman.example", ("They name this regulator:", "https://ombudsman.example")),
        (False, None, ("No regulator is named.", None)),
    ],
    ids=["in the terms", "in the promise alone", "nowhere"],
)
async def test_the_regulator_is_the_one_of_the_terms_else_the_one_that_they_name(
    sound: Situation, theirs: str | None, line: tuple[str, str | None], *, has_terms: bool
) -> None:
    controller = Controller(name=SOUND.name, contact="privacy@sound.example", authority=theirs)
    draft = terms_draft()
    draft.pop("authority")
    without = parse_terms(write_json(await create_terms(draft, signer=TERMS_BODY.signer)))
    for silent in (sound.but(known_terms=False), sound.but(terms=without)):
        asked = (sound if has_terms else silent).but(agreement_changes={"controller": controller})
        view = english_view(decide(await asked.case()))
        assert (view.how_to_stop[-1].text, view.how_to_stop[-1].quoted) == line
        assert [one.text for one in view.addresses] == (
            ["Write to them:", "Complain to the regulator:"] if has_terms else ["Write to them:"]
        )


@pytest.mark.parametrize(
    ("end", "said"),
    [("2027-03-21", "21 March 2027"), ("2027-03-21T10:30:00+01:00", "21 March 2027, 09:30 UTC")],
)
async def test_the_end_date_stands_among_what_is_never_folded(sound: Situation, end: str, said: str) -> None:
    ending = grant(window={"notAfter": end}, data=list(ITEMS))
    lines = english_view(decide(await sound.but(grants=(ending,)).case())).how_to_stop
    assert f"It may be used until {said}." in [line.text for line in lines]


@pytest.mark.parametrize(
    ("practices", "said"),
    [
        (["SellDataToThirdParties"], "They will not sell it."),
        (["Profiling", "SellDataToThirdParties"], "They will not sell it, or use it to build a picture of you."),
        (
            ["SellDataToThirdParties", "TargetedAdvertising", "DirectMarketing", "Marketing"],
            "They will not sell it, or use it to aim ads at you or send you ads or for marketing.",
        ),
        (["Marketing", "Profiling"], "They will not use it for marketing or to build a picture of you."),
    ],
)
async def test_what_they_will_not_do_is_one_sentence_whose_not_reaches_to_its_end(
    sound: Situation, practices: list[str], said: str
) -> None:
    refused = grant(prohibitions=[DPV + one for one in practices], data=list(ITEMS))
    (promises,) = english_view(decide(await sound.but(grants=(refused,)).case())).promises
    assert [line.text for line in promises.will_not] == [said]


async def test_what_they_will_not_do_in_words_of_their_own_is_quoted(sound: Situation) -> None:
    odd = grant(prohibitions=[DPV + "Profiling", "urn:odd:deed"], data=list(ITEMS))
    (promises,) = english_view(decide(await sound.but(grants=(odd,)).case())).promises
    assert [(line.text, line.quoted) for line in promises.will_not] == [
        ("They will not use it to build a picture of you.", None),
        ("They will not do what they call", "urn:odd:deed"),
    ]


async def test_a_name_is_shown_only_when_somebody_confirms_it() -> None:
    unproven = english_view(decide(await (await happy()).case())).who
    assert (unproven.name, unproven.calls_itself, unproven.host) == (None, SOUND.name, "sound.example")
    nameless = english_view(decide(await (await happy()).but(agreement=False).case())).who
    assert (nameless.name, nameless.calls_itself, nameless.how) == (None, None, ("Nobody confirms who this is.",))
    proven = english_view(decide(await (await dealer_asks()).case())).who
    assert (proven.name, proven.calls_itself) == (DEALER.name, None)
    assert proven.how[0] == "Chryota confirms: Authorised dealer."


async def test_a_threshold_is_shown_as_a_yes_and_no_amount() -> None:
    view = english_view(decide(await (await dealer_asks()).case()))
    asked = [(item.label, item.value) for item in view.items if not item.always]
    assert asked == [("Currency", "GBP"), ("Can pay £20,000 or more", "yes")]


async def test_what_is_missing_says_not_promised(sound: Situation) -> None:
    bare = grant(prohibitions=None, retention=None, propagation=None, data=list(ITEMS))
    view = english_view(decide(await sound.but(grants=(bare,)).case()))
    (promises,) = view.promises
    missing = [line.text for lines in (promises.will_not, promises.kept, promises.onward) for line in lines]
    assert missing == [
        "What they will not do: not promised.",
        "How long they keep it: not promised.",
        "Who else gets it: not promised.",
    ]
    without = english_view(decide(await (await happy()).but(agreement=False, signatory=None).case()))
    (nothing,) = without.promises
    assert [line.text for line in nothing.uses] == ["What they use it for: not promised."]
    assert [line.text for lines in (nothing.will_not, nothing.kept, nothing.onward) for line in lines] == missing
    assert without.addresses == ()
    assert [line.text for line in without.how_to_stop] == ["Not promised."]
    assert without.terms is None


async def test_an_unknown_purpose_is_quoted(sound: Situation) -> None:
    view = english_view(decide(await sound.but(grants=(grant(purpose=["urn:odd:purpose"]),)).case()))
    assert view.promises[0].uses[0].quoted == "urn:odd:purpose"


async def test_terms_that_are_not_proven_are_not_shown(sound: Situation) -> None:
    case = await sound.but(signatory=None).case()
    assert english_view(decide(case)).terms is None


async def test_a_refusal_shows_why_and_no_value(sound: Situation) -> None:
    view = english_view(decide(await sound.but(policy=Policy(deny=frozenset({SOUND.did}))).case()))
    assert view.outcome == Outcome.REFUSE
    assert view.items == ()
    assert [english(reason.sentence) for reason in view.warnings] == ["You asked never to deal with this seller."]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        ("2026-02-01", "1 February 2026"),
        ("2026-02-30", "2026-02-30"),
        (["motor", "home"], "motor, home"),
        ({"min": 20_000, "max": 25_000}, "£20,000 to £25,000"),
        ({"min": 50_000, "max": None}, "£50,000 or more"),
        ({"postal_code": "AB1 2CD", "country": "GB"}, "postal code: AB1 2CD; country: GB"),
    ],
)
def test_values_are_written_as_people_read_them(value: Any, text: str) -> None:
    assert english(value_text(value, currency="GBP")) == text


# --- the yes


async def test_a_consent_exists_only_after_a_yes(sound: Situation) -> None:
    decision = decide(await sound.case())
    with pytest.raises(Refused):
        to_page(decision, replace(YES, share=False))
    refused = decide(await sound.but(policy=Policy(deny=frozenset({SOUND.did}))).case())
    with pytest.raises(Refused) as refusal:
        consent(refused, YES)
    assert refusal.value.reason == "pol.denied"
    with pytest.raises(TypeError):
        Consent(decision=refused, answers={}, seen="", grants=frozenset(), declined=(), by="person", seal=object())


async def test_the_optional_goes_only_when_ticked(sound: Situation) -> None:
    declined = await yes(sound)
    assert (set(declined.answers), declined.declined) == ({"car"}, ("contact",))
    ticked = await yes(sound, replace(YES, optional=frozenset({"contact"})))
    assert (set(ticked.answers), ticked.declined) == ({"car", "contact"}, ())


async def test_what_was_not_offered_cannot_be_ticked(sound: Situation) -> None:
    for name in ("car", "phone"):
        with pytest.raises(Malformed):
            await yes(sound, replace(YES, optional=frozenset({name})))


async def test_a_yes_given_beforehand_is_the_policys() -> None:
    assert (await yes(await happy())).by == "policy"


# --- the release


async def test_a_release_shows_what_the_person_saw_and_the_vendor_can_verify_it(sound: Situation) -> None:
    given = await yes(sound)
    vp_token = await shown(given, sound)
    request = given.decision.case.request
    assert request is not None
    verified = verify_presentation(
        vp_token,
        query=request.request.query,
        expected_nonce=NONCE,
        expected_audience=f"decentralized_identifier:{SOUND.did}",
        evidence=sound.evidence,
        now=NOW + timedelta(minutes=1),
        formats=FORMATS,
    )
    (car,) = verified.credentials["car"]
    assert car.claims["vehicle"] == {"model": "Chryota Dart", "audioSystem": "Clearsound Seven"}
    assert set(verified.credentials) == {"car"}


async def test_one_step_is_one_disclosure() -> None:
    situation = await dealer_asks()
    vp_token = await shown(await yes(situation), situation)
    read = read_credential(parse_sd_jwt(vp_token["afford"][0]))
    assert read.disclosed == (("at_least", "20000"),)
    assert read.claims["at_least"] == {"20000": True}
    assert "range" not in read.claims


async def test_a_request_that_ran_out_while_somebody_read_releases_nothing(sound: Situation) -> None:
    given = await yes(sound)
    with pytest.raises(Refused) as refusal:
        await shown(given, sound, later=timedelta(minutes=40))
    assert refusal.value.reason == "agr.unbound"


async def test_a_status_list_that_grew_too_old_stops_a_release_that_nobody_was_asked_about() -> None:
    situation = (await happy()).but(evidence=await evidence(age=timedelta(hours=24) - timedelta(seconds=30)))
    given = await yes(situation)
    assert given.decision.outcome == Outcome.RELEASE
    with pytest.raises(Refused) as refusal:
        await shown(given, situation)
    assert refusal.value.reason == "terms.stale"


async def test_a_revocation_between_yes_and_release_stops_it(sound: Situation) -> None:
    given = await yes(sound)
    case = given.decision.case
    assert case.vendor is not None
    vendor = replace(case.vendor, evidence=await evidence(revoked={TERMS_BODY: 2}))
    changed = replace(given, decision=replace(given.decision, case=replace(case, vendor=vendor)), seal=given.seal)
    with pytest.raises(Refused) as refusal:
        await shown(changed, sound)
    assert refusal.value.reason == "terms.revoked"


async def test_a_document_that_ran_out_meanwhile_is_not_shown(sound: Situation) -> None:
    case = await sound.case()
    held = {name: replace(one, expires_at=NOW + timedelta(seconds=30)) for name, one in case.held.items()}
    given = to_page(decide(replace(case, held=held)))
    with pytest.raises(Refused) as refusal:
        await shown(given, sound)
    assert refusal.value.reason == "cred.stale"


async def test_an_optional_document_that_ran_out_meanwhile_stops_the_whole_answer(sound: Situation) -> None:
    case = await sound.case()
    held = dict(case.held) | {"contact": replace(case.held["contact"], expires_at=NOW + timedelta(seconds=30))}
    given = to_page(decide(replace(case, held=held)), replace(YES, optional=frozenset({"contact"})))
    with pytest.raises(Refused) as refusal:
        await shown(given, sound)
    assert refusal.value.reason == "cred.stale"


async def test_a_copy_that_hides_less_than_what_was_seen_is_not_shown(sound: Situation) -> None:
    given = await yes(sound)
    (receipt,) = (one for one in sound.held if one.id == "digital-receipt")
    coarse = Credential(
        vct=receipt.state.vct,
        vct_integrity="sha256-x",
        issuer=DEALER.did,
        subject=None,
        claims={name: receipt.held.claims[name] for name in (*RECEIPT_CLAIMS, "vehicle")},
        disclosable=(("vehicle",),),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        status=None,
    )
    text = (await secure(coarse, holder_key=receipt.signer.public, salts=salts(), signer=DEALER.signer)).text
    with pytest.raises(ValueError, match="other claims"):
        await release(given, texts={receipt.id: text}, signers={receipt.id: receipt.signer}, now=NOW, formats=FORMATS)


async def test_a_copy_that_differs_from_what_was_seen_is_not_shown(sound: Situation) -> None:
    given = await yes(sound)
    texts = {one.id: one.text for one in sound.held}
    signers = {one.id: one.signer for one in sound.held}
    with pytest.raises(ValueError, match="another key"):
        await release(
            given, texts=texts, signers=signers | {"digital-receipt": signer_of("other")}, now=NOW, formats=FORMATS
        )
    (receipt,) = (one for one in sound.held if one.id == "digital-receipt")
    values = {name: value for name, value in receipt.held.claims.items() if name in RECEIPT_CLAIMS}
    vehicle: Any = {"model": "Chryota Comet", "audioSystem": "Clearsound Seven", "vin": "JTDBR32E720054321"}
    other = await stored(DEALER, "digital-receipt", values | {"vehicle": vehicle})
    with pytest.raises(ValueError, match="other values"):
        await release(given, texts=texts | {"digital-receipt": other.text}, signers=signers, now=NOW, formats=FORMATS)


async def test_a_false_step_is_never_shown() -> None:
    situation = await dealer_asks()
    decision = decide(await situation.but(query=step_query("25000")).case())
    assert decision.outcome == Outcome.REFUSE
    with pytest.raises(Refused):
        consent(decision, YES)


async def test_no_sentence_of_the_page_holds_a_term_of_the_trade(sound: Situation) -> None:
    banned = {"did", "jwt", "verifier", "holder", "credential", "disclosure", "nonce", "openid", "issuer", "controller"}
    for situation in (sound, await dealer_asks(), sound.but(agreement=False, signatory=None)):
        view = english_view(decide(await situation.case()))
        said = (line for one in view.promises for line in (*one.uses, *one.will_not, *one.kept, *one.onward))
        lines = [*view.how_to_stop, *view.addresses, *said]
        attested = "" if view.terms is None else view.terms.attested
        texts = [*view.who.how, attested, *(line.text for line in lines), *(reason.sentence for reason in view.reasons)]
        words = {word.strip(".,:;").casefold() for text in texts for word in english(text).split()}
        assert words
        assert not words & banned
