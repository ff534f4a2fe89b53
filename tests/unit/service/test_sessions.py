import asyncio
from collections.abc import AsyncIterator

import pytest

from didkit_py.service.sessions import MAX_SESSIONS, SESSIONS, Sessions
from didkit_py.service.signing_in import local_path
from tests.unit.service.small_app import PASSPHRASE, Client, post_form, running, sign_in, tried


@pytest.fixture
def clock() -> list[float]:
    return [1_000.0]


@pytest.fixture
async def client(clock: list[float]) -> AsyncIterator[Client]:
    async with running(clock=clock) as client:
        yield client


def cookie_of(client: Client) -> str:
    (cookie,) = client.session.cookie_jar
    return cookie.value


async def test_the_right_passphrase_opens_the_pages_and_leads_back(client: Client) -> None:
    answer = await sign_in(client, next_path="/inside?x=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/inside?x=1")
    assert (await client.get("/inside")).status == 200
    again = await client.get("/sign-in", allow_redirects=False)
    assert again.status == 303


async def test_signing_in_changes_the_session_and_its_token(client: Client) -> None:
    before_token = await (await client.get("/token")).text()
    before = cookie_of(client)
    await sign_in(client)
    after = cookie_of(client)
    assert before != after
    assert await (await client.get("/token")).text() != before_token
    app = client.server.app  # type: ignore[attr-defined] # the small app's server has one
    assert app[SESSIONS].find(before) is None


async def test_an_id_of_somebody_elses_choice_is_not_taken_over(client: Client) -> None:
    await client.get("/token")
    (cookie,) = client.session.cookie_jar
    client.session.cookie_jar.clear()
    answer = await client.get("/token", headers={"Cookie": f"{cookie.key}=chosen-by-an-attacker"})
    assert "chosen-by-an-attacker" not in answer.headers["Set-Cookie"]


async def test_the_cookie_is_for_this_service_only_and_out_of_reach_of_scripts(client: Client) -> None:
    answer = await client.get("/token")
    header = answer.headers["Set-Cookie"]
    assert header.startswith(f"didkit-wallet-{client.port}=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(header.split("; "))
    assert "Domain" not in header


async def test_signing_out_ends_the_session(client: Client) -> None:
    await sign_in(client)
    kept = {each.key: each.value for each in client.session.cookie_jar}
    assert (await post_form(client, "/sign-out", {})).status == 303
    client.session.cookie_jar.clear()
    old = "; ".join(f"{name}={value}" for name, value in kept.items())
    assert (await client.get("/inside", headers={"Cookie": old}, allow_redirects=False)).status == 303


async def test_signing_out_needs_our_own_form(client: Client) -> None:
    await sign_in(client)
    assert (await client.post("/sign-out")).status == 403
    assert (await client.get("/inside")).status == 200


async def test_a_wrong_passphrase_is_refused_and_a_page_says_so(client: Client) -> None:
    answer = await sign_in(client, "wrong")
    page = await answer.text()
    assert answer.status == 403
    assert "The passphrase is not right" in page
    assert "<title>Error: Unlock" in page
    assert 'value="wrong"' not in page
    assert (await sign_in(client, "")).status == 400
    assert (await sign_in(client, "x" * 1_025)).status == 400
    assert (await client.get("/inside", allow_redirects=False)).status == 303


async def test_five_wrong_tries_close_the_door_for_a_minute_and_then_for_longer(
    client: Client, clock: list[float]
) -> None:
    assert [(await sign_in(client, "wrong")).status for _ in range(5)] == [403, 403, 403, 403, 429]
    closed = await sign_in(client)
    assert (closed.status, closed.headers["Retry-After"]) == (429, "60")
    clock[0] += 59.5
    assert (await sign_in(client)).status == 429
    clock[0] += 1
    assert (await sign_in(client, "wrong")).headers["Retry-After"] == "120"
    clock[0] += 121
    assert (await sign_in(client)).status == 303


async def test_tries_at_the_same_time_are_counted_like_tries_in_turn(client: Client) -> None:
    await client.get("/token")
    answers = await asyncio.gather(*(sign_in(client, "wrong") for _ in range(12)))
    assert sorted(answer.status for answer in answers) == [403] * 4 + [429] * 8
    assert len(tried) == 5


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
    sessions = Sessions(clock=lambda: clock[0])
    session = sessions.begin()
    session["principal"] = PASSPHRASE
    clock[0] += 1_800
    assert sessions.find(session.id) is session
    clock[0] += 1_801
    assert sessions.find(session.id) is None
    assert "principal" not in session
    busy = sessions.begin()
    for _ in range(30):
        clock[0] += 1_500
        found = sessions.find(busy.id)
    assert found is None


def test_what_a_silent_session_held_is_dropped_without_a_visit(clock: list[float]) -> None:
    sessions = Sessions(clock=lambda: clock[0])
    session = sessions.begin()
    session["principal"] = "unlocked keys"
    clock[0] += 1_801
    sessions.sweep()
    assert session == {}


def test_strangers_cannot_push_out_who_is_signed_in(clock: list[float]) -> None:
    sessions = Sessions(clock=lambda: clock[0])
    first = sessions.begin()
    first["principal"] = "owner"
    stranger = sessions.begin()
    for _ in range(MAX_SESSIONS):
        sessions.begin()
    assert sessions.find(first.id) is first
    assert sessions.find(stranger.id) is None
    assert len(sessions._kept) == MAX_SESSIONS
