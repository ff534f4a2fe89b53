"""The order of grants as laws: reflexive, transitive, and monotone in each field; with a control that must fail."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from didkit_py.terms import order
from didkit_py.terms.grant import Grant
from didkit_py.terms.order import MODES_ABOVE, ceiling_excess, excess

DPV: Final = "https://w3id.org/dpv#"
PD: Final = "https://w3id.org/dpv/pd#"
RECEIPT: Final = "urn:didkit-py:vct:digital-receipt:1"
PERIODS: Final = ("P1D", "P30D", "P1M", "P1Y", "P12M", "P2Y")
MODES: Final = ("assert", "sandbox", "access", "copy", "aggregate")
# Two grants drawn at random are seldom comparable. Each field has a few values, most of them in chains.
DATA: Final = (
    {"vct": RECEIPT, "path": ["vehicle"]},
    {"vct": RECEIPT, "path": ["vehicle", "model"]},
    {"vct": RECEIPT, "path": ["vehicle", "model"], "necessity": "optional"},
    {"vct": RECEIPT, "path": ["items", None]},
    {"vct": RECEIPT, "path": ["items", 0]},
    {"dataClass": PD + "CarOwned"},
    {"dataClass": PD + "Purchase"},
)
FORM: Final = {"form": "anonymous", "claim": "anonymised", "attestedBy": "did:web:a.example"}


def some(values: tuple[Any, ...], *, least: int = 0, most: int = 3) -> SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique_by=repr)


def retention() -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "class": st.sampled_from(("immediate", "planning")),
            "period": st.sampled_from(PERIODS),
            "then": st.sampled_from(("erase", "anonymise", "keep")),
        },
        optional={"from": st.sampled_from(("disclosure", "purposeEnd", "relationshipEnd"))},
    )


FIELDS: Final[dict[str, SearchStrategy[Any]]] = {
    "data": some(DATA, least=1),
    "not": some((DPV + "Marketing", DPV + "Advertising", DPV + "TargetedAdvertising")),
    "subjectForm": st.sampled_from(
        (
            "anonymous",
            "pairwise",
            "identified",
            FORM,
            FORM | {"minGroup": 5},
            FORM | {"minGroup": 50},
            FORM | {"linkable": False},
            FORM | {"granularity": {"space": "1 km"}},
            FORM | {"granularity": {"space": "500 m", "time": "PT1H"}},
            FORM | {"claim": "pseudonymised"},
            FORM | {"attestedBy": "self"},
        )
    ),
    "mode": st.sampled_from(MODES),
    "recipient": st.fixed_dictionaries(
        {}, optional={"controller": st.booleans(), "processors": some(("p", "q")), "thirdParties": some(("t",))}
    ),
    "propagation": st.fixed_dictionaries(
        {"value": st.sampled_from(("none", "processors", "listed"))}, optional={"exceptions": some(("x1", "x2"))}
    ),
    "retention": st.lists(retention(), max_size=2),
    "window": st.fixed_dictionaries(
        {},
        optional={
            "notBefore": st.sampled_from(("2026-01-01", "2026-06-01T00:00:00Z")),
            "notAfter": st.sampled_from(("2027-01-01", "2026-12-31")),
            "months": some((1, 6, 12)),
        },
    ),
    "frequency": st.fixed_dictionaries({"max": st.integers(1, 3)}, optional={"per": st.sampled_from(PERIODS)}),
    "channel": some(("wallet-inbox", "letter")),
    "context": st.sampled_from(({}, {"radius": "1 km"}, {"radius": "1 km", "event": "drive"})),
    "location": st.fixed_dictionaries({}, optional={"storage": some(("GB", "IE")), "processing": some(("GB",))}),
    "renewal": st.builds(
        lambda period: {"period": period, "mode": "confirm", "onLapse": "withdraw"}, st.sampled_from(PERIODS)
    ),
    "returnDuty": st.fixed_dictionaries(
        {}, optional={"format": st.sampled_from(("csv", "json")), "within": st.sampled_from(PERIODS)}
    ),
}
PURPOSES: Final = some(
    (DPV + "Marketing", DPV + "DirectMarketing", DPV + "Advertising", DPV + "TargetedAdvertising", "urn:p"), least=1
)


def bodies() -> SearchStrategy[dict[str, Any]]:
    fixed = {"gid": st.just("g"), "purpose": PURPOSES, "legalBasis": st.sampled_from(("contract", "consent"))}
    return st.fixed_dictionaries(fixed, optional=FIELDS)


GRANTS: Final = st.builds(Grant.from_json, bodies())


@st.composite
def pairs_in_one_field(draw: st.DrawFn) -> tuple[Grant, Grant]:
    """Two grants that differ in one field at most."""
    body, name = draw(bodies()), draw(st.sampled_from(("purpose", *FIELDS)))
    value = draw(PURPOSES if name == "purpose" else FIELDS[name])
    return Grant.from_json(body), Grant.from_json(body | {name: value})


@given(GRANTS)
@settings(deadline=None)
def test_a_grant_is_written_back_as_it_was_and_within_itself(one: Grant) -> None:
    assert Grant.from_json(one.to_json()) == one
    assert excess(one, one) == ()


@given(st.sampled_from(sorted(FIELDS)), st.data())
@settings(max_examples=600, deadline=None)
def test_the_order_is_transitive_in_each_field(name: str, draw: st.DataObject) -> None:
    """Fields are judged apart, so a chain in one field at a time covers chains in all, and such chains are common."""
    base = {"gid": "g", "purpose": ["urn:p"], "legalBasis": "contract"}
    values = st.one_of(st.just({}), FIELDS[name].map(lambda value: {name: value}))
    a, b, c = (Grant.from_json(base | draw.draw(values)) for _ in range(3))
    if not excess(a, b) and not excess(b, c):
        assert excess(a, c) == ()


@given(pairs_in_one_field(), GRANTS)
@settings(max_examples=600, deadline=None)
def test_narrowing_keeps_a_covered_grant_covered_and_widening_an_uncovered_one_uncovered(
    pair: tuple[Grant, Grant], allowed: Grant
) -> None:
    for narrow, wide in (pair, pair[::-1]):
        if not excess(narrow, wide):
            assert set(excess(narrow, allowed)) <= set(excess(wide, allowed))
            assert set(excess(allowed, wide)) <= set(excess(allowed, narrow))


@given(GRANTS, st.lists(GRANTS, max_size=2))
@settings(deadline=None)
def test_a_ceiling_covers_what_equals_one_of_its_entries_and_nothing_when_it_is_empty(
    one: Grant, others: list[Grant]
) -> None:
    assert ceiling_excess([one], [*others, one]) == ()
    assert ceiling_excess([one], []) != ()


def test_the_laws_catch_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with copy within aggregate, aggregate within copy and so all modes mix; transitivity must break."""
    planted = {**MODES_ABOVE, "copy": MODES_ABOVE["copy"] | {"aggregate"}}
    monkeypatch.setattr(order, "MODES_ABOVE", planted)
    base = {"gid": "g", "purpose": ["urn:p"], "legalBasis": "contract"}
    broken = [
        (a, b, c)
        for a in MODES
        for b in MODES
        for c in MODES
        if not _beyond(base, a, b) and not _beyond(base, b, c) and _beyond(base, a, c)
    ]
    assert ("assert", "copy", "aggregate") in broken


def test_without_the_planted_fault_all_chains_of_modes_hold() -> None:
    base = {"gid": "g", "purpose": ["urn:p"], "legalBasis": "contract"}
    for a in MODES:
        for b in MODES:
            for c in MODES:
                if not _beyond(base, a, b) and not _beyond(base, b, c):
                    assert not _beyond(base, a, c)


def _beyond(base: dict[str, Any], asked: str, allowed: str) -> tuple[str, ...]:
    return excess(Grant.from_json(base | {"mode": asked}), Grant.from_json(base | {"mode": allowed}))
