"""The person's policy: safe by default, stored and read back, strict about what it does not know."""

from dataclasses import replace
from typing import Any

import pytest

from didkit_py.consent.policy import AFFORDABILITY, AUTHORIZED_DEALER, DEFAULT_POLICY, AllowRule, Criteria, Policy
from didkit_py.errors import Malformed
from didkit_py.terms.grant import Grant
from didkit_py.terms.period import Period


def test_a_policy_is_stored_and_read_back() -> None:
    policy = Policy(
        deny=frozenset({"did:web:bob.example"}),
        allow=(
            AllowRule(vendor="did:web:a.example", purposes=frozenset({"urn:p"}), vct="urn:t", paths=(("a", None, 1),)),
        ),
        criteria={AFFORDABILITY: Criteria(brands=frozenset({"Chryota"}))},
        own_terms=(Grant.from_json({"gid": "g", "purpose": ["urn:p"], "legalBasis": "consent"}),),
        threshold_cap=20_000,
        profile="strict",
        propagation="none",
    )
    assert Policy.from_json(policy.to_json()) == policy
    assert Policy.from_json(DEFAULT_POLICY.to_json()) == DEFAULT_POLICY
    assert Policy.from_json({}) == DEFAULT_POLICY


def test_the_default_asks_for_an_approved_dealer_and_keeps_no_archive() -> None:
    assert AUTHORIZED_DEALER in DEFAULT_POLICY.required_roles[AFFORDABILITY]
    assert "archive" not in DEFAULT_POLICY.retention_caps
    assert DEFAULT_POLICY.retention_caps["planning"] == Period.parse("P2Y")


@pytest.mark.parametrize(
    "body",
    [
        {"profile": "lax"},
        {"propagation": "all"},
        {"retention_caps": {"forever": "P1Y"}},
        {"retention_caps": {"legal": "long"}},
        {"allow": [{"vendor": "x"}]},
        {"threshold_cap": -1},
        {"unknown": True},
    ],
)
def test_what_is_no_policy_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Policy.from_json(body)


def test_a_denied_name_is_compared_without_case_and_outer_blanks() -> None:
    policy = DEFAULT_POLICY.denying("  Bob's  Chryota Ltd ")
    assert policy.denies(frozenset({"bob's chryota ltd"}))
    assert not policy.denies(frozenset({"bob"}))


@pytest.mark.parametrize(
    "name",
    [
        "Bоb’s Сhryota Ltd",
        "BОВ'S CHRYOTA LTD",
        "Ｂｏｂ＇ｓ Ｃｈｒｙｏｔａ Ｌｔｄ",
        "Bob`s  Chr\u0335yota\u200b Ltd",
        "B0b's Chryota Ltd",
    ],
)
def test_a_denied_or_stopped_name_is_known_under_letters_that_look_the_same(name: str) -> None:
    denying = DEFAULT_POLICY.denying("Bob's Chryota Ltd")
    stopping = replace(DEFAULT_POLICY, stop_notices=frozenset({"Bob's Chryota Ltd"}))
    assert denying.denies(frozenset({name}))
    assert stopping.stops(frozenset({name}))
    assert not denying.denies(frozenset({"Rob's Chryota Ltd", "did:web:bob.example"}))


@pytest.mark.parametrize("name", ["Bоb's Chryota Ltd", "bob's chryota ltd", "Bob's Chryota Ltd "])
def test_an_allow_rule_is_for_exactly_the_name_that_it_names(name: str) -> None:
    rule = AllowRule(vendor="Bob's Chryota Ltd", purposes=frozenset({"p"}), vct="v", paths=(("a",),))
    asked: dict[str, Any] = {"purposes": frozenset({"p"}), "vct": "v", "path": ("a",)}
    assert rule.matches(identifiers=frozenset({"Bob's Chryota Ltd"}), **asked)
    assert not rule.matches(identifiers=frozenset({name}), **asked)
