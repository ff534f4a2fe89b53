"""Put a wallet together: the only place that picks concrete parts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path

from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.fetching.lists import Source
from didkit_py.service.setup.folders import alone
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.engines import open_database
from wallet.context import Clock, WalletContext
from wallet.settings import HEAD, RULES_HEAD, WalletSettings
from wallet.storage.public_lists import load_sources, save_sources
from wallet.storage.vault import Vault


@asynccontextmanager
async def open_parts(
    folder: Path,
    settings: WalletSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    key_sources: KeySources = KEY_SOURCES,
    serving: bool = False,
) -> AsyncIterator[WalletContext]:
    """The wallet in this folder, locked. Lists are refreshed by schedule only where it is `serving`.

    One process serves a wallet: it alone writes the ledger, whose head is a file. Raises FolderInUse.
    """
    key_sources = key_sources.accepting(settings.optional_algorithms)
    async with AsyncExitStack() as stack:
        if serving:
            stack.enter_context(alone(folder))
        fetcher = await stack.enter_async_context(Fetcher(settings.loopback_origins))
        database = await open_database(settings, folder, files("wallet") / "migrations")
        stack.push_async_callback(database.close)
        schedule = await _schedule(settings, database, fetcher, clock, key_sources)
        if serving and schedule is not None:
            await stack.enter_async_context(schedule)
        parts = WalletContext(
            vault=Vault(path=settings.key_file),
            database=database,
            fetch=fetcher,
            key_sources=key_sources,
            schedule=schedule,
            formats=formats,
            clock=clock,
            head_path=folder / HEAD,
            rules_path=folder / RULES_HEAD,
        )
        stack.push_async_callback(parts.close)
        yield parts


async def _schedule(
    settings: WalletSettings, database: Database, fetcher: Fetcher, clock: Clock, key_sources: KeySources
) -> ScheduledLists | None:
    if settings.trust_list_url is None or settings.trust_list_signer is None:
        return None

    async def save(sources: Sequence[Source]) -> None:
        await save_sources(database, sources)

    return ScheduledLists(
        fetcher,
        trust_list_url=settings.trust_list_url,
        trust_list_signer=settings.trust_list_signer,
        key_sources=key_sources,
        refresh_seconds=settings.refresh_seconds,
        clock=clock,
        sources=await load_sources(database),
        save=save,
    )
