"""What a vendor remembers of its requests: the values, and the store as asking and checking need it.

What is secret (nonce, state, keys) or learned about a person (claims) stands in values that a store seals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol, Self

from didkit_py.consent.vendor import EVIDENCE_FORMAT
from didkit_py.credentials.credential import ReadCredential
from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.formats.format import Formats
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.reading import Reader
from didkit_py.records.retention import leaves
from didkit_py.structs import JsonValue, Moment, Text, plain, read_as
from didkit_py.terms.agreement import Give
from didkit_py.terms.grant import Grant, read_grants
from didkit_py.terms.grant_parts import ClaimPath
from didkit_py.terms.order import is_below
from didkit_py.verification import CheckResult, parse_one

MAX_PURPOSE: Final = 200  # characters; the vendor's own note of why it asks
MAX_ROLES: Final = 10
MAX_TERMS_ID: Final = 64
ANSWER_GRACE: Final = timedelta(minutes=2)  # for an answer that is on its way when the request ends
_MEMBERS: Final = ("purpose_text", "query", "grants", "terms", "give", "roles")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """What is asked, what is promised for it, and which of the vendor's own documents are shown with it."""

    purpose_text: str
    query: DcqlQuery
    grants: tuple[Grant, ...]  # empty: no promise is made, and most wallets refuse
    terms_id: str | None  # None: the only terms that this vendor has a signatory credential for
    give: Give | None = None
    roles: tuple[str, ...] = ()  # claim types

    @classmethod
    def from_json(cls, body: Json, *, formats: Formats) -> Self:
        """Read a template for queries in these formats.

        Raises Malformed, or VpFormatsNotSupported for a query that no wallet of ours answers.
        """
        read = Reader(body, at="request")
        read.refuse_unknown(_MEMBERS, nullable=_MEMBERS)  # what a person leaves empty in a file is left out
        terms = None if read.members.get("terms") is None else read.text("terms", max_length=MAX_TERMS_ID)
        give = None if read.members.get("give") is None else Give.from_reader(read.object("give"))
        roles = read.optional_texts("roles")
        if len(roles) > MAX_ROLES:
            raise Malformed(f"{read.path('roles')}: more than {MAX_ROLES} types")
        return cls(
            purpose_text=read.text("purpose_text", max_length=MAX_PURPOSE),
            query=DcqlQuery.from_json(read.value("query"), formats=formats),
            grants=read_grants(read, "grants", at_least=0) if read.has("grants") else (),
            terms_id=terms,
            give=give,
            roles=roles,
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "purpose_text": self.purpose_text,
            "query": self.query.to_json(),
            "grants": [grant.to_json() for grant in self.grants],
            "terms": self.terms_id,
            "give": None if self.give is None else self.give.to_json(),
            "roles": [*self.roles],
        }


NO_QUESTION: Final = RequestTemplate(
    purpose_text="", query=DcqlQuery(credentials=(), credential_sets=(), source={}), grants=(), terms_id=None
)  # what stands in the place of one that was erased


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRequest:
    """One request as it was made; whatever is signed for it later rests on these values."""

    id: str
    template: RequestTemplate
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    rel: str = field(repr=False)  # the relationship that the promise would begin
    encryption_jwk: Mapping[str, Json] = field(repr=False)  # private
    made_at: datetime
    expires_at: datetime

    @property
    def erased(self) -> bool:
        """Whether the question is gone, because it would tell the answer."""
        return not self.template.query.credentials

    def names(self, query_id: str, path: ClaimPath) -> bool:
        """Whether the question speaks of this claim, of one above it or of one below."""
        query = self.template.query.credential(query_id)
        asked = () if query is None else [claim.path for claim in query.claims]
        return any(is_below(one, path) or is_below(path, one) for one in asked)

    def without_question(self) -> Self:
        """Copy that says only that something was asked and when, for a request whose answer was erased."""
        return replace(self, template=NO_QUESTION, nonce="", state="", rel="", encryption_jwk={})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMade:
    """One check of an answer; `query_id` names the credential that it is about, empty for the answer as a whole."""

    check: CheckResult
    query_id: str = ""

    def to_json(self) -> dict[str, Json]:
        one = self.check
        body: dict[str, Json] = {"name": one.name, "passed": one.passed, "spec": one.spec, "detail": one.detail}
        body |= {"code": one.code} if one.code else {}
        return body | ({"query": self.query_id} if self.query_id else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """Until when one claim may be kept, and what allows it."""

    path: ClaimPath
    gids: tuple[Text, ...]  # of the accepted grants; empty: nothing was agreed about it
    until: Moment | None  # None: no end is set yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What one presented credential said, without its registered claims."""

    vct: Text
    issuer: Text
    issuer_name: Text
    claims: Mapping[str, JsonValue] = field(repr=False)
    retained: tuple[Retained, ...] = ()  # one for each claim

    @property
    def paths(self) -> tuple[ClaimPath, ...]:
        """The path of each claim that was shown; only the empty path for a credential without claims."""
        return tuple(leaves(dict(self.claims))) or ((),)

    def without(self, paths: Sequence[ClaimPath]) -> Self:
        """Copy without the claims at the given paths and everything below them.

        An index stands for all elements of its array. Ends of storage are kept for the claims that are left.
        """
        claims: Json = dict(self.claims)
        for path in paths:
            claims = _without(claims, path) if path else {}
        left = claims if isinstance(claims, dict) else {}
        kept = {*leaves(left), *(() if self.claims or () in paths else ((),))}
        return replace(self, claims=left, retained=tuple(one for one in self.retained if one.path in kept))


def _without(value: Json, path: ClaimPath) -> Json:
    """Copy of `value` without what `path` names and without objects that this leaves empty.

    An index removes every element of the array, since which of them was shown is not recorded.
    """
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(step, str) and step in value:
        kept = {name: inner for name, inner in value.items() if name != step}
        left = _without(value[step], rest) if rest else None
        return kept | ({step: left} if left not in (None, {}, []) else {})
    if isinstance(value, list) and not isinstance(step, str):
        return [left for inner in value if (left := _without(inner, rest)) not in ({}, [])] if rest else []
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a request: every check that was made, and what was learned if all of them held."""

    checks: tuple[CheckMade, ...] = ()
    learned: Mapping[str, tuple[Learned, ...]] = field(default_factory=dict, repr=False)  # by query id
    presented: str = ""  # the digest by which a record names the presentation
    error: Mapping[str, str] | None = None  # of our own check, or the wallet's word for no

    def without(self, paths: Sequence[ClaimPath]) -> Self:
        """The result after an erasure of these paths, or of everything learned when there are none."""
        if not paths:
            return replace(self, learned={})
        return self._keeping(lambda one: one.without(paths))

    def without_overdue(self, now: datetime) -> Self:
        """Copy without the claims whose end of storage is at or before `now`."""
        return self._keeping(
            lambda one: one.without(
                [kept.path for kept in one.retained if kept.until is not None and kept.until <= now]
            )
        )

    def _keeping(self, left: Callable[[Learned], Learned]) -> Self:
        """Copy with `left` applied to each credential; those of which no claim is left are removed."""
        found = {
            name: tuple(after for one in some if (after := left(one)).claims or after == one)
            for name, some in self.learned.items()
        }
        return replace(self, learned={name: some for name, some in found.items() if some})

    def without_details(self) -> Self:
        """Copy with each check by name and outcome alone: it says that something was verified, not what."""
        names = dict.fromkeys((one.check.name, one.check.passed) for one in self.checks)
        bare = tuple(CheckMade(check=CheckResult(name=name, passed=passed)) for name, passed in names)
        return replace(self, checks=bare)

    @property
    def due_at(self) -> datetime | None:
        """The earliest end of storage of all claims, None when none is set."""
        ends = (kept.until for some in self.learned.values() for one in some for kept in one.retained)
        return min((one for one in ends if one is not None), default=None)

    def claims(self) -> set[tuple[str, ClaimPath]]:
        """The path of each claim that is known, by query id."""
        return {(name, path) for name, some in self.learned.items() for one in some for path in one.paths}

    def to_json(self) -> dict[str, Json]:
        return plain(self)

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return read_as(cls, body, at="result")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """A request and where it stands."""

    asked: AskedRequest
    state: ExchangeState
    is_open: bool  # whether an answer that holds would still be taken
    answered_at: datetime | None = None  # when a presentation was verified
    tried_at: datetime | None = None  # when somebody last said no, or sent what did not hold
    ended_at: datetime | None = None  # the person left: nothing may be used any more
    erased_at: datetime | None = None  # the person had it erased
    lapsed_at: datetime | None = None  # something was erased because its time was over
    result: Result | None = field(default=None, repr=False)  # without what should be gone by now
    stored: Result | None = field(default=None, repr=False)  # as the database still holds it
    revision: int = 0  # counts the changes of the result


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOffer:
    """A promise exactly as it was signed and sent to one wallet."""

    digest: str
    request_id: str
    text: str = field(repr=False)
    signatory_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAcceptance:
    """A person's acceptance of one of our offers; `record` is the same payload with both signatures."""

    payload_digest: str
    request_id: str
    record_id: str
    presented: str  # the digest of the presentation that it was given for
    accepted: Mapping[str, Json] = field(repr=False)  # JWS JSON serialization with one signature
    record: Mapping[str, Json] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """What a person said later about a record, and our signed answer."""

    record_id: str
    seq: int
    kind: str
    at: datetime
    text: str = field(repr=False)
    answer: str | None = field(default=None, repr=False)  # None: what it erased may still be in the files


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is to be stored of a request from now on."""

    request_id: str
    revision: int  # that it was made from
    result: Result = field(repr=False)
    asked: AskedRequest | None = field(default=None, repr=False)  # None: the question stays
    erases: bool = False


def remains_of(kept: KeptRequest, result: Result) -> Remains:
    """What is to be stored of `kept` together with `result`, which has fewer claims than before.

    The query is removed too where it names a claim that is gone, since it would tell what was answered.
    """
    before = Result() if kept.stored is None else kept.stored
    gone = before.claims() - result.claims()
    told = not result.learned or any(kept.asked.names(*one) for one in gone)
    erases = bool(gone) or bool(before.learned) > bool(result.learned)
    hides = erases and told and not kept.asked.erased
    return Remains(
        request_id=kept.asked.id,
        revision=kept.revision,
        result=result.without_details() if erases and told else result,
        asked=kept.asked.without_question() if hides else None,
        erases=erases,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an event of a person does to what was learned for a request."""

    request_id: str
    ends: bool = False
    erases: bool = False  # the person wants it erased, whether or not something was left
    remains: Remains | None = field(default=None, repr=False)  # None: nothing changes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCredential:
    """A document about the vendor itself, received like anybody's, in the format of a vendor's evidence."""

    id: str
    text: str = field(repr=False)
    received_at: datetime
    read: ReadCredential = field(repr=False)

    @classmethod
    def of(cls, text: str, *, id: str, received_at: datetime) -> Self:  # noqa: A002 - the field's name
        """From the text that an issuer gave us."""
        return cls(id=id, text=text, received_at=received_at, read=parse_one(text, EVIDENCE_FORMAT).read())


class AskingStore(Protocol):
    """What asking needs remembered. Each write is durable when it returns."""

    async def save_request(self, asked: AskedRequest) -> None:
        """Keep a new request."""

    async def load_request(self, request_id: str, *, now: datetime) -> KeptRequest:
        """One request. Raises NotFound."""

    async def save_fetched(self, request_id: str, offer: SentOffer | None, *, now: datetime) -> None:
        """A wallet gets the signed request with this promise. Raises IllegalMove when the request is over."""

    async def own_credentials(self) -> Sequence[OwnCredential]:
        """The vendor's own documents, the newest first."""


class CheckingStore(Protocol):
    """What checking needs remembered. Each write is one transaction, durable when it returns."""

    async def load_request(self, request_id: str, *, now: datetime) -> KeptRequest:
        """One request. Raises NotFound."""

    async def save_try(self, request_id: str, state: ExchangeState, result: Result, *, now: datetime) -> None:
        """Keep what came of a try that ends nothing, unless the request was answered or tried too often."""

    async def save_answer(
        self,
        request_id: str,
        result: Result,
        *,
        now: datetime,
        response_code_hash: bytes,
        record: KeptAcceptance | None = None,
    ) -> None:
        """Spend the request's nonce for this result: of two answers one wins. Raises Replayed for all others."""

    async def load_acceptances(self, request_id: str) -> Sequence[KeptAcceptance]:
        """All acceptances for a request, the oldest first."""


class AcceptingStore(Protocol):
    """What the agreement desk needs remembered. Each write is one transaction, durable when it returns."""

    async def load_request(self, request_id: str, *, now: datetime) -> KeptRequest:
        """One request. Raises NotFound."""

    async def load_offer(self, offer_digest: str) -> SentOffer | None:
        """The promise of that digest, if it was ours."""

    async def load_acceptance(self, payload_digest: str) -> KeptAcceptance | None:
        """The acceptance of that payload, if it is kept."""

    async def save_acceptance(self, acceptance: KeptAcceptance, *, at_most: int, now: datetime) -> None:
        """Keep an acceptance; the same payload again changes nothing. Of those that wait, the newest stay."""

    async def save_record(self, acceptance: KeptAcceptance, remains: Remains, *, now: datetime) -> None:
        """Keep a record, with what is stored of its request then. Raises Replayed when that has changed meanwhile."""

    async def load_recorded(self, record_id: str) -> KeptAcceptance | None:
        """The acceptance whose record has this identifier, if both sides signed it."""

    async def load_events(self, record_id: str) -> Sequence[KeptEvent]:
        """What was said later about a record, in order."""

    async def save_event(self, event: KeptEvent, effect: Effect) -> None:
        """Keep an event, with our answer if it has one, and make its effect.

        Raises Replayed when another one stands at its place, or the request has changed meanwhile.
        """

    async def save_event_answer(self, event: KeptEvent, *, now: datetime) -> KeptEvent:
        """Keep our answer to an event that has none; gives the event with the answer that is kept."""

    async def finish_erasing(self) -> None:
        """Return once nothing of what was erased before is in the database's own files.

        Raises Unavailable while that takes longer: it goes on, and whoever waits asks again.
        """


class RetainingStore(Protocol):
    """What keeping to the time of what was promised needs. Each write is one transaction, durable when it returns."""

    async def load_due(self, *, now: datetime, limit: int) -> Sequence[KeptRequest]:
        """Requests of whose answers something should be gone by now."""

    async def load_offers(self, request_id: str) -> Sequence[SentOffer]:
        """The promises that were made for a request."""

    async def load_acceptances(self, request_id: str) -> Sequence[KeptAcceptance]:
        """All acceptances for a request, the oldest first."""

    async def load_events(self, record_id: str) -> Sequence[KeptEvent]:
        """What was said later about a record, in order."""

    async def save_remains(self, remains: Remains, *, now: datetime) -> bool:
        """Store what is left of a request; False when it has changed meanwhile."""

    async def finish_erasing(self) -> None:
        """Return once nothing of what was erased before is in the database's own files. Raises Unavailable."""
