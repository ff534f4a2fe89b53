"""The wallet against hostile servers: it keeps nothing, tells nothing, and shows a plain page."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.attacks.endpoint import GIVEAWAYS, dump, without
from tests.attacks.stage import NONCE, Theatre, open_theatre
from tests.attacks.wallet_cases import LISTS, OFFERS, REQUESTS, TAKEN, WalletCase
from tests.canaries import CODE, EMAIL, TOKEN
from tools.driving.pages import Page
from wallet.storage.ledger import KEPT

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRETS = (CODE, TOKEN, NONCE, EMAIL)
OFFER_STATE = ("offers.state", "offers.sealed")  # that a code was typed and what came of it is remembered


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    async with open_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


@pytest.fixture
def theatre(shared_theatre: Theatre) -> Iterator[Theatre]:
    shared_theatre.stage.act_honestly()
    yield shared_theatre
    shared_theatre.stage.act_honestly()


def stored(theatre: Theatre, *leave_out: str) -> object:
    return without(dump(theatre.folder / "database.sqlite3"), leave_out)


async def beside_offers(theatre: Theatre) -> object:
    """What is stored, but for how far an offer came, which the ledger counts; and what else the ledger says."""
    rows: Any = stored(theatre, *OFFER_STATE)
    entries = await theatre.parts.opened.ledger.read()
    said = [one.digest for one in entries if one.kind != KEPT or {row.table for row in one.rows} != {"offers"}]
    return {name: rows[name] for name in rows if name != "ledger"}, said


def require_plain(page: Page, case: WalletCase) -> None:
    assert page.status == case.status, page.text
    assert not [word for word in GIVEAWAYS if word in page.html]
    assert not [secret for secret in SECRETS if secret in page.html]
    assert "<script" not in page.html


async def test_an_honest_offer_is_taken(theatre: Theatre) -> None:
    page = await theatre.open_offer()
    assert page.status == 200, page.text
    done = await theatre.take_offer(page)
    assert done.outcome == "received", done.text


async def test_an_honest_request_is_shown(theatre: Theatre) -> None:
    page = await theatre.open_request()
    assert page.status == 200, page.text
    assert "/requests/" in page.url


async def test_honest_lists_are_taken(theatre: Theatre) -> None:
    before = theatre.parts.lists()
    page = await theatre.refresh()
    assert "newest public lists" in page.text
    assert not before.faults
    assert before.terms
    assert before.status_lists


@pytest.mark.parametrize("case", OFFERS, ids=lambda case: case.name)
async def test_a_hostile_offer_is_not_opened(case: WalletCase, theatre: Theatre) -> None:
    before = stored(theatre)
    link = case.change(theatre.stage) or theatre.stage.offer_link
    page = await theatre.person.fill("/receive", offer=link)
    require_plain(page, case)
    assert stored(theatre) == before
    assert not [seen for seen in theatre.stage.seen if seen.startswith("POST")]  # no code was spent


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.name)
async def test_what_a_hostile_issuer_sends_is_not_kept(case: WalletCase, theatre: Theatre) -> None:
    page = await theatre.open_offer()
    before = await beside_offers(theatre)
    case.change(theatre.stage)
    require_plain(await theatre.take_offer(page), case)
    assert await beside_offers(theatre) == before


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
async def test_a_hostile_request_is_refused_and_nobody_is_told(case: WalletCase, theatre: Theatre) -> None:
    before = stored(theatre)
    link = case.change(theatre.stage) or theatre.stage.request_link
    page = await theatre.person.fill("/answer", request=link)
    require_plain(page, case)
    assert stored(theatre) == before
    assert "POST /response" not in theatre.stage.seen


async def test_lists_at_a_private_address_are_not_fetched_and_count_as_unknown(theatre: Theatre) -> None:
    """Who publishes an aggregation may leave a list out of it; then nobody knows, and nothing passes for valid."""
    theatre.stage.pages["/status-lists"] = theatre.stage.json({"status_lists": ["https://10.0.0.1/1"]})
    await theatre.refresh()
    assert "https://10.0.0.1/1" not in theatre.parts.lists().status_lists
    theatre.stage.act_honestly()
    await theatre.refresh()
    assert theatre.parts.lists().status_lists


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.name)
async def test_a_hostile_list_does_not_replace_the_last_good_one(case: WalletCase, theatre: Theatre) -> None:
    before = theatre.parts.lists()
    case.change(theatre.stage)
    require_plain(await theatre.refresh(), case)
    after = theatre.parts.lists()
    assert (after.trust, after.parties) == (before.trust, before.parties)
    assert (after.terms, after.status_lists) == (before.terms, before.status_lists)
