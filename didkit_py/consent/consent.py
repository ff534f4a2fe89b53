"""Consent: the person's yes to one decision; and release, the only caller of a format's `present`.

A consent exists only where a decision allowed one and the person said yes. Between the yes and the release time passes:
the case is judged once more, and whatever became worse stops the release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.consent.choices import grants_of
from didkit_py.consent.consent_view import ConsentLine, ConsentView, Item, Promises, Terms, Who, consent_view
from didkit_py.consent.decision import Decision, Outcome, decide
from didkit_py.consent.page_digest import page_digest
from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.errors import Malformed, PageChanged, Refused
from didkit_py.formats.format import Formats, ToPresent
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.dcql import Path_, QueryAnswer
from didkit_py.verification import parse_answer

__all__ = [
    "Answer_",
    "Consent",
    "ConsentLine",
    "ConsentView",
    "Item",
    "Promises",
    "Terms",
    "Who",
    "consent",
    "consent_view",
    "release",
]

_SEAL: Final = object()  # only `consent` holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer_:  # noqa: N801 - `Answer` is the wallet's answer to a query
    """What the person answered on the page."""

    share: bool
    seen: str  # the digest of the page that was answered, from its view
    optional: frozenset[str] = frozenset()  # ids of the optional queries that were ticked
    grants: frozenset[str] = frozenset()  # gids of the promises that are a choice of their own and were ticked


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A yes to one request: what will be shown and what was left out. Made by `consent` alone."""

    decision: Decision
    answers: Mapping[str, QueryAnswer]  # by query id
    seen: str  # the digest of the page that was answered
    grants: frozenset[str]  # gids of the promises that this yes accepts, and no others
    declined: tuple[str, ...]  # optional queries that could have been answered
    by: str  # "person", or "policy" where the person had allowed it beforehand
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a Consent comes from consent() alone")

    def shown(self) -> tuple[tuple[str, Path_], ...]:
        """Every claim that will be shown, asked for or not, as type and path, without its value."""
        held = self.decision.case.held
        return tuple(
            (held[one.held_id].vct, path) for one in self.answers.values() for path, _ in (*one.shown, *one.also_shown)
        )


def consent(decision: Decision, answer: Answer_) -> Consent:
    """The person's yes.

    Raises Refused when the decision or the person says no, PageChanged when the page that was answered is not the one
    of this decision, Malformed when something was ticked that was not offered.
    """
    if decision.outcome == Outcome.REFUSE:
        raise Refused("the person's rules refuse this request", reason=next(iter(decision.codes), "rules.none"))
    if not answer.share:
        raise Refused("the person said no", reason="person")
    candidates = decision.case.candidates
    if candidates is None or not decision.chosen:
        raise ValueError("nothing was looked up that could be shown")
    if answer.seen != page_digest(decision):
        raise PageChanged("the page that was answered is not the page as it is now", reason="page")
    offered = frozenset(decision.chosen) - frozenset(candidates.required)
    grants = grants_of(decision.case)
    if not answer.optional <= offered or not answer.grants <= set(grants.choices):
        raise Malformed("something was ticked that was not offered")
    # A part of a set would answer nothing, so only sets that were ticked whole count.
    ticked = answer.optional | frozenset(candidates.required)
    whole = {name for names in candidates.optional_sets if set(names) <= ticked for name in names}
    answers = {name: one for name, one in decision.chosen.items() if name not in offered or name in whole}
    if not answers:
        raise Refused("nothing was chosen", reason="person")
    return Consent(
        decision=decision,
        answers=answers,
        seen=answer.seen,
        grants=grants.carried(answers) | answer.grants,
        declined=tuple(name for name in decision.chosen if name not in answers),
        by="policy" if decision.outcome == Outcome.RELEASE else "person",
        seal=_SEAL,
    )


async def release(
    consent: Consent,
    *,
    texts: Mapping[str, str],
    signers: Mapping[str, Signer],
    formats: Formats,
    now: datetime,
) -> dict[str, list[str]]:
    """The presentations by query id (`vp_token`), after deciding once more at `now`.

    `texts` and `signers` hold, by held id, one unused copy and the signer of its key; `formats` has the format of each.
    Raises Refused when the case became worse since it was judged, PageChanged when it became another one, ValueError
    when a copy does not show exactly what the person saw.
    """
    request = consent.decision.case.request
    if request is None:
        raise ValueError("a consent without a request")
    judged = consent.decision
    again = judged if judged.case.now == now else decide(judged.case.at(now))
    if again.outcome > consent.decision.outcome:
        raise Refused("the case became worse since the person saw it", reason=next(iter(again.codes), "rules.none"))
    for query_id, answer in consent.answers.items():
        if again.chosen.get(query_id) != answer:
            raise Refused("a document can no longer be shown", reason="cred.stale")
    if page_digest(again) != consent.seen:
        raise PageChanged("the page that was answered is not the page as it is now", reason="page")
    query = request.request.query
    vp_token: dict[str, list[str]] = {}
    for row in formats.values():
        chosen = {
            query_id: [ToPresent(texts[answer.held_id], answer.paths, signers[answer.held_id])]
            for query_id, answer in consent.answers.items()
            if (one := query.credential(query_id)) is not None and one.format == row.id
        }
        if chosen:
            nonce, audience = request.request.nonce, request.request.client_id.full
            made = await row.present(chosen, nonce=nonce, audience=audience, now=now)
            vp_token |= {query_id: [*some] for query_id, some in made.items()}
    shown = parse_answer(vp_token, query, formats)
    for query_id, answer in consent.answers.items():
        _require_as_seen(shown.get(query_id, ()), answer, signers[answer.held_id])
    return vp_token


def _require_as_seen(shown: Sequence[UnverifiedCredential], answer: QueryAnswer, signer: Signer) -> None:
    """Check that what was made shows what the person saw and nothing else."""
    if len(shown) != 1:
        raise ValueError("the presentation holds other credentials than the person saw")
    read = shown[0].read()
    if not read.is_bound_to(signer.public):
        raise ValueError("the copy is bound to another key")
    if set(read.disclosed) != set(answer.paths):
        raise ValueError("the copy would show other claims than the person saw")
    if json.dumps(read.said, sort_keys=True) != json.dumps(answer.said, sort_keys=True):
        raise ValueError("the copy holds other values than the person saw")
