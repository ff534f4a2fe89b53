"""More strangers hold connections than the service may open files: it goes on answering everybody else."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

from issuer.folder import load_settings
from tests.needs import REPOSITORY

HANDLES = 256
STRANGERS = 300
LIMITED = f'ulimit -n {HANDLES}; exec "$0" "$@"'


async def status_of(port: int) -> int | None:
    """The status of an answer from /readyz; None when nobody answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        words = (await asyncio.wait_for(reader.readline(), timeout=10)).split()
    except (OSError, TimeoutError):
        return None
    finally:
        writer.close()
    return int(words[1]) if words else None


async def close(idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    for _, writer in idle:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in idle), return_exceptions=True)


async def test_a_service_with_few_file_handles_answers_while_strangers_hold_more_connections(folder: Path) -> None:
    port = urlsplit(load_settings(folder).base_url).port or 0
    program = ["sh", "-c", LIMITED, sys.executable, "-m", "issuer", "serve", str(folder)]
    service = await asyncio.create_subprocess_exec(
        *program, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert service.stdout is not None
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        assert (await asyncio.wait_for(service.stdout.readline(), timeout=30)).startswith(b"ready")
        assert await status_of(port) == 200
        for _ in range(STRANGERS):
            idle.append(await asyncio.open_connection("127.0.0.1", port))  # noqa: PERF401 - kept for the way out
        assert await status_of(port) == 200
        await close(idle)
        assert await status_of(port) == 200
    finally:
        await close(idle)
        service.terminate()
        await service.communicate()
    assert service.returncode == 0
