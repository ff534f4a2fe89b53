"""The three programs as a stranger meets them: bare requests, cookies by hand, and everything that must not change."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from didkit_py.credentials.template import TEMPLATES
from didkit_py.formats.table import FORMATS
from didkit_py.roles.asking_store import RequestTemplate
from issuer.app import create_app as create_issuer
from issuer.folder import create_folder as create_issuer_folder
from issuer.folder import load_settings as load_issuer
from tests.attacks.endpoint import dump
from tests.browser.town import OPERATOR, Town, open_town
from tests.canaries import PASSPHRASE
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tests.harness.town import CONTACT
from tests.harness.vendor import now
from tools.driving.pages import placed, plain
from tools.driving.requests import sound_system
from verifier.app import create_app as create_verifier
from verifier.folder import create_vendor
from verifier.folder import load_settings as load_verifier
from wallet.app import create_app as create_wallet
from wallet.folder import create_folder as create_wallet_folder
from wallet.folder import load_settings as load_wallet

FORM: Final = "application/x-www-form-urlencoded"
BY_SCHEDULE: Final = frozenset({"sources", "source_versions"})  # the public lists, fetched whoever is there
_TOKEN: Final = re.compile(r'name="csrf" value="([^"]+)"')
_LINK: Final = re.compile(r'(?:href|action)="(/[^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, as it came."""

    status: int
    headers: Mapping[str, str]
    cookies: Sequence[str]  # each Set-Cookie as it stands
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return plain(self.body.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What one visitor's browser keeps of a program: its cookie, the token in its pages, and its session's path."""

    cookie: str = ""
    token: str = ""
    home: str = ""


Headers = Mapping[str, str | None]
NOBODY: Final = Browser()
NO_HEADERS: Final[Headers] = {}
NO_FIELDS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One running program, and addresses that lead somewhere in it."""

    kind: str
    base_url: str
    port: int
    folder: Path
    passphrase: str
    app: web.Application
    http: aiohttp.ClientSession
    addresses: Mapping[str, str] = field(default_factory=dict)  # by path of the route
    ready: bool = True

    @property
    def cookie_name(self) -> str:
        """One per running service, since the ports of a host share cookies; `__Secure-` behind https (RFC 6265bis)."""
        parts = urlsplit(self.base_url)
        return f"__Secure-didkit-{self.kind}-443" if parts.scheme == "https" else f"didkit-{self.kind}-{parts.port}"

    @property
    def form_cookie_name(self) -> str:
        """That of the forms that anybody is shown."""
        return f"{self.cookie_name.replace('__Secure-', '__Host-')}-form"

    def address(self, path: str) -> str:
        """An address of this route: one that leads somewhere, as far as it is known."""
        return self.addresses.get(path) or re.sub(r"\{[^}]*\}", "stop" if "{wish}" in path else "unknown", path)

    def leads_somewhere(self, path: str) -> bool:
        """Whether that address is of something that is there."""
        return "{" not in path or path in self.addresses

    async def send(
        self, method: str, path: str, *, browser: Browser = NOBODY, body: str = "", headers: Headers = NO_HEADERS
    ) -> Answer:
        """One request with these headers alone; None leaves one out that is sent otherwise."""
        named = {"Host": urlsplit(self.base_url).netloc, "Cookie": browser.cookie or None, **headers}
        sent = {name: value for name, value in named.items() if value is not None}
        call = self.http.request(
            method,
            f"http://127.0.0.1:{self.port}{placed(path, [browser.home])}",
            data=body.encode() if body else None,
            headers=sent,
            skip_auto_headers=("Content-Type", "User-Agent", "Accept"),
            allow_redirects=False,
        )
        async with call as answer:
            return Answer(
                status=answer.status,
                headers=CIMultiDict({name: plain(value) for name, value in answer.headers.items()}),
                cookies=answer.headers.getall("Set-Cookie", []),
                body=await answer.read(),
            )

    async def submit(
        self, path: str, browser: Browser, fields: Mapping[str, str] = NO_FIELDS, *, headers: Headers = NO_HEADERS
    ) -> Answer:
        """A form as the service's own page sends it, unless headers say otherwise."""
        body = urlencode({"csrf": browser.token, **fields})
        own = {"Origin": self.base_url, "Sec-Fetch-Site": "same-origin", "Content-Type": FORM}
        return await self.send("POST", path, browser=browser, body=body, headers={**own, **headers})

    async def visit(self) -> Browser:
        """A browser that has looked at the sign-in page."""
        page = await self.send("GET", "/sign-in")
        return Browser(cookie=self._cookie(page), token=token_in(page))

    async def sign_in(self) -> Browser:
        """A browser that is signed in."""
        visitor = await self.visit()
        done = await self.submit("/sign-in", visitor, {"passphrase": self.passphrase, "next": "/"})
        assert done.status == 303, done.text
        (found,) = (one for each in done.cookies for one in SimpleCookie(each).values() if one.key == self.cookie_name)
        signed_in = Browser(cookie=f"{found.key}={found.value}", home=found["path"])
        return replace(signed_in, token=token_in(await self.send("GET", "/", browser=signed_in)))

    def _cookie(self, answer: Answer) -> str:
        (found,) = SimpleCookie(answer.cookies[-1]).values()
        return f"{found.key}={found.value}"

    async def explore(self, browser: Browser) -> Mapping[str, str]:
        """For each route with a variable part, an address that the owner's pages lead to."""
        waiting, found = ["/"], {"/"}
        while waiting:
            page = await self.send("GET", waiting.pop(), browser=browser)
            if page.headers.get("Content-Type", "").startswith("text/html"):
                fresh = set(map(unescape, _LINK.findall(page.text))) - found
                found |= fresh
                waiting += fresh
        paths = _variable_paths(self.app)
        links = sorted(found)  # of one path, the link with a query comes last and counts
        return {path: link for link in links for path, pattern in paths if pattern.fullmatch(link.partition("?")[0])}

    def kept(self) -> object:
        """Everything in the database that is not fetched by schedule."""
        found = dump(self.folder / "database.sqlite3")
        return {table: rows for table, rows in found.items() if table not in BY_SCHEDULE}


def token_in(page: Answer) -> str:
    """The token of the page's forms."""
    found = _TOKEN.search(page.text)
    assert found is not None, page.text
    return found[1]


def routes_of(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of every route; HEAD comes with GET."""
    routes = (route for route in app.router.routes() if route.method != "HEAD")
    return {(route.method, route.resource.canonical) for route in routes if route.resource is not None}


def _variable_paths(app: web.Application) -> list[tuple[str, re.Pattern[str]]]:
    resources = ((resource.canonical, resource.get_info().get("pattern")) for resource in app.router.resources())
    return [(path, pattern) for path, pattern in resources if pattern is not None]


def create_apps(folder: Path) -> dict[str, web.Application]:
    """The programs of these folders, not running."""
    return {
        "issuer": create_issuer(folder / "issuer", load_issuer(folder / "issuer")),
        "verifier": create_verifier(folder / "verifier", load_verifier(folder / "verifier")),
        "wallet": create_wallet(folder / "wallet", load_wallet(folder / "wallet")),
    }


PASSPHRASES: Final = {"issuer": OPERATOR, "verifier": OPERATOR, "wallet": PASSPHRASE}


@asynccontextmanager
async def behind_https(folder: Path) -> AsyncIterator[list[Program]]:
    """The programs, fresh, as they run behind a web server that adds https."""
    ports = {kind: free_port() for kind in PASSPHRASES}
    given: dict[str, Any] = {
        kind: {"name": "Harbour Town", "base_url": f"https://{kind}.example", "port": port}
        for kind, port in ports.items()
    }
    given["issuer"]["types"] = tuple(template.name for template in TEMPLATES.values())
    create_issuer_folder(folder / "issuer", settings=given["issuer"], alg="ES256", passphrase=OPERATOR)
    create_vendor(folder / "verifier", settings=given["verifier"], alg="ES256", passphrase=OPERATOR)
    create_wallet_folder(folder / "wallet", settings=given["wallet"], passphrase=PASSPHRASE)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(bare_client())
        found = []
        for kind, app in create_apps(folder).items():
            await stack.enter_async_context(serving(app, ports[kind]))
            found.append(
                Program(
                    kind=kind,
                    base_url=f"https://{kind}.example",
                    port=ports[kind],
                    folder=folder / kind,
                    passphrase=PASSPHRASES[kind],
                    app=app,
                    http=http,
                    addresses={"/static/{name}": "/static/style.css"},
                    ready=kind == "issuer",  # the others wait for lists that nobody named
                )
            )
        yield found


@asynccontextmanager
async def in_town(folder: Path) -> AsyncIterator[list[Program]]:
    """The programs at work on this machine, each with something of every kind in it."""
    async with open_town(folder) as town, bare_client() as http:
        by_hand = await fill(town)
        urls = {"issuer": town.issuer, "verifier": town.verifier, "wallet": town.wallet}
        found = []
        for kind, app in create_apps(folder).items():
            program = Program(
                kind=kind,
                base_url=urls[kind],
                port=urlsplit(urls[kind]).port or 0,
                folder=folder / kind,
                passphrase=PASSPHRASES[kind],
                app=app,
                http=http,
            )
            links = await program.explore(await program.sign_in())
            found.append(replace(program, addresses={**links, **by_hand}))
        yield found


async def fill(town: Town) -> dict[str, str]:
    """Something shared, something asked and something offered; and the addresses that no page leads to."""
    for link, code in await town.papers_of_shop():
        await town.shop.receive(await town.shop.preview(link), tx_code=code)
    lists = await town.shop.refresh()
    asked = [
        await town.shop.asking.ask(
            RequestTemplate.from_json(sound_system(town.world.terms_id), formats=FORMATS), now=now()
        )
        for _ in range(2)
    ]
    person = town.world.person
    shared = await person.press(await person.fill("/answer", request=asked[0].link), "share")
    assert shared.outcome == "released", shared.text
    await person.fill("/answer", request=asked[1].link)
    offers = [
        link for link, _ in (await town.world.offer("contact", CONTACT), await town.world.offer("contact", CONTACT))
    ]
    await person.fill("/receive", offer=offers[0])
    paths = [urlsplit(source.url).path for source in lists.sources]
    return {
        "/static/{name}": "/static/style.css",
        "/credential-offers/{id}": f"/credential-offers/{offers[1].rpartition('%2F')[2]}",
        "/types/{name}": "/types/contact",
        "/status-lists/{number}": next(one for one in paths if one.startswith("/status-lists/")),
        "/terms/{digest}": next(one for one in paths if one.startswith("/terms/") and "layers" not in one),
        "/terms/layers/{digest}": next(one for one in paths if one.startswith("/terms/layers/")),
        "/oid4vp/requests/{id}": f"/oid4vp/requests/{asked[1].id}",
        "/oid4vp/response/{id}": f"/oid4vp/response/{asked[1].id}",
    }


def bare_client() -> aiohttp.ClientSession:
    """A client that keeps nothing by itself."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
