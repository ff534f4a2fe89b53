"""verify_presentation: an answer to a query, each credential of it and the answer as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.credentials.template import Path_
from didkit_py.errors import BadResponse, DidkitError
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.dcql import CredentialQuery, DcqlQuery, require_answered, unasked
from didkit_py.verification.credential import KeyBinding, VerifiedCredential, verify_credential
from didkit_py.verification.evidence import CheckResult, Evidence, failed, passed
from didkit_py.verification.profile import profile_of

MAX_PRESENTATIONS: Final = 20  # in answer to one query


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPresentation:
    """Verified credentials by the id of the query that each answers."""

    credentials: Mapping[str, tuple[VerifiedCredential, ...]]
    checks: tuple[CheckResult, ...]


@dataclass(slots=True)
class _Case:
    """One answer on its way through the checks; what is found is added to `found`."""

    vp_token: Mapping[str, Sequence[str]]
    query: DcqlQuery
    expected_nonce: str
    expected_audience: str
    evidence: Evidence
    now: datetime
    found: dict[str, tuple[VerifiedCredential, ...]] = field(default_factory=dict)


def _require_shape(case: _Case) -> None:
    for query_id, texts in case.vp_token.items():
        one = case.query.credential(query_id)
        if one is None or one.format not in FORMATS:
            raise BadResponse("vp_token: an id is not in the query", spec="OpenID4VP 1.0, 8.1")
        if not texts or len(texts) > (MAX_PRESENTATIONS if one.multiple else 1):
            raise BadResponse(f"vp_token.{query_id}: another number than was asked for", spec="OpenID4VP 1.0, 8.1")
        if len({text.partition("~")[0] for text in texts}) != len(texts):  # each would count as another credential
            raise BadResponse(f"vp_token.{query_id}: the same credential twice", spec="OpenID4VP 1.0, 8.1")


def _verify_each(case: _Case) -> None:
    for query_id, texts in case.vp_token.items():
        one = case.query.credential(query_id)
        case.found[query_id] = tuple([_verified(case, one, text) for text in texts])


def _verified(case: _Case, one: CredentialQuery | None, text: str) -> VerifiedCredential:
    return verify_credential(
        text,
        evidence=case.evidence,
        now=case.now,
        key_binding=_binding(one, text),
        expected_nonce=case.expected_nonce,
        expected_audience=case.expected_audience,
    )


def _binding(one: CredentialQuery | None, text: str) -> KeyBinding:
    """The query decides, never what is shown; but a proof that is shown is judged."""
    waived = one is not None and not one.holder_binding and text.endswith("~")
    return KeyBinding.NOT_REQUIRED if waived else KeyBinding.REQUIRED


def _require_answered(case: _Case) -> None:
    shown = {query_id: [each.claims for each in credentials] for query_id, credentials in case.found.items()}
    require_answered(case.query, shown)


def _require_no_more(case: _Case) -> None:
    for query_id, credentials in case.found.items():
        one = case.query.credential(query_id)
        for credential in credentials:
            if one is None or _surplus(one, credential):
                raise BadResponse(f"vp_token.{query_id}: more is shown than was asked for", spec="OpenID4VP 1.0, 6.4")


def _surplus(query: CredentialQuery, credential: VerifiedCredential) -> frozenset[Path_]:
    """The disclosures that nobody asked for, but for those that a group brings along."""
    surplus = frozenset(unasked(query, credential.disclosed))
    profile = profile_of(credential.vct) if surplus else None
    if profile is None:
        return surplus
    asked = frozenset(credential.disclosed) - surplus
    brought = [members for members, _ in profile.groups if members & asked]
    return surplus.difference(*brought)


# What is recorded once it held, and what makes it fail.
_STEPS: Final[tuple[tuple[CheckResult, Callable[[_Case], None]], ...]] = (
    (passed("answer-shape", "OpenID4VP 1.0, 8.1"), _require_shape),
    (passed("credentials", "OpenID4VP 1.0, 8.6"), _verify_each),
    (passed("query-answered", "OpenID4VP 1.0, 8.6"), _require_answered),
    (passed("no-more-than-asked", "OpenID4VP 1.0, 6.4"), _require_no_more),
)


def verify_presentation(
    vp_token: Mapping[str, Sequence[str]],
    *,
    query: DcqlQuery,
    expected_nonce: str,
    expected_audience: str,
    evidence: Evidence,
    now: datetime,
) -> VerifiedPresentation:
    """What an answer to `query` says, once each of its credentials and the answer as a whole hold.

    Raises what `verify_credential` raises, BadResponse, or QueryNotAnswered, with `.checks`.
    """
    case = _Case(vp_token, query, expected_nonce, expected_audience, evidence, now)
    checks: list[CheckResult] = []
    try:
        for held, judge in _STEPS:
            judge(case)
            checks.append(held)
    except DidkitError as error:
        step, _ = _STEPS[len(checks)]
        error.checks = (*checks, *error.checks, failed(step.name, step.spec, error))
        raise
    return VerifiedPresentation(credentials=case.found, checks=tuple(checks))
