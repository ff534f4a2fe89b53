"""Rules about what is asked and what is held: R-15, R-19, R-22, R-23, R-28, R-29."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from didkit_py.consent.disclosure_case import (
    LADDER,
    RANGE,
    AskedThreshold,
    DisclosureCase,
    Objection,
    Outcome,
    ShownClaim,
    objection,
)
from didkit_py.credentials.template import template_of
from didkit_py.terms.grant_parts import DataItem
from didkit_py.terms.order import is_covered

STEP_LENGTH: Final = 2  # ("at_least", "20000")
_UNKNOWN_LIFE: Final = timedelta(days=30)  # the longest life of a claim of what a person can pay


def is_promised(case: DisclosureCase, item: ShownClaim) -> bool:
    """Whether the agreement grants this path or one above it, as required or as optional as it is asked.

    What comes along is not the vendor's to require: a promise of either necessity covers it.
    """
    agreement, vendor = case.agreement, case.vendor
    if agreement is None or vendor is None:
        return False
    if vendor.agreement_queries is not None and item.query_id not in vendor.agreement_queries:
        return False
    necessity = "required" if item.required and item.asked else "optional"
    wanted = DataItem(vct=item.vct, path=item.path, necessity=necessity)
    return any(is_covered(wanted, grant.data or ()) for grant in agreement.grants)


def over_asks(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-15: each type and each claim that would be shown needs a promise; a range beside a step is more than needed."""
    if case.agreement is None:
        return ()
    items = case.shown
    beyond = [
        *_unnamed_types(case),
        *(
            f"{one.query_id}: " + "/".join("*" if step is None else str(step) for step in one.path)
            for one in items
            if not is_promised(case, one)
        ),
    ]
    if beyond:
        outcome = Outcome.ASK if case.policy.profile == "eudi-warn" else Outcome.REFUSE
        return objection("ask.excess", outcome, ", ".join(beyond))
    steps = {item.vct for item in items if item.is_step}
    if any(item.path[0] == RANGE and item.vct in steps for item in items):
        return objection("ask.excess", Outcome.ASK, "a range and a step together")
    return ()


def _unnamed_types(case: DisclosureCase) -> Iterator[str]:
    """The types of each query that no item of the promise for it names by a path: a class of data names no type."""
    agreement, vendor, request = case.agreement, case.vendor, case.request
    if agreement is None or vendor is None or request is None:
        return
    named = {item.vct for grant in agreement.grants for item in grant.data or () if item.path is not None}
    for one in request.request.query.credentials:
        is_meant = vendor.agreement_queries is None or one.id in vendor.agreement_queries
        yield from (f"{one.id}: {vct}" for vct in one.vct_values if not is_meant or vct not in named)


def steps_asked(case: DisclosureCase) -> tuple[ShownClaim, ...]:
    """The items that touch a ladder of thresholds."""
    return tuple(item for item in case.shown if item.is_step)


def probes(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-19, several amounts: in one query, against earlier ones, or by asking for a no."""
    steps = steps_asked(case)
    if not steps or case.vendor is None:
        return ()
    if any(len(item.path) != STEP_LENGTH or _amount(item) is None for item in steps):
        return objection("ask.probing", Outcome.REFUSE, "a step is asked for by its own path")
    if any(list(map(repr, item.values)) != ["True"] for item in steps):
        return objection("ask.probing", Outcome.REFUSE, "a step is asked for with the values [true]")
    if len({(item.vct, item.path) for item in steps}) > len({item.vct for item in steps}):
        return objection("ask.probing", Outcome.REFUSE, "several steps in one query")
    for earlier in case.history.thresholds:
        if earlier.until <= case.now or case.vendor.claimed.isdisjoint(earlier.identifiers):
            continue
        if any(earlier.vct == item.vct and earlier.step != item.path[-1] for item in steps):
            return objection("ask.probing", Outcome.REFUSE, "a second threshold within the life of one claim")
    return ()


def _amount(item: ShownClaim) -> int | None:
    step = item.path[-1]
    return int(step) if isinstance(step, str) and step.isascii() and step.isdigit() else None


def asks_too_high(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-19, the person's own limit."""
    cap = case.policy.threshold_cap
    amounts = [amount for item in steps_asked(case) if (amount := _amount(item)) is not None]
    if cap is None or all(amount <= cap for amount in amounts):
        return ()
    return objection("ask.threshold", Outcome.REFUSE, "above the highest amount that may be asked")


def asked_thresholds(case: DisclosureCase) -> tuple[AskedThreshold, ...]:
    """What the ledger must remember of this request, whatever is answered, so that R-19 can see the next one."""
    if case.vendor is None:
        return ()
    return tuple(
        AskedThreshold(
            identifiers=case.vendor.identifiers, vct=item.vct, step=str(item.path[-1]), until=_life(case, item)
        )
        for item in steps_asked(case)
    )


def _life(case: DisclosureCase, item: ShownClaim) -> datetime:
    """The end of the longest life among the claims that could answer; else of a claim issued now."""
    answers = () if case.candidates is None else case.candidates.answers.get(item.query_id, ())
    ends = [end for one in answers if (end := case.held[one.held_id].expires_at) is not None]
    template = template_of(item.vct)
    return max(ends, default=case.now + (template.lifetime if template else _UNKNOWN_LIFE))


def _unusable(case: DisclosureCase, *codes: str) -> tuple[Objection, ...]:
    """An objection for each query that must be answered and whose best answer has one of these faults."""
    if case.candidates is None:
        return ()
    found: dict[str, Objection] = {}
    for query_id in case.candidates.required:
        answers = case.candidates.answers.get(query_id, ())
        if answers and case.usable(query_id) is None:
            code = case.fault_of(case.held[answers[0].held_id])
            if code in codes:
                found[code] = Objection(code=code, outcome=Outcome.REFUSE, detail=query_id)
    return tuple(found.values())


def is_stale(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-22."""
    return _unusable(case, "cred.stale", "cred.status")


def is_used_up(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-23."""
    return _unusable(case, "cred.copies")


def is_allowed(case: DisclosureCase) -> bool:
    """Whether allow rules cover every type and every claim that would be shown.

    Never for thresholds, where silence and refusal must look alike.
    """
    items = case.shown
    if case.vendor is None or case.agreement is None or not set(case.types()) <= {item.vct for item in items}:
        return False
    if not items or any(item.path[0] == LADDER for item in items):
        return False
    purposes = frozenset(purpose for grant in case.agreement.grants for purpose in grant.purpose)
    names = case.vendor.exact
    return all(
        any(
            rule.matches(identifiers=names, purposes=purposes, vct=item.vct, path=item.path)
            for rule in case.policy.allow
        )
        for item in items
    )


def matches_allow_rule(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-28."""
    return objection("ok.rule", Outcome.RELEASE) if is_allowed(case) else ()


def is_new(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-29."""
    return () if is_allowed(case) else objection("ok.new", Outcome.ASK)
