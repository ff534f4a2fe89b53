"""A person at a browser, who notes whatever is wrong with the pages on the way."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from tools.driving.pages import placed, plain

AUDIT: Final = Path(__file__).with_name("audit.js").read_text()
NARROW: Final = 320  # CSS pixels: 1280 at a zoom of 400 %
DESKTOP: Final[Any] = {"width": 1280, "height": 900}
# A breach of the content security policy becomes a line in the console where the page may run scripts; the browser's
# own log has it in any case.
LISTEN: Final = "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
# WCAG 1.4.12, for a style sheet that no policy of the page concerns.
SPACED: Final = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }"
TWICE: Final = "html { font-size: 200% !important }"
WEAR: Final = """css => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
}"""
TOO_WIDE: Final = """() => {
  const page = document.scrollingElement;
  if (page.scrollWidth <= page.clientWidth) return "";
  const beyond = [...document.querySelectorAll("body *")].filter(
    one => one.getBoundingClientRect().right > page.clientWidth + 1 && !one.closest("pre, .unseen, .table thead"));
  const culprit = beyond.length ? beyond[beyond.length - 1].outerHTML.slice(0, 160) : "";
  return `${page.scrollWidth} wide in ${page.clientWidth}: ${culprit}`;
}"""
CUT_OFF: Final = """() => [...document.querySelectorAll(".button, .tag, .navigation a, summary")]
  .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
  .map(one => one.outerHTML.slice(0, 120))"""


@dataclass  # no slots: playwright keeps a note of its own on whoever listens
class Visitor:
    """One tab; `complaints` gathers what every page looked at did wrong."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)  # address: everything that the page says, closed parts included
    origins: set[str] = field(default_factory=set)  # the programs that were visited on purpose
    requests: list[str] = field(default_factory=list)
    expected_status: set[int] = field(default_factory=set)  # of pages that are meant to answer with an error
    looked_at: set[str] = field(default_factory=set)  # pages by what they say; shared by all, none is looked at twice

    @classmethod
    async def arrive(cls, context: BrowserContext, looked_at: set[str]) -> Self:
        """A new tab whose console, log and requests are watched."""
        visitor = cls(page=await context.new_page(), looked_at=looked_at)
        page = visitor.page
        await page.add_init_script(LISTEN)
        page.on("console", visitor._hear)
        page.on("pageerror", lambda error: visitor.complaints.append(f"script error: {error}"))
        page.on("request", visitor._notice)
        page.on("response", visitor._notice_answer)
        log = await context.new_cdp_session(page)
        log.on("Audits.issueAdded", visitor._take_issue)
        await log.send("Audits.enable")
        return visitor

    async def begin(self) -> None:
        """Leave behind what an earlier test saw."""
        await self.page.set_viewport_size(DESKTOP)
        await self.page.emulate_media(color_scheme="light", media="screen")
        for gathered in (self.complaints, self.seen, self.origins, self.requests, self.expected_status):
            gathered.clear()

    def assert_content(self) -> None:
        """Fail for anything that was wrong with the pages, and where none was looked at."""
        assert self.seen, "no page was looked at"
        assert not self.complaints, "\n".join(self.complaints)

    def _hear(self, message: ConsoleMessage) -> None:
        is_expected = any(f"status of {status} " in message.text for status in self.expected_status)
        if message.type in {"error", "warning"} and not is_expected:
            self.complaints.append(f"console at {self.page.url}: {message.text}")

    def _notice(self, request: Request) -> None:
        self.requests.append(f"{request.method} {request.url}")
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "about"} and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.complaints.append(f"a request to another origin: {request.url}")

    def _notice_answer(self, answer: Response) -> None:
        if "refresh" in answer.headers:
            self.complaints.append(f"loads itself again: {answer.url}")

    def _take_issue(self, event: dict[str, Any]) -> None:
        issue = event["issue"]
        if issue["code"] == "ContentSecurityPolicyIssue":
            details = issue["details"]["contentSecurityPolicyIssueDetails"]
            self.complaints.append(f"policy breached at {self.page.url}: {details['violatedDirective']}")

    async def go(self, address: str) -> Page:
        """Type an address, and look at the page."""
        parts = urlsplit(address)
        self.origins.add(f"{parts.scheme}://{parts.netloc}")
        cookies = [one for one in await self.page.context.cookies() if one["name"].endswith(f"-{parts.port}")]
        path = placed(address.removeprefix(f"{parts.scheme}://{parts.netloc}"), [one["path"] for one in cookies])
        await self.page.goto(f"{parts.scheme}://{parts.netloc}{path}")
        await self.look()
        return self.page

    @property
    def place(self) -> str:
        """The plain address of the page that is shown."""
        return plain(self.page.url)

    async def press(self, name: str, *, role: Literal["button", "link"] = "button") -> Page:
        """Press what has this name, and look at the page that comes."""
        await self._follow(self.page.get_by_role(role, name=name, exact=True))
        return self.page

    async def _follow(self, target: Locator) -> None:
        async with self.page.expect_navigation():
            await target.click()
        await self.look()

    async def enter(self, key: str = "Enter") -> Page:
        """Press a key that sends the form, and look at the page that comes."""
        async with self.page.expect_navigation():
            await self.page.keyboard.press(key)
        await self.look()
        return self.page

    async def look(self) -> None:
        """Look at the present page wide and narrow, in light and dark, in large and in spaced letters."""
        where = f"{self.page.url} ({await self.page.title()})"
        said = self.seen[self.page.url] = await everything_said(self.page)
        if said in self.looked_at:
            return
        self.looked_at.add(said)
        found = await self._audit(contrast_only=False)
        await self.page.emulate_media(color_scheme="dark")
        found += [f"in the dark: {one}" for one in await self._audit(contrast_only=True)]
        await self.page.emulate_media(color_scheme="light")
        found += [f"in large letters: {one}" for one in await self._measure(TWICE)]
        await self.page.set_viewport_size({"width": NARROW, "height": 640})
        found += [f"narrow: {one}" for one in await self._measure()]
        found += [f"narrow and spaced: {one}" for one in await self._measure(SPACED)]
        found += [f"narrow and in large letters: {one}" for one in await self._measure(TWICE)]
        await self.page.set_viewport_size(DESKTOP)
        self.complaints += [f"{where}: {one}" for one in found]

    async def _audit(self, *, contrast_only: bool) -> list[str]:
        complaints: list[str] = await self.page.evaluate(AUDIT, {"contrastOnly": contrast_only})
        return complaints

    async def _measure(self, style: str = "") -> list[str]:
        await self.page.evaluate(WEAR, style)
        too_wide = await self.page.evaluate(TOO_WIDE)
        cut_off = await self.page.evaluate(CUT_OFF)
        await self.page.evaluate(WEAR, "")
        return [*([f"scrolls sideways, {too_wide}"] if too_wide else []), *(f"cut off: {one}" for one in cut_off)]


async def everything_said(page: Page) -> str:
    """Every word of the page, title, labels and closed parts included; codes for whoever helps are left out."""
    said: str = await page.evaluate("""() => {
      const page = document.body.cloneNode(true);
      page.querySelectorAll("code.reason").forEach(one => one.remove());
      const spoken = [...page.querySelectorAll("[aria-label], [placeholder], [title], [alt]")].flatMap(
        one => ["aria-label", "placeholder", "title", "alt"].map(name => one.getAttribute(name) || ""));
      const shown = [];
      const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) shown.push(walker.currentNode.data);
      return [document.title, ...spoken, ...shown].join(" ").replace(/\\s+/g, " ").trim();
    }""")
    return said
