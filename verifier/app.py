"""create_app: the vendor's web application."""

import math
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path

from aiohttp import web

from didkit_py.errors import Unavailable
from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.clock import utc_now
from didkit_py.service.http.web import METRICS as SERVICE_METRICS
from didkit_py.service.http.web import (
    Routes,
    create_base_app,
    install_health,
    install_metrics,
    install_operator_sign_in,
    run,
    serve,
)
from didkit_py.service.observability.log import configure, get_logger
from didkit_py.service.observability.metrics import LIST_AGE
from didkit_py.service.periodic import SWEEP_SECONDS, repeating
from verifier.api import endpoints
from verifier.composition import open_parts
from verifier.context import Clock
from verifier.folder import load_settings
from verifier.metrics import METRICS
from verifier.pages import overview as pages
from verifier.settings import VerifierSettings
from verifier.web_context import PARTS

log = get_logger()


def serve_folder(folder: Path) -> None:
    """Serve wallets and the operator's pages until told to stop. Raises what opening and listening raise."""
    settings = load_settings(folder)
    app = create_app(folder, settings)
    configure(service="verifier", level=settings.log_level, on_event=app[SERVICE_METRICS].logged)
    run(serve(app, settings, metrics_port=settings.metrics_port))


def create_app(
    folder: Path,
    settings: VerifierSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    key_sources: KeySources = KEY_SOURCES,
) -> web.Application:
    """The vendor's web application; its parts open when it starts.

    `key_sources` says which kinds of party it knows.
    """
    app = create_base_app(
        settings,
        service="verifier",
        folder=Path(__file__).parent,
        navigation=pages.NAVIGATION,
    )

    metrics = install_metrics(app, METRICS)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(
            folder, settings, formats=formats, clock=clock, key_sources=key_sources, measured=metrics.measured
        ) as opened:
            app[PARTS] = opened
            try:  # what became due while nobody ran, and what a crash left undone
                await opened.retaining.erase_due(now=clock())
            except Unavailable as error:  # it is tried again in a minute
                log.warning("erasure-unfinished", code=error.code)
            schedule = opened.schedule(on_outcome=metrics.refreshed)
            metrics.follow(LIST_AGE, (lambda: math.inf) if schedule is None else schedule.age_seconds)
            sweeping = repeating(lambda: opened.store.sweep(now=clock()), seconds=SWEEP_SECONDS)
            erasing = repeating(lambda: opened.retaining.erase_due(now=clock()), seconds=SWEEP_SECONDS)
            async with sweeping, erasing, schedule or nullcontext():
                yield

    async def ready() -> dict[str, str]:
        opened = app[PARTS]
        await opened.store.database.fetch("SELECT 1 AS one")
        await opened.lists.current(opened.clock())
        return {"database": "ok", "keys": "ok", "lists": "ok"}

    app.cleanup_ctx.append(parts)
    install_operator_sign_in(app, settings.operator_file)
    install_health(app, ready)
    routes = Routes(app)
    endpoints.install(routes)
    pages.install(routes)
    return app
