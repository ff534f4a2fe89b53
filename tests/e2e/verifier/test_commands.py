"""The commands of a vendor, beside the running service on the same database."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from didkit_py.encoding import digest
from didkit_py.formats.sd_jwt_vc import bind, select
from didkit_py.reading import Reader
from didkit_py.service.setup.folders import FolderInUse
from didkit_py.terms.document import verify_signatory_statement
from issuer.app import create_app as create_issuer
from issuer.cli import group as issuer_group
from issuer.folder import load_settings as load_issuer
from tests.cast import wallet
from tests.e2e.verifier.shop import PASSPHRASE, Clock, Shop, affordability, car_only, sound_system
from tests.e2e.verifier.test_agreements import agree
from tests.e2e.verifier.test_wire import spoil_last
from tests.harness.ports import free_port
from verifier import commands
from verifier.cli import group
from verifier.composition import open_parts
from verifier.folder import packaged_templates

DEALERSHIP = {
    "brand": "Chryota",
    "scope": ["sales"],
    "territory": ["GB-ENG"],
    "dealer_id": "CH-0042",
    "name": "Riverside Chryota Ltd",
}


async def run(*words: str, program: Any = group, code: int = 0) -> Any:
    """What a command prints as JSON, in a thread beside the service."""
    done = await asyncio.to_thread(CliRunner().invoke, program, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout.splitlines()[-1])  # the service beside it logs to the same place


def sheet(tmp_path: Path, body: object) -> str:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(body))
    return str(file)


@pytest.fixture(autouse=True)
def one_time(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Commands have the clock of the service beside them: the cast's lists are of one day."""
    monkeypatch.setattr(commands, "open_parts", partial(open_parts, clock=clock))


def test_init_never_replaces_keys(folder: Path, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    words = ["init", str(folder), "--name", "X", "--base-url", "https://x.example", "--port", "1", "--json"]
    before = (folder / "keys.sealed").read_bytes()
    done = CliRunner().invoke(group, [*words, "--operator-passphrase-file", str(passphrase)])
    assert (done.exit_code, json.loads(done.stdout)["error"]) == (4, FolderInUse.code)
    assert (folder / "keys.sealed").read_bytes() == before


def test_init_keeps_secrets_to_the_owner_and_brings_saved_requests(folder: Path) -> None:
    for name in ("keys.sealed", "unlock.key", "operator.hash", "settings.toml"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    saved = {file.name: file.read_bytes() for file in (folder / "requests").iterdir()}
    assert saved == packaged_templates()
    assert "sound-system.json" in saved


async def test_a_request_made_by_a_command_is_served_by_the_running_service(shop: Shop, tmp_path: Path) -> None:
    made = await run("ask", str(shop.folder), sheet(tmp_path, sound_system()))
    assert set(made) == {"request_id", "link", "request_uri"}
    assert (await shop.parts.store.load_request(made["request_id"], now=shop.clock())).asked.id == made["request_id"]
    assert "purpose_text" in (await run("results", str(shop.folder)))[0]


async def test_results_tell_everything_as_json(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(affordability()))
    _, answer = await agree(shop, fetched)
    known = await run("results", str(shop.folder), fetched.made.id)
    assert known["state"] == "verified"
    assert known["claims"]["afford"][0]["at_least"] == {"20000": True}
    assert known["record"] == answer.json()["record"]
    assert known["error"] is None
    assert {"name", "passed", "spec", "detail"} <= set(known["checks"][0])
    assert all(one["passed"] for one in known["checks"])
    assert known["agreement"] == "accepted"


async def test_results_of_an_unknown_request_say_so(shop: Shop) -> None:
    assert (await run("results", str(shop.folder), "AAAA", code=4))["error"] == "not-found"


async def test_signing_terms_gives_our_own_signature(shop: Shop, clock: Clock) -> None:
    terms_id = "ni:///" + digest(b"terms")
    signed = await run("sign-terms", str(shop.folder), terms_id)
    assert signed["id"] == terms_id
    signed_at = Reader(signed, at="signed").rfc3339("signedAt")
    found = verify_signatory_statement(signed["signature"], vendor=await shop.document(), now=signed_at)
    assert found == (terms_id, signed_at)


async def test_a_request_is_checked_by_the_wallets_own_rules(shop: Shop, tmp_path: Path) -> None:
    folder = str(shop.folder)
    good = await run("check-request", sheet(tmp_path, affordability()), "--folder", folder)
    assert (good["outcome"], good["codes"]) == ("ask", ["ok.new"])
    excess = affordability()
    excess["query"]["credentials"][0]["claims"].append({"path": ["range"]})  # type: ignore[index,call-overload,union-attr]
    refused = await run("check-request", sheet(tmp_path, excess), "--folder", folder, code=4)
    assert refused["outcome"] == "refuse"
    assert "ask.excess" in refused["codes"]
    assert all(one["sentence"] for one in refused["reasons"])
    nobody = await run("check-request", sheet(tmp_path, affordability() | {"roles": []}), "--folder", folder, code=4)
    assert "vrf.role-missing" in nobody["codes"]


async def test_a_signed_request_is_checked_as_it_stands(shop: Shop, tmp_path: Path) -> None:
    made = await shop.ask(car_only())
    text = (await shop.get(made.request_uri)).text
    file = tmp_path / "request.jwt"
    file.write_text(text + "\n")
    spoilt = tmp_path / "spoilt.jwt"
    spoilt.write_text(spoil_last(text))
    assert (await run("check-request", str(file), "--folder", str(shop.folder)))["outcome"] == "ask"
    refused = await run("check-request", str(spoilt), "--folder", str(shop.folder), code=4)
    assert refused["codes"] == ["vrf.unauthenticated"]
    junk = tmp_path / "junk.jwt"
    junk.write_text("this is no request")
    assert (await run("check-request", str(junk), code=4))["codes"] == ["req.malformed"]


async def test_an_unsigned_request_needs_a_folder(tmp_path: Path) -> None:
    done: Result = CliRunner().invoke(group, ["check-request", sheet(tmp_path, car_only())])
    assert done.exit_code == 2


async def test_one_presentation_is_judged_by_every_check(shop: Shop, tmp_path: Path, clock: Clock) -> None:
    held = next(one for one in await wallet() if one.id == "digital-receipt")
    file = tmp_path / "presentation.txt"
    audience, nonce = f"decentralized_identifier:{shop.parts.did}", "b3JkaW5hcnktbm9uY2UtMTI4Yml0"
    selected = select(held.text, [("vehicle", "model")])
    file.write_text(await bind(selected, nonce=nonce, audience=audience, now=clock(), signer=held.signer))
    words = ["verify-presentation", str(file), "--folder", str(shop.folder), "--audience", audience, "--nonce"]
    right = await run(*words, nonce)
    assert right["verified"] is True
    assert right["claims"]["vehicle"] == {"model": "Chryota Dart"}
    wrong = await run(*words, "another-nonce-of-128-bits", code=4)
    assert (wrong["verified"], wrong["error"], wrong["claims"]) == (False, "bad-key-binding", {})
    assert wrong["checks"][-1]["name"] == "key-binding"


@pytest.fixture
async def manufacturer(tmp_path: Path, shop: Shop, clock: Clock) -> AsyncIterator[Path]:
    """An issuer's program at work, which may fetch the vendor's key."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    port, folder = free_port(), tmp_path / "manufacturer"
    words = ["init", str(folder), "--name", "Chryota", "--base-url", f"http://localhost:{port}", "--port", str(port)]
    words += ["--types", "authorized-dealer", "--operator-passphrase-file", str(passphrase)]
    words += ["--loopback-origin", shop.url]
    await run(*words, program=issuer_group)
    runner = web.AppRunner(create_issuer(folder, load_issuer(folder), clock=clock), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield folder
    await runner.cleanup()


async def test_a_vendor_receives_a_document_as_people_do(shop: Shop, manufacturer: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text(json.dumps(DEALERSHIP))
    subject = ["--subject", shop.parts.did, "--values", str(values)]
    offer = await run("offer", str(manufacturer), "authorized-dealer", *subject, program=issuer_group)
    origin = load_issuer(manufacturer).base_url
    settings = shop.folder / "settings.toml"
    settings.write_text(settings.read_text().replace("loopback_origins = [", f'loopback_origins = ["{origin}", '))
    wrong = await run("receive", str(shop.folder), offer["link"], "--tx-code", "000000", code=4)
    assert wrong["error"] == "invalid_grant"
    got = await run("receive", str(shop.folder), offer["link"], "--tx-code", offer["tx_code"])
    assert (got["type"], got["subject"]) == ("urn:didkit-py:vct:authorized-dealer:1", shop.parts.did)
    listed = await run("credentials", str(shop.folder))
    assert got["id"] in {one["id"] for one in listed}
    assert next(one["status"] for one in listed if one["id"] == got["id"]) == "untrusted-issuer"


async def test_a_request_that_every_wallet_refuses_is_not_handed_out(shop: Shop, tmp_path: Path) -> None:
    folder = str(shop.folder)
    more = affordability()
    more["query"]["credentials"][0]["claims"].append({"path": ["range"]})  # type: ignore[index,call-overload,union-attr]
    for body, code in ((more, "ask.excess"), (affordability() | {"roles": []}, "vrf.role-missing")):
        said = await run("ask", folder, sheet(tmp_path, body), code=4)
        assert (said["error"], said["outcome"]) == ("refused", "refuse")
        assert code in said["codes"]
        assert "link" not in said
    assert not await shop.parts.store.requests(now=shop.clock())
    made = await run("ask", folder, sheet(tmp_path, more), "--even-if-refused")
    assert made["link"].startswith("openid4vp://")


async def test_the_refusal_is_told_in_words_too_and_without_a_link(shop: Shop, tmp_path: Path) -> None:
    file = sheet(tmp_path, sound_system(grants=[]))
    done = await asyncio.to_thread(CliRunner().invoke, group, ["ask", str(shop.folder), file])
    assert done.exit_code == 4
    assert "Every wallet would refuse this request" in done.output
    assert "agr.missing" in done.output
    assert "openid4vp:" not in done.output
