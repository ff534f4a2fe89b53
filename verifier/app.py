"""create_app: the only place that picks concrete parts."""

import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from didkit_py.dids.document import DidDocument, create_document
from didkit_py.dids.web import web_did
from didkit_py.errors import Unavailable
from didkit_py.roles.accepting import Accepting
from didkit_py.roles.asking import Asking, Vendor
from didkit_py.roles.checking import Checking
from didkit_py.roles.retaining import Retaining
from didkit_py.service.fetching.evidence import gather
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.http.web import Routes, create_base_app, install_health, install_metrics, install_sign_in
from didkit_py.service.observability.log import get_logger
from didkit_py.service.observability.metrics import LIST_AGE
from didkit_py.service.periodic import SWEEP_SECONDS, repeating
from didkit_py.service.setup.folders import KEYS
from didkit_py.service.setup.keyfile import ServiceKeys, open_keyfile, read_unlock
from didkit_py.service.setup.operator import passphrase_check
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.engines import open_database
from didkit_py.service.storage.sealing import Box
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence
from verifier import api
from verifier.context import KEY_FRAGMENT, PARTS, Clock, VerifierContext
from verifier.metrics import METRICS
from verifier.pages import overview as pages
from verifier.public_lists import KeptLists
from verifier.settings import VerifierSettings
from verifier.store import VendorStore

Random = Callable[[int], bytes]
log = get_logger()


def utc_now() -> datetime:
    """The clock of a running vendor."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_parts(
    folder: Path,
    settings: VerifierSettings,
    *,
    clock: Clock = utc_now,
    random: Random = secrets.token_bytes,
    measured: Callable[[Database], Database] = lambda database: database,
) -> AsyncIterator[VerifierContext]:
    """The vendor in this folder, ready to work. Raises CannotOpen or StorageUnavailable."""
    keys = open_keyfile(folder / KEYS, unlock=read_unlock(settings.key_file))
    async with Fetcher(settings.loopback_origins, names_origins=True) as fetcher:
        database = await open_database(settings, folder, files("verifier") / "migrations")
        try:
            parts = _compose(settings, keys, database=measured(database), fetcher=fetcher, clock=clock, random=random)
            try:
                yield parts
            finally:
                await parts.store.scrubbing.close()
        finally:
            await database.close()


def _compose(
    settings: VerifierSettings, keys: ServiceKeys, *, database: Database, fetcher: Fetcher, clock: Clock, random: Random
) -> VerifierContext:
    did = web_did(settings.base_url)
    signer = keys.signer(f"{did}#{KEY_FRAGMENT}")
    published = create_document(did, {KEY_FRAGMENT: signer.public})
    document = DidDocument.from_json(published, did=did)
    store = VendorStore(database=database, party_id=keys.party_id, box=Box(key=keys.storage_key, random=random))
    lists = KeptLists(
        database=database,
        trust_list_url=settings.trust_list_url,
        trust_list_signer=settings.trust_list_signer,
    )

    async def gather_evidence(texts: Iterable[str], now: datetime) -> Evidence:
        return await gather(fetcher, texts, await lists.current(now), now=now)

    async def known_terms(now: datetime) -> Mapping[str, TermsDocument]:
        return (await lists.current(now)).terms

    vendor = _vendor(settings, did)
    accepting = Accepting(store=store, signer=signer, document=document, terms=known_terms)
    return VerifierContext(
        settings=settings,
        did=did,
        document=document,
        published=published,
        signer=signer,
        asking=Asking(vendor=vendor, store=store, signer=signer, random=random),
        checking=Checking(
            store=store,
            accepting=accepting,
            client_id=vendor.client_id.full,
            base_url=settings.base_url,
            gather=gather_evidence,
            random=random,
        ),
        accepting=accepting,
        retaining=Retaining(store=store, document=document),
        store=store,
        lists=lists,
        fetcher=fetcher,
        clock=clock,
        random=random,
    )


def _vendor(settings: VerifierSettings, did: str) -> Vendor:
    return Vendor(
        did=did,
        base_url=settings.base_url,
        name=settings.name,
        contact=settings.contact or settings.base_url,
        authority=settings.authority,
    )


def create_app(folder: Path, settings: VerifierSettings, *, clock: Clock = utc_now) -> web.Application:
    """The vendor's web application; its parts open when it starts."""
    app = create_base_app(
        settings,
        service="verifier",
        folder=Path(__file__).parent,
        navigation=pages.NAVIGATION,
    )

    metrics = install_metrics(app, METRICS)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(folder, settings, clock=clock, measured=metrics.measured) as opened:
            app[PARTS] = opened
            await _keep_to_time(opened)
            schedule = opened.schedule(told=metrics.refreshed)
            metrics.follow(LIST_AGE, (lambda: math.inf) if schedule is None else schedule.age_seconds)
            sweeping = repeating(lambda: opened.store.sweep(now=clock()), seconds=SWEEP_SECONDS)
            erasing = repeating(lambda: opened.retaining.erase_due(now=clock()), seconds=SWEEP_SECONDS)
            async with sweeping, erasing, schedule or nullcontext():
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


async def _keep_to_time(parts: VerifierContext) -> None:
    """What became due while nobody ran, and what a crash left undone; what cannot be done now is done in a minute."""
    try:
        await parts.retaining.erase_due(now=parts.clock())
    except Unavailable as error:
        log.warning("erasure-unfinished", code=error.code)


async def _ready(app: web.Application) -> dict[str, str]:
    parts = app[PARTS]
    await parts.store.database.fetch("SELECT 1 AS one")
    await parts.lists.current(parts.clock())
    return {"database": "ok", "keys": "ok", "lists": "ok"}
