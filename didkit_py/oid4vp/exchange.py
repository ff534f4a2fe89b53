"""The life of one presentation request at the vendor, as a table of moves; every other move is refused.

Only two things end a request: a presentation that was verified, and its time. Whoever saw its code can also say no to
it, or send what does not hold; that is noted, and the request stays open for everybody else.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from didkit_py.errors import IllegalMove


class ExchangeState(StrEnum):
    """Where a request stands."""

    CREATED = "created"
    FETCHED = "fetched"  # a wallet has the signed request
    ANSWERED = "answered"  # a presentation was verified
    REFUSED = "refused"  # a wallet said no, or has nothing; the two look alike
    FAILED = "failed"  # a presentation came and did not hold
    EXPIRED = "expired"


class ExchangeEvent(StrEnum):
    """What happens to a request."""

    REQUEST_FETCHED = "request-fetched"
    PRESENTATION_VERIFIED = "presentation-verified"
    PRESENTATION_REJECTED = "presentation-rejected"
    WALLET_REFUSED = "wallet-refused"
    TIME_PASSED = "time-passed"


MOVES: Final[Mapping[tuple[ExchangeState, ExchangeEvent], ExchangeState]] = MappingProxyType(
    {
        (ExchangeState.CREATED, ExchangeEvent.REQUEST_FETCHED): ExchangeState.FETCHED,
        (ExchangeState.CREATED, ExchangeEvent.TIME_PASSED): ExchangeState.EXPIRED,
        (
            ExchangeState.FETCHED,
            ExchangeEvent.REQUEST_FETCHED,
        ): ExchangeState.FETCHED,  # a wallet may fetch again, after a crash or a reload
        (ExchangeState.FETCHED, ExchangeEvent.PRESENTATION_VERIFIED): ExchangeState.ANSWERED,
        (ExchangeState.FETCHED, ExchangeEvent.PRESENTATION_REJECTED): ExchangeState.FAILED,
        (ExchangeState.FETCHED, ExchangeEvent.WALLET_REFUSED): ExchangeState.REFUSED,
        (ExchangeState.FETCHED, ExchangeEvent.TIME_PASSED): ExchangeState.EXPIRED,
        **{
            (state, event): end
            for state in (ExchangeState.REFUSED, ExchangeState.FAILED)
            for event, end in (
                (ExchangeEvent.REQUEST_FETCHED, state),
                (ExchangeEvent.PRESENTATION_VERIFIED, ExchangeState.ANSWERED),
                (ExchangeEvent.PRESENTATION_REJECTED, ExchangeState.FAILED),
                (ExchangeEvent.WALLET_REFUSED, ExchangeState.REFUSED),
                (ExchangeEvent.TIME_PASSED, state),  # what is known of it is not that nobody answered
            )
        },
    }
)
FINAL: Final = frozenset({ExchangeState.ANSWERED, ExchangeState.EXPIRED})


def move(state: ExchangeState, event: ExchangeEvent) -> ExchangeState:
    """The next state. Raises IllegalMove."""
    try:
        return MOVES[state, event]
    except KeyError as error:
        raise IllegalMove(f"a request that is {state} cannot be {event}") from error
