"""Deciding: what a request is judged by, and what a person's answer makes of its exchange (specs/flow.md, P4 to P6).

Values in, values out: whoever calls stores what is prepared here before any of it is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

from didkit_py.consent.consent import Consent, consent_view
from didkit_py.consent.decision import Decision, DisclosureCase, asked_thresholds, decide, nonce_key
from didkit_py.consent.policy import DEFAULT_POLICY
from didkit_py.consent.vendor import VerifiedVendor
from didkit_py.encoding import Json
from didkit_py.errors import DidkitError
from didkit_py.localization import text_json
from didkit_py.oid4vp.response import create_error, create_response
from didkit_py.roles.presenting.opening import AuthenticatedRequest
from didkit_py.roles.presenting_store import (
    Exchange,
    HeldDocument,
    Note,
    Outgoing,
    PresentationState,
    thresholds_json,
)
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence


class PublicLists(Protocol):
    """What is known beforehand about issuers, businesses and terms."""

    def evidence(self) -> Evidence:
        """Trust, key documents and status lists."""

    @property
    def terms(self) -> Mapping[str, TermsDocument]:
        """The terms documents whose publisher's signature held, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request as it stands now."""

    exchange: Exchange
    authentic: AuthenticatedRequest | None = field(repr=False)  # None: it can not be verified any more
    decision: Decision
    documents: Mapping[str, HeldDocument] = field(repr=False)  # by held id


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The person's signature under the record of what was agreed, and where it is sent."""

    uri: str
    text: str = field(repr=False)
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAnswer:
    """What is kept, all or none of it, before anything is sent."""

    exchange: Exchange
    note: Note
    spent: Mapping[str, str] = field(default_factory=dict)  # the copy of each document


def decide_unread(error: DidkitError, *, now: datetime) -> Decision:
    """The refusal of a request that could not be read, fetched or verified; there is nobody to tell it to."""
    case = DisclosureCase(
        request=None, vendor=None, candidates=None, policy=DEFAULT_POLICY, now=now, request_fault=error
    )
    return decide(case)


def shown_name(vendor: VerifiedVendor | None) -> str:
    """What a vendor is called in lists: its proven name, else the host that it speaks for."""
    return "" if vendor is None else vendor.name or vendor.host or vendor.identifier


def asked_note(exchange: Exchange, case: DisclosureCase) -> Note:
    """The note of a request that was opened, with everything that judging it again needs."""
    body: dict[str, Json] = {
        **_whom(exchange, case.vendor),
        "thresholds": thresholds_json(asked_thresholds(case)),
        "reason_codes": [*decide(case).codes],
        "rel": None if case.agreement is None else case.agreement.rel,
        "signed_request": exchange.text,
        "key_document": exchange.document,
    }
    return _note("asked", body)


def prepare_no(authentic: AuthenticatedRequest, decision: Decision) -> PreparedAnswer:
    """P5: the person pressed the button that says no."""
    request = authentic.request.request
    declining = replace(
        authentic.exchange,
        state=PresentationState.DECLINING,
        outgoing=Outgoing(
            response_uri=request.response_uri, form=urlencode(create_error(decision.wire_error, state=request.state))
        ),
    )
    body = _answered(declining, authentic, decision) | {"answer": "refuse"}
    return PreparedAnswer(exchange=declining, note=_note("refused", body))


def prepare_yes(
    judged: Judged,
    agreed: Consent,
    *,
    authentic: AuthenticatedRequest,
    vp_token: Mapping[str, Sequence[str]],
    acceptance: Acceptance | None,
) -> PreparedAnswer:
    """P6: everything that will be sent, and the copies that it spends."""
    request, agreement = authentic.request.request, agreed.decision.case.agreement
    sending = replace(
        judged.exchange,
        state=PresentationState.SENDING,
        shared=_shared(agreed),
        promises=_promises(agreed),
        rel=None if agreement is None else agreement.rel,
        outgoing=Outgoing(
            response_uri=request.response_uri,
            form=urlencode({"response": create_response(vp_token, request=request)}),
            receipt_uri=None if acceptance is None else acceptance.uri,
            acceptance=None if acceptance is None else acceptance.text,
        ),
    )
    chosen = (judged.documents[one.held_id] for one in agreed.answers.values())
    spent = {one.held.id: one.copy_id for one in chosen if one.copy_id is not None}
    body = _answered(sending, authentic, agreed.decision) | _sent(sending, [*spent.values()]) | {"answer": "share"}
    body |= {"record_id": None if acceptance is None else acceptance.record_id}
    return PreparedAnswer(exchange=sending, note=_note("decided", body), spent=spent)


def released_note(exchange: Exchange, *, accepted: bool) -> Note:
    """The note of a presentation that left; the copies stand in the note of the decision."""
    return _note("released", _sent(exchange, ()) | {"accepted": accepted})


def _shared(agreed: Consent) -> tuple[Mapping[str, Json], ...]:
    """What is sent, as the person was shown it."""
    items = consent_view(agreed.decision).items
    return tuple(
        {
            "query": one.query_id,
            "label": text_json(one.label),
            "value": text_json(one.value),
            "document": text_json(one.document),
            "always": one.always,
        }
        for one in items
        if one.query_id in agreed.answers and not one.protocol
    )


def _promises(agreed: Consent) -> Mapping[str, Json]:
    """What was promised in return and accepted, as the person was shown it."""
    view = consent_view(agreed.decision)
    accepted = [one for one in (*view.promises, *view.choices) if not one.gid or one.gid in agreed.grants]
    return {
        "uses": [text_json(text) for text in dict.fromkeys(line.text for one in accepted for line in one.uses)],
        "kept": [text_json(text) for text in dict.fromkeys(line.text for one in accepted for line in one.kept)],
        "terms": None if view.terms is None else view.terms.name,
    }


def _whom(exchange: Exchange, vendor: VerifiedVendor | None) -> dict[str, Json]:
    names: list[Json] = [] if vendor is None else [*sorted(vendor.identifiers)]
    return {"vendor": exchange.vendor, "client_id": exchange.client_id, "identifiers": names}


def _answered(exchange: Exchange, authentic: AuthenticatedRequest, decision: Decision) -> dict[str, Json]:
    request = authentic.request.request
    return {
        **_whom(exchange, decision.case.vendor),
        "nonce_key": nonce_key(request.client_id.full, request.nonce),
        "reason_codes": [*decision.codes],
        "rel": exchange.rel,
    }


def _sent(exchange: Exchange, copies: Sequence[str]) -> dict[str, Json]:
    return {
        "vendor": exchange.vendor,
        "rel": exchange.rel,
        "items": [dict(one) for one in exchange.shared],
        "promises": dict(exchange.promises),
        "copies": [*copies],
    }


def _note(kind: str, body: Mapping[str, Json]) -> Note:
    """A note without the members that have no value."""
    return Note(kind=kind, body={name: value for name, value in body.items() if value is not None})
