"""Versions of what is published: every change counts one up, so that any process sees when its rendering is old."""

from didkit_py.service.storage.columns import number
from didkit_py.service.storage.database import Database, Statement


async def load_version(database: Database, name: str, *, party_id: str) -> int:
    """How often it changed."""
    rows = await database.fetch("SELECT value FROM versions WHERE party_id = ? AND name = ?", party_id, name)
    return number(rows[0], "value") if rows else 0


def next_version(name: str, *, party_id: str) -> Statement:
    """The change, to be made together with what changes."""
    return Statement(
        "INSERT INTO versions (party_id, name, value) VALUES (?, ?, 1)"
        " ON CONFLICT (party_id, name) DO UPDATE SET value = versions.value + 1",
        (party_id, name),
        rows=1,
    )
