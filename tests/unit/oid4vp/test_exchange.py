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
def test_a_fetched_request_ends_in_one_of_four_ways(event: Event, end: State) -> None:
    assert move(move(State.CREATED, Event.REQUEST_FETCHED), event) is end


def test_a_request_may_be_fetched_twice() -> None:
    assert move(State.FETCHED, Event.REQUEST_FETCHED) is State.FETCHED


def test_a_request_that_nobody_fetched_can_only_expire_or_be_fetched() -> None:
    assert move(State.CREATED, Event.TIME_PASSED) is State.EXPIRED
    for event in (Event.PRESENTATION_VERIFIED, Event.PRESENTATION_REJECTED, Event.WALLET_REFUSED):
        with pytest.raises(IllegalMove):
            move(State.CREATED, event)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(sorted(FINAL), Event)))
def test_nothing_moves_a_request_that_has_ended(state: State, event: Event) -> None:
    with pytest.raises(IllegalMove):
        move(state, event)
