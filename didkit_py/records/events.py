"""Events: what happens to a record later, each signed by its sender and chained to the one before.

The person withdraws or asks for erasure; the vendor acknowledges, or proves that it erased. The first event follows the
record itself, each later one the event before, whoever sent it, so that neither side can drop or reorder one unseen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from didkit_py.encoding import MAX_SKEW, Json, digest, rfc3339
from didkit_py.errors import BadAgreement, Malformed
from didkit_py.jose import KEY_HEADER, UnverifiedJws, parse_compact, sign_compact, verify_compact
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.reading import Reader
from didkit_py.records.record import AgreementRecord
from didkit_py.terms.document_parts import read_digest
from didkit_py.terms.grant_parts import RETENTION_CLASSES, ClaimPath, absent_left_out, read_path

TYP: Final = "agreement-event+jwt"
APPLIED: Final = "applied"
STOP_AND_ERASE: Final = "stop-and-erase"
MAX_REASON: Final = 500
_COMMON: Final = ("rel", "record", "seq", "prev", "event", "at")


class EventKind(StrEnum):
    """What an event says."""

    WITHDRAW = "withdraw"
    ERASE_REQUEST = "eraseRequest"
    ACKNOWLEDGE = "acknowledge"
    ERASE_PROOF = "eraseProof"


_BY_PERSON: Final = frozenset({EventKind.WITHDRAW, EventKind.ERASE_REQUEST})
_OWN: Final = {
    EventKind.WITHDRAW: ("gids", "effect", "reason"),
    EventKind.ERASE_REQUEST: ("paths", "all", "basis"),
    EventKind.ACKNOWLEDGE: ("of", "state"),
    EventKind.ERASE_PROOF: ("of", "state", "paths", "all", "residual"),
}
_ANSWERS: Final = frozenset({EventKind.ACKNOWLEDGE, EventKind.ERASE_PROOF})
_STATES: Final = {EventKind.ACKNOWLEDGE: ("received", APPLIED), EventKind.ERASE_PROOF: (APPLIED,)}
_NAMES_PATHS: Final = frozenset({EventKind.ERASE_REQUEST, EventKind.ERASE_PROOF})
MAX_RESIDUAL: Final = 8
MAX_CLAUSE: Final = 80
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})  # Unicode categories: they may forge a page
# Said of a record that is not there and of one that is somebody else's, so that no stranger learns which are there.
NOT_THEIRS: Final = "no record of this name was agreed with the key of this event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What a vendor says that it must keep in spite of an erasure: a class of storage, by which clause, until when."""

    storage: str
    clause: str
    until: datetime

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("class", "clause", "until"))
        clause = read.text("clause", max_length=MAX_CLAUSE)
        if any(unicodedata.category(one) in _UNSEEN for one in clause):
            raise Malformed(f"{read.path('clause')}: expected characters that can be seen")
        return cls(storage=read.text("class", one_of=RETENTION_CLASSES), clause=clause, until=read.rfc3339("until"))

    def to_json(self) -> dict[str, Json]:
        return {"class": self.storage, "clause": self.clause, "until": rfc3339(self.until)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEvent:
    """One event; members that its kind does not have are empty."""

    kind: EventKind
    rel: str
    record: str
    seq: int
    prev: str
    at: datetime
    gids: tuple[str, ...] = ()  # withdraw
    effect: str = ""  # withdraw: "stop-use" or "stop-and-erase"
    reason: str = ""
    paths: tuple[ClaimPath, ...] = ()  # eraseRequest and eraseProof; empty: everything
    basis: str = ""
    of: str = ""  # acknowledge and eraseProof: digest of the event that it answers
    state: str = ""  # acknowledge: "received" or "applied"; eraseProof: "applied"
    residual: tuple[Residual, ...] = ()  # eraseProof: what is kept nevertheless
    text: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        """What the next event follows."""
        return digest(self.text.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedEvent:
    """An event that was read and not judged."""

    jws: UnverifiedJws
    event: AgreementEvent
    key: PublicKey | None  # that a person's event brings along; None for a vendor's, which names one


async def create_withdrawal(
    record: AgreementRecord,
    *,
    previous: AgreementEvent | None,
    gids: Sequence[str],
    effect: str,
    reason: str = "",
    signer: Signer,
    now: datetime,
) -> str:
    """The person takes back a yes, for some processes of a record; `signer` holds the pairwise key."""
    own: dict[str, Json] = {"gids": [*gids], "effect": effect, "reason": reason or None}
    return await _create(record, previous, EventKind.WITHDRAW, own, signer=signer, now=now)


async def create_erase_request(
    record: AgreementRecord,
    *,
    previous: AgreementEvent | None,
    paths: Sequence[ClaimPath],
    basis: str,
    signer: Signer,
    now: datetime,
) -> str:
    """The person asks to erase some paths, or everything when there are none."""
    own: dict[str, Json] = {"paths": [[*path] for path in paths]} if paths else {"all": True}
    return await _create(record, previous, EventKind.ERASE_REQUEST, {**own, "basis": basis}, signer=signer, now=now)


async def create_acknowledgement(
    record: AgreementRecord, *, previous: AgreementEvent, of: AgreementEvent, state: str, signer: Signer, now: datetime
) -> str:
    """The vendor says that an event was received or applied; `signer.key_id` is a DID URL."""
    own: dict[str, Json] = {"of": of.digest, "state": state}
    return await _create(record, previous, EventKind.ACKNOWLEDGE, own, signer=signer, now=now)


async def create_erase_proof(
    record: AgreementRecord, *, of: AgreementEvent, residual: Sequence[Residual] = (), signer: Signer, now: datetime
) -> str:
    """The vendor says that what `of` asked to erase is erased; `now` is when, `signer.key_id` is a DID URL."""
    own: dict[str, Json] = {"paths": [[*path] for path in of.paths]} if of.paths else {"all": True}
    own |= {"of": of.digest, "state": APPLIED, "residual": [one.to_json() for one in residual]}
    return await _create(record, of, EventKind.ERASE_PROOF, own, signer=signer, now=now)


async def _create(
    record: AgreementRecord,
    previous: AgreementEvent | None,
    kind: EventKind,
    own: dict[str, Json],
    *,
    signer: Signer,
    now: datetime,
) -> str:
    claims: dict[str, Json] = {
        "rel": record.rel,
        "record": record.identifier,
        "seq": 1 if previous is None else previous.seq + 1,
        "prev": record.digest if previous is None else previous.digest,
        "event": kind.value,
        "at": rfc3339(now),
    }
    header: dict[str, Json] = {"jwk": signer.public.to_jwk()} if kind in _BY_PERSON else {}
    text = await sign_compact(claims | absent_left_out(own), typ=TYP, signer=signer, header=header)
    parse_event(text)
    return text


def parse_event(text: str) -> UnverifiedEvent:
    """Read an event; it holds the members of its kind and no others, and a person's holds a key.

    Raises Malformed, TooLarge, WrongType or BadKey.
    """
    jws = parse_compact(text, typ=TYP, honoured=KEY_HEADER)
    read = Reader(jws.claims(), at="event")
    kind = EventKind(read.text("event", one_of=[one.value for one in EventKind]))
    read.refuse_unknown((*_COMMON, *_OWN[kind]))
    event = AgreementEvent(
        kind=kind,
        rel=read.text("rel", max_length=64),
        record=read.text("record", max_length=64),
        seq=read.integer("seq", minimum=1),
        prev=read_digest(read, "prev"),
        at=read.rfc3339("at"),
        gids=read.texts("gids", at_least=1, max_items=32) if kind == EventKind.WITHDRAW else (),
        effect=read.text("effect", one_of=("stop-use", STOP_AND_ERASE)) if kind == EventKind.WITHDRAW else "",
        reason=read.optional_text("reason", max_length=MAX_REASON) or "",
        paths=_paths(read) if kind in _NAMES_PATHS else (),
        basis=read.text("basis", max_length=80) if kind == EventKind.ERASE_REQUEST else "",
        of=read_digest(read, "of") if kind in _ANSWERS else "",
        state=read.text("state", one_of=_STATES[kind]) if kind in _ANSWERS else "",
        residual=(
            tuple(map(Residual.from_reader, read.objects("residual", max_items=MAX_RESIDUAL)))
            if kind == EventKind.ERASE_PROOF
            else ()
        ),
        text=text,
    )
    return UnverifiedEvent(
        jws=jws, event=event, key=PublicKey.from_jwk(jws.header.get("jwk")) if kind in _BY_PERSON else None
    )


def _paths(read: Reader) -> tuple[ClaimPath, ...]:
    if read.has("paths") == read.flag("all", default=False):
        raise Malformed("event: expected either paths or all")
    if not read.has("paths"):
        return ()
    entries = read.items("paths", at_least=1, max_items=64)
    return tuple(read_path(Reader({"paths": one}, at="event"), "paths") for one in entries)


def verify_event(
    unverified: UnverifiedEvent,
    *,
    record: AgreementRecord,
    previous: AgreementEvent | None,
    vendor_keys: PartyKeys,
    now: datetime,
) -> AgreementEvent:
    """The event, once its own sender signed it and it is the next one of this record.

    Raises BadAgreement, BadSignature or UnknownKey.
    """
    event, jws = unverified.event, unverified.jws
    if event.kind in _BY_PERSON:
        if unverified.key != record.subject_key:
            raise BadAgreement(NOT_THEIRS)
        verify_compact(jws, record.subject_key)
    else:
        if "jwk" in jws.header or jws.kid is None:
            raise BadAgreement("the vendor's event must name a key of its own document")
        verify_compact(jws, vendor_keys.key(jws.kid, KeyPurpose.ASSERTION))
    if (event.rel, event.record) != (record.rel, record.identifier):
        raise BadAgreement("the event is about another record")
    expected = (1, record.digest) if previous is None else (previous.seq + 1, previous.digest)
    if (event.seq, event.prev) != expected:
        raise BadAgreement("the event does not follow the one before")
    if event.at > now + MAX_SKEW or not set(event.gids) <= set(record.agreed):
        raise BadAgreement("the event is of the future, or about something that was not agreed")
    return event


def verify_answer(
    text: str, *, to: AgreementEvent, record: AgreementRecord, vendor_keys: PartyKeys, now: datetime
) -> AgreementEvent:
    """The vendor's answer to an event that we sent: applied, by its own signature; an erasure only by a proof of it.

    Raises Malformed, BadAgreement, BadSignature or UnknownKey.
    """
    event = verify_event(parse_event(text), record=record, previous=to, vendor_keys=vendor_keys, now=now)
    if event.kind is not (EventKind.ERASE_PROOF if to.kind is EventKind.ERASE_REQUEST else EventKind.ACKNOWLEDGE):
        raise BadAgreement("the answer is not of the kind that was asked for")
    if event.of != to.digest:
        raise BadAgreement("the answer is about another event")
    if event.state != APPLIED:
        raise BadAgreement("the vendor says that it received the event, not that it applied it")
    if event.kind is EventKind.ERASE_PROOF and set(event.paths) != set(to.paths):
        raise BadAgreement("the proof is about other paths than were asked for")
    return event
