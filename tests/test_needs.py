"""What the tests stand on: skipping what a machine lacks, requiring it in CI, and staying on loopback."""

import asyncio
import contextlib
import socket

import pytest

from tests.conftest import attempts, stays_here
from tests.needs import NEEDS, REQUIRE, Need, need, required

ABSENT = {"browser": Need(is_here=lambda: False, remedy="install one")}
PRESENT = {"browser": Need(is_here=lambda: True, remedy="install one")}
OUTSIDE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): nobody's address


def test_what_is_absent_skips_the_test_in_one_line() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^no browser here: install one$"):
        need("browser", needs=ABSENT, environment={})


def test_what_is_absent_and_required_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="no browser here: install one"):
        need("browser", needs=ABSENT, environment={REQUIRE: "vectors,browser"})


def test_what_is_present_lets_the_test_run() -> None:
    need("browser", needs=PRESENT, environment={REQUIRE: "browser"})


def test_a_misspelt_requirement_is_refused() -> None:
    assert required({REQUIRE: "postgres,node"}) == {"postgres", "node"}
    with pytest.raises(pytest.UsageError, match="browsr"):
        required({REQUIRE: "browsr"})


def test_the_needs_have_a_remedy() -> None:
    assert set(NEEDS) == {"vectors", "browser", "postgres", "pooler", "node"}
    assert all(row.remedy for row in NEEDS.values())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", "a.localhost", "", None])
def test_loopback_is_allowed(host: object) -> None:
    assert stays_here(host)


@pytest.mark.parametrize(
    "host", [OUTSIDE, "10.0.0.1", "0.0.0.0", "::ffff:192.0.2.1", "localhost.example", "2001:db8::1"]
)
def test_everything_else_is_not(host: object) -> None:
    assert not stays_here(host)


def swallowed_attempts() -> list[str]:
    """What the guard noted since the start of the test; taken away again, so that the test itself passes."""
    noted = [*attempts]
    attempts.clear()
    return noted


def test_a_connection_that_leaves_the_machine_is_refused_and_noted() -> None:
    with socket.socket() as sock, pytest.raises(PermissionError, match="loopback only"):
        sock.connect((OUTSIDE, 9))
    assert swallowed_attempts() == [OUTSIDE]


async def test_a_swallowed_refusal_is_noted_all_the_same() -> None:
    with contextlib.suppress(OSError):
        await asyncio.open_connection(OUTSIDE, 9)
    assert swallowed_attempts() == [OUTSIDE]


def test_a_datagram_that_leaves_the_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(PermissionError):
        sock.sendto(b"", (OUTSIDE, 9))
    assert swallowed_attempts() == [OUTSIDE]


def test_no_name_server_is_asked() -> None:
    with pytest.raises(socket.gaierror, match="no names"):
        socket.getaddrinfo("vendor.example", 443)


def test_a_server_on_loopback_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        assert attempts == []
