"""A person walks through the consent page, in a browser with and without scripts."""

import re
from typing import Any, Final

import pytest
from playwright.async_api import Page

from tests.browser.town import INJECTED, MARKUP, Town
from tests.browser.visitor import Visitor
from tests.canaries import AUDIO, EMAIL, MODEL, PASSPHRASE
from tests.harness.vendor import Made

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]

RECEIPT_NUMBER: Final = "JTX00AMPLE0000042"  # the vehicle's; it was asked for without a promise
# What a person sees of a control: where it is, and with how much weight.
LOOKS: Final = """button => {
  const style = getComputedStyle(button);
  const names = ["fontWeight", "fontSize", "fontFamily", "color", "backgroundColor", "backgroundImage", "opacity",
    "borderTopWidth", "borderTopStyle", "borderTopColor", "borderTopLeftRadius", "boxShadow", "textTransform",
    "textDecorationLine", "letterSpacing", "cursor", "visibility", "filter", "outlineStyle", "transform"];
  const part = text => text.match(/[\\d.]+/g).slice(0, 3).map(one => one / 255)
    .map(one => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  const light = text => part(text).reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0.05);
  const [low, high] = [light(style.color), light(style.backgroundColor)].sort((one, other) => one - other);
  return { contrast: high / low, ...Object.fromEntries(names.map(name => [name, style[name]])) };
}"""
FOCUS: Final = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    name: one.innerText.trim() || one.value || one.id, type: one.type || one.tagName,
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    inSight: box.top >= 0 && box.bottom <= innerHeight && (one === middle || one.contains(middle)),
  };
}"""


async def open_request(visitor: Visitor, town: Town, made: Made) -> Page:
    return await open_link(visitor, town, made.link)


async def open_link(visitor: Visitor, town: Town, link: str) -> Page:
    """The page of a request that was pasted; the first test does it by hand."""
    opened = await town.world.person.fill("/answer", request=link)
    return await visitor.go(opened.url)


async def outcome(page: Page) -> str | None:
    return await page.locator("main").get_attribute("data-outcome")


async def box_of(page: Page, name: str) -> dict[str, float]:
    box = await page.get_by_role("button", name=name, exact=True).bounding_box()
    assert box is not None, f"{name} is nowhere on the page"
    return {name: float(box[name]) for name in ("x", "y", "width", "height")}


async def test_from_the_locked_wallet_to_the_record_in_as_few_steps_as_there_are(stranger: Visitor, town: Town) -> None:
    made = town.budget()
    page = await stranger.go(f"{town.wallet}/answer")
    assert (await page.get_by_role("heading", level=1).inner_text()) == "Unlock your wallet"
    await page.get_by_label("The passphrase of Sally's wallet").fill(PASSPHRASE)
    await stranger.enter()
    assert stranger.place == f"{town.wallet}/answer", "unlocking leads to where one wanted to go"
    await page.get_by_label("The text of the request").fill(made.link)
    await stranger.press("Open the request")
    assert await outcome(page) == "ask"
    assert not made.received
    await stranger.press("Share these 4 things")
    assert await outcome(page) == "released"
    assert "Shared with Riverside Chryota Ltd" in await page.get_by_role("heading", level=1).inner_text()
    assert "the same signed record" in await page.locator("main").inner_text()
    (claims,) = made.claims["afford"]
    assert claims["at_least"] == {"20000": True}
    assert made.record is not None


async def test_who_what_promises_and_how_to_stop_come_in_this_order_before_the_answers(
    visitor: Visitor, town: Town
) -> None:
    page = await open_request(visitor, town, town.budget())
    blocks = page.locator("section.block")
    assert await blocks.locator("h2").all_inner_texts() == [
        "Who asks",
        "What they want",
        "What they promise",
        "How to stop",
    ]
    tops = [box["y"] for box in [await one.bounding_box() for one in await blocks.all()] if box is not None]
    share, refuse = await box_of(page, "Share these 4 things"), await box_of(page, "Do not share")
    assert len(tops) == 4
    assert sorted([*tops, share["y"]]) == [*tops, share["y"]]
    assert refuse["y"] > tops[-1]
    who, what, promises, stop = await blocks.all_inner_texts()
    assert "Riverside Chryota Ltd" in who
    assert "Harbour Town confirms" in who
    assert "£20,000 or more" in what
    assert "They will not sell it, or use it to build a picture of you." in promises
    assert "30 days" in promises
    assert "they stop within 3 days, or erase it within 30 days" in stop
    assert "Regulator of example" in stop
    assert "https://" not in stop, "only addresses are folded away"


async def test_a_name_that_nobody_confirms_is_a_quotation(visitor: Visitor, town: Town) -> None:
    page = await open_request(visitor, town, town.sound())
    who = page.locator("section.block").first
    assert await who.locator("q").inner_text() == "Clearsound Ltd"
    assert "Nobody confirms the name" in await who.inner_text()
    host = f"localhost:{town.world.clearsound.port}"
    assert await who.locator(".who").inner_text() == f"Somebody at {host}"
    assert await page.get_by_role("heading", level=1).inner_text() == f"Somebody at {host} asks you"
    assert (await page.title()).startswith(f"Somebody at {host} asks you")
    assert "Clearsound" not in await page.title()


async def test_every_value_that_will_be_sent_is_in_sight(visitor: Visitor, town: Town) -> None:
    made = town.sound_to_share()
    page = await open_request(visitor, town, made)
    shown = [await one.inner_text() for one in await page.locator(".value").all() if await one.is_visible()]
    assert shown == [MODEL, AUDIO, EMAIL]
    await page.get_by_role("checkbox").check()
    closed = [one for one in await page.locator("details .items li").all() if not await one.is_visible()]
    also = "; ".join([(await one.text_content() or "") for one in closed])
    await visitor.press("Share these 6 things and what I ticked")
    sent = {name: claims for name, (claims,) in made.claims.items()}
    assert sent["car"]["vehicle"] == {"model": shown[0], "audioSystem": shown[1]}
    assert sent["contact"]["email"] == shown[2]
    assert "Harbour Town" in also, "and who gave the document"
    assert "14 November 2026" in also, "what the document shows of itself stands one press away"


async def test_what_is_required_stands_apart_from_what_is_not(visitor: Visitor, town: Town) -> None:
    page = await open_request(visitor, town, town.sound())
    tick = page.get_by_role("checkbox")
    assert await tick.count() == 1
    assert not await tick.is_checked()
    heading = await page.get_by_role("heading", name="If you like").bounding_box()
    model = await page.get_by_text(MODEL, exact=True).bounding_box()
    email = await page.get_by_text(EMAIL, exact=True).bounding_box()
    assert heading is not None
    assert model is not None
    assert email is not None
    assert model["y"] < heading["y"] < email["y"]


async def test_the_label_of_the_yes_counts_what_it_sends(visitor: Visitor, town: Town) -> None:
    page = await open_request(visitor, town, town.budget())
    asked = await page.locator("[data-item] > .items .value").count()
    besides = [one.strip() for one in await page.locator("[data-item] details li").all_text_contents()]
    names = await page.locator("button[name=decision]").all_inner_texts()
    along = [one for one in besides if one.startswith(("The steps used", "What it rests on"))]
    assert (asked, len(along)) == (2, 2)
    assert names == [f"Share these {asked + len(along)} things", "Do not share"]


@pytest.mark.parametrize("optional", [False, True], ids=["all required", "one optional"])
async def test_yes_and_no_are_of_equal_rank(visitor: Visitor, town: Town, *, optional: bool) -> None:
    page = await open_request(visitor, town, town.sound() if optional else town.budget())
    answers = page.locator("button[name=decision]")
    assert await answers.count() == 2
    for width in (1280, 800, 360, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        share, refuse = [await answers.nth(place).bounding_box() for place in (0, 1)]
        assert share is not None
        assert refuse is not None
        assert share["width"] == pytest.approx(refuse["width"], abs=0.5), width
        assert share["height"] == pytest.approx(refuse["height"], abs=0.5), width
        assert abs(share["y"] - refuse["y"]) < 0.5 or abs(share["x"] - refuse["x"]) < 0.5, (
            "side by side, or in a column"
        )
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        looks = await answers.evaluate_all(f"all => all.map({LOOKS})")
        assert looks[0] == looks[1], scheme
        assert float(looks[0]["contrast"]) >= 4.5, scheme


async def test_one_press_refuses_and_the_seller_learns_no_reason(visitor: Visitor, town: Town) -> None:
    made = town.sound()
    page = await open_request(visitor, town, made)
    await visitor.press("Do not share")
    assert await outcome(page) == "declined"
    assert await page.get_by_role("heading", level=1).inner_text() == "Not shared"
    assert made.received == [f"error=access_denied&state={made.state}".encode()]


@pytest.mark.parametrize("ticked", [False, True], ids=["left", "ticked"])
async def test_the_optional_thing_goes_only_where_it_is_ticked(visitor: Visitor, town: Town, *, ticked: bool) -> None:
    made = town.sound_to_share()
    page = await open_request(visitor, town, made)
    if ticked:
        await page.get_by_label("E-mail address", exact=True).check()
    await visitor.press("Share these 6 things and what I ticked")
    assert await outcome(page) == "released"
    assert set(made.claims) == ({"car", "contact"} if ticked else {"car"})
    assert (EMAIL in await page.locator("main").inner_text()) is ticked


async def test_words_of_the_seller_stand_only_in_quotations_and_their_markup_does_nothing(
    visitor: Visitor, town: Town
) -> None:
    page = await open_request(visitor, town, town.hostile_words())
    assert INJECTED not in await page.title()
    assert await page.locator(f"[id='{INJECTED}'], main img, main b, script").count() == 0
    holders: list[list[str]] = await page.evaluate(
        """mark => {
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const own = walker.currentNode.parentElement;
            const holder = own.tagName === "BDI" ? own.parentElement : own;  // it keeps the order of writing inside
            if (walker.currentNode.data.includes(mark)) {
              found.push([holder.tagName, getComputedStyle(holder, "::before").content, walker.currentNode.data]);
            }
          }
          const attributes = [...document.querySelectorAll("main *")].flatMap(one => [...one.attributes]);
          const marked = attributes.filter(one => one.value.includes(mark));
          return [...found, ...marked.map(one => [one.name, "", one.value])];
        }""",
        INJECTED,
    )
    assert len(holders) >= 2, "the name and the gift are shown"
    for tag, before, text in holders:
        assert (tag, text) == ("Q", MARKUP.replace('"', "'")), "and no mark inside of it can end it"
        assert before not in {"none", "normal", ""}, "a quotation is seen as one"


async def test_the_page_is_short_enough_to_be_read(visitor: Visitor, town: Town) -> None:
    for made in (town.budget(), town.sound()):
        page = await open_request(visitor, town, made)
        blocks = " ".join(await page.locator(".block").all_inner_texts()).split()
        warnings = " ".join(await page.locator(".reasons").all_inner_texts()).split()
        count = len(blocks) - len(warnings)
        assert 80 < count <= 120, f"{count} words before the buttons: {blocks}"


async def walk(page: Page, until: str) -> list[dict[str, Any]]:
    """Press Tab until the control of this name has the focus; what had it on the way."""
    stops: list[dict[str, Any]] = []
    while not stops or stops[-1]["name"] != until:
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate(FOCUS))
        assert len(stops) < 60, f"{until} is not reached by keyboard: {[stop['name'] for stop in stops]}"
    return stops


async def test_the_keyboard_alone_reaches_both_answers_and_the_focus_is_seen(visitor: Visitor, town: Town) -> None:
    made = town.sound()
    page = await open_request(visitor, town, made)
    stops = await walk(page, "Do not share")
    names = [stop["name"] for stop in stops]
    assert names[0] == "Skip to the main content"
    assert names[-2:] == ["Share these 6 things and what I ticked", "Do not share"], "no stop between yes and no"
    assert [stop["type"] for stop in stops].count("checkbox") == 1
    assert all(stop["outline"] >= 2 for stop in stops), [stop for stop in stops if stop["outline"] < 2]
    assert all(stop["inSight"] for stop in stops), [stop for stop in stops if not stop["inSight"]]
    await visitor.enter()
    assert await outcome(page) == "declined"


async def test_the_keyboard_alone_ticks_and_shares(visitor: Visitor, town: Town) -> None:
    made = town.sound_to_share()
    page = await open_request(visitor, town, made)
    await walk(page, "contact")
    await page.keyboard.press("Space")
    await walk(page, "Share these 6 things and what I ticked")
    await visitor.enter()
    assert set(made.claims) == {"car", "contact"}


async def test_nothing_is_shared_by_a_key_that_was_pressed_anywhere_but_on_the_button(
    visitor: Visitor, town: Town
) -> None:
    made = town.sound_to_share()
    page = await open_request(visitor, town, made)
    address = page.url
    await page.get_by_role("checkbox").focus()
    await page.keyboard.press("Enter")  # browsers send a form by this, as if its first button had been pressed
    await page.wait_for_timeout(300)
    assert not [request for request in visitor.requests if request.startswith("POST")]
    assert not made.received
    assert page.url == address
    assert await outcome(page) == "ask"


async def test_nothing_moves_on_by_itself_and_a_look_elsewhere_loses_nothing(visitor: Visitor, town: Town) -> None:
    page = await open_request(visitor, town, town.budget())
    address = page.url
    await visitor.go(f"{town.wallet}/")
    assert "Riverside Chryota Ltd asks for something" in await page.locator("main").inner_text()
    await page.locator(f"a[href='{address.removeprefix(town.wallet)}']").click()
    assert await outcome(page) == "ask"


async def test_asking_for_more_than_promised_leaves_no_way_to_share(visitor: Visitor, town: Town) -> None:
    made = town.too_much()
    page = await open_request(visitor, town, made)
    assert await outcome(page) == "refuse"
    assert await page.locator("button[value=share]").count() == 0
    assert "Share" not in " ".join(await page.get_by_role("button").all_inner_texts())
    why = page.locator("ul.reasons li")
    assert "asks for more than it gives you a promise for" in await why.first.inner_text()
    code = why.first.locator("code")
    assert await code.inner_text() == "ask.excess"
    sizes = [
        float(await one.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")) for one in (code, why.first)
    ]
    assert sizes[0] < sizes[1], "the code is for whoever helps"
    assert RECEIPT_NUMBER not in await page.content()
    await visitor.press("Tell them no")
    assert await outcome(page) == "declined"
    assert made.received == [f"error=access_denied&state={made.state}".encode()]


async def test_what_is_no_request_is_said_beside_the_field(visitor: Visitor, town: Town) -> None:
    visitor.expected_status.add(400)
    page = await visitor.go(f"{town.wallet}/answer")
    await page.get_by_label("The text of the request").fill("hello")
    await visitor.press("Open the request")
    field = page.get_by_label("The text of the request")
    assert await field.get_attribute("aria-invalid") == "true"
    described = await field.get_attribute("aria-describedby")
    assert described is not None
    assert re.search(r"not the text of a request", await page.locator(f"#{described.split()[-1]}").inner_text())
    await page.get_by_role("alert").get_by_role("link").click()
    assert await page.evaluate("document.activeElement.id") == "request"
