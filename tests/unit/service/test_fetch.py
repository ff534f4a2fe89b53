import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from didkit_py.errors import DidkitError, ForbiddenAddress, TooLarge, Unreachable
from didkit_py.service.fetching.fetch import Fetcher, _loopback_socket, is_public

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Peer:
    """A real server on loopback that remembers what reached it."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.date = ""  # what the server's clock and the answer's end are said to be
        self.under_way = self.most_under_way = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        kind = request.path.strip("/")
        if kind == "redirect":
            return web.Response(status=302, headers={"Location": "/list", "Set-Cookie": "a=b"})
        if kind.startswith("moved/"):
            _, status, to = kind.split("/", 2)
            location = {"Location": to.replace("PORT", str(self.port))} if to else {}
            return web.Response(status=int(status), headers={"Set-Cookie": "a=b", **location}, body=b"x" * 1_000)
        if kind == "slow":
            await asyncio.sleep(5)
        if kind == "pause":
            await self.pause()
        if kind == "endless":
            return await self.pour(request)
        if kind == "gzip":
            return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})
        headers = {"Set-Cookie": "id=1", "Cache-Control": request.query.get("cache", "max-age=60")}
        if self.date:
            headers |= {"Date": self.date, "Expires": self.date}
        return web.Response(
            body=b"signed",
            status=int(request.query.get("status", "200")),
            headers=headers,
            content_type="application/jwt",
        )

    async def pause(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.1)
        self.under_way -= 1

    async def pour(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(1_000):
                await response.write(b"x" * 65_536)
        except ConnectionError:
            self.seen.append(request)
        return response


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", peer.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        peer.port = server.port or 0
        yield peer


@asynccontextmanager
async def fetching(*origins: str, seconds: float = 5) -> AsyncIterator[Fetcher]:
    async with Fetcher(origins, clock=lambda: NOW, total_seconds=seconds) as fetcher:
        yield fetcher


async def test_a_listed_loopback_origin_is_fetched(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        got = await fetcher.get(peer.origin + "/list?x=%7B", max_bytes=100, accept="application/jwt")
    assert (got.body, got.content_type, got.status) == (b"signed", "application/jwt", 200)
    assert got.expires == NOW + timedelta(seconds=60)
    assert peer.seen[0].path_qs == "/list?x=%7B"


async def test_the_headers_say_nothing_about_who_fetches(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        await fetcher.get(peer.origin + "/a", max_bytes=100)
        await fetcher.get(peer.origin + "/b", max_bytes=100)
    for request in peer.seen:
        assert dict(request.headers) == {
            "Host": peer.origin.removeprefix("http://"),
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }


async def test_the_environments_proxies_and_passwords_are_not_used(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would be asked for addresses that nobody judged, and would see where everybody goes."""
    proxied: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxied.append(await reader.readline())
        writer.close()

    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    async with await asyncio.start_server(take, "127.0.0.1", 0) as proxy, Fetcher({peer.origin}) as fetcher:
        address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
            monkeypatch.setenv(name, address)
            monkeypatch.setenv(name.upper(), address)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("NETRC", str(netrc))
        assert (await fetcher.get(peer.origin + "/list", max_bytes=100)).body == b"signed"
        assert (await fetcher.post(peer.origin, body=b"x", content_type="text/plain", max_bytes=100)).status == 200
        with pytest.raises(DidkitError):
            await fetcher.get("https://issuer.invalid/did.json", max_bytes=100)
    assert proxied == []
    assert ["Authorization" in request.headers for request in peer.seen] == [False, False]


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 9999 23:59:59 -2359", f"Fri, 31 Dec {'9' * 20} 23:59:59 GMT", "x"],
)
async def test_a_date_beyond_the_calendar_says_nothing(peer: Peer, date: str) -> None:
    peer.date = date
    async with Fetcher({peer.origin}) as fetcher:
        fetched = await fetcher.get(peer.origin + "/?cache=public", max_bytes=100)
    assert (fetched.date, fetched.expires) == (None, None)


async def test_a_post_gives_back_whatever_status_there_is(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        got = await fetcher.post(
            peer.origin + "/token?status=400",
            body=b"{}",
            content_type="application/json",
            max_bytes=99,
            headers={"DPoP": "x"},
        )
    assert (got.status, got.body) == (400, b"signed")
    assert peer.bodies == [b"{}"]
    assert peer.seen[0].headers["DPoP"] == "x"
    assert peer.seen[0].content_type == "application/json"


async def test_a_get_of_an_error_page_is_no_answer_unless_asked_for(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(Unreachable, match="404"):
            await fetcher.get(peer.origin + "/?status=404", max_bytes=100)
        assert (await fetcher.get(peer.origin + "/?status=404", max_bytes=100, ok_only=False)).status == 404


async def test_a_redirect_is_an_error_and_is_not_followed(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(Unreachable, match="redirect"):
            await fetcher.get(peer.origin + "/redirect", max_bytes=100)
        with pytest.raises(Unreachable, match="redirect"):
            await fetcher.post(peer.origin + "/redirect", body=b"", content_type="text/plain", max_bytes=100)
    assert [request.path for request in peer.seen] == ["/redirect", "/redirect"]


STATUS_LIST = "application/statuslist+jwt"


@pytest.mark.parametrize(
    "path",
    [
        "/moved/301//list",
        "/moved/302//list?a=b%23",
        "/moved/303//list#part",
        "/moved/307/http://127.0.0.1:PORT/list",
        "/moved/308//moved/302//moved/301//list",
    ],
)
async def test_a_status_list_that_moved_is_followed_without_cookies(peer: Peer, path: str) -> None:
    url = peer.origin + quote(path, safe="/:")
    async with fetching(peer.origin) as fetcher:
        got = await fetcher.get(url, max_bytes=100, accept=STATUS_LIST)
    assert (got.status, got.body) == (200, b"signed")
    assert peer.seen[-1].path.startswith("/list")
    assert {(request.method, request.headers.get("Cookie")) for request in peer.seen} == {("GET", None)}
    assert {request.headers["Accept"] for request in peer.seen} == {STATUS_LIST}


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/moved/302//moved/302//moved/302//moved/302//list", Unreachable),
        ("/moved/302/", Unreachable),
        ("/moved/304//list", Unreachable),
        ("/moved/300//list", Unreachable),
        ("/moved/302/http://127.0.0.1:9/list", ForbiddenAddress),
        ("/moved/302/http://localhost:PORT/list", ForbiddenAddress),
        ("/moved/302/http://10.0.0.1/list", ForbiddenAddress),
        ("/moved/302/https://issuer.example/list", ForbiddenAddress),
        ("/moved/302/file:///etc/passwd", ForbiddenAddress),
        ("/moved/302/https://user@issuer.example/", ForbiddenAddress),
    ],
)
async def test_a_status_list_is_followed_through_the_same_gates_and_three_times_at_most(
    peer: Peer, path: str, error: type[DidkitError]
) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(error):
            await fetcher.get(peer.origin + quote(path, safe="/:@"), max_bytes=100, accept=STATUS_LIST)
    assert len(peer.seen) <= 4
    assert not any(request.path.startswith("/list") for request in peer.seen)


async def test_following_takes_no_more_time_and_bytes_than_one_fetch(peer: Peer) -> None:
    async with fetching(peer.origin, seconds=0.3) as fetcher:
        with pytest.raises(Unreachable, match="in time"):
            await fetcher.get(peer.origin + "/moved/302//slow", max_bytes=100, accept=STATUS_LIST)
        with pytest.raises(TooLarge):
            await fetcher.get(peer.origin + "/moved/302//list", max_bytes=5, accept=STATUS_LIST)


@pytest.mark.parametrize("accept", [None, "application/json", "application/trust-list+jwt"])
async def test_nothing_but_a_status_list_is_followed(peer: Peer, accept: str | None) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(Unreachable, match="redirect"):
            await fetcher.get(peer.origin + "/moved/302//list", max_bytes=100, accept=accept)
    assert len(peer.seen) == 1


async def test_more_bytes_than_the_bound_end_the_fetch(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        assert (await fetcher.get(peer.origin + "/list", max_bytes=6)).body == b"signed"
        with pytest.raises(TooLarge, match="5 bytes"):
            await fetcher.get(peer.origin + "/list", max_bytes=5)
        with pytest.raises(TooLarge):
            await fetcher.get(peer.origin + "/endless", max_bytes=100_000)


async def test_an_encoding_that_was_not_asked_for_is_refused(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(Unreachable, match="encoding"):
            await fetcher.get(peer.origin + "/gzip", max_bytes=100)


async def test_a_slow_peer_is_given_up(peer: Peer) -> None:
    async with fetching(peer.origin, seconds=0.2) as fetcher:
        with pytest.raises(Unreachable, match="in time"):
            await fetcher.get(peer.origin + "/slow", max_bytes=100)


async def test_a_closed_port_is_unreachable(peer: Peer) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        async with fetching(closed) as fetcher:
            with pytest.raises(Unreachable):
                await fetcher.get(closed + "/", max_bytes=100)


async def test_no_more_than_sixteen_fetches_run_at_once(peer: Peer) -> None:
    async with fetching(peer.origin) as fetcher:
        await asyncio.gather(*(fetcher.get(peer.origin + "/pause", max_bytes=100) for _ in range(40)))
    assert peer.most_under_way == 16


TRICKS = [
    "http://127.0.0.1:{other}/",  # another port of the same host
    "http://localhost:{port}/",  # another spelling of the listed origin
    "http://localhost.:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0.0.0.0:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.0.0.1:{port}@127.0.0.1:{other}/",
    "http://user@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}/#fragment",
    "http://127.0.0.1:{port}/a b",
    "http://example.com/",
    "HTTPS://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::1]:{port}/",
    "https://localhost:{port}/",
    "https://localhost.:{port}/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://0.0.0.0:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/hostname",
    "//127.0.0.1:{port}/",
    "",
]


@pytest.mark.parametrize("trick", TRICKS)
async def test_nothing_but_the_listed_origin_is_reached(peer: Peer, trick: str) -> None:
    url = trick.format(port=peer.port, other=peer.port ^ 1)
    async with fetching(peer.origin) as fetcher:
        with pytest.raises(ForbiddenAddress):
            await fetcher.get(url, max_bytes=100)
        with pytest.raises(ForbiddenAddress):
            await fetcher.post(url, body=b"", content_type="text/plain", max_bytes=100)
    assert peer.seen == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1"])
async def test_a_number_that_only_a_resolver_reads_as_loopback_reaches_nothing(peer: Peer, host: str) -> None:
    async with fetching(peer.origin) as fetcher:
        with pytest.raises((ForbiddenAddress, Unreachable)):
            await fetcher.get(f"https://{host}:{peer.port}/", max_bytes=100)
    assert peer.seen == []


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 8002), ("10.0.0.1", 8001), ("8.8.8.8", 8001), ("::ffff:10.0.0.1", 8001)]
)
def test_the_sockets_of_loopback_fetches_go_to_listed_ports_of_this_machine(address: tuple[str, int]) -> None:
    with pytest.raises(ForbiddenAddress):
        _loopback_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", address), {8001})


async def test_nothing_is_listed_by_default(peer: Peer) -> None:
    async with fetching() as fetcher:
        with pytest.raises(ForbiddenAddress):
            await fetcher.get(peer.origin + "/", max_bytes=100)


# Addresses from the IANA special-purpose registries (RFC 6890 and its updates).
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2001:0:1:2:3:4:f5ff:fffe",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "64:ff9b:1::a00:1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_of_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",  # mapped (RFC 4291, 2.5.5.2)
        "::8.8.8.8",  # compatible (RFC 4291, 2.5.5.1)
        "64:ff9b::808:808",  # translated (RFC 6052, 2.1)
        "2002:808:808::1",  # 6to4 (RFC 3056, 2)
        "2001:0:808:808:3:4:f7f7:f7f7",  # Teredo (RFC 4380, 4): the client's address, inverted
    ],
)
def test_an_ordinary_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        ("no-store", NOW),
        ("no-cache, max-age=60", NOW),
        ("public, max-age=90", NOW + timedelta(seconds=90)),
        ("max-age=999999999", NOW + timedelta(days=1)),
        ("s-maxage=5", None),
        ("max-age=abc", None),
    ],
)
async def test_how_long_an_answer_may_be_kept(peer: Peer, cache: str, expected: datetime | None) -> None:
    async with fetching(peer.origin) as fetcher:
        got = await fetcher.get(f"{peer.origin}/list?cache={cache.replace(' ', '')}", max_bytes=100)
    assert got.expires == expected
