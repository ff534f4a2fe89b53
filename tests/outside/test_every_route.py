"""Every route of the three programs, asked by everybody: who may not gets nothing, and every answer is guarded.

Once with the programs at work on this machine, once fresh and behind https, as they run in earnest.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Final

import pytest
import pytest_asyncio

from tests.outside.programs import Answer, Browser, Headers, Program, behind_https, in_town, routes_of
from tests.outside.routes import FOREVER, NO_STORE, TABLE, Route, Who

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Nothing but our own styles and pictures, no frame around us, no form to others, no script at all.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "didkit-py",
}
HEALTH: Final = frozenset({"/healthz", "/readyz"})
OTHER_METHODS: Final = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROUTES: Final = [
    pytest.param(kind, route, id=f"{kind} {route.method} {route.path}")
    for kind, rows in TABLE.items()
    for route in rows
]
Programs = Mapping[str, Program]


def some(*who: Who, method: str = "") -> list[object]:
    """The rows for these people, and this method."""
    rows = [(one, one.values[1]) for one in ROUTES]
    return [one for one, route in rows if isinstance(route, Route) and route.who in who and method in route.method]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "https"])
async def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Programs]:
    running = in_town if request.param == "http" else behind_https
    async with running(tmp_path_factory.mktemp(request.param)) as found:
        yield {program.kind: program for program in found}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owners(programs: Programs) -> Mapping[str, Browser]:
    """A browser that is signed in at each program."""
    return {kind: await program.sign_in() for kind, program in programs.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ended(programs: Programs) -> Mapping[str, Browser]:
    """A browser that was signed in at each program, and kept its cookie after it signed out."""
    found = {}
    for kind, program in programs.items():
        found[kind] = await program.sign_in()
        out = await program.submit("/sign-out", found[kind])
        assert out.headers["Location"] == "/sign-in"
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doers(programs: Programs) -> Mapping[str, Browser]:
    """Another browser that is signed in at each program: what it sends has effects."""
    return {kind: await program.sign_in() for kind, program in programs.items()}


def require_guards(answer: Answer, program: Program, *, kept: str = NO_STORE, public: bool = False) -> None:
    """What every answer carries, whoever asked and whatever came of it; `public` ones also for pages of other sites."""
    sharing = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"} if public else {}
    expected = {"Access-Control-Allow-Origin": None, **GUARDS, **sharing}
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers.get("Cache-Control") == kept
    assert len(answer.headers["X-Request-Id"]) == 16
    https = program.base_url.startswith("https:")
    assert answer.headers.get("Strict-Transport-Security") == ("max-age=31536000; includeSubDomains" if https else None)
    for cookie in answer.cookies:
        pair, *attributes = cookie.split("; ")
        name = pair.partition("=")[0]
        paths = {program.cookie_name: "/s/", program.form_cookie_name: "/", f"{program.cookie_name}-device": "/sign-in"}
        (path,) = (one.removeprefix("Path=") for one in attributes if one.startswith("Path="))
        assert re.sub("[A-Za-z0-9_-]{43}/$", "", path) == paths[name]
        lifetime = {one for one in attributes if one.startswith(("Max-Age=", "expires="))}
        assert {*attributes} - lifetime - {f"Path={path}"} == {"HttpOnly", "SameSite=Strict"} | (
            {"Secure"} if https else set()
        )


def expected(program: Program, route: Route) -> int:
    """The status for somebody who may, with nothing but the address."""
    if route.path == "/readyz" and not program.ready:
        return 503
    return route.status if route.method == "POST" or program.leads_somewhere(route.path) else 404


def strangers(program: Program, owner: Browser, ended: Browser, others: Mapping[str, Browser]) -> Mapping[str, Browser]:
    """Everybody who is not signed in here."""
    name, home = program.cookie_name, owner.home
    here = owner.cookie.partition("=")[2]
    elsewhere = [one for kind, one in others.items() if kind != program.kind]
    return {
        "without a cookie": Browser(home=home),
        "without cookie and path": Browser(),
        "the cookie without the path": Browser(cookie=owner.cookie),
        "the cookie below another path": Browser(cookie=owner.cookie, home=f"/s/{'A' * 43}/"),
        "the cookie below the path of an ended session": Browser(cookie=owner.cookie, home=ended.home),
        "a forged cookie": Browser(cookie=f"{name}={'A' * 43}", home=home),
        "an empty cookie": Browser(cookie=f"{name}=", home=home),
        "a cookie cut short": Browser(cookie=f"{name}={here[:-1]}", home=home),
        "the name of the cookie in capitals": Browser(cookie=f"{name.upper()}={here}", home=home),
        "the session under another program's name": Browser(cookie=f"didkit-other-1={here}", home=home),
        "an ended session": ended,
        "the cookies of the other programs": Browser(cookie="; ".join(one.cookie for one in elsewhere), home=home),
        "a session of another program": Browser(cookie=f"{name}={elsewhere[0].cookie.partition('=')[2]}", home=home),
    }


def foreign_forms(
    program: Program, rightful: Browser, *, ended: Browser, other: Browser
) -> Mapping[str, tuple[Browser, Headers]]:
    """Forms that a page of the program did not send, each wrong in one thing."""
    return {
        "no token": (replace(rightful, token=""), {}),
        "a made-up token": (replace(rightful, token="A" * 43), {}),
        "the token of an ended session": (replace(rightful, token=ended.token), {}),
        "the token of another session": (replace(rightful, token=other.token), {}),
        "a token that is not ASCII": (replace(rightful, token="é"), {}),
        "another site": (rightful, {"Origin": "https://forger.example", "Sec-Fetch-Site": "cross-site"}),
        "another site that does not say so": (rightful, {"Origin": "https://forger.example", "Sec-Fetch-Site": None}),
        "another port of this host": (rightful, {"Origin": f"{program.base_url}0", "Sec-Fetch-Site": "same-site"}),
        "another scheme": (rightful, {"Origin": program.base_url.replace("http", "ftp", 1)}),
        "a site in between": (rightful, {"Sec-Fetch-Site": "cross-site"}),
        "the same site, another host": (rightful, {"Origin": "null", "Sec-Fetch-Site": "same-site"}),
        "typed, so no form": (rightful, {"Origin": "null", "Sec-Fetch-Site": "none"}),
        "a page without an origin": (rightful, {"Origin": "null", "Sec-Fetch-Site": None}),
        "nobody's page": (rightful, {"Origin": None, "Sec-Fetch-Site": None}),
    }


@pytest.mark.parametrize("kind", TABLE)
async def test_every_route_is_in_the_table_and_no_other(programs: Programs, kind: str) -> None:
    rows = [(route.method, route.path) for route in TABLE[kind]]
    assert routes_of(programs[kind].app) == set(rows)
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(("kind", "route"), some(Who.OWNER))
async def test_who_is_not_signed_in_is_sent_to_sign_in_and_changes_nothing(
    programs: Programs, owners: Mapping[str, Browser], ended: Mapping[str, Browser], kind: str, route: Route
) -> None:
    program = programs[kind]
    before = program.kept()
    for who, browser in strangers(program, owners[kind], ended[kind], owners).items():
        for method in ("GET", "HEAD") if route.method == "GET" else ("POST",):
            if method == "POST":
                answer = await program.submit(program.address(route.path), browser)
            else:
                answer = await program.send(method, program.address(route.path), browser=browser)
            assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in"), who
            assert answer.body == b"", who
            require_guards(answer, program)
    assert program.kept() == before


@pytest.mark.parametrize(("kind", "route"), some(Who.OWNER, Who.VISITOR, method="GET"))
async def test_who_may_see_a_page_sees_it_and_looking_changes_nothing(
    programs: Programs, owners: Mapping[str, Browser], kind: str, route: Route
) -> None:
    program = programs[kind]
    assert program.base_url.startswith("https:") or program.leads_somewhere(route.path)
    before = program.kept()
    for method in ("GET", "HEAD"):
        browser = owners[kind] if route.who is Who.OWNER else Browser()
        answer = await program.send(method, program.address(route.path), browser=browser)
        assert answer.status == expected(program, route), answer.text
        assert bool(answer.body) == (method == "GET" and answer.status != 303)
        require_guards(answer, program, kept=route.kept)
    assert program.kept() == before


@pytest.mark.parametrize(("kind", "route"), some(Who.OWNER, Who.VISITOR, method="POST"))
async def test_a_form_that_no_page_of_ours_sent_is_refused_and_changes_nothing(
    programs: Programs, owners: Mapping[str, Browser], ended: Mapping[str, Browser], kind: str, route: Route
) -> None:
    program = programs[kind]
    before = program.kept()
    visitor = await program.visit()
    rightful, other = (owners[kind], visitor) if route.who is Who.OWNER else (visitor, owners[kind])
    for what, (browser, headers) in foreign_forms(program, rightful, ended=ended[kind], other=other).items():
        answer = await program.submit(program.address(route.path), browser, headers=headers)
        assert (answer.status, "foreign-request" in answer.text) == (403, True), what
        require_guards(answer, program)
    for content_type in ("text/plain", "application/json", None):
        answer = await program.submit(program.address(route.path), owners[kind], headers={"Content-Type": content_type})
        assert (answer.status, "unsupported-body" in answer.text) == (415, True), content_type
        require_guards(answer, program)
    assert program.kept() == before
    assert (await program.send("GET", "/", browser=owners[kind])).status == 200  # and nobody was signed out


@pytest.mark.parametrize(("kind", "route"), some(Who.ANYBODY))
async def test_the_wire_answers_anybody_alike_and_knows_no_cookies(
    programs: Programs, owners: Mapping[str, Browser], kind: str, route: Route
) -> None:
    program = programs[kind]
    status = expected(program, route)
    callers: dict[str, tuple[Browser, Headers]] = {
        "a program": (Browser(), {}),
        "a browser that is signed in": (owners[kind], {"Origin": program.base_url, "Sec-Fetch-Site": "same-origin"}),
        "a page of another site": (owners[kind], {"Origin": "https://forger.example", "Sec-Fetch-Site": "cross-site"}),
    }
    for who, (browser, headers) in callers.items():
        for method in ("GET", "HEAD") if route.method == "GET" else ("POST",):
            answer = await program.send(method, program.address(route.path), browser=browser, headers=headers)
            assert answer.status == status, (who, answer.text)
            assert not answer.cookies, who
            kept = route.kept if status == route.status else NO_STORE
            require_guards(answer, program, kept=kept, public=route.path not in HEALTH)


@pytest.mark.parametrize(("kind", "route"), some(Who.BEARER))
async def test_who_has_no_token_is_told_to_bring_one(
    programs: Programs, owners: Mapping[str, Browser], kind: str, route: Route
) -> None:
    program = programs[kind]
    before = program.kept()
    here = owners[kind].cookie.partition("=")[2]
    for authorization in (
        None,
        "Bearer",
        f"Bearer {'A' * 43}",
        f"Bearer {here}",
        f"Basic {'A' * 43}",
        f"DPoP {'A' * 43}",
    ):
        answer = await program.send(
            "POST", route.path, browser=owners[kind], body="{}", headers={"Authorization": authorization}
        )
        assert answer.status == 401, authorization
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), authorization  # RFC 6750, 3
        assert not answer.cookies, authorization
        require_guards(answer, program, public=True)
    assert program.kept() == before


@pytest.mark.parametrize("kind", TABLE)
async def test_pages_of_other_sites_may_call_the_wire_and_nothing_else(
    programs: Programs, owners: Mapping[str, Browser], kind: str
) -> None:
    program = programs[kind]
    for route in TABLE[kind]:
        asking = {"Origin": "https://wallet.example", "Access-Control-Request-Method": route.method}
        asking |= {"Access-Control-Request-Headers": "authorization,content-type"}
        answer = await program.send("OPTIONS", program.address(route.path), browser=owners[kind], headers=asking)
        if route.who in {Who.ANYBODY, Who.BEARER} and route.path not in HEALTH:
            assert answer.status == 204, route
            assert answer.headers["Access-Control-Allow-Methods"] == route.method
            assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
            require_guards(answer, program, public=True)
        else:
            assert answer.status == 405, route
            require_guards(answer, program)
        assert not answer.cookies


@pytest.mark.parametrize("kind", TABLE)
async def test_no_path_answers_a_method_that_is_not_in_the_table(
    programs: Programs, owners: Mapping[str, Browser], kind: str
) -> None:
    program = programs[kind]
    before = program.kept()
    for path in {route.path for route in TABLE[kind]}:
        listed = {route.method for route in TABLE[kind] if route.path == path}
        for method in {*OTHER_METHODS, "GET", "POST"} - listed:
            answer = await program.send(method, program.address(path), browser=owners[kind])
            assert answer.status == 405, (method, path)
            assert "GET" not in listed or "GET" in answer.headers["Allow"], (method, path)
            require_guards(answer, program)
    assert program.kept() == before


@pytest.mark.parametrize(
    "path", ["/nowhere", "/.env", "/admin", "/metrics/x", "/static/..%2fapp.py", "//evil.example", "/%00", "/sign-in/"]
)
async def test_what_is_nowhere_is_guarded_too(programs: Programs, path: str) -> None:
    for program in programs.values():
        answer = await program.send("GET", path, headers={"Accept": "text/html"})
        assert answer.status == 404
        require_guards(answer, program)


async def test_a_call_for_another_host_is_refused_before_anything_else(
    programs: Programs, owners: Mapping[str, Browser]
) -> None:
    for kind, program in programs.items():
        for route in TABLE[kind]:
            if route.path in HEALTH:  # whoever watches a process asks for it by number
                continue
            answer = await program.send(
                route.method, program.address(route.path), browser=owners[kind], headers={"Host": "forger.example"}
            )
            assert answer.status == 421, route
            assert not answer.cookies, route
            require_guards(answer, program, public=route.who in {Who.ANYBODY, Who.BEARER})


async def test_a_cookie_is_given_to_forms_alone_and_changes_at_the_sign_in(programs: Programs) -> None:
    for program in programs.values():
        visitor = await program.visit()
        owner = await program.sign_in()
        assert owner.cookie != visitor.cookie
        assert owner.token != visitor.token
        style = await program.send("GET", "/static/style.css")
        assert not style.cookies
        page = await program.send("GET", "/sign-in")
        address = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        require_guards(await program.send("GET", address), program, kept=FOREVER)


@pytest.mark.parametrize(("kind", "route"), some(Who.OWNER, Who.VISITOR, method="POST"))
async def test_the_services_own_form_reaches_what_it_is_for(
    programs: Programs, doers: Mapping[str, Browser], kind: str, route: Route
) -> None:
    """Without this, the refusals above could be of something else."""
    program = programs[kind]
    browser = await program.visit() if route.who is Who.VISITOR else doers[kind]
    if route.path == "/sign-out":
        browser = await program.sign_in()
    answer = await program.submit(program.address(route.path), browser)
    assert answer.status < 500, answer.text
    assert answer.status not in {401, 403, 405, 415, 421}, answer.text
    assert answer.headers.get("Location", "").partition("?")[0] != "/sign-in" or route.path == "/sign-out"
    require_guards(answer, program)
