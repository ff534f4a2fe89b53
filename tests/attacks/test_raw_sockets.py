"""What no HTTP library sends: doubled hosts and lengths, smuggled requests, endless headers and trailers."""

import asyncio
import contextlib
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.attacks.endpoint import GIVEAWAYS
from tests.e2e.issuer.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANSWER_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 0.3  # after something came; a second answer would follow at once
FORM: Final = "Content-Type: application/x-www-form-urlencoded\r\n"
SMUGGLED: Final = "GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"


async def talk(office: Office, text: str) -> str:
    """Everything that comes back for this text, until the server closes or falls silent."""
    target = urlsplit(office.url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    found = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        writer.write(text.replace("{host}", target.netloc).encode("latin-1"))
        await writer.drain()
        while chunk := await asyncio.wait_for(reader.read(65_536), SILENCE_SECONDS if found else ANSWER_SECONDS):
            found += chunk
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return found.decode("latin-1")


async def test_a_plain_request_is_answered(office: Office) -> None:
    answer = await talk(office, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "text",
    [
        "GET /credential-offers/x HTTP/1.1\r\nHost: {host}\r\nHost: forger.example\r\nConnection: close\r\n\r\n",
        "GET /credential-offers/x HTTP/1.1\r\nHost: forger.example\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        "GET /credential-offers/x HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET http://forger.example/credential-offers/x HTTP/1.1\r\nHost: forger.example\r\nConnection: close\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + "Content-Length: 5\r\nContent-Length: 6\r\n\r\na=1&b=",
        "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + "Content-Length: -1\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + "Content-Length: +5\r\n\r\na=1&b",
        "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + "Transfer-Encoding: chunked\r\n\r\nzz\r\na=1\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: {host}\r\nX: " + "x" * 100_000 + "\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: {host}\r\nX\0Y: 1\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost : {host}\r\n\r\n",
        "POST /token HTTP/9.9\r\nHost: {host}\r\n\r\n",
        "rubbish\r\n\r\n",
    ],
    ids=[
        "two hosts, ours first",
        "two hosts, ours last",
        "no host",
        "an absolute address elsewhere",
        "two lengths",
        "a negative length",
        "a length with a sign",
        "a chunk of no size",
        "a header of 100,000 bytes",
        "a header's name with a nul",
        "a blank before the colon",
        "an unknown version",
        "rubbish",
    ],
)
async def test_a_misshapen_request_is_refused(text: str, office: Office) -> None:
    answer = await talk(office, text)
    assert answer.startswith("HTTP/1."), answer[:200]
    assert answer.split(" ", 2)[1] in {"400", "404", "413", "421", "431", "505"}, answer[:200]
    assert answer.count("HTTP/1.") == 1
    assert not [word for word in GIVEAWAYS if word in answer], answer


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ],
)
async def test_no_second_request_is_smuggled_past_the_first(headers: str, office: Office) -> None:
    answer = await talk(
        office, "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + headers + "\r\n0\r\n\r\n" + SMUGGLED
    )
    assert '"status":"ok"' not in answer, answer
    assert "HTTP/1.1 200" not in answer


async def test_endless_trailers_are_cut_off(office: Office) -> None:
    trailers = "".join(f"X-{number}: {'x' * 100}\r\n" for number in range(20_000))
    head = "POST /token HTTP/1.1\r\nHost: {host}\r\n" + FORM + "Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n"
    answer = await talk(office, head + trailers)
    assert "HTTP/1.1 200" not in answer
    assert (await talk(office, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).startswith(
        "HTTP/1.1 200 "
    )
