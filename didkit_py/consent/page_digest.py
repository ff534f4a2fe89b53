"""The digest of a consent page: what a yes on that page is about, so that it counts for nothing else.

It covers who asks and where the answer goes, what is promised and by which terms, the reasons by their codes, and for
each claim its document, issuer, path and value. It covers no clock, no wording, and not which copy of a document would
be spent: a page that says the same stays good. The nonce of the request goes in, so that nobody can find a value by
trying digests.

The text is one digest over everything and, behind it, a short one for each part. Only the whole text is compared; the
parts are there to tell the person what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from didkit_py.consent.choices import grants_of
from didkit_py.consent.decision import Decision
from didkit_py.consent.disclosure_case import REASON_CODES, DisclosureCase
from didkit_py.consent.vendor import VerifiedVendor
from didkit_py.credentials.credential import Path_
from didkit_py.credentials.template import template_of
from didkit_py.encoding import Json, b64url, jcs, sha256
from didkit_py.localization import Phrase, Text, phrase, text_json
from didkit_py.oid4vp.dcql import QueryAnswer
from didkit_py.unicode.visible import quoted

_SHORT: Final = 6  # bytes of a part's name, and of its content
_PART: Final = 2 * _SHORT * 4 // 3  # characters of both
_OWN_RULES: Final = phrase("changed.own-rules")
_GONE: Final = phrase("changed.gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PagePart:
    """One thing that the page is about: its name, what it says, and the sentence for when that differs."""

    name: str
    content: str
    changed: Phrase
    new: Phrase


def document_title(vct: str) -> Text:
    """What people call a document of this type."""
    template = template_of(vct)
    return phrase("document.unknown") if template is None else template.title


def claim_label(vct: str, path: Path_) -> str:
    """What people call the claim at this path."""
    template = template_of(vct)
    names = tuple(step for step in path if isinstance(step, str))
    return f"“{quoted('.'.join(names))}”" if template is None else template.label(names)


def page_digest(decision: Decision) -> str:
    """The digest that a yes has to give back; empty where there is no request to say yes to."""
    case = decision.case
    if case.request is None:
        return ""
    nonce = case.request.request.nonce
    parts: dict[str, Json] = {one.name: one.content for one in _page_parts(decision)}
    whole = b64url(sha256(jcs({"nonce": nonce, "parts": parts})))
    return ".".join((whole, *(_short(nonce, one.name) + _short(nonce, one.content) for one in _page_parts(decision))))


def page_changes(seen: str, decision: Decision) -> tuple[Phrase, ...]:
    """What differs from the page with the digest `seen`, a sentence each; empty where that cannot be told."""
    case = decision.case
    parts = [one for one in seen.split(".")[1:] if len(one) == _PART]
    if case.request is None or not parts:
        return ()
    nonce = case.request.request.nonce
    before = {one[: _PART // 2]: one[_PART // 2 :] for one in parts}
    now = {_short(nonce, one.name): one for one in _page_parts(decision)}
    found = [
        one.changed if name in before else one.new
        for name, one in now.items()
        if before.get(name) != _short(nonce, one.content)
    ]
    gone = before.keys() - now.keys()
    reasons = {_short(nonce, _named("reason", code)): phrase(f"reason.{code}") for code in REASON_CODES}
    ended = [phrase("changed.reason-gone", reason=said) for name, said in reasons.items() if name in gone]
    rest = [_GONE] if gone - reasons.keys() else []
    return tuple(dict.fromkeys((*found, *ended, *rest)))


def _short(nonce: str, text: str) -> str:
    return b64url(sha256(jcs([nonce, text]))[:_SHORT])


def _named(*name: str | int | None) -> str:
    return json.dumps(name)


def _part(name: str, content: object, changed: Phrase, new: Phrase | None = None) -> _PagePart:
    return _PagePart(name=name, content=json.dumps(content, sort_keys=True), changed=changed, new=new or changed)


def _page_parts(decision: Decision) -> Iterator[_PagePart]:
    case = decision.case
    request, vendor = case.request, case.vendor
    if request is None or vendor is None:
        return
    yield _part(_named("vendor"), _vendor(vendor), phrase("changed.vendor"))
    yield _part(_named("address"), request.request.response_uri, phrase("changed.address"))
    yield from _promise_parts(case)
    yield _part(_named("terms"), _terms(vendor), phrase("changed.terms"))
    for code in decision.codes:
        warning = phrase("changed.reason-new", reason=phrase(f"reason.{code}"))
        said = _OWN_RULES if code.startswith("ok.") else warning
        found = sorted([one.rule, one.outcome.name] for one in decision.reasons if one.code == code)
        yield _part(_named("reason", code), found, said)
    required = () if case.candidates is None else case.candidates.required
    for query_id, answer in decision.chosen.items():
        yield from _answer_parts(case, answer, required=query_id in required)


def _vendor(vendor: VerifiedVendor) -> object:
    return {
        "identifiers": sorted(vendor.identifiers),
        "name": vendor.name,
        "host": vendor.host,
        "roles": [[one.vct, one.issuer, one.issuer_name] for one in vendor.roles],
    }


def _promise_parts(case: DisclosureCase) -> Iterator[_PagePart]:
    said = phrase("changed.promise")
    agreement = case.agreement
    if agreement is None:
        yield _part(_named("promise"), None, said)
        return
    frame = {
        "controller": agreement.controller.to_json(),
        "terms": agreement.terms_id,
        "give": None if agreement.give is None else agreement.give.to_json(),
        "desks": [one.to_json() for one in (agreement.receipt, agreement.withdraw, agreement.erase)],
    }
    yield _part(_named("promise"), frame, said)
    offered = grants_of(case).choices
    for grant in agreement.grants:
        yield _part(_named("grant", grant.gid), [grant.gid in offered, grant.to_json()], said)


def _terms(vendor: VerifiedVendor) -> object:
    """The text that the terms' digest names, and whose word says that they were signed."""
    if vendor.terms is None or vendor.signatory is None:
        return None if vendor.terms is None else vendor.terms.id
    signatory = vendor.signatory
    signed = signatory.signed_at.isoformat()
    return [vendor.terms.id, signatory.terms_id, signatory.level, signatory.issuer_name, signed]


def _answer_parts(case: DisclosureCase, answer: QueryAnswer, *, required: bool) -> Iterator[_PagePart]:
    state, query_id = case.held[answer.held_id], answer.query_id
    title = document_title(state.vct)
    another = phrase("changed.document", title=title, issuer=state.issuer_name)
    held: list[Json] = [answer.held_id, state.vct, answer.issuer]
    yield _part(_named("document", query_id), held, another, new=phrase("changed.document-new", title=title))
    yield _part(_named("issuer", query_id), text_json(state.issuer_name), phrase("changed.issuer", title=title))
    yield _part(_named("required", query_id), required, phrase("changed.required", title=title))
    for found, asked in ((answer.shown, True), (answer.also_shown, False)):
        for path, value in found:
            label = claim_label(state.vct, path)
            yield _part(
                _named("claim", query_id, *path),
                [value, asked],
                phrase("changed.claim", label=label),
                new=phrase("changed.claim-new", label=label),
            )
