"""Values as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from didkit_py.encoding import Json

_CURRENCIES: Final = {"GBP": "£", "EUR": "€", "USD": "$"}
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def value_text(value: Json, *, currency: str = "") -> str:
    """A value as people read it: yes and no, days by their names, ranges of money with their sign."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value_text(one, currency=currency) for one in value)
    if isinstance(value, dict):
        return _object_text(value, currency)
    return day_text(value) if isinstance(value, str) else "none" if value is None else str(value)


def _object_text(value: Mapping[str, Json], currency: str) -> str:
    if value.keys() == {"min", "max"}:
        low, high = (_money(value[end], currency) for end in ("min", "max"))
        return f"{low} or more" if value["max"] is None else f"{low} to {high}"
    return "; ".join(f"{name.replace('_', ' ')}: {value_text(one, currency=currency)}" for name, one in value.items())


def _money(amount: Json, currency: str) -> str:
    sign = _CURRENCIES.get(currency, f"{currency} " if currency else "")
    return f"{sign}{amount:,}" if isinstance(amount, int) else f"{sign}{value_text(amount)}"


def day_text(text: str) -> str:
    """`2026-11-21` as `21 November 2026`; anything else as it is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
