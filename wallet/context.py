"""Parts: what the pages and commands of one running wallet work with; most of it exists only while it is unlocked."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from didkit_py.errors import DidkitError, Stale
from didkit_py.formats.format import Formats
from didkit_py.parties.source import KeySources
from didkit_py.roles.ending import Ended, Ending, TerminationRequest
from didkit_py.roles.presenting import Judged, Presenting
from didkit_py.roles.presenting_store import Exchange
from didkit_py.roles.receiving import Fetch
from didkit_py.roles.vendor_client import VendorClient
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.service.observability.log import get_logger
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.sealing import Box
from wallet.issuance_client import IssuanceClient
from wallet.models import StoredOffer
from wallet.storage.ledger import Ledger
from wallet.storage.presentation_store import PresentationStore
from wallet.storage.rows import BrokenLedger
from wallet.storage.rules_seal import RulesSeal
from wallet.storage.store import WalletStore
from wallet.storage.vault import Ticket, Vault, wallet_id_of

Clock = Callable[[], datetime]
SHOWN_MAX_AGE: Final = timedelta(days=7)  # of key documents behind what is merely shown, such as an issuer's name
log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What works only with the wallet's key."""

    store: WalletStore
    ledger: Ledger
    keeping: PresentationStore
    taking: IssuanceClient
    presenting: Presenting
    ending: Ending


@dataclass(slots=True, kw_only=True)
class WalletContext:
    """One wallet, put together."""

    vault: Vault
    database: Database
    fetch: Fetch
    key_sources: KeySources
    schedule: ScheduledLists | None  # None: no trust list is set, so that nothing can be judged
    formats: Formats
    clock: Clock
    head_path: Path
    rules_path: Path
    _opened: tuple[Box, Opened] | None = field(default=None, repr=False)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def lists(self) -> TrustedLists:
        """The lists as of the last refresh. Raises Stale where there are none."""
        if self.schedule is None:
            raise Stale("no trust list is set", hint="Set trust_list_url and trust_list_signer in settings.toml.")
        return self.schedule.current(self.clock())

    def known_lists(self) -> TrustedLists | None:
        """What can be shown of them, None where there are none: also old ones, but without issuers that withdrew."""
        lists, now = self.shown_lists(), self.clock()
        return None if lists is None else lists.believable(now, keys_max_age=SHOWN_MAX_AGE)

    def shown_lists(self) -> TrustedLists | None:
        """The same with all that the trust list names."""
        if self.schedule is None:
            return None
        try:
            return self.schedule.current(self.clock(), keys_max_age=SHOWN_MAX_AGE)
        except Stale:
            return None

    @property
    def opened(self) -> Opened:
        """What works only with the key. Raises Locked."""
        box = self.vault.box
        if self._opened is None or self._opened[0] is not box:
            self._opened = (box, self._open(box))
        return self._opened[1]

    def _open(self, box: Box) -> Opened:
        wallet_id = wallet_id_of(box)
        rules = RulesSeal(path=self.rules_path, box=box)
        ledger = Ledger(self.database, wallet_id=wallet_id, box=box, head_path=self.head_path)
        store = WalletStore(database=self.database, wallet_id=wallet_id, box=box, ledger=ledger, rules=rules)
        keeping = PresentationStore(
            store=store, ledger=ledger, formats=self.formats, lists=self.known_lists, key_sources=self.key_sources
        )
        client = VendorClient(fetch=self.fetch, formats=self.formats, key_sources=self.key_sources)
        return Opened(
            store=store,
            ledger=ledger,
            keeping=keeping,
            taking=IssuanceClient(
                store=store, fetch=self.fetch, formats=self.formats, key_sources=self.key_sources, clock=self.clock
            ),
            presenting=Presenting(
                store=keeping,
                client=client,
                lists=self.lists,
                clock=self.clock,
                random=secrets.token_bytes,
            ),
            ending=Ending(store=keeping, client=client, clock=self.clock),
        )

    async def unlock(self, passphrase: str) -> Ticket | None:
        """A ticket for the right passphrase; what was left unfinished goes on in the background."""
        ticket = await self.vault.unlock(passphrase)
        if ticket is not None:
            try:
                log.info("ledger-verified", count=await self.opened.store.adopt())
            except BrokenLedger as error:
                log.warning("ledger-broken", code=error.code)
            task = asyncio.create_task(self._finish_everything())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return ticket

    def lock_if_unused(self) -> None:
        """Forget the key once nobody uses the wallet any more."""
        self.vault.expire()
        if self.vault.locked:
            self._opened = None

    # One after the other for each offer and each request: two pages must not spend a code, or send an answer, side by
    # side. That holds because one process alone serves a wallet.

    async def take(self, offer_id: str, tx_code: str | None) -> StoredOffer:
        """The document of an offer, or what is left to do of it."""
        async with self._turn(offer_id):
            return await self.opened.taking.take(offer_id, tx_code)

    async def judge(self, exchange_id: str) -> Judged:
        """The decision about a request as of now."""
        return await self.opened.presenting.judge(exchange_id)

    async def share(self, exchange_id: str, *, seen: str, optional: frozenset[str], grants: frozenset[str]) -> Exchange:
        """The person's yes to the page with the digest `seen`."""
        async with self._turn(exchange_id):
            return await self.opened.presenting.share(exchange_id, seen=seen, optional=optional, grants=grants)

    async def refuse(self, exchange_id: str) -> Exchange:
        """The person's no."""
        async with self._turn(exchange_id):
            return await self.opened.presenting.refuse(exchange_id)

    async def send(self, exchange_id: str) -> Exchange:
        """Send on what was answered."""
        async with self._turn(exchange_id):
            return await self.opened.presenting.send(exchange_id)

    async def end(self, exchange_id: str, wish: TerminationRequest) -> Sequence[Ended]:
        """The person stops a vendor's use, or has it erased."""
        async with self._turn(exchange_id):
            return await self.opened.ending.end(exchange_id, wish)

    async def send_ended(self, exchange_id: str) -> Sequence[Ended]:
        """Send on what the vendor has not confirmed."""
        async with self._turn(exchange_id):
            return await self.opened.ending.send(exchange_id)

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())

    async def _finish_everything(self) -> None:
        """Go on with everything that was acknowledged and is not finished; one that fails stops no other."""
        structlog.contextvars.bind_contextvars(run_id=secrets.token_hex(8))  # of this task alone
        faults: list[DidkitError] = []
        try:
            for offer in await self.opened.taking.load_redeemed():
                faults += await self._resume_one(self.take(offer.id, None))
            for exchange in await self.opened.keeping.load_unfinished():
                faults += await self._resume_one(self.send(exchange.id))
            waiting = await self.opened.keeping.load_unconfirmed()
            for exchange_id in dict.fromkeys(one.exchange_id for one in waiting):
                faults += await self._resume_one(self.send_ended(exchange_id))
        except DidkitError as error:
            faults.append(error)
        for fault in faults:
            log.warning("not-resumed", code=fault.code)

    @staticmethod
    async def _resume_one(sending: Awaitable[object]) -> list[DidkitError]:
        try:
            await sending
        except DidkitError as error:
            return [error]
        return []

    async def close(self) -> None:
        """Let what is under way come to its end."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
