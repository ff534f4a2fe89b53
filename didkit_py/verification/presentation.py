"""verify_presentation: an answer to a query, each credential of it and the answer as a whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from didkit_py.credentials.template import Path_
from didkit_py.errors import BadResponse, DidkitError
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.dcql import CredentialQuery, DcqlQuery, require_answered, unasked
from didkit_py.verification.credential import KeyBinding, VerifiedCredential, verify_credential
from didkit_py.verification.evidence import Check, Evidence, failed
from didkit_py.verification.profile import profile_of

MAX_PRESENTATIONS: Final = 20  # in answer to one query


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPresentation:
    """Verified credentials by the id of the query that each answers."""

    credentials: Mapping[str, tuple[VerifiedCredential, ...]]
    checks: tuple[Check, ...]


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
    found: dict[str, tuple[VerifiedCredential, ...]] = {}

    def verify_each() -> None:
        for query_id, texts in vp_token.items():
            found[query_id] = tuple(
                verify_credential(
                    text,
                    evidence=evidence,
                    now=now,
                    key_binding=_binding(query, query_id, text),
                    expected_nonce=expected_nonce,
                    expected_audience=expected_audience,
                )
                for text in texts
            )

    steps: tuple[tuple[str, str, Callable[[], None]], ...] = (
        ("answer-shape", "OpenID4VP 1.0, 8.1", lambda: _require_shape(vp_token, query)),
        ("credentials", "OpenID4VP 1.0, 8.6", verify_each),
        (
            "query-answered",
            "OpenID4VP 1.0, 8.6",
            lambda: require_answered(query, {name: [each.claims for each in some] for name, some in found.items()}),
        ),
        ("no-more-than-asked", "OpenID4VP 1.0, 6.4", lambda: _require_no_more(found, query)),
    )
    checks: list[Check] = []
    for name, spec, judge in steps:
        try:
            judge()
        except DidkitError as error:
            error.checks = (*checks, *error.checks, failed(name, spec, error))
            raise
        checks.append(Check(name=name, passed=True, spec=spec))
    return VerifiedPresentation(credentials=found, checks=tuple(checks))


def _binding(query: DcqlQuery, query_id: str, text: str) -> KeyBinding:
    """The query decides, never what is shown; but a proof that is shown is judged."""
    one = query.credential(query_id)
    waived = one is not None and not one.holder_binding and text.endswith("~")
    return KeyBinding.NOT_REQUIRED if waived else KeyBinding.REQUIRED


def _require_shape(vp_token: Mapping[str, Sequence[str]], query: DcqlQuery) -> None:
    for query_id, texts in vp_token.items():
        one = query.credential(query_id)
        if one is None or one.format not in FORMATS:
            raise BadResponse("vp_token: an id is not in the query", spec="OpenID4VP 1.0, 8.1")
        if not texts or len(texts) > (MAX_PRESENTATIONS if one.multiple else 1):
            raise BadResponse(f"vp_token.{query_id}: another number than was asked for", spec="OpenID4VP 1.0, 8.1")
        if len(set(texts)) != len(texts):
            raise BadResponse(f"vp_token.{query_id}: the same presentation twice", spec="OpenID4VP 1.0, 8.1")


def _require_no_more(found: Mapping[str, Iterable[VerifiedCredential]], query: DcqlQuery) -> None:
    for query_id, credentials in found.items():
        one = query.credential(query_id)
        for credential in credentials:
            if one is None or _surplus(one, credential):
                raise BadResponse(f"vp_token.{query_id}: more is shown than was asked for", spec="OpenID4VP 1.0, 6.4")


def _surplus(query: CredentialQuery, credential: VerifiedCredential) -> set[Path_]:
    """The disclosures that nobody asked for, but for those that a group brings along."""
    profile = profile_of(credential.vct)
    surplus = set(unasked(query, credential.disclosed))
    asked = frozenset(credential.disclosed) - surplus
    for members, _ in profile.groups if profile is not None else ():
        if members & asked:
            surplus -= members
    return surplus
