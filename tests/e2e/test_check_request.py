"""Three ways to ask what a wallet would say to a request: over HTTP, by command, and the wallet itself. One answer."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from click.testing import CliRunner

from didkit_py.keys.party import PartyKeys
from tests.e2e.test_refusals import another_keys_promise
from tests.e2e.test_wallet import ledger
from tests.harness.ports import free_port
from tests.harness.town import TERMS, World, open_shop, open_world
from tests.harness.vendor import Made, Vendor
from verifier.api.endpoints import MAX_CHECKS
from verifier.cli import group
from verifier.context import VerifierContext as VendorParts

pytestmark = pytest.mark.usefixtures("cheap_passphrases")
REQUEST_OBJECT: Final = "application/oauth-authz-req+jwt"


@dataclass(frozen=True, kw_only=True)
class Town:
    """Sally's wallet, vendors that ask, and the program that anybody may put the question to."""

    world: World
    shop: VendorParts
    folder: Path
    http: aiohttp.ClientSession

    async def post(self, body: str | bytes, *, content_type: str = REQUEST_OBJECT) -> tuple[int, Any]:
        url = f"{self.shop.settings.base_url}/check-request"
        async with self.http.post(url, data=body, headers={"Content-Type": content_type}) as answer:
            return answer.status, await answer.json()

    async def by_command(self, text: str) -> tuple[int, Any]:
        file = self.folder.parent / "request.jwt"
        file.write_text(text)
        words = ["check-request", str(file), "--folder", str(self.folder), "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, group, words)
        return done.exit_code, json.loads(done.stdout.splitlines()[-1])

    async def by_wallet(self, made: Made) -> tuple[str, list[str]]:
        page = await self.world.person.open(made)
        asked = ledger(self.world)[-1]
        assert asked["kind"] == "asked"
        return page.outcome, asked["reason_codes"]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    folder = tmp_path / "shop"
    async with open_world(tmp_path) as world, open_shop(world, folder) as shop, aiohttp.ClientSession() as http:
        await world.equip("affordability-range", "digital-receipt", "contact")
        yield Town(world=world, shop=shop, folder=folder, http=http)


async def forged_terms(world: World, folder: Path) -> Made:
    """Terms of the same name and version, one word changed, which nobody signed."""
    plain = Path(shutil.copytree(TERMS, folder)) / "plain.en.md"
    plain.write_text(plain.read_text().replace("do not sell", "do now sell", 1))
    changed = await world.issuer.publications.publish_terms(folder, now=world.clock())
    made = world.sound()
    made.body["terms"] = changed.id
    return made


async def test_http_command_and_wallet_say_the_same_and_only_the_wallet_knows_whom_she_denies(town: Town) -> None:
    world = town.world
    forged = await forged_terms(world, town.folder.parent / "forged")
    await world.refresh()
    await town.shop.refresh()
    asked: tuple[tuple[Vendor, Callable[[], Made], str, list[str]], ...] = (
        (world.clearsound, world.sound, "ask", ["ok.new"]),
        (world.dealer, world.budget, "ask", ["ok.new"]),
        (world.clearsound, lambda: world.sound(whole_vehicle=True), "refuse", ["ask.excess"]),
        (world.clearsound, lambda: forged, "refuse", ["terms.forged", "vrf.faceless"]),
        (world.clearsound, lambda: another_keys_promise(world), "refuse", ["agr.unbound", "vrf.faceless"]),
    )
    for vendor, ask, outcome, codes in asked:
        made = ask()
        text = await vendor.signed(made)
        status, said = await town.post(text)
        assert (status, said["outcome"], said["codes"]) == (200, outcome, codes)
        assert await town.by_command(text) == (0 if outcome == "ask" else 4, said)
        assert await town.by_wallet(made) == (outcome, codes)
    rules = await world.person.get("/rules")
    await world.person.submit(rules, rules.form("who"), ("who", "CH-0042"))
    made = world.budget()
    text = await world.dealer.signed(made)
    _, said = await town.post(text)
    assert (said["outcome"], said["codes"]) == ("ask", ["ok.new"])
    assert await town.by_command(text) == (0, said)
    assert await town.by_wallet(made) == ("refuse", ["pol.denied"])


async def test_what_is_no_request_is_judged_and_what_is_no_body_of_this_address_is_refused(town: Town) -> None:
    draft = json.dumps(town.world.sound().body)
    for text in ("this is no request", "", "ä", draft):
        status, said = await town.post(text.encode())
        assert (status, said["outcome"], said["codes"]) == (200, "refuse", ["req.malformed"])
    refused = (
        (draft, "application/json", 415, "unsupported-body"),
        ("a" * 300_000, REQUEST_OBJECT, 413, "too-large"),
    )
    for body, content_type, expected, code in refused:
        status, said = await town.post(body, content_type=content_type)
        assert (status, said["error"], said["code"]) == (expected, "invalid_request", code)


async def test_strangers_make_it_fetch_little_at_a_time_and_nothing_on_this_machine(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = town.world.clearsound
    unlisted = replace(vendor, port=free_port())
    status, said = await town.post(await unlisted.signed(unlisted.ask(town.world.sound().body)))
    assert (status, said["outcome"]) == (200, "refuse")
    assert "is not https, and no setting lists it" in said["reasons"][0]["detail"]
    text = await vendor.signed(town.world.sound())
    waiting, go_on = asyncio.Semaphore(0), asyncio.Event()
    fetch_keys = VendorParts.fetch_keys

    async def slowly(parts: VendorParts, did: str) -> PartyKeys:
        waiting.release()
        await go_on.wait()
        return await fetch_keys(parts, did)

    monkeypatch.setattr(VendorParts, "fetch_keys", slowly)
    held = [asyncio.create_task(town.post(text)) for _ in range(MAX_CHECKS)]
    for _ in held:
        await waiting.acquire()
    one_more = asyncio.create_task(town.post(text))
    await asyncio.wait([one_more], timeout=5)
    go_on.set()
    status, said = await one_more
    assert (status, said.get("error")) == (503, "temporarily_unavailable")
    assert {status for status, _ in await asyncio.gather(*held)} == {200}
