"""create_app: the wallet's web application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import web

from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.localization import phrase
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.http.routing import Handler, Routes
from didkit_py.service.http.sessions import SESSIONS, end_session, principal_of
from didkit_py.service.http.web import create_base_app, install_health, install_sign_in, run, serve
from didkit_py.service.observability.log import configure
from wallet.composition import open_parts
from wallet.context import Clock
from wallet.folder import load_settings
from wallet.pages import overview as pages
from wallet.settings import WalletSettings
from wallet.web_context import PARTS, parts_of

LOCK_CHECK_SECONDS: Final = 15.0


def serve_folder(folder: Path) -> None:
    """Serve the wallet's pages until told to stop; it starts locked. Raises what opening and listening raise."""
    settings = load_settings(folder)
    configure(service="wallet", level=settings.log_level)
    run(serve(create_app(folder, settings), settings))


def create_app(
    folder: Path,
    settings: WalletSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    key_sources: KeySources = KEY_SOURCES,
) -> web.Application:
    """The wallet's web application; its parts open when it starts, locked.

    `key_sources` says which kinds of party it knows.
    """
    app = create_base_app(settings, service="wallet", folder=Path(__file__).parent, navigation=pages.NAVIGATION)
    app.middlewares.append(keep_locked)

    async def lock_in_time() -> None:
        while True:
            await asyncio.sleep(LOCK_CHECK_SECONDS)
            app[PARTS].lock_if_unused()

    async def ready() -> dict[str, str]:
        opened = app[PARTS]
        await opened.database.fetch("SELECT 1 AS one")
        return {"database": "ok", "lists": "ok" if opened.known_lists() is not None else "not-fetched"}

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(
            folder, settings, formats=formats, clock=clock, key_sources=key_sources, serving=True
        ) as opened:
            app[PARTS] = opened
            watch = asyncio.create_task(lock_in_time())
            yield
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    app.cleanup_ctx.append(parts)
    install_sign_in(
        app,
        lambda passphrase: app[PARTS].unlock(passphrase),  # noqa: PLW0108 - the parts open when the app starts
        secret_file=settings.key_file,
        title=phrase("wallet.sign-in.title"),
        prompt=phrase("wallet.sign-in.prompt", name=settings.name),
        hint=phrase("wallet.sign-in.hint"),
        button=phrase("wallet.sign-in.button"),
    )
    install_health(app, ready)
    pages.install(Routes(app))
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
