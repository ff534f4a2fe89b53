"""A document that the person deletes: nothing of it stays but a note of its kind, and answers given before still go."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from didkit_py.trust import TrustedIssuer
from tests.canaries import EMAIL
from tests.e2e.test_wallet import command, in_files, kinds, ledger
from tests.harness.town import World, open_world

pytestmark = pytest.mark.usefixtures("cheap_passphrases")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


def rows(folder: Path) -> dict[str, int]:
    """How many sealed rows there are of what belongs to documents."""
    with closing(sqlite3.connect(folder / "database.sqlite3")) as opened:
        return {
            name: opened.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - names of our own
            for name in ("credentials", "copies", "offers")
        }


async def test_a_deleted_document_leaves_a_note_of_its_kind_and_nothing_else(world: World) -> None:
    await world.person.unlock()
    await world.person.receive(*await world.offer("contact", world.values()["contact"]))
    entry = TrustedIssuer(id=world.issuer.did, name="Harbour Town", vcts=frozenset({"urn:other"}), status_lists=None)
    await world.issuer.publications.trust(entry)
    await world.refresh()
    page = await world.person.get("/credentials")
    assert "Nobody on your list confirms it" in page.text
    assert "not for this kind of document" in page.text
    (held,) = json.loads(command(world, "credentials", str(world.wallet_folder)).output)

    asked = await world.person.get(f"/credentials/{held['id']}/delete")
    assert "cannot be undone" in asked.text
    assert rows(world.wallet_folder)["copies"] > 0
    gone = await world.person.submit(asked, next(one for one in asked.forms if one.action.endswith("/delete")))

    assert "is deleted" in gone.text
    assert "No documents yet" in gone.text
    assert rows(world.wallet_folder) == {"credentials": 0, "copies": 0, "offers": 0}
    assert (await world.person.get(f"/credentials/{held['id']}")).status == 404
    assert kinds(world) == ["deleted"]
    assert EMAIL not in str(ledger(world))
    assert not in_files(world.wallet_folder, EMAIL)


async def test_an_answer_on_its_way_is_sent_although_its_document_was_deleted(world: World) -> None:
    await world.equip("affordability-range")
    made = world.budget()
    world.dealer.away = {"response", "agreements"}
    waiting = await world.person.press(await world.person.open(made), "share")
    assert waiting.outcome == "unconfirmed"
    (held,) = json.loads(command(world, "credentials", str(world.wallet_folder)).output)

    asked = await world.person.get(f"/credentials/{held['id']}/delete")
    assert "Your answer to Riverside Chryota Ltd with this document is on its way" in " ".join(asked.text.split())
    await world.person.submit(asked, next(one for one in asked.forms if one.action.endswith("/delete")))
    world.dealer.away = set()
    again = await world.person.get(waiting.url)
    sent = await world.person.submit(again, next(one for one in again.forms if one.action.endswith("/send")))

    assert sent.outcome == "released"
    assert made.claims
    assert "There is no such document" not in sent.text
