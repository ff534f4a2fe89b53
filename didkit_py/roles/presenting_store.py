"""What presenting remembers: one Exchange per opened request, notes for the ledger, and the history read from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
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

    async def load_documents(self) -> Sequence[HeldDocument]:
        """Everything held."""

    async def load_relationship_signer(self, client_id: str, rel: str) -> Signer:
        """The key for one relationship alone; the same whenever it is asked for."""

    async def load_policy(self) -> Policy:
        """The person's rules."""

    async def load_history(self, *, without: str) -> History:
        """What the ledger says about the past, without the exchange of this id. Raises when the ledger is broken."""

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
        spent: Sequence[str] = (),
        now: datetime,
    ) -> None:
        """Replace an exchange that is still in `before`, with its notes and its copies marked as used, all or none.

        Raises IllegalMove when it is in another state, or a copy was used before.
        """


def history_of(notes: Iterable[Note]) -> History:
    """What the ledger's notes say about the past."""
    thresholds: list[AskedThreshold] = []
    rels: dict[str, frozenset[str]] = {}
    records: dict[str, frozenset[str]] = {}
    nonces: set[str] = set()
    for note in notes:
        read = Reader(dict(note.body), at=f"ledger.{note.kind}")
        if note.kind == "asked":
            thresholds += _thresholds(read)
        if note.kind in {"decided", "refused"}:
            nonces.add(read.text("nonce_key"))
        if note.kind == "decided":
            if rel := read.optional_text("rel"):
                rels[rel] = rels.get(rel, frozenset()) | frozenset(read.texts("identifiers"))
            if record_id := read.optional_text("record_id"):
                records[record_id] = frozenset(read.texts("identifiers"))
    return History(thresholds=tuple(thresholds), rels=rels, records=records, nonces=frozenset(nonces))


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
