"""Rules about the request and who made it: R-01 to R-08, R-26, R-30."""

from __future__ import annotations

from typing import Final

from didkit_py.consent.disclosure_case import DisclosureCase, Objection, Outcome, nonce_key, noted, objection
from didkit_py.consent.policy import Criteria
from didkit_py.consent.vendor import fold
from didkit_py.oid4vp.request import fault
from didkit_py.verification import VerifiedCredential

_REPLAY: Final = ("req.replay", "req.origin")
_KNOWN: Final = ("req.malformed", *_REPLAY, "vrf.unauthenticated")


def fault_code(case: DisclosureCase) -> str | None:
    """The code of what was wrong with the request itself; whoever cannot be looked up is not authenticated."""
    if case.request_fault is None:
        return None
    code = fault(case.request_fault)
    return code if code in _KNOWN else "vrf.unauthenticated"


def is_malformed(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-01."""
    if fault_code(case) != "req.malformed":
        return ()
    return objection("req.malformed", Outcome.REFUSE, str(case.request_fault))


def is_replayed(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-02."""
    code = fault_code(case)
    if code in _REPLAY:
        return objection(code, Outcome.REFUSE, str(case.request_fault))
    if case.request is None:
        return ()
    asked = case.request.request
    if nonce_key(asked.client_id.full, asked.nonce) in case.history.nonces:
        return objection("req.replay", Outcome.REFUSE, "this request was decided before")
    return ()


def is_unauthenticated(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-03."""
    if fault_code(case) != "vrf.unauthenticated":
        return ()
    return objection("vrf.unauthenticated", Outcome.REFUSE, str(case.request_fault))


def disagrees_on_identity(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-04."""
    return noted(case, Outcome.REFUSE, "vrf.identity-split")


def is_denied(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-05."""
    if case.vendor is None or not case.policy.denies(case.vendor.claimed):
        return ()
    return objection("pol.denied", Outcome.REFUSE)


def lacks_role(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-06: for each type that needs a role, one of the roles that the person accepts."""
    if case.vendor is None:
        return ()
    shown = {role.vct for role in case.vendor.roles}
    wanted = [case.policy.required_roles[vct] for vct in case.types() if vct in case.policy.required_roles]
    if all(roles & shown for roles in wanted):
        return ()
    stale = noted(case, Outcome.REFUSE, "vrf.role-stale")
    return stale or objection("vrf.role-missing", Outcome.REFUSE, "a role credential is wanted for this type of claim")


def fails_criteria(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-07: brand, territory, and the list of the only parties wanted."""
    vendor = case.vendor
    if vendor is None:
        return ()
    wanted = [case.policy.criteria[vct] for vct in case.types() if vct in case.policy.criteria]
    if all(_fits(criteria, vendor.roles, vendor.exact) for criteria in wanted):
        return ()
    return objection("pol.criteria", Outcome.REFUSE, "brand, territory or list of parties")


def _fits(criteria: Criteria, roles: tuple[VerifiedCredential, ...], identifiers: frozenset[str]) -> bool:
    if criteria.only and identifiers.isdisjoint(criteria.only):
        return False
    if not criteria.brands and not criteria.territories:
        return True
    return any(_role_fits(criteria, role) for role in roles)


def _role_fits(criteria: Criteria, role: VerifiedCredential) -> bool:
    brand, territory = role.claims.get("brand"), role.claims.get("territory")
    places = [place for place in territory if isinstance(place, str)] if isinstance(territory, list) else []
    brands = set(map(fold, criteria.brands))
    return (not brands or (isinstance(brand, str) and fold(brand) in brands)) and (
        not criteria.territories
        or any(place == one or place.startswith(f"{one}-") for place in places for one in criteria.territories)
    )


def is_stopped(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-08."""
    if case.vendor is None or not case.policy.stops(case.vendor.claimed):
        return ()
    return objection("vrf.stopped", Outcome.REFUSE)


def starts_anew(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-26."""
    agreement, vendor = case.agreement, case.vendor
    if agreement is None or vendor is None:
        return ()
    if agreement.continues is not None:
        owner = case.history.records.get(agreement.continues, frozenset())
        if owner.isdisjoint(vendor.identifiers):
            return objection("rel.unknown", Outcome.ASK, "it continues no record that is held with this vendor")
    known = any(not vendor.identifiers.isdisjoint(names) for names in case.history.rels.values())
    if known and agreement.rel not in case.history.rels and agreement.continues is None:
        return objection("rel.new", Outcome.ASK, "a relationship with this vendor exists")
    return ()


def is_faceless(case: DisclosureCase) -> tuple[Objection, ...]:
    """R-30: the data say who the person is, and nobody says who asks.

    A name that only the vendor itself writes into its promise is no name. A trusted body's statement that this vendor
    signed the terms of the promise is a face: that body knows who answers for them.
    """
    vendor = case.vendor
    if vendor is None or vendor.name is not None or not case.is_identified:
        return ()
    signatory, agreement = vendor.signatory, vendor.agreement
    if signatory is not None and agreement is not None and signatory.terms_id == agreement.terms_id:
        return ()
    return objection("vrf.faceless", Outcome.REFUSE, "no proven name, and nobody vouches for the controller")
