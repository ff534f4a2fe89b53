"""The life of one offer as a table of moves; what the table does not list is refused."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from didkit_py.errors import IllegalMove

MAX_WRONG_CODES: Final = 5  # then the offer is locked: five tries at one in a million (OpenID4VCI 1.0, 13.6)


class State(StrEnum):
    """Where an offer stands; the value is what a store keeps."""

    OFFERED = "offered"
    REDEEMED = "redeemed"  # the code was spent for a token
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LOCKED = "locked"


class Event(StrEnum):
    """What can happen to an offer."""

    CODE_REDEEMED = "code-redeemed"
    CREDENTIAL_REQUESTED = "credential-requested"
    OFFER_WITHDRAWN = "offer-withdrawn"
    TIME_PASSED = "time-passed"
    CODES_EXHAUSTED = "codes-exhausted"


MOVES: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.OFFERED, Event.CODE_REDEEMED): State.REDEEMED,
        (State.OFFERED, Event.CODES_EXHAUSTED): State.LOCKED,
        (State.OFFERED, Event.OFFER_WITHDRAWN): State.WITHDRAWN,
        (State.OFFERED, Event.TIME_PASSED): State.EXPIRED,
        (State.REDEEMED, Event.CREDENTIAL_REQUESTED): State.ISSUED,
        (State.REDEEMED, Event.OFFER_WITHDRAWN): State.WITHDRAWN,
        (State.REDEEMED, Event.TIME_PASSED): State.EXPIRED,
        # The wallet may not have received the answer: the same keys under the same token are answered again.
        (State.ISSUED, Event.CREDENTIAL_REQUESTED): State.ISSUED,
        (State.LOCKED, Event.OFFER_WITHDRAWN): State.WITHDRAWN,
    }
)


def move(state: State, event: Event) -> State:
    """The state after the event. Raises IllegalMove."""
    if (state, event) not in MOVES:
        raise IllegalMove(f"an offer that is {state} cannot see: {event}")
    return MOVES[state, event]
