"""Period: an ISO 8601 duration such as `P1Y` or `PT72H`, comparable with any other, and said as a phrase."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import total_ordering
from typing import Final, Self

from didkit_py.errors import Malformed
from didkit_py.localization import Text, enumerated, phrase

MAX_YEARS: Final = 100  # more than any contract needs; added to a moment of our days it stays inside the calendar
_SHAPE: Final = re.compile(
    r"\AP(?=[0-9T])(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,9})S)?)?\Z",
    re.ASCII,
)
# Two periods must always be comparable, so a month has one length: the twelfth part of the mean year of the calendar.
_SECONDS: Final = {
    "years": 31_556_952,
    "months": 2_629_746,
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """How long something lasts; equal when equally long, so that P1Y is P12M."""

    text: str
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ISO 8601 duration of at most MAX_YEARS. Raises Malformed."""
        found = _SHAPE.match(text)
        if found is None or text.endswith(("P", "T")):
            raise Malformed("expected a period such as P30D, P1Y or PT72H", spec="ISO 8601")
        parts = {name: int(number) for name, number in found.groupdict(default="0").items()}
        seconds = sum(_SECONDS[name] * number for name, number in parts.items())
        if seconds > MAX_YEARS * _SECONDS["years"]:
            raise Malformed(f"expected a period of at most {MAX_YEARS} years")
        return cls(text, seconds)

    @property
    def length(self) -> timedelta:
        """The same as a time span."""
        return timedelta(seconds=self.seconds)

    def words(self) -> Text:
        """The period as people say it: `1 year`, `2 years and 6 months`, `72 hours`."""
        found = _SHAPE.match(self.text)
        numbers = {} if found is None else found.groupdict(default="0")
        said = [phrase(f"period.{name}", count=int(number)) for name, number in numbers.items() if int(number)]
        return enumerated(said) if said else phrase("period.none")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Period) and self.seconds == other.seconds

    def __lt__(self, other: Period) -> bool:
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)
