"""A program, or a business of a test's own making, at work in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[None]:
    """The application, started as its program starts it, on this port of loopback until the block ends."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)  # connections that were closed are gone for good
