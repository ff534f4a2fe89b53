"""A format that is no SD-JWT goes through all three programs, which are handed its row: from offer to record."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.encoding import from_b64url
from didkit_py.formats.format import Format, Formats
from didkit_py.formats.table import FORMATS
from didkit_py.parties.source import KeySources
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking_store import KeptRequest, RequestTemplate
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.trust import TrustedIssuer
from issuer.app import create_app as create_issuer
from issuer.context import IssuerContext
from issuer.folder import load_settings as load_issuer
from issuer.web_context import PARTS
from tests.canaries import EMAIL
from tests.formats.toy import TOY
from tests.harness.folders import copy_folder
from tests.harness.serving import serving
from tests.harness.town import World, open_shop, open_world
from tests.unit.parties.web_keys import MEDIA_TYPE, WEB_KEYS
from tools.driving.pages import Page
from tools.driving.requests import affordability, sound_system
from verifier.context import VerifierContext
from verifier.views import record_of

BUDGET: Final = "urn:didkit-py:vct:affordability-range:1"
CONTACT: Final = "urn:didkit-py:vct:contact:1"
SOURCES: Final = KeySources((*KEY_SOURCES.rows, WEB_KEYS))


@dataclass
class Noted:
    """The toy format, and every text that was read as it."""

    texts: list[str] = field(default_factory=list)

    def parse(self, text: str) -> Sequence[UnverifiedCredential]:
        self.texts.append(text)
        return TOY.parse(text)

    @property
    def row(self) -> Format:
        return replace(TOY, parse=self.parse)


@dataclass(frozen=True, kw_only=True)
class Town:
    world: World
    shop: VerifierContext
    mint: IssuerContext  # issues in the toy format, and is named by its web address
    seen_by_shop: Noted

    async def equip(self) -> None:
        """Sally receives both documents by the pages of her wallet."""
        await self.world.person.unlock()
        await self.world.refresh()
        await self.shop.refresh()
        for type_name in ("affordability-range", "contact"):
            wanted = WantedCredential(
                type_name=type_name, values=self.world.values()[type_name], reference=type_name, subject=None
            )
            made = await self.mint.issuing.make_offer(wanted, now=self.world.clock())
            page = await self.world.person.receive(self.mint.issuing.offer_link(made.offer.id), made.tx_code)
            assert page.outcome == "received", page.text

    async def asked(self) -> tuple[str, Page]:
        """The id of the dealer's request, and her page of it."""
        template = RequestTemplate.from_json(question(self.world.terms_id), formats=self.shop.formats)
        made = await self.shop.asking.ask(template, now=self.world.clock())
        page = await self.world.person.fill("/answer", request=made.link)
        return made.id, page

    async def answered(self, request_id: str) -> KeptRequest:
        return await self.shop.store.load_request(request_id, now=self.world.clock())


def question(terms_id: str) -> Any:
    """The dealer wants a step of her budget and, if she likes, her e-mail address."""
    body = affordability(terms_id, 20_000)
    contact: Any = {"id": "contact", "format": TOY.id, "claims": [{"path": ["email"]}]}
    for asked, vct in ((body["query"]["credentials"][0], BUDGET), (contact, CONTACT)):
        asked |= {"format": TOY.id, "meta": {"kinds": [vct]}}
    body["query"]["credentials"].append(contact)
    body["query"]["credential_sets"] = [{"options": [["afford"]]}, {"options": [["contact"]], "required": False}]
    grant = sound_system(terms_id)["grants"][0]
    body["grants"].append(grant | {"gid": "g-contact", "data": grant["data"][-1:], "legalBasis": "consent"})
    return body


@asynccontextmanager
async def open_mint(world: World, folder: Path) -> AsyncIterator[IssuerContext]:
    """An issuer's real program that is given the toy format alone and shows its keys at its own place."""
    url = world.other_issuer
    settings = {**world.shop_settings, "name": "The Mint", "base_url": url, "port": int(url.rsplit(":", 1)[-1])}
    for name in ("trust_list_url", "trust_list_signer"):
        del settings[name]
    settings["types"] = ("affordability-range", "contact")
    copy_folder(folder, "issuer", settings=settings, passphrase="the mint of the town")
    app = create_issuer(folder, load_issuer(folder), clock=world.clock, formats={TOY.id: TOY})

    @web.middleware
    async def show_keys(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/.well-known/web-keys":
            return await handler(request)
        key = app[PARTS].public
        body = {"issuer": url, "keys": [{**key.to_jwk(), "kid": key.thumbprint}]}
        return web.Response(text=json.dumps(body), content_type=MEDIA_TYPE)

    app.middlewares.insert(0, show_keys)
    async with serving(app, settings["port"]):
        trusted = TrustedIssuer(id=url, name="The Mint", vcts=frozenset({BUDGET, CONTACT}), status_lists=None)
        await world.issuer.publications.trust(trusted)
        yield app[PARTS]


@pytest.fixture
async def town(tmp_path: Path, cheap_passphrases: None) -> AsyncIterator[Town]:
    noted = Noted()
    formats: Formats = MappingProxyType({**FORMATS, TOY.id: TOY})
    async with (
        open_world(tmp_path, formats=formats, key_sources=SOURCES) as world,
        open_mint(world, tmp_path / "mint") as mint,
    ):
        world.formats = {**FORMATS, TOY.id: noted.row}
        async with open_shop(world, tmp_path / "shop") as shop:
            town = Town(world=world, shop=shop, mint=mint, seen_by_shop=noted)
            await town.equip()
            yield town


def claims_of(learned: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [dict(one.claims) for one in some] for name, some in learned.items()}


async def test_two_documents_go_in_one_presentation_and_both_sides_keep_the_same_record(town: Town) -> None:
    request_id, page = await town.asked()
    assert page.outcome == "ask", page.text
    assert "The Mint" in page.text
    done = await town.world.person.press(page, "share", "contact")
    assert done.outcome == "released", done.text

    kept = await town.answered(request_id)
    assert kept.result is not None
    assert all(one.check.passed for one in kept.result.checks), kept.result.checks
    asked: dict[str, dict[str, Any]] = {
        "afford": {"currency": "GBP", "at_least": {"20000": True}},
        "contact": {"email": EMAIL},
    }
    always: dict[str, dict[str, Any]] = {
        "afford": {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "basis": "pre-qualified-credit"},
        "contact": {"kinds": ["email"], "verified_on": "2026-11-20"},
    }
    assert claims_of(kept.result.learned) == {name: [asked[name] | always[name]] for name in asked}
    presentations = {text for text in town.seen_by_shop.texts if len(TOY.parse(text)) == 2}
    assert len(presentations) == 1, "one presentation holds both"

    record = record_of(await town.shop.store.load_acceptances(request_id))
    assert record is not None
    mine = await town.world.person.get(f"/records/{done.url.rsplit('/', 1)[-1]}/record.json")
    assert json.loads(mine.text)["payload"] == record["payload"]
    states = {one["gid"]: one["state"] for one in json.loads(from_b64url(str(record["payload"])))["hasProcess"]}
    assert states == {"g-budget": "accepted", "g-contact": "accepted"}


async def test_what_she_does_not_tick_stays_in_the_wallet(town: Town) -> None:
    request_id, page = await town.asked()
    done = await town.world.person.press(page, "share")
    assert done.outcome == "released", done.text
    kept = await town.answered(request_id)
    assert kept.result is not None
    assert set(kept.result.learned) == {"afford"}
    assert not any(EMAIL.encode() in from_b64url(text) for text in town.seen_by_shop.texts)


async def test_a_wallet_that_is_not_given_the_format_offers_nothing_and_a_vendor_gets_no_answer_in_it(
    town: Town,
) -> None:
    await town.world.stop_wallet()
    town.world.formats = FORMATS
    await town.world.start_wallet()
    await town.world.person.unlock()
    await town.world.refresh()
    request_id, page = await town.asked()
    assert page.outcome == "refuse", page.text
    kept = await town.answered(request_id)
    assert kept.answered_at is None
