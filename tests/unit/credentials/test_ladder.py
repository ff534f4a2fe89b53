"""From an amount to a ladder: every step answered, no amount left."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.errors import BadTemplate

LADDER = template_named("affordability-range")
ALWAYS = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP", "basis": "savings"}


@pytest.mark.parametrize(
    ("amount", "reached", "low", "high"),
    [
        ("0", 0, 0, 5_000),
        ("4999.99", 0, 0, 5_000),
        ("5000", 1, 5_000, 10_000),
        ("23456.78", 4, 20_000, 25_000),
        ("50000", 8, 50_000, None),
        ("1000000", 8, 50_000, None),
    ],
)
def test_an_amount_becomes_steps_and_a_range(amount: str, reached: int, low: int, high: int | None) -> None:
    claims = ladder_claims(Decimal(amount), LADDER)
    steps = claims["at_least"]
    assert isinstance(steps, dict)
    assert list(steps) == ["5000", "10000", "15000", "20000", "25000", "30000", "40000", "50000"]
    assert list(steps.values()) == [True] * reached + [False] * (8 - reached)
    assert claims["range"] == {"min": low, "max": high}


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_every_amount_gives_values_that_the_type_accepts(amount: Decimal) -> None:
    LADDER.require_values({**ALWAYS, **ladder_claims(amount, LADDER)})


def test_the_amount_itself_does_not_survive() -> None:
    assert "23456" not in json.dumps(ladder_claims(Decimal("23456.78"), LADDER))


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(BadTemplate):
        ladder_claims(Decimal(amount), LADDER)


def test_a_type_without_a_ladder_is_refused() -> None:
    with pytest.raises(BadTemplate):
        ladder_claims(Decimal(1), template_named("contact"))
