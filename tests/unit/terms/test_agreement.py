"""Agreements: read strictly, and bound to one request, one key, one time and the vendor's own addresses."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.encoding import digest, jcs, timestamp
from didkit_py.errors import BadAgreement, BadSignature, DidkitError, Malformed, WrongType
from didkit_py.formats.table import FORMATS
from didkit_py.jose import sign_compact
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.terms.agreement import Agreement, complete_grants, parse_agreement, request_hash, verify_agreement
from tests.cast import BOB, CAR_QUERY, NOW, SOUND, SOUND_QUERY, Situation, happy


@pytest.fixture
async def h() -> Situation:
    return await happy()


async def verified(situation: Situation, text: str, *, now: timedelta = timedelta()) -> Agreement:
    return verify_agreement(parse_agreement(text), request=await situation.request(), now=NOW + now)


def test_the_hash_of_a_query_is_over_its_canonical_form() -> None:
    assert request_hash(DcqlQuery.from_json(CAR_QUERY, formats=FORMATS)) == digest(jcs(CAR_QUERY))


async def test_an_agreement_for_this_request_holds(h: Situation) -> None:
    agreement = await verified(h, await h.offer())
    assert agreement.grants == complete_grants(h.grants, DcqlQuery.from_json(CAR_QUERY, formats=FORMATS))
    assert agreement.controller.name == SOUND.name


async def test_an_agreement_for_another_query_is_refused(h: Situation) -> None:
    with pytest.raises(BadAgreement, match="request_hash"):
        await verified(h, await h.but(query=SOUND_QUERY).offer())


async def test_an_agreement_for_another_nonce_is_refused(h: Situation) -> None:
    with pytest.raises(BadAgreement, match="nonce"):
        await verified(h, await h.but(nonce="b3RoZXItbm9uY2Utb2YtMTI4Yml0cw").offer())


async def test_an_agreement_for_another_wallet_is_refused(h: Situation) -> None:
    request = await h.request()
    ours = replace(request, request=replace(request.request, wallet_nonce="qPmxiNFCR3QTm19POc8uAA"))
    with pytest.raises(BadAgreement, match="wallet_nonce"):
        verify_agreement(parse_agreement(await h.offer()), request=ours, now=NOW)


async def test_an_agreement_of_another_vendor_is_refused(h: Situation) -> None:
    with pytest.raises(BadSignature):
        await verified(h, await h.but(vendor=BOB).offer())


@pytest.mark.parametrize("now", [timedelta(minutes=32), timedelta(minutes=-2)])
async def test_an_agreement_of_another_time_is_refused(h: Situation, now: timedelta) -> None:
    text = await h.offer()
    request = await h.request()
    with pytest.raises(BadAgreement, match="time"):
        verify_agreement(parse_agreement(text), request=request, now=NOW + now)


@pytest.mark.parametrize("desk", ["receipt", "withdraw", "erase"])
async def test_an_address_that_is_not_the_vendors_own_is_refused(h: Situation, desk: str) -> None:
    own = getattr(parse_agreement(await h.offer()).agreement, desk)
    text = await h.but(agreement_changes={desk: replace(own, uri="https://elsewhere.example/desk")}).offer()
    with pytest.raises(BadAgreement, match="address"):
        await verified(h, text)


@pytest.mark.parametrize(
    "change",
    [
        {"note": "x"},
        {"aud": "https://elsewhere.example"},
        {"rel": "short"},
        {"grants": []},
        {"request_hash": "sha-512;abc"},
        {"controller": {"name": "Clearsound Ltd"}},
        {"receipt": {"uri": "http://sound.example/agreements", "within": "P1D"}},
        {"terms": {"id": "ni:///sha-256;" + "A" * 43, "family": "x"}},
        {"give": {"code": "x", "text": "y" * 301}},
        {"iat": "now"},
    ],
    ids=str,
)
async def test_an_agreement_with_a_stray_or_misshapen_member_is_not_read(h: Situation, change: dict[str, Any]) -> None:
    claims = parse_agreement(await h.offer()).jws.claims()
    text = await sign_compact(claims | change, typ="relationship-agreement+jwt", signer=SOUND.signer)
    with pytest.raises((Malformed, BadAgreement)):
        parse_agreement(text)


@pytest.mark.parametrize(
    ("life", "is_refused"),
    [
        (timedelta(minutes=30), False),
        (timedelta(minutes=30, seconds=1), True),
        (timedelta(seconds=1), False),
        (timedelta(), True),
        (timedelta(seconds=-1), True),
    ],
)
async def test_an_offer_lives_some_time_and_thirty_minutes_at_most(
    h: Situation, life: timedelta, *, is_refused: bool
) -> None:
    claims = parse_agreement(await h.offer()).jws.claims() | {"exp": timestamp(NOW + life)}
    text = await sign_compact(claims, typ="relationship-agreement+jwt", signer=SOUND.signer)
    with pytest.raises(BadAgreement, match="30 minutes") if is_refused else nullcontext():
        await verified(h, text)


@pytest.mark.parametrize(
    ("now", "is_refused"),
    [
        (timedelta(seconds=-60), False),
        (timedelta(seconds=-61), True),
        (timedelta(minutes=31), False),
        (timedelta(minutes=31, seconds=1), True),
    ],
)
async def test_clocks_may_differ_by_a_minute_at_both_ends_of_an_offer(
    h: Situation, now: timedelta, *, is_refused: bool
) -> None:
    text = await h.offer()
    with pytest.raises(BadAgreement, match="time") if is_refused else nullcontext():
        await verified(h, text, now=now)


@pytest.mark.parametrize(
    ("change", "is_read"),
    [
        ({"rel": "r" * 22}, True),
        ({"rel": "r" * 21}, False),
        ({"rel": "r" * 64}, True),
        ({"rel": "r" * 65}, False),
        ({"continues": "c" * 64}, True),
        ({"continues": "c" * 65}, False),
        ({"terms": {"id": "t" * 64}}, True),
        ({"terms": {"id": "t" * 65}}, False),
        ({"give": {"code": "c" * 80, "text": "t" * 300}}, True),
        ({"give": {"code": "c" * 81, "text": "t"}}, False),
        ({"give": {"code": "c", "text": "t" * 301}}, False),
    ],
    ids=str,
)
async def test_each_text_of_an_agreement_has_its_bounds(h: Situation, change: dict[str, Any], *, is_read: bool) -> None:
    claims = parse_agreement(await h.offer()).jws.claims()
    text = await sign_compact(claims | change, typ="relationship-agreement+jwt", signer=SOUND.signer)
    with nullcontext() if is_read else pytest.raises((Malformed, BadAgreement)):
        parse_agreement(text)


async def test_a_token_of_another_kind_is_not_an_agreement(h: Situation) -> None:
    request = await h.request()
    with pytest.raises(WrongType):
        parse_agreement(request.text)
    with pytest.raises(DidkitError):
        parse_agreement("no.agreement.")


@pytest.mark.parametrize("name", ["iss", "client_id"])
async def test_an_agreement_that_names_another_client_is_refused(h: Situation, name: str) -> None:
    claims = parse_agreement(await h.offer()).jws.claims() | {name: f"decentralized_identifier:{BOB.did}"}
    text = await sign_compact(claims, typ="relationship-agreement+jwt", signer=SOUND.signer)
    with pytest.raises(BadAgreement, match=name):
        await verified(h, text)


async def test_an_agreement_under_another_name_of_the_key_is_refused(h: Situation) -> None:
    renamed = replace(SOUND.signer, key_id=f"{SOUND.did}#key-2")
    with pytest.raises(BadAgreement, match="another key"):
        await verified(h, await h.but(agreement_changes={"signer": renamed}).offer())
