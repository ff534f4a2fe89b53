"""SIGTERM: what was accepted is answered and durable, nothing new is taken, and nobody holds the process for long."""

import json
import secrets
import socket
import time
import urllib.request
from collections.abc import Callable
from urllib.parse import urlencode, urljoin

import pytest

from didkit_py.service.http.web import DRAIN_SECONDS
from tests.faults.points import POINTS, Point, Side
from tests.faults.stores import Seen
from tests.faults.town import Program, Town
from tools.driving.browser import Browser
from tools.driving.pages import Page
from tools.driving.requests import sound_system

SIDES: tuple[Side, ...] = ("issuer", "vendor", "wallet")
SHORT = 0.5  # seconds, in place of DRAIN_SECONDS

Sending = tuple[Point, Callable[[], int], Callable[[Seen], bool]]  # where it waits, its status, whether it is done


def spending_a_code(town: Town) -> Sending:
    offer_id = town.offer(secrets.token_hex(4))
    tx_code, url = town.replace_code(offer_id), town.programs["issuer"].party.url
    with urllib.request.urlopen(f"{url}/credential-offers/{offer_id}") as answer:  # noqa: S310 - loopback
        ((grant, given),) = json.loads(answer.read())["grants"].items()
    body = urlencode({"grant_type": grant, "pre-authorized_code": given["pre-authorized_code"], "tx_code": tx_code})

    def send() -> int:
        with urllib.request.urlopen(f"{url}/token", data=body.encode()) as answer:  # noqa: S310 - loopback
            return int(answer.status)

    return POINTS["I5 issuer: before spending the code"], send, lambda seen: seen.offers[offer_id] == "redeemed"


def asking(town: Town) -> Sending:
    browser, before = town.operator("vendor"), town.check().requests.keys()
    request = {"request": json.dumps(sound_system(town.terms_id)), "action": "make"}
    send = posting(browser, browser.get("/ask"), "request", request)
    return POINTS["P1 vendor: before the request"], send, lambda seen: len(seen.requests.keys() - before) == 1


def sharing(town: Town) -> Sending:
    opened = town.open(town.ask())
    page = town.sally.browser.get(f"/requests/{opened}")
    send = posting(town.sally.browser, page, "decision", {"decision": "share"})
    point = POINTS["P6 wallet: before acceptance, presentation and the used copy"]
    return point, send, lambda seen: seen.exchanges[opened].state == "recorded"


def posting(browser: Browser, page: Page, field: str, given: dict[str, str]) -> Callable[[], int]:
    """Sends a form of the page; the status of the answer, without following where it leads."""
    form = page.form(field)
    body = urlencode([*((name, value) for name, value in form.fields if name not in given), *given.items()])
    request = urllib.request.Request(  # noqa: S310 - loopback
        browser._place(urljoin(page.url, form.action)), data=body.encode(), headers={"Origin": browser.origin}
    )
    return lambda: browser._send(request, hops=0).status


each = pytest.mark.parametrize(
    ("side", "prepare"), [("issuer", spending_a_code), ("vendor", asking), ("wallet", sharing)], ids=SIDES
)


@each
def test_a_request_under_way_is_answered_and_durable_and_no_other_is_taken(
    town: Town, side: Side, prepare: Callable[[Town], Sending]
) -> None:
    point, send, done = prepare(town)
    program = town.programs[side]
    with program.held(point, send) as answer:
        assert not done(town.check())
        program.terminate()
        assert not answer.done()
    assert answer.result() in {200, 303}
    assert program.exit_status() == 0
    assert done(town.check())
    program.start()
    assert done(town.check())


@each
def test_a_request_that_does_not_end_is_broken_off_whole(
    town: Town, side: Side, prepare: Callable[[Town], Sending]
) -> None:
    program = drained_shortly(town, side)
    point, send, done = prepare(town)
    with program.held(point, send) as answer:
        assert SHORT * 0.9 <= seconds_to_end(program) < DRAIN_SECONDS
        assert isinstance(answer.exception(), OSError)
    assert not done(town.check())
    program.start()


@pytest.mark.parametrize("side", SIDES)
def test_a_client_that_hangs_holds_it_no_longer_than_it_drains(town: Town, side: Side) -> None:
    program = drained_shortly(town, side)
    path = {"issuer": "/token", "vendor": "/oid4vp/response/none", "wallet": "/sign-in"}[side]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{program.party.port}\r\nOrigin: {program.party.url}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", program.party.port)) as half,
        socket.create_connection(("127.0.0.1", program.party.port)),  # and one that says nothing
    ):
        half.sendall(head.encode() + b"grant_type=")
        time.sleep(0.1)  # it is being read
        assert SHORT * 0.9 <= seconds_to_end(program) < DRAIN_SECONDS
    program.start()


def drained_shortly(town: Town, side: Side) -> Program:
    """The program started again, with a short time to drain."""
    assert DRAIN_SECONDS == 10  # as specs/flow.md says
    program = town.programs[side]
    seconds_to_end(program)
    program.start(drain_seconds=SHORT)
    return program


def seconds_to_end(program: Program) -> float:
    """How long it takes to end well, once it was told to."""
    told = time.monotonic()
    program.terminate()
    assert program.exit_status() == 0
    return time.monotonic() - told
