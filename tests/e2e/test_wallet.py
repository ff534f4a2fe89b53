"""The wallet at work: its real application and files, a real issuer, honest vendors, and a browser without scripts."""

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from playwright.async_api import async_playwright

from didkit_py.errors import CannotOpen
from didkit_py.service.storage.sealing import Box
from tests.canaries import AUDIO, EMAIL, MODEL, PASSPHRASE
from tests.harness.town import World, open_world
from tests.harness.vendor import Made
from tests.logged import Log
from tools.driving.pages import Page
from wallet.cli import group
from wallet.storage.presentation_store import relationship_signer
from wallet.storage.vault import Locked, Vault, create_key, open_key

# Words that stop people, or that only the trade uses (PRACTICE, A1).
TRADE: Final = (
    r"\b(?-i:DIDs?)\b|did:|\bJWTs?\b|verifier|\bholders?\b|credential|OpenID|attestation|selective|disclosure|\bnonce\b"
    r"|\btokens?\b|\bissuers?\b|\bURIs?\b|wallet nonce|cryptograph|\bSD-JWT\b|\burn:|sha-256"
)
SENSITIVE: Final = (EMAIL, MODEL, AUDIO, "JTX00AMPLE0000042", "Sally Example", "20000", "pre-qualified-credit")


pytestmark = pytest.mark.usefixtures("cheap_passphrases")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
async def equipped(world: World) -> World:
    await world.equip("affordability-range", "digital-receipt", "contact")
    return world


def command(world: World, *words: str) -> Result:
    """A command beside the running wallet; in a thread, since it runs an event loop of its own."""
    secret = world.wallet_folder.parent / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    given = [*words, "--passphrase-file", str(secret), "--json"]
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(CliRunner().invoke, group, given).result()


def ledger(world: World) -> list[dict[str, Any]]:
    result = command(world, "ledger", "show", str(world.wallet_folder))
    assert result.exit_code == 0, result.output
    entries: list[dict[str, Any]] = json.loads(result.output)["entries"]
    return entries


def kinds(world: World) -> list[str]:
    return [entry["kind"] for entry in ledger(world)]


def visible(page: Page) -> str:
    """The words between header and footer."""
    body = page.html.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", body.partition(">")[2]).split())


def in_files(folder: Path, *values: str) -> list[tuple[str, str]]:
    """Which of the values stand in which file, as text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files), "the journal must be among the files that are searched"
    return [(value, path.name) for path in files for value in values if value.encode() in path.read_bytes()]


# One request, one number


async def test_a_request_has_one_number_and_its_log_does_not_say_whom_the_wallet_met(log: Log, world: World) -> None:
    await world.equip()
    async with world.person.session.get(f"{world.person.url}/nowhere", headers={"Accept": "text/html"}) as answer:
        number = answer.headers["X-Request-Id"]
        assert number in await answer.text()
    assert [line["route"] for line in log.lines(request_id=number)] == ["none"]
    await world.person.open(world.budget())
    (opening,) = log.lines(event="request", method="POST", route="/answer")
    fetches = log.lines(event="fetch", request_id=opening["request_id"])
    assert fetches
    assert str(world.dealer.port) not in json.dumps(fetches)


# Receiving


async def test_a_document_arrives_with_the_code_that_came_separately(world: World) -> None:
    await world.person.unlock()
    link, tx_code = await world.offer("affordability-range", world.values()["affordability-range"])
    page = await world.person.fill("/receive", offer=link)
    assert "Harbour Town" in page.text
    assert "What you can pay" in page.text
    assert "10 copies" in page.text
    assert "six digits that came separately" in page.text
    done = await world.person.submit(page, page.form("tx_code"), ("tx_code", f" {tx_code[:3]} {tx_code[3:]} "))
    assert done.outcome == "received"
    (held,) = json.loads(command(world, "credentials", str(world.wallet_folder)).output)
    assert (held["title"], held["issuer_name"]) == ("What you can pay", "Harbour Town")
    assert (held["copies"], held["copies_left"]) == (10, 10)


async def test_a_wrong_code_is_explained_and_the_right_one_still_works(world: World) -> None:
    await world.person.unlock()
    link, tx_code = await world.offer("contact", world.values()["contact"])
    page = await world.person.fill("/receive", offer=link)
    wrong = f"{(int(tx_code) + 1) % 1_000_000:06d}"
    again = await world.person.submit(page, page.form("tx_code"), ("tx_code", wrong))
    assert again.status == 400
    assert "code is not right" in again.text
    short = await world.person.submit(again, again.form("tx_code"), ("tx_code", "12"))
    assert "right form" in short.text
    done = await world.person.submit(short, short.form("tx_code"), ("tx_code", tx_code))
    assert done.outcome == "received"


async def test_what_is_no_offer_is_said_so(world: World) -> None:
    await world.person.unlock()
    page = await world.person.fill("/receive", offer="hello")
    assert page.status == 400
    assert "not the text of an offer" in page.text


# The consent page


async def test_the_consent_page_is_who_what_promises_stop_then_two_equal_buttons(equipped: World) -> None:
    page = await equipped.person.open(equipped.budget())
    text = visible(page)
    marks = ["Who asks", "Harbour Town confirms", "What they want", "Can pay £20,000 or more", "What they promise"]
    marks += ["for seeing whether their offer fits you", "will not sell it, or use it to build a picture of you"]
    marks += ["for 30 days", "on to nobody", "signed", "reviewed by Harbour Town", "How to stop"]
    marks += [
        "they stop within 3 days, or erase it within 30 days",
        "Regulator of example",
        "Share these 4 things",
        "Do not share",
        "What happens if I refuse",
    ]
    places = [text.find(mark) for mark in marks]
    assert -1 not in places, marks[places.index(-1)]
    assert places == sorted(places)
    assert page.items["afford"].split()[:2] == ["Currency", "GBP"]
    buttons = re.findall(r'<button class="([^"]*)"[^>]*value="(share|refuse)"', page.html)
    assert [value for _, value in buttons] == ["share", "refuse"]
    assert buttons[0][0] == buttons[1][0], "both buttons look alike"
    assert page.outcome == "ask"
    assert set(page.items) == {"afford"}
    assert not page.codes


async def test_the_optional_thing_is_apart_and_unticked(equipped: World) -> None:
    page = await equipped.person.open(equipped.sound())
    assert set(page.items) == {"car", "contact"}
    assert EMAIL in page.items["contact"]
    assert visible(page).find("If you like") < visible(page).find(EMAIL)
    form = page.form("decision")
    assert ("optional", "contact") in form.choices
    assert not [value for name, value in form.fields if name == "optional"]


@pytest.mark.parametrize("path", ["/", "/receive", "/credentials", "/answer", "/disclosures", "/rules", "/sign-in"])
async def test_no_page_speaks_the_words_of_the_trade(equipped: World, path: str) -> None:
    shown = await equipped.person.press(await equipped.person.open(equipped.budget()), "share")
    page = shown if path == "/sign-in" else await equipped.person.get(path)
    assert page.status == 200
    assert not re.findall(TRADE, visible(page), re.IGNORECASE)


async def test_the_pages_of_a_request_speak_plainly_too(equipped: World) -> None:
    asked = await equipped.person.open(equipped.sound())
    refused = await equipped.person.open(equipped.sound(whole_vehicle=True))
    for page in (asked, refused):
        assert not re.findall(TRADE, re.sub(r"ask\.excess", "", visible(page)), re.IGNORECASE)
    budget = await equipped.person.open(equipped.budget())
    assert 80 < len(in_sight(budget)) <= 120
    assert 80 < len(in_sight(asked)) <= 120


async def test_an_address_that_nobody_confirms_is_never_a_name(equipped: World) -> None:
    host = f"localhost:{equipped.clearsound.port}"
    asked = await equipped.person.open(equipped.sound())
    refused = await equipped.person.open(equipped.sound(whole_vehicle=True))
    shared = await equipped.person.press(asked, "share")
    declined = await equipped.person.press(refused, "refuse")
    for page, said in ((asked, "Nobody confirms the name"), (refused, "Nobody confirms the name")):
        assert said in page.text
    for page in (shared, declined):
        assert "Nobody confirms who they are" in page.text
    for page in (asked, refused, shared, declined):
        named = visible(page).casefold().split(host)[:-1]
        assert named
        assert all(before.endswith("somebody at ") for before in named), visible(page)


async def test_the_last_day_and_the_regulator_are_in_sight(equipped: World) -> None:
    made = equipped.budget()
    made.body["grants"][0]["window"] = {"notAfter": "2099-03-21"}
    said = " ".join(in_sight(await equipped.person.open(made)))
    assert "It may be used until 21 March 2099." in said
    assert "Regulator of example" in said


async def test_what_decided_stands_before_other_reasons_and_that_somebody_is_new_stands_last(equipped: World) -> None:
    await equipped.person.press(await equipped.person.open(equipped.budget()), "share")
    page = await equipped.person.open(equipped.budget(25_000))
    assert page.outcome == "refuse"
    assert page.codes == ["ask.probing", "cred.none", "rel.new"]
    front, _, more = page.html.partition("More reasons (1)")
    assert ("ask.probing" in front, "cred.none" in front, "rel.new" in front) == (True, True, False)
    assert 'class="reason hint">rel.new<' in more


def in_sight(page: Page) -> list[str]:
    """The words that are read before the two buttons, folded parts left out."""
    body = re.sub(r"<details>.*?</details>", " ", page.html, flags=re.DOTALL).partition("</h1>")[2]
    return re.sub(r"<[^>]*>", " ", body.partition('<div class="choice-pair')[0]).split()


# Yes


async def test_a_yes_releases_what_was_shown_and_both_hold_the_same_record(equipped: World) -> None:
    made = equipped.budget()
    page = await equipped.person.open(made)
    assert not made.received
    assert not made.acceptances
    done = await equipped.person.press(page, "share")
    assert done.outcome == "released"
    (claims,) = made.claims["afford"]
    assert claims["at_least"] == {"20000": True}
    assert "range" not in claims
    entries = ledger(equipped)
    assert [entry["kind"] for entry in entries] == ["asked", "decided", "released", "recorded"]
    assert entries[-1]["record"] == made.record
    assert made.record is not None
    assert len(made.record["signatures"]) == 2
    (held,) = [one for one in _held(equipped) if one["title"] == "What you can pay"]
    assert held["copies_left"] == 9


def _held(world: World) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = json.loads(command(world, "credentials", str(world.wallet_folder)).output)
    return held


@pytest.mark.parametrize("ticked", [(), ("contact",)])
async def test_the_optional_thing_goes_only_where_it_is_ticked(equipped: World, ticked: tuple[str, ...]) -> None:
    made = equipped.sound()
    done = await equipped.person.press(await equipped.person.open(made), "share", *ticked)
    assert done.outcome == "released"
    assert set(made.claims) == {"car", *ticked}
    assert made.claims["car"][0]["vehicle"] == {"model": MODEL, "audioSystem": AUDIO}


async def test_what_was_shared_stands_under_who_has_what_with_its_record(equipped: World) -> None:
    made = equipped.sound()
    await equipped.person.press(await equipped.person.open(made), "share")
    page = await equipped.person.get("/disclosures")
    assert MODEL in page.text
    assert "Kept for planning for 1 year" in page.text
    (address,) = [link for link in page.links if link.startswith("/records/")]
    assert (await equipped.person.get(address)).status == 200
    file = await equipped.person.get(f"{address}/record.json")
    assert json.loads(file.html) == made.record
    assert not [value for value in SENSITIVE if value in file.html]


async def test_a_second_answer_on_another_page_changes_nothing(equipped: World) -> None:
    made = equipped.budget()
    page = await equipped.person.open(made)
    await equipped.person.press(page, "share")
    again = await equipped.person.press(page, "refuse")
    assert again.outcome == "released"
    assert made.error is None
    assert len(made.received) == 1


async def test_nothing_identifies_the_wallet_to_a_vendor(equipped: World) -> None:
    made = equipped.budget()
    await equipped.person.press(await equipped.person.open(made), "share")
    expected = {"Host", "Accept", "Accept-Encoding", "Content-Type", "Content-Length"}
    assert len(equipped.dealer.seen) == 4
    assert all(set(headers) <= expected for headers in equipped.dealer.seen), equipped.dealer.seen


# No


async def test_a_no_and_nothing_to_show_are_the_same_bytes(equipped: World) -> None:
    refused, nothing, beyond = equipped.sound(), equipped.sound(), equipped.sound(whole_vehicle=True)
    nothing.body["query"]["credentials"][0]["claims"][0]["values"] = ["A model that nobody has"]
    for made, outcome in ((refused, "ask"), (nothing, "refuse"), (beyond, "refuse")):
        page = await equipped.person.open(made)
        assert page.outcome == outcome
        assert made.received == []
        assert (await equipped.person.press(page, "refuse")).outcome == "declined"
    sent = [made.received[0].replace(made.state.encode(), b"STATE") for made in (refused, nothing, beyond)]
    assert sent[0] == sent[1] == sent[2] == b"error=access_denied&state=STATE"
    assert not any(made.acceptances for made in (refused, nothing, beyond))


def whole(world: World) -> Made:
    return world.sound(whole_vehicle=True)


def one_more(world: World) -> Made:
    return world.sound(extra_paths=[["vehicle", "vin"]])


@pytest.mark.parametrize("ask", [whole, one_more])
async def test_asking_for_more_than_was_promised_is_refused(equipped: World, ask: Callable[[World], Made]) -> None:
    page = await equipped.person.open(ask(equipped))
    assert page.outcome == "refuse"
    assert page.codes == ["ask.excess"]
    assert "Ask for less" in page.text
    assert ("decision", "share") not in page.form("decision").buttons


async def test_a_dealer_on_the_list_is_refused_by_its_number(equipped: World) -> None:
    rules = await equipped.person.get("/rules")
    await equipped.person.submit(rules, rules.form("who"), ("who", "ch-0042"))
    page = await equipped.person.open(equipped.budget())
    assert (page.outcome, page.codes) == ("refuse", ["pol.denied"])
    rules = await equipped.person.get("/rules")
    off = next(form for form in rules.forms if form.action == "/rules/allow")
    await equipped.person.submit(rules, off)
    assert (await equipped.person.open(equipped.budget())).outcome == "ask"


async def test_the_list_can_be_added_to_by_a_command_while_the_wallet_runs(equipped: World) -> None:
    assert command(equipped, "deny", str(equipped.wallet_folder), "CH-0042").exit_code == 0
    assert (await equipped.person.open(equipped.budget())).codes == ["pol.denied"]


async def test_a_second_threshold_is_refused_even_when_the_first_was_only_asked(equipped: World) -> None:
    assert (await equipped.person.open(equipped.budget(20_000))).outcome == "ask"
    page = await equipped.person.open(equipped.budget(25_000))
    assert page.outcome == "refuse"
    assert "ask.probing" in page.codes


async def test_a_signature_under_the_terms_that_was_taken_back_is_refused(equipped: World) -> None:
    await equipped.revoke(equipped.clearsound.did)
    await equipped.refresh()
    page = await equipped.person.open(equipped.sound())
    assert page.outcome == "refuse"
    assert "terms.revoked" in page.codes


async def test_another_vendors_request_address_is_refused_and_nothing_is_fetched(equipped: World) -> None:
    link = equipped.budget().link.replace(str(equipped.dealer.port), str(equipped.clearsound.port), 1)
    page = await equipped.person.fill("/answer", request=link)
    assert (page.status, page.outcome, page.codes) == (400, "refuse", ["req.origin"])
    assert not equipped.dealer.seen
    assert not equipped.clearsound.seen


# What stands in files, and what shows while locked


@pytest.mark.usefixtures("sqlite_only")
async def test_no_file_holds_a_claim_the_journal_included(equipped: World) -> None:
    await equipped.person.press(await equipped.person.open(equipped.budget()), "share")
    await equipped.person.press(await equipped.person.open(equipped.sound()), "share", "contact")
    assert in_files(equipped.wallet_folder, "ledger") != [], "the search itself must find what is there"
    assert not in_files(equipped.wallet_folder, *SENSITIVE)


async def test_the_ledgers_list_tells_no_value(equipped: World) -> None:
    await equipped.person.press(await equipped.person.open(equipped.sound()), "share", "contact")
    shown = command(equipped, "ledger", "show", str(equipped.wallet_folder))
    assert not [value for value in SENSITIVE if value in shown.output]
    with_values = command(equipped, "ledger", "show", str(equipped.wallet_folder), "--values")
    assert EMAIL in with_values.output


async def test_a_locked_wallet_shows_nothing(equipped: World) -> None:
    made = equipped.sound()
    page = await equipped.person.open(made)
    home = await equipped.person.get("/")
    locked = await equipped.person.submit(home, next(form for form in home.forms if form.action == "/sign-out"))
    assert "Unlock your wallet" in locked.text
    paths = ["/", "/credentials", "/receive", "/answer", "/disclosures", "/rules", page.url]
    for path in paths:
        shown = await equipped.person.get(path)
        assert "The passphrase of Sally's wallet" in shown.text, path
        assert not [value for value in SENSITIVE if value in shown.html]
    assert (await equipped.person.press(page, "share")).outcome == ""
    assert not made.received


async def test_a_wrong_passphrase_opens_nothing(world: World) -> None:
    page = await world.person.unlock("not the passphrase")
    assert page.status == 403
    assert "passphrase is not right" in page.text
    with pytest.raises(CannotOpen):
        open_key(world.wallet_folder / "keys.sealed", "not the passphrase")


# Crashes and vendors out of reach


async def restart(world: World) -> None:
    await world.stop_wallet()
    await world.start_wallet()


async def test_an_answer_that_did_not_arrive_is_sent_after_a_restart_in_the_same_bytes(equipped: World) -> None:
    equipped.clearsound.away = {"response"}
    made = equipped.sound()
    page = await equipped.person.press(await equipped.person.open(made), "share")
    assert page.outcome == "unconfirmed"
    for said in ("could not be reached", "They may have what is listed here, or not", "You need not do anything"):
        assert said in page.text
    assert MODEL in page.text
    assert kinds(equipped) == ["asked", "decided"]
    await restart(equipped)
    assert len(made.acceptances) == 1, "a locked wallet sends nothing"
    equipped.clearsound.away = set()
    await equipped.person.unlock()
    done = await equipped.person.get(page.url)
    done = await _settled(equipped, done)
    assert done.outcome == "released"
    assert len(set(made.acceptances)) == 1
    assert kinds(equipped) == ["asked", "decided", "released", "recorded"]
    assert ledger(equipped)[-1]["record"] == made.record


async def _settled(world: World, page: Page) -> Page:
    """The page after the button that sends again, which waits for what the unlocking began."""
    again = [form for form in page.forms if form.action.endswith("/send")]
    return await world.person.submit(page, again[0]) if again else page


async def test_a_presentation_that_arrived_is_not_sent_twice(equipped: World) -> None:
    equipped.clearsound.away = {"after-record"}
    made = equipped.sound()
    page = await equipped.person.press(await equipped.person.open(made), "share")
    assert page.outcome == "released"
    assert "record has not come back" in page.text
    await restart(equipped)
    equipped.clearsound.away = set()
    await equipped.person.unlock()
    done = await _settled(equipped, await equipped.person.get(page.url))
    assert "same signed record" in done.text
    assert len(made.received) == 1
    assert kinds(equipped) == ["asked", "decided", "released", "recorded"]


async def test_a_no_that_did_not_arrive_is_kept(equipped: World) -> None:
    page = await equipped.person.open(made := equipped.sound())
    equipped.clearsound.away = {"response"}
    waiting = await equipped.person.press(page, "refuse")
    assert waiting.outcome == "declined"
    assert "could not be reached" in waiting.text
    equipped.clearsound.away = set()
    assert (await _settled(equipped, waiting)).outcome == "declined"
    assert made.error is not None


@pytest.mark.parametrize(
    ("away", "code", "said", "listed"),
    [
        ("refuses-agreements", "vendor.refused-agreement", "held back what you wanted to share", False),
        ("refuses-answers", "vendor.refused-answer", "They may have read what is listed here", True),
    ],
)
async def test_a_refused_answer_says_what_happened_where_it_is_now_and_what_to_do(
    equipped: World, away: str, code: str, said: str, *, listed: bool
) -> None:
    equipped.clearsound.away = {away}
    page = await equipped.person.press(await equipped.person.open(equipped.sound()), "share")
    assert (page.outcome, page.codes) == ("failed", [code])
    assert said in page.text
    assert "ask them for a new request" in page.text
    assert (MODEL in page.text) is listed
    assert not [form for form in page.forms if form.action.endswith("/send")], "there is nothing to send again"


async def test_a_promise_refused_after_a_lost_answer_never_says_that_it_was_held_back(equipped: World) -> None:
    equipped.clearsound.away = {"loses-answers"}
    made = equipped.sound()
    page = await equipped.person.press(await equipped.person.open(made), "share")
    assert (page.outcome, set(made.claims)) == ("unconfirmed", {"car"})
    equipped.clearsound.away = {"refuses-agreements"}
    page = await _settled(equipped, page)
    assert (page.outcome, page.codes) == ("failed", ["vendor.refused-answer"])
    assert "They may have read what is listed here" in page.text
    assert MODEL in page.text
    assert MODEL in (await equipped.person.get("/disclosures")).text


async def test_what_was_acknowledged_outlives_a_restart(equipped: World) -> None:
    await equipped.person.press(await equipped.person.open(equipped.budget()), "share")
    before = (_held(equipped), ledger(equipped))
    await restart(equipped)
    await equipped.person.unlock()
    assert (_held(equipped), ledger(equipped)) == before
    verified = json.loads(command(equipped, "ledger", "verify", str(equipped.wallet_folder)).output)
    assert verified == {"holds": True, "entries": 4}


# The ledger against somebody with the files


def change_rows(statement: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with sqlite3.connect(folder / "database.sqlite3") as database:
            database.executescript(statement)
        database.close()

    return change


def remove_head(folder: Path) -> None:
    (folder / "ledger.head").unlink()


def damage_head(folder: Path) -> None:
    octets = (folder / "ledger.head").read_bytes()
    (folder / "ledger.head").write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))


def restore_first_head(folder: Path) -> None:
    shutil.copy(folder.parent / "first.head", folder / "ledger.head")


TAMPERINGS: Final[Mapping[str, Callable[[Path], None]]] = {
    "edited": change_rows("UPDATE ledger SET sealed = zeroblob(200) WHERE seq = 2;"),
    "deleted": change_rows("DELETE FROM ledger WHERE seq = 2;"),
    "cut off": change_rows("DELETE FROM ledger WHERE seq >= 4;"),
    "emptied": change_rows("DELETE FROM ledger;"),
    "reordered": change_rows(
        "UPDATE ledger SET seq = 100 WHERE seq = 2; UPDATE ledger SET seq = 2 WHERE seq = 3;"
        " UPDATE ledger SET seq = 3 WHERE seq = 100;"
    ),
    "doubled": change_rows(
        "INSERT INTO ledger SELECT wallet_id, seq + 1, sealed FROM ledger WHERE seq = (SELECT max(seq) FROM ledger);"
    ),
    "head removed": remove_head,
    "head damaged": damage_head,
    "head of an earlier day": restore_first_head,
}


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_a_changed_history_is_noticed_and_nothing_is_released(equipped: World, tampering: str) -> None:
    shutil.copy(equipped.wallet_folder / "ledger.head", equipped.wallet_folder.parent / "first.head")
    await equipped.person.press(await equipped.person.open(equipped.budget()), "share")
    waiting = equipped.sound()
    page = await equipped.person.open(waiting)
    await equipped.stop_wallet()
    TAMPERINGS[tampering](equipped.wallet_folder)
    assert command(equipped, "ledger", "verify", str(equipped.wallet_folder)).exit_code == 4
    await equipped.start_wallet()
    home = await equipped.person.unlock()
    assert "Nothing can be shared now" in home.text
    assert "ledger-broken" in (await equipped.person.get(page.url)).html
    assert (await equipped.person.get("/disclosures")).codes == ["ledger-broken"]
    form = home.forms[0]
    form.action, form.fields = page.url, [(name, value) for name, value in form.fields if name == "csrf"]
    await equipped.person.submit(home, form, ("decision", "share"))
    assert not waiting.received
    assert not waiting.acceptances


@pytest.mark.usefixtures("sqlite_only")
async def test_removed_rules_are_noticed_and_nothing_is_released(equipped: World) -> None:
    waiting = equipped.sound()
    page = await equipped.person.open(waiting)
    assert command(equipped, "deny", str(equipped.wallet_folder), "somebody else").exit_code == 0
    change_rows("DELETE FROM rules;")(equipped.wallet_folder)
    assert command(equipped, "ledger", "verify", str(equipped.wallet_folder)).exit_code == 4
    await equipped.person.press(page, "share")
    assert not waiting.received
    assert "ledger-broken" in (await equipped.person.get(page.url)).html


PUT_BACK: Final[Mapping[str, str]] = {
    "used copies": "UPDATE copies SET used_at = NULL;",
    "an answered request": "DELETE FROM requests WHERE id IN (SELECT id FROM kept);"
    " INSERT INTO requests SELECT * FROM kept;",
}


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize("rows", PUT_BACK)
async def test_rows_of_an_earlier_day_are_noticed_and_nothing_is_released(equipped: World, rows: str) -> None:
    first = await equipped.person.open(equipped.budget())
    change_rows("CREATE TABLE kept AS SELECT * FROM requests;")(equipped.wallet_folder)
    await equipped.person.press(first, "share")
    waiting = equipped.sound()
    page = await equipped.person.open(waiting)
    change_rows(PUT_BACK[rows])(equipped.wallet_folder)
    looked_at = page if rows == "used copies" else first
    assert "ledger-broken" in (await equipped.person.get(looked_at.url)).html
    if rows == "used copies":
        await equipped.person.press(page, "share")
        assert not waiting.received


async def test_a_crash_before_the_head_was_replaced_is_healed(equipped: World) -> None:
    await equipped.person.open(equipped.budget())
    head = (equipped.wallet_folder / "ledger.head").read_bytes()
    await equipped.person.open(equipped.sound())
    await equipped.stop_wallet()
    (equipped.wallet_folder / "ledger.head").write_bytes(head)
    await equipped.start_wallet()
    assert "Nothing can be shared" not in (await equipped.person.unlock()).text
    assert (equipped.wallet_folder / "ledger.head").read_bytes() != head
    assert kinds(equipped) == ["asked", "asked"]


# Making a wallet


def init(folder: Path, passphrase: str) -> Result:
    secret = folder.parent / "secret"
    secret.write_text(passphrase)
    words = ["init", str(folder), "--name", "W", "--base-url", "http://localhost:8123", "--port", "8123"]
    return CliRunner().invoke(group, [*words, "--passphrase-file", str(secret), "--json"])


def test_a_wallet_is_never_made_over_something(tmp_path: Path) -> None:
    (tmp_path / "wallet" / "something").mkdir(parents=True)
    result = init(tmp_path / "wallet", PASSPHRASE)
    assert result.exit_code == 4
    assert json.loads(result.output)["error"] == "folder-in-use"


@pytest.mark.parametrize(("passphrase", "code"), [("elevenchars", 3), ("twelve chars", 0)])
def test_a_passphrase_has_at_least_twelve_characters(tmp_path: Path, passphrase: str, code: int) -> None:
    result = init(tmp_path / "wallet", passphrase)
    assert result.exit_code == code, result.output
    assert (tmp_path / "wallet").exists() == (code == 0)


# The key in memory, and values in their places


def test_the_key_is_forgotten_when_nobody_uses_the_wallet(tmp_path: Path) -> None:
    create_key(tmp_path / "keys.sealed", PASSPHRASE)
    clock = [0.0]
    vault = Vault(path=tmp_path / "keys.sealed", clock=lambda: clock[0])
    ticket = asyncio.run(vault.unlock(PASSPHRASE))
    clock[0] = 29 * 60.0
    assert vault.use(ticket)
    clock[0] += 31 * 60.0
    assert not vault.use(ticket)
    assert vault.locked
    with pytest.raises(Locked):
        _ = vault.box


def test_a_sealed_value_opens_only_in_its_own_place() -> None:
    box = Box(key=bytes(32))
    sealed = box.seal({"a": 1}, place="copies:1")
    assert box.open(sealed, place="copies:1") == {"a": 1}
    for moved in (Box(key=bytes(32)).open, Box(key=bytes(31) + b"1").open):
        with pytest.raises(CannotOpen):
            moved(sealed, place="copies:2")


def test_each_relationship_has_a_key_of_its_own_that_comes_again() -> None:
    box = Box(key=bytes(32))
    first = relationship_signer(box, "decentralized_identifier:did:web:a.example", "rel-1").public
    assert first == relationship_signer(box, "decentralized_identifier:did:web:a.example", "rel-1").public
    assert first != relationship_signer(box, "decentralized_identifier:did:web:a.example", "rel-2").public
    assert first != relationship_signer(box, "decentralized_identifier:did:web:b.example", "rel-1").public


# In a real browser


@pytest.mark.parametrize("scripts", [True, False])
async def test_sally_decides_in_chromium_with_and_without_scripts(
    equipped: World, chromium: Path, *, scripts: bool
) -> None:
    made = equipped.sound()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        context = await browser.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=scripts)
        page = await context.new_page()
        await page.goto(f"{equipped.person.url}/answer")
        await page.get_by_label("The passphrase of Sally's wallet").fill(PASSPHRASE)
        await page.get_by_role("button", name="Unlock").click()
        await page.get_by_label("The text of the request").fill(made.link)
        await page.get_by_role("button", name="Open the request").click()
        yes = page.get_by_role("button", name="Share these 6 things and what I ticked")
        no = page.get_by_role("button", name="Do not share")
        boxes = [await one.bounding_box() for one in (yes, no)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert abs(boxes[0]["width"] - boxes[1]["width"]) < 1
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.get_by_label("E-mail address").check()
        await yes.click()
        await page.get_by_role("heading", name="Shared with").wait_for()
        await browser.close()
    assert set(made.claims) == {"car", "contact"}
