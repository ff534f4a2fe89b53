"""The life of a request: only the moves of the table are legal."""

import itertools

import pytest

from didkit_py.errors import IllegalMove
from didkit_py.oid4vp.exchange import FINAL, ExchangeEvent, ExchangeState, move


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (ExchangeEvent.PRESENTATION_VERIFIED, ExchangeState.ANSWERED),
        (ExchangeEvent.PRESENTATION_REJECTED, ExchangeState.FAILED),
        (ExchangeEvent.WALLET_REFUSED, ExchangeState.REFUSED),
        (ExchangeEvent.TIME_PASSED, ExchangeState.EXPIRED),
    ],
)
def test_four_things_can_happen_to_a_fetched_request(event: ExchangeEvent, end: ExchangeState) -> None:
    assert move(move(ExchangeState.CREATED, ExchangeEvent.REQUEST_FETCHED), event) is end


def test_a_request_may_be_fetched_twice() -> None:
    assert move(ExchangeState.FETCHED, ExchangeEvent.REQUEST_FETCHED) is ExchangeState.FETCHED


def test_a_request_that_nobody_fetched_can_only_expire_or_be_fetched() -> None:
    assert move(ExchangeState.CREATED, ExchangeEvent.TIME_PASSED) is ExchangeState.EXPIRED
    for event in (
        ExchangeEvent.PRESENTATION_VERIFIED,
        ExchangeEvent.PRESENTATION_REJECTED,
        ExchangeEvent.WALLET_REFUSED,
    ):
        with pytest.raises(IllegalMove):
            move(ExchangeState.CREATED, event)


@pytest.mark.parametrize("state", [ExchangeState.REFUSED, ExchangeState.FAILED])
def test_a_no_and_an_answer_that_does_not_hold_end_nothing(state: ExchangeState) -> None:
    assert move(state, ExchangeEvent.PRESENTATION_VERIFIED) is ExchangeState.ANSWERED
    assert move(state, ExchangeEvent.WALLET_REFUSED) is ExchangeState.REFUSED
    assert move(state, ExchangeEvent.PRESENTATION_REJECTED) is ExchangeState.FAILED
    assert move(state, ExchangeEvent.REQUEST_FETCHED) is state
    assert move(state, ExchangeEvent.TIME_PASSED) is state


@pytest.mark.parametrize(("state", "event"), list(itertools.product(sorted(FINAL), ExchangeEvent)))
def test_nothing_moves_a_request_that_has_ended(state: ExchangeState, event: ExchangeEvent) -> None:
    with pytest.raises(IllegalMove):
        move(state, event)
