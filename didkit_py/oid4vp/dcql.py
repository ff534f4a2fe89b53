"""DCQL: which held credentials answer a query, with which disclosures, and whether a presentation answered it.

Both sides read claims by the same code: what `match` selects for the wallet is what `require_answered` accepts from it.
All functions are pure; a query's values are in query.py, its paths in claims_path.py.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from didkit_py.credentials.credential import Path_, ProtocolMember, said
from didkit_py.encoding import Json
from didkit_py.errors import BadResponse, QueryNotAnswered
from didkit_py.oid4vp.claims_path import (
    asked_for,
    needed_disclosures,
    remainder,
    select_places,
    select_values,
    visible,
)
from didkit_py.oid4vp.query import (
    ClaimQuery,
    CredentialQuery,
    CredentialSet,
    DcqlQuery,
    TrustedAuthority,
)

__all__ = [
    "Candidates",
    "ClaimQuery",
    "CredentialQuery",
    "CredentialSet",
    "DcqlQuery",
    "Held",
    "Path_",
    "Presented",
    "QueryAnswer",
    "TrustedAuthority",
    "match",
    "require_answered",
    "select_values",
    "unasked",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A credential that the wallet holds, as far as a query can look at it."""

    id: str
    format: str
    vct: str
    issuer: str
    claims: Mapping[str, Json] = field(repr=False)  # with every disclosure made, the members of the format too
    protocol: Mapping[str, ProtocolMember]  # which names of `claims` are members of the format
    disclosable: tuple[Path_, ...]  # each place that is a disclosure of its own
    listed: bool = True  # whether the holder's trust list names its issuer for its type


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """One held credential that answers one query, and everything that it would show.

    `shown` and `also_shown` are together the claims of `body` without the protocol members, in pieces with a path.
    """

    query_id: str
    held_id: str
    issuer: str
    paths: tuple[Path_, ...]  # the disclosures needed, and no others
    shown: tuple[tuple[Path_, Json], ...] = field(repr=False)  # what was asked for, with the values that will be sent
    # What comes along: it stands in the open, or inside a disclosure that is needed.
    also_shown: tuple[tuple[Path_, Json], ...] = field(default=(), repr=False)
    body: Mapping[str, Json] = field(default_factory=dict, repr=False)  # the claims as the verifier will read them
    protocol: Mapping[str, ProtocolMember] = field(default_factory=dict, repr=False)

    @property
    def protocol_members(self) -> Mapping[ProtocolMember, Json]:
        """What the format itself shows."""
        return {self.protocol[name]: value for name, value in self.body.items() if name in self.protocol}

    @property
    def said(self) -> dict[str, Json]:
        """What the issuer says in what is shown, without the members of the format."""
        return said(self.body, self.protocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Which held credentials can answer which query; the best answer of each comes first."""

    answers: Mapping[str, tuple[QueryAnswer, ...]]
    required: tuple[str, ...]  # ids of queries that must be answered
    optional: tuple[str, ...]  # ids of queries that can be answered and need not be
    optional_sets: tuple[tuple[str, ...], ...] = ()  # of `optional`: which are answered together or not at all
    satisfiable: bool


def match(query: DcqlQuery, held: Sequence[Held]) -> Candidates:
    """What the wallet can answer (OpenID4VP 1.0, 6.4): of listed issuers first, then fewest disclosures, then by id."""
    answers = {one.id: _answers(one, held) for one in query.credentials}
    answered = frozenset(query_id for query_id, found in answers.items() if found)
    if not query.credential_sets:
        required = tuple(answers)
        return Candidates(answers=answers, required=required, optional=(), satisfiable=answered.issuperset(required))
    must = [(one, _first_option(one, answered)) for one in query.credential_sets if one.required]
    may = [_first_option(one, answered) for one in query.credential_sets if not one.required]
    # Where nothing answers a required set, its first option is named, so that a page can say what is lacking.
    required = _in_order(query, {name for one, option in must for name in option or one.options[0]})
    optional_sets = tuple(option for option in may if option and not set(option) <= set(required))
    optional = _in_order(query, {name for option in optional_sets for name in option} - set(required))
    return Candidates(
        answers=answers,
        required=required,
        optional=optional,
        optional_sets=optional_sets,
        satisfiable=all(option for _, option in must) and bool(required or optional),
    )


def _first_option(one: CredentialSet, answered: Collection[str]) -> tuple[str, ...] | None:
    return next((option for option in one.options if set(option) <= set(answered)), None)


def _in_order(query: DcqlQuery, ids: Collection[str]) -> tuple[str, ...]:
    return tuple(one.id for one in query.credentials if one.id in ids)


def _answers(query: CredentialQuery, held: Sequence[Held]) -> tuple[QueryAnswer, ...]:
    unlisted = {one.id for one in held if not one.listed}
    found = [answer for one in held if (answer := _answer(query, one)) is not None]
    return tuple(sorted(found, key=lambda answer: (answer.held_id in unlisted, len(answer.paths), answer.held_id)))


def _answer(query: CredentialQuery, held: Held) -> QueryAnswer | None:
    """The first combination of claims that this credential can show, or None."""
    if held.format != query.format or held.vct not in query.vct_values or query.trusted_authorities:
        return None
    for claims in query.alternatives():
        answer = _show(query, claims, held)
        if answer is not None:
            return answer
    return None


def _show(query: CredentialQuery, claims: Sequence[ClaimQuery], held: Held) -> QueryAnswer | None:
    shown = _asked(claims, held.claims)
    if shown is None:
        return None
    paths = needed_disclosures(held.disclosable, tuple(shown))
    seen = visible(held.claims, frozenset(held.disclosable) - frozenset(paths))
    # Elements held back move the ones after them: an index must still find, at the vendor's, what it finds here.
    read = _asked(claims, seen)
    if read is None or not _alike(tuple(shown.values()), tuple(read.values())):
        return None
    return QueryAnswer(
        query_id=query.id,
        held_id=held.id,
        issuer=held.issuer,
        paths=paths,
        shown=tuple(shown.items()),
        also_shown=remainder(said(seen, held.protocol), tuple(read)),
        body=seen,
        protocol=held.protocol,
    )


def _asked(claims: Iterable[ClaimQuery], body: Mapping[str, Json]) -> dict[Path_, Json] | None:
    """Each place that these claims select, with its value; None when one of them selects nothing.

    A place whose value is not one of those asked for counts as absent (6.4.1). Two queries of one claim must both hold.
    """
    asked: dict[Path_, Json] = {}
    for claim in claims:
        places = [found for found in select_places(body, claim.path) if claim.accepts(found[1])]
        if not places:
            return None
        asked.update(places)
    return asked


def _alike(one: Sequence[Json], other: Sequence[Json]) -> bool:
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(type(a) is type(b) and a == b for a, b in pairs)


class Presented(Protocol):
    """A credential that was presented, as far as a query can look at it."""

    @property
    def format(self) -> str:
        """Of the credential."""

    @property
    def vct(self) -> str:
        """Its type."""

    @property
    def claims(self) -> Mapping[str, Json]:
        """What is disclosed, the members of the format too."""


def require_answered(query: DcqlQuery, presented: Mapping[str, Sequence[Presented]]) -> None:
    """Check that what was presented answers the query (OpenID4VP 1.0, 8.6); `presented` is by id of query.

    Values are compared here too: a wallet's own matching is a courtesy and no check. Raises BadResponse or
    QueryNotAnswered.
    """
    for query_id, credentials in presented.items():
        one = query.credential(query_id)
        if one is None:
            raise BadResponse("vp_token: an id is not in the query", spec="OpenID4VP 1.0, 8.1")
        _require_count(one, len(credentials))
        for credential in credentials:
            _require_claims(one, credential)
    _require_sets(query, frozenset(presented))


def _require_count(query: CredentialQuery, count: int) -> None:
    if count == 0 or (count > 1 and not query.multiple):
        raise BadResponse(
            f"vp_token.{query.id}: expected {'at least' if query.multiple else 'exactly'} one presentation",
            spec="OpenID4VP 1.0, 8.1",
        )


def _require_claims(query: CredentialQuery, credential: Presented) -> None:
    if credential.format != query.format or credential.vct not in query.vct_values:
        raise QueryNotAnswered(f"vp_token.{query.id}: another type than asked for", spec="OpenID4VP 1.0, 8.6")
    for claims in query.alternatives():
        if _asked(claims, credential.claims) is not None:
            return
    raise QueryNotAnswered(
        f"vp_token.{query.id}: a claim is missing or has another value than asked for", spec="OpenID4VP 1.0, 6.4.1"
    )


def _require_sets(query: DcqlQuery, presented: Collection[str]) -> None:
    lacking = [one.id for one in query.credentials if one.id not in presented]
    if not query.credential_sets and lacking:
        raise QueryNotAnswered(f"vp_token: no answer to {', '.join(lacking)}", spec="OpenID4VP 1.0, 6.4.2")
    for place, one in enumerate(query.credential_sets):
        if one.required and _first_option(one, presented) is None:
            raise QueryNotAnswered(f"vp_token: no answer to credential_sets[{place}]", spec="OpenID4VP 1.0, 6.4.2")


def unasked(query: CredentialQuery, disclosed: Iterable[Path_]) -> tuple[Path_, ...]:
    """The disclosures that no claim of the query asks for: a wallet should send none (6.4)."""
    paths = [claim.path for claim in query.claims]
    return tuple([place for place in disclosed if not asked_for(place, paths)])
