"""A bounded number of connections to one PostgreSQL server, opened when they are needed.

asyncpg's own pool does the same, but hands a connection on through a task and several turns of the event loop; it took
a third more processor time for each read (specs/decisions/0002-one-storage-seam.md).
"""

import asyncio
from collections import deque
from typing import Final

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.postgres_connection import Columns, PostgresSession, SessionPurpose, connect

WAIT_SECONDS: Final = 30.0  # for a connection that somebody gives back
CLOSED_AFTER_SECONDS: Final = 300.0
NAMED_STATEMENTS: Final = 256  # that the driver keeps in each session of the server


class Pool:
    """Connections of one kind. The one used last is used next, so that the others may be closed in time."""

    def __init__(self, address: Address, purpose: SessionPurpose, *, size: int) -> None:
        """Nothing is opened yet."""
        self.purpose = purpose
        self._address = address
        self._places = asyncio.Semaphore(size)
        self._idle: deque[PostgresSession] = deque()
        self._columns: dict[str, Columns] = {}
        self._statements = 0  # until it is known that no pooler stands before the server

    async def take(self) -> PostgresSession:
        """A connection for one piece of work, to be given back or dropped. Raises StorageUnavailable."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise StorageUnavailable(
                "all connections to the database are in use", hint="The service has too much to do; try again later."
            ) from None
        try:
            return await self._idle_one() or await self._connect()
        except BaseException:
            self._places.release()
            raise

    async def _idle_one(self) -> PostgresSession | None:
        """One that still works and is as it was asked to be: a server may have hung up, and a pooler may reset it."""
        while self._idle:
            session = self._idle.pop()
            if not session.is_closed and await session.is_fit():
                return session
            session.discard()
        return None

    async def _connect(self) -> PostgresSession:
        """One more. The driver names its statements once a first connection has shown that no pooler is there."""
        session = await connect(self._address, self.purpose, statements=self._statements)
        wanted = NAMED_STATEMENTS if session.is_direct else 0
        if wanted != self._statements:
            await session.close()
            self._statements = wanted
            session = await connect(self._address, self.purpose, statements=wanted)
        session.columns = self._columns
        return session

    async def give(self, session: PostgresSession) -> None:
        """Give a connection back in order."""
        session.used_at = asyncio.get_running_loop().time()
        self._idle.append(session)
        self._places.release()
        if session.used_at - self._idle[0].used_at > CLOSED_AFTER_SECONDS:
            await self._idle.popleft().close()

    def drop(self, session: PostgresSession) -> None:
        """Give back a place whose connection is not to be used again."""
        session.discard()
        self._places.release()

    async def close(self) -> None:
        """Close what is idle; nothing else may be in use."""
        while self._idle:
            await self._idle.pop().close()
