"""Retention: until when a vendor may keep what it was shown, by what was accepted."""

from datetime import timedelta
from typing import Final

import pytest

from didkit_py.records.retention import IMMEDIATE_USE, kept_until, leaves, of_use
from didkit_py.terms.grant_parts import Retention
from didkit_py.terms.period import Period
from tests.cast import NOW

LEFT: Final = NOW + timedelta(days=100)


def kept(period: str, *, then: str = "erase", start: str | None = None, kind: str = "planning") -> Retention:
    return Retention(retention_class=kind, period=Period.parse(period), start=start, then=then)


@pytest.mark.parametrize(
    ("promised", "has_left", "end"),
    [
        ([kept("P30D")], False, NOW + timedelta(days=30)),
        ([kept("P30D")], True, NOW + timedelta(days=30)),
        ([kept("P30D", start="purposeEnd")], True, NOW + timedelta(days=30)),
        ([kept("P30D", start="relationshipEnd")], True, LEFT + timedelta(days=30)),
        ([kept("P30D", start="relationshipEnd")], False, None),
        ([kept("P30D", then="anonymise")], False, NOW + timedelta(days=30)),
        ([kept("P30D", then="keep")], False, None),
        ([kept("P30D", then="keep")], True, None),
        ([kept("P30D", start="relationshipEnd", then="keep")], True, None),
        ([kept("P30D"), kept("P60D")], False, NOW + timedelta(days=60)),
        ([kept("P60D"), kept("P30D")], False, NOW + timedelta(days=60)),
        ([kept("P30D"), kept("P60D", then="keep")], False, None),
        ([], True, NOW + IMMEDIATE_USE),
    ],
)
def test_what_was_shown_goes_at_the_end_of_the_longest_promise_about_it(
    promised: list[Retention], end: object, *, has_left: bool
) -> None:
    ended = {"g-a": LEFT} if has_left else {}
    assert kept_until(["g-a"], {"g-a": promised}, shown_at=NOW, ended=ended) == end


def test_the_longest_of_several_grants_keeps_a_claim_and_each_ends_by_itself() -> None:
    retention = {"g-a": [kept("P30D")], "g-b": [kept("P1D", start="relationshipEnd")]}
    assert kept_until(["g-a", "g-b"], retention, shown_at=NOW, ended={"g-b": LEFT}) == LEFT + timedelta(days=1)
    assert kept_until(["g-a", "g-b"], retention, shown_at=NOW, ended={"g-a": LEFT}) is None
    assert kept_until(["g-a"], retention, shown_at=NOW, ended={}) == NOW + timedelta(days=30)


def test_without_a_grant_it_is_kept_for_immediate_use_alone() -> None:
    assert kept_until([], {"g-a": [kept("P30D")]}, shown_at=NOW, ended={}) == NOW + timedelta(days=1)


def test_classes_of_mere_keeping_count_only_where_no_class_of_use_was_promised() -> None:
    use, archive = kept("P30D", kind="immediate"), kept("P9Y", kind="archive")
    assert of_use([archive, use, kept("P1Y", kind="planning")]) == [use, kept("P1Y", kind="planning")]
    assert of_use([archive, kept("P6Y", kind="legal")]) == [archive, kept("P6Y", kind="legal")]


def test_a_claim_is_listed_by_its_single_values_and_an_array_once_for_all_places() -> None:
    value = {"model": "Dart", "items": [{"name": "a"}, {"name": "b", "size": 1}], "empty": {}}
    assert list(leaves(value, ("vehicle",))) == [  # type: ignore[arg-type] # JSON
        ("vehicle", "model"),
        ("vehicle", "items", None, "name"),
        ("vehicle", "items", None, "size"),
    ]
