"""The vendor's clock is set back by a day: no request lives longer, and none can be answered twice."""

from datetime import timedelta

from tests.e2e.verifier.shop import Clock, Shop

A_DAY_BACK = timedelta(days=-1)


async def test_a_request_of_tomorrow_is_neither_shown_nor_answered(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    clock.forward(A_DAY_BACK)
    assert (await shop.get(fetched.made.request_uri)).status == 410
    answer = await shop.respond(fetched, vp_token)
    assert (answer.status, answer.json()["code"]) == (400, "expired")
    assert await shop.state(fetched.made) == "expired"


async def test_a_request_that_was_answered_stays_answered(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    assert (await shop.respond(fetched, vp_token)).status == 200
    for back in (timedelta(minutes=-1), A_DAY_BACK):
        clock.forward(back)
        assert (await shop.respond(fetched, vp_token)).status == 400
