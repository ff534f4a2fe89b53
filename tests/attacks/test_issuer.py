"""The issuer's addresses against calls that are wrong in exactly one thing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.case import rows
from tests.attacks.endpoint import Answer, EndpointCase, fields, members, send, walk
from tests.attacks.issuer_endpoints import (
    CASES,
    OFFER,
    good_credential,
    good_token,
    taken_up,
    withdrawn,
)
from tests.e2e.issuer.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("endpoint", {case.at.name: case.at for case in CASES}.values(), ids=lambda each: each.name)
async def test_a_good_call_is_accepted(endpoint: Any, office: Office) -> None:
    answer = await send(office.http, await endpoint.good(office))
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("case", rows(CASES))
async def test_a_call_that_is_wrong_in_one_thing_is_refused_and_changes_nothing(
    case: EndpointCase[Any], office: Office, database: Path
) -> None:
    await walk(case, office, office.http, database)


async def test_unknown_members_are_ignored_where_the_standard_says_so(office: Office) -> None:
    call = await fields(client_id="x", resource="y")(office, await good_token(office))
    assert (await send(office.http, call)).status == 200  # RFC 6749, 3.2
    call = await members(lambda request: {**request, "new_member": {"a": [1]}})(office, await good_credential(office))
    assert (await send(office.http, call)).status == 200  # OpenID4VCI 1.0, 8.2


async def test_an_offer_that_was_and_one_that_never_was_look_the_same(office: Office) -> None:
    call = await OFFER.good(office)
    never = await send(office.http, replace(call, url=call.url.rpartition("/")[0] + "/" + "x" * 22))
    for change in (taken_up, withdrawn):
        gone = await send(office.http, await change(office, call))
        assert (gone.status, apart_from_its_number(gone)) == (never.status, apart_from_its_number(never))


def apart_from_its_number(answer: Answer) -> object:
    return {name: value for name, value in json.loads(answer.body).items() if name != "request_id"}
