"""Asking: what is durable before the link exists, what each wallet gets signed, and what cannot be asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didkit_py.consent.vendor import verify_vendor
from didkit_py.encoding import Json, digest, from_b64url, read_json
from didkit_py.errors import BadTerms, CannotOpen, Expired, IllegalMove, Malformed, NotFound
from didkit_py.formats.table import FORMATS
from didkit_py.jose import parse_compact
from didkit_py.oauth import VpFormatsNotSupported
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.oid4vp.request import parse_request_link, parse_request_object, verify_request_object
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking import LIFETIME
from didkit_py.roles.asking_store import RequestTemplate
from didkit_py.service.storage.sealing import Box
from didkit_py.terms.agreement import parse_agreement
from tests.cast import DEALER, NOW, dealer_role, evidence, terms, terms_signatory
from tests.unit.roles.vendor import ROLE, Desk, open_desk, sheet, template
from verifier.storage.store import MAX_FETCHES

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def claims_of(text: str) -> dict[str, Any]:
    found = read_json(from_b64url(text.split(".")[1]))
    assert isinstance(found, dict)
    return found


def promise_in(text: str) -> dict[str, Any]:
    return claims_of(claims_of(text)["verifier_info"][-1]["data"])


async def test_a_wallet_believes_every_part_of_what_is_signed(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    link = parse_request_link(made.link, key_sources=KEY_SOURCES)
    text = await desk.asking.sign(made.id, wallet_nonce="wallet-side-randomness-1", now=LATER)
    request = verify_request_object(
        parse_request_object(text, link=link, key_sources=KEY_SOURCES),
        client_keys=DEALER.document,
        expected_wallet_nonce="wallet-side-randomness-1",
        now=LATER,
        formats=FORMATS,
    )
    vendor = verify_vendor(
        request,
        evidence=await evidence(),
        vendor_keys=DEALER.document,
        terms={desk.terms.id: desk.terms},
        now=LATER,
    )
    assert vendor.findings == ()
    assert vendor.name == DEALER.name
    assert vendor.agreement is not None
    assert vendor.agreement.controller.name == DEALER.name  # not what the settings say: a proven name
    assert vendor.agreement_queries == frozenset({"car", "contact"})


async def test_no_request_outlives_thirty_minutes_however_late_it_is_fetched(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    claims = claims_of(await desk.asking.sign(made.id, wallet_nonce=None, now=NOW + timedelta(minutes=29)))
    assert claims["exp"] == int((NOW + LIFETIME).timestamp())
    assert claims["exp"] - claims["iat"] == 60
    with pytest.raises(Expired):
        await desk.asking.sign(made.id, wallet_nonce=None, now=NOW + LIFETIME)


async def test_each_fetch_leaves_its_own_promise_behind(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    texts = [await desk.asking.sign(made.id, wallet_nonce=f"wallet-nonce-number-{one}", now=NOW) for one in range(2)]
    offers = [claims_of(text)["verifier_info"][-1]["data"] for text in texts]
    assert offers[0] != offers[1]
    for text in offers:
        kept = await desk.store.load_offer(digest(text.encode()))
        assert kept is not None
        assert (kept.text, kept.request_id) == (text, made.id)
    assert parse_agreement(offers[0]).agreement.rel == parse_agreement(offers[1]).agreement.rel
    assert (await desk.store.load_request(made.id, now=NOW)).state is ExchangeState.FETCHED


async def test_a_request_is_not_signed_without_end(desk: Desk) -> None:
    made = await desk.asking.ask(template(grants=[]), now=NOW)
    for _ in range(MAX_FETCHES):
        await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)
    with pytest.raises(IllegalMove):
        await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)


async def test_a_stranger_who_fetches_a_request_a_hundred_times_shuts_nobody_out_for_long(desk: Desk) -> None:
    made = await desk.asking.ask(template(grants=[]), now=NOW)
    for _ in range(MAX_FETCHES):
        await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)
    await desk.asking.sign(made.id, wallet_nonce=None, now=NOW + timedelta(seconds=1))


async def test_a_request_that_was_never_made_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.asking.sign("AAAAAAAAAAAAAAAAAAAAAA", wallet_nonce=None, now=NOW)


async def test_terms_that_are_not_named_are_the_only_ones_that_were_signed(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    assert promise_in(await desk.asking.sign(made.id, wallet_nonce=None, now=NOW))["terms"] == {"id": desk.terms.id}


async def test_without_signed_terms_or_with_two_they_must_be_named(tmp_path: Path) -> None:
    async with open_desk(tmp_path, papers=False) as desk:
        with pytest.raises(BadTerms):
            await desk.asking.ask(template(), now=NOW)
        other = await terms(version="1.1")
        await desk.hold(await terms_signatory(DEALER, desk.terms), await terms_signatory(DEALER, other))
        with pytest.raises(BadTerms):
            await desk.asking.ask(template(), now=NOW)
        made = await desk.asking.ask(template(terms=other.id), now=NOW)
        text = await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)
        signatory = claims_of(text)["verifier_info"][0]["data"]
        assert promise_in(text)["signatory"] == digest(signatory.encode())
        assert claims_of(signatory.split("~")[0])["terms"]["id"] == other.id


async def test_of_two_papers_of_one_kind_the_newer_is_shown(desk: Desk) -> None:
    newer = await dealer_role(DEALER, dealer_id="CH-0043")
    await desk.hold(newer, at=NOW + timedelta(days=1))
    made = await desk.asking.ask(template(), now=NOW)
    info = claims_of(await desk.asking.sign(made.id, wallet_nonce=None, now=NOW))["verifier_info"]
    assert info[0]["data"] == newer


async def test_only_the_roles_that_are_wanted_are_shown(desk: Desk) -> None:
    made = await desk.asking.ask(template(roles=[]), now=NOW)
    info = claims_of(await desk.asking.sign(made.id, wallet_nonce=None, now=NOW))["verifier_info"]
    assert [one["format"].split(":")[-2] for one in info] == ["terms-signatory", "relationship-agreement"]


async def test_the_private_key_stays_here(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    text = await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)
    kept = await desk.store.load_request(made.id, now=NOW)
    assert str(kept.asked.encryption_jwk["d"]) not in parse_compact(text, typ="oauth-authz-req+jwt").payload.decode()
    assert str(kept.asked.encryption_jwk["d"]) not in repr(kept)


async def test_what_is_kept_opens_with_our_key_alone(desk: Desk) -> None:
    made = await desk.asking.ask(template(), now=NOW)
    stranger = replace(desk.store, box=Box(key=b"x" * 32))
    with pytest.raises(CannotOpen):
        await stranger.load_request(made.id, now=NOW)


async def test_a_kept_request_does_not_open_in_anothers_place(desk: Desk) -> None:
    one, other = [await desk.asking.ask(template(), now=NOW) for _ in range(2)]
    await desk.database.execute(
        "UPDATE requests SET asked = (SELECT asked FROM requests WHERE id = ?) WHERE id = ?", one.id, other.id
    )
    with pytest.raises(CannotOpen):
        await desk.store.load_request(other.id, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose_text": ""},
        {"purpose_text": "x" * 201},
        {"query": {}},
        {"query": {"credentials": [{"id": "a b", "format": "dc+sd-jwt", "meta": {"vct_values": ["x"]}}]}},
        {"grants": [{"gid": "g"}]},
        {"grants": "all"},
        {"terms": 1},
        {"give": {"code": "x"}},
        {"roles": [1]},
        {"roles": [ROLE] * 11},
        {"surprise": True},
    ],
)
def test_a_template_is_read_strictly(changes: dict[str, Json]) -> None:
    with pytest.raises(Malformed):
        RequestTemplate.from_json(sheet(**changes), formats=FORMATS)


def test_a_query_that_no_wallet_of_ours_answers_is_refused() -> None:
    query: Any = {"credentials": [{"id": "a", "format": "mso_mdoc", "meta": {"doctype_value": "x"}}]}
    with pytest.raises(VpFormatsNotSupported):
        RequestTemplate.from_json(sheet(query=query), formats=FORMATS)


def test_a_template_is_written_as_it_was_read() -> None:
    body = sheet(give={"code": "x", "text": "Something"})
    assert RequestTemplate.from_json(body, formats=FORMATS).to_json() == body
