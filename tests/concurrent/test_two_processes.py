"""Two processes of one service on one database of PostgreSQL, behind whatever spreads requests over them."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from didkit_py.oid4vci.credential_request import CredentialRequest
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.observability.metrics import Metrics
from didkit_py.status.token_list import verify_status_list
from didkit_py.trust import TrustedIssuer
from tests.concurrent.conftest import Dealer, Union, count
from tests.concurrent.crowd import post_form, rush, rush_while_some_die
from tests.e2e.issuer.office import NOW, PASSPHRASE, STANDING, Clock, Office, keys
from tests.e2e.verifier.test_endings import Agreed, agreed, asks_to_erase, erase, known, proven, sealed_result, stored
from tests.harness.ports import free_port
from tools.make_members import make_file, make_rows
from verifier.composition import open_parts as open_vendor
from verifier.folder import create_vendor, load_settings

pytestmark = pytest.mark.parametrize("engine", ["postgres"], indirect=True)

TYPE: Final = "insurer-good-standing"
OFFERS: Final = 400
KILLED_AFTER: Final = 150


@asynccontextmanager
async def operator(union: Union, port: int) -> AsyncIterator[Office]:
    """A browser whose every request a balancer gives to the process on this port."""
    jar, proxy = aiohttp.CookieJar(unsafe=True), f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(cookie_jar=jar, proxy=proxy) as http, Fetcher(()) as fetcher:
        yield Office(
            url=union.url,
            folder=Path(),
            clock=Clock(),
            parts=union.parts,
            metrics=Metrics(()),
            http=http,
            fetcher=fetcher,
        )


async def test_two_that_start_together_on_nothing_are_one_service(union: Union, ports: list[int]) -> None:
    for port in ports:
        async with operator(union, port) as there:
            assert (await there.get("/readyz")).json()["status"] == "ready"
    assert await count(union.parts.store.database, "SELECT count(*) FROM status_lists") == 1
    migrations = len(list((files("issuer") / "migrations").iterdir()))
    assert await count(union.parts.store.database, "SELECT count(*) FROM schema_migrations") == migrations


async def test_what_the_operator_does_at_one_shows_at_the_other(union: Union, ports: list[int]) -> None:
    issued = await an_issued_credential(union)
    async with operator(union, ports[0]) as here, operator(union, ports[1]) as there:
        before = [await status(each) for each in (here, there)]
        await here.sign_in()
        assert (await there.get("/", cookies=cookies_of(here))).headers["Location"] == "/sign-in", (
            "sessions are not shared"
        )
        page = f"/issued/{issued}/change"
        assert (await here.submit(f"{page}?to=revoked", page, {"to": "revoked"})).status == 303
        assert [await status(each) for each in (there, here)] == [1, 1]
        assert before == [0, 0]
        await there.sign_in()
        assert "revoked" in (await there.get(f"/issued/{issued}")).text


async def an_issued_credential(union: Union) -> str:
    """The id under which one credential was issued."""
    issuing = union.parts.issuing
    made = await issuing.make_offer(WantedCredential(type_name=TYPE, values=STANDING, reference="100042"), now=NOW)
    granted = await issuing.redeem(TokenRequest(code=made.offer.code, tx_code=made.tx_code), now=NOW)
    (signer,) = keys(1)
    proof = await create_key_proof(signer=signer, audience=union.url, nonce=issuing.nonce(now=NOW), now=NOW)
    request = CredentialRequest(configuration_id=TYPE, proofs=(proof,))
    await issuing.issue(request, token=granted.access_token, now=NOW)
    return made.offer.id


def cookies_of(office: Office) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in office.http.cookie_jar}


async def status(office: Office) -> int:
    """Of the one copy that was issued, as the status list says."""
    uri, public = f"{office.url}/status-lists/1", office.parts.public
    listed = verify_status_list(
        (await office.get("/status-lists/1")).text, uri=uri, issuer=office.parts.did, key=public, now=NOW
    )
    return listed.status(await count(office.parts.store.database, "SELECT list_index FROM copies"))


async def test_one_list_imported_at_both_at_once_becomes_one_offer_a_row(union: Union, ports: list[int]) -> None:
    good = [row for row in make_rows() if not row.mistake and row.octets != b""]
    async with operator(union, ports[0]) as here, operator(union, ports[1]) as there:
        both = (here, there)
        await asyncio.gather(*(each.sign_in() for each in both))
        await asyncio.gather(*(each.upload(make_file()) for each in both))
        done = await asyncio.gather(*(each.submit("/import", "/import/confirm") for each in both))
        assert [each.headers["Location"] for each in done] == ["/import/done", "/import/done"]
        codes = [await each.submit("/import/done", "/import/codes") for each in both]
    rows = [row for each in codes if each.status == 200 for row in csv.DictReader(io.StringIO(each.text))]
    assert len({row["member"] for row in rows}) == len({row["offer_id"] for row in rows}) == len(rows) == len(good)
    assert await count(union.parts.store.database, "SELECT count(*) FROM offers") == len(good)


async def test_what_was_acknowledged_by_a_process_that_is_killed_holds_at_the_other(
    union: Union, ports: list[int]
) -> None:
    wanted = [WantedCredential(type_name=TYPE, values=STANDING, reference=f"member {place}") for place in range(OFFERS)]
    made = (await union.parts.issuing.make_offers(wanted, now=NOW)).made
    forms = (
        {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": one.offer.code, "tx_code": one.tx_code} for one in made
    )
    requests = [post_form(f"{union.url}/token", form) for form in forms]

    def until_one_is_killed() -> Iterator[bytes]:
        yield from requests[:KILLED_AFTER]
        union.processes[1].process.kill()
        yield from requests[KILLED_AFTER:]

    answers, unanswered = await rush_while_some_die(ports, until_one_is_killed())
    assert unanswered, "some were under way at the one that was killed"
    again = await rush(ports[:1], unanswered)
    assert all(one.status == 200 for one in answers)
    assert {(one.status, one.json().get("error")) for one in again} <= {(200, None), (400, "invalid_grant")}
    tokens = [one.json()["access_token"] for one in (*answers, *again) if one.status == 200]
    granted = [await union.parts.issuing.authorize(token, now=NOW) for token in tokens]
    assert len({one.offer.id for one in granted}) == len(tokens) == len(answers) + sum(x.status == 200 for x in again)
    assert await count(union.parts.store.database, "SELECT count(*) FROM offers WHERE tries <> 1") <= len(unanswered)
    assert await count(union.parts.store.database, "SELECT count(*) FROM offers WHERE token_hash IS NULL") == 0


async def test_what_is_erased_at_one_is_gone_while_the_other_goes_on_answering(
    dealer: Dealer, ports: list[int]
) -> None:
    shop = dealer.shop
    people = [await agreed(shop) for _ in range(3)]
    learned = [await sealed_result(shop, one) for one in people]
    asked = [await shop.ask() for _ in range(6)]
    fetches = [post_form(one.request_uri, {"wallet_nonce": "qPmxiNFCR3QTm19POc8uAA"}) for one in asked]

    async def erase_at(port: int, one: Agreed) -> None:
        async with aiohttp.ClientSession(proxy=f"http://127.0.0.1:{port}") as http:
            there, text = replace(shop, http=http), await asks_to_erase(shop, one)
            await proven(there, one, text, await erase(there, text))

    served = asyncio.create_task(rush(ports[1:], islice(cycle(fetches), 300)))
    await asyncio.gather(*map(erase_at, ports, people[:2]))
    answers = await served
    assert {one.status for one in answers} == {200}
    files = await stored(shop)
    assert learned[2][:1_000] in files  # the server keeps a longer one in pieces of about 2,000 bytes
    for sealed in learned[:2]:
        assert not any(sealed[start : start + 16] in files for start in range(0, len(sealed) - 16, 16))
    assert [bool((await known(shop, one))["claims"]) for one in people] == [False, False, True]


async def test_both_fetch_the_lists_by_schedule_and_keep_one_whole_set(union: Union, tmp_path: Path) -> None:
    entry = TrustedIssuer(
        id=union.parts.did, name="Harbour", vcts=frozenset({TYPE}), status_lists=f"{union.url}/status-lists"
    )
    await union.parts.publications.trust(entry)
    folder, lists = tmp_path / "vendor", {"trust_list_url": f"{union.url}/trust-list"}
    lists |= {"trust_list_signer": union.parts.did, "base_url": f"http://localhost:{free_port()}"}
    origins = {"loopback_origins": (union.url,)}
    create_vendor(folder, settings={"name": "Shop", **lists, **origins}, alg="ES256", passphrase=PASSPHRASE)
    settings = load_settings(folder)
    async with (
        open_vendor(folder, settings, clock=Clock()) as here,
        open_vendor(folder, settings, clock=Clock()) as there,
    ):
        fetched = await asyncio.gather(*(each.refresh() for each in islice(cycle((here, there)), 10)))
        kept = await here.lists.load_sources()
        assert {each.url for each in kept} == {each.url for each in fetched[0].sources}
        assert (await there.lists.current(NOW)).faults == {}
        assert await count(here.store.database, "SELECT value FROM source_versions") == 10
