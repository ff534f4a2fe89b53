"""Grants: what the schema allows is read, everything else is not, and what was read is written back."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from didkit_py.errors import Malformed
from didkit_py.terms.grant import Grant

HERE: Final = Path(__file__).parent
SCHEMA: Final = jsonschema_rs.validator_for(json.loads((HERE / "grant.schema.json").read_text()))
SEEDS: Final[list[dict[str, Any]]] = json.loads((HERE / "seed_grants.json").read_text())
FULL: Final[dict[str, Any]] = {
    "gid": "g-a",
    "data": [
        {"vct": "urn:x:1", "path": ["a", 0, None], "necessity": "required"},
        {"dataClass": "https://w3id.org/dpv/pd#CarOwned", "path": ["make"], "necessity": "optional"},
    ],
    "purpose": ["https://w3id.org/dpv#RequestedServiceProvision"],
    "not": ["https://w3id.org/dpv#DirectMarketing"],
    "subjectForm": "pairwise",
    "mode": "sandbox",
    "recipient": {"controller": True, "processors": [], "thirdParties": ["did:web:a.example"]},
    "propagation": {"value": "listed", "exceptions": []},
    "retention": [{"class": "planning", "period": "P1Y", "from": "relationshipEnd", "then": "erase"}],
    "window": {"notBefore": "2026-12-01", "notAfter": "2027-11-30T00:00:00Z", "months": [1, 12]},
    "frequency": {"max": 1, "per": "P1Y"},
    "channel": ["wallet-inbox"],
    "context": {"radius": "25 miles"},
    "price": {"amount": "12.50", "currency": "GBP", "payer": "recipient"},
    "location": {"storage": ["GB"], "processing": []},
    "legalBasis": "contract",
    "renewal": {"period": "P1Y", "mode": "confirm", "onLapse": "withdraw"},
    "returnDuty": {"format": "application/json", "within": "P30D"},
}
MINIMAL: Final[dict[str, Any]] = {"gid": "g", "purpose": ["urn:p"], "legalBasis": "consent"}
BAD: Final[dict[str, Any]] = {
    "no gid": {"purpose": ["urn:p"], "legalBasis": "consent"},
    "no purpose": {"gid": "g", "legalBasis": "consent"},
    "no legal basis": {"gid": "g", "purpose": ["urn:p"]},
    "empty purpose": MINIMAL | {"purpose": []},
    "doubled purpose": MINIMAL | {"purpose": ["urn:p", "urn:p"]},
    "unknown member": MINIMAL | {"notes": "x"},
    "gid with capitals": MINIMAL | {"gid": "G"},
    "gid too long": MINIMAL | {"gid": "g" * 33},
    "gid with a line end": MINIMAL | {"gid": "g\n"},
    "empty data": MINIMAL | {"data": []},
    "data with vct alone": MINIMAL | {"data": [{"vct": "urn:x"}]},
    "data with path alone": MINIMAL | {"data": [{"path": ["a"]}]},
    "data with both kinds": MINIMAL | {"data": [{"vct": "urn:x", "path": ["a"], "dataClass": "urn:c"}]},
    "data with an empty path": MINIMAL | {"data": [{"vct": "urn:x", "path": []}]},
    "path with a truth": MINIMAL | {"data": [{"vct": "urn:x", "path": [True]}]},
    "path with a fraction": MINIMAL | {"data": [{"vct": "urn:x", "path": [1.5]}]},
    "unknown necessity": MINIMAL | {"data": [{"dataClass": "urn:c", "necessity": "nice"}]},
    "unknown member of data": MINIMAL | {"data": [{"dataClass": "urn:c", "label": "x"}]},
    "doubled prohibition": MINIMAL | {"not": ["urn:n", "urn:n"]},
    "unknown form": MINIMAL | {"subjectForm": "masked"},
    "form object that is not anonymous": MINIMAL
    | {"subjectForm": {"form": "identified", "claim": "anonymised", "attestedBy": "self"}},
    "form object without attester": MINIMAL | {"subjectForm": {"form": "anonymous", "claim": "anonymised"}},
    "group of one": MINIMAL
    | {"subjectForm": {"form": "anonymous", "claim": "anonymised", "attestedBy": "self", "minGroup": 1}},
    "reidentification allowed": MINIMAL
    | {"subjectForm": {"form": "anonymous", "claim": "anonymised", "attestedBy": "s", "reidentification": "allowed"}},
    "unknown mode": MINIMAL | {"mode": "lend"},
    "recipient as a list": MINIMAL | {"recipient": ["did:web:a.example"]},
    "unknown member of recipient": MINIMAL | {"recipient": {"friends": []}},
    "controller as text": MINIMAL | {"recipient": {"controller": "yes"}},
    "propagation without value": MINIMAL | {"propagation": {"exceptions": []}},
    "unknown propagation": MINIMAL | {"propagation": {"value": "all"}},
    "unknown retention class": MINIMAL | {"retention": [{"class": "forever", "period": "P1Y", "then": "keep"}]},
    "retention without then": MINIMAL | {"retention": [{"class": "legal", "period": "P1Y"}]},
    "retention of no period": MINIMAL | {"retention": [{"class": "legal", "period": "1 year", "then": "erase"}]},
    "unknown start": MINIMAL | {"retention": [{"class": "legal", "period": "P1Y", "from": "now", "then": "erase"}]},
    "month thirteen": MINIMAL | {"window": {"months": [13]}},
    "frequency of none": MINIMAL | {"frequency": {"max": 0}},
    "frequency without max": MINIMAL | {"frequency": {"per": "P1Y"}},
    "frequency as text": MINIMAL | {"frequency": {"max": "1"}},
    "channel as text": MINIMAL | {"channel": "wallet-inbox"},
    "context as a list": MINIMAL | {"context": []},
    "price without payer": MINIMAL | {"price": {"amount": "1", "currency": "GBP"}},
    "unknown payer": MINIMAL | {"price": {"amount": "1", "currency": "GBP", "payer": "state"}},
    "unknown member of location": MINIMAL | {"location": {"backup": ["GB"]}},
    "unknown legal basis": MINIMAL | {"legalBasis": "interest"},
    "silent renewal": MINIMAL | {"renewal": {"period": "P1Y", "mode": "silent", "onLapse": "withdraw"}},
    "renewal without lapse": MINIMAL | {"renewal": {"period": "P1Y", "mode": "confirm"}},
    "null instead of absent": MINIMAL | {"data": None},
    "a list": [],
}


EMPTY: Final[dict[str, Any]] = MINIMAL | {
    "gid": "g-empty",
    "not": [],
    "recipient": {},
    "propagation": {"value": "none"},
    "retention": [],
    "window": {},
    "channel": [],
    "context": {},
    "location": {},
    "returnDuty": {},
}


@pytest.mark.parametrize("body", [FULL, MINIMAL, EMPTY, *SEEDS], ids=lambda body: str(body["gid"]))
def test_a_grant_that_the_schema_allows_is_read_and_written_back(body: dict[str, Any]) -> None:
    assert SCHEMA.is_valid(body)
    assert Grant.from_json(body).to_json() == body


@pytest.mark.parametrize("name", BAD)
def test_a_grant_that_the_schema_refuses_is_not_read(name: str) -> None:
    assert not SCHEMA.is_valid(BAD[name])
    with pytest.raises(Malformed, match="grant"):
        Grant.from_json(BAD[name])


@pytest.mark.parametrize(
    "change",
    [
        {"retention": [{"class": "legal", "period": "P1Banana", "then": "erase"}]},
        {"window": {"notAfter": "soon"}},
        {"renewal": {"period": "often", "mode": "confirm", "onLapse": "withdraw"}},
        {"returnDuty": {"within": "P1Y", "penalty": "none"}},
        {"gid": ""},
    ],
)
def test_what_the_schema_leaves_open_and_nobody_could_judge_is_not_read(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Grant.from_json(MINIMAL | change)


def test_the_six_permissions_of_the_story_are_there() -> None:
    assert [seed["gid"] for seed in SEEDS] == ["c52", "c71", "c85-survey", "c85-promotions", "c85-research", "c86"]
