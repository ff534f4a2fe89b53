"""An issuer, a vendor and Sally's wallet as processes of their own, which die, and are started again."""

import asyncio
import json
import multiprocessing
import secrets
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from didkit_py.command import REJECTED
from didkit_py.oid4vci.offer import create_offer_link
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.request import create_request_link
from didkit_py.parties.table import KEY_SOURCES
from tests.faults.crashing import CRASH, HELD, HOLD, run_program
from tests.faults.points import Point, Side
from tests.faults.stores import Keys, Seen, look, require_whole, sealed_result
from tools.driving.browser import Browser
from tools.driving.pages import Page, StepFailed
from tools.driving.parties import Party
from tools.driving.requests import sound_system
from tools.driving.wallet_pages import Sally

T = TypeVar("T")
START_SECONDS: Final = 60
END_SECONDS: Final = 60
WAIT_SECONDS: Final = 20  # for what somebody else has to do
RECEIPT: Final[dict[str, Any]] = {
    "receipt_type": "vehicle-sale",
    "date": "2026-11-14",
    "seller": {"name": "Riverside Chryota Ltd"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
    "vehicle": {"model": "Chryota Prim Hybrid", "audioSystem": "Clearsound CS-900", "vin": "JTX00AMPLE0000042"},
    "buyer_name": "Sally Example",
}
TOLERANT: Final = (OSError, StepFailed)  # of an errand over which somebody died

FORKING: Final = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["pytest", "tests.faults.crashing"])  # pytest: each child reads our main program


class Died(Exception):  # noqa: N818 - it is what happened
    """A program ended while it started."""


class Spent(StepFailed):
    """The issuer says that the offer was used."""


@dataclass(slots=True, kw_only=True)
class Program:
    """One party, its process, and the last command given beside it."""

    party: Party
    process: multiprocessing.process.BaseProcess | None = None
    command: multiprocessing.process.BaseProcess | None = None

    @property
    def folder(self) -> Path:
        return self.party.folder

    def _run(self, *words: str, log: Path, drain_seconds: float | None = None) -> multiprocessing.process.BaseProcess:
        process = FORKING.Process(
            target=run_program, args=([self.party.role.program, *words], self.folder, log, drain_seconds), daemon=True
        )
        process.start()
        return process

    def start(self, *, drain_seconds: float | None = None) -> None:
        """Serve, unless it does, and wait until it answers. Raises Died."""
        if self.process is None or self.process.exitcode is not None:
            log = self.folder / "log.jsonl"
            self.process = self._run("serve", str(self.folder), log=log, drain_seconds=drain_seconds)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.exitcode is not None:
                raise Died(f"{self.folder.name} ended with {self.process.exitcode} while it started")
            assert time.monotonic() < deadline, f"{self.folder.name} does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.party.url}/healthz", timeout=2):  # noqa: S310 - loopback
                return True
        except OSError:
            return False

    def tell(self, *words: str, codes: tuple[int, ...]) -> str:
        """What a command prints, given beside the running service. Raises StepFailed for another exit code."""
        log = self.folder / "command.json"
        log.unlink(missing_ok=True)
        self.command = self._run(*words, log=log)
        self.command.join(END_SECONDS)
        if self.command.exitcode not in codes:
            raise StepFailed(f"{words[0]} ended with {self.command.exitcode}: {log.read_text()}")
        return log.read_text()

    def was_killed(self) -> bool:
        """Whether its process, or that of its last command, died by signal 9; the system takes a moment to say so."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if any(one is not None and one.exitcode == -signal.SIGKILL for one in (self.command, self.process)):
                self.command = None
                return True
            time.sleep(0.005)
        return False

    @contextmanager
    def held(self, point: Point, request: Callable[[], T]) -> Iterator[Future[T]]:
        """Its answer to a request that has come as far as the point, and goes on when this ends."""
        (self.folder / HOLD).write_text(point.name)
        with ThreadPoolExecutor(max_workers=1) as pool:
            answer = pool.submit(request)
            try:
                while not (self.folder / HELD).exists():
                    assert not answer.done(), f"the request was over before {point.name}"
                    time.sleep(0.005)
                yield answer
            finally:
                (self.folder / HOLD).unlink(missing_ok=True)
                (self.folder / HELD).unlink(missing_ok=True)

    def terminate(self) -> None:
        """Tell it to stop, as an operator would, and wait until it takes no more connections."""
        assert self.process is not None
        self.process.terminate()
        deadline = time.monotonic() + END_SECONDS
        with suppress(ConnectionRefusedError):
            while time.monotonic() < deadline:
                socket.create_connection(("127.0.0.1", self.party.port)).close()
                time.sleep(0.005)
            raise AssertionError(f"{self.folder.name} goes on taking connections")

    def exit_status(self) -> int | None:
        """With what it ended; None while it runs on."""
        assert self.process is not None
        self.process.join(END_SECONDS)
        return self.process.exitcode

    def kill(self) -> None:
        """End whatever of it still runs."""
        for process in (self.command, self.process):
            if process is not None:
                process.kill()
                process.join(END_SECONDS)


@dataclass(slots=True, kw_only=True)
class Town:
    """The three parties, and where one of them is to die."""

    programs: dict[Side, Program]
    keys: Keys
    terms_id: str
    sally: Sally
    left: list[Point] = field(default_factory=list)  # where somebody is to die, in this order
    seen: Seen = field(default_factory=Seen)

    # Dying

    def arm(self, *points: Point) -> None:
        """Somebody dies at the first of these, and once he is started again, somebody at the next, to the last."""
        self.left = [*points]
        self._arm_next()

    def _arm_next(self) -> None:
        for point in self.left[:1]:
            (self.programs[point.side].folder / CRASH).write_text(point.name)

    def recover(self) -> None:
        """Nobody dies any more, and everybody is at work, whatever a test left behind."""
        self.left = []
        for program in self.programs.values():
            (program.folder / CRASH).unlink(missing_ok=True)
            program.start()

    @property
    def somebody_died(self) -> bool:
        """Whether the armed point was reached."""
        return bool(self.left) and not (self.programs[self.left[0].side].folder / CRASH).exists()

    def insist(self, errand: Callable[[], T]) -> T:
        """What an errand gives. Whoever dies over it is started again, and then it is done again."""
        while True:
            try:
                given = errand()
            except TOLERANT:
                if not self.somebody_died:
                    raise
            else:
                if not self.somebody_died:
                    return given
            self.bury()

    def bury(self) -> None:
        """Whoever died was killed by signal 9, and every store is whole. He is started again, and the next may die."""
        while self.somebody_died:
            point = self.left.pop(0)
            program = self.programs[point.side]
            assert program.was_killed(), f"nobody died by signal 9 at {point.name}"
            self.check()
            self._arm_next()
            try:
                program.start()
            except Died:
                if not self.somebody_died:  # again, at once
                    raise

    def check(self) -> Seen:
        """What all stores hold: each is whole, they fit each other, and nothing is lost that was there before."""
        seen = asyncio.run(look({side: one.folder for side, one in self.programs.items()}, self.keys))
        require_whole(seen)
        lost = self.seen.facts() - seen.facts()
        assert not lost, f"no longer there: {sorted(map(str, lost))[:3]}"
        self.seen = seen
        return seen

    def sealed_result(self, request_id: str) -> bytes:
        """What the vendor learned by a request, as its database holds it."""
        return asyncio.run(sealed_result(self.programs["vendor"].folder, request_id))

    def files_hold(self, side: Side, octets: bytes) -> bool:
        """Whether a file in the folder holds these bytes."""
        files = (file for file in self.programs[side].folder.rglob("*") if file.is_file())
        return any(octets in file.read_bytes() for file in files)

    # Errands

    def operator(self, side: Side) -> Browser:
        """The browser of the one who runs it, signed in."""
        party = self.programs[side].party
        browser = Browser(party.url)
        browser.fill("/sign-in", passphrase=party.passphrase)
        return browser

    def offer(self, reference: str) -> str:
        """I1: the issuer's operator fills in one claim by hand; the id of the offer that is made, or was."""
        values = self.programs["issuer"].folder / "values.json"
        values.write_text(json.dumps(RECEIPT))
        words = ("digital-receipt", "--values", str(values), "--reference", reference)
        told = self._tell_issuer("offer", *words, codes=(0, REJECTED))
        return str(told["offer_id"]) if "offer_id" in told else told["message"].rpartition(" as ")[2]

    def import_list(self, member: str) -> str:
        """I1: the operator imports a list of one member; the id of the offer that is made, or was."""
        folder = self.programs["issuer"].folder
        (folder / "list.csv").write_text(
            f"member_number,name,pre_qualified_amount,currency\n{member},Sally,23500,GBP\n"
        )
        codes = folder / f"codes-{secrets.token_hex(4)}.csv"
        self._tell_issuer("import", str(folder / "list.csv"), "--codes-out", str(codes))
        (offer_id,) = [one["offer_id"] for one in self._tell_issuer("offers") if one["reference"] == member]
        return str(offer_id)

    def _tell_issuer(self, command: str, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
        issuer = self.programs["issuer"]
        return json.loads(issuer.tell(command, str(issuer.folder), *words, "--json", codes=codes))

    def imported_code(self, offer_id: str) -> str:
        """The transaction code that the import wrote down before it made the offer."""
        texts = [file.read_text() for file in self.programs["issuer"].folder.glob("codes-*.csv")]
        (code,) = [line.split(",")[2] for text in texts for line in text.splitlines() if f",{offer_id}," in line]
        return code

    def replace_code(self, offer_id: str) -> str:
        """I2: the operator makes another transaction code, which is shown once."""
        browser = self.operator("issuer")
        page = browser.get(f"/offers-made/{offer_id}")
        (form,) = [one for one in page.forms if one.action.endswith("/code")]
        shown = browser.submit(page, form, {}).text
        return shown.partition("shown this once")[2].split()[0]

    def open_offer(self, offer_id: str) -> str:
        """I3: Sally opens the offer; what her wallet calls it."""
        self.unlock()
        link = create_offer_link(f"{self.programs['issuer'].party.url}/credential-offers/{offer_id}")
        page = self.sally.browser.fill("/receive", offer=link)
        page.form("tx_code")
        return _last(page)

    def take(self, offer_id: str, tx_code: str) -> None:
        """I4 to I8: she types the code, unless it was taken already, and waits for the document. Raises Spent."""
        self.unlock()
        page = self.sally.browser.get(f"/receive/{offer_id}")
        if any("tx_code" in form.names for form in page.forms):
            page = self.sally.browser.submit(page, page.form("tx_code"), {"tx_code": tx_code})
            if "this offer was used" in page.text:
                raise Spent(page.text)
        self._wait(lambda: self.sally.browser.get(f"/receive/{offer_id}").outcome == "received")

    def ask(self) -> str:
        """P1: the vendor's operator makes a request; the link to it."""
        party = self.programs["vendor"].party
        browser = self.operator("vendor")
        page = browser.get("/ask")
        given = {"request": json.dumps(sound_system(self.terms_id)), "action": "make"}
        made = browser.submit(page, page.form("request"), given)
        request_uri = f"{party.url}/oid4vp/requests/{_last(made)}"
        return create_request_link(client_id_of(party.did, key_sources=KEY_SOURCES), request_uri, method="post")

    def open(self, link: str) -> str:
        """P2 to P4: Sally opens a request; what her wallet calls it."""
        self.unlock()
        page = self.sally.open(link)
        if page.outcome != "ask":
            raise StepFailed(f"the wallet does not ask: {page.text[:300]}")
        return _last(page)

    def answer(self, exchange_id: str, decision: str) -> None:
        """P5 to P11, or the no: Sally presses a button, unless she did before, and waits until the vendor has it."""
        self.unlock()
        page = self.sally.browser.get(f"/requests/{exchange_id}")
        if page.outcome == "ask":
            self.sally.answer(page, decision)
        words = {"share": "now hold the same signed record", "refuse": "was told no"}[decision]
        self._wait(lambda: words in self.sally.browser.get(f"/requests/{exchange_id}").text)

    def end(self, exchange_id: str, wish: str) -> None:
        """E1 to E6: she stops it or has it erased, unless she asked before, and waits for the vendor's signature."""
        self.unlock()
        if not self.sally.ended(exchange_id, wish):
            self.sally.end(exchange_id, wish)
        word = {"stop": "confirmed", "erase": "erased"}[wish]
        self._wait(lambda: self.sally.ended(exchange_id, wish).startswith(word))

    def refresh(self, side: Side) -> None:
        """L1: the lists are fetched now."""
        self.unlock()
        browser, path = (self.sally.browser, "/rules") if side == "wallet" else (self.operator(side), "/")
        page = browser.get(path)
        (form,) = [one for one in page.forms if one.action == "/lists/refresh"]
        browser.submit(page, form, {})

    def unlock(self) -> None:
        """Sally comes to her wallet, which goes on with whatever is unfinished."""
        self.sally = Sally(self.sally.party)
        self.sally.unlock()

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until it is done; not for somebody who died. Raises StepFailed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not done():
            if self.somebody_died or time.monotonic() > deadline:
                raise StepFailed("it was not done")
            time.sleep(0.02)


def _last(page: Page) -> str:
    """What the page is about."""
    return page.url.rstrip("/").rpartition("/")[2]
