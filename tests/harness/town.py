"""A town of real programs: an issuer that everybody trusts, a person's wallet, and vendors."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import TEMPLATES, template_named
from didkit_py.encoding import rfc3339
from didkit_py.formats.format import Formats
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import Signer
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.roles.receiving import preview, receive
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.terms.document import create_signatory_statement
from didkit_py.trust import TrustedIssuer
from issuer.app import create_app as create_issuer
from issuer.context import IssuerContext
from issuer.folder import load_settings as load_issuer
from issuer.publishing.states import WORDS
from issuer.web_context import PARTS as ISSUER_PARTS
from tests.canaries import AUDIO, BUYER, EMAIL, MODEL, PASSPHRASE, TOWNS_PASSPHRASE, VIN, watch_for
from tests.harness.folders import copy_folder
from tests.harness.person import Person
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tests.harness.vendor import Clock, Made, Vendor, now
from tools.driving.requests import affordability, sound_system
from verifier.app import create_app as create_vendor
from verifier.context import VerifierContext
from verifier.folder import load_settings as load_vendor
from verifier.web_context import PARTS as VENDOR_PARTS
from wallet.app import create_app as create_wallet
from wallet.folder import load_settings as load_wallet

TERMS: Final = Path(__file__).resolve().parents[2] / "examples" / "terms"
AFFORDABLE: Final = Decimal(23_500)
DEALERSHIP: Final = "Riverside Chryota Ltd"
RECEIPT: Final = {
    "receipt_type": "vehicle-sale",
    "date": "2026-11-14",
    "seller": {"name": "Riverside Chryota Ltd"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
    "vehicle": {"model": MODEL, "audioSystem": AUDIO, "modelYear": 2026, "vin": VIN},
    "buyer_name": BUYER,
}
CONTACT: Final = {"kinds": ["email"], "verified_on": "2026-11-20", "email": EMAIL}
STANDING: Final = {"standing": "good", "period": {"from": "2026-11-01", "to": "2027-10-31"}}


@dataclass(slots=True)
class World:
    """A town with one issuer that everybody trusts, two vendors, room for a real one, and Sally's wallet."""

    issuer: IssuerContext
    dealer: Vendor
    clearsound: Vendor
    wallet_folder: Path
    wallet_port: int
    terms_id: str
    shop_settings: Mapping[str, Any] = field(default_factory=dict)  # of the vendor that `open_shop` opens
    other_issuer: str = ""  # where a second issuer may stand: its origin
    clock: Clock = now
    formats: Formats = field(default_factory=lambda: FORMATS)  # of the wallet, and of the vendor that `open_shop` opens
    key_sources: KeySources = KEY_SOURCES  # the same
    _wallet: AsyncExitStack = field(default_factory=AsyncExitStack)
    person: Person = field(init=False)

    async def start_wallet(self) -> Person:
        settings = load_wallet(self.wallet_folder)
        self._wallet = AsyncExitStack()
        await self._wallet.enter_async_context(
            serving(
                create_wallet(
                    self.wallet_folder,
                    settings,
                    formats=self.formats,
                    clock=self.clock,
                    key_sources=self.key_sources,
                ),
                self.wallet_port,
            )
        )
        jar = aiohttp.CookieJar(unsafe=True)
        session = await self._wallet.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        self.person = Person(url=settings.base_url, session=session)
        return self.person

    async def stop_wallet(self) -> None:
        await self._wallet.aclose()

    async def offer(self, type_name: str, values: Mapping[str, Any], *, subject: str | None = None) -> tuple[str, str]:
        wanted = WantedCredential(type_name=type_name, values=values, reference=secrets.token_hex(4), subject=subject)
        made = await self.issuer.issuing.make_offer(wanted, now=self.clock())
        watch_for(made.offer.code, made.tx_code)
        return self.issuer.issuing.offer_link(made.offer.id), made.tx_code

    def values(self) -> dict[str, dict[str, Any]]:
        ladder = ladder_claims(AFFORDABLE, template_named("affordability-range"))
        scheme = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP"}
        ladder |= {"basis": "pre-qualified-credit"}
        others: dict[str, dict[str, Any]] = {
            "digital-receipt": RECEIPT,
            "contact": CONTACT,
            "insurer-good-standing": STANDING,
        }
        return {"affordability-range": {**scheme, **ladder}, **others}

    async def equip(self, *types: str) -> None:
        """Sally unlocks her wallet and receives these documents; her lists are fresh."""
        await self.person.unlock()
        for name in types:
            done = await self.person.receive(*await self.offer(name, self.values()[name]))
            assert done.outcome == "received", done.text
        await self.refresh()

    async def refresh(self) -> None:
        for vendor in (self.dealer, self.clearsound):
            await vendor.lists.refresh_now()
        page = await self.person.get("/rules")
        await self.person.submit(page, next(one for one in page.forms if one.action == "/lists/refresh"))

    def budget(self, step: int = 20_000) -> Made:
        return self.dealer.ask(affordability(self.terms_id, step))

    def sound(self, *, extra_paths: Sequence[Sequence[str]] = (), whole_vehicle: bool = False) -> Made:
        return self.clearsound.ask(sound_system(self.terms_id, extra_paths=extra_paths, whole_vehicle=whole_vehicle))

    async def change_status(self, type_name: str, status: str, *, subject: str | None = None) -> None:
        """The issuer's word about what it issued of this type to this business, or to people."""
        for kept in await self.issuer.store.find(now=self.clock(), limit=100):
            if (kept.offer.wanted.type_name, kept.offer.wanted.subject) == (type_name, subject):
                await self.issuer.status_lists.change(kept.offer.id, WORDS[status])

    async def revoke(self, vendor_did: str) -> None:
        await self.change_status("terms-signatory", "revoked", subject=vendor_did)


@asynccontextmanager
async def open_world(
    folder: Path, clock: Clock = now, *, formats: Formats = FORMATS, key_sources: KeySources = KEY_SOURCES
) -> AsyncIterator[World]:
    ports = {name: free_port() for name in ("issuer", "dealer", "clearsound", "wallet", "shop", "other")}
    origins = tuple(f"http://localhost:{port}" for port in ports.values())
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(
            open_issuer(folder / "issuer", ports["issuer"], origins, clock, key_sources)
        )
        terms = await issuer.publications.publish_terms(TERMS, now=clock())
        lists_at: dict[str, Any] = {"trust_list_url": f"{origins[0]}/trust-list", "trust_list_signer": issuer.did}
        fetcher = await stack.enter_async_context(Fetcher(origins))
        names = {"dealer": DEALERSHIP, "clearsound": "Clearsound Ltd"}
        vendors = {}
        for key, name in names.items():
            lists = ScheduledLists(fetcher, refresh_seconds=3_600, clock=clock, **lists_at, key_sources=key_sources)
            vendors[key] = Vendor(port=ports[key], name=name, lists=lists, clock=clock)
            await stack.enter_async_context(serving(vendors[key].app(), ports[key]))
        await equip_vendor(issuer, vendors["dealer"], terms.id, fetcher, role=True)
        await equip_vendor(issuer, vendors["clearsound"], terms.id, fetcher)
        shared = {"loopback_origins": origins, **lists_at}
        copy_folder(
            folder / "wallet",
            "wallet",
            settings={"name": "Sally's wallet", "base_url": origins[3], "port": ports["wallet"], **shared},
            passphrase=PASSPHRASE,
        )
        world = World(
            issuer,
            vendors["dealer"],
            vendors["clearsound"],
            folder / "wallet",
            ports["wallet"],
            terms.id,
            shop_settings={"name": DEALERSHIP, "base_url": origins[4], "port": ports["shop"], **shared},
            other_issuer=origins[5],
            clock=clock,
            formats=formats,
            key_sources=key_sources,
        )
        await world.start_wallet()
        try:
            yield world
        finally:
            await world.stop_wallet()


@asynccontextmanager
async def open_issuer(
    folder: Path, port: int, origins: Sequence[str], clock: Clock = now, key_sources: KeySources = KEY_SOURCES
) -> AsyncIterator[IssuerContext]:
    """An issuer of every claim type that its own trust list names."""
    url = f"http://localhost:{port}"
    types = tuple(template.name for template in TEMPLATES.values())
    settings: dict[str, Any] = {
        "name": "Harbour Town",
        "base_url": url,
        "port": port,
        "types": types,
        "loopback_origins": origins,
    }
    copy_folder(folder, "issuer", settings=settings, passphrase=TOWNS_PASSPHRASE)
    app = create_issuer(folder, load_issuer(folder), clock=clock, key_sources=key_sources)
    async with serving(app, port):
        parts = app[ISSUER_PARTS]
        entry = TrustedIssuer(
            id=parts.did, name="Harbour Town", vcts=frozenset(TEMPLATES), status_lists=f"{url}/status-lists"
        )
        await parts.publications.trust(entry)
        yield parts


async def equip_vendor(
    issuer: IssuerContext, vendor: Vendor, terms_id: str, fetcher: Fetcher, *, role: bool = False
) -> None:
    """The vendor signs the terms, and gets its papers by the same protocol as people do."""
    signed = await signed_terms(terms_id, vendor.signer, vendor.clock())
    vendor.signatory = await _hand_over(issuer, vendor, "terms-signatory", signed, fetcher)
    if role:
        vendor.role = await _hand_over(issuer, vendor, "authorized-dealer", _dealer(vendor.name), fetcher)


async def signed_terms(terms_id: str, signer: Signer, now: datetime) -> dict[str, Any]:
    """What the terms body says of a vendor that signed."""
    signed_at = now.replace(microsecond=0)
    return {
        "terms": {"id": terms_id, "family": "example-standard-terms-of-sharing", "version": "1.0"},
        "signature": await create_signatory_statement(terms_id, signed_at=signed_at, signer=signer),
        "signedAt": rfc3339(signed_at),
        "level": "reviewed",
    }


def _dealer(name: str) -> dict[str, Any]:
    """What the manufacturer says of a dealer."""
    return {"brand": "Chryota", "scope": ["sales"], "territory": ["GB-ENG"], "dealer_id": "CH-0042", "name": name}


async def _hand_over(
    issuer: IssuerContext, vendor: Vendor, type_name: str, values: Mapping[str, Any], fetcher: Fetcher
) -> str:
    wanted = WantedCredential(type_name=type_name, values=values, reference=secrets.token_hex(4), subject=vendor.did)
    made = await issuer.issuing.make_offer(wanted, now=vendor.clock())
    offered = await preview(issuer.issuing.offer_link(made.offer.id), fetch=fetcher, formats=FORMATS)
    received = await receive(
        offered,
        tx_code=made.tx_code,
        signers=[vendor.signer],
        fetch=fetcher,
        clock=vendor.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    return received.texts[0]


@asynccontextmanager
async def open_shop(world: World, folder: Path) -> AsyncIterator[VerifierContext]:
    """A dealer's real program in the same town, with its papers and fresh lists."""
    copy_folder(folder, "verifier", settings=world.shop_settings, passphrase="a dealer of the town")
    settings = load_vendor(folder)
    app = create_vendor(folder, settings, formats=world.formats, clock=world.clock, key_sources=world.key_sources)
    async with serving(app, settings.port):
        shop = app[VENDOR_PARTS]
        papers = {
            "terms-signatory": await signed_terms(world.terms_id, shop.signer, world.clock()),
            "authorized-dealer": _dealer(settings.name),
        }
        for type_name, values in papers.items():
            link, tx_code = await world.offer(type_name, values, subject=shop.did)
            await shop.receive(await shop.preview(link), tx_code=tx_code)
        await shop.refresh()
        yield shop
