"""The issuer's clock is set back by a day: nothing lives longer, and nothing that was spent is good again."""

import json
from datetime import datetime, timedelta

from didkit_py.encoding import from_b64url, timestamp
from tests.e2e.issuer.office import NOW, STANDING, Answer, Office, keys
from tests.e2e.issuer.test_wire import STANDING_TYPE

A_DAY_BACK = timedelta(days=-1)


def issued_at(answer: Answer) -> int:
    claims = json.loads(from_b64url(answer.text.split(".")[1]))
    assert isinstance(claims["iat"], int)
    return claims["iat"]


async def test_a_token_of_tomorrow_is_refused(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    office.clock.forward(A_DAY_BACK)
    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1)))
    assert (answer.status, answer.error) == (401, "invalid_token")


async def test_a_nonce_of_tomorrow_is_refused(office: Office) -> None:
    nonce = await office.nonce()
    office.clock.forward(A_DAY_BACK)
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))
    assert (answer.status, answer.error) == (400, "invalid_nonce")


async def test_a_spent_nonce_stays_spent_although_its_time_passed_before_the_clock_was_set_back(office: Office) -> None:
    nonce = await office.nonce()
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    assert (await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))).status == 200
    office.clock.forward(timedelta(days=1))
    await office.parts.store.let_time_pass(now=office.clock())
    office.clock.forward(A_DAY_BACK)
    other = await office.access_token(await office.offer(STANDING_TYPE, STANDING, reference="100043"))
    answer = await office.credential(other, await office.request(STANDING_TYPE, keys(2), nonce=nonce))
    assert (answer.status, answer.error) == (400, "invalid_nonce")


async def test_an_offer_that_ended_stays_ended(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    office.clock.forward(timedelta(days=31))
    await office.parts.store.let_time_pass(now=office.clock())
    office.clock.forward(timedelta(days=-2))
    assert (await office.token(offer.code, offer.tx_code)).error == "invalid_grant"


async def test_a_status_list_is_never_dated_in_the_future(office: Office) -> None:
    assert issued_at(await office.get("/status-lists/1")) == timestamp(NOW)
    office.clock.forward(A_DAY_BACK)
    assert issued_at(await office.get("/status-lists/1")) == timestamp(datetime.fromisoformat("2026-11-20T10:00:00Z"))
