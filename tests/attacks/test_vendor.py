"""The vendor's addresses against calls that are wrong in exactly one thing."""

from typing import Any

import pytest

from tests.attacks.case import rows
from tests.attacks.endpoint import EndpointCase, body, fields, members, send, walk
from tests.attacks.vendor_endpoints import CASES, good_acceptance, good_post, good_response
from tests.e2e.verifier.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("endpoint", {case.at.name: case.at for case in CASES}.values(), ids=lambda each: each.name)
async def test_a_good_call_is_accepted(endpoint: Any, shop: Shop) -> None:
    answer = await send(shop.http, await endpoint.good(shop))
    assert answer.status in (200, 202), answer.text


@pytest.mark.parametrize("case", rows(CASES))
async def test_a_call_that_is_wrong_in_one_thing_is_refused_and_changes_nothing(
    case: EndpointCase[Any], shop: Shop
) -> None:
    await walk(case, shop, shop.http, shop.folder / "database.sqlite3")


async def test_unknown_members_are_ignored_where_the_standard_says_so(shop: Shop) -> None:
    call = await fields(client_id="x")(shop, await good_post(shop))
    assert (await send(shop.http, call)).status == 200  # OpenID4VP 1.0, 5.10
    call = await body(lambda text: text + b"&iss=x")(shop, await good_response(shop))
    assert (await send(shop.http, call)).status == 200  # OpenID4VP 1.0, 8.2
    call = await members(lambda shape: {**shape, "more": [1]})(shop, await good_acceptance(shop))
    assert (await send(shop.http, call)).status == 202
