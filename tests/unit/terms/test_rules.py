"""Rules about promises and requests, one at a time: that every grant, type and duty is looked at, and whose it is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.consent.decision import Decision, History, Outcome, decide
from didkit_py.consent.disclosure_case import AskedThreshold
from didkit_py.consent.policy import AUTHORIZED_DEALER, KNOWN_PARTY, Criteria, Policy
from didkit_py.errors import Malformed
from didkit_py.terms.agreement import Desk
from didkit_py.terms.period import Period
from tests.cast import (
    AFFORDABILITY,
    BOB,
    CAR_QUERY,
    CONTACT,
    DEALER,
    EMAIL_ITEM,
    NOW,
    RECEIPT,
    SOUND,
    SOUND_QUERY,
    STEP_GRANT,
    Situation,
    dealer_asks,
    dealer_role,
    grant,
    happy,
    promised,
    terms,
    terms_draft,
    terms_signatory,
)

RECORD = "7b0e7f2e-7a1c-4f1c-9d55-0d3a4f9c3d11"
PARTNER = "did:web:partner.example"


@pytest.fixture
async def h() -> Situation:
    return await happy()


async def judged(situation: Situation) -> Decision:
    return decide(await situation.case())


def reasons(decision: Decision) -> set[tuple[str, Outcome]]:
    return {(reason.code, reason.outcome) for reason in decision.reasons}


def detail(decision: Decision, code: str) -> str:
    return next((reason.detail for reason in decision.reasons if reason.code == code), "")


def desk(name: str, within: str) -> dict[str, Any]:
    path = "/agreements" if name == "receipt" else f"/agreements/{name}"
    return {"agreement_changes": {name: Desk(uri=SOUND.origin + path, within=Period.parse(within))}}


# --- the desks of a promise and the duties of its terms


@pytest.mark.parametrize(
    ("name", "within", "is_slower"),
    [
        ("erase", "P30D", False),
        ("erase", "P31D", True),
        ("erase", "P100Y", True),
        ("withdraw", "P30D", False),
        ("withdraw", "P1M", True),  # a month has more than 30 days, as periods are compared
        ("receipt", "P100Y", False),  # these terms say nothing about confirming
    ],
)
async def test_a_desk_is_not_slower_than_the_terms_say(
    h: Situation, name: str, within: str, *, is_slower: bool
) -> None:
    decision = await judged(h.but(**desk(name, within)))
    assert (("agr.exceeds-terms", Outcome.REFUSE) in reasons(decision)) is is_slower
    assert detail(decision, "agr.exceeds-terms") == (name if is_slower else "")


async def test_the_shortest_of_several_duties_counts_and_confirming_has_one_of_its_own(h: Situation) -> None:
    draft = terms_draft()
    duties = [
        {"rule": "d1", "duty": "confirmReceipt", "within": "P3D"},
        {"rule": "d2", "duty": "erasure", "within": "P30D"},
        {"rule": "d3", "duty": "erasure", "within": "P10D"},
    ]
    clauses = [*draft["clauseMap"], {"rule": "d3", "clause": "6.3", "label": None}]
    document = await terms(duties=duties, clauseMap=clauses)
    other = h.but(terms=document, signatory=await terms_signatory(SOUND, document))
    changes = desk("erase", "P10D")["agreement_changes"] | desk("receipt", "P4D")["agreement_changes"]
    assert detail(await judged(other.but(agreement_changes=changes)), "agr.exceeds-terms") == "receipt"
    assert detail(await judged(other.but(**desk("erase", "P11D"))), "agr.exceeds-terms") == "erase"


@pytest.mark.parametrize(("within", "is_slower"), [("P1M", False), ("P31D", False), ("P32D", True)])
async def test_terms_without_a_time_for_erasure_allow_the_month_of_the_law(
    h: Situation, within: str, *, is_slower: bool
) -> None:
    draft = terms_draft()
    document = await terms(duties=[draft["duties"][0], {"rule": "d2", "duty": "erasure"}])
    other = h.but(terms=document, signatory=await terms_signatory(SOUND, document))
    decision = await judged(other.but(**desk("erase", within)))
    assert ("agr.exceeds-terms" in decision.codes) is is_slower


@pytest.mark.parametrize("name", ["receipt", "withdraw", "erase"])
async def test_a_desk_that_answers_after_a_hundred_years_makes_no_promise(h: Situation, name: str) -> None:
    changes = desk(name, "P1D")["agreement_changes"]
    never = replace(changes[name], within=Period(text="P9999Y", seconds=9_999 * 31_556_952))
    with pytest.raises(Malformed, match=f"agreement.{name}.within: expected a period of at most 100 years"):
        await h.but(agreement_changes={name: never}).offer()


# --- every grant, and both kinds of other parties


@pytest.mark.parametrize(
    ("propagation", "recipient"),
    [
        ({"value": "none"}, {"processors": [PARTNER]}),
        ({"value": "none"}, {"controller": True, "thirdParties": [PARTNER]}),
        ({"value": "none"}, {"processors": [PARTNER], "thirdParties": [PARTNER]}),
        ({"value": "processors"}, {"processors": [PARTNER], "thirdParties": [PARTNER]}),
        (None, {"processors": [PARTNER]}),  # an absent promise passes on to nobody
    ],
)
async def test_a_promise_to_pass_nothing_on_that_names_other_parties_is_refused(
    h: Situation, propagation: Any, recipient: Any
) -> None:
    open_policy = replace(h.policy, propagation="listed")
    asked = h.but(grants=(grant(propagation=propagation, recipient=recipient),), policy=open_policy)
    assert ("agr.propagation", Outcome.REFUSE) in reasons(await judged(asked))


@pytest.mark.parametrize(
    ("propagation", "recipient"),
    [
        ({"value": "none"}, {"controller": True}),
        ({"value": "processors"}, {"processors": [PARTNER]}),
        ({"value": "listed"}, {"processors": [PARTNER], "thirdParties": [PARTNER]}),
    ],
)
async def test_parties_that_the_promised_value_admits_are_not_refused(
    h: Situation, propagation: Any, recipient: Any
) -> None:
    open_policy = replace(h.policy, propagation="listed")
    asked = h.but(grants=(grant(propagation=propagation, recipient=recipient),), policy=open_policy)
    assert "agr.propagation" not in (await judged(asked)).codes


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": {"processors": [PARTNER]}, "propagation": {"value": "none"}}, "agr.propagation"),
        ({"retention": [{"class": "immediate", "period": "P91D", "then": "erase"}]}, "agr.retention"),
        ({"retention": [{"class": "archive", "period": "P1D", "then": "erase"}]}, "agr.retention"),
        ({"retention": [{"class": "planning", "period": "P1D", "then": "keep"}]}, "agr.retention"),
        ({"mode": "copy", "purpose": ["https://w3id.org/dpv#Profiling"]}, "agr.exceeds-terms"),
        ({"prohibitions": ["https://w3id.org/dpv#ServiceProvision"]}, "agr.exceeds-terms"),
    ],
)
async def test_one_bad_grant_among_good_ones_is_seen_wherever_it_stands(
    h: Situation, changes: dict[str, Any], code: str, order: int
) -> None:
    grants = (grant(), grant(gid="g-b", **changes))[::order]
    decision = await judged(h.but(grants=grants))
    assert (code, Outcome.REFUSE) in reasons(decision)
    assert detail(decision, code).startswith("g-b.") or detail(decision, code) == "g-b"


# --- each type wants its own


async def test_one_role_does_not_stand_for_all_types(h: Situation) -> None:
    """A dealer's approval, wanted for a receipt, says nothing about who may hear of an address."""
    roles = {RECEIPT: frozenset({AUTHORIZED_DEALER}), CONTACT: frozenset({KNOWN_PARTY})}
    data = [*promised(grant()), EMAIL_ITEM]
    asked = h.but(
        vendor=DEALER,
        query=SOUND_QUERY,
        grants=(grant(data=data),),
        role=await dealer_role(DEALER),
        signatory=await terms_signatory(DEALER, h.terms),
    )
    for wanted, is_enough in (({RECEIPT: roles[RECEIPT]}, True), (roles, False), ({CONTACT: roles[CONTACT]}, False)):
        decision = await judged(asked.but(policy=Policy(required_roles=wanted)))
        assert ("vrf.role-missing" not in decision.codes) is is_enough


async def test_criteria_of_one_type_do_not_stand_for_another(h: Situation) -> None:
    fits, fails = Criteria(brands=frozenset({"Chryota"})), Criteria(brands=frozenset({"Forsche"}))
    data = [*promised(grant()), EMAIL_ITEM]
    asked = h.but(
        vendor=DEALER,
        query=SOUND_QUERY,
        grants=(grant(data=data),),
        role=await dealer_role(DEALER),
        signatory=await terms_signatory(DEALER, h.terms),
    )
    for criteria, is_enough in (
        ({RECEIPT: fits, CONTACT: fits}, True),
        ({RECEIPT: fits, CONTACT: fails}, False),
        ({RECEIPT: fails, CONTACT: fits}, False),
    ):
        decision = await judged(asked.but(policy=Policy(required_roles={}, criteria=criteria)))
        assert ("pol.criteria" not in decision.codes) is is_enough


@pytest.mark.parametrize(
    ("criteria", "is_enough"),
    [
        (Criteria(brands=frozenset({"Chryota"}), territories=frozenset({"GB"})), True),
        (Criteria(brands=frozenset({"Chryota"}), territories=frozenset({"FR"})), False),
        (Criteria(brands=frozenset({"Forsche"}), territories=frozenset({"GB"})), False),
        (Criteria(territories=frozenset({"G"})), False),  # a beginning of a code is no region around it
        (Criteria(only=frozenset({"CH-0042"}), brands=frozenset({"Forsche"})), False),
    ],
)
async def test_every_criterion_of_a_type_is_wanted(criteria: Criteria, *, is_enough: bool) -> None:
    asked = await dealer_asks()
    vct = STEP_GRANT.data[0].vct if STEP_GRANT.data else ""
    decision = await judged(asked.but(policy=Policy(criteria={str(vct): criteria})))
    assert ("pol.criteria" not in decision.codes) is is_enough


# --- whose record, whose relationship


@pytest.mark.parametrize(
    ("records", "is_known"),
    [
        ({RECORD: frozenset({SOUND.did})}, True),
        ({RECORD: frozenset({DEALER.did})}, False),  # somebody else's record
        ({"9d55": frozenset({SOUND.did})}, False),  # another record with this vendor
        ({}, False),
    ],
)
async def test_a_vendor_continues_only_a_record_of_its_own(
    h: Situation, records: dict[str, frozenset[str]], *, is_known: bool
) -> None:
    decision = await judged(h.but(continues=RECORD, history=History(records=records)))
    assert (("rel.unknown", Outcome.ASK) in reasons(decision)) is not is_known


async def test_a_known_vendor_that_continues_its_record_does_not_start_anew(h: Situation) -> None:
    names = frozenset({SOUND.did})
    history = History(records={RECORD: names}, rels={"another-relationship-id": names})
    decision = await judged(h.but(continues=RECORD, history=history, query=CAR_QUERY))
    assert decision.outcome is Outcome.RELEASE


# --- what was asked before, whoever asked in between


def asked_before(step: str, *names: str, until: timedelta = timedelta(days=1)) -> AskedThreshold:
    return AskedThreshold(identifiers=frozenset(names), vct=AFFORDABILITY, step=step, until=NOW + until)


@pytest.mark.parametrize(
    ("earlier", "is_probing"),
    [
        ((asked_before("15000", DEALER.did),), True),
        ((asked_before("15000", DEALER.did), asked_before("15000", BOB.did)), True),
        ((asked_before("15000", BOB.did), asked_before("15000", DEALER.did)), True),
        ((asked_before("15000", DEALER.did, until=timedelta()), asked_before("10000", DEALER.did)), True),
        ((asked_before("20000", DEALER.did), asked_before("15000", "ch-0042")), True),  # by its proven number
        ((asked_before("20000", DEALER.did),), False),  # the same once more tells nothing new
        ((asked_before("15000", BOB.did),), False),
        ((asked_before("15000", DEALER.did, until=timedelta()),), False),
    ],
)
async def test_every_earlier_threshold_of_this_vendor_counts_while_its_claim_lives(
    earlier: tuple[AskedThreshold, ...], *, is_probing: bool
) -> None:
    decision = await judged((await dealer_asks()).but(history=History(thresholds=earlier)))
    assert (("ask.probing", Outcome.REFUSE) in reasons(decision)) is is_probing


async def test_a_reason_says_what_the_vendors_program_has_to_repair(h: Situation) -> None:
    case = await h.but(agreement=False).case()
    assert case.vendor is not None
    found = {one.code: one.detail for one in case.vendor.findings}
    assert found["agr.missing"]
    assert detail(decide(case), "agr.missing") == found["agr.missing"]
