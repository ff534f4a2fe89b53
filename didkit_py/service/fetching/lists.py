"""read_lists: the trust list and all it names, from raw bytes that a program stores and reads again after a restart.

One walk over what the trust list names serves twice: it verifies what is there, and it says what is still wanted, which
`evidence.py` fetches. Each part stands alone: a bad one is left out and named in `Lists.faults`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from didkit_py.encoding import digest
from didkit_py.errors import BadStatusList, BadTerms, DidkitError, Malformed, Stale, UnknownKey, Unreachable
from didkit_py.jose import MAX_TOKEN
from didkit_py.keys.party import WITHDRAWN, KeyPurpose, PartyKeys, party_of
from didkit_py.parties.source import KeySources
from didkit_py.service.observability.log import get_logger
from didkit_py.status import token_list
from didkit_py.status.token_list import VerifiedStatusList, parse_aggregation, parse_status_list, verify_status_list
from didkit_py.terms.document import MAX_DOCUMENT, MAX_LAYER, TermsDocument, parse_terms, verify_terms
from didkit_py.trust import CONTENT_TYPE, TermsSource, TrustedIssuer, TrustList, verify_trust_list
from didkit_py.verification import Evidence
from didkit_py.verification.evidence import KEYS_MAX_AGE, MAX_STEP_BACK

MAX_AGGREGATION: Final = 131_072  # bytes: 64 addresses of the greatest length
UNREACHABLE: Final = Unreachable.code
_UNKNOWN_TIME: Final = datetime.min.replace(tzinfo=UTC)
_Value = TypeVar("_Value")

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What stood at an address at a time, as it came."""

    url: str
    body: bytes = field(repr=False)
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSource:
    """How an address is to be fetched."""

    max_bytes: int
    accept: str | None = None
    keys_of: str | None = None  # the party whose keys stand there


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedLists:
    """What the trust list and its parts say, each part verified."""

    trust: TrustList
    key_sources: KeySources
    parties: Mapping[str, PartyKeys]  # by identifier
    status_lists: Mapping[str, VerifiedStatusList]  # by uri
    fetched_at: Mapping[str, datetime]  # by uri of the status list, or by identifier of the party
    terms: Mapping[str, TermsDocument]  # by id
    layers: Mapping[str, bytes] = field(repr=False)  # texts of the terms, by digest
    faults: Mapping[str, str]  # what was left out (an issuer's DID, or an id of terms) -> code of the first error
    sources: tuple[Source, ...] = field(repr=False)  # what all of this was read from

    def require_holding(self, now: datetime, *, keys_max_age: timedelta = KEYS_MAX_AGE) -> None:
        """Check that the trust list's time is not over, and that its publisher's key document is young enough.

        Raises Stale.
        """
        if not self.trust.holds(now):
            raise Stale("the trust list's time is over, or our clock is wrong")
        replace(self.evidence(), keys_max_age=keys_max_age).keys_of(self.trust.publisher, now=now)

    def believable(self, now: datetime, *, keys_max_age: timedelta) -> "TrustedLists":
        """The same with a trust list of those issuers only whose keys are not withdrawn and young enough."""
        evidence = replace(self.evidence(), keys_max_age=keys_max_age)

        def is_believable(party: str) -> bool:
            try:
                keys = evidence.keys_of(party, now=now)
            except DidkitError:
                return False
            return keys is None or not keys.withdrawn  # None: its name is all that is known of it

        issuers = {party: issuer for party, issuer in self.trust.issuers.items() if is_believable(party)}
        return replace(self, trust=replace(self.trust, issuers=MappingProxyType(issuers)))

    def evidence(self) -> Evidence:
        """What judging needs."""
        return Evidence(
            trust=self.trust,
            key_sources=self.key_sources,
            parties=self.parties,
            status_lists=self.status_lists,
            fetched_at=self.fetched_at,
        )


def read_lists(
    sources: Iterable[Source],
    *,
    trust_list_url: str,
    trust_list_signer: str,
    key_sources: KeySources,
    now: datetime,
) -> TrustedLists:
    """Everything that verifies. Raises what is wrong with the trust list itself or its signer's document.

    Where several sources have one address, the newest that verifies counts, and no older signed list replaces a newer.
    """
    return Walk(sources, key_sources=key_sources, now=now).read(trust_list_url, trust_list_signer).lists()


class Walk:
    """One walk over the trust list: what it names is taken from the sources, or wanted."""

    def __init__(self, sources: Iterable[Source], *, key_sources: KeySources, now: datetime) -> None:
        self.key_sources = key_sources
        self.now = now
        self.wanted: dict[str, WantedSource] = {}  # by address
        self.error: DidkitError = Unreachable("the trust list is not at hand")
        self._by_url: dict[str, list[Source]] = {}
        # What was fetched in the future, since our clock was set back, is newer than nothing.
        latest = now + MAX_STEP_BACK
        times = {source: source.fetched_at if source.fetched_at <= latest else _UNKNOWN_TIME for source in sources}
        for source in sorted(times, key=times.__getitem__, reverse=True):
            self._by_url.setdefault(source.url, []).append(source)
        self._trust: TrustList | None = None
        self._parties: dict[str, PartyKeys] = {}
        self._status_lists: dict[str, VerifiedStatusList] = {}
        self._fetched_at: dict[str, datetime] = {}
        self._terms: dict[str, TermsDocument] = {}
        self._layers: dict[str, bytes] = {}
        self._faults: dict[str, str] = {}
        self._used: dict[str, Source] = {}

    def read(self, trust_list_url: str, trust_list_signer: str) -> "Walk":
        """Take everything that can be taken."""
        publisher = self._keys_of(trust_list_signer, part=trust_list_url)
        if publisher is None:
            return self
        self._trust = self._take(
            trust_list_url,
            lambda body: verify_trust_list(
                _text(body), publisher=publisher, key_sources=self.key_sources, now=self.now
            ),
            part=trust_list_url,
            wanted=WantedSource(max_bytes=MAX_TOKEN, accept=CONTENT_TYPE),
            age=lambda trust: trust.issued_at,
        )
        if self._trust is not None:
            for issuer in self._trust.issuers.values():
                self._issuer(issuer)
            for entry in self._trust.terms:
                self._one_terms(entry)
        return self

    @property
    def used(self) -> tuple[Source, ...]:
        """The sources that something was taken from, one of each address."""
        return tuple(self._used.values())

    def lists(self) -> TrustedLists:
        """What was read. Raises what is wrong with the trust list."""
        if self._trust is None:
            raise self.error
        return TrustedLists(
            trust=self._trust,
            key_sources=self.key_sources,
            parties=self._parties,
            status_lists=self._status_lists,
            fetched_at=self._fetched_at,
            terms=self._terms,
            layers=self._layers,
            faults=self._faults,
            sources=self.used,
        )

    def _take(
        self,
        url: str,
        judge: Callable[[bytes], _Value],
        *,
        part: str,
        wanted: WantedSource,
        age: Callable[[_Value], datetime] | None = None,
    ) -> _Value | None:
        """What `judge` makes of the newest source that passes it; by its own date where `age` reads one."""
        candidates = self._by_url.get(url, ())
        if not candidates:
            self.wanted[url] = wanted
            self._faults.setdefault(part, UNREACHABLE)
        passed: list[tuple[_Value, Source]] = []
        for source in candidates:
            try:
                passed.append((judge(source.body), source))
            except DidkitError as error:
                self.error = error
            except Exception as error:  # one party's material, whatever it does to us, is not the others' trouble
                log.exception("list-not-read")
                self.error = Malformed(f"it cannot be read ({type(error).__name__})")
            if passed and age is None:
                break
        if not passed:
            if candidates:
                self._faults.setdefault(part, self.error.code)
            return None
        value, source = passed[0] if age is None else max(passed, key=lambda each: age(each[0]))
        self._used[url] = source
        return value

    def _keys_of(self, party: str, *, part: str) -> PartyKeys | None:
        try:
            source = self.key_sources.of(party)
            urls = source.locations(party)
            found = self._parties.get(party) or (source.keys_of(party, None) if not urls else None)
        except DidkitError as error:
            self.error = error
            self._faults.setdefault(part, error.code)
            return None
        if found is None:
            wanted = WantedSource(max_bytes=source.max_bytes, accept=source.accept, keys_of=party)
            found = self._take(urls[0], lambda body: source.keys_of(party, body), part=part, wanted=wanted)
            if found is not None:
                self._fetched_at[party] = self._used[urls[0]].fetched_at
        if found is not None:
            self._parties[party] = found
            if found.withdrawn:
                self._faults.setdefault(part, WITHDRAWN)
        return found

    def _issuer(self, issuer: TrustedIssuer) -> None:
        keys = self._keys_of(issuer.id, part=issuer.id)
        if keys is None or keys.withdrawn or issuer.status_lists is None:
            return
        wanted = WantedSource(max_bytes=MAX_AGGREGATION, accept="application/json")
        uris = self._take(issuer.status_lists, parse_aggregation, part=issuer.id, wanted=wanted)
        for uri in uris or ():
            self._status_list(uri, keys)

    def _status_list(self, uri: str, keys: PartyKeys) -> None:
        found = self._take(
            uri,
            lambda body: read_status_list(_text(body), uri=uri, keys=keys, now=self.now),
            part=keys.id,
            wanted=WantedSource(max_bytes=token_list.MAX_TOKEN, accept=token_list.CONTENT_TYPE),
            age=lambda status_list: status_list.issued_at,
        )
        if found is not None:
            self._status_lists[uri] = found
            self._fetched_at[uri] = self._used[uri].fetched_at

    def _one_terms(self, entry: TermsSource) -> None:
        wanted = WantedSource(max_bytes=MAX_DOCUMENT)
        terms = self._take(entry.url, lambda body: _terms_of(entry, body), part=entry.id, wanted=wanted)
        publisher = None if terms is None else self._keys_of(terms.publisher, part=entry.id)
        if terms is None or publisher is None:
            return
        texts = self._texts(terms)
        try:
            verified = verify_terms(terms, layers=texts, publisher=publisher)
        except DidkitError as error:
            self._faults.setdefault(entry.id, error.code)
            return
        self._terms[terms.id] = verified.document
        self._layers |= verified.layers

    def _texts(self, terms: TermsDocument) -> dict[str, bytes]:
        found = {}
        for layer in terms.layers:
            body = self._take(
                layer.href,
                lambda body, expected=layer.digest: _text_of(expected, body),  # type: ignore[misc] # bound at once
                part=terms.id,
                wanted=WantedSource(max_bytes=MAX_LAYER),
            )
            if body is not None:
                found[layer.digest] = body
        return found


def read_status_list(text: str, *, uri: str, keys: PartyKeys, now: datetime) -> VerifiedStatusList:
    """The list that the owner of `keys` signed for the address `uri`. Raises BadStatusList, or its other faults."""
    kid = parse_status_list(text).kid
    if kid is None:
        raise UnknownKey("the status list names no key")
    if "#" in kid and party_of(kid) != keys.id:
        raise BadStatusList("the list is signed by another party", spec="Token Status List, 8.3")
    return verify_status_list(text, uri=uri, issuer=keys.id, key=keys.key(kid, KeyPurpose.ASSERTION, now=now), now=now)


def _terms_of(entry: TermsSource, body: bytes) -> TermsDocument:
    terms = parse_terms(body)
    if terms.id != entry.id:
        raise BadTerms("other terms stand at this address")
    return terms


def _text_of(expected: str, body: bytes) -> bytes:
    if digest(body) != expected:
        raise BadTerms("a text of the terms was changed")
    return body


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise Malformed("expected a token in ASCII") from error


def newest_first(*batches: Sequence[Source]) -> tuple[Source, ...]:
    """Sources of several batches as one, without doubles."""
    return tuple(dict.fromkeys(source for batch in batches for source in batch))
