"""The life of one presentation request at the vendor, as a table of moves; every other move is refused.

Only two things end a request: a presentation that was verified, and its time. Whoever saw its code can also say no to
it, or send what does not hold; that is noted, and the request stays open for everybody else.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from didkit_py.errors import IllegalMove


class State(StrEnum):
    """Where a request stands."""

    CREATED = "created"
    FETCHED = "fetched"  # a wallet has the signed request
    ANSWERED = "answered"  # a presentation was verified
    REFUSED = "refused"  # a wallet said no, or has nothing; the two look alike
    FAILED = "failed"  # a presentation came and did not hold
    EXPIRED = "expired"


class Event(StrEnum):
    """What happens to a request."""

    REQUEST_FETCHED = "request-fetched"
    PRESENTATION_VERIFIED = "presentation-verified"
    PRESENTATION_REJECTED = "presentation-rejected"
    WALLET_REFUSED = "wallet-refused"
    TIME_PASSED = "time-passed"


MOVES: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.CREATED, Event.REQUEST_FETCHED): State.FETCHED,
        (State.CREATED, Event.TIME_PASSED): State.EXPIRED,
        (State.FETCHED, Event.REQUEST_FETCHED): State.FETCHED,  # a wallet may fetch again, after a crash or a reload
        (State.FETCHED, Event.PRESENTATION_VERIFIED): State.ANSWERED,
        (State.FETCHED, Event.PRESENTATION_REJECTED): State.FAILED,
        (State.FETCHED, Event.WALLET_REFUSED): State.REFUSED,
        (State.FETCHED, Event.TIME_PASSED): State.EXPIRED,
        **{
            (state, event): end
            for state in (State.REFUSED, State.FAILED)
            for event, end in (
                (Event.REQUEST_FETCHED, state),
                (Event.PRESENTATION_VERIFIED, State.ANSWERED),
                (Event.PRESENTATION_REJECTED, State.FAILED),
                (Event.WALLET_REFUSED, State.REFUSED),
                (Event.TIME_PASSED, state),  # what is known of it is not that nobody answered
            )
        },
    }
)
FINAL: Final = frozenset({State.ANSWERED, State.EXPIRED})


def move(state: State, event: Event) -> State:
    """The next state. Raises IllegalMove."""
    try:
        return MOVES[state, event]
    except KeyError as error:
        raise IllegalMove(f"a request that is {state} cannot be {event}") from error
