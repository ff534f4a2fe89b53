"""The three programs of a town, really running beside the tests: in a thread with a loop of its own, on loopback."""

import asyncio
import json
import re
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import requests

from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.roles.asking_store import RequestTemplate
from didkit_py.roles.issuing_store import WantedCredential
from tests.browser.town import OPERATOR, Town, open_town
from tests.canaries import PASSPHRASE
from tests.harness.town import CONTACT
from tests.harness.vendor import now
from tools.driving.requests import sound_system

T = TypeVar("T")

CALLS: Final = pytest.StashKey[Mapping[str, int]]()  # how often each service was called
SECONDS: Final = 20  # for one answer: whoever needs longer hangs
CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')
WANTED: Final = WantedCredential(type_name="contact", values=dict[str, Any](CONTACT), reference="")


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A browser's cookies with the token of its forms, and the access token of a wallet."""

    cookies: Mapping[str, str] = field(repr=False)
    csrf: str = field(repr=False)
    token: str = field(default="unknown", repr=False)
    home: str = ""  # the path of the session


@dataclass(frozen=True, kw_only=True)
class Service:
    """One running program: where it is, and what is known there, by the name of the parameter or field."""

    url: str
    passphrase: str
    known: Mapping[str, list[str]]
    token: str = field(default="unknown", repr=False)

    def stranger(self) -> Visitor:
        """Somebody who came for the first time."""
        page = requests.get(f"{self.url}/sign-in", timeout=SECONDS)
        return Visitor(cookies=cookies_of(page), csrf=token_of(page.text))

    def owner(self) -> Visitor:
        """Somebody who signed in."""
        came = self.stranger()
        answer = requests.post(
            f"{self.url}/sign-in",
            data={"passphrase": self.passphrase, "csrf": came.csrf},
            headers={"Origin": self.url},
            cookies=dict(came.cookies),
            allow_redirects=False,
            timeout=SECONDS,
        )
        assert answer.status_code == 303, answer.text
        (home,) = (one.path.rstrip("/") for one in answer.cookies if one.path.startswith("/s/"))
        cookies = cookies_of(answer)
        page = requests.get(f"{self.url}{home}/", cookies=cookies, timeout=SECONDS)
        return Visitor(cookies=cookies, csrf=token_of(page.text), token=self.token, home=home)


def cookies_of(answer: requests.Response) -> dict[str, str]:
    return {one.name: one.value or "" for one in answer.cookies}


def token_of(page: str) -> str:
    found = CSRF.search(page)
    assert found is not None
    return found[1]


@contextmanager
def running_town(folder: Path) -> Iterator[Mapping[str, Service]]:
    """The programs at work, with something of everything in them, until the block ends."""
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=120)

    try:
        town = wait_for(stack.enter_async_context(open_town(folder)))
        yield wait_for(_lived_in(town))
    finally:
        wait_for(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _lived_in(town: Town) -> Mapping[str, Service]:
    """Open offers, documents, requests of which two are answered, an agreement, and a token for a credential."""
    shop, world = town.shop, town.world
    await shop.refresh()
    for link, code in await town.papers_of_shop():
        await shop.receive(await shop.preview(link), tx_code=code)
    template = RequestTemplate.from_json(sound_system(world.terms_id), formats=FORMATS)
    asked = [await shop.asking.ask(template, now=now()) for _ in range(4)]
    for one, decision in zip(asked, ("share", "refuse"), strict=False):
        await world.person.press(await world.person.fill("/answer", request=one.link), decision)
    wanted = [replace(WANTED, reference=str(number)) for number in range(6)]
    made = [await world.issuer.issuing.make_offer(one, now=now()) for one in wanted]
    links = [world.issuer.issuing.offer_link(one.offer.id) for one in made]
    codes = [world.issuer.issuing.offer_message(one.offer).pre_authorized_code for one in made]
    token = await world.issuer.issuing.redeem(TokenRequest(code=codes[0], tx_code=made[0].tx_code), now=now())
    return {
        "issuer": Service(
            url=town.issuer,
            passphrase=OPERATOR,
            token=token.access_token,
            known={
                "to": ["revoked", "suspended", "valid"],
                "pre-authorized_code": codes,
                "number": ["1"],
                "digest": [world.terms_id.rpartition(";")[2]],
                "name": [one.name for one in world.issuer.templates],
            },
        ),
        "verifier": Service(
            url=town.verifier,
            passphrase=OPERATOR,
            known={"action": ["check", "make"], "request": [json.dumps(sound_system(world.terms_id))]},
        ),
        "wallet": Service(
            url=town.wallet,
            passphrase=PASSPHRASE,
            known={
                "decision": ["share", "refuse"],
                "request": [one.link for one in asked[2:]],
                "offer": links[1:],
                "tx_code": [one.tx_code for one in made[1:]],
            },
        ),
    }
