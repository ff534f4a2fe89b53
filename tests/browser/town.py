"""The three programs at work on loopback with their real databases, and two small vendors that can ask for anything."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.fetching.evidence import ScheduledLists
from didkit_py.service.fetching.fetch import Fetcher
from tests.canaries import PASSPHRASE, TOWNS_PASSPHRASE
from tests.harness.folders import copy_folder
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tests.harness.town import TERMS, World, equip_vendor, open_issuer, signed_terms
from tests.harness.vendor import Made, Vendor, now
from tools.driving.requests import affordability, sound_system
from verifier.app import create_app as create_verifier
from verifier.context import VerifierContext
from verifier.folder import load_settings as load_verifier
from verifier.web_context import PARTS as VERIFIER_PARTS

OPERATOR: Final = TOWNS_PASSPHRASE
ISSUER_NAME: Final = "Harbour Town"
SHOP_NAME: Final = "Northgate Chryota"
INJECTED: Final = "MARK-7f3a"  # stands in every text that a hostile vendor can choose
MARKUP: Final = f'{INJECTED} <b id="{INJECTED}">bold</b><img src=x onerror=alert(1)><script>alert(1)</script>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Addresses of the programs, and the people who ask and offer."""

    world: World
    issuer: str
    verifier: str
    wallet: str
    shop: VerifierContext
    tunes: Vendor  # another such business; the person deals with it while the tests run
    hostile: Vendor  # signed the terms; whatever it may write freely holds markup

    def budget(self) -> Made:
        """Two things, by a dealer whose name the manufacturer confirms."""
        return self.world.dealer.ask(affordability(self.world.terms_id, 20_000))

    def sound(self) -> Made:
        """Two things and, if she likes, a third; by a business whose name nobody confirms."""
        return self.world.sound()

    def sound_to_share(self) -> Made:
        """The same, by a business that may get it."""
        return self.tunes.ask(sound_system(self.world.terms_id))

    def too_much(self) -> Made:
        """One thing more than what is promised."""
        return self.world.sound(extra_paths=[["vehicle", "vin"]])

    def hostile_words(self) -> Made:
        """An honest request in markup."""
        body = sound_system(self.world.terms_id)
        return self.hostile.ask({**body, "purpose_text": MARKUP, "give": {"code": "gift", "text": MARKUP}})

    async def papers_of_shop(self) -> list[tuple[str, str]]:
        """Link and code of what the vendor's program needs: the word of a manufacturer, and of a terms body."""
        signed = await signed_terms(self.world.terms_id, self.shop.signer, now())
        dealer = {
            "brand": "Chryota",
            "scope": ["sales"],
            "territory": ["GB-ENG"],
            "dealer_id": "CH-0077",
            "name": SHOP_NAME,
        }
        return [await self._offer_to_shop(*one) for one in (("terms-signatory", signed), ("authorized-dealer", dealer))]

    async def _offer_to_shop(self, type_name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        wanted = WantedCredential(
            type_name=type_name, values=values, reference=secrets.token_hex(4), subject=self.shop.did
        )
        made = await self.world.issuer.issuing.make_offer(wanted, now=now())
        return self.world.issuer.issuing.offer_link(made.offer.id), made.tx_code


@asynccontextmanager
async def open_town(folder: Path) -> AsyncIterator[Town]:
    """Everything started and the wallet filled; the vendor's program has no papers yet."""
    names = ("issuer", "verifier", "wallet", "dealer", "clearsound", "tunes", "hostile")
    ports = {name: free_port() for name in names}
    urls = {name: f"http://localhost:{port}" for name, port in ports.items()}
    origins = tuple(urls.values())
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(open_issuer(folder / "issuer", ports["issuer"], origins))
        terms = await issuer.publications.publish_terms(TERMS, now=now())
        lists_at: dict[str, Any] = {"trust_list_url": f"{urls['issuer']}/trust-list", "trust_list_signer": issuer.did}
        fetcher = await stack.enter_async_context(Fetcher(origins))
        called = {"dealer": "Riverside Chryota Ltd", "clearsound": "Clearsound Ltd"}
        called |= {"tunes": "Tunes Ltd", "hostile": MARKUP}
        vendors = {}
        for key, name in called.items():
            lists = ScheduledLists(fetcher, refresh_seconds=3_600, clock=now, **lists_at, key_sources=KEY_SOURCES)
            vendors[key] = Vendor(port=ports[key], name=name, lists=lists)
            await stack.enter_async_context(serving(vendors[key].app(), ports[key]))
            await equip_vendor(issuer, vendors[key], terms.id, fetcher, role=key == "dealer")
        common: dict[str, Any] = {"loopback_origins": origins, **lists_at}
        shop = await stack.enter_async_context(_verifier(folder / "verifier", ports["verifier"], common))
        copy_folder(
            folder / "wallet",
            "wallet",
            settings={"name": "Sally's wallet", "base_url": urls["wallet"], "port": ports["wallet"], **common},
            passphrase=PASSPHRASE,
        )
        world = World(issuer, vendors["dealer"], vendors["clearsound"], folder / "wallet", ports["wallet"], terms.id)
        await world.start_wallet()
        stack.push_async_callback(world.stop_wallet)
        await world.equip("affordability-range", "digital-receipt", "contact")
        for key in ("tunes", "hostile"):
            await vendors[key].lists.refresh_now()
        yield Town(
            world=world,
            issuer=urls["issuer"],
            verifier=urls["verifier"],
            wallet=urls["wallet"],
            shop=shop,
            tunes=vendors["tunes"],
            hostile=vendors["hostile"],
        )


@asynccontextmanager
async def _verifier(folder: Path, port: int, common: Mapping[str, Any]) -> AsyncIterator[VerifierContext]:
    url = f"http://localhost:{port}"
    settings = {"name": SHOP_NAME, "base_url": url, "port": port, **common}
    copy_folder(folder, "verifier", settings=settings, passphrase=OPERATOR)
    app = create_verifier(folder, load_verifier(folder))
    async with serving(app, port):
        yield app[VERIFIER_PARTS]
