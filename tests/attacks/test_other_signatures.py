"""ES256 has two signatures for the same bytes; what may be used once is not used twice by sending the other one."""

import json
import re
from dataclasses import replace
from typing import Final

import pytest

from didkit_py.encoding import b64url, from_b64url
from tests.attacks import issuer_endpoints as issuing
from tests.attacks import vendor_endpoints as vending
from tests.attacks.endpoint import Call, dump, send
from tests.e2e.issuer.office import Office
from tests.e2e.verifier.shop import Shop
from tests.mutants.edits import P256_ORDER

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIGNATURE: Final = re.compile(rb'(?<=[."])[A-Za-z0-9_-]{86}(?=")')  # 64 bytes, alone or as a token's end


def with_the_other_signatures(call: Call) -> Call:
    """The same call with `s` replaced by the order less `s` in every signature."""

    def other(found: re.Match[bytes]) -> bytes:
        raw = from_b64url(found[0].decode())
        second = P256_ORDER - int.from_bytes(raw[32:], "big")
        return b64url(raw[:32] + second.to_bytes(32, "big")).encode()

    body, count = SIGNATURE.subn(other, call.body)
    assert count
    return replace(call, body=body)


async def test_a_key_proof_with_its_other_signature_spends_no_nonce_again(office: Office) -> None:
    call = await issuing.good_credential(office)
    assert (await send(office.http, call)).status == 200
    answer = await send(office.http, with_the_other_signatures(call))
    assert json.loads(answer.body)["error"] == "invalid_nonce"


async def test_a_key_proof_holds_under_either_signature(office: Office) -> None:
    call = with_the_other_signatures(await issuing.good_credential(office))
    assert (await send(office.http, call)).status == 200


async def test_an_acceptance_under_its_other_signature_is_no_second_one(shop: Shop) -> None:
    call = await vending.good_acceptance(shop)
    assert (await send(shop.http, call)).status == 202
    before = dump(shop.folder / "database.sqlite3")
    answer = await send(shop.http, with_the_other_signatures(call))
    assert json.loads(answer.body)["code"] == "bad-agreement"
    assert dump(shop.folder / "database.sqlite3") == before


@pytest.mark.parametrize("erase", [False, True])
async def test_an_event_under_its_other_signature_is_no_second_one(*, erase: bool, shop: Shop) -> None:
    call = await vending.event_call(shop, erase=erase)
    assert (await send(shop.http, call)).status == 200
    before = dump(shop.folder / "database.sqlite3")
    answer = await send(shop.http, with_the_other_signatures(call))
    assert json.loads(answer.body)["code"] == "bad-agreement"
    assert dump(shop.folder / "database.sqlite3") == before
