import asyncio
import io
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from didkit_py.errors import Unavailable
from didkit_py.service.http.middleware import is_authority_of, security_headers
from didkit_py.service.http.sessions import cookie_name
from didkit_py.service.http.web import create_base_app, serve
from didkit_py.service.observability.log import configure, silence
from didkit_py.service.setup.settings import ServiceSettings
from tests.unit.service.small_app import Client, own_origin, post_form, running, sign_in, small_app

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/sign-in", 200),
        ("HEAD", "/sign-in", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/inside", 303),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("GET", "/wire/fail/replayed", 400),
        ("GET", "/wire/fail/unexpected", 500),
        ("GET", "/page/fail/missing", 404),
        ("GET", "/page/fail/unexpected", 500),
        ("POST", "/page/form", 403),
        ("POST", "/wire/json", 415),
    ],
)
async def test_every_kind_of_answer_carries_the_security_headers(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, allow_redirects=False)
    assert answer.status == status
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Server"] == "didkit-py"
    assert answer.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
    assert len(answer.headers["X-Request-Id"]) == 16
    assert "Strict-Transport-Security" not in answer.headers


async def test_a_style_of_known_version_may_be_kept(client: Client) -> None:
    page = await (await client.get("/sign-in")).text()
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await client.get(address)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/css"
    assert (await client.get("/static/..%2Fweb.py")).status == 404
    assert (await client.get("/static/nothing.css")).status == 404


async def test_another_host_is_refused_except_for_health(client: Client) -> None:
    for host in ("evil.example", "127.0.0.1", f"localhost:{urlsplit(own_origin(client)).port}"):
        answer = await client.get("/sign-in", headers={"Host": host})
        assert answer.status == 421
        assert "wrong-host" in await answer.text()
        assert "Set-Cookie" not in answer.headers
    assert (await client.get("/healthz", headers={"Host": "probe"})).status == 200


@pytest.mark.parametrize(
    ("base_url", "host", "is_ours"),
    [
        ("https://issuer.example", "issuer.example", True),
        ("https://issuer.example", "issuer.example:443", True),
        ("https://issuer.example", "Issuer.Example:443", True),
        ("https://issuer.example", "issuer.example:", True),  # RFC 3986, 6.2.3: an empty port is the default one
        ("https://issuer.example:8443", "issuer.example:8443", True),
        ("http://[::1]:7001", "[::1]:7001", True),
        ("http://localhost", "localhost:80", True),
        ("https://issuer.example", "issuer.example:80", False),
        ("https://issuer.example", "issuer.example:8443", False),
        ("https://issuer.example:8443", "issuer.example", False),
        ("https://issuer.example:8443", "issuer.example:443", False),
        ("https://issuer.example", "issuer.example:0443", False),
        ("https://issuer.example", "issuer.example:443:443", False),
        ("https://issuer.example", "issuer.example.", False),
        ("https://issuer.example", "other@issuer.example", False),
        ("https://issuer.example", "issuer.example/", False),
        ("https://issuer.example", "issuer.example#", False),
        ("https://issuer.example", "issuer.example, evil.example", False),
        ("https://issuer.example", "evil.issuer.example", False),
        ("https://issuer.example", "", False),
    ],
)
def test_the_host_header_may_name_the_default_port(base_url: str, host: str, is_ours: bool) -> None:  # noqa: FBT001 - the outcome
    assert is_authority_of(base_url, host) is is_ours


async def test_a_service_behind_https_answers_with_and_without_its_default_port() -> None:
    port = unused_port()
    settings = ServiceSettings(base_url="https://issuer.example", name="A", port=port)
    async with Client(TestServer(small_app(settings), port=port)) as client:
        for host, status in (("issuer.example:443", 200), ("issuer.example", 200), ("issuer.example:80", 421)):
            assert (await client.get("/sign-in", headers={"Host": host})).status == status
        headers = {"Host": "issuer.example:443", "X-Forwarded-Host": "evil.example"}
        assert (await client.get("/sign-in", headers=headers)).status == 200  # nobody's word but Host's counts


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://{host}/healthz", b"200"), ("http://{host}/sign-in", b"200"), ("http://evil.example/sign-in", b"421")],
)
async def test_a_target_in_absolute_form_must_name_us_too(client: Client, target: str, status: bytes) -> None:
    host = own_origin(client).removeprefix("http://")
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(own_origin(client)).port)
    writer.write(f"GET {target.format(host=host)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status_line.split()[1] == status


async def test_two_host_headers_are_refused(client: Client) -> None:
    host = own_origin(client).removeprefix("http://")
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(own_origin(client)).port)
    writer.write(f"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n".encode())
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status_line.split()[1] in {b"400", b"421"}


async def test_a_wire_error_has_the_name_and_status_of_its_routes_table(client: Client) -> None:
    answer = await client.get("/wire/fail/replayed")
    assert (answer.status, await answer.json()) == (
        400,
        {
            "error": "invalid_grant",
            "error_description": "the code was used before",
            "hint": "Start again with a fresh request or offer.",
            "request_id": answer.headers["X-Request-Id"],
        },
    )
    denied = await client.get("/wire/fail/refused")
    assert denied.status == 401
    assert denied.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [("missing", 404, "not-found"), ("large", 413, "too-large"), ("away", 503, "unreachable")],
)
async def test_a_wire_error_outside_the_table_has_its_own_code(
    client: Client, kind: str, status: int, name: str
) -> None:
    answer = await client.get(f"/wire/fail/{kind}", headers={"Accept": "text/html"})
    body = await answer.json()
    assert (answer.status, body["error"]) == (status, name)
    assert '"' not in body["error_description"]
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure(service="wallet", stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    silence()


async def test_what_we_do_not_understand_says_nothing_but_its_number(client: Client, log: io.StringIO) -> None:
    answer = await client.get("/wire/fail/unexpected")
    number = answer.headers["X-Request-Id"]
    body = {"error": "server_error", "error_description": f"request {number}", "request_id": number}
    assert await answer.json() == body
    page = await (await client.get("/page/fail/unexpected")).text()
    assert "Sorry, something went wrong" in page
    assert "canary-4711" not in page
    assert "canary-4711" not in log.getvalue()
    assert f'"request_id":"{number}"' in log.getvalue()
    assert '"route":"/wire/fail/{kind}"' in log.getvalue()


async def test_a_page_error_says_what_to_do_and_keeps_the_details_behind_a_click(client: Client) -> None:
    answer = await client.get("/page/fail/missing")
    page = await answer.text()
    assert answer.status == 404
    assert answer.content_type == "text/html"
    assert "Check the address." in page.split("<details>")[0]
    assert "not-found" in page.split("<details>")[1]


async def test_an_unknown_address_answers_in_the_shape_that_is_asked_for(client: Client) -> None:
    plain = await client.get("/nowhere")
    assert (await plain.json())["error"] == "not-found"
    page = await client.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert (page.status, page.content_type) == (404, "text/html")
    wrong = await client.delete("/wire/json")
    assert (wrong.status, wrong.headers["Allow"], (await wrong.json())["error"]) == (405, "POST", "method-not-allowed")


async def test_readiness_names_each_part(client: Client) -> None:
    assert await (await client.get("/readyz")).json() == {"status": "ready", "checks": {"database": "ok"}}


async def test_a_page_without_a_sign_in_leads_there_and_back(client: Client) -> None:
    answer = await client.get("/inside?a=1&b=2", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/inside%3Fa%3D1%26b%3D2")
    posted = await client.post("/inside", data={"a": "1"}, allow_redirects=False)
    assert (posted.status, posted.headers["Location"]) == (303, "/sign-in?next=/inside")
    alone = await client.post("/only-post", data={"a": "1"}, allow_redirects=False)
    assert (alone.status, alone.headers["Location"]) == (303, "/sign-in")


async def test_a_form_of_our_own_page_is_taken(client: Client) -> None:
    answer = await post_form(client, "/page/form", {"a": "1"})
    assert (answer.status, await answer.json()) == (200, {"a": "1"})


async def test_a_browser_that_hides_the_origin_is_judged_by_fetch_site(client: Client) -> None:
    hidden = {"Origin": "null", "Sec_Fetch_Site": "same-origin"}
    assert (await post_form(client, "/page/form", {"a": "1"}, **hidden)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "same-site"},
        {"Origin": "null", "Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": ""},
    ],
)
async def test_a_form_from_elsewhere_is_refused_even_with_the_token(client: Client, headers: dict[str, str]) -> None:
    answer = await post_form(client, "/page/form", {"a": "1"}, **headers)
    assert answer.status == 403
    assert "foreign-request" in await answer.text()


async def test_a_form_without_the_sessions_token_is_refused(client: Client) -> None:
    await client.get("/token")
    async with running() as other:
        foreign = await (await other.get("/token")).text()
    for form in ({"a": "1"}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "é"}):
        answer = await client.post("/page/form", data=form, headers={"Origin": own_origin(client)})
        assert answer.status == 403


async def test_a_form_with_token_but_without_origin_and_fetch_site_is_refused(client: Client) -> None:
    csrf = await (await client.get("/token")).text()
    assert (await client.post("/page/form", data={"a": "1", "csrf": csrf})).status == 403


async def test_wire_routes_need_no_token_and_give_no_cookie(client: Client) -> None:
    await sign_in(client)
    answer = await client.post("/wire/json", json={"a": 1}, headers={"Origin": "https://wallet.example"})
    assert (answer.status, await answer.json()) == (200, {"a": 1})
    assert "Set-Cookie" not in answer.headers


async def healthless(_: web.Request) -> web.Response:
    return web.Response()


async def test_a_route_added_past_the_guards_stops_the_start() -> None:
    app = create_base_app(ServiceSettings(base_url="https://a.example", name="A"), service="issuer")
    app.router.add_get("/open", healthless)
    runner = web.AppRunner(app)
    with pytest.raises(RuntimeError, match="Routes"):
        await runner.setup()
    await runner.cleanup()


PROGRAM = """
import sys
from didkit_py.service.observability.log import configure
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.http.web import create_base_app, install_health, run, serve
async def ready(): return {}
settings = ServiceSettings(base_url=f"http://localhost:{sys.argv[1]}", name="A", port=int(sys.argv[1]))
app = create_base_app(settings, service="issuer")
install_health(app, ready)
configure(service="issuer")
run(serve(app, settings))
"""


async def test_a_service_says_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(port), stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert program.stdout is not None
    assert await asyncio.wait_for(program.stdout.readline(), 20) == f"ready http://localhost:{port}\n".encode()
    program.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(program.wait(), 20) == 0


async def test_a_log_that_nobody_reads_any_more_costs_no_request_and_no_orderly_end() -> None:
    port = unused_port()
    reading, writing = os.pipe()
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(port),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    os.close(writing)
    with os.fdopen(reading) as output:
        assert (await asyncio.to_thread(output.readline)).startswith("ready")
    async with aiohttp.ClientSession() as http:
        for _ in range(3):
            async with http.get(f"http://localhost:{port}/healthz") as answer:
                assert answer.status == 200
    program.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(program.communicate(), 20)
    assert (program.returncode, errors) == (0, b"")


async def test_a_taken_port_is_said_in_plain_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = ServiceSettings(base_url=f"http://localhost:{port}", name="A", port=port)
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1, port {port}"):
            await serve(create_base_app(settings, service="issuer"), settings)


async def test_https_adds_transport_security_and_a_cookie_that_http_cannot_set() -> None:
    app = create_base_app(ServiceSettings(base_url="https://a.example", name="A"), service="issuer")
    assert "Strict-Transport-Security" in security_headers("https://a.example", ())
    assert cookie_name(app) == "__Secure-didkit-issuer-443"
    assert (
        "form-action 'self' https://b.example;"
        in security_headers("https://a.example", ("https://b.example",))["Content-Security-Policy"]
    )


@pytest.mark.parametrize(
    ("method", "named"),
    [("GET", "GET"), ("POST", "POST"), ("OPTIONS", "OPTIONS"), ("PROPFIND", "other"), ("LOCK", "other")],
)
async def test_the_log_names_the_common_methods_and_calls_all_others_by_one_name(
    client: Client, log: io.StringIO, method: str, named: str
) -> None:
    await client.request(method, "/sign-in", allow_redirects=False)
    (line,) = [json.loads(one) for one in log.getvalue().splitlines() if '"event":"request"' in one]
    assert line["method"] == named
