"""A person's browser at her wallet: no scripts, cookies, and the forms that pages hold."""

from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from tests.canaries import PASSPHRASE
from tests.harness.vendor import Made
from tools.driving.pages import Form, Page, placed, plain


@dataclass(slots=True)
class Person:
    """Sally's browser: no scripts, cookies, the forms that pages hold."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Page:
        async with self.session.get(self._place(path)) as answer:
            return Page(plain(str(answer.url)), answer.status, plain(await answer.text()))

    def _place(self, path: str) -> str:
        return urljoin(
            self.url, placed(path.removeprefix(self.url), (cookie["path"] for cookie in self.session.cookie_jar))
        )

    async def submit(self, page: Page, form: Form, *pairs: tuple[str, str]) -> Page:
        given = {name for name, _ in pairs}
        kept = [(name, value) for name, value in form.fields if name not in given]
        target = self._place(urljoin(page.url, form.action))
        headers = {"Origin": self.url}
        async with self.session.post(target, data=[*kept, *pairs], headers=headers) as answer:
            return Page(plain(str(answer.url)), answer.status, plain(await answer.text()))

    async def fill(self, path: str, **given: str) -> Page:
        page = await self.get(path)
        return await self.submit(page, page.form(next(iter(given))), *given.items())

    async def unlock(self, passphrase: str = PASSPHRASE) -> Page:
        page = await self.get("/sign-in")
        return await self.submit(page, page.form("passphrase"), ("passphrase", passphrase))

    async def receive(self, link: str, tx_code: str) -> Page:
        page = await self.fill("/receive", offer=link)
        return await self.submit(page, page.form("tx_code"), ("tx_code", tx_code))

    async def open(self, made: Made) -> Page:
        return await self.fill("/answer", request=made.link)

    async def press(self, page: Page, decision: str, *ticked: str) -> Page:
        pairs = [("decision", decision), *(("optional", one) for one in ticked)]
        return await self.submit(page, page.form("decision"), *pairs)
