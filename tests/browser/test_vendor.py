"""An operator of the vendor: papers received, a request made from a saved one, and the answer with each check."""

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.test_consent import open_link, outcome
from tests.browser.town import OPERATOR, SHOP_NAME, Town
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def equipped(town: Town, visitors: dict[bool, Visitor]) -> Town:
    """The town, after the vendor's operator received the papers and the lists by the pages."""
    visitor = visitors[False]
    await visitor.begin()
    for link, code in await town.papers_of_shop():
        page = await visitor.go(f"{town.verifier}/credentials")
        await page.get_by_label("Link of the offer").fill(link)
        await page.get_by_label("Transaction code").fill(code)
        await visitor.press("Receive it")
        assert "was received and checked" in await page.get_by_role("status").inner_text()
    await visitor.go(f"{town.verifier}/")
    await visitor.press("Fetch the lists now")
    visitor.assert_content()
    return town


async def make(visitor: Visitor, town: Town) -> Page:
    """A request of the saved one about budgets."""
    page = await visitor.go(f"{town.verifier}/ask")
    await visitor.press("To know whether our offers suit your budget affordability.json", role="link")
    await visitor.press("Make the request")
    return page


async def test_the_operator_signs_in_by_keyboard(stranger: Visitor, town: Town) -> None:
    page = await stranger.go(f"{town.verifier}/ask")
    await page.get_by_label("passphrase").fill(OPERATOR)
    await stranger.enter()
    assert stranger.place == f"{town.verifier}/ask"


async def test_a_saved_request_is_first_judged_as_a_wallet_would(visitor: Visitor, equipped: Town) -> None:
    page = await visitor.go(f"{equipped.verifier}/ask")
    await visitor.press("To know whether our offers suit your budget affordability.json", role="link")
    await visitor.press("See first what a wallet would say")
    assert await page.get_by_role("heading", name="A wallet would ask the person").is_visible()
    text = await page.get_by_label("Request", exact=True).input_value()
    await page.get_by_label("Request", exact=True).fill(text.replace('"20000"', '"25000"', 1))
    await visitor.press("See first what a wallet would say")
    verdict = page.locator(".verdict")
    assert await verdict.get_by_role("heading").inner_text() == "A wallet would refuse"
    assert "ask.excess" in await verdict.inner_text()


async def test_a_request_is_shown_as_a_code_and_a_link_and_its_answer_with_each_check(
    visitor: Visitor, equipped: Town
) -> None:
    page = await make(visitor, equipped)
    address = page.url
    box = await page.get_by_role("img", name="QR code").bounding_box()
    assert box is not None
    assert box["width"] >= 200, "large enough to be scanned from a screen"
    link = await page.locator("figure code").inner_text()
    assert link.startswith("openid4vp://")

    await open_link(visitor, equipped, link)
    assert await outcome(page) == "ask"
    assert SHOP_NAME in await page.locator("section.block").first.inner_text()
    await visitor.press("Share these 4 things")
    assert await outcome(page) == "released"

    await visitor.go(address)
    checks = page.locator(".checks li")
    said = await checks.locator(".check-name").all_inner_texts()
    assert len(said) >= 12
    for sentence in ("The issuer's signature holds", "It is valid now", "The issuer has not taken it back"):
        assert sentence in said
    assert await page.locator(".checks li.failed").count() == 0
    assert set(await checks.locator(".tag").all_inner_texts()) == {"Passed"}
    assert "both sides hold the same record" in await page.locator("main").inner_text()
    assert await page.get_by_role("img", name="QR code").count() == 0, "an answered request is not shown again"


async def test_an_open_request_waits_until_somebody_looks_again(visitor: Visitor, equipped: Town) -> None:
    page = await make(visitor, equipped)
    address = page.url
    seen = len(visitor.requests)
    await page.wait_for_timeout(6_000)
    assert visitor.requests[seen:] == []
    await visitor.press("Look again", role="link")
    assert page.url == address
    assert "Waiting" in await page.get_by_role("status").inner_text()


async def test_a_no_is_shown_without_a_reason(visitor: Visitor, equipped: Town) -> None:
    page = await make(visitor, equipped)
    address = page.url
    await open_link(visitor, equipped, await page.locator("figure code").inner_text())
    await visitor.press("Do not share")
    await visitor.go(address)
    assert "The wallet said no. It gives no reason" in await page.get_by_role("status").inner_text()
    assert await page.locator(".learned").count() == 0


async def test_what_is_no_request_is_said_beside_the_field(visitor: Visitor, town: Town) -> None:
    visitor.expected_status.add(400)
    page = await visitor.go(f"{town.verifier}/ask")
    await page.get_by_label("Request", exact=True).fill('{"query": 1}')
    await visitor.press("Make the request")
    field = page.get_by_label("Request", exact=True)
    assert await field.get_attribute("aria-invalid") == "true"
    assert await field.input_value() == '{"query": 1}', "what was typed is still there"
