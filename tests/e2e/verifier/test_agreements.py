"""The agreement desk: one record for both sides, only for our own promise and exactly what was presented."""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.encoding import digest, jcs
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.response import create_error
from didkit_py.records.events import create_erase_request, create_withdrawal, parse_event, verify_event
from didkit_py.records.record import TYP, AgreementRecord, create_acceptance, verify_record
from didkit_py.roles.accepting import MAX_WAITING
from tests.cast import signer_of
from tests.e2e.verifier.shop import SECRETS, Answer, Clock, Fetched, Shop, affordability, open_shop, pairwise


async def signed_by(signer: Any, body: dict[str, Any]) -> JointlySigned:
    """A signature under whatever a faulty or hostile wallet might write."""
    return await JointlySigned(jcs(body), ()).countersign(signer, typ=TYP, header={"jwk": signer.public.to_jwk()})


async def agree(shop: Shop, fetched: Fetched) -> tuple[JointlySigned, Answer]:
    """Acceptance, presentation, acceptance again, as a wallet of ours does it."""
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, vp_token)
    first = await shop.send_acceptance(acceptance)
    assert (first.status, first.json()) == (202, {"state": "received"})
    assert (await shop.respond(fetched, vp_token)).status == 200
    return acceptance, await shop.send_acceptance(acceptance)


async def record_of(shop: Shop, answer: Answer, acceptance: JointlySigned) -> AgreementRecord:
    signed = JointlySigned.from_json(answer.json()["record"])
    return verify_record(signed, vendor_keys=await shop.document(), accepted=acceptance)


async def test_both_sides_end_with_the_same_bytes_and_two_signatures(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    acceptance, answer = await agree(shop, fetched)
    assert answer.status == 200
    record = await record_of(shop, answer, acceptance)
    assert record.payload == acceptance.payload
    kept = await shop.parts.store.load_acceptances(fetched.made.id)
    assert kept[0].record == answer.json()["record"]
    again = await shop.send_acceptance(acceptance)
    assert (again.status, again.body) == (200, answer.body)
    result = (await shop.parts.store.load_request(fetched.made.id, now=shop.clock())).result
    assert result is not None
    assert result.checks[-1].check.name == "agreement"


async def test_an_acceptance_that_comes_after_the_answer_gets_its_record(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    assert (await shop.respond(fetched, vp_token)).status == 200
    acceptance = await shop.accept(fetched, vp_token)
    answers = await asyncio.gather(*(shop.send_acceptance(acceptance) for _ in range(4)))
    assert {one.status for one in answers} == {200}
    assert len({one.body for one in answers}) == 1
    await record_of(shop, answers[0], acceptance)


async def test_a_threshold_is_not_in_the_record(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(affordability()))
    _, answer = await agree(shop, fetched)
    payload = JointlySigned.from_json(answer.json()["record"]).payload
    assert b"20000" not in payload
    assert ["at_least"] in json.loads(payload)["hasProcess"][0]["acceptedData"]


async def test_a_record_outlives_the_process(folder: Any, clock: Clock) -> None:
    async with open_shop(folder, clock) as shop:
        fetched = await shop.fetch(await shop.ask())
        vp_token = await shop.present(fetched)
        acceptance = await shop.accept(fetched, vp_token)
        await shop.send_acceptance(acceptance)
    async with open_shop(folder, clock) as shop:
        assert (await shop.respond(fetched, vp_token)).status == 200
    clock.forward(timedelta(hours=5))
    async with open_shop(folder, clock) as shop:
        answer = await shop.send_acceptance(acceptance)
        assert answer.status == 200
        await record_of(shop, answer, acceptance)


def other_grants(body: dict[str, Any]) -> None:
    body["hasProcess"][0]["hasStorageCondition"][0]["period"] = "P1D"


def extra_data(body: dict[str, Any]) -> None:
    body["hasProcess"][0]["acceptedData"].append(["vehicle", "vin"])


def less_data(body: dict[str, Any]) -> None:
    body["hasProcess"][0]["acceptedData"].pop()


def other_rel(body: dict[str, Any]) -> None:
    body["rel"] = "AAAAAAAAAAAAAAAAAAAAAA"


def value_inside(body: dict[str, Any]) -> None:
    body["hasProcess"][0]["values"] = [SECRETS[0]]


def value_as_path(body: dict[str, Any]) -> None:
    body["hasProcess"][0]["acceptedData"].append([SECRETS[0]])


def other_vendor(body: dict[str, Any]) -> None:
    body["hasDataController"]["id"] = "decentralized_identifier:did:web:other.example"


def foreign_offer(body: dict[str, Any]) -> None:
    body["offer"] = digest(b"an offer of somebody else")


def other_terms(body: dict[str, Any]) -> None:
    body["terms"] = "ni:///" + digest(b"other terms")


def of_tomorrow(body: dict[str, Any]) -> None:
    body["created"] = "2026-11-22T10:00:00Z"


CHANGES = (
    *(other_grants, extra_data, less_data, other_rel, value_inside, value_as_path, other_vendor, foreign_offer),
    *(other_terms, of_tomorrow),
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_another_acceptance_than_the_offer_allows_is_refused(
    shop: Shop, change: Callable[[dict[str, Any]], None]
) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    body = shop.record(fetched, vp_token)
    change(body)
    answer = await shop.send_acceptance(await signed_by(pairwise(fetched), body))
    assert answer.status == 400, answer.text
    assert answer.json()["code"] in {"bad-agreement", "malformed"}
    assert not await shop.parts.store.load_acceptances(fetched.made.id)
    assert SECRETS[0] not in answer.text


async def test_an_acceptance_by_another_key_than_it_names_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    body = shop.record(fetched, await shop.present(fetched))
    stolen = await signed_by(signer_of("thief"), body)
    broken = await create_acceptance(body, signer=pairwise(fetched))
    spoilt = replace(broken.signatures[0], signature="A" * 86)
    for signed in (stolen, JointlySigned(broken.payload, (spoilt,))):
        assert (await shop.send_acceptance(signed)).status == 400
    assert not await shop.parts.store.load_acceptances(fetched.made.id)


async def test_an_acceptance_of_another_presentation_counts_for_nothing(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, {"car": ["another~"]})
    assert (await shop.send_acceptance(acceptance)).status == 202
    assert (await shop.respond(fetched, vp_token)).status == 200
    kept = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
    assert kept.result is not None
    assert "agreement" not in [one.check.name for one in kept.result.checks]
    assert (await shop.send_acceptance(acceptance)).status == 400
    assert not [one for one in await shop.parts.store.load_acceptances(fetched.made.id) if one.record]


async def test_an_acceptance_of_another_presentation_gets_no_record_afterwards(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    assert (await shop.respond(fetched, await shop.present(fetched))).status == 200
    answer = await shop.send_acceptance(await shop.accept(fetched, {"car": ["another~"]}))
    assert (answer.status, answer.json()["code"]) == (400, "bad-agreement")
    assert not await shop.parts.store.load_acceptances(fetched.made.id)


async def test_a_strangers_acceptance_does_not_stand_in_the_way_of_the_right_one(shop: Shop) -> None:
    made = await shop.ask()
    stranger = await shop.fetch(made, wallet_nonce="wallet-of-the-stranger-1")
    person = await shop.fetch(made)
    assert (await shop.send_acceptance(await shop.accept(stranger, {"car": ["another~"]}))).status == 202
    acceptance, answer = await agree(shop, person)
    assert answer.status == 200
    await record_of(shop, answer, acceptance)


async def test_acceptances_by_strangers_use_nothing_up(shop: Shop) -> None:
    """A thousand before, between and after what the person sends; nothing of them stays."""
    made = await shop.ask()
    stranger = await shop.fetch(made, wallet_nonce="wallet-of-the-stranger-1")
    person = await shop.fetch(made)
    vp_token = await shop.present(person)
    acceptance = await shop.accept(person, vp_token)

    async def flood(first: int, count: int) -> None:
        for number in range(first, first + count):
            forged = await shop.accept(stranger, {"car": [f"{number}~"]})
            assert (await shop.send_acceptance(forged)).status == 202
        assert len(await shop.parts.store.load_acceptances(made.id)) <= MAX_WAITING

    await flood(0, 30)
    assert (await shop.send_acceptance(acceptance)).status == 202
    await flood(30, 30)  # pushes out what the person sent; their wallet sends it again
    assert (await shop.respond(person, vp_token)).status == 200
    forged = await shop.send_acceptance(await shop.accept(stranger, {"car": ["late~"]}))
    assert (forged.status, forged.json()["code"]) == (400, "bad-agreement")
    answer = await shop.send_acceptance(acceptance)
    assert answer.status == 200, answer.text
    await record_of(shop, answer, acceptance)
    assert len(await shop.parts.store.load_acceptances(made.id)) == 1


async def test_an_acceptance_that_was_pushed_out_gets_its_record_hours_later(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, vp_token)
    assert (await shop.respond(fetched, vp_token)).status == 200
    clock.forward(timedelta(hours=5))
    answer = await shop.send_acceptance(acceptance)
    assert answer.status == 200, answer.text
    await record_of(shop, answer, acceptance)


async def test_of_one_presentation_there_is_one_record(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    first, second = [await shop.accept(fetched, vp_token) for _ in range(2)]
    assert first.payload != second.payload
    assert (await shop.respond(fetched, vp_token)).status == 200
    answers = await asyncio.gather(*(shop.send_acceptance(one) for one in (first, second)))
    assert sorted(one.status for one in answers) == [200, 400]
    assert len([one for one in await shop.parts.store.load_acceptances(fetched.made.id) if one.record]) == 1


async def test_a_request_that_somebody_declined_can_still_be_accepted(shop: Shop) -> None:
    made = await shop.ask()
    stranger = await shop.fetch(made, wallet_nonce="wallet-of-the-stranger-1")
    form = create_error("access_denied", state=stranger.request.request.state)
    for _ in range(10):
        assert (await shop.post(stranger.request.request.response_uri, data=form)).status == 200
    person = await shop.fetch(made)
    acceptance, answer = await agree(shop, person)
    assert answer.status == 200
    await record_of(shop, answer, acceptance)


async def test_nothing_is_accepted_of_a_request_that_is_over(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    acceptance = await shop.accept(fetched, {"car": ["x~"]})
    form = create_error("access_denied", state=fetched.request.request.state)
    assert (await shop.post(fetched.request.request.response_uri, data=form)).status == 200
    assert (await shop.send_acceptance(acceptance)).status == 202
    clock.forward(timedelta(minutes=33))
    answer = await shop.send_acceptance(acceptance)
    assert (answer.status, answer.json()["code"]) == (400, "illegal-move")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"record": "text"},
        {"record": {"payload": "e30", "signatures": []}},
        {"record": {"payload": "e30", "signatures": [{"protected": "e30", "signature": ""}]}},
        {"record": {"payload": "!!", "signatures": [{"protected": "e30", "signature": "AA"}]}},
    ],
)
async def test_what_is_no_acceptance_is_refused(shop: Shop, body: object) -> None:
    answer = await shop.post("/agreements", json=body)
    assert answer.status == 400
    assert answer.json()["code"] == "malformed"


async def test_an_acceptance_waits_while_the_terms_are_not_at_hand(shop: Shop) -> None:
    made = await shop.ask()
    again = await shop.fetch(made)
    acceptance = await shop.accept(again, await shop.present(again))
    sources = [one for one in await shop.parts.lists.load_sources() if "/terms/" not in one.url]
    await shop.parts.lists.save_sources(sources)
    answer = await shop.send_acceptance(acceptance)
    assert answer.status == 503
    assert not await shop.parts.store.load_acceptances(made.id)


async def test_a_withdrawal_is_kept_and_acknowledged_with_our_signature(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    acceptance, answer = await agree(shop, fetched)
    record = await record_of(shop, answer, acceptance)
    text = await create_withdrawal(
        record, previous=None, gids=["g-a"], effect="stop-use", signer=pairwise(fetched), now=clock()
    )
    first = await shop.post("/agreements/withdraw", json={"event": text})
    assert first.status == 200, first.text
    withdrawn = parse_event(text).event
    acknowledged = verify_event(
        parse_event(first.json()["event"]),
        record=record,
        previous=withdrawn,
        vendor_keys=await shop.document(),
        now=clock(),
    )
    assert (acknowledged.of, acknowledged.state) == (withdrawn.digest, "applied")
    again = await shop.post("/agreements/withdraw", json={"event": text})
    assert (again.status, again.body) == (200, first.body)
    erase = await create_erase_request(
        record, previous=acknowledged, paths=[], basis="terms:d2", signer=pairwise(fetched), now=clock()
    )
    second = await shop.post("/agreements/erase", json={"event": erase})
    assert second.status == 200, second.text
    assert [one.kind for one in await shop.parts.store.load_events(record.identifier)] == ["withdraw", "eraseRequest"]


@pytest.mark.parametrize("fault", ["address", "key", "order", "record"])
async def test_an_event_that_does_not_belong_here_is_refused(shop: Shop, clock: Clock, fault: str) -> None:
    fetched = await shop.fetch(await shop.ask())
    acceptance, answer = await agree(shop, fetched)
    record = await record_of(shop, answer, acceptance)
    signer = signer_of("thief") if fault == "key" else pairwise(fetched)
    if fault == "record":
        record = replace(record, identifier=str(uuid.uuid4()))
    first = await create_withdrawal(record, previous=None, gids=["g-a"], effect="stop-use", signer=signer, now=clock())
    second = await create_withdrawal(
        record,
        previous=parse_event(first).event,
        gids=["g-a"],
        effect="stop-use",
        signer=signer,
        now=clock(),
    )
    text = second if fault == "order" else first
    path = "/agreements/erase" if fault == "address" else "/agreements/withdraw"
    refused = await shop.post(path, json={"event": text})
    assert refused.status == 400, refused.text
    assert not await shop.parts.store.load_events(record.identifier)
