"""Every trick in every field: the refusal that is due, no connection but to whom the setting lists, no look-up before.

A name server that lies is played here, at the very place where Python would ask one; the sockets are the real ones.
"""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from didkit_py.errors import ForbiddenAddress, Unreachable
from didkit_py.service.fetching.fetch import Fetcher
from tests.attacks.stage import Theatre, open_theatre
from tests.conftest import Contact
from tests.outside.fields import DID_FIELDS, FIELDS, NOTHING, code_of
from tests.outside.url_tricks import BAD, DIDS, NAMES, PUBLIC, TRICKS, Fault, Trick

pytestmark = pytest.mark.asyncio(loop_scope="module")
Contacted = Callable[[], list[Contact]]
REAL = socket.getaddrinfo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    async with open_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


class Names:
    """A name server: what it was asked for, and what it answers each time. The honest server is found as ever."""

    def __init__(self, honest_port: int) -> None:
        self.honest_port = honest_port
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[str, ...]]] = {}

    def look_up(self, host: str, port: int, *more: Any, **given: Any) -> list[Any]:
        if port == self.honest_port:
            return REAL(host, port, *more, **given)
        self.asked.append(host)
        addresses = self.next_answer(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [_info(address, port) for address in addresses]

    def next_answer(self, host: str) -> tuple[str, ...]:
        waiting = self.answers.get(host)
        if waiting:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        try:
            return (socket.inet_ntoa(socket.inet_aton(host)),)  # numbers in any spelling, as resolvers read them
        except OSError:
            return NAMES.get(host, ())


def _info(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = (address, port, 0, 0) if ":" in address else (address, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, theatre: Theatre) -> Names:
    found = Names(theatre.stage.port)
    monkeypatch.setattr(socket, "getaddrinfo", found.look_up)
    return found


def elsewhere(contacted: Contacted, port: int) -> list[str]:
    """Where sockets were connected to beside the one server that the setting lists."""
    return [one.host for one in contacted() if one.what == "connection" and one.port != port]


async def test_there_are_at_least_a_hundred_tricks_each_once() -> None:
    assert len(TRICKS) >= 100
    assert len({trick.name for trick in TRICKS}) == len({trick.url for trick in TRICKS}) == len(TRICKS)
    assert len({name for name, _, _ in DIDS}) == len({did for _, did, _ in DIDS}) == len(DIDS)


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
async def test_an_address_of_no_public_host_is_never_connected_to(
    theatre: Theatre, names: Names, contacted: Contacted, trick: Trick
) -> None:
    expected = {field.name: field.code(trick.fault) for field in FIELDS}
    assert {field.name: await code_of(field.aim, theatre, trick.url) for field in FIELDS} == expected
    assert set(elsewhere(contacted, theatre.stage.port)) <= {PUBLIC}
    assert trick.fault is Fault.NOT_PUBLIC or names.asked == []


@pytest.mark.parametrize("trick", DIDS, ids=lambda trick: trick[0])
async def test_a_did_of_no_public_host_is_never_connected_to(
    theatre: Theatre, names: Names, contacted: Contacted, trick: tuple[str, str, str]
) -> None:
    _, did, code = trick
    expected = {field: codes.get(code, code) for field, _, codes in DID_FIELDS}
    assert {field: await code_of(aim, theatre, did) for field, aim, _ in DID_FIELDS} == expected
    assert set(elsewhere(contacted, theatre.stage.port)) <= {PUBLIC}
    assert code != BAD or names.asked == []


async def test_honest_addresses_pass_in_every_field(theatre: Theatre) -> None:
    """Without this, the refusals could be of something else."""
    stage = theatre.stage
    honest = {
        "the address of an offer": f"{stage.url}/offer",
        "the issuer of an offer": stage.url,
        "the authorization server of an issuer": stage.url,
        "the token endpoint": f"{stage.url}/token",
        "the nonce endpoint": f"{stage.url}/nonce",
        "the credential endpoint": f"{stage.url}/credential",
        "the address of the trust list": f"{stage.url}/trust-list",
        "the status lists of an issuer": f"{stage.url}/status-lists",
        "a status list of an issuer": f"{stage.url}/status-lists/1",
        "the address of terms": f"{stage.url}/terms",
        "the address of a text of terms": f"{stage.url}/layers/human",
        "the status list of a presentation": f"{stage.url}/status-lists/1",
        "the address for the answer": f"{stage.url}/response",
    }
    found = {
        field.name: await code_of(field.aim, theatre, honest[field.name]) for field in FIELDS if field.name in honest
    }
    assert found == dict.fromkeys(honest, NOTHING)


async def test_a_name_that_was_public_a_moment_ago_is_judged_again_at_each_connection(
    names: Names, contacted: Contacted
) -> None:
    """Rebinding: nothing is remembered of a name, and what is judged is the address of the socket itself."""
    names.answers["rebinding.example"] = [(PUBLIC,), ("127.0.0.1",), ("169.254.169.254",), (PUBLIC, "10.0.0.5")]
    async with Fetcher() as fetcher:
        with pytest.raises(Unreachable):  # it went out, where nothing answers tests
            await fetcher.get("https://rebinding.example/x", max_bytes=100)
        for _ in range(3):
            with pytest.raises(ForbiddenAddress):
                await fetcher.get("https://rebinding.example/x", max_bytes=100)
    assert [one.host for one in contacted() if one.what == "connection"] == [PUBLIC, PUBLIC]
    assert names.asked == ["rebinding.example"] * 4


async def test_a_listed_loopback_origin_that_is_led_elsewhere_is_not_reached(
    names: Names, contacted: Contacted
) -> None:
    """Even the name of this machine is what somebody says it is."""
    for address in (PUBLIC, "10.0.0.5", "169.254.169.254", "::ffff:10.0.0.5"):
        names.answers["localhost"] = [(address,)]
        async with Fetcher(["http://localhost:8080"]) as fetcher:
            with pytest.raises(ForbiddenAddress):
                await fetcher.get("http://localhost:8080/x", max_bytes=100)
    assert [one for one in contacted() if one.what == "connection"] == []
