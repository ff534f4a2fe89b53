"""The person's words: days, and what a document says, item by item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.consent.value_words import value_text
from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json
from didkit_py.oid4vp.dcql import select_values

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
EXPIRES_SOON: Final = timedelta(days=7)
FEW_COPIES: Final = 2
# What every document says about itself; it is no news about the person.
ABOUT_ITSELF: Final = frozenset({"iss", "iat", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "_sd_alg", "sub"})


def day(moment: datetime | None) -> str:
    """`21 November 2026`."""
    return "" if moment is None else f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def clock_time(moment: datetime | None) -> str:
    """`21 November 2026, 10:02 UTC`."""
    return "" if moment is None else f"{day(moment)}, {moment:%H:%M} UTC"


def age(time: timedelta) -> str:
    """`less than a minute`, `5 minutes`, `1 hour`, `3 days`."""
    seconds = int(time.total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "less than a minute"


def copies(count: int) -> str:
    """`1 copy`, `3 copies`."""
    return f"{count} copy" if count == 1 else f"{count} copies"


def plain(value: object) -> str:
    """A value as a page shows it; identifiers and digests tell a person nothing."""
    text = str(value)
    return "a mark for computers" if text.startswith(("urn:", "sha-256;", "ni:", "did:")) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that a document says."""

    label: str
    value: str = field(repr=False)
    always: bool  # shown whenever the document is


def what_it_says(vct: str, claims: Mapping[str, Json]) -> list[Said]:
    """Every claim of a document by its label, in the order of its type."""
    template = template_of(vct)
    if template is None:
        shown = {name: value for name, value in claims.items() if name not in ABOUT_ITSELF}
        return [Said(label=name, value=value_text(value), always=False) for name, value in shown.items()]
    currency = str(claims.get("currency", ""))
    return [
        Said(label=spec.label, value=value_text(value, currency=currency), always=not spec.hidden)
        for spec in template.claims
        for value in select_values(claims, spec.path)
    ]
