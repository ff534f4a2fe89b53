"""What a vendor remembers of its requests: the values, and the store as asking and checking need it.

What is secret (nonce, state, keys) or learned about a person (claims) stands in values that a store seals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol, Self

from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import ReadCredential, read_credential
from didkit_py.oid4vp.exchange import State
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.reading import Reader
from didkit_py.terms.agreement import Give
from didkit_py.terms.grant import Grant, read_grants
from didkit_py.terms.grant_parts import ClaimPath
from didkit_py.verification import Check

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
    def from_json(cls, body: Json) -> Self:
        """Read a template. Raises Malformed, or VpFormatsNotSupported for a query that no wallet of ours answers."""
        read = Reader(body, at="request")
        read.refuse_unknown(_MEMBERS, nullable=_MEMBERS)  # what a person leaves empty in a file is left out
        terms = None if read.members.get("terms") is None else read.text("terms", max_length=MAX_TERMS_ID)
        give = None if read.members.get("give") is None else Give.from_reader(read.object("give"))
        roles = read.optional_texts("roles")
        if len(roles) > MAX_ROLES:
            raise Malformed(f"{read.path('roles')}: more than {MAX_ROLES} types")
        return cls(
            purpose_text=read.text("purpose_text", max_length=MAX_PURPOSE),
            query=DcqlQuery.from_json(read.value("query")),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMade:
    """One check of an answer; `query_id` names the credential that it is about, empty for the answer as a whole."""

    check: Check
    query_id: str = ""

    def to_json(self) -> dict[str, Json]:
        one = self.check
        body: dict[str, Json] = {"name": one.name, "passed": one.passed, "spec": one.spec, "detail": one.detail}
        body |= {"code": one.code} if one.code else {}
        return body | ({"query": self.query_id} if self.query_id else {})

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        check = Check(
            name=read.text("name"),
            passed=read.flag("passed"),
            spec=str(read.value("spec")),
            detail=str(read.value("detail")),
            code=read.optional_text("code") or "",
        )
        return cls(check=check, query_id=read.optional_text("query") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What one presented credential said, without its registered claims."""

    vct: str
    issuer: str
    issuer_name: str
    claims: Mapping[str, Json] = field(repr=False)

    def without(self, paths: Sequence[ClaimPath]) -> Self:
        """The same without what it said at and below these paths."""
        claims: Json = dict(self.claims)
        for path in paths:
            claims = _without(claims, path)
        return replace(self, claims=claims if isinstance(claims, dict) else {})

    def to_json(self) -> dict[str, Json]:
        return {"vct": self.vct, "issuer": self.issuer, "issuer_name": self.issuer_name, "claims": dict(self.claims)}

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        return cls(
            vct=read.text("vct"),
            issuer=read.text("issuer"),
            issuer_name=read.text("issuer_name"),
            claims=read.mapping("claims"),
        )


def _without(value: Json, path: ClaimPath) -> Json:
    """The value without what `path` names; of an array, every place: which of them was shown is not recorded."""
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(step, str) and step in value:
        kept = {name: inner for name, inner in value.items() if name != step}
        return {**kept, step: _without(value[step], rest)} if rest else kept
    if isinstance(value, list) and not isinstance(step, str):
        return [_without(inner, rest) for inner in value] if rest else []
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
        kept = {name: tuple(one.without(paths) for one in some) for name, some in self.learned.items()}
        return replace(self, learned=kept)

    def to_json(self) -> dict[str, Json]:
        return {
            "checks": [one.to_json() for one in self.checks],
            "learned": {query_id: [one.to_json() for one in some] for query_id, some in self.learned.items()},
            "presented": self.presented,
            "error": None if self.error is None else dict(self.error),
        }

    @classmethod
    def from_json(cls, body: Json) -> Self:
        read = Reader(body, at="result")
        learned = read.object("learned")
        error = read.value("error")
        return cls(
            checks=tuple(map(CheckMade.from_reader, read.objects("checks"))),
            learned={name: tuple(map(Learned.from_reader, learned.objects(name))) for name in learned.members},
            presented=str(read.value("presented")),
            error={name: str(value) for name, value in error.items()} if isinstance(error, dict) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """A request and where it stands."""

    asked: AskedRequest
    state: State
    answered_at: datetime | None = None
    ended_at: datetime | None = None  # the person left: nothing may be used any more
    erased_at: datetime | None = None  # the person had it erased
    result: Result | None = field(default=None, repr=False)


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
    answer: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an event of a person does to what was learned for a request."""

    request_id: str
    ends: bool = False
    erased: Result | None = field(default=None, repr=False)  # what is left of the result; None: nothing is erased


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCredential:
    """A document about the vendor itself, received like anybody's."""

    id: str
    text: str = field(repr=False)
    received_at: datetime
    read: ReadCredential = field(repr=False)

    @classmethod
    def of(cls, text: str, *, id: str, received_at: datetime) -> Self:  # noqa: A002 - the field's name
        """From the text that an issuer gave us."""
        return cls(id=id, text=text, received_at=received_at, read=read_credential(parse_sd_jwt(text)))


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

    async def save_result(
        self,
        request_id: str,
        state: State,
        result: Result,
        *,
        now: datetime,
        response_code_hash: bytes | None = None,
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

    async def load_acceptances(self, request_id: str) -> Sequence[KeptAcceptance]:
        """All acceptances for a request, the oldest first."""

    async def save_acceptance(self, acceptance: KeptAcceptance, *, at_most: int, now: datetime) -> None:
        """Keep an acceptance; the same payload again changes nothing. Raises Replayed when there are too many."""

    async def save_record(self, acceptance: KeptAcceptance, *, now: datetime) -> KeptAcceptance:
        """Keep the record, unless there is one: gives the one that is kept."""

    async def load_recorded(self, record_id: str) -> KeptAcceptance | None:
        """The acceptance whose record has this identifier, if both sides signed it."""

    async def load_events(self, record_id: str) -> Sequence[KeptEvent]:
        """What was said later about a record, in order."""

    async def save_event(self, event: KeptEvent, effect: Effect) -> None:
        """Keep an event and our answer, and make its effect. Raises Replayed when another one stands at its place."""

    async def finish_erasing(self) -> None:
        """Leave nothing of what was erased in the database's own files. Raises StorageUnavailable: then do it again."""
