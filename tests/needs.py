"""What a machine may lack: a test that needs it is skipped in one line, or fails where DIDKIT_REQUIRE names it."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tools.driving.postgres import POSTGRES_REMEDY, postgres_answers

REPOSITORY: Final = Path(__file__).resolve().parent.parent
REQUIRE: Final = "DIDKIT_REQUIRE"
VECTORS: Final = "DIDKIT_VECTORS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing of the machine: whether it is here, and what to do when it is not."""

    is_here: Callable[[], bool]
    remedy: str


def vectors_path() -> Path:
    """The folder of the official test vectors: beside the repository, unless DIDKIT_VECTORS says otherwise."""
    return Path(os.environ.get(VECTORS) or REPOSITORY.parent / "shared" / "vectors")


def browser_path() -> Path | None:
    """Chromium's program file, or None."""
    candidates = (
        Path("/usr/bin/chromium"),
        *map(Path, filter(None, map(shutil.which, ("chromium", "chromium-browser")))),
    )
    return next((path for path in candidates if path.is_file()), None)


def pooler_path() -> Path | None:
    """PgBouncer's program file, or None; Debian has it where a user's PATH does not lead."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(found) if found else None


NEEDS: Final[Mapping[str, Need]] = {
    "vectors": Need(is_here=lambda: vectors_path().is_dir(), remedy=f"set {VECTORS} to the folder of test vectors"),
    "browser": Need(
        is_here=lambda: browser_path() is not None, remedy="install Chromium (Debian: apt-get install chromium)"
    ),
    "postgres": Need(is_here=postgres_answers, remedy=POSTGRES_REMEDY),
    "pooler": Need(
        is_here=lambda: pooler_path() is not None, remedy="install PgBouncer (Debian: apt-get install pgbouncer)"
    ),
    "node": Need(
        is_here=lambda: shutil.which("node") is not None, remedy="install Node.js (Debian: apt-get install nodejs)"
    ),
}


def required(environment: Mapping[str, str]) -> frozenset[str]:
    """The names in DIDKIT_REQUIRE; an unknown one is an error, since it would silently require nothing."""
    names = frozenset(filter(None, environment.get(REQUIRE, "").split(",")))
    if unknown := names - NEEDS.keys():
        message = f"{REQUIRE} names {', '.join(sorted(unknown))}; known are {', '.join(NEEDS)}"
        raise pytest.UsageError(message)
    return names


def need(name: str, *, needs: Mapping[str, Need] = NEEDS, environment: Mapping[str, str] = os.environ) -> None:
    """Go on if it is here; else skip the test, or fail it where it is required."""
    if needs[name].is_here():
        return
    sentence = f"no {name} here: {needs[name].remedy}"
    if name in required(environment):
        pytest.fail(f"{sentence} ({REQUIRE} asks for it)", pytrace=False)
    pytest.skip(sentence)
