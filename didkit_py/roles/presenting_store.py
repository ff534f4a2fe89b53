"""What presenting remembers: one Exchange per opened request, notes for the ledger, and the history read from them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Protocol, Self

from didkit_py.consent.decision import AskedThreshold, HeldState, History
from didkit_py.consent.policy import Policy
from didkit_py.encoding import Json, from_timestamp, timestamp
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.dcql import Held
from didkit_py.reading import Reader
from didkit_py.structs import JsonValue, Moment, Text, Url, plain, read_as, text

MAX_STORED_TEXT: Final = 524_288  # characters of one sealed text; an encrypted answer has up to half of it
StoredText = Annotated[str, text(at_most=MAX_STORED_TEXT)]


class PresentationState(StrEnum):
    """How far one exchange has come."""

    OPEN = "open"  # asked, not answered
    SENDING = "sending"  # the person said yes, everything is durable, the vendor has not confirmed
    RELEASED = "released"  # the vendor took the presentation; its countersigned record may be outstanding
    RECORDED = "recorded"  # the record with both signatures is here
    DECLINING = "declining"  # the person said no, the vendor has not been reached
    DECLINED = "declined"
    FAILED = "failed"  # the vendor refused what was sent


NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
UNFINISHED: Final = (PresentationState.SENDING, PresentationState.RELEASED, PresentationState.DECLINING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is sent, byte for byte, however often it takes."""

    response_uri: Url
    form: StoredText = field(repr=False)
    receipt_uri: Url | None = None  # where the acceptance goes; None: there is no agreement
    acceptance: StoredText | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request from its opening to its end."""

    id: str
    state: PresentationState
    opened_at: Moment
    client_id: Text
    request_uri: Text
    wallet_nonce: Text | None
    text: StoredText = field(repr=False)  # the signed request as received
    document: StoredText | None = field(default=None, repr=False)  # the signer's key document as received
    vendor: Text  # as it may be shown: a proven name, or the host
    outgoing: Outgoing | None = field(default=None, repr=False)
    shared: tuple[Mapping[str, JsonValue], ...] = field(default=(), repr=False)  # what was shown: query, label, value
    promises: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)  # in the person's words
    rel: str | None = None
    until: Moment | None = None  # the vendor takes no answer after that
    left: bool = False  # whether what is shared may have left the wallet
    redirect: str | None = None  # where the vendor would like the person to go on
    problem: str = ""  # the code of what went wrong
    record: Mapping[str, JsonValue] | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, body: Json, *, id: str, state: str) -> Self:  # noqa: A002 - the field's name
        return read_as(cls, body, at="exchange", columns={"id": id, "state": state})

    def to_json(self) -> dict[str, Json]:
        return plain(self, without=("id", "state"))

    @property
    def unfinished(self) -> bool:
        """Whether something is still to be sent or fetched."""
        waits = self.outgoing is not None and self.outgoing.acceptance is not None
        return self.state in {PresentationState.SENDING, PresentationState.DECLINING} or (
            self.state is PresentationState.RELEASED and waits
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the ledger writes down: asked, decided, released, recorded, refused, or what the person ended later."""

    kind: str
    body: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDocument:
    """A credential that could be shown, with the copy that would be."""

    held: Held
    state: HeldState
    copy_id: str | None  # None: no copy is left
    text: str = field(repr=False)
    signer: Signer | None = field(repr=False)


class PresentingStore(Protocol):
    """What presenting needs remembered. Each write is one transaction, durable when it returns."""

    async def load_documents(self, vcts: Collection[str]) -> Sequence[HeldDocument]:
        """Everything held of these types. Raises when the wallet's tables are not as they were written."""

    async def load_relationship_signer(self, client_id: str, rel: str) -> Signer:
        """The key for one relationship alone; the same whenever it is asked for."""

    async def load_policy(self) -> Policy:
        """The person's rules."""

    async def load_history(self, *, without: str, identifiers: AbstractSet[str]) -> History:
        """What the ledger says about the past, without the exchange of this id. Raises when the ledger is broken.

        Of the steps that were asked for, those by a vendor with one of these identifiers are enough.
        """

    async def load_exchange(self, exchange_id: str) -> Exchange:
        """One exchange. Raises NotFound."""

    async def load_unfinished(self) -> Sequence[Exchange]:
        """The exchanges in a state of UNFINISHED."""

    async def save_opened(self, exchange: Exchange, *, note: Note, now: datetime) -> None:
        """Keep a new exchange and note it."""

    async def save_moved(
        self,
        exchange: Exchange,
        *,
        before: PresentationState,
        notes: Sequence[Note] = (),
        spent: Mapping[str, str] = NOTHING,
        now: datetime,
    ) -> None:
        """Replace an exchange that is still in `before`, with its notes and its copies marked as used, all or none.

        `spent` has the id of the copy by the held id of its document.

        Raises IllegalMove when it is in another state, or a copy was used before.
        """


class Past:
    """What the ledger's notes say about the past, taken in note by note: a look costs the same at any length."""

    def __init__(self) -> None:
        self.count = 0  # notes that were taken in
        self.used: set[str] = set()  # copies that were shown
        self.answered: dict[str, list[str]] = {}  # exchange -> the copies that it was answered with
        self._notes: list[tuple[str, Note]] = []  # those that a history is made of
        self._thresholds: dict[str, list[tuple[str, AskedThreshold]]] = {}  # identifier -> exchange and step
        self._rels: dict[str, frozenset[str]] = {}
        self._records: dict[str, frozenset[str]] = {}
        self._nonces: set[str] = set()

    def follow(self, exchange_id: str, note: Note) -> None:
        """Take in the next note. Raises Malformed."""
        if note.kind in {"asked", "decided", "refused"}:
            self._take(exchange_id, note)
        self.count += 1

    def _take(self, exchange_id: str, note: Note) -> None:
        read = Reader(dict(note.body), at=f"ledger.{note.kind}")
        self._notes.append((exchange_id, note))
        if note.kind == "asked":
            for one in _thresholds(read):
                for identifier in one.identifiers:
                    self._thresholds.setdefault(identifier, []).append((exchange_id, one))
            return
        self._nonces.add(read.text("nonce_key"))
        copies = read.optional_texts("copies")
        self.answered.setdefault(exchange_id, []).extend(copies)
        self.used.update(copies)
        if note.kind == "decided":
            names = frozenset(read.texts("identifiers"))
            if rel := read.optional_text("rel"):
                self._rels[rel] = self._rels.get(rel, frozenset()) | names
            if record_id := read.optional_text("record_id"):
                self._records[record_id] = names

    def history(self, *, without: str, identifiers: AbstractSet[str]) -> History:
        """What decisions rest on; it shows later notes too, but for what was asked."""
        if without in self.answered:
            others = Past()
            for exchange_id, note in self._notes:
                if exchange_id != without:
                    others.follow(exchange_id, note)
            return others.history(without="", identifiers=identifiers)
        asked = (pair for name in identifiers for pair in self._thresholds.get(name, ()))
        thresholds = dict.fromkeys(one for exchange_id, one in asked if exchange_id != without)
        return History(thresholds=tuple(thresholds), rels=self._rels, records=self._records, nonces=self._nonces)


def _thresholds(read: Reader) -> list[AskedThreshold]:
    names = frozenset(read.texts("identifiers"))
    return [
        AskedThreshold(
            identifiers=names, vct=one.text("vct"), step=one.text("step"), until=from_timestamp(one.integer("until"))
        )
        for one in read.objects("thresholds")
    ]


def thresholds_json(thresholds: Iterable[AskedThreshold]) -> list[Json]:
    """What `asked` notes keep of them; the identifiers stand beside."""
    return [{"vct": one.vct, "step": one.step, "until": timestamp(one.until)} for one in thresholds]
