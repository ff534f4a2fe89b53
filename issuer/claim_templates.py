"""What this issuer can say: which claim types it offers, and how the columns of its own lists become their values."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import ClaimTemplate, template_named
from didkit_py.encoding import Json
from didkit_py.localization import Phrase, Text, phrase

CURRENCY: Final = "GBP"
LARGEST_AMOUNT: Final = 10_000_000  # pounds: more is a slip of the keyboard, not a car loan
_MEMBER: Final = re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9 ./-]{0,38}[A-Za-z0-9])?\Z")
# Digits, or digits in groups of three; pence only as two digits. "1.250,00" could mean two things and is refused.
_AMOUNT: Final = re.compile(r"\A(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{2})?\Z")
_NEGATIVE: Final = re.compile(r"\A\(.*\)\Z|\A[-\u2212].*|.*-\Z")  # -5, 5- and (5) are how ledgers write it


class BadField(Exception):  # noqa: N818 - becomes a line of the import's report
    """A field of a row cannot be used; the reason never quotes it."""

    def __init__(self, column: str, reason: Phrase) -> None:
        super().__init__(reason.key)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that a list may have, under any of its names."""

    name: str
    also: tuple[str, ...] = ()
    required: bool = True
    holds: Text = ""  # in a few words
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLayout:
    """How rows of a list become values of one claim type."""

    type_name: str
    title: Phrase  # what the list holds, for people
    columns: tuple[Column, ...]
    member_column: str
    name_column: str
    values: Callable[[Mapping[str, str]], dict[str, Json]]  # raises BadField


def offered_types(names: Sequence[str]) -> Mapping[str, ClaimTemplate]:
    """The templates of these names. Raises BadTemplate for one that is not there."""
    return MappingProxyType({name: template_named(name) for name in names})


def read_member(text: str, *, column: str) -> str:
    """The number under which the issuer knows the person. Raises BadField."""
    if not text:
        raise BadField(column, phrase("issuer.row.empty-member"))
    if not _MEMBER.match(text):
        raise BadField(column, phrase("issuer.row.no-member-sign"))
    return text


def read_currency(text: str, *, column: str) -> str:
    """The one currency of the ladder. Raises BadField."""
    if not text:
        raise BadField(column, phrase("issuer.row.empty-currency", currency=CURRENCY))
    if text.upper() != CURRENCY:
        raise BadField(column, phrase("issuer.row.other-currency", currency=CURRENCY))
    return CURRENCY


def read_amount(text: str, *, column: str) -> Decimal:
    """Pounds and pence, more than nothing; `£` and thousands separators are accepted. Raises BadField."""
    plain = re.sub(r"[£\s]", "", text)
    if not plain:
        raise BadField(column, phrase("issuer.row.empty"))
    if _NEGATIVE.match(plain):
        raise BadField(column, phrase("issuer.row.negative"))
    try:
        amount = Decimal(plain.replace(",", "")) if _AMOUNT.match(plain) else None
    except InvalidOperation:  # pragma: no cover - the pattern above lets only numbers pass
        amount = None
    if amount is None:
        raise BadField(column, phrase("issuer.row.no-amount"))
    if not amount:
        raise BadField(column, phrase("issuer.row.zero"))
    if amount > LARGEST_AMOUNT:
        raise BadField(column, phrase("issuer.row.above", most=LARGEST_AMOUNT))
    return amount


def _affordability(row: Mapping[str, str]) -> dict[str, Json]:
    """The steps of the ladder; the amount ends here."""
    currency = read_currency(row["currency"], column="currency")
    amount = read_amount(row["pre_qualified_amount"], column="pre_qualified_amount")
    return {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": currency,
        "basis": "pre-qualified-credit",
        **ladder_claims(amount, template_named("affordability-range")),
    }


LAYOUTS: Final[Mapping[str, ListLayout]] = MappingProxyType(
    {
        layout.type_name: layout
        for layout in (
            ListLayout(
                type_name="affordability-range",
                title=phrase("issuer.list.affordability"),
                columns=(
                    Column(
                        name="member_number",
                        also=("member", "member no", "member id"),
                        holds=phrase("issuer.column.member"),
                        example="100042",
                    ),
                    Column(
                        name="name",
                        also=("member name", "full name"),
                        required=False,
                        holds=phrase("issuer.column.name"),
                        example="Sally Example",
                    ),
                    Column(
                        name="pre_qualified_amount",
                        also=("amount", "pre-qualified amount", "limit"),
                        holds=phrase("issuer.column.amount"),
                        example="23250.00",
                    ),
                    Column(name="currency", also=("ccy",), holds="GBP", example="GBP"),
                ),
                member_column="member_number",
                name_column="name",
                values=_affordability,
            ),
        )
    }
)


def layout_for(names: Sequence[str]) -> ListLayout | None:
    """The list that an issuer of these types can import, if there is one."""
    return next((LAYOUTS[name] for name in names if name in LAYOUTS), None)
