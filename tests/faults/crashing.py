"""A program of ours in a process that can be told where to die: a file in its folder names the point.

The program is the genuine one, started by its genuine command line; only the seams of this process are watched. Python
and all programs are imported once, in the server that these processes are forked from: starting them anew for each
kill would take minutes.
"""

import asyncio
import os
import pathlib
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

# The commands load what they do when they are called; here all of it is loaded before the fork.
import issuer.app
import issuer.commands  # noqa: F401
import verifier.app
import verifier.commands  # noqa: F401
import wallet.app
import wallet.commands  # noqa: F401
from didkit_py.command import didkit
from didkit_py.service.fetching.fetch import Fetcher
from didkit_py.service.http import web
from didkit_py.service.storage.postgres import PostgresDatabase
from didkit_py.service.storage.sqlite import SqliteDatabase
from tests.faults.points import POINTS, Moment, Point, Seam

CRASH: Final = "crash-at"  # the name of the point to die at
HOLD: Final = "hold-before"  # the name of the point to wait at, until HELD is taken away
HELD: Final = "held"


def run_program(words: list[str], folder: Path, log: Path, drain_seconds: float | None) -> None:
    """Run `didkit-py` with these words, in this process. Does not return."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    for name in [name for name in os.environ if name.startswith("DIDKIT_")]:
        del os.environ[name]
    os.environ["SSL_CERT_FILE"] = os.devnull  # nobody here speaks TLS, and reading all authorities takes 0.2 s a start
    if drain_seconds is not None:
        web.DRAIN_SECONDS = drain_seconds  # type: ignore[misc]
    Trap(folder).watch_everything()
    didkit(words, prog_name="didkit-py")


class Trap:
    """The watched seams of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def watch_everything(self) -> None:
        for engine in (SqliteDatabase, PostgresDatabase):
            self._watch(engine, "execute", Seam.WRITE)
            self._watch(engine, "apply", Seam.WRITE)
            self._watch(engine, "scrub", Seam.SCRUB)
        self._watch(Fetcher, "get", Seam.MESSAGE)
        self._watch(Fetcher, "post", Seam.MESSAGE)
        self._watch_renames()

    def _watch(self, owner: type, name: str, seam: Seam) -> None:
        genuine: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def watched(this: Any, *args: Any, **named: Any) -> Any:
            await self._hold(seam, args)
            self._pass(seam, Moment.BEFORE, args)
            given = await genuine(this, *args, **named)
            self._pass(seam, Moment.AFTER, args)
            return given

        setattr(owner, name, watched)

    def _watch_renames(self) -> None:
        genuine = pathlib.Path.replace

        def watched(this: Path, target: Path) -> Path:
            self._pass(Seam.RENAME, Moment.BEFORE, this)
            given = genuine(this, target)
            self._pass(Seam.RENAME, Moment.AFTER, this)
            return given

        pathlib.Path.replace = watched  # type: ignore[method-assign,assignment]

    def _pass(self, seam: Seam, moment: Moment, passing: object) -> None:
        """Die if this is the point; the file is taken away first, so that the next process lives."""
        point = self._named(CRASH)
        if point is not None and point.moment is moment and fits(point, seam, passing):
            (self._folder / CRASH).unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    async def _hold(self, seam: Seam, passing: object) -> None:
        point = self._named(HOLD)
        if point is not None and fits(point, seam, passing):
            (self._folder / HOLD).rename(self._folder / HELD)
            while (self._folder / HELD).exists():  # noqa: ASYNC110 - another process takes it away
                await asyncio.sleep(0.01)

    def _named(self, file: str) -> Point | None:
        try:
            return POINTS.get((self._folder / file).read_text())  # none while the file is being written
        except FileNotFoundError:
            return None


def fits(point: Point, seam: Seam, passing: object) -> bool:
    """Whether what passes here is the point's."""
    return point.seam is seam and all(mark in repr(passing) for mark in point.marks)
