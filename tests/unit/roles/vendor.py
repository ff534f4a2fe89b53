"""A vendor without a network: its use cases over its real store, and the cast's papers."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.encoding import Json, sha256
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.accepting import Accepting
from didkit_py.roles.asking import Asking, Vendor
from didkit_py.roles.asking_store import OwnCredential, RequestTemplate
from didkit_py.roles.checking import Checking
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import SqliteDatabase, open_sqlite
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence
from tests.cast import DEALER, NOW, SOUND_GRANT, SOUND_QUERY, dealer_role, evidence, terms, terms_signatory
from verifier.storage.store import VendorStore

KEY: Final = b"k" * 32
ROLE: Final = "urn:didkit-py:vct:authorized-dealer:1"


class Counter:
    """Octets that are all different and always the same."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, size: int) -> bytes:
        self.made += 1
        octets = b"".join(sha256(f"{self.made} {part}".encode()) for part in range(-(-size // 32)))
        return octets[:size]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One vendor's use cases."""

    database: SqliteDatabase
    store: VendorStore
    asking: Asking
    checking: Checking
    terms: TermsDocument

    async def hold(self, *texts: str, at: datetime = NOW) -> None:
        for text in texts:
            name = f"{len(await self.store.own_credentials())}"
            await self.store.save_credential(OwnCredential.of(text, id=name, received_at=at))


def sheet(**changes: Json) -> dict[str, Json]:
    body: dict[str, Json] = {
        "purpose_text": "To register your sound system for service",
        "query": SOUND_QUERY,
        "grants": [SOUND_GRANT.to_json()],
        "terms": None,
        "give": None,
        "roles": [ROLE],
    }
    return body | changes


def template(**changes: Json) -> RequestTemplate:
    return RequestTemplate.from_json(sheet(**changes), formats=FORMATS)


@asynccontextmanager
async def open_desk(folder: Path, *, papers: bool = True) -> AsyncIterator[Desk]:
    random = Counter()
    database = await open_sqlite(folder / "vendor.sqlite3", migrations=files("verifier") / "migrations")
    store = VendorStore(database=database, party_id="us", box=Box(key=KEY, random=random), formats=FORMATS)
    document = await terms()

    async def gather(_: Iterable[UnverifiedCredential], __: datetime) -> Evidence:
        return await evidence()

    async def known(_: datetime) -> dict[str, TermsDocument]:
        return {document.id: document}

    vendor = Vendor(
        client_id=client_id_of(DEALER.did, key_sources=KEY_SOURCES),
        base_url=DEALER.origin,
        name="Ann's",
        contact="privacy@dealer.example",
    )
    accepting = Accepting(store=store, signer=DEALER.signer, keys=DEALER.document, terms=known)
    checking = Checking(
        store=store,
        accepting=accepting,
        client_id=vendor.client_id.full,
        base_url=vendor.base_url,
        gather=gather,
        random=random,
        formats=FORMATS,
    )
    asking = Asking(vendor=vendor, store=store, signer=DEALER.signer, random=random, formats=FORMATS)
    desk = Desk(database=database, store=store, asking=asking, checking=checking, terms=document)
    try:
        if papers:
            await desk.hold(await dealer_role(DEALER), await terms_signatory(DEALER, document))
        yield desk
    finally:
        await database.close()
