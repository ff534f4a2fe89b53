"""Where a process is killed: every step of `specs/flow.md` at which something is written or sent, on either side.

A point stands before or after one passage through a seam of the program: a write to its database, a scrub of it, the
replacing of the ledger's head file, or a message to another party. "Before" leaves the passage undone; "after" leaves
the write durable, or the message answered and the answer unread, and nothing else done. The points of one exchange
stand in the order in which it comes to them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Side = Literal["issuer", "vendor", "wallet"]


class Moment(StrEnum):
    """On which side of the passage."""

    BEFORE = "before"
    AFTER = "after"


class Seam(StrEnum):
    """Where something passes."""

    WRITE = "write"
    SCRUB = "scrub"
    RENAME = "rename"
    MESSAGE = "message"


BOTH: Final = (Moment.BEFORE, Moment.AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place to die at."""

    step: str  # of specs/flow.md
    side: Side
    moment: Moment
    seam: Seam
    what: str
    marks: tuple[str, ...]  # each stands in what passes

    @property
    def name(self) -> str:
        return f"{self.step} {self.side}: {self.moment} {self.what}"


def around(
    step: str,
    side: Side,
    what: str,
    *marks: str,
    seam: Seam = Seam.WRITE,
    moments: tuple[Moment, ...] = BOTH,
) -> Iterator[Point]:
    """The points around one passage."""
    for moment in moments:
        yield Point(step=step, side=side, moment=moment, seam=seam, what=what, marks=marks)


def answered(step: str, what: str, mark: str) -> Iterator[Point]:
    """The wallet's message was answered, and it dies before it reads the answer."""
    return around(step, "wallet", what, mark, seam=Seam.MESSAGE, moments=(Moment.AFTER,))


IMPORTING: Final = tuple(around("I1", "issuer", "the offer", "INSERT INTO offers"))
ISSUING: Final = (
    *IMPORTING,
    *around("I2", "issuer", "another transaction code", "SET tx_code_hash"),
    *answered("I3", "fetching the offer", "/credential-offers/"),
    *around("I3", "wallet", "the offer", "INSERT INTO offers"),
    *around("I4", "wallet", "its keys", "UPDATE offers", "'redeeming'"),
    *around("I5", "wallet", "asking for a token", "/token", seam=Seam.MESSAGE, moments=(Moment.BEFORE,)),
    *around("I5", "issuer", "counting the try", "tries = tries + 1"),
    *around("I5", "issuer", "spending the code", "token_hash = ?", moments=(Moment.BEFORE,)),
    *around("I5", "wallet", "the token", "UPDATE offers", "'redeemed'", moments=(Moment.AFTER,)),
    *answered("I6", "asking for a nonce", "/nonce"),
    *around("I7", "issuer", "the registration", "INSERT INTO spent_nonces"),
    *answered("I7", "asking for the copies", "/credential'"),
    *around("I8", "wallet", "the copies", "UPDATE offers", "'received'"),
)
LOSING_THE_OFFER: Final = (
    *around("I5", "issuer", "spending the code", "token_hash = ?", moments=(Moment.AFTER,)),
    *answered("I5", "asking for a token", "/token"),
    *around("I5", "wallet", "the token", "UPDATE offers", "'redeemed'", moments=(Moment.BEFORE,)),
)
PRESENTING: Final = (
    *around("P1", "vendor", "the request", "INSERT INTO requests"),
    *around("P3", "vendor", "the promise", "INSERT INTO offers"),
    *answered("P2", "fetching the request", "/oid4vp/requests/"),
    *answered("P4", "fetching the key document", "/.well-known/did.json"),
    *around("P4", "wallet", "the request", "INSERT INTO requests"),
    *around("ledger", "wallet", "its head file", ".ledger", seam=Seam.RENAME),
    *around("P6", "wallet", "acceptance, presentation and the used copy", "UPDATE requests", "'sending'"),
    *around("P8", "vendor", "the acceptance", "INSERT INTO acceptances"),
    *answered("P7", "the acceptance", "/agreements'"),
    *around("P10", "vendor", "result and record", "response_code_hash = ?"),
    *around("P9", "wallet", "the note that it was released", "UPDATE requests", "'released'"),
    *answered("P11", "the acceptance again", "/agreements'"),
    *around("P11", "wallet", "the record", "UPDATE requests", "'recorded'"),
)
RELEASING: Final = tuple(answered("P9", "the presentation", "/oid4vp/response/"))
REFUSING: Final = (
    *around("no", "wallet", "the no", "UPDATE requests", "'declining'"),
    *around("no", "vendor", "the no", "tries = tries + 1", "'refused'"),
    *answered("no", "sending the no", "/oid4vp/response/"),
    *around("no", "wallet", "that the no was sent", "UPDATE requests", "'declined'"),
)
ERASING: Final = (
    *around("E1", "wallet", "the wish", "INSERT INTO endings"),
    *around("E2", "wallet", "the event", "UPDATE endings", "args=(None,"),
    *around("E4", "vendor", "event and effect", "INSERT INTO events"),
    *around("E5", "vendor", "writing the files anew", seam=Seam.SCRUB),
    *around("E5", "vendor", "that it is scrubbed", "UPDATE scrubs SET done"),
    *around("E5", "vendor", "the proof", "UPDATE events SET sealed"),
    *answered("E3", "the event", "/agreements/erase"),
    *around("E6", "wallet", "the answer", "UPDATE endings", "args=(1"),
)
LISTS: Final = (
    *around("L1", "wallet", "the lists", "INTO sources"),
    *around("L1", "vendor", "the lists", "INTO sources"),
)

EXCHANGES: Final = (ISSUING, LOSING_THE_OFFER, PRESENTING, RELEASING, REFUSING, ERASING, LISTS)
POINTS: Final[Mapping[str, Point]] = {one.name: one for some in EXCHANGES for one in some}
NO_POINT: Final[Mapping[str, str]] = {
    "P5": "the answer is durable in the same write as P6, or as the no",
    "L2": "it reads and writes nothing",
}
