"""An operator of the issuer: a list with bad rows, an offer with its letter, and something taken back."""

import csv
import secrets
from pathlib import Path
from typing import Final

import pytest

from tests.browser.town import OPERATOR, Town
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]

STANDING: Final = {
    "standing": "good",
    "period": {"from": "2026-11-01", "to": "2027-10-31"},
    "since_band": "5+ years",
    "lines": ["motor"],
}
# Lines of the list that make no offer, with the column at fault.
BAD: Final = {"3": "currency", "4": "pre_qualified_amount", "6": "whole row"}


def members(first: int) -> bytes:
    rows = (
        "member_number,name,pre_qualified_amount,currency,branch",
        f"{first},Ann Example,21000.00,GBP,High Street",
        f"{first + 1},Ben Example,21000.00,EUR,High Street",
        f"{first + 2},Cy Example,-500.00,GBP,High Street",
        f"{first + 3},Dee Example,9000.00,GBP,High Street",
        f"{first + 4},Eve Example,12,000.00,GBP,High Street",
    )
    return "\r\n".join((*rows, "")).encode()


async def test_the_operator_signs_in_by_keyboard(stranger: Visitor, town: Town) -> None:
    page = await stranger.go(f"{town.issuer}/offers-made")
    await page.get_by_label("passphrase").fill(OPERATOR)
    await stranger.enter()
    assert stranger.place == f"{town.issuer}/offers-made"
    assert await page.get_by_role("heading", level=1).inner_text() == "Offers"


async def test_a_list_is_checked_row_by_row_then_becomes_offers_with_letters(
    visitor: Visitor, town: Town, tmp_path: Path
) -> None:
    first = 500_000 + secrets.randbelow(400_000)
    page = await visitor.go(f"{town.issuer}/import")
    file = {"name": "members.csv", "mimeType": "text/csv", "buffer": members(first)}
    await page.get_by_label("List as CSV").set_input_files(file)  # type: ignore[arg-type] # a payload
    await visitor.press("Check the list")
    rows: list[list[str]] = await page.get_by_role("table").evaluate(
        "table => [...table.tBodies[0].rows].map(row => [...row.querySelectorAll('.cell')].map(one => one.innerText))"
    )
    assert {line: column for line, column, _ in rows} == BAD
    assert all(len(reason.split()) > 2 for _, _, reason in rows)
    said = await page.locator("main").inner_text()
    assert "Ben Example" not in said, "what stands in the row is not repeated"

    await visitor.press("Make 2 offers")
    assert "2 offers made" in await page.get_by_role("heading", level=1).inner_text()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download the codes").click()
    saved = tmp_path / "codes.csv"
    await (await download.value).save_as(saved)
    codes = {row["member"]: row["tx_code"] for row in csv.DictReader(saved.read_text().splitlines())}
    assert set(codes) == {str(first), str(first + 3)}

    await visitor.go(f"{town.issuer}/offers-made?member={first}")
    await visitor.press("Ann Example", role="link")
    assert await page.get_by_role("img", name="QR code").is_visible()
    await visitor.press("Open the letter", role="link")
    letter = page.get_by_role("article")
    box = await letter.get_by_role("img", name="QR code").bounding_box()
    assert box is not None
    assert box["width"] > 100, "large enough to be scanned from paper"
    written = await letter.inner_text()
    assert "Ann Example" in written
    assert "openid-credential-offer://" in written
    assert codes[str(first)] not in await page.content(), "the code goes by another way"


async def test_the_letter_prints_without_the_frame_of_the_page(visitor: Visitor, town: Town) -> None:
    await town.world.offer("contact", town.world.values()["contact"])
    page = await visitor.go(f"{town.issuer}/offers-made?state=offered")
    await visitor.press(await page.locator("tbody a").first.inner_text(), role="link")
    await visitor.press("Open the letter", role="link")
    await page.emulate_media(media="print")
    assert await page.get_by_role("article").is_visible()
    for selector in (".header", ".footer", ".screen-only"):
        assert not await page.locator(selector).first.is_visible(), selector


async def test_what_was_issued_is_taken_back_only_after_a_second_press(visitor: Visitor, town: Town) -> None:
    link, code = await town.world.offer("insurer-good-standing", STANDING)
    received = await town.world.person.receive(link, code)
    assert received.outcome == "received"
    page = await visitor.go(f"{town.issuer}/issued")
    await page.locator("tbody a").first.click()
    await visitor.look()
    address = page.url
    await visitor.press("Revoke", role="link")
    assert "Revoke?" in await page.get_by_role("heading", level=1).inner_text()
    await visitor.press("Leave it as it is", role="link")
    assert "It is valid" in await page.locator("main").inner_text(), "a look at the question changes nothing"
    await visitor.press("Revoke", role="link")
    await visitor.press("Revoke")
    assert page.url == address
    assert "nobody accepts it any more" in await page.locator("main").inner_text()
