"""Case: everything that a decision looks at, gathered beforehand; and what the rules of the table say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Final

from didkit_py.consent.policy import Policy
from didkit_py.consent.vendor import VerifiedVendor
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import IDENTITY, ORDINARY, sensitivities_of, template_of
from didkit_py.encoding import digest
from didkit_py.errors import BadStatusList, DidkitError
from didkit_py.localization import Text
from didkit_py.oid4vp.dcql import Candidates, DcqlQuery, QueryAnswer
from didkit_py.oid4vp.request import VerifiedRequest
from didkit_py.status.states import Status
from didkit_py.terms.agreement import Agreement
from didkit_py.terms.grant_parts import ClaimPath

LADDER: Final = "at_least"  # the claim whose members are thresholds
RANGE: Final = "range"


class Outcome(IntEnum):
    """What happens; the worst one wins."""

    RELEASE = 0
    ASK = 1
    REFUSE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedThreshold:
    """A step that somebody asked for, whatever was answered."""

    identifiers: frozenset[str]  # proven ones of the vendor
    vct: str
    step: str
    until: datetime  # the end of the claim's life, or of one that would be issued now


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the wallet's ledger says about the past, without the request that is being decided."""

    thresholds: Sequence[AskedThreshold] = ()  # at least those that the vendor asked for
    rels: Mapping[str, frozenset[str]] = field(default_factory=dict)  # relationship id -> identifiers of its vendor
    records: Mapping[str, frozenset[str]] = field(default_factory=dict)  # agreement record -> identifiers of its vendor
    nonces: AbstractSet[str] = frozenset()  # nonce_key of each request that was answered or refused


def nonce_key(client_id: str, nonce: str) -> str:
    """What the history keeps of a request, to know it again."""
    return digest(f"{client_id} {nonce}".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldState:
    """The state of one held credential, beside what a query looks at."""

    id: str
    vct: str
    issuer_name: Text  # as the trust list has it; of one that is not listed, a sentence that says so
    expires_at: datetime | None
    status: StatusReference | None = None
    unused: int  # copies never shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClaim:
    """One claim that an answer to the request shows, or would show: what rules judge and a promise has to cover."""

    query_id: str
    vct: str
    path: ClaimPath
    values: tuple[str | int | bool, ...] = ()  # that the vendor wants to hear; empty: any
    required: bool  # whether the vendor insists on the query
    asked: bool  # False: it comes along, since it stands in the open or inside a disclosure that is needed

    @property
    def is_step(self) -> bool:
        """Whether it touches the ladder of thresholds."""
        return self.path[0] == LADDER


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureCase:
    """One request before a decision.

    `request_fault` is what reading or authenticating the request raised; then there is no request and no vendor.
    `candidates` is None for a vendor's own check, where no wallet was looked into.

    `chosen` and `shown` follow from the rest, once: page, rules, release and record all go by them.
    """

    request: VerifiedRequest | None
    vendor: VerifiedVendor | None
    candidates: Candidates | None
    held: Mapping[str, HeldState] = field(default_factory=dict)
    policy: Policy
    history: History = field(default_factory=History)
    now: datetime
    request_fault: DidkitError | None = None
    chosen: Mapping[str, QueryAnswer] = field(init=False, repr=False)  # by query id: the answer that can be given now
    shown: tuple[ShownClaim, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.request is None) != (self.vendor is None) or (self.request is None) == (self.request_fault is None):
            raise ValueError("a case has a request and its vendor, or the fault of a request")
        object.__setattr__(self, "chosen", _chosen(self))
        object.__setattr__(self, "shown", () if self.request is None else _shown(self.request.request.query, self))

    def at(self, now: datetime) -> DisclosureCase:
        """The same case at another time: what is known about the vendor is judged again."""
        if self.request is None or self.vendor is None:
            return replace(self, now=now)
        return replace(self, now=now, vendor=self.vendor.at(now, request=self.request))

    @property
    def agreement(self) -> Agreement | None:
        """The vendor's promise, when it is bound to this request."""
        return None if self.vendor is None else self.vendor.agreement

    def fault_of(self, held: HeldState) -> str | None:
        """Why a held credential cannot be shown now: `cred.stale`, `cred.status`, `cred.copies`; None when it can."""
        if held.expires_at is not None and held.expires_at <= self.now:
            return "cred.stale"
        if self._is_taken_back(held):
            return "cred.status"
        return "cred.copies" if held.unused < 1 else None

    def _is_taken_back(self, held: HeldState) -> bool:
        """Whether a list at hand says so; without one the person is not kept from asking the vendor to judge."""
        lists = {} if self.vendor is None else self.vendor.evidence.status_lists
        found = None if held.status is None else lists.get(held.status.uri)
        if found is None or held.status is None:
            return False
        try:
            return found.status(held.status.index) != Status.VALID
        except BadStatusList:
            return True

    def usable(self, query_id: str) -> QueryAnswer | None:
        """The best answer to one query whose credential can be shown now."""
        answers = () if self.candidates is None else self.candidates.answers.get(query_id, ())
        return next((one for one in answers if self.fault_of(self.held[one.held_id]) is None), None)

    def types(self) -> tuple[str, ...]:
        """The claim types that the query wants, once each."""
        queries = () if self.request is None else self.request.request.query.credentials
        return tuple(dict.fromkeys(vct for query in queries for vct in query.vct_values))

    def sensitivities(self) -> frozenset[str]:
        """What the data that would be shown say about the person, by the claims and not by the name of their type.

        An unknown type, and a claim that its type does not explain, may say anything: they count as identity.
        """
        unknown = frozenset({IDENTITY} if any(template_of(vct) is None for vct in self.types()) else ())
        return unknown.union(*(sensitivities_of(one.vct, one.path) for one in self.shown))

    @property
    def is_strict(self) -> bool:
        """Whether a missing promise refuses: for money, identity, unknown data, and where the person wants it so."""
        return self.policy.profile == "strict" or not self.sensitivities() <= {ORDINARY}

    @property
    def is_identified(self) -> bool:
        """Whether the vendor would learn who the person is."""
        return IDENTITY in self.sensitivities()


def required_queries(query: DcqlQuery) -> frozenset[str]:
    """The queries that a vendor insists on, alone or as one of several options."""
    if not query.credential_sets:
        return frozenset(one.id for one in query.credentials)
    return frozenset(name for one in query.credential_sets if one.required for option in one.options for name in option)


def _chosen(case: DisclosureCase) -> dict[str, QueryAnswer]:
    """The best usable answer of each query that must or may be answered; optional ones that lack one are left out.

    Optional queries that belong together are answered together or not at all.
    """
    if case.candidates is None:
        return {}
    wanted = (*case.candidates.required, *case.candidates.optional)
    found = {name: answer for name in wanted if (answer := case.usable(name)) is not None}
    broken = {
        name for names in case.candidates.optional_sets if not found.keys() >= set(names) for name in names
    } - set(case.candidates.required)
    return {name: answer for name, answer in found.items() if name not in broken}


def _shown(query: DcqlQuery, case: DisclosureCase) -> tuple[ShownClaim, ...]:
    """Everything that an answer shows: what is asked for, in every alternative, and what comes along with it.

    What comes along is what the credential that will be sent shows besides, and beside it, for every type that would
    do, what the profile of the type shows always: so a choice between types or alternatives is judged by all of them,
    and a vendor's own check, which has no credential, finds the same.
    """
    required = required_queries(query)
    found: dict[tuple[str, str, ClaimPath, tuple[str | int | bool, ...]], ShownClaim] = {}
    for one in query.credentials:
        asked = [(vct, claim.path, tuple(claim.values)) for vct in one.vct_values for claim in one.claims]
        along = [(vct, path) for vct in one.vct_values for path in shown_along(vct, [path for _, path, _ in asked])]
        if answer := case.chosen.get(one.id):
            along += [(case.held[answer.held_id].vct, path) for path, _ in answer.also_shown]
        for vct, path, values, is_asked in (
            *((*named, True) for named in asked),
            *((vct, path, (), False) for vct, path in along),
        ):
            found.setdefault(
                (one.id, vct, path, values),
                ShownClaim(
                    query_id=one.id, vct=vct, path=path, values=values, required=one.id in required, asked=is_asked
                ),
            )
    return tuple(found.values())


def shown_along(vct: str, asked: Sequence[ClaimPath]) -> Iterator[ClaimPath]:
    """What a type shows always, beyond what is asked for."""
    template = template_of(vct)
    for spec in () if template is None else template.always_shown():
        if not any(spec.path[: len(path)] == path for path in asked):
            yield spec.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What one rule says: a code of the table and how bad it is; `detail` is for those who build vendors' systems."""

    code: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table; after a refusal of a row with `stop`, later rows are not asked."""

    id: str
    question: str
    judge: Callable[[DisclosureCase], tuple[Objection, ...]]
    stop: bool = False


# Every code of the table; the catalogue has the sentence of each below `reason.`.
REASON_CODES: Final = (
    "req.malformed",
    "req.replay",
    "req.origin",
    "vrf.unauthenticated",
    "vrf.identity-split",
    "vrf.role-missing",
    "vrf.role-stale",
    "vrf.stopped",
    "vrf.faceless",
    "pol.denied",
    "pol.criteria",
    "terms.missing",
    "terms.version",
    "terms.stale",
    "terms.forged",
    "terms.revoked",
    "agr.missing",
    "agr.unbound",
    "agr.exceeds-terms",
    "agr.exceeds-person",
    "agr.bundled",
    "agr.not-understood",
    "agr.window",
    "agr.propagation",
    "agr.retention",
    "ask.excess",
    "ask.threshold",
    "ask.probing",
    "cred.stale",
    "cred.status",
    "cred.copies",
    "cred.none",
    "rel.new",
    "rel.unknown",
    "ok.rule",
    "ok.new",
)


def objection(code: str, outcome: Outcome, detail: str = "") -> tuple[Objection, ...]:
    """A single objection."""
    return (Objection(code=code, outcome=outcome, detail=detail),)


def noted(case: DisclosureCase, outcome: Outcome, *codes: str) -> tuple[Objection, ...]:
    """An objection for each finding about the vendor with one of these codes."""
    findings = () if case.vendor is None else case.vendor.findings
    return tuple(Objection(code=one.code, outcome=outcome, detail=one.detail) for one in findings if one.code in codes)
