"""verify_presentation: an answer to a query, each credential of it and the answer as a whole."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.credentials.credential import Path_, UnverifiedCredential
from didkit_py.errors import BadResponse, DidkitError, TooLarge
from didkit_py.formats.format import Format, Formats
from didkit_py.oid4vp.dcql import CredentialQuery, DcqlQuery, require_answered, unasked
from didkit_py.verification.credential import KeyBinding, VerifiedCredential, verify_parsed
from didkit_py.verification.evidence import CheckResult, Evidence, failed, passed
from didkit_py.verification.profile import profile_of

MAX_PRESENTATIONS: Final = 20  # in answer to one query
MAX_CREDENTIALS: Final = 20  # in one presentation


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPresentation:
    """Verified credentials by the id of the query that each answers."""

    credentials: Mapping[str, tuple[VerifiedCredential, ...]]
    checks: tuple[CheckResult, ...]


@dataclass(slots=True)
class _Presented:
    """One text of the answer, under the ids of all queries that it stands for: it is parsed and verified once."""

    text: str
    in_format: Format
    queries: list[CredentialQuery] = field(default_factory=list)
    parsed: Sequence[UnverifiedCredential] = ()
    fault: DidkitError | None = None  # why it could not be parsed
    verified: list[VerifiedCredential] = field(default_factory=list)

    def parse(self) -> None:
        """Fill in `parsed` or `fault`."""
        try:
            self.parsed = self.in_format.parse(self.text)
            if len(self.parsed) > MAX_CREDENTIALS:
                raise TooLarge(f"a presentation holds more than {MAX_CREDENTIALS} credentials")
        except DidkitError as error:
            self.fault = error

    def answers(self, query: CredentialQuery) -> list[VerifiedCredential]:
        """The credentials in it that are for `query`: all, where it stands under no other."""
        return [one for one in self.verified if _is_for(one.vct, query, self.queries)]


@dataclass(slots=True)
class _Case:
    """One answer on its way through the checks; what is found is added to `found`."""

    vp_token: Mapping[str, Sequence[str]]
    query: DcqlQuery
    formats: Formats
    expected_nonce: str
    expected_audience: str
    evidence: Evidence
    now: datetime
    presented: dict[tuple[str, str], _Presented] = field(default_factory=dict)  # by format and text
    found: dict[str, tuple[VerifiedCredential, ...]] = field(default_factory=dict)

    def texts(self, query: CredentialQuery) -> list[_Presented]:
        """What stands under the id of a query."""
        return [self.presented[query.format, text] for text in self.vp_token[query.id]]


def readable(
    vp_token: Mapping[str, Sequence[str]], query: DcqlQuery, formats: Formats
) -> tuple[UnverifiedCredential, ...]:
    """Every credential in an answer that can be parsed, to learn what verifying it needs; nothing is judged."""
    found: dict[tuple[str, str], Sequence[UnverifiedCredential]] = {}
    for query_id, texts in vp_token.items():
        one = query.credential(query_id)
        if one is None or one.format not in formats:
            continue
        for text in texts:
            with suppress(DidkitError):
                found[one.format, text] = formats[one.format].parse(text)
    return tuple(each for some in found.values() for each in some[:MAX_CREDENTIALS])


def parse_answer(
    vp_token: Mapping[str, Sequence[str]], query: DcqlQuery, formats: Formats
) -> dict[str, tuple[UnverifiedCredential, ...]]:
    """The credentials of an answer by the query that each is for, as whoever verifies it will find them.

    Raises BadResponse for one that is for none, and what parsing raises.
    """
    asked = {query_id: one for query_id in vp_token if (one := query.credential(query_id)) is not None}
    found: dict[str, tuple[UnverifiedCredential, ...]] = dict.fromkeys(asked, ())
    for text in dict.fromkeys(text for texts in vp_token.values() for text in texts):
        queries = [one for query_id, one in asked.items() if text in vp_token[query_id]]
        for each in formats[queries[0].format].parse(text):
            ids = [one.id for one in queries if _is_for(each.vct, one, queries)]
            if not ids:
                raise BadResponse("a presentation holds a credential that answers no query", spec="OpenID4VP 1.0, 8.1")
            found |= {query_id: (*found[query_id], each) for query_id in ids}
    return found


def _is_for(vct: str, query: CredentialQuery, queries: Sequence[CredentialQuery]) -> bool:
    """Whether a credential in a text that stands under the ids of `queries` is for one of them."""
    return len(queries) == 1 or vct in query.vct_values


def _require_shape(case: _Case) -> None:
    for query_id, texts in case.vp_token.items():
        one = case.query.credential(query_id)
        if one is None or one.format not in case.formats:
            raise BadResponse("vp_token: an id is not in the query", spec="OpenID4VP 1.0, 8.1")
        if not texts or len(texts) > (MAX_PRESENTATIONS if one.multiple else 1):
            raise BadResponse(f"vp_token.{query_id}: another number than was asked for", spec="OpenID4VP 1.0, 8.1")
        for text in texts:
            known = case.presented.setdefault((one.format, text), _Presented(text, case.formats[one.format]))
            known.queries.append(one)
    for presented in case.presented.values():
        presented.parse()
    for one in case.query.credentials:
        if one.id in case.vp_token:
            signed = [each.issuer_signed for some in case.texts(one) for each in some.parsed]
            if len(set(signed)) != len(signed):  # each would count as another credential
                raise BadResponse(f"vp_token.{one.id}: the same credential twice", spec="OpenID4VP 1.0, 8.1")


def _verify_each(case: _Case) -> None:
    for presented in case.presented.values():
        for unverified in presented.parsed or (None,):
            presented.verified.append(_verified(case, presented, unverified))
    for one in case.query.credentials:
        if one.id in case.vp_token:
            case.found[one.id] = tuple([found for some in case.texts(one) for found in some.answers(one)])


def _verified(case: _Case, presented: _Presented, unverified: UnverifiedCredential | None) -> VerifiedCredential:
    def parsed() -> UnverifiedCredential:
        if unverified is None:
            raise presented.fault or BadResponse("a presentation holds no credential", spec="OpenID4VP 1.0, 8.1")
        return unverified

    return verify_parsed(
        presented.text,
        parsed,
        in_format=presented.in_format,
        evidence=case.evidence,
        now=case.now,
        key_binding=_binding(presented.queries, unverified),
        expected_nonce=case.expected_nonce,
        expected_audience=case.expected_audience,
    )


def _binding(queries: Sequence[CredentialQuery], unverified: UnverifiedCredential | None) -> KeyBinding:
    """The query decides whether a proof is needed, never what is shown; but a proof that is shown is judged."""
    needed = any(one.holder_binding for one in queries)
    shown = unverified is None or unverified.has_proof
    return KeyBinding.REQUIRED if needed or shown else KeyBinding.NOT_REQUIRED


def _require_no_more(case: _Case) -> None:
    for presented in case.presented.values():
        for credential in presented.verified:
            answered = [one for one in presented.queries if credential in presented.answers(one)]
            surplus = [_surplus(one, credential) for one in answered]
            if not surplus or frozenset.intersection(*surplus):
                ids = ", ".join(one.id for one in presented.queries)
                raise BadResponse(f"vp_token.{ids}: more is shown than was asked for", spec="OpenID4VP 1.0, 6.4")


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
    (passed("query-answered", "OpenID4VP 1.0, 8.6"), lambda case: require_answered(case.query, case.found)),
    (passed("no-more-than-asked", "OpenID4VP 1.0, 6.4"), _require_no_more),
)


def verify_presentation(
    vp_token: Mapping[str, Sequence[str]],
    *,
    query: DcqlQuery,
    formats: Formats,
    expected_nonce: str,
    expected_audience: str,
    evidence: Evidence,
    now: datetime,
) -> VerifiedPresentation:
    """What an answer to `query` says, once each of its credentials and the answer as a whole hold.

    Raises what `verify_credential` raises, BadResponse, or QueryNotAnswered, with `.checks`.
    """
    case = _Case(vp_token, query, formats, expected_nonce, expected_audience, evidence, now)
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
