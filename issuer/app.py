"""create_app: the issuer's web application."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.issuance import IssuanceState
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
from didkit_py.service.observability.log import configure
from didkit_py.service.periodic import SWEEP_SECONDS, repeating
from issuer.api import endpoints
from issuer.composition import open_parts
from issuer.context import Clock
from issuer.folder import load_settings
from issuer.importing.rows import MAX_FILE_BYTES
from issuer.metrics import METRICS, OFFERS
from issuer.pages import overview as pages
from issuer.settings import IssuerSettings
from issuer.web_context import PARTS


def serve_folder(folder: Path) -> None:
    """Serve wallets and the operator's pages until told to stop. Raises what opening and listening raise."""
    settings = load_settings(folder)
    app = create_app(folder, settings)
    configure(service="issuer", level=settings.log_level, on_event=app[SERVICE_METRICS].logged)
    run(serve(app, settings, metrics_port=settings.metrics_port))


def create_app(
    folder: Path,
    settings: IssuerSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    key_sources: KeySources = KEY_SOURCES,
) -> web.Application:
    """The issuer's web application; its parts open when it starts.

    `key_sources` says which kinds of party it knows.
    """
    app = create_base_app(
        settings,
        service="issuer",
        folder=Path(__file__).parent,
        navigation=pages.NAVIGATION,
        max_body_bytes=MAX_FILE_BYTES + 65_536,
    )

    metrics = install_metrics(app, METRICS)

    async def count_offers() -> None:
        opened = app[PARTS]
        counted = (await opened.store.counts(now=opened.clock())).states
        for state in IssuanceState:
            metrics.say(OFFERS, counted.get(state, 0), state.value)

    metrics.read_before(count_offers)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(
            folder, settings, formats=formats, clock=clock, key_sources=key_sources, measured=metrics.measured
        ) as opened:
            if any(template.has_status for template in opened.templates):
                await opened.store.open_list()  # before the first credential, so that everybody has fetched it by then
            app[PARTS] = opened
            async with repeating(lambda: opened.store.let_time_pass(now=clock()), seconds=SWEEP_SECONDS):
                yield

    async def ready() -> dict[str, str]:
        await app[PARTS].store.database.fetch("SELECT 1 AS one")
        return {"database": "ok", "keys": "ok"}

    app.cleanup_ctx.append(parts)
    install_operator_sign_in(app, settings.operator_file)
    install_health(app, ready)
    routes = Routes(app)
    endpoints.install(routes)
    pages.install(routes)
    return app
