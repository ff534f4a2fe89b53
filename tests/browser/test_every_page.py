"""Every page of the three programs: nothing in the console, nothing from elsewhere, and words that people know."""

import re
from typing import Final

import pytest
from aiohttp import web
from playwright.async_api import Browser

from tests.browser.crawling import crawl
from tests.browser.test_consent import open_request
from tests.browser.town import Town
from tests.browser.visitor import DESKTOP, Visitor
from tests.harness.ports import free_port
from tests.harness.serving import serving

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]

# Words that stopped or alarmed people in tests of others, and words of the trade: no page of the wallet says them.
BANNED: Final = re.compile(
    r"(?-i:\bDIDs?\b)|\b(?:"
    r"did:|JWTs?|JWKs?|JSON|SD-JWT|VCs?|OID4\w+|DCQL|URIs?|URLs?|QR|PIN|hash\w*|API|HTTPS?(?!:)|SHA-?\d*|urn:\S*|"
    r"verif\w+|holders?|credentials?|OpenID|attest\w+|disclos\w+|tokens?|selective\w*|nonces?|presentations?|"
    r"issuers?|issuing|claims?|cryptograph\w*|encrypt\w*|decrypt\w*|payloads?|metadata|schemas?|protocols?|"
    r"endpoints?|proofs?|key binding|subjects?|controllers?|processors?|relying part\w+|revo\w+|authenticat\w+|"
    r"authoriz\w+|session|document number)\b",
    re.IGNORECASE,
)
FLAWED: Final = """<!DOCTYPE html><html><head><meta http-equiv="refresh" content="900"><title></title></head>
<body onload="1"><main><h1>One</h1><h1>Two</h1><h4>Four</h4><p style="color: #aaa">inline</p><p class="pale">pale</p>
<input name="unlabelled"><img src="http://localhost:{elsewhere}/picture.png"><svg width="9" height="9"></svg>
<label for="nobody">Label</label>
<a href="#nowhere">x</a><a href="/a" class="small">a</a><a href="/b" class="small">b</a>
<table><thead><tr><th>Head</th></tr></thead></table><ul><p>no item</p></ul><button></button>
<div class="wide">wide</div><span class="button narrow">Unbreakable</span><script>1</script></main></body></html>"""
FLAWED_LOOK: Final = """.pale {{ color: #999; background: #fff }} .small {{ font-size: 9px; display: inline-block }}
.wide {{ width: 60rem }} .narrow {{ display: block; width: 2rem; overflow: hidden }}"""
FLAWS: Final = (
    "a request to another origin",
    "policy breached",
    "console at",
    "text contrast",
    "names no language",
    "has no title",
    "2 h1",
    "a heading of level 4 follows one of level 1",
    "an input without a label",
    "a control without a name",
    "a picture without a text",
    "a drawing without a text",
    "a table without a caption",
    "a column without a scope",
    "a list holds something else",
    "for names nothing",
    "a link to a place that is not there",
    "a script in an attribute",
    "nothing of this kind belongs here",
    "moves on by itself",
    "loads itself again",
    "without room",
    "scrolls sideways",
    "cut off",
    "does not skip the frame",
)


async def test_each_page_of_the_wallet_is_in_order_and_speaks_the_persons_words(visitor: Visitor, town: Town) -> None:
    await open_request(visitor, town, town.sound())
    await visitor.press("Share these 6 things and what I ticked")
    await open_request(visitor, town, town.sound())
    await open_request(visitor, town, town.too_much())
    await open_request(visitor, town, town.budget())
    await visitor.press("Do not share")
    link, _ = await town.world.offer("contact", town.world.values()["contact"])
    page = await visitor.go(f"{town.wallet}/receive")
    await page.get_by_label("The text of the offer").fill(link)
    await visitor.press("Open the offer")
    looked = await crawl(visitor, f"{town.wallet}/")
    paths = {address.removeprefix(town.wallet) for address in looked}
    assert {"/", "/receive", "/answer", "/credentials", "/disclosures", "/rules"} <= paths
    assert {"stop", "erase"} <= {path.rpartition("/")[2] for path in paths if path.startswith("/disclosures/")}
    found = {address: BANNED.findall(said) for address, said in visitor.seen.items()}
    assert not {address: words for address, words in found.items() if words}


async def test_each_page_of_the_issuer_is_in_order(visitor: Visitor, town: Town) -> None:
    looked = await crawl(visitor, f"{town.issuer}/")
    paths = {address.removeprefix(town.issuer) for address in looked}
    assert {"/", "/import", "/offers-made", "/issued", "/types"} <= paths
    assert len(looked) > 12


async def test_each_page_of_the_vendor_is_in_order(visitor: Visitor, town: Town) -> None:
    looked = await crawl(visitor, f"{town.verifier}/")
    paths = {address.removeprefix(town.verifier) for address in looked}
    assert {"/", "/ask", "/requests", "/credentials"} <= paths


@pytest.mark.parametrize("program", ["wallet", "issuer", "verifier"])
async def test_sign_in_and_what_is_not_there_are_in_order(stranger: Visitor, town: Town, program: str) -> None:
    url = {"wallet": town.wallet, "issuer": town.issuer, "verifier": town.verifier}[program]
    stranger.expected_status |= {400, 404}
    page = await stranger.go(f"{url}/sign-in")
    secret = page.get_by_role("textbox")
    assert await secret.get_attribute("type") == "password"
    assert await secret.get_attribute("autocomplete") == "current-password", "a keeper of passphrases may fill it in"
    await stranger.press(await page.locator("main button").inner_text())
    assert await page.get_by_text("Enter the passphrase", exact=True).first.is_visible()
    await stranger.go(f"{url}/nothing-is-here")
    assert await page.get_by_role("heading", level=1).is_visible()


async def test_what_watches_the_pages_sees_what_it_watches_for(chrome: Browser, scripts: bool) -> None:  # noqa: FBT001 - a fixture
    elsewhere, port = free_port(), free_port()
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'"}

    async def page(_: web.Request) -> web.Response:
        text = FLAWED.format(elsewhere=elsewhere).replace("</head>", '<link rel="stylesheet" href="/look"></head>')
        return web.Response(text=text, content_type="text/html", headers={**policy, "Refresh": "900"})

    async def look(_: web.Request) -> web.Response:
        return web.Response(text=FLAWED_LOOK.format(), content_type="text/css")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/look", look)
    context = await chrome.new_context(java_script_enabled=scripts, viewport=DESKTOP)
    async with serving(app, port):
        visitor = await Visitor.arrive(context, set())
        await visitor.go(f"http://localhost:{port}/")
        await context.close()
    missed = [flaw for flaw in FLAWS if not any(flaw in one for one in visitor.complaints)]
    assert not missed, "\n".join(visitor.complaints)
    assert BANNED.findall("Your Credential holds a DID and the verifier's nonce") == [
        "Credential",
        "DID",
        "verifier",
        "nonce",
    ]
