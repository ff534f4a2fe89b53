"""What commands and pages show of requests and their results: values, and phrases of the catalogue."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from didkit_py.consent.decision import Decision
from didkit_py.consent.value_words import value_text
from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json, rfc3339
from didkit_py.errors import DidkitError
from didkit_py.localization import Text, clock_time, hint_of, listed, phrase
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.oid4vp.query import CredentialQuery
from didkit_py.roles.asking_store import CheckMade, KeptAcceptance, KeptRequest, Learned
from didkit_py.terms.vocabulary import WORDS as VOCABULARY

WORDS: Final[Mapping[ExchangeState, str]] = {
    ExchangeState.CREATED: "waiting",
    ExchangeState.FETCHED: "opened",
    ExchangeState.ANSWERED: "verified",
    ExchangeState.REFUSED: "refused",
    ExchangeState.FAILED: "failed",
    ExchangeState.EXPIRED: "expired",
}
_PURPOSES: Final = frozenset(re.split(r"[#:/]", iri)[-1] for iri in VOCABULARY)
# Checks that the catalogue has a sentence for, below `verifier.check.`.
CHECKS_SAID: Final = frozenset(
    {
        "answer-encrypted",
        "state",
        "first-answer",
        "answer-shape",
        "format",
        "trusted-issuer",
        "issuer-key",
        "signature",
        "disclosures",
        "profile",
        "time",
        "key-binding",
        "status",
        "credentials",
        "query-answered",
        "no-more-than-asked",
        "agreement",
    }
)


def claims_of(kept: KeptRequest) -> dict[str, list[Json]]:
    """What was learned, by query id; empty unless every check held."""
    if kept.state is not ExchangeState.ANSWERED or kept.result is None:
        return {}
    return {query_id: [dict(one.claims) for one in some] for query_id, some in kept.result.learned.items()}


def record_of(acceptances: Sequence[KeptAcceptance]) -> Mapping[str, Json] | None:
    """The record with both signatures, if there is one."""
    return next((one.record for one in acceptances if one.record is not None), None)


def row_json(kept: KeptRequest) -> dict[str, Json]:
    """One request as lists print it."""
    return {
        "request_id": kept.asked.id,
        "state": WORDS[kept.state],
        "purpose_text": kept.asked.template.purpose_text,
        "question_erased": kept.asked.erased,
        "made_at": rfc3339(kept.asked.made_at),
        "expires_at": rfc3339(kept.asked.expires_at),
        "answered_at": _rfc3339(kept.answered_at or kept.tried_at),
        "ended_at": _rfc3339(kept.ended_at),
        "erased_at": _rfc3339(kept.erased_at),
        "lapsed_at": _rfc3339(_lapsed_at(kept)),
    }


def _rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _lapsed_at(kept: KeptRequest) -> datetime | None:
    """When something went because its time was over; what is past its end counts as gone before it is erased."""
    overdue = kept.stored is not None and kept.result != kept.stored
    return kept.stored.due_at if overdue and kept.stored is not None else kept.lapsed_at


def result_json(kept: KeptRequest, acceptances: Sequence[KeptAcceptance]) -> dict[str, Json]:
    """Everything that is known of one request."""
    result, record = kept.result, record_of(acceptances)
    claims: dict[str, Json] = {query_id: [*some] for query_id, some in claims_of(kept).items()}
    return {
        **row_json(kept),
        "checks": [] if result is None else [one.to_json() for one in result.checks],
        "claims": claims,
        "issuers": _issuers(kept),
        "kept_until": _kept_until(kept),
        "agreement": "accepted" if record is not None else "none",
        "record": None if record is None else dict(record),
        "error": None if result is None or result.error is None else dict(result.error),
    }


def _issuers(kept: KeptRequest) -> dict[str, Json]:
    if kept.state is not ExchangeState.ANSWERED or kept.result is None:
        return {}
    return {
        query_id: [{"vct": one.vct, "issuer": one.issuer, "issuer_name": one.issuer_name} for one in some]
        for query_id, some in kept.result.learned.items()
    }


def _kept_until(kept: KeptRequest) -> dict[str, Json]:
    """Until when each claim is kept, by query id; null where that counts from when the person leaves."""
    if kept.state is not ExchangeState.ANSWERED or kept.result is None:
        return {}
    return {
        query_id: [{"path": [*one.path], "until": _rfc3339(one.until)} for each in some for one in each.retained]
        for query_id, some in kept.result.learned.items()
    }


def title_of(vct: str) -> str:
    """The kind of claim in words."""
    template = template_of(vct)
    return vct if template is None else template.title


def lines_of(learned: Learned) -> list[tuple[str, Text]]:
    """Each claim that was learned as label and value."""
    return [(_label(learned.vct, path), shown(value)) for path, value in _leaves(learned.vct, (), dict(learned.claims))]


def _leaves(vct: str, path: tuple[str, ...], value: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Each claim of the type; of an unknown type, each value."""
    template = template_of(vct)
    is_claim = template is not None and bool(path) and template.spec(path) is not None
    if isinstance(value, dict) and not is_claim:
        for name, inner in value.items():
            yield from _leaves(vct, (*path, name), inner)
    else:
        yield path, value


def _label(vct: str, path: tuple[str, ...]) -> str:
    template = template_of(vct)
    return " / ".join(path) if template is None or template.spec(path) is None else template.label(path)


def shown(value: Json) -> Text:
    """A value as people read it."""
    if isinstance(value, dict) and len(value) == 1:
        return shown(next(iter(value.values())))
    return value_text(value)


def purpose_of(iri: str) -> Text:
    """A purpose as the vocabulary names it; of one that it does not know, the last part of the identifier as words."""
    code = re.split(r"[#:/]", iri)[-1]
    if code in _PURPOSES:
        return phrase(f"verifier.purpose.{code}")
    name = code.replace("-", " ")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def problem_of(error: DidkitError) -> Text:
    """What went wrong, as developers are told, and what to do about it."""
    hint = hint_of(error)
    return phrase("problem", problem=str(error), hint=hint) if hint else phrase("problem.bare", problem=str(error))


def since_in_words(kept: KeptRequest) -> str:
    """The state of it since: nothing, `ended`, or that it is gone: `time-over`, or `erased` where they asked."""
    if kept.erased_at is not None:
        return "erased"
    if _lapsed_at(kept) is not None and not (kept.result and kept.result.learned):
        return "time-over"
    return "" if kept.ended_at is None else "ended"


def _sentence(kept: KeptRequest) -> Text:
    if kept.erased_at is not None:
        return phrase("verifier.since.erased", time=clock_time(kept.erased_at))
    lapsed_at = _lapsed_at(kept)
    if lapsed_at is not None and not (kept.result and kept.result.learned):
        return phrase("verifier.since.lapsed", time=clock_time(lapsed_at))
    if kept.ended_at is not None:
        return phrase("verifier.since.ended", time=clock_time(kept.ended_at))
    state = phrase(f"verifier.state.{WORDS[kept.state]}")
    if kept.is_open and kept.tried_at is not None:
        return phrase("verifier.state.still-open", state=state, time=clock_time(kept.asked.expires_at))
    return state


def page_row(kept: KeptRequest) -> dict[str, Text]:
    """One request as tables show it."""
    return {
        "id": kept.asked.id,
        "purpose": kept.asked.template.purpose_text or phrase("verifier.request.erased-question"),
        "state": WORDS[kept.state],
        "since": since_in_words(kept),
        "made": clock_time(kept.asked.made_at),
        "answered": clock_time(kept.answered_at or kept.tried_at),
    }


def verdict_in_words(decision: Decision) -> dict[str, object]:
    """What a wallet would say, with the reasons that count."""
    outcome = decision.outcome.name.lower()
    return {
        "outcome": outcome,
        "title": phrase(f"verifier.verdict.{outcome}"),
        "explained": phrase(f"verifier.verdict.{outcome}.why"),
        "reasons": [one for one in decision.reasons if not one.code.startswith("ok.")],
    }


def result_in_words(kept: KeptRequest) -> dict[str, object]:
    """One request with its result, as its page shows it."""
    verified = kept.state is ExchangeState.ANSWERED and kept.result is not None
    learned = kept.result.learned if verified and kept.result is not None else {}
    checks = () if kept.result is None else kept.result.checks
    asked = kept.asked.template.query.credentials
    is_whole = verified and kept.erased_at is None and _lapsed_at(kept) is None  # else it would tell what is gone
    return {
        **page_row(kept),
        "sentence": _sentence(kept),
        "ends": clock_time(kept.asked.expires_at),
        "is_open": kept.is_open,
        "can_ask_again": not kept.asked.erased and (not kept.is_open or kept.tried_at is not None),
        "learned": [_learned_in_words(kept, name, one) for name, some in learned.items() for one in some],
        "failed": next((_check_in_words(one) for one in checks if not one.check.passed), None),
        "declined": listed([_query_title(one) for one in asked if one.id not in learned]) if is_whole else "",
        "groups": list(_groups(kept, checks)),
    }


def _learned_in_words(kept: KeptRequest, query_id: str, one: Learned) -> dict[str, object]:
    """What was asked for comes first; a document may show more, because it never holds that back."""
    query = kept.asked.template.query.credential(query_id)
    asked = {claim.path for claim in query.claims} if query is not None else set()
    lines: dict[bool, list[tuple[str, Text]]] = {True: [], False: []}
    for path, value in _leaves(one.vct, (), dict(one.claims)):
        lines[any(path[: len(some)] == some for some in asked)].append((_label(one.vct, path), shown(value)))
    return {
        "kept": kept_in_words(one),
        "title": title_of(one.vct),
        "lines": lines[True],
        "also": lines[False],
        "issuer": one.issuer,
        "issuer_name": one.issuer_name,
    }


def kept_in_words(one: Learned) -> list[tuple[str, Text]]:
    """Until when which claims are kept, the soonest first."""
    labels: dict[datetime | None, list[str]] = {}
    for kept in one.retained:
        steps = tuple(str(step) for step in kept.path if step is not None)
        labels.setdefault(kept.until, []).append(_label(one.vct, steps))
    ends = sorted(labels, key=lambda until: (until is None, until.timestamp() if until else 0.0))
    after = phrase("verifier.request.kept-after")
    return [(", ".join(dict.fromkeys(labels[until])), after if until is None else clock_time(until)) for until in ends]


def _query_title(query: CredentialQuery) -> Text:
    return listed([title_of(vct) for vct in query.vct_values], by="or") or query.id


def _groups(kept: KeptRequest, checks: Sequence[CheckMade]) -> Iterator[dict[str, object]]:
    """The checks in the order made; those of one credential under its name."""
    titles: dict[str, Text] = {one.id: _query_title(one) for one in kept.asked.template.query.credentials} | {
        "": phrase("verifier.request.whole-answer")
    }
    for query_id, some in groupby(checks, key=lambda one: one.query_id):
        yield {"title": titles.get(query_id, query_id), "checks": [_check_in_words(one) for one in some]}


def _check_in_words(made: CheckMade) -> dict[str, object]:
    one = made.check
    name = phrase(f"verifier.check.{one.name}") if one.name in CHECKS_SAID else one.name
    return {"name": name, "passed": one.passed, "detail": one.detail, "spec": one.spec, "code": one.code}
