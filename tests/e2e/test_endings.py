"""Afterwards: Sally stops a vendor's use and has it erased, on her pages; done is only what the vendor signed."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from didkit_py.errors import Malformed
from didkit_py.formats.format import Formats
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.source import KeySources
from didkit_py.records.events import EventKind, Residual, parse_event
from didkit_py.roles.ending import Relationship, relationship_of
from didkit_py.roles.presenting_store import Exchange
from tests.canaries import PASSPHRASE
from tests.e2e.test_wallet import TRADE, command, ledger
from tests.harness.town import World, open_world
from tests.wording import english
from tools.driving.pages import Page
from wallet.app import create_app
from wallet.folder import load_settings
from wallet.pages.endings import afterwards
from wallet.web_context import PARTS

pytestmark = pytest.mark.usefixtures("cheap_passphrases")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.equip("digital-receipt")
        yield opened


async def shared(world: World) -> str:
    """Clearsound learns about the car; the id of that request in the wallet."""
    done = await world.person.press(await world.person.open(world.sound()), "share")
    assert done.outcome == "released"
    return done.url.rsplit("/", 1)[-1]


async def end(world: World, request_id: str, wish: str) -> Page:
    """Two presses: the button of the list, and the one of the page that explains it."""
    page = await world.person.get("/disclosures")
    address = f"/disclosures/{request_id}/{wish}"
    assert address in page.links
    asked = await world.person.get(address)
    form = next(one for one in asked.forms if one.action == address)
    done = await world.person.submit(asked, form)
    assert done.status == 200
    return done


async def send_again(world: World, request_id: str) -> Page:
    page = await world.person.get("/disclosures")
    form = next(one for one in page.forms if one.action == f"/disclosures/{request_id}/send")
    return await world.person.submit(page, form)


def kinds(world: World) -> list[str]:
    return [str(one["kind"]) for one in ledger(world)]


def line(page: Page, wish: str, request_id: str) -> str:
    return " ".join(page.items[f"{wish}-{request_id}"].split())


async def test_she_stops_it_and_has_it_erased_and_sees_each_state_with_its_date(world: World) -> None:
    request_id = await shared(world)
    page = await end(world, request_id, "stop")
    said = line(page, "stop", request_id)
    today = datetime.now(UTC)
    assert said.startswith("confirmed You told them to stop using it on ")
    assert "They confirmed with their signature that they do not use it any more, on " in said
    assert str(today.year) in said
    assert f"/disclosures/{request_id}/stop" not in page.links
    page = await end(world, request_id, "erase")
    said = line(page, "erase", request_id)
    assert said.startswith("erased You told them to erase it on ")
    assert "They confirmed with their signature that they erased it, on " in said
    assert not [one for one in page.links if one.startswith(f"/disclosures/{request_id}")]
    assert [one.action for one in page.forms if "/disclosures/" in one.action] == []
    assert kinds(world)[-4:] == ["withdrawn", "withdrawal-confirmed", "erasure-asked", "erasure-proved"]
    proof = _ledger_with_values(world)[-1]["body"]["answer"]
    event = parse_event(proof).event
    assert (event.kind, event.seq, proof) == (EventKind.ERASE_PROOF, 4, [*world.clearsound.answers.values()][-1])


def _ledger_with_values(world: World) -> list[dict[str, Any]]:
    found = command(world, "ledger", "show", str(world.wallet_folder), "--values")
    assert found.exit_code == 0, found.output
    entries: list[dict[str, Any]] = json.loads(found.output)["entries"]
    return entries


async def test_a_vendor_that_does_not_answer_leaves_it_sent_unconfirmed_with_its_age(world: World) -> None:
    request_id = await shared(world)
    world.clearsound.away = {"events"}
    said = line(await end(world, request_id, "stop"), "stop", request_id)
    assert said.startswith("sent, unconfirmed You told them to stop using it on ")
    assert "They have not confirmed it for less than a minute." in said
    assert "They promised to do it within 3 days." in said
    waits = line(await end(world, request_id, "erase"), "erase", request_id)
    assert waits.startswith("not sent You told them to erase it on ")
    page = await send_again(world, request_id)
    assert line(page, "stop", request_id).startswith("sent, unconfirmed")
    assert not world.clearsound.answers
    assert kinds(world)[-2:] == ["withdrawn", "erasure-asked"]
    world.clearsound.away = set()
    page = await send_again(world, request_id)
    assert line(page, "stop", request_id).startswith("confirmed")
    assert line(page, "erase", request_id).startswith("erased")


async def test_what_was_not_confirmed_is_sent_again_when_the_wallet_is_opened(world: World) -> None:
    request_id = await shared(world)
    world.clearsound.away = {"events"}
    await end(world, request_id, "stop")
    await world.stop_wallet()
    world.clearsound.away = set()
    await world.start_wallet()
    await world.person.unlock()
    for _ in range(100):
        said = line(await world.person.get("/disclosures"), "stop", request_id)
        if said.startswith("confirmed"):
            break
        await asyncio.sleep(0.05)
    assert said.startswith("confirmed")
    assert kinds(world)[-2:] == ["withdrawn", "withdrawal-confirmed"]


async def test_its_age_grows_and_a_broken_promise_is_named(world: World) -> None:
    request_id = await shared(world)
    world.clearsound.away = {"events"}
    await end(world, request_id, "stop")
    await world.stop_wallet()
    settings = load_settings(world.wallet_folder)

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(days=4)

    app = create_app(world.wallet_folder, settings, clock=later)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        parts = app[PARTS]
        await parts.unlock(PASSPHRASE)
        (found,) = (await afterwards(parts))[request_id].lines
    finally:
        await runner.cleanup()
        await world.start_wallet()
    assert "They have not confirmed it for 4 days." in english(found.sentences)
    assert "They promised to do it within 3 days and are late." in english(found.sentences)


async def test_another_signature_than_the_vendors_confirms_nothing(world: World) -> None:
    request_id = await shared(world)
    vendor = world.clearsound
    vendor.forger = SoftwareSigner.from_secret(secrets.token_bytes(32), key_id=f"{vendor.did}#key-1")
    page = await end(world, request_id, "erase")
    said = line(page, "erase", request_id)
    assert said.startswith("sent, unconfirmed")
    assert "bad-signature" in page.codes
    assert "erasure-proved" not in kinds(world)


async def test_two_pages_ask_once(world: World) -> None:
    request_id = await shared(world)
    asked = await world.person.get(f"/disclosures/{request_id}/erase")
    (form,) = [one for one in asked.forms if one.action.endswith("/erase")]
    done = await asyncio.gather(*(world.person.submit(asked, form) for _ in range(3)))
    assert [one.status for one in done] == [200] * 3
    assert kinds(world).count("erasure-asked") == 1
    assert len(world.clearsound.answers) == 1


async def test_there_is_nothing_to_end_without_a_record(world: World) -> None:
    opened = await world.person.open(world.sound())
    request_id = opened.url.rsplit("/", 1)[-1]
    for wish in ("stop", "erase", "other"):
        page = await world.person.get(f"/disclosures/{request_id}/{wish}")
        assert page.status == 404


async def test_these_pages_speak_plainly(world: World) -> None:
    request_id = await shared(world)
    pages = [await world.person.get(f"/disclosures/{request_id}/{wish}") for wish in ("stop", "erase")]
    pages += [await end(world, request_id, "stop"), await end(world, request_id, "erase")]
    for page in pages:
        assert not re.findall(TRADE, page.text, re.IGNORECASE)


async def test_one_wish_that_cannot_be_read_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version kept what this one does not read, such as a period without end: one line says so."""
    first, second = await shared(world), await shared(world)
    world.clearsound.away = {"events"}
    for request_id in (first, second):
        await end(world, request_id, "stop")

    def reading(exchange: Exchange, *, formats: Formats, key_sources: KeySources) -> Relationship:
        if exchange.id == first:
            raise Malformed("agreement.withdraw.within: expected a period of at most 100 years")
        return relationship_of(exchange, formats=formats, key_sources=key_sources)

    monkeypatch.setattr("wallet.pages.endings.relationship_of", reading)
    page = await world.person.get("/disclosures")
    assert page.status == 200
    assert line(page, "stop", first).startswith("unreadable You told them to stop using it on ")
    assert line(page, "stop", second).startswith("sent, unconfirmed")


async def test_who_keeps_some_of_it_is_never_shown_as_having_erased_it(world: World) -> None:
    request_id = await shared(world)
    until = datetime(2030, 5, 3, tzinfo=UTC)
    clause = "5.2”. The sender proved that “nothing"
    world.clearsound.residual = (Residual(storage="legal", clause=clause, until=until),)
    page = await end(world, request_id, "erase")
    said = line(page, "erase", request_id)
    assert said.startswith("kept in part You told them to erase it on ")
    assert "that they erased it" not in said
    assert (
        "they keep some of it for duties by law until 3 May 2030, and give as their reason"
        " “5.2'. The sender proved that 'nothing”."
    ) in said


async def test_the_list_says_when_what_they_promised_about_keeping_is_over(world: World) -> None:
    request_id = await shared(world)
    page = await world.person.get("/disclosures")
    assert "Their promise sets no day yet on which all of it must be gone." in page.text
    page = await end(world, request_id, "stop")
    a_year_on = datetime.now(UTC) + timedelta(seconds=31_556_952)
    assert f"By their promise all of it is gone after {a_year_on.day} " in page.text
