"""One town and one Chromium for all tests of this folder; each test gets a tab of its own."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, async_playwright

from tests.browser.town import OPERATOR, Town, open_town
from tests.browser.visitor import DESKTOP, Visitor
from tests.canaries import PASSPHRASE
from tests.needs import browser_path, need

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--disable-gpu",
    "--in-process-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost",
)
# A colour that is still changing when it is measured is nobody's.
LOOK: Final[Any] = {"viewport": DESKTOP, "reduced_motion": "reduce"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    need("browser")
    async with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome() -> AsyncIterator[Browser]:
    need("browser")
    path = browser_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def looked_at() -> set[str]:
    """What the pages say that were looked at by any test."""
    return set()


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs what pages bring along."""
    return bool(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def keys(town: Town, chrome: Browser) -> StorageState:
    """The cookies of a browser that signed in everywhere."""
    context = await chrome.new_context()
    page = await context.new_page()
    for url, passphrase in ((town.wallet, PASSPHRASE), (town.issuer, OPERATOR), (town.verifier, OPERATOR)):
        await page.goto(f"{url}/sign-in")
        await page.get_by_label("passphrase").fill(passphrase)
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(f"^{url}/s/[^/]+/$"))
    state = await context.storage_state()
    await context.close()
    return state


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def visitors(chrome: Browser, keys: StorageState, looked_at: set[str]) -> AsyncIterator[dict[bool, Visitor]]:
    """Somebody whose browser runs the scripts of pages, and somebody whose does not; both signed in before."""
    contexts = {
        on: await chrome.new_context(java_script_enabled=on, storage_state=keys, **LOOK) for on in (True, False)
    }
    yield {on: await Visitor.arrive(context, looked_at) for on, context in contexts.items()}
    for context in contexts.values():
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(visitors: dict[bool, Visitor], scripts: bool) -> AsyncIterator[Visitor]:  # noqa: FBT001 - a fixture
    """Somebody who signed in before. Fails the test for anything wrong with a page that was looked at."""
    await visitors[scripts].begin()
    yield visitors[scripts]
    visitors[scripts].assert_content()


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(chrome: Browser, looked_at: set[str], scripts: bool) -> AsyncIterator[Visitor]:  # noqa: FBT001 - a fixture
    """Somebody who has not signed in."""
    context = await chrome.new_context(java_script_enabled=scripts, **LOOK)
    arrived = await Visitor.arrive(context, looked_at)
    yield arrived
    await context.close()
    arrived.assert_content()
