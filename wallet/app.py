"""create_app: the only place that picks concrete parts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web

from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.fetching.lists import Source
from didkit_py.service.http.routing import Handler, Routes
from didkit_py.service.http.sessions import SESSIONS, end_session, principal_of
from didkit_py.service.http.web import create_base_app, install_health, install_sign_in
from didkit_py.service.setup.folders import alone
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.engines import open_database
from wallet.context import PARTS, Clock, WalletContext, parts_of
from wallet.pages import overview as pages
from wallet.settings import HEAD, RULES_HEAD, WalletSettings
from wallet.storage.public_lists import load_sources, save_sources
from wallet.storage.vault import Vault

LOCK_CHECK_SECONDS: Final = 15.0


def utc_now() -> datetime:
    """The clock of a running wallet."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_parts(
    folder: Path, settings: WalletSettings, *, clock: Clock = utc_now, serving: bool = False
) -> AsyncIterator[WalletContext]:
    """The wallet in this folder, locked. Lists are refreshed by schedule only where it is `serving`.

    One process serves a wallet: it alone writes the ledger, whose head is a file. Raises FolderInUse.
    """
    async with AsyncExitStack() as stack:
        if serving:
            stack.enter_context(alone(folder))
        fetcher = await stack.enter_async_context(Fetcher(settings.loopback_origins))
        database = await open_database(settings, folder, files("wallet") / "migrations")
        stack.push_async_callback(database.close)
        schedule = await _schedule(settings, database, fetcher, clock)
        if serving and schedule is not None:
            await stack.enter_async_context(schedule)
        parts = WalletContext(
            vault=Vault(path=settings.key_file),
            database=database,
            fetch=fetcher,
            schedule=schedule,
            clock=clock,
            head_path=folder / HEAD,
            rules_path=folder / RULES_HEAD,
        )
        stack.push_async_callback(parts.close)
        yield parts


async def _schedule(
    settings: WalletSettings, database: Database, fetcher: Fetcher, clock: Clock
) -> ScheduledLists | None:
    if settings.trust_list_url is None or settings.trust_list_signer is None:
        return None

    async def save(sources: Sequence[Source]) -> None:
        await save_sources(database, sources)

    return ScheduledLists(
        fetcher,
        trust_list_url=settings.trust_list_url,
        trust_list_signer=settings.trust_list_signer,
        refresh_seconds=settings.refresh_seconds,
        clock=clock,
        sources=await load_sources(database),
        save=save,
    )


def create_app(folder: Path, settings: WalletSettings, *, clock: Clock = utc_now) -> web.Application:
    """The wallet's web application; its parts open when it starts, locked."""
    app = create_base_app(settings, service="wallet", folder=Path(__file__).parent, navigation=pages.NAVIGATION)
    app.middlewares.append(keep_locked)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(folder, settings, clock=clock, serving=True) as opened:
            app[PARTS] = opened
            watch = asyncio.create_task(_lock_in_time(opened))
            yield
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    app.cleanup_ctx.append(parts)
    install_sign_in(
        app,
        lambda passphrase: app[PARTS].unlock(passphrase),  # noqa: PLW0108 - the parts open when the app starts
        secret_file=settings.key_file,
        title="Unlock your wallet",
        prompt=f"The passphrase of {settings.name}",
        hint="The one that you chose when you made this wallet. It is not asked for anywhere else.",
        button="Unlock",
    )
    install_health(app, lambda: _ready(app))
    pages.install(app, Routes(app))
    return app


@web.middleware
async def keep_locked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: a session lasts as long as its ticket, and a ticket as long as its session."""
    ticket = principal_of(request)
    parts = parts_of(request)
    if ticket is not None and not parts.vault.use(ticket):
        end_session(request)
        parts.lock_if_unused()
        return web.Response(status=303, headers={"Location": "/sign-in"})
    before = [session.get("principal") for session in request.app[SESSIONS]]
    answer = await handler(request)
    if ticket is not None and principal_of(request) is None:
        living = [session.get("principal") for session in request.app[SESSIONS]]
        for each in before:  # signing out ends every session of the browser
            if each not in living:
                parts.vault.leave(each)
        parts.lock_if_unused()
    return answer


async def _lock_in_time(parts: WalletContext) -> None:
    while True:
        await asyncio.sleep(LOCK_CHECK_SECONDS)
        parts.lock_if_unused()


async def _ready(app: web.Application) -> dict[str, str]:
    parts = app[PARTS]
    await parts.database.fetch("SELECT 1 AS one")
    return {"database": "ok", "lists": "ok" if parts.known_lists() is not None else "not-fetched"}
