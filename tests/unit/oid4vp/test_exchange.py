"""The life of a request: only the moves of the table are legal."""

import itertools

import pytest

from didkit_py.errors import IllegalMove
from didkit_py.oid4vp.exchange import FINAL, Event, State, move


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (Event.PRESENTATION_VERIFIED, State.ANSWERED),
        (Event.PRESENTATION_REJECTED, State.FAILED),
        (Event.WALLET_REFUSED, State.REFUSED),
        (Event.TIME_PASSED, State.EXPIRED),
    ],
)
def test_four_things_can_happen_to_a_fetched_request(event: Event, end: State) -> None:
    assert move(move(State.CREATED, Event.REQUEST_FETCHED), event) is end


def test_a_request_may_be_fetched_twice() -> None:
    assert move(State.FETCHED, Event.REQUEST_FETCHED) is State.FETCHED


def test_a_request_that_nobody_fetched_can_only_expire_or_be_fetched() -> None:
    assert move(State.CREATED, Event.TIME_PASSED) is State.EXPIRED
    for event in (Event.PRESENTATION_VERIFIED, Event.PRESENTATION_REJECTED, Event.WALLET_REFUSED):
        with pytest.raises(IllegalMove):
            move(State.CREATED, event)


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_a_no_and_an_answer_that_does_not_hold_end_nothing(state: State) -> None:
    assert move(state, Event.PRESENTATION_VERIFIED) is State.ANSWERED
    assert move(state, Event.WALLET_REFUSED) is State.REFUSED
    assert move(state, Event.PRESENTATION_REJECTED) is State.FAILED
    assert move(state, Event.REQUEST_FETCHED) is state
    assert move(state, Event.TIME_PASSED) is state


@pytest.mark.parametrize(("state", "event"), list(itertools.product(sorted(FINAL), Event)))
def test_nothing_moves_a_request_that_has_ended(state: State, event: Event) -> None:
    with pytest.raises(IllegalMove):
        move(state, event)
