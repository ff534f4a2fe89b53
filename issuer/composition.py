"""Put an issuer together: the only place that picks concrete parts."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from didkit_py.dids.web import web_did
from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.keys.party import PartyKeys
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.issuing import Issuing
from didkit_py.roles.issuing_store import KeyedHashes
from didkit_py.service.clock import utc_now
from didkit_py.service.composition import ServiceParts, open_service
from didkit_py.service.fetching.evidence import fetch_keys
from didkit_py.service.setup.folders import KEY_FRAGMENT
from didkit_py.service.storage.database import Database
from didkit_py.terms.document import SIGNATORY_VCT
from issuer.claim_templates import layout_for, offered_types
from issuer.context import Clock, IssuerContext
from issuer.publishing.documents import Publications, SignatoryCheck
from issuer.publishing.status_lists import StatusLists
from issuer.settings import IssuerSettings
from issuer.store import OfferStore

Random = Callable[[int], bytes]


@asynccontextmanager
async def open_parts(
    folder: Path,
    settings: IssuerSettings,
    *,
    formats: Formats = FORMATS,
    clock: Clock = utc_now,
    random: Random = secrets.token_bytes,
    key_sources: KeySources = KEY_SOURCES,
    measured: Callable[[Database], Database] = lambda database: database,
) -> AsyncIterator[IssuerContext]:
    """The issuer in this folder, ready to work. Raises CannotOpen, StorageUnavailable or BadTemplate."""
    async with open_service(folder, settings, program="issuer", measured=measured) as service:
        yield _compose(settings, service, formats=formats, clock=clock, random=random, key_sources=key_sources)


def _compose(
    settings: IssuerSettings,
    service: ServiceParts,
    *,
    formats: Formats,
    clock: Clock,
    random: Random,
    key_sources: KeySources,
) -> IssuerContext:
    key_sources = key_sources.accepting(settings.optional_algorithms)
    keys, database = service.keys, service.database
    did = web_did(settings.base_url)
    signer = keys.signer(f"{did}#{KEY_FRAGMENT}")
    templates = offered_types(settings.types)
    publications = Publications(
        database=database,
        party_id=keys.party_id,
        signer=signer,
        issuer_url=settings.base_url,
        key_sources=key_sources,
    )
    store = OfferStore(database=database, party_id=keys.party_id, storage_key=keys.storage_key, random=random)

    async def fetch(party: str) -> PartyKeys:
        return await fetch_keys(service.fetcher, party, key_sources=key_sources)

    check = SignatoryCheck(publications=publications, fetch_keys=fetch)
    issuing = Issuing(
        store=store,
        templates=templates,
        in_format=next(iter(formats.values())),
        issuer_url=settings.base_url,
        signer=signer,
        hashes=KeyedHashes(key=keys.mac_key),
        nonce_key=keys.mac_key,
        random=random,
        fetch_keys=fetch,
        checks={name: check for name, template in templates.items() if template.vct == SIGNATORY_VCT},
        offer_lifetime=timedelta(days=settings.offer_days),
    )
    return IssuerContext(
        settings=settings,
        did=did,
        public=signer.public,
        issuing=issuing,
        formats=formats,
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
