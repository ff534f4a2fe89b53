"""Fetching what judging needs: whole lists by schedule (a wallet), or what one presentation lacks (a verifier).

A wallet fetches everything that its trust list names, whatever it is about to do, so that nobody learns of a
transaction. Nothing is believed because of where it came from: `lists.py` verifies every byte.
"""

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Protocol, Self

import structlog

from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.errors import DidkitError, Malformed, Stale, Unreachable, Withdrawn
from didkit_py.keys.party import PartyKeys, party_of
from didkit_py.parties.source import KeySources
from didkit_py.reading import is_url, origin
from didkit_py.roles.receiving import fetch_key_document
from didkit_py.service.fetching.fetch import Fetched
from didkit_py.service.fetching.lists import (
    Source,
    TrustedLists,
    Walk,
    WantedSource,
    newest_first,
    read_lists,
    read_status_list,
)
from didkit_py.service.observability.log import get_logger
from didkit_py.service.observability.outcomes import OK, UNEXPECTED
from didkit_py.status import token_list
from didkit_py.status.token_list import VerifiedStatusList, parse_status_list
from didkit_py.verification import Evidence, Need, missing
from didkit_py.verification.evidence import KEYS_MAX_AGE

__all__ = [
    "EvidenceFetching",
    "ScheduledLists",
    "Source",
    "TrustedLists",
    "fetch_keys",
    "fetch_lists",
    "gather",
    "read_lists",
]

MAX_ROUNDS: Final = (
    6  # signer, trust list, what it names, status lists and texts, a publisher's document, and one spare
)
MAX_GATHER_ROUNDS: Final = 4
MAX_SOURCES: Final = 2_000
MAX_AT_ONCE: Final = 4  # fetches from one origin, of the sixteen of a service
PARTY_SECONDS: Final = 30.0  # in each round, after which no further fetch from any origin begins
FIRST_RETRY_SECONDS: Final = 1.0
INCOMPLETE: Final = "incomplete"  # the outcome of a refresh that left a part of the trust list out

log = get_logger()


class EvidenceFetching(Protocol):
    """What this module wants of a Fetcher."""

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> Fetched:
        """What stands at `url`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSources:
    """The trust list and everything that it names, as it came."""

    sources: tuple[Source, ...] = field(repr=False)
    error: DidkitError | None  # what is wrong with the trust list itself, as far as this fetch alone can tell
    codes: tuple[str, ...]  # of what could not be fetched


async def fetch_lists(
    fetcher: EvidenceFetching, *, trust_list_url: str, trust_list_signer: str, key_sources: KeySources, now: datetime
) -> tuple[Source, ...]:
    """The trust list and everything that it names, as it came. What cannot be fetched is not there.

    Raises what is wrong with the trust list itself: without it, nothing is worth fetching.
    """
    fetched = await fetch_sources(
        fetcher,
        trust_list_url=trust_list_url,
        trust_list_signer=trust_list_signer,
        key_sources=key_sources,
        now=now,
    )
    if fetched.error is not None:
        raise fetched.error
    return fetched.sources


async def fetch_sources(
    fetcher: EvidenceFetching,
    *,
    trust_list_url: str,
    trust_list_signer: str,
    key_sources: KeySources,
    now: datetime,
    held: Sequence[Source] = (),
) -> FetchedSources:
    """What can be fetched now. Where that fails, what is `held` leads on, so that a party out of reach stops no other.

    The keys of a party whose address answers with 410 are withdrawn.
    """
    sources: dict[str, Source] = {}
    errors: dict[str, DidkitError] = {}
    walk = Walk((), key_sources=key_sources, now=now).read(trust_list_url, trust_list_signer)
    for _ in range(MAX_ROUNDS):
        urls = [url for url in walk.wanted if url not in errors][: MAX_SOURCES - len(sources)]
        if not urls:
            break
        for url, answer in (await _ask(fetcher, {url: walk.wanted[url] for url in urls}, key_sources, now)).items():
            if isinstance(answer, Source):
                sources[url] = answer
            else:
                errors[url] = answer
        instead = [source for source in held if source.url in errors]
        walk = Walk((*sources.values(), *instead), key_sources=key_sources, now=now).read(
            trust_list_url, trust_list_signer
        )
    first = (errors[url] for url in (*key_sources.locations(trust_list_signer), trust_list_url) if url in errors)
    error = next(first, None)
    if error is None:
        try:
            walk.lists()
        except DidkitError as fault:
            error = fault
    return FetchedSources(
        sources=tuple(sources.values()), error=error, codes=tuple(one.code for one in errors.values())
    )


async def _ask(
    fetcher: EvidenceFetching, wanted: Mapping[str, WantedSource], key_sources: KeySources, now: datetime
) -> dict[str, Source | DidkitError]:
    """What stands at each address, or why it could not be had.

    Few fetches from one origin run at once, so that one that hangs leaves room for the others, and after PARTY_SECONDS
    no further one begins.
    """
    parties = {url: origin(url) if is_url(url) else url for url in wanted}  # what is no address is the fetcher's to say
    places = {party: asyncio.Semaphore(MAX_AT_ONCE) for party in parties.values()}
    ends = asyncio.get_running_loop().time() + PARTY_SECONDS

    async def ask(url: str) -> Source | DidkitError:
        async with places[parties[url]]:
            if asyncio.get_running_loop().time() >= ends:
                return Unreachable(f"{parties[url]} takes too long")
            return await _source(fetcher, url, wanted[url], key_sources, now)

    return dict(zip(wanted, await asyncio.gather(*map(ask, wanted)), strict=True))


async def _source(
    fetcher: EvidenceFetching, url: str, wanted: WantedSource, key_sources: KeySources, now: datetime
) -> Source | DidkitError:
    """What stands at `url`, or why it could not be had, whatever its publisher does to us."""
    try:
        fetched = await fetcher.get(url, max_bytes=wanted.max_bytes, accept=wanted.accept)
    except Withdrawn as error:
        if wanted.keys_of is None:
            return error
        body = key_sources.of(wanted.keys_of).withdrawn(wanted.keys_of)
        return Source(url=url, body=body, fetched_at=now)
    except DidkitError as error:
        return error
    except Exception as error:
        log.exception("list-not-fetched")
        return Unreachable(f"it cannot be fetched ({type(error).__name__})")
    return Source(url=url, body=fetched.body, fetched_at=now)


async def fetch_keys(fetcher: EvidenceFetching, party: str, *, key_sources: KeySources) -> PartyKeys:
    """The keys of any party, fetched where they are kept; withdrawn ones where that answers with 410.

    Raises BadDid, Malformed or BadDidDocument, or what the fetcher raises.
    """
    source = key_sources.of(party)
    return source.keys_of(party, await fetch_key_document(fetcher, party, source))


async def gather(
    fetcher: EvidenceFetching, credentials: Iterable[UnverifiedCredential], lists: TrustedLists, *, now: datetime
) -> Evidence:
    """What verifying these credentials needs: the lists, and what they lack, fetched now.

    What cannot be fetched is not there; verifying then says what it lacks.
    """
    presented, evidence = tuple(credentials), lists.evidence()
    tried: set[Need] = set()
    for _ in range(MAX_GATHER_ROUNDS):
        needs = [need for need in missing(presented, evidence, now=now) if need not in tried]
        if not needs:
            break
        tried.update(needs)
        for answer in await asyncio.gather(*(_answer(fetcher, need, evidence, now) for need in needs)):
            if isinstance(answer, PartyKeys):
                evidence = replace(
                    evidence,
                    parties={**evidence.parties, answer.id: answer},
                    fetched_at={**evidence.fetched_at, answer.id: now},
                )
            elif answer is not None:
                evidence = replace(
                    evidence,
                    status_lists={**evidence.status_lists, answer.uri: answer},
                    fetched_at={**evidence.fetched_at, answer.uri: now},
                )
    return evidence


async def _answer(
    fetcher: EvidenceFetching, need: Need, evidence: Evidence, now: datetime
) -> PartyKeys | VerifiedStatusList | None:
    with suppress(DidkitError):
        if need.kind == "keys":
            return await fetch_keys(fetcher, need.name, key_sources=evidence.key_sources)
        return await _fetch_status_list(fetcher, need, evidence, now)
    return None


async def _fetch_status_list(
    fetcher: EvidenceFetching, need: Need, evidence: Evidence, now: datetime
) -> VerifiedStatusList:
    fetched = await fetcher.get(need.name, max_bytes=token_list.MAX_TOKEN, accept=token_list.CONTENT_TYPE)
    text = fetched.body.decode("ascii", "replace").strip()
    keys = evidence.keys_of(party_of(parse_status_list(text).kid or "") or need.issuer)
    if keys is None:
        raise Malformed("the status list is signed by a party that is not known here")
    return read_status_list(text, uri=need.name, keys=keys, now=now)


async def nothing_stored() -> Sequence[Source]:
    """What there is to load where no other process stores."""
    return ()


class ScheduledLists:
    """The lists of a running service: refreshed by schedule, the last good ones kept, old sources read at start.

    `async with ScheduledLists(…)` runs the schedule. `save` stores the sources after each refresh that worked. Where
    several processes store in one place, `load` reads what any of them stored, so that none puts an older list back.
    """

    def __init__(
        self,
        fetcher: EvidenceFetching,
        *,
        trust_list_url: str,
        trust_list_signer: str,
        key_sources: KeySources,
        refresh_seconds: float,
        clock: Callable[[], datetime],
        sources: Sequence[Source] = (),
        load: Callable[[], Awaitable[Sequence[Source]]] = nothing_stored,
        save: Callable[[Sequence[Source]], Awaitable[None]] | None = None,
        on_outcome: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_outcome` hears the outcome of each refresh by schedule: ok, incomplete, or a code."""
        self._fetcher = fetcher
        self._url, self._signer = trust_list_url, trust_list_signer
        self._key_sources = key_sources
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._load = load
        self._save = save
        self._on_outcome = on_outcome
        self._one_at_a_time = asyncio.Lock()
        self._lists: TrustedLists | None = None
        self._task: asyncio.Task[None] | None = None
        if sources:
            with suppress(DidkitError):
                self._lists = read_lists(
                    sources,
                    trust_list_url=self._url,
                    trust_list_signer=self._signer,
                    key_sources=self._key_sources,
                    now=self._clock(),
                )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def current(self, now: datetime, *, keys_max_age: timedelta = KEYS_MAX_AGE) -> TrustedLists:
        """The last good lists. Raises Stale when there are none, or they do not hold any more."""
        if self._lists is None:
            raise Stale("the trust list was never fetched, or its publisher withdrew its key")
        self._lists.require_holding(now, keys_max_age=keys_max_age)
        return self._lists

    async def refresh_now(self) -> TrustedLists:
        """Fetch everything again. Raises what is wrong with the trust list.

        The last good lists then stay, unless their publisher withdrew the key that signed them.
        """
        async with self._one_at_a_time:
            held = newest_first(await self._load(), self._lists.sources if self._lists else ())
            new = await fetch_sources(
                self._fetcher,
                trust_list_url=self._url,
                trust_list_signer=self._signer,
                key_sources=self._key_sources,
                now=self._clock(),
                held=held,
            )
            # Another process may have stored newer ones while we fetched.
            held = newest_first(await self._load(), held)
            walk = Walk(newest_first(new.sources, held), key_sources=self._key_sources, now=self._clock())
            walk.read(self._url, self._signer)
            for code in new.codes:
                log.warning("list-not-fetched", code=code)
            if self._save is not None and walk.used and frozenset(walk.used) != frozenset(held):
                kept = {source.url: source for source in (*reversed(held), *walk.used)}
                await self._save(walk.used if new.error is None else tuple(kept.values()))
            had_lists, self._lists = self._lists is not None, None
            lists = walk.lists()
            if had_lists or new.error is None:  # what others stored is not what we fetched, if all we tried failed
                self._lists = lists
            if new.error is not None:
                raise new.error
            return lists

    def age_seconds(self) -> float:
        """How long ago the lists in use were fetched; infinite when there are none."""
        if self._lists is None:
            return math.inf
        return (self._clock() - max(source.fetched_at for source in self._lists.sources)).total_seconds()

    async def _run(self) -> None:
        """Refresh for ever: soon after a failure, then by schedule."""
        retry = FIRST_RETRY_SECONDS
        while True:
            with structlog.contextvars.bound_contextvars(run_id=secrets.token_hex(8)):
                outcome = await self._try_refreshing()
            self._on_outcome(outcome)
            complete = outcome == OK
            retry = FIRST_RETRY_SECONDS if complete else min(retry * 2, self._refresh_seconds)
            await asyncio.sleep(self._refresh_seconds if complete else retry)

    async def _try_refreshing(self) -> str:
        """The outcome of one refresh: ok, incomplete, or the code of what was wrong, which the log has too."""
        log = get_logger()
        try:
            return INCOMPLETE if (await self.refresh_now()).faults else OK
        except DidkitError as error:
            log.warning("lists-not-refreshed", code=error.code)
            return error.code
        except Exception:
            log.exception("lists-not-refreshed")
            return UNEXPECTED
