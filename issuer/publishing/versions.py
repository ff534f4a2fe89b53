"""Versions of what is published: every change counts one up, so that any process sees when its rendering is old."""

from didkit_py.service.storage.columns import number
from didkit_py.service.storage.database import Database, Statement


async def load_version(database: Database, name: str) -> int:
    """How often it changed."""
    rows = await database.fetch("SELECT value FROM versions WHERE name = ?", name)
    return number(rows[0], "value") if rows else 0


def next_version(name: str) -> Statement:
    """The change, to be made together with what changes."""
    return Statement(
        "INSERT INTO versions (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = versions.value + 1",
        (name,),
        rows=1,
    )
