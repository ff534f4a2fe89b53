"""The parts of a grant: data, how the person appears, recipients, keeping, times and the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Final, Self, TypeAlias

from didkit_py.encoding import Json, from_rfc3339
from didkit_py.errors import Malformed
from didkit_py.oid4vp import claims_path
from didkit_py.reading import Reader
from didkit_py.terms.period import Period

ClaimPath: TypeAlias = tuple[str | int | None, ...]

MAX_ITEMS: Final = 64  # data items, purposes or parties of one grant; the largest example has three
MAX_PATH: Final = 8
FORMS: Final = ("anonymous", "pairwise", "identified")  # weakest hold on the person first
PROPAGATIONS: Final = ("none", "processors", "listed")  # narrowest first
RETENTION_CLASSES: Final = ("immediate", "planning", "archive", "dispute", "legal")
STARTS: Final = ("disclosure", "purposeEnd", "relationshipEnd")
THENS: Final = ("erase", "anonymise", "keep")  # narrowest first
_DAY: Final = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_ANONYMOUS_CLAIMS: Final = ("anonymised", "aggregated", "pseudonymised")


def absent_left_out(members: Mapping[str, Json]) -> dict[str, Json]:
    """The members that are there; in our documents an absent member is left out, never null."""
    return {name: value for name, value in members.items() if value is not None}


def optional_list(texts: tuple[str, ...] | None) -> list[Json] | None:
    """The texts as JSON, None when absent."""
    return None if texts is None else list(texts)


def read_texts(read: Reader, name: str, *, at_least: int = 0, unique: bool = False) -> tuple[str, ...] | None:
    """An array of non-empty texts, None when absent."""
    if not read.has(name):
        return None
    found = read.texts(name, at_least=at_least, max_items=MAX_ITEMS)
    if unique and len(set(found)) != len(found):
        raise Malformed(f"{read.path(name)}: the same item twice")
    return found


def read_period(read: Reader, name: str) -> Period:
    """A period. Raises Malformed with the path."""
    try:
        return Period.parse(read.text(name, max_length=40))
    except Malformed as error:
        raise Malformed(f"{read.path(name)}: {error}", spec=error.spec) from error


def read_optional_period(read: Reader, name: str) -> Period | None:
    """A period, None when absent."""
    return read_period(read, name) if read.has(name) else None


def read_path(read: Reader, name: str) -> ClaimPath:
    """A claim path in DCQL notation: names, array places, null for all places."""
    return claims_path.read_path(read.items(name, at_least=1, max_items=MAX_PATH), at=read.path(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataItem:
    """Some data: a claim path of a type, or a data class (of one type, or below one path, where those are said)."""

    vct: str | None = None
    data_class: str | None = None
    path: ClaimPath | None = None
    necessity: str | None = None  # "required" or "optional"; absent asks for it as required

    @property
    def is_optional(self) -> bool:
        """Whether the person may leave it out."""
        return self.necessity == "optional"

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("vct", "dataClass", "path", "necessity"))
        path = read_path(read, "path") if read.has("path") else None
        vct, data_class = read.optional_text("vct"), read.optional_text("dataClass")
        if (vct is not None and path is not None) == (data_class is not None):
            raise Malformed(f"{read.at}: expected either vct and path, or dataClass")
        necessity = read.text("necessity", one_of=("required", "optional")) if read.has("necessity") else None
        return cls(vct=vct, data_class=data_class, path=path, necessity=necessity)

    def to_json(self) -> dict[str, Json]:
        path: Json = None if self.path is None else list(self.path)
        return absent_left_out(
            {"vct": self.vct, "dataClass": self.data_class, "path": path, "necessity": self.necessity}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectForm:
    """How the person appears. A pseudonym counts as pairwise, whatever it is called."""

    form: str = "anonymous"
    claim: str | None = None  # set only where the form is an object: what is promised about anonymity
    method: str | None = None
    min_group: int | None = None
    granularity: Mapping[str, str] | None = field(default=None, hash=False)
    reidentification: str | None = None
    linkable: bool | None = None
    attested_by: str | None = None

    @property
    def rank(self) -> int:
        """Place in FORMS."""
        return FORMS.index("pairwise" if self.claim == "pseudonymised" else self.form)

    @classmethod
    def read(cls, read: Reader, name: str) -> Self:
        if not isinstance(read.value(name), dict):
            return cls(form=read.text(name, one_of=FORMS))
        at = read.object(name)
        at.refuse_unknown(
            ("form", "claim", "method", "minGroup", "granularity", "reidentification", "linkable", "attestedBy")
        )
        granularity = at.optional_object("granularity")
        if at.has("reidentification"):
            at.text("reidentification", one_of=("prohibited",))
        return cls(
            form=at.text("form", one_of=("anonymous",)),
            claim=at.text("claim", one_of=_ANONYMOUS_CLAIMS),
            method=at.optional_text("method"),
            min_group=at.optional_integer("minGroup", minimum=2),
            granularity=None if granularity is None else {key: granularity.text(key) for key in granularity.members},
            reidentification=at.optional_text("reidentification"),
            linkable=at.flag("linkable") if at.has("linkable") else None,
            attested_by=at.text("attestedBy"),
        )

    def to_json(self) -> Json:
        if self.claim is None:
            return self.form
        return absent_left_out(
            {
                "form": self.form,
                "claim": self.claim,
                "method": self.method,
                "minGroup": self.min_group,
                "granularity": None if self.granularity is None else dict(self.granularity),
                "reidentification": self.reidentification,
                "linkable": self.linkable,
                "attestedBy": self.attested_by,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who may see the data."""

    controller: bool | None = None
    processors: tuple[str, ...] | None = None
    third_parties: tuple[str, ...] | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("controller", "processors", "thirdParties"))
        return cls(
            controller=read.flag("controller") if read.has("controller") else None,
            processors=read_texts(read, "processors"),
            third_parties=read_texts(read, "thirdParties"),
        )

    def to_json(self) -> dict[str, Json]:
        return absent_left_out(
            {
                "controller": self.controller,
                "processors": optional_list(self.processors),
                "thirdParties": optional_list(self.third_parties),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """How far the data may travel onward, and by which clauses more may happen."""

    value: str = "none"
    exceptions: tuple[str, ...] | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("value", "exceptions"))
        return cls(value=read.text("value", one_of=PROPAGATIONS), exceptions=read_texts(read, "exceptions"))

    def to_json(self) -> dict[str, Json]:
        return absent_left_out({"value": self.value, "exceptions": optional_list(self.exceptions)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long one class of keeping lasts, from when, and what follows."""

    retention_class: str
    period: Period
    start: str | None = None  # absent: from the moment of disclosure, the narrowest reading
    then: str

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("class", "period", "from", "then"))
        return cls(
            retention_class=read.text("class", one_of=RETENTION_CLASSES),
            period=read_period(read, "period"),
            start=read.text("from", one_of=STARTS) if read.has("from") else None,
            then=read.text("then", one_of=THENS),
        )

    def to_json(self) -> dict[str, Json]:
        return absent_left_out(
            {"class": self.retention_class, "period": self.period.text, "from": self.start, "then": self.then}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When the grant may be used; a date alone means the whole day in UTC."""

    not_before: str | None = None
    not_after: str | None = None
    data_not_after: str | None = None
    months: tuple[int, ...] | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("notBefore", "notAfter", "dataNotAfter", "months"))
        for name in ("notBefore", "notAfter", "dataNotAfter"):
            if not read.has(name):
                continue
            try:
                moment_of(read.text(name, max_length=40), end=False)
            except Malformed as error:
                raise Malformed(f"{read.path(name)}: expected a date, or a date and time with an offset") from error
        return cls(
            not_before=read.optional_text("notBefore"),
            not_after=read.optional_text("notAfter"),
            data_not_after=read.optional_text("dataNotAfter"),
            months=_months(read) if read.has("months") else None,
        )

    def to_json(self) -> dict[str, Json]:
        return absent_left_out(
            {
                "notBefore": self.not_before,
                "notAfter": self.not_after,
                "dataNotAfter": self.data_not_after,
                "months": None if self.months is None else list(self.months),
            }
        )


def _months(read: Reader) -> tuple[int, ...]:
    months: list[int] = []
    for month in read.items("months", max_items=12):
        if type(month) is not int or not 1 <= month <= 12:  # noqa: PLR2004 - the months of a year
            raise Malformed(f"{read.path('months')}: expected numbers from 1 to 12")
        months.append(month)
    return tuple(months)


def moment_of(text: str, *, end: bool) -> datetime:
    """The first (or, with `end`, the last) moment that a date or date and time names. Raises Malformed."""
    if "T" in text:
        return from_rfc3339(text)
    if not _DAY.match(text):
        raise Malformed("expected a date", spec="RFC 3339, 5.6")
    moment = from_rfc3339(f"{text}T00:00:00Z")
    return datetime.combine(moment.date(), time.max, tzinfo=UTC) if end else moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often; without `per`, ever."""

    maximum: int
    per: Period | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("max", "per"))
        return cls(maximum=read.integer("max", minimum=1), per=read_optional_period(read, "per"))

    def to_json(self) -> dict[str, Json]:
        return absent_left_out({"max": self.maximum, "per": None if self.per is None else self.per.text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What is paid, and by whom; for information."""

    amount: str
    currency: str
    payer: str

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("amount", "currency", "payer"))
        return cls(
            amount=read.text("amount"),
            currency=read.text("currency"),
            payer=read.text("payer", one_of=("recipient", "person")),
        )

    def to_json(self) -> dict[str, Json]:
        return {"amount": self.amount, "currency": self.currency, "payer": self.payer}


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where the data may be stored and processed (country codes)."""

    storage: tuple[str, ...] | None = None
    processing: tuple[str, ...] | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("storage", "processing"))
        return cls(storage=read_texts(read, "storage"), processing=read_texts(read, "processing"))

    def to_json(self) -> dict[str, Json]:
        return absent_left_out({"storage": optional_list(self.storage), "processing": optional_list(self.processing)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The person confirms again after each period; silence withdraws."""

    period: Period

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("period", "mode", "onLapse"))
        read.text("mode", one_of=("confirm",))
        read.text("onLapse", one_of=("withdraw",))
        return cls(period=read_period(read, "period"))

    def to_json(self) -> dict[str, Json]:
        return {"period": self.period.text, "mode": "confirm", "onLapse": "withdraw"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDuty:
    """Data given back to the person: in which format and how soon."""

    data_format: str | None = None
    within: Period | None = None

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("format", "within"))
        return cls(data_format=read.optional_text("format"), within=read_optional_period(read, "within"))

    def to_json(self) -> dict[str, Json]:
        return absent_left_out(
            {"format": self.data_format, "within": None if self.within is None else self.within.text}
        )
