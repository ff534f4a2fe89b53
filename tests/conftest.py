"""What every test gets: the needs of the machine, and guards that keep tests on loopback and their output clean."""

import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import pytest

from tests import canaries
from tests.needs import browser_path, need, required, vectors_path

MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
CONNECTING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


@dataclass(frozen=True, slots=True)
class Contact:
    """An address that this process connected to or tried to, or a name that it looked up."""

    what: Literal["connection", "look-up"]
    host: str
    port: int | None


# Where this process tried to connect to outside of loopback; each test's guard looks at what came during the test.
attempts: list[str] = []
# Everything that it connected to and looked up, here and outside.
contacts: list[Contact] = []


@pytest.hookimpl(tryfirst=True)  # before the plugin that makes temporary folders
def pytest_configure(config: pytest.Config) -> None:
    """Refuse a misspelt DIDKIT_REQUIRE, and watch connections from now on; audit hooks see all of Python's."""
    required(os.environ)
    sys.addaudithook(watch)
    if config.option.basetemp is None and has_room(MEMORY_FOLDER):
        config.option.basetemp = tempfile.mkdtemp(prefix="didkit-tests-", dir=MEMORY_FOLDER)
        config.add_cleanup(partial(shutil.rmtree, config.option.basetemp, ignore_errors=True))


def has_room(folder: Path) -> bool:
    """Whether the files of all tests fit into it: 300 MB at most, but written and synced thousands of times."""
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2**31


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test marked `needs(...)` when this machine lacks what it names."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            need(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output, or that of a process it started, holds a value that nobody may read there."""
    report = yield
    if report.passed and report.when != "setup":  # what was said then stands in the report of the call too
        said = [text for name, text in report.sections if report.when == "call" or name.endswith("teardown")]
        if any(said) and (found := canaries.found_in("".join(said))):
            report.outcome = "failed"
            report.longrepr = f"what was logged or printed holds {found}"
    return report


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse a connection that leaves this machine, and a name that only a name server could answer."""
    if event == "socket.getaddrinfo":
        contacts.append(Contact("look-up", str(arguments[0]), _port(arguments[1])))
        if not stays_here(arguments[0]):
            raise socket.gaierror(socket.EAI_NONAME, "tests look up no names")
    if event in CONNECTING and isinstance(arguments[1], tuple):
        host, port, *_ = arguments[1]
        contacts.append(Contact("connection", str(host), _port(port)))
        if not stays_here(host):
            attempts.append(str(host))
            raise PermissionError("tests connect to loopback only")


def _port(found: object) -> int | None:
    return found if isinstance(found, int) else None


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
def contacted() -> Iterator[Callable[[], list[Contact]]]:
    """For a test that judges itself where it came to, also outside: every contact since it began."""
    before, tried = len(contacts), len(attempts)
    yield lambda: contacts[before:]
    del attempts[tried:]


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
