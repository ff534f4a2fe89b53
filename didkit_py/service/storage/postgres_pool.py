"""A bounded number of connections to one PostgreSQL server, opened when they are needed."""

import asyncio
from collections import deque
from typing import Final

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.postgres_connection import PostgresSession, SessionPurpose, connect

WAIT_SECONDS: Final = 30.0  # for a connection that somebody gives back
DOUBTED_AFTER_SECONDS: Final = 30.0  # a firewall may have forgotten a connection that was idle for as long
CLOSED_AFTER_SECONDS: Final = 300.0
CHECK_SECONDS: Final = 5.0  # no lock is waited for


class Pool:
    """Connections of one kind. The one used last is used next, so that the others may be closed in time."""

    def __init__(self, address: Address, purpose: SessionPurpose, *, size: int) -> None:
        """Nothing is opened yet."""
        self.purpose = purpose
        self._address = address
        self._places = asyncio.Semaphore(size)
        self._idle: deque[PostgresSession] = deque()

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
            return await self._idle_one() or await connect(self._address, self.purpose)
        except BaseException:
            self._places.release()
            raise

    async def _idle_one(self) -> PostgresSession | None:
        """One that still works and is as it was asked to be: a server may have hung up, and a pooler may reset it."""
        while self._idle:
            session = self._idle.pop()
            doubted = _now() - session.used_at > DOUBTED_AFTER_SECONDS
            if not session.is_closed and await session.is_fit(CHECK_SECONDS, doubted=doubted):
                return session
            session.discard()
        return None

    async def give(self, session: PostgresSession) -> None:
        """Give a connection back in order."""
        session.used_at = _now()
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


def _now() -> float:
    return asyncio.get_running_loop().time()
