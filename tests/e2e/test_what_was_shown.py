"""Over HTTP, with a real wallet: nothing leaves but what a promise covers and what stood on the answered page."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.canaries import MODEL
from tests.harness.town import RECEIPT, World, open_world
from tools.driving.requests import sound_system

STANDING: Final = "urn:didkit-py:vct:insurer-good-standing:1"
OTHER_MODEL: Final = "Chryota Comet"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.equip("digital-receipt", "contact")
        yield opened


def greedy(world: World) -> Any:
    """The model for a promise, and beside it a whole document by a query that names no claims."""
    body = sound_system(world.terms_id)
    more = {"id": "more", "format": "dc+sd-jwt", "meta": {"vct_values": [STANDING]}}
    body["query"] = {"credentials": [body["query"]["credentials"][0], more]}
    return body


async def test_a_query_that_names_no_claims_gets_no_document_without_a_promise(world: World) -> None:
    await world.equip("insurer-good-standing")
    made = world.clearsound.ask(greedy(world))
    page = await world.person.open(made)
    assert (page.outcome, page.codes) == ("refuse", ["ask.excess"])
    assert all(("decision", "share") not in form.buttons for form in page.forms)
    assert not made.received
    assert not made.acceptances


async def test_a_page_that_grew_old_is_shown_again_with_what_differs_and_can_then_be_answered(world: World) -> None:
    made = world.sound()
    old = await world.person.open(made)
    assert MODEL in old.items["car"]
    await world.change_status("digital-receipt", "revoked")
    car = {**RECEIPT, "vehicle": {"model": OTHER_MODEL, "audioSystem": "Clearsound Nine"}}
    done = await world.person.receive(*await world.offer("digital-receipt", car))
    assert done.outcome == "received"
    await world.refresh()
    again = await world.person.press(old, "share", "contact")
    assert again.outcome == "ask"
    assert "Nothing was shared" in again.text
    assert "Another document would be shown: Receipt" in again.text
    assert OTHER_MODEL in again.items["car"]
    assert not made.received
    assert not made.acceptances
    assert not [name for form in again.forms for name, _ in form.fields if name == "optional"], "nothing stays ticked"
    released = await world.person.press(again, "share")
    assert released.outcome == "released"
    (claims,) = made.claims["car"]
    assert claims["vehicle"]["model"] == OTHER_MODEL
    assert set(made.claims) == {"car"}
    late = await world.person.press(old, "share")
    assert late.outcome == "released", "another tab with the old page shows what came of it"
    assert len(made.received) == 1


async def test_a_press_without_the_digest_of_the_page_sends_nothing_and_an_unchanged_page_survives_a_restart(
    world: World,
) -> None:
    made = world.sound()
    page = await world.person.open(made)
    form = page.form("decision")
    with_digest = list(form.fields)
    form.fields = [(name, value) for name, value in form.fields if name != "seen"]
    assert len(form.fields) == len(with_digest) - 1
    again = await world.person.submit(page, form, ("decision", "share"))
    assert again.outcome == "ask"
    assert "Nothing was shared" in again.text
    assert not made.received
    await world.stop_wallet()
    await asyncio.sleep(0)
    await world.start_wallet()
    await world.person.unlock()
    await world.refresh()
    fresh = await world.person.get(page.url)
    assert [value for name, value in fresh.form("decision").fields if name == "seen"] == [
        value for name, value in with_digest if name == "seen"
    ]
