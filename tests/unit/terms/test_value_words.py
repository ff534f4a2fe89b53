"""Values as people read them: money with its sign, members by their names, nothing that only computers read."""

from typing import Any

import pytest

from didkit_py.consent.value_words import plain, value_text
from tests.wording import english


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ({"min": 20_000, "max": 25_000}, "GBP", "£20,000 to £25,000"),
        ({"min": 20_000, "max": 25_000}, "EUR", "€20,000 to €25,000"),
        ({"min": 20_000, "max": 25_000}, "USD", "$20,000 to $25,000"),
        ({"min": 20_000, "max": 25_000}, "CHF", "CHF 20,000 to CHF 25,000"),
        ({"min": 20_000, "max": 25_000}, "", "20,000 to 25,000"),
        ({"min": "few", "max": "many"}, "GBP", "£few to £many"),
        ({"min": 5, "max": None}, "CHF", "CHF 5 or more"),
        ({"min": 5}, "GBP", "min: 5"),
        ({"min": 5, "max": 7, "step": 1}, "GBP", "min: 5; max: 7; step: 1"),
        (
            {"credit_line": {"min": 5, "max": 7}, "since": "2026-02-01"},
            "GBP",
            "credit line: £5 to £7; since: 1 February 2026",
        ),
        ([{"min": 5, "max": 7}, {"min": 8, "max": None}], "GBP", "£5 to £7, £8 or more"),
        (None, "", "none"),
        ([True, None, 7, "x"], "", "yes, none, 7, x"),
    ],
)
def test_an_amount_has_the_sign_of_its_currency_at_any_depth(value: Any, currency: str, text: str) -> None:
    assert english(value_text(value, currency=currency)) == text


@pytest.mark.parametrize(
    "value",
    [
        "urn:didkit-py:vct:contact:1",
        "did:web:dealer.example",
        "sha-256;" + "A" * 43,
        "ni:///sha-256;" + "A" * 43,
        ["did:web:dealer.example", "did:web:bob.example"],
        [["urn:x:1", "a"], "b"],
    ],
)
def test_identifiers_and_digests_are_not_spelled_out_to_a_person(value: Any) -> None:
    assert english(plain(value_text(value))) == "a mark for computers"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ann's", "Ann's"),
        ("on the did: side", "on the did: side"),
        (7, "7"),
        (True, "yes"),
        ("2026-02-01", "1 February 2026"),
        (["motor", "did:web:x"], "motor, did:web:x"),
        ({"kind": "urn:x"}, "kind: urn:x"),
        ({"min": 5, "max": None}, "5 or more"),
        ([7, "x"], "7, x"),
    ],
)
def test_everything_else_is_shown_as_it_is(value: Any, text: str) -> None:
    assert english(plain(value_text(value))) == text
