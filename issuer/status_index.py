"""Where in the status lists a copy's status stands: drawn at random, never in order of time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from didkit_py.service.storage.columns import number, placeholders
from didkit_py.service.storage.database import Database
from didkit_py.status.token_list import choose_index

LIST_SIZE: Final = 131_072  # entries: a place says nothing about whose it is (Token Status List, 13.2)
_DRAWS: Final = 64  # at least so many places at once: how many of them are free tells how full the list is
_DRAWS_EACH: Final = 4  # and so many for each one that is wanted

Place = tuple[int, int]  # number of the list, index in it


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusIndex:
    """The status lists and their free places."""

    database: Database
    party_id: str
    random: Callable[[int], bytes]

    async def choose(self, wanted: int) -> list[Place]:
        """Free places in the newest list; they are taken by whoever writes them down first.

        Beyond half, free places become hard to find at random, so another list begins when fewer than half of the
        drawn places are free. Nothing is counted: the cost is the same in an empty and in a full list.
        """
        drawn: list[int] = []
        while len(drawn) < max(_DRAWS, wanted * _DRAWS_EACH):
            drawn.append(choose_index(drawn, size=LIST_SIZE, random=self.random))
        newest = await self.open_list()
        free = await self._free(newest, drawn)
        if len(free) < len(drawn) // 2:
            newest = await self._begin(newest + 1)
            free = await self._free(newest, drawn)
        if len(free) < wanted:
            raise RuntimeError("no free places in a status list that has just begun")
        return [(newest, index) for index in free[:wanted]]

    async def _free(self, listed: int, drawn: list[int]) -> list[int]:
        sql = (
            "SELECT list_index FROM copies WHERE party_id = ? AND list_number = ?"  # noqa: S608 - placeholders only
            f" AND list_index IN ({placeholders(drawn)})"
        )
        rows = await self.database.fetch(sql, self.party_id, listed, *drawn)
        taken = {number(row, "list_index") for row in rows}
        return [index for index in drawn if index not in taken]

    async def open_list(self) -> int:
        """The number of the list that takes new entries; there is one after this call."""
        sql = "SELECT number FROM status_lists WHERE party_id = ? ORDER BY number DESC LIMIT 1"
        rows = await self.database.fetch(sql, self.party_id)
        return number(rows[0], "number") if rows else await self._begin(1)

    async def _begin(self, new: int) -> int:
        await self.database.execute(
            "INSERT INTO status_lists (party_id, number, size) VALUES (?, ?, ?)"
            " ON CONFLICT (party_id, number) DO NOTHING",
            *(self.party_id, new, LIST_SIZE),
        )
        return new
