import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from yarl import URL

from didkit_py.service.http.login import LONGEST_WAIT_SECONDS, OWN_TRIES, PLACES, Lane, local_path
from didkit_py.service.http.sessions import MAX_SESSIONS, SESSIONS, LoginSessions
from tests.unit.service.small_app import PASSPHRASE, Client, own_origin, post_form, running, sign_in, slept, tried


@pytest.fixture
def clock() -> list[float]:
    return [1_000.0]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


def sessions_of(client: Client) -> LoginSessions:
    app = client.server.app  # type: ignore[attr-defined] # the small app's server has one
    found: LoginSessions = app[SESSIONS]
    return found


@asynccontextmanager
async def another_browser(client: Client) -> AsyncIterator[Client]:
    """Another browser at the same service."""
    other = Client(client.server)
    yield other
    await other.session.close()


def cookies_sent_to(client: Client, path: str) -> dict[str, str]:
    """What the browser sends to any port of this host at this path: cookies know no ports (RFC 6265, 8.5)."""
    url = URL(own_origin(client)).with_path(path)
    return {name: morsel.value for name, morsel in client.session.cookie_jar.filter_cookies(url).items()}


def header_of(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


async def replay(client: Client, path: str, cookie: str) -> ClientResponse:
    """A request with these cookies and no others."""
    client.session.cookie_jar.clear()
    url = own_origin(client) + path
    return await client.session.get(url, headers={"Cookie": cookie}, allow_redirects=False)


async def test_the_right_passphrase_opens_the_pages_and_leads_back(client: Client) -> None:
    answer = await sign_in(client, next_path="/inside?x=1")
    assert (answer.status, answer.headers["Location"]) == (303, f"{client.home}/inside?x=1")
    assert (await client.get("/inside")).status == 200


async def test_another_port_of_this_host_gets_no_cookie_that_opens_a_page(client: Client) -> None:
    await sign_in(client)
    home = client.home
    guessable = ("/", "/inside", "/sign-in", "/sign-out", "/static/style.css", "/s", "/s/", f"/s/{'A' * 43}/")
    collected = [cookies_sent_to(client, path) for path in guessable]
    assert (await client.get("/inside")).status == 200
    for cookies in collected:
        for path in guessable:
            page = await (await replay(client, path, header_of(cookies))).text()
            assert home not in page
            assert "Inside</a>" not in page
    for cookies in collected:
        answer = await replay(client, "/inside", header_of(cookies))
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/inside")
        assert home not in str(answer.headers)
        below = await replay(client, f"{home}/inside", header_of(cookies))  # even who learnt the path has no cookie
        assert (below.status, below.headers["Location"]) == (303, "/sign-in?next=/inside")


async def test_every_link_form_and_redirect_of_a_signed_in_page_stays_below_its_path(client: Client) -> None:
    await sign_in(client)
    page = await (await client.get("/inside")).text()
    assert f'href="{client.home}/inside"' in page
    assert f'action="{client.home}/sign-out"' in page
    assert 'href="/static/' in page  # public files are no secret's business
    saved = await post_form(client, "/inside", {})
    assert saved.headers["Location"] == f"{client.home}/inside"
    missing = await (await client.session.get(own_origin(client) + client.home + "/page/fail/missing")).text()
    assert "not-found" in missing  # only pages behind the sign-in are below the path


async def test_a_session_needs_its_path_and_its_cookie_together(client: Client) -> None:
    await sign_in(client)
    first, first_cookie = client.home, header_of(cookies_sent_to(client, client.home + "/"))
    client.session.cookie_jar.clear()
    await sign_in(client)
    second = client.home
    for path in (f"{second}/inside", f"{first[:-1]}_/inside", f"{first.upper()}/inside", f"/s/{first}/inside"):
        answer = await replay(client, path, first_cookie)
        assert answer.status in {303, 404}
    assert (await replay(client, f"{first}/inside", first_cookie)).status == 200
    assert (await replay(client, f"{first}{first}/inside", first_cookie)).status == 404
    assert (await replay(client, f"{first}//evil.example", first_cookie)).status == 404


@pytest.mark.parametrize("place", ["before", "after", "both"])
async def test_cookies_of_the_same_name_from_elsewhere_do_not_shut_the_person_out(client: Client, place: str) -> None:
    await sign_in(client)
    home, own = client.home, header_of(cookies_sent_to(client, client.home + "/"))
    name = own.partition("=")[0]
    tossed = [f"{name}=tossed", f"{name}={'x' * 3_000}", f"{name}=", f'{name}="a,b', f"{name}-form=x"]
    before, after = (tossed if place in {"before", "both"} else []), (tossed if place in {"after", "both"} else [])
    assert (await replay(client, f"{home}/inside", "; ".join([*before, own, *after]))).status == 200


async def test_a_path_and_a_cookie_of_somebody_elses_choice_become_no_session(client: Client) -> None:
    planted, name = f"/s/{'A' * 43}", f"didkit-wallet-{client.port}"
    client.session.cookie_jar.update_cookies({name: "chosen"}, URL(own_origin(client)))
    answer = await sign_in(client)
    assert answer.status == 303
    assert "chosen" not in str(answer.headers.getall("Set-Cookie"))
    assert planted not in answer.headers["Location"]
    assert (await replay(client, f"{planted}/inside", f"{name}=chosen")).status == 303


async def test_signing_in_changes_the_token_of_forms(client: Client) -> None:
    before = await (await client.get("/token")).text()
    await sign_in(client)
    assert await (await client.get("/own-token")).text() != before


async def test_cookies_are_for_one_path_and_out_of_reach_of_scripts(client: Client) -> None:
    answer = await sign_in(client)
    name = f"didkit-wallet-{client.port}"
    found = {one.key: one for header in answer.headers.getall("Set-Cookie") for one in SimpleCookie(header).values()}
    assert {key: one["path"] for key, one in found.items()} == {name: f"{client.home}/", f"{name}-device": "/sign-in"}
    for one in found.values():
        assert one["httponly"]
        assert one["samesite"] == "Strict"
        assert not one["domain"]


async def test_signing_out_ends_every_session_of_the_browser_and_no_other(client: Client) -> None:
    await sign_in(client)
    first = client.home
    await sign_in(client)
    async with another_browser(client) as elsewhere:
        await sign_in(elsewhere)
        assert (await post_form(client, "/sign-out", {})).headers["Location"] == "/sign-in"
        assert len(sessions_of(client)) == 1
        assert (await elsewhere.get("/inside")).status == 200
    assert (await client.session.get(f"{own_origin(client)}{first}/inside", allow_redirects=False)).status == 303


async def test_signing_out_needs_our_own_form(client: Client) -> None:
    await sign_in(client)
    assert (await client.post("/sign-out")).status == 403
    assert (await client.get("/inside")).status == 200


async def test_looking_at_the_sign_in_page_fills_no_memory(client: Client) -> None:
    for _ in range(20):
        client.session.cookie_jar.clear()
        assert (await client.get("/sign-in")).status == 200
    assert len(sessions_of(client)) == 0


async def test_a_wrong_passphrase_is_refused_and_a_page_says_so(client: Client) -> None:
    answer = await sign_in(client, "wrong")
    page = await answer.text()
    assert answer.status == 403
    assert "The passphrase is not right" in page
    assert "<title>Error: Unlock" in page
    assert 'value="wrong"' not in page
    nothing = await sign_in(client, "")
    assert nothing.status == 400
    assert "Enter the passphrase" in await nothing.text()
    assert (await sign_in(client, "x" * 1_024)).status == 403
    assert (await sign_in(client, "x" * 1_025)).status == 400
    assert (await client.get("/inside", allow_redirects=False)).status == 303


async def test_wrong_tries_of_strangers_lock_nobody_out(client: Client) -> None:
    for _ in range(30):
        client.session.cookie_jar.clear()
        assert (await sign_in(client, "wrong")).status == 403
    client.session.cookie_jar.clear()
    assert (await sign_in(client)).status == 303
    assert max(slept) <= LONGEST_WAIT_SECONDS


async def test_a_browser_that_signed_in_before_does_not_wait_for_strangers(client: Client) -> None:
    await sign_in(client)
    async with another_browser(client) as stranger:
        await stranger.get("/token")
        trying = [asyncio.create_task(sign_in(stranger, "wrong")) for _ in range(3 * PLACES)]
        await asyncio.sleep(0.02)
        assert (await sign_in(client)).status == 303
        await asyncio.gather(*trying)
        assert slept.count(0.0) >= 3  # the first stranger's, and both of the browser that signed in


async def test_a_flood_of_tries_is_compared_one_at_a_time_and_the_excess_is_told_to_wait(client: Client) -> None:
    await client.get("/token")
    answers = await asyncio.gather(*(sign_in(client, "wrong") for _ in range(50)))
    refused = [answer for answer in answers if answer.status == 429]
    assert len(tried) == 50 - len(refused) < 25
    assert all(1 <= int(answer.headers["Retry-After"]) <= LONGEST_WAIT_SECONDS for answer in refused)
    assert "Others are trying to sign in. Wait 1 second," in await refused[0].text()
    assert (await sign_in(client)).status == 303


async def test_who_took_the_token_of_a_browser_has_few_tries_and_then_waits_like_everybody(client: Client) -> None:
    await sign_in(client)
    taken = cookies_sent_to(client, "/sign-in")
    async with another_browser(client) as thief:
        thief.session.cookie_jar.update_cookies(taken, URL(own_origin(client)))
        for _ in range(OWN_TRIES + 1):
            assert (await sign_in(thief, "wrong")).status == 403
    assert slept[1 : OWN_TRIES + 1] == [0.0] * OWN_TRIES
    assert (await sign_in(client)).status == 303  # the owner shares the lane then, and is in


@pytest.mark.parametrize("how", ["forged", "cut", "of another passphrase", "empty", "not ASCII"])
async def test_a_device_token_that_is_not_ours_gives_no_tries(how: str, tmp_path: Path) -> None:
    secret_file = tmp_path / "keys.sealed"
    secret_file.write_bytes(b"one")
    async with running(secret_file=secret_file) as client:
        await sign_in(client)
        name = f"didkit-wallet-{client.port}-device"
        token = cookies_sent_to(client, "/sign-in")[name]
        forged = f"{'A' * 22}.{hashlib.sha256(b'A' * 22).hexdigest()}"
        sent = {"forged": forged, "cut": token[:-1], "of another passphrase": token, "empty": "", "not ASCII": "é.é"}
        if how == "of another passphrase":
            secret_file.write_bytes(b"two")
        await sign_in(client, "wrong")
        client.session.cookie_jar.clear()
        for _ in range(OWN_TRIES + 5):
            await client.get("/token")
            csrf = await (await client.get("/token")).text()
            cookie = f"{header_of(cookies_sent_to(client, '/token'))}; {name}={sent[how]}"
            form = {"passphrase": "wrong", "csrf": csrf}
            headers = {"Origin": own_origin(client), "Cookie": cookie}
            answer = await client.session.post(own_origin(client) + "/sign-in", data=form, headers=headers)
            assert answer.status == 403
        assert max(slept) > 0.5  # it waited like everybody


async def test_a_device_token_outlives_a_restart(tmp_path: Path) -> None:
    secret_file = tmp_path / "keys.sealed"
    secret_file.write_bytes(b"sealed")
    async with running(secret_file=secret_file) as client:
        await sign_in(client)
        kept = {"device": cookies_sent_to(client, "/sign-in")[f"didkit-wallet-{client.port}-device"]}
        port = client.port or 0
    async with running(secret_file=secret_file, port=port) as client:
        for _ in range(PLACES):
            await sign_in(client, "wrong")
        slept.clear()
        client.session.cookie_jar.update_cookies({f"didkit-wallet-{port}-device": kept["device"]})
        await sign_in(client)
        assert slept == [0.0]


async def test_a_lane_waits_longer_after_each_wrong_try_and_never_longer_than_it_may(clock: list[float]) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock[0] += seconds

    lane = Lane(clock=lambda: clock[0], sleep=sleep)
    for _ in range(300):
        async with lane.take_turn():
            lane.count_wrong()
    assert waited[0] == 0
    assert waited == sorted(waited)
    assert waited[-1] == pytest.approx(LONGEST_WAIT_SECONDS)
    lane.forget()
    async with lane.take_turn():
        assert waited[-1] == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "\t//evil",
        "/a\n",
        "/a\\b",
        "javascript:x",
        "/é",
    ],
)
def test_the_way_back_leads_nowhere_else(text: str) -> None:
    assert local_path(text, otherwise="/") == "/"


async def test_a_foreign_way_back_is_dropped(client: Client) -> None:
    assert (await sign_in(client, next_path="//evil.example")).headers["Location"] == "/"


async def test_a_notice_is_shown_once_and_escaped(client: Client) -> None:
    await sign_in(client)
    assert (await post_form(client, "/inside", {})).status == 303
    assert "Saved &lt;b&gt;it&lt;/b&gt;" in await (await client.get("/inside")).text()
    assert "Saved" not in await (await client.get("/inside")).text()


def test_a_session_ends_after_half_an_hour_of_silence_and_after_twelve_hours(clock: list[float]) -> None:
    sessions = LoginSessions(clock=lambda: clock[0])
    session = sessions.begin()
    session["principal"] = PASSPHRASE
    clock[0] += 1_800
    assert sessions.find(session.path, [session.id]) is session
    clock[0] += 1_801
    assert sessions.find(session.path, [session.id]) is None
    assert "principal" not in session
    busy = sessions.begin()
    for _ in range(30):
        clock[0] += 1_500
        found = sessions.find(busy.path, [busy.id])
    assert found is None


def test_what_a_silent_session_held_is_dropped_without_a_visit(clock: list[float]) -> None:
    sessions = LoginSessions(clock=lambda: clock[0])
    session = sessions.begin()
    session["principal"] = "unlocked keys"
    clock[0] += 1_801
    sessions.sweep()
    assert session == {}


def test_the_number_of_sessions_is_bounded_and_the_oldest_goes_first(clock: list[float]) -> None:
    sessions = LoginSessions(clock=lambda: clock[0])
    first, second = sessions.begin(), sessions.begin()
    for _ in range(MAX_SESSIONS - 1):
        sessions.begin()
    assert sessions.find(first.path, [first.id]) is None
    assert sessions.find(second.path, [second.id]) is second
    assert len(sessions) == MAX_SESSIONS
