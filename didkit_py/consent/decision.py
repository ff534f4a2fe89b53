"""decide: release, ask or refuse, by a table of rules; the worst outcome wins and every code is kept.

Nothing is released without a rule that allows it, and an empty table refuses. What a vendor learns of a refusal is the
same whatever the reason, and the same when nothing is held that answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from didkit_py.consent import choices, rules_promise, rules_query, rules_request
from didkit_py.consent.disclosure_case import (
    SENTENCES,
    AskedThreshold,
    DisclosureCase,
    HeldState,
    History,
    Objection,
    Outcome,
    Rule,
    ShownClaim,
    nonce_key,
)
from didkit_py.consent.rules_query import asked_thresholds
from didkit_py.errors import DidkitError
from didkit_py.oauth import InvalidTransactionData, VpFormatsNotSupported
from didkit_py.oid4vp.dcql import QueryAnswer
from didkit_py.oid4vp.response import ACCESS_DENIED

__all__ = [
    "RULES",
    "AskedThreshold",
    "Decision",
    "DisclosureCase",
    "HeldState",
    "History",
    "Outcome",
    "Reason",
    "Rule",
    "ShownClaim",
    "asked_thresholds",
    "decide",
    "nonce_key",
]


RULES: Final[tuple[Rule, ...]] = (
    Rule(id="R-01", question="is the request out of order?", judge=rules_request.is_malformed, stop=True),
    Rule(id="R-02", question="was it made for another time or place?", judge=rules_request.is_replayed, stop=True),
    Rule(id="R-03", question="is it unproven who asks?", judge=rules_request.is_unauthenticated),
    Rule(
        id="R-04", question="do the seller's papers disagree on who it is?", judge=rules_request.disagrees_on_identity
    ),
    Rule(id="R-05", question="is the seller on the person's deny list?", judge=rules_request.is_denied, stop=True),
    Rule(id="R-06", question="does it lack an approval that the person wants?", judge=rules_request.lacks_role),
    Rule(id="R-07", question="is it outside the person's criteria?", judge=rules_request.fails_criteria),
    Rule(id="R-08", question="is there a stop notice against it?", judge=rules_request.is_stopped),
    Rule(id="R-09", question="is it unconfirmed that it signed the terms?", judge=rules_promise.lacks_terms),
    Rule(id="R-10", question="is that confirmation false or taken back?", judge=rules_promise.has_false_terms),
    Rule(id="R-11", question="is there no promise for this request?", judge=rules_promise.lacks_agreement),
    Rule(id="R-12", question="is the promise not bound to this request?", judge=rules_promise.is_unbound),
    Rule(id="R-13", question="does the promise go beyond the terms?", judge=rules_promise.exceeds_terms),
    Rule(id="R-14", question="does it go beyond the person's own terms?", judge=rules_promise.exceeds_person),
    Rule(id="R-15", question="is more asked than promised for?", judge=rules_query.over_asks),
    Rule(id="R-17", question="would it be passed on too far?", judge=rules_promise.passes_on),
    Rule(id="R-18", question="would it be kept too long?", judge=rules_promise.keeps_too_long),
    Rule(id="R-19", question="does it search for the person's limit?", judge=rules_query.probes),
    Rule(id="R-19", question="does it ask about too high an amount?", judge=rules_query.asks_too_high),
    Rule(id="R-22", question="is the person's document run out or taken back?", judge=rules_query.is_stale),
    Rule(id="R-23", question="are only used copies left?", judge=rules_query.is_used_up),
    Rule(id="R-26", question="does a known seller start anew?", judge=rules_request.starts_anew),
    Rule(id="R-28", question="did the person allow this beforehand?", judge=rules_query.matches_allow_rule),
    Rule(id="R-29", question="has the person not decided this before?", judge=rules_query.is_new),
    Rule(id="R-30", question="is a nameless seller asking who the person is?", judge=rules_request.is_faceless),
    Rule(id="R-31", question="are uses tied together that could be chosen apart?", judge=choices.bundles),
    Rule(id="R-32", question="does it promise what cannot be explained?", judge=choices.cannot_be_explained),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that speaks for the outcome, for the person in a sentence, for programs as a code."""

    code: str
    rule: str  # empty for what is no rule: nothing held answers
    outcome: Outcome
    sentence: str
    detail: str = ""  # for those who build vendors' systems; never a claim value


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome, why, and what would be shown."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    case: DisclosureCase = field(repr=False)
    chosen: Mapping[str, QueryAnswer]  # by query id: the answer that can be given now; empty when refused
    covered: tuple[ShownClaim, ...] = ()  # after over-asking: the part that is promised for, which may be offered apart

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all reasons, in the order of the table."""
        return tuple(dict.fromkeys(reason.code for reason in self.reasons))

    @property
    def wire_error(self) -> str:
        """What the vendor is told of a refusal; only a request that no wallet could serve is told more."""
        fault: DidkitError | None = self.case.request_fault
        return fault.code if isinstance(fault, InvalidTransactionData | VpFormatsNotSupported) else ACCESS_DENIED


def decide(case: DisclosureCase, *, rules: Sequence[Rule] = RULES) -> Decision:
    """Judge a case by the table. `rules` is another table only in tests of the table itself."""
    found = _walk(case, rules)
    outcome = max((reason.outcome for reason in found), default=Outcome.REFUSE)
    if outcome == Outcome.RELEASE and all(reason.code != "ok.rule" for reason in found):
        outcome = Outcome.REFUSE
    # Whether something was allowed or new is no news beside a refusal.
    reasons = tuple(one for one in found if one.outcome == outcome or not one.code.startswith("ok."))
    chosen = {} if outcome == Outcome.REFUSE else case.chosen
    beyond = any(reason.code == "ask.excess" for reason in reasons)
    covered = tuple(one for one in case.shown if one.asked and rules_query.is_promised(case, one)) if beyond else ()
    return Decision(outcome=outcome, reasons=reasons, case=case, chosen=chosen, covered=covered)


def _walk(case: DisclosureCase, rules: Sequence[Rule]) -> list[Reason]:
    reasons: list[Reason] = []
    for rule in rules:
        found = rule.judge(case)
        reasons += [_reason(rule.id, one) for one in found]
        if rule.stop and any(one.outcome == Outcome.REFUSE for one in found):
            return reasons
    if rules and case.candidates is not None and not case.candidates.satisfiable:
        reasons.append(_reason("", Objection(code="cred.none", outcome=Outcome.REFUSE)))
    return reasons


def _reason(rule: str, found: Objection) -> Reason:
    return Reason(
        code=found.code, rule=rule, outcome=found.outcome, sentence=SENTENCES[found.code], detail=found.detail
    )
