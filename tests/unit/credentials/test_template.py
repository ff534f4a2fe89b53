"""Claim types: the files that ship, what a wrong file is told, and credentials filled from values."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from didkit_py.credentials.credential import Credential, StatusReference
from didkit_py.credentials.template import TEMPLATES, ClaimTemplate, template_named, template_of
from didkit_py.errors import BadTemplate, Malformed

NOW = datetime(2026, 11, 21, 10, 2, 11, tzinfo=UTC)  # a Saturday
ISSUER = "did:web:issuer.example"
STATUS = StatusReference(uri="https://issuer.example/status-lists/1", index=7)
LADDER = {"5000": True, "10000": True, "15000": True, "20000": True}
LADDER |= {"25000": False, "30000": False, "40000": False, "50000": False}
VALUES: dict[str, dict[str, Any]] = {
    "affordability-range": {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        "at_least": LADDER,
        "range": {"min": 20000, "max": 25000},
    },
    "authorized-dealer": {
        "brand": "Chryota",
        "scope": ["sales", "service"],
        "territory": ["GB", "GB-ENG"],
        "dealer_id": "D-1",
        "name": "Example Motors",
    },
    "digital-receipt": {
        "receipt_type": "vehicle-sale",
        "date": "2026-11-20",
        "seller": {"name": "Example Motors"},
        "fullReceiptDigest": "sha-256;ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
        "vehicle": {"model": "Hybrid", "audioSystem": "Clearsound 9", "modelYear": 2026, "vin": "JT2BG22K1W0123456"},
        "buyer_name": "Sally Example",
        "items": ["Car"],
        "prices": {"total": "21000.00", "currency": "GBP"},
        "payment": "loan",
        "delivery": {"date": "2026-12-01"},
    },
    "contact": {
        "kinds": ["email"],
        "verified_on": "2026-11-20",
        "email": "sally@mail.example",
        "name": "Sally Example",
    },
    "insurer-good-standing": {
        "standing": "good",
        "period": {"from": "2026-01-01", "to": "2026-12-31"},
        "lines": ["motor"],
    },
    "terms-signatory": {
        "terms": {
            "id": "ni:///sha-256;ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
            "family": "sharing",
            "version": "1.0",
        },
        "signature": "e30.e30.AA",
        "signedAt": "2026-02-11T09:00:00Z",
        "level": "reviewed",
    },
}


def body_of(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(files("didkit_py.credentials").joinpath(f"types/{name}.json").read_text("utf-8"))
    return copy.deepcopy(body)


def filled(name: str, **changes: object) -> Credential:
    template = template_named(name)
    arguments: dict[str, Any] = {"issuer": ISSUER, "now": NOW}
    if template.subject == "business":
        arguments["subject"] = "did:web:dealer.example"
    if template.has_status:
        arguments["status"] = STATUS
    return template.fill(VALUES[name], **arguments | changes)


def test_the_types_of_the_journey_are_there() -> None:
    assert {template.name for template in TEMPLATES.values()} == set(VALUES)
    for vct, template in TEMPLATES.items():
        assert vct == f"urn:didkit-py:vct:{template.name}:1" == template.vct
        assert template_of(vct) is template is template_named(template.name)
    assert template_of("urn:other") is None
    with pytest.raises(BadTemplate):
        template_named("urn:other")


@pytest.mark.parametrize(
    ("name", "subject", "unlinkability", "copies", "days", "status"),
    [  # the table of claim types, and 10 one-use copies for people
        ("affordability-range", "person", "U1", 10, 28, False),
        ("insurer-good-standing", "person", "U2", 10, 365, True),
        ("authorized-dealer", "business", "U3", 1, 365, True),
        ("digital-receipt", "person", "U2", 10, 3650, True),
        ("contact", "person", "U2", 10, 365, False),
        ("terms-signatory", "business", "U3", 1, 365, True),
    ],
)
def test_types_live_and_are_linked_as_the_domain_says(
    name: str, subject: str, unlinkability: str, copies: int, days: int, *, status: bool
) -> None:
    template = template_named(name)
    assert (template.subject, template.unlinkability, template.copies) == (subject, unlinkability, copies)
    assert template.lifetime == timedelta(days=days)
    assert template.has_status is status


@pytest.mark.parametrize("name", VALUES)
def test_values_of_each_type_fill_a_credential(name: str) -> None:
    credential = filled(name)
    assert credential.claims == VALUES[name]
    assert credential.vct_integrity.startswith("sha256-")
    assert credential.disclosable == template_named(name).disclosable()


def test_affordability_hides_each_step_alone_and_the_range_as_one() -> None:
    steps = [("at_least", step) for step in LADDER]
    assert template_named("affordability-range").disclosable() == (*steps, ("range",))


@pytest.mark.parametrize("name", ["authorized-dealer", "terms-signatory"])
def test_statements_about_businesses_hide_nothing(name: str) -> None:
    assert template_named(name).disclosable() == ()


def test_times_of_an_anonymous_claim_are_whole_weeks_and_others_whole_days() -> None:
    weekly, daily = filled("affordability-range"), filled("contact")
    assert weekly.issued_at == datetime(2026, 11, 19, tzinfo=UTC)  # weeks are counted from 1970-01-01, a Thursday
    assert weekly.expires_at == datetime(2026, 12, 17, tzinfo=UTC)
    assert daily.issued_at == datetime(2026, 11, 21, tzinfo=UTC)
    assert daily.expires_at == datetime(2027, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("days", [0, 29, 400])
def test_a_lifetime_that_is_too_short_or_too_long_is_refused(days: int) -> None:
    with pytest.raises(BadTemplate, match="lifetime"):
        filled("affordability-range", lifetime=timedelta(days=days))


def test_people_have_no_name_and_businesses_need_one() -> None:
    with pytest.raises(BadTemplate, match="subject"):
        filled("contact", subject="did:web:sally.example")
    with pytest.raises(BadTemplate, match="subject"):
        filled("authorized-dealer", subject=None)


def test_a_status_is_given_exactly_when_the_type_has_one() -> None:
    with pytest.raises(BadTemplate, match="status"):
        filled("affordability-range", status=STATUS)
    with pytest.raises(BadTemplate, match="status"):
        filled("digital-receipt", status=None)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("affordability-range", {"amount": 23_456}, "values has a member that this claim type does not know"),
        ("affordability-range", {"currency": "SECRET"}, "currency is not the one value that is possible here"),
        ("affordability-range", {"range": {"min": 20_123, "max": 25_000}}, "range.min is none of the values"),
        ("affordability-range", {"at_least": {**LADDER, "50000": True}}, "a step is true above one that is false"),
        ("affordability-range", {"at_least": {**LADDER, "20000": 1}}, "at_least.20000 is not of the expected type"),
        ("affordability-range", {"at_least": {"5000": True}}, "at_least lacks a member that is required: "),
        ("affordability-range", {"range": {"min": 15_000, "max": 25_000}}, "range: its ends are not the steps"),
        ("affordability-range", {"range": {"min": 20_000, "max": None}}, "range: its ends are not the steps"),
        ("contact", {"email": "SECRET"}, "email is not of the expected form: email"),
        ("contact", {"kinds": ["email", "telephone"]}, "kinds: expected exactly the channels"),
        ("contact", {"kinds": ["email", "email"]}, "kinds names something twice"),
        ("contact", {"verified_on": "2026-13-01"}, "verified_on is not of the expected form: date"),
        ("digital-receipt", {"vehicle": {"vin": "SECRET"}}, "vehicle.vin is not spelt as expected"),
        (
            "digital-receipt",
            {"prices": {"total": 5, "currency": "GBP"}},
            "prices.total is not of the expected type: string",
        ),
        ("insurer-good-standing", {"period": {"from": "2026-02-01", "to": "2026-01-01"}}, "period: it ends before"),
        (
            "terms-signatory",
            {"terms": {"id": "SECRET", "family": "a", "version": "1"}},
            "terms.id is not spelt as expected",
        ),
    ],
)
def test_values_that_break_a_rule_are_refused_without_being_repeated(
    name: str, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadTemplate) as caught:
        template_named(name).require_values({**VALUES[name], **change})
    assert sentence in str(caught.value)
    assert not any(value in str(caught.value) for value in ("SECRET", "23456", "20123", "2026-13"))


def remove_claim(body: dict[str, Any]) -> None:
    body["claims"].pop()


def double_claim(body: dict[str, Any]) -> None:
    body["claims"].append(body["claims"][0])


def claim_nowhere(body: dict[str, Any]) -> None:
    body["claims"].append({**body["claims"][0], "path": ["nowhere"]})


def claim_above_another(body: dict[str, Any]) -> None:
    body["claims"].append({**body["claims"][0], "path": ["at_least"]})


def open_schema(body: dict[str, Any]) -> None:
    del body["schema"]["additionalProperties"]


def give_status(body: dict[str, Any]) -> None:
    body["status"] = True


def round_to_days(body: dict[str, Any]) -> None:
    body["rounding"] = "day"


def unknown_rule(body: dict[str, Any]) -> None:
    body["rules"] = ["no-such-rule"]


def unknown_member(body: dict[str, Any]) -> None:
    body["hidden"] = True


def odd_disclosure(body: dict[str, Any]) -> None:
    body["claims"][0]["disclosure"] = "group:"


def misspelt_disclosure(body: dict[str, Any]) -> None:
    body["claims"][0]["disclosure"] = "sometimes"


def about_a_business(body: dict[str, Any]) -> None:
    body["subject"] = "business"


def broken_schema(body: dict[str, Any]) -> None:
    body["schema"]["type"] = "objekt"


def schema_from_elsewhere(body: dict[str, Any]) -> None:
    body["schema"]["properties"]["basis"] = {"$ref": "https://elsewhere.example/schema"}


@pytest.mark.parametrize(
    "change",
    [
        remove_claim,
        double_claim,
        claim_nowhere,
        claim_above_another,
        open_schema,
        give_status,
        round_to_days,
        unknown_rule,
        unknown_member,
        odd_disclosure,
        misspelt_disclosure,
        about_a_business,
        broken_schema,
        schema_from_elsewhere,
    ],
)
def test_a_wrong_type_is_refused_when_it_is_loaded(change: Callable[[dict[str, Any]], None]) -> None:
    body = body_of("affordability-range")
    ClaimTemplate.from_json(copy.deepcopy(body), name="test")
    change(body)
    with pytest.raises(Malformed):
        ClaimTemplate.from_json(body, name="test")


def test_a_parent_path_stands_for_everything_below_it() -> None:
    receipt = template_named("digital-receipt")
    car = "https://w3id.org/dpv/pd#CarOwned"
    assert receipt.data_classes(("vehicle", "model")) == receipt.data_classes(("vehicle",)) == {car}
    assert receipt.label(("vehicle",)).count(",") == 3
    assert receipt.label(("vehicle", "model")) == "Model of the car"
    assert len(receipt.data_classes((None,))) > 3
    assert receipt.data_classes(("items", None)) == receipt.data_classes(("items",))
    assert receipt.data_classes(("prices", "total")) == receipt.data_classes(("prices",))


def test_a_path_that_no_claim_covers_has_no_data_class() -> None:
    receipt = template_named("digital-receipt")
    for path in (("nothing",), ("vehicle", "nothing"), ("iss",), (0,)):
        assert receipt.data_classes(path) == {None}
    assert receipt.spec(("vehicle",)) is None
    assert receipt.spec(("vehicle", "model")) is not None
    assert template_named("authorized-dealer").data_classes(("name",)) == {None}


def test_type_metadata_says_what_may_be_hidden_and_is_pinned_by_its_digest() -> None:
    template = template_named("affordability-range")
    claims: Any = template.type_metadata()["claims"]
    by_path = {tuple(claim["path"]): claim for claim in claims}
    assert by_path["currency",]["sd"] == "never"
    assert by_path["at_least", "20000"]["sd"] == "always"
    assert by_path["range",]["group"] == "range"
    assert by_path["at_least", "20000"]["display"] == [{"locale": "en-GB", "label": "Can pay £20,000 or more"}]
    body = body_of("affordability-range")
    body["claims"][0]["label"] = "Another label"
    assert ClaimTemplate.from_json(body, name="test").integrity != template.integrity


def test_labels_are_plain_words() -> None:
    jargon = {"credential", "verifier", "issuer", "did", "disclosure", "token", "wallet", "claim", "attestation"}
    for template in TEMPLATES.values():
        for text in (template.title, template.description, *(spec.label for spec in template.claims)):
            assert not jargon & set(text.lower().replace(".", " ").split()), text


def test_an_optional_claim_is_not_required_though_it_is_never_hidden() -> None:
    signatory = template_named("terms-signatory")
    required = {spec.path[0]: spec.required for spec in signatory.claims}
    assert required == {
        "terms": True,
        "signature": True,
        "signedAt": True,
        "level": True,
        "evidence": False,
        "delegation": False,
    }
