"""Checking: the nonce is spent with the result or not at all, and what could not be found out changes nothing."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from didkit_py.credentials.credential import UnverifiedCredential
from didkit_py.errors import BadResponse, Expired, Malformed, Rejected, Replayed, Stale, StorageUnavailable
from didkit_py.formats.sd_jwt_vc import bind, select
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.oid4vp.request import (
    PresentationRequest,
    parse_request_link,
    parse_request_object,
    verify_request_object,
)
from didkit_py.oid4vp.response import create_error, create_response
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking_store import Result
from didkit_py.roles.self_check import check_request, verdict_of, would_answer
from didkit_py.verification import Evidence
from tests.cast import CAR_QUERY, DEALER, NOW, evidence, grant, wallet
from tests.unit.roles.vendor import Desk, open_desk, template
from verifier.storage.store import MAX_TRIES

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def fetched(desk: Desk) -> tuple[str, PresentationRequest]:
    """A request for the car, as a wallet has it."""
    made = await desk.asking.ask(template(query=CAR_QUERY, grants=[grant().to_json()]), now=NOW)
    text = await desk.asking.sign(made.id, wallet_nonce=None, now=NOW)
    link = replace(parse_request_link(made.link, key_sources=KEY_SOURCES), method="get")
    request = verify_request_object(
        parse_request_object(text, link=link, key_sources=KEY_SOURCES),
        client_keys=DEALER.document,
        expected_wallet_nonce=None,
        now=NOW,
        formats=FORMATS,
    )
    return made.id, request.request


async def answer(request: PresentationRequest) -> dict[str, str]:
    """An honest answer as the form that is posted."""
    held = next(one for one in await wallet() if one.id == "digital-receipt")
    text = await bind(
        select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")]),
        nonce=request.nonce,
        audience=request.client_id.full,
        now=LATER,
        signer=held.signer,
    )
    return {"response": create_response({"car": [text]}, request=request)}


async def test_what_cannot_be_found_out_spends_nothing(desk: Desk) -> None:
    async def nothing_at_hand(_: Iterable[UnverifiedCredential], __: datetime) -> Evidence:
        raise Stale("the trust list was never fetched")

    request_id, request = await fetched(desk)
    form = await answer(request)
    with pytest.raises(Stale):
        await replace(desk.checking, gather=nothing_at_hand).take_response(request_id, form, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.FETCHED
    await desk.checking.take_response(request_id, form, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.ANSWERED


async def test_a_status_list_that_is_too_old_spends_nothing(desk: Desk) -> None:
    async def old(_: Iterable[UnverifiedCredential], __: datetime) -> Evidence:
        return await evidence(age=timedelta(hours=25))

    request_id, request = await fetched(desk)
    with pytest.raises(Stale):
        await replace(desk.checking, gather=old).take_response(request_id, await answer(request), now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).answered_at is None


async def test_a_result_that_cannot_be_written_leaves_the_request_open(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    form = await answer(request)

    class Full:
        """The store on a disk that is full."""

        def __getattr__(self, name: str) -> object:
            return getattr(desk.store, name)

        async def save_answer(self, *_: object, **__: object) -> None:
            raise StorageUnavailable("the disk is full")

    with pytest.raises(StorageUnavailable):
        await replace(desk.checking, store=Full()).take_response(request_id, form, now=LATER)  # type: ignore[arg-type] # what it has not, the real one has
    assert (await desk.store.load_request(request_id, now=LATER)).answered_at is None
    assert (await desk.checking.take_response(request_id, form, now=LATER)).redirect_uri


async def test_the_answers_code_is_fresh_and_kept_as_a_hash(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    taken = await desk.checking.take_response(request_id, await answer(request), now=LATER)
    assert taken.redirect_uri is not None
    code = taken.redirect_uri.partition("response_code=")[2]
    (row,) = await desk.database.fetch("SELECT response_code_hash FROM requests WHERE id = ?", request_id)
    assert isinstance(row["response_code_hash"], bytes)
    assert code.encode() not in row["response_code_hash"]
    assert len(code) >= 22


async def test_an_answer_that_was_on_its_way_at_the_end_still_counts(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    no = create_error("access_denied", state=request.state)
    with pytest.raises(Expired):
        await desk.checking.take_response(request_id, no, now=NOW + timedelta(minutes=32, seconds=1))
    await desk.checking.take_response(request_id, no, now=NOW + timedelta(minutes=32))


async def test_a_no_keeps_the_wallets_word_and_nothing_else(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    form = create_error("access_denied", state=request.state) | {"error_description": "because of Bob"}
    taken = await desk.checking.take_response(request_id, form, now=LATER)
    assert taken.to_json() == {}
    kept = await desk.store.load_request(request_id, now=LATER)
    assert (kept.state, kept.result) == (ExchangeState.REFUSED, Result(error={"error": "access_denied"}))


async def test_a_no_by_somebody_ends_nothing_for_the_one_who_was_asked(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    no = create_error("access_denied", state=request.state)
    for _ in range(MAX_TRIES + 1):
        await desk.checking.take_response(request_id, no, now=LATER)
    await desk.asking.sign(request_id, wallet_nonce=None, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.REFUSED
    await desk.checking.take_response(request_id, await answer(request), now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.ANSWERED
    with pytest.raises(Replayed):
        await desk.checking.take_response(request_id, no, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.ANSWERED


async def test_what_does_not_hold_ends_nothing_for_the_one_who_was_asked(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    junk = {"response": create_response({"car": ["a.b.c~"]}, request=request)}
    for _ in range(3):
        with pytest.raises((Malformed, Rejected)):
            await desk.checking.take_response(request_id, junk, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.FAILED
    await desk.checking.take_response(request_id, await answer(request), now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).state is ExchangeState.ANSWERED


async def test_a_request_that_was_declined_is_over_when_its_time_is(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    no = create_error("access_denied", state=request.state)
    await desk.checking.take_response(request_id, no, now=LATER)
    late = NOW + timedelta(minutes=33)
    kept = await desk.store.load_request(request_id, now=late)
    assert (kept.state, kept.is_open) == (ExchangeState.REFUSED, False)
    with pytest.raises(Expired):
        await desk.checking.take_response(request_id, await answer(request), now=late)


@pytest.mark.parametrize("form", [{}, {"response": "x", "error": "y"}, {"vp_token": "{}"}, {"error": "Not A Name"}])
async def test_what_is_no_answer_changes_nothing(desk: Desk, form: dict[str, str]) -> None:
    request_id, _ = await fetched(desk)
    with pytest.raises((Malformed, BadResponse)):
        await desk.checking.take_response(request_id, form, now=LATER)
    assert (await desk.store.load_request(request_id, now=LATER)).answered_at is None


async def test_a_failure_names_each_check_up_to_the_one_that_did_not_hold(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    stranger = replace(request, nonce="b3JkaW5hcnktbm9uY2UtMTI4Yml0")
    held = next(one for one in await wallet() if one.id == "digital-receipt")
    text = await bind(
        select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")]),
        nonce=stranger.nonce,
        audience=request.client_id.full,
        now=LATER,
        signer=held.signer,
    )
    form = {"response": create_response({"car": [text]}, request=request)}
    with pytest.raises(Rejected):
        await desk.checking.take_response(request_id, form, now=LATER)
    result = (await desk.store.load_request(request_id, now=LATER)).result
    assert result is not None
    verdicts = [(one.check.name, one.check.passed) for one in result.checks]
    assert verdicts[:4] == [(name, True) for name in ("answer-encrypted", "state", "first-answer", "answer-shape")]
    assert verdicts[-2:] == [("key-binding", False), ("credentials", False)]
    assert result.error == {"error": "bad-key-binding", "message": "nonce differs from the request's"}
    assert not result.learned


async def test_a_result_is_read_as_it_was_written(desk: Desk) -> None:
    request_id, request = await fetched(desk)
    await desk.checking.take_response(request_id, await answer(request), now=LATER)
    result = (await desk.store.load_request(request_id, now=LATER)).result
    assert result is not None
    assert Result.from_json(result.to_json()) == result
    assert "Chryota Dart" not in repr(result)


async def test_the_self_check_says_what_a_wallet_would_say(desk: Desk) -> None:
    async def document(_: str) -> object:
        return DEALER.document

    made = await desk.asking.ask(template(query=CAR_QUERY, grants=[grant().to_json()]), now=NOW)
    text = await desk.asking.sign(made.id, wallet_nonce="wallet-side-randomness-1", now=NOW)
    known = {desk.terms.id: desk.terms}
    good = await check_request(
        text,
        fetch_keys=document,  # type: ignore[arg-type] # it gives the only document there is
        evidence=await evidence(),
        terms=known,
        now=NOW,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    assert (would_answer(good), good.codes) == (True, ("ok.new",))
    late = await check_request(
        text,
        fetch_keys=document,  # type: ignore[arg-type]
        evidence=await evidence(),
        terms=known,
        now=NOW + timedelta(hours=1),
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )
    assert (would_answer(late), late.codes) == (False, ("req.replay",))
    assert verdict_of(late).to_json()["outcome"] == "refuse"
