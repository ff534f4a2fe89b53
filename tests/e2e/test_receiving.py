"""Receiving from a real issuer that says one odd thing: who is told to be wrong, and what the code is spent for."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from didkit_py.roles.issuing_store import WantedCredential
from issuer.app import create_app as create_issuer
from issuer.context import IssuerContext as IssuerParts
from issuer.folder import create_folder as create_issuer_folder
from issuer.folder import load_settings as load_issuer
from issuer.web_context import PARTS as ISSUER_PARTS
from tests.canaries import TOWNS_PASSPHRASE
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tests.harness.town import CONTACT, World, open_world
from tests.harness.vendor import now
from tools.driving.pages import Page

pytestmark = pytest.mark.usefixtures("cheap_passphrases")
METADATA: Final = "/.well-known/openid-credential-issuer"
SERVER: Final = "/.well-known/oauth-authorization-server"
Change = Callable[[dict[str, Any]], object]
BLAME: Final = ("not the text of an offer", "type it again", "Type the code that", "code is not right")


@dataclass
class Odd:
    """A second, real issuer; what stands before it makes `changes` to its answers, by path, or answers itself."""

    parts: IssuerParts
    http: aiohttp.ClientSession
    behind: str
    changes: dict[str, Change] = field(default_factory=dict)
    instead: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path in self.instead:
            return self.instead[request.path]()
        given = await request.read()
        url = self.behind + request.path
        async with self.http.request(request.method, url, data=given, headers=request.headers) as answer:
            body = await answer.read()
            if request.path in self.changes and answer.ok:
                read = json.loads(body)
                self.changes[request.path](read)
                body = json.dumps(read).encode()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    async def offer(self) -> tuple[str, str]:
        values: dict[str, Any] = dict(CONTACT)
        wanted = WantedCredential(type_name="contact", values=values, reference=secrets.token_hex(4), subject=None)
        made = await self.parts.issuing.make_offer(wanted, now=now())
        return self.parts.issuing.offer_link(made.offer.id), made.tx_code


@dataclass
class Stage:
    world: World
    odd: Odd

    async def opened(self, link: str) -> Page:
        await self.world.person.unlock()
        return await self.world.person.fill("/receive", offer=link)

    async def typed(self, page: Page, code: str) -> Page:
        form = next(one for one in page.forms if one.action.startswith("/receive/"))
        return await self.world.person.submit(page, form, ("tx_code", code))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_world(tmp_path) as world, _odd(world, tmp_path / "odd") as odd:
        yield Stage(world, odd)


@asynccontextmanager
async def _odd(world: World, folder: Path) -> AsyncIterator[Odd]:
    url, port = world.shop_settings["base_url"], world.shop_settings["port"]
    behind = free_port()
    settings: dict[str, Any] = {"name": "Odd Office", "base_url": url, "port": behind, "types": ("contact",)}
    create_issuer_folder(folder, settings=settings, alg="ES256", passphrase=TOWNS_PASSPHRASE)
    issuer = create_issuer(folder, load_issuer(folder))
    front = web.Application()
    async with serving(issuer, behind), aiohttp.ClientSession() as http:
        odd = Odd(issuer[ISSUER_PARTS], http=http, behind=f"http://127.0.0.1:{behind}")
        front.router.add_route("*", "/{path:.*}", odd.answer)
        async with serving(front, port):
            yield odd


def spoil_sibling(body: dict[str, Any]) -> None:
    body["credential_configurations_supported"]["other"] = {"format": "dc+sd-jwt"}


def empty_description(body: dict[str, Any]) -> None:
    (entry,) = body["credential_configurations_supported"].values()
    entry["credential_metadata"]["display"][0]["description"] = ""


def bind_to_did_web(body: dict[str, Any]) -> None:
    (entry,) = body["credential_configurations_supported"].values()
    entry["cryptographic_binding_methods_supported"] = ["did:web"]


async def test_what_nobody_needs_keeps_nobody_from_a_document(stage: Stage) -> None:
    cases: tuple[tuple[str, Change], ...] = (
        (METADATA, spoil_sibling),
        (METADATA, empty_description),
        (METADATA, lambda body: body.update(batch_credential_issuance={"batch_size": 1})),
        ("/token", lambda body: body.update(expires_in="3600")),
        ("/token", lambda body: body.update(authorization_details=[], scope=5, token_type="BEARER")),
        ("/credential", lambda body: body.update(transaction_id="x", notification_id=5)),
    )
    for path, change in cases:
        stage.odd.changes = {path: change}
        link, code = await stage.odd.offer()
        assert (await stage.typed(await stage.opened(link), code)).outcome == "received"
    assert "This offer is gone" in (await stage.opened(link)).text


async def test_an_issuer_that_describes_itself_wrongly_is_named_and_the_person_is_not_blamed(stage: Stage) -> None:
    cases: tuple[tuple[str, Change, str], ...] = (
        (METADATA, lambda body: body.pop("credential_endpoint"), "issuer_metadata.credential_endpoint: missing"),
        (METADATA, lambda body: body.update(nonce_endpoint="/nonce"), "issuer_metadata.nonce_endpoint"),
        (METADATA, lambda body: body.update(credential_configurations_supported={}), "does not list what it offers"),
        (METADATA, bind_to_did_web, "binds no such credential to keys given as jwk"),
        (SERVER, lambda body: body.pop("token_endpoint"), "server_metadata.token_endpoint: missing"),
    )
    link, _ = await stage.odd.offer()
    for path, change, place in cases:
        stage.odd.changes = {path: change}
        page = await stage.opened(link)
        assert page.status == 400
        assert "says of itself is not in order" in page.text
        assert "Nothing was sent" in page.text
        assert place in page.text
        assert not [one for one in BLAME if one in page.text]
    assert "/token" not in stage.odd.asked


async def test_the_page_tells_the_issuers_fault_an_outage_what_is_gone_and_a_bad_paste_apart(stage: Stage) -> None:
    link, _ = await stage.odd.offer()
    offer = f"/credential-offers/{link.rpartition('%2F')[2]}"
    cases: tuple[tuple[str, Callable[[], web.Response], str], ...] = (
        (METADATA, lambda: web.Response(body=b"{}", content_type="application/octet-stream"), "itself is not in order"),
        (METADATA, lambda: web.Response(body=b"<html>", content_type="text/html"), "says of itself is not in order"),
        (METADATA, lambda: web.Response(status=404), "says of itself is not in order"),
        (METADATA, lambda: web.Response(status=503), "cannot be reached now"),
        (offer, lambda: web.Response(status=404), "This offer is gone"),
        (offer, lambda: web.Response(status=410), "This offer is gone"),
        (offer, lambda: web.Response(status=500), "cannot be reached now"),
        (offer, lambda: web.json_response({"credential_issuer": 5}), "cannot take this kind of offer"),
    )
    for path, answer, sentence in cases:
        stage.odd.instead = {path: answer}
        page = await stage.opened(link)
        assert page.status == (503 if "reached" in sentence or "gone" in sentence else 400)
        assert sentence in page.text
        assert not [one for one in BLAME if one in page.text]
    text = json.dumps({"credential_issuer": 5, "grants": {}})
    for pasted in (text, "openid-credential-offer://?credential_offer=" + quote(text)):
        page = await stage.opened(pasted)
        assert page.status == 400
        assert ("not the text of an offer" in page.text) == (pasted == text)


async def test_what_fails_after_the_code_was_right_is_tried_again_without_the_code(stage: Stage) -> None:
    answers: tuple[Callable[[], web.Response], ...] = (
        lambda: web.json_response({"credentials": []}),
        lambda: web.json_response({"transaction_id": "later"}, status=202),
        lambda: web.json_response({"error": "credential_request_denied"}, status=400),
        lambda: web.Response(status=503),
    )
    link, code = await stage.odd.offer()
    page = await stage.opened(link)
    for answer in answers:
        stage.odd.instead = {"/credential": answer}
        page = await stage.typed(page, code)
        assert "Your code was right" in page.text
        assert not [one for one in BLAME if one in page.text]
        page = await stage.world.person.get(page.url)
        assert "Fetch the document" in page.text
    stage.odd.instead = {}
    assert (await stage.typed(page, "")).outcome == "received"
    assert stage.odd.asked.count("/token") == 1


async def test_only_a_wrong_code_has_the_person_type_it_again(stage: Stage) -> None:
    link, code = await stage.odd.offer()
    page = await stage.opened(link)
    stage.odd.changes = {"/token": lambda body: body.pop("access_token")}
    page = await stage.typed(page, code)
    assert "answer is not in order" in page.text
    assert "token_response.access_token: missing" in page.text
    assert not [one for one in BLAME if one in page.text]
    stage.odd.instead = {"/token": lambda: web.json_response({"error": "invalid_request"}, status=400)}
    page = await stage.typed(page, code)
    assert "not because of your code" in page.text
    assert not [one for one in BLAME if one in page.text]
    stage.odd.instead = {}
    assert "type it again" in (await stage.typed(page, "12")).text
    assert "Type the code that" in (await stage.typed(page, "")).text
    assert "code is not right" in (await stage.typed(page, code)).text  # the answer above had spent it


async def test_a_request_that_is_gone_a_broken_address_and_an_outage_are_told_apart(stage: Stage) -> None:
    world = stage.world
    await world.person.unlock()
    answers = {404: "This request is gone", 410: "This request is gone", 409: "This request is gone", 500: "in order"}
    client, uri = (
        quote("decentralized_identifier:" + stage.odd.parts.did),
        stage.odd.parts.settings.base_url + "/request",
    )
    for method in ("get", "post"):
        link = f"openid4vp://?client_id={client}&request_uri={quote(uri)}&request_uri_method={method}"
        for status, sentence in answers.items():
            stage.odd.instead["/request"] = lambda status=status: web.Response(status=status)  # type: ignore[misc] # a default of its own
            page = await world.person.fill("/answer", request=link)
            assert page.status == 503
            assert (sentence in page.text) or (method == "get" and status == 409)
            assert "not the text of a request" not in page.text
    page = await world.person.fill("/answer", request=f"openid4vp://?client_id={client}&request_uri=http://a.example")
    assert "whoever asks must make a new request" in page.text
    page = await world.person.fill("/answer", request="openid4vp://?client_id=x")
    assert "not the text of a request" in page.text
