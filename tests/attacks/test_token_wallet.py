"""Every kind of text sent to the wallet in each place where it reads what others serve: it keeps only what belongs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web

from didkit_py.keys.public import PublicKey
from tests.attacks.endpoint import GIVEAWAYS
from tests.attacks.forging import Token, header
from tests.attacks.genuine import TYPED
from tests.attacks.stage import Stage, Theatre, honest_copies, open_theatre
from tests.attacks.test_wallet import beside_offers, stored
from tests.attacks.token_places import texts

pytestmark = pytest.mark.asyncio(loop_scope="module")
KINDS: Final = ("credential", "key proof", "request object", "trust list", "status list", "response", "presentation")
TYPES: Final = (*TYPED.values(), "JWT")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    async with open_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


@pytest.fixture
def theatre(shared_theatre: Theatre) -> Iterator[Theatre]:
    shared_theatre.stage.act_honestly()
    yield shared_theatre
    shared_theatre.stage.act_honestly()


Serve = Callable[[Stage], None]


async def offer_is_opened(theatre: Theatre, serve: Serve) -> None:
    before = stored(theatre)
    serve(theatre.stage)
    page = await theatre.open_offer()
    assert page.status >= 400, page.text
    assert not [word for word in GIVEAWAYS if word in page.html]
    assert stored(theatre) == before


async def offer_is_taken(theatre: Theatre, serve: Serve) -> None:
    page = await theatre.open_offer()
    before = await beside_offers(theatre)
    serve(theatre.stage)
    page = await theatre.take_offer(page)
    assert page.status >= 400, page.text
    assert not [word for word in GIVEAWAYS if word in page.html]
    assert await beside_offers(theatre) == before


async def request_is_opened(theatre: Theatre, serve: Serve) -> None:
    before = stored(theatre)
    serve(theatre.stage)
    page = await theatre.open_request()
    assert page.status >= 400, page.text
    assert not [word for word in GIVEAWAYS if word in page.html]
    assert stored(theatre) == before


async def lists_are_refreshed(theatre: Theatre, serve: Serve) -> None:
    before = theatre.parts.lists()
    serve(theatre.stage)
    page = await theatre.refresh()
    assert not [word for word in GIVEAWAYS if word in page.html]
    after = theatre.parts.lists()
    assert (after.trust, after.parties) == (before.trust, before.parties)
    assert (after.terms, after.status_lists) == (before.terms, before.status_lists)


Flow = Callable[[Theatre, Serve], Awaitable[None]]
READ_IN: Final[Mapping[str, Flow]] = {
    "/offer": offer_is_opened,
    "/.well-known/openid-credential-issuer": offer_is_opened,
    "/.well-known/oauth-authorization-server": offer_is_opened,
    "/token": offer_is_taken,
    "/nonce": offer_is_taken,
    "/credential": offer_is_taken,
    "/.well-known/did.json": request_is_opened,
    "/request": request_is_opened,
    "/trust-list": lists_are_refreshed,
    "/status-lists": lists_are_refreshed,
    "/status-lists/1": lists_are_refreshed,
    "/terms": lists_are_refreshed,
    "/layers/human": lists_are_refreshed,
    "/layers/lawyer": lists_are_refreshed,
}


async def test_every_page_that_the_wallet_reads_stands_in_the_table(theatre: Theatre) -> None:
    assert theatre.stage.pages.keys() == READ_IN.keys()


@pytest.mark.parametrize("path", READ_IN)
async def test_a_text_of_another_kind_is_not_kept(path: str, theatre: Theatre) -> None:
    for kind in KINDS:
        theatre.stage.act_honestly()

        def serve(stage: Stage, text: str = texts()[kind]) -> None:
            stage.pages[path] = web.Response(body=text.encode(), content_type="application/json")

        await READ_IN[path](theatre, serve)


# --- what the right party signed, with the right claims, as a token of another type


def request_of(typ: str) -> Serve:
    def serve(stage: Stage) -> None:
        stage.request = header(typ=typ)

    return serve


def list_of(path: str, make: Callable[[Stage], Token]) -> Callable[[str], Serve]:
    def of(typ: str) -> Serve:
        def serve(stage: Stage) -> None:
            stage.pages[path] = stage.token(header(typ=typ)(make(stage)), "jwt")

        return serve

    return of


def copies_of(typ: str) -> Serve:
    async def copies(stage: Stage, keys: list[PublicKey]) -> list[str]:
        made = []
        for text in await honest_copies(stage, keys):
            issued, _, disclosures = text.partition("~")
            made.append(f"{header(typ=typ)(Token.of(issued, stage.signer)).text()}~{disclosures}")
        return made

    def serve(stage: Stage) -> None:
        stage.copies = copies

    return serve


SIGNED: Final[Mapping[str, tuple[str, Callable[[str], Serve]]]] = {
    "/request": ("oauth-authz-req+jwt", request_of),
    "/trust-list": ("trust-list+jwt", list_of("/trust-list", Stage.trust_list)),
    "/status-lists/1": ("statuslist+jwt", list_of("/status-lists/1", Stage.status_list)),
    "/credential": ("dc+sd-jwt", copies_of),
}


@pytest.mark.parametrize("path", SIGNED)
async def test_what_is_right_but_for_its_type_is_not_kept(path: str, theatre: Theatre) -> None:
    own, of = SIGNED[path]
    for typ in TYPES:
        if typ != own:
            theatre.stage.act_honestly()
            await READ_IN[path](theatre, of(typ))


async def test_the_same_ways_of_serving_are_taken_when_the_type_is_right(theatre: Theatre) -> None:
    copies_of("dc+sd-jwt")(theatre.stage)
    request_of("oauth-authz-req+jwt")(theatre.stage)
    for path in ("/trust-list", "/status-lists/1"):
        SIGNED[path][1](SIGNED[path][0])(theatre.stage)
    assert (await theatre.take_offer(await theatre.open_offer())).outcome == "received"
    assert (await theatre.open_request()).status == 200
    assert "newest public lists" in (await theatre.refresh()).text
