"""Self-check: what a wallet would say to a request, by the wallet's own functions and with its codes.

A vendor judges its own request before it sends it. No wallet is looked into: the answer is that of a fresh wallet with
these rules, to which nobody has spoken before, and whose person holds what is asked for.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from didkit_py.consent.decision import Decision, DisclosureCase, Outcome, decide
from didkit_py.consent.policy import DEFAULT_POLICY, Policy
from didkit_py.consent.vendor import verify_vendor
from didkit_py.errors import DidkitError
from didkit_py.formats.format import Formats
from didkit_py.jose import parse_compact
from didkit_py.keys.party import PartyKeys
from didkit_py.localization import in_english
from didkit_py.oid4vp.request import TYPE, RequestLink, parse_request_object, verify_request_object
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader
from didkit_py.structs import Message
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence

FetchKeys = Callable[[str], Awaitable[PartyKeys]]
OutcomeWord = Literal["release", "ask", "refuse"]
_WORDS: Final[Mapping[Outcome, OutcomeWord]] = {
    Outcome.RELEASE: "release",
    Outcome.ASK: "ask",
    Outcome.REFUSE: "refuse",
}


class VerdictReason(Message):
    """One thing that speaks for the outcome; `rule` is empty for what is no rule, `detail` never a claim value."""

    code: str
    rule: str
    outcome: OutcomeWord
    sentence: str
    detail: str


class RequestVerdict(Message):
    """What a wallet would say to a request, as commands print it and `/check-request` answers."""

    outcome: OutcomeWord
    codes: Annotated[tuple[str, ...], Meta(min_length=1)]
    reasons: Annotated[tuple[VerdictReason, ...], Meta(min_length=1)]


async def check_request(
    text: str,
    *,
    formats: Formats,
    fetch_keys: FetchKeys,
    key_sources: KeySources,
    evidence: Evidence,
    terms: Mapping[str, TermsDocument],
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
) -> Decision:
    """What a wallet would decide about a request object, or why it would not even read it."""
    try:
        read = Reader(parse_compact(text, typ=TYPE).claims(), at="request")
        # The link is one of its own making: who made the link is not what is judged here.
        link = RequestLink(client_id=read.text("client_id"), request_uri=read.url("response_uri"))
        unverified = parse_request_object(text, link=link, key_sources=key_sources)
        wallet_nonce = read.optional_text("wallet_nonce")
        keys = await fetch_keys(unverified.client_id.identifier)
        request = verify_request_object(
            unverified, formats=formats, client_keys=keys, expected_wallet_nonce=wallet_nonce, now=now
        )
        vendor = verify_vendor(request, evidence=evidence, vendor_keys=keys, terms=terms, now=now)
    except DidkitError as error:
        fault = DisclosureCase(request=None, vendor=None, candidates=None, policy=policy, now=now, request_fault=error)
        return decide(fault)
    return decide(DisclosureCase(request=request, vendor=vendor, candidates=None, policy=policy, now=now))


def verdict_of(decision: Decision) -> RequestVerdict:
    """The decision as it is told to programs."""
    reasons = tuple(
        VerdictReason(
            code=one.code,
            rule=one.rule,
            outcome=_WORDS[one.outcome],
            sentence=in_english(one.sentence),
            detail=one.detail,
        )
        for one in decision.reasons
    )
    return RequestVerdict(outcome=_WORDS[decision.outcome], codes=decision.codes, reasons=reasons)


def would_answer(decision: Decision) -> bool:
    """Whether a wallet would release, or ask the person."""
    return decision.outcome is not Outcome.REFUSE
