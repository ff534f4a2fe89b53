"""Values as people read them: data as it is, or phrases of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from didkit_py.encoding import Json
from didkit_py.localization import Phrase, Text, day, listed, phrase

_CURRENCIES: Final = {"GBP": "£", "EUR": "€", "USD": "$"}
_FOR_COMPUTERS: Final = ("urn:", "sha-256;", "ni:", "did:")


def value_text(value: Json, *, currency: str = "") -> Text:
    """A value as people read it: yes and no, days by their names, ranges of money with their sign."""
    if isinstance(value, bool):
        return phrase("value.yes") if value else phrase("value.no")
    if isinstance(value, list):
        return listed([value_text(one, currency=currency) for one in value])
    if isinstance(value, dict):
        return _object_text(value, currency)
    return day_text(value) if isinstance(value, str) else phrase("value.none") if value is None else str(value)


def _object_text(value: Mapping[str, Json], currency: str) -> Text:
    if value.keys() == {"min", "max"}:
        low, high = (_money(value[end], currency) for end in ("min", "max"))
        return phrase("value.at-least", low=low) if value["max"] is None else phrase("value.range", low=low, high=high)
    members = [
        phrase("value.member", name=name.replace("_", " "), value=value_text(one, currency=currency))
        for name, one in value.items()
    ]
    return listed(members, by="semicolon")


def _money(amount: Json, currency: str) -> Text:
    sign = _CURRENCIES.get(currency, f"{currency} " if currency else "")
    if isinstance(amount, int):
        return phrase("value.money", sign=sign, amount=amount)
    return phrase("value.money-text", sign=sign, amount=value_text(amount))


def day_text(text: str) -> Text:
    """`2026-11-21` as `21 November 2026`; anything else as it is."""
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def plain(value: Text) -> Text:
    """A value as a page shows it; identifiers and digests tell a person nothing."""
    first: str | int | Phrase = value
    while isinstance(first, Phrase) and first.key.startswith("list."):
        first = dict(first.values)["first"]
    return phrase("value.for-computers") if isinstance(first, str) and first.startswith(_FOR_COMPUTERS) else value
