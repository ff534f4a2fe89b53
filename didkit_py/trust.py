"""Trust list: which issuer may say what, and where the terms documents stand; signed by one publisher.

A list of ours, as a JWS of the type `trust-list+jwt`. It is fetched whole and by schedule, so that its publisher learns
of no transaction. An issuer is trusted for the types it is listed with and for nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from didkit_py.encoding import MAX_SKEW, Json, timestamp
from didkit_py.errors import Malformed, NotYetValid, Stale, UnknownKey, Untrusted
from didkit_py.jose import parse_compact, sign_compact, verify_compact
from didkit_py.keys.party import KeyPurpose, PartyKeys, party_of
from didkit_py.keys.signer import Signer
from didkit_py.parties.source import KeySources
from didkit_py.reading import Reader
from didkit_py.unicode.visible import one_line

TYP: Final = "trust-list+jwt"
CONTENT_TYPE: Final = "application/trust-list+jwt"
MAX_TYPES: Final = 100  # claim types of one issuer
MAX_TERMS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """One issuer and the types of claim that are believed from it."""

    id: str  # its identifier: a DID, ...
    name: str  # as people are shown it
    vcts: frozenset[str]
    status_lists: str | None  # URL of its Status List Aggregation


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsSource:
    """Where a terms document stands; `id` is its content address, so the place needs no trust."""

    id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """Who may assert what, as one publisher sees it."""

    publisher: str
    issued_at: datetime
    expires_at: datetime
    issuers: Mapping[str, TrustedIssuer]  # by identifier
    terms: tuple[TermsSource, ...] = field(default=())

    def holds(self, now: datetime) -> bool:
        """Whether now lies within the list's time, also where our clock was set back since the list was verified."""
        return self.issued_at <= now + MAX_SKEW and now < self.expires_at

    def require(self, issuer: str, vct: str) -> TrustedIssuer:
        """The issuer's entry, if it is trusted for this type. Raises Untrusted."""
        entry = self.issuers.get(issuer)
        if entry is None:
            raise Untrusted("the issuer is not in the trust list")
        if vct not in entry.vcts:
            raise Untrusted("the trust list does not name the issuer for this type of claim")
        return entry


async def create_trust_list(
    issuers: Iterable[TrustedIssuer],
    *,
    terms: Iterable[TermsSource] = (),
    signer: Signer,
    now: datetime,
    lifetime: timedelta,
) -> str:
    """A signed trust list; the signer's `key_id` is a DID URL of the publisher."""
    entries: list[Json] = []
    for each in issuers:
        entry: dict[str, Json] = {"id": each.id, "name": each.name, "vcts": [*sorted(each.vcts)]}
        entries.append(entry | ({} if each.status_lists is None else {"status_lists": each.status_lists}))
    claims: dict[str, Json] = {
        "iss": party_of(signer.key_id),
        "iat": timestamp(now),
        "exp": timestamp(now + lifetime),
        "issuers": entries,
        "terms": [{"id": each.id, "url": each.url} for each in terms],
    }
    return await sign_compact(claims, typ=TYP, signer=signer)


def verify_trust_list(text: str, *, publisher: PartyKeys, key_sources: KeySources, now: datetime) -> TrustList:
    """The list that `publisher` signed; `key_sources` says which identifiers issuers may have.

    Raises Malformed, WrongType, UnknownKey, BadSignature, Untrusted when it is another publisher's, NotYetValid, or
    Stale when its time is over.
    """
    jws = parse_compact(text, typ=TYP)
    if jws.kid is None:
        raise UnknownKey("the trust list names no key")
    read = Reader(verify_compact(jws, publisher.key(jws.kid, KeyPurpose.ASSERTION, now=now)), at="trust_list")
    if read.text("iss") != publisher.id:
        raise Untrusted("the trust list is another publisher's")
    issued_at, expires_at = read.moment("iat"), read.moment("exp")
    if issued_at > now + MAX_SKEW:
        raise NotYetValid("the trust list was issued in the future")
    if expires_at <= now:
        raise Stale("the trust list's time is over")
    return TrustList(
        publisher=publisher.id,
        issued_at=issued_at,
        expires_at=expires_at,
        issuers=_issuers(read, key_sources),
        terms=tuple(
            TermsSource(id=entry.text("id", max_length=128), url=entry.url("url"))
            for entry in (read.objects("terms", max_items=MAX_TERMS) if read.has("terms") else ())
        ),
    )


def _issuers(read: Reader, key_sources: KeySources) -> Mapping[str, TrustedIssuer]:
    found: dict[str, TrustedIssuer] = {}
    for entry in read.objects("issuers"):
        issuer = TrustedIssuer(
            id=key_sources.party_of(entry.text("id", max_length=2_048)),
            name=one_line(entry.text("name", max_length=200)),
            vcts=frozenset(entry.texts("vcts", at_least=1, max_items=MAX_TYPES)),
            status_lists=entry.url("status_lists") if entry.has("status_lists") else None,
        )
        if issuer.id in found:
            raise Malformed(f"{entry.at}: the issuer is listed twice")
        found[issuer.id] = issuer
    return MappingProxyType(found)
