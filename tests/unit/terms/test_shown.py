"""What an answer shows is one value: rules, page, allow rules and record judge it, whatever the query names."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from didkit_py.consent.consent import Answer_, consent, release
from didkit_py.consent.decision import Decision, HeldState, History, Outcome, asked_thresholds, decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import AllowRule, Policy
from didkit_py.credentials.credential import Credential, StatusReference
from didkit_py.encoding import Json
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import read_credential, secure
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.records.record import create_acceptance, create_record, verify_acceptance
from didkit_py.terms.agreement import complete_grants
from tests.cast import (
    AFFORDABILITY,
    CONTACT,
    DEALER,
    NOW,
    PD,
    RECEIPT,
    SERVICE,
    SOUND,
    Situation,
    Stored,
    dealer_asks,
    grant,
    happy,
    promised,
    salts,
    signer_of,
    sound_allowed,
)
from tests.wording import english_view

STANDING: Final = "urn:didkit-py:vct:insurer-good-standing:1"
OTHER: Final = "urn:example:club-card:1"


def asks(query_id: str, *vcts: str, claims: tuple[list[Any], ...] = (), **more: Any) -> dict[str, Any]:
    one = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": list(vcts)}, **more}
    return one | ({"claims": [{"path": path} for path in claims]} if claims else {})


def query(*credentials: dict[str, Any], **more: Any) -> Any:
    return {"credentials": list(credentials), **more}


def item(vct: str, *path: Any, **more: Any) -> dict[str, Any]:
    return {"vct": vct, "path": list(path), **more}


MODEL: Final = asks("car", RECEIPT, claims=(["vehicle", "model"],))
ALWAYS: Final = tuple(item(RECEIPT, name) for name in ("receipt_type", "date", "seller", "fullReceiptDigest"))
MODEL_PROMISE: Final = grant(data=[item(RECEIPT, "vehicle", "model"), *ALWAYS])
MODEL_ONLY: Final = grant(data=[item(RECEIPT, "vehicle", "model")])


@pytest.fixture
async def h() -> Situation:
    """A vendor that promises exactly what a test writes down, and a person without allow rules."""
    return (await happy()).but(policy=Policy(), completes=False)


async def judged(situation: Situation) -> Decision:
    return decide(await situation.case())


async def held(
    vct: str, claims: Mapping[str, Json], *, disclosable: tuple[tuple[str, ...], ...] = (), name: str = "odd"
) -> Stored:
    """A document of any type and form, really signed, as an issuer with its own habits would give it."""
    signer = signer_of(f"copy of {name}")
    made = Credential(
        vct=vct,
        vct_integrity="sha256-x",
        issuer=DEALER.did,
        subject=None,
        claims=claims,
        disclosable=disclosable,
        issued_at=NOW,
        expires_at=NOW.replace(year=2027),
        status=None,
    )
    text = (await secure(made, holder_key=signer.public, salts=salts(), signer=DEALER.signer)).text
    read = read_credential(parse_sd_jwt(text))
    state = HeldState(id=name, vct=vct, issuer_name=DEALER.name, expires_at=read.expires_at, status=None, unused=1)
    return Stored(id=name, text=text, signer=signer, state=state)


# --- rules


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (asks("more", STANDING), "a query that names no claims"),
        (asks("more", STANDING, multiple=True), "several at once"),
        (asks("more", OTHER), "a type that the wallet does not know"),
        (asks("more", STANDING, OTHER), "either of two types"),
        (asks("more", RECEIPT, STANDING), "a promised type or another"),
        (asks("more", STANDING, require_cryptographic_holder_binding=False), "without the holder's proof"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("in_wallet", [True, False], ids=["held", "nothing held"])
async def test_a_query_that_names_no_claims_of_a_type_without_promise_is_refused(
    h: Situation, second: dict[str, Any], why: str, *, in_wallet: bool
) -> None:
    asked = h.but(query=query(MODEL, second), grants=(MODEL_PROMISE,), held=h.held if in_wallet else ())
    decision = await judged(asked)
    assert decision.outcome == Outcome.REFUSE
    assert "ask.excess" in decision.codes
    assert decision.chosen == {}
    assert english_view(decision).items == ()


@pytest.mark.parametrize(
    "sets",
    [
        [{"options": [["car"]]}, {"options": [["more"]], "required": False}],
        [{"options": [["car"], ["more"]]}],
        [{"options": [["car", "more"]]}],
    ],
    ids=["optional", "one of two", "both"],
)
async def test_no_set_of_credentials_takes_a_query_without_claims_out_of_the_judgement(h: Situation, sets: Any) -> None:
    asked = h.but(query=query(MODEL, asks("more", STANDING), credential_sets=sets), grants=(MODEL_PROMISE,))
    decision = await judged(asked)
    assert decision.outcome == Outcome.REFUSE
    assert "ask.excess" in decision.codes


async def test_without_any_agreement_a_query_without_claims_says_that_nothing_is_promised(h: Situation) -> None:
    decision = await judged(h.but(query=query(asks("more", STANDING)), agreement=False))
    assert decision.outcome == Outcome.REFUSE
    assert "agr.missing" in decision.codes


@pytest.mark.parametrize("missing", range(len(ALWAYS)))
async def test_a_promise_that_leaves_out_what_the_type_shows_always_is_refused(h: Situation, missing: int) -> None:
    some = [one for place, one in enumerate(ALWAYS) if place != missing]
    lacking = grant(data=[item(RECEIPT, "vehicle", "model"), *some])
    decision = await judged(h.but(query=query(MODEL), grants=(lacking,)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    assert decision.reasons[0].detail == f"car: {ALWAYS[missing]['path'][0]}"
    assert (await judged(h.but(query=query(MODEL), grants=(MODEL_PROMISE,)))).outcome == Outcome.ASK


async def test_a_query_without_claims_is_covered_by_a_promise_for_what_the_type_shows_always(h: Situation) -> None:
    always = grant(data=[*ALWAYS])
    decision = await judged(h.but(query=query(asks("car", RECEIPT)), grants=(always,)))
    assert decision.outcome == Outcome.ASK
    assert set(decision.chosen) == {"car"}


async def test_a_class_of_data_names_no_type(h: Situation) -> None:
    classes = grant(data=[{"dataClass": PD + "Purchase"}, {"dataClass": PD + "CarOwned"}])
    for one in (MODEL, asks("car", RECEIPT)):
        decision = await judged(h.but(query=query(one), grants=(classes,)))
        assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    named = grant(data=[item(RECEIPT, "vehicle", "model"), {"dataClass": PD + "Purchase"}])
    assert (await judged(h.but(query=query(MODEL), grants=(named,)))).outcome == Outcome.ASK


async def test_a_part_of_what_stands_in_the_open_needs_a_promise_for_the_whole(h: Situation) -> None:
    part = asks("car", RECEIPT, claims=(["seller", "name"],))
    rest = [one for one in ALWAYS if one["path"] != ["seller"]]
    narrow = grant(data=[item(RECEIPT, "seller", "name"), *rest])
    assert (await judged(h.but(query=query(part), grants=(narrow,)))).codes == ("ask.excess",)
    assert (await judged(h.but(query=query(part), grants=(grant(data=[*ALWAYS]),)))).outcome == Outcome.ASK


async def test_what_a_needed_disclosure_carries_with_it_needs_a_promise(h: Situation) -> None:
    """An issuer that makes one disclosure of the whole vehicle: whoever gets the model gets the number too."""
    values = {name: value for name, value in h.held[1].held.claims.items() if (name,) in {("seller",), ("date",)}}
    values |= {"receipt_type": "vehicle-sale", "fullReceiptDigest": "sha-256;" + "A" * 43}
    vehicle: dict[str, Json] = {"model": "Chryota Dart", "vin": "JTDBR32E720054321"}
    coarse = await held(RECEIPT, values | {"vehicle": vehicle}, disclosable=(("vehicle",),))
    decision = await judged(h.but(query=query(MODEL), grants=(MODEL_PROMISE,), held=(coarse,)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    assert decision.reasons[0].detail == "car: vehicle/vin"
    both = grant(data=[*promised(MODEL_PROMISE), item(RECEIPT, "vehicle", "vin")])
    wider = await judged(h.but(query=query(MODEL), grants=(both,), held=(coarse,)))
    assert wider.outcome == Outcome.ASK
    assert "JTDBR32E720054321" in [one.value for one in english_view(wider).items]


async def test_the_elements_that_come_with_one_element_of_an_array_need_a_promise(h: Situation) -> None:
    club = await held(OTHER, {"visits": ["Monday", "Tuesday"]}, disclosable=(("visits",),))
    first = asks("club", OTHER, claims=(["visits", 0],))
    for path, outcome in ((["visits", 0], Outcome.REFUSE), (["visits"], Outcome.ASK), (["visits", None], Outcome.ASK)):
        decision = await judged(h.but(query=query(first), grants=(grant(data=[item(OTHER, *path)]),), held=(club,)))
        assert ("ask.excess" in decision.codes) is (outcome == Outcome.REFUSE), path


async def test_what_an_unknown_type_shows_in_the_open_is_judged_from_the_document(h: Situation) -> None:
    club = await held(OTHER, {"level": "gold", "member": "Sally Stone"}, disclosable=(("level",),))
    for one in (asks("club", OTHER), asks("club", OTHER, claims=(["level"],))):
        level = grant(data=[item(OTHER, "level")])
        decision = await judged(h.but(query=query(one), grants=(level,), held=(club,)))
        assert "ask.excess" in decision.codes
        whole = grant(data=[item(OTHER, "level"), item(OTHER, "member")])
        assert "ask.excess" not in (await judged(h.but(query=query(one), grants=(whole,), held=(club,)))).codes


async def test_the_vendors_own_check_finds_the_same_without_any_document(h: Situation) -> None:
    requests = [
        (query(MODEL, asks("more", STANDING)), (MODEL_PROMISE,)),
        (query(MODEL), (MODEL_ONLY,)),
        (query(MODEL), (MODEL_PROMISE,)),
        (query(asks("car", RECEIPT)), (grant(data=[*ALWAYS]),)),
    ]
    for asked, grants in requests:
        case = await h.but(query=asked, grants=grants).case()
        own = decide(replace(case, candidates=None, held={}))
        assert own.outcome == decide(case).outcome
        assert own.codes == tuple(code for code in decide(case).codes if code != "cred.none")


async def test_a_step_that_stands_in_the_open_is_probing(h: Situation) -> None:
    """An issuer that hides no step: the answer about one amount would be the answer about all."""
    ladder: dict[str, Json] = {"at_least": {"15000": True, "20000": False}, "currency": "GBP", "basis": "savings"}
    open_steps = await held(AFFORDABILITY, ladder | {"scheme": "s"})
    asked = {"path": ["at_least", "15000"], "values": [True]}
    one = asks("afford", AFFORDABILITY) | {"claims": [asked]}
    everything = grant(data=[item(AFFORDABILITY, name) for name in ("at_least", "currency", "basis", "scheme")])
    decision = await judged(h.but(query=query(one), grants=(everything,), held=(open_steps,)))
    assert decision.outcome == Outcome.REFUSE
    assert "ask.probing" in decision.codes


# --- allow rules


async def test_an_allow_rule_for_what_is_asked_does_not_release_what_comes_along(h: Situation) -> None:
    (rule,) = sound_allowed().allow
    asked_alone = replace(rule, paths=(("vehicle", "model"),))
    asked = h.but(query=query(MODEL), grants=(MODEL_PROMISE,))
    assert (await judged(asked.but(policy=Policy(allow=(asked_alone,))))).outcome == Outcome.ASK
    assert (await judged(asked.but(policy=Policy(allow=(rule,))))).outcome == Outcome.RELEASE


async def test_an_allow_rule_for_one_type_does_not_release_an_unknown_one_that_shows_nothing_in_the_open(
    h: Situation,
) -> None:
    club = await held(OTHER, {"level": "gold"}, disclosable=(("level",),))
    both = grant(data=[*promised(MODEL_PROMISE), item(OTHER, "level")])
    asked = h.but(query=query(MODEL, asks("club", OTHER)), grants=(both,), held=(*h.held, club), policy=sound_allowed())
    assert "ok.rule" not in (await judged(asked)).codes


async def test_an_allow_rule_that_covers_the_open_claims_of_a_document_releases_it(h: Situation) -> None:
    rule = AllowRule(
        vendor=SOUND.did,
        purposes=frozenset({SERVICE}),
        vct=RECEIPT,
        paths=tuple((str(one["path"][0]),) for one in ALWAYS),
    )
    asked = h.but(query=query(asks("car", RECEIPT)), grants=(grant(data=[*ALWAYS]),), policy=Policy(allow=(rule,)))
    assert (await judged(asked)).outcome == Outcome.RELEASE


# --- page and record


async def test_the_page_shows_every_claim_that_leaves_and_the_members_of_the_form_apart(h: Situation) -> None:
    decision = await judged(h.but(query=query(MODEL), grants=(MODEL_PROMISE,)))
    items = english_view(decision).items
    answer = decision.chosen["car"]
    on_page = {one.label for one in items if not one.protocol}
    assert on_page == {"Model of the car", *(_label(str(one["path"][0])) for one in ALWAYS)}
    text = await _shown_text(decision, h)
    sent = read_credential(parse_sd_jwt(text)).claims
    assert sent.keys() == answer.body.keys()
    assert [one.label for one in items if one.protocol] == [
        *("Given on", "Holds until", "Its kind", "Mark of its kind", "Tied to you by"),
        "Whether it was taken back",
    ]


def _label(name: str) -> str:
    labels = {
        "receipt_type": "Kind of receipt",
        "date": "Date of the receipt",
        "seller": "Seller",
        "fullReceiptDigest": "Mark that ties this to the whole receipt",
    }
    return labels[name]


async def _shown_text(decision: Decision, situation: Situation) -> str:
    given = consent(decision, Answer_(share=True, seen=page_digest(decision)))
    texts = {one.id: one.text for one in situation.held}
    signers = {one.id: one.signer for one in situation.held}
    return (await release(given, texts=texts, signers=signers, now=NOW, formats=FORMATS))["car"][0]


async def test_the_record_names_what_comes_along_and_the_vendor_accepts_only_that(h: Situation) -> None:
    asked = h.but(query=query(MODEL), grants=(MODEL_PROMISE,))
    body = await _recorded(asked)
    accepted = [
        *([name] for name in ("date", "fullReceiptDigest", "receipt_type", "seller")),
        ["vehicle", "model"],
    ]
    assert body["hasProcess"][0]["acceptedData"] == accepted


async def test_a_part_that_comes_along_is_recorded_as_what_the_promise_names(h: Situation) -> None:
    part = asks("car", RECEIPT, claims=(["seller", "name"],))
    body = await _recorded(h.but(query=query(part), grants=(grant(data=[*ALWAYS]),)))
    assert ["seller"] in body["hasProcess"][0]["acceptedData"]


async def _recorded(asked: Situation) -> Any:
    """The record of a yes, which the vendor accepts."""
    pairwise = signer_of("pairwise")
    decision = await judged(asked)
    given = consent(decision, Answer_(share=True, seen=page_digest(decision)))
    agreement = given.decision.case.agreement
    assert agreement is not None
    vp_token = {"car": [await _shown_text(given.decision, asked)]}
    body: Any = create_record(
        given,
        agreement=agreement,
        offer_text=agreement.text,
        signatory_text=asked.signatory,
        vp_token=vp_token,
        subject_key=pairwise.public,
        identifier="7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11",
        now=NOW,
    )
    signed = await create_acceptance(body, signer=pairwise)
    query_of = DcqlQuery.from_json(asked.query, formats=FORMATS)
    verify_acceptance(signed, offer_text=agreement.text, query=query_of, terms=asked.terms, now=NOW)
    return body


# --- the vendor's own program


def test_a_vendors_program_adds_what_the_named_types_show_always_and_nothing_else() -> None:
    asked = DcqlQuery.from_json(query(MODEL, asks("mail", CONTACT), asks("more", STANDING)), formats=FORMATS)
    mail = grant(gid="g-m", data=[item(CONTACT, "email", necessity="optional")])
    first, second = complete_grants((MODEL_ONLY, mail), asked)
    assert promised(first) == [*promised(MODEL_ONLY), *({**one, "necessity": "required"} for one in ALWAYS)]
    added = [item(CONTACT, name, necessity="optional") for name in ("kinds", "verified_on")]
    assert promised(second) == [*promised(mail), *added]
    assert complete_grants((first, second), asked) == (first, second)


def test_a_vendors_program_adds_nothing_that_is_promised_by_a_parent_or_a_class() -> None:
    asked = DcqlQuery.from_json(query(MODEL), formats=FORMATS)
    by_class = grant(data=[item(RECEIPT, "vehicle", "model"), {"dataClass": PD + "Purchase"}])
    assert complete_grants((by_class,), asked) == (by_class,)


# --- what is remembered, and what cannot be looked up


async def test_a_threshold_is_remembered_for_the_longest_life_among_the_documents_that_could_answer() -> None:
    situation = await dealer_asks()
    case = await situation.case()
    (answer,) = (case.candidates.answers if case.candidates else {})["afford"]
    assert case.candidates is not None
    twin = replace(answer, held_id="twin")
    ends = {"affordability-range": NOW + timedelta(days=3), "twin": NOW + timedelta(days=21)}
    state = case.held["affordability-range"]
    for order in ((answer, twin), (twin, answer)):
        two = replace(
            case,
            candidates=replace(case.candidates, answers={"afford": order}),
            held={name: replace(state, id=name, expires_at=end) for name, end in ends.items()},
        )
        (asked,) = asked_thresholds(two)
        assert asked.until == ends["twin"]
        later = NOW + timedelta(days=10)
        assert decide(replace(two, history=History(thresholds=(replace(asked, step="15000"),)))).codes == (
            "ask.probing",
        )
        assert asked.until > later, "the shorter life is over by then, and a second amount would be a search"


@pytest.mark.parametrize("index", [1_024, 70_000])
async def test_a_document_whose_place_lies_beyond_the_list_does_not_count_as_valid(h: Situation, index: int) -> None:
    """The list has 1,024 places."""
    case = await h.but(query=query(MODEL), grants=(MODEL_PROMISE,)).case()
    assert decide(case).outcome == Outcome.ASK
    beyond = StatusReference(uri=DEALER.status_uri, index=index)
    held = {name: replace(one, status=beyond) for name, one in case.held.items()}
    decision = decide(replace(case, held=held))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("cred.status",))
    assert decision.chosen == {}
