"""Real programs under load: each runs on one core as it would in service, its callers on another."""

import asyncio
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bench.engines import Engine
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.setup.settings import load as load_settings

AT_ONCE: Final = 8  # callers
START_SECONDS: Final = 30
COMMAND: Final = str(Path(sys.executable).parent / "didkit-py")
PASSPHRASE: Final = "a bench has no secrets"  # noqa: S105 - it protects nothing
S = TypeVar("S", bound=ServiceSettings)
Send = Callable[[], Awaitable[None]]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def cores() -> tuple[int, int]:
    """The core of the programs and that of their callers; the same where there is only one."""
    found = sorted(os.sched_getaffinity(0))
    return found[0], found[-1]


def settings_in(folder: Path, wanted: type[S], engine: Engine) -> S:
    """The settings of the program in this folder, on this engine."""
    return load_settings(wanted, folder, engine.environment())


@contextmanager
def serving(program: str, folder: Path, url: str, engine: Engine) -> Iterator[None]:
    """The program of this folder, alone on its core."""
    taskset = [shutil.which("taskset") or "taskset", "--cpu-list", str(cores()[0])]
    with (folder / "log.jsonl").open("ab") as log:
        process = subprocess.Popen(
            [*taskset, COMMAND, program, "serve", str(folder)], stdout=log, stderr=log, env=engine.environment()
        )
    try:
        _wait(url, process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    message = "the program did not start; its log stands in its folder"
    raise RuntimeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of some requests."""

    seconds: float  # from the first request to the last answer
    latencies: Sequence[float]  # seconds

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    @property
    def p99(self) -> float:
        """Seconds that one request in a hundred takes longer than."""
        return statistics.quantiles(self.latencies, n=100)[98]


async def load(requests: Sequence[Send]) -> Load:
    """Make these requests, eight at once, each as soon as one before it was answered."""
    left, latencies = iter(requests), []

    async def call() -> None:
        for send in left:
            began = time.perf_counter()
            await send()
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(AT_ONCE)))
    return Load(seconds=time.perf_counter() - began, latencies=latencies)


async def take_turns(one: Sequence[Send], other: Sequence[Send]) -> tuple[float, float]:
    """Median seconds of a request of each kind, made one by one and by turns, so that both meet the same machine."""
    taken: tuple[list[float], list[float]] = ([], [])
    for pair in zip(one, other, strict=True):
        for send, times in zip(pair, taken, strict=True):
            began = time.perf_counter()
            await send()
            times.append(time.perf_counter() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])
