"""Where in the status lists a copy's status stands: drawn at random, never in order of time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from didkit_py.service.columns import marks, number
from didkit_py.service.database import Database
from didkit_py.status.token_list import choose_index

LIST_SIZE: Final = 131_072  # entries: a place says nothing about whose it is (Token Status List, 13.2)
LIST_FILL: Final = LIST_SIZE // 2  # beyond it free places become hard to find at random
_DRAWS: Final = 4  # places drawn for each one that is wanted, so that some are free
_ATTEMPTS: Final = 8

Place = tuple[int, int]  # number of the list, index in it


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPlaces:
    """The status lists and their free places."""

    database: Database
    random: Callable[[int], bytes]

    async def choose(self, wanted: int) -> list[Place]:
        """Free places in the newest list; they are taken by whoever writes them down first."""
        newest = await self.open_list()
        for _ in range(_ATTEMPTS):
            drawn = self._draw(wanted * _DRAWS)
            sql = f"SELECT list_index FROM copies WHERE list_number = ? AND list_index IN ({marks(drawn)})"  # noqa: S608 - marks only
            taken = {number(row, "list_index") for row in await self.database.fetch(sql, newest, *drawn)}
            free = [(newest, index) for index in drawn if index not in taken]
            if len(free) >= wanted:
                return free[:wanted]
        raise RuntimeError("no free places in the status list after several draws")

    def _draw(self, count: int) -> list[int]:
        drawn: list[int] = []
        while len(drawn) < count:
            drawn.append(choose_index(drawn, size=LIST_SIZE, random=self.random))
        return drawn

    async def open_list(self) -> int:
        """The number of the list that takes new entries; another one begins when half of it is used."""
        rows = await self.database.fetch(
            "SELECT number, (SELECT count(*) FROM copies WHERE list_number = number) AS used"
            " FROM status_lists ORDER BY number DESC LIMIT 1"
        )
        newest = number(rows[0], "number") if rows else 0
        if rows and number(rows[0], "used") < LIST_FILL:
            return newest
        await self.database.execute(
            "INSERT INTO status_lists (number, size) VALUES (?, ?) ON CONFLICT (number) DO NOTHING",
            *(newest + 1, LIST_SIZE),
        )
        return newest + 1
