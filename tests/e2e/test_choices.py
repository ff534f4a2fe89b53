"""A promise that is not needed for what is asked, between the wallet's page and a vendor's real program."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import from_b64url
from didkit_py.formats.table import FORMATS
from didkit_py.reading import Reader
from didkit_py.roles.asking_store import RequestTemplate
from tests.harness.town import World, open_shop, open_world
from tests.wording import english
from tools.driving.pages import Page
from tools.driving.requests import good_standing
from verifier.context import VerifierContext as VendorParts
from verifier.pages.requests import _rows
from verifier.views import record_of


@dataclass(frozen=True, kw_only=True)
class Town:
    """Sally's wallet and a dealer, each with its real program."""

    world: World
    shop: VendorParts

    async def asked(self) -> tuple[str, Page]:
        """The dealer asks for her standing and adds a consent without data; the request's id and her page."""
        body: Any = good_standing(self.world.terms_id)
        more = {name: body["grants"][0][name] for name in ("purpose", "not")}
        body["grants"].append({"gid": "g-more", "legalBasis": "consent", **more})
        made = await self.shop.asking.ask(RequestTemplate.from_json(body, formats=FORMATS), now=self.world.clock())
        page = await self.world.person.fill("/answer", request=made.link)
        assert page.outcome == "ask", page.text
        return made.id, page

    async def press(self, page: Page, *pairs: tuple[str, str]) -> Page:
        return await self.world.person.submit(page, page.form("decision"), ("decision", "share"), *pairs)

    async def record(self, request_id: str) -> dict[str, Any]:
        """The payload that both signed, as the vendor keeps it."""
        record = record_of(await self.shop.store.load_acceptances(request_id))
        assert record is not None
        payload: dict[str, Any] = json.loads(from_b64url(str(record["payload"])))
        return payload


@pytest.fixture
async def town(tmp_path: Path, cheap_passphrases: None) -> AsyncIterator[Town]:
    async with open_world(tmp_path) as world, open_shop(world, tmp_path / "shop") as shop:
        await world.equip("insurer-good-standing")
        yield Town(world=world, shop=shop)


async def test_what_was_not_ticked_is_declined_in_the_record_of_both_and_what_was_ticked_is_accepted(
    town: Town,
) -> None:
    for ticked, state, row in (
        ((), "declined", "Not accepted: do not use it for"),
        ((("grant", "g-more"),), "accepted", "You may use it for"),
    ):
        request_id, page = await town.asked()
        assert ("grant", "g-more") in page.form("decision").choices  # offered, and not ticked beforehand
        assert "None of this is needed for what they ask." in page.text
        done = await town.press(page, *ticked)
        assert done.outcome == "released", done.text
        record = await town.record(request_id)
        found = {one["gid"]: one["state"] for one in record["hasProcess"]}
        assert found == {"g-standing": "accepted", "g-more": state}
        held = await town.world.person.get(f"/records/{done.url.rsplit('/', 1)[-1]}/record.json")
        mine = json.loads(from_b64url(json.loads(held.text)["payload"]))
        assert mine == record
        assert [english(name) for name, _ in _rows(Reader(record, at="record"))].count(row) == len(ticked) + 1


async def test_a_tick_that_the_page_did_not_offer_sends_nothing(town: Town) -> None:
    request_id, page = await town.asked()
    refused = await town.press(page, ("grant", "g-standing"))
    assert refused.status == 400
    assert record_of(await town.shop.store.load_acceptances(request_id)) is None
    assert (await town.shop.store.load_request(request_id, now=town.world.clock())).answered_at is None
