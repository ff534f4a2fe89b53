"""Periods: ISO 8601 durations that can be compared and said."""

import pytest

from didkit_py.errors import Malformed
from didkit_py.localization import in_english
from didkit_py.terms.period import Period


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P30D", 2_592_000), ("PT72H", 259_200), ("P1W", 604_800), ("P1DT1H1M1S", 90_061), ("P0D", 0)],
)
def test_a_period_of_fixed_units_has_its_seconds(text: str, seconds: int) -> None:
    assert Period.parse(text).seconds == seconds


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1Y", "P1H", "PT1D", "P-1D", "P1Y2", "p1y", "P1.5D", "P1YT", "P1D "]
)
def test_what_is_no_duration_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        Period.parse(text)


def test_a_year_is_twelve_months_and_longer_than_365_days() -> None:
    assert Period.parse("P1Y") == Period.parse("P12M")
    assert Period.parse("P1Y") > Period.parse("P365D")
    assert Period.parse("P1M") > Period.parse("P30D")
    assert Period.parse("P1M") < Period.parse("P31D")
    assert hash(Period.parse("P1Y")) == hash(Period.parse("P12M"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P1Y", "1 year"),
        ("P2Y6M", "2 years and 6 months"),
        ("PT72H", "72 hours"),
        ("P1Y1M1D", "1 year, 1 month and 1 day"),
        ("P0D", "no time at all"),
    ],
)
def test_a_period_is_said_as_people_say_it(text: str, words: str) -> None:
    assert in_english(Period.parse(text).words()) == words
