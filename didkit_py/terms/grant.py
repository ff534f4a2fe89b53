"""Grant: the one structure in which terms, promises, permissions and the person's own limits are written.

What a recipient may do is granted only by being said: data, purpose, mode, recipients, onward transfer and keeping are
not granted when absent. What holds a recipient back (prohibitions, window, frequency, channel, location, context,
renewal, return) is promised only by being said: absent, it holds nobody back. Both readings favour the person, who is
shown "not promised". `order.py` compares two grants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.reading import Reader
from didkit_py.terms.grant_parts import (
    MAX_ITEMS,
    DataItem,
    Frequency,
    Location,
    Price,
    Propagation,
    Recipient,
    Renewal,
    Retention,
    ReturnDuty,
    SubjectForm,
    Window,
    absent_left_out,
    optional_list,
    read_texts,
)

T = TypeVar("T")

MAX_GRANTS: Final = 32
MODES: Final = ("assert", "sandbox", "access", "copy", "aggregate")
LEGAL_BASES: Final = ("contract", "consent", "legalObligation")
_GID: Final = re.compile(r"\A[a-z0-9-]{1,32}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What may be done with which data, by whom, for what, for how long; None is an absent member."""

    gid: str
    purpose: tuple[str, ...]
    legal_basis: str
    data: tuple[DataItem, ...] | None = None
    prohibitions: tuple[str, ...] | None = None  # the member `not`
    subject_form: SubjectForm | None = None
    mode: str | None = None
    recipient: Recipient | None = None
    propagation: Propagation | None = None
    retention: tuple[Retention, ...] | None = None
    window: Window | None = None
    frequency: Frequency | None = None
    channel: tuple[str, ...] | None = None
    context: Mapping[str, Json] | None = field(default=None, hash=False)
    price: Price | None = None
    location: Location | None = None
    renewal: Renewal | None = None
    return_duty: ReturnDuty | None = None

    @classmethod
    def from_json(cls, body: Json, *, at: str = "grant") -> Self:
        """Read a grant; no member beyond the schema is accepted. Raises Malformed."""
        read = Reader(body, at=at)
        read.refuse_unknown(MEMBERS)
        gid = read.text("gid", max_length=32)
        if not _GID.match(gid):
            raise Malformed(f"{read.path('gid')}: expected lower-case letters, digits and hyphens")
        return cls(
            gid=gid,
            purpose=read_texts(read, "purpose", at_least=1, unique=True) or read.texts("purpose"),
            legal_basis=read.text("legalBasis", one_of=LEGAL_BASES),
            data=_objects(read, "data", DataItem.from_reader, at_least=1),
            prohibitions=read_texts(read, "not", unique=True),
            subject_form=SubjectForm.read(read, "subjectForm") if read.has("subjectForm") else None,
            mode=read.text("mode", one_of=MODES) if read.has("mode") else None,
            recipient=_object(read, "recipient", Recipient.from_reader),
            propagation=_object(read, "propagation", Propagation.from_reader),
            retention=_objects(read, "retention", Retention.from_reader),
            window=_object(read, "window", Window.from_reader),
            frequency=_object(read, "frequency", Frequency.from_reader),
            channel=read_texts(read, "channel"),
            context=dict(read.mapping("context")) if read.has("context") else None,
            price=_object(read, "price", Price.from_reader),
            location=_object(read, "location", Location.from_reader),
            renewal=_object(read, "renewal", Renewal.from_reader),
            return_duty=_object(read, "returnDuty", ReturnDuty.from_reader),
        )

    def to_json(self) -> dict[str, Json]:
        """The grant as it was read."""
        return absent_left_out(
            {
                "gid": self.gid,
                "data": None if self.data is None else [item.to_json() for item in self.data],
                "purpose": list(self.purpose),
                "not": optional_list(self.prohibitions),
                "subjectForm": None if self.subject_form is None else self.subject_form.to_json(),
                "mode": self.mode,
                "recipient": None if self.recipient is None else self.recipient.to_json(),
                "propagation": None if self.propagation is None else self.propagation.to_json(),
                "retention": None if self.retention is None else [one.to_json() for one in self.retention],
                "window": None if self.window is None else self.window.to_json(),
                "frequency": None if self.frequency is None else self.frequency.to_json(),
                "channel": optional_list(self.channel),
                "context": None if self.context is None else dict(self.context),
                "price": None if self.price is None else self.price.to_json(),
                "location": None if self.location is None else self.location.to_json(),
                "legalBasis": self.legal_basis,
                "renewal": None if self.renewal is None else self.renewal.to_json(),
                "returnDuty": None if self.return_duty is None else self.return_duty.to_json(),
            }
        )


MEMBERS: Final = (
    *("gid", "data", "purpose", "not", "subjectForm", "mode", "recipient", "propagation", "retention", "window"),
    *("frequency", "channel", "context", "price", "location", "legalBasis", "renewal", "returnDuty"),
)


def _object(read: Reader, name: str, make: Callable[[Reader], T]) -> T | None:
    return make(read.object(name)) if read.has(name) else None


def _objects(read: Reader, name: str, make: Callable[[Reader], T], *, at_least: int = 0) -> tuple[T, ...] | None:
    if not read.has(name):
        return None
    return tuple(make(one) for one in read.objects(name, at_least=at_least, max_items=MAX_ITEMS))


def read_grants(read: Reader, name: str, *, at_least: int = 1) -> tuple[Grant, ...]:
    """An array of grants, each with a `gid` of its own. Raises Malformed."""
    entries = read.objects(name, at_least=at_least, max_items=MAX_GRANTS)
    grants = tuple(Grant.from_json(one.members, at=one.at) for one in entries)
    if len({grant.gid for grant in grants}) != len(grants):
        raise Malformed(f"{read.path(name)}: the same gid twice")
    return grants
