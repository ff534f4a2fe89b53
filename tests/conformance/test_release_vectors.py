"""The vectors of the release policy, by number, through the wallet's own entry: link, signatures, judgement, answer.

Everything is really signed and read back. One row changes one thing about the happy path: an authenticated vendor, a
valid signatory, a bound promise within terms and person's policy, a query within the promise, an allow rule, a fresh
copy. Whatever comes out, a person who then says no sends the vendor the same bytes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from didkit_py.consent.decision import RULES, Decision, Outcome
from didkit_py.consent.policy import Policy
from didkit_py.credentials.template import TEMPLATES
from didkit_py.encoding import from_b64url, read_json
from didkit_py.errors import DidkitError
from didkit_py.jose import sign_compact
from didkit_py.oid4vp.request import TYPE, VerifierInfo
from didkit_py.roles.presenting import decide_unread
from tests.cast import (
    AFFORDABILITY,
    CAR_QUERY,
    DEALER,
    NOW,
    SOUND,
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
from tests.unit.roles.test_presenting import Scene, scene_of

OTHER_NONCE: Final = "b3RoZXItbm9uY2Utb2YtMTI4Yml0cw"
OTHER_REL: Final = "b2xkLXJlbGF0aW9uc2hpcC1pZA"
NO: Final = b"error=access_denied&state=state-1"
RELEASE, ASK, REFUSE = Outcome.RELEASE, Outcome.ASK, Outcome.REFUSE
Make = Callable[[], Awaitable[Situation]]


@dataclass(frozen=True, slots=True)
class Vector:
    """One row: its number, what differs from the happy path, and what must come out."""

    number: int
    says: str
    make: Make
    outcome: Outcome
    codes: frozenset[str]
    earlier: Make | None = None  # what the same vendor asked before
    shared: bool = field(default=False, kw_only=True)  # and was given


def row(number: int, says: str, make: Make, outcome: Outcome, *codes: str, **more: Any) -> Vector:
    return Vector(number, says, make, outcome, frozenset(codes), **more)


async def sound(**changes: Any) -> Situation:
    return (await happy()).but(**changes)


async def dealer(*steps: str, **changes: Any) -> Situation:
    return (await dealer_asks(*steps)).but(**changes)


def with_(**changes: Any) -> Make:
    return lambda: sound(**changes)


def car(*paths: list[Any]) -> Any:
    (one,) = CAR_QUERY["credentials"]
    return {"credentials": [{**one, "claims": [{"path": path} for path in paths]}]}


def kept(period: str) -> tuple[Any, ...]:
    return (grant(retention=[{"class": "planning", "period": period, "from": "relationshipEnd", "then": "erase"}]),)


def capped(**caps: str) -> Policy:
    return replace(sound_allowed(), retention_caps=Policy.from_json({"retention_caps": {**caps}}).retention_caps)


def ladder(*more: Any) -> tuple[Any, ...]:
    """The dealer's promise, with more data in it."""
    body: dict[str, Any] = STEP_GRANT.to_json()
    body["prohibitions"] = body.pop("not")
    left_out = {"channel": None, "location": None, "recipient": None}
    return (grant(**left_out | body | {"data": [*promised(STEP_GRANT), *more]}),)


async def another_requests_promise() -> Situation:
    situation = await happy()
    return situation.but(agreement_text=await situation.but(nonce=OTHER_NONCE).offer())


async def another_vendors_promise() -> Situation:
    situation = await happy()
    return situation.but(agreement_text=await situation.but(vendor=DEALER).offer())


async def forged_terms() -> Situation:
    return await sound(signatory=await terms_signatory(SOUND, await terms(jurisdiction="IE")))


def revoked(age: timedelta) -> Make:
    async def make() -> Situation:
        return await sound(evidence=await evidence(revoked={TERMS_BODY: 2}, age=age))

    return make


async def passing_on() -> Situation:
    listed = grant(
        propagation={"value": "listed"}, recipient={"controller": True, "thirdParties": ["did:web:partner.example"]}
    )
    return await sound(grants=(listed,), policy=replace(sound_allowed(), propagation="none"))


def range_and_step(*, with_promise: bool) -> Make:
    grants = ladder({"vct": AFFORDABILITY, "path": ["range"]}) if with_promise else (STEP_GRANT,)
    return lambda: dealer(query=step_query("20000", more=[{"path": ["range"]}]), grants=grants)


async def stale_dealer() -> Situation:
    return await dealer(role=await dealer_role(DEALER, now=NOW - timedelta(days=40), lifetime=timedelta(days=30)))


def beyond_her() -> Awaitable[Situation]:
    return dealer("25000", grants=ladder({"vct": AFFORDABILITY, "path": ["at_least", "25000"]}))


def lower_step_before() -> Awaitable[Situation]:
    return dealer("15000", grants=ladder({"vct": AFFORDABILITY, "path": ["at_least", "15000"]}), nonce=OTHER_NONCE)


OTHERS_KEY: Final = {"signer": signer_of("another", key_id=SOUND.signer.key_id)}
UNKNOWN: Final = (VerifierInfo(format="urn:example:other:1", data="anything at all"),)
VECTORS: Final = (
    row(1, "nothing", happy, RELEASE, "ok.rule"),
    row(2, "no allow rule", with_(policy=Policy()), ASK, "ok.new"),
    row(3, "one path more", with_(query=car(["vehicle", "model"], ["vehicle", "vin"])), REFUSE, "ask.excess"),
    row(4, "the parent of promised paths", with_(query=car(["vehicle"])), REFUSE, "ask.excess"),
    row(5, "the promise of another request", another_requests_promise, REFUSE, "agr.unbound"),
    row(6, "the promise signed by another key", with_(agreement_changes=OTHERS_KEY), REFUSE, "agr.unbound"),
    row(7, "another vendor's promise", another_vendors_promise, REFUSE, "vrf.identity-split", "agr.unbound"),
    row(8, "the same version of other terms", forged_terms, REFUSE, "terms.forged"),
    row(9, "revoked, by a list three days old", revoked(timedelta(days=3)), ASK, "terms.stale"),
    row(9, "revoked, by a fresh list", revoked(timedelta(hours=1)), REFUSE, "terms.revoked"),
    row(10, "kept for 5 years, terms say 2", with_(grants=kept("P5Y"), policy=capped(planning="P6Y")), REFUSE,
        "agr.exceeds-terms"),
    row(11, "kept for 2 years, her cap is 1", with_(grants=kept("P2Y"), policy=capped(planning="P1Y")), REFUSE,
        "agr.retention"),
    row(11, "her cap raised", with_(grants=kept("P2Y"), policy=capped(planning="P2Y")), RELEASE, "ok.rule"),
    row(12, "passed on, where she allows none", passing_on, REFUSE, "agr.propagation"),
    row(13, "a second step", dealer, REFUSE, "ask.probing", earlier=lower_step_before),
    row(14, "a step that is not true", beyond_her, REFUSE, "cred.none"),
    row(15, "range and step", range_and_step(with_promise=False), REFUSE, "ask.excess"),
    row(15, "range and step, promised", range_and_step(with_promise=True), ASK, "ask.excess", "ok.new"),
    row(16, "on the deny list", with_(policy=replace(sound_allowed(), deny=frozenset({SOUND.did}))), REFUSE,
        "pol.denied"),
    row(17, "the dealer's approval ended", stale_dealer, REFUSE, "vrf.role-stale"),
    row(22, "a new relationship", happy, ASK, "rel.new", shared=True,
        earlier=with_(nonce=OTHER_NONCE, agreement_changes={"rel": OTHER_REL})),
    row(23, "money, no promise", lambda: dealer(agreement=False), REFUSE, "agr.missing"),
    row(24, "a car, no signatory", with_(signatory=None), ASK, "terms.missing"),
    row(25, "evidence of an unknown kind", with_(more_info=UNKNOWN), RELEASE, "ok.rule"),
)  # fmt: skip
NOT_BUILT: Final = {
    18: ("R-21", "no credential of ours carries an issuer's disclosure policy yet"),
    19: ("R-25", "requests cannot cite a standing grant yet, so that nothing is counted"),
    20: ("R-24", "grants are not renewed yet, so that none can lapse"),
    21: ("vehicle-certification", "there is no such claim type yet; groups are enforced by verification/profile.py"),
}


async def opened(scene: Scene) -> str:
    return (await scene.presenting.open(scene.link)).id


async def judged(vector: Vector) -> tuple[Scene, str, Decision]:
    """The scene after the wallet opened the request, by what it calls it, and what it decided."""
    situation = await vector.make()
    scene = await scene_of(situation, policy=situation.policy)
    if vector.earlier is not None:
        before = await scene_of(await vector.earlier(), policy=situation.policy)
        before.store, before.town.store = scene.store, scene.store
        first = await opened(before)
        if vector.shared:
            await before.share(first)
        scene.made = before.made
    exchange_id = await opened(scene)
    return scene, exchange_id, (await scene.presenting.judge(exchange_id)).decision


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.number} {vector.says}")
async def test_a_vector_comes_out_as_written_and_a_no_looks_the_same(vector: Vector) -> None:
    scene, exchange_id, decision = await judged(vector)
    assert (decision.outcome, frozenset(decision.codes)) == (vector.outcome, vector.codes)
    assert decision.wire_error == "access_denied"
    assert scene.town.posted == [], "nothing leaves before somebody pressed a button"
    await scene.presenting.refuse(exchange_id)
    assert [body for _, body in scene.town.posted] == [NO]


async def test_vector_26_unknown_transaction_data_has_an_error_of_its_own() -> None:
    scene = await scene_of(await happy())
    claims = read_json(from_b64url(scene.town.text.split(".")[1]))
    assert isinstance(claims, dict)
    scene.town.text = await sign_compact({**claims, "transaction_data": ["e30"]}, typ=TYPE, signer=SOUND.signer)
    with pytest.raises(DidkitError) as refused:
        await opened(scene)
    decision = decide_unread(refused.value, now=NOW)
    assert (decision.outcome, decision.codes) == (REFUSE, ("req.malformed",))
    assert decision.wire_error == "invalid_transaction_data"
    assert (scene.town.posted, scene.store.notes) == ([], [])


def test_every_vector_is_a_row_or_says_why_not() -> None:
    assert {one.number for one in VECTORS} | NOT_BUILT.keys() | {26} == set(range(1, 27))


@pytest.mark.parametrize(("what", "why"), NOT_BUILT.values(), ids=map(str, NOT_BUILT))
def test_what_has_no_vector_is_not_built(what: str, why: str) -> None:
    """Whoever builds it finds this test failing, and writes the row."""
    assert what not in {rule.id for rule in RULES} | TEMPLATES.keys(), f"no longer true: {why}"
