"""Rows from earlier: as many as an issuer or vendor has after years, made by the database itself."""

from collections.abc import Sequence
from typing import Final

from didkit_py.service.storage.database import Database

_CHUNK: Final = 25_000  # rows of one statement, so that none takes longer than the engine allows
_MORE: Final = "WITH RECURSIVE more (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM more WHERE n + 1 < ?) "
_TEXT: Final = "CAST(n AS TEXT)"
_OCTETS: Final = "CAST(CAST((n * 2654435761) % 4294967296 AS TEXT) AS BYTEA)"  # an odd factor: all differ, in no order


async def fill(database: Database, statements: Sequence[str], rows: int, *, party_id: str) -> None:
    """Run each `INSERT … SELECT … FROM more` for the numbers n below `rows`; {text} and {octets} stand for names.

    {party} stands for the party whose rows they are.
    """
    for start in range(0, rows, _CHUNK):
        for statement in statements:
            sql = _MORE + statement.format(text=_TEXT, octets=_OCTETS, party=f"'{party_id}'")
            await database.execute(sql, start, min(start + _CHUNK, rows))
