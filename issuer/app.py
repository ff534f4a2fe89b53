"""create_app: the only place that picks concrete parts."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from didkit_py.dids.document import DidDocument
from didkit_py.dids.web import web_did
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.roles.issuing import Issuing
from didkit_py.roles.issuing_store import KeyedHashes
from didkit_py.service.fetching.evidence import fetch_document
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.http.web import Routes, create_base_app, install_health, install_metrics, install_sign_in
from didkit_py.service.observability.metrics import Metrics
from didkit_py.service.periodic import SWEEP_SECONDS, repeating
from didkit_py.service.setup.folders import KEYS
from didkit_py.service.setup.keyfile import ServiceKeys, open_keyfile, read_unlock
from didkit_py.service.setup.operator import passphrase_check
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.engines import open_database
from didkit_py.terms.document import SIGNATORY_VCT
from issuer import api
from issuer.claim_templates import layout_for, offered_types
from issuer.context import KEY_FRAGMENT, PARTS, Clock, IssuerContext
from issuer.importing.rows import MAX_FILE_BYTES
from issuer.metrics import METRICS, OFFERS
from issuer.pages import overview as pages
from issuer.publishing.documents import Publications, SignatoryCheck
from issuer.publishing.status_lists import StatusLists
from issuer.settings import IssuerSettings
from issuer.store import OfferStore

Random = Callable[[int], bytes]


def utc_now() -> datetime:
    """The clock of a running issuer."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_parts(
    folder: Path,
    settings: IssuerSettings,
    *,
    clock: Clock = utc_now,
    random: Random = secrets.token_bytes,
    measured: Callable[[Database], Database] = lambda database: database,
) -> AsyncIterator[IssuerContext]:
    """The issuer in this folder, ready to work. Raises CannotOpen, StorageUnavailable or BadTemplate."""
    keys = open_keyfile(folder / KEYS, unlock=read_unlock(settings.key_file))
    async with Fetcher(settings.loopback_origins, names_origins=True) as fetcher:
        database = await open_database(settings, folder, files("issuer") / "migrations")
        try:
            yield _compose(settings, keys, database=measured(database), fetcher=fetcher, clock=clock, random=random)
        finally:
            await database.close()


def _compose(
    settings: IssuerSettings, keys: ServiceKeys, *, database: Database, fetcher: Fetcher, clock: Clock, random: Random
) -> IssuerContext:
    did = web_did(settings.base_url)
    signer = keys.signer(f"{did}#{KEY_FRAGMENT}")
    templates = offered_types(settings.types)
    publications = Publications(database=database, party_id=keys.party_id, signer=signer, issuer_url=settings.base_url)
    store = OfferStore(database=database, party_id=keys.party_id, storage_key=keys.storage_key, random=random)

    async def fetch(did: str) -> DidDocument:
        return await fetch_document(fetcher, did)

    check = SignatoryCheck(publications=publications, fetch_document=fetch)
    issuing = Issuing(
        store=store,
        templates=templates,
        issuer_url=settings.base_url,
        did=did,
        signer=signer,
        hashes=KeyedHashes(key=keys.mac_key),
        nonce_key=keys.mac_key,
        random=random,
        fetch_document=fetch,
        checks={name: check for name, template in templates.items() if template.vct == SIGNATORY_VCT},
        offer_lifetime=timedelta(days=settings.offer_days),
    )
    return IssuerContext(
        settings=settings,
        did=did,
        public=signer.public,
        issuing=issuing,
        store=store,
        status_lists=StatusLists(
            database=database,
            party_id=keys.party_id,
            signer=signer,
            issuer_url=settings.base_url,
            ttl=timedelta(seconds=settings.status_ttl_seconds),
        ),
        publications=publications,
        layout=layout_for(settings.types),
        clock=clock,
    )


def create_app(folder: Path, settings: IssuerSettings, *, clock: Clock = utc_now) -> web.Application:
    """The issuer's web application; its parts open when it starts."""
    app = create_base_app(
        settings,
        service="issuer",
        folder=Path(__file__).parent,
        navigation=pages.NAVIGATION,
        max_body_bytes=MAX_FILE_BYTES + 65_536,
    )

    metrics = install_metrics(app, METRICS)
    metrics.read_before(lambda: _count_offers(app[PARTS], metrics))

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(folder, settings, clock=clock, measured=metrics.measured) as opened:
            if any(template.has_status for template in opened.templates):
                await opened.store.open_list()  # before the first credential, so that everybody has fetched it by then
            app[PARTS] = opened
            async with repeating(lambda: opened.store.let_time_pass(now=clock()), seconds=SWEEP_SECONDS):
                yield

    app.cleanup_ctx.append(parts)
    install_sign_in(
        app,
        passphrase_check(settings.operator_file),
        secret_file=settings.operator_file,
        title="Sign in",
        prompt="Passphrase of the operator",
    )
    install_health(app, lambda: _ready(app))
    routes = Routes(app)
    api.install(routes)
    pages.install(routes)
    return app


async def _count_offers(parts: IssuerContext, metrics: Metrics) -> None:
    counted = (await parts.store.counts(now=parts.clock())).states
    for state in IssuanceState:
        metrics.say(OFFERS, counted.get(state, 0), state.value)


async def _ready(app: web.Application) -> dict[str, str]:
    await app[PARTS].store.database.fetch("SELECT 1 AS one")
    return {"database": "ok", "keys": "ok"}
