"""`didkit-py doctor` on folders that the programs' own `init` made: each fault is planted for real, and named."""

import json
import os
import shutil
import sqlite3
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

from didkit_py.command import didkit
from didkit_py.commands.doctor import CHECKS, examine_folder, installed
from didkit_py.encoding import write_json
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.doctor import local_checks as checks_here
from didkit_py.service.doctor.checkup import Checkup, DoctorFinding, Fault
from didkit_py.service.doctor.local_checks import check_versions
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.storage.postgres import open_postgres
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.sqlite import open_sqlite
from didkit_py.trust import create_trust_list
from issuer.app import create_app as create_issuer
from issuer.folder import load_settings as load_issuer
from tests.harness.ports import free_port
from tests.harness.serving import serving as listening
from tests.stores.pooler import pgbouncer, through
from tests.unit.service.test_evidence import World, serving
from tools.driving.postgres import temporary_database
from verifier.app import create_app as create_verifier
from verifier.folder import load_settings as load_verifier
from wallet.app import create_app as create_wallet
from wallet.folder import load_settings as load_wallet

PASSPHRASE: Final = "seven wet dogs ran home"
APPS: Final[Mapping[str, Callable[[Path], web.Application]]] = {
    "issuer": lambda folder: create_issuer(folder, load_issuer(folder)),
    "verifier": lambda folder: create_verifier(folder, load_verifier(folder)),
    "wallet": lambda folder: create_wallet(folder, load_wallet(folder)),
}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each program, as `init` makes it; only the cost of its passphrases is low."""
    place = tmp_path_factory.mktemp("founded")
    (place / "passphrase").write_text(PASSPHRASE + "\n")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("didkit_py.keys.sealed", "didkit_py.service.setup.operator"):
            patch.setattr(f"{module}.MEMORY_BYTES", 8_192)
            patch.setattr(f"{module}.PASSES", 1)
        for name in ("issuer", "issuer-again", "verifier", "wallet"):
            found(place, name)
    return place


def found(place: Path, name: str) -> None:
    program, port = name.partition("-")[0], free_port()
    option = "--passphrase-file" if program == "wallet" else "--operator-passphrase-file"
    words = [program, "init", str(place / name), "--name", "A", "--base-url", f"http://localhost:{port}"]
    words += ["--port", str(port), option, str(place / "passphrase")]
    words += ["--types", "insurer-good-standing"] if program == "issuer" else []
    result = CliRunner().invoke(didkit, words)
    assert result.exit_code == 0, result.output


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A publisher whose trust list, issuers and terms are as they should be."""
    async with serving(World()) as world:
        await world.publish(now=now() - timedelta(minutes=1))
        yield world


@dataclass(frozen=True)
class Town:
    """A copy of each folder, and the publisher whose list the vendor and the wallet follow."""

    place: Path
    world: World

    def folder(self, name: str) -> Path:
        return self.place / name

    def settings(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self.folder(name) / "settings.toml").read_text())

    def change(self, name: str, **settings: object) -> None:
        """Other settings; None takes one out."""
        merged = {key: value for key, value in (self.settings(name) | settings).items() if value is not None}
        lines = (f"{key} = {json.dumps(value)}" for key, value in merged.items())
        (self.folder(name) / "settings.toml").write_text("\n".join(lines) + "\n")

    async def findings(self, name: str) -> list[DoctorFinding]:
        return (await examine_folder(self.folder(name)))[1]

    async def faults(self, name: str) -> dict[str, DoctorFinding]:
        return {one.code: one for one in await self.findings(name) if one.outcome == "fault"}

    def running(self, name: str) -> Any:
        program = name.partition("-")[0]
        return listening(APPS[program](self.folder(name)), self.settings(name)["port"])


@pytest.fixture
def town(founded: Path, world: World, tmp_path: Path) -> Town:
    shutil.copytree(founded, tmp_path / "town")
    town = Town(tmp_path / "town", world)
    for name in ("verifier", "wallet"):
        town.change(
            name,
            trust_list_url=world.trust_list,
            trust_list_signer=world.did("publisher"),
            loopback_origins=[world.origin],
        )
    return town


# What is well


@pytest.mark.parametrize("name", ["issuer", "verifier", "wallet"])
async def test_a_healthy_program_has_no_fault_whether_or_not_it_runs(town: Town, name: str) -> None:
    assert await town.faults(name) == {}
    async with town.running(name):
        findings = {one.check: one for one in await town.findings(name)}
    assert {one.check: one for one in findings.values() if one.outcome == "fault"} == {}
    assert {findings[check].outcome for check in ("port", "address", "database file")} == {"ok"}


async def test_a_check_up_changes_nothing_in_the_folder(town: Town) -> None:
    async with town.running("verifier"):
        pass
    before = {file: file.read_bytes() for file in town.folder("verifier").rglob("*") if file.is_file()}
    await town.findings("verifier")
    assert {file: file.read_bytes() for file in town.folder("verifier").rglob("*") if file.is_file()} == before


# What is not: files and settings


def missing(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def opened(file: str, mode: int = 0o644) -> Callable[[Path], None]:
    return lambda folder: (folder / file).chmod(mode)


def holding(file: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_bytes(content)
        (folder / file).chmod(0o600)

    return write


PLANTED: Final[list[tuple[str, str, Callable[[Path], None], str]]] = [
    ("folder-open", "wallet", opened("", 0o755), "chmod 700"),
    ("key-file-missing", "issuer", missing("keys.sealed"), "Restore it from the backup"),
    ("key-file-missing", "verifier", missing("unlock.key"), "Restore it from the backup"),
    ("key-file-open", "issuer", opened("unlock.key"), "chmod 600"),
    ("key-file-open", "wallet", opened("keys.sealed"), "chmod 600"),
    ("key-file-empty", "wallet", holding("keys.sealed", b""), "Restore it from the backup"),
    ("keys-do-not-open", "verifier", holding("unlock.key", b"another key\n"), "Set key_file to the file"),
    ("keys-do-not-open", "wallet", holding("keys.sealed", b"{}"), "Restore it from the backup"),
    ("operator-file-missing", "verifier", missing("operator.hash"), "Restore it from the backup"),
    ("operator-file-empty", "issuer", holding("operator.hash", b""), "Restore it from the backup"),
    ("operator-file-wrong", "issuer", holding("operator.hash", PASSPHRASE.encode()), "Restore it from the backup"),
    ("ledger-head-missing", "wallet", missing("ledger.head"), "Restore it from the backup"),
    ("rules-head-missing", "wallet", missing("rules.head"), "Restore it from the backup"),
    ("folder-shared", "issuer", holding("ledger.head", b"x"), "a folder of its own"),
    ("database-damaged", "wallet", holding("database.sqlite3", b"x" * 5_000), "Restore it from the backup"),
    ("request-unreadable", "verifier", holding("requests/mine.json", b"{"), "Correct or remove"),
    ("bad-settings", "issuer", holding("settings.toml", b"name = [\n"), "Correct the settings named"),
]


@pytest.mark.parametrize(("code", "name", "plant", "remedy"), PLANTED, ids=[f"{row[0]}-{row[1]}" for row in PLANTED])
async def test_a_spoilt_file_is_named_with_its_remedy(
    town: Town, code: str, name: str, plant: Callable[[Path], None], remedy: str
) -> None:
    plant(town.folder(name))
    found = await town.faults(name)
    assert [*found] == [code]
    assert remedy in found[code].remedy


@pytest.mark.parametrize(
    ("code", "name", "settings", "told"),
    [
        ("bad-settings", "issuer", {"colour": "blue"}, "colour: unknown setting"),
        ("bad-settings", "wallet", {"base_url": "http://wallet.example"}, "base_url: expected an https origin"),
        ("bad-settings", "verifier", {"port": "many"}, "port: expected a whole number"),
        ("type-unknown", "issuer", {"types": ["insurer-good-stranding"]}, "insurer-good-standing"),
        ("trust-list-not-set", "wallet", {"trust_list_url": None, "trust_list_signer": None}, "no trust list is set"),
        ("trust-list-half-set", "verifier", {"trust_list_signer": None}, "trust_list_signer is not set"),
        ("key-file-missing", "issuer", {"key_file": "elsewhere.key"}, "elsewhere.key"),
    ],
)
async def test_a_wrong_setting_is_named(
    town: Town, code: str, name: str, settings: dict[str, object], told: str
) -> None:
    town.change(name, **settings)
    found = await town.faults(name)
    assert [*found] == [code]
    assert told in found[code].message
    assert found[code].remedy


async def test_a_port_for_metrics_that_is_the_services_own_is_named(town: Town) -> None:
    town.change("issuer", metrics_port=town.settings("issuer")["port"])
    assert "metrics_port" in (await town.faults("issuer"))["ports-alike"].remedy


async def test_a_loopback_origin_spelt_otherwise_is_named(town: Town) -> None:
    town.change("wallet", loopback_origins=[town.world.origin.replace("127.0.0.1", "localhost")])
    assert town.world.origin in (await town.faults("wallet"))["origin-not-listed"].remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_file_of_another_user_is_named(town: Town) -> None:
    os.chown(town.folder("verifier") / "settings.toml", 1, 1)
    assert "chown" in (await town.faults("verifier"))["wrong-owner"].remedy


async def test_a_disk_without_room_is_named(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_here, "MIN_FREE_BYTES", 2**62)
    assert "Make room" in (await town.faults("issuer"))["disk-nearly-full"].remedy


@pytest.mark.parametrize(
    ("versions", "code"), [({"python": (3, 10, 14)}, "python-too-old"), ({"sqlite": (3, 31, 1)}, "sqlite-too-old")]
)
async def test_an_old_python_or_sqlite_is_named(town: Town, versions: dict[str, Any], code: str) -> None:
    program = installed()[0]
    case = Checkup(
        folder=town.place,
        program=program,
        settings=None,
        problem=None,
        fetcher=Fetcher(),
        clock=now,
        **versions,
        key_sources=KEY_SOURCES,
    )
    with pytest.raises(Fault) as fault:
        await check_versions(case)
    assert (fault.value.code, "or newer" in fault.value.remedy) == (code, True)
    await check_versions(replace(case, python=(3, 11, 0), sqlite=(3, 37, 0)))


# The database


async def with_database(town: Town, name: str, program: str = "") -> Path:
    """The database of a folder, with the schema of that program."""
    file = town.folder(name) / "database.sqlite3"
    await (await open_sqlite(file, migrations=files(program or name) / "migrations")).close()
    return file


async def test_a_database_that_may_not_be_written_is_named(town: Town) -> None:
    (await with_database(town, "issuer")).chmod(0o400)
    assert "chmod 600" in (await town.faults("issuer"))["database-not-writable"].remedy


async def test_a_schema_newer_than_the_program_is_named(town: Town) -> None:
    connection = sqlite3.connect(await with_database(town, "wallet"))
    connection.execute("INSERT INTO schema_migrations VALUES (900, '0900_later.sql', 'x')")
    connection.commit()
    connection.close()
    found = (await town.faults("wallet")).popitem()[1]
    assert found.code == "schema-newer"
    assert "Install the version" in found.remedy


async def test_a_database_of_another_program_is_named(town: Town) -> None:
    await with_database(town, "verifier", "wallet")
    assert "Another program" in (await town.faults("verifier"))["schema-foreign"].remedy


async def test_a_database_server_that_does_not_answer_is_named(town: Town) -> None:
    town.change("issuer", database_url=f"postgresql://someone@127.0.0.1:{free_port()}/somewhere")
    assert "PostgreSQL runs" in (await town.faults("issuer"))["storage-unavailable"].remedy


async def test_a_missing_password_for_the_database_is_named(town: Town) -> None:
    town.change("issuer", database_url="postgresql://someone@127.0.0.1/somewhere", database_password_file="secret")
    assert "as its only line" in (await town.faults("issuer"))["password-file-missing"].remedy


@pytest.mark.needs("postgres")
async def test_a_database_that_cannot_hold_every_text_is_named(town: Town) -> None:
    with temporary_database(encoding="LATIN1") as url:
        town.change("issuer", database_url=url)
        assert "server_encoding = LATIN1" in (await town.faults("issuer"))["storage-unavailable"].message


@pytest.mark.needs("postgres")
async def test_two_programs_that_share_a_schema_are_named_and_one_alone_is_well(town: Town) -> None:
    with temporary_database() as url:
        address = Address(url=url, schema="ours")
        await (await open_postgres(address, migrations=files("issuer") / "migrations")).close()
        for name in ("issuer", "verifier"):
            town.change(name, database_url=url, database_schema="ours")
        assert await town.faults("issuer") == {}
        assert "database_schema" in (await town.faults("verifier"))["schema-foreign"].remedy


@pytest.mark.needs("postgres", "pooler")
@pytest.mark.parametrize("pool_mode", ["session", "transaction", "statement"])
async def test_a_pooler_before_the_database_is_well_unless_it_parts_transactions(town: Town, pool_mode: str) -> None:
    with temporary_database() as url, pgbouncer(pool_mode) as port:
        town.change("issuer", database_url=through(port, url))
        if pool_mode != "statement":
            assert await town.faults("issuer") == {}
            address = Address(url=through(port, url), schema="127.0.0.1:1")
            await (await open_postgres(address, migrations=files("issuer") / "migrations")).close()
            assert await town.faults("issuer") == {}
        else:
            assert "pool_mode" in (await town.faults("issuer"))["storage-unavailable"].remedy


# Addresses, ports and keys


async def test_a_port_that_another_program_has_is_named(town: Town) -> None:
    town.change("wallet", port=int(town.world.origin.rpartition(":")[2]))
    assert "Stop the other program" in (await town.faults("wallet"))["port-taken"].remedy


async def test_another_service_of_ours_on_the_port_is_another_program(town: Town) -> None:
    async with town.running("issuer"):
        town.change("wallet", port=town.settings("issuer")["port"])
        assert [*await town.faults("wallet")] == ["port-taken"]


@pytest.mark.parametrize("name", ["issuer", "verifier", "wallet"])
async def test_another_service_at_our_address_is_named(town: Town, name: str) -> None:
    town.change(name, base_url=town.world.origin)
    assert "correct base_url" in (await town.faults(name))["address-not-ours"].remedy


@pytest.mark.parametrize("name", ["issuer", "verifier", "wallet"])
async def test_a_web_server_that_does_not_hand_on_the_host_header_is_named(town: Town, name: str) -> None:
    port, behind = free_port(), town.settings(name)["port"]

    async def forward(request: web.Request) -> web.Response:
        url = f"http://localhost:{behind}{request.path_qs}"  # and so its Host header
        async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    proxy = web.Application()
    proxy.router.add_get("/{path:.*}", forward)
    town.change(name, base_url=f"http://localhost:{port}")
    async with town.running(name), listening(proxy, port):
        found = (await town.faults(name))["host-not-handed-on"]
    assert found.message == (
        "our own service answered 421: the web server does not hand on the Host header; "
        "nginx: proxy_set_header Host $host"
    )
    assert "correct base_url" in found.remedy


async def test_an_address_that_leads_nowhere_is_named_while_the_service_runs(town: Town) -> None:
    town.change("issuer", base_url=f"http://localhost:{free_port()}")
    async with town.running("issuer"):
        assert "hands requests on" in (await town.faults("issuer"))["address-unreachable"].remedy


async def test_a_folder_whose_key_is_not_the_published_one_is_named(town: Town) -> None:
    async with town.running("issuer"):
        same = town.settings("issuer")
        town.change("issuer-again", base_url=same["base_url"], port=same["port"])
        found = await town.faults("issuer-again")
    assert [*found] == ["published-key-differs"]
    assert "restore the keys" in found["published-key-differs"].remedy


# Lists and clocks


async def forged(world: World) -> None:
    forger = SoftwareSigner.from_secret(bytes(31) + b"\x01", key_id=f"{world.did('publisher')}#sign-1")
    text = await create_trust_list((), signer=forger, now=now(), lifetime=timedelta(days=1))
    world.files["/trust-list"] = text.encode()


async def expired(world: World) -> None:
    await world.publish_trust(now=now() - timedelta(days=8))


async def stale(world: World) -> None:
    await world.publish_status("maker", {}, now=now() - timedelta(days=8))


async def unpublished(world: World) -> None:
    del world.files["/trust-list"]


async def without_terms(world: World) -> None:
    del world.files["/terms/full"]


async def without_keys(world: World) -> None:
    world.files["/insurer/did.json"] = write_json({"id": "did:web:other.example"})


@pytest.mark.parametrize(
    ("plant", "code", "remedy"),
    [
        (unpublished, "trust-list-unreachable", "Check trust_list_url"),
        (forged, "trust-list-not-signed-so", "Compare trust_list_signer"),
        (expired, "trust-list-expired", "Ask the publisher to renew it"),
        (stale, "status-list-stale", "fresh status lists"),
        (without_keys, "issuer-not-usable", "publish its key document"),
        (without_terms, "terms-not-usable", "publish the document and its texts again"),
    ],
)
async def test_a_fault_of_the_lists_is_named_with_its_remedy(
    town: Town, plant: Callable[[World], Any], code: str, remedy: str
) -> None:
    await plant(town.world)
    found = await town.faults("verifier")
    assert [*found] == [code]
    assert remedy in found[code].remedy


class LateWorld(World):
    """Its clock is ten minutes ahead of ours."""

    async def answer(self, request: web.Request) -> web.Response:
        answer = await super().answer(request)
        answer.headers["Date"] = f"{now() + timedelta(minutes=10):%a, %d %b %Y %H:%M:%S GMT}"
        return answer


async def test_a_clock_that_is_off_is_named(town: Town) -> None:
    async with serving(LateWorld()) as late:
        await late.publish(now=now() - timedelta(minutes=1))
        publisher = {"trust_list_url": late.trust_list, "trust_list_signer": late.did("publisher")}
        town.change("verifier", loopback_origins=[late.origin], **publisher)
        found = (await town.faults("verifier"))["clock-off"]
    assert found.message in {f"this clock is {seconds} seconds behind" for seconds in (598, 599, 600)}
    assert "NTP" in found.remedy


# The command


def test_the_command_tells_people_and_programs_the_same_and_never_a_secret(town: Town) -> None:
    folder = town.folder("issuer")
    (folder / "unlock.key").chmod(0o644)
    (folder / "operator.hash").unlink()
    for_people = CliRunner().invoke(didkit, ["doctor", str(folder)])
    for_programs = CliRunner().invoke(didkit, ["doctor", str(folder), "--json"])
    assert for_people.exit_code == for_programs.exit_code == 4
    told = json.loads(for_programs.output)
    assert (told["program"], told["faults"]) == ("issuer", 2)
    assert {one["outcome"] for one in told["findings"]} == {"ok", "fault", "not checked"}
    assert len(told["findings"]) == len(CHECKS) + 1
    for finding in told["findings"]:
        assert finding["check"] in for_people.output
        assert finding.get("remedy", "") in for_people.output
    assert (folder / "unlock.key").read_text().strip() not in for_people.output + for_programs.output


def test_a_folder_that_is_none_of_a_program_is_said_to_be_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(didkit, ["doctor", str(tmp_path), "--json"])
    assert (result.exit_code, json.loads(result.output)["error"]) == (4, "not-found")
