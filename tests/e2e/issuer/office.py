"""An issuer at work: its real application on a loopback port, its real database, a clock that tests set."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from didkit_py.dids.document import create_document
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.http.instrumentation import METRICS
from didkit_py.service.observability.metrics import Metrics
from issuer.app import create_app
from issuer.context import IssuerContext
from issuer.folder import load_settings
from issuer.web_context import PARTS
from tests.canaries import BUYER, MEMBER_NUMBER, OPERATORS_PASSPHRASE, watch_for
from tests.harness.serving import serving
from tools.driving.pages import placed, plain

NOW: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
PASSPHRASE: Final = OPERATORS_PASSPHRASE
STANDING: Final[Mapping[str, Json]] = {
    "standing": "good",
    "period": {"from": "2026-11-01", "to": "2027-10-31"},
    "since_band": "5+ years",
    "lines": ["motor"],
}
DEALER: Final = {
    "brand": "Chryota",
    "scope": ["sales", "service"],
    "territory": ["GB-ENG"],
    "dealer_id": "CH-0042",
    "name": "Riverside Chryota Ltd",
}


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, time: timedelta) -> None:
        self.now += time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the issuer."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json()["error"])

    @property
    def refusal(self) -> dict[str, str]:
        """What it says, apart from the number that every request has of its own."""
        return {name: value for name, value in self.json().items() if name != "request_id"}

    @property
    def text(self) -> str:
        return plain(self.body.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An offer as its receiver has it."""

    id: str
    link: str
    code: str
    tx_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The issuer, its clock, and a client of its addresses."""

    url: str
    folder: Path
    clock: Clock
    parts: IssuerContext
    metrics: Metrics
    http: aiohttp.ClientSession
    fetcher: Fetcher

    async def get(self, path: str, **given: Any) -> Answer:
        async with self.http.get(self._place(path), allow_redirects=False, **given) as answer:
            return await answer_of(answer)

    async def post(self, path: str, **given: Any) -> Answer:
        async with self.http.post(self._place(path), allow_redirects=False, **given) as answer:
            return await answer_of(answer)

    def _place(self, path: str) -> str:
        return self.url + placed(path, (cookie["path"] for cookie in self.http.cookie_jar))

    async def offer(
        self, type_name: str, values: Mapping[str, Any], *, subject: str | None = None, reference: str = MEMBER_NUMBER
    ) -> Taken:
        """An offer, made as an operator makes it, and looked up as a wallet does."""
        wanted = WantedCredential(
            type_name=type_name, values=values, reference=reference, subject=subject, addressee=BUYER
        )
        made = await self.parts.issuing.make_offer(wanted, now=self.clock())
        message = (await self.get(f"/credential-offers/{made.offer.id}")).json()
        code = message["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
        link = self.parts.issuing.offer_link(made.offer.id)
        watch_for(code, made.tx_code)
        return Taken(id=made.offer.id, link=link, code=code, tx_code=made.tx_code)

    async def token(self, code: str, tx_code: str) -> Answer:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, "tx_code": tx_code}
        return await self.post("/token", data=form)

    async def access_token(self, offer: Taken) -> str:
        token = str((await self.token(offer.code, offer.tx_code)).json()["access_token"])
        watch_for(token)
        return token

    async def nonce(self) -> str:
        return str((await self.post("/nonce")).json()["c_nonce"])

    async def credential(self, token: str, body: object) -> Answer:
        return await self.post("/credential", json=body, headers={"Authorization": f"Bearer {token}"})

    async def request(
        self,
        type_name: str,
        signers: list[SoftwareSigner],
        *,
        nonce: str | None = None,
        audience: str | None = None,
    ) -> dict[str, object]:
        """A credential request with one proof per signer."""
        chosen = await self.nonce() if nonce is None else nonce
        proofs = [
            await create_key_proof(signer=each, audience=audience or self.url, nonce=chosen, now=self.clock())
            for each in signers
        ]
        return {"credential_configuration_id": type_name, "proofs": {"jwt": proofs}}

    async def sign_in(self, passphrase: str = PASSPHRASE) -> Answer:
        page = await self.get("/sign-in")
        form = {"csrf": csrf(page.text), "passphrase": passphrase, "next": "/"}
        return await self.post("/sign-in", data=form, headers=self.same_origin())

    def same_origin(self) -> dict[str, str]:
        return {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}

    async def submit(self, page: str, action: str, fields: Mapping[str, str] | None = None) -> Answer:
        """Send a form of a page that is looked at first."""
        shown = await self.get(page)
        data = {"csrf": csrf(shown.text), **(fields or {})}
        return await self.post(action, data=data, headers=self.same_origin())

    async def upload(self, body: bytes) -> Answer:
        shown = await self.get("/import")
        form = aiohttp.FormData({"csrf": csrf(shown.text)})
        form.add_field("file", body, filename="members.csv", content_type="text/csv")
        return await self.post("/import", data=form, headers=self.same_origin())


async def answer_of(answer: aiohttp.ClientResponse) -> Answer:
    """The answer, with the plain addresses of pages."""
    headers = {name: plain(value) for name, value in answer.headers.items()}
    return Answer(status=answer.status, body=await answer.read(), headers=CIMultiDict(headers))


def csrf(page: str) -> str:
    """The token of the page's forms."""
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def keys(count: int, *, alg: str = "ES256") -> list[SoftwareSigner]:
    """Different keys, the same in every run."""
    return [SoftwareSigner.from_secret(bytes([7] * 31 + [place + 1]), alg=alg) for place in range(count)]


@asynccontextmanager
async def open_office(folder: Path, clock: Clock) -> AsyncIterator[Office]:
    """The issuer of this folder, running."""
    settings = load_settings(folder)
    app = create_app(folder, settings, clock=clock)
    async with (
        serving(app, settings.port),
        Fetcher((settings.base_url,)) as fetcher,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
    ):
        yield Office(
            url=settings.base_url,
            folder=folder,
            clock=clock,
            parts=app[PARTS],
            metrics=app[METRICS],
            http=http,
            fetcher=fetcher,
        )


@asynccontextmanager
async def open_business(port: int) -> AsyncIterator[SoftwareSigner]:
    """A business that publishes the key of its did:web; gives its signer."""
    did = web_did(f"http://localhost:{port}")
    signer = SoftwareSigner.from_secret(bytes([9] * 32), key_id=f"{did}#key-1")

    async def document(_: web.Request) -> web.Response:
        return web.json_response(create_document(did, {"key-1": signer.public}))

    app = web.Application()
    app.router.add_get("/.well-known/did.json", document)
    async with serving(app, port):
        yield signer
