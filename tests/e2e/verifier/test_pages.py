"""The operator's pages: signed in only, each state in words, errors in place."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape

import pytest

from didkit_py.oid4vp.response import create_error
from didkit_py.roles.asking import MadeRequest
from tests.e2e.verifier.shop import PASSPHRASE, Answer, Clock, Shop, affordability, car_only, sound_system
from tests.e2e.verifier.test_agreements import agree
from verifier.folder import packaged_templates

PAGES = ("/", "/ask", "/requests", "/credentials")


def words(answer: Answer) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def csrf(answer: Answer) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None
    return found[1]


async def fill(shop: Shop, path: str, given: Mapping[str, str], *, form_at: str | None = None) -> Answer:
    page = await shop.get(form_at or path)
    form = {"csrf": csrf(page), **given}
    return await shop.post(path, data=form, headers={"Origin": shop.url})


@pytest.fixture
async def inside(shop: Shop) -> Shop:
    answer = await fill(shop, "/sign-in", {"passphrase": PASSPHRASE, "next": "/"})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    return shop


@pytest.mark.parametrize("path", [*PAGES, "/requests/AAAAAAAAAAAAAAAAAAAAAA", "/requests/AAAA/record.json"])
async def test_no_page_opens_without_signing_in(shop: Shop, path: str) -> None:
    answer = await shop.get(path)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/ask", "/credentials", "/lists/refresh"])
async def test_no_form_works_without_signing_in(shop: Shop, path: str) -> None:
    assert (await shop.post(path, data={}, headers={"Origin": shop.url})).status == 303
    assert not await shop.parts.store.requests(now=shop.clock())


async def test_a_wrong_passphrase_does_not_sign_in(shop: Shop) -> None:
    assert (await fill(shop, "/sign-in", {"passphrase": "a guess that is wrong"})).status == 403


@pytest.mark.parametrize("path", PAGES)
async def test_each_page_opens_and_says_what_it_is(inside: Shop, path: str) -> None:
    answer = await inside.get(path)
    assert answer.status == 200
    assert "<h1>" in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text


@pytest.mark.parametrize("name", ["affordability", "sound-system"])
async def test_a_saved_request_is_made_with_one_press(inside: Shop, name: str) -> None:
    page = await inside.get(f"/ask?saved={name}")
    sheet = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)
    assert sheet is not None
    text = unescape(sheet[1])
    assert json.loads(text) == json.loads(packaged_templates()[f"{name}.json"])
    made = await fill(inside, "/ask", {"request": text, "action": "make"})
    assert made.status == 303, words(made)
    shown = await inside.get(made.headers["Location"])
    assert "Waiting" in words(shown).title()
    assert "openid4vp://?" in unescape(shown.text)
    assert "<svg" in shown.text
    assert "Refresh" not in shown.headers
    assert 'http-equiv="refresh"' not in shown.text.casefold()
    assert f'href="{made.headers["Location"]}">Look again<' in shown.text


async def test_the_operator_sees_first_what_a_wallet_would_say(inside: Shop) -> None:
    more = sound_system(grants=[])
    answer = await fill(inside, "/ask", {"request": json.dumps(more), "action": "check"})
    assert answer.status == 200
    assert "agr.missing" in words(answer)
    good = await fill(inside, "/ask", {"request": json.dumps(sound_system()), "action": "check"})
    assert "A wallet would ask the person" in words(good)
    assert not await inside.parts.store.requests(now=inside.clock())


async def test_a_request_that_every_wallet_refuses_is_not_made_on_the_page(inside: Shop) -> None:
    answer = await fill(inside, "/ask", {"request": json.dumps(sound_system(grants=[])), "action": "make"})
    assert answer.status == 400
    assert "Every wallet would refuse this request" in words(answer)
    assert "agr.missing" in words(answer)
    assert not await inside.parts.store.requests(now=inside.clock())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Choose a saved request, or paste one"),
        ("{", "expected a JSON text"),
        ('{"purpose_text": 1}', "request.purpose_text"),
        (json.dumps(sound_system(grants=[{"gid": "g"}])), "request.grants[0].purpose"),
        (json.dumps(sound_system(query={"credentials": []})), "dcql_query.credentials"),
        (json.dumps(sound_system(extra=1)), "unknown member"),
        (json.dumps(sound_system(purpose_text="<script>alert(1)</script>", grants="x")), "request.grants"),
    ],
)
async def test_a_wrong_request_is_refused_in_place(inside: Shop, text: str, said: str) -> None:
    answer = await fill(inside, "/ask", {"request": text, "action": "make"})
    assert answer.status == 400
    assert said in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert "<script" not in answer.text
    assert not await inside.parts.store.requests(now=inside.clock())


async def page_of(shop: Shop, made: MadeRequest) -> str:
    answer = await shop.get(f"/requests/{made.id}")
    assert answer.status == 200
    return words(answer)


async def test_every_state_is_told_in_words(inside: Shop, clock: Clock) -> None:
    over = await inside.ask(affordability())
    clock.forward(timedelta(minutes=40))
    waiting = await inside.ask()
    assert "Nobody has opened it yet" in await page_of(inside, waiting)
    fetched = await inside.fetch(waiting)
    assert "A wallet has opened it" in await page_of(inside, waiting)
    assert "Nobody answered in time" in await page_of(inside, over)
    await agree(inside, fetched)
    verified = await page_of(inside, waiting)
    for said in ("Every check held", "Chryota Dart", "The issuer's signature holds", "RFC 9901, 7.3", "1 year"):
        assert said in verified
    assert "The person did not show: How to reach you" in verified
    refused = await inside.fetch(await inside.ask())
    form = create_error("access_denied", state=refused.request.request.state)
    await inside.post(refused.request.request.response_uri, data=form)
    assert "The wallet said no" in await page_of(inside, refused.made)
    overview = words(await inside.get("/"))
    for word in ("Verified", "Refused", "Expired"):
        assert word.lower() in overview.lower()


async def test_the_record_is_downloaded_as_both_sides_hold_it(inside: Shop) -> None:
    fetched = await inside.fetch(await inside.ask())
    missing = await inside.get(f"/requests/{fetched.made.id}/record.json")
    assert missing.status == 404
    _, answer = await agree(inside, fetched)
    file = await inside.get(f"/requests/{fetched.made.id}/record.json")
    assert file.json() == answer.json()["record"]
    assert "attachment" in file.headers["Content-Disposition"]


async def test_an_answer_without_an_agreement_says_so(inside: Shop) -> None:
    fetched = await inside.fetch(await inside.ask(car_only()))
    await inside.respond(fetched, await inside.present(fetched))
    assert "No agreement was accepted" in await page_of(inside, fetched.made)


async def test_documents_are_shown_with_how_they_stand(inside: Shop, clock: Clock) -> None:
    shown = words(await inside.get("/credentials"))
    assert "Authorised dealer" in shown
    assert "CH-0042" in shown
    clock.forward(timedelta(days=6))
    assert "stale" in words(await inside.get("/credentials"))


async def test_a_link_that_is_no_offer_is_refused_in_place(inside: Shop) -> None:
    answer = await fill(inside, "/credentials", {"offer": "nonsense", "tx_code": "123456"})
    assert answer.status == 400
    assert 'aria-describedby="offer-hint offer-error"' in answer.text
    empty = await fill(inside, "/credentials", {"offer": "", "tx_code": ""})
    assert "Paste the link of the offer" in words(empty)


async def test_lists_that_cannot_be_fetched_leave_those_at_hand(inside: Shop) -> None:
    answer = await fill(inside, "/lists/refresh", {}, form_at="/")
    assert answer.status == 303
    page = words(await inside.get("/"))
    assert "The lists could not be fetched" in page
    assert "Harbour Credit Union" in page
