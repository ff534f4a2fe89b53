"""What an operator's monitoring sees of a vendor at work, and how one request is found again in log and answer."""

import asyncio
import math

from tests.e2e.verifier.shop import Shop
from tests.e2e.verifier.test_endings import agreed, asks_to_erase, erase, withdraws
from tests.logged import Log
from tests.shown_metrics import samples_of, undocumented_and_unseen, value
from verifier.metrics import METRICS

NEVER_HERE = {"didkit_database_failures_total", "didkit_log_events_total"}


async def test_requests_answers_and_endings_are_counted_by_outcome(shop: Shop) -> None:
    one = await agreed(shop)
    vp_token = await shop.present(one.fetched)
    assert (await shop.respond(one.fetched, vp_token)).status == 400
    assert (await shop.get("/oid4vp/requests/nobody")).status == 404
    withdrawn = await shop.post("/agreements/withdraw", json={"event": await withdraws(shop, one)})
    assert withdrawn.status == 200
    assert (await shop.post("/agreements/withdraw", json={"event": "none"})).status == 400
    other = await agreed(shop)
    assert (await erase(shop, await asks_to_erase(shop, other))).status == 200
    assert (await shop.post("/check-request", data=b"{}")).status == 415
    await asyncio.sleep(0.1)  # the first refresh of the lists fails at once: nobody publishes them here

    seen = await samples_of(shop.metrics)
    undocumented, unseen = undocumented_and_unseen(seen, METRICS)
    assert (undocumented, unseen - NEVER_HERE) == (set(), set())
    assert value(seen, "didkit_requests_signed_total", outcome="ok") == 2
    assert value(seen, "didkit_requests_signed_total", outcome="not-found") == 1
    assert value(seen, "didkit_presentations_total", outcome="ok") == 2
    assert value(seen, "didkit_presentations_total", outcome="replayed") == 1
    assert value(seen, "didkit_acceptances_total", outcome="ok") == 2
    assert value(seen, "didkit_withdrawals_total", outcome="ok") == 1
    assert value(seen, "didkit_withdrawals_total", outcome="malformed") == 1
    assert value(seen, "didkit_erasures_total", outcome="ok") == 1
    assert value(seen, "didkit_lists_age_seconds") == math.inf  # none were ever fetched by the schedule


async def test_a_refresh_that_fails_is_counted_and_its_fetches_have_its_number(log: Log, shop: Shop) -> None:
    async with asyncio.timeout(20):
        while not log.lines(event="lists-not-refreshed"):  # noqa: ASYNC110 - the schedule tells nobody else
            await asyncio.sleep(0.05)
    (first, *_) = log.lines(event="lists-not-refreshed")
    assert first["code"] in {"unreachable", "forbidden-address"}
    assert {line["event"] for line in log.lines(run_id=first["run_id"])} >= {"fetch", "lists-not-refreshed"}
    assert value(await samples_of(shop.metrics), "didkit_list_refreshes_total", outcome=first["code"])


async def test_a_refusal_its_log_and_its_answer_have_one_number(shop: Shop, log: Log) -> None:
    answer = await shop.post("/agreements", json={"record": 1})
    number = answer.headers["X-Request-Id"]
    assert answer.json()["request_id"] == number
    assert {line["event"] for line in log.lines(request_id=number)} == {"refused", "request"}
