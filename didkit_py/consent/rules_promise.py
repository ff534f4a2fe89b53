"""Rules about terms and promises: R-09 to R-14, R-17, R-18."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from didkit_py.consent.disclosure_case import DisclosureCase, Objection, Outcome, noted, objection
from didkit_py.consent.policy import Policy
from didkit_py.terms.agreement import Agreement
from didkit_py.terms.document import TermsDocument
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import PROPAGATIONS, Propagation, Recipient
from didkit_py.terms.order import ceiling_excess
from didkit_py.terms.period import Period
from didkit_py.terms.vocabulary import is_within

LAWFUL_TIME: Final = Period.parse("P31D")  # the month that the GDPR gives for answering a person, 12(3)
_OPEN: Final = ("terms.missing", "terms.version", "terms.stale")


def _grants(case: DisclosureCase) -> tuple[Grant, ...]:
    return () if case.agreement is None else case.agreement.grants


def _ask_or_refuse(case: DisclosureCase) -> Outcome:
    return Outcome.REFUSE if case.is_strict else Outcome.ASK


def lacks_terms(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-09."""
    return noted(case, _ask_or_refuse(case), *_OPEN)


def has_false_terms(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-10."""
    return noted(case, Outcome.REFUSE, "terms.forged", "terms.revoked")


def lacks_agreement(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-11."""
    return noted(case, _ask_or_refuse(case), "agr.missing")


def is_unbound(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-12, and a relationship id that belongs to another vendor."""
    found = noted(case, Outcome.REFUSE, "agr.unbound")
    if case.agreement is None or case.vendor is None:
        return found
    owner = case.history.rels.get(case.agreement.rel)
    if owner is None or not owner.isdisjoint(case.vendor.identifiers):
        return found
    return (*found, *objection("agr.unbound", Outcome.REFUSE, "the relationship id belongs to another vendor"))


def exceeds_terms(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-13, a promise that is slower than the duties of the terms, and one that forbids what it is made for."""
    document = None if case.vendor is None else case.vendor.terms
    beyond = () if document is None else ceiling_excess(_grants(case), document.ceiling)
    if document is not None and case.agreement is not None:
        beyond += tuple(_slower(case.agreement, document))
    beyond += tuple(
        f"{grant.gid}.not"
        for grant in _grants(case)
        if any(is_within(purpose, one) for purpose in grant.purpose for one in grant.prohibitions or ())
    )
    return objection("agr.exceeds-terms", Outcome.REFUSE, ", ".join(dict.fromkeys(beyond))) if beyond else ()


def _slower(agreement: Agreement, document: TermsDocument) -> Iterator[str]:
    """The desks that take longer than the terms say. To withdraw may mean to erase, so the same duty bounds both.

    Terms that state no time for erasure are taken to allow the month of the law: the agreement stays within the terms
    and these within the law, and what is absent is not granted.
    """
    erasure = document.within("erasure") or LAWFUL_TIME
    if agreement.erase.within > erasure:
        yield "erase"
    if agreement.withdraw.within > erasure:
        yield "withdraw"
    confirm = document.within("confirmReceipt")
    if confirm is not None and agreement.receipt.within > confirm:
        yield "receipt"


def exceeds_person(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-14: the person's own terms, where there are any."""
    if not case.policy.own_terms:
        return ()
    beyond = ceiling_excess(_grants(case), case.policy.own_terms)
    return objection("agr.exceeds-person", _ask_or_refuse(case), ", ".join(beyond)) if beyond else ()


def passes_on(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-17: further than the person allows, or to parties that the promised value does not admit."""
    beyond = [grant.gid for grant in _grants(case) if _goes_further(grant, case.policy)]
    return objection("agr.propagation", Outcome.REFUSE, ", ".join(beyond)) if beyond else ()


def _goes_further(grant: Grant, policy: Policy) -> bool:
    value = (grant.propagation or Propagation()).value
    recipient = grant.recipient or Recipient()
    needed = "listed" if recipient.third_parties else "processors" if recipient.processors else "none"
    allowed = min(PROPAGATIONS.index(value), PROPAGATIONS.index(policy.propagation))
    return PROPAGATIONS.index(value) > allowed or PROPAGATIONS.index(needed) > allowed


def keeps_too_long(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-18: each class within the person's cap, and an end to each."""
    beyond = [
        f"{grant.gid}.{one.retention_class}"
        for grant in _grants(case)
        for one in grant.retention or ()
        if (cap := case.policy.retention_caps.get(one.retention_class)) is None
        or one.period > cap
        or one.then == "keep"
    ]
    return objection("agr.retention", Outcome.REFUSE, ", ".join(beyond)) if beyond else ()
