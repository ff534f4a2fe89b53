"""What a person can end at the vendor: it obeys at once, says so by its signature, and nothing stays in its files."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from didkit_py.encoding import Json
from didkit_py.errors import StorageUnavailable
from didkit_py.jose import JointlySigned
from didkit_py.records.events import (
    AgreementEvent,
    EventKind,
    create_erase_request,
    create_withdrawal,
    parse_event,
    verify_answer,
)
from didkit_py.records.record import AgreementRecord, verify_record
from didkit_py.service.storage.postgres import PostgresDatabase
from didkit_py.service.storage.sqlite import SqliteDatabase
from tests.cast import signer_of
from tests.e2e.verifier.shop import PASSPHRASE, SECRETS, Answer, Clock, Fetched, Shop, open_shop, pairwise
from tests.e2e.verifier.test_pages import fill, words
from verifier.views import result_json


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """One relationship: what was shown, and the record of it."""

    fetched: Fetched
    record: AgreementRecord


async def agreed(shop: Shop, body: Mapping[str, Json] | None = None) -> Agreed:
    fetched = await shop.fetch(await shop.ask(body))
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, vp_token)
    assert (await shop.respond(fetched, vp_token)).status == 200
    answer = await shop.send_acceptance(acceptance)
    signed = JointlySigned.from_json(answer.json()["record"])
    return Agreed(fetched=fetched, record=verify_record(signed, vendor_keys=await shop.document()))


async def asks_to_erase(
    shop: Shop,
    of: Agreed,
    *,
    previous: AgreementEvent | None = None,
    paths: Sequence[tuple[str | int | None, ...]] = (),
    signer: Any = None,
) -> str:
    key = signer or pairwise(of.fetched)
    return await create_erase_request(
        of.record, previous=previous, paths=paths, basis="terms:erasure", signer=key, now=shop.clock()
    )


async def withdraws(shop: Shop, of: Agreed, *, effect: str = "stop-use") -> str:
    gids = [*of.record.accepted]
    key = pairwise(of.fetched)
    return await create_withdrawal(of.record, previous=None, gids=gids, effect=effect, signer=key, now=shop.clock())


async def erase(shop: Shop, text: str) -> Answer:
    return await shop.post("/agreements/erase", json={"event": text})


async def proven(shop: Shop, of: Agreed, text: str, answer: Answer) -> AgreementEvent:
    assert answer.status == 200, answer.text
    document = await shop.document()
    to = parse_event(text).event
    return verify_answer(answer.json()["event"], to=to, record=of.record, vendor_keys=document, now=shop.clock())


async def known(shop: Shop, of: Agreed) -> dict[str, Any]:
    """What `results --json` prints."""
    name = of.fetched.made.id
    kept = await shop.parts.store.load_request(name, now=shop.clock())
    return result_json(kept, await shop.parts.store.load_acceptances(name))


async def sealed_result(shop: Shop, of: Agreed) -> bytes:
    """What was learned, as it stands in the database."""
    rows = await shop.parts.store.database.fetch("SELECT result FROM requests WHERE id = ?", of.fetched.made.id)
    (sealed,) = [row["result"] for row in rows]
    assert isinstance(sealed, bytes)
    return sealed


async def stored(shop: Shop) -> bytes:
    """Every byte that the vendor's database keeps in files, journals included."""
    url = shop.parts.settings.database_url
    if url is None:
        return shop.files()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CHECKPOINT")
        rows = await connection.fetch(
            "SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS content FROM pg_class"
            " WHERE relkind IN ('r', 'i', 't', 'm') AND pg_relation_filepath(oid) IS NOT NULL"
        )
    finally:
        await connection.close()
    return b"".join(row["content"] for row in rows) + shop.files()


async def test_an_erasure_leaves_no_byte_of_what_was_learned_and_a_signed_proof(shop: Shop, clock: Clock) -> None:
    one, other = await agreed(shop), await agreed(shop)
    sealed, kept = await sealed_result(shop, one), await sealed_result(shop, other)
    assert sealed in await stored(shop), "the search finds what is there"
    assert (await known(shop, one))["claims"]
    clock.forward(timedelta(days=3))
    text = await asks_to_erase(shop, one)
    proof = await proven(shop, one, text, await erase(shop, text))
    assert (proof.kind, proof.paths, proof.residual, proof.state) == (EventKind.ERASE_PROOF, (), (), "applied")
    assert proof.at == clock()
    files = await stored(shop)
    for start in range(0, len(sealed) - 16, 16):
        assert sealed[start : start + 16] not in files
    assert kept in files, "another person's is untouched"
    after = await known(shop, one)
    assert after["claims"] == {}
    assert after["issuers"] == {}
    assert after["erased_at"] == "2026-11-24T10:00:00Z"
    assert after["record"] is not None
    assert (await known(shop, other))["claims"]


async def test_the_same_request_to_erase_gets_the_same_proof_and_a_later_one_its_own(shop: Shop, clock: Clock) -> None:
    one = await agreed(shop)
    text = await asks_to_erase(shop, one)
    answers = await asyncio.gather(*(erase(shop, text) for _ in range(4)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    first = await erase(shop, text)
    proof = await proven(shop, one, text, first)
    clock.forward(timedelta(minutes=1))
    assert (await erase(shop, text)).body == first.body
    again = await asks_to_erase(shop, one, previous=proof)
    second = await proven(shop, one, again, await erase(shop, again))
    assert (proof.seq, second.seq) == (2, 4)
    assert [event.kind for event in await shop.parts.store.load_events(one.record.identifier)] == ["eraseRequest"] * 2


async def test_some_paths_are_erased_and_the_others_stay(shop: Shop) -> None:
    one = await agreed(shop)
    text = await asks_to_erase(shop, one, paths=[("vehicle", "model")])
    proof = await proven(shop, one, text, await erase(shop, text))
    assert proof.paths == (("vehicle", "model"),)
    (car,) = (await known(shop, one))["claims"]["car"]
    assert "model" not in car["vehicle"]
    assert "audioSystem" in car["vehicle"]


async def test_a_withdrawal_ends_the_relationship_and_keeps_what_was_promised_to_be_kept(shop: Shop) -> None:
    one = await agreed(shop)
    text = await withdraws(shop, one)
    answer = await shop.post("/agreements/withdraw", json={"event": text})
    acknowledged = await proven(shop, one, text, answer)
    assert (acknowledged.kind, acknowledged.state) == (EventKind.ACKNOWLEDGE, "applied")
    after = await known(shop, one)
    assert after["ended_at"] == "2026-11-21T10:00:00Z"
    assert after["erased_at"] is None
    assert after["claims"]
    text = await asks_to_erase(shop, one, previous=acknowledged)
    assert (await proven(shop, one, text, await erase(shop, text))).seq == 4
    assert (await known(shop, one))["claims"] == {}


async def test_a_withdrawal_that_wants_it_erased_too_is_obeyed_in_both(shop: Shop) -> None:
    one = await agreed(shop)
    sealed = await sealed_result(shop, one)
    text = await withdraws(shop, one, effect="stop-and-erase")
    await proven(shop, one, text, await shop.post("/agreements/withdraw", json={"event": text}))
    after = await known(shop, one)
    assert after["ended_at"]
    assert after["erased_at"]
    assert after["claims"] == {}
    assert sealed not in await stored(shop)


async def test_the_operator_sees_when_it_ended_and_when_it_was_erased(shop: Shop) -> None:
    await fill(shop, "/sign-in", {"passphrase": PASSPHRASE, "next": "/"})
    one = await agreed(shop)
    text = await withdraws(shop, one)
    answer = await shop.post("/agreements/withdraw", json={"event": text})
    page = words(await shop.get(f"/requests/{one.fetched.made.id}"))
    assert "verified ended The person took the yes back on 21 November 2026, 10:00 UTC. Do not use it any more" in page
    assert SECRETS[0] in page
    text = await asks_to_erase(shop, one, previous=await proven(shop, one, text, answer))
    assert (await erase(shop, text)).status == 200
    page = words(await shop.get(f"/requests/{one.fetched.made.id}"))
    assert "verified erased The person had it erased on 21 November 2026, 10:00 UTC." in page
    assert "It was erased, and you signed that it was." in page
    assert not [value for value in SECRETS if value in page]
    assert "verified erased" in words(await shop.get("/requests"))


@pytest.mark.parametrize("fault", ["stranger", "another-relationship", "chain", "bytes"])
async def test_a_forged_or_foreign_request_erases_nothing(shop: Shop, fault: str) -> None:
    one, other = await agreed(shop), await agreed(shop)
    text = await asks_to_erase(shop, one)
    if fault == "stranger":
        text = await asks_to_erase(shop, one, signer=signer_of("thief"))
    elif fault == "another-relationship":
        text = await asks_to_erase(shop, one, signer=pairwise(other.fetched))
    elif fault == "chain":
        text = await asks_to_erase(shop, one, previous=parse_event(text).event)
    else:
        text = text[:-8] + ("A" * 8 if not text.endswith("A" * 8) else "B" * 8)
    assert (await erase(shop, text)).status == 400
    assert (await known(shop, one))["claims"]
    assert not await shop.parts.store.load_events(one.record.identifier)


async def test_a_crash_between_deleting_and_scrubbing_is_made_good_at_the_next_start(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, sqlite_only: None
) -> None:
    async def fails(_: SqliteDatabase) -> None:
        raise StorageUnavailable("the process ended here")

    async with open_shop(folder, clock) as shop:
        one = await agreed(shop)
        sealed = await sealed_result(shop, one)
        text = await asks_to_erase(shop, one)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteDatabase, "scrub", fails)
            answer = await erase(shop, text)
        assert answer.status == 503, "no proof before nothing is left"
        assert (await known(shop, one))["claims"] == {}
        assert sealed in shop.files(), "what a crash would leave"
        left = Path(shutil.copytree(folder, folder.parent / "after the crash"))
    async with open_shop(left, clock) as shop:
        assert sealed[:64] not in shop.files()
        assert sealed[-64:] not in shop.files()
        await proven(shop, one, text, await erase(shop, text))


class Counted:
    """How often the files were written anew, and how long each time takes at least."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.0) -> None:
        self.passes = 0
        self.seconds = seconds
        for engine in (SqliteDatabase, PostgresDatabase):
            monkeypatch.setattr(engine, "scrub", self._counting(engine.scrub))

    def _counting(self, real: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        async def counted(database: object) -> None:
            self.passes += 1
            await asyncio.sleep(self.seconds)
            await real(database)

        return counted


async def test_erasing_what_is_gone_writes_nothing_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await agreed(shop)
    counted = Counted(monkeypatch)
    previous: AgreementEvent | None = None
    for _ in range(30):
        text = await asks_to_erase(shop, one, previous=previous)
        previous = await proven(shop, one, text, await erase(shop, text))
    assert counted.passes == 1


async def test_erasures_that_wait_share_one_rewrite_and_others_are_served_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [await agreed(shop) for _ in range(10)]
    texts = [await asks_to_erase(shop, one) for one in everybody]
    other = await agreed(shop)
    counted = Counted(monkeypatch, seconds=0.2)
    erasing = asyncio.gather(*(erase(shop, text) for text in texts))
    await asyncio.sleep(0.1)
    assert (await known(shop, other))["claims"], "who reads does not wait"
    assert (await shop.get((await shop.ask()).request_uri)).status == 200
    assert not erasing.done()
    answers = await erasing
    assert {one.status for one in answers} == {200}
    assert counted.passes <= 2


async def test_a_proof_is_signed_after_the_rewrite_and_until_then_the_answer_is_not_yet(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didkit_py.service.storage.scrubbing.WAIT_SECONDS", 0.05)
    one = await agreed(shop)
    text = await asks_to_erase(shop, one)
    Counted(monkeypatch, seconds=0.3)
    answer = await erase(shop, text)
    assert (answer.status, answer.json()["error"]) == (503, "storage-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    (event,) = await shop.parts.store.load_events(one.record.identifier)
    assert event.answer is None, "nothing is signed that is not so yet"
    assert (await known(shop, one))["claims"] == {}, "it is gone nevertheless"
    following = await asks_to_erase(shop, one, previous=parse_event(text).event)
    assert (await erase(shop, following)).status == 400, "a chain goes by answers"
    await asyncio.sleep(0.5)
    clock.forward(timedelta(minutes=10))
    proof = await proven(shop, one, text, await erase(shop, text))
    assert proof.at == clock()


async def test_a_flood_of_partial_erasures_leaves_the_database_free_most_of_the_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didkit_py.service.storage.scrubbing.WAIT_SECONDS", 0.02)
    everybody = [await agreed(shop) for _ in range(3)]
    counted = Counted(monkeypatch, seconds=0.1)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for one in everybody:
        await erase(shop, await asks_to_erase(shop, one))
    for _ in range(15):
        await asyncio.sleep(0.03)
        with contextlib.suppress(StorageUnavailable):
            await shop.parts.store.finish_erasing()
    spent = loop.time() - begun
    assert counted.passes <= 1 + spent / (0.1 * 5), "four parts of rest to one of work"
