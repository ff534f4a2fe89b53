"""Put a vendor together: the only place that picks concrete parts."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.web import web_did
from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.client_id import ClientId, client_id_of
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.accepting import Accepting
from didkit_py.roles.asking import Asking, Vendor
from didkit_py.roles.checking import Checking
from didkit_py.roles.retaining import Retaining
from didkit_py.service.clock import utc_now
from didkit_py.service.composition import ServiceParts, open_service
from didkit_py.service.fetching.evidence import gather
from didkit_py.service.setup.folders import KEY_FRAGMENT
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.sealing import Box
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence
from verifier.context import Clock, VerifierContext
from verifier.settings import VerifierSettings
from verifier.storage.public_lists import KeptLists
from verifier.storage.store import VendorStore

Random = Callable[[int], bytes]


@asynccontextmanager
async def open_parts(
    folder: Path,
    settings: VerifierSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    random: Random = secrets.token_bytes,
    key_sources: KeySources = KEY_SOURCES,
    measured: Callable[[Database], Database] = lambda database: database,
) -> AsyncIterator[VerifierContext]:
    """The vendor in this folder, ready to work. Raises CannotOpen or StorageUnavailable."""
    async with open_service(folder, settings, program="verifier", measured=measured) as service:
        parts = _compose(settings, service, formats=formats, clock=clock, random=random, key_sources=key_sources)
        try:
            yield parts
        finally:
            await parts.store.scrubbing.close()


def _compose(
    settings: VerifierSettings,
    service: ServiceParts,
    *,
    formats: Formats,
    clock: Clock,
    random: Random,
    key_sources: KeySources,
) -> VerifierContext:
    key_sources = key_sources.accepting(settings.optional_algorithms)
    keys, database, fetcher = service.keys, service.database, service.fetcher
    did = web_did(settings.base_url)
    signer = keys.signer(f"{did}#{KEY_FRAGMENT}")
    published = create_document(did, {KEY_FRAGMENT: signer.public})
    own_keys = keys_of_document(published, did=did)
    store = VendorStore(
        database=database, party_id=keys.party_id, box=Box(key=keys.storage_key, random=random), formats=formats
    )
    lists = KeptLists(
        database=database,
        trust_list_url=settings.trust_list_url,
        trust_list_signer=settings.trust_list_signer,
        key_sources=key_sources,
    )

    async def gather_evidence(credentials: Iterable[UnverifiedCredential], now: datetime) -> Evidence:
        return await gather(fetcher, credentials, await lists.current(now), now=now)

    async def known_terms(now: datetime) -> Mapping[str, TermsDocument]:
        return (await lists.current(now)).terms

    vendor = _vendor(settings, client_id_of(did, key_sources=key_sources))
    accepting = Accepting(store=store, signer=signer, keys=own_keys, terms=known_terms)
    return VerifierContext(
        settings=settings,
        did=did,
        keys=own_keys,
        published=published,
        signer=signer,
        asking=Asking(vendor=vendor, store=store, formats=formats, signer=signer, random=random),
        checking=Checking(
            store=store,
            accepting=accepting,
            client_id=vendor.client_id.full,
            base_url=settings.base_url,
            formats=formats,
            gather=gather_evidence,
            random=random,
        ),
        accepting=accepting,
        retaining=Retaining(store=store, keys=own_keys),
        store=store,
        lists=lists,
        formats=formats,
        fetcher=fetcher,
        key_sources=key_sources,
        clock=clock,
        random=random,
    )


def _vendor(settings: VerifierSettings, client_id: ClientId) -> Vendor:
    return Vendor(
        client_id=client_id,
        base_url=settings.base_url,
        name=settings.name,
        contact=settings.contact or settings.base_url,
        authority=settings.authority,
    )
