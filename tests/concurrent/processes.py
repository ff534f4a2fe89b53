"""Starting the processes of a service, all at the same time, and ending them, also as a power cut would."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from didkit_py.encoding import rfc3339
from tests.e2e.issuer.office import NOW
from tests.needs import REPOSITORY

START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Running:
    """One process of a service."""

    port: int
    process: Process

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is closed."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(program: str, folder: Path, ports: Sequence[int]) -> AsyncIterator[tuple[Running, ...]]:
    """A process of the service in this folder on each port; they start together."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(_started(program, folder, port)) for port in ports]
        async with asyncio.timeout(START_SECONDS):
            for one in started:
                assert one.process.stdout is not None
                line = await one.process.stdout.readline()
                assert line.startswith(b"ready "), line + await one.process.stdout.read()
        yield tuple(started)


@asynccontextmanager
async def _started(program: str, folder: Path, port: int) -> AsyncIterator[Running]:
    words = [sys.executable, "-m", "tests.concurrent.one_process", program]
    words += [str(folder), str(port), rfc3339(NOW)]
    process = await asyncio.create_subprocess_exec(*words, cwd=REPOSITORY, stdin=DEVNULL, stdout=PIPE)
    try:
        yield Running(port, process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()
