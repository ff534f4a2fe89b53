"""What a document says, item by item, and how long ago something was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from didkit_py.consent.value_words import value_text
from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json
from didkit_py.localization import Text, phrase
from didkit_py.oid4vp.dcql import select_values

EXPIRES_SOON: Final = timedelta(days=7)
FEW_COPIES: Final = 2
# What every document says about itself; it is no news about the person.
ABOUT_ITSELF: Final = frozenset({"iss", "iat", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "_sd_alg", "sub"})


def age(time: timedelta) -> Text:
    """`less than a minute`, `5 minutes`, `1 hour`, `3 days`."""
    seconds = int(time.total_seconds())
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= size:
            return phrase(f"period.{name}", count=seconds // size)
    return phrase("period.less-than-minute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that a document says."""

    label: str
    value: Text = field(repr=False)
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
