"""A program on another port of the same host, which is sent every cookie that a browser has for it and replays them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from tests.browser.town import OPERATOR, Town
from tests.canaries import PASSPHRASE
from tests.harness.ports import free_port
from tests.harness.serving import serving

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]

GUESSES = ("/", "/sign-in", "/rules", "/s/", f"/s/{'A' * 43}/", "/static/style.css")


@dataclass
class Other:
    """The other program: what it collected, and what its pages do."""

    port: int
    cookies: list[str] = field(default_factory=list)
    referrers: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def answer(self, request: web.Request) -> web.Response:
        self.cookies += request.headers.getall("Cookie", [])
        self.referrers += request.headers.getall("Referer", [])
        if request.path == "/redirect":
            return web.Response(status=302, headers={"Location": request.query["to"]})
        hosts = ("localhost", "wallet.localhost")
        if request.path != "/all":
            return answer_page("", request)
        places = [f"http://{host}:{self.port}{path}" for host in hosts for path in GUESSES]
        text = "".join(f'<img src="{one}"><iframe src="{one}"></iframe><a href="{one}">x</a>' for one in places)
        return answer_page(text, request)


def answer_page(text: str, request: web.Request) -> web.Response:
    """A page, which sets the cookies that the query names."""
    answer = web.Response(text=f"<!DOCTYPE html><title>x</title>{text}", content_type="text/html")
    for name in request.query.getall("name", []):
        for path in ("/", "/s", "/sign-in", "/s/"):
            answer.headers.add("Set-Cookie", f"{name}=tossed; Path={path}")
    return answer


@asynccontextmanager
async def other_program() -> AsyncIterator[Other]:
    other = Other(free_port())
    app = web.Application()
    app.router.add_get("/{path:.*}", other.answer)
    async with serving(app, other.port):
        yield other


async def sign_in(page: Page, url: str, passphrase: str) -> str:
    """The path of the session."""
    await page.goto(url)
    await page.get_by_label("passphrase").fill(passphrase)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda here: "/s/" in here)
    return "/".join(urlsplit(page.url).path.split("/")[:3])


@pytest.mark.parametrize(("program", "scripts"), [("wallet", False), ("issuer", True), ("verifier", False)])
async def test_another_port_that_gets_every_cookie_of_the_browser_opens_nothing(
    chrome: Browser,
    town: Town,
    program: str,
    scripts: bool,  # noqa: FBT001 - a fixture
) -> None:
    url = {"wallet": town.wallet, "issuer": town.issuer, "verifier": town.verifier}[program]
    passphrase = PASSPHRASE if program == "wallet" else OPERATOR
    context = await chrome.new_context(java_script_enabled=scripts)
    async with other_program() as other:
        page = await context.new_page()
        home = await sign_in(page, f"{url}/", passphrase)
        name = next(one["name"] for one in await context.cookies() if one["path"].startswith("/s/"))
        for path in (
            "/",
            "/sign-in",
            "/all",
            "/redirect?to=/rules",
            f"/redirect?to={url}/",
            f"/toss?name={name}&name={name}-device",
        ):
            await page.goto(other.url + path)
        await page.goto(f"{url}{home}/")  # the person's own bookmark of the page still opens it
        assert await page.get_by_role("button", name="Lock" if program == "wallet" else "Sign out").is_visible()
        await page.goto(f"{url}/")  # and the plain address leads to the sign-in, which says nothing of the session
        assert home not in await page.content()
        assert urlsplit(page.url).path == "/sign-in"
    await context.close()
    assert other.cookies, "cookies do reach other ports"
    assert home not in " ".join([*other.cookies, *other.referrers])
    async with aiohttp.ClientSession() as http:
        for cookie in {*other.cookies}:
            for path in ("/", "/rules", "/issued", "/requests", f"{home}/", "/sign-in"):
                async with http.get(url + path, headers={"Cookie": cookie}, allow_redirects=False) as answer:
                    said = await answer.text() + str(answer.headers)
                    assert answer.status in {303, 404} or path == "/sign-in"
                    assert home not in said or path.startswith(home)
                    assert 'aria-label="Pages"' not in said


async def test_a_cookie_that_another_port_set_does_not_shut_the_person_out(chrome: Browser, town: Town) -> None:
    context = await chrome.new_context(java_script_enabled=False)
    async with other_program() as other:
        page = await context.new_page()
        name = f"didkit-wallet-{urlsplit(town.wallet).port}"
        await page.goto(f"{other.url}/toss?name={name}&name={name}-device&name={name}-form")
        await sign_in(page, f"{town.wallet}/rules", PASSPHRASE)
        await page.goto(f"{other.url}/toss?name={name}&name={name}-device&name={name}-form")
        await page.go_back()
        await page.get_by_role("link", name="Documents").click()
        assert await page.get_by_role("heading", level=1, name="Documents").is_visible()
        await page.get_by_role("button", name="Lock").click()
        assert urlsplit(page.url).path == "/sign-in"
    await context.close()
