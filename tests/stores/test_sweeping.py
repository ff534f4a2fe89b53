"""What is over is forgotten in small steps, and a full status list is left: the stores of issuer and vendor."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from didkit_py.errors import NotFound
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.oid4vp.exchange import ExchangeState as RequestState
from didkit_py.roles.asking_store import AskedRequest, KeptAcceptance, RequestTemplate, Result, SentOffer
from didkit_py.roles.issuing_store import NewOffer, Offer, WantedCredential
from didkit_py.service.storage.database import Database
from didkit_py.service.storage.sealing import Box
from issuer.status_index import LIST_SIZE, StatusIndex
from issuer.store import OfferStore
from tests.e2e.verifier.shop import affordability
from tests.stores.engines import Engine
from verifier.storage.store import UNANSWERED_KEPT, VendorStore

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=2)


def migrations(program: str) -> Path:
    return Path(str(files(program) / "migrations"))


@pytest.fixture
async def offers(engine: Engine) -> AsyncIterator[OfferStore]:
    database = await engine.open(migrations("issuer"))
    yield OfferStore(database=database, party_id="us", storage_key=bytes(32), random=secrets.token_bytes)
    await database.close()


@pytest.fixture
async def vendor(engine: Engine) -> AsyncIterator[VendorStore]:
    database = await engine.open(migrations("verifier"))
    yield VendorStore(
        database=database, party_id="us", box=Box(key=bytes(32), random=secrets.token_bytes), formats=FORMATS
    )
    await database.close()


def new_offer(name: str, *, expires_at: datetime = NOW + timedelta(days=1)) -> NewOffer:
    wanted = WantedCredential(type_name="insurer-good-standing", values={}, reference=name)
    offer = Offer(id=name, wanted=wanted, code=name, made_at=NOW, expires_at=expires_at)
    mark = name.encode()
    return NewOffer(offer=offer, fingerprint=mark, reference_hash=mark, code_hash=mark, tx_code_hash=mark)


async def test_all_that_is_over_is_moved_and_what_is_not_over_stays(offers: OfferStore) -> None:
    over = [new_offer(f"over {number}") for number in range(1_100)]
    lasting = new_offer("lasting", expires_at=LATER + timedelta(seconds=1))
    await offers.save_offers([*over, lasting], batch="")

    await offers.let_time_pass(now=LATER)

    assert (await offers.counts(now=LATER)).states == {IssuanceState.EXPIRED: 1_100, IssuanceState.OFFERED: 1}
    marks = [each.fingerprint for each in (*over, lasting)]
    assert await offers.known_offers(marks, now=LATER) == {b"lasting": "lasting"}


async def test_a_nonce_is_forgotten_once_no_clock_can_make_it_good_again(offers: OfferStore) -> None:
    await offers.spend_nonce(b"spent", now=NOW)

    await offers.let_time_pass(now=NOW + timedelta(days=2))
    assert len(await offers.database.fetch("SELECT id FROM spent_nonces")) == 1
    await offers.let_time_pass(now=NOW + timedelta(days=3))
    assert await offers.database.fetch("SELECT id FROM spent_nonces") == ()


async def test_other_writes_are_made_while_much_is_swept(offers: OfferStore) -> None:
    await offers.save_offers([new_offer(f"over {number}") for number in range(4_000)], batch="")

    sweeping = asyncio.create_task(offers.let_time_pass(now=LATER))
    written = 0
    while not sweeping.done():
        await offers.spend_nonce(secrets.token_bytes(8), now=LATER)
        written += 1

    assert written >= 5


async def fill_list(database: Database, used: int) -> None:
    """So many entries of the first list, all over it: an odd factor permutes the places of a power of two."""
    await database.execute(
        "WITH RECURSIVE entries (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM entries WHERE number + 1 < ?)"
        " INSERT INTO copies (party_id, offer_id, key_hash, list_number, list_index)"
        " SELECT 'us', 'one', CAST(CAST(number AS TEXT) AS BYTEA), 1, (CAST(number AS BIGINT) * 48271) % ?"
        " FROM entries",
        *(used, LIST_SIZE),
    )


@pytest.mark.parametrize(("used", "newest"), [(LIST_SIZE // 5, 1), (LIST_SIZE * 4 // 5, 2)])
async def test_a_list_that_is_more_than_half_full_is_left_and_no_sooner(
    offers: OfferStore, used: int, newest: int
) -> None:
    await offers.save_offers([new_offer("one")], batch="")
    await offers.open_list()
    await fill_list(offers.database, used)

    places = await StatusIndex(database=offers.database, party_id="us", random=secrets.token_bytes).choose(10)

    assert [listed for listed, _ in places] == [newest] * 10
    assert len(set(places)) == 10
    assert await offers.open_list() == newest


def asked(name: str) -> AskedRequest:
    return AskedRequest(
        id=name,
        template=RequestTemplate.from_json(affordability(), formats=FORMATS),
        nonce="n",
        state="s",
        rel="r",
        encryption_jwk={},
        made_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
    )


async def is_kept(vendor: VendorStore, name: str, now: datetime) -> bool:
    try:
        return (await vendor.load_request(name, now=now)).asked.id == name
    except NotFound:
        return False


async def test_a_request_that_nobody_answered_goes_with_its_promises_and_what_was_answered_stays(
    vendor: VendorStore,
) -> None:
    much_later = NOW + UNANSWERED_KEPT + timedelta(minutes=11)
    for name in ("unanswered", "answered", "declined", "accepted"):
        await vendor.save_request(asked(name))
        await vendor.save_fetched(name, SentOffer(digest=name, request_id=name, text="promise"), now=NOW)
    await vendor.save_answer("answered", Result(), now=NOW, response_code_hash=b"hash")
    await vendor.save_try("declined", RequestState.REFUSED, Result(), now=NOW)
    accepted = KeptAcceptance(
        payload_digest="p", request_id="accepted", record_id="r", presented="d", accepted={"payload": "p"}
    )
    await vendor.save_acceptance(accepted, at_most=1, now=NOW)

    await vendor.sweep(now=NOW + timedelta(minutes=59))
    assert await vendor.load_acceptance("p") is not None
    await vendor.sweep(now=much_later - timedelta(minutes=2))
    assert await vendor.load_acceptance("p") is None, "no presentation can come for it any more"
    assert await is_kept(vendor, "unanswered", much_later)
    await vendor.sweep(now=much_later)

    assert not await is_kept(vendor, "unanswered", much_later)
    assert await vendor.load_offer("unanswered") is None
    assert not await is_kept(vendor, "declined", much_later)
    assert not await is_kept(vendor, "accepted", much_later)
    assert await is_kept(vendor, "answered", much_later)


async def test_many_unanswered_requests_go_in_one_sweep(vendor: VendorStore) -> None:
    for number in range(250):
        await vendor.save_request(asked(f"{number}"))

    await vendor.sweep(now=NOW + UNANSWERED_KEPT + timedelta(days=1))

    rows = await vendor.database.fetch("SELECT count(*) AS number FROM requests")
    assert [row["number"] for row in rows] == [0]
