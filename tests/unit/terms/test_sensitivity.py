"""What the asked data say about a person decides how strictly a vendor is judged, not the name of their type."""

from typing import Any

import pytest

from didkit_py.consent.decision import Decision, Outcome, decide
from didkit_py.consent.policy import Policy
from didkit_py.credentials.template import FINANCIAL, IDENTITY, ORDINARY, TEMPLATES, ClaimTemplate
from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from tests.cast import AFFORDABILITY, CONTACT, RECEIPT, SOUND_GRANT, SOUND_QUERY, Situation, grant, happy

INSURER = "urn:didkit-py:vct:insurer-good-standing:1"
UNKNOWN = "urn:example:library-card:1"


@pytest.fixture
async def nameless() -> Situation:
    """Somebody at an address alone: no role, no promise, no statement about terms."""
    return (await happy()).but(agreement=False, signatory=None, policy=Policy())


def asking(vct: str, *paths: list[Any], required: bool = True) -> Any:
    """A query for these paths of one type."""
    one = {
        "id": "it",
        "format": "dc+sd-jwt",
        "meta": {"vct_values": [vct]},
        "claims": [{"path": path} for path in paths],
    }
    car = {"id": "car", "format": "dc+sd-jwt", "meta": {"vct_values": [RECEIPT]}, "claims": [{"path": ["date"]}]}
    if required:
        return {"credentials": [one]}
    return {
        "credentials": [car, one],
        "credential_sets": [{"options": [["car"]]}, {"options": [["it"]], "required": False}],
    }


async def judged(situation: Situation) -> Decision:
    return decide(await situation.case())


@pytest.mark.parametrize(
    ("vct", "path"),
    [
        (RECEIPT, ["buyer_name"]),
        (RECEIPT, ["vehicle", "vin"]),
        (RECEIPT, ["vehicle"]),
        (RECEIPT, [None]),
        (RECEIPT, ["vehicle", None]),
        (RECEIPT, ["delivery"]),
        (RECEIPT, ["vehicle", "number_plate"]),  # of a known type, but no claim of it
        (RECEIPT, ["status", "status_list", "idx"]),
        (CONTACT, ["email"]),
        (CONTACT, ["postal_address"]),
        (CONTACT, ["name"]),
        (CONTACT, ["kinds"]),
        (UNKNOWN, ["shelf"]),
    ],
)
@pytest.mark.parametrize("required", [True, False])
async def test_a_nameless_vendor_without_a_promise_does_not_learn_who_the_person_is(
    nameless: Situation, vct: str, path: list[Any], *, required: bool
) -> None:
    decision = await judged(nameless.but(query=asking(vct, path, required=required)))
    assert decision.outcome is Outcome.REFUSE
    assert {"agr.missing", "terms.missing", "vrf.faceless"} <= set(decision.codes)
    refused = {reason.code for reason in decision.reasons if reason.outcome is Outcome.REFUSE}
    assert {"agr.missing", "terms.missing", "vrf.faceless"} <= refused


@pytest.mark.parametrize(
    ("vct", "path"),
    [
        (RECEIPT, ["prices"]),
        (RECEIPT, ["payment"]),
        (AFFORDABILITY, ["currency"]),
        (INSURER, ["since_band"]),
        (INSURER, ["standing"]),
    ],
)
async def test_a_vendor_without_a_promise_does_not_learn_about_money(
    nameless: Situation, vct: str, path: list[Any]
) -> None:
    decision = await judged(nameless.but(query=asking(vct, path)))
    refused = {reason.code for reason in decision.reasons if reason.outcome is Outcome.REFUSE}
    assert {"agr.missing", "terms.missing"} <= refused
    assert "vrf.faceless" not in decision.codes


async def test_what_a_type_shows_always_is_judged_too(nameless: Situation) -> None:
    """An insurer's document shows the standing whatever is asked for: no query for its claims is an ordinary one."""
    query = {"credentials": [{"id": "it", "format": "dc+sd-jwt", "meta": {"vct_values": [INSURER]}}]}
    decision = await judged(nameless.but(query=query))
    assert ("agr.missing", Outcome.REFUSE) in {(reason.code, reason.outcome) for reason in decision.reasons}


async def test_the_model_of_the_car_is_still_asked_about_without_a_promise(nameless: Situation) -> None:
    decision = await judged(nameless.but(query=asking(RECEIPT, ["vehicle", "model"], ["date"])))
    assert decision.outcome is Outcome.ASK
    assert set(decision.codes) == {"agr.missing", "terms.missing", "ok.new"}


async def test_a_controller_that_nobody_confirms_is_no_name(nameless: Situation) -> None:
    alone = nameless.but(agreement=True, query=SOUND_QUERY, grants=(SOUND_GRANT,))
    decision = await judged(alone)
    assert ("vrf.faceless", Outcome.REFUSE) in {(reason.code, reason.outcome) for reason in decision.reasons}


async def test_a_signatory_of_the_promised_terms_may_ask_for_an_address() -> None:
    decision = await judged((await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy()))
    assert (decision.outcome, decision.codes) == (Outcome.ASK, ("ok.new",))


async def test_a_statement_about_other_terms_vouches_for_nobody() -> None:
    h = await happy()
    decision = await judged(h.but(query=SOUND_QUERY, grants=(SOUND_GRANT,), terms_id="ni:///sha-256;" + "A" * 43))
    assert "vrf.faceless" in decision.codes


async def test_terms_of_the_persons_own_bind_strictly_by_the_data() -> None:
    """R-14 asks about a car and refuses for a number that leads to its owner."""
    h = await happy()
    data = [{"vct": RECEIPT, "path": ["vehicle", "model"]}, {"vct": RECEIPT, "path": ["vehicle", "vin"]}]
    own = Policy(own_terms=(grant(gid="mine", mode="assert"),))
    for path, outcome in ((["vehicle", "model"], Outcome.ASK), (["vehicle", "vin"], Outcome.REFUSE)):
        decision = await judged(h.but(query=asking(RECEIPT, path), grants=(grant(data=data),), policy=own))
        assert ("agr.exceeds-person", outcome) in {(reason.code, reason.outcome) for reason in decision.reasons}


def test_every_claim_of_every_type_says_what_it_tells() -> None:
    told = {(vct.split(":")[3], *spec.path): spec.sensitivity for vct, one in TEMPLATES.items() for spec in one.claims}
    assert told["digital-receipt", "vehicle", "vin"] == told["contact", "email"] == IDENTITY
    assert told["digital-receipt", "prices"] == told["insurer-good-standing", "standing"] == FINANCIAL
    assert told["digital-receipt", "vehicle", "model"] == ORDINARY


@pytest.mark.parametrize("sensitivity", [None, "public", ""])
def test_a_type_whose_claim_does_not_say_what_it_tells_is_not_loaded(sensitivity: Json) -> None:
    spec: dict[str, Json] = {"path": ["note"], "disclosure": "free", "label": "Note", "data_class": None}
    body: dict[str, Json] = {
        "vct": "urn:example:note:1",
        "title": "Note",
        "description": "A note.",
        "subject": "person",
        "unlinkability": "U2",
        "copies": 1,
        "rounding": "day",
        "lifetime_days": 1,
        "status": False,
        "rules": [],
        "schema": {"type": "object", "properties": {"note": {"type": "string"}}},
        "claims": [spec if sensitivity is None else {**spec, "sensitivity": sensitivity}],
    }
    with pytest.raises(Malformed, match="sensitivity"):
        ClaimTemplate.from_json(body, name="note")
