"""The parts of a terms document: texts, lines of the label, duties, clauses, the regulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from didkit_py.errors import Malformed
from didkit_py.reading import Reader
from didkit_py.terms.grant_parts import read_period
from didkit_py.terms.period import Period

MAX_LABELS: Final = 12
MAX_SENTENCE: Final = 300  # characters of one line of the label
_DIGEST_LENGTH: Final = 51
DUTIES: Final = (*("breachNotice", "erasure", "access", "returnData", "audit", "confirmReceipt", "subProcessorNotice"),)


def read_digest(read: Reader, name: str) -> str:
    """A `sha-256;…` digest. Raises Malformed."""
    text = read.text(name, max_length=_DIGEST_LENGTH)
    if len(text) != _DIGEST_LENGTH or not text.startswith("sha-256;"):
        raise Malformed(f"{read.path(name)}: expected sha-256; and 43 characters of base64url", spec="RFC 6920, 3")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsLayer:
    """One text of the terms, fetched apart and known by its digest."""

    kind: str  # "human" or "lawyer"
    lang: str
    media_type: str
    digest: str
    href: str
    governing: bool = False

    @classmethod
    def from_reader(cls, read: Reader, *, kind: str) -> Self:
        read.refuse_unknown(("lang", "mediaType", "digest", "href", "governing"))
        return cls(
            kind=kind,
            lang=read.text("lang", max_length=35),
            media_type=read.text("mediaType", max_length=100),
            digest=read_digest(read, "digest"),
            href=read.url("href"),
            governing=read.flag("governing", default=False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One line of the short label: an icon's code, a sentence, and the rule that it tells."""

    icon: str
    text: str
    rule: str

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("icon", "text", "rule"))
        return cls(
            icon=read.text("icon", max_length=40),
            text=read.text("text", max_length=MAX_SENTENCE),
            rule=read.text("rule", max_length=80),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something that the vendor must do, and how soon."""

    rule: str
    duty: str
    within: Period | None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("rule", "duty", "within", "format"))
        return cls(
            rule=read.text("rule", max_length=80),
            duty=read.text("duty", one_of=DUTIES),
            within=read_period(read, "within") if read.has("within") else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Where a rule stands in the full text and, when it is shown, in the label."""

    rule: str
    clause: str
    label: int | None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("rule", "clause", "label"), nullable=("label",))
        label = None if read.value("label") is None else read.integer("label", maximum=MAX_LABELS)
        return cls(rule=read.text("rule", max_length=80), clause=read.text("clause", max_length=40), label=label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The regulator to whom a person can turn."""

    name: str
    contact: str
