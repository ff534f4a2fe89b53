"""The bounds of a listening port, on a real one with small bounds."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from didkit_py.service.http.connections import Limits, most_connections
from didkit_py.service.http.instrumentation import metrics_app
from didkit_py.service.http.web import listening
from didkit_py.service.observability.metrics import COMMON, Metrics
from didkit_py.service.setup.settings import ServiceSettings
from tests.unit.service.small_app import small_app

PATIENCE = 5.0
opened: list[asyncio.StreamWriter] = []  # by the test now running
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(**limits: float) -> AsyncIterator[int]:
    """The small application with these bounds; its port."""
    port = unused_port()
    app = small_app(ServiceSettings(base_url=f"http://127.0.0.1:{port}", name="A", port=port))
    app.middlewares.append(large_answers)
    bounds = Limits(**{"idle_seconds": 0.3, "connections": 20, **limits})  # type: ignore[arg-type]
    async with listening(app, "127.0.0.1", port, limits=bounds):
        yield port


@web.middleware
async def large_answers(request: web.Request, handler: object) -> web.StreamResponse:
    """An answer that no buffer of a system holds, to whoever asks for it."""
    if "large" in request.query:
        return web.Response(body=b"x" * 30_000_000)
    return await handler(request)  # type: ignore[operator,no-any-return]


async def connect(port: int, sent: bytes = b"") -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    opened.append(writer)
    writer.write(sent)
    return reader, writer


@pytest.fixture(autouse=True)
async def closed_at_the_end() -> AsyncIterator[None]:
    yield
    for writer in opened:
        writer.transport.abort()
    await asyncio.sleep(0)
    opened.clear()


def get(port: int, path: str = "/healthz", more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n".encode()


async def answer_of(stream: Stream) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer."""
    head = (await asyncio.wait_for(stream[0].readuntil(b"\r\n\r\n"), PATIENCE)).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await stream[0].readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


async def seconds_until_closed(stream: Stream) -> float:
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(stream[0].read(), PATIENCE)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a", b"\r\n\r\n", b"POST /token HTTP/1.1\r\nX: y\r\n"],
)
async def test_who_never_sends_a_whole_header_is_disconnected(sent: bytes) -> None:
    async with served() as port:
        assert await seconds_until_closed(await connect(port, sent)) < 2


async def test_a_header_sent_letter_by_letter_is_not_waited_for() -> None:
    async with served() as port:
        _, writer = await connect(port, b"GET / HTTP/1.1\r\nX: ")
        began = time.monotonic()
        with pytest.raises(ConnectionError):  # noqa: PT012 - which of the writes fails is the system's choice
            while time.monotonic() - began < PATIENCE:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        assert time.monotonic() - began < 2


async def test_half_a_second_request_after_a_whole_one_is_not_waited_for() -> None:
    async with served() as port:
        stream = await connect(port, get(port))
        assert (await answer_of(stream))[0] == 200
        stream[1].write(b"GET / HTTP/1.1\r\n")
        assert await seconds_until_closed(stream) < 2


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n", b"POST /wire/json HTTP/1.1\r\nHost: {}\r\nContent-Length: 9\r\n\r\n"]
)
async def test_others_are_served_while_many_hold_connections(sent: bytes) -> None:
    async with served(idle_seconds=30, connections=20) as port:
        sent = sent.replace(b"{}", f"127.0.0.1:{port}".encode()).replace(
            b"\r\n\r\n", b"\r\nContent-Type: application/json\r\n\r\n"
        )
        held = [await connect(port, sent) for _ in range(60)]
        for _ in range(3):
            stream = await connect(port, get(port))
            assert (await answer_of(stream))[0] == 200
            stream[1].close()
        for _, writer in held:
            writer.close()


async def test_who_does_not_read_an_answer_is_disconnected() -> None:
    async with served(unread_seconds=0.5) as port:
        _, writer = await connect(port, get(port, "/sign-in?large=1"))
        writer.transport.pause_reading()  # type: ignore[attr-defined] # a stream's transport reads
        await asyncio.sleep(1.5)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert writer.transport is not None
        assert (await answer_of(await connect(port, get(port))))[0] == 200
        writer.close()


MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nCookie: " + b"x" * 20_000 + b"\r\n\r\n",
    "a long target": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "two lengths": b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "an expectation": b"POST /wire/json HTTP/1.1\r\nHost: a\r\nExpect: the-best\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_what_the_http_library_answers_itself_is_guarded_like_everything(sent: bytes) -> None:
    async with served() as port:
        status, headers, body = await answer_of(await connect(port, sent))
        told = json.loads(body)
        assert status in {400, 417, 431}
        assert headers["server"] == "didkit-py"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert told["request_id"] == headers["x-request-id"]
        assert told["error"] in {"bad-request", "expectation-failed", "header-too-large"}
        assert "xxx" not in body.decode()
        assert (headers.get("clear-site-data") == '"cookies"') == (status == 431)


async def test_a_body_that_is_not_framed_as_http_says_is_the_senders_fault() -> None:
    async with served() as port:
        head = f"POST /wire/json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        stream = await connect(port, head.encode() + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n")
        status, headers, _ = await answer_of(stream)
        assert status == 400
        assert headers["server"] == "didkit-py"


async def test_the_port_for_metrics_has_the_same_bounds() -> None:
    port = unused_port()
    app = metrics_app(Metrics(COMMON), port)
    async with listening(app, "127.0.0.1", port, limits=Limits(idle_seconds=0.3, connections=20)):
        assert await seconds_until_closed(await connect(port, b"GET /metrics HTTP/1.1\r\n")) < 2
        assert (await answer_of(await connect(port, b"hello\r\n\r\n")))[0] == 400
        assert (await answer_of(await connect(port, get(port, "/metrics"))))[0] == 200


def test_connections_leave_room_for_other_files() -> None:
    assert 16 <= most_connections() <= 1_000
