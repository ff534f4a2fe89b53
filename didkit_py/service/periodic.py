"""Work that a running program does again and again beside its requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from didkit_py.errors import DidkitError
from didkit_py.service.observability.log import get_logger

SWEEP_SECONDS: Final = 60.0  # how much longer than its time something forgotten may be kept
log = get_logger()


@asynccontextmanager
async def repeating(work: Callable[[], Awaitable[None]], *, seconds: float) -> AsyncIterator[None]:
    """While the block runs, do `work` every so many seconds; one that fails is done again the next time."""
    task = asyncio.create_task(_repeat(work, seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except DidkitError as error:
            log.warning("repeated-work-failed", code=error.code)
        except Exception:  # a fault of ours today must not end the work for good
            log.exception("repeated-work-failed")
