"""Taking credentials back: the status of what was issued, and the signed lists that tell it to everybody."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.errors import IllegalMove, NotFound
from didkit_py.keys.signer import Signer
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.storage.columns import number
from didkit_py.service.storage.database import Database, GuardFailed, Statement
from didkit_py.status.states import Status
from didkit_py.status.token_list import create_status_list
from issuer.publishing.versions import load_version, next_version

BITS: Final = 2  # valid, revoked, suspended
LIFETIME: Final = timedelta(hours=24)  # nobody takes an older list for an answer
RENEWED_AFTER: Final = LIFETIME / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A list as it was last signed."""

    text: str
    version: int
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLists:
    """The lists of one issuer; a rendering is kept until an entry changes or its time runs out."""

    database: Database
    signer: Signer
    issuer_url: str
    ttl: timedelta
    renderings: dict[int, Rendering] = field(default_factory=dict, repr=False)

    def uri(self, list_number: int) -> str:
        """The address of a list."""
        return f"{self.issuer_url}/status-lists/{list_number}"

    async def uris(self) -> tuple[str, ...]:
        """The addresses of all lists."""
        rows = await self.database.fetch("SELECT number FROM status_lists ORDER BY number")
        return tuple(self.uri(number(row, "number")) for row in rows)

    async def token(self, list_number: int, *, now: datetime) -> str:
        """The signed list. Raises NotFound."""
        version = await load_version(self.database, _name(list_number))
        kept = self.renderings.get(list_number)
        if kept is not None and kept.version == version and timedelta() <= now - kept.signed_at < RENEWED_AFTER:
            return kept.text
        text = await self._sign(list_number, now)
        self.renderings[list_number] = Rendering(text=text, version=version, signed_at=now)
        return text

    async def _sign(self, list_number: int, now: datetime) -> str:
        rows = await self.database.fetch("SELECT size FROM status_lists WHERE number = ?", list_number)
        if not rows:
            raise NotFound("there is no such status list")
        entries = await self.database.fetch(
            "SELECT list_index, status FROM copies JOIN offers ON offers.id = copies.offer_id"
            " WHERE list_number = ? AND status <> ?",
            *(list_number, int(Status.VALID)),
        )
        return await create_status_list(
            {number(row, "list_index"): number(row, "status") for row in entries},
            size=number(rows[0], "size"),
            bits=BITS,
            uri=self.uri(list_number),
            signer=self.signer,
            now=now,
            ttl=self.ttl,
            lifetime=LIFETIME,
        )

    async def change(self, offer_id: str, wanted: Status) -> None:
        """Set the status of every copy that was issued for an offer; each may follow each, also to undo a mistake.

        Raises NotFound, or IllegalMove for a type without status.
        """
        present, lists = await self._present(offer_id)
        if present is wanted:
            return
        changed = Statement(
            "UPDATE offers SET status = ? WHERE id = ? AND status = ?", (int(wanted), offer_id, int(present)), rows=1
        )
        try:
            await self.database.apply(changed, *(next_version(_name(each)) for each in lists))
        except GuardFailed as error:
            raise IllegalMove("the status has just changed", hint="Look at it again.") from error

    async def _present(self, offer_id: str) -> tuple[Status, frozenset[int]]:
        offers = await self.database.fetch(
            "SELECT status FROM offers WHERE id = ? AND state = ?", *(offer_id, IssuanceState.ISSUED.value)
        )
        if not offers:
            raise NotFound("nothing was issued under this id", hint="Look at the list of what was issued.")
        rows = await self.database.fetch(
            "SELECT DISTINCT list_number FROM copies WHERE offer_id = ? AND list_number IS NOT NULL", offer_id
        )
        if not rows:
            raise IllegalMove(
                "this type of claim has no status list, so that nobody can follow its use",
                hint="It ends by itself on the day it expires.",
            )
        return Status(number(offers[0], "status")), frozenset(number(row, "list_number") for row in rows)


def _name(list_number: int) -> str:
    return f"status-list-{list_number}"
