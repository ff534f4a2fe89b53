"""Suspended and lifted: what an insurer says of one document reaches a vendor when the time of its list is over."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from didkit_py.credentials.template import template_named
from didkit_py.formats.table import FORMATS
from didkit_py.roles.asking_store import RequestTemplate
from tests.e2e.verifier.shop import Clock
from tests.harness.town import World, open_shop, open_world
from tools.driving.requests import good_standing
from verifier.context import VerifierContext as VendorParts
from verifier.views import result_json

TTL: Final = timedelta(seconds=300)  # the setting of an issuer unless it says otherwise
SECOND: Final = timedelta(seconds=1)
STANDING: Final = "insurer-good-standing"


@dataclass(frozen=True, kw_only=True)
class Town:
    """An insurer, a dealer and Sally, each at work with its real program, on one clock."""

    world: World
    shop: VendorParts
    clock: Clock

    async def verified(self) -> dict[str, Any]:
        """Sally shows the dealer that she is insured: what the dealer then knows, as its command prints it."""
        template = RequestTemplate.from_json(good_standing(self.world.terms_id), formats=FORMATS)
        made = await self.shop.asking.ask(template, now=self.clock())
        page = await self.world.person.fill("/answer", request=made.link)
        assert page.outcome == "ask", page.text
        await self.world.person.press(page, "share")
        return result_json(await self.shop.store.load_request(made.id, now=self.clock()), ())

    async def says(self, status: str) -> None:
        await self.world.change_status(STANDING, status)


@pytest.fixture
async def town(tmp_path: Path, cheap_passphrases: None) -> AsyncIterator[Town]:
    clock = Clock(now=datetime.now(UTC).replace(microsecond=0))
    async with open_world(tmp_path, clock) as world, open_shop(world, tmp_path / "shop") as shop:
        await world.equip(STANDING)
        yield Town(world=world, shop=shop, clock=clock)


async def test_a_suspension_shows_when_the_lists_time_is_over_and_so_does_its_end(town: Town) -> None:
    await town.shop.refresh()
    await town.says("suspended")
    town.clock.forward(TTL - SECOND)
    assert (await town.verified())["state"] == "verified", "the list that is held still answers"
    town.clock.forward(2 * SECOND)
    refused = await town.verified()
    assert (refused["state"], refused["claims"]) == ("failed", {})
    assert refused["error"]["error"] == "revoked"
    assert "suspended" in refused["error"]["message"]
    await town.shop.refresh()
    await town.says("valid")
    town.clock.forward(TTL - SECOND)
    assert (await town.verified())["state"] == "failed", "the list that is held still answers"
    town.clock.forward(2 * SECOND)
    lifted = await town.verified()
    assert lifted["state"] == "verified"
    assert lifted["claims"]["standing"][0]["standing"] == "good"


async def test_sallys_wallet_says_it_is_suspended_before_she_is_asked(town: Town) -> None:
    await town.says("suspended")
    await town.world.refresh()
    template = RequestTemplate.from_json(good_standing(town.world.terms_id), formats=FORMATS)
    made = await town.shop.asking.ask(template, now=town.clock())
    page = await town.world.person.fill("/answer", request=made.link)
    assert (page.outcome, page.codes) == ("refuse", ["cred.status"])
    assert "suspended it for now" in page.text
    await town.says("valid")
    await town.world.refresh()
    assert (await town.world.person.get(page.url)).outcome == "ask"


def test_what_a_person_can_pay_has_no_place_in_any_list() -> None:
    assert not template_named("affordability-range").has_status
