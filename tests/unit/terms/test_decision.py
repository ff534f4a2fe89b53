"""The decision table, run on really signed requests: the vectors, and each rule for itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.consent.decision import (
    RULES,
    AskedThreshold,
    Decision,
    History,
    Outcome,
    Rule,
    asked_thresholds,
    decide,
    nonce_key,
)
from didkit_py.consent.disclosure_case import REASON_CODES, Objection
from didkit_py.consent.policy import AllowRule, Criteria, Policy
from didkit_py.credentials.credential import StatusReference
from didkit_py.errors import BadRequestObject, BadSignature, DidkitError, Expired, Malformed, Unreachable
from didkit_py.localization import in_english, phrase
from didkit_py.oauth import InvalidTransactionData
from didkit_py.oid4vp.request import VerifierInfo
from tests.cast import (
    AFFORDABILITY,
    BOB,
    DEALER,
    EMAIL_ITEM,
    MANUFACTURER,
    NONCE,
    NOW,
    PD,
    QUALIFY,
    RECEIPT,
    REL,
    SERVICE,
    SOUND,
    SOUND_GRANT,
    SOUND_QUERY,
    STEP_GRANT,
    TERMS_BODY,
    Situation,
    dealer_asks,
    dealer_role,
    evidence,
    grant,
    happy,
    promised,
    signer_of,
    sound_allowed,
    step_query,
    terms,
    terms_signatory,
)


@pytest.fixture
async def h() -> Situation:
    return await happy()


@pytest.fixture
async def threshold() -> Situation:
    return await dealer_asks()


ALWAYS_OF_A_RECEIPT = [("receipt_type",), ("date",), ("seller",), ("fullReceiptDigest",)]


async def judged(situation: Situation) -> Decision:
    return decide(await situation.case())


def car_query(*paths: list[Any]) -> dict[str, Any]:
    one = {"id": "car", "format": "dc+sd-jwt", "meta": {"vct_values": [RECEIPT]}}
    return {"credentials": [{**one, "claims": [{"path": path} for path in paths]}]}


def kept(period: str, then: str = "erase") -> list[dict[str, str]]:
    return [{"class": "planning", "period": period, "from": "relationshipEnd", "then": then}]


# --- the vectors, by their numbers; tests/conformance/test_release_vectors.py runs them through the wallet's own entry


async def test_vector_1_everything_holds_and_was_allowed(h: Situation) -> None:
    decision = await judged(h)
    assert (decision.outcome, decision.codes) == (Outcome.RELEASE, ("ok.rule",))
    assert set(decision.chosen["car"].paths) == {("vehicle", "model"), ("vehicle", "audioSystem")}


async def test_vector_2_without_an_allow_rule_the_person_is_asked(h: Situation) -> None:
    decision = await judged(h.but(policy=Policy()))
    assert (decision.outcome, decision.codes) == (Outcome.ASK, ("ok.new",))


async def test_vector_3_one_path_more_than_promised_is_refused_and_the_covered_part_named(h: Situation) -> None:
    query = car_query(["vehicle", "model"], ["vehicle", "audioSystem"], ["vehicle", "vin"])
    decision = await judged(h.but(query=query))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    assert [item.path for item in decision.covered] == [("vehicle", "model"), ("vehicle", "audioSystem")]
    assert decision.chosen == {}


async def test_vector_4_a_parent_of_two_promised_children_is_refused(h: Situation) -> None:
    decision = await judged(h.but(query=car_query(["vehicle"])))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))


async def test_vector_5_an_agreement_taken_from_another_request_is_refused(h: Situation) -> None:
    other = await h.but(nonce="b3RoZXItbm9uY2Utb2YtMTI4Yml0cw").offer()
    decision = await judged(h.but(agreement_text=other))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("agr.unbound",))


async def test_vector_6_an_agreement_signed_with_another_key_is_refused(h: Situation) -> None:
    for signer in (signer_of("second key", key_id=f"{SOUND.did}#key-2"), signer_of("x", key_id=SOUND.signer.key_id)):
        decision = await judged(h.but(agreement_changes={"signer": signer}))
        assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("agr.unbound",))


async def test_vector_7_the_agreement_of_another_vendor_is_refused(h: Situation) -> None:
    theirs = await h.but(vendor=DEALER).offer()
    decision = await judged(h.but(agreement_text=theirs))
    assert decision.outcome == Outcome.REFUSE
    assert set(decision.codes) == {"vrf.identity-split", "agr.unbound"}


async def test_vector_8_the_same_name_and_version_with_another_text_is_forged(h: Situation) -> None:
    other = await terms(jurisdiction="IE")
    assert (other.family, other.version) == (h.terms.family, h.terms.version)
    decision = await judged(h.but(signatory=await terms_signatory(SOUND, other)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("terms.forged",))


async def test_another_version_than_the_agreement_names_asks(h: Situation) -> None:
    other = await terms(version="0.9")
    decision = await judged(h.but(signatory=await terms_signatory(SOUND, other)))
    assert decision.outcome == Outcome.ASK
    assert "terms.version" in decision.codes


async def test_vector_9_an_old_list_asks_and_a_fresh_one_refuses(h: Situation) -> None:
    revoked = {TERMS_BODY: 2}
    old = await judged(h.but(evidence=await evidence(revoked=revoked, age=timedelta(days=3))))
    assert old.outcome == Outcome.ASK
    assert "terms.stale" in old.codes
    fresh = await judged(h.but(evidence=await evidence(revoked=revoked)))
    assert (fresh.outcome, fresh.codes) == (Outcome.REFUSE, ("terms.revoked",))


async def test_vector_10_keeping_longer_than_the_terms_allow_is_refused(h: Situation) -> None:
    decision = await judged(h.but(grants=(grant(retention=kept("P5Y")),)))
    assert decision.outcome == Outcome.REFUSE
    assert "agr.exceeds-terms" in decision.codes


async def test_vector_11_keeping_longer_than_the_persons_cap_is_refused_until_it_is_raised(h: Situation) -> None:
    asked = h.but(grants=(grant(retention=kept("P2Y")),))
    short = Policy.from_json({"retention_caps": {"planning": "P1Y"}})
    decision = await judged(asked.but(policy=replace(short, allow=h.policy.allow)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("agr.retention",))
    assert (await judged(asked)).outcome == Outcome.RELEASE


async def test_vector_12_passing_on_further_than_the_person_allows_is_refused(h: Situation) -> None:
    listed = grant(
        propagation={"value": "listed"}, recipient={"controller": True, "thirdParties": ["did:web:partner.example"]}
    )
    decision = await judged(h.but(grants=(listed,), policy=replace(h.policy, propagation="none")))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("agr.propagation",))


async def test_vector_13_a_second_threshold_to_the_same_vendor_is_probing(threshold: Situation) -> None:
    first = await dealer_asks("15000")
    asked = asked_thresholds(await first.case())
    decision = await judged(threshold.but(history=History(thresholds=asked)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.probing",))


async def test_vector_14_what_is_not_true_looks_like_a_refusal(threshold: Situation) -> None:
    item = {"vct": AFFORDABILITY, "path": ["at_least", "25000"]}
    promised = grant(**{**_step_members(), "data": [{"vct": AFFORDABILITY, "path": ["currency"]}, item]})
    decision = await judged(threshold.but(query=step_query("25000"), grants=(promised,)))
    refused = await judged(threshold.but(policy=Policy(deny=frozenset({DEALER.did}))))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("cred.none",))
    assert decision.wire_error == refused.wire_error == "access_denied"


def _step_members() -> dict[str, Any]:
    members = STEP_GRANT.to_json()
    members["prohibitions"] = members.pop("not")
    return {"channel": None, "location": None, "recipient": None} | members


async def test_vector_15_a_range_and_a_step_are_refused_unless_promised_and_then_asked(threshold: Situation) -> None:
    both = threshold.but(query=step_query("20000", more=[{"path": ["range"]}]))
    decision = await judged(both)
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    data = [*_step_members()["data"], {"vct": AFFORDABILITY, "path": ["range"]}]
    promised = await judged(both.but(grants=(grant(**_step_members() | {"data": data}),)))
    assert promised.outcome == Outcome.ASK
    assert "ask.excess" in promised.codes


@pytest.mark.parametrize(
    "who", [SOUND.did, "decentralized_identifier:" + SOUND.did, "sound.example", " clearsound LTD "]
)
async def test_vector_16_a_denied_vendor_is_refused_by_any_of_its_names(h: Situation, who: str) -> None:
    decision = await judged(h.but(policy=replace(h.policy, deny=frozenset({who}))))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("pol.denied",))
    assert decision.wire_error == "access_denied"


async def test_vector_17_a_dealer_whose_approval_ended_is_refused(threshold: Situation) -> None:
    ended = await dealer_role(DEALER, now=NOW - timedelta(days=40), lifetime=timedelta(days=30))
    decision = await judged(threshold.but(role=ended))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("vrf.role-stale",))


async def test_vector_22_a_known_vendor_that_starts_anew_asks(h: Situation) -> None:
    known = History(rels={"b2xkLXJlbGF0aW9uc2hpcC1pZA": frozenset({SOUND.did})})
    decision = await judged(h.but(history=known))
    assert decision.outcome == Outcome.ASK
    assert "rel.new" in decision.codes


async def test_vector_23_money_without_an_agreement_is_refused(threshold: Situation) -> None:
    decision = await judged(threshold.but(agreement=False))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("agr.missing",))


async def test_vector_24_a_car_model_without_signed_terms_asks(h: Situation) -> None:
    decision = await judged(h.but(signatory=None))
    assert decision.outcome == Outcome.ASK
    assert "terms.missing" in decision.codes


async def test_vector_25_unknown_evidence_changes_nothing(h: Situation) -> None:
    unknown = VerifierInfo(format="urn:example:other:1", data="anything at all")
    assert (await judged(h.but(more_info=(unknown,)))).outcome == Outcome.RELEASE


async def test_vector_26_unknown_transaction_data_has_an_error_of_its_own(h: Situation) -> None:
    decision = await judged(h.but(fault=InvalidTransactionData("no type of it is known here")))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("req.malformed",))
    assert decision.wire_error == "invalid_transaction_data"


# --- each rule for itself


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Malformed("no query"), "req.malformed"),
        (BadRequestObject("nonce", reason="req.replay"), "req.replay"),
        (Expired("too old", reason="req.replay"), "req.replay"),
        (BadRequestObject("response_uri", reason="req.origin"), "req.origin"),
        (BadSignature("signature"), "vrf.unauthenticated"),
        (Unreachable("no key document"), "vrf.unauthenticated"),
    ],
)
async def test_a_request_that_does_not_hold_is_refused_with_its_code(
    h: Situation, fault: DidkitError, code: str
) -> None:
    decision = await judged(h.but(fault=fault))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, (code,))


async def test_a_request_that_was_decided_before_is_a_replay(h: Situation) -> None:
    seen = History(nonces=frozenset({nonce_key("decentralized_identifier:" + SOUND.did, NONCE)}))
    assert (await judged(h.but(history=seen))).codes == ("req.replay",)


async def test_a_role_of_another_business_splits_the_identity(h: Situation) -> None:
    for role in (await dealer_role(DEALER), await dealer_role(DEALER, name=SOUND.name)):
        assert (await judged(h.but(role=role))).codes == ("vrf.identity-split",)


async def test_a_promise_in_another_name_than_the_role_splits_the_identity(h: Situation) -> None:
    named = h.but(role=await dealer_role(SOUND), controller="Somebody Else Ltd")
    assert (await judged(named)).codes == ("vrf.identity-split",)


async def test_a_denied_dealer_is_known_by_its_number_under_a_fresh_did(h: Situation) -> None:
    fresh = h.but(
        vendor=SOUND,
        role=await dealer_role(SOUND, dealer_id="CH-0666", name="Fresh Start Cars Ltd"),
        controller="Fresh Start Cars Ltd",
        policy=Policy(deny=frozenset({"ch-0666"})),
    )
    assert (await judged(fresh)).codes == ("pol.denied",)


async def test_even_an_invalid_role_gives_a_denied_dealer_away(h: Situation) -> None:
    old = await dealer_role(BOB, dealer_id="CH-0666", now=NOW - timedelta(days=40), lifetime=timedelta(days=30))
    denied = h.but(vendor=BOB, role=old, policy=Policy(deny=frozenset({"CH-0666"})))
    assert "pol.denied" in (await judged(denied)).codes


async def test_money_is_shown_to_approved_dealers_only(threshold: Situation) -> None:
    assert (await judged(threshold.but(role=None))).codes == ("vrf.role-missing",)
    revoked = await evidence(revoked={MANUFACTURER: 1})
    assert (await judged(threshold.but(evidence=revoked))).codes == ("vrf.role-stale",)


@pytest.mark.parametrize(
    ("criteria", "fits"),
    [
        (Criteria(brands=frozenset({"chryota"})), True),
        (Criteria(brands=frozenset({"Forsche"})), False),
        (Criteria(territories=frozenset({"GB"})), True),
        (Criteria(territories=frozenset({"GB-SCT"})), False),
        (Criteria(only=frozenset({"CH-0042"})), True),
        (Criteria(only=frozenset({"CH-0001"})), False),
    ],
)
async def test_recipients_must_fit_the_persons_criteria(
    threshold: Situation, criteria: Criteria, *, fits: bool
) -> None:
    decision = await judged(threshold.but(policy=Policy(criteria={AFFORDABILITY: criteria})))
    assert ("pol.criteria" not in decision.codes) is fits
    assert (decision.outcome == Outcome.ASK) is fits


async def test_a_stop_notice_refuses(h: Situation) -> None:
    assert (await judged(h.but(policy=replace(h.policy, stop_notices=frozenset({"Clearsound Ltd"}))))).codes == (
        "vrf.stopped",
    )


async def test_terms_that_are_not_at_hand_ask(h: Situation) -> None:
    decision = await judged(h.but(known_terms=False))
    assert decision.outcome == Outcome.ASK
    assert "terms.missing" in decision.codes


async def test_the_strict_profile_refuses_where_the_standard_one_asks(h: Situation) -> None:
    decision = await judged(h.but(signatory=None, policy=replace(h.policy, profile="strict")))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("terms.missing",))


async def test_over_asking_warns_in_the_profile_of_the_european_wallet(h: Situation) -> None:
    policy = replace(h.policy, profile="eudi-warn")
    decision = await judged(h.but(query=car_query(["vehicle"]), policy=policy))
    assert decision.outcome == Outcome.ASK
    assert "ask.excess" in decision.codes


async def test_the_persons_own_terms_are_an_upper_bound(h: Situation) -> None:
    own = grant(gid="own", data=[{"dataClass": PD + "CarOwned"}], retention=kept("P6M"))
    decision = await judged(h.but(policy=replace(h.policy, own_terms=(own,))))
    assert decision.outcome == Outcome.ASK
    assert "agr.exceeds-person" in decision.codes


async def test_a_promise_that_forbids_its_own_purpose_is_refused(h: Situation) -> None:
    torn = grant(prohibitions=[*(grant().prohibitions or ()), SERVICE])
    assert "agr.exceeds-terms" in (await judged(h.but(grants=(torn,)))).codes


async def test_a_wildcard_is_more_than_its_items(h: Situation) -> None:
    one_item = grant(data=[*promised(grant()), {"vct": RECEIPT, "path": ["items", 0]}])
    decision = await judged(h.but(query=car_query(["items", None]), grants=(one_item,)))
    assert "ask.excess" in decision.codes


async def test_what_is_promised_as_optional_may_not_be_required(h: Situation) -> None:
    query = {"credentials": SOUND_QUERY["credentials"]}
    decision = await judged(h.but(query=query, grants=(SOUND_GRANT,)))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("ask.excess",))
    assert {item.query_id for item in decision.covered} == {"car"}


async def test_a_query_without_claims_gets_no_disclosure_and_is_judged_by_what_the_type_shows_always(
    h: Situation,
) -> None:
    query = {"credentials": [{"id": "car", "format": "dc+sd-jwt", "meta": {"vct_values": [RECEIPT]}}]}
    decision = await judged(h.but(query=query))
    assert decision.outcome == Outcome.RELEASE
    assert decision.chosen["car"].paths == ()
    assert [claim.path for claim in decision.case.shown] == ALWAYS_OF_A_RECEIPT
    assert not any(claim.asked for claim in decision.case.shown)


async def test_an_agreement_speaks_only_of_the_queries_it_names(h: Situation) -> None:
    case = await h.but(query=SOUND_QUERY, grants=(SOUND_GRANT,)).case()
    assert case.vendor is not None
    narrowed = replace(case, vendor=replace(case.vendor, agreement_queries=frozenset({"car"})))
    assert "ask.excess" in decide(narrowed).codes


@pytest.mark.parametrize("then", ["keep"])
async def test_keeping_without_end_is_refused(h: Situation, then: str) -> None:
    assert "agr.retention" in (await judged(h.but(grants=(grant(retention=kept("P1Y", then)),)))).codes


async def test_an_archive_is_not_accepted_by_default(h: Situation) -> None:
    archive = [{"class": "archive", "period": "P1D", "from": "disclosure", "then": "erase"}]
    assert "agr.retention" in (await judged(h.but(grants=(grant(retention=archive),)))).codes


async def test_a_party_that_the_promise_does_not_admit_is_passed_on_to(h: Situation) -> None:
    hidden = grant(recipient={"controller": True, "thirdParties": ["did:web:partner.example"]})
    assert "agr.propagation" in (await judged(h.but(grants=(hidden,)))).codes


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (step_query("15000", "20000"), "two steps"),
        (step_query("20000", values=[False]), "asking for a no"),
        (step_query("20000", values=[True, False]), "yes or no"),
        (step_query("20000", values=[1]), "one is not true"),
        (step_query("20000", values=[]), "any value"),
        (step_query(more=[{"path": ["at_least"]}]), "the whole ladder"),
        (step_query("lots"), "no number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_searching_for_the_limit_is_probing(threshold: Situation, query: dict[str, Any], why: str) -> None:
    data = [{"vct": AFFORDABILITY, "path": ["currency"]}, {"vct": AFFORDABILITY, "path": ["at_least"]}]
    decision = await judged(threshold.but(query=query, grants=(grant(**_step_members() | {"data": data}),)))
    assert decision.outcome == Outcome.REFUSE
    assert "ask.probing" in decision.codes


async def test_the_same_threshold_again_or_after_the_claims_life_is_not_probing(threshold: Situation) -> None:
    again = AskedThreshold(
        identifiers=frozenset({DEALER.did}), vct=AFFORDABILITY, step="20000", until=NOW + timedelta(days=1)
    )
    over = replace(again, step="15000", until=NOW - timedelta(days=1))
    assert (await judged(threshold.but(history=History(thresholds=(again, over))))).outcome == Outcome.ASK


@pytest.mark.parametrize("name", [DEALER.did, "ch-0042", "ann's chryota ltd"])
async def test_probing_is_seen_under_any_name_of_the_vendor(threshold: Situation, name: str) -> None:
    earlier = AskedThreshold(
        identifiers=frozenset({name}), vct=AFFORDABILITY, step="15000", until=NOW + timedelta(days=1)
    )
    assert "ask.probing" in (await judged(threshold.but(history=History(thresholds=(earlier,))))).codes


async def test_the_history_keeps_a_threshold_for_the_claims_life(threshold: Situation) -> None:
    (asked,) = asked_thresholds(await threshold.case())
    assert (asked.vct, asked.step, asked.until) == (AFFORDABILITY, "20000", threshold.held[0].state.expires_at)
    assert {DEALER.did, "ch-0042"} <= asked.identifiers


async def test_an_amount_above_the_persons_limit_is_refused(threshold: Situation) -> None:
    assert (await judged(threshold.but(policy=Policy(threshold_cap=15_000)))).codes == ("ask.threshold",)
    assert (await judged(threshold.but(policy=Policy(threshold_cap=20_000)))).outcome == Outcome.ASK


async def test_a_threshold_is_never_released_without_asking(threshold: Situation) -> None:
    rule = AllowRule(
        vendor=DEALER.did,
        purposes=frozenset({QUALIFY}),
        vct=AFFORDABILITY,
        paths=(("currency",), ("at_least",)),
    )
    assert (await judged(threshold.but(policy=Policy(allow=(rule,))))).outcome == Outcome.ASK


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_at": NOW}, "cred.stale"),
        ({"status": StatusReference(uri=TERMS_BODY.status_uri, index=2)}, "cred.status"),
        ({"unused": 0}, "cred.copies"),
    ],
)
async def test_a_document_that_cannot_be_shown_refuses(h: Situation, change: dict[str, Any], code: str) -> None:
    revoked = await evidence(revoked={TERMS_BODY: 2}) if code == "cred.status" else h.evidence
    case = await h.but(policy=sound_allowed()).case()
    assert case.vendor is not None
    vendor = replace(case.vendor, evidence=revoked)
    held = {name: replace(state, **change) if name == "digital-receipt" else state for name, state in case.held.items()}
    decision = decide(replace(case, held=held, vendor=vendor))
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, (code,))
    assert decision.wire_error == "access_denied"


async def test_an_optional_document_that_cannot_be_shown_is_left_out(h: Situation) -> None:
    case = await h.but(query=SOUND_QUERY, grants=(SOUND_GRANT,)).case()
    held = {name: replace(state, unused=0) if name == "contact" else state for name, state in case.held.items()}
    decision = decide(replace(case, held=held))
    assert decision.outcome == Outcome.ASK
    assert set(decision.chosen) == {"car"}


async def test_a_relationship_of_another_vendor_is_refused(h: Situation) -> None:
    taken = History(rels={REL: frozenset({DEALER.did})})
    assert (await judged(h.but(history=taken))).codes == ("agr.unbound",)


async def test_continuing_a_record_that_is_not_held_asks(h: Situation) -> None:
    assert "rel.unknown" in (await judged(h.but(continues="7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11"))).codes


async def test_a_nameless_vendor_may_not_ask_who_the_person_is(h: Situation) -> None:
    query = {"credentials": [SOUND_QUERY["credentials"][1]]}
    decision = await judged(h.but(query=query, agreement=False))
    assert {"vrf.faceless", "agr.missing"} <= set(decision.codes)


async def test_identity_without_signed_terms_is_refused(h: Situation) -> None:
    asked = h.but(query=SOUND_QUERY, grants=(grant(data=[*_car_data(), EMAIL_ITEM]),), signatory=None)
    assert (await judged(asked)).codes == ("terms.missing", "vrf.faceless")


def _car_data() -> list[Any]:
    data = grant().to_json()["data"]
    assert isinstance(data, list)
    return data


async def test_addresses_of_the_agreement_must_be_the_vendors_own(h: Situation) -> None:
    desk = (await h.case()).agreement
    assert desk is not None
    stray = {"withdraw": replace(desk.withdraw, uri="https://elsewhere.example/withdraw")}
    assert (await judged(h.but(agreement_changes=stray))).codes == ("agr.unbound",)


async def test_nothing_held_refuses_like_a_no(h: Situation) -> None:
    decision = await judged(h.but(held=()))
    assert (decision.outcome, decision.codes, decision.wire_error) == (Outcome.REFUSE, ("cred.none",), "access_denied")


async def test_a_vendors_own_check_needs_no_wallet(h: Situation) -> None:
    decision = decide(replace(await h.case(), candidates=None, held={}))
    assert (decision.outcome, decision.chosen) == (Outcome.RELEASE, {})


async def test_an_empty_table_refuses(h: Situation) -> None:
    decision = decide(await h.case(), rules=())
    assert (decision.outcome, decision.reasons) == (Outcome.REFUSE, ())


async def test_a_table_without_allow_rules_never_releases(h: Situation) -> None:
    rules = tuple(rule for rule in RULES if rule.id not in ("R-28", "R-29"))
    assert decide(await h.case(), rules=rules).outcome == Outcome.REFUSE


async def test_a_release_needs_an_allow_rule_whatever_a_table_says(h: Situation) -> None:
    lenient = Rule(
        id="R-00", question="is it a fine day?", judge=lambda _: (Objection(code="ok.new", outcome=Outcome.RELEASE),)
    )
    assert decide(await h.case(), rules=(lenient,)).outcome == Outcome.REFUSE


def test_every_sentence_is_free_of_terms_of_the_trade() -> None:
    banned = ("did", "jwt", "verifier", "holder", "credential", "disclosure", "nonce", "token", "openid", "issuer")
    for code in REASON_CODES:
        sentence = in_english(phrase(f"reason.{code}"))
        assert sentence.endswith("."), code
        assert not set(sentence.casefold().replace(".", "").replace(",", "").split()) & set(banned), code


def test_each_rule_is_asked_once_and_in_order() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(ids)
    assert {rule.id for rule in RULES if rule.stop} == {"R-01", "R-02", "R-05"}
