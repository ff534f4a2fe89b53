"""Starting and stopping the programs, and giving them commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from tools.driving.pages import StepFailed
from tools.driving.parties import Party

SHARED: Final = ("DIDKIT_DATABASE_URL", "DIDKIT_DATABASE_PASSWORD_FILE")  # what every party is told
COMMAND: Final = shutil.which("didkit-py", path=str(Path(sys.executable).parent)) or "didkit-py"
START_SECONDS: Final = 180  # eleven at once, on a machine that may be busy
STOP_SECONDS: Final = 15
COMMAND_SECONDS: Final = 120
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, `kill`, a terminal that closes


class Interrupted(BaseException):
    """A signal that ends the program; `code` is the exit status for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def end_on_signals() -> None:
    """Let each of these signals raise Interrupted, so that everything is ended on the way out."""

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(number)

    for number in ENDING:
        signal.signal(number, interrupt)


def run(*words: str, codes: tuple[int, ...] = (0,)) -> Any:  # noqa: ANN401 - whatever JSON the command prints
    """What `didkit-py … --json` prints. Raises StepFailed when it ends with another exit code."""
    done = subprocess.run(
        [COMMAND, *words, "--json"], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, env=_clean()
    )
    if done.returncode not in codes:
        raise StepFailed(f"didkit-py {' '.join(words[:2])} ended with {done.returncode}: {done.stderr or done.stdout}")
    return json.loads(done.stdout) if done.stdout.strip() else {}


def _clean() -> dict[str, str]:
    """The environment without settings of ours, but for the shared database, and without what slows each start."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in SHARED or (not name.startswith("DIDKIT_") and name != "PYTHONDONTWRITEBYTECODE")
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, urllib.error.URLError):
        return False


def side_by_side(calls: Iterable[Callable[[], object]]) -> None:
    """Make these calls at the same time, as far as the machine allows; the first that failed is raised."""
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as pool:
        try:
            for made in [pool.submit(call) for call in calls]:
                made.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those that have not begun
            raise


class Company:
    """The running processes."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # It ends them when this process is killed before it can.
        self._watcher = subprocess.Popen(
            [sys.executable, "-m", "tools.driving.watcher"],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
            env=_clean(),
            start_new_session=True,
        )

    def start(self, *parties: Party) -> None:
        """Start them side by side and wait until each answers."""
        for party in parties:
            log = (party.folder / "log.jsonl").open("ab")
            self._running[party.role.key] = subprocess.Popen(
                [COMMAND, party.role.program, "serve", str(party.folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=_clean(),
            )
            self._watch(f"+{self._running[party.role.key].pid}")
            log.close()
        for party in parties:
            self._wait(party)

    def _wait(self, party: Party) -> None:
        deadline = time.monotonic() + START_SECONDS
        process = self._running[party.role.key]
        while time.monotonic() < deadline and process.poll() is None:
            if _answers(f"{party.url}/healthz"):
                return
            time.sleep(0.05)
        last = (party.folder / "log.jsonl").read_text(errors="replace")[-2000:]
        raise StepFailed(f"{party.role.name} did not start:\n{last}")

    def stop(self) -> None:
        """End them as an operator would, all at once."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._watch(f"-{process.pid}")
        self._running.clear()

    def close(self) -> None:
        """End them for good; further signals do not interrupt it where it is the main thread that ends."""
        if threading.current_thread() is threading.main_thread():  # no other may decide about signals
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)
        self.stop()
        self._watcher.communicate()

    def _watch(self, line: str) -> None:
        if self._watcher.stdin is not None:
            self._watcher.stdin.write(f"{line}\n".encode())
            self._watcher.stdin.flush()

    def stop_one(self, party: Party) -> None:
        """End one process and leave the others running."""
        process = self._running.pop(party.role.key)
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
        self._watch(f"-{process.pid}")

    def ended(self) -> str | None:
        """The key of a process that ended by itself, if any."""
        return next((key for key, process in self._running.items() if process.poll() is not None), None)
