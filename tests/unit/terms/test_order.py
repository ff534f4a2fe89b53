"""The order of grants, field by field."""

from typing import Any

import pytest

from didkit_py.terms.grant import Grant
from didkit_py.terms.order import ceiling_excess, excess

DPV = "https://w3id.org/dpv#"
PD = "https://w3id.org/dpv/pd#"
RECEIPT = "urn:didkit-py:vct:digital-receipt:1"
AFFORDABILITY = "urn:didkit-py:vct:affordability-range:1"


def grant(**members: Any) -> Grant:
    body = {"gid": "g", "purpose": ["urn:p"], "legalBasis": "contract"} | members
    return Grant.from_json({"not" if name == "prohibitions" else name: value for name, value in body.items()})


def claim(*path: Any, **more: Any) -> dict[str, Any]:
    return {"vct": RECEIPT, "path": list(path), **more}


def kept(period: str, start: str = "disclosure", then: str = "erase", kind: str = "planning") -> dict[str, Any]:
    return {"class": kind, "period": period, "from": start, "then": then}


ANONYMOUS = {"form": "anonymous", "claim": "anonymised", "attestedBy": "did:web:auditor.example"}

WITHIN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("data", {"data": [claim("vehicle", "model")]}, {"data": [claim("vehicle", "model")]}),
    ("data", {"data": [claim("vehicle", "model")]}, {"data": [claim("vehicle")]}),
    ("data", {"data": [claim("items", 0)]}, {"data": [claim("items", None)]}),
    ("data", {"data": [claim("email", necessity="optional")]}, {"data": [claim("email", necessity="optional")]}),
    ("data", {}, {"data": [claim("email")]}),
    ("data", {"data": [claim("vehicle", "model")]}, {"data": [{"dataClass": PD + "CarOwned"}]}),
    ("purpose", {"purpose": [DPV + "TargetedAdvertising"]}, {"purpose": [DPV + "Marketing"]}),
    ("not", {"prohibitions": [DPV + "Advertising"]}, {"prohibitions": [DPV + "TargetedAdvertising"]}),
    ("not", {"prohibitions": ["urn:n"]}, {}),
    ("subjectForm", {"subjectForm": "anonymous"}, {"subjectForm": "pairwise"}),
    ("subjectForm", {"subjectForm": "pairwise"}, {"subjectForm": "identified"}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"minGroup": 60}}, {"subjectForm": ANONYMOUS | {"minGroup": 50}}),
    (
        "subjectForm",
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "2 km", "time": "P1D"}}},
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "1500 m", "time": "PT1H"}}},
    ),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"linkable": False}}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"reidentification": "prohibited"}}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"method": "k"}}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"minGroup": 2}}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS}, {"subjectForm": ANONYMOUS | {"attestedBy": "self"}}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"granularity": {"time": "P1D"}}}, {"subjectForm": ANONYMOUS}),
    ("mode", {"mode": "assert"}, {"mode": "sandbox"}),
    ("mode", {"mode": "sandbox"}, {"mode": "access"}),
    ("mode", {"mode": "access"}, {"mode": "copy"}),
    ("mode", {"mode": "aggregate"}, {"mode": "copy"}),
    ("mode", {}, {"mode": "assert"}),
    ("recipient", {"recipient": {"processors": ["p"]}}, {"recipient": {"processors": ["p", "q"]}}),
    ("propagation", {"propagation": {"value": "none"}}, {"propagation": {"value": "processors"}}),
    ("propagation", {"propagation": {"value": "processors"}}, {"propagation": {"value": "listed"}}),
    ("retention", {"retention": [kept("P1Y")]}, {"retention": [kept("P2Y")]}),
    ("retention", {"retention": [kept("P2Y")]}, {"retention": [kept("P2Y", "relationshipEnd")]}),
    ("retention", {"retention": [kept("P2Y")]}, {"retention": [kept("P2Y", then="anonymise")]}),
    ("retention", {"retention": [kept("P2Y", then="anonymise")]}, {"retention": [kept("P2Y", then="keep")]}),
    ("window", {"window": {"notAfter": "2026-12-31"}}, {"window": {"notAfter": "2027-01-01"}}),
    ("window", {"window": {"months": [6]}}, {"window": {"months": [6, 7]}}),
    ("frequency", {"frequency": {"max": 1}}, {"frequency": {"max": 1, "per": "P1Y"}}),
    ("frequency", {"frequency": {"max": 1, "per": "P2Y"}}, {"frequency": {"max": 2, "per": "P1Y"}}),
    ("channel", {"channel": ["wallet-inbox"]}, {"channel": ["wallet-inbox", "letter"]}),
    ("channel", {"channel": ["letter"]}, {}),
    ("location", {"location": {"storage": ["GB"], "processing": ["GB"]}}, {"location": {"storage": ["GB", "IE"]}}),
    ("location", {"location": {"storage": ["GB"]}}, {}),
    ("location", {"location": {"processing": ["GB"]}}, {}),
    ("location", {"location": {"storage": ["GB"]}}, {"location": {"storage": ["GB", "IE"]}}),
    ("location", {"location": {"processing": ["GB"]}}, {"location": {"processing": ["GB", "IE"]}}),
    ("location", {"location": {"storage": [], "processing": ["GB"]}}, {"location": {"storage": ["GB"]}}),
    ("context", {"context": {"radius": "1 km", "event": "drive"}}, {"context": {"radius": "1 km"}}),
    (
        "renewal",
        {"renewal": {"period": "P6M", "mode": "confirm", "onLapse": "withdraw"}},
        {"renewal": {"period": "P1Y", "mode": "confirm", "onLapse": "withdraw"}},
    ),
    ("returnDuty", {"returnDuty": {"within": "P10D"}}, {"returnDuty": {"within": "P30D"}}),
    ("returnDuty", {"returnDuty": {"within": "P10D"}}, {"returnDuty": {}}),
    ("returnDuty", {"returnDuty": {"format": "text/csv"}}, {"returnDuty": {}}),
    ("returnDuty", {"returnDuty": {}}, {}),
    ("renewal", {"renewal": {"period": "P6M", "mode": "confirm", "onLapse": "withdraw"}}, {}),
    ("frequency", {"frequency": {"max": 1}}, {}),
    ("frequency", {"frequency": {"max": 1, "per": "P1Y"}}, {"frequency": {"max": 2, "per": "P1Y"}}),
    ("frequency", {"frequency": {"max": 1}}, {"frequency": {"max": 2}}),
    ("window", {"window": {"notBefore": "2026-02-01"}}, {"window": {"notBefore": "2026-01-01"}}),
    ("window", {"window": {"dataNotAfter": "2026-12-31"}}, {"window": {"dataNotAfter": "2027-01-01"}}),
    ("window", {"window": {"dataNotAfter": "2026-12-31"}}, {}),
    ("recipient", {"recipient": {"controller": False}}, {}),
    ("recipient", {"recipient": {"thirdParties": ["x"]}}, {"recipient": {"thirdParties": ["x", "y"]}}),
    (
        "propagation",
        {"propagation": {"value": "none"}},
        {"propagation": {"value": "none", "exceptions": ["x1"]}},
    ),
    ("context", {"context": {"radius": "1 km"}}, {}),
    ("price", {"price": {"amount": "9", "currency": "GBP", "payer": "person"}}, {}),
]


@pytest.mark.parametrize(("field", "narrow", "wide"), WITHIN)
def test_the_narrower_is_within_the_wider(field: str, narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    assert excess(grant(**narrow), grant(**wide)) == ()


@pytest.mark.parametrize(
    ("field", "narrow", "wide"),
    [row for row in WITHIN if row[0] != "price" and row[1].get("data") != row[2].get("data", 0)],
)
def test_the_wider_is_not_within_the_narrower_and_the_field_is_named(
    field: str, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    assert excess(grant(**wide), grant(**narrow)) == (field,)


NOT_WITHIN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("data", {"data": [claim("vehicle")]}, {"data": [claim("vehicle", "model"), claim("vehicle", "audioSystem")]}),
    ("data", {"data": [claim("items", None)]}, {"data": [claim("items", 0), claim("items", 1)]}),
    ("data", {"data": [claim("email")]}, {"data": [claim("email", necessity="optional")]}),
    ("data", {"data": [claim("buyer_name")]}, {"data": [{"dataClass": PD + "CarOwned"}]}),
    ("data", {"data": [{"vct": "urn:unknown", "path": ["a"]}]}, {"data": [{"dataClass": PD + "CarOwned"}]}),
    ("data", {"data": [claim("vehicle", "model")]}, {"data": [{"dataClass": PD + "CarOwned", "path": ["make"]}]}),
    ("mode", {"mode": "copy"}, {"mode": "aggregate"}),
    ("mode", {"mode": "aggregate"}, {"mode": "access"}),
    ("mode", {"mode": "assert"}, {"mode": "aggregate"}),
    ("purpose", {"purpose": [DPV + "SellDataToThirdParties"]}, {"purpose": [DPV + "ServiceProvision"]}),
    (
        "subjectForm",
        {"subjectForm": ANONYMOUS | {"claim": "pseudonymised"}},
        {"subjectForm": "anonymous"},
    ),
    ("subjectForm", {"subjectForm": "anonymous"}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"attestedBy": "self"}}, {"subjectForm": ANONYMOUS}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"linkable": True}}, {"subjectForm": ANONYMOUS | {"linkable": False}}),
    ("subjectForm", {"subjectForm": ANONYMOUS | {"method": "k"}}, {"subjectForm": ANONYMOUS | {"method": "l"}}),
    (
        "subjectForm",
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "2 km"}}},
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "P1D"}}},
    ),
    (
        "subjectForm",
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "town"}}},
        {"subjectForm": ANONYMOUS | {"granularity": {"space": "village"}}},
    ),
    ("context", {"context": {"radius": "1 km"}}, {"context": {"radius": "2 km"}}),
    ("returnDuty", {"returnDuty": {"format": "text/csv"}}, {"returnDuty": {"format": "application/json"}}),
    ("location", {"location": {"storage": ["FR"]}}, {"location": {"storage": ["GB"]}}),
    ("location", {"location": {"processing": ["FR"]}}, {"location": {"processing": ["GB"]}}),
    ("frequency", {"frequency": {"max": 1, "per": "P10Y"}}, {"frequency": {"max": 1}}),
    ("frequency", {"frequency": {"max": 1, "per": "P1M"}}, {"frequency": {"max": 5, "per": "P1Y"}}),
    ("retention", {"retention": [kept("P1Y", kind="archive")]}, {"retention": [kept("P2Y")]}),
    ("retention", {"retention": [kept("P1Y", "purposeEnd")]}, {"retention": [kept("P2Y", "relationshipEnd")]}),
    ("recipient", {"recipient": {"thirdParties": ["x"]}}, {}),
    ("channel", {}, {"channel": ["wallet-inbox"]}),
    ("window", {}, {"window": {"notBefore": "2026-01-01"}}),
]


@pytest.mark.parametrize(("field", "asked", "allowed"), NOT_WITHIN)
def test_what_asks_for_more_or_cannot_be_compared_is_not_within(
    field: str, asked: dict[str, Any], allowed: dict[str, Any]
) -> None:
    assert field in excess(grant(**asked), grant(**allowed))


CEILING = [
    grant(gid="car", data=[{"dataClass": PD + "CarOwned"}], mode="copy", retention=[kept("P2Y")]),
    grant(gid="credit", data=[{"dataClass": PD + "CreditCapacity"}], mode="assert"),
]


def test_each_data_class_finds_the_entry_that_speaks_of_it() -> None:
    asked = grant(
        data=[claim("vehicle", "model"), {"vct": AFFORDABILITY, "path": ["at_least", "20000"]}], mode="assert"
    )
    assert ceiling_excess([asked], CEILING) == ()


def test_one_class_does_not_lend_its_width_to_another() -> None:
    asked = grant(data=[claim("vehicle", "model"), {"vct": AFFORDABILITY, "path": ["currency"]}], mode="copy")
    assert ceiling_excess([asked], CEILING) == ("g.mode",)


def test_a_parent_needs_every_class_below_it() -> None:
    asked = grant(data=[claim("vehicle")], mode="copy")
    assert ceiling_excess([asked], CEILING) == ()
    assert "g.data" in ceiling_excess([grant(data=[claim("buyer_name")])], CEILING)


def test_a_longer_period_than_the_ceiling_is_named() -> None:
    asked = grant(data=[claim("vehicle", "model")], mode="copy", retention=[kept("P5Y")])
    assert ceiling_excess([asked], CEILING) == ("g.retention",)


def test_an_empty_ceiling_covers_nothing() -> None:
    assert ceiling_excess([grant(data=[claim("vehicle", "model")])], []) == ("g.data",)
