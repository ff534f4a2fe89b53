"""The public lists as they were fetched: stored plain, since everybody who follows the same trust list has the same."""

from collections.abc import Sequence
from typing import Final

from didkit_py.encoding import from_timestamp, timestamp
from didkit_py.service.fetching.lists import Source
from didkit_py.service.storage.database import Database, Statement

CLEAR: Final = "DELETE FROM sources"
ADD: Final = (  # on PostgreSQL another process may have added the same since we cleared
    "INSERT INTO sources (url, fetched_at, body) VALUES (?, ?, ?) ON CONFLICT (url)"
    " DO UPDATE SET fetched_at = excluded.fetched_at, body = excluded.body"
)
READ: Final = "SELECT url, fetched_at, body FROM sources ORDER BY url"


async def save_sources(database: Database, sources: Sequence[Source]) -> None:
    """Replace what is stored."""
    rows = (Statement(ADD, (one.url, timestamp(one.fetched_at), one.body)) for one in sources)
    await database.apply(Statement(CLEAR), *rows)


async def load_sources(database: Database) -> tuple[Source, ...]:
    """What was stored last."""
    return tuple(
        Source(url=url, body=body, fetched_at=from_timestamp(fetched_at))
        for row in await database.fetch(READ)
        if isinstance(url := row["url"], str)
        and isinstance(body := row["body"], bytes)
        and isinstance(fetched_at := row["fetched_at"], int)
    )
