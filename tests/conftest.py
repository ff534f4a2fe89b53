"""What every test gets: the needs of the machine, and a guard that keeps tests on loopback."""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.needs import browser_path, need, required, vectors_path

CONNECTING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})

# Where this process tried to connect to outside of loopback; each test's guard looks at what came during the test.
attempts: list[str] = []


def pytest_configure() -> None:
    """Refuse a misspelt DIDKIT_REQUIRE, and watch connections from now on; audit hooks see all of Python's."""
    required(os.environ)
    sys.addaudithook(watch)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test marked `needs(...)` when this machine lacks what it names."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            need(name)


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse a connection that leaves this machine, and a name that only a name server could answer."""
    if event == "socket.getaddrinfo" and not stays_here(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, "tests look up no names")
    if event in CONNECTING and isinstance(arguments[1], tuple) and not stays_here(arguments[1][0]):
        attempts.append(str(arguments[1][0]))
        raise PermissionError("tests connect to loopback only")


def stays_here(host: object) -> bool:
    """Whether a host is loopback by its spelling; an address that is looked up as such needs no name server either."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name == "" or not isinstance(name, str):
        return name is None or name == ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Fail a test during which something tried to leave this machine, even if the refusal was swallowed."""
    before = len(attempts)
    yield
    if left := attempts[before:]:
        pytest.fail(f"the test tried to connect to {', '.join(left)}", pytrace=False)


@pytest.fixture
def vectors() -> Path:
    """The folder of the official test vectors."""
    need("vectors")
    return vectors_path()


@pytest.fixture
def chromium() -> Path:
    """Chromium's program file."""
    need("browser")
    path = browser_path()
    assert path is not None
    return path
