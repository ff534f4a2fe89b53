"""Which promises a yes carries, and which are a choice of their own.

A vendor may write several grants into one promise. Those that what was asked for cannot do without go with the answer.
Every other one is offered beside it, unticked, and is accepted only where the person ticks it: consent that rides along
is none. Both sides sort the grants by the offer and the query alone, so that they write the same record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from didkit_py.consent.disclosure_case import (
    DisclosureCase,
    Objection,
    Outcome,
    objection,
    required_queries,
    shown_along,
)
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import ClaimPath, DataItem, Window, moment_of
from didkit_py.terms.order import is_covered
from didkit_py.terms.vocabulary import is_service

WALLET_INBOX: Final = "wallet-inbox"
_EXPLAINED_MODES: Final = (None, "assert", "copy")  # a value is shown, or kept; more than that no page says


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedGrants:
    """The grants of an offer by what becomes of them. One in neither is about nothing that was asked, and unused."""

    tied: Mapping[str, frozenset[str]]  # gid -> ids of the queries whose answer cannot do without it
    choices: tuple[str, ...]  # gids that the person accepts or not, whatever else is answered
    required: frozenset[tuple[str, ClaimPath]]  # type and path of each claim that every answer shows

    def carried(self, answered: Iterable[str]) -> frozenset[str]:
        """The gids that go with the answers to these queries."""
        ids = frozenset(answered)
        return frozenset(gid for gid, queries in self.tied.items() if queries & ids)


def sort_grants(grants: Sequence[Grant], query: DcqlQuery) -> SortedGrants:
    """Sort the grants of an offer for this query.

    A grant is tied to a query when it covers a claim of it and no other grant covers that claim better: one for the
    service alone is better than one for anything else, and a contract better than a consent.
    """
    must = required_queries(query)
    tied: dict[str, set[str]] = {}
    covering: set[str] = set()
    for query_id, item in _claims(query, must):
        found = [one for one in grants if is_covered(item, one.data or ())]
        covering |= {one.gid for one in found}
        best = min(map(_rank, found), default=None)
        for one in found:
            if _rank(one) == best:
                tied.setdefault(one.gid, set()).add(query_id)
    return SortedGrants(
        tied={one.gid: frozenset(tied[one.gid]) for one in grants if one.gid in tied},
        choices=tuple(one.gid for one in grants if one.gid not in tied and (not one.data or one.gid in covering)),
        required=frozenset(_in_every_answer(query)),
    )


def _in_every_answer(query: DcqlQuery) -> Iterator[tuple[str, ClaimPath]]:
    """What no answer can leave out: not what stands in one of several options, types or sets of claims alone."""
    always = {one.id for one in query.credentials} if not query.credential_sets else set()
    for each in query.credential_sets:
        if each.required:
            always |= set.intersection(*map(set, each.options))
    for one in query.credentials:
        if one.id in always and len(one.vct_values) == 1:
            paths = set.intersection(*({claim.path for claim in claims} for claims in one.alternatives()))
            yield from ((one.vct_values[0], path) for path in paths)


def grants_of(case: DisclosureCase) -> SortedGrants:
    """The promise of a case, sorted; empty where there is none."""
    if case.agreement is None or case.request is None:
        return SortedGrants(tied={}, choices=(), required=frozenset())
    return sort_grants(case.agreement.grants, case.request.request.query)


def _claims(query: DcqlQuery, must: frozenset[str]) -> Iterator[tuple[str, DataItem]]:
    """Each claim that a query asks for or that its types show always, as required or optional as R-15 takes it."""
    for one in query.credentials:
        necessity = "required" if one.id in must else "optional"
        asked = [claim.path for claim in one.claims]
        for vct in one.vct_values:
            for path in asked:
                yield one.id, DataItem(vct=vct, path=path, necessity=necessity)
            for path in shown_along(vct, asked):
                yield one.id, DataItem(vct=vct, path=path, necessity="optional")


def _rank(grant: Grant) -> tuple[bool, bool]:
    return (not all(map(is_service, grant.purpose)), grant.legal_basis == "consent")


def bundles(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-31: uses that have nothing to do with each other and cannot be answered apart.

    What goes with one answer serves the service, or else one single purpose. A purpose that no table explains could be
    anything, so that it does not ride along either.
    """
    if case.agreement is None or case.request is None:
        return ()
    must, grants = required_queries(case.request.request.query), grants_of(case)
    together: dict[str, dict[str, Grant]] = {}
    for one in case.agreement.grants:
        for query_id in grants.tied.get(one.gid, ()):
            together.setdefault("" if query_id in must else query_id, {})[one.gid] = one
    beyond: dict[str, None] = {}
    for found in together.values():
        purposes = {purpose for one in found.values() for purpose in one.purpose}
        if len(purposes) > 1 and not all(map(is_service, purposes)):
            beyond |= dict.fromkeys(found)
    return objection("agr.bundled", Outcome.REFUSE, ", ".join(beyond)) if beyond else ()


def cannot_be_explained(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-32: conditions that the page does not show, or that nothing here would keep count of."""
    grants = () if case.agreement is None else case.agreement.grants
    strange = [f"{one.gid}.{name}" for one in grants for name in _unexplained(one)]
    closed: list[str] = []
    for one in grants:
        window = one.window or Window()
        early = window.not_before is not None and case.now < moment_of(window.not_before, end=False)
        late = window.not_after is not None and moment_of(window.not_after, end=True) < case.now
        if early or late:
            closed.append(one.gid)
    return (
        *(objection("agr.not-understood", Outcome.REFUSE, ", ".join(strange)) if strange else ()),
        *(objection("agr.window", Outcome.REFUSE, ", ".join(closed)) if closed else ()),
    )


def _unexplained(grant: Grant) -> Iterator[str]:
    window = grant.window or Window()
    odd = {
        "price": grant.price is not None,
        "frequency": grant.frequency is not None,
        "renewal": grant.renewal is not None,
        "context": grant.context is not None,
        "mode": grant.mode not in _EXPLAINED_MODES,
        "subjectForm": grant.subject_form is not None and grant.subject_form.claim is not None,
        "recipient": grant.recipient is not None and grant.recipient.controller is False,
        "channel": grant.channel is not None and set(grant.channel) != {WALLET_INBOX},
        "window.months": window.months is not None,
        "window.dataNotAfter": window.data_not_after is not None,
    }
    return (name for name, is_odd in odd.items() if is_odd)
