"""Decisions as laws: two faults are as bad as the worse of them, and nothing is released without an allow rule."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any, Final

from didkit_py.consent.decision import AskedThreshold, History, Outcome, decide
from didkit_py.consent.policy import Policy
from tests.cast import (
    AFFORDABILITY,
    BOB,
    DEALER,
    DPV,
    MANUFACTURER,
    NOW,
    PD,
    REL,
    SOUND,
    TERMS_BODY,
    Situation,
    dealer_asks,
    dealer_role,
    evidence,
    grant,
    happy,
    signer_of,
    terms,
    terms_signatory,
)

Fault = Callable[[Situation], Awaitable[Situation]]


def policy(**changes: Any) -> Fault:
    async def change(one: Situation) -> Situation:
        return one.but(policy=replace(one.policy, **changes))

    return change


def retention(period: str, kind: str = "planning") -> list[dict[str, str]]:
    return [{"class": kind, "period": period, "from": "relationshipEnd", "then": "erase"}]


def with_grant(**changes: Any) -> Fault:
    async def change(one: Situation) -> Situation:
        members = one.grants[0].to_json()
        members["prohibitions"] = members.pop("not")
        return one.but(grants=(grant(**{"channel": None, "location": None} | members | changes),))

    return change


def history(**changes: Any) -> Fault:
    async def change(one: Situation) -> Situation:
        return one.but(history=replace(one.history, **changes))

    return change


async def other_version(one: Situation) -> Situation:
    return one.but(signatory=await terms_signatory(one.vendor, await terms(version="0.9")))


async def forged(one: Situation) -> Situation:
    return one.but(
        signatory=await terms_signatory(
            one.vendor, one.terms, signer=signer_of("thief", key_id=one.vendor.signer.key_id)
        )
    )


async def foreign_role(one: Situation) -> Situation:
    return one.but(role=await dealer_role(BOB))


async def old_lists(one: Situation) -> Situation:
    return one.but(evidence=await evidence(age=timedelta(days=3)))


async def revoked(one: Situation) -> Situation:
    return one.but(evidence=await evidence(revoked={TERMS_BODY: 2, MANUFACTURER: 1}))


async def no_agreement(one: Situation) -> Situation:
    return one.but(agreement=False)


async def moved_agreement(one: Situation) -> Situation:
    return one.but(agreement_changes={"signer": signer_of("another key", key_id=one.vendor.signer.key_id)})


async def unknown_terms(one: Situation) -> Situation:
    return one.but(known_terms=False)


async def nothing_held(one: Situation) -> Situation:
    return one.but(held=())


FAULTS: Final[dict[str, Fault]] = {
    "denied": policy(deny=frozenset({SOUND.did})),
    "stopped": policy(stop_notices=frozenset({SOUND.did})),
    "not allowed beforehand": policy(allow=()),
    "short cap": policy(retention_caps={}),
    "own terms": policy(
        own_terms=(grant(gid="own", data=[{"dataClass": PD + "CarOwned"}], retention=retention("P1M")),)
    ),
    "longer than the terms": with_grant(retention=retention("P5Y")),
    "an archive": with_grant(retention=retention("P1D", "archive")),
    "torn promise": with_grant(prohibitions=[DPV + "ServiceProvision"]),
    "hidden recipient": with_grant(recipient={"controller": True, "thirdParties": ["did:web:x.example"]}),
    "one path less": with_grant(data=[{"vct": "urn:didkit-py:vct:digital-receipt:1", "path": ["vehicle", "model"]}]),
    "foreign relationship": history(rels={REL: frozenset({DEALER.did})}),
    "known vendor": history(rels={"b2xkLXJlbGF0aW9uc2hpcC1pZA": frozenset({SOUND.did})}),
    "other version": other_version,
    "forged": forged,
    "foreign role": foreign_role,
    "old lists": old_lists,
    "revoked": revoked,
    "no agreement": no_agreement,
    "moved agreement": moved_agreement,
    "unknown terms": unknown_terms,
    "nothing held": nothing_held,
}
# Faults that replace the same part of the request cannot stand side by side, and without a promise it has no faults.
SAME_PART: Final = (
    {"longer than the terms", "an archive", "torn promise", "hidden recipient", "one path less"},
    {"other version", "forged"},
    {"foreign relationship", "known vendor"},
    {"old lists", "revoked"},
    {"no agreement", "moved agreement"},
)
# What stands in the promise is not seen where there is none, and what stands in a statement not where it is old.
HIDES: Final = {
    "no agreement": {
        *("own terms", "short cap", "longer than the terms", "an archive", "torn promise", "hidden recipient"),
        *("one path less", "foreign relationship", "known vendor", "other version", "unknown terms"),
    },
    "old lists": {"forged", "other version", "foreign role"},
    "unknown terms": {"longer than the terms"},
}


async def outcome(situation: Situation, *names: str) -> Outcome:
    for name in names:
        situation = await FAULTS[name](situation)
    return decide(await situation.case()).outcome


def independent(one: str, other: str) -> bool:
    if any({one, other} <= part for part in SAME_PART):
        return False
    return other not in HIDES.get(one, ()) and one not in HIDES.get(other, ())


async def test_two_faults_are_as_bad_as_the_worse_of_them() -> None:
    h = await happy()
    single = {name: await outcome(h, name) for name in FAULTS}
    assert set(single.values()) == {Outcome.ASK, Outcome.REFUSE}
    pairs = [pair for pair in combinations(FAULTS, 2) if independent(*pair)]
    assert len(pairs) > 150
    wrong = [pair for pair in pairs if await outcome(h, *pair) != max(single[pair[0]], single[pair[1]])]
    assert wrong == []


async def test_a_hidden_fault_never_makes_the_outcome_better_than_the_fault_that_hides_it() -> None:
    h = await happy()
    for hiding, hidden in HIDES.items():
        alone = await outcome(h, hiding)
        for other in hidden:
            assert await outcome(h, other, hiding) >= alone


async def test_nothing_is_released_without_an_allow_rule_whatever_else_holds() -> None:
    cases = [await situation.but(policy=Policy()).case() for situation in (await happy(), await dealer_asks())]
    for case in cases:
        for profile in ("strict", "standard", "eudi-warn"):
            for propagation in ("none", "processors", "listed"):
                judged = replace(case, policy=Policy(profile=profile, propagation=propagation))
                assert decide(judged).outcome > Outcome.RELEASE


async def test_more_history_never_makes_an_outcome_better() -> None:
    case = await (await dealer_asks()).case()
    asked = AskedThreshold(
        identifiers=frozenset({DEALER.did}), vct=AFFORDABILITY, step="15000", until=NOW + timedelta(days=1)
    )
    before = decide(case).outcome
    for past in (History(thresholds=(asked,)), History(rels={REL: frozenset({"did:web:x.example"})})):
        assert decide(replace(case, history=past)).outcome >= before
