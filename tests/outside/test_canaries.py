"""A whole journey between real processes, and then a search of all that they left behind for what nobody may find.

Somebody listens on each line between them. What is searched for are the values, passphrases and codes that the journey
began with, and the codes, tokens, salts and disclosures that were seen on the lines.
"""

import asyncio
import json
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest
import pytest_asyncio
from click.testing import CliRunner

from didkit_py.encoding import from_b64url, read_json
from issuer.cli import group as issuer_commands
from tests.canaries import AUDIO, BUYER, EMAIL, MEMBER_NUMBER, MODEL, VIN, found_in
from tests.harness.ports import free_port
from tests.harness.town import CONTACT, RECEIPT, TERMS
from tools.driving.parties import Party, Role
from tools.driving.processes import Company
from tools.driving.requests import sound_system
from tools.driving.wallet_pages import Sally
from verifier.cli import group as verifier_commands
from wallet.cli import group as wallet_commands

pytestmark = pytest.mark.asyncio(loop_scope="module")
TYPES: Final = ("affordability-range", "digital-receipt", "contact", "terms-signatory")
ROLES: Final = (
    Role(key="issuer", program="issuer", name="Harbour Town", types=TYPES),
    Role(key="shop", program="verifier", name="Clearsound"),
    Role(key="wallet", program="wallet", name="A wallet"),
)
AMOUNT: Final = "24681.35"
WRONG: Final = "not the right words at all"
MEMBERS: Final = f"member_number,name,pre_qualified_amount,currency\n{MEMBER_NUMBER},{BUYER},{AMOUNT},GBP\n"
BAD_MEMBERS: Final = f"member_number,name,pre_qualified_amount,currency\n{MEMBER_NUMBER},{BUYER},-{AMOUNT},EUR\n"
_ASKED: Final = re.compile(rb"(?m)^(?:GET|HEAD|POST) (\S+) HTTP/1\.1\r$")
_REFERRED: Final = re.compile(rb"(?mi)^referer: (.*)\r$")
_SECRET: Final = re.compile(r'"(?:pre-authorized_code|access_token|c_nonce)":"([^"]+)"')
_CREDENTIAL: Final = re.compile(r'"credential":"[^"~]+~([^"]*)~"')


@dataclass(slots=True)
class Found:
    """All that there is to be searched, and what was made on the way."""

    asked: bytearray = field(default_factory=bytearray)  # what was said to the programs
    answered: bytearray = field(default_factory=bytearray)
    files: dict[str, bytes] = field(default_factory=dict)  # by name and moment
    refusals: dict[str, str] = field(default_factory=dict)  # answers to messages that are wrong, by address
    metrics: list[str] = field(default_factory=list)
    learned: str = ""  # what the shop's own command shows it
    secrets: set[str] = field(default_factory=lambda: {AMOUNT, WRONG})

    def keep_files(self, moment: str, cast: Mapping[str, Party]) -> None:
        for party in cast.values():
            for file in party.folder.rglob("*"):
                if file.is_file():
                    self.files[f"{party.role.key}/{file.relative_to(party.folder)} {moment}"] = file.read_bytes()

    def learn_secrets(self) -> None:
        """Codes and tokens, and every salt and disclosure of every copy, as they went over the lines."""
        text = self.answered.decode("latin-1")
        self.secrets.update(_SECRET.findall(text))
        for disclosures in _CREDENTIAL.findall(text):
            for disclosure in disclosures.split("~"):
                body = read_json(from_b64url(disclosure))
                assert isinstance(body, list)
                self.secrets |= {disclosure, str(body[0])}

    def leaks(self, text: str | bytes) -> list[str]:
        return found_in(text if isinstance(text, str) else text.decode("latin-1"), self.secrets)


@asynccontextmanager
async def listened_to(port: int, target: int, found: Found) -> AsyncIterator[None]:
    """Passes on what comes to `port`, and keeps what was said."""
    tasks: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:  # it is not up yet
            writer.close()
            return
        for source, sink, kept in ((reader, inner_writer, found.asked), (inner_reader, writer, found.answered)):
            task = asyncio.create_task(_pass(source, sink, kept))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(meet, "127.0.0.1", port)
    yield
    server.close()
    await asyncio.gather(*tasks)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    try:
        while octets := await reader.read(65_536):
            kept += octets
            writer.write(octets)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Found]:
    place, found = tmp_path_factory.mktemp("journey"), Found()
    cast, inner = {}, {}
    async with AsyncExitStack() as stack:
        for role in ROLES:
            secret = place / f"{role.key}.passphrase"
            secret.write_text(f"{secrets.token_hex(4)} for {role.key}")
            found.secrets.add(secret.read_text())
            cast[role.key] = Party(role=role, port=free_port(), folder=place / role.key, passphrase_file=secret)
            inner[role.key] = free_port()
            await stack.enter_async_context(listened_to(cast[role.key].port, inner[role.key], found))
        await asyncio.to_thread(travel, place, cast, inner, found)
    found.learn_secrets()
    yield found


def travel(place: Path, cast: Mapping[str, Party], inner: Mapping[str, int], found: Found) -> None:
    """Issued, received, asked for, shared, erased; with every kind of mistake on the way."""
    issuer, shop, wallet = cast.values()
    for key, party in cast.items():
        make_folder(party, inner[key], cast)
    company = Company()
    try:
        company.start(*cast.values())
        terms_id = publish(issuer)
        equip(place, issuer, shop, terms_id)
        offers = offer(place, issuer, found)
        sally = Sally(wallet)
        sally.browser.fill("/sign-in", passphrase=WRONG)
        sally.unlock()
        take(sally, offers, found)
        sally.refresh_lists()
        sheet = write(place / "ask.json", json.dumps(sound_system(terms_id)))
        made = command(shop, "ask", sheet)
        done = sally.answer(sally.open(made["link"]), "share", optional=("contact",))
        found.learned = str(command(shop, "results", made["request_id"])["claims"])
        found.keep_files("after it was shared", cast)
        mistake(cast, made["request_id"], found)
        assert sally.end(done.url.rpartition("/")[2], "erase").startswith("erased")
        found.metrics = [fetch(f"{party.url}/metrics") for party in cast.values()]
    finally:
        company.close()
    found.keep_files("at the end", cast)


def command(party: Party, verb: str, *words: str) -> Any:  # whatever JSON the command prints
    """What a command of the program says about its folder."""
    commands = {"issuer": issuer_commands, "verifier": verifier_commands, "wallet": wallet_commands}
    line = [*verb.split(), str(party.folder), *words, "--json"]
    done = CliRunner().invoke(commands[party.role.program], line)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if done.stdout.strip() else {}


def write(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


def make_folder(party: Party, port: int, cast: Mapping[str, Party]) -> None:
    """As `init` makes it, behind the line that is listened to."""
    words = ["--name", party.role.name, "--base-url", party.url, "--port", str(port)]
    for other in cast.values():
        words += ["--loopback-origin", other.url]
    issuer = cast["issuer"]
    words += ["--trust-list-url", f"{issuer.url}/trust-list", "--trust-list-signer", issuer.did]
    option = "--passphrase-file" if party.role.program == "wallet" else "--operator-passphrase-file"
    words += [option, str(party.passphrase_file)]
    command(party, "init", *words, *(["--types", ",".join(TYPES)] if party.role.types else []))


def publish(issuer: Party) -> str:
    published = command(issuer, "terms publish", str(TERMS))
    words = ["--id", issuer.did, "--name", issuer.role.name, "--status-lists", f"{issuer.url}/status-lists"]
    for name in TYPES:
        words += ["--vct", f"urn:didkit-py:vct:{name}:1"]
    command(issuer, "trust add", *words)
    return str(published["id"])


def equip(place: Path, issuer: Party, shop: Party, terms_id: str) -> None:
    signed = command(shop, "sign-terms", terms_id)
    named = {"id": terms_id, "family": "example-standard-terms-of-sharing", "version": "1.0"}
    signature = {"signature": signed["signature"], "signedAt": signed["signedAt"], "level": "reviewed"}
    made = by_hand(place, issuer, "terms-signatory", {"terms": named, **signature}, "--subject", shop.did)
    command(shop, "receive", made["link"], "--tx-code", made["tx_code"])
    command(shop, "refresh")


def by_hand(place: Path, issuer: Party, kind: str, values: Mapping[str, Any], *words: str) -> Any:
    """An offer of one document, filled in by the operator."""
    return command(issuer, "offer", kind, "--values", write(place / "values.json", json.dumps(values)), *words)


def offer(place: Path, issuer: Party, found: Found) -> list[dict[str, str]]:
    """By a list, and by hand. List, sheets and codes are files of the operator, outside of the program's folder."""
    codes = place / "codes.csv"
    command(issuer, "import", write(place / "members.csv", MEMBERS), "--codes-out", str(codes))
    found.refusals["import"] = str(command(issuer, "import", write(place / "bad.csv", BAD_MEMBERS)))
    _, offer_id, code = codes.read_text().splitlines()[1].split(",")
    links = {row["offer_id"]: row["link"] for row in command(issuer, "offers")}
    made = [by_hand(place, issuer, "digital-receipt", RECEIPT), by_hand(place, issuer, "contact", CONTACT)]
    offers = [{"link": links[offer_id], "tx_code": code}, *made]
    found.secrets.update(one["tx_code"] for one in offers)
    return offers


def take(sally: Sally, offers: list[dict[str, str]], found: Found) -> None:
    """Each by its code, the first one after a wrong code."""
    page = sally.browser.fill("/receive", offer=offers[0]["link"])
    wrong = str((int(offers[0]["tx_code"]) + 1) % 10 ** len(offers[0]["tx_code"])).zfill(len(offers[0]["tx_code"]))
    found.secrets.add(wrong)
    found.refusals["receive"] = sally.browser.submit(page, page.form("tx_code"), {"tx_code": wrong}).html
    for one in offers:
        sally.receive(one["link"], one["tx_code"])


def mistake(cast: Mapping[str, Party], request_id: str, found: Found) -> None:
    """Messages that are wrong, with a value in every place where one can stand."""
    form, plain = "application/x-www-form-urlencoded", "application/json"
    issuer, shop, wallet = (party.url for party in cast.values())
    grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Apre-authorized_code"
    for url, kind, body in (
        (f"{issuer}/token", form, f"grant_type={grant}&pre-authorized_code={EMAIL}&tx_code={VIN}"),
        (f"{issuer}/token", form, f"{VIN}={EMAIL}"),
        (f"{issuer}/credential", plain, f'{{"{VIN}": "{EMAIL}"}}'),
        (f"{shop}/oid4vp/response/{request_id}", form, f"response={EMAIL}"),
        (f"{shop}/oid4vp/response/{request_id}", form, f"error={VIN}&state={EMAIL}"),
        (f"{shop}/oid4vp/requests/{request_id}", form, f"wallet_nonce={VIN}&{VIN}=1"),
        (f"{shop}/agreements", plain, f'{{"record": "{EMAIL}", "{VIN}": "{VIN}"}}'),
        (f"{shop}/agreements/withdraw", plain, f'{{"event": "{EMAIL}.{VIN}.{AUDIO}"}}'),
        (f"{shop}/agreements/erase", plain, f'["{EMAIL}", "{MODEL}"'),
        (f"{wallet}/sign-in", form, f"passphrase={WRONG}&{VIN}={EMAIL}"),
    ):
        found.refusals[f"{url} {body[:20]}"] = fetch(url, body=body, content_type=kind)


def fetch(url: str, *, body: str | None = None, content_type: str = "") -> str:
    """What comes back, whatever its status."""
    headers = {"Content-Type": content_type} if body else {}
    request = urllib.request.Request(url, data=body.encode() if body else None, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError as answer:
        return answer.read().decode()


async def test_the_journey_was_made_and_thirty_canaries_were_let_fly(found: Found) -> None:
    """Without this, nothing might be found because there is nothing."""
    assert {EMAIL, MODEL, AUDIO} <= set(found_in(found.learned))
    assert len(found.secrets) >= 30
    assert b"passphrase=" in found.asked
    assert b"Authorization: Bearer " in found.asked
    assert [name for name in found.files if "log.jsonl" in name]
    assert [name for name in found.files if ".sqlite3" in name]


async def test_no_file_holds_a_canary_neither_log_nor_database_nor_journal(found: Found) -> None:
    assert {name: found.leaks(octets) for name, octets in found.files.items() if found.leaks(octets)} == {}


async def test_no_address_that_was_asked_for_holds_a_canary(found: Found) -> None:
    addresses = [one.decode() for one in (*_ASKED.findall(found.asked), *_REFERRED.findall(found.asked))]
    assert len(addresses) > 50
    assert found.leaks(unquote("\n".join(addresses))) == []


async def test_no_refusal_and_no_metric_holds_a_canary(found: Found) -> None:
    assert len(found.refusals) >= 12
    assert {at: found.leaks(text) for at, text in found.refusals.items() if found.leaks(text)} == {}
    assert {text: found.leaks(text) for text in found.metrics if found.leaks(text)} == {}


async def test_the_search_finds_a_canary_wherever_it_stands(found: Found) -> None:
    for planted in (VIN, EMAIL, AMOUNT, WRONG, *list(found.secrets)[:20]):
        for text in (f'{{"event":"{planted}"}}', f"GET /x?y={planted}&z HTTP/1.1", f"\0\1{planted}\0"):
            assert planted in found.leaks(text)
