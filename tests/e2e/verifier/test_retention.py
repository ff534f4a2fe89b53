"""A promise about keeping is kept: what was shown goes when its time is over, and with it the question that tells."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import Json, from_b64url
from didkit_py.records.retention import IMMEDIATE_USE, kept_until, of_use
from didkit_py.terms.grant_parts import Retention
from didkit_py.terms.period import Period
from tests.cast import NOW, SOUND_GRANT
from tests.e2e.verifier.shop import (
    PASSPHRASE,
    SECRETS,
    Clock,
    Shop,
    affordability,
    open_shop,
    sound_system,
)
from tests.e2e.verifier.test_endings import (
    agreed,
    asks_to_erase,
    erase,
    known,
    proven,
    sealed_result,
    stored,
    withdraws,
)
from tests.e2e.verifier.test_pages import fill, words


def promised(*retention: dict[str, Json], more: Sequence[dict[str, Json]] = ()) -> dict[str, Json]:
    """The sound system's request with another promise about keeping, and further grants."""
    grant = SOUND_GRANT.to_json() | {"retention": [*retention]}
    return sound_system(grants=[grant, *more])


def keeping(period: str, **changes: Json) -> dict[str, Json]:
    return {"class": "planning", "period": period, "from": "disclosure", "then": "erase"} | changes


async def asked_columns(shop: Shop, request_id: str) -> str:
    """All that the vendor's database still holds of a request, opened."""
    kept = await shop.parts.store.load_request(request_id, now=shop.clock())
    offers = [one.text for one in await shop.parts.store.load_offers(request_id)]
    promises = [from_b64url(text.split(".")[1]).decode() for text in offers]
    question = None if kept.asked.erased else kept.asked.template.to_json()
    result = None if kept.stored is None else kept.stored.to_json()
    return json.dumps([question, kept.asked.nonce, dict(kept.asked.encryption_jwk), promises, result])


async def test_after_thirty_days_nothing_of_what_was_shown_is_left_anywhere(shop: Shop, clock: Clock) -> None:
    await fill(shop, "/sign-in", {"passphrase": PASSPHRASE, "next": "/"})
    one = await agreed(shop, promised(keeping("P30D")))
    sealed = await sealed_result(shop, one)
    page = f"/requests/{one.fetched.made.id}"
    assert "Kept until 21 December 2026, 10:00 UTC" in words(await shop.get(page))
    clock.forward(timedelta(days=29))
    await shop.parts.retaining.erase_due(now=clock())
    assert SECRETS[0] in words(await shop.get(page))
    clock.forward(timedelta(days=371))
    told = words(await shop.get(page))
    assert not [value for value in SECRETS if value in told], "not even before the schedule comes to it"
    await shop.parts.retaining.erase_due(now=clock())
    after = await known(shop, one)
    assert (after["claims"], after["issuers"], after["kept_until"]) == ({}, {}, {})
    assert after["state"] == "verified"
    assert after["record"] is not None
    assert after["lapsed_at"] == "2027-12-26T10:00:00Z"
    told = words(await shop.get(page))
    assert "What was shown was erased on 26 December 2027, 10:00 UTC, when its time was over." in told
    assert not [value for value in SECRETS if value in told]
    assert "sound system" not in await asked_columns(shop, one.fetched.made.id)
    files = await stored(shop)
    assert sealed[:64] not in files
    assert sealed[-64:] not in files


async def test_what_became_due_while_nobody_ran_goes_at_the_next_start(folder: Path, clock: Clock) -> None:
    async with open_shop(folder, clock) as shop:
        one = await agreed(shop, promised(keeping("P30D")))
        sealed = await sealed_result(shop, one)
    clock.forward(timedelta(days=400))
    async with open_shop(folder, clock) as shop:
        assert sealed[:64] not in await stored(shop)
        kept = await shop.parts.store.load_request(one.fetched.made.id, now=clock())
        assert kept.stored is not None
        assert not kept.stored.learned
        assert (await known(shop, one))["claims"] == {}


async def test_without_an_agreement_an_answer_is_kept_for_immediate_use_alone(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    assert (await shop.respond(fetched, await shop.present(fetched))).status == 200
    name = fetched.made.id
    clock.forward(IMMEDIATE_USE - timedelta(seconds=1))
    kept = await shop.parts.store.load_request(name, now=clock())
    assert kept.result is not None
    assert kept.result.learned
    clock.forward(timedelta(seconds=1))
    await shop.parts.retaining.erase_due(now=clock())
    kept = await shop.parts.store.load_request(name, now=clock())
    assert kept.stored is not None
    assert not kept.stored.learned
    assert kept.asked.erased


async def test_an_agreement_that_comes_late_brings_its_own_end(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask(promised(keeping("P30D"))))
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, vp_token)
    assert (await shop.respond(fetched, vp_token)).status == 200
    clock.forward(timedelta(hours=20))
    assert (await shop.send_acceptance(acceptance)).status == 200
    clock.forward(timedelta(days=29))
    assert await learned(shop, fetched.made.id)
    clock.forward(timedelta(days=1))
    assert not await learned(shop, fetched.made.id)


async def learned(shop: Shop, request_id: str) -> Any:
    """What the vendor knows by now, once its schedule came by."""
    await shop.parts.retaining.erase_due(now=shop.clock())
    kept = await shop.parts.store.load_request(request_id, now=shop.clock())
    return None if kept.stored is None else kept.stored.learned


async def test_what_counts_from_the_end_of_the_relationship_is_kept_until_the_person_left(
    shop: Shop, clock: Clock
) -> None:
    one = await agreed(shop, promised(keeping("P30D", **{"from": "relationshipEnd"})))
    name = one.fetched.made.id
    clock.forward(timedelta(days=400))
    assert await learned(shop, name)
    text = await withdraws(shop, one)
    assert (await shop.post("/agreements/withdraw", json={"event": text})).status == 200
    clock.forward(timedelta(days=29))
    assert await learned(shop, name)
    clock.forward(timedelta(days=1))
    assert not await learned(shop, name)


PERIOD_CASES = {
    "disclosure": ([("immediate", "P30D", "disclosure", "erase")], 30),
    "nothing said of the start": ([("immediate", "P30D", None, "erase")], 30),
    "a purpose that nobody says is met": ([("immediate", "P30D", "purposeEnd", "erase")], 30),
    "to be made anonymous": ([("planning", "P30D", "disclosure", "anonymise")], 30),
    "the longer class of use": ([("immediate", "P7D", None, "erase"), ("planning", "P30D", None, "erase")], 30),
    "an archive that we do not have": ([("immediate", "P30D", None, "erase"), ("archive", "P10Y", None, "erase")], 30),
    "for disputes alone": ([("dispute", "P60D", None, "erase")], 60),
    "no time at all": ([("immediate", "PT0S", None, "erase")], 0),
    "nothing promised": ([], 1),
    "until they leave": ([("planning", "P30D", "relationshipEnd", "erase")], None),
    "for good": ([("planning", "P30D", None, "keep")], None),
}


@pytest.mark.parametrize(("promise", "days"), PERIOD_CASES.values(), ids=PERIOD_CASES.keys())
def test_each_promise_about_keeping_has_one_end(
    promise: Sequence[tuple[str, str, str | None, str]], days: int | None
) -> None:
    retention = tuple(
        Retention(retention_class=name, period=Period.parse(period), start=start, then=then)
        for name, period, start, then in promise
    )
    end = kept_until(["g"], {"g": of_use(retention)}, shown_at=NOW, ended={})
    assert end == (None if days is None else NOW + timedelta(days=days))


def test_of_several_grants_for_one_claim_the_longest_keeps_it() -> None:
    short, long = [
        (Retention(retention_class="immediate", period=Period.parse(period), then="erase"),)
        for period in ("P7D", "P30D")
    ]
    end = kept_until(["a", "b"], {"a": short, "b": long}, shown_at=NOW, ended={})
    assert end == NOW + timedelta(days=30)


async def test_after_an_erasure_the_question_does_not_tell_the_answer(shop: Shop) -> None:
    """The question asks whether it is at least 20,000: beside `verified` that is the answer."""
    await fill(shop, "/sign-in", {"passphrase": PASSPHRASE, "next": "/"})
    one = await agreed(shop, affordability())
    name = one.fetched.made.id
    assert "20000" in await asked_columns(shop, name)
    text = await asks_to_erase(shop, one)
    await proven(shop, one, text, await erase(shop, text))
    told = await asked_columns(shop, name)
    pages = [words(await shop.get(path)) for path in (f"/requests/{name}", "/requests", "/")]
    printed = json.dumps(await known(shop, one))
    for said in (told, *pages, printed):
        for answer in ("20000", "20,000", "budget", "afford"):
            assert answer not in said
    assert "at_least" not in (await shop.get(f"/ask?again={name}")).text
    assert "verified erased" in pages[0]
    kept = await shop.parts.store.load_request(name, now=shop.clock())
    assert kept.stored is not None
    assert all(one.check.passed and not one.query_id and not one.check.detail for one in kept.stored.checks)


async def test_a_part_that_is_erased_takes_the_question_along_where_that_names_it(shop: Shop) -> None:
    one = await agreed(shop)
    text = await asks_to_erase(shop, one, paths=[("vehicle", "model")])
    await proven(shop, one, text, await erase(shop, text))
    kept = await shop.parts.store.load_request(one.fetched.made.id, now=shop.clock())
    assert kept.asked.erased
    assert (await known(shop, one))["claims"]["car"][0]["vehicle"].keys() == {"audioSystem"}


async def test_the_record_is_still_given_after_everything_else_is_gone(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask(promised(keeping("P30D"))))
    vp_token = await shop.present(fetched)
    acceptance = await shop.accept(fetched, vp_token)
    assert (await shop.send_acceptance(acceptance)).status == 202
    assert (await shop.respond(fetched, vp_token)).status == 200
    clock.forward(timedelta(days=400))
    assert not await learned(shop, fetched.made.id)
    answer = await shop.send_acceptance(acceptance)
    assert answer.status == 200, answer.text


async def test_an_answer_of_before_there_were_ends_gets_its_end(folder: Path, clock: Clock) -> None:
    async with open_shop(folder, clock) as shop:
        one = await agreed(shop, promised(keeping("P30D")))
        store, name = shop.parts.store, one.fetched.made.id
        kept = await store.load_request(name, now=clock())
        assert kept.stored is not None
        old = kept.stored.to_json()
        for some in old["learned"].values():  # type: ignore[union-attr] # as it was written before
            for each in some:  # type: ignore[union-attr]
                del each["retained"]  # type: ignore[union-attr,arg-type]
        sealed = store.box.seal(old, place=f"results:{name}")
        await store.database.execute("UPDATE requests SET result = ?, due_at = answered_at WHERE id = ?", sealed, name)
    async with open_shop(folder, clock) as shop:
        clock.forward(timedelta(days=29))
        assert await learned(shop, name)
        clock.forward(timedelta(days=1))
        assert not await learned(shop, name)
