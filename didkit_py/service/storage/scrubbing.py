"""Writing a database's files anew after erasures: one pass for all who wait, and a bounded part of the time.

A pass takes time in proportion to the database, and meanwhile other writes wait (SQLite: all of them, PostgreSQL: those
to the table at hand) while reading goes on. So nobody gets a pass of their own: who comes while one is under way shares
the next, what is gone already needs none, and between two there is a pause of several times what the first one took.
"""

import asyncio
import contextlib
from typing import Final

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Database

WAIT_SECONDS: Final = 8.0  # that one caller waits; a wallet gives up after ten
REST: Final = 4  # parts of rest to one of work: others find the database free for four fifths of the time
_NAME: Final = "database"


class Scrubbing:
    """The passes over one database whose table `scrubs` counts what was erased and up to which of it is scrubbed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pass: asyncio.Task[None] | None = None
        self._rests_until = 0.0  # by the event loop's clock

    async def finish(self) -> None:
        """Return once nothing of what was erased before this call is left in the files.

        Raises StorageUnavailable when that takes longer, or fails: then call again.
        """
        wanted, done = await self._counts()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while done < wanted:
                    if self._pass is None or self._pass.done():
                        self._pass = asyncio.create_task(self._scrub())
                        # Its error went to whoever waited; taking it here keeps asyncio from logging it.
                        self._pass.add_done_callback(lambda task: task.cancelled() or task.exception())
                    await asyncio.shield(self._pass)
                    _, done = await self._counts()
        except TimeoutError:
            hint = "What was to be erased is gone. Send the same again later, for the proof."
            raise StorageUnavailable("the database's files are still being written anew", hint=hint) from None

    async def close(self) -> None:
        """Leave what is not finished to the next start."""
        if self._pass is not None:
            self._pass.cancel()
            with contextlib.suppress(asyncio.CancelledError, StorageUnavailable):
                await self._pass

    async def _scrub(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._rests_until - loop.time()))
        begun = loop.time()
        wanted, _ = await self._counts()
        await self._database.scrub()
        self._rests_until = loop.time() + REST * (loop.time() - begun)
        sql = "UPDATE scrubs SET done = ? WHERE name = ? AND done < ?"
        await self._database.execute(sql, wanted, _NAME, wanted)

    async def _counts(self) -> tuple[int, int]:
        rows = await self._database.fetch("SELECT wanted, done FROM scrubs WHERE name = ?", _NAME)
        return int(rows[0]["wanted"] or 0), int(rows[0]["done"] or 0)
