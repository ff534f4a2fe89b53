"""What Sally's wallet refuses by itself, really signed: the exact reasons, and a vendor that learns nothing."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from didkit_py.credentials.template import template_named
from didkit_py.keys.signer import SoftwareSigner
from tests.e2e.test_wallet import command, kinds
from tests.harness.town import World, open_world
from tests.harness.vendor import Made

pytestmark = pytest.mark.usefixtures("cheap_passphrases")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.equip("affordability-range", "digital-receipt", "contact")
        yield opened


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row: what the vendor does, how it asks, and why the wallet refuses."""

    name: str
    ask: Callable[[World], Made]
    codes: tuple[str, ...]


def changed(made: Made, change: Callable[[dict[str, Any]], object]) -> Made:
    """The same request with its body changed before it is signed."""
    change(made.body)
    return made


def claims(body: dict[str, Any]) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = body["query"]["credentials"][0]["claims"]
    return asked


def promised(body: dict[str, Any]) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = body["grants"][0]["data"]
    return data


def every_item(world: World) -> Made:
    """A promise about the first of the things bought, a query for all."""

    def ask_for_all(body: dict[str, Any]) -> None:
        promised(body)[0]["path"] = ["items", 0]
        body["query"]["credentials"][0]["claims"] = [{"path": ["items", None]}]

    return changed(world.sound(), ask_for_all)


def the_range(world: World) -> Made:
    return changed(world.budget(), lambda body: claims(body).append({"path": ["range"]}))


def another_keys_promise(world: World) -> Made:
    """The promise is signed by a key that the vendor's document does not list."""
    key_id = world.clearsound.signer.key_id
    world.clearsound.promiser = SoftwareSigner.from_secret(secrets.token_bytes(32), key_id=key_id)
    return world.sound()


def another_vendors_signature(world: World) -> Made:
    """The dealer's signature under the terms, shown by Clearsound."""
    world.clearsound.signatory = world.dealer.signatory
    return world.sound()


def kept_for_years(world: World) -> Made:
    return changed(world.sound(), lambda body: body["grants"][0]["retention"][0].update(period="P3Y"))


def without_end(world: World) -> Made:
    return changed(world.sound(), lambda body: body["grants"][0]["retention"][0].update(then="keep"))


def too_late(world: World) -> Made:
    made = world.sound()
    made.age = timedelta(minutes=31)
    return made


def several_steps(world: World) -> Made:
    def ask_for_both(body: dict[str, Any]) -> None:
        promised(body).append({**promised(body)[1], "path": ["at_least", "15000"]})
        claims(body).append({"path": ["at_least", "15000"], "values": [True]})

    return changed(world.budget(), ask_for_both)


def the_whole_ladder(world: World) -> Made:
    def ask_for_all(body: dict[str, Any]) -> None:
        promised(body)[1]["path"] = ["at_least"]
        claims(body)[1] = {"path": ["at_least", None]}

    return changed(world.budget(), ask_for_all)


def wanting_a_no(world: World) -> Made:
    return changed(world.budget(25_000), lambda body: claims(body)[1].update(values=[False]))


REFUSALS: Final = (
    Refusal("every item is asked for where one is promised", every_item, ("ask.excess", "cred.none")),
    Refusal("the range is asked for where a step is promised", the_range, ("ask.excess",)),
    Refusal("the promise is signed by another key", another_keys_promise, ("agr.unbound", "vrf.faceless")),
    Refusal(
        "the signature under the terms is another vendor's",
        another_vendors_signature,
        ("vrf.identity-split", "vrf.faceless"),
    ),
    Refusal("it would be kept beyond her limit", kept_for_years, ("agr.exceeds-terms", "agr.retention")),
    Refusal("it would be kept without end", without_end, ("agr.exceeds-terms", "agr.retention")),
    Refusal("the request is over", too_late, ("req.replay",)),
    Refusal("two thresholds are asked for at once", several_steps, ("ask.probing",)),
    Refusal("the whole ladder is asked for", the_whole_ladder, ("ask.probing", "cred.none")),
    Refusal("a no is what the vendor wants to hear", wanting_a_no, ("ask.probing",)),
)


async def test_each_is_refused_for_its_reason_and_the_vendor_is_told_no_and_nothing_else(world: World) -> None:
    before = held(world)
    for row in REFUSALS:
        await require_refused(world, row)
    assert held(world) == before, "no copy was spent"
    assert not {"decided", "released"} & set(kinds(world))


async def require_refused(world: World, row: Refusal) -> None:
    signatory = world.clearsound.signatory
    made = row.ask(world)
    page = await world.person.open(made)
    assert (page.outcome, tuple(page.codes)) == ("refuse", row.codes), row.name
    buttons = [value for form in page.forms for name, value in form.buttons if name == "decision"]
    assert buttons in (["refuse"], []), row.name
    if buttons:
        assert (await world.person.press(page, "refuse")).outcome == "declined", row.name
    expected = [f"error=access_denied&state={made.state}".encode() for _ in buttons]
    assert made.received == expected, row.name
    assert (made.acceptances, made.claims) == ([], {}), row.name
    world.clearsound.signatory, world.clearsound.promiser = signatory, None


def held(world: World) -> list[tuple[str, int]]:
    shown = json.loads(command(world, "credentials", str(world.wallet_folder)).output)
    return [(one["title"], one["copies_left"]) for one in shown]


async def test_a_relationship_that_belongs_to_another_vendor_is_refused(world: World) -> None:
    first = world.budget()
    assert (await world.person.press(await world.person.open(first), "share")).outcome == "released"
    taken = world.clearsound.ask(world.sound().body, rel=first.rel)
    await require_refused(world, Refusal("its name is taken", lambda _: taken, ("agr.unbound",)))
    assert kinds(world).count("released") == 1


async def test_a_copy_that_was_shown_is_never_shown_again(world: World) -> None:
    copies = template_named("digital-receipt").copies
    for _ in range(copies):
        page = await world.person.open(world.sound())
        assert (await world.person.press(page, "share")).outcome == "released"
    shown = [made.received[0] for made in world.clearsound.requests.values()]
    assert len(shown) == copies
    await require_refused(world, Refusal("all were shown", lambda _: world.sound(), ("cred.copies", "rel.new")))
