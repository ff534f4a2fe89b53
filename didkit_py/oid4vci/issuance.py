"""The life of one offer as a table of moves; what the table does not list is refused."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from didkit_py.errors import IllegalMove

MAX_WRONG_CODES: Final = 5  # then the offer is locked: five tries at one in a million (OpenID4VCI 1.0, 13.6)


class IssuanceState(StrEnum):
    """Where an offer stands; the value is what a store keeps."""

    OFFERED = "offered"
    REDEEMED = "redeemed"  # the code was spent for a token
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LOCKED = "locked"


class IssuanceEvent(StrEnum):
    """What can happen to an offer."""

    CODE_REDEEMED = "code-redeemed"
    CREDENTIAL_REQUESTED = "credential-requested"
    OFFER_WITHDRAWN = "offer-withdrawn"
    TIME_PASSED = "time-passed"
    CODES_EXHAUSTED = "codes-exhausted"


MOVES: Final[Mapping[tuple[IssuanceState, IssuanceEvent], IssuanceState]] = MappingProxyType(
    {
        (IssuanceState.OFFERED, IssuanceEvent.CODE_REDEEMED): IssuanceState.REDEEMED,
        (IssuanceState.OFFERED, IssuanceEvent.CODES_EXHAUSTED): IssuanceState.LOCKED,
        (IssuanceState.OFFERED, IssuanceEvent.OFFER_WITHDRAWN): IssuanceState.WITHDRAWN,
        (IssuanceState.OFFERED, IssuanceEvent.TIME_PASSED): IssuanceState.EXPIRED,
        (IssuanceState.REDEEMED, IssuanceEvent.CREDENTIAL_REQUESTED): IssuanceState.ISSUED,
        (IssuanceState.REDEEMED, IssuanceEvent.OFFER_WITHDRAWN): IssuanceState.WITHDRAWN,
        (IssuanceState.REDEEMED, IssuanceEvent.TIME_PASSED): IssuanceState.EXPIRED,
        # The wallet may not have received the answer: the same keys under the same token are answered again.
        (IssuanceState.ISSUED, IssuanceEvent.CREDENTIAL_REQUESTED): IssuanceState.ISSUED,
        (IssuanceState.LOCKED, IssuanceEvent.OFFER_WITHDRAWN): IssuanceState.WITHDRAWN,
    }
)


def move(state: IssuanceState, event: IssuanceEvent) -> IssuanceState:
    """The state after the event. Raises IllegalMove."""
    if (state, event) not in MOVES:
        raise IllegalMove(f"an offer that is {state} cannot see: {event}")
    return MOVES[state, event]
