"""What it costs to start a command: processor time of `--help`, in times of a Python that only imports click."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

ROUNDS: Final = 15
TARGET: Final = 3.0  # times the import of click
HELP: Final = (
    (),
    ("issuer",),
    ("issuer", "terms", "publish"),
    ("verifier",),
    ("wallet", "ledger", "verify"),
    ("doctor",),
    ("key", "new"),
    ("credential", "inspect"),
)


def main() -> None:
    """Print one line for each command; the minimum of interleaved rounds."""
    didkit = str(Path(sys.executable).with_name("didkit-py"))
    commands = {"import click": [sys.executable, "-c", "import click"]}
    commands |= {" ".join((*words, "--help")): [didkit, *words, "--help"] for words in HELP}
    least = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            least[name] = min(least[name], _processor_seconds(command))
    click = least.pop("import click")
    print(f"import click: {click * 1000:.0f} ms of processor time")
    for name, seconds in least.items():
        verdict = "" if seconds <= TARGET * click else "  MISSED"
        print(f"{name:32} {seconds * 1000:5.0f} ms  {seconds / click:4.1f} x (at most {TARGET:.0f} x){verdict}")


def _processor_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
